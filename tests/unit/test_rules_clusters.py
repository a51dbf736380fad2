"""Alike pictures: within ten bits of the one that was looked at, and never by way of a third one."""

import timeit
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from triage.rules.clusters import ALIKE_BITS, group_alike, measure_alike


def image(number: int) -> UUID:
    return UUID(int=number)


def hashed(*flipped: int) -> list[str]:
    """A hash of which these bits are set."""
    return [f"{sum(1 << bit for bit in flipped):064x}"]


def test_ten_bits_are_alike_and_eleven_are_not() -> None:
    prints = {image(1): hashed(), image(2): hashed(*range(10)), image(3): hashed(*range(11))}
    assert measure_alike(image(1), prints) == {image(2): ALIKE_BITS}
    assert group_alike(prints) == [frozenset({image(1), image(2)})]


def test_likeness_is_not_handed_on() -> None:
    prints = {image(1): hashed(), image(2): hashed(*range(8)), image(3): hashed(*range(16))}
    assert group_alike(prints) == [frozenset({image(1), image(2)})]
    assert measure_alike(image(2), prints) == {image(1): 8, image(3): 8}


def test_what_has_no_hash_is_like_nothing() -> None:
    prints: dict[UUID, list[str]] = {image(1): [], image(2): [], image(3): hashed()}
    assert group_alike(prints) == []
    assert measure_alike(image(1), prints) == {}
    assert measure_alike(image(9), prints) == {}


def test_of_two_versions_of_a_hash_the_nearer_one_counts() -> None:
    prints = {
        image(1): hashed() + hashed(*range(100, 140)),
        image(2): hashed(*range(20)) + hashed(*range(100, 139)),
    }
    assert measure_alike(image(1), prints) == {image(2): 1}


@given(st.lists(st.sets(st.integers(0, 24), max_size=25), max_size=12))
def test_clusters_share_nothing_and_lie_around_their_anchors(sets: list[set[int]]) -> None:
    prints = {image(number): hashed(*flipped) for number, flipped in enumerate(sets)}
    clusters = group_alike(prints)
    members = [one for cluster in clusters for one in cluster]
    assert len(members) == len(set(members))
    for cluster in clusters:
        assert len(cluster) > 1
        assert cluster - {min(cluster)} <= set(measure_alike(min(cluster), prints))
    for lonely in set(prints) - set(members):
        assert all(one in members for one in measure_alike(lonely, prints) if one < lonely), (
            "it would be its anchor"
        )


def test_a_page_of_five_hundred_pictures_is_compared_at_once() -> None:
    prints = {
        image(number): [f"{(number * 0x9E3779B97F4A7C15) ** 4 % 2**256:064x}"] for number in range(1, 501)
    }
    assert min(timeit.repeat(lambda: group_alike(prints), number=1, repeat=3)) < 0.5
