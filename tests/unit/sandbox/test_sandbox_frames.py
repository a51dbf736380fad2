"""Animations: a sample over the whole length, in one walk, however long the file is and whatever it claims."""

import io
import random
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from hashsets.model import Algorithm
from tests.drawn_images import draw_animation, draw_picture
from triage.sandbox import frames, pictures, wire
from triage.sandbox.frames import Clock, Frame, Sample
from triage.sandbox.pictures import decode_picture

SIZE = (48, 40)


def save(images: list[Image.Image], kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    images[0].save(file, kind, save_all=True, append_images=images[1:], **options)
    return file.getvalue()


def decode(data: bytes) -> pictures.DecodedPicture:
    return decode_picture(io.BytesIO(data))


def draw_clock(number: int, of: int) -> Image.Image:
    """Return a frame whose bar tells its number, so that no two frames are alike."""
    image = Image.new("RGB", SIZE, (240, 240, 230))
    pen = ImageDraw.Draw(image)
    for bit in range(8):
        pen.rectangle(
            (2 + 5 * bit, 30, 5 + 5 * bit, 38), fill=(200, 40, 40) if number >> bit & 1 else (0, 0, 0)
        )
    pen.ellipse((4 + 30 * number // of, 4, 16 + 30 * number // of, 16), fill=(20, 60, 160))
    return image


def read_pdq(picture: pictures.DecodedPicture, frame: int) -> int:
    return next(
        int(one.value, 16)
        for one in picture.fingerprints
        if (one.algorithm, one.frame, one.orientation) == (Algorithm.PDQ, frame, "r0")
    )


def repeat_frames(data: bytes, times: int) -> bytes:
    """Return a GIF whose frames after the first one come again and again."""
    begin = data.index(b"\x21\xf9", data.index(b"\x21\xf9") + 1)
    return data[:begin] + data[begin:-1] * times + b"\x3b"


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "TIFF", "AVIF", "MPO"])
def test_few_frames_are_all_kept_in_order(kind):
    images = draw_animation(4, 3, (320, 240))
    options = {"lossless": True} if kind == "WEBP" else {"quality": 95} if kind in {"AVIF", "MPO"} else {}
    picture = decode(save(images, kind, **options))
    assert (picture.frames, picture.walked, picture.is_whole) == (3, 3, True)
    for number, image in enumerate(images):
        alone = read_pdq(decode(save([image], "PNG")), 0)
        assert (read_pdq(picture, number) ^ alone).bit_count() <= 10


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_many_frames_are_sampled_over_the_whole_length(kind):
    images = [draw_clock(number, 150) for number in range(150)]
    picture = decode(save(images, kind, duration=40, **({"lossless": True} if kind == "WEBP" else {})))
    assert (picture.walked, picture.is_whole) == (150, True)
    assert 32 <= picture.frames <= 64
    starts = [frame.start_ms for frame in picture.kept]
    assert starts[0] == 0
    assert starts[-1] >= 150 * 40 * 0.95
    assert {later - earlier for earlier, later in pairwise(starts)} <= {80, 120, 160, 200}


def test_frame_numbers_are_those_of_the_sample():
    images = [draw_clock(number, 90) for number in range(90)]
    picture = decode(save(images, "GIF", duration=50))
    assert sorted({one.frame for one in picture.fingerprints}) == list(range(picture.frames))
    assert len(picture.fingerprints) == 9 * picture.frames


def test_a_long_first_frame_does_not_push_out_all_others():
    images = [draw_clock(number, 100) for number in range(100)]
    picture = decode(save(images, "GIF", duration=[600_000, *[50] * 99]))
    assert picture.frames >= 25


def test_frames_without_a_time_count_like_in_a_browser():
    images = [draw_clock(number, 100) for number in range(100)]
    picture = decode(save(images, "GIF", duration=0))
    assert picture.frames >= 32
    assert picture.kept[-1].start_ms >= 9_000


def test_a_flood_of_frames_ends_at_the_cap_and_says_so():
    data = repeat_frames(save([draw_clock(k, 3) for k in range(3)], "GIF", duration=10), 50_000)
    picture = decode(data)
    assert (picture.walked, picture.is_whole) == (wire.MAX_WALKED, False)
    assert 32 <= picture.frames <= 64


def test_just_as_many_frames_as_may_be_walked_are_the_whole_file(monkeypatch):
    monkeypatch.setattr(wire, "MAX_WALKED", 9)
    data = save([draw_clock(k, 9) for k in range(9)], "GIF", duration=10)
    assert decode(data).is_whole
    assert not decode(repeat_frames(data, 2)).is_whole


def test_many_large_frames_stop_at_a_total(monkeypatch):
    monkeypatch.setattr(frames, "MAX_TOTAL_PIXELS", 4 * SIZE[0] * SIZE[1])
    picture = decode(save([draw_clock(k, 8) for k in range(8)], "GIF"))
    assert (picture.frames, picture.is_whole) == (4, False)


def test_frames_stop_when_most_of_the_processor_time_is_used(monkeypatch):
    now = iter(range(1000))
    monkeypatch.setattr(frames.time, "process_time", lambda: next(now))
    picture = decode_picture(io.BytesIO(save([draw_clock(k, 30) for k in range(30)], "GIF")), cpu_s=10)
    assert (picture.walked, picture.is_whole) == (7, False)


def test_frames_stop_when_the_machine_is_too_busy(monkeypatch):
    clock = Clock(5)
    assert not clock.is_late()
    before = frames.time.monotonic()
    monkeypatch.setattr(frames.time, "monotonic", lambda: before + 6)
    assert clock.is_late()


@pytest.mark.parametrize("kind", ["GIF", "PNG"])
def test_frames_before_a_broken_one_count(kind):
    images = [draw_picture(seed, "shapes", SIZE) for seed in range(3)]
    data = save(images, kind)
    picture = decode(data[: len(data) * 5 // 6])
    assert picture.frames in {1, 2}


def test_a_damaged_frame_in_the_middle_is_said():
    data = bytearray(save([draw_picture(seed, "shapes", SIZE) for seed in range(4)], "TIFF"))
    offset = int.from_bytes(data[4:8], "little")
    entries = int.from_bytes(data[offset : offset + 2], "little")
    link = offset + 2 + 12 * entries
    data[link : link + 4] = (len(data) - 3).to_bytes(4, "little")
    picture = decode(bytes(data))
    assert (picture.frames, picture.is_whole) == (1, False)


def test_a_frame_that_memory_cannot_hold_does_not_take_the_others_with_it(monkeypatch):
    read_rgb, seen = frames.read_rgb, []

    def read_two(image):
        seen.append(image)
        if len(seen) == 3:
            raise MemoryError
        return read_rgb(image)

    monkeypatch.setattr(frames, "read_rgb", read_two)
    picture = decode(save([draw_clock(k, 6) for k in range(6)], "GIF"))
    assert (picture.frames, picture.walked, picture.is_whole) == (3, 3, False)


def test_a_tiff_whose_pages_lead_in_a_circle_ends():
    data = bytearray(save([draw_picture(seed, "shapes", SIZE) for seed in range(2)], "TIFF"))
    first = int.from_bytes(data[4:8], "little")
    place = first
    for _ in range(2):
        link = place + 2 + 12 * int.from_bytes(data[place : place + 2], "little")
        place = int.from_bytes(data[link : link + 4], "little")
    data[link : link + 4] = first.to_bytes(4, "little")
    assert 1 <= decode(bytes(data)).frames <= 3


def test_an_icon_has_one_frame():
    file = io.BytesIO()
    draw_picture(1, "shapes", (64, 64)).save(file, "ICO", sizes=[(16, 16), (32, 32), (64, 64)])
    picture = decode(file.getvalue())
    assert (picture.format, picture.width, picture.frames, picture.is_whole) == ("ICO", 64, 1, True)


def make_frame(start_ms: int) -> Frame:
    return Frame(start_ms, [], np.zeros((1, 1, 3), np.uint8))


@given(st.lists(st.integers(20, 1000), max_size=700), st.integers(2, 64))
def test_any_sample_is_small_ordered_and_even(durations, most):
    sample, start_ms, starts = Sample(most), 0, []
    sample.add(make_frame(0))
    for duration in durations:
        start_ms += duration
        starts.append(start_ms)
        if sample.wants(start_ms):
            sample.add(make_frame(start_ms))
    kept = [frame.start_ms for frame in sample.list_frames()]
    assert kept[0] == 0
    assert kept == sorted(set(kept))
    assert len(kept) <= most
    if len(starts) < most:
        assert kept == [0, *starts]
    elif starts:
        # No hole is wider than four even steps, or than what the frames themselves leave.
        widest = max(4 * start_ms / most, 2 * max(durations)) + max(durations)
        assert max(later - earlier for earlier, later in pairwise([*kept, start_ms])) <= widest


def test_memory_does_not_grow_with_the_file():
    dice = random.Random(5)
    sample, start_ms = Sample(64), 0
    most = 0
    for _ in range(5_000):
        if sample.wants(start_ms):
            sample.add(make_frame(start_ms))
        most = max(most, len(sample.list_frames()))
        start_ms += dice.randrange(20, 1000)
    assert most <= 64


# The sheet


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_a_sheet_shows_the_frames_in_order_on_white(kind):
    images = [Image.new("RGB", (320, 200), colour) for colour in ("#c00000", "#00a000", "#0000c0")]
    picture = decode(save(images, kind, **({"lossless": True} if kind == "WEBP" else {})))
    width, height, rgb = pictures.render_sheet(picture)
    assert (width, height) == wire.compute_sheet_size(320, 200, 1, 3) == (2 * 160 + 4, 2 * 100 + 4)
    sheet = np.frombuffer(rgb, np.uint8).reshape(height, width, 3)
    found = [sheet[50, 80], sheet[50, 240], sheet[150, 80], sheet[150, 240], sheet[50, 161], sheet[102, 80]]
    wanted = [(192, 0, 0), (0, 160, 0), (0, 0, 192), (255, 255, 255), (255, 255, 255), (255, 255, 255)]
    assert np.abs(np.array(found).astype(int) - np.array(wanted)).max() <= 4


def test_a_sheet_of_pages_of_other_sizes_stays_in_its_cells():
    images = [draw_picture(1, "shapes", size) for size in ((300, 200), (80, 900), (1200, 60), (16, 16))]
    picture = decode(save(images, "TIFF"))
    width, height, rgb = pictures.render_sheet(picture)
    assert (width, height) == wire.compute_sheet_size(300, 200, 1, 4)
    assert len(rgb) == width * height * 3


def test_a_turned_animation_has_an_upright_sheet():
    exif = Image.Exif()
    exif[0x0112] = 6
    picture = decode(save([draw_clock(k, 4) for k in range(4)], "WEBP", exif=exif, lossless=True))
    width, height, _ = pictures.render_sheet(picture)
    assert (width, height) == (2 * SIZE[1] + 4, 2 * SIZE[0] + 4)


@pytest.mark.parametrize("frames_on_it", [2, 3, 5, 8, 9, 40, 63, 64])
def test_a_sheet_has_room_for_all_and_never_more_than_eight_beside(frames_on_it):
    width, height = wire.compute_sheet_size(160, 160, 1, frames_on_it)
    columns, rows = (width + wire.SHEET_GAP) // 164, (height + wire.SHEET_GAP) // 164
    assert columns <= 8
    assert rows <= 8
    assert columns * (rows - 1) < frames_on_it <= columns * rows
