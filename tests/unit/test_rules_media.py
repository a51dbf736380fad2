"""Media: kinds of files by their first bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.drawn_images import make_animation, make_archive, make_jpeg, make_png, make_video_file
from triage.model import Media
from triage.rules.media import CANNOT_BE_SHOWN, SNIFF_BYTES, is_icon, is_page, sniff_media


@pytest.mark.parametrize(
    ("head", "media"),
    [
        (b"", Media.OTHER),
        (b"\xff\xd8", Media.OTHER),
        (b"<!doctype html><img src=a>", Media.OTHER),
        (b"%PDF-1.7", Media.OTHER),
        (b"RIFF\0\0\0\0WAVEfmt ", Media.OTHER),
        (b"RIFF\0\0\0\0WEBPVP8 ", Media.PICTURE),
        (b"RIFF\0\0\0\0AVI LIST", Media.VIDEO),
        (b"\0\0\0\x20ftypavif", Media.PICTURE),
        (b"\0\0\0\x20ftypheic", Media.PICTURE),
        (b"\0\0\0\x20ftyphevc", Media.PICTURE),
        (b"\0\0\0\x20ftypmif1", Media.PICTURE),
        (b"\0\0\0\x20ftypisom", Media.VIDEO),
        (b"\0\0\0\x20ftypqt  ", Media.VIDEO),
        (b"\x1a\x45\xdf\xa3\x01", Media.VIDEO),
        (b"\0\0\x01\xba", Media.VIDEO),
        (b"BM\x36\x00", Media.PICTURE),
        (b"\0\0\x01\0\x01\0", Media.PICTURE),
        (b"II*\0", Media.PICTURE),
        (b"PK\x03\x04", Media.ARCHIVE),
        (b"7z\xbc\xaf\x27\x1c", Media.ARCHIVE),
        (b"\x1f\x8b\x08", Media.ARCHIVE),
        (b"\0" * 257 + b"ustar\0", Media.ARCHIVE),
    ],
)
def test_first_bytes_tell_the_kind(head, media):
    assert sniff_media(head) is media


def test_real_files_are_told_by_their_first_bytes():
    assert sniff_media(make_jpeg(1)[:SNIFF_BYTES]) is Media.PICTURE
    assert sniff_media(make_png(1)[:SNIFF_BYTES]) is Media.PICTURE
    assert sniff_media(make_animation(1)[:SNIFF_BYTES]) is Media.PICTURE
    assert sniff_media(make_video_file(1)[:SNIFF_BYTES]) is Media.VIDEO
    assert sniff_media(make_archive(1)[:SNIFF_BYTES]) is Media.ARCHIVE


@given(st.binary(max_size=600))
def test_any_bytes_have_a_kind_and_the_head_is_enough(data):
    assert sniff_media(data[:SNIFF_BYTES]) is sniff_media(data)


def test_every_kind_that_is_no_picture_has_words():
    assert set(CANNOT_BE_SHOWN) == set(Media) - {Media.PICTURE}
    assert all("cannot be displayed here" in words for words in CANNOT_BE_SHOWN.values())


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [("text/html", True), ("application/xhtml+xml", True), ("image/png", False), ("", False), (None, False)],
)
def test_pages_are_told_by_their_type(content_type, expected):
    assert is_page(content_type) is expected


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((1, 1), True),
        ((48, 48), True),
        ((49, 48), True),  # under 2 500 pixels
        ((50, 50), False),
        ((49, 52), False),
        ((8, 4000), True),
        ((4000, 8), True),
        ((9, 4000), False),
        ((120, 90), False),
        ((16, 100), True),
    ],
)
def test_icons_lines_and_dots_are_told_by_their_size(size, expected):
    assert is_icon(*size) is expected
    assert is_icon(*reversed(size)) is expected
