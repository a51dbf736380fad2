"""Near search finds what comparing with every row finds, in C and in numpy, whatever the rows are like."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hashsets import kernels
from hashsets.model import HEX_DIGITS, Algorithm
from hashsets.near_kernels import (
    NearTable,
    permute_hashes,
    permute_in_numpy,
    sort_by_chunk,
    sort_in_numpy,
)
from hashsets.plans import PLANS, Plan, choose_plan, list_bits, list_masks
from tests.counts import scale

QUICK = settings(max_examples=scale(25), deadline=None)
NEAR = (Algorithm.PDQ, Algorithm.PHASH)

# Narrow chunks with every kind of radius, and borders between words in their midst: the tables stay small.
SMALL_PLANS = {
    Algorithm.PDQ: (
        Plan("wide", 256, 31, ((12, 1),) * 8 + ((16, 1),) * 8 + ((13, 0), (19, 2))),
        Plan("deep", 256, 31, ((14, 3),) * 2 + ((12, 1),) * 19),
    ),
    Algorithm.PHASH: (
        Plan("few", 64, 8, ((13, 1),) * 4 + ((12, 0),)),
        Plan("odd", 64, 8, ((9, 2), (19, 1), (17, 2), (19, 0))),
    ),
}


@pytest.fixture(params=["c", "numpy"])
def side(request, monkeypatch):
    """Run on both sides."""
    if request.param == "numpy":
        monkeypatch.setattr(kernels, "_LIBRARY", None)
    elif not kernels.is_built():
        pytest.skip("the kernels were not built on this machine: no compiler")
    return request.param


def make_table(hashes, plan):
    values = permute_hashes(np.ascontiguousarray(hashes), plan.bits)
    parts = [sort_by_chunk(values, plan, number) for number in range(len(plan.chunks))]
    none = [np.zeros(0, np.uint32)]
    offsets, ids = (np.concatenate([part[kind] for part in parts] or none) for kind in (0, 1))
    return NearTable(values, offsets, ids, plan)


def compare_all(hashes, queries, radius):
    """Return (query, row, distance) of everything within the radius."""
    found = set()
    for number, query in enumerate(queries):
        distances = np.bitwise_count(hashes ^ query).sum(axis=1)
        found |= {(number, int(row), int(distances[row])) for row in np.flatnonzero(distances <= radius)}
    return found


def search(table, queries, radius):
    rows = [tuple(row) for row in table.search(queries.tobytes(), radius).tolist()]
    assert len(rows) == len(set(rows))
    assert [row[0] for row in rows] == sorted(row[0] for row in rows)
    return set(rows)


def make_hashes(kind, seed, rows, width):
    """Rows and queries: spread evenly, around few centres, or all alike."""
    rng = np.random.default_rng(seed)
    hashes = rng.integers(0, 256, (rows, width), dtype=np.uint8)
    if kind != "uniform":
        hashes[:] = hashes[rng.integers(0, 3 if kind == "clustered" else 1, rows) % max(rows, 1)]
    if kind == "clustered":
        bits = np.unpackbits(hashes, axis=1)
        flips = rng.random(bits.shape) < rng.random((rows, 1)) * 0.25
        hashes = np.packbits(bits ^ flips, axis=1)
    asked = rng.integers(0, 256, (6, width), dtype=np.uint8)
    for number in range(4 if rows else 0):
        bits = np.unpackbits(hashes[rng.integers(0, rows)])
        places = rng.permutation(len(bits))[: rng.integers(0, len(bits) // 6)]
        bits[places] ^= 1
        asked[number] = np.packbits(bits)
    return hashes, asked


# Plans


def test_a_plan_that_could_miss_a_row_is_refused():
    with pytest.raises(ValueError, match="miss"):
        Plan("gap", 64, 8, ((16, 1),) * 4)
    with pytest.raises(ValueError, match="all bits"):
        Plan("short", 64, 8, ((20, 2),) * 3)
    with pytest.raises(ValueError, match="too wide"):
        Plan("wide", 64, 1, ((32, 0),) * 2)


@pytest.mark.parametrize("algorithm", NEAR)
def test_every_number_of_rows_has_a_plan(algorithm):
    assert choose_plan(algorithm, 0).chunks == ()
    for least, plan in PLANS[algorithm]:
        assert plan.bits == HEX_DIGITS[algorithm] * 4
        assert choose_plan(algorithm, least) is plan
        assert sum(len(list_masks(width, radius)) for width, radius in plan.chunks) == len(plan.masks)
        assert all(len(list_masks(width, radius)) <= 4096 for width, radius in plan.chunks)


def test_masks_are_all_numbers_with_few_ones():
    assert list_masks(6, 2).tolist() == [each for each in range(64) if each.bit_count() <= 2]


def test_the_permutation_is_the_one_that_files_were_written_with():
    assert list_bits(64)[:8].tolist() == [12, 25, 17, 32, 39, 28, 43, 1]
    assert list_bits(256)[:8].tolist() == [103, 33, 236, 250, 224, 196, 153, 117]
    assert sorted(list_bits(256).tolist()) == list(range(256))


# Kernels


@pytest.mark.parametrize("bits", [64, 256])
def test_hashes_are_permuted_alike_in_c_and_in_numpy(bits):
    hashes = np.random.default_rng(1).integers(0, 256, (500, bits // 8), dtype=np.uint8)
    turned = permute_in_numpy(hashes, bits)
    assert np.array_equal(permute_hashes(hashes, bits), turned)
    spread = np.unpackbits(turned.view(np.uint8), axis=1, bitorder="little")
    assert np.array_equal(spread, np.unpackbits(hashes, axis=1)[:, list_bits(bits)])


@pytest.mark.parametrize("algorithm", NEAR)
def test_chunks_are_sorted_alike_in_c_and_in_numpy(algorithm):
    for plan in SMALL_PLANS[algorithm]:
        hashes, _ = make_hashes("clustered", 2, 700, plan.bits // 8)
        values = permute_hashes(hashes, plan.bits)
        for number in range(len(plan.chunks)):
            for one, other in zip(
                sort_by_chunk(values, plan, number), sort_in_numpy(values, plan, number), strict=True
            ):
                assert np.array_equal(one, other)


# Search


@pytest.mark.parametrize("kind", ["uniform", "clustered", "alike"])
@pytest.mark.parametrize("algorithm", NEAR)
@settings(max_examples=scale(8), deadline=None)
@given(seed=st.integers(0, 2**32), rows=st.integers(0, 900), wide=st.integers(0, 256))
def test_search_equals_comparing_all(algorithm, kind, seed, rows, wide):
    library = kernels._LIBRARY
    try:
        for plan in SMALL_PLANS[algorithm]:
            hashes, asked = make_hashes(kind, seed, rows, plan.bits // 8)
            table = make_table(hashes, plan)
            for radius in (plan.radius, min(wide, plan.bits), seed % (plan.radius + 1)):
                expected = compare_all(hashes, asked, radius)
                for kernels._LIBRARY in (library, None):
                    assert search(table, asked, radius) == expected
    finally:
        kernels._LIBRARY = library


@pytest.mark.parametrize("algorithm", NEAR)
def test_the_plans_in_use_miss_nothing(side, algorithm):
    """Every plan whose tables are small enough for a test, at its whole radius."""
    for _, plan in PLANS[algorithm]:
        if plan.count_offsets() > 1 << 24:
            continue
        hashes, asked = make_hashes("clustered", 5, 6_000, plan.bits // 8)
        assert search(make_table(hashes, plan), asked, plan.radius) == compare_all(hashes, asked, plan.radius)


def test_flips_up_to_the_radius_are_found_wherever_they_fall(side):
    rng = random.Random(6)
    plan = choose_plan(Algorithm.PDQ, 4_000)
    hashes, _ = make_hashes("uniform", 6, 5_000, 32)
    table = make_table(hashes, plan)
    for flips in (0, 1, 15, 16, 30, 31, 32) * scale(5):
        row = rng.randrange(len(hashes))
        bits = np.unpackbits(hashes[row])
        bits[rng.sample(range(256), flips)] ^= 1
        hit = (0, row, flips)
        assert (hit in search(table, np.packbits(bits)[None, :], 31)) == (flips <= 31)


def test_no_number_of_hits_is_cut_off(side):
    hashes, asked = make_hashes("alike", 7, 20_000, 32)
    asked[:] = hashes[0]
    table = make_table(hashes, choose_plan(Algorithm.PDQ, 20_000))
    found = table.search(asked.tobytes(), 0)
    assert len(found) == len(asked) * len(hashes)
    assert np.array_equal(np.unique(found[:, 1]), np.arange(len(hashes)))
    assert np.array_equal(np.bincount(found[:, 0]), [len(hashes)] * len(asked))


def test_arrays_that_do_not_fit_the_plan_are_refused():
    plan = SMALL_PLANS[Algorithm.PHASH][0]
    hashes, _ = make_hashes("uniform", 8, 10, 8)
    table = make_table(hashes, plan)
    for arrays in (
        (table.values[:-1], table.offsets, table.ids),
        (table.values, table.offsets[:-1], table.ids),
        (table.values, table.offsets, table.ids[1:]),
        (np.concatenate([table.values, table.values], axis=1), table.offsets, table.ids),
        (np.asfortranarray(np.repeat(table.values, 2, axis=0))[::2], table.offsets, table.ids),
    ):
        with pytest.raises(ValueError, match="arrays"):
            NearTable(*arrays, plan)


@QUICK
@given(seed=st.integers(0, 2**32))
def test_damaged_tables_are_never_read_beyond_their_end(seed):
    """Whatever stands in offsets and ids, what is found is really there; nothing else can be promised."""
    rng = np.random.default_rng(seed)
    library = kernels._LIBRARY
    for algorithm in NEAR:
        plan = SMALL_PLANS[algorithm][0]
        hashes, asked = make_hashes("clustered", seed, 300, plan.bits // 8)
        good = make_table(hashes, plan)
        offsets, ids = good.offsets.copy(), good.ids.copy()
        for array in (offsets, ids):
            places = rng.integers(0, len(array), 1 + int(rng.integers(0, len(array))))
            array[places] = rng.integers(0, 2**32, len(places), dtype=np.uint32)
        expected = compare_all(hashes, asked, plan.radius)
        try:
            for kernels._LIBRARY in (library, None):
                found = NearTable(good.values, offsets, ids, plan).search(asked.tobytes(), plan.radius)
                assert {tuple(row) for row in found.tolist()} <= expected
        finally:
            kernels._LIBRARY = library
