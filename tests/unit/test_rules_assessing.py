"""Assessing: what a label may be said of, how many assessors it takes, and what an item comes to."""

from itertools import product
from uuid import uuid4

import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st

from triage.errors import NotAllowedError
from triage.rules.assessing import (
    ILLEGAL_LABELS,
    MEANINGS,
    Given,
    Judgement,
    Label,
    NationalVerdict,
    Outcome,
    Place,
    Subject,
    choose_verdict,
    find_gravest,
    is_drawn_for_second,
    outcome_of_child,
    outcome_of_verdict,
    rule,
    state_of_given,
)
from triage.rules.states import IMAGE_MOVES, Basis, ClosedAs, ImageState, ItemState, find_move

ANA, BEN, LEAD = uuid4(), uuid4(), uuid4()
NEW = Subject(ImageState.UNJUDGED, is_known_by_list=False, can_be_shown=True)
ONCE = Subject(ImageState.JUDGED_ONCE, is_known_by_list=False, can_be_shown=True)
DISPUTED = Subject(ImageState.DISPUTED, is_known_by_list=False, can_be_shown=True)
KNOWN = Subject(ImageState.UNJUDGED, is_known_by_list=True, can_be_shown=True)
UNSEEN = Subject(ImageState.UNJUDGED, is_known_by_list=False, can_be_shown=False)
TEXT = Subject(ImageState.UNJUDGED, is_known_by_list=False, can_be_shown=True, is_image=False)


def said(label, person=ANA, place=Place.FIRST, basis=Basis.LOOKED, **more):
    return Given(place, person, label, basis, more.get("danger", False), more.get("hold", False))


def judge(subject, label, *, given=(), person=BEN, looked=True, lead=False, drawn=False, **more):
    return rule(
        subject,
        given,
        Judgement(label, **more),
        person,
        has_looked=looked,
        is_lead_word=lead,
        is_drawn=drawn,
    )


@pytest.mark.parametrize("label", sorted(ILLEGAL_LABELS))
def test_an_illegal_label_on_a_new_picture_needs_a_look_and_a_second_assessor(label):
    with pytest.raises(NotAllowedError, match="Look at the picture first"):
        judge(NEW, label, looked=False)
    ruling = judge(NEW, label)
    assert (ruling.place, ruling.event) == (Place.FIRST, "assessed_second_needed")


@pytest.mark.parametrize("label", sorted(ILLEGAL_LABELS))
def test_a_known_picture_takes_one_assessor_and_no_look(label):
    ruling = judge(KNOWN, label, looked=False)
    assert (ruling.basis, ruling.event) == (Basis.EXACT_HASH, "assessed_one_suffices")


def test_who_contradicts_a_trusted_list_needs_a_second_voice():
    assert judge(KNOWN, Label.NOT_ILLEGAL, looked=False).event == "assessed_second_needed"


@pytest.mark.parametrize("label", sorted(ILLEGAL_LABELS))
def test_what_cannot_be_shown_is_never_judged_illegal(label):
    for state, lead in ((ImageState.UNJUDGED, False), (ImageState.DISPUTED, True)):
        subject = Subject(state, is_known_by_list=False, can_be_shown=False)
        with pytest.raises(NotAllowedError, match="cannot be displayed"):
            judge(subject, label, looked=False, lead=lead)
    for other in (Label.NOT_ILLEGAL, Label.OUT_OF_REMIT, Label.UNSURE):
        assert judge(UNSEEN, other, looked=False).basis is Basis.FACTS


@pytest.mark.parametrize(
    ("subject", "given"), [(ONCE, [said(Label.BASELINE)]), (TEXT, [said(Label.NATIONAL)])]
)
def test_nobody_is_their_own_second(subject, given):
    with pytest.raises(NotAllowedError, match="own second"):
        judge(subject, Label.BASELINE, given=given, person=ANA)


@pytest.mark.parametrize(("first", "second"), list(product((1, 2, 3, 4), repeat=2)))
def test_two_agree_only_when_they_press_the_same_key(first, second):
    ruling = judge(ONCE, Label(second), given=[said(Label(first))])
    assert ruling.event == ("second_agrees" if first == second else "second_differs")
    assert ruling.place is Place.SECOND


@pytest.mark.parametrize("subject", [NEW, ONCE, KNOWN, UNSEEN, TEXT])
def test_unsure_goes_to_a_lead_from_everywhere(subject):
    given = [said(Label.BASELINE)] if subject is ONCE else []
    assert judge(subject, Label.UNSURE, given=given, looked=False).event == "unsure"


def test_a_lead_decides_what_is_disputed_and_only_that():
    assert judge(DISPUTED, Label.NATIONAL, person=LEAD, lead=True).event == "lead_decides"
    for subject, lead in ((NEW, True), (ONCE, True), (DISPUTED, False)):
        with pytest.raises(NotAllowedError, match="A lead decides"):
            judge(subject, Label.NOT_ILLEGAL, given=[said(Label.NATIONAL)], lead=lead)
    with pytest.raises(NotAllowedError, match="Look at the picture first"):
        judge(DISPUTED, Label.BASELINE, person=LEAD, lead=True, looked=False)


def test_a_lead_decides_once_also_of_a_page_whose_pictures_still_wait():
    page = Subject(ImageState.DISPUTED, is_known_by_list=False, can_be_shown=True, is_image=False)
    given = [said(Label.UNSURE), said(Label.NATIONAL, LEAD, Place.LEAD)]
    with pytest.raises(NotAllowedError, match="decided this already"):
        judge(page, Label.NOT_ILLEGAL, given=given, lead=True)


def test_a_lead_sends_to_the_police_unseen_only_what_cannot_be_shown():
    unseen = Subject(ImageState.DISPUTED, is_known_by_list=False, can_be_shown=False)
    ruling = judge(unseen, Label.UNSURE, person=LEAD, lead=True, looked=False, police_hold=True)
    assert choose_verdict([], Label.UNSURE, ruling.basis) == (NationalVerdict.DOUBTFUL, None, Basis.FACTS)
    for subject, hold in ((unseen, False), (DISPUTED, True)):
        with pytest.raises(NotAllowedError):
            judge(subject, Label.UNSURE, person=LEAD, lead=True, police_hold=hold)


def test_what_is_settled_is_judged_again_only_after_it_is_reopened():
    for lead in (True, False):
        with pytest.raises(NotAllowedError, match="reopen"):
            judge(
                Subject(ImageState.SETTLED, is_known_by_list=False, can_be_shown=True),
                Label.BASELINE,
                lead=lead,
            )


def test_a_dead_link_is_said_of_an_address_only():
    assert judge(TEXT, Label.DEAD_LINK).event == "assessed_one_suffices"
    with pytest.raises(NotAllowedError, match="address"):
        judge(NEW, Label.DEAD_LINK)


@pytest.mark.parametrize("label", [Label.NOT_ILLEGAL, Label.OUT_OF_REMIT, Label.DEAD_LINK])
def test_police_first_and_danger_go_with_illegal_labels(label):
    for flags in ({"police_hold": True}, {"danger": True}):
        with pytest.raises(NotAllowedError):
            judge(TEXT, label, **flags)


def test_a_part_of_what_is_not_illegal_is_drawn_for_a_second():
    assert judge(NEW, Label.NOT_ILLEGAL, drawn=True).event == "assessed_second_needed"
    assert judge(NEW, Label.NOT_ILLEGAL, drawn=False).event == "assessed_one_suffices"
    ids = [uuid4() for _ in range(4000)]
    assert not any(is_drawn_for_second(one, 1, 0.0) for one in ids)
    assert all(is_drawn_for_second(one, 1, 1.0) for one in ids)
    share = sum(is_drawn_for_second(one, 1, 0.05) for one in ids) / len(ids)
    assert 0.03 < share < 0.07
    assert is_drawn_for_second(ids[0], 1, 0.5) is is_drawn_for_second(ids[0], 1, 0.5)


@drawn(
    subject=st.builds(
        Subject, st.sampled_from(ImageState), st.booleans(), st.booleans(), is_image=st.booleans()
    ),
    label=st.sampled_from(Label),
    looked=st.booleans(),
    lead=st.booleans(),
    hold=st.booleans(),
    first=st.sampled_from(sorted(set(Label) - {Label.UNSURE})),
)
def test_every_ruling_is_a_move_of_the_table_and_illegal_never_stands_on_facts(
    subject, label, looked, lead, hold, first
):
    given = [said(first)] if subject.state in (ImageState.JUDGED_ONCE, ImageState.DISPUTED) else []
    try:
        ruling = judge(subject, label, given=given, looked=looked, lead=lead, police_hold=hold)
    except NotAllowedError:
        return
    find_move(IMAGE_MOVES, subject.state, ruling.event)
    if label in ILLEGAL_LABELS:
        assert ruling.basis is not Basis.FACTS
        assert looked or subject.is_known_by_list or not subject.is_image


def test_a_verdict_stands_on_the_strongest_of_those_who_agreed():
    given = [said(Label.BASELINE, basis=Basis.EXACT_HASH)]
    assert choose_verdict(given, Label.BASELINE, Basis.LOOKED)[2] is Basis.LOOKED
    assert choose_verdict(given, Label.BASELINE, Basis.EXACT_HASH)[2] is Basis.EXACT_HASH
    assert choose_verdict(given, Label.NOT_ILLEGAL, Basis.FACTS) == (
        NationalVerdict.NOT_ILLEGAL,
        False,
        Basis.FACTS,
    )


@pytest.mark.parametrize(
    ("given", "state"),
    [
        ([], ImageState.UNJUDGED),
        ([said(Label.NATIONAL)], ImageState.JUDGED_ONCE),
        ([said(Label.NOT_ILLEGAL)], ImageState.SETTLED),
        ([said(Label.DEAD_LINK)], ImageState.SETTLED),
        ([said(Label.UNSURE)], ImageState.DISPUTED),
        ([said(Label.NATIONAL), said(Label.NATIONAL, BEN, Place.SECOND)], ImageState.SETTLED),
        ([said(Label.NATIONAL), said(Label.BASELINE, BEN, Place.SECOND)], ImageState.DISPUTED),
        ([said(Label.UNSURE), said(Label.NATIONAL, LEAD, Place.LEAD)], ImageState.SETTLED),
    ],
)
def test_the_assessments_of_an_item_itself_follow_the_table_of_images(given, state):
    assert state_of_given(given) is state


def test_the_gravest_outcome_moves_a_page():
    assert find_gravest([]) is Outcome.NOT_ACTIONABLE
    assert find_gravest([Outcome.NOT_ACTIONABLE, Outcome.ACTIONABLE]) is Outcome.ACTIONABLE
    assert (
        find_gravest([Outcome.ACTIONABLE, Outcome.POLICE_FIRST, Outcome.OUT_OF_REMIT]) is Outcome.POLICE_FIRST
    )
    assert find_gravest([Outcome.NOT_ACTIONABLE, Outcome.OUT_OF_REMIT]) is Outcome.OUT_OF_REMIT


def test_a_picture_of_a_page_is_open_until_somebody_or_something_moved_it_on():
    for state in ItemState:
        closed_as = ClosedAs.NOT_JUDGED if state is ItemState.CLOSED else None
        outcome = outcome_of_child(state, closed_as)
        is_open = state in (ItemState.RECEIVED, ItemState.AWAITING_ASSESSMENT, ItemState.AWAITING_LEAD)
        assert (outcome is None) is is_open
    assert outcome_of_child(ItemState.CLOSED, ClosedAs.REMOVED) is Outcome.ACTIONABLE


def test_every_label_has_a_meaning_and_only_illegal_ones_lead_to_a_notice():
    assert set(MEANINGS) == set(Label)
    for label, meaning in MEANINGS.items():
        outcome = outcome_of_verdict(meaning.national, police_hold=False)
        assert (outcome is Outcome.ACTIONABLE) is (label in ILLEGAL_LABELS)
