"""Fingerprints agree with the reference implementations, bit for bit where they must."""

import hashlib
import random
import subprocess
import sys

import imagehash
import numpy as np
import pdqhash
import pytest
from PIL import Image, ImageDraw

from hashsets.blank import is_blank
from hashsets.compute import digest_bytes, fingerprint_picture, turn_upright
from hashsets.model import DIHEDRAL, HEX_DIGITS, UPRIGHT, Algorithm
from hashsets.phash import phash_grey32

FLAT = np.zeros((32, 32), dtype=np.uint8)


def draw_shapes(seed, width=None, height=None, shapes=12):
    rng = random.Random(seed)
    size = (width or rng.randrange(8, 300), height or rng.randrange(8, 300))
    picture = Image.new("RGB", size, tuple(rng.randrange(256) for _ in range(3)))
    pen = ImageDraw.Draw(picture)
    for _ in range(shapes):
        x, y = rng.randrange(size[0]), rng.randrange(size[1])
        box = [x, y, x + rng.randrange(1, size[0]), y + rng.randrange(1, size[1])]
        draw = rng.choice([pen.rectangle, pen.ellipse])
        draw(box, fill=tuple(rng.randrange(256) for _ in range(3)))
    return picture


def draw_checks(side, square):
    places = np.indices((side, side)) // square
    return Image.fromarray((255 * (places.sum(axis=0) % 2)).astype(np.uint8))


def grey32(picture):
    return np.asarray(picture.convert("L").resize((32, 32), Image.Resampling.LANCZOS))


def drawn_pictures():
    for level in (1, 77, 128, 255):
        yield Image.new("L", (90, 70), level)
    for square in (2, 3, 4, 5, 8, 16):
        for side in (33, 64, 100, 128):
            yield draw_checks(side, square)
    for turn in (0, 90, 180):
        yield Image.linear_gradient("L").rotate(turn)
    yield Image.radial_gradient("L")
    for seed in range(250):
        yield draw_shapes(seed, shapes=seed % 14)


@pytest.mark.parametrize(
    "grey",
    [FLAT[:31], FLAT.astype(np.float64), np.zeros((32, 32, 3), np.uint8)],
    ids=["shape", "type", "colour"],
)
def test_phash_refuses_anything_but_32_by_32_grey_bytes(grey):
    with pytest.raises(ValueError, match="32 x 32"):
        phash_grey32(grey)


@pytest.mark.parametrize(
    "frame",
    [
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((4, 4, 3), np.int16),
        np.zeros((0, 4, 3), np.uint8),
    ],
    ids=["grey", "four channels", "type", "no pixel"],
)
def test_a_frame_of_another_shape_or_type_is_refused(frame):
    with pytest.raises(ValueError, match="height x width x 3"):
        fingerprint_picture(frame, frame=0)


def test_phash_is_that_of_imagehash_on_every_drawn_picture():
    pictures = list(drawn_pictures())
    differing = [
        number
        for number, picture in enumerate(pictures)
        if phash_grey32(grey32(picture)) != str(imagehash.phash(picture))
    ]
    assert differing == []
    assert len({phash_grey32(grey32(picture)) for picture in pictures}) > 200


def test_flat_pictures_give_blank_hashes():
    for level in (0, 1, 90, 255):
        for one in fingerprint_picture(np.full((50, 60, 3), level, np.uint8), frame=0, orientation=6):
            assert is_blank(one.algorithm, one.value)
    assert phash_grey32(FLAT) == "0" * 16
    assert {phash_grey32(np.full((32, 32), level, np.uint8)) for level in range(1, 256)} == {"8" + "0" * 15}
    assert is_blank(Algorithm.PHASH, "8" + "0" * 15)
    assert is_blank(Algorithm.PHASH, "0" * 16)


def test_drawn_pictures_are_not_blank():
    for seed in range(20):
        for one in fingerprint_picture(np.asarray(draw_shapes(seed, 160, 120)), frame=0):
            assert not is_blank(one.algorithm, one.value)


def test_digests_are_those_of_the_bytes():
    data = b"a drawn picture"
    found = {one.algorithm: one for one in digest_bytes(data)}
    assert list(found) == [Algorithm.MD5, Algorithm.SHA1, Algorithm.SHA256]
    for algorithm, one in found.items():
        assert one.value == hashlib.new(algorithm, data).hexdigest()
        assert (one.orientation, one.frame, one.quality) == ("bytes", 0, None)


@pytest.mark.parametrize("algorithm", [Algorithm.MD5, Algorithm.SHA1, Algorithm.SHA256])
def test_only_the_digest_of_no_bytes_is_blank(algorithm):
    assert is_blank(algorithm, hashlib.new(algorithm, b"").hexdigest())
    assert not is_blank(algorithm, hashlib.new(algorithm, b"x").hexdigest())


def test_pdq_hex_is_that_of_the_shared_lists():
    """The convention of the lists: the vector read as one binary number, most significant bit first."""
    rgb = np.asarray(draw_shapes(5, 200, 150))
    vector, quality = pdqhash.compute(rgb)
    shared = f"{int(''.join(str(bit) for bit in vector), 2):064x}"
    first = fingerprint_picture(rgb, frame=3)[0]
    assert (first.value, first.quality, first.orientation, first.frame) == (shared, quality, "r0", 3)


def test_every_orientation_is_named_after_how_the_picture_was_turned():
    turned = {
        "r0": lambda rgb: rgb,
        "r90": lambda rgb: np.rot90(rgb, 1),
        "r180": lambda rgb: np.rot90(rgb, 2),
        "r270": lambda rgb: np.rot90(rgb, 3),
        "flipx": np.flipud,
        "flipy": np.fliplr,
        "r90flipx": lambda rgb: np.flipud(np.rot90(rgb, 1)),
        "r90flipy": lambda rgb: np.fliplr(np.rot90(rgb, 1)),
    }
    for seed in range(6):
        rgb = np.asarray(draw_shapes(seed, 512, 384))
        ours = {one.orientation: int(one.value, 16) for one in fingerprint_picture(rgb, frame=0)[:8]}
        assert tuple(ours) == DIHEDRAL
        for name, turn in turned.items():
            really = int(fingerprint_picture(turn(rgb), frame=0)[0].value, 16)
            nearest = min(DIHEDRAL, key=lambda each: ((ours[each] ^ really).bit_count(), each))
            assert nearest == name, f"seed {seed}"


def test_turned_or_read_only_memory_gives_the_same_hash():
    rgb = np.asarray(draw_shapes(9, 120, 90))
    columns_first = np.asfortranarray(rgb)
    locked = rgb.copy()
    locked.flags.writeable = False
    expected = fingerprint_picture(rgb.copy(), frame=0)
    assert fingerprint_picture(columns_first, frame=0) == expected
    assert fingerprint_picture(locked, frame=0) == expected


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (500, 1), (7, 9), (65, 63)])
def test_the_smallest_frames_are_hashed_too(size):
    rgb = np.full((*size, 3), 90, np.uint8)
    found = fingerprint_picture(rgb, frame=0)
    assert [len(one.value) for one in found] == [HEX_DIGITS[one.algorithm] for one in found]
    assert {one.quality for one in found[:8]} == {0}


def test_a_picture_that_lies_turned_is_hashed_upright_too():
    turns = {
        1: lambda p: p,
        2: lambda p: p.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
        3: lambda p: p.transpose(Image.Transpose.ROTATE_180),
        4: lambda p: p.transpose(Image.Transpose.FLIP_TOP_BOTTOM),
        5: lambda p: p.transpose(Image.Transpose.TRANSPOSE),
        6: lambda p: p.transpose(Image.Transpose.ROTATE_270),
        7: lambda p: p.transpose(Image.Transpose.TRANSVERSE),
        8: lambda p: p.transpose(Image.Transpose.ROTATE_90),
    }
    picture = draw_shapes(2, 90, 60)
    plain = fingerprint_picture(np.asarray(picture), frame=1)
    assert [one.orientation for one in plain] == [*DIHEDRAL, "r0"]
    for orientation, turn in turns.items():
        upright = turn(picture)
        assert np.array_equal(turn_upright(np.asarray(picture), orientation), np.asarray(upright))
        if orientation == 1:
            continue
        found = fingerprint_picture(np.asarray(picture), frame=1, orientation=orientation)
        assert [one.orientation for one in found] == [*DIHEDRAL, UPRIGHT, "r0", UPRIGHT]
        expected = fingerprint_picture(np.asarray(upright), frame=1)
        assert [found[8].value, found[8].quality] == [expected[0].value, expected[0].quality]
        assert found[-1].value == expected[-1].value == str(imagehash.phash(upright))
    with pytest.raises(ValueError, match="1 to 8"):
        turn_upright(np.zeros((2, 2, 3), np.uint8), 9)


def test_the_first_call_imports_nothing_and_starts_no_thread():
    """The decoder is locked after its imports: a module loaded or a thread started later would kill it."""
    program = """
import sys, os
import numpy as np
from hashsets.compute import digest_bytes, fingerprint_picture
before = set(sys.modules)
assert not {name.split(".")[0] for name in before} & {"psycopg", "PIL", "scipy", "triage"}
rgb = np.zeros((90, 70, 3), np.uint8)
digest_bytes(b"x")
fingerprint_picture(rgb, frame=0, orientation=6)
print(sorted(set(sys.modules) - before), len(os.listdir("/proc/self/task")))
"""
    environment = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    ended = subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ended.stdout, ended.stderr) == ("[] 1\n", "")
