"""Decoding in this process: every mode becomes the same picture, every hostile file is refused in words."""

import io
import random
import struct
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image, ImageFile

from hashsets.model import DIHEDRAL, UPRIGHT, Algorithm
from tests.decoding import write_chunk
from triage.sandbox import jpeg, modes, pictures, warm_up, wire
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


def test_strips_of_a_large_picture_are_put_together_again(monkeypatch):
    whole = decode(save(PLAIN.convert("RGBA"), "PNG")).first
    monkeypatch.setattr(modes, "_STRIP_PIXELS", 320 * 7)
    for data in (MODES["png with alpha"], MODES["png rgb"], MODES["tiff cmyk"]):
        assert np.array_equal(decode(data).first, whole)
    assert np.array_equal(decode(MODES["png 16 bits"]).first, whole)


JPEGS = {
    "smooth": {"quality": 95},
    "poor": {"quality": 20},
    "progressive": {"quality": 80, "progressive": True},
    "full colour": {"quality": 80, "subsampling": 0},
    "half colour": {"quality": 80, "subsampling": 1},
    "own tables": {"quality": 80, "optimize": True},
    "restarts": {"quality": 80, "restart_marker_blocks": 3},
    "RGB as it is": {"quality": 80, "keep_rgb": True},
}


@pytest.mark.parametrize("options", JPEGS.values(), ids=JPEGS.keys())
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_both_ways_of_reading_a_jpeg_agree(options, mode):
    picture = Image.merge(
        "RGB", (PLAIN.getchannel("R"), draw(seed=5).getchannel("R"), draw(seed=6).getchannel("R"))
    )
    data = save(picture.convert(mode), "JPEG", **options)
    opened = Image.open(io.BytesIO(data))
    plain = jpeg.decode_plain(data, opened)
    assert plain is not None
    apart = np.abs(plain.astype(int) - modes.read_rgb(opened).astype(int))
    assert apart.max() <= 4
    assert apart.mean() < 0.1


def test_other_jpegs_are_left_to_the_other_way():
    for data in (
        MODES["jpeg cmyk"],
        save(PLAIN, "MPO", save_all=True, append_images=[draw(seed=2)]),
        save(PLAIN, "JPEG")[:-900],
        save(PLAIN, "PNG"),
    ):
        assert jpeg.decode_plain(data, Image.open(io.BytesIO(data))) is None


def test_a_jpeg_with_two_sizes_is_read_by_one_rule():
    data = bytearray(save(PLAIN, "JPEG"))
    frame = data.index(b"\xff\xc0")
    second = bytearray(data[frame : frame + 19])
    second[5:9] = struct.pack(">HH", 8, 8)
    doubled = bytes(data[:frame] + second + data[frame:])
    with pytest.raises(RefusedError):
        decode(doubled)


def test_a_tiff_that_lies_turned_is_turned_once():
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = PLAIN.resize((64, 32)).transpose(Image.Transpose.ROTATE_90)
    picture = decode(save(turned, "TIFF", exif=exif))
    assert (picture.width, picture.height, picture.orientation) == (64, 32, 1)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF"])
@pytest.mark.parametrize("orientation", [2, 3, 4, 5, 6, 7, 8])
def test_a_turned_picture_has_the_hashes_of_the_upright_one(kind, orientation):
    back = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if kind == "WEBP" else {} if kind == "PNG" else {"quality": 95}
    picture = decode(save(PLAIN.transpose(Image.Transpose(back)), kind, exif=exif, **options))
    assert picture.orientation == orientation
    stored = decode(save(PLAIN, "PNG"))
    for algorithm, nearby in ((Algorithm.PDQ, 8), (Algorithm.PHASH, 4)):
        found = {one.orientation: one.value for one in picture.fingerprints if one.algorithm is algorithm}
        (wanted,) = [
            one.value for one in stored.fingerprints if one.algorithm is algorithm and one.orientation == "r0"
        ]
        assert (int(found[UPRIGHT], 16) ^ int(wanted, 16)).bit_count() <= nearby
    width, height, rgb = pictures.render_view(picture)
    assert (width, height) == PLAIN.size
    shown = np.frombuffer(rgb, np.uint8).reshape(height, width, 3)
    assert np.abs(shown.astype(int) - np.asarray(PLAIN).astype(int)).mean() < 4


def test_a_picture_that_lies_as_it_should_has_no_upright_hash():
    assert UPRIGHT not in {one.orientation for one in decode(MODES["jpeg"]).fingerprints}
    assert [one.orientation for one in decode(MODES["jpeg"]).fingerprints] == [*DIHEDRAL, "r0"]


@pytest.mark.parametrize("value", [0, 9, 65535])
def test_impossible_orientations_count_as_none(value):
    exif = Image.Exif()
    exif[0x0112] = value
    assert decode(save(PLAIN, "JPEG", exif=exif)).orientation == 1


def test_a_broken_exif_block_does_not_hide_the_picture():
    data = bytearray(save(PLAIN, "JPEG", exif=b"Exif\x00\x00II*\x00\xff\xff\xff\xff" + bytes(20)))
    assert decode(bytes(data)).orientation == 1


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

    assert warm_up.decode_everything("decoder", note) > 30
    assert seen == set(wire.FORMATS)
