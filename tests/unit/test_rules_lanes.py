"""Lanes: what an item shows decides where it waits; nothing that is not known ever waits in no_look."""

from dataclasses import replace
from itertools import product
from uuid import uuid4

import pytest

from triage.rules.lanes import (
    PAGE_BEHIND_PAGE,
    PAGE_CUT,
    SECOND,
    PageFinding,
    Placing,
    ShownChild,
    ShownImage,
    describe_left,
    is_too_small,
    place_by_failure,
    place_by_finding,
    place_by_images,
    place_page,
)
from triage.rules.page_kinds import PageKind, describe_kind
from triage.rules.states import ClosedAs, ImageState, ItemState, Lane

NEW = ShownImage(
    state=ImageState.UNJUDGED,
    is_known=False,
    can_be_shown=True,
    has_views=True,
    finding=None,
    nearest=None,
    has_untrusted_exact=False,
)
KNOWN = replace(NEW, is_known=True, has_views=False)
HIDDEN = replace(NEW, can_be_shown=False, has_views=False, finding="a video: cannot be displayed here")
WAITING, RECEIVED, CLOSED = ItemState.AWAITING_ASSESSMENT, ItemState.RECEIVED, ItemState.CLOSED


def test_no_look_holds_exactly_what_is_known_whatever_else_is_said():
    for known, shown, views, finding, nearest, untrusted, status in product(
        (True, False), (True, False), (True, False), (None, "odd"), (None, 0, 31), (True, False), (None, 200)
    ):
        image = ShownImage(ImageState.UNJUDGED, known, shown, views, finding, nearest, untrusted)
        for images in ([image], [image, KNOWN], [KNOWN, image]):
            place = place_by_images(images, status=status)
            assert place.lane is (Lane.NO_LOOK if known else Lane.LOOK)
            assert place.reason


@pytest.mark.parametrize(
    ("images", "status", "reason"),
    [
        ([NEW], None, "new picture"),
        ([NEW], 200, "new picture"),
        ([], 200, "a page without pictures"),
        ([], 404, "the address answers 404"),
        ([NEW], 500, "the address answers 500"),
        ([KNOWN, NEW], 200, "new picture"),
        ([replace(NEW, nearest=12), replace(NEW, nearest=7)], 200, "near a listed picture: 7 bits of 256"),
        ([replace(NEW, nearest=0)], 200, "near a listed picture: 0 bits of 256"),
        (
            [replace(NEW, nearest=0, has_untrusted_exact=True)],
            200,
            "exact digest in a set that is not trusted",
        ),
        ([HIDDEN], 200, "a video: cannot be displayed here"),
        ([replace(HIDDEN, finding=None)], 200, "cannot be displayed here"),
        ([replace(HIDDEN, has_untrusted_exact=True)], 200, "exact digest in a set that is not trusted"),
        ([replace(NEW, has_views=False)], 200, "no longer known and no view was kept: capture it again"),
    ],
)
def test_the_reason_says_what_a_person_must_know_first(images, status, reason):
    place = place_by_images(images, status=status)
    assert (place.lane, place.reason) == (Lane.LOOK, reason)


def child(state, lane=None, closed_as=None):
    return ShownChild(uuid4(), state, lane, closed_as)


def test_a_page_waits_in_no_look_only_when_nothing_of_it_is_left_to_see():
    known, judged = child(WAITING, Lane.NO_LOOK), child(CLOSED, closed_as=ClosedAs.NOT_ACTIONABLE)
    assert place_page([known, known]).lane is Lane.NO_LOOK
    assert place_page([known, judged]).lane is Lane.NO_LOOK
    for other in (child(RECEIVED), child(WAITING, Lane.LOOK)):
        for children in ([known, other], [other], [other, judged]):
            assert place_page(children).lane is Lane.LOOK
    assert place_page([known, child(RECEIVED)]).reason == "a page: 1 of 2 pictures captured"
    assert place_page([known, child(WAITING, Lane.LOOK)]).reason == "a page: 2 pictures, 1 known"


def test_a_page_waits_for_a_second_assessor_once_nothing_of_it_waits_for_a_first():
    once, known = child(WAITING, Lane.SECOND), child(WAITING, Lane.NO_LOOK)
    assert place_page([once, known]).lane is Lane.SECOND
    assert place_page([once, child(WAITING, Lane.LOOK)]).lane is Lane.LOOK


def test_what_is_half_judged_waits_for_a_second_and_what_is_settled_for_a_word():
    assert place_by_images([replace(NEW, state=ImageState.JUDGED_ONCE)], status=200).reason == SECOND
    settled = place_by_images([replace(NEW, state=ImageState.SETTLED)], status=200)
    assert (settled.lane, settled.reason) == (Lane.LOOK, "judged before: confirm or reopen")


def test_failures_and_unread_pages_are_looked_at():
    assert place_by_failure("why", gave_up=True).reason == "could not be fetched: why"
    assert place_by_failure("why", gave_up=True, tries=1).reason == "could not be fetched: why, 1 try"
    assert place_by_failure("why", gave_up=True, tries=4).reason == "could not be fetched: why, 4 tries"
    assert place_by_failure("why", gave_up=False).reason == "refused: why"
    assert {place_by_failure("why", gave_up=said).lane for said in (True, False)} == {Lane.LOOK}
    for lane, reason in product(Lane, (PAGE_CUT, PAGE_BEHIND_PAGE, describe_left(120))):
        place = place_by_finding(Placing(lane, "whatever"), PageFinding(reason))
        assert (place.lane, place.reason) == (Lane.LOOK, reason)


def test_what_kind_a_page_is_comes_first_and_a_wall_is_never_believed():
    for lane, kind in product((Lane.LOOK, Lane.NO_LOOK, Lane.SECOND), PageKind):
        place = place_by_finding(Placing(lane, "a page"), PageFinding(kind=kind))
        assert place.reason == f"{describe_kind(kind, None)}; a page"
        believed = lane is not Lane.NO_LOOK or kind is PageKind.LINK_LIST
        assert place.lane is (lane if believed else Lane.LOOK)
    both = place_by_finding(
        Placing(Lane.NO_LOOK, "a page"), PageFinding(describe_left(3), PageKind.LINK_LIST)
    )
    assert both == Placing(Lane.LOOK, "a link list; a page with more pictures than are taken: 3 left out")


@pytest.mark.parametrize(
    ("size", "more", "is_left_out"),
    [
        ((16, 16), {}, True),
        ((1, 1), {}, True),
        ((640, 480), {}, False),
        ((None, None), {}, False),
        ((16, 16), {"is_reported": True}, False),
        ((16, 16), {"has_match": True}, False),
        *(((16, 16), {"state": state}, False) for state in set(ImageState) - {ImageState.UNJUDGED}),
    ],
)
def test_only_what_nobody_and_nothing_means_is_too_small(size, more, is_left_out):
    facts = {"is_reported": False, "state": ImageState.UNJUDGED, "has_match": False} | more
    assert is_too_small(*size, **facts) is is_left_out
