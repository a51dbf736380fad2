"""At a desk that acts on one assessor, no page and no refusal tells the second what the first said."""

import pytest

from tests.conftest import copy_template
from tests.console_machine import PAGES, PICTURES, ConsoleDesk, furnish
from tests.console_twins import ACTS, WAYS
from tests.counts import IS_SOAK
from triage.rules.assessing import SecondAssessor

POLICE_FIRST, NOT_ILLEGAL = 1, 2


@pytest.fixture(scope="module")
def stock(servers):
    with copy_template(servers) as fresh:
        furnish(fresh)
        yield fresh


@pytest.fixture
def desk(servers, stock):
    with copy_template(servers, template=stock.name, is_checked=False) as copy:
        walk = ConsoleDesk(copy, second=SecondAssessor.BEFORE_SHARING, share=1.0)
        walk.set_share(1.0)
        yield walk
        walk.close()


def open_pair(desk, person, url):
    """Open what was reported at an address and look at a new picture of it."""
    (item_id,) = desk.ids("SELECT id FROM items WHERE url = %s", url)
    desk.open(person, item_id)
    new = [one for one in desk.view(person, item_id).pictures if one.form and one.group == "new"]
    pair = (item_id, new[0].picture.image_id)
    desk.look_at(person, pair)
    return pair


@pytest.mark.parametrize(
    ("url", "viewer", "word", "ways"),
    [
        (PICTURES[3], 1, NOT_ILLEGAL, range(len(ACTS))),
        (PICTURES[4], 3, POLICE_FIRST, range(0, WAYS, 13 if IS_SOAK else 39)),
        (PAGES[0], 1, NOT_ILLEGAL, range(0, WAYS, 13 if IS_SOAK else 39)),
        (PAGES[0], 3, POLICE_FIRST, range(1, WAYS, 19 if IS_SOAK else 57)),
    ],
)
def test_whatever_the_first_said_and_became_of_it_the_second_gets_the_same_pages_and_answers(
    desk, url, viewer, word, ways
):
    ana = desk.people[0]
    pair = open_pair(desk, ana, url)
    for way in ways:
        desk.compare_twins(ana, pair, desk.people[viewer], word * WAYS + way)
    assert desk.done["twins"] == len(ways)


def test_of_a_page_on_which_only_half_judged_pictures_are_left_nothing_is_told_either(desk):
    ana, ben = desk.people[0], desk.people[1]
    (page,) = desk.ids("SELECT id FROM items WHERE url = %s", PAGES[0])
    desk.open(ana, page)
    pictures = [one for one in desk.view(ana, page).pictures if one.form]
    for one in pictures:
        pair = (page, one.picture.image_id)
        if one.group != "known":
            desk.look_at(ana, pair)
        if one is not pictures[-1]:
            desk.assess(ana, pair, 1 if one.group == "known" else 3)
    for way in range(0, WAYS, 7):
        desk.compare_twins(ana, pair, ben, NOT_ILLEGAL * WAYS + way)
    assert desk.done["twins"] == len(range(0, WAYS, 7))
