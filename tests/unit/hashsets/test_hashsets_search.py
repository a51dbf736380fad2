"""The index finds what comparing with every hash in plain Python finds, no more and no less."""

import random
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hashsets.blank import is_blank
from hashsets.digests import is_sorted, is_whole, sort_table
from hashsets.errors import InvalidHashError
from hashsets.model import DIGESTS, DIHEDRAL, HEX_DIGITS, Algorithm, Fingerprint, Hit, HitKind
from hashsets.search import Index
from hashsets.thresholds import PHASH_RADIUS
from tests.counts import scale
from tests.hash_rows import build_index

QUICK = settings(max_examples=scale(40), deadline=None)


def new_entry(number):
    return UUID(int=0x0190_0000_0000_7000_8000_0000_0000_0000 + number)


def flip_bits(value, places):
    return (int.from_bytes(value, "big") ^ sum(1 << place for place in places)).to_bytes(len(value), "big")


def half_ones(rng, bits):
    return sum(1 << place for place in rng.sample(range(bits), bits // 2)).to_bytes(bits // 8, "big")


def search_plainly(rows, queries, pdq_radius, *, dihedral):
    """Compare every query with every row, as the words of the rules have it."""
    hits = []
    for query in queries:
        if is_blank(query.algorithm, query.value):
            continue
        radius = {Algorithm.PDQ: pdq_radius, Algorithm.PHASH: PHASH_RADIUS}.get(query.algorithm, 0)
        if query.algorithm is Algorithm.PDQ and (query.quality or 0) < 50:
            continue
        if query.algorithm is Algorithm.PDQ and query.orientation != "r0" and not dihedral:
            continue
        nearest = {}
        for entry_id, algorithm, value in rows:
            distance = (int(query.value, 16) ^ int.from_bytes(value, "big")).bit_count()
            if algorithm is query.algorithm and distance <= radius:
                nearest[entry_id] = min(distance, nearest.get(entry_id, 999))
        kind = HitKind.EXACT if query.algorithm in DIGESTS else HitKind.NEAR
        for entry_id, distance in sorted(nearest.items(), key=lambda pair: (pair[1], pair[0].bytes)):
            hits.append(Hit(query, entry_id, kind, distance))
    return hits


def make_world(seed, entries):
    """Rows around few centres, so that many lie near each other, and queries around the same centres."""
    rng = random.Random(seed)
    rows, queries = [], []
    for algorithm in Algorithm:
        bits = HEX_DIGITS[algorithm] * 4
        centres = [half_ones(rng, bits) for _ in range(3)]
        spread = 70 if algorithm is Algorithm.PDQ else 18 if algorithm is Algorithm.PHASH else 1
        for number in range(entries):
            value = flip_bits(rng.choice(centres), rng.sample(range(bits), rng.randrange(spread)))
            rows.append((new_entry(rng.randrange(entries) if number % 3 else number), algorithm, value))
        for _ in range(6):
            value = flip_bits(
                rng.choice(centres), rng.sample(range(bits), rng.randrange(max(1, spread // 2)))
            )
            perceptual = algorithm is Algorithm.PDQ
            queries.append(
                Fingerprint(
                    algorithm,
                    value.hex(),
                    orientation=rng.choice(DIHEDRAL[:3]) if perceptual else "bytes",
                    quality=rng.choice([0, 49, 50, 100]) if perceptual else None,
                )
            )
    rng.shuffle(rows)
    rng.shuffle(queries)
    return rows, queries


@pytest.fixture
def build(tmp_path):
    """Build an index of rows and open it."""

    def build_and_open(rows, generation=1):
        build_index(tmp_path / "index", generation, rows)
        return Index.open(tmp_path / "index")

    return build_and_open


@pytest.mark.parametrize("value", ["", "ab", "g" * 64, "0" * 63 + "\n", "0" * 65, "F" * 63])
def test_a_query_that_is_no_hash_is_an_error_and_never_no_match(build, value):
    with pytest.raises(InvalidHashError) as caught:
        build([]).search([Fingerprint(Algorithm.PDQ, value, orientation="r0", quality=100)])
    assert not value or value not in str(caught.value)


@pytest.mark.parametrize("radius", [-1, 257])
def test_a_radius_out_of_range_is_an_error(build, radius):
    with pytest.raises(ValueError, match="radius"):
        build([]).search([], pdq_radius=radius)


def test_an_empty_index_is_legal_and_finds_nothing(build):
    index = build([], generation=0)
    _, queries = make_world(1, 5)
    assert index.generation == 0
    assert set(index.counts.values()) == {0}
    assert index.search(queries, dihedral=True) == []


@pytest.mark.parametrize("dihedral", [False, True])
@pytest.mark.parametrize("seed", range(6))
def test_search_equals_brute_force(build, seed, dihedral):
    rows, queries = make_world(seed, 60)
    expected = search_plainly(rows, queries, 31, dihedral=dihedral)
    assert expected
    assert build(rows).search(queries, dihedral=dihedral) == expected


@QUICK
@given(
    seed=st.integers(0, 2**32), radius=st.integers(0, 256), entries=st.integers(0, 12), dihedral=st.booleans()
)
def test_search_equals_brute_force_at_any_radius(tmp_path_factory, seed, radius, entries, dihedral):
    rows, queries = make_world(seed, entries)
    folder = tmp_path_factory.mktemp("index")
    build_index(folder, 1, rows)
    found = Index.open(folder).search(queries, pdq_radius=radius, dihedral=dihedral)
    assert found == search_plainly(rows, queries, radius, dihedral=dihedral)


def test_rows_on_both_sides_of_a_chunk_are_found(build):
    """More rows than are compared at once, with near ones at the first, last and bordering places."""
    rng = np.random.default_rng(7)
    values = rng.integers(0, 256, (70_000, 32), dtype=np.uint8)
    values[:, 0] = np.sort(values[:, 0])
    rows = [(new_entry(number), Algorithm.PDQ, value.tobytes()) for number, value in enumerate(values)]
    index = build(rows)
    for place in (0, 32_767, 32_768, 65_535, 65_536, 69_999):
        value = flip_bits(values[place].tobytes(), range(31))
        query = Fingerprint(Algorithm.PDQ, value.hex(), orientation="r0", quality=100)
        assert index.search([query]) == [Hit(query, new_entry(place), HitKind.NEAR, 31)]


def test_the_radius_is_31_bits_to_the_bit(build):
    value = half_ones(random.Random(1), 256)
    index = build([(new_entry(1), Algorithm.PDQ, value)])

    def distances(places):
        query = Fingerprint(Algorithm.PDQ, flip_bits(value, places).hex(), orientation="r0", quality=50)
        return [hit.distance for hit in index.search([query])]

    assert distances([]) == [0]
    assert distances(range(100, 131)) == [31]
    assert distances(range(100, 132)) == []
    # All bits of all four words count, without overflow at 256 differing bits.
    query = Fingerprint(Algorithm.PDQ, flip_bits(value, range(256)).hex(), orientation="r0", quality=50)
    assert [hit.distance for hit in index.search([query], pdq_radius=256)] == [256]
    assert index.search([query], pdq_radius=255) == []


def test_pdq_of_low_quality_or_turned_is_not_compared(build):
    value = half_ones(random.Random(2), 256)
    index = build([(new_entry(1), Algorithm.PDQ, value)])

    def hits(orientation, quality, **options):
        query = Fingerprint(Algorithm.PDQ, value.hex(), orientation=orientation, quality=quality)
        return len(index.search([query], **options))

    assert hits("r0", 49) == 0
    assert hits("r0", 50) == 1
    assert hits("r0", None) == 1
    assert hits("r90", 100) == 0
    assert hits("r90", 100, dihedral=True) == 1
    assert hits("r90", 49, dihedral=True) == 0


@pytest.mark.parametrize(
    ("algorithm", "value"),
    [
        (Algorithm.PHASH, "8" + "0" * 15),
        (Algorithm.PDQ, "0" * 64),
        (Algorithm.PDQ, "f" * 64),
        (Algorithm.MD5, "d41d8cd98f00b204e9800998ecf8427e"),
    ],
)
def test_blank_pictures_and_empty_files_hit_nothing(build, algorithm, value):
    index = build([(new_entry(1), algorithm, bytes.fromhex(value))])
    query = Fingerprint(
        algorithm, value, orientation="r0", quality=100 if algorithm is Algorithm.PDQ else None
    )
    assert index.search([query]) == []


def test_one_digest_in_many_entries_and_many_digests_in_one(build):
    value, other = b"\x00" * 15 + b"\x01", b"\xff" * 16
    entries = [new_entry(number) for number in (5, 3, 9)]
    index = build(
        [(each, Algorithm.MD5, value) for each in entries] + [(entries[0], Algorithm.MD5, other)] * 2
    )
    queries = [Fingerprint(Algorithm.MD5, other.hex()), Fingerprint(Algorithm.MD5, value.hex())]
    assert index.counts[Algorithm.MD5] == 4
    assert [hit.entry_id for hit in index.search(queries)] == [entries[0], *sorted(entries)]
    assert {hit.kind for hit in index.search(queries)} == {HitKind.EXACT}
    assert (
        index.search([Fingerprint(Algorithm.MD5, "00" * 16), Fingerprint(Algorithm.SHA256, "00" * 32)]) == []
    )


def test_the_same_rows_in_any_order_give_the_same_answer(build):
    rows, queries = make_world(3, 40)
    first = build(rows).search(queries, dihedral=True)
    assert build(rows[::-1] + rows[:10], generation=2).search(queries, dihedral=True) == first


@QUICK
@given(st.lists(st.binary(min_size=20, max_size=20), min_size=1, max_size=60), st.integers(0, 2))
def test_tables_are_sorted_as_bytes_and_found_again(values, alike):
    """Also values that begin alike, so that one prefix holds all of them."""
    values = [bytes(alike * 8) + value[alike * 8 :] for value in values]
    packed = np.frombuffer(b"".join(values), np.uint8).reshape(-1, 20)
    table = sort_table(packed, np.arange(len(values)))
    assert [row.tobytes() for row in table.values] == sorted(values)
    assert is_whole(table)
    for number, value in enumerate(values):
        assert sorted(table.find(value)) == [
            place for place, each in enumerate(values) if each == values[number]
        ]
    assert len(table.find(b"\xff" * 20)) == values.count(b"\xff" * 20)
    assert is_sorted(table.values[::-1].copy()) == (len(set(values)) < 2)
