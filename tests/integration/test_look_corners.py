"""Corners of looking: what is too small shows nothing, and every waiting picture has a page with its detail."""

import pytest

from tests.captures import capture, url
from tests.console import ask, look, open_item
from tests.drawn_images import make_jpeg
from triage.model import PersonRole

SEEN = {"detail_sex": "female", "detail_origin": "real"}


@pytest.fixture
def page_item(desk, site):
    """A page with two new pictures and an icon, captured."""
    site.lay_answer("/icon.jpg", make_jpeg(77, "shapes", (16, 16)), "image/jpeg")
    body = "".join(f'<img src="{url(path)}">' for path in ("/first.jpg", "/second.jpg", "/icon.jpg"))
    site.lay_answer("/page", body.encode(), "text/html")
    (item_id,) = desk.report(url("/page"))
    capture(desk, item_id)
    return item_id


def find_images(desk, item_id):
    """Return the pictures of a page by the path that shows them."""
    rows = desk.conn.execute(
        "SELECT url, image_id FROM item_children JOIN items ON items.id = child_id"
        " JOIN item_images ON item_images.item_id = child_id WHERE parent_id = %s",
        (item_id,),
    ).fetchall()
    desk.conn.rollback()
    return {address.rpartition("/")[2]: image for address, image in rows}


def test_what_is_too_small_to_be_anything_is_shown_to_nobody(surface, desk, page_item):
    ana = surface.sign_in("Ana")
    page = open_item(ana, page_item)
    icon = find_images(desk, page_item)["icon.jpg"]
    assert str(icon) not in page.text
    assert page.tree.css("#icons") != []
    path = f"/items/{page_item}/images/{icon}"
    as_page = ana.post(f"{path}/reveal", {"rendering": "grey_half", "asked": "0", "lane": "look"})
    assert as_page.status == 404
    assert as_page.tree.css("figure.look img") == []
    open_item(ana, page_item)
    as_script = ana.post(f"{path}/reveal", {"rendering": "grey_half"}, accept="application/json")
    assert as_script.status == 404
    assert "does not show such a picture" in as_script.text
    assert "token" not in as_script.text
    assert desk.count("SELECT count(*) FROM looks") == 0
    assert ana.open(f"{path}/thumb").content[:2] != b"\xff\xd8"


def test_only_who_has_the_item_open_gets_the_page_of_a_waiting_picture(surface, desk, page_item):
    image = find_images(desk, page_item)["first.jpg"]
    path = f"/items/{page_item}/images/{image}/detail?lang=en"
    ana, ben = surface.sign_in("Ana"), surface.sign_in("Ben")
    open_item(ana, page_item)
    assert "judge" in ana.open(path).list_forms()
    assert ben.open(path).path == f"/items/{page_item}"
    assert surface.sign_in("Kim", PersonRole.CLERK).open(path).status == 403
    icon = find_images(desk, page_item)["icon.jpg"]
    assert ana.open(f"/items/{page_item}/images/{icon}/detail").path == f"/items/{page_item}"
    ana.open(f"/items/{page_item}?lang=en")
    ana.submit("leave")
    assert ana.open(path).path == f"/items/{page_item}"


def test_the_second_reads_nothing_of_the_first_there(surface, desk, page_item):
    image = find_images(desk, page_item)["first.jpg"]
    path = f"/items/{page_item}/images/{image}/detail?lang=en"
    ana, ben = surface.sign_in("Ana"), surface.sign_in("Ben")
    open_item(ben, page_item)
    before = ben.open(path)
    ben.open(f"/items/{page_item}?lang=en")
    ben.submit("leave")
    page = open_item(ana, page_item)
    number = next(n for n in (1, 2) if image_of_number(page, n) == str(image))
    look(ana, number)
    ana.submit("judge", label="1", danger="yes", reason="words of the first", **SEEN)
    ana.open(f"/items/{page_item}?lang=en")
    ana.submit("leave", done="looked at it")
    open_item(ben, page_item)
    assert ben.open(path).tree.css_first("main").html == before.tree.css_first("main").html


def test_without_script_each_waiting_picture_is_judged_with_its_detail(surface, desk, page_item):
    ana = surface.sign_in("Ana")
    page = open_item(ana, page_item)
    assert len(page.tree.css("details.detail")) == 1, "one panel stands on the page"
    (link,) = [node.attributes["href"] for node in page.tree.css("[data-detail]")]
    number = next(n for n in (1, 2) if f"/images/{image_of_number(page, n)}/detail" in link)
    _, source = ask(ana, number)
    assert ana.open(source).status == 200
    judged = ana.open(link)
    assert judged.tree.css_first("details.detail").attributes.get("open", "closed") is None
    assert judged.tree.css("img") == []
    ana.submit("judge", label="2", **SEEN)
    assert desk.count("SELECT count(*) FROM classifications WHERE sex = 'female' AND origin = 'real'") == 1
    assert desk.count("SELECT count(*) FROM assessments WHERE label = 2") == 1


def image_of_number(page, number):
    action = page.find_form(f"judge-{number}").attributes["action"]
    return action.split("/")[4]
