"""Every mode gives the pixels that a browser's page would show: a table of files and of their four colours."""

import io
import struct
import zlib

import numpy as np
import pytest
import simplejpeg
from PIL import Image

from tests.decoding import write_chunk
from triage.sandbox import modes, pictures


def save(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def decode(data: bytes) -> pictures.DecodedPicture:
    return pictures.decode_picture(io.BytesIO(data))


RED, GREEN, BLUE, SILVER, WHITE = (
    (220, 30, 20),
    (20, 160, 60),
    (30, 40, 200),
    (128, 128, 128),
    (255, 255, 255),
)
QUARTERS = (RED, GREEN, BLUE, SILVER)
SIDE = 32


def draw_quarters(*colours: tuple[int, ...]) -> Image.Image:
    """Return four squares of one colour each: top left, top right, bottom left, bottom right."""
    half = SIDE // 2
    mode = {3: "RGB", 4: "RGBA"}[len(colours[0])]
    image = Image.new(mode, (SIDE, SIDE))
    for number, colour in enumerate(colours):
        left, top = number % 2 * half, number // 2 * half
        image.paste(colour, (left, top, left + half, top + half))
    return image


def read_quarters(pixels: np.ndarray) -> list[tuple[int, ...]]:
    places = [(8, 8), (8, 24), (24, 8), (24, 24)]
    return [tuple(int(value) for value in pixels[place]) for place in places]


def paint_grey(*levels: float, kind: object = np.uint16) -> np.ndarray:
    """Return four squares of grey as numbers of any type."""
    square = np.ones((SIDE // 2, SIDE // 2))
    rows = [
        np.hstack([square * levels[0], square * levels[1]]),
        np.hstack([square * levels[2], square * levels[3]]),
    ]
    return np.vstack(rows).astype(kind)


def write_tiff(values: np.ndarray, *, order: str = "<", sample_format: int = 1) -> bytes:
    """Write one grey channel as a TIFF file by hand, in either byte order."""
    stored = values.astype(values.dtype.newbyteorder(order)).tobytes()
    height, width = values.shape
    fields = {256: width, 257: height, 258: 8 * values.dtype.itemsize, 259: 1, 262: 1, 273: 8, 277: 1}
    fields |= {278: height, 279: len(stored), 339: sample_format}
    table = b"".join(
        struct.pack(order + "HHI", tag, 4 if value > 65535 else 3, 1)
        + (struct.pack(order + "I", value) if value > 65535 else struct.pack(order + "HH", value, 0))
        for tag, value in fields.items()
    )
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8 + len(stored))
    return head + stored + struct.pack(order + "H", len(fields)) + table + bytes(4)


def grey_of(*levels: int) -> list[tuple[int, int, int]]:
    return [(level, level, level) for level in levels]


HALF_CLEAR = tuple((value + 255) // 2 for value in BLUE)
CLEARED = draw_quarters((*RED, 255), (*GREEN, 0), (*BLUE, 128), (*SILVER, 255))
LEVELS = (0, 64, 128, 255)
WIDE_LEVELS = [level * 257 for level in LEVELS]
COLOURS = draw_quarters(*QUARTERS)
PALETTE = COLOURS.quantize(4)
SMALL_GREY = Image.fromarray(paint_grey(*LEVELS, kind=np.uint8))
SOFT_GREY = Image.merge("LA", (SMALL_GREY, Image.fromarray(paint_grey(255, 0, 128, 255, kind=np.uint8))))
ONE_BIT = Image.fromarray(paint_grey(0, 255, 255, 0, kind=np.uint8)).convert("1")
KEYED = (RED, WHITE, BLUE, SILVER)


def write_grey_png(depth: int, levels: tuple[int, ...], *, clear: int | None = None) -> bytes:
    """Write a grey PNG of 1, 2, 4 or 16 bits, of four wide columns."""
    if depth == 16:
        row = b"".join(struct.pack(">H", level) * 8 for level in levels)
    else:
        bits = "".join(format(level, f"0{depth}b") * 8 for level in levels)
        row = int(bits, 2).to_bytes(len(bits) // 8, "big")
    head = write_chunk(b"IHDR", struct.pack(">IIBBBBB", 32, 8, depth, 0, 0, 0, 0))
    key = b"" if clear is None else write_chunk(b"tRNS", struct.pack(">H", clear))
    body = write_chunk(b"IDAT", zlib.compress((b"\0" + row) * 8)) + write_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + head + key + body


EXPECTED: dict[str, tuple[bytes, list[tuple[int, ...]], int]] = {
    "rgb": (save(COLOURS, "PNG"), list(QUARTERS), 0),
    "rgb, one colour clear": (save(COLOURS, "PNG", transparency=GREEN), list(KEYED), 0),
    "alpha": (save(CLEARED, "PNG"), [RED, WHITE, HALF_CLEAR, SILVER], 1),
    "alpha in a WebP": (save(CLEARED, "WEBP", lossless=True), [RED, WHITE, HALF_CLEAR, SILVER], 1),
    "alpha in a TIFF": (save(CLEARED, "TIFF"), [RED, WHITE, HALF_CLEAR, SILVER], 1),
    "alpha in an icon": (save(CLEARED, "ICO", sizes=[(SIDE, SIDE)]), [RED, WHITE, HALF_CLEAR, SILVER], 1),
    "palette": (save(PALETTE, "PNG"), list(QUARTERS), 2),
    "palette, one clear": (
        save(PALETTE, "PNG", transparency=PALETTE.getpixel((24, 8))),
        [RED, WHITE, BLUE, SILVER],
        2,
    ),
    "palette, some half clear": (
        save(
            PALETTE,
            "PNG",
            transparency=bytes(128 if k == PALETTE.getpixel((8, 24)) else 255 for k in range(4)),
        ),
        [RED, GREEN, HALF_CLEAR, SILVER],
        2,
    ),
    "palette in a GIF": (save(PALETTE, "GIF"), list(QUARTERS), 2),
    "GIF, one clear": (save(PALETTE, "GIF", transparency=PALETTE.getpixel((24, 8))), list(KEYED), 2),
    "palette in a BMP": (save(PALETTE, "BMP"), list(QUARTERS), 2),
    "grey": (save(SMALL_GREY, "PNG"), grey_of(*LEVELS), 0),
    "grey with alpha": (save(SOFT_GREY, "PNG"), grey_of(0, 255, 191, 255), 1),
    "one bit": (save(ONE_BIT, "PNG"), grey_of(0, 255, 255, 0), 0),
    "one bit in a TIFF": (save(ONE_BIT, "TIFF", compression="group4"), grey_of(0, 255, 255, 0), 0),
    "CMYK": (save(COLOURS.convert("CMYK"), "TIFF"), list(QUARTERS), 1),
    "CMYK in a JPEG": (save(COLOURS.convert("CMYK"), "JPEG", quality=98), list(QUARTERS), 6),
    "YCCK in a JPEG": (
        simplejpeg.encode_jpeg(
            255 - np.asarray(COLOURS.convert("CMYK")), quality=98, colorspace="CMYK", colorsubsampling="444"
        ),
        list(QUARTERS),
        6,
    ),
    "grey JPEG": (save(SMALL_GREY, "JPEG", quality=98), grey_of(*LEVELS), 3),
    "YCbCr": (save(COLOURS.convert("YCbCr"), "TIFF"), list(QUARTERS), 3),
    "LAB": (save(Image.new("LAB", (SIDE, SIDE), (255, 128, 128)), "TIFF"), [WHITE] * 4, 2),
    "16 bits": (save(Image.fromarray(paint_grey(*WIDE_LEVELS)), "PNG"), grey_of(*LEVELS), 0),
    "16 bits, little end first": (write_tiff(paint_grey(*WIDE_LEVELS)), grey_of(*LEVELS), 0),
    "16 bits, big end first": (write_tiff(paint_grey(*WIDE_LEVELS), order=">"), grey_of(*LEVELS), 0),
    "32 bits": (write_tiff(paint_grey(*WIDE_LEVELS, kind=np.int32), sample_format=2), grey_of(*LEVELS), 0),
    "32 bits, big end first": (
        write_tiff(paint_grey(*WIDE_LEVELS, kind=np.int32), order=">", sample_format=2),
        grey_of(*LEVELS),
        0,
    ),
    "32 bits of 0-255": (
        write_tiff(paint_grey(*LEVELS, kind=np.int32), sample_format=2),
        grey_of(*LEVELS),
        0,
    ),
    "32 bits, wide": (
        write_tiff(paint_grey(0, 2**28, 2**29, 2**30, kind=np.int32), sample_format=2),
        grey_of(0, 64, 128, 255),
        1,
    ),
    "floating": (
        write_tiff(paint_grey(*[level / 255 for level in LEVELS], kind=np.float32), sample_format=3),
        grey_of(*LEVELS),
        0,
    ),
    "floating to 255": (
        write_tiff(paint_grey(*LEVELS, kind=np.float32), sample_format=3),
        grey_of(*LEVELS),
        0,
    ),
    "floating with no numbers": (
        write_tiff(paint_grey(float("nan"), float("-inf"), 0.5, 1.0, kind=np.float32), sample_format=3),
        grey_of(0, 0, 128, 255),
        1,
    ),
    "floating that has no end": (
        write_tiff(paint_grey(0, 0.5, 1.0, float("inf"), kind=np.float32), sample_format=3),
        grey_of(0, 128, 255, 255),
        1,
    ),
}


@pytest.mark.parametrize(("data", "expected", "within"), EXPECTED.values(), ids=EXPECTED.keys())
def test_every_mode_gives_the_pixels_that_a_page_would_show(data, expected, within):
    found = read_quarters(decode(data).first)
    assert np.abs(np.array(found) - np.array(expected)).max() <= within, found


@pytest.mark.parametrize(
    ("depth", "levels", "clear", "expected"),
    [
        (1, (0, 1, 1, 0), None, (0, 255, 255, 0)),
        (1, (0, 1, 0, 0), 0, (255, 255, 255, 255)),
        (2, (0, 1, 2, 3), None, (0, 85, 170, 255)),
        (2, (0, 1, 2, 3), 1, (0, 255, 170, 255)),
        (4, (0, 5, 10, 15), 0, (255, 85, 170, 255)),
        (16, (0, 16448, 32896, 65535), 16448, (0, 255, 128, 255)),
    ],
)
def test_grey_of_any_depth_and_its_clear_level(depth, levels, clear, expected):
    first = decode(write_grey_png(depth, levels, clear=clear)).first
    assert [int(first[4, place, 0]) for place in (4, 12, 20, 28)] == list(expected)


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (COLOURS.convert("HSV"), list(QUARTERS)),
        (COLOURS.convert("RGBX"), list(QUARTERS)),
        (CLEARED.convert("RGBa"), [RED, WHITE, HALF_CLEAR, SILVER]),
        (SOFT_GREY.convert("La"), grey_of(0, 255, 191, 255)),
        (CLEARED.quantize(16).convert("PA"), [RED, WHITE, HALF_CLEAR, SILVER]),
        (Image.fromarray(paint_grey(*WIDE_LEVELS, kind=np.dtype(">u2"))), grey_of(*LEVELS)),
    ],
    ids=["HSV", "RGBX", "RGBa", "La", "PA", "I;16B"],
)
def test_modes_that_no_file_of_ours_has_are_right_too(image, expected):
    found = read_quarters(modes.read_rgb(image))
    assert np.abs(np.array(found) - np.array(expected)).max() <= 8, found
