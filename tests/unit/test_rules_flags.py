"""Flags before a look: only what a list or a reporter says, by known words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.rules.flags import Flag, ListWord, RaisedFlags, list_flags, note_flags


@pytest.mark.parametrize(
    ("scheme", "value", "flags"),
    [
        ("ncmec-csam", "A1", {Flag.CONTACT}),
        ("ncmec-csam", "B1", {Flag.CONTACT}),
        ("ncmec-csam", "A2", set()),
        ("ncmec-csam", "B2", set()),
        ("iwf-like", "A", {Flag.GRAVEST}),
        ("IWF", "a", {Flag.GRAVEST}),
        ("iwf", "B", set()),
        ("iwfish", "A", set()),
        ("vics-us", "1", set()),
        ("vics-uk", "1", set()),
        ("our own", "A", set()),
        ("baseline-practice", "Baseline", set()),
        ("csv", "infant", {Flag.INFANT}),
        ("csv", "Toddler; Sadism", {Flag.INFANT, Flag.VIOLENCE}),
        ("csv", "no violence", set()),
        ("csv", "animal", {Flag.ANIMAL}),
        ("csv", "", set()),
        ("", "", set()),
    ],
)
def test_a_list_says_just_what_its_word_means(scheme, value, flags):
    assert list_flags([ListWord(scheme, value)]) == flags


def test_what_several_lists_say_is_put_together():
    words = [ListWord("ncmec-csam", "A1"), ListWord("csv", "violence"), ListWord("vics-us", "2")]
    assert list_flags(words) == {Flag.CONTACT, Flag.VIOLENCE}
    assert list_flags([]) == frozenset()


@given(st.text(max_size=30), st.text(max_size=30))
def test_any_words_of_a_list_or_a_reporter_are_taken(scheme, value):
    assert list_flags([ListWord(scheme, value)]) <= set(Flag)
    assert note_flags([scheme, value]) <= set(Flag)


@pytest.mark.parametrize(
    ("note", "flags"),
    [
        ("Dhunë seksuale ndaj fëmijëve në internet.", set()),
        ("Ka DHUNË shumë të rëndë", {Flag.VIOLENCE}),
        ("po e rrahin", {Flag.VIOLENCE}),
        ("një foshnjë dhe një qen", {Flag.INFANT, Flag.ANIMAL}),
        ("there is a baby, and it is violent", {Flag.INFANT, Flag.VIOLENCE}),
        ("I saw this on a forum", set()),
        ("babysitter", set()),
        ("dhune ndaj nje 3-vjeçari", {Flag.VIOLENCE, Flag.INFANT}),
        ("një 2 vjeçare; a 2-year-old", {Flag.INFANT}),
        ("13 vjeç, 23 years old, para 3 muajsh", set()),
        ("po transmetohet live në Tiktok", {Flag.LIVE}),
        ("transmetim i drejtpërdrejtë", {Flag.LIVE}),
        ("A LIVESTREAM of it, a live-cam", {Flag.LIVE}),
        ("they are streaming it live", {Flag.LIVE}),
        ("they live next door; më shkroi drejtpërdrejt", set()),
        ("", set()),
    ],
)
def test_a_reporter_says_just_what_is_written(note, flags):
    assert note_flags([note]) == flags


def test_no_flag_is_no_warning():
    assert not RaisedFlags()
    assert RaisedFlags(by_reporter=frozenset({Flag.INFANT}))
