"""Captures with the worker's own role, a real fetcher, a real decoder, a real vault and a real queue."""

import threading
from datetime import timedelta

import psycopg
import pytest

from hashsets.errors import IndexUnreadableError
from hashsets.model import EntryClass
from tests.builders import (
    NO_PACE,
    SENDING,
    import_entries,
    list_entry,
    make_marker,
    settle_image,
    trust,
)
from tests.captures import FIRST, HOST, WAITS, capture, fail_with, find_pdq, image_of, outcomes, url
from tests.drawn_images import make_jpeg, make_png, make_small_bomb, make_video_file, reencode
from tests.local_sites import send_bytes
from triage.errors import (
    DecoderUnavailableError,
    NotAllowedError,
    PictureRefusedError,
    ServerUnavailableError,
    StorageError,
)
from triage.ids import new_id
from triage.rules.due import QueueName
from triage.sandbox.decoder import Decoder
from triage.steps.change_hash_sets import withdraw_entry
from triage.steps.take_capture import take_capture
from triage.store import custody, evidence
from triage.vault import EVIDENCE, INTAKE, unseal
from workers import capture_item as job
from workers import examine_file as examining
from workers.capture_item import capture_item
from workers.fetcher.page import MAX_INNER_PAGES
from workers.sweep_due import sweep_once

# What is found


def test_a_new_picture_waits_to_be_looked_at_and_only_the_vault_opens_it(desk, site):
    (item,) = desk.report(url("/first.jpg"))
    capture(desk, item)
    place = desk.place(item)
    assert (place.state, place.lane, place.reason) == ("awaiting_assessment", "look", "new picture")
    image = image_of(desk, item)
    found = {
        row[0]: row[1]
        for row in desk.conn.execute(
            "SELECT algorithm, count(*) FROM fingerprints WHERE image_id = %s GROUP BY 1", (image,)
        )
    }
    assert found == {"md5": 1, "sha1": 1, "sha256": 1, "pdq": 8, "phash": 1}

    identity = unseal(evidence.read_evidence_key(desk.conn, image), desk.vault_identity).decode()
    named = evidence.read_evidence_objects(desk.conn, image)
    assert {str(one.kind) for one in named} == {"bytes", "colour", "grey_half", "thumb"}
    assert {one.name for one in named} == desk.objects(EVIDENCE)
    for one in named:
        sealed = desk.tools.vault.get(EVIDENCE, one.name)
        assert len(sealed) == one.bytes
        clear = unseal(sealed, identity)
        assert clear == FIRST if str(one.kind) == "bytes" else clear.startswith(b"\xff\xd8\xff")
        with pytest.raises(StorageError):
            unseal(sealed, desk.tools.intake_identity)
        with pytest.raises(StorageError):
            unseal(sealed, desk.vault_identity)
    events = [event.event for event in custody.read_stream(desk.conn, f"image/{image}")]
    assert events == ["image_stored", "evidence_sealed", "matched"]
    assert [e.event for e in custody.read_stream(desk.conn, f"item/{item}")][-2:] == [
        "capture_succeeded",
        "placed",
    ]


def test_a_known_picture_is_never_stored(desk):
    desk.import_entries("practice", list_entry("a", data=FIRST))
    trust(desk.conn, "practice")
    (item,) = desk.report(url("/first.jpg"))
    capture(desk, item)
    assert desk.place(item).lane == "no_look"
    assert desk.objects(EVIDENCE) == set()
    assert desk.count("SELECT count(*) FROM evidence_keys") == 0
    assert desk.count("SELECT count(*) FROM fingerprints WHERE algorithm = 'pdq'") == 8
    assert desk.count("SELECT count(*) FROM matches WHERE kind = 'exact' AND is_trusted") == 1


def test_a_class_that_does_not_alert_makes_nothing_known(desk, site):
    others = set(EntryClass) - {EntryClass.BASELINE, EntryClass.NATIONAL_ILLEGAL}
    for place, entry_class in enumerate(sorted(others)):
        data = make_jpeg(30 + place)
        site.lay_answer(f"/{place}.jpg", data, "image/jpeg")
        desk.import_entries(f"set-{place}", list_entry("a", data=data, entry_class=entry_class))
        with pytest.raises(NotAllowedError):
            trust(desk.conn, f"set-{place}", entry_class)
        desk.conn.rollback()
        (item,) = desk.report(url(f"/{place}.jpg"))
        capture(desk, item)
        assert desk.place(item).lane == "look"
        assert len(desk.objects(EVIDENCE)) == 4 * (place + 1)


def test_a_near_hit_is_never_known_even_in_a_trusted_set(desk, site):
    site.lay_answer("/near.jpg", reencode(FIRST, "JPEG", quality=60), "image/jpeg")
    (item,) = desk.report(url("/first.jpg"))
    capture(desk, item)
    desk.import_entries("practice", list_entry("a", pdq=find_pdq(desk, item)))
    trust(desk.conn, "practice")
    (near,) = desk.report(url("/near.jpg"))
    capture(desk, near)
    place = desk.place(near)
    assert place.lane == "look"
    assert place.reason.startswith("near a listed picture: ")
    assert len(desk.objects(EVIDENCE)) == 8
    assert desk.count("SELECT count(*) FROM matches WHERE kind = 'exact'") == 0


def test_an_exact_hit_counts_once_two_persons_trust_it_and_no_longer_once_it_is_withdrawn(desk):
    desk.import_entries("practice", list_entry("a", data=FIRST))
    (item,) = desk.report(url("/first.jpg"))
    capture(desk, item)
    assert desk.place(item).reason == "exact digest in a set that is not trusted"
    assert len(desk.objects(EVIDENCE)) == 4
    trust(desk.conn, "practice", persons=("Lead",))
    assert desk.place(item).lane == "look"
    trust(desk.conn, "practice", persons=("Second",))
    assert desk.place(item).lane == "no_look"
    refreshed = withdraw_entry(desk.conn, "practice", "a", actor="cli", now=job.utcnow(), sending=SENDING)
    desk.conn.commit()
    assert (refreshed.moved, desk.place(item).lane) == (1, "look")
    assert desk.place(item).reason == "new picture"


def test_what_is_no_longer_known_is_sealed_when_it_comes_again(desk):
    desk.import_entries("practice", list_entry("a", data=FIRST))
    trust(desk.conn, "practice")
    (item,) = desk.report(url("/first.jpg"))
    capture(desk, item)
    withdraw_entry(desk.conn, "practice", "a", actor="cli", now=job.utcnow(), sending=SENDING)
    desk.conn.commit()
    assert desk.place(item).reason == "no longer known and no view was kept: capture it again"
    (again,) = desk.report(url("/again.jpg"))
    capture(desk, again)
    assert (desk.place(again).lane, desk.place(again).reason) == ("look", "new picture")
    assert len(desk.objects(EVIDENCE)) == 4
    assert desk.count("SELECT count(*) FROM images") == 1


def test_the_same_bytes_at_two_addresses_are_one_image_decoded_once(desk, monkeypatch):
    opened = []
    open_picture = Decoder.open_picture

    def count(self, job_id, data):
        opened.append(job_id)
        return open_picture(self, job_id, data)

    monkeypatch.setattr(Decoder, "open_picture", count)
    items = desk.report(url("/first.jpg"), url("/again.jpg"))
    capture(desk, *items)
    assert [desk.place(item).lane for item in items] == ["look", "look"]
    assert desk.count("SELECT count(*) FROM images") == 1
    assert len(desk.objects(EVIDENCE)) == 4
    assert len(opened) == 1


def test_what_cannot_be_shown_says_so(desk, site):
    site.lay_answer("/clip.mp4", make_video_file(3), "video/mp4")
    site.lay_answer("/bomb.png", make_small_bomb(), "image/png")
    site.lay_answer("/broken.jpg", FIRST[:400], "image/jpeg")
    site.lay_answer("/empty.jpg", b"", "image/jpeg")
    items = desk.report(url("/clip.mp4"), url("/bomb.png"), url("/broken.jpg"), url("/empty.jpg"))
    capture(desk, *items)
    places = [desk.place(item) for item in items]
    assert {place.lane for place in places} == {"look"}
    assert places[0].reason == "a video: cannot be displayed here"
    assert places[1].reason == "too many pixels"
    assert places[2].reason
    assert places[3].reason == "an empty file"
    assert desk.objects(EVIDENCE) == set()
    assert desk.count("SELECT count(*) FROM fingerprints WHERE algorithm = 'sha256'") == 4


def test_a_picture_that_its_server_calls_a_page_is_still_a_picture(desk, site):
    site.lay_answer("/show.php", FIRST, "text/html")
    (item,) = desk.report(url("/show.php"))
    capture(desk, item)
    assert desk.place(item).reason == "new picture"
    assert desk.count("SELECT count(*) FROM images WHERE can_be_shown") == 1


# Pages


def test_a_page_follows_its_pictures(desk, site):
    desk.import_entries("practice", list_entry("a", data=FIRST))
    trust(desk.conn, "practice")
    site.lay_answer("/page", b"<img src=/first.jpg><img src=/again.jpg>", "text/html")
    site.lay_answer("/mixed", b"<img src=/second.jpg><img src=/first.jpg>", "text/html")
    page, mixed = desk.report(url("/page"), url("/mixed"))
    capture_item(desk.tools, page)
    assert desk.place(page).reason == "a page: 0 of 2 pictures captured"
    assert desk.tools.queue.count_waiting(QueueName.CAPTURE) == 2
    capture(desk, page, mixed)
    capture(desk, *[row[0] for row in desk.conn.execute("SELECT child_id FROM item_children")])
    assert (desk.place(page).lane, desk.place(page).reason) == ("no_look", "a page: all 2 pictures known")
    assert (desk.place(mixed).lane, desk.place(mixed).reason) == ("look", "a page: 2 pictures, 1 known")
    assert desk.count("SELECT count(*) FROM items") == 5
    assert desk.count("SELECT count(*) FROM items WHERE is_top_level") == 2
    withdraw_entry(desk.conn, "practice", "a", actor="cli", now=job.utcnow(), sending=SENDING)
    desk.conn.commit()
    assert (desk.place(page).lane, desk.place(mixed).reason) == ("look", "a page: 2 pictures, 0 known")


def test_a_page_without_a_type_is_read_too(desk, site):
    body = b"<!doctype html><img src=/first.jpg>"
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body)
    site.lay("/bare", send_bytes(head + body))
    (page,) = desk.report(url("/bare"))
    capture(desk, page)
    assert desk.place(page).reason == "a page: 1 pictures, 0 known"


def test_a_page_too_large_to_be_read_is_looked_at_whatever_is_known_of_it(desk, site):
    desk.import_entries("practice", list_entry("a", data=FIRST))
    trust(desk.conn, "practice")
    filler = b"<iframe srcdoc='<p>one more'></iframe>" * (MAX_INNER_PAGES + 1)
    site.lay_answer("/large", b"<img src=/first.jpg>" + filler, "text/html")
    site.lay_answer("/bare", filler, "text/html")
    page, bare = desk.report(url("/large"), url("/bare"))
    capture(desk, page, bare)
    for item in (page, bare):
        assert desk.place(item).lane == "look"
        assert desk.place(item).reason == "a page that could not be read whole: pictures may be missing"
    (child,) = (row[0] for row in desk.conn.execute("SELECT child_id FROM item_children"))
    assert desk.place(child).lane == "no_look"
    settle_image(desk.conn, image_of(desk, child), "not_illegal")
    (other,) = desk.report(url("/again.jpg"))
    capture(desk, other)
    assert desk.place(page).state == "awaiting_assessment"


def test_a_picture_that_was_settled_as_not_illegal_closes_what_shows_only_it(desk, site):
    site.lay_answer("/page", b"<img src=/first.jpg><img src=/again.jpg>", "text/html")
    site.lay_answer("/mixed", b"<img src=/first.jpg><img src=/second.jpg>", "text/html")
    (item,) = desk.report(url("/third.jpg"))
    site.lay_answer("/third.jpg", FIRST, "image/jpeg")
    capture(desk, item)
    settle_image(desk.conn, image_of(desk, item), "not_illegal")
    single, page, mixed = desk.report(url("/again.jpg"), url("/page"), url("/mixed"))
    capture(desk, single, page, mixed)
    for closed in (single, page):
        assert (desk.place(closed).state, desk.place(closed).closed_as) == ("closed", "same_as_before")
    assert desk.place(mixed).lane == "look"
    events = [event.event for event in custody.read_stream(desk.conn, f"item/{page}")]
    assert events[-1] == "same_as_before"


def test_a_picture_that_was_settled_as_illegal_needs_no_look(desk):
    (item,) = desk.report(url("/first.jpg"))
    capture(desk, item)
    settle_image(desk.conn, image_of(desk, item), "illegal")
    (again,) = desk.report(url("/again.jpg"))
    capture(desk, again)
    assert desk.place(again).lane == "no_look"


# Addresses that do not answer well


def test_a_dead_link_says_what_the_address_answers(desk, site):
    site.lay_answer("/page", b"<img src=/gone.jpg>", "text/html")
    site.lay_answer("/gone.html", b"<img src=/first.jpg>", "text/html", status=410)
    item, page, gone = desk.report(url("/nothing.jpg"), url("/page"), url("/gone.html"))
    capture(desk, item, page, gone)
    assert (desk.place(item).lane, desk.place(item).reason) == ("look", "the address answers 404")
    assert desk.place(gone).reason == "the address answers 410"
    assert desk.count("SELECT count(*) FROM images") == 0
    assert desk.count("SELECT count(*) FROM item_children") == 1


def test_a_private_address_is_refused_and_never_asked(desk, site):
    site.lay_redirect("/inward", f"http://127.0.0.1:{site.port}/first.jpg")
    items = desk.report("http://127.0.0.1/a.jpg", "http://10.1.2.3/a.jpg", url("/inward"))
    capture(desk, *items)
    for item in items:
        place = desk.place(item)
        assert (place.state, place.lane, place.tries) == ("awaiting_assessment", "look", 0)
        assert place.reason.startswith("refused: ")
        assert outcomes(desk, item) == ["refused"]
    assert site.seen == ["/inward"]
    hops = [row[0] for row in desk.conn.execute("SELECT hops FROM captures ORDER BY started_at, id")]
    assert [[hop["status"] for hop in one or []] for one in hops] == [[], [], [302]]


def test_what_cannot_be_reached_is_tried_again_with_growing_waits_and_then_given_up(desk, clock, site):
    site.lay_answer("/page", b"<img src=http://closed.example/a.jpg>", "text/html")
    refused, unknown, page = desk.report(
        url("/", "closed.example"), "http://nowhere-at-all.al/", url("/page")
    )
    capture(desk, page)
    (child,) = (row[0] for row in desk.conn.execute("SELECT child_id FROM item_children"))
    assert child != refused
    waits = []
    for tries in range(1, 4):
        for item in (refused, unknown, child):
            capture_item(desk.tools, item)
            capture_item(desk.tools, item)  # not yet due: nothing happens
            place = desk.place(item)
            assert (place.state, place.tries) == ("received", tries)
        waits.append(round((desk.place(refused).next_try_at - clock()).total_seconds()))
        clock.move_on(waits[-1] + 2)
    assert waits == pytest.approx(list(WAITS), abs=2)
    for item in (refused, unknown, child):
        capture_item(desk.tools, item)
        place = desk.place(item)
        assert (place.state, place.lane) == ("awaiting_assessment", "look")
        assert place.reason.startswith("could not be fetched: ")
        assert outcomes(desk, item) == ["failed", "failed", "failed", "gave_up"]
    assert desk.place(page).reason == "a page: 1 pictures, 0 known"


# Uploads


def test_an_upload_is_opened_once_and_its_object_deleted(desk):
    data = make_png(5) + make_marker()
    item, name = desk.upload(data)
    assert desk.objects(INTAKE) == {name}
    capture(desk, item)
    assert desk.place(item).reason == "new picture"
    assert desk.objects(INTAKE) == set()
    assert desk.count("SELECT count(*) FROM intake_objects WHERE deleted_at IS NOT NULL") == 1


def test_an_upload_whose_object_cannot_be_deleted_yet_is_left_to_the_sweep(desk, monkeypatch):
    item, name = desk.upload(FIRST)
    monkeypatch.setattr(type(desk.tools.vault), "delete", fail_with(StorageError()))
    capture(desk, item)
    assert desk.place(item).state == "awaiting_assessment"
    assert desk.objects(INTAKE) == {name}
    assert desk.count(
        "SELECT count(*) FROM intake_objects WHERE consumed_at IS NOT NULL AND deleted_at IS NULL"
    )


def test_an_upload_whose_object_is_missing_is_tried_again_and_then_told(desk, clock):
    item, name = desk.upload(FIRST)
    desk.tools.vault.delete(INTAKE, name)
    for wait in WAITS:
        capture(desk, item)
        assert desk.place(item).state == "received"
        clock.move_on(wait + 2)
    capture(desk, item)
    place = desk.place(item)
    assert (place.state, place.lane) == ("awaiting_assessment", "look")
    assert place.reason.startswith("could not be fetched: the uploaded file is missing from the store")
    assert desk.count("SELECT count(*) FROM images") == 0


# Obstacles of our own


def assert_obstacle(desk, item, words):
    place = desk.place(item)
    assert (place.state, place.tries, place.lane) == ("received", 0, None)
    row = desk.conn.execute(
        "SELECT outcome::text, reason FROM captures WHERE item_id = %s ORDER BY started_at DESC LIMIT 1",
        (item,),
    ).fetchone()
    desk.conn.rollback()
    assert row[0] == "failed"
    assert words in row[1]
    assert desk.count("SELECT count(*) FROM images") == 0
    assert desk.count("SELECT count(*) FROM matches") == 0
    assert "capture_failed" not in [e.event for e in custody.read_stream(desk.conn, f"item/{item}")]
    assert desk.objects(EVIDENCE) == set()


def test_a_damaged_index_is_never_no_match(desk, clock, monkeypatch):
    desk.import_entries("practice", list_entry("a", data=FIRST))
    trust(desk.conn, "practice")
    (item,) = desk.report(url("/first.jpg"))
    for path in desk.index_dir.glob("seg-*/*values*"):
        path.write_bytes(b"\0" * 32)
    with monkeypatch.context() as patched:
        patched.setattr(
            "hashsets.current.replace_segments", fail_with(OSError(28, "No space left on device"))
        )
        capture(desk, item)
    assert_obstacle(desk, item, "index")
    assert_obstacle(desk, item, "No space left")
    clock.move_on(job.OBSTACLE_WAIT_S + 1)
    capture(desk, item)
    assert desk.place(item).lane == "no_look"


def test_an_unreadable_index_is_an_obstacle_for_bytes_seen_before_too(desk, clock, monkeypatch):
    (item,) = desk.report(url("/first.jpg"))
    capture(desk, item)
    (again,) = desk.report(url("/again.jpg"))
    with monkeypatch.context() as patched:
        patched.setattr("triage.index_holder.ensure_current", fail_with(IndexUnreadableError()))
        desk.tools.index._index = None
        capture(desk, again)
    assert (desk.place(again).state, desk.place(again).tries) == ("received", 0)
    clock.move_on(job.OBSTACLE_WAIT_S + 1)
    capture(desk, again)
    assert desk.place(again).lane == "look"


def test_a_decoder_that_does_not_run_is_an_obstacle(desk, clock, monkeypatch):
    (item,) = desk.report(url("/first.jpg"))
    with monkeypatch.context() as patched:
        patched.setattr(Decoder, "open_picture", fail_with(DecoderUnavailableError()))
        capture(desk, item)
    assert_obstacle(desk, item, "decoder does not run")
    with monkeypatch.context() as patched:
        patched.setattr(Decoder, "ask_view", fail_with(DecoderUnavailableError()))
        clock.move_on(job.OBSTACLE_WAIT_S + 1)
        capture(desk, item)
    assert_obstacle(desk, item, "decoder does not run")
    clock.move_on(job.OBSTACLE_WAIT_S + 1)
    capture(desk, item)
    assert outcomes(desk, item) == ["failed", "failed"]  # the second wait is longer
    clock.move_on(job.OBSTACLE_WAIT_S)
    capture(desk, item)
    assert desk.place(item).reason == "new picture"


def test_a_store_that_cannot_be_written_is_an_obstacle_and_keeps_no_part(desk, clock, monkeypatch):
    (item,) = desk.report(url("/first.jpg"))
    vault = type(desk.tools.vault)
    put, count = vault.put, []

    def fill_up(self, area, data):
        count.append(area)
        if len(count) == 3:
            raise StorageError
        return put(self, area, data)

    with monkeypatch.context() as patched:
        patched.setattr(vault, "put", fill_up)
        capture(desk, item)
    assert_obstacle(desk, item, "evidence store")
    clock.move_on(job.OBSTACLE_WAIT_S + 1)
    capture(desk, item)
    assert len(desk.objects(EVIDENCE)) == 4


def test_a_picture_that_can_no_longer_be_decoded_still_reaches_a_person(desk, monkeypatch):
    desk.import_entries("practice", list_entry("a", data=FIRST))
    trust(desk.conn, "practice")
    (item,) = desk.report(url("/first.jpg"))
    capture(desk, item)
    withdraw_entry(desk.conn, "practice", "a", actor="cli", now=job.utcnow(), sending=SENDING)
    desk.conn.commit()
    (again,) = desk.report(url("/again.jpg"))
    monkeypatch.setattr(Decoder, "open_picture", fail_with(PictureRefusedError("took too long")))
    capture(desk, again)
    assert desk.place(again).lane == "look"


# Lists that change in the middle


def test_a_list_that_changes_between_match_and_commit_is_matched_again(desk, database, monkeypatch):
    (item,) = desk.report(url("/first.jpg"))
    seal, calls = examining.seal_evidence, []

    def import_meanwhile(tools, body, picture):
        sealed = seal(tools, body, picture)
        calls.append(sealed)
        if len(calls) == 1:
            with database.connect("hotline_staff") as staff:
                import_entries(staff, "practice", list_entry("a", data=FIRST))
        return sealed

    monkeypatch.setattr(examining, "seal_evidence", import_meanwhile)
    capture(desk, item)
    assert desk.place(item).reason == "exact digest in a set that is not trusted"
    assert len(calls) == 2
    assert len(desk.objects(EVIDENCE)) == 4
    assert outcomes(desk, item) == ["captured"]
    assert desk.count("SELECT min(matched_generation) FROM fingerprints") == 1


def test_an_entry_withdrawn_while_its_hit_is_committed_leaves_nothing_in_no_look(desk, database, monkeypatch):
    """The withdrawal waits for the commit, or the commit sees the withdrawal: no order may miss the other."""
    desk.import_entries("practice", list_entry("a", data=FIRST))
    trust(desk.conn, "practice")
    (item,) = desk.report(url("/first.jpg"))
    threads = []

    def withdraw():
        with database.connect("hotline_staff") as staff:
            withdraw_entry(staff, "practice", "a", actor="cli", now=job.utcnow(), sending=SENDING)

    def withdraw_meanwhile(name):
        if name == "before_commit" and not threads:
            threads.append(threading.Thread(target=withdraw))
            threads[0].start()
            threads[0].join(0.5)

    monkeypatch.setattr(job, "crash_point", withdraw_meanwhile)
    capture(desk, item)
    threads[0].join(10)
    assert desk.place(item).lane == "look"


# Leases


def take(desk, item, *, worker="another", lease_s=300.0):
    taken = desk.tools.database.run(
        lambda conn: take_capture(
            conn, item, worker=worker, now=job.utcnow(), lease_s=lease_s, waits_s=WAITS, pace=NO_PACE
        )
    )
    assert taken is not None
    return taken


def test_a_second_worker_does_nothing_while_the_lease_runs(desk, site):
    (item,) = desk.report(url("/first.jpg"))
    take(desk, item)
    capture(desk, item)
    assert site.seen == []
    assert outcomes(desk, item) == [None]


@pytest.mark.parametrize("who", ["taker", "sweep"])
def test_an_expired_lease_is_ended_as_abandoned(desk, clock, who):
    (item,) = desk.report(url("/first.jpg"))
    take(desk, item, lease_s=30.0)
    clock.move_on(31)
    if who == "sweep":
        swept = sweep_once(desk.tools.database, desk.tools.queue, desk.tools.settings, now=clock())
        assert (swept.ended, outcomes(desk, item)) == (1, ["abandoned"])
    capture(desk, item)
    assert outcomes(desk, item) == ["abandoned", "captured"]
    assert (desk.place(item).lane, desk.place(item).tries) == ("look", 0)
    assert "capture_abandoned" in [e.event for e in custody.read_stream(desk.conn, f"item/{item}")]


@pytest.mark.parametrize("moment", ["before_sealing", "after_sealing", "before_commit"])
def test_a_capture_that_somebody_ended_rolls_back_and_leaves_nothing(desk, clock, monkeypatch, moment):
    (item,) = desk.report(url("/first.jpg"))
    ended = []

    def end():
        if not ended:
            ended.append(True)
            later = clock() + timedelta(seconds=desk.tools.settings.capture_lease_s)
            sweep_once(desk.tools.database, desk.tools.queue, desk.tools.settings, now=later)

    def end_at(place, function):
        def wrapped(*values, **more):
            if place == "before":
                end()
            result = function(*values, **more)
            if place == "after":
                end()
            return result

        return wrapped

    if moment == "before_sealing":
        monkeypatch.setattr(examining, "seal_evidence", end_at("before", examining.seal_evidence))
    elif moment == "after_sealing":
        monkeypatch.setattr(examining, "seal_evidence", end_at("after", examining.seal_evidence))
    else:
        monkeypatch.setattr(job, "_record_findings", end_at("before", job._record_findings))
    capture_item(desk.tools, item)
    assert ended
    assert outcomes(desk, item) == ["abandoned"]
    assert (desk.place(item).state, desk.place(item).tries) == ("received", 1)
    assert desk.count("SELECT count(*) FROM images") == 0
    assert desk.objects(EVIDENCE) == set()


def test_a_commit_whose_answer_was_lost_keeps_its_evidence(desk, monkeypatch):
    (item,) = desk.report(url("/first.jpg"))
    database = type(desk.tools.database)
    run_once, lost = database._run_once, []

    def lose_answer(self, work):
        result = run_once(self, work)
        if isinstance(result, job.Recorded) and not lost:
            lost.append(True)
            raise psycopg.OperationalError("the server went away after the commit")
        return result

    monkeypatch.setattr(database, "_run_once", lose_answer)
    capture_item(desk.tools, item)
    assert lost
    assert (desk.place(item).lane, outcomes(desk, item)) == ("look", ["captured"])
    named = {row[0] for row in desk.conn.execute("SELECT name FROM evidence_objects")}
    assert len(named) == 4
    assert desk.objects(EVIDENCE) == named


def test_a_database_that_goes_away_at_the_commit_loses_nothing(desk, clock, monkeypatch):
    item, name = desk.upload(FIRST)
    with monkeypatch.context() as patched:
        patched.setattr(job, "_record_findings", fail_with(ServerUnavailableError()))
        capture(desk, item)
    assert desk.place(item).state == "received"
    assert desk.objects(INTAKE) == {name}
    clock.move_on(job.OBSTACLE_WAIT_S + 1)
    capture(desk, item)
    assert desk.place(item).reason == "new picture"
    assert desk.objects(INTAKE) == set()


def test_an_item_whose_capture_kills_every_worker_ends_before_a_person(desk, clock, site):
    site.lay_answer("/page", b"<img src=/first.jpg>", "text/html")
    (page,) = desk.report(url("/page"))
    capture_item(desk.tools, page)
    (item,) = (row[0] for row in desk.conn.execute("SELECT child_id FROM item_children"))
    for _ in WAITS:
        take(desk, item, lease_s=30.0)
        clock.move_on(31)
    assert desk.place(item).state == "received"
    take(desk, item, lease_s=30.0)
    clock.move_on(31)
    capture(desk, item)
    place = desk.place(item)
    assert (place.state, place.lane) == ("awaiting_assessment", "look")
    assert place.reason == "could not be fetched: the worker stopped in the middle, 4 tries"
    assert outcomes(desk, item) == ["abandoned"] * 4
    assert desk.place(page).reason == "a page: 1 pictures, 0 known"


def test_an_item_that_moved_or_does_not_exist_is_left_alone(desk):
    capture(desk, new_id())
    (item,) = desk.report(url("/first.jpg"))
    capture(desk, item)
    capture(desk, item)
    assert outcomes(desk, item) == ["captured"]


def test_nothing_of_a_report_reaches_the_log(desk, clock, caplog, monkeypatch):
    (item, dead) = desk.report(url("/first.jpg?secret-word"), url("/secret-word", "closed.example"))
    monkeypatch.setattr(type(desk.tools.vault), "put", fail_with(StorageError()))
    with caplog.at_level("DEBUG"):
        capture(desk, item, dead)
    assert "secret-word" not in caplog.text
    assert HOST not in caplog.text


def test_redis_away_loses_no_child(desk, site, monkeypatch):
    site.lay_answer("/page", b"<img src=/first.jpg>", "text/html")
    (page,) = desk.report(url("/page"))
    monkeypatch.setattr(type(desk.tools.queue), "nudge", lambda *_: False)
    capture_item(desk.tools, page)
    assert desk.count("SELECT count(*) FROM items WHERE state = 'received' AND nudged_at IS NULL") == 1
