"""Ids and references: what they promise to those who sort, type or guess them."""

import re
import time
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.ids import (
    CROCKFORD,
    check_character,
    crockford,
    format_receipt,
    new_id,
    new_object_name,
    new_reference,
)

ONE_MISTAKE = 12 * 31


def test_ids_are_version_7_of_the_right_variant():
    for found in (new_id() for _ in range(500)):
        assert (found.version, found.variant) == (7, "specified in RFC 4122")


def test_ids_say_when_they_were_made_and_sort_by_it():
    before = time.time_ns() // 1_000_000
    first = new_id()
    time.sleep(0.005)
    second = new_id()
    after = time.time_ns() // 1_000_000
    assert before <= first.int >> 80 <= after
    assert first < second
    assert str(first) < str(second)


def test_ids_of_the_same_millisecond_differ():
    found = {new_id() for _ in range(20_000)}
    assert len(found) == 20_000
    random_bits = {one.int & ((1 << 62) - 1) for one in found}
    assert len(random_bits) == 20_000


def test_a_clock_far_ahead_still_gives_a_valid_id(monkeypatch):
    monkeypatch.setattr(time, "time_ns", lambda: (1 << 60) * 1_000_000)
    assert new_id().version == 7


def test_references_tell_nothing_and_read_aloud():
    found = {new_reference("IS") for _ in range(2000)}
    assert len(found) == 2000
    for one in found:
        assert re.fullmatch(rf"IS-[{CROCKFORD}]{{4}}-[{CROCKFORD}]{{4}}", one)
        assert not set("ILOU") & set(one.removeprefix("IS-"))


def test_object_names_are_random_and_safe_as_file_names():
    found = {new_object_name() for _ in range(2000)}
    assert len(found) == 2000
    assert all(re.fullmatch(r"[0-9a-f]{40}", one) for one in found)


@pytest.mark.parametrize(
    ("data", "length", "text"),
    [(b"\x00" * 5, 8, "00000000"), (b"\xff" * 5, 8, "ZZZZZZZZ"), (b"\x00\x00\x00\x00\x01", 8, "00000001")],
)
def test_crockford_is_base_32_from_the_left(data, length, text):
    assert crockford(data, length) == text


@given(st.binary(min_size=8, max_size=32))
def test_a_receipt_is_twelve_characters_and_a_check(entropy):
    receipt = format_receipt(entropy)
    assert re.fullmatch(
        rf"[{CROCKFORD}]{{4}}-[{CROCKFORD}]{{4}}-[{CROCKFORD}]{{4}}[{CROCKFORD}*~$=U]", receipt
    )
    plain = receipt.replace("-", "")
    assert check_character(plain[:12]) == plain[12]
    assert format_receipt(entropy) == receipt


def test_one_wrong_character_of_a_receipt_is_found():
    plain = format_receipt(bytes(range(8))).replace("-", "")
    code, check = plain[:12], plain[12]
    wrong = [
        code[:place] + other + code[place + 1 :]
        for place in range(12)
        for other in CROCKFORD
        if other != code[place]
    ]
    assert len(wrong) == ONE_MISTAKE
    assert [one for one in wrong if check_character(one) == check] == []


def test_two_swapped_neighbours_of_a_receipt_are_found():
    for number in range(50):
        plain = format_receipt(number.to_bytes(1, "big") * 3 + bytes(range(5))).replace("-", "")
        code, check = plain[:12], plain[12]
        for place in range(11):
            swapped = code[:place] + code[place + 1] + code[place] + code[place + 2 :]
            assert swapped == code or check_character(swapped) != check


def test_an_id_survives_its_text():
    one = new_id()
    assert UUID(str(one)) == one
