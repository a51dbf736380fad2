"""Hash sets in a real database: imports, withdrawals, trust, generations and the index that follows them."""

import hashlib
import threading
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import psycopg
import pytest

from hashsets import snapshot, store
from hashsets import trust as hash_trust
from hashsets.current import build_from_database, ensure_current
from hashsets.errors import (
    HashSetExistsError,
    IndexBehindError,
    IndexUnreadableError,
    InvalidHashError,
    InvalidHashSetError,
    InvalidListError,
    TrustRefusedError,
    UnknownEntryError,
    UnknownHashSetError,
)
from hashsets.model import Algorithm, Entry, EntryClass, Fingerprint, HashEntry, ImportCounts
from hashsets.search import Index
from tests.hash_rows import build_index, import_entries

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
NOTHING = ImportCounts()


def sha256_of(word):
    return hashlib.sha256(word.encode()).hexdigest()


def new_entry(key, *words, entry_class=EntryClass.BASELINE, withdrawn=False):
    """Return an entry with the digests of words; without words, of its key."""
    pairs = frozenset((Algorithm.SHA256, sha256_of(word)) for word in words or (key,))
    return Entry(key, entry_class, "csv", str(entry_class), pairs, withdrawn)


def query(word):
    return Fingerprint(Algorithm.SHA256, sha256_of(word))


def read_all(conn):
    """Return everything an import may touch, as rows."""
    entries = (
        "SELECT id, source_key, class, raw_value, changed_at, withdrawn_at FROM hash_entries ORDER BY id"
    )
    hashes = "SELECT entry_id, algorithm, value FROM hash_entry_fingerprints ORDER BY 1, 2, 3"
    return conn.execute(entries).fetchall(), conn.execute(hashes).fetchall(), store.read_generation(conn)


@pytest.fixture
def persons(conn):
    """Return the ids of two stored persons."""
    ids = [uuid4(), uuid4()]
    for number, person_id in enumerate(ids):
        conn.execute(
            "INSERT INTO persons (id, name, created_at) VALUES (%s, %s, %s)",
            (person_id, f"Person {number}", NOW),
        )
    conn.commit()
    return ids


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "index"


# Sets


def test_a_name_that_is_not_sane_is_refused_by_code_and_database(conn):
    insert = (
        "INSERT INTO hash_sets (id, name, provider, licence, region, created_at) VALUES (%s,%s,'P','','',%s)"
    )
    for name in ("", "Upper", "-a", ".a", "a b", "a/b", "a" * 64, "a\n", "a\0", "ë"):
        with pytest.raises(InvalidHashSetError):
            store.create_hash_set(
                conn, set_id=uuid4(), name=name, provider="P", licence="", region="", now=NOW
            )
        if "\0" not in name:
            with pytest.raises(psycopg.errors.CheckViolation), conn.transaction():
                conn.execute(insert, (uuid4(), name, NOW))


def test_a_set_without_provider_or_with_endless_text_is_refused(conn):
    for texts in (("", "", ""), ("P", "l" * 201, ""), ("P", "", "a\0")):
        provider, licence, region = texts
        with pytest.raises(InvalidHashSetError):
            store.create_hash_set(
                conn, set_id=uuid4(), name="a", provider=provider, licence=licence, region=region, now=NOW
            )


def test_a_name_is_taken_once_and_the_transaction_lives_on(staff, baseline):
    with pytest.raises(HashSetExistsError):
        store.create_hash_set(
            staff, set_id=uuid4(), name="baseline", provider="Other", licence="", region="", now=NOW
        )
    assert store.find_hash_set(staff, "baseline") == baseline


def test_an_unknown_name_is_an_error(conn):
    for name in ("nothing", "", "base\0line?"):
        with pytest.raises(UnknownHashSetError):
            store.find_hash_set(conn, name)
        with pytest.raises(UnknownHashSetError):
            store.withdraw_entry(conn, name, "a", now=NOW)


def test_sets_are_listed_with_live_entries_by_class_and_trusted_classes(staff, baseline, persons):
    entries = [
        new_entry("a"),
        new_entry("b"),
        new_entry("c", entry_class=EntryClass.ADVISORY),
        new_entry("d"),
    ]
    import_entries(staff, baseline.id, entries, now=NOW)
    store.withdraw_entry(staff, "baseline", "d", now=NOW)
    store.create_hash_set(staff, set_id=uuid4(), name="aaa", provider="P", licence="", region="", now=NOW)
    hash_trust.propose_trust(
        staff, "baseline", EntryClass.BASELINE, person_id=persons[0], reason="read", now=NOW
    )
    hash_trust.confirm_trust(
        staff, "baseline", EntryClass.BASELINE, person_id=persons[1], reason="too", now=NOW
    )
    first, second = store.list_hash_sets(staff)
    assert (first.hash_set.name, dict(first.counts), first.trusted) == ("aaa", {}, frozenset())
    assert second.hash_set == baseline
    assert second.counts == {EntryClass.BASELINE: 2, EntryClass.ADVISORY: 1}
    assert second.trusted == {EntryClass.BASELINE}


# Imports


def test_an_entry_named_twice_is_refused(staff, baseline):
    with pytest.raises(InvalidListError):
        import_entries(staff, baseline.id, [new_entry("a"), new_entry("b"), new_entry("a", "x")], now=NOW)
    staff.rollback()
    assert read_all(staff) == ([], [], 0)


def test_a_value_that_is_no_hash_is_refused_before_anything_is_stored(staff, baseline):
    for value in ("", "ab", "z" * 64, "a" * 63):
        bad = Entry("b", EntryClass.BASELINE, "csv", "", frozenset({(Algorithm.SHA256, value)}))
        with pytest.raises(InvalidHashError):
            import_entries(staff, baseline.id, [new_entry("a"), bad], now=NOW)
        staff.rollback()
        assert read_all(staff) == ([], [], 0)


def test_the_database_refuses_values_of_the_wrong_length(conn, staff, baseline):
    import_entries(staff, baseline.id, [new_entry("a")], now=NOW)
    staff.commit()
    for algorithm, length in (
        ("md5", 15),
        ("sha1", 16),
        ("sha256", 20),
        ("pdq", 31),
        ("phash", 9),
        ("crc", 4),
    ):
        with pytest.raises(psycopg.errors.CheckViolation), conn.transaction():
            conn.execute(
                """
                INSERT INTO hash_entry_fingerprints (entry_id, algorithm, value)
                SELECT id, %s, %s FROM hash_entries
                """,
                (algorithm, b"\1" * length),
            )


def test_an_import_fails_for_a_set_that_is_not_there(staff):
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        import_entries(staff, uuid4(), [new_entry("a")], now=NOW)


def test_the_same_list_twice_changes_nothing(staff, baseline):
    entries = [new_entry("a"), new_entry("b", "b1", "b2"), new_entry("c", entry_class=EntryClass.ADVISORY)]
    assert import_entries(staff, baseline.id, entries, now=NOW) == ImportCounts(added=3)
    staff.commit()
    before = read_all(staff)
    assert before[2] == 1
    assert import_entries(staff, baseline.id, iter(entries[::-1]), now=LATER) == NOTHING
    assert import_entries(staff, baseline.id, [], now=LATER) == NOTHING
    staff.commit()
    assert read_all(staff) == before


def test_a_changed_entry_is_counted_stored_and_alone(staff, baseline):
    before = [new_entry("a"), new_entry("b", "b1", "b2")]
    for after in (
        new_entry("b", "b1"),  # fewer hashes
        new_entry("b", "b1", "b2", "b3"),  # more
        new_entry("b", "b1", "b4"),  # others
        new_entry("b", "b1", "b2", entry_class=EntryClass.ADVISORY),
        Entry("b", EntryClass.BASELINE, "csv", "other word", before[1].fingerprints),
        Entry("b", EntryClass.BASELINE, "csv", "baseline", frozenset()),
    ):
        import_entries(staff, baseline.id, before, now=NOW)
        counts = import_entries(staff, baseline.id, [before[0], after, new_entry("n")], now=LATER)
        assert counts == ImportCounts(added=1, changed=1)
        entries, hashes, generation = read_all(staff)
        assert generation == 2
        assert {row[1]: row[4] for row in entries} == {"a": NOW, "b": LATER, "n": LATER}
        (row,) = [row for row in entries if row[1] == "b"]
        assert (row[2], row[3]) == (after.entry_class, after.raw_value)
        stored = {value.hex() for entry_id, _, value in hashes if entry_id == row[0]}
        assert stored == {value for _, value in after.fingerprints}
        staff.rollback()


def test_entries_that_the_list_does_not_name_stay(staff, baseline):
    import_entries(staff, baseline.id, [new_entry("a"), new_entry("b")], now=NOW)
    assert import_entries(staff, baseline.id, [new_entry("c")], now=LATER) == ImportCounts(added=1)
    assert [row[1] for row in read_all(staff)[0] if row[5] is None] == ["a", "b", "c"]


def test_a_list_takes_entries_back_and_brings_them_again(staff, baseline):
    import_entries(staff, baseline.id, [new_entry("a"), new_entry("b")], now=NOW)
    back = [new_entry("a", withdrawn=True), new_entry("never-seen", withdrawn=True)]
    assert import_entries(staff, baseline.id, back, now=LATER) == ImportCounts(withdrawn=1)
    assert import_entries(staff, baseline.id, back, now=LATER) == NOTHING
    assert [(row[1], row[5]) for row in read_all(staff)[0]] == [("a", LATER), ("b", None)]
    assert import_entries(staff, baseline.id, [new_entry("a")], now=LATER) == ImportCounts(changed=1)
    assert [(row[1], row[5]) for row in read_all(staff)[0]] == [("a", None), ("b", None)]
    assert store.read_generation(staff) == 3


def test_sets_do_not_touch_each_other(staff, baseline):
    other = store.create_hash_set(
        staff, set_id=uuid4(), name="other", provider="P", licence="", region="", now=NOW
    )
    import_entries(staff, baseline.id, [new_entry("a", "x")], now=NOW)
    assert import_entries(staff, other.id, [new_entry("a", "y")], now=NOW) == ImportCounts(added=1)
    assert import_entries(staff, other.id, [new_entry("a", withdrawn=True)], now=NOW).withdrawn == 1
    assert import_entries(staff, baseline.id, [new_entry("a", "x")], now=NOW) == NOTHING


def test_nothing_is_committed_by_the_store(staff, baseline):
    import_entries(staff, baseline.id, [new_entry("a")], now=NOW)
    staff.rollback()
    assert read_all(staff) == ([], [], 0)


def test_two_imports_and_a_withdrawal_at_once_queue_up(as_role, staff, baseline):
    """Three writers of the same rows, each in its own transaction: no deadlock and no lost change."""
    keys = [f"k{number}" for number in range(50)]
    import_entries(staff, baseline.id, [new_entry(key) for key in keys], now=NOW)
    staff.commit()
    start, problems = threading.Barrier(3), []

    def work(conn, change):
        try:
            start.wait()
            change(conn)
            conn.commit()
        except Exception as error:
            problems.append(error)

    def import_words(word):
        entries = [new_entry(key, f"{key}{word}") for key in keys]
        return lambda conn: import_entries(conn, baseline.id, entries, now=LATER)

    changes = [
        import_words("x"),
        import_words("y"),
        lambda conn: store.withdraw_entry(conn, "baseline", "k7", now=LATER),
    ]
    connections = [as_role("hotline_staff") for _ in changes]
    threads = [threading.Thread(target=work, args=pair) for pair in zip(connections, changes, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    entries, hashes, generation = read_all(staff)
    assert (generation, len(entries), len(hashes)) == (4, 50, 50)
    ends = {word: {sha256_of(f"{key}{word}") for key in keys} for word in "xy"}
    assert {value.hex() for _, _, value in hashes} in (ends["x"], ends["y"])


def test_every_writer_takes_the_lock_of_the_generation_first(as_role, staff, baseline):
    """Also one that turns out to change nothing; else two writers could each hold what the other needs."""
    store.bump_generation(staff)
    other = as_role("hotline_staff")
    for write in (
        lambda: import_entries(other, baseline.id, [], now=NOW),
        lambda: store.withdraw_entry(other, "baseline", "never-seen", now=NOW),
    ):
        other.execute("SET LOCAL lock_timeout = '50ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            write()
        other.rollback()


# Withdrawals and reading


def test_a_withdrawn_entry_is_silent_and_cannot_be_withdrawn_again(staff, baseline):
    import_entries(staff, baseline.id, [new_entry("a"), new_entry("b")], now=NOW)
    ids = {row[1]: row[0] for row in read_all(staff)[0]}
    assert store.withdraw_entry(staff, "baseline", "a", now=LATER) == ids["a"]
    assert store.read_generation(staff) == 2
    for key in ("a", "never-seen", "a\0"):
        with pytest.raises(UnknownEntryError):
            store.withdraw_entry(staff, "baseline", key, now=LATER)
    assert store.read_generation(staff) == 2
    found = store.read_entries(staff, [*ids.values(), uuid4()])
    assert found == {
        ids["b"]: HashEntry(ids["b"], baseline.id, "baseline", "b", EntryClass.BASELINE, "csv", "baseline")
    }
    assert store.read_entries(staff, []) == {}
    (_, entry_ids) = snapshot.read_snapshot(staff).rows[Algorithm.SHA256]
    assert [UUID(bytes=each.tobytes()) for each in entry_ids] == [ids["b"]]


def test_live_rows_hold_every_algorithm_as_bytes(staff, baseline):
    value = bytes(range(32))
    pairs = {
        Algorithm.MD5: 16,
        Algorithm.SHA1: 20,
        Algorithm.SHA256: 32,
        Algorithm.PDQ: 32,
        Algorithm.PHASH: 8,
    }
    entry = Entry(
        "a",
        EntryClass.UNKNOWN,
        "csv",
        "",
        frozenset((each, value[:length].hex()) for each, length in pairs.items()),
    )
    import_entries(staff, baseline.id, [entry], now=NOW)
    rows = snapshot.read_snapshot(staff).rows
    assert {algorithm: values.tobytes() for algorithm, (values, _) in rows.items()} == {
        each: value[:length] for each, length in pairs.items()
    }


# Trust


def test_trust_takes_two_persons_and_both_in_writing(staff, baseline, persons):
    first, second = persons

    def refuse(step, entry_class, person_id, reason, words):
        with pytest.raises(TrustRefusedError, match=words):
            step(staff, "baseline", entry_class, person_id=person_id, reason=reason, now=NOW)

    refuse(hash_trust.confirm_trust, EntryClass.BASELINE, second, "read", "Nobody has proposed")
    refuse(hash_trust.propose_trust, EntryClass.BASELINE, first, "  ", "written reason")
    refuse(hash_trust.propose_trust, EntryClass.BASELINE, first, "x" * 2001, "written reason")
    refuse(hash_trust.propose_trust, EntryClass.NOT_ILLEGAL, first, "read", "never be trusted")
    refuse(hash_trust.propose_trust, EntryClass.CONTESTED, first, "read", "never be trusted")
    hash_trust.propose_trust(staff, "baseline", EntryClass.BASELINE, person_id=first, reason="read", now=NOW)
    assert store.list_trusted(staff) == set()
    refuse(hash_trust.propose_trust, EntryClass.BASELINE, second, "read", "proposed already")
    refuse(hash_trust.confirm_trust, EntryClass.BASELINE, first, "read", "second person")
    refuse(hash_trust.confirm_trust, EntryClass.BASELINE, second, "", "written reason")
    refuse(hash_trust.confirm_trust, EntryClass.ADVISORY, second, "read", "Nobody has proposed")
    assert store.list_trusted(staff) == set()
    hash_trust.confirm_trust(
        staff, "baseline", EntryClass.BASELINE, person_id=second, reason="read too", now=LATER
    )
    refuse(hash_trust.confirm_trust, EntryClass.BASELINE, second, "read", "confirmed already")
    assert store.list_trusted(staff) == {(baseline.id, EntryClass.BASELINE)}


def test_trust_of_an_unknown_set_is_refused(staff, persons):
    for step in (hash_trust.propose_trust, hash_trust.confirm_trust):
        with pytest.raises(UnknownHashSetError):
            step(staff, "nothing", EntryClass.BASELINE, person_id=persons[0], reason="read", now=NOW)


def test_the_database_itself_refuses_trust_by_one_person_or_without_a_proposal(
    conn, staff, baseline, persons
):
    first, second = persons

    def insert(entry_class, step, person_id, reason="read"):
        conn.execute(
            """
            INSERT INTO hash_set_trusts (set_id, class, step, person_id, reason, at)
            VALUES (%s, %s, %s, %s, %s, %s)
            """,
            (baseline.id, entry_class, step, person_id, reason, NOW),
        )

    def refuse(error, *values):
        with pytest.raises(error), conn.transaction():
            insert(*values)

    refuse(psycopg.errors.ForeignKeyViolation, "baseline", "confirmed", second)
    refuse(psycopg.errors.ForeignKeyViolation, "baseline", "proposed", uuid4())
    refuse(psycopg.errors.CheckViolation, "baseline", "proposed", first, " ")
    refuse(psycopg.errors.CheckViolation, "not_illegal", "proposed", first)
    insert("baseline", "proposed", first)
    refuse(psycopg.errors.UniqueViolation, "baseline", "confirmed", first)
    refuse(psycopg.errors.ForeignKeyViolation, "advisory", "confirmed", second)
    insert("baseline", "confirmed", second)
    with pytest.raises(psycopg.errors.ForeignKeyViolation), conn.transaction():
        conn.execute("DELETE FROM hash_set_trusts WHERE step = 'proposed'")


# The index


def test_an_index_of_nothing_is_built_and_current(staff, folder):
    index = ensure_current(staff, folder)
    assert (index.generation, index.search([query("a")])) == (0, [])
    assert index.is_current(folder)


def test_what_we_withdrew_stays_withdrawn_whatever_the_next_list_says(staff, baseline):
    entries = [new_entry("a"), new_entry("b")]
    import_entries(staff, baseline.id, entries, now=NOW)
    store.withdraw_entry(staff, "baseline", "a", now=LATER)
    assert import_entries(staff, baseline.id, entries, now=LATER) == ImportCounts()
    live = staff.execute("SELECT source_key FROM hash_entries WHERE withdrawn_at IS NULL").fetchall()
    assert live == [("b",)]
    store.restore_entry(staff, "baseline", "a", now=LATER)
    assert staff.execute("SELECT count(*) FROM hash_entries WHERE withdrawn_at IS NULL").fetchone() == (2,)
    with pytest.raises(UnknownEntryError):
        store.restore_entry(staff, "baseline", "b", now=LATER)


def test_the_index_follows_imports_and_withdrawals(staff, baseline, folder):
    ensure_current(staff, folder)
    import_entries(staff, baseline.id, [new_entry("a"), new_entry("b")], now=NOW)
    staff.commit()
    ids = {row[1]: row[0] for row in read_all(staff)[0]}
    index = ensure_current(staff, folder)
    assert index.generation == 1
    assert [hit.entry_id for hit in index.search([query("a"), query("b")])] == [ids["a"], ids["b"]]
    store.withdraw_entry(staff, "baseline", "a", now=LATER)
    staff.commit()
    renewed = ensure_current(staff, folder)
    assert not index.is_current(folder)
    assert [hit.entry_id for hit in renewed.search([query("a"), query("b")])] == [ids["b"]]


def test_a_current_index_is_not_built_again(staff, baseline, folder):
    first = ensure_current(staff, folder)
    ensure_current(staff, folder)
    assert first.is_current(folder)


def test_the_roles_that_match_may_build(as_role, tmp_path):
    for role in ("hotline_worker", "hotline_staff"):
        assert ensure_current(as_role(role), tmp_path / role).generation == 0


def test_a_damaged_index_is_built_anew(staff, baseline, folder):
    import_entries(staff, baseline.id, [new_entry("a")], now=NOW)
    staff.commit()
    ensure_current(staff, folder)
    (path,) = folder.glob("seg-*/sha256.values")
    path.write_bytes(b"\0" * 32)
    with pytest.raises(IndexUnreadableError):
        Index.open(folder)
    assert len(ensure_current(staff, folder).search([query("a")])) == 1


def test_an_unreadable_index_that_cannot_be_built_is_an_error(staff, tmp_path):
    (tmp_path / "index").write_text("a file stands where the folder should be")
    with pytest.raises(IndexUnreadableError, match=r"cannot be built: .*nothing was matched"):
        ensure_current(staff, tmp_path / "index")


def test_an_old_index_that_cannot_be_built_is_an_error(staff, baseline, folder):
    ensure_current(staff, folder)
    import_entries(staff, baseline.id, [new_entry("a")], now=NOW)
    staff.commit()
    # A folder in the lock's place stops root as well as anybody else.
    (folder / "lock").unlink()
    (folder / "lock").mkdir()
    with pytest.raises(IndexBehindError, match="nothing was matched"):
        ensure_current(staff, folder)


def test_the_index_of_another_database_is_refused(staff, baseline, folder):
    build_index(folder, 99, [(UUID(int=1), Algorithm.SHA256, bytes(32))])
    with pytest.raises(IndexUnreadableError, match="another database"):
        ensure_current(staff, folder)


def test_changes_that_are_not_committed_are_never_built(staff, baseline, folder):
    import_entries(staff, baseline.id, [new_entry("a")], now=NOW)
    with pytest.raises(IndexUnreadableError, match="after the commit"):
        build_from_database(staff, folder)
    assert not folder.exists()
    staff.rollback()
    assert build_from_database(staff, folder) == 0


def test_an_autocommit_connection_can_build_too(database, staff, baseline, folder):
    import_entries(staff, baseline.id, [new_entry("a")], now=NOW)
    staff.commit()
    with psycopg.connect(database.dsns["hotline_worker"], autocommit=True) as conn:
        assert ensure_current(conn, folder).generation == 1


def test_generation_and_rows_are_of_one_moment(as_role, staff, baseline):
    """Imports that commit while rows are read must not slip them under an older number."""

    def add_entries():
        for number in range(20):
            import_entries(staff, baseline.id, [new_entry(f"k{number}")], now=NOW)
            staff.commit()

    reader = as_role("hotline_worker")
    importer = threading.Thread(target=add_entries)
    importer.start()
    seen = set()
    while importer.is_alive() or 20 not in seen:
        found = snapshot.read_snapshot(reader)
        reader.rollback()
        rows = found.rows.get(Algorithm.SHA256, ((), ()))[0]
        assert len(rows) == found.generation
        seen.add(found.generation)
    importer.join()
