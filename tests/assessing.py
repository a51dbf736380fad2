"""Assessors for tests: persons who look and press keys through the steps, each with a connection of the staff role."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tests.builders import SENDING, make_person
from triage.clock import utcnow
from triage.ids import new_id
from triage.model import EvidenceKind, Person, PersonRole
from triage.rules.assessing import Judgement, Label, SecondAssessor
from triage.rules.exposure import ExposurePolicy
from triage.steps import assess, reveal_image
from triage.steps.lease_item import free_leases, take_lease
from triage.steps.reveal_image import LookPolicy
from triage.steps.settle_item import AssessPolicy
from triage.store.people import find_person

POLICY = AssessPolicy(
    second_assessor=SecondAssessor.BEFORE_NOTICE,
    second_look_share=0.0,
    undo_s=60.0,
    look_max_s=10.0,
    sending=SENDING,
)
LOOK_POLICY = LookPolicy(lease_s=900.0, exposure=ExposurePolicy())
SESSION = b"the digest of a session of a test"


@dataclass
class Assessors:
    """Ana, Ben and Cen are analysts, Lea and Lin are leads."""

    conn: Any
    policy: AssessPolicy = POLICY
    look_policy: LookPolicy = LOOK_POLICY
    now: datetime | None = None
    step: timedelta = timedelta(0)
    people: dict[str, Person] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("Ana", "Ben", "Cen"):
            make_person(self.conn, name, PersonRole.ANALYST)
        for name in ("Lea", "Lin"):
            make_person(self.conn, name, PersonRole.LEAD)
        self.conn.commit()
        self.people = {name: find_person(self.conn, name) for name in ("Ana", "Ben", "Cen", "Lea", "Lin")}
        self.conn.commit()

    def clock(self) -> datetime:
        return (self.now or utcnow()) + self.step

    def open(self, name, item):
        """Open an item, as the console does."""
        person, life_s = self.people[name], self.look_policy.lease_s
        take_lease(self.conn, item, person=person, now=self.clock(), life_s=life_s)
        self.conn.commit()

    def look(self, name, item, image, rendering=EvidenceKind.GREY_HALF):
        """Open the item, ask, fetch and end a look, leave it, each committed as the console does."""
        person = self.people[name]
        self.open(name, item)
        asked = reveal_image.ask_to_look(
            self.conn,
            item,
            image,
            person=person,
            rendering=rendering,
            now=self.clock(),
            policy=self.look_policy,
            session=SESSION,
        )
        self.conn.commit()
        view = reveal_image.begin_look(
            self.conn,
            asked.token,
            person=person,
            now=self.clock(),
            policy=self.look_policy,
            session=SESSION,
        )
        self.conn.commit()
        reveal_image.end_looks(self.conn, person, now=self.clock(), look_max_s=self.policy.look_max_s)
        free_leases(self.conn, person.id, now=self.clock())
        self.conn.commit()
        return view

    def press(self, name, item, image, label, *, look=True, lead=False, round_=None, **flags):
        """Press a key on an image; look first unless told not to. Nothing of a refusal stays."""
        if look:
            self.look(name, item, image)
        try:
            state = assess.assess_image(
                self.conn,
                item,
                image,
                Judgement(Label(label), **flags),
                person=self.people[name],
                round_=round_ or self.round_of("images", image),
                now=self.clock(),
                policy=self.policy,
                is_lead_word=lead,
            )
        except BaseException:
            self.conn.rollback()
            raise
        self.conn.commit()
        return state

    def press_item(self, name, item, label, *, lead=False, **flags):
        """Press a key on an item itself."""
        try:
            state = assess.assess_item(
                self.conn,
                item,
                Judgement(Label(label), **flags),
                person=self.people[name],
                round_=self.round_of("items", item),
                now=self.clock(),
                policy=self.policy,
                is_lead_word=lead,
            )
        except BaseException:
            self.conn.rollback()
            raise
        self.conn.commit()
        return state

    def confirm(self, name, item, **flags):
        """Confirm an item without a look."""
        self.act(
            assess.confirm_item,
            item,
            person=self.people[name],
            round_=self.round_of("items", item),
            policy=self.policy,
            **flags,
        )

    def act(self, step, item, **words):
        """Run any other step and commit it."""
        try:
            found = step(self.conn, item, now=self.clock(), **words)
        except BaseException:
            self.conn.rollback()
            raise
        self.conn.commit()
        return found

    def round_of(self, table, identity) -> int:
        query = {
            "images": "SELECT round FROM images WHERE id = %s",
            "items": "SELECT round FROM items WHERE id = %s",
        }
        row = self.conn.execute(query[table], (identity,)).fetchone()
        self.conn.rollback()
        return row[0]

    def sendings(self, item) -> list[tuple[str, str, str]]:
        """Return (kind, part, state) of the messages about an item."""
        rows = self.conn.execute(
            "SELECT kind, part, state::text FROM sendings JOIN sending_items ON sending_id = sendings.id"
            " WHERE item_id = %s ORDER BY created_at, sendings.id",
            (item,),
        ).fetchall()
        self.conn.rollback()
        return rows


def approve_police(conn, assessors: "Assessors") -> None:
    """Enter and approve a police recipient, as two leads would."""
    conn.execute(
        "INSERT INTO recipients (id, name, kind, language, channel, contact, entered_by, entered_at, approved_by,"
        " approved_at) VALUES (%s, 'Policia', 'police', 'sq', 'mail', 'police@police.example', %s, now(), %s, now())",
        (new_id(), assessors.people["Lea"].id, assessors.people["Lin"].id),
    )
    conn.commit()
