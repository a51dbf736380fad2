"""Drawn pictures: repeatable, rich enough for PDQ, far apart; odd files are what they say."""

import gzip
import io
import itertools
import struct
import zipfile
import zlib
from uuid import UUID

import numpy as np
import pdqhash
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from hashsets.thresholds import PDQ_RADIUS
from triage.cli.practice import odd_files
from triage.cli.practice.catalogue import DRAWINGS, GALLERY_SIZE, Catalogue
from triage.cli.practice.hash_lists import compute_pdq
from triage.cli.practice.odd_files import can_write_heic
from triage.cli.practice.pictures import (
    KINDS,
    LONG_FRAMES,
    SIZE,
    crop_slightly,
    draw_animation,
    draw_picture,
    encode,
    encode_animation,
    reencode,
    resize,
)
from triage.cli.practice.waiting_pages import ALBUM
from triage.errors import UnknownThingError
from triage.rules.clusters import group_alike

STILL = [name for name, drawing in DRAWINGS.items() if drawing.kind in KINDS]


def hash_pixels(image: Image.Image) -> tuple[NDArray[np.uint8], int]:
    bits, quality = pdqhash.compute(np.asarray(image.convert("RGB")))
    return bits, quality


def hash_file(data: bytes) -> NDArray[np.uint8]:
    with Image.open(io.BytesIO(data)) as image:
        return hash_pixels(image)[0]


def count_bits(one: NDArray[np.uint8], two: NDArray[np.uint8]) -> int:
    return int((one != two).sum())


def test_an_unknown_kind_and_a_tiny_size_are_refused() -> None:
    with pytest.raises(ValueError, match="no drawing is called"):
        draw_picture(1, "portrait")
    with pytest.raises(ValueError, match="at least 16"):
        draw_picture(1, "shapes", (15, 100))


def test_unknown_catalogue_names_are_refused() -> None:
    with pytest.raises(UnknownThingError):
        Catalogue(replaced={"no-such": 1})
    with pytest.raises(UnknownThingError):
        Catalogue().read("no-such")
    with pytest.raises(UnknownThingError, match="not a still picture"):
        Catalogue().draw("video-known")


@pytest.mark.parametrize("kind", KINDS)
def test_the_seed_decides_every_pixel(kind: str) -> None:
    one, again, other = (draw_picture(seed, kind, (120, 90)) for seed in (5, 5, 6))
    assert one.tobytes() == again.tobytes()
    assert one.tobytes() != other.tobytes()
    assert one.size == (120, 90)
    assert one.mode == "RGB"


@pytest.mark.parametrize("size", [(16, 16), (17, 300), (300, 17)])
def test_odd_sizes_are_drawn(size: tuple[int, int]) -> None:
    assert {draw_picture(3, kind, size).size for kind in KINDS} == {size}


def test_drawings_are_rich_and_far_apart() -> None:
    hashes = [hash_pixels(draw_picture(seed, kind, (320, 240))) for kind in KINDS for seed in range(12)]
    assert min(quality for _, quality in hashes) >= 80
    assert min(count_bits(a[0], b[0]) for a, b in itertools.combinations(hashes, 2)) > 60


@pytest.mark.parametrize("kind", KINDS)
def test_variations_stay_near(kind: str) -> None:
    image = draw_picture(11, kind)
    wanted = hash_pixels(image)[0]
    assert count_bits(wanted, hash_file(reencode(encode(image, "PNG"), "JPEG", quality=40))) <= PDQ_RADIUS
    assert count_bits(wanted, hash_file(reencode(encode(image, "JPEG"), "WEBP"))) <= PDQ_RADIUS
    assert count_bits(wanted, hash_pixels(resize(image, 0.5))[0]) <= PDQ_RADIUS
    assert count_bits(wanted, hash_pixels(crop_slightly(image, 0.004))[0]) <= PDQ_RADIUS
    assert resize(image, 0.5).size == (SIZE[0] // 2, SIZE[1] // 2)
    assert crop_slightly(image, 0.01).size == (628, 470)


@pytest.mark.parametrize("file_format", ["GIF", "WEBP", "PNG"])
def test_animations_move(file_format: str) -> None:
    data = encode_animation(draw_animation(2, 5, (160, 120)), file_format)
    with Image.open(io.BytesIO(data)) as image:
        assert image.n_frames == 5  # type: ignore[attr-defined]
        first = image.convert("RGB").tobytes()
        image.seek(4)
        assert image.convert("RGB").tobytes() != first


def test_no_two_catalogue_pictures_are_near_unless_made_so() -> None:
    catalogue = Catalogue(1)
    hashes = {name: hash_pixels(resize(catalogue.draw(name), 0.5))[0] for name in STILL}
    near = {
        frozenset((one, two))
        for one, two in itertools.combinations(STILL, 2)
        if count_bits(hashes[one], hashes[two]) <= 60
    }
    made = (
        ("near-original", "near-served", "queue-near"),
        ("gallery-original", "gallery-7", "queue-near-single"),
        ("turned-original", "turned-served"),
        ("queue-original", *(f"queue-alike-{number}" for number in range(1, 5))),
    )
    assert near == {frozenset(pair) for like in made for pair in itertools.combinations(like, 2)}


def test_four_pictures_of_the_album_that_waits_are_alike_and_no_others() -> None:
    catalogue, prints = Catalogue(1), {}
    for number, name in enumerate(ALBUM):
        with Image.open(io.BytesIO(catalogue.read(name))) as image:
            prints[UUID(int=number)] = [compute_pdq(image)]
    assert group_alike(prints) == [frozenset(UUID(int=number) for number in range(4))]


def test_a_picture_on_its_side_is_upright_for_who_reads_its_note() -> None:
    catalogue = Catalogue(1)
    with Image.open(io.BytesIO(catalogue.read("turned-served"))) as image:
        stored, upright = image.convert("RGB"), ImageOps.exif_transpose(image).convert("RGB")
    original = hash_pixels(catalogue.draw("turned-original"))[0]
    assert stored.size == upright.size[::-1]
    assert count_bits(hash_pixels(upright)[0], original) <= 10
    assert count_bits(hash_pixels(stored)[0], original) > 60


def test_a_long_animation_shows_another_picture_late_only() -> None:
    catalogue = Catalogue(1)
    late = hash_pixels(catalogue.draw("late-original"))[0]
    with Image.open(io.BytesIO(catalogue.read("late-served"))) as image:
        assert image.n_frames == LONG_FRAMES  # type: ignore[attr-defined]
        near = []
        for number in range(0, LONG_FRAMES, 3):
            image.seek(number)
            if count_bits(hash_pixels(image.convert("RGB"))[0], late) <= 31:
                near.append(number)
    assert near == [96, 99]


@pytest.mark.parametrize(("name", "mode"), [("four-inks", "CMYK"), ("sixteen-bits", "I;16")])
def test_uncommon_pixels_are_what_they_say(name: str, mode: str) -> None:
    with Image.open(io.BytesIO(Catalogue(1).read(name))) as image:
        assert image.mode == mode
        image.load()


def test_a_telephone_picture_is_there_where_it_can_be_written() -> None:
    assert ("phone-picture" in DRAWINGS) is can_write_heic()
    if can_write_heic():
        assert Catalogue(1).read("phone-picture")[4:12] in (b"ftypheic", b"ftypmif1")


def test_replacing_one_file_changes_no_other() -> None:
    plain, changed = Catalogue(1), Catalogue(1, {"known-exact": 7})
    names = ("known-exact", "new-single", "upload-known", "video-known", "animated")
    assert [name for name in names if plain.read(name) != changed.read(name)] == ["known-exact"]


def test_a_replaced_variation_no_longer_follows_its_original() -> None:
    plain, changed = Catalogue(1), Catalogue(1, {"near-served": 7})
    assert count_bits(hash_file(plain.read("near-served")), hash_file(changed.read("near-served"))) > 60


def test_another_seed_changes_every_file() -> None:
    one, two = Catalogue(1), Catalogue(2)
    assert all(one.read(name) != two.read(name) for name in ("new-single", "video-known", "archive"))


def test_the_gallery_has_at_least_eight_pictures() -> None:
    assert GALLERY_SIZE >= 8
    assert {f"gallery-{number}" for number in range(1, GALLERY_SIZE + 1)} <= set(DRAWINGS)


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_the_picture_bomb_is_small_and_huge() -> None:
    data = odd_files.make_bomb_png()
    assert len(data) < 200_000
    with Image.open(io.BytesIO(data)) as image:
        assert image.width * image.height >= 79_000_000


def test_a_bomb_of_any_side_is_a_whole_png() -> None:
    data = odd_files.make_bomb_png(100)
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        assert image.size == (100, 100)
    at = data.index(b"IDAT")
    length = struct.unpack(">I", data[at - 4 : at])[0]
    assert len(zlib.decompress(data[at + 4 : at + 4 + length])) == 101 * 100


def test_the_gzip_bomb_is_valid_and_expands() -> None:
    data = odd_files.make_gzip_bomb(3)
    assert gzip.decompress(data) == bytes(3 * 2**20)
    assert len(odd_files.make_gzip_bomb(256)) < 500_000


@pytest.mark.parametrize("total", [0, 1, 100, 65536, 200_001])
def test_the_oversized_body_has_the_length_asked_for(total: int) -> None:
    body = b"".join(odd_files.stream_oversized(total))
    assert len(body) == total
    assert body[:2] == b"\xff\xd8"[: min(total, 2)]


def test_a_cut_off_picture_opens_and_cannot_be_loaded() -> None:
    with Image.open(io.BytesIO(Catalogue().read("truncated"))) as image, pytest.raises(OSError):
        image.load()


def test_a_video_file_is_boxes_and_no_picture() -> None:
    data = odd_files.make_video_file(1, 8)
    names, at = [], 0
    while at < len(data):
        length, name = struct.unpack(">I4s", data[at : at + 8])
        names.append(name)
        at += length
    assert (at, names) == (len(data), [b"ftyp", b"free", b"mdat"])
    with pytest.raises(UnidentifiedImageError):
        Image.open(io.BytesIO(data))
    assert odd_files.make_video_file(2, 8) != data


def test_an_archive_is_whole_and_repeatable() -> None:
    data = odd_files.make_archive(1)
    assert data == odd_files.make_archive(1)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["drawing.png", "read-me.txt"]
