"""The training set and alike pictures in Chromium: the keys and looks of the review page, on drawings."""

import pytest

from tests.builders import make_person
from tests.console_pages import SHOWN
from tests.furnishing import DESK
from tests.looking_over import look_over
from tests.reviewing import Review
from triage.model import PersonRole
from triage.rules.training import NEEDED, ROUND_TASKS, draw_round


def test_a_newcomer_passes_the_training_set_by_keys_alone_and_then_may_look(room, open_browser):
    from playwright.sync_api import expect

    nora = make_person(room.desk.conn, "Nora", PersonRole.ANALYST, is_trained=False)
    room.desk.conn.commit()
    window = open_browser(room.surface.url, language="en")
    window.sign_in(room.surface.hire("Nora"))
    window.open("/training/1")
    review = Review(window)
    for task in draw_round(nora, 1):
        expect(review.page.locator("h1")).to_have_text(f"Task {task.number} of {ROUND_TASKS}")
        if task.distances:
            for key in task.answer.split(","):
                review.press(key)
        else:
            assert review.page.locator("img.clear[src]").count() == 0
            review.hold()
            expect(review.clear).to_be_visible()
            review.let_go()
            assert review.page.locator("img.clear[src]").count() == 0
            review.press("s" if task.answer == "skip" else task.answer)
        if task.answer != "skip":
            review.press("Enter")
        review.page.wait_for_url(lambda address, number=task.number: f"said=1-{number}" in address)
    expect(review.page.locator("main")).to_contain_text("You have passed the training set.")
    assert NEEDED <= ROUND_TASKS
    assert room.count("SELECT count(*) FROM trainings WHERE person_id = %s", nora) == 1
    assert room.count("SELECT count(*) FROM looks WHERE person_id = %s", nora) == 0
    review.open(room.take_in())
    review.hold()
    expect(review.clear).to_be_visible()
    review.let_go()


@pytest.mark.parametrize("language", ["sq", "en"])
def test_pages_of_training_and_of_alike_pictures_have_no_barriers(house, open_browser, language):
    window = open_browser(house.surface.url, language=language)
    window.sign_in(house.surface.hire(DESK), language=language)
    for shown in SHOWN:
        if "training" in shown.route or shown.route.endswith("/alike"):
            assert window.open(shown.path(house)).status == 200
            assert look_over(window.page) == [], shown.route
