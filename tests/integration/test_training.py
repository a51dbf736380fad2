"""The training set by its pages: until it is passed nobody sees a picture, and afterwards its answers are known."""

import re

import psycopg
import pytest

from tests.builders import make_person
from tests.captures import capture, image_of, url
from tests.console import open_item
from triage.clock import utcnow
from triage.model import PersonRole
from triage.rules.training import NEEDED, ROUND_TASKS, SKIP, draw_round
from triage.store.training import insert_training


@pytest.fixture
def novice(surface, desk):
    """Nora, who looks at pictures since today."""
    make_person(desk.conn, "Nora", PersonRole.ANALYST, is_trained=False)
    desk.conn.commit()
    return surface.sign_in("Nora")


def tasks_of(desk, round_=1):
    (row,) = desk.conn.execute("SELECT id FROM persons WHERE name = 'Nora'").fetchall()
    desk.conn.rollback()
    return draw_round(row[0], round_)


def answer(browser, task, *, wrongly=False):
    """Answer a task as its page offers it."""
    page = browser.open(f"/training/{task.number}?lang=en")
    assert page.status == 200, page.words
    if task.distances:
        right = task.answer.split(",")
        others = [str(n) for n in range(1, len(task.distances) + 1) if str(n) not in right]
        return browser.submit("judge-1", same=others if wrongly else right)
    if task.answer == SKIP and not wrongly:
        return browser.submit("skip-1")
    label = "1" if wrongly and task.answer != "1" else "2" if wrongly else task.answer
    return browser.submit("judge-1", label=label)


def test_nobody_looks_before_the_training_set_is_passed(surface, desk, novice):
    (item,) = desk.report(url("/first.jpg"))
    capture(desk, item)
    page = open_item(novice, item)
    assert "Pass the training set first" in page.text
    assert "/training" in page.list_links("/training")
    refused = novice.post(
        f"/items/{item}/images/{image_of(desk, item)}/reveal", {"rendering": "grey_half", "asked": "0"}
    )
    assert refused.status == 403
    assert "Pass the training set first" in refused.words
    assert desk.count("SELECT count(*) FROM looks") == 0
    for task in tasks_of(desk):
        page = answer(novice, task)
    assert "You have passed the training set." in page.words
    open_item(novice, item)
    assert novice.submit("reveal-1", rendering="grey_half").status == 200
    assert desk.count("SELECT count(*) FROM looks") == 1


def test_a_round_with_too_many_mistakes_is_not_passed_and_another_one_is(desk, novice):
    for task in tasks_of(desk):
        page = answer(novice, task, wrongly=task.number <= ROUND_TASKS - NEEDED + 1)
        is_wrong = task.number <= ROUND_TASKS - NEEDED + 1
        assert ("Not so." if is_wrong else "Right.") in page.words
    assert "You have passed" not in page.words
    assert f"Right answers: {NEEDED - 1}" in page.words
    assert desk.count("SELECT count(*) FROM trainings") == 0
    for task in tasks_of(desk, 2):
        page = answer(novice, task, wrongly=task.number <= ROUND_TASKS - NEEDED)
    assert "You have passed" in page.words
    assert desk.count("SELECT round FROM trainings") == 2
    assert desk.count("SELECT count(*) FROM custody_events WHERE event = 'training_passed'") == 1


def test_a_task_is_answered_once_in_a_round(desk, novice):
    task = tasks_of(desk)[0]
    answer(novice, task)
    again = novice.open(f"/training/{task.number}?lang=en")
    assert "You have answered this task." in again.words
    assert not again.has_form("judge-1")
    refused = novice.post(f"/training/{task.number}", {"label": "3", "round": "1", "kind": ""})
    assert refused.status == 409
    assert desk.count("SELECT count(*) FROM training_answers") == 1


@pytest.mark.parametrize(
    ("path", "fields", "status"),
    [
        ("/training/1", {"round": "1"}, 422),
        ("/training/1", {"label": "9", "round": "1"}, 422),
        ("/training/1", {"label": "3", "round": "x"}, 422),
        ("/training/1", {"label": "3", "round": "7"}, 409),
        ("/training/13", {"label": "3", "round": "1"}, 404),
        ("/training/0/skip", {"round": "1"}, 404),
        ("/training/1/reveal", {"rendering": "thumb"}, 422),
        ("/training/99/reveal", {"rendering": "colour"}, 404),
    ],
)
def test_what_no_page_offers_is_refused(desk, novice, path, fields, status):
    assert novice.post(path, fields).status == status
    assert desk.count("SELECT count(*) FROM training_answers") == 0


@pytest.mark.parametrize("token", ["1-13-colour", "1-1-bytes", "1-1", "x", "1-1-colour-2"])
def test_a_picture_that_there_is_not_is_not_drawn(novice, token):
    assert novice.fetch(f"/training/looks/{token}").status in (403, 404, 422)


def test_a_look_shows_a_drawing_for_some_seconds_and_grey_first(desk, novice):
    task = next(one for one in tasks_of(desk) if one.drawing == "red_circle")
    novice.open(f"/training/{task.number}?lang=en")
    page = novice.submit("reveal-1", rendering="grey_half")
    assert re.fullmatch(rf"10; url=/training/{task.number}", page.headers["refresh"])
    (source,) = [node.attributes["src"] for node in page.tree.css("figure.look img")]
    grey, colour = novice.fetch(source), novice.fetch(source.replace("grey_half", "colour"))
    assert grey.headers["content-type"] == "image/svg+xml"
    assert all(found[1] == found[2] == found[3] for found in re.finditer(r"#(..)(..)(..)", grey.text))
    assert not all(found[1] == found[2] == found[3] for found in re.finditer(r"#(..)(..)(..)", colour.text))
    assert not re.search(r"script|href|style|on\w+=", colour.text)
    assert novice.submit("hide").path == f"/training/{task.number}"
    assert desk.count("SELECT count(*) FROM looks") == 0, "nothing of it counts as a look"


def test_a_script_gets_an_address_that_its_frame_can_show(desk, novice):
    task = next(one for one in tasks_of(desk) if one.drawing == "landscape")
    novice.open(f"/training/{task.number}")
    said = novice.post(f"/training/{task.number}/reveal", {"rendering": "colour"}, accept="application/json")
    assert said.headers["content-type"] == "application/json"
    (token,) = re.findall(r'"token":"([^"]+)"', said.text)
    assert novice.fetch(f"/training/looks/{token}").status == 200
    ended = novice.post(f"/training/looks/{task.number}/end", {"ms": "900"}, accept="application/json")
    assert ended.status == 204


def test_alike_pictures_stand_beside_each_other_as_thumbs(desk, novice):
    task = next(one for one in tasks_of(desk) if one.distances)
    page = novice.open(f"/training/{task.number}?lang=en")
    sources = [node.attributes["src"] for node in page.tree.css("fieldset.alike img")]
    thumbs = [novice.fetch(source).text for source in sources]
    alike = {int(number) for number in task.answer.split(",")}
    assert [one == thumbs[0] for one in thumbs[1:]] == [place in alike for place in range(1, len(thumbs))]
    assert novice.fetch(f"/training/{task.number}/thumbs/5").status == 404


def test_the_database_lets_nobody_pass_without_the_answers(desk, novice, as_role):
    (row,) = desk.conn.execute("SELECT id FROM persons WHERE name = 'Nora'").fetchall()
    desk.conn.rollback()
    person_id, conn = row[0], as_role("hotline_staff")
    for sql in (
        "INSERT INTO trainings (person_id, round, passed_at) VALUES (%(id)s, 1, now())",
        "INSERT INTO trainings (person_id, passed_at) VALUES (%(id)s, now())",
    ):
        with pytest.raises(psycopg.errors.CheckViolation):
            conn.execute(sql, {"id": person_id})
        conn.rollback()
    for task in tasks_of(desk)[:-1]:
        answer(novice, task)
    with pytest.raises(psycopg.errors.CheckViolation):
        insert_training(conn, person_id, round_=1, now=utcnow())
    conn.rollback()


def test_only_who_looks_at_pictures_is_trained(surface):
    clerk = surface.sign_in("Cen", PersonRole.CLERK)
    assert clerk.open("/training").status == 403
    assert clerk.post("/training/1", {"label": "3", "round": "1"}).status == 403


def test_a_lead_sees_who_has_not_passed_and_nothing_of_the_answers(surface, desk, novice):
    lead = surface.sign_in("Lea", PersonRole.LEAD)
    tasks = tasks_of(desk)
    answer(novice, tasks[0], wrongly=True)
    page = lead.open("/welfare?lang=en")
    assert page.tree.css_first("#untrained").text() == "Has not passed the training set yet: Nora"
    for task in tasks[1:]:
        answer(novice, task)
    page = lead.open("/welfare?lang=en")
    assert page.tree.css_first("#untrained") is None
