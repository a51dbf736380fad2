"""A world for random walks: pages and pictures that change, people who press anything, a post office that loses mail.

Every action is one step with the role that it runs with in the house, committed, or rolled back when it is refused.
Nothing is fetched or decoded: what an address shows is said here.
"""

import hashlib
import random
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from api.console.review_view import ReviewView, build_view
from api.console.signed_in import SignedIn
from hashsets import store as hash_sets
from hashsets.compute import digest_bytes
from hashsets.errors import HashsetsError
from hashsets.model import Algorithm, EntryClass, Hit, HitKind
from tests.assessing import LOOK_POLICY, POLICY, SESSION
from tests.bare_captures import embed
from tests.builders import LIMITS, import_entries, list_entry, make_person, report, trust
from triage.errors import HotlineError
from triage.ids import new_id, new_object_name
from triage.model import ChannelOut, EvidenceKind, Media, Person, PersonRole, RecipientKind
from triage.rules.assessing import Judgement, Label, SecondAssessor
from triage.rules.due import SitePace
from triage.rules.fetch_failures import FAILURES, FetchFailure
from triage.rules.hosting import Judged
from triage.rules.lanes import PAGE_BEHIND_PAGE
from triage.rules.online import CheckPolicy
from triage.rules.page_kinds import PageKind
from triage.rules.rights import rights_of
from triage.rules.sign_in import Session
from triage.rules.states import Agreement, Lane, OnlineResult, Remit
from triage.rules.urls import normalise_url
from triage.steps import (
    assess,
    change_hash_sets,
    change_recipients,
    clear_item,
    record_answer,
    record_bounce,
    record_capture,
    record_check,
    record_hosting,
    record_sending,
    reopen_item,
    reveal_image,
    take_capture,
)
from triage.steps.decide_hosting import decide_hosting
from triage.steps.lease_item import free_leases, take_lease
from triage.steps.receive_report import SealedUpload
from triage.steps.record_hosting import IssuePolicy
from triage.steps.take_sending import Stale, Taken, take_sending
from triage.store import evidence, queue_page, recipients, waiting_pages
from triage.store.captures import CaptureFacts
from triage.store.images import NewImage
from triage.store.online_checks import CheckFacts
from triage.store.people import find_person
from triage.store.recipients import NewRecipient
from triage.store.sendings import SENDING_LEASE_S
from triage.vault import ImageSeal, new_identity

HOST = "http://a.example"
PICTURES = tuple(f"{HOST}/{number}.jpg" for number in range(5))
PAGES = tuple(f"{HOST}/page{number}" for number in range(3))
FILES = tuple(f"file {number}".encode() for number in range(6))
WAITS = (10.0, 30.0)
PACE = SitePace(pace_s=0.5, burst=4, at_once=100)
UNDO_S = POLICY.undo_s
CHECKS = CheckPolicy(3600.0, 1800.0, (86400.0, 172800.0))
ASNS = {64500: "AL", 64501: "AL", 64510: "NL"}


def _short(args: tuple[Any, ...]) -> str:
    """Return what a step was called with as a failing walk tells it."""
    words = []
    for one in args:
        identity = getattr(getattr(one, "item", one), "id", one)
        words.append(str(identity)[-6:] if isinstance(identity, UUID) else str(one)[:60])
    return " ".join(words)


@dataclass
class World:
    """Everybody and everything of one walk; all chance comes from `chance`."""

    database: Any
    chance: random.Random
    second: SecondAssessor
    leads: int = 2
    now: datetime = datetime(2026, 3, 1, tzinfo=UTC)
    taken: dict[UUID, Taken] = field(default_factory=dict)
    left: Counter[UUID] = field(default_factory=Counter)
    done: Counter[str] = field(default_factory=Counter)
    log: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        roles = {"owner": "hotline_owner", "staff": "hotline_staff", "worker": "hotline_worker"}
        self.conns = {name: self.database.connect(role) for name, role in roles.items()}
        self.conns["outbound"] = self.database.connect("hotline_outbound")
        self.policy = replace(POLICY, second_assessor=self.second, second_look_share=0.3)
        self.sending = self.policy.sending
        self.issuing = IssuePolicy(self.sending, 3600.0)
        self.shows: dict[str, bytes | tuple[str, ...]] = {}
        self.people = self._hire()
        self.recipients = self._enter_recipients()
        entries = [list_entry(f"k{number}", data=FILES[number]) for number in range(2)]
        import_entries(self.owner, "list", *entries, now=self.now)
        trust(self.owner, "list", EntryClass.BASELINE, now=self.now)
        for url in (*PICTURES, *PAGES):
            self.change_site(url)

    def close(self) -> None:
        for conn in self.conns.values():
            conn.close()

    @property
    def owner(self) -> Any:
        return self.conns["owner"]

    def _hire(self) -> list[Person]:
        names = {"Ana": PersonRole.ANALYST, "Ben": PersonRole.ANALYST, "Lead": PersonRole.LEAD}
        if self.leads > 1:
            names["Lin"] = PersonRole.LEAD
        for name, role in names.items():
            make_person(self.owner, name, role)
        make_person(self.owner, "Clerk", PersonRole.CLERK)
        self.owner.commit()
        found = [find_person(self.owner, name) for name in (*names, "Clerk")]
        self.owner.commit()
        people = [person for person in found if person is not None]
        self.clerk = people.pop()
        return people

    def _enter_recipients(self) -> list[UUID]:
        mail, key = ChannelOut.MAIL, new_identity()[1]
        wanted = (
            NewRecipient("Police", RecipientKind.POLICE, "sq", mail, "police@police.example"),
            NewRecipient("One", RecipientKind.ISP, "sq", mail, "abuse@one.example", asns=(64500,)),
            NewRecipient("Two", RecipientKind.ISP, "sq", mail, "abuse@two.example", asns=(64501,)),
            NewRecipient("Partner", RecipientKind.HOTLINE, "en", ChannelOut.OUTBOX, "nl", key, country="NL"),
        )
        staff = self.conns["staff"]
        found = [
            change_recipients.enter_recipient(staff, new, person=self.clerk, now=self.now) for new in wanted
        ]
        staff.commit()
        return found

    # One action

    def do(self, role: str, step: Any, *args: Any, **more: Any) -> Any:
        """Run one step and commit it; None when it is refused. Whatever is no refusal of ours comes out."""
        conn = self.conns[role]
        name = getattr(step, "__name__", "step")
        try:
            found = step(conn, *args, **more)
            conn.commit()
        except (HotlineError, HashsetsError) as error:
            conn.rollback()
            self.done[f"{name} refused"] += 1
            self.log.append(f"refused: {name} {_short(args)}: {error}")
            return None
        except BaseException:
            conn.rollback()
            raise
        self.done[name] += 1
        self.log.append(
            f"{self.now:%d %H:%M:%S} {name} {_short(args)} {getattr(more.get('person'), 'name', '')}"
        )
        return found if found is not None else True

    def ids(self, query: str, *values: Any) -> list[Any]:
        rows = self.owner.execute(query.encode(), values).fetchall()
        self.owner.rollback()
        return [row[0] for row in rows]

    def pick(self, query: str, *values: Any) -> Any:
        found = self.ids(query, *values)
        return self.chance.choice(found) if found else None

    def step(self) -> None:
        """Do one thing at random, allowed or not."""
        actions = (
            *[(self.hand_in, 3), (self.change_site, 2), (self.capture, 12), (self.look_and_press, 16)],
            *[(self.press_blindly, 4), (self.press_item, 4), (self.confirm, 4), (self.clear, 5)],
            *[(self.reopen, 3), (self.lift_or_hand_on, 4), (self.locate, 4), (self.check, 6)],
            *[(self.take, 6), (self.finish, 6), (self.answer, 3), (self.change_approval, 2)],
            *[(self.change_list, 1), (self.let_time_pass, 6), (self.purge, 2)],
        )
        names, weights = zip(*actions, strict=True)
        self.chance.choices(names, weights)[0]()

    def let_time_pass(self) -> None:
        seconds = self.chance.choice((1, 30, 61, 61, 1900, 1900, 4000, 15000, 90000))
        self.now += timedelta(seconds=seconds if self.chance.random() < 0.95 else -seconds)

    def somebody(self) -> Person:
        return self.chance.choice(self.people)

    # Reports and captures

    def hand_in(self) -> None:
        urls = self.chance.sample((*PICTURES, *PAGES), self.chance.choice((0, 1, 1, 2)))
        uploads = []
        if not urls and self.chance.random() < 0.5:
            uploads = [SealedUpload(new_object_name(), "a.jpg", 9)]
        remit = self.chance.choice((Remit.CSAM, Remit.CSAM, Remit.CSEM, Remit.OTHER))
        danger = self.chance.random() < 0.15
        report(self.owner, *urls, remit=remit, uploads=uploads, note="a note", danger=danger, now=self.now)

    def change_site(self, url: str | None = None) -> None:
        url = url or self.chance.choice((*PICTURES, *PAGES))
        is_page = url in PAGES
        if self.chance.random() < 0.1:
            is_page = not is_page
        self.shows[url] = (
            tuple(self.chance.sample(PICTURES, self.chance.choice((0, 1, 2, 3))))
            if is_page
            else self.chance.choice(FILES)
        )

    def capture(self, item_id: UUID | None = None, *, surely: bool = False) -> None:
        item_id = item_id or self.pick("SELECT id FROM items WHERE state = 'received' ORDER BY id")
        if item_id is None:
            return
        taken = self.do(
            "worker",
            take_capture.take_capture,
            item_id,
            worker="w",
            now=self.now,
            lease_s=60.0,
            waits_s=WAITS,
            pace=PACE,
        )
        if not isinstance(taken, take_capture.TakenCapture):
            return
        draw = 1.0 if surely else self.chance.random()
        if draw < 0.05:
            return  # it died
        if draw < 0.2:
            failure = self.chance.choice(list(FetchFailure))
            self.do(
                "worker",
                record_capture.record_failure,
                taken,
                FAILURES[failure].words,
                failure=failure,
                retry_after_s=self.chance.choice((None, None, 30.0)),
                actor="worker",
                now=self.now,
                waits_s=WAITS,
                pace=PACE,
            )
        elif draw < 0.25:
            self.do("worker", record_capture.record_refusal, taken, "refused", actor="worker", now=self.now)
        else:
            self._record(taken)

    def _record(self, taken: take_capture.TakenCapture) -> None:
        url = taken.item.url
        shown = self.shows[url] if url else self.chance.choice(FILES)
        if isinstance(shown, bytes):
            findings = self._find(shown)
        else:
            body = hashlib.sha256(repr(shown).encode()).digest()
            is_reported = taken.item.is_top_level  # only the pictures of a reported page become items
            pictures = tuple(normalise_url(one) for one in shown) if is_reported else ()
            reservation = None if is_reported else PAGE_BEHIND_PAGE
            kind = self.chance.choice((None, None, None, *PageKind))
            facts = CaptureFacts(url, 200 if shown else 404, (), "text/html", 9, body, 1, page_kind=kind)
            carried = self.chance.sample(FILES, self.chance.choice((0, 0, 0, 1))) if is_reported else []
            findings = record_capture.CaptureFindings(
                facts,
                pictures=pictures,
                embedded=[embed(one) for one in carried],
                left=self.chance.choice((0, 0, 0, 7)),
                reservation=reservation,
            )
        record = record_capture.record_capture
        after_s = LIMITS.recapture_after_s
        self.do("worker", record, taken, findings, actor="worker", now=self.now, recapture_after_s=after_s)

    def _find(self, body: bytes) -> record_capture.CaptureFindings:
        worker, digests = self.conns["worker"], digest_bytes(body)
        sha256 = next(one for one in digests if one.algorithm is Algorithm.SHA256)
        value = bytes.fromhex(sha256.value)
        hit_ids = self.ids(
            "SELECT entry_id FROM hash_entry_fingerprints JOIN hash_entries ON hash_entries.id = entry_id"
            " WHERE value = %s AND withdrawn_at IS NULL",
            value,
        )
        entries = hash_sets.read_entries(worker, hit_ids)
        trusted = frozenset(hash_sets.list_trusted(worker))
        is_known = any((one.set_id, one.entry_class) in trusted for one in entries.values())
        can_be_shown = body != FILES[-1]
        sealed = None
        kept = self.ids(
            "SELECT count(*) FROM images LEFT JOIN evidence_keys ON image_id = images.id"
            " WHERE sha256 = %s AND (state = 'settled' OR image_id IS NOT NULL)",
            value,
        )
        if can_be_shown and not is_known and kept == [0]:
            objects = {kind: (new_object_name(), 9) for kind in EvidenceKind}
            sealed = record_capture.SealedEvidence(ImageSeal("", b"sealed"), objects)
        side = 9 if body == FILES[0] else 900  # one of them is an icon where a page shows it
        size = {"format": "jpeg", "width": side, "height": side, "frames": 1} if can_be_shown else {}
        media = Media.PICTURE if can_be_shown else Media.VIDEO
        finding = None if can_be_shown else "a video"
        file = record_capture.FileFindings(
            image=NewImage(new_id(), value, media, can_be_shown, finding, 9, **size),
            fingerprints=digests,
            hits=[Hit(sha256, entry_id, HitKind.EXACT, 0) for entry_id in hit_ids],
            generation=hash_sets.read_generation(worker),
            entries=entries,
            trusted=trusted,
            evidence=sealed,
        )
        worker.commit()
        facts = CaptureFacts("u", 200, (), "image/jpeg", 9, value, 1)
        return record_capture.CaptureFindings(facts, file=file)

    # People

    def _flags(self) -> dict[str, bool]:
        return {"danger": self.chance.random() < 0.15, "police_hold": self.chance.random() < 0.2}

    def _pair(self) -> tuple[UUID, UUID] | None:
        rows = self.owner.execute(
            "SELECT item_id, image_id FROM shown_images UNION SELECT parent_id, image_id FROM shown_children"
            " JOIN shown_images ON item_id = child_id ORDER BY 1, 2"
        ).fetchall()
        self.owner.rollback()
        return self.chance.choice(rows) if rows else None

    def look(self, person: Person, item_id: UUID, image_id: UUID) -> None:
        who = {"person": person, "now": self.now}
        self.do("staff", take_lease, item_id, life_s=LOOK_POLICY.lease_s, **who)
        asked = self.do(
            "staff",
            reveal_image.ask_to_look,
            item_id,
            image_id,
            rendering=EvidenceKind.GREY_HALF,
            policy=LOOK_POLICY,
            session=SESSION,
            **who,
        )
        if isinstance(asked, reveal_image.Reveal):
            self.do("staff", reveal_image.begin_look, asked.token, policy=LOOK_POLICY, session=SESSION, **who)
        self.do("staff", free_leases, person.id, now=self.now)

    def look_and_press(self) -> None:
        pair, person = self._pair(), self.somebody()
        if pair is not None:
            self.look(person, *pair)
            self.press(person, *pair, self.chance.choice((1, 1, 1, 1, 2, 3, 3, 4, 6)), **self._flags())

    def press_blindly(self) -> None:
        pair = self._pair()
        if pair is not None:
            self.press(self.somebody(), *pair, self.chance.randint(1, 6), **self._flags())

    def press(self, person: Person, item_id: UUID, image_id: UUID, label: int, **flags: bool) -> None:
        (round_,) = self.ids("SELECT round FROM images WHERE id = %s", image_id)
        is_lead = PersonRole.LEAD in person.roles
        disputed = self.ids("SELECT id FROM images WHERE id = %s AND state = 'disputed'", image_id)
        self.do(
            "staff",
            assess.assess_image,
            item_id,
            image_id,
            Judgement(Label(label), **flags),
            person=person,
            round_=round_,
            now=self.now,
            policy=self.policy,
            is_lead_word=is_lead and bool(disputed),
        )

    def press_item(
        self, item_id: UUID | None = None, person: Person | None = None, label: int = 0, **flags: bool
    ) -> None:
        item_id = item_id or self.pick("SELECT id FROM items ORDER BY id")
        if item_id is None:
            return
        person, flags = person or self.somebody(), flags or self._flags()
        waits = self.ids("SELECT id FROM items WHERE id = %s AND state = 'awaiting_lead'", item_id)
        self.do(
            "staff",
            assess.assess_item,
            item_id,
            Judgement(Label(label or self.chance.randint(1, 6)), **flags),
            person=person,
            round_=self._round(item_id),
            now=self.now,
            policy=self.policy,
            is_lead_word=PersonRole.LEAD in person.roles and bool(waits),
        )

    def _round(self, item_id: UUID) -> int:
        (round_,) = self.ids("SELECT round FROM items WHERE id = %s", item_id)
        return int(round_)

    def confirm(self, item_id: UUID | None = None, person: Person | None = None) -> None:
        item_id = item_id or self.pick("SELECT id FROM items WHERE state = 'awaiting_assessment' ORDER BY id")
        if item_id is None:
            return
        who = {"person": person or self.somebody(), "round_": self._round(item_id), "policy": self.policy}
        if person is None and self.chance.random() < 0.3:
            self.do("staff", assess.confirm_known_pictures, item_id, now=self.now, **who)
        else:
            flags = self._flags() if person is None else {}
            self.do("staff", assess.confirm_item, item_id, now=self.now, **who, **flags)

    def clear(self) -> None:
        item_id = self.pick("SELECT id FROM items ORDER BY id")
        if item_id is None:
            return
        person, act = self.somebody(), self.chance.choice(("recapture", "rest", "skip", "skip", "skip item"))
        if act == "recapture":
            way = {"exit_name": self.chance.choice((None, "direct", "abroad")), "exits": ["abroad"]}
            self.do("staff", clear_item.request_recapture, item_id, person=person, now=self.now, **way)
        elif act == "rest":
            rest = clear_item.say_rest_not_needed
            self.do("staff", rest, item_id, person=person, now=self.now, policy=self.policy)
        else:
            who = {"person": person, "now": self.now, "policy": self.policy}
            pair = self._pair() if act == "skip" else None
            if pair is None:
                self.do("staff", assess.skip, item_id, round_=self._round(item_id), **who)
                return
            (round_,) = self.ids("SELECT round FROM images WHERE id = %s", pair[1])
            self.do("staff", assess.skip, pair[0], image_id=pair[1], round_=round_, **who)

    def reopen(self) -> None:
        item_id = self.pick(
            "SELECT id FROM items WHERE settled_at IS NOT NULL OR state = 'closed' ORDER BY id"
        )
        if item_id is None:
            return
        (round_,) = self.ids("SELECT round FROM items WHERE id = %s", item_id)
        who = {"person": self.somebody(), "now": self.now, "sending": self.sending, "round_": round_}
        if self.chance.random() < 0.4:
            self.do("staff", reopen_item.undo, item_id, undo_s=UNDO_S, **who)
        else:
            self.do("staff", reopen_item.reopen_item, item_id, reason="a doubt", **who)

    def lift_or_hand_on(self) -> None:
        held = self.pick("SELECT id FROM items WHERE state = 'held_for_police' ORDER BY id")
        if held is not None and self.chance.random() < 0.5:
            self.lift(held)
        other = self.pick("SELECT id FROM items WHERE state = 'awaiting_hand_on' ORDER BY id")
        if other is not None and self.chance.random() < 0.5:
            self.hand_on(other)

    def lift(self, item_id: UUID) -> None:
        who = {"person": self.somebody(), "now": self.now}
        self.do("staff", clear_item.lift_hold, item_id, said_so="Officer", **who)

    def hand_on(self, item_id: UUID) -> None:
        who = {"person": self.somebody(), "now": self.now}
        self.do("staff", clear_item.hand_on, item_id, to_whom="somebody", recipient_id=None, **who)

    # Hosts and checks

    def locate(self, item_id: UUID | None = None) -> None:
        waiting = self.pick("SELECT id FROM items WHERE state = 'awaiting_hosting' ORDER BY id")
        if waiting is not None and self.chance.random() < 0.5:
            self.decide(waiting)
        item_id = item_id or self.pick("SELECT id FROM items WHERE state = 'actionable' ORDER BY id")
        if item_id is None:
            return
        taken = self.do("worker", record_hosting.take_item, item_id, now=self.now, issuing=self.issuing)
        if taken is None or taken is True:
            return
        asn = self.chance.choice((*ASNS, None))
        judged = Judged(Agreement.UNKNOWN, reason="unknown")
        if asn is not None:
            judged = Judged(Agreement.AGREED, "192.0.2.1", asn, "Operator", ASNS[asn])
        record = record_hosting.record_hosting
        self.do("worker", record, taken, judged, [], now=self.now, issuing=self.issuing)

    def decide(self, item_id: UUID) -> None:
        asn = self.chance.choice(tuple(ASNS))
        where = {"asn": asn, "operator": "Operator", "country": ASNS[asn], "address": None}
        self.do("staff", decide_hosting, item_id, person=self.somebody(), now=self.now, **where)

    def check(self, item_id: UUID | None = None, result: OnlineResult | None = None) -> None:
        states = "('held_for_police', 'awaiting_hosting', 'actionable', 'notified')"
        item_id = item_id or self.pick(f"SELECT id FROM items WHERE state IN {states} ORDER BY id")
        if item_id is None:
            return
        taken = self.do("worker", record_check.take_item, item_id, now=self.now)
        if taken is None or taken is True:
            return
        removed = (OnlineResult.REMOVED,) * 3
        result = result or self.chance.choice((*OnlineResult, *removed))
        record, facts = record_check.record_check, CheckFacts()
        how = {"policy": CHECKS, "sending": self.sending}
        self.do("worker", record, taken, result, facts, now=self.now, **how)

    # Messages

    def take(self, sending_id: UUID | None = None) -> None:
        """Begin to send; what leaves must be allowed to, by a look of our own at every reason."""
        sending_id = sending_id or self.pick(
            "SELECT id FROM sendings WHERE state IN ('queued', 'sending') ORDER BY id"
        )
        if sending_id is None:
            return
        how = {"policy": self.sending, "lease_s": SENDING_LEASE_S, "has_relay": True}
        taken = self.do("outbound", take_sending, sending_id, now=self.now, **how)
        if isinstance(taken, Taken):
            self.taken[sending_id] = taken
            assert self._faults(sending_id) == [], self.log[-30:]
            if not taken.is_package:
                digest = {"started_at": taken.started_at, "sha256": bytes(32)}
                self.do("outbound", record_sending.note_handing_over, sending_id, **digest)
        elif isinstance(taken, Stale):
            self.taken[sending_id] = Taken(sending_id, taken.started_at, "", None, taken.file_name, True)

    def _faults(self, sending_id: UUID) -> list[str]:
        row = self.owner.execute(
            "SELECT sendings.kind, part, approved_at IS NOT NULL AND disabled_at IS NULL FROM sendings"
            " JOIN recipients ON recipients.id = recipient_id WHERE sendings.id = %s",
            (sending_id,),
        ).fetchone()
        kind, part, is_approved = row
        has_police = self.ids(
            "SELECT id FROM recipients WHERE kind = 'police' AND approved_at IS NOT NULL AND disabled_at IS NULL"
        )
        faults = [] if is_approved else ["the recipient is not approved"]
        if kind != "police" and part != "retraction" and not has_police:
            faults.append("no police are approved")
        if kind != "police" and part == "first":
            faults += self._item_faults(sending_id)
        return faults

    def _item_faults(self, sending_id: UUID) -> list[str]:
        since = self.now - timedelta(seconds=self.sending.police_wait_max_s)
        return self.ids(
            "SELECT 'an item of it is ' || items.state FROM sending_items JOIN items ON items.id = item_id"
            " WHERE sending_id = %s AND items.state NOT IN ('notified', 'actionable', 'awaiting_hosting')"
            " AND (items.state <> 'closed')"
            " UNION ALL SELECT 'the police were not told first' FROM sending_items AS listed"
            " WHERE sending_id = %s AND NOT EXISTS (SELECT FROM sending_items AS theirs JOIN sendings AS told"
            "  ON told.id = theirs.sending_id WHERE theirs.item_id = listed.item_id AND told.kind = 'police'"
            "  AND told.part = 'first' AND told.state <> 'withdrawn'"
            "  AND (told.sent_at IS NOT NULL OR told.state IN ('queued', 'sending') AND told.queued_at <= %s))",
            sending_id,
            sending_id,
            since,
        )

    def finish(self, sending_id: UUID | None = None, outcome: str = "") -> None:
        if sending_id is None:
            if not self.taken:
                return
            sending_id = self.chance.choice(sorted(self.taken))
        taken = self.taken.pop(sending_id)
        outcome = outcome or self.chance.choice(("sent", "sent", "sent", "later", "no", "unclear", "died"))
        when: dict[str, Any] = {"started_at": taken.started_at, "now": self.now}
        if outcome == "sent":
            accepted = record_sending.record_accepted
            if self.do("outbound", accepted, sending_id, left_as="mail", policy=self.sending, **when):
                self._count_left(sending_id)
        elif outcome == "later":
            later = record_sending.record_refused_for_now
            self.do("outbound", later, sending_id, waits_s=WAITS, policy=self.sending, **when)
        elif outcome == "no":
            no = record_sending.record_rejected
            self.do("outbound", no, sending_id, reason="no", policy=self.sending, **when)
        elif outcome == "unclear":
            self.do("outbound", record_sending.record_unclear, sending_id, reason="unclear", **when)

    def _count_left(self, sending_id: UUID) -> None:
        self.left[sending_id] += 1
        assert self.left[sending_id] == 1, "a message left twice"

    def answer(self, sending_id: UUID | None = None) -> None:
        sending_id = sending_id or self.pick(
            "SELECT id FROM sendings WHERE state IN ('sent', 'acknowledged', 'rejected', 'unclear', 'disputed')"
            " ORDER BY id"
        )
        if sending_id is None:
            return
        who = {"person": self.somebody(), "now": self.now}
        act = self.chance.choice(("answer", "found", "again", "withdraw", "bounced"))
        if act == "answer":
            word = self.chance.choice(record_answer.ANSWERS)
            self.do("staff", record_answer.record_answer, sending_id, word, note="so", **who)
        elif act == "found":
            was_sent = self.chance.random() < 0.5
            found = record_answer.say_found
            if self.do("staff", found, sending_id, was_sent, policy=self.sending, **who) and was_sent:
                self._count_left(sending_id)
        elif act == "bounced":
            has_left = self.ids("SELECT id FROM sendings WHERE id = %s AND state = 'sent'", sending_id)
            self.do("staff", record_bounce.record_bounce, sending_id, note=None, **who)
            if has_left and not self.ids(
                "SELECT id FROM sendings WHERE id = %s AND state = 'sent'", sending_id
            ):
                self.left[sending_id] -= 1
        elif act == "again":
            self.do("staff", record_answer.send_again, sending_id, **who)
        else:
            self.do("staff", record_answer.withdraw_sending, sending_id, reason="given up", **who)

    def change_approval(self) -> None:
        recipient_id = self.chance.choice(self.recipients)
        lead = next(one for one in self.people if PersonRole.LEAD in one.roles)
        if self.chance.random() < 0.2:
            self.change_contact(recipient_id, lead)
        elif self.chance.random() < 0.7:
            self.approve(recipient_id)
        else:
            off = change_recipients.disapprove_recipient
            self.do("staff", off, recipient_id, person=lead, now=self.now)

    def change_contact(self, recipient_id: UUID, lead: Person) -> None:
        found = recipients.read_recipient(self.conns["staff"], recipient_id)
        self.conns["staff"].rollback()
        fields = {name: getattr(found, name) for name in NewRecipient.__dataclass_fields__}
        new = NewRecipient(**(fields | {"contact": f"n{self.chance.randint(0, 9)}{fields['contact']}"[-60:]}))
        how = {"person": lead, "now": self.now, "policy": self.sending}
        self.do("staff", change_recipients.change_recipient, recipient_id, new, **how)

    def approve(self, recipient_id: UUID) -> None:
        """Let each lead try: nobody approves what they entered or changed."""
        on, how = change_recipients.approve_recipient, {"now": self.now, "policy": self.sending}
        for lead in self.people:
            if PersonRole.LEAD in lead.roles:
                self.do("staff", on, recipient_id, person=lead, **how)

    # Lists and retention

    def change_list(self) -> None:
        key, how = f"k{self.chance.randint(0, 1)}", {"actor": "cli", "now": self.now}
        if self.chance.random() < 0.5:
            self.do("owner", change_hash_sets.withdraw_entry, "list", key, sending=self.sending, **how)
        else:
            self.do("owner", change_hash_sets.restore_entry, "list", key, sending=self.sending, **how)

    def purge(self) -> None:
        before, worker = self.now - timedelta(seconds=UNDO_S), self.conns["worker"]
        rows = evidence.read_served_evidence(
            worker, settled_before=before, evidence_for_police=False, limit=99
        )
        for image_id in sorted({row[0] for row in rows}):
            if evidence.lock_served(worker, image_id, settled_before=before):
                evidence.destroy_objects(worker, image_id, list(EvidenceKind), now=self.now)
        worker.commit()

    # What people find

    def view(self, person: Person, item_id: UUID) -> ReviewView:
        session = Session(self.now, self.now, None)
        signed_in = SignedIn(person, rights_of(person.roles), "", "en", session, b"", self.now)
        found = build_view(self.conns["staff"], item_id, signed_in)
        self.conns["staff"].rollback()
        return found

    def rows_of(self, person: Person) -> list[UUID]:
        """Return the items that the queue lists to a person, in all lanes."""
        staff = self.conns["staff"]
        found = []
        viewer = queue_page.Viewer(person.id, assesses=True, now=self.now)
        for lane in (Lane.DANGER, Lane.LOOK, Lane.NO_LOOK, Lane.LEAD, Lane.SECOND):
            found += [row.id for row in queue_page.list_lane(staff, lane, viewer, limit=999).rows]
        staff.rollback()
        return list(dict.fromkeys(found))

    def other_rows(self) -> set[UUID]:
        """Return the items of the pages beside the queue; a held page stands for its pictures."""
        staff = self.conns["staff"]
        listed = {row.id for row in waiting_pages.list_hand_on(staff)}
        listed |= {row.id for row in waiting_pages.list_unlocated(staff)}
        held = [row.id for row in waiting_pages.list_held(staff)]
        staff.rollback()
        return listed | set(held) | self.children_of(held)

    def children_of(self, item_ids: list[UUID]) -> set[UUID]:
        return set(self.ids("SELECT child_id FROM shown_children WHERE parent_id = ANY(%s)", item_ids))
