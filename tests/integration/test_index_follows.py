"""The index follows the database by small segments, with the answers of an index built anew."""

import random
from datetime import UTC, datetime

import pytest

from hashsets import current, store
from hashsets.current import bring_up_to_date, build_from_database, ensure_current
from hashsets.errors import IndexUnreadableError
from hashsets.model import HEX_DIGITS, Algorithm, Entry, EntryClass, Fingerprint
from hashsets.search import Index
from hashsets.segments import open_generation
from hashsets.snapshot import count_changes, read_changes, read_snapshot
from tests.counts import scale
from tests.hash_rows import import_entries

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


def draw_hash(rng, algorithm):
    bits = HEX_DIGITS[algorithm] * 4
    return f"{sum(1 << place for place in rng.sample(range(bits), bits // 2)):0{bits // 4}x}"


def draw_entry(rng, key):
    hashes = {(each, draw_hash(rng, each)) for each in rng.sample(list(Algorithm), rng.randrange(1, 4))}
    return Entry(key, EntryClass.BASELINE, "csv", "baseline", frozenset(hashes))


def ask(entries):
    return [
        Fingerprint(algorithm, value, orientation="r0")
        for entry in entries
        for algorithm, value in sorted(entry.fingerprints)
    ]


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "index"


def names_of(folder):
    return [each.name for each in open_generation(folder).manifest.segments]


def test_a_change_is_added_and_the_rest_stays_as_it_lies(staff, baseline, folder):
    rng = random.Random(1)
    first, second = draw_entry(rng, "a"), draw_entry(rng, "b")
    import_entries(staff, baseline.id, [first], now=NOW)
    staff.commit()
    ensure_current(staff, folder)
    (base,) = names_of(folder)
    import_entries(staff, baseline.id, [second], now=NOW)
    staff.commit()
    index = ensure_current(staff, folder)
    assert names_of(folder)[0] == base
    assert len(names_of(folder)) == 2
    assert len(index.search(ask([first, second]))) == len(ask([first, second]))
    store.withdraw_entry(staff, "baseline", "a", now=NOW)
    staff.commit()
    index = ensure_current(staff, folder)
    assert index.search(ask([first])) == []
    assert len(index.search(ask([second]))) == len(second.fingerprints)
    assert sum(index.counts.values()) == len(second.fingerprints)


def test_a_generation_without_changes_needs_no_segment(staff, baseline, folder):
    ensure_current(staff, folder)
    store.bump_generation(staff)
    staff.commit()
    assert ensure_current(staff, folder).generation == 1
    assert names_of(folder) == []


def test_an_older_backup_that_goes_another_way_is_never_taken_for_the_same(staff, baseline, folder, conn):
    rng = random.Random(4)
    first, second, third = (draw_entry(rng, key) for key in "abc")
    import_entries(staff, baseline.id, [first], now=NOW)
    staff.commit()
    assert ensure_current(staff, folder).generation == 1
    # The database is put back to its beginning, and other lists lead to the same number.
    conn.execute("UPDATE hash_generation_marks SET mark = gen_random_uuid() WHERE generation = 1")
    conn.execute("DELETE FROM hash_entry_fingerprints")
    conn.execute("DELETE FROM hash_entries")
    conn.execute("UPDATE hash_generation SET generation = 0")
    conn.execute("DELETE FROM hash_generation_marks WHERE generation = 1")
    conn.commit()
    import_entries(staff, baseline.id, [second], now=NOW)
    staff.commit()
    index = ensure_current(staff, folder)
    assert index.generation == 1
    assert index.search(ask([first])) == []
    assert len(index.search(ask([second]))) == len(second.fingerprints)
    import_entries(staff, baseline.id, [third], now=NOW)
    staff.commit()
    assert len(ensure_current(staff, folder).search(ask([second, third]))) == len(ask([second, third]))


@pytest.mark.parametrize("seed", range(scale(2)))
def test_replaying_changes_equals_a_full_build(staff, baseline, folder, tmp_path, seed):
    rng = random.Random(seed)
    drawn, seen = {}, []
    for step in range(14):
        for _ in range(rng.randrange(1, 6)):
            key = f"key{rng.randrange(12)}"
            drawn[key] = draw_entry(rng, key)
            seen.append(drawn[key])
        import_entries(staff, baseline.id, list(drawn.values()), now=NOW)
        live = [
            row[0] for row in staff.execute("SELECT source_key FROM hash_entries WHERE withdrawn_at IS NULL")
        ]
        if live and step % 3 == 0:
            store.withdraw_entry(staff, "baseline", rng.choice(live), now=NOW)
        staff.commit()
        index = ensure_current(staff, folder)
        build_from_database(staff, tmp_path / "anew")
        anew = Index.open(tmp_path / "anew")
        assert (index.generation, index.counts) == (anew.generation, anew.counts)
        assert index.search(ask(seen)) == anew.search(ask(seen))
    assert len(names_of(folder)) <= 9


def test_many_changes_are_built_anew(staff, baseline, folder, monkeypatch):
    rng = random.Random(3)
    entries = [draw_entry(rng, f"k{number}") for number in range(9)]
    import_entries(staff, baseline.id, entries[:1], now=NOW)
    staff.commit()
    ensure_current(staff, folder)
    monkeypatch.setattr(current, "FEW_CHANGES", 3)
    import_entries(staff, baseline.id, entries, now=NOW)
    staff.commit()
    index = ensure_current(staff, folder)
    assert len(names_of(folder)) == 1
    assert len(index.search(ask(entries))) == len(ask(entries))


def test_changes_say_which_entries_and_what_they_have_now(staff, baseline):
    rng = random.Random(4)
    first, second = draw_entry(rng, "a"), draw_entry(rng, "b")
    import_entries(staff, baseline.id, [first], now=NOW)
    import_entries(staff, baseline.id, [second], now=NOW)
    store.withdraw_entry(staff, "baseline", "b", now=NOW)
    assert count_changes(staff, 0, most=10) == 2
    assert count_changes(staff, 0, most=1) == 2
    assert count_changes(staff, 1, most=10) == 1
    found = read_changes(staff, 1)
    assert (found.generation, len(found.changed), dict(found.rows)) == (3, 1, {})
    everything = read_snapshot(staff)
    pairs = {
        (algorithm, value.tobytes().hex())
        for algorithm, (values, _) in everything.rows.items()
        for value in values
    }
    assert (everything.generation, pairs) == (3, set(first.fingerprints))


def test_the_next_look_adds_nothing_twice(staff, baseline, folder):
    import_entries(staff, baseline.id, [draw_entry(random.Random(5), "a")], now=NOW)
    staff.commit()
    assert bring_up_to_date(staff, folder) == 1
    before = open_generation(folder).manifest
    assert bring_up_to_date(staff, folder) == 1
    assert open_generation(folder).manifest == before


def test_changes_that_are_not_committed_are_never_added(staff, baseline, folder):
    ensure_current(staff, folder)
    import_entries(staff, baseline.id, [draw_entry(random.Random(6), "a")], now=NOW)
    with pytest.raises(IndexUnreadableError, match="after the commit"):
        bring_up_to_date(staff, folder)
    assert Index.open(folder).generation == 0


def test_a_damaged_segment_is_not_built_upon(staff, baseline, folder):
    rng = random.Random(7)
    first, second = draw_entry(rng, "a"), draw_entry(rng, "b")
    import_entries(staff, baseline.id, [first], now=NOW)
    staff.commit()
    ensure_current(staff, folder)
    (path,) = folder.glob("seg-*/entries")
    path.write_bytes(path.read_bytes()[:-1])
    import_entries(staff, baseline.id, [second], now=NOW)
    staff.commit()
    index = ensure_current(staff, folder)
    assert len(names_of(folder)) == 1
    assert len(index.search(ask([first, second]))) == len(ask([first, second]))
