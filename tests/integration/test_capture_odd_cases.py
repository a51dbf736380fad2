"""Captures that once went wrong: each of these hid a picture, lost a match or led on for ever."""

from dataclasses import replace

import pytest

from hashsets.model import EntryClass
from tests.builders import import_entries, list_entry, settle_image, trust
from tests.captures import FIRST, capture, image_of, url
from tests.drawn_images import make_jpeg, make_video_file
from triage.errors import PictureOverLimitError
from triage.rules.lanes import PAGE_BEHIND_PAGE, describe_left
from triage.sandbox.decoder import Decoder
from triage.store.hostings import read_captured_address
from triage.store.review import read_captures

PAGE_LIMIT = 12


def make_known(desk, data, name="known"):
    desk.import_entries(name, list_entry("k1", data=data))
    trust(desk.conn, name)


def pictures_of(path_list):
    return "".join(f"<img src={path}>" for path in path_list).encode()


def test_a_page_of_more_pictures_than_are_taken_is_looked_at(desk, site):
    make_known(desk, FIRST)
    desk.tools = replace(desk.tools, settings=replace(desk.tools.settings, page_max_children=PAGE_LIMIT))
    for number in range(PAGE_LIMIT + 1):
        site.lay_answer(f"/{number}.jpg", FIRST, "image/jpeg")
    site.lay_answer("/many", pictures_of(f"/{n}.jpg" for n in range(PAGE_LIMIT + 1)), "text/html")
    (page,) = desk.report(url("/many"))
    capture(desk, page)
    assert (desk.place(page).lane, desk.place(page).reason) == ("look", describe_left(1))


def test_a_page_behind_a_page_leads_no_further_and_says_so(desk, site):
    site.lay_answer("/top", pictures_of(["/next"]) + b"<a href=/next.jpg>x</a>", "text/html")
    site.lay_answer("/next", pictures_of(["/further.jpg"]), "text/html")
    site.lay_answer("/next.jpg", pictures_of(["/further.jpg"]), "text/html")
    (page,) = desk.report(url("/top"))
    capture(desk, page)
    assert "/further.jpg" not in " ".join(map(str, site.seen))
    child = desk.conn.execute("SELECT child_id FROM item_children WHERE parent_id = %s", (page,)).fetchone()[
        0
    ]
    desk.conn.rollback()
    assert desk.place(child).reason == PAGE_BEHIND_PAGE


@pytest.mark.parametrize("kind", ["video", "cut picture"])
def test_a_listed_file_that_calls_itself_a_page_is_known_all_the_same(desk, site, kind):
    data = make_video_file(1) if kind == "video" else FIRST[: len(FIRST) // 2]
    make_known(desk, data)
    site.lay_answer("/odd", data, "text/html")
    (item,) = desk.report(url("/odd"))
    capture(desk, item)
    assert desk.place(item).lane == "no_look"


def test_a_page_that_begins_like_a_picture_is_read_as_a_page(desk, site):
    site.lay_answer("/bm", b"BM says hello <img src=/first.jpg>", "text/html")
    (page,) = desk.report(url("/bm"))
    capture(desk, page)
    assert desk.place(page).reason == "a page: 1 pictures, 0 known"


def test_an_answer_with_an_error_status_is_matched_if_it_is_a_picture(desk, site):
    make_known(desk, FIRST)
    site.lay_answer("/gone.jpg", FIRST, "image/jpeg", status=404)
    (item,) = desk.report(url("/gone.jpg"))
    capture(desk, item)
    assert desk.place(item).lane == "no_look"


def test_what_was_not_illegal_stays_open_when_a_list_or_a_reporter_says_otherwise(desk):
    (item,) = desk.report(url("/first.jpg"))
    capture(desk, item)
    settle_image(desk.conn, image_of(desk, item), "not_illegal")
    (danger,) = desk.report(url("/again.jpg"), danger=True)
    capture(desk, danger)
    assert (desk.place(danger).state, desk.place(danger).lane) == ("awaiting_assessment", "danger")
    make_known(desk, FIRST)
    (listed,) = desk.report(url("/first.jpg", "other.example"))
    capture(desk, listed)
    assert (desk.place(listed).state, desk.place(listed).lane) == ("awaiting_assessment", "no_look")


def test_a_new_match_places_every_item_that_shows_the_image(desk):
    (first,) = desk.report(url("/first.jpg"))
    capture(desk, first)
    assert desk.place(first).lane == "look"
    make_known(desk, FIRST)
    (again,) = desk.report(url("/again.jpg"))
    capture(desk, again)
    assert desk.place(again).lane == desk.place(first).lane == "no_look"


def test_a_picture_that_took_too_much_is_decoded_again_the_next_time(desk, monkeypatch):
    honest = Decoder.open_picture

    def overload(self, *arguments):
        raise PictureOverLimitError("took too long")

    monkeypatch.setattr(Decoder, "open_picture", overload)
    (item,) = desk.report(url("/first.jpg"))
    capture(desk, item)
    assert desk.place(item).reason == "took too long"
    monkeypatch.setattr(Decoder, "open_picture", honest)
    (again,) = desk.report(url("/again.jpg"))
    capture(desk, again)
    assert desk.place(again).reason == "new picture"
    assert desk.count("SELECT count(*) FROM fingerprints WHERE algorithm = 'pdq'") == 8
    assert desk.count("SELECT count(*) FROM evidence_objects") == 4


def test_a_corrected_list_entry_makes_nothing_known_any_more(desk):
    make_known(desk, FIRST)
    (item,) = desk.report(url("/first.jpg"))
    capture(desk, item)
    assert desk.place(item).lane == "no_look"
    desk.import_entries("known", list_entry("k1", data=make_jpeg(9)))
    import_entries(desk.conn, "other", list_entry("o1", data=make_jpeg(8), entry_class=EntryClass.ADVISORY))
    (again,) = desk.report(url("/again.jpg"))
    capture(desk, again)
    assert desk.place(again).lane == "look"


def test_a_recaptured_page_shows_what_is_there_now_and_what_still_waits(desk, site):
    make_known(desk, FIRST)
    site.lay_answer("/page", pictures_of(["/first.jpg"]), "text/html")
    (page,) = desk.report(url("/page"))
    capture(desk, page)
    assert desk.place(page).lane == "no_look"
    desk.conn.execute(
        "UPDATE items SET state = 'received', base_lane = NULL, reason = NULL, next_try_at = now() WHERE id = %s",
        (page,),
    )
    desk.conn.commit()
    site.lay_answer("/page", pictures_of(["/second.jpg"]), "text/html")
    capture(desk, page)
    # The first picture is gone from the page, but nobody has judged it yet: it would wait where nobody looks.
    assert (desk.place(page).lane, desk.place(page).reason) == ("look", "a page: 2 pictures, 1 known")


def test_a_frame_elsewhere_is_recorded_and_never_taken_for_who_hosts_the_page(desk, site, names):
    (page_host, page_address), (frame_host, frame_address) = [(row[0], row[1]) for row in names[:2]]
    assert page_address != frame_address
    site.lay_answer("/framed", f'<iframe src="http://{frame_host}/inner"></iframe>'.encode(), "text/html")
    site.lay_answer("/inner", b'<img src="/first.jpg">', "text/html")
    (item,) = desk.report(url("/framed", page_host))
    capture(desk, item)
    assert read_captured_address(desk.conn, item) == page_address
    (hops,) = desk.conn.execute(
        "SELECT hops FROM captures WHERE item_id = %s AND outcome = 'captured'", (item,)
    ).fetchone()
    assert [(hop["led_by"], hop["address"]) for hop in hops] == [
        ("start", page_address),
        ("frame", frame_address),
    ]
    (shown,) = [one for one in read_captures(desk.conn, item) if one.outcome == "captured"]
    assert shown.address == page_address
