"""Lists that change: contradictions, disputes, harmless files, big changes, bad rows, and what follows for the past."""

import hashlib
import io
import random
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from hashsets import denied, snapshot, store
from hashsets.errors import DisputeRefusedError, InvalidHashSetError, InvalidListError, UnknownEntryError
from hashsets.model import Algorithm, BadRow, Entry, EntryClass, ImportCounts
from tests.builders import SENDING, make_person
from tests.counts import scale
from triage.errors import NotAllowedError, UnknownThingError
from triage.model import PersonRole
from triage.steps.change_hash_sets import (
    dispute_entry,
    go_through_recall,
    restore_entry,
    say_trust,
    withdraw_entry,
)
from triage.steps.import_hash_list import Confirmation, ListSource, SetFacts, import_list, refuse_list
from triage.store import custody, hash_recalls, review
from triage.store.hash_entries import list_disputes, read_entry
from triage.store.hash_imports import ImportState
from triage.store.people import find_person

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
BARE = pytest.mark.breaks_invariants("its pictures are shown by no item and have no digests of their own")
PDQ = "0f1e2d3c4b5a6978" * 4
FILE = ListSource("csv", hashlib.sha256(b"the file").digest(), is_snapshot=True)


def digest(word):
    return hashlib.sha256(word.encode()).hexdigest()


def entry(key, *words, entry_class=EntryClass.BASELINE, pdq=None, **more):
    pairs = {(Algorithm.SHA256, digest(word)) for word in words or (key,)}
    if pdq is not None:
        pairs = {(Algorithm.PDQ, pdq)}
    return Entry(key, entry_class, "csv", entry_class.value, frozenset(pairs), **more)


@pytest.fixture
def staff(as_role):
    conn = as_role("hotline_staff")
    for name, role in (("Lea", PersonRole.LEAD), ("Lin", PersonRole.LEAD), ("Ana", PersonRole.ANALYST)):
        make_person(conn, name, role)
    conn.commit()
    return conn


def load(conn, name, *rows, now=NOW, source=None, is_negative=False, confirmation=None):
    result = import_list(
        conn,
        name,
        rows,
        facts=SetFacts(name, "", "", is_negative=is_negative),
        actor="cli",
        now=now,
        sending=SENDING,
        source=source,
        confirmation=confirmation,
    )
    conn.commit()
    return result


def dispute(conn, name, key, *, by="Lea", reason="the wrong picture", **more):
    result = dispute_entry(conn, name, key, by=by, reason=reason, now=NOW, sending=SENDING, **more)
    conn.commit()
    return result


def contested(conn):
    rows = conn.execute(
        "SELECT name, source_key FROM hash_entries JOIN hash_sets ON hash_sets.id = set_id"
        " WHERE is_contested ORDER BY 1, 2"
    ).fetchall()
    conn.rollback()
    return [f"{name}/{key}" for name, key in rows]


def live_keys(conn, name):
    rows = conn.execute(
        "SELECT source_key FROM live_hash_entries JOIN hash_sets ON hash_sets.id = set_id"
        " WHERE name = %s ORDER BY source_key",
        (name,),
    ).fetchall()
    conn.rollback()
    return [row[0] for row in rows]


def lay_image(conn, *hits, verdict=None, basis="looked", frame=0):
    """Store an image that matched entries: pairs of set/key and None (exact) or a PDQ distance, as owner."""
    image_id = uuid4()
    conn.execute(
        "INSERT INTO images (id, sha256, media, can_be_shown, bytes, first_seen_at, state, verdict,"
        " verdict_basis, settled_at, width, height, frames) VALUES (%s, %s, 'picture', true, 1, %s, %s, %s, %s, %s,"
        " 9, 9, 1)",
        (
            image_id,
            uuid4().bytes * 2,
            NOW,
            "settled" if verdict else "unjudged",
            verdict,
            basis if verdict else None,
            NOW if verdict else None,
        ),
    )
    for place, (path, distance) in enumerate(hits):
        name, key = path.split("/")
        (entry_id, entry_class, value) = conn.execute(
            "SELECT e.id, class, value FROM hash_entries AS e JOIN hash_sets AS s ON s.id = set_id"
            " JOIN hash_entry_fingerprints ON entry_id = e.id WHERE name = %s AND source_key = %s",
            (name, key),
        ).fetchone()
        algorithm, orientation = ("pdq", f"o{place}") if distance is not None else ("sha256", "bytes")
        row = conn.execute(
            "INSERT INTO fingerprints (id, image_id, algorithm, version, frame, orientation, value, quality,"
            " matched_generation) VALUES (gen_random_uuid(), %s, %s, 1, %s, %s, %s, %s, 1)"
            " ON CONFLICT (image_id, algorithm, version, frame, orientation) DO UPDATE SET quality = NULL"
            " RETURNING id",
            (
                image_id,
                algorithm,
                frame if place == 0 and distance is not None else 0,
                orientation,
                value,
                100 if distance is not None else None,
            ),
        ).fetchone()
        conn.execute(
            "INSERT INTO matches (id, fingerprint_id, image_id, entry_id, kind, distance, class, is_trusted,"
            " generation, matched_at) VALUES (gen_random_uuid(), %s, %s, %s, %s, %s, %s, false, 1, %s)",
            (
                row[0],
                image_id,
                entry_id,
                "near" if distance is not None else "exact",
                distance or 0,
                entry_class,
                NOW,
            ),
        )
    conn.commit()
    return image_id


def trust(conn, name):
    for person in ("Lea", "Lin"):
        say_trust(conn, name, EntryClass.BASELINE, by=person, reason="read", now=NOW)
    conn.commit()


def count_live(conn, image_id):
    rows = conn.execute(
        "SELECT kind, is_trusted FROM live_matches WHERE image_id = %s ORDER BY kind, is_trusted", (image_id,)
    ).fetchall()
    conn.rollback()
    return rows


# Contested


def test_lists_that_contradict_each_other_are_contested_both_ways_until_one_gives_in(staff):
    load(staff, "one", entry("a", "x"), entry("b", "y"), entry("c", pdq=PDQ))
    assert contested(staff) == []
    harmless = EntryClass.NOT_ILLEGAL
    load(staff, "two", entry("p", "x", entry_class=harmless), entry("q", pdq=PDQ, entry_class=harmless))
    assert contested(staff) == ["one/a", "one/c", "two/p", "two/q"]
    load(staff, "two", entry("p", "x", entry_class=EntryClass.ADVISORY))
    assert contested(staff) == ["one/c", "two/q"]
    dispute(staff, "two", "q")
    assert contested(staff) == []
    dispute(staff, "two", "q", is_undone=True)
    assert contested(staff) == ["one/c", "two/q"]
    withdraw_entry(staff, "one", "c", actor="cli", now=NOW, sending=SENDING)
    assert contested(staff) == []


def test_what_one_provider_withdrew_is_contested_where_another_still_lists_it(staff):
    load(staff, "one", entry("a", "x"), entry("twin", "y"), entry("other-twin", "y"))
    load(staff, "two", entry("p", "x"), entry("q", "y"), entry("r", "z"))
    assert contested(staff) == []
    load(staff, "one", entry("a", "x", withdrawn=True), entry("twin", withdrawn=True))
    # The same bytes under another id were a double, and no change of mind.
    assert contested(staff) == ["two/p"]
    load(staff, "one", entry("a", "x"))
    assert contested(staff) == []
    # What we withdrew ourselves says nothing of another provider's word.
    withdraw_entry(staff, "one", "a", actor="cli", now=NOW, sending=SENDING)
    staff.commit()
    assert contested(staff) == []


@BARE
def test_a_contested_entry_is_never_trusted_and_the_page_is_told(staff, conn):
    load(staff, "one", entry("a", "x"))
    trust(staff, "one")
    image_id = lay_image(conn, ("one/a", None))
    assert count_live(staff, image_id) == [("exact", True)]
    load(staff, "two", entry("p", "x", entry_class=EntryClass.NOT_ILLEGAL))
    assert count_live(staff, image_id) == [("exact", False)]
    (match,) = review.read_matches(staff, [image_id])
    assert (match.entry_class, match.is_contested, match.is_trusted) == (EntryClass.BASELINE, True, False)
    ids = [row[0] for row in staff.execute("SELECT id FROM hash_entries").fetchall()]
    assert {one.entry_class for one in store.read_entries(staff, ids).values()} == {EntryClass.CONTESTED}
    withdraw_entry(staff, "two", "p", actor="cli", now=NOW, sending=SENDING)
    staff.commit()
    assert count_live(staff, image_id) == [("exact", True)]


# Disputes


def test_only_a_lead_disputes_and_only_in_writing(staff):
    load(staff, "one", entry("a"))
    with pytest.raises(NotAllowedError, match="Only a lead"):
        dispute(staff, "one", "a", by="Ana")
    with pytest.raises(UnknownThingError):
        dispute(staff, "one", "a", by="Nobody")
    with pytest.raises(NotAllowedError, match="written reason"):
        dispute(staff, "one", "a", reason=" ")
    with pytest.raises(UnknownEntryError):
        dispute(staff, "one", "never-seen")
    with pytest.raises(UnknownEntryError, match="no disputed entry"):
        dispute(staff, "one", "a", is_undone=True)
    staff.rollback()
    assert issubclass(DisputeRefusedError, Exception)
    assert live_keys(staff, "one") == ["a"]


@BARE
def test_a_disputed_entry_is_silent_at_once_and_its_history_is_kept(staff, conn):
    load(staff, "one", entry("a"), entry("b"))
    image_id = lay_image(conn, ("one/a", None))
    before = store.read_generation(staff)
    dispute(staff, "one", "a")
    assert store.read_generation(staff) == before + 1
    assert live_keys(staff, "one") == ["b"]
    assert count_live(staff, image_id) == []
    load(staff, "one", entry("a"), entry("b"))  # whatever its provider says next
    assert live_keys(staff, "one") == ["b"]
    dispute(staff, "one", "a", by="Lin", reason="it was right", is_undone=True)
    assert live_keys(staff, "one") == ["a", "b"]
    assert count_live(staff, image_id) == [("exact", False)]
    found = read_entry(staff, store.find_hash_set(staff, "one").id, "a")
    words = [(one.step, one.name, one.reason) for one in list_disputes(staff, found.id)]
    assert words == [("disputed", "Lea", "the wrong picture"), ("undone", "Lin", "it was right")]
    assert custody.verify(staff).broken == ()


def test_a_list_that_takes_hashes_away_or_contests_another_set_waits_like_one_that_withdraws(staff):
    load(staff, "one", *(entry(f"k{number}") for number in range(20)))
    other_hashes = [entry(f"k{number}", f"other {number}") for number in range(20)]
    result = load(staff, "one", *other_hashes, source=FILE)
    assert (result.state, result.weight.flipped, result.counts) == (ImportState.WAITING, 20, ImportCounts())
    opposite = [entry(f"n{number}", f"k{number}", entry_class=EntryClass.NOT_ILLEGAL) for number in range(20)]
    result = load(staff, "two", *opposite, source=FILE)
    assert (result.state, result.weight.flipped) == (ImportState.WAITING, 20)
    assert contested(staff) == []
    assert live_keys(staff, "two") == []
    confirmation = Confirmation("Lea", "their experts looked at each")
    assert load(staff, "two", *opposite, source=FILE, confirmation=confirmation).counts.added == 20
    assert len(contested(staff)) == 40


def test_two_sets_of_one_provider_do_not_contest_each_other_by_a_withdrawal(staff):
    load(staff, "one", entry("a", "x"))
    load(staff, "two", entry("b", "x"))
    staff.execute("UPDATE hash_sets SET provider = 'the same'")
    load(staff, "one", entry("a", "x", withdrawn=True))
    assert contested(staff) == []


def test_a_withdrawal_that_comes_before_its_entry_is_not_undone_by_it(staff):
    result = load(staff, "one", entry("a", withdrawn=True, revised_at=NOW), entry("b"))
    assert (result.counts.added, live_keys(staff, "one")) == (1, ["b"])
    load(staff, "one", entry("a", revised_at=NOW - timedelta(days=1)))
    assert live_keys(staff, "one") == ["b"]
    load(staff, "one", entry("a", revised_at=NOW + timedelta(days=1)))
    assert live_keys(staff, "one") == ["a", "b"]


def test_an_entry_without_a_date_takes_its_first_one(staff):
    load(staff, "one", entry("a"))
    load(staff, "one", entry("a", revised_at=NOW))
    load(staff, "one", entry("a", "other", revised_at=NOW - timedelta(days=1)))
    left = staff.execute("SELECT value FROM hash_entry_fingerprints").fetchall()
    assert [row[0].hex() for row in left] == [digest("a")]


def test_denied_hashes_leave_every_set_and_no_list_brings_them_again(staff):
    load(staff, "one", entry("a", "logo"), entry("b", "logo", "x"))
    load(staff, "two", entry("p", "logo"))
    dispute(staff, "one", "a", is_denied=True)
    left = staff.execute("SELECT value FROM hash_entry_fingerprints").fetchall()
    assert [row[0].hex() for row in left] == [digest("x")]
    result = load(staff, "two", entry("p", "logo", line=7), entry("q", "logo", "y"))
    assert result.bad == ()  # it is our word, not the list's fault
    assert result.counts.added == 1


def test_a_row_that_has_only_hashes_of_nothing_is_kept_aside_by_its_place(staff):
    blank = Entry("a", EntryClass.BASELINE, "csv", "", frozenset({(Algorithm.PDQ, "0" * 64)}))
    empty = hashlib.md5(b"", usedforsecurity=False).hexdigest()
    both = Entry(
        "b", EntryClass.BASELINE, "csv", "", frozenset({(Algorithm.MD5, empty), (Algorithm.PDQ, PDQ)})
    )
    result = load(staff, "one", entry("c"), blank, both)
    assert [row.line for row in result.bad] == [2]
    assert "0000" not in result.bad[0].reason
    assert result.counts.added == 2
    assert staff.execute("SELECT DISTINCT algorithm FROM hash_entry_fingerprints ORDER BY 1").fetchall() == [
        ("pdq",),
        ("sha256",),
    ]


# Harmless files


def test_a_set_of_harmless_files_says_nothing_else_and_is_never_trusted(staff):
    result = load(staff, "harmless", entry("a"), is_negative=True)
    assert (result.state, result.bad_rows) == (ImportState.REFUSED, 1)
    load(staff, "harmless", entry("a", entry_class=EntryClass.UNKNOWN), is_negative=True)
    assert staff.execute("SELECT class FROM hash_entries").fetchall() == [("not_illegal",)]
    with pytest.raises(Exception, match="never trusted"):
        say_trust(staff, "harmless", EntryClass.BASELINE, by="Lea", reason="read", now=NOW)
    staff.rollback()
    load(staff, "one", entry("b"))
    with pytest.raises(InvalidHashSetError, match="no list of harmless files"):
        load(staff, "one", entry("b", entry_class=EntryClass.UNKNOWN), is_negative=True)


@BARE
def test_a_harmless_picture_silences_near_hits_and_never_exact_ones(staff, conn):
    load(staff, "one", entry("near", pdq=PDQ), entry("exact", "x"))
    load(
        staff,
        "harmless",
        entry("n", pdq=PDQ[::-1], entry_class=EntryClass.UNKNOWN),
        entry("e", "y", entry_class=EntryClass.UNKNOWN),
        is_negative=True,
    )
    far = lay_image(conn, ("one/near", 20), ("harmless/n", 11))
    strong = lay_image(conn, ("one/near", 20), ("harmless/n", 10))
    nearer = lay_image(conn, ("one/near", 4), ("harmless/n", 10))
    other_frame = lay_image(conn, ("one/near", 20), ("harmless/n", 4), frame=1)
    by_bytes = lay_image(conn, ("one/near", 4), ("harmless/e", None))
    exact = lay_image(conn, ("one/exact", None), ("harmless/n", 2))
    alone = lay_image(conn, ("harmless/n", 2))
    near_hit, exact_hit = ("near", False), ("exact", False)
    found = [count_live(staff, one) for one in (far, strong, nearer, other_frame, by_bytes, exact, alone)]
    assert found == [[near_hit], [], [near_hit], [near_hit], [], [exact_hit], []]
    shown = {one.set_name: one for one in review.read_matches(staff, [strong])}
    assert shown["one"].is_silenced
    assert shown["harmless"].is_negative
    dispute(staff, "harmless", "n")
    assert count_live(staff, strong) == [near_hit]


@BARE
def test_a_harmless_entry_that_another_list_contradicts_silences_nothing(staff, conn):
    load(staff, "one", entry("near", pdq=PDQ))
    harmless = entry("n", pdq=PDQ[::-1], entry_class=EntryClass.UNKNOWN)
    load(staff, "harmless", harmless, is_negative=True)
    image = lay_image(conn, ("one/near", 20), ("harmless/n", 4))
    assert count_live(staff, image) == []
    load(staff, "two", entry("same", pdq=PDQ[::-1]))
    assert contested(staff) == ["harmless/n", "two/same"]
    assert count_live(staff, image) == [("near", False)]


# Big changes


def fill(staff, count=100, **more):
    rows = [entry(f"k{number:03}") for number in range(count)]
    load(staff, "one", *rows, **more)
    return rows


def test_a_snapshot_withdraws_what_it_no_longer_names(staff):
    rows = fill(staff)
    result = load(staff, "one", *rows[:95], source=FILE)  # 5 % of it, but a handful
    assert (result.state, result.counts.withdrawn) == (ImportState.APPLIED, 5)
    assert len(live_keys(staff, "one")) == 95


@pytest.mark.parametrize("kind", ["removes", "withdraws", "flips"])
def test_a_big_change_waits_and_changes_nothing_until_a_lead_lets_it(staff, kind):
    rows = fill(staff)
    if kind == "removes":
        changed, source = rows[:85], FILE
    else:
        source = ListSource("csv", FILE.file_sha256)
        how = {"withdrawn": True} if kind == "withdraws" else {"entry_class": EntryClass.ADVISORY}
        changed = [entry(f"k{number:03}", **how) for number in range(15)]
    before = store.read_generation(staff)
    result = load(staff, "one", *changed, source=source)
    assert result.state is ImportState.WAITING
    assert (result.weight.removed + result.weight.flipped, result.weight.live) == (15, 100)
    assert (store.read_generation(staff), len(live_keys(staff, "one"))) == (before, 100)
    for confirmation, given, words in (
        (Confirmation("Ana", "read"), source, "Only a lead"),
        (Confirmation("Lea", " "), source, "written reason"),
        (Confirmation("Lea", "read"), ListSource("csv", bytes(32), source.is_snapshot), "not the list"),
        (
            Confirmation("Lea", "read"),
            ListSource("csv", source.file_sha256, not source.is_snapshot),
            "not the",
        ),
    ):
        with pytest.raises(NotAllowedError, match=words):
            load(staff, "one", *changed, source=given, confirmation=confirmation)
        staff.rollback()
    assert store.read_generation(staff) == before
    result = load(staff, "one", *changed, source=source, confirmation=Confirmation("Lea", "they told us"))
    assert result.state is ImportState.APPLIED
    assert result.counts.withdrawn + result.counts.changed == 15
    states = staff.execute(
        "SELECT state, persons.name, reason FROM hash_imports LEFT JOIN persons ON persons.id = decided_by"
        " ORDER BY hash_imports.at, hash_imports.id"
    ).fetchall()
    assert states == [("applied", None, None), ("applied", "Lea", "they told us")]
    with pytest.raises(NotAllowedError, match="No list waits"):
        load(staff, "one", *changed, source=source, confirmation=Confirmation("Lea", "again"))


def test_a_list_that_waits_gives_way_to_the_next_one(staff):
    rows = fill(staff)
    load(staff, "one", *rows[:50], source=FILE)
    load(staff, "one", *rows[:40], source=ListSource("csv", bytes(32), is_snapshot=True))
    load(staff, "one", entry("new"))
    rows_ = staff.execute(
        "SELECT state, withdrawn FROM hash_imports WHERE is_snapshot ORDER BY at, id"
    ).fetchall()
    assert rows_ == [("refused", 50), ("refused", 60)]


def test_a_lead_refuses_a_list_that_waits_and_only_a_lead_does(staff):
    rows = fill(staff)
    load(staff, "one", *rows[:50], source=FILE)
    for by, reason, words in (("Ana", "no", "Only a lead"), ("Lea", " ", "written reason")):
        with pytest.raises(NotAllowedError, match=words):
            refuse_list(staff, "one", by=by, reason=reason, now=NOW)
        staff.rollback()
    refuse_list(staff, "one", by="Lea", reason="half of it is missing", now=NOW)
    staff.commit()
    assert len(live_keys(staff, "one")) == 100
    states = staff.execute(
        "SELECT state, persons.name, reason FROM hash_imports LEFT JOIN persons ON persons.id = decided_by"
        " ORDER BY hash_imports.at, hash_imports.id"
    ).fetchall()
    assert states == [("applied", None, None), ("refused", "Lea", "half of it is missing")]
    with pytest.raises(NotAllowedError, match="No list waits"):
        refuse_list(staff, "one", by="Lea", reason="again", now=NOW)


def test_a_big_change_without_a_file_is_refused(staff):
    fill(staff)
    flips = [entry(f"k{number:03}", entry_class=EntryClass.ADVISORY) for number in range(50)]
    with pytest.raises(NotAllowedError, match="a lead must let it"):
        load(staff, "one", *flips)


def test_a_whole_list_with_unreadable_rows_waits_before_it_withdraws_anything(staff):
    rows = fill(staff, 20)
    result = load(staff, "one", *rows[1:], BadRow(21, "the row has no id"), source=FILE)
    assert (result.state, result.weight.missing) == (ImportState.WAITING, 1)
    with pytest.raises(InvalidListError, match="without one entry"):
        load(staff, "one", source=FILE)


def test_too_many_bad_rows_refuse_the_whole_list_and_are_kept_by_line(staff):
    rows = fill(staff)
    bad = [BadRow(200 + number, "the row has no hash") for number in range(10)]
    result = load(staff, "one", *rows, entry("new"), *bad, source=FILE)
    assert result.state is ImportState.REFUSED
    assert "new" not in live_keys(staff, "one")
    kept = staff.execute("SELECT line, reason FROM hash_import_bad_rows ORDER BY place").fetchall()
    assert kept == [(row.line, row.reason) for row in bad]
    assert load(staff, "one", *rows, entry("new"), *bad[:9]).state is ImportState.APPLIED
    # Of a set that is new nothing is kept.
    assert load(staff, "fresh", *bad[:1]).state is ImportState.REFUSED
    assert staff.execute("SELECT count(*) FROM hash_sets").fetchone() == (1,)


# Replays


def read_state(conn, name):
    rows = conn.execute(
        "SELECT source_key, class, revised_at, array_agg(encode(value, 'hex') ORDER BY value)"
        " FROM hash_entries JOIN hash_sets ON hash_sets.id = set_id"
        " LEFT JOIN hash_entry_fingerprints ON entry_id = hash_entries.id"
        " WHERE name = %s AND withdrawn_at IS NULL GROUP BY hash_entries.id ORDER BY source_key",
        (name,),
    ).fetchall()
    conn.rollback()
    return rows


def test_replaying_deltas_in_any_order_equals_a_full_read(staff):
    rng, classes = random.Random(510), list(EntryClass)
    for number in range(scale(3)):
        truth, deltas = {}, []
        for revision in range(12):
            delta = []
            for key in rng.sample("abcdefgh", 3):
                gone = key in truth and rng.random() < 0.3
                one = entry(
                    key,
                    f"{key}{rng.randint(0, 2)}",
                    entry_class=rng.choice(classes),
                    withdrawn=gone,
                    revised_at=NOW + timedelta(minutes=revision),
                )
                truth[key] = one
                delta.append(one)
            deltas.append(delta)
        load(staff, f"full-{number}", *(one for one in truth.values() if not one.withdrawn))
        once = [*deltas, *rng.sample(deltas, 4)]  # some of them come a second time, late
        for delta in once:
            load(staff, f"deltas-{number}", *delta)
        assert read_state(staff, f"deltas-{number}") == read_state(staff, f"full-{number}")
        generations = staff.execute("SELECT max(generation) FROM hash_entries").fetchone()
        assert generations[0] <= store.read_generation(staff)


# Past decisions


@BARE
def test_what_leaned_on_an_entry_is_listed_and_only_what_nobody_saw_is_reopened(staff, conn):
    load(staff, "one", entry("a"), entry("b"))
    trust(staff, "one")
    unseen = lay_image(conn, ("one/a", None), verdict="illegal", basis="exact_hash")
    looked = lay_image(conn, ("one/a", 12), verdict="illegal")
    lay_image(conn, ("one/a", None))  # open: nothing was decided
    lay_image(conn, ("one/b", None), verdict="illegal", basis="exact_hash")
    refreshed = withdraw_entry(staff, "one", "a", actor="cli", now=NOW, sending=SENDING)
    staff.commit()
    assert {(one.image_id, one.is_reopened, one.cause) for one in refreshed.recalls} == {
        (unseen, True, "withdrawn"),
        (looked, False, "withdrawn"),
    }
    states = dict(conn.execute("SELECT id, state::text FROM images").fetchall())
    assert (states[unseen], states[looked]) == ("unjudged", "settled")
    entry_id = read_entry(staff, store.find_hash_set(staff, "one").id, "a").id
    assert len(hash_recalls.list_leaning(staff, entry_id)) == 3
    (first, second) = hash_recalls.list_recalls(staff, entry_id=entry_id)
    go_through_recall(staff, first.id, person=find_person(staff, "Ana"), now=NOW)
    staff.commit()
    with pytest.raises(UnknownThingError):
        go_through_recall(staff, first.id, person=find_person(staff, "Ana"), now=NOW)
    assert hash_recalls.list_recalls(staff) == [second]
    restore_entry(staff, "one", "a", actor="cli", now=NOW, sending=SENDING)
    staff.commit()
    assert hash_recalls.list_recalls(staff) == []
    assert custody.verify(staff).broken == ()


@BARE
@pytest.mark.parametrize("how", ["contested", "changed", "disputed"])
def test_every_way_in_which_an_entry_loses_its_weight_recalls_what_leaned_on_it(staff, conn, how):
    load(staff, "one", entry("a", "x"))
    trust(staff, "one")
    unseen = lay_image(conn, ("one/a", None), verdict="illegal", basis="exact_hash")
    if how == "contested":
        refreshed = load(staff, "two", entry("p", "x", entry_class=EntryClass.NOT_ILLEGAL)).refreshed
    elif how == "changed":
        refreshed = load(staff, "one", entry("a", "x", entry_class=EntryClass.ADVISORY)).refreshed
    else:
        refreshed = dispute(staff, "one", "a")
    assert [(one.image_id, one.cause.value, one.is_reopened) for one in refreshed.recalls] == [
        (unseen, how, True)
    ]
    assert conn.execute("SELECT state::text FROM images").fetchone() == ("unjudged",)


# What is written down


def test_no_hash_is_in_a_log_an_error_or_the_chain(staff, caplog):
    caplog.set_level("DEBUG")
    said = io.StringIO()
    load(staff, "one", entry("a", "x"))
    load(staff, "two", entry("p", "x", entry_class=EntryClass.NOT_ILLEGAL))
    for step in (
        lambda: load(staff, "one", entry("a", "x"), entry("a", "y")),
        lambda: load(
            staff, "one", Entry("z", EntryClass.BASELINE, "", "", frozenset({(Algorithm.MD5, digest("x"))}))
        ),
        lambda: dispute(staff, "one", "never-seen"),
    ):
        with pytest.raises(Exception) as caught:
            step()
        said.write(str(caught.value))
        staff.rollback()
    dispute(staff, "one", "a", is_denied=True)
    said.write(str(staff.execute("SELECT record FROM custody_events").fetchall()))
    said.write(caplog.text)
    assert digest("x")[:12] not in said.getvalue()
    assert digest("y")[:12] not in said.getvalue()
    assert denied.read_denied(staff) == {(Algorithm.SHA256, digest("x"))}
    assert snapshot.has_own_changes(staff) is False
