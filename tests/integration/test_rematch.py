"""Retro-match: pictures of before against lists that came later; nothing is lost, doubled or taken for matched."""

import threading
from datetime import timedelta

import pytest

from hashsets.errors import IndexBehindError
from hashsets.model import Algorithm
from tests.assessing import Assessors
from tests.builders import SENDING, count_rows, list_entry, settle_image, trust
from tests.captures import FIRST, SECOND, capture, find_pdq, image_of, url
from triage.clock import utcnow
from triage.errors import StaleStateError
from triage.ids import new_id
from triage.queue import QueueDoor
from triage.rules.due import QueueName
from triage.steps import rematch_images as step
from triage.steps.change_hash_sets import restore_entry, withdraw_entry
from triage.store import custody, rematches
from triage.store.checks import find_violations
from workers import rematch as job
from workers.purge_expired import purge_expired
from workers.rematch import rematch
from workers.sweep_due import sweep_once

LATER = "a list that came later knows it; "
EXACT = "exact digest in a set that is not trusted"
KNOWN = "known: exact digest in a trusted set or settled here"


def run_rematch(desk):
    rematch(desk.tools, new_id())


def count_behind(conn):
    query = "SELECT count(*) FROM fingerprints WHERE matched_generation < (SELECT generation FROM hash_generation)"
    return count_rows(conn, query)


def count_matched_events(conn, image_id):
    return sum(one.event == "matched" for one in custody.read_stream(conn, f"image/{image_id}"))


def turn_bits(value, bits):
    """The same hash with its first bits turned."""
    return f"{int(value, 16) ^ ((1 << bits) - 1):064x}"


@pytest.fixture
def pictures(desk):
    """Two pictures that wait for a look; no list knows anything yet."""
    items = desk.report(url("/first.jpg"), url("/second.jpg"))
    capture(desk, *items)
    assert [desk.place(one).reason for one in items] == ["new picture", "new picture"]
    return items


# When the matcher does not work


def test_an_index_that_cannot_be_opened_leaves_everything_behind(desk, pictures, caplog):
    desk.import_entries("later", list_entry("a", data=FIRST))
    for one in desk.index_dir.rglob("*"):
        if one.is_file():
            one.unlink()
    for one in sorted(desk.index_dir.rglob("*"), reverse=True):
        one.rmdir()
    if desk.index_dir.exists():
        desk.index_dir.rmdir()
    desk.index_dir.write_bytes(b"not a folder")
    behind = count_behind(desk.conn)
    assert behind > 0
    with desk.conn.transaction():
        desk.conn.execute("UPDATE rematching SET nudged_at = now()")
    run_rematch(desk)
    assert count_behind(desk.conn) == behind
    assert count_rows(desk.conn, "SELECT count(*) FROM matches") == 0
    assert count_rows(desk.conn, "SELECT count(*) FROM rematching WHERE nudged_at IS NOT NULL") == 1
    assert "waits" in caplog.text
    desk.index_dir.unlink()
    run_rematch(desk)
    assert count_behind(desk.conn) == 0
    assert desk.place(pictures[0]).reason == LATER + EXACT


def test_a_list_that_changes_during_the_search_is_never_missed(desk, pictures):
    desk.import_entries("later", list_entry("a", data=b"else"))
    image = image_of(desk, pictures[0])

    def search(_):
        return []

    with pytest.raises(IndexBehindError):
        desk.tools.database.run(
            lambda conn: step.rematch_images(conn, [image], search, generation=0, now=utcnow())
        )
    assert count_behind(desk.conn) > 0


def test_an_image_that_cannot_be_recorded_holds_up_no_other(desk, pictures, monkeypatch, caplog):
    bad = image_of(desk, pictures[0])
    real = step.record_matches

    def fail_for_one(conn, image_id, *rest, **more):
        if image_id == bad:
            raise StaleStateError
        return real(conn, image_id, *rest, **more)

    desk.import_entries("later", list_entry("a", data=FIRST), list_entry("b", data=SECOND))
    monkeypatch.setattr(step, "record_matches", fail_for_one)
    run_rematch(desk)
    assert desk.place(pictures[1]).reason == LATER + EXACT
    assert desk.place(pictures[0]).reason == "new picture"
    assert f"image {bad} could not be matched again" in caplog.text
    monkeypatch.undo()
    run_rematch(desk)
    assert desk.place(pictures[0]).reason == LATER + EXACT
    assert count_behind(desk.conn) == 0


def test_a_picture_that_a_capture_holds_is_left_to_it(desk, pictures):
    desk.import_entries("later", list_entry("a", data=FIRST), list_entry("b", data=SECOND))
    held = image_of(desk, pictures[0])
    desk.conn.execute("SELECT FROM fingerprints WHERE image_id = %s FOR UPDATE", (held,))
    done = threading.Event()
    thread = threading.Thread(target=lambda: (run_rematch(desk), done.set()))
    thread.start()
    assert done.wait(10), "it waited for the capture"
    thread.join()
    desk.conn.rollback()
    assert desk.place(pictures[1]).reason == LATER + EXACT
    assert desk.place(pictures[0]).reason == "new picture"
    run_rematch(desk)
    assert desk.place(pictures[0]).reason == LATER + EXACT


def test_two_workers_do_no_work_twice(desk, pictures):
    desk.import_entries("later", list_entry("a", data=FIRST))
    assert rematches.try_begin(desk.conn)
    run_rematch(desk)
    assert count_behind_unlocked(desk) > 0
    desk.conn.rollback()
    run_rematch(desk)
    assert count_behind(desk.conn) == 0


def count_behind_unlocked(desk):
    """Count by another connection: the one of the test holds a lock."""
    return desk.tools.database.run(
        lambda conn: conn.execute(
            "SELECT count(*) FROM fingerprints WHERE matched_generation < (SELECT generation FROM hash_generation)"
        ).fetchone()[0]
    )


# What it finds


def test_what_waits_is_ranked_anew_and_says_why(desk, pictures):
    first, second = pictures
    pdq = find_pdq(desk, second)
    desk.import_entries("later", list_entry("a", data=FIRST), list_entry("b", pdq=turn_bits(pdq, 12)))
    assert desk.place(first).reason == "new picture"
    run_rematch(desk)
    assert desk.place(first).reason == LATER + EXACT
    assert desk.place(second).reason == LATER + "near a listed picture: 12 bits of 256"
    events = custody.read_stream(desk.conn, f"image/{image_of(desk, first)}")
    assert events[-1].event == "matched"
    assert events[-1].actor == "worker"
    assert '"new":1' in events[-1].record
    assert custody.verify(desk.conn).broken == ()
    assert find_violations(desk.conn) == []


def test_what_a_trusted_list_knows_needs_no_look_any_more_and_its_views_go(desk, pictures):
    first, second = pictures
    desk.import_entries("later", list_entry("z", data=b"else"))
    trust(desk.conn, "later")
    run_rematch(desk)
    desk.import_entries("later", list_entry("a", data=FIRST))
    run_rematch(desk)
    assert (desk.place(first).lane, desk.place(first).reason) == ("no_look", LATER + KNOWN)
    assert desk.place(second).lane == "look"
    tools = desk.tools
    purge_expired(tools.database, tools.vault, tools.settings, now=utcnow() + timedelta(hours=1))
    kept = "SELECT count(*) FROM evidence_objects WHERE image_id = %s"
    assert count_rows(desk.conn, kept, image_of(desk, first)) == 0
    assert count_rows(desk.conn, kept, image_of(desk, second)) == 4


def put_aside(desk, path="/first.jpg"):
    """Report and capture a picture that was settled as not illegal before; it closes by itself."""
    (item,) = desk.report(url(path))
    capture(desk, item)
    assert desk.place(item).closed_as == "same_as_before"
    return item


def test_what_was_put_aside_comes_back_and_its_picture_is_judged_anew(desk, pictures):
    image = image_of(desk, pictures[0])
    settle_image(desk.conn, image)
    aside = put_aside(desk, "/again.jpg")
    desk.import_entries("later", list_entry("a", pdq=turn_bits(find_pdq(desk, pictures[0]), 3)))
    run_rematch(desk)
    reason = LATER + "near a listed picture: 3 bits of 256"
    assert (desk.place(aside).state, desk.place(aside).reason) == ("awaiting_assessment", reason)
    assert desk.place(pictures[0]).reason == reason
    rows = desk.conn.execute(
        "SELECT state::text, verdict, round FROM images WHERE id = %s", (image,)
    ).fetchall()
    assert rows == [("unjudged", None, 2)]
    assert find_violations(desk.conn) == []


def test_what_was_put_aside_and_has_no_view_left_is_captured_again(desk, pictures):
    image = image_of(desk, pictures[0])
    settle_image(desk.conn, image)
    aside = put_aside(desk, "/again.jpg")
    tools = desk.tools
    purge_expired(tools.database, tools.vault, tools.settings, now=utcnow() + timedelta(hours=1))
    assert count_rows(desk.conn, "SELECT count(*) FROM evidence_objects WHERE image_id = %s", image) == 0
    desk.import_entries("later", list_entry("a", pdq=find_pdq(desk, pictures[0])))
    run_rematch(desk)
    assert desk.place(aside).state == "received"
    capture(desk, aside)
    assert desk.place(aside).reason == "near a listed picture: 0 bits of 256"
    assert count_rows(desk.conn, "SELECT count(*) FROM evidence_objects WHERE image_id = %s", image) == 4


def test_what_was_put_aside_and_a_trusted_list_knows_needs_one_key_and_no_look(desk, pictures):
    desk.import_entries("later", list_entry("z", data=b"else"))
    trust(desk.conn, "later")
    image = image_of(desk, pictures[0])
    settle_image(desk.conn, image)
    aside = put_aside(desk, "/again.jpg")
    desk.import_entries("later", list_entry("a", data=FIRST))
    run_rematch(desk)
    assert (desk.place(aside).lane, desk.place(aside).reason) == ("no_look", LATER + KNOWN)
    Assessors(desk.conn).confirm("Ana", aside)
    assert desk.place(aside).state == "actionable"
    row = desk.conn.execute(
        "SELECT verdict::text, verdict_basis FROM images WHERE id = %s", (image,)
    ).fetchone()
    assert row == ("illegal", "exact_hash")
    assert find_violations(desk.conn) == []


def test_an_entry_that_comes_back_brings_back_what_was_put_aside_meanwhile(desk, pictures):
    desk.import_entries("later", list_entry("a", data=FIRST))
    trust(desk.conn, "later")
    run_rematch(desk)
    withdraw_entry(desk.conn, "later", "a", actor="cli", now=utcnow(), sending=SENDING)
    desk.conn.commit()
    settle_image(desk.conn, image_of(desk, pictures[0]))
    aside = put_aside(desk, "/again.jpg")
    restore_entry(desk.conn, "later", "a", actor="cli", now=utcnow(), sending=SENDING)
    desk.conn.commit()
    run_rematch(desk)
    assert (desk.place(aside).lane, desk.place(aside).reason) == ("no_look", LATER + KNOWN)
    assert count_behind(desk.conn) == 0


def test_a_page_put_aside_comes_back_with_its_picture(desk, site, pictures):
    settle_image(desk.conn, image_of(desk, pictures[0]))
    site.lay_answer("/page", b"<img src=/again.jpg>", "text/html")
    (page,) = desk.report(url("/page"))
    capture(desk, page)
    assert desk.place(page).closed_as == "same_as_before"
    desk.import_entries("later", list_entry("a", data=FIRST))
    run_rematch(desk)
    assert desk.place(page).state == "awaiting_assessment"
    assert desk.place(page).reason == "a page: 1 pictures, 0 known"
    (child,) = desk.conn.execute(
        "SELECT child_id FROM shown_children WHERE parent_id = %s", (page,)
    ).fetchone()
    assert desk.place(child).reason == LATER + EXACT
    assert find_violations(desk.conn) == []


def test_a_verdict_of_illegal_stands_whatever_comes_later(desk, pictures):
    image = image_of(desk, pictures[0])
    settle_image(desk.conn, image, "illegal")
    desk.import_entries("later", list_entry("a", data=FIRST))
    run_rematch(desk)
    row = desk.conn.execute("SELECT verdict::text, round FROM images WHERE id = %s", (image,)).fetchone()
    assert row == ("illegal", 1)
    assert count_rows(desk.conn, "SELECT count(*) FROM matches WHERE image_id = %s", image) == 1


def test_the_worker_can_take_off_no_other_verdict(desk, as_role, pictures):
    first, second = (image_of(desk, one) for one in pictures)
    settle_image(desk.conn, first, "illegal")
    settle_image(desk.conn, second)
    worker = as_role("hotline_worker")
    assert not rematches.reopen_matched_image(worker, first)
    assert not rematches.reopen_matched_image(worker, second)


# Doing it again


def test_the_same_work_again_changes_nothing(desk, pictures):
    desk.import_entries("later", list_entry("a", data=FIRST))
    run_rematch(desk)
    image = image_of(desk, pictures[0])
    before = count_matched_events(desk.conn, image)
    desk.conn.execute("UPDATE fingerprints SET matched_generation = 0")
    desk.conn.commit()
    run_rematch(desk)
    assert count_behind(desk.conn) == 0
    assert count_rows(desk.conn, "SELECT count(*) FROM matches") == 1
    assert count_matched_events(desk.conn, image) == before


def test_where_nothing_came_since_nothing_is_searched(desk, pictures):
    desk.import_entries("later", list_entry("a", data=b"else"), list_entry("b", data=b"more"))
    run_rematch(desk)
    withdraw_entry(desk.conn, "later", "a", actor="cli", now=utcnow(), sending=SENDING)
    desk.conn.commit()
    assert count_behind(desk.conn) > 0
    opened = desk.tools.index._index
    run_rematch(desk)
    assert count_behind(desk.conn) == 0
    assert desk.tools.index._index is opened
    assert opened.generation < count_rows(desk.conn, "SELECT generation FROM hash_generation")


def test_many_small_batches_come_to_the_same(desk, pictures, monkeypatch):
    desk.import_entries("later", list_entry("a", data=FIRST), list_entry("b", data=SECOND))
    seen = []
    real = job._match_batch
    monkeypatch.setattr(job, "_match_batch", lambda *args: seen.append(len(args[2])) or real(*args))
    object.__setattr__(desk.tools.settings, "rematch_batch", 1)
    run_rematch(desk)
    assert seen == [1, 1]
    assert count_behind(desk.conn) == 0


# When it is due


def test_the_sweep_asks_once_while_anything_is_behind_and_never_as_a_flood(desk, servers, pictures):
    tools = desk.tools
    queue = QueueDoor(servers.redis_url, timeout_s=60)

    def sweep(after_s=0.0):
        sweep_once(tools.database, queue, tools.settings, now=utcnow() + timedelta(seconds=after_s))
        return queue.count_waiting(QueueName.LOOKUP)

    assert sweep() == 0
    desk.import_entries("later", list_entry("a", data=FIRST))
    assert sweep() == 1
    assert [sweep(), sweep()] == [1, 1]
    assert sweep(after_s=30) == 2  # the hint may be lost: it is asked for again, in the pace of all others
    run_rematch(desk)
    assert [sweep(), sweep(after_s=60)] == [2, 2]
    desk.import_entries("later", list_entry("b", data=SECOND))
    assert sweep() == 3


def test_a_hash_entry_of_every_algorithm_is_found_later(desk, pictures):
    image = image_of(desk, pictures[0])
    rows = desk.conn.execute(
        "SELECT DISTINCT ON (algorithm) algorithm, encode(value, 'hex') FROM fingerprints WHERE image_id = %s"
        " AND orientation IN ('bytes', 'r0') ORDER BY algorithm, frame",
        (image,),
    ).fetchall()
    desk.conn.rollback()
    assert {row[0] for row in rows} == {one.value for one in Algorithm}
    entries = [
        type(list_entry("x"))(
            name, list_entry("x").entry_class, "csv", "x", frozenset({(Algorithm(name), value)})
        )
        for name, value in rows
    ]
    desk.import_entries("later", *entries)
    run_rematch(desk)
    found = desk.conn.execute(
        "SELECT source_key FROM matches JOIN hash_entries ON hash_entries.id = entry_id WHERE image_id = %s",
        (image,),
    ).fetchall()
    desk.conn.rollback()
    assert {row[0] for row in found} == {one.value for one in Algorithm}
