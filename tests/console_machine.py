"""A desk for walks at the console: five people who open, look, judge and go away, a clock, lists that change.

Every act runs as the console runs it: one transaction of the staff role, with the lease where an act needs one. Beside
each act stands what must be true of it, asked by SQL of its own (`tests/console_truths.py`).

1. `furnish(database)` makes a template once: people, a list, a stock of captured items.
2. `ConsoleDesk(copy, …)` is one walk over a copy of it. All numbers that it is given choose among what there is.
"""

import hashlib
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from hashsets import store as hash_sets
from hashsets.model import EntryClass, Hit, HitKind
from tests import console_truths as truths
from tests.assessing import POLICY
from tests.builders import import_entries, list_entry, make_person, report
from tests.console_twins import WAYS, find_leak
from tests.walking import FILES, HOST, World
from triage.errors import (
    HeldByOtherError,
    HotlineError,
    LookRefusedError,
    NotLeasedError,
)
from triage.ids import new_id
from triage.model import EvidenceKind, Person, PersonRole
from triage.rules.assessing import Judgement, Label, ReasonCode, SecondAssessor
from triage.rules.exposure import ExposurePolicy
from triage.rules.live_settings import find_live_setting, write_value
from triage.rules.states import Lane, Remit
from triage.rules.training import draw_round
from triage.settings import load_settings
from triage.steps import assess, change_hash_sets, clear_item, lease_item, reopen_item, reveal_image, sign_in
from triage.steps.change_settings import change_setting
from triage.steps.hand_over import leave_item
from triage.steps.rematch_images import rematch_images
from triage.steps.reveal_image import LookPolicy, Reveal
from triage.steps.score_items import score_due
from triage.steps.stop_looking import begin_break, leave_at_once
from triage.steps.train import answer_task
from triage.steps.watch_exposure import allow_for_today, go_on, read_standing, require_offer
from triage.store import training
from triage.store.hand_over_notes import NoteWords
from triage.store.people import find_person
from triage.store.sign_in import insert_session, note_use

BEGINS = datetime(2026, 3, 27, 7, tzinfo=UTC)
"""A Friday morning; the clocks of Tiranë are put forward in the second night after it."""

NAMES = {
    "Ana": PersonRole.ANALYST,
    "Ben": PersonRole.ANALYST,
    "Cen": PersonRole.ANALYST,
    "Lea": PersonRole.LEAD,
    "Nia": PersonRole.ANALYST,  # new: not trained, and in her first weeks
}
LANES = (Lane.LOOK, Lane.SECOND, Lane.DANGER, Lane.NO_LOOK, Lane.LEAD)
PICTURES = tuple(f"{HOST}/{number}.jpg" for number in range(8))
PAGES = tuple(f"{HOST}/page{number}" for number in range(2))
SHOWS: dict[str, bytes | tuple[str, ...]] = {
    **{url: FILES[number % (len(FILES) - 1)] for number, url in enumerate(PICTURES)},
    PAGES[0]: PICTURES[:3],
    PAGES[1]: PICTURES[2:5],
}
WALKED_SETTINGS = (
    *("look_soft_s", "look_hard_s", "looks_soft", "looks_hard", "break_after_s", "break_s", "shift_s"),
    *("wind_down_s", "ramp_s", "ramp_days", "look_max_s", "lease_s"),
)
LABELS = (1, 1, 2, 3, 4, 6, 5)


def furnish(database: Any) -> None:
    """Lay people, a list that two trust, and a stock of captured items into a fresh database."""
    with database.connect() as conn:
        for name, role in NAMES.items():
            make_person(conn, name, role, is_trained=name != "Nia")
        make_person(conn, "Ada", PersonRole.ADMIN)
        conn.execute(
            "UPDATE look_starts SET since = CASE WHEN name = 'Nia' THEN %(begins)s ELSE %(begins)s - interval"
            " '200 days' END FROM persons WHERE persons.id = person_id",
            {"begins": BEGINS},
        )
        entries = [list_entry(f"k{number}", data=FILES[number]) for number in range(2)]
        import_entries(conn, "list", *entries, now=BEGINS)
        for by in ("Lea", "Ana"):
            change_hash_sets.say_trust(conn, "list", EntryClass.BASELINE, by=by, reason="a test", now=BEGINS)
        conn.commit()
    desk = ConsoleDesk(database)
    try:
        for number in (2, 3, 4, 0):
            desk.hand_in(number, danger=False)
        desk.hand_in(8, danger=False)
        for danger in (False, True):
            desk.hand_in(10, danger=danger)
        desk.sweep()
    finally:
        desk.close()


@dataclass
class Shown:
    """A picture on somebody's screen: since when, and how long it stays there by itself."""

    person_id: UUID
    since: datetime
    longest_s: float
    seen_s: float | None = None
    is_believed: bool = True

    def count(self, now: datetime) -> float:
        """Return the seconds that it was seen so far."""
        if self.seen_s is not None:
            return self.seen_s
        return min(max(0.0, (now - self.since).total_seconds()), self.longest_s)


@dataclass
class Token:
    """A look that may begin: whose it is, in which session, and until when."""

    reveal: Reveal
    person_id: UUID
    item_id: UUID
    session: bytes
    asked_at: datetime
    longest_s: float
    is_dead: bool = False


@dataclass
class ConsoleDesk(World):
    """One walk. Whatever a person does moves the clock on by two seconds."""

    chance: random.Random = field(default_factory=lambda: random.Random(0))
    second: SecondAssessor = SecondAssessor.BEFORE_NOTICE
    share: float = 0.0
    now: datetime = BEGINS
    sessions: dict[UUID, tuple[bytes, datetime]] = field(default_factory=dict)
    tokens: list[Token] = field(default_factory=list)
    shown: dict[UUID, Shown] = field(default_factory=dict)
    kept: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        roles = {"owner": "hotline_owner", "staff": "hotline_staff", "worker": "hotline_worker"}
        self.conns = {name: self.database.connect(role) for name, role in roles.items()}
        for conn in self.conns.values():
            conn.execute("SET TIME ZONE 'UTC'")
            conn.commit()
        self.conns["eye"] = self.database.connect()
        self.eye.autocommit = True
        self.eye.prepare_threshold = 0
        self.eye.execute("SET jit = off")
        self.eye.execute("SET plan_cache_mode = force_generic_plan")
        self.policy = replace(POLICY, second_assessor=self.second, second_look_share=self.share)
        self.sending = self.policy.sending
        self.shows = dict(SHOWS)
        found = {name: find_person(self.eye, name) for name in (*NAMES, "Ada")}
        self.admin = found.pop("Ada")
        self.people = [person for person in found.values() if person is not None]
        self.defaults = load_settings({})
        self.settings = SimpleNamespace(
            **{name: getattr(self.defaults, name) for name in WALKED_SETTINGS}, undo_s=self.policy.undo_s
        )

    @property
    def eye(self) -> Any:
        """A connection that only reads, and sees what was committed."""
        return self.conns["eye"]

    @property
    def staff(self) -> Any:
        return self.conns["staff"]

    @property
    def lead(self) -> Person:
        return next(one for one in self.people if PersonRole.LEAD in one.roles)

    @property
    def looks(self) -> LookPolicy:
        exposure = ExposurePolicy.from_settings(self.settings)
        return LookPolicy(self.settings.lease_s, exposure)

    # Choosing

    def person(self, number: int) -> Person:
        return self.people[number % len(self.people)]

    def choose(self, number: int, *queries: str, **values: Any) -> Any:
        """Return a row of the first query that finds any; rows stand in an order that two walks share."""
        for query in queries:
            rows = self.eye.execute(query.encode(), {"now": self.now, **values}).fetchall()
            if rows:
                return rows[number % len(rows)]
        return None

    def choose_item(self, number: int, *wheres: str, **values: Any) -> UUID | None:
        """Return an item for which the first condition holds that holds for any."""
        queries = [f"SELECT id FROM items WHERE {where} ORDER BY {_ORDER}" for where in wheres]
        row = self.choose(number, *queries, **values)
        return row[0] if row else None

    def choose_open(self, number: int) -> UUID | None:
        """Return what somebody has open, or else anything."""
        row = self.choose(
            number,
            f"SELECT item_id FROM item_leases JOIN items ON items.id = item_id WHERE {truths.LIVE} ORDER BY {_ORDER}",
            f"SELECT items.id FROM items ORDER BY {_ORDER}",
        )
        return row[0] if row else None

    def choose_pair(self, number: int, person: Person) -> tuple[UUID, UUID] | None:
        """Return an item and a picture of it: of what a person has open, if there is any."""
        pairs = (
            "SELECT items.id, image_id FROM items JOIN (SELECT item_id AS top_id, image_id FROM shown_images"
            " UNION SELECT parent_id, image_id FROM shown_children JOIN shown_images ON item_id = child_id) AS shown"
            " ON top_id = items.id JOIN images ON images.id = image_id"
        )
        open_ones = f"{pairs} WHERE items.id IN (SELECT item_id FROM item_leases WHERE {truths.LIVE}"
        order = f" ORDER BY images.state = 'settled', {_ORDER}, images.sha256"
        mine = f"{open_ones} AND person_id = %(person)s){order}"
        return self.choose(number, *((mine,) if number % 8 else ()), pairs + order, person=person.id)

    # Acting

    def act(self, name: str, work: Callable[[Any], Any], person: Person | None = None) -> Any:
        """Do something as the console does; return what it gives, or the sentence of ours that refused it."""
        self.now += timedelta(seconds=2)
        if person is not None:
            self._enter(person)
        conn = self.staff
        try:
            found = work(conn)
            conn.commit()
        except HotlineError as error:
            conn.rollback()
            self._note(f"{name} refused", person, error)
            return error
        except BaseException:
            conn.rollback()
            raise
        self._note(name, person, found)
        return found

    def _note(self, name: str, person: Person | None, found: object) -> None:
        self.done[name] += 1
        self.log.append(f"{self.now:%d %H:%M:%S} {person.name if person else ''} {name}: {str(found)[:90]}")

    def _enter(self, person: Person) -> None:
        """Let somebody who acts be signed in, since this morning at the earliest."""
        digest, began = self.sessions.get(person.id, (b"", self.now))
        if digest and timedelta(0) <= self.now - began < timedelta(hours=10):
            note_use(self.staff, digest, now=self.now)
            self.staff.commit()
        else:
            digest = hashlib.sha256(new_id().bytes).digest()
            insert_session(self.staff, digest, person.id, now=self.now)
            self.sessions[person.id] = digest, self.now
            self.staff.commit()

    def _do(self, name: str, item_id: UUID, person: Person, work: Callable[[Any], Any]) -> Any:
        """Do something that needs the item open; hold against SQL of our own that it was."""
        self.now += timedelta(seconds=2)
        holder = truths.find_holder(self.eye, item_id, self.now)
        self.now -= timedelta(seconds=2)

        def with_lease(conn: Any) -> Any:
            life_s = self.settings.lease_s
            lease_item.require_lease(conn, item_id, person=person, now=self.now, life_s=life_s)
            return work(conn)

        found = self.act(name, with_lease, person)
        assert isinstance(found, NotLeasedError) == (holder != person.id), self.tell(f"{name}: lease")
        return found

    def tell(self, what: str) -> str:
        """Return what is wrong, with the last of what was done."""
        return "\n".join([what, *self.log[-60:]])

    def set_share(self, share: float) -> None:
        """Say how many of those that are judged not illegal are drawn for a second assessor."""
        self.share = share
        self.policy = replace(self.policy, second_look_share=share)

    def change_picture(self, number: int, file: int) -> None:
        """Let an address show another file from now on."""
        self.shows[PICTURES[number]] = FILES[file]

    # Reports and captures

    def hand_in(
        self, number: int, *, danger: bool, remit: Remit = Remit.CSAM, is_captured: bool = True
    ) -> None:
        """Report an address, which may be here already, or a text; have what is new captured."""
        self.now += timedelta(seconds=2)
        addresses = (*PICTURES, *PAGES)
        urls = addresses[number : number + 1]
        report(self.owner, *urls, remit=remit, note="a note", danger=danger, now=self.now)
        self.done["hand_in"] += 1
        self.log.append(f"{self.now:%d %H:%M:%S} report {urls} danger={danger}")
        for _ in range(6 if is_captured else 0):
            if not self.capture_one(0):
                return

    def capture_one(self, number: int, seed: int = 0, *, surely: bool = True) -> bool:
        """Let a worker capture something that was received; whether there was any that is due."""
        item_id = self.choose_item(number, "state = 'received' AND next_try_at <= %(now)s")
        if item_id is None:
            return False
        self.chance.seed(seed)
        self.capture(item_id, surely=surely)
        return True

    # Leases

    def open(self, person: Person, item_id: UUID) -> None:
        """Open an item: what waits and is free is opened to whom something on it is left, and nothing else."""
        holder = truths.find_holder(self.eye, item_id, self.now + timedelta(seconds=2))
        (waits,) = self.eye.execute(
            "SELECT state IN ('awaiting_assessment', 'awaiting_lead') OR waits_second FROM items WHERE id = %s",
            (item_id,),
        ).fetchone()
        left = truths.has_left(self.eye, item_id, person.id, is_lead=person is self.lead)
        found = self.act("open", lambda conn: self._take(conn, item_id, person), person)
        is_opened = waits and (holder == person.id or (holder is None and left))
        assert isinstance(found, HotlineError) != is_opened, self.tell(f"open: {waits} {left} {holder}")
        after = truths.find_holder(self.eye, item_id, self.now)
        assert after == (person.id if is_opened else holder), self.tell(
            "opened for another one, or for nobody"
        )
        if waits and left and not is_opened:
            assert isinstance(found, HeldByOtherError), self.tell("open")

    def _take(self, conn: Any, item_id: UUID, person: Person) -> Any:
        life_s = self.settings.lease_s
        return lease_item.take_lease(conn, item_id, person=person, now=self.now, life_s=life_s)

    def next(self, person: Person, lane: Lane, after: UUID | None = None) -> UUID | None:
        """Press "next": the lane gives something whenever it has something free for this person."""

        def take(conn: Any) -> UUID | None:
            if lane is not Lane.NO_LOOK:
                require_offer(conn, person, now=self.now, policy=self.looks.exposure)
            life_s = self.settings.lease_s
            return lease_item.take_next(conn, lane, person=person, now=self.now, life_s=life_s, after=after)

        at, is_lead = self.now + timedelta(seconds=2), person is self.lead
        free = truths.list_free(self.eye, lane, person.id, at, is_lead=is_lead)
        found = self.act(f"next {lane}", take, person)
        if isinstance(found, HotlineError):
            return None
        if lane is Lane.LEAD and not is_lead:
            free = []
        rest = [one for one in free if one != after]
        assert (found in rest) if rest else found is None, self.tell(f"next: {found} of {rest}")
        if found is not None:
            assert truths.find_holder(self.eye, found, self.now) == person.id, self.tell(
                "next opened nothing"
            )
            view = self.view(person, found)
            known = view.group("known")
            assert view.has_work or view.may_confirm_known or known, self.tell(
                f"next gave what has no work: {truths.describe(self.eye, found)}"
            )
        return found

    def beat(self, person: Person, item_id: UUID) -> None:
        """Say that one is still there."""
        holder = truths.find_holder(self.eye, item_id, self.now + timedelta(seconds=2))
        how = {"person": person, "life_s": self.settings.lease_s}
        found = self.act(
            "beat", lambda conn: lease_item.keep_lease(conn, item_id, now=self.now, **how), person
        )
        assert found is (holder == person.id), self.tell("heartbeat")

    def leave(self, person: Person, item_id: UUID, words: str) -> None:
        """Leave an item, with a note or without."""
        note = NoteWords(words, "", "")
        has_work = self.view(person, item_id).has_work
        how = {"person": person, "has_work": has_work}
        found = self.act("leave", lambda conn: leave_item(conn, item_id, note, now=self.now, **how), person)
        if not isinstance(found, HotlineError):
            assert truths.find_holder(self.eye, item_id, self.now) != person.id
        else:
            assert has_work, self.tell("leave was refused although nothing is left")
            assert not words, self.tell("leave was refused in spite of a note")

    def free_of(self, person: Person, item_id: UUID) -> None:
        """Free what somebody else has open, as a lead may."""
        holder = truths.find_holder(self.eye, item_id, self.now + timedelta(seconds=2))
        found = self.act(
            "free", lambda conn: lease_item.free_item(conn, item_id, person=person, now=self.now), person
        )
        is_freed = not isinstance(found, HotlineError)
        assert is_freed == (person is self.lead and holder is not None), self.tell("free")
        assert not is_freed or truths.find_holder(self.eye, item_id, self.now) is None

    # Looks

    def ask(self, person: Person, item_id: UUID, image_id: UUID, *, colour: bool = False) -> Token | None:
        """Ask for a look: given only with the lease, and when nothing locks it."""
        at = self.now + timedelta(seconds=2)
        self.staff.rollback()
        self._end_shown(person, at)
        holder = truths.find_holder(self.eye, item_id, at)
        self._enter_at(person, at)
        locks = truths.find_locks(self.eye, person.id, at, self.settings)
        rendering = EvidenceKind.COLOUR if colour else EvidenceKind.GREY_HALF
        session, _ = self.sessions[person.id]
        found = self.act(
            "ask",
            lambda conn: reveal_image.ask_to_look(
                conn,
                item_id,
                image_id,
                person=person,
                rendering=rendering,
                now=self.now,
                policy=self.looks,
                session=session,
            ),
            person,
        )
        if isinstance(found, LookRefusedError):
            assert locks, self.tell(f"refused without a reason: {found}")
        if not isinstance(found, Reveal):
            self._check_seconds(person)
            return None
        assert holder == person.id, self.tell("asked without a lease")
        assert not locks, self.tell(f"a look in spite of {locks}")
        token = Token(found, person.id, item_id, session, self.now, self.settings.look_max_s)
        self.tokens.append(token)
        return token

    def _enter_at(self, person: Person, at: datetime) -> None:
        before, self.now = self.now, at
        self._enter(person)
        self.now = before

    def fetch(self, token: Token, person: Person) -> None:
        """Use a token, one's own or another's: once, within ten seconds, in its session, with the item still open."""
        at = self.now + timedelta(seconds=2)
        holder = truths.find_holder(self.eye, token.item_id, at)
        self._enter_at(person, at)
        session, _ = self.sessions[person.id]
        is_good = (
            person.id == token.person_id == holder
            and session == token.session
            and not token.is_dead
            and timedelta(0) <= at - token.asked_at < timedelta(seconds=10)
        )
        how = {"person": person, "policy": self.looks, "session": session}
        text = token.reveal.token
        found = self.act(
            "fetch", lambda conn: reveal_image.begin_look(conn, text, now=self.now, **how), person
        )
        if isinstance(found, HotlineError):
            assert not is_good or "any more" in str(found), self.tell("refused a good token")
            return
        assert is_good, self.tell("a look by a token that is none")
        token.is_dead = True
        self.shown[token.reveal.look_id] = Shown(person.id, self.now, self.settings.look_max_s)

    def hide(self, person: Person, *, after_s: int, latency_ms: int, lies: bool) -> None:
        """Let go of the key: the browser says how long it was shown, or a lie."""
        open_ones = [
            key for key, one in self.shown.items() if one.person_id == person.id and one.seen_s is None
        ]
        if not open_ones:
            return
        self.now += timedelta(seconds=after_s)
        shown, look_id = self.shown[open_ones[-1]], open_ones[-1]
        seen_s = max(0.0, shown.count(self.now + timedelta(seconds=2)) - latency_ms / 1000)
        longest_s = self.settings.look_max_s
        reported = 0 if lies else int(seen_s * 1000)
        self.act(
            "hide",
            lambda conn: reveal_image.end_looks(
                conn, person, now=self.now, look_max_s=longest_s, look_id=look_id, reported_ms=reported
            ),
            person,
        )
        shown.seen_s, shown.is_believed = seen_s, not lies
        self._check_seconds(person)

    def _end_shown(self, person: Person, at: datetime) -> None:
        """Note that whatever a person still sees is taken away."""
        for one in self.shown.values():
            if one.person_id == person.id and one.seen_s is None:
                one.seen_s = one.count(at)

    def _check_seconds(self, person: Person) -> None:
        """Seconds counted are never less than seconds shown, a liar's two seconds of latency a look aside."""
        now = self.now
        standing = read_standing(self.staff, person.id, now=now, policy=self.looks.exposure)
        self.staff.rollback()
        mine = [
            one
            for one in self.shown.values()
            if one.person_id == person.id and one.since.astimezone(truths.TIRANE).date() == standing.day
        ]
        seen = sum(one.count(now) - (0 if one.is_believed else 2) for one in mine)
        counts = f"{standing.seconds_today} s counted, {seen} s seen of {person.name}: {mine}"
        assert standing.seconds_today + 1 > seen, self.tell(counts)
        assert standing.looks_today >= len(mine), self.tell("looks were not counted")

    # Words

    def work(self, person: Person, lane: Lane, label: int, **flags: bool) -> UUID | None:
        """Take the next one of a lane, look at a picture of it and judge it; a text is judged itself."""
        item_id = self.next(person, lane)
        if item_id is None:
            return None
        pair = self._find_work(person, item_id)
        if pair is None:
            self.assess_item(person, item_id, label, **flags)
        else:
            self.look_at(person, pair)
            self.assess(person, pair, label, **flags)
        return item_id

    def _find_work(self, person: Person, item_id: UUID) -> tuple[UUID, UUID] | None:
        pictures = [one for one in self.view(person, item_id).pictures if one.form]
        return (item_id, pictures[0].picture.image_id) if pictures else None

    def look_at_next(self, person: Person, lane: Lane) -> tuple[UUID, UUID] | None:
        """Take the next one and look at a picture of it; return both if there is one."""
        item_id = self.next(person, lane)
        pair = self._find_work(person, item_id) if item_id else None
        if pair is not None:
            self.look_at(person, pair)
        return pair

    def look_at(self, person: Person, pair: tuple[UUID, UUID]) -> None:
        """Ask for a look and begin it, if it is given."""
        token = self.ask(person, *pair)
        if token is not None:
            self.fetch(token, person)

    def assess(self, person: Person, pair: tuple[UUID, UUID], label: int, **flags: Any) -> None:
        """Judge a picture, as a lead where it is disputed; what is under way on the screen ends with it."""
        item_id, image_id = pair
        state, round_ = self.eye.execute(
            "SELECT state, round FROM images WHERE id = %s", (image_id,)
        ).fetchone()
        is_lead_word = state == "disputed" and person is self.lead

        def work(conn: Any, judgement: Judgement | None = None) -> Any:
            return assess.assess_image(
                conn,
                item_id,
                image_id,
                judgement or Judgement(Label(label), **flags),
                person=person,
                round_=round_,
                now=self.now,
                policy=self.policy,
                is_lead_word=is_lead_word,
            )

        self._do("assess", item_id, person, work)
        self._end_shown(person, self.now)

    def compare_twins(self, person: Person, pair: tuple[UUID, UUID], viewer: Person, other: int) -> None:
        """Let a first assessor say one thing and then another: no page of who may be the second differs."""
        item_id, image_id = pair
        state, round_ = self.eye.execute(
            "SELECT state, round FROM images WHERE id = %s", (image_id,)
        ).fetchone()
        holder = truths.find_holder(self.eye, item_id, self.now)
        if state != "unjudged" or viewer.id == person.id or holder != person.id:
            return
        words = [
            Judgement(Label.BASELINE),
            Judgement(Label.NATIONAL, reason="words of the first", reason_code=ReasonCode.AGE_CLEAR),
            Judgement(Label.NATIONAL, danger=True, police_hold=True),
            *([Judgement(Label.NOT_ILLEGAL)] if self.share == 1 else []),
        ]
        words = [words[0], words[1 + other // WAYS % (len(words) - 1)]]

        def say(conn: Any, judgement: Judgement) -> None:
            assess.assess_image(
                conn,
                item_id,
                image_id,
                judgement,
                person=person,
                round_=round_,
                now=self.now,
                policy=self.policy,
            )

        leak = find_leak(self, pair, viewer, words, say, number=other)
        self.done["twins" if leak is not None else "twins refused"] += 1
        assert not leak, self.tell(f"a page for {viewer.name} tells what {person.name} said:\n{leak}")

    def assess_item(self, person: Person, item_id: UUID, label: int, **flags: Any) -> None:
        """Judge an item itself."""
        state, round_ = self.eye.execute(
            "SELECT state, round FROM items WHERE id = %s", (item_id,)
        ).fetchone()
        how = {"person": person, "round_": round_, "policy": self.policy}
        how["is_lead_word"] = state == "awaiting_lead" and person is self.lead
        judgement = Judgement(Label(label), **flags)
        self._do(
            "assess_item",
            item_id,
            person,
            lambda conn: assess.assess_item(conn, item_id, judgement, now=self.now, **how),
        )

    def confirm(self, person: Person, item_id: UUID, *, known_only: bool) -> None:
        """Confirm without a look."""
        unknown = self.eye.execute(
            "SELECT count(*) FROM shown_images JOIN images ON images.id = image_id WHERE NOT is_known"
            " AND images.state <> 'settled' AND (item_id = %(id)s OR item_id IN"
            "  (SELECT child_id FROM shown_children WHERE parent_id = %(id)s))",
            {"id": item_id},
        ).fetchone()[0]
        how = {"person": person, "round_": self.round_of(item_id), "policy": self.policy}
        step = assess.confirm_known_pictures if known_only else assess.confirm_item
        found = self._do(
            "confirm known" if known_only else "confirm",
            item_id,
            person,
            lambda conn: step(conn, item_id, now=self.now, **how),
        )
        if not isinstance(found, HotlineError):
            self._end_shown(person, self.now)
            assert known_only or unknown == 0, self.tell("confirmed what is not known")

    def round_of(self, item_id: UUID) -> int:
        return self.eye.execute("SELECT round FROM items WHERE id = %s", (item_id,)).fetchone()[0]

    def skip(self, person: Person, item_id: UUID, image_id: UUID | None) -> None:
        """Pass over an item or one picture of it, and go on to the next one."""
        table, identity = ("images", image_id) if image_id else ("items", item_id)
        (round_,) = self.eye.execute(f"SELECT round FROM {table} WHERE id = %s", (identity,)).fetchone()
        how = {"person": person, "round_": round_, "policy": self.policy, "image_id": image_id}
        found = self._do(
            "skip", item_id, person, lambda conn: assess.skip(conn, item_id, now=self.now, **how)
        )
        if not isinstance(found, HotlineError):
            self._end_shown(person, self.now)
            self.next(person, Lane.LOOK, after=item_id)

    # Going away

    def go_away(self, person: Person, way: str) -> None:
        """Panic, break or sign out: nothing is open any more, and no token is good; or go on beyond the soft cap."""
        ways = {
            "panic": lambda conn: leave_at_once(
                conn, person, now=self.now, look_max_s=self.settings.look_max_s
            ),
            "break": lambda conn: begin_break(conn, person, now=self.now, policy=self.looks.exposure),
            "go on": lambda conn: go_on(conn, person, now=self.now, policy=self.looks.exposure),
            "sign out": lambda conn: sign_in.sign_out(conn, self.sessions.pop(person.id)[0], now=self.now),
        }
        found = self.act(way, ways[way], person)
        if way == "go on":
            return
        assert not isinstance(found, HotlineError), self.tell(f"{way} was refused")
        self._end_shown(person, self.now)
        assert truths.list_held(self.eye, person.id, self.now) == [], self.tell(f"open after {way}")
        for token in self.tokens:
            token.is_dead = token.is_dead or token.person_id == person.id

    # What is settled, lists, settings, leads

    def bring_back(self, person: Person, item_id: UUID, *, is_undo: bool) -> None:
        """Undo one's own word, or reopen with a reason."""
        who = {"person": person, "sending": self.sending, "round_": self.round_of(item_id)}
        if is_undo:
            undo_s = self.policy.undo_s
            self.act(
                "undo",
                lambda conn: reopen_item.undo(conn, item_id, now=self.now, undo_s=undo_s, **who),
                person,
            )
        else:
            self.act(
                "reopen",
                lambda conn: reopen_item.reopen_item(conn, item_id, reason="a doubt", now=self.now, **who),
                person,
            )

    def clear(self, person: Person, item_id: UUID, act: str) -> None:
        """Have it captured again, say that the rest is not needed."""
        if act == "recapture":
            request = clear_item.request_recapture
            self._do(act, item_id, person, lambda conn: request(conn, item_id, person=person, now=self.now))
        else:
            rest, how = clear_item.say_rest_not_needed, {"person": person, "policy": self.policy}
            self._do(act, item_id, person, lambda conn: rest(conn, item_id, now=self.now, **how))

    def settle_beside(self, person: Person, number: int) -> None:
        """Lift a police hold, hand something on."""
        held = self.choose_item(number, "state = 'held_for_police'")
        if held is not None:
            lift = clear_item.lift_hold
            self.act(
                "lift", lambda conn: lift(conn, held, person=person, said_so="Officer", now=self.now), person
            )
        other = self.choose_item(number, "state = 'awaiting_hand_on'")
        if other is not None:
            how = {"person": person, "to_whom": "somebody", "recipient_id": None}
            self.act("hand on", lambda conn: clear_item.hand_on(conn, other, now=self.now, **how), person)

    def change_entry(self, number: int, act: str) -> None:
        """Withdraw, restore or newly import an entry, and match again what was captured before."""
        self.now += timedelta(seconds=2)
        key, how = f"k{number % 3}", {"actor": "cli", "now": self.now}
        if act == "import":
            import_entries(self.owner, "list", list_entry("k2", data=FILES[2]), now=self.now)
            self.done["import"] += 1
        else:
            step = change_hash_sets.withdraw_entry if act == "withdraw" else change_hash_sets.restore_entry
            self.do("owner", step, "list", key, sending=self.sending, **how)
        worker = self.conns["worker"]
        image_ids = self.ids("SELECT id FROM images ORDER BY id")
        generation = hash_sets.read_generation(worker)
        worker.commit()
        self.do("worker", rematch_images, image_ids, self._search, generation=generation, now=self.now)

    def _search(self, fingerprints: Any) -> list[Hit]:
        return [
            Hit(one, entry_id, HitKind.EXACT, 0)
            for one in fingerprints
            for entry_id in self.ids(
                "SELECT entry_id FROM hash_entry_fingerprints JOIN hash_entries ON hash_entries.id = entry_id"
                " WHERE value = %s AND withdrawn_at IS NULL",
                bytes.fromhex(one.value),
            )
        ]

    def set_setting(self, number: int, place: float) -> None:
        """Let the admin change a setting between its floor (0) and ceiling (1); beyond it is refused."""
        name = WALKED_SETTINGS[number % len(WALKED_SETTINGS)]
        setting = find_live_setting(name)
        assert setting is not None
        assert None not in (setting.floor, setting.ceiling)
        value = int(setting.floor + place * (setting.ceiling - setting.floor))
        default = write_value(getattr(self.defaults, name))
        how = {"seen": None, "default": default, "person": self.admin, "now": self.now}
        found = self.act(f"set {name}", lambda conn: change_setting(conn, name, str(value), "a test", **how))
        if isinstance(found, HotlineError):
            return
        assert setting.floor <= value <= setting.ceiling, self.tell("a setting out of bounds")
        setattr(self.settings, name, type(getattr(self.defaults, name))(value))

    def allow(self, by: Person, person: Person, minutes: int, looks: int) -> None:
        """Let somebody look more or less today: a lead's word, on others, below the ceiling."""
        how = {"minutes": minutes, "looks": looks, "reason": "a test", "lead": by}
        found = self.act("allow", lambda conn: allow_for_today(conn, person.id, now=self.now, **how), by)
        may = by is self.lead and person is not by and minutes * 60 <= truths.CEILING_S
        assert isinstance(found, HotlineError) != (may and looks <= truths.CEILING_LOOKS), self.tell("allow")

    def train(self, person: Person, *, wrong: int) -> None:
        """Answer the rest of a round of the training set, the first few wrong."""
        progress = training.read_progress(self.staff, person.id)
        self.staff.rollback()
        for task in draw_round(person.id, progress.round):
            if task.number not in progress.answers and not progress.is_passed:
                said = "5" if task.number <= wrong else task.answer
                how = {"person": person, "round_": progress.round, "number": task.number, "answer": said}
                self.act("train", lambda conn, how=how: answer_task(conn, now=self.now, **how), person)

    # The rest of the house

    def sweep(self) -> None:
        """Score what is due; destroy the views of what was settled."""
        self.do("worker", score_due, now=self.now, limit=200)
        self.purge()

    def pass_time(self, seconds: int) -> None:
        """Let the clock go on, or back a little."""
        for one in self.shown.values() if seconds < 0 else ():
            if one.seen_s is None:
                one.seen_s = 0.0  # no clock can tell how long that was
        self.now += timedelta(seconds=seconds)
        self.log.append(f"{self.now:%d %H:%M:%S} time {seconds}")

    def wait_for_morning(self) -> None:
        """Go to eight o'clock of the next day."""
        local = self.now.astimezone(truths.TIRANE) + timedelta(days=1)
        self.now = local.replace(hour=8, minute=0, second=0, microsecond=0).astimezone(UTC)
        self.log.append(f"{self.now:%d %H:%M:%S} morning")

    # What must hold

    def check(self) -> None:
        """Hold the whole desk against what must be true, after each step."""
        faults, kept = truths.find_faults(self.eye, self.now)
        assert faults == [], self.tell(f"{faults}")
        fewer = {name: count for name, count in kept.items() if count < self.kept.get(name, 0)}
        assert fewer == {}, self.tell(f"fewer than before: {fewer}")
        self.kept = kept
        assert kept["looks"] >= len(self.shown)

    def check_lists(self) -> None:
        """Every lane lists to everybody what it holds for them."""
        by_id = {person.id: person for person in self.people}
        unlisted = truths.find_unlisted(
            self.eye, by_id, [self.lead.id], lambda one: set(self.rows_of(by_id[one]))
        )
        assert unlisted == [], self.tell(f"not listed: {unlisted}")


_ORDER = "COALESCE(url_key, ''::bytea), kind, items.received_at, items.id"
