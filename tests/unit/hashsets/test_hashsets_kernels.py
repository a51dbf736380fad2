"""The kernels in C and their numpy twins give the same; both agree with the references at every size."""

import importlib.machinery
from pathlib import Path

import imagehash
import numpy as np
import pdqhash
import pytest
from PIL import Image

from hashsets import kernels
from hashsets.compute import fingerprint_picture
from hashsets.kernels import reduce_in_c, reduce_in_numpy
from hashsets.model import DIHEDRAL
from hashsets.pdq import build_tents
from hashsets.phash import build_taps
from tests.counts import IS_SOAK, scale
from tests.drawn_images import KINDS, draw_picture

SIZES = [(1, 1), (1, 90), (90, 1), (5, 5), (31, 33), (32, 32), (32, 100), (100, 32), (33, 31), (64, 64), (33, 500),
         (7, 1000), (129, 128), (320, 240), (240, 449), (240, 448)]  # fmt: skip


def make_noise(width: int, height: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def list_axes(rgb: np.ndarray):
    height, width = rgb.shape[:2]
    return build_tents(height), build_tents(width), build_taps(height), build_taps(width)


def test_the_kernels_are_built_where_there_is_a_compiler() -> None:
    folder = Path(kernels.__file__).parent
    assert kernels.is_built() == any(
        (folder / f"_kernels{ending}").exists() for ending in importlib.machinery.EXTENSION_SUFFIXES
    )


def test_a_library_of_another_version_is_never_called(monkeypatch: pytest.MonkeyPatch) -> None:
    if not kernels.is_built():
        pytest.skip("the kernels were not built on this machine: no compiler")
    assert kernels._open_library() is not None
    monkeypatch.setattr(kernels, "VERSION", kernels.VERSION + 1)
    assert kernels._open_library() is None


def test_the_version_is_the_same_on_both_sides() -> None:
    source = Path(kernels.__file__).with_name("_kernels.c").read_text()
    assert f"#define VERSION {kernels.VERSION}\n" in source


@pytest.mark.parametrize("factor", [2, 3, 7, 50])
@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_blocks_have_the_same_means_in_c_and_in_numpy(size: tuple[int, int], factor: int) -> None:
    if not kernels.is_built():
        pytest.skip("the kernels were not built on this machine: no compiler")
    width, height = size
    rgb = make_noise(width, height)
    in_c, in_numpy = (np.zeros((-(-height // factor), -(-width // factor), 3), np.uint8) for _ in range(2))
    kernels.mean_blocks_in_c(rgb, factor, in_c)
    kernels.mean_blocks_in_numpy(rgb, factor, in_numpy)
    assert np.array_equal(in_c, in_numpy)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_c_and_numpy_give_the_same_to_the_last_bit(size: tuple[int, int]) -> None:
    if not kernels.is_built():
        pytest.skip("the kernels were not built on this machine: no compiler")
    for seed in range(scale(2)):
        rgb = make_noise(*size, seed)
        in_c, in_numpy = (run(rgb, *list_axes(rgb)) for run in (reduce_in_c, reduce_in_numpy))
        assert np.array_equal(in_c[0], in_numpy[0])
        assert np.array_equal(in_c[1], in_numpy[1])


def test_without_a_compiler_the_fingerprints_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    rgb = np.asarray(draw_picture(3, "landscape", (200, 150)).convert("RGB"))
    built = fingerprint_picture(rgb, frame=0, orientation=6)
    monkeypatch.setattr(kernels, "_LIBRARY", None)
    assert not kernels.is_built()
    assert fingerprint_picture(rgb, frame=0, orientation=6) == built


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_the_small_grey_picture_is_that_of_pillow(size: tuple[int, int]) -> None:
    rgb = make_noise(*size)
    grey = Image.fromarray(rgb).convert("L").resize((32, 32), Image.Resampling.LANCZOS)
    assert np.array_equal(reduce_in_numpy(rgb, *list_axes(rgb))[1], np.asarray(grey))


def list_pictures():
    for seed in range(scale(12)):
        dice = np.random.default_rng(seed)
        longest = 2000 if IS_SOAK else 700
        size = (int(dice.integers(64, longest)), int(dice.integers(64, longest)))
        yield draw_picture(seed, KINDS[seed % len(KINDS)], size).convert("RGB")


@pytest.mark.timeout(900)
def test_every_orientation_has_the_bits_of_pdqhash() -> None:
    for picture in list_pictures():
        rgb = np.ascontiguousarray(np.asarray(picture))
        ours = fingerprint_picture(rgb, frame=0)
        vectors, quality = pdqhash.compute_dihedral(rgb)
        theirs = [np.packbits(vector.astype(np.uint8)).tobytes().hex() for vector in vectors]
        assert [one.value for one in ours[: len(DIHEDRAL)]] == theirs
        assert {one.quality for one in ours[: len(DIHEDRAL)]} == {quality}
        assert ours[-1].value == str(imagehash.phash(picture))
