"""A desk of sending: judged items without any picture fetched, recipients, and the outbound job in this process."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg

from tests.builders import Clock, make_person, report
from triage.cli.make_keys import make_keys
from triage.cli.state_dir import StateDir
from triage.ids import new_id
from triage.model import ChannelOut, Hosting, Person, PersonRole, RecipientKind
from triage.rules.classification import Detail
from triage.rules.sending import SendingPolicy
from triage.rules.states import Agreement, Basis, SendingState
from triage.settings import load_settings
from triage.steps.change_recipients import approve_recipient, enter_recipient
from triage.steps.give_detail import give_detail
from triage.steps.issue_sendings import issue_for_item, issue_police
from triage.store import custody, items, sendings
from triage.store.live_settings import LiveSettings
from triage.store.people import find_person
from triage.store.pool import Database
from triage.store.practice import write_kind
from triage.store.recipients import NewRecipient
from triage.vault import new_identity
from workers import send as job
from workers.clients.outbox import Outbox
from workers.clients.smtp import MailRelay
from workers.outbound_tools import OutboundTools

POLICY = SendingPolicy(undo_s=60.0, police_wait_max_s=14400.0, mail_domain="hotline.example")
SETTINGS = load_settings(
    {}, hotline_mail="notices@hotline.example", send_waits_s=(60.0, 300.0), send_timeout_s=0.5
)
ASN, FOREIGN_ASN = 64500, 64510
POLICE = NewRecipient("Police", RecipientKind.POLICE, "sq", ChannelOut.MAIL, "police@police.example")
PROVIDER = NewRecipient(
    "Provider", RecipientKind.ISP, "sq+en", ChannelOut.MAIL, "abuse@provider.example", asns=(ASN,)
)


def make_partner() -> NewRecipient:
    """Return a partner hotline with a key of its own."""
    return NewRecipient(
        "Partner", RecipientKind.HOTLINE, "en", ChannelOut.OUTBOX, "partner", new_identity()[1], country="NL"
    )


@dataclass
class SendingDesk:
    """What a test of sending needs; every step runs with the role that it runs with in the house."""

    conn: psycopg.Connection[Any] = field(repr=False)
    staff: psycopg.Connection[Any] = field(repr=False)
    worker: psycopg.Connection[Any] = field(repr=False)
    tools: OutboundTools
    clock: Clock
    lead: Person
    clerk: Person

    # Recipients

    def enter(self, new: NewRecipient, *, approved: bool = True) -> UUID:
        recipient_id = enter_recipient(self.staff, new, person=self.clerk, now=self.clock())
        self.staff.commit()
        if approved:
            self.approve(recipient_id)
        return recipient_id

    def approve(self, recipient_id: UUID) -> int:
        count = approve_recipient(self.staff, recipient_id, person=self.lead, now=self.clock(), policy=POLICY)
        self.staff.commit()
        return count

    # Items

    def lay_item(
        self, url: str, *, basis: Basis = Basis.LOOKED, is_held=False, is_urgent=False, has_detail=True
    ) -> UUID:
        """Report an address, settle what it shows as illegal, and refer it to the police."""
        (item_id,) = report(self.conn, url, now=self.clock())
        self._settle(item_id, url, basis, has_detail=has_detail)
        self.refer(item_id, basis=basis, is_held=is_held, is_urgent=is_urgent)
        return item_id

    def refer(self, item_id: UUID, *, basis=Basis.LOOKED, is_held=False, is_urgent=False) -> None:
        now = self.clock()
        events = issue_police(
            self.staff,
            items.lock_item(self.staff, item_id),
            basis=basis,
            is_held=is_held,
            is_urgent=is_urgent,
            now=now,
            policy=POLICY,
        )
        custody.append(self.staff, events, actor="cli", now=now)
        self.staff.commit()

    def _settle(self, item_id: UUID, url: str, basis: Basis, *, has_detail: bool) -> None:
        now, image_id, capture_id = self.clock(), new_id(), new_id()
        values = {"item": item_id, "image": image_id, "capture": capture_id, "now": now, "basis": basis}
        digests = {name: hashlib.new(name, url.encode()).digest() for name in ("md5", "sha1", "sha256")}
        execute = self.conn.execute
        execute(
            "INSERT INTO captures (id, item_id, worker, started_at, lease_until, ended_at, outcome, sha256, bytes)"
            " VALUES (%(capture)s, %(item)s, 'w', %(now)s, %(now)s + interval '1 minute', %(now)s, 'captured',"
            " %(sha256)s, 9)",
            values | digests,
        )
        execute(
            "INSERT INTO images (id, sha256, state, media, can_be_shown, bytes, verdict, verdict_baseline,"
            " verdict_basis, settled_at, first_seen_at) VALUES (%(image)s, %(sha256)s, 'settled', 'other', false,"
            " 9, 'illegal', true, %(basis)s, %(now)s, %(now)s)",
            values | digests,
        )
        for name, digest in digests.items():
            execute(
                "INSERT INTO fingerprints (id, image_id, algorithm, version, frame, orientation, value,"
                " matched_generation) VALUES (%(id)s, %(image)s, %(name)s, 1, 0, 'r0', %(digest)s, 0)",
                {"id": new_id(), "image": image_id, "name": name, "digest": digest},
            )
        execute("INSERT INTO item_images VALUES (%(item)s, %(image)s, %(capture)s)", values)
        execute(
            "UPDATE items SET state = 'actionable', captured_at = %(now)s, capture_id = %(capture)s,"
            " settled_at = %(now)s, next_try_at = %(now)s WHERE id = %(item)s",
            values,
        )
        custody.append(
            self.conn, [custody.NewEvent(f"image/{image_id}", "settled")], actor="cli", now=self.clock()
        )
        self.conn.commit()
        if basis is Basis.LOOKED and has_detail:
            self.describe(item_id, image_id)

    def describe(self, item_id: UUID, image_id: UUID, **answers: Any) -> None:
        """Say the detail of a picture that is settled, as a lead."""
        give_detail(
            self.staff,
            item_id,
            image_id,
            Detail(**answers),
            person=self.lead,
            now=self.clock(),
            policy=POLICY,
        )
        self.staff.commit()

    def issue(self, item_id: UUID, *, asn: int = ASN, country: str = "AL") -> None:
        """Locate an item there and issue what follows, as the worker does."""
        now = self.clock()
        item = items.lock_item(self.worker, item_id)
        hosting = Hosting(
            new_id(), item_id, "198.51.100.7", asn, "Operator", country, [], Agreement.AGREED, None, None, now
        )
        self.worker.execute(
            "INSERT INTO hostings (id, item_id, address, asn, operator, country, sources, agreement, located_at)"
            " VALUES (%s, %s, '198.51.100.7', %s, 'Operator', %s, '[]', 'agreed', %s)",
            (hosting.id, item_id, asn, country, now),
        )
        events = issue_for_item(self.worker, item, hosting, now=now, policy=POLICY)
        items.move_item(self.worker, item_id, item.state, "notices_issued", now=now)
        custody.append(self.worker, events, actor="worker", now=now)
        self.worker.commit()

    def lay_notified(self, url: str, **more: Any) -> UUID:
        item_id = self.lay_item(url)
        self.issue(item_id, **more)
        return item_id

    def run(self, step, *args, as_worker=False, **more):
        """Run a step that returns events for its caller, append them and commit."""
        conn = self.worker if as_worker else self.staff
        actor, now = ("worker" if as_worker else "cli"), self.clock()
        locked = items.lock_items(conn, [one for one in args if isinstance(one, UUID)])
        subject = locked if more.pop("as_list", False) else locked[0]
        events = step(conn, subject, now=now, **more)
        custody.append(conn, events, actor=actor, now=now)
        conn.commit()
        return events

    # Sending

    def send_due(self) -> list[UUID]:
        """Send what is due, as sweep and outbound process do; return what was tried."""
        now = self.clock()
        due = sendings.take_due(self.worker, now=now, nudged_before=now, limit=50)
        self.worker.commit()
        for sending_id, _ in due:
            job.send(self.tools, sending_id)
        return [one for one, _ in due]

    def go(self, seconds: float) -> list[UUID]:
        """Let time pass, then send what is due."""
        self.clock.move_on(seconds)
        return self.send_due()

    # Reading back

    def find(self, item_id: UUID, kind: str = "notice", part: str = "first"):
        """Return the newest message of a kind about an item."""
        self.conn.rollback()
        row = self.conn.execute(
            "SELECT sendings.id FROM sendings JOIN sending_items ON sending_id = sendings.id"
            " WHERE item_id = %s AND kind = %s AND part = %s ORDER BY created_at DESC, sendings.id DESC LIMIT 1",
            (item_id, kind, part),
        ).fetchone()
        found = sendings.read_sending(self.conn, row[0]) if row else None
        self.conn.rollback()
        return found

    def state(self, item_id: UUID, kind: str = "notice", part: str = "first") -> SendingState | None:
        found = self.find(item_id, kind, part)
        return found.state if found else None

    def items_of(self, sending) -> set[UUID]:
        rows = self.conn.execute(
            "SELECT item_id FROM sending_items WHERE sending_id = %s", (sending.id,)
        ).fetchall()
        self.conn.rollback()
        return {row[0] for row in rows}

    def files(self) -> list[Path]:
        return sorted(path for path in self.tools.outbox.root.rglob("*") if path.is_file())

    def events(self, item_id: UUID) -> list[str]:
        found = [event.event for event in custody.read_stream(self.conn, f"item/{item_id}")]
        self.conn.rollback()
        return found


@contextmanager
def open_sending_desk(
    database, root: Path, clock: Clock, *, kind="live", relay_url=None
) -> Iterator[SendingDesk]:
    """Open a desk on a fresh database; mails become files unless there is a relay."""
    state = StateDir(root)
    if not state.outbox.exists():
        state.prepare()
        make_keys(state, evidence_url=None)
    with (
        database.connect() as conn,
        database.connect("hotline_staff") as staff,
        database.connect("hotline_worker") as worker,
        Database(database.dsns["hotline_outbound"], role="hotline_outbound", size=4) as pool,
    ):
        write_kind(conn, kind, now=clock())
        make_person(conn, "Lead", PersonRole.LEAD)
        make_person(conn, "Clerk", PersonRole.CLERK)
        conn.commit()
        relay = MailRelay.from_url(relay_url, timeout_s=0.5, hello="hotline.example") if relay_url else None
        signing_key, reply_identity = (
            (state.keys("outbound") / name).read_text() for name in ("signing-key", "reply-identity")
        )
        tools = OutboundTools(
            LiveSettings(replace(SETTINGS), pool),
            pool,
            Outbox(state.outbox),
            relay,
            signing_key,
            reply_identity,
            kind == "practice",
        )
        persons = [find_person(conn, name) for name in ("Lead", "Clerk")]
        conn.commit()
        yield SendingDesk(conn, staff, worker, tools, clock, *persons)
        for one in (conn, staff, worker):
            one.rollback()
