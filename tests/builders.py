"""Builders: reports, items, lists, trust, verdicts and a desk of capture tools, made by the public steps."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import redis

from hashsets.current import build_from_database
from hashsets.model import Algorithm, Entry, EntryClass
from triage.clock import utcnow
from triage.index_holder import IndexHolder
from triage.model import Channel, PersonRole
from triage.queue import QueueDoor
from triage.rules.due import SitePace
from triage.rules.sending import SendingPolicy
from triage.rules.states import Remit
from triage.rules.training import ROUND_TASKS
from triage.settings import load_settings
from triage.steps.change_hash_sets import say_trust
from triage.steps.import_hash_list import SetFacts, import_list
from triage.steps.receive_report import IncomingReport, Limits, SealedUpload, receive_report
from triage.store.people import find_person, insert_person
from triage.store.pool import Database
from triage.store.practice import read_practice_names, replace_practice_names, write_kind
from triage.store.training import insert_training
from triage.vault import ObjectVault, new_identity
from workers.dialling.practice_names import PracticeNames
from workers.tools import CaptureTools

Connection = psycopg.Connection[Any]
LIMITS = Limits(max_urls=5000, recapture_after_s=86400.0)
RECEIPT_KEY = bytes(range(32))
NO_PACE = SitePace(pace_s=0.0, burst=1, at_once=1000)


# Reports


def report(conn, *lines, remit=Remit.CSAM, uploads=(), note="", danger=False, now=None):
    """Receive one report, commit it, and return the ids of its items in the order of its lines."""
    incoming = IncomingReport(
        channel=Channel.CLI,
        actor="cli",
        remit=remit,
        lines=lines,
        uploads=uploads,
        note=note,
        danger=danger,
    )
    before = {row[0] for row in conn.execute("SELECT id FROM reports")}
    receive_report(conn, incoming, now=now or utcnow(), receipt_key=RECEIPT_KEY, limits=LIMITS)
    rows = conn.execute(
        "SELECT item_id FROM report_items WHERE report_id <> ALL(%s) ORDER BY line, item_id", (list(before),)
    ).fetchall()
    conn.commit()
    return [row[0] for row in rows]


def upload(
    conn, vault: ObjectVault, intake_recipient: str, data: bytes, *, file_name="picture.jpg", now=None
):
    """Seal a file to the intake key, report it, and return (item id, object name)."""
    sealing = vault.start_intake(intake_recipient, 100 * 2**20)
    if data:
        sealing.write(data)
    sealing.finish()
    (item_id,) = report(conn, uploads=[SealedUpload(sealing.name, file_name, len(data))], now=now)
    return item_id, sealing.name


# Lists


def list_entry(key, *, data=None, pdq=None, entry_class=EntryClass.BASELINE, withdrawn=False) -> Entry:
    """Return an entry with the SHA-256 of a file, a PDQ in hex, or both."""
    pairs = []
    if data is not None:
        pairs.append((Algorithm.SHA256, hashlib.sha256(data).hexdigest()))
    if pdq is not None:
        pairs.append((Algorithm.PDQ, pdq))
    return Entry(key, entry_class, "csv", str(entry_class), frozenset(pairs), withdrawn)


SENDING = SendingPolicy(undo_s=60.0, police_wait_max_s=14400.0, mail_domain="hotline.example")


def import_entries(
    conn, name, *entries: Entry, index_dir: Path | None = None, now=None, is_negative=False
) -> None:
    """Import entries into a set and commit; build the index too if its folder is given."""
    import_list(
        conn,
        name,
        entries,
        facts=SetFacts("Practice", "free", "AL", is_negative=is_negative),
        actor="cli",
        now=now or utcnow(),
        sending=SENDING,
    )
    conn.commit()
    if index_dir is not None:
        build_from_database(conn, index_dir)
        conn.commit()


def make_person(conn, name, *roles: PersonRole, is_trained=True) -> UUID:
    """Return the id of a person, who is made if new and then passed the training set; an analyst by default.

    Raises:
        ValueError: there is one of this name with other roles than these.
    """
    person = find_person(conn, name)
    if person is not None:
        if roles and set(roles) != set(person.roles):
            raise ValueError(f"{name} is there already, as {', '.join(person.roles)}")
        return person.id
    person_id = insert_person(conn, name, roles or (PersonRole.ANALYST,), now=utcnow())
    if is_trained:
        pass_training(conn, person_id)
    return person_id


def pass_training(conn, person_id: UUID) -> None:
    """Let somebody have answered a whole round of the training set right."""
    conn.execute(
        "INSERT INTO training_answers (person_id, round, task, answer, is_right)"
        " SELECT %s, 1, task, '3', true FROM generate_series(1, %s) AS task",
        (person_id, ROUND_TASKS),
    )
    insert_training(conn, person_id, round_=1, now=utcnow())


def trust(conn, name, entry_class=EntryClass.BASELINE, *, persons=("Lead", "Second"), now=None) -> None:
    """Let a lead propose trust in a class of a set and a second person confirm it; commit."""
    make_person(conn, "Lead", PersonRole.LEAD)
    make_person(conn, "Second", PersonRole.ANALYST)
    for person in persons:
        say_trust(conn, name, entry_class, by=person, reason="a test", now=now or utcnow())
    conn.commit()


# Verdicts


def settle_image(conn, image_id, verdict="not_illegal", *, settled_at=None) -> None:
    """Settle an image as if two persons had judged it; commit."""
    conn.execute(
        "UPDATE images SET state = 'settled', verdict = %(verdict)s, verdict_baseline = %(baseline)s,"
        " verdict_basis = 'looked', settled_at = %(at)s WHERE id = %(id)s",
        {
            "verdict": verdict,
            "baseline": verdict == "illegal",
            "at": settled_at or utcnow(),
            "id": image_id,
        },
    )
    conn.commit()


# Reading back


@dataclass(frozen=True)
class Placed:
    """Where an item stands, as a test compares it."""

    state: str
    lane: str | None
    reason: str | None
    closed_as: str | None
    tries: int
    next_try_at: datetime | None


def read_place(conn, item_id) -> Placed:
    """Return where an item stands now."""
    conn.rollback()
    row = conn.execute(
        "SELECT state, lane, reason, closed_as, tries, next_try_at FROM items WHERE id = %s", (item_id,)
    ).fetchone()
    conn.rollback()
    return Placed(*row)


def count_rows(conn, query: str, *values: object) -> int:
    """Return the number that a query counts."""
    conn.rollback()
    number = int(conn.execute(query.encode(), values).fetchone()[0])
    conn.rollback()
    return number


# The desk


@dataclass
class Clock:
    """What a patched `utcnow` answers: the real time plus a step that a test moves on."""

    step: timedelta = timedelta(0)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.step

    def move_on(self, seconds: float) -> None:
        self.step += timedelta(seconds=seconds)


@dataclass
class Desk:
    """All a capture needs, in this process: the worker's role, a vault in a folder, an index, a queue."""

    tools: CaptureTools
    conn: Connection = field(repr=False)
    root: Path
    index_dir: Path
    intake_recipient: str
    vault_identity: str = field(repr=False)
    redis: "redis.Redis" = field(repr=False)

    def report(self, *lines, **more):
        return report(self.conn, *lines, **more)

    def upload(self, data, **more):
        return upload(self.conn, self.tools.vault, self.intake_recipient, data, **more)

    def place(self, item_id) -> Placed:
        return read_place(self.conn, item_id)

    def count(self, query, *values) -> int:
        return count_rows(self.conn, query, *values)

    def objects(self, area) -> set[str]:
        return {entry.name for entry in self.tools.vault.list_objects(area)}

    def import_entries(self, name, *entries, **more) -> None:
        import_entries(self.conn, name, *entries, index_dir=self.index_dir, **more)


@contextmanager
def open_desk(
    database, redis_url, root: Path, *, fetcher, decoder, names=(), **settings: Any
) -> Iterator[Desk]:
    """Open a desk on a fresh database, which becomes a practice one when there are practice names.

    Args:
        database: what the fixture of that name gives.
        redis_url: address of Valkey; it is emptied.
        root: an empty folder of this test.
        fetcher, decoder: a fetcher and a decoder that others may share.
        names: rows of (host, address, host to dial, port to dial).
        settings: fields that differ from the defaults; no site has a pace unless one is given.
    """
    prepare_practice(database, names)
    for area in ("intake", "evidence"):
        (root / area).mkdir(mode=0o700, parents=True, exist_ok=True)
    intake_identity, intake_recipient = new_identity()
    vault_identity, vault_recipient = new_identity()
    values = load_settings({}, **({"host_pace_s": 0.0} | settings))
    client = redis.Redis.from_url(redis_url)
    client.flushall()
    pool = Database(database.dsns["hotline_worker"], size=3)
    with pool, database.connect() as conn:
        tools = CaptureTools(
            name="worker-of-a-test",
            settings=values,
            database=pool,
            queue=QueueDoor(redis_url, timeout_s=values.job_timeout_s),
            vault=ObjectVault(f"file://{root}"),
            fetcher=fetcher,
            decoder=decoder,
            index=IndexHolder(root / "index"),
            intake_identity=intake_identity,
            vault_recipient=vault_recipient,
        )
        try:
            yield Desk(tools, conn, root, root / "index", intake_recipient, vault_identity, client)
        finally:
            conn.rollback()
            client.flushall()
            client.close()


def prepare_practice(database, names) -> PracticeNames:
    """Say what kind a fresh database is, write practice names, and return them as the fetcher takes them."""
    with database.connect() as conn:
        write_kind(conn, "practice" if names else "live", now=utcnow())
        for _, _, dial_host, dial_port in names[:1]:
            replace_practice_names(
                conn, {row[0]: row[1] for row in names}, dial_host=dial_host, dial_port=dial_port
            )
        conn.commit()
        return PracticeNames.from_rows(read_practice_names(conn))


def make_marker() -> bytes:
    """Return bytes that nothing else holds, to be looked for afterwards."""
    return b"MARK" + os.urandom(24).hex().encode()
