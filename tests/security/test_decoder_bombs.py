"""Bombs: few bytes that ask for endless pixels, texts, frames, scans or memory are refused in words, in time."""

import io
import struct
import time
import zlib

import numpy as np
import pytest
from PIL import Image

from tests.decoding import SIZE, ask_all, assert_none_lingers, draw_frames, draw_mode, write_chunk
from tests.drawn_images import make_jpeg
from triage.errors import HostilePictureError, PictureOverLimitError, PictureRefusedError
from triage.sandbox import wire
from triage.sandbox.decoder import Decoder, DecoderLimits

LIMITS = DecoderLimits(wall_s=10, cpu_s=8, memory_mb=512)


def write_png(width: int, height: int, *chunks: bytes, rows: bytes = b"") -> bytes:
    head = write_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    body = write_chunk(b"IDAT", zlib.compress(rows or bytes((width + 1) * min(height, 1000)), 1))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(chunks) + body + write_chunk(b"IEND", b"")


def patch(data: bytes, place: int, *numbers: bytes) -> bytes:
    stored = b"".join(numbers)
    return data[:place] + stored + data[place + len(stored) :]


def claim_jpeg() -> bytes:
    data = make_jpeg(1, size=SIZE)
    return patch(data, data.index(b"\xff\xc0") + 5, struct.pack(">HH", 65_500, 65_500))


def repeat_scans() -> bytes:
    """A progressive JPEG of 36 megapixels whose last scan comes hundreds of times."""
    file = io.BytesIO()
    Image.linear_gradient("L").resize((6000, 6000)).save(file, "JPEG", progressive=True, quality=20)
    data = file.getvalue()
    last = data.rindex(b"\xff\xda")
    return data[:last] + data[last:-2] * 3000 + data[-2:]


def claim_webp() -> bytes:
    data = draw_mode("WEBP", "RGBA", lossless=True)
    size = data.index(b"VP8X") + 12 if b"VP8X" in data else data.index(b"VP8L") + 9
    return patch(data, size, b"\xff\xff\xff\xff\xff\xff")


def claim_avif() -> bytes:
    data = draw_mode("AVIF", "RGB", speed=8)
    return patch(data, data.index(b"ispe") + 8, struct.pack(">II", 60_000, 60_000))


def claim_icon() -> bytes:
    png = write_png(60_000, 60_000)
    return struct.pack("<HHH", 0, 1, 1) + struct.pack("<BBBBHHII", 0, 0, 0, 0, 1, 32, len(png), 22) + png


def write_tiff(*fields: tuple[int, int, int, int], tail: bytes = b"", link: int = 0) -> bytes:
    table = struct.pack("<H", len(fields)) + b"".join(struct.pack("<HHII", *field) for field in fields)
    return b"II*\0\x08\0\0\0" + table + struct.pack("<I", link) + tail


def claim_tiles() -> bytes:
    """A TIFF of small size whose one tile is enormous."""
    return write_tiff(
        *((256, 4, 1, 64), (257, 4, 1, 64), (258, 3, 1, 8), (259, 3, 1, 5), (262, 3, 1, 1), (277, 3, 1, 1)),
        *((322, 4, 1, 2**30), (323, 4, 1, 2**30), (324, 4, 1, 200), (325, 4, 1, 100)),
        tail=bytes(400),
    )


def claim_tags() -> bytes:
    """A TIFF whose tags claim to hold gigabytes."""
    return write_tiff(*((256 + k, 4, 2**30, 8) for k in range(60)))


def flood_frames(kind: str, times: int) -> bytes:
    """Repeat the frames of an animation without regard to what its head says."""
    data = draw_frames(kind)
    if kind == "GIF":
        begin = data.index(b"\x21\xf9", data.index(b"\x21\xf9") + 1)
        return data[:begin] + data[begin:-1] * times + b"\x3b"
    begin = data.index(b"ANMF", data.index(b"ANMF") + 1)
    flood = data[:begin] + data[begin:] * times
    return patch(flood, 4, struct.pack("<I", len(flood) - 8))


def flood_png(times: int) -> bytes:
    """An animated PNG of tiny frames, as many as it says."""
    rows = zlib.compress(bytes(2))
    control = struct.pack(">IIIIIHHBB", 0, 1, 1, 0, 0, 1, 100, 0, 0)
    parts = [
        write_chunk(b"acTL", struct.pack(">II", times, 0)),
        write_chunk(b"fcTL", control),
        write_chunk(b"IDAT", rows),
    ]
    for number in range(1, times):
        parts.append(write_chunk(b"fcTL", struct.pack(">I", 2 * number - 1) + control[4:]))
        parts.append(write_chunk(b"fdAT", struct.pack(">I", 2 * number) + rows))
    head = write_chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(parts) + write_chunk(b"IEND", b"")


def flood_pages(times: int) -> bytes:
    """A TIFF of as many pages, all of them the same strip."""
    fields = (
        (256, 4, 1, 4),
        (257, 4, 1, 4),
        (258, 3, 1, 8),
        (259, 3, 1, 1),
        (262, 3, 1, 1),
        (273, 4, 1, 8),
        (279, 4, 1, 16),
    )
    size = 2 + 12 * len(fields) + 4
    pages = b""
    for number in range(times):
        link = 0 if number == times - 1 else 24 + size * (number + 1)
        table = struct.pack("<H", len(fields)) + b"".join(struct.pack("<HHII", *field) for field in fields)
        pages += table + struct.pack("<I", link)
    return b"II*\0" + struct.pack("<I", 24) + bytes(range(16)) + pages


def flood_avif() -> bytes:
    file = io.BytesIO()
    frames = [Image.new("RGB", (16, 16), (k % 256, k // 256, 90)) for k in range(700)]
    frames[0].save(file, "AVIF", save_all=True, append_images=frames[1:], duration=20, speed=10, quality=20)
    return file.getvalue()


REFUSED_BOMBS = {
    "PNG of many pixels": (lambda: write_png(60_000, 60_000), "too many pixels"),
    "PNG of one long line": (lambda: write_png(2**31 - 1, 1, rows=bytes(100)), "too many pixels"),
    "JPEG of many pixels": (claim_jpeg, "too many pixels"),
    "GIF of a large canvas": (
        lambda: patch(draw_frames("GIF"), 6, struct.pack("<HH", 65_535, 65_535)),
        "too many pixels",
    ),
    "WebP of many pixels": (claim_webp, "too many pixels|broken or cut off"),
    "AVIF of many pixels": (claim_avif, "too many pixels|broken or cut off"),
    "icon of many pixels": (claim_icon, "too many pixels|broken or cut off"),
    "TIFF of one large tile": (claim_tiles, "broken or cut off|memory"),
    "TIFF of long tags": (claim_tags, "broken or cut off|memory"),
    "packed text": (
        lambda: write_png(8, 8, write_chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(60 << 20), 9))),
        "broken or cut off",
    ),
    "many packed texts": (
        lambda: write_png(8, 8, *[write_chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(1 << 20), 9))] * 200),
        "broken or cut off|memory",
    ),
    "packed international text": (
        lambda: write_png(8, 8, write_chunk(b"iTXt", b"k\0\1\0\0\0" + zlib.compress(bytes(60 << 20), 9))),
        "broken or cut off",
    ),
    "packed colour profile": (
        lambda: write_png(8, 8, write_chunk(b"iCCP", b"k\0\0" + zlib.compress(bytes(60 << 20), 9))),
        "broken or cut off",
    ),
    "TIFF that leads back to itself": (
        lambda: write_tiff((256, 3, 1, 1), (257, 3, 1, 1), (330, 4, 1, 8), (34665, 4, 1, 8), link=8),
        "broken or cut off",
    ),
}


@pytest.fixture(scope="module")
def decoder():
    with Decoder(LIMITS) as running:
        yield running


@pytest.mark.parametrize(("make", "words"), REFUSED_BOMBS.values(), ids=REFUSED_BOMBS.keys())
def test_bombs_are_refused_quickly(decoder, make, words):
    data, begun = make(), time.monotonic()
    with pytest.raises(PictureRefusedError, match=f"({words})$") as caught:
        with decoder.open_picture("bomb", data) as picture:
            picture.read_view()
    assert not isinstance(caught.value, HostilePictureError)
    assert time.monotonic() - begun < 5


FRAME_BOMBS = {
    "GIF": lambda: flood_frames("GIF", 3_000),
    "PNG": lambda: flood_png(8_000),
    "TIFF": lambda: flood_pages(8_000),
    "WEBP": lambda: flood_frames("WEBP", 3_000),
    "AVIF": flood_avif,
}


@pytest.mark.parametrize("kind", FRAME_BOMBS)
def test_floods_of_frames_end_at_the_cap_and_keep_a_sample(decoder, kind):
    data = FRAME_BOMBS[kind]()
    begun = time.monotonic()
    with decoder.open_picture("flood", data) as picture:
        assert picture.frames <= wire.MAX_FRAMES
        assert picture.walked <= wire.MAX_WALKED
        assert picture.walked < wire.MAX_WALKED or not picture.is_whole
        assert picture.read_sheet().width <= 8 * (wire.SHEET_CELL + wire.SHEET_GAP)
    assert time.monotonic() - begun < LIMITS.wall_s


def test_frames_too_large_to_be_walked_in_time_leave_a_sample():
    file = io.BytesIO()
    frames = [Image.new("L", (4000, 4000), level) for level in (10, 60, 110)]
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:])
    data = file.getvalue()
    begin = data.index(b"\x21\xf9", data.index(b"\x21\xf9") + 1)
    with Decoder(DecoderLimits(cpu_s=2)) as hasty:
        with hasty.open_picture("large", data[:begin] + data[begin:-1] * 40 + b"\x3b") as picture:
            assert 1 < picture.walked < 40
            assert not picture.is_whole


def test_a_jpeg_of_endless_scans_is_stopped_by_the_sandbox():
    data = repeat_scans()
    with Decoder(DecoderLimits(wall_s=6, cpu_s=1, memory_mb=512)) as decoder:
        zygote = decoder.zygote_pid
        with pytest.raises(PictureOverLimitError, match=r"^stopped by the sandbox: (processor time|time)$"):
            with decoder.open_picture("scans", data):
                pass
        assert decoder.zygote_pid == zygote
        assert_none_lingers(decoder)
        assert ask_all(decoder, "next", make_jpeg(1)) == "decoded"


def test_pictures_that_need_more_than_there_is_are_stopped_by_the_sandbox():
    large = np.zeros((5000, 5000), np.uint8)
    file = io.BytesIO()
    Image.fromarray(large).save(file, "PNG")
    with Decoder(DecoderLimits(memory_mb=24)) as decoder:
        with pytest.raises(PictureRefusedError, match=r"^stopped by the sandbox: memory$"):
            with decoder.open_picture("memory", file.getvalue()):
                pass
        assert ask_all(decoder, "next", make_jpeg(1)) == "decoded"
