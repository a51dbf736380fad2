"""The real decoder: what goes in as bytes comes out as checked numbers, and its limits hold."""

import io
import signal
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from hashsets.compute import fingerprint_picture
from tests.decoding import write_chunk
from tests.drawn_images import draw_animation
from triage.errors import (
    DecoderUnavailableError,
    HostilePictureError,
    PictureOverLimitError,
    PictureRefusedError,
    SandboxUnavailableError,
)
from triage.sandbox import warm_up, wire
from triage.sandbox.conversation import explain_end
from triage.sandbox.decoder import Decoder, DecoderLimits
from triage.sandbox.pictures import decode_picture, render_view
from triage.sandbox.views import encode_views
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


def write_flat_png(width: int, height: int, mode: str = "RGB") -> bytes:
    packer = zlib.compressobj(1)
    row = bytes(len(mode) * width + 1)
    body = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    head = write_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2 if mode == "RGB" else 6, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + write_chunk(b"IDAT", body) + write_chunk(b"IEND", b"")


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
    with decoder.open_picture("same", save(image, "PNG")) as picture:
        assert picture.fingerprints == fingerprint_picture(np.asarray(image), frame=0)
        assert picture.read_view().rgb == image.tobytes()
        assert picture.read_view() is picture.read_view()


def test_a_jpeg_in_the_sandbox_is_the_same_as_outside(decoder):
    data = save(draw(1920, 1080), "JPEG")
    with decoder.open_picture("same", data) as picture:
        outside = decode_picture(io.BytesIO(data))
        assert picture.fingerprints == outside.fingerprints
        assert picture.read_view().rgb == render_view(outside)[2]


def test_an_animation_gives_its_sample_its_view_and_its_sheet_in_any_order(decoder):
    frames = draw_animation(3, 70, (120, 90))
    data = save(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=50)
    with decoder.open_picture("animation", data) as picture:
        assert (picture.walked, picture.is_whole) == (70, True)
        assert 32 <= picture.frames <= 64
        sheet = picture.read_sheet()
        assert (sheet.width, sheet.height) == wire.compute_sheet_size(120, 90, 1, picture.frames)
        view = picture.read_view()
        assert (view.width, view.height) == (120, 90)
        assert picture.read_sheet() is sheet


def test_a_still_picture_has_no_sheet(decoder):
    with (
        decoder.open_picture("still", save(draw(), "PNG")) as picture,
        pytest.raises(ValueError, match="still"),
    ):
        picture.read_sheet()


def test_an_animation_that_is_cut_says_so(decoder):
    frames = draw_animation(3, 3, (16, 16))
    data = save(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=10)
    begin = data.index(b"\x21\xf9", data.index(b"\x21\xf9") + 1)
    with decoder.open_picture("flood", data[:begin] + data[begin:-1] * 9000 + b"\x3b") as picture:
        assert (picture.walked, picture.is_whole) == (wire.MAX_WALKED, False)


def test_large_views_are_scaled_and_upright(decoder):
    exif = Image.Exif()
    exif[0x0112] = 6
    with decoder.open_picture("turned", save(draw(2000, 1000), "JPEG", exif=exif)) as picture:
        view = picture.read_view()
        assert (picture.width, picture.height, picture.orientation) == (2000, 1000, 6)
        assert (view.width, view.height) == (500, 1000)


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_fifty_megapixels_fit_into_the_default_limits(decoder, mode):
    with decoder.open_picture("large", write_flat_png(7070, 7070, mode)) as picture:
        assert picture.width == 7070
        assert picture.read_view().width == -(-7070 // 5)


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


def test_a_file_of_which_the_library_would_complain_aloud_is_not_taken_for_an_attack(decoder):
    fields = {256: 4, 257: 4, 258: 8, 259: 1, 262: 1, 273: 8, 277: 144, 279: 16}
    table = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in fields.items())
    data = b"II*\0\x08\0\0\0" + struct.pack("<H", len(fields)) + table + bytes(20)
    with pytest.raises(PictureRefusedError, match="broken") as caught, decoder.open_picture("loud", data):
        pass
    assert not isinstance(caught.value, HostilePictureError)


def test_small_memory_is_said_in_words():
    with Decoder(DecoderLimits(memory_mb=32)) as small:
        with (
            pytest.raises(PictureRefusedError, match=r"^stopped by the sandbox: memory$"),
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


def test_nothing_written_into_a_file_reaches_its_views(decoder):
    exif = Image.Exif()
    exif[0x010E] = "SECRETNOTE"
    profile = b"\x00\x00\x02\x00" + b"SECRETNOTE" * 50
    data = save(draw(900, 601), "JPEG", exif=exif, comment=b"SECRETNOTE", icc_profile=profile) + b"SECRETNOTE"
    with decoder.open_picture("views", data) as picture:
        views = encode_views(picture.read_view())
    for file in (views.colour, views.grey_half, views.thumb):
        assert b"SECRETNOTE" not in file
    sizes = [Image.open(io.BytesIO(file)).size for file in (views.colour, views.grey_half, views.thumb)]
    assert sizes == [(900, 601), (450, 301), (24, 16)]


ENDS = {
    "a forbidden call": (-signal.SIGSYS, HostilePictureError, "stopped by the sandbox: a forbidden call"),
    "processor time": (-signal.SIGXCPU, PictureOverLimitError, "stopped by the sandbox: processor time"),
    "memory": (wire.EXIT_MEMORY, PictureOverLimitError, "stopped by the sandbox: memory"),
    "killed": (-signal.SIGKILL, PictureOverLimitError, "stopped by the sandbox: memory"),
    "crashed": (-signal.SIGSEGV, PictureRefusedError, "broken: its decoder crashed"),
    "left": (1, PictureRefusedError, "broken or cut off"),
}


@pytest.mark.parametrize(("code", "kind", "words"), ENDS.values(), ids=ENDS.keys())
def test_every_end_of_a_child_is_a_finding_in_words(code, kind, words):
    error = explain_end(code)
    assert type(error) is kind
    assert str(error) == words


def test_a_child_that_is_late_is_a_finding_in_words():
    limits = DecoderLimits(wall_s=0.05, cpu_s=5)
    with Decoder(limits) as decoder:
        with pytest.raises(PictureOverLimitError, match=r"^stopped by the sandbox: time$"):
            with decoder.open_picture("late", write_flat_png(6000, 6000)):
                pass
