"""The detail panel by its forms: hostile ones change nothing, the second sees nothing of it, it can be said later."""

import pytest

from tests.assessing import Assessors
from tests.captures import capture, image_of, url
from tests.console import leave_item, look, open_item
from triage.model import PersonRole
from triage.rules.classification import CHOICES, Detail, Maturity, Origin, Sex, SiteType

SEEN = {"detail_sex": "female", "detail_age_band_youngest": "7-10", "detail_origin": "real"}
FIRST_WORD = Detail(sex=Sex.MALE, origin=Origin.REAL, maturity=Maturity.INFANT, site_type=SiteType.FORUM)


@pytest.fixture
def item(desk):
    (item_id,) = desk.report(url("/first.jpg"))
    capture(desk, item_id)
    return item_id


def settle(desk, item_id, **flags):
    """Let Ana and Ben settle what an item shows as illegal; return the picture."""
    people, image = Assessors(desk.conn), image_of(desk, item_id)
    people.press("Ana", item_id, image, 1, **flags)
    people.press("Ben", item_id, image, 1)
    return image


def stored(desk):
    return desk.count("SELECT count(*) FROM classifications")


def test_an_answer_that_nobody_offers_changes_nothing(surface, desk, item):
    ana = surface.sign_in("Ana")
    open_item(ana, item)
    page = look(ana)
    action = page.find_form("judge").attributes["action"]
    fields = {"label": "1", "round": "1", "lane": "look"}
    for wrong in (
        {"detail_sex": "neither"},
        {"detail_payment": ["visa", "<script>"]},
        {"detail_language_clues": "x" * 61},
        {"detail_origin": "real", "detail_severity_abc": "Z"},
        {"reason_code": "because"},
    ):
        answer = ana.post(action, fields | SEEN | wrong)
        assert answer.status == 422, (wrong, answer.words[:200])
    page = ana.post(action, fields | SEEN | {"detail_origin": "drawn"})
    assert page.status == 403
    assert "Baseline" in page.words
    assert stored(desk) == 0
    assert desk.count("SELECT count(*) FROM assessments") == 0


def test_detail_and_reason_go_with_a_judgement_and_the_second_sees_nothing_of_them(surface, desk, item):
    ana, ben = surface.sign_in("Ana"), surface.sign_in("Ben")
    open_item(ana, item)
    look(ana)
    fields = {"detail_sex": "male", "detail_maturity": "infant", "detail_payment": ["visa", "sms"]}
    page = ana.submit("judge", label="1", reason_code="age_clear", **fields)
    assert page.path != f"/items/{item}/detail", page.words
    assert stored(desk) == 1
    described = ben.open(f"/items/{item}/detail?lang=en")
    assert described.status == 200
    assert not described.list_forms() or not any(
        form.startswith("detail-") for form in described.list_forms()
    )
    second = open_item(ben, item, "second")
    for page in (described, second):
        assert not page.tree.css("option[selected]"), "no panel is filled in with what the first said"
        assert not page.tree.css("[name=reason_code][checked]:not([value=''])")
        assert page.tree.css(".detail-words, .reasons-said") == []
    look(ben)
    ben.submit("judge", label="1", detail_sex="female")
    rows = desk.conn.execute(
        "SELECT sex, maturity, payment FROM classifications ORDER BY given_at, id"
    ).fetchall()
    desk.conn.rollback()
    assert rows == [("male", "infant", ["sms", "visa"]), ("female", "unknown", [])]


def test_what_was_typed_in_a_form_that_is_refused_still_stands_in_it(surface, desk, item):
    ana, ben = surface.sign_in("Ana"), surface.sign_in("Ben")
    open_item(ana, item)
    typed = {"reason_code": "age_clear", "reason": "seen <before>", "danger": "yes"}
    detail = {"detail_sex": "male", "detail_payment": ["visa", "sms"], "detail_language_clues": "sq"}
    refused = ana.submit("judge-1", label="2", **typed, **detail)
    assert (refused.status, "your own look" in refused.words) == (403, True)
    form = refused.tree.css_first("form.judge")
    checked = {node.attributes["id"] for node in form.css("input[checked]")}
    assert checked == {"judge-1-2", "judge-1-danger", "judge-1-reason-age_clear"}
    assert form.css_first("textarea").text() == "seen <before>"
    chosen = [node.attributes["value"] for node in form.css("option[selected]")]
    assert sorted(chosen) == ["male", "sms", "visa"]
    assert form.css_first("#judge-1-language_clues").attributes["value"] == "sq"
    assert not refused.tree.css("#judge-item input[checked]:not([value=''])"), (
        "only the form that was refused"
    )
    look(ana)
    assert not ana.open(f"/items/{item}?lang=en").tree.css(".judge input[checked]:not([value=''])")
    leave_item(ana, item)
    assert not open_item(ben, item).tree.css(".judge input[checked]:not([value='']), option[selected]")


def test_it_can_be_said_once_it_is_settled_and_stands_filled_in(surface, desk, item):
    image = settle(desk, item)
    ana = surface.sign_in("Ana")
    page = ana.open(f"/items/{item}/detail?lang=en")
    assert "Waits for detail" in page.words
    refused = ana.submit("detail-1")
    assert (refused.status, stored(desk)) == (403, 0)
    assert "Choose at least one answer" in refused.words
    ana.open(f"/items/{item}/detail?lang=en")
    refused = ana.submit("detail-1", detail_origin="ai_generated")
    assert (refused.status, stored(desk)) == (403, 0)
    ana.open(f"/items/{item}/detail?lang=en")
    page = ana.submit("detail-1", **SEEN, detail_payment=["visa"])
    assert (page.status, page.path) == (200, f"/items/{item}/detail")
    assert "Waits for detail" not in page.words
    chosen = {node.attributes["value"] for node in page.tree.css("option[selected]")}
    assert {"female", "7-10", "real", "visa"} <= chosen
    (answer,) = desk.conn.execute(
        "SELECT count(*) FROM custody_events WHERE event = 'detail_given'"
    ).fetchone()
    desk.conn.rollback()
    assert (answer, image is not None) == (1, True)


def test_who_may_say_it_later_is_an_assessor_of_it_or_a_lead(surface, desk, item):
    image = settle(desk, item, detail=FIRST_WORD)
    path = f"/items/{item}/images/{image}/detail"
    cen, lea = surface.sign_in("Cen"), surface.sign_in("Lea")
    page = cen.open(f"/items/{item}/detail?lang=en")
    assert "detail-1" not in page.list_forms()
    assert "Infant" in page.words
    assert cen.post(path, SEEN).status == 403
    clerk = surface.sign_in("Kim", PersonRole.CLERK)
    auditor = surface.sign_in("Ada", PersonRole.AUDITOR)
    assert clerk.open(f"/items/{item}/detail").status == 403
    assert auditor.open(f"/items/{item}/detail?lang=en").status == 200
    for browser in (clerk, auditor):
        assert browser.post(path, SEEN).status == 403
    assert stored(desk) == 1
    assert lea.post(path, SEEN, csrf=False).status == 403
    assert lea.post(path, SEEN).status == 200
    assert stored(desk) == 2


def test_what_is_not_there_or_not_settled_takes_none(surface, desk, item):
    image = image_of(desk, item)
    lea = surface.sign_in("Lea", PersonRole.LEAD)
    (other,) = desk.report(note="words")
    for path, status in (
        (f"/items/{item}/images/{image}/detail", 409),
        (f"/items/{item}/detail", 409),
        (f"/items/{other}/images/{image}/detail", 404),
        (f"/items/{image}/detail", 404),
        ("/items/nothing/detail", 404),
    ):
        answer = lea.post(path, SEEN)
        assert answer.status in (status, 422), (path, answer.status)
    assert stored(desk) == 0
    assert lea.open(f"/items/{image}/detail").status == 404


def test_the_panel_offers_every_answer_of_the_record_and_nothing_else(surface, desk, item):
    settle(desk, item)
    page = surface.sign_in("Ana").open(f"/items/{item}/detail?lang=sq")
    for name, choices in CHOICES.items():
        values = [node.attributes["value"] for node in page.tree.css(f"[name=detail_{name}] option")]
        assert [one for one in values if one] == [one.value for one in choices], name
