"""Decoding in this process: every mode becomes the same picture, every hostile file is refused in words."""

import io
import random
import struct
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image, ImageFile

from hashsets.model import Algorithm
from triage.sandbox import pictures, warm_up
from triage.sandbox.pictures import RefusedError, decode_picture


@pytest.fixture(autouse=True)
def capped_library():
    """Set the caps that the zygote sets, and take them back."""
    before = Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES
    with warnings.catch_warnings():
        pictures.configure_pillow()
        yield
    Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES = before


def draw(width: int = 320, height: int = 240, seed: int = 1) -> Image.Image:
    """Return a grey landscape of discs and bars: the same in every mode."""
    dice = random.Random(seed)
    grey = Image.radial_gradient("L").resize((width, height))
    for _ in range(40):
        box = (dice.randrange(width), dice.randrange(height))
        size = (dice.randrange(8, width // 3), dice.randrange(8, height // 3))
        grey.paste(dice.randrange(256), (*box, box[0] + size[0], box[1] + size[1]))
    return grey.convert("RGB")


def save(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def decode(data: bytes) -> pictures.DecodedPicture:
    return decode_picture(io.BytesIO(data))


def read_pdq(picture: pictures.DecodedPicture, frame: int = 0) -> int:
    (value,) = [
        one.value
        for one in picture.fingerprints
        if (one.algorithm, one.frame, one.orientation) == (Algorithm.PDQ, frame, "r0")
    ]
    return int(value, 16)


def count_bits(one: pictures.DecodedPicture, other: pictures.DecodedPicture) -> int:
    return (read_pdq(one) ^ read_pdq(other)).bit_count()


def write_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def write_png(width: int, height: int, pixels: bytes, *chunks: bytes) -> bytes:
    head = write_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    body = write_chunk(b"IDAT", zlib.compress(pixels, 1)) + write_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(chunks) + body


def sixteen_bits(image: Image.Image) -> Image.Image:
    return Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257)


PLAIN = draw()
GREY = PLAIN.convert("L")
MODES = {
    "png rgb": save(PLAIN, "PNG"),
    "png grey": save(GREY, "PNG"),
    "png palette": save(GREY.convert("P"), "PNG"),
    "png grey with alpha": save(GREY.convert("LA"), "PNG"),
    "png with alpha": save(PLAIN.convert("RGBA"), "PNG"),
    "png 16 bits": save(sixteen_bits(PLAIN), "PNG"),
    "bmp": save(PLAIN, "BMP"),
    "gif": save(GREY, "GIF"),
    "tiff cmyk": save(PLAIN.convert("CMYK"), "TIFF"),
    "tiff 16 bits": save(sixteen_bits(PLAIN), "TIFF"),
    "tiff 32 bits": save(Image.fromarray(np.asarray(GREY).astype(np.int32) * 257), "TIFF"),
    "tiff floating": save(Image.fromarray(np.asarray(GREY).astype(np.float32) / 255), "TIFF"),
    "tiff floating to 255": save(GREY.convert("F"), "TIFF"),
    "tiff lzw": save(PLAIN, "TIFF", compression="tiff_lzw"),
    "webp lossless": save(PLAIN, "WEBP", lossless=True),
    "jpeg": save(PLAIN, "JPEG", quality=95),
    "jpeg cmyk": save(PLAIN.convert("CMYK"), "JPEG", quality=95),
    "jpeg progressive": save(PLAIN, "JPEG", quality=95, progressive=True),
    "avif": save(PLAIN, "AVIF", quality=95),
}


@pytest.mark.parametrize("data", MODES.values(), ids=MODES.keys())
def test_every_mode_is_the_same_picture(data):
    assert count_bits(decode(data), decode(save(PLAIN, "PNG"))) <= 2


def test_one_bit_is_the_same_as_its_own_rgb():
    dithered = PLAIN.convert("1")
    assert count_bits(decode(save(dithered, "PNG")), decode(save(dithered.convert("RGB"), "PNG"))) == 0


def test_transparency_lies_over_white():
    image = PLAIN.convert("RGBA")
    image.paste((0, 0, 0, 0), (0, 0, 160, 240))
    on_paper = PLAIN.copy()
    on_paper.paste((255, 255, 255), (0, 0, 160, 240))
    assert count_bits(decode(save(image, "PNG")), decode(save(on_paper, "PNG"))) == 0
    keyed = draw().quantize(64)
    keyed.info["transparency"] = 0
    assert decode(save(keyed, "PNG")).first.mode == "RGB"


def test_orientation_gives_one_upright_hash():
    turned = PLAIN.transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[0x0112] = 6
    picture = decode(save(turned, "JPEG", quality=95, exif=exif))
    plain = decode(save(PLAIN, "JPEG", quality=95))
    assert (picture.orientation, picture.width, picture.height) == (6, 240, 320)
    found = {one.orientation: one.value for one in picture.fingerprints if one.algorithm is Algorithm.PHASH}
    (stored,) = [one.value for one in plain.fingerprints if one.algorithm is Algorithm.PHASH]
    assert (int(found["upright"], 16) ^ int(stored, 16)).bit_count() <= 2
    assert pictures.render_view(picture)[:2] == (320, 240)


@pytest.mark.parametrize("value", [0, 9, 65535])
def test_impossible_orientations_count_as_none(value):
    exif = Image.Exif()
    exif[0x0112] = value
    assert decode(save(PLAIN, "JPEG", exif=exif)).orientation == 1


def test_a_broken_exif_block_does_not_hide_the_picture():
    data = bytearray(save(PLAIN, "JPEG", exif=b"Exif\x00\x00II*\x00\xff\xff\xff\xff" + bytes(20)))
    assert decode(bytes(data)).orientation == 1


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "TIFF"])
def test_frames_are_fingerprinted_one_by_one(kind):
    frames = [draw(seed=seed) for seed in (1, 2, 3)]
    data = save(
        frames[0],
        kind,
        save_all=True,
        append_images=frames[1:],
        **({"lossless": True} if kind == "WEBP" else {}),
    )
    picture = decode(data)
    assert picture.frames == 3
    for number, frame in enumerate(frames):
        alone = read_pdq(decode(save(frame, "PNG")))
        assert (read_pdq(picture, number) ^ alone).bit_count() <= 6


def test_frame_floods_stop_at_64():
    frames = [Image.new("RGB", (4, 4), (k, 0, 0)) for k in (1, 2, 3)]
    data = save(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=10)
    begin = data.index(b"\x21\xf9")
    second = data.index(b"\x21\xf9", begin + 1)
    flood = data[:begin] + data[begin:second] * 50_000 + b"\x3b"
    assert decode(flood).frames == 64


def test_many_large_frames_stop_at_a_total(monkeypatch):
    monkeypatch.setattr(pictures, "MAX_TOTAL_PIXELS", 4 * 320 * 240)
    frames = [draw(seed=seed) for seed in range(8)]
    assert decode(save(frames[0], "GIF", save_all=True, append_images=frames[1:])).frames == 4


def test_frames_before_a_broken_one_count():
    frames = [draw(seed=seed) for seed in range(3)]
    data = save(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert decode(data[: len(data) * 5 // 6]).frames in {2, 3}


def test_large_pictures_keep_their_hash_when_averaged_down(monkeypatch):
    large = draw(2000, 1500).resize((4000, 3000), Image.Resampling.BICUBIC)
    data = save(large, "BMP")
    reduced = decode(data)
    assert (reduced.width, reduced.height) == (4000, 3000)
    assert reduced.first.size == (2000, 1500)
    monkeypatch.setattr(pictures, "REDUCED_PIXELS", 10**9)
    assert count_bits(reduced, decode(data)) <= 4


HOSTILE = {
    "a claim of 2^31": (write_png(2**31 - 1, 2**31 - 1, bytes(100)), "pixels"),
    "60k x 60k": (write_png(60_000, 60_000, bytes(100)), "pixels"),
    "just over the cap": (write_png(7_100, 7_100, bytes(100)), "pixels"),
    "gif canvas": (
        save(GREY, "GIF")[:6] + struct.pack("<HH", 60_000, 60_000) + save(GREY, "GIF")[10:],
        "pixels",
    ),
    "text bomb": (
        write_png(8, 8, bytes(25 * 8), write_chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(40 << 20)))),
        "broken",
    ),
    "empty": (b"", "format"),
    "random": (random.Random(7).randbytes(50_000), "format"),
    "svg": (b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>', "format"),
    "eps": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n", "format"),
    "ppm": (b"P6 2 2 255 " + bytes(12), "format"),
    "pcx": (save(GREY, "PCX"), "format"),
    "tiff that circles": (
        b"II*\0\x08\0\0\0" + struct.pack("<HHHIII", 1, 256, 3, 1, 1, 8),
        "broken",
    ),
    "half a header": (save(PLAIN, "PNG")[:12], "broken"),
    "zero high": (write_png(10, 0, b""), "broken"),
}


@pytest.mark.parametrize(("data", "reason"), HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_files_are_refused_in_words(data, reason):
    with pytest.raises(RefusedError, match=f"^{reason}$"):
        decode(data)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF", "BMP", "TIFF", "GIF"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_truncated_files_are_refused(kind, share):
    data = save(PLAIN, kind)
    with pytest.raises(RefusedError, match=r"^(broken|format)$"):
        decode(data[: int(len(data) * share)])


def test_what_hangs_behind_a_picture_is_ignored():
    data = save(PLAIN, "JPEG") + b"<html><script>alert(1)</script>" * 10
    assert decode(data).format == "JPEG"


def test_icons_and_stereo_pictures():
    icon = decode(save(PLAIN.resize((64, 64)), "ICO", sizes=[(16, 16), (64, 64)]))
    assert (icon.format, icon.width, icon.frames) == ("ICO", 64, 1)
    stereo = decode(save(PLAIN, "MPO", save_all=True, append_images=[draw(seed=2)]))
    assert (stereo.format, stereo.frames) == ("JPEG", 2)


def test_warm_up_walks_every_format():
    seen = set()

    def note(data: io.BytesIO) -> pictures.DecodedPicture:
        picture = decode_picture(data)
        seen.add(picture.format)
        return picture

    assert warm_up.decode_everything(note) > 30
    assert seen == set(pictures.wire.FORMATS)
