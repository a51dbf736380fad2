"""Our feed out of a real database: what may leave, the chain that stands behind it, and a partner who follows."""

import argparse
import json
import random
import secrets
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import psycopg
import pytest

from hashsets import store
from hashsets.errors import FeedRefusedError, UnknownHashSetError
from hashsets.model import Algorithm, Entry, EntryClass, Sharing
from tests.counts import scale
from tests.deployments import make_deployment
from tests.hash_rows import import_entries
from triage.cli.hashset_export import add_export, run_export
from triage.cli.hashset_feed import open_feed_folder
from triage.cli.hashset_import import add_import, run_import
from triage.errors import KeyMissingError, NotAllowedError, StaleStateError, UnknownThingError
from triage.store import custody, hash_feeds
from triage.store.custody import stream_of
from triage.vault import new_identity

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
IDENTITY, RECIPIENT = new_identity()


def make_entry(key, *, entry_class=EntryClass.NATIONAL_ILLEGAL, withdrawn=False, pdqs=0):
    hashes = {(Algorithm.SHA256, secrets.token_hex(32))}
    hashes |= {(Algorithm.PDQ, secrets.token_hex(32)) for _ in range(pdqs)}
    return Entry(key, entry_class, "ncmec", "A2", frozenset(hashes), withdrawn)


class Publisher:
    """A deployment with one set that partners may have, and what it exports."""

    def __init__(self, root, database, conn):
        self.conn = conn
        self.root = root
        self.deployment = make_deployment(root / "state", database.dsns, "redis://127.0.0.1:1")
        outbound = self.deployment.state.keys("outbound")
        self.key, self.identity = outbound / "signing-public", root / "identity"
        self.identity.write_text(IDENTITY)
        self.ours = self.make_set("ours", sharing=Sharing.PARTNERS)

    def make_set(self, name, **more):
        made = store.create_hash_set(
            self.conn, set_id=uuid4(), name=name, provider="x", licence="", region="", now=NOW, **more
        )
        self.conn.commit()
        return made

    def load(self, *entries, into=None, is_snapshot=False):
        import_entries(
            self.conn, (into or self.ours).id, entries, now=datetime.now(UTC), is_snapshot=is_snapshot
        )
        self.conn.commit()

    def export(self, *words, name="ours", recipient=RECIPIENT):
        self.conn.commit()
        parser = argparse.ArgumentParser()
        add_export(parser.add_subparsers())
        folder = self.root / "feed"
        given = ["export", name, "--to", str(folder), "--recipient", recipient, "--json", *words]
        before = set(folder.iterdir()) if folder.exists() else set()
        try:
            assert run_export(parser.parse_args(given), self.deployment, self.conn) == 0
        except Exception:
            self.conn.rollback()
            assert set(folder.iterdir() if folder.exists() else ()) == before
            raise
        (made,) = set(folder.iterdir()) - before
        return made

    def open(self, folder, reader=None, *, now=None):
        return open_feed_folder(
            self.conn,
            reader.id if reader else None,
            folder,
            key=self.key,
            identity=self.identity,
            now=now or datetime.now(UTC),
        )

    def follow(self, reader, folder):
        """Take a folder into a set as a partner would."""
        opened = self.open(folder, reader)
        verified = opened.verified
        is_snapshot = verified.manifest.kind == "snapshot"
        import_entries(self.conn, reader.id, opened.rows, now=datetime.now(UTC), is_snapshot=is_snapshot)
        hash_feeds.insert_link(
            self.conn, reader.id, "in", verified.manifest, verified.sha256, now=datetime.now(UTC)
        )
        self.conn.commit()
        return verified.manifest

    def read_set(self, hash_set, *, key="source_key"):
        """Return what is live in a set: the publisher's id, class, words and hashes."""
        found = self.conn.execute(
            f"SELECT {key}::text, class, raw_scheme, raw_value, (SELECT array_agg((algorithm, value)::text"
            " ORDER BY algorithm, value) FROM hash_entry_fingerprints WHERE entry_id = hash_entries.id)"
            " FROM hash_entries WHERE set_id = %s AND withdrawn_at IS NULL AND disputed_at IS NULL"
            " AND NOT is_contested AND class <> 'contested'",
            (hash_set.id,),
        ).fetchall()
        return {row[0]: row[1:] for row in found}


@pytest.fixture
def publisher(state_root, database, as_role):
    return Publisher(state_root, database, as_role("hotline_staff"))


def test_only_a_set_for_partners_leaves(publisher):
    private = publisher.make_set("private")
    publisher.load(make_entry("a"), into=private)
    with pytest.raises(NotAllowedError, match="not 'partners'"):
        publisher.export(name="private")
    with pytest.raises(UnknownHashSetError):
        publisher.export(name="unknown")
    with pytest.raises(UnknownThingError, match="no folder of that number"):
        publisher.export("--since", "1")
    with pytest.raises(KeyMissingError):
        publisher.export(recipient="age1nobody")
    assert publisher.conn.execute("SELECT FROM hash_feeds").rowcount == 0


def test_only_live_undisputed_and_uncontested_entries_leave_and_no_provider_id_does(publisher):
    publisher.load(*(make_entry(key) for key in ("live", "gone", "disputed", "contested")))
    publisher.load(make_entry("said", entry_class=EntryClass.CONTESTED))
    store.withdraw_entry(publisher.conn, "ours", "gone", now=NOW)
    publisher.conn.execute("UPDATE hash_entries SET disputed_at = now() WHERE source_key = 'disputed'")
    publisher.conn.execute("UPDATE hash_entries SET is_contested = true WHERE source_key = 'contested'")
    publisher.conn.commit()
    opened = publisher.open(publisher.export())
    (found,) = opened.rows
    (entry,) = publisher.conn.execute("SELECT id::text FROM hash_entries WHERE source_key = 'live'")
    assert found.source_key == entry[0]
    assert opened.verified.manifest.live_total == 1
    publisher.conn.rollback()


def test_what_goes_after_an_export_is_taken_back_by_the_next_delta_without_a_hash(publisher):
    publisher.load(*(make_entry(key) for key in "abc"))
    reader = publisher.make_set("reader")
    publisher.follow(reader, publisher.export())
    store.withdraw_entry(publisher.conn, "ours", "a", now=NOW)
    publisher.conn.commit()
    folder = publisher.export("--since", "1")
    opened = publisher.open(folder, reader)
    (row,) = opened.rows
    assert row.withdrawn
    assert row.fingerprints == frozenset()
    assert opened.verified.manifest.live_total == 2


def test_every_export_is_a_link_and_a_custody_event_that_names_no_key(publisher):
    publisher.load(make_entry("a"))
    publisher.export()
    publisher.export("--since", "1")
    last = hash_feeds.find_last(publisher.conn, publisher.ours.id, "out")
    events = custody.read_stream(publisher.conn, stream_of("hashset", publisher.ours.id))
    bodies = [json.loads(one.record)["body"] for one in events if one.event == "exported"]
    assert [(one["seq"], one["kind"], one["records"]) for one in bodies] == [
        (1, "snapshot", 1),
        (2, "delta", 0),
    ]
    assert bodies[-1]["manifest_sha256"] == last.state.sha256
    assert not any(RECIPIENT in one.record for one in events)
    publisher.conn.rollback()


def test_two_exports_at_once_never_sign_one_number_twice(publisher, monkeypatch):
    publisher.load(make_entry("a"))
    publisher.export()
    first = hash_feeds.find_last(publisher.conn, publisher.ours.id, "out")
    publisher.export()
    monkeypatch.setattr(hash_feeds, "find_last", lambda *_: first)  # what the slower one had read
    with pytest.raises(StaleStateError):
        publisher.export()


def test_a_crash_before_publishing_costs_a_number_and_no_reader(publisher, monkeypatch):
    publisher.load(make_entry("a"))
    reader = publisher.make_set("reader")
    publisher.follow(reader, publisher.export())
    publisher.load(make_entry("b"))
    with monkeypatch.context() as patch:
        patch.setattr("hashsets.formats.feed_folder.NewFolder.publish", refuse_to_publish)
        with pytest.raises(FeedRefusedError):
            publisher.export("--since", "1")
    with pytest.raises(FeedRefusedError, match="is missing before this one"):
        publisher.open(publisher.export("--since", "2"), reader)
    assert publisher.follow(reader, publisher.export("--since", "1")).seq == 4
    assert publisher.read_set(reader) == publisher.read_set(publisher.ours, key="id")


def refuse_to_publish(*_):
    raise FeedRefusedError


def test_a_reader_keeps_its_place_and_refuses_what_came_before(publisher):
    reader = publisher.make_set("reader")
    publisher.load(make_entry("a"))
    folder = publisher.export()
    publisher.follow(reader, folder)
    with pytest.raises(FeedRefusedError, match="taken in already"):
        publisher.open(folder, reader)
    with pytest.raises(FeedRefusedError, match="has expired"):
        publisher.open(publisher.export(), reader, now=datetime.now(UTC) + timedelta(days=8))
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        publisher.conn.execute("UPDATE hash_feeds SET seq = 9")
    publisher.conn.rollback()
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        publisher.conn.execute("DELETE FROM hash_feeds")
    publisher.conn.rollback()


def import_folder(publisher, folder, *words):
    """Import a folder with the command, and return its exit code."""
    parser = argparse.ArgumentParser()
    add_import(parser.add_subparsers())
    keys = ["--key", str(publisher.key), "--identity", str(publisher.identity)]
    given = parser.parse_args(["import", "theirs", str(folder), "--format", "feed", *(words or keys)])
    publisher.conn.rollback()
    return run_import(given, publisher.deployment, publisher.conn)


def test_the_command_takes_a_feed_in_once_and_withdraws_what_it_takes_back(publisher):
    publisher.load(*(make_entry(f"e{number}") for number in range(200)))
    folder = publisher.export()
    with pytest.raises(KeyMissingError, match="--key"):
        import_folder(publisher, folder, "--by", "x")
    assert import_folder(publisher, folder) == 0
    with pytest.raises(FeedRefusedError, match="taken in already"):
        import_folder(publisher, folder)
    store.withdraw_entry(publisher.conn, "ours", "e7", now=NOW)
    publisher.conn.commit()
    assert import_folder(publisher, publisher.export("--since", "1")) == 0
    theirs = store.find_hash_set(publisher.conn, "theirs")
    assert publisher.read_set(theirs).keys() == publisher.read_set(publisher.ours, key="id").keys()
    assert hash_feeds.find_last(publisher.conn, theirs.id, "in").seq == 2
    publisher.conn.rollback()


def change_something(publisher, rng):
    """Do one thing to the set that its feed must follow."""
    keys = [f"e{number}" for number in range(30)]
    what = rng.choice(("import", "import", "back", "withdraw", "dispute", "settle"))
    conn = publisher.conn
    if what == "import":
        # None that the readers' sets, in the same database, could contest.
        classes = (EntryClass.SELF_REPORTED, EntryClass.ADVISORY, EntryClass.CONTESTED)
        some = rng.sample(keys, rng.randrange(1, 8))
        publisher.load(
            *(make_entry(key, entry_class=rng.choice(classes), pdqs=rng.randrange(3)) for key in some)
        )
    elif what == "back":
        publisher.load(*(make_entry(key, withdrawn=True) for key in rng.sample(keys, 3)))
    elif what == "withdraw":
        live = conn.execute(
            "SELECT source_key FROM hash_entries WHERE set_id = %s AND withdrawn_at IS NULL",
            (publisher.ours.id,),
        ).fetchall()
        if live:
            store.withdraw_entry(conn, "ours", rng.choice(live)[0], now=NOW)
    else:
        generation = store.bump_generation(conn)
        conn.execute(
            "UPDATE hash_entries SET disputed_at = CASE WHEN %s THEN now() END, generation = %s"
            " WHERE set_id = %s AND source_key = %s AND withdrawn_at IS NULL",
            (what == "dispute", generation, publisher.ours.id, rng.choice(keys)),
        )
    conn.commit()


@pytest.mark.parametrize("seed", range(scale(2)))
def test_replaying_a_snapshot_and_deltas_equals_a_full_read(publisher, seed):
    rng = random.Random(seed)
    steady, lazy = publisher.make_set("steady"), publisher.make_set("lazy")
    first = publisher.export()
    publisher.follow(steady, first)
    publisher.follow(lazy, first)
    lazy_at = seq = 1
    for _ in range(12):
        for _ in range(rng.randrange(3)):
            change_something(publisher, rng)
        since = rng.choice((lazy_at, seq))  # one that is older than the last is taken by both
        folder = publisher.export("--since", str(since)) if rng.random() < 0.9 else publisher.export()
        manifest = publisher.follow(steady, folder)
        seq = manifest.seq
        if manifest.since is None or manifest.since[0] <= lazy_at == seq - 1 or manifest.since[0] == lazy_at:
            publisher.follow(lazy, folder)
            lazy_at = seq
        assert publisher.read_set(steady) == publisher.read_set(publisher.ours, key="id")
        assert len(publisher.read_set(steady)) == manifest.live_total
    full = publisher.make_set("full")
    publisher.follow(full, publisher.export())
    assert publisher.read_set(full) == publisher.read_set(steady)
    publisher.conn.rollback()
