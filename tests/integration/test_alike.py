"""Pictures that are alike: the same is said of them without a look, unless it is illegal; near ones of our own."""

from functools import cache

import pytest

from hashsets.model import EntryClass
from tests.builders import list_entry
from tests.captures import capture, image_of, url
from tests.console import judge, look, open_item
from tests.drawn_images import crop_slightly, draw_picture, encode, make_jpeg
from tests.exposure import begin_shift
from triage.cli.practice.hash_lists import compute_pdq
from triage.cli.practice.staff_browser import read_fields

SIZE = (480, 360)
ALIKE = 4


@cache
def draw_landscape(seed=71):
    return draw_picture(seed, "landscape", SIZE)


@cache
def save_again(number):
    return encode(draw_landscape(), "JPEG", quality=90 - 3 * number)


def lay_page(site, alike=ALIKE, others=1):
    """A page whose first pictures are one picture saved again and again, and whose others are not."""
    files = [save_again(number) for number in range(alike)]
    files += [make_jpeg(90 + number, "shapes", SIZE) for number in range(others)]
    for number, data in enumerate(files):
        site.lay_answer(f"/a{number}.jpg", data, "image/jpeg")
    shown = "".join(f'<img src="/a{number}.jpg">' for number in range(len(files)))
    site.lay_answer("/alike.html", f"<!doctype html>{shown}".encode(), "text/html")


@pytest.fixture
def page_id(desk, site):
    lay_page(site)
    (item_id,) = desk.report(url("/alike.html"))
    capture(desk, item_id)
    return item_id


def images(desk, page_id):
    """The images of a page in their order on it."""
    rows = desk.conn.execute(
        "SELECT image_id FROM item_children JOIN items ON items.id = child_id"
        " JOIN item_images ON item_id = child_id WHERE parent_id = %s ORDER BY place",
        (page_id,),
    ).fetchall()
    desk.conn.rollback()
    return [row[0] for row in rows]


def judge_first(browser, page_id, label, number=1):
    """Look at a picture of the page and judge it."""
    open_item(browser, page_id)
    look(browser, number)
    return browser.submit("judge", label=str(label))


def states(desk, page_id):
    rows = desk.conn.execute(
        "SELECT images.state::text, basis FROM unnest(%s::uuid[]) WITH ORDINALITY AS wanted (wanted_id, nth)"
        " JOIN images ON images.id = wanted_id LEFT JOIN assessments ON image_id = wanted_id ORDER BY nth",
        (images(desk, page_id),),
    ).fetchall()
    desk.conn.rollback()
    return [tuple(row) for row in rows]


def test_of_what_nobody_judged_nothing_is_said(surface, desk, page_id):
    browser = surface.sign_in("Ana")
    page = open_item(browser, page_id)
    assert page.words.count("Other images here that are alike: 3") == ALIKE
    assert page.list_links(r".*/alike") == []
    first = images(desk, page_id)[0]
    refused = browser.open(f"/items/{page_id}/images/{first}/alike?lang=en")
    assert refused.status == 403
    assert "Look at one of these pictures" in refused.words


def test_who_judged_one_says_the_same_of_the_others_without_a_look(surface, desk, page_id):
    browser = surface.sign_in("Ana")
    page = judge_first(browser, page_id, 3)
    links = page.list_links(r".*/alike")
    assert links == [f"/items/{page_id}/images/{images(desk, page_id)[0]}/alike"]
    page = browser.open(links[0] + "?lane=look&lang=en")
    assert "Picture 1, you said: 3 · Not illegal" in page.words
    ticked = page.tree.css("input[name=same]")
    assert [("checked" in one.attributes) for one in ticked] == [True] * (ALIKE - 1)
    thumbs = [node.attributes["src"] for node in page.tree.css("fieldset.alike img")]
    assert len(thumbs) == ALIKE
    assert all(one.endswith("/thumb") and browser.fetch(one).status == 200 for one in thumbs)
    after = browser.submit("same")
    assert after.path == f"/items/{page_id}", "one picture is left"
    assert states(desk, page_id) == [
        ("settled", "looked"),
        *[("settled", "facts")] * (ALIKE - 1),
        ("unjudged", None),
    ]
    assert desk.count("SELECT count(*) FROM looks") == 1
    assert desk.count("SELECT count(*) FROM custody_events WHERE event = 'said_as_of'") == ALIKE - 1
    judge(browser, 3, number=ALIKE + 1)
    assert desk.place(page_id).state == "closed"


def test_what_is_unticked_waits_as_before(surface, desk, page_id):
    browser = surface.sign_in("Ana")
    page = judge_first(browser, page_id, 4)
    page = browser.open(page.list_links(r".*/alike")[0])
    values = [one.attributes["value"] for one in page.tree.css("input[name=same]")]
    browser.submit("same", same=values[:1])
    assert [state for state, _ in states(desk, page_id)] == ["settled", "settled"] + ["unjudged"] * (
        ALIKE - 1
    )
    assert browser.post(page.path, {"lane": "look"}).status == 422, "nothing is ticked"


@pytest.mark.parametrize("label", [1, 2])
def test_an_illegal_label_is_never_handed_on_but_stands_ready(surface, desk, page_id, label):
    browser = surface.sign_in("Ana")
    page = judge_first(browser, page_id, label)
    page = browser.open(page.list_links(r".*/alike")[0] + "?lang=en")
    assert "needs your own look" in page.words
    assert not page.has_form("same")
    first, second = images(desk, page_id)[:2]
    refused = browser.post(
        f"/items/{page_id}/images/{first}/alike", {"same": [f"{second}:1"], "lane": "look"}
    )
    assert refused.status == 409
    assert "needs your own look" in refused.words
    assert desk.count("SELECT count(*) FROM assessments") == 1
    (link,) = [node.attributes["href"] for node in page.tree.css("a.button")]
    address, _, fragment = link.partition("#")
    assert fragment == "picture-2"
    page = browser.open(address)
    ready = [node.attributes["value"] for node in page.tree.css("#judge-2 input[name=label][checked]")]
    assert ready == [str(label)]
    assert page.tree.css("#judge-5 input[name=label][checked]") == [], "another picture"
    assert browser.submit("judge-2").status == 403, "the label stands ready; the look is still theirs to make"
    page = browser.open(address)
    page = look(browser, 2)
    assert len(page.tree.css("#judge input[name=label][checked]")) == 1
    page = browser.submit("judge")
    assert page.tree.css("#judge-3 input[name=label][checked]")
    look(browser, 3)
    sent = browser._send("POST", *_judge_by_form(browser, "judge"))
    assert sent.status == 303
    assert sent.headers["location"].endswith(f"ready={first}#picture-4"), "on to the next one"


def _judge_by_form(browser, target):
    form = browser.page.find_form(target)
    return (
        form.attributes["action"],
        read_fields(form)[0],
        {"origin": "null", "sec-fetch-site": "same-origin"},
    )


@pytest.mark.parametrize("case", ["another picture", "of another item", "stale", "not open"])
def test_one_that_cannot_be_confirmed_is_named_and_the_others_are_kept(surface, desk, site, page_id, case):
    browser, found = surface.sign_in("Ana"), images(desk, page_id)
    judge_first(browser, page_id, 3)
    (other,) = desk.report(url("/other.jpg"))
    site.lay_answer("/other.jpg", encode(draw_landscape(), "PNG"), "image/png")
    capture(desk, other)
    wrong = {
        "another picture": f"{found[ALIKE]}:1",
        "of another item": f"{image_of(desk, other)}:1",
        "stale": f"{found[2]}:7",
        "not open": f"{found[0]}:1",
    }[case]
    page = browser.post(
        f"/items/{page_id}/images/{found[0]}/alike", {"same": [wrong, f"{found[1]}:1"], "lane": "look"}
    )
    assert page.status == 409
    assert len(page.tree.css("div.error li")) == 1
    assert [state for state, _ in states(desk, page_id)] == ["settled", "settled"] + ["unjudged"] * (
        ALIKE - 1
    )


def test_who_does_not_have_the_item_open_sees_and_says_nothing(surface, desk, page_id):
    ana, ben = surface.sign_in("Ana"), surface.sign_in("Ben")
    page = judge_first(ana, page_id, 3)
    address = page.list_links(r".*/alike")[0]
    assert ben.open(address).status == 403
    found = images(desk, page_id)
    assert ben.post(address, {"same": [f"{found[1]}:1"], "lane": ""}).status == 403
    ana.submit("leave", done="enough")
    assert ana.open(address).status == 403
    assert ana.post(address, {"same": [f"{found[1]}:1"], "lane": ""}).status == 403
    assert desk.count("SELECT count(*) FROM assessments") == 1


def test_another_persons_word_is_not_handed_on(surface, desk, page_id):
    ana, ben = surface.sign_in("Ana"), surface.sign_in("Ben")
    judge_first(ana, page_id, 3)
    ana.submit("leave", done="one of them")
    page = open_item(ben, page_id)
    assert page.list_links(r".*/alike") == []
    found = images(desk, page_id)
    page = ben.post(f"/items/{page_id}/images/{found[0]}/alike", {"same": [f"{found[1]}:1"], "lane": ""})
    assert page.status in (403, 409)
    assert desk.count("SELECT count(*) FROM assessments") == 1


def test_a_word_without_a_look_is_not_handed_on(surface, desk, page_id):
    browser = surface.sign_in("Ana")
    open_item(browser, page_id)
    page = judge(browser, 3)
    assert page.list_links(r".*/alike") == []


def test_a_known_picture_and_one_near_a_list_are_left_to_a_person(surface, desk, site):
    lay_page(site, alike=3, others=0)
    desk.import_entries(
        "hints",
        list_entry("h1", pdq=compute_pdq(draw_landscape()), entry_class=EntryClass.ADVISORY),
    )
    (page_id,) = desk.report(url("/alike.html"))
    capture(desk, page_id)
    browser = surface.sign_in("Ana")
    page = judge_first(browser, page_id, 3)
    page = browser.open(page.list_links(r".*/alike")[0])
    ticked = page.tree.css("input[name=same]")
    assert [("checked" in one.attributes) for one in ticked] == [False, False]


def test_more_than_fifty_at_once_ask_who_it_is(surface, desk, page_id, monkeypatch):
    monkeypatch.setattr("api.console.alike.FREELY", 2)
    browser = surface.sign_in("Ana")
    page = judge_first(browser, page_id, 3)
    browser.open(page.list_links(r".*/alike")[0] + "?lang=en")
    begin_shift(desk.conn, surface.people["Ana"].id, ago=30)
    asked = browser.submit("same")
    assert asked.status == 403
    assert asked.tree.css_first("input[name=confirm_code]") is not None
    assert desk.count("SELECT count(*) FROM assessments") == 1
    done = browser.submit("step-up", confirm_code=surface.people["Ana"].next_code())
    assert done.status == 200
    assert desk.count("SELECT count(*) FROM assessments") == ALIKE


def test_a_near_picture_stands_beside_our_own_while_its_thumb_is_kept(surface, desk, site):
    drawing = draw_landscape(72)
    site.lay_answer("/own.png", encode(drawing, "PNG"), "image/png")
    site.lay_answer("/near.jpg", encode(crop_slightly(drawing, 0.004), "JPEG", quality=60), "image/jpeg")
    entry = list_entry("o1", pdq=compute_pdq(drawing), entry_class=EntryClass.SELF_REPORTED)
    desk.import_entries("ours", entry)
    own, near = (desk.report(url(path))[0] for path in ("/own.png", "/near.jpg"))
    capture(desk, near)
    browser = surface.sign_in("Ana")
    assert open_item(browser, near).tree.css(".pair") == [], "a list alone has no picture to show"
    capture(desk, own)
    page = open_item(browser, near)
    thumbs = [node.attributes["src"] for node in page.tree.css(".pair img")]
    assert thumbs == [
        f"/items/{near}/images/{image_of(desk, near)}/thumb",
        f"/items/{own}/images/{image_of(desk, own)}/thumb",
    ]
    assert all(browser.fetch(one).headers["content-type"] == "image/jpeg" for one in thumbs)
    assert "ours, self-reported" in page.tree.css_first(".pair").text().lower()
    desk.conn.execute(
        "DELETE FROM evidence_objects WHERE image_id = %s AND kind = 'thumb'", (image_of(desk, own),)
    )
    desk.conn.commit()
    assert open_item(browser, near).tree.css(".pair") == []
