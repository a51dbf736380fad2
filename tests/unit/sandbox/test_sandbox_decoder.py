"""The real decoder: what goes in as bytes comes out as checked numbers, and its limits hold."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from hashsets.compute import fingerprint_frame
from triage.errors import (
    DecoderUnavailableError,
    HostilePictureError,
    PictureRefusedError,
    SandboxUnavailableError,
)
from triage.sandbox import warm_up, wire
from triage.sandbox.decoder import Decoder, DecoderLimits
from triage.sandbox.views import THUMB_WIDTH, encode_views
from triage.sandbox.zygote_link import ZygoteLink
from triage.settings import Settings


@pytest.fixture(scope="module")
def decoder():
    with Decoder(DecoderLimits()) as running:
        yield running


def draw(width: int = 300, height: int = 200) -> Image.Image:
    ramp = Image.linear_gradient("L").resize((width, height))
    turned = Image.radial_gradient("L").resize((width, height))
    return Image.merge("RGB", (ramp, turned, ramp.transpose(Image.Transpose.ROTATE_180)))


def save(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def write_flat_png(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    packer = zlib.compressobj(1)
    row = bytes(3 * width + 1)
    body = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def test_every_format_and_mode_is_decoded_after_the_locks(decoder):
    for number, data in enumerate(warm_up._draw_files()):
        with decoder.open_picture(f"mode-{number}", data) as picture:
            assert picture.format in wire.FORMATS
            view = picture.read_view()
            assert len(view.rgb) == view.width * view.height * 3


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP", "AVIF", "BMP", "TIFF"])
@pytest.mark.parametrize("size", [(1, 1), (1, 400), (3, 3), (63, 65), (1700, 40)])
def test_odd_sizes_are_decoded_after_the_locks(decoder, kind, size):
    with decoder.open_picture("odd", save(draw(*size), kind)) as picture:
        assert (picture.width, picture.height) == size
        assert picture.read_view().width <= wire.VIEW_SIDE


def test_numbers_and_pixels_are_those_of_the_picture(decoder):
    image = draw()
    grey32 = np.asarray(image.convert("L").resize((32, 32), Image.Resampling.LANCZOS))
    with decoder.open_picture("same", save(image, "PNG")) as picture:
        assert picture.fingerprints == fingerprint_frame(np.asarray(image), grey32, frame=0)
        assert picture.read_view().rgb == image.tobytes()
        assert picture.read_view() is picture.read_view()


def test_large_views_are_scaled_and_upright(decoder):
    exif = Image.Exif()
    exif[0x0112] = 6
    with decoder.open_picture("turned", save(draw(2000, 1000), "JPEG", exif=exif)) as picture:
        view = picture.read_view()
        assert (picture.width, picture.height, picture.orientation) == (2000, 1000, 6)
        assert (view.width, view.height) == (800, 1600)


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_fifty_megapixels_fit_into_the_default_limits(decoder, mode):
    data = write_flat_png(7070, 7070) if mode == "RGB" else save(Image.new("RGBA", (7070, 7070)), "PNG")
    with decoder.open_picture("large", data) as picture:
        assert picture.width == 7070
        assert picture.read_view().width == wire.VIEW_SIDE


REFUSED = {
    "empty": (b"", "not a picture format"),
    "text": (b"<svg/>", "not a picture format"),
    "cut off": (save(draw(), "JPEG")[:2000], "broken or cut off"),
    "too many pixels": (write_flat_png(7100, 7100), "too many pixels"),
    "too large": (bytes(wire.PICTURE_MAX_BYTES + 1), "larger than"),
}


@pytest.mark.parametrize(("data", "words"), REFUSED.values(), ids=REFUSED.keys())
def test_refusals_speak_in_words_and_are_not_hostile(decoder, data, words):
    with pytest.raises(PictureRefusedError, match=words) as caught, decoder.open_picture("bad", data):
        pass
    assert not isinstance(caught.value, HostilePictureError)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "AVIF", "TIFF", "PNG", "BMP", "ICO", "JPEG"])
def test_damaged_files_are_never_taken_for_hostile(decoder, kind):
    whole = save(draw(64, 64), kind)
    for place in range(0, len(whole), max(1, len(whole) // 24)):
        damaged = whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :]
        try:
            with decoder.open_picture("damaged", damaged) as picture:
                picture.read_view()
        except HostilePictureError:
            pytest.fail(f"byte {place} of a damaged {kind} was taken for an attack")
        except PictureRefusedError:
            pass


def test_small_memory_is_said_in_words():
    with Decoder(DecoderLimits(memory_mb=32)) as small:
        with (
            pytest.raises(PictureRefusedError, match="memory"),
            small.open_picture("m", write_flat_png(5000, 5000)),
        ):
            pass
        with small.open_picture("next", save(draw(), "PNG")) as picture:
            assert picture.width == 300


def test_one_picture_at_a_time(decoder):
    data = save(draw(), "PNG")
    with decoder.open_picture("one", data):
        with pytest.raises(DecoderUnavailableError, match="busy"), decoder.open_picture("two", data):
            pass
    with decoder.open_picture("three", data) as picture:
        assert picture.frames == 1


def test_an_error_in_the_block_ends_the_child(decoder):
    data = save(draw(), "PNG")
    with pytest.raises(ZeroDivisionError), decoder.open_picture("one", data):
        raise ZeroDivisionError
    with decoder.open_picture("two", data) as picture:
        assert picture.read_view().height == 200


def test_a_zygote_that_does_not_start_is_said(tmp_path):
    program = tmp_path / "broken.py"
    program.write_text("raise SystemExit(3)")
    with pytest.raises(DecoderUnavailableError), Decoder(DecoderLimits(), zygote_module=str(program)):
        pass


def test_a_zygote_without_seccomp_is_not_trusted_to_say_so(tmp_path):
    program = tmp_path / "open.py"
    program.write_text(
        "import socket, sys, time\n"
        "control = socket.socket(fileno=int(sys.argv[1]))\n"
        "control.send(b'ready {\"seccomp\": false}')\n"
        "control.recv(10)\n"
    )
    with pytest.raises(SandboxUnavailableError), Decoder(DecoderLimits(), zygote_module=str(program)):
        pass


def test_a_zygote_that_speaks_of_another_job_is_killed(tmp_path):
    program = tmp_path / "mixed.py"
    program.write_text(
        "import socket, sys, time\n"
        "control = socket.socket(fileno=int(sys.argv[1]))\n"
        'control.send(b\'ready {"seccomp": true, "landlock": 7}\')\n'
        "while control.recv(100):\n"
        "    control.send(b'ended earlier 0')\n"
    )
    with Decoder(DecoderLimits(), zygote_module=str(program)) as mixed:
        with pytest.raises(DecoderUnavailableError), mixed.open_picture("mine", b"x"):
            pass
        assert mixed.zygote_pid is None


def test_limits_come_from_the_settings():
    settings = Settings(decode_wall_s=3.0, decode_cpu_s=2, decode_memory_mb=100)
    assert DecoderLimits.from_settings(settings) == DecoderLimits(3.0, 2, 100)


def test_closing_twice_is_quiet():
    link = ZygoteLink("triage.sandbox.zygote", memory_mb=100, cpu_s=1, is_weak=False)
    link.kill()
    link.kill()
    assert not link.is_alive()


def test_views_hold_pixels_and_nothing_else(decoder):
    exif = Image.Exif()
    exif[0x010E] = "SECRETNOTE"
    profile = b"\x00\x00\x02\x00" + b"SECRETNOTE" * 50
    data = save(draw(900, 601), "JPEG", exif=exif, comment=b"SECRETNOTE", icc_profile=profile) + b"SECRETNOTE"
    with decoder.open_picture("views", data) as picture:
        views = encode_views(picture.read_view())
    sizes = []
    for file in (views.colour, views.grey_half, views.thumb):
        assert b"SECRETNOTE" not in file
        # A JPEG's parts: only JFIF (E0), tables, frame and scan; no Exif, profile or comment.
        assert not [
            mark for mark in (b"\xff\xe1", b"\xff\xe2", b"\xff\xfe", b"Exif", b"ICC_") if mark in file[:700]
        ]
        image = Image.open(io.BytesIO(file))
        assert set(image.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
        sizes.append((image.size, image.mode))
    assert sizes == [((900, 601), "RGB"), ((450, 301), "L"), ((THUMB_WIDTH, 16), "L")]


@pytest.mark.parametrize("size", [(1, 1), (1, 1600), (1600, 1), (2, 3)])
def test_views_of_odd_sizes(size, decoder):
    with decoder.open_picture("odd", save(draw(*size), "PNG")) as picture:
        views = encode_views(picture.read_view())
    assert Image.open(io.BytesIO(views.thumb)).width == THUMB_WIDTH


def test_views_refuse_pixels_of_another_size():
    from triage.sandbox.answers import PixelView

    with pytest.raises(ValueError, match="width x height"):
        encode_views(PixelView(10, 10, bytes(299)))
