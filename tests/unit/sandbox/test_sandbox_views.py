"""What a person is shown: made small by whole numbers in the child, encoded by the worker from raw pixels."""

import io

import numpy as np
import pytest
from PIL import Image

from tests.drawn_images import draw_picture
from triage.sandbox import shrink, wire
from triage.sandbox.answers import PixelView
from triage.sandbox.modes import Pixels
from triage.sandbox.views import JPEG_QUALITY, THUMB_HEIGHT_MAX, THUMB_WIDTH, encode_sheet, encode_views


def draw_pixels(width: int, height: int) -> Pixels:
    picture = draw_picture(3, "landscape", (max(width, 16), max(height, 16)))
    return np.array(picture.crop((0, 0, width, height)))


def make_view(width: int, height: int) -> PixelView:
    return PixelView(width, height, draw_pixels(width, height).tobytes())


@pytest.mark.parametrize(
    ("size", "orientation", "expected"),
    [
        ((1, 1), 1, (1, 1)),
        ((1600, 1200), 1, (1600, 1200)),
        ((1920, 1080), 1, (960, 540)),
        ((1920, 1081), 1, (960, 541)),
        ((1920, 1), 1, (960, 1)),
        ((4000, 3000), 1, (1334, 1000)),
        ((40_000, 1), 1, (1600, 1)),
        ((3200, 800), 6, (400, 1600)),
        ((3200, 800), 4, (1600, 400)),
    ],
)
def test_view_sizes(size, orientation, expected):
    assert wire.compute_view_size(*size, orientation) == expected


@pytest.mark.parametrize("longest", [1, 1000, 1600, 1601, 3200, 3201, 6000, 12_000, 50_000])
def test_a_view_is_never_too_large_and_never_less_than_half_of_what_may_be_shown(longest):
    side = max(wire.compute_view_size(longest, 1, 1))
    assert min(longest, wire.VIEW_SIDE // 2) <= side <= wire.VIEW_SIDE


@pytest.mark.parametrize("factor", [1, 2, 3, 7, 50])
@pytest.mark.parametrize("size", [(1, 1), (100, 1), (1, 100), (101, 67), (640, 480)])
def test_small_pixels_are_the_mean_of_their_block(factor, size):
    rgb = draw_pixels(*size)
    small = shrink.shrink(rgb, factor)
    height, width = small.shape[:2]
    assert (width, height) == (-(-size[0] // factor), -(-size[1] // factor))
    for y, x in ((0, 0), (height - 1, width - 1), (height // 2, width // 2)):
        block = rgb[y * factor : (y + 1) * factor, x * factor : (x + 1) * factor].reshape(-1, 3)
        assert np.abs(small[y, x] - block.mean(axis=0)).max() <= 0.5


@pytest.mark.parametrize(
    "lie", [PixelView(10, 10, bytes(299)), PixelView(0, 10, b""), PixelView(10, 10, bytes(301))]
)
def test_pixels_of_another_size_are_refused(lie):
    for encode in (encode_views, encode_sheet):
        with pytest.raises(ValueError, match="width x height"):
            encode(lie)


@pytest.mark.parametrize("size", [(1, 1), (1, 1600), (1600, 1), (2, 3), (17, 16), (900, 601)])
def test_views_of_any_size(size):
    views = encode_views(make_view(*size))
    colour, grey, thumb = (
        Image.open(io.BytesIO(file)) for file in (views.colour, views.grey_half, views.thumb)
    )
    assert (colour.size, colour.mode) == (size, "RGB")
    assert (grey.size, grey.mode) == ((-(-size[0] // 2), -(-size[1] // 2)), "L")
    assert (thumb.width, thumb.mode) == (THUMB_WIDTH, "L")
    assert 1 <= thumb.height <= THUMB_HEIGHT_MAX


def test_views_show_the_pixels():
    pixels = draw_pixels(640, 480)
    views = encode_views(PixelView(640, 480, memoryview(pixels.tobytes())))
    colour = np.asarray(Image.open(io.BytesIO(views.colour)))
    grey = np.asarray(Image.open(io.BytesIO(views.grey_half)))
    assert np.abs(colour.astype(int) - pixels).mean() < 4
    wanted = np.asarray(Image.fromarray(pixels).reduce(2).convert("L"))
    assert np.abs(grey.astype(int) - wanted).mean() < 3


def test_views_are_as_large_as_the_library_we_know_makes_them():
    pixels = draw_pixels(640, 480)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=JPEG_QUALITY)
    views = encode_views(PixelView(640, 480, pixels.tobytes()))
    assert abs(len(views.colour) - len(file.getvalue())) < len(file.getvalue()) // 10


def test_files_that_are_shown_hold_pixels_and_nothing_else():
    views = encode_views(make_view(640, 480))
    for file in (views.colour, views.grey_half, views.thumb, encode_sheet(make_view(640, 480))):
        # A JPEG's parts: only JFIF (E0), tables, frame and scan; no Exif, profile or comment.
        marks = (b"\xff\xe1", b"\xff\xe2", b"\xff\xee", b"\xff\xfe", b"Exif", b"ICC_")
        assert not [mark for mark in marks if mark in file[:700]]
        assert set(Image.open(io.BytesIO(file)).info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
