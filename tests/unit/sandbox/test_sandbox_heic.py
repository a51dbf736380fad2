"""HEIC: told by the first bytes, decoded in a zygote of its own, and said in words where the extra is missing."""

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from tests.counts import IS_SOAK
from tests.drawn_images import draw_picture, make_heic, make_jpeg
from triage.errors import HostilePictureError, PictureRefusedError
from triage.sandbox import heic, wire
from triage.sandbox.decoder import Decoder, DecoderLimits
from triage.sandbox.views import encode_sheet, encode_views

needs_extra = pytest.mark.skipif(not heic.is_installed(), reason="the extra hotline[heic] is not installed")


def make_head(major: bytes, *compatible: bytes) -> bytes:
    body = b"ftyp" + major + bytes(4) + b"".join(compatible)
    return (4 + len(body)).to_bytes(4, "big") + body


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (make_head(b"heic", b"mif1", b"heic"), True),
        (make_head(b"heix"), True),
        (make_head(b"hevc", b"msf1"), True),
        (make_head(b"mif1", b"heic"), True),
        (make_head(b"mif1"), True),
        (make_head(b"mif1", b"miaf", b"avif"), False),
        (make_head(b"msf1", b"avis"), False),
        (make_head(b"avif", b"mif1"), False),
        (make_head(b"isom", b"heic"), False),
        (make_head(b"mif1") + b"avif", True),  # behind the box: not a brand
        (
            b"\xff\xff\xff\xffftypmif1\0\0\0\0avif",
            False,
        ),  # a box that claims to be longer than all we look at
        (b"ftypheic", False),
        (b"", False),
        (make_jpeg(1)[:64], False),
    ],
)
def test_heic_is_told_by_its_brands(head, expected):
    assert heic.is_heic(head) is expected


def test_without_the_extra_it_is_said_and_nothing_is_started(monkeypatch):
    monkeypatch.setattr(heic, "is_installed", lambda: False)
    with Decoder(DecoderLimits()) as decoder:
        with pytest.raises(
            PictureRefusedError, match=r"^a HEIC picture: its decoder is not installed$"
        ) as caught:
            with decoder.open_picture("one", heic.read_sample()):
                pass
        assert not isinstance(caught.value, HostilePictureError)
        assert decoder.heic_layers is None


def test_the_zygote_of_all_other_formats_never_loads_its_library():
    code = "import sys, triage.sandbox.zygote; print('pillow_heif' in sys.modules, '_pillow_heif' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "False False\n"


@pytest.fixture(scope="module")
def decoder():
    with Decoder(DecoderLimits()) as running:
        yield running


@needs_extra
def test_its_zygote_starts_with_the_first_such_file_and_has_all_locks():
    with Decoder(DecoderLimits()) as decoder:
        with decoder.open_picture("plain", make_jpeg(1)):
            assert decoder.heic_layers is None
        with decoder.open_picture("heic", heic.read_sample()) as picture:
            assert (picture.format, picture.width, picture.height) == (wire.HEIC, 64, 64)
        layers = decoder.heic_layers
        assert layers is not None
        assert layers.seccomp
        assert layers == decoder.layers


@needs_extra
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L"])
def test_pixels_are_those_of_the_picture(decoder, mode):
    image = draw_picture(5, "landscape", (320, 240))
    data = make_heic(image, mode=mode)
    with decoder.open_picture("pixels", data) as picture:
        view = picture.read_view()
        assert (picture.format, view.width, view.height, picture.frames) == (wire.HEIC, 320, 240, 1)
        shown = np.frombuffer(view.rgb, np.uint8).reshape(240, 320, 3).astype(int)
        wanted = np.asarray(image.convert("L" if mode == "L" else "RGB").convert("RGB")).astype(int)
        assert np.abs(shown - wanted).mean() < 4
        assert encode_views(view).colour.startswith(b"\xff\xd8")


@needs_extra
@pytest.mark.parametrize("orientation", [3, 6])
def test_a_picture_that_lies_turned_comes_upright_once(decoder, orientation):
    data = make_heic(draw_picture(5, "landscape", (320, 240)), orientation=orientation)
    with decoder.open_picture("turned", data) as picture:
        view = picture.read_view()
        assert picture.orientation == 1  # its decoder has turned it already
        assert (view.width, view.height) == ((240, 320) if orientation == 6 else (320, 240))


@needs_extra
def test_an_album_is_read_picture_by_picture(decoder):
    images = [draw_picture(seed, "shapes", (160, 120)) for seed in (1, 2, 3)]
    with decoder.open_picture("album", make_heic(*images)) as picture:
        assert (picture.frames, picture.walked, picture.is_whole) == (3, 3, True)
        values = {
            one.value for one in picture.fingerprints if (one.algorithm, one.orientation) == ("pdq", "r0")
        }
        assert len(values) == 3
        assert encode_sheet(picture.read_sheet()).startswith(b"\xff\xd8")


@needs_extra
@pytest.mark.skipif(not IS_SOAK, reason="48 megapixels are encoded only in a soak")
def test_the_largest_picture_of_a_telephone_is_put_together_of_its_tiles(decoder):
    data = make_heic(Image.linear_gradient("L").resize((8064, 6048)).convert("RGB"), tile=512)
    with decoder.open_picture("large", data) as picture:
        assert (picture.width, picture.height, picture.frames) == (8064, 6048, 1)


@needs_extra
def test_pictures_of_many_tiles_are_one_frame(decoder):
    with decoder.open_picture(
        "tiles", make_heic(draw_picture(5, "shapes", (1280, 960)), tile=128)
    ) as picture:
        assert (picture.width, picture.height, picture.frames) == (1280, 960, 1)


@needs_extra
def test_pictures_of_both_kinds_take_turns(decoder):
    pids = set()
    for number in range(6):
        data = heic.read_sample() if number % 2 else make_jpeg(number)
        with decoder.open_picture(f"turn-{number}", data) as picture:
            assert picture.format == (wire.HEIC if number % 2 else "JPEG")
        pids.add(decoder.zygote_pid)
    assert len(pids) == 1


@needs_extra
@pytest.mark.parametrize("share", [0.02, 0.1, 0.5, 0.9])
def test_cut_off_files_are_refused(decoder, share):
    data = make_heic(draw_picture(5, "landscape", (320, 240)))
    with pytest.raises(PictureRefusedError, match="broken") as caught:
        with decoder.open_picture("cut", data[: max(16, int(len(data) * share))]):
            pass
    assert not isinstance(caught.value, HostilePictureError)


@needs_extra
def test_a_claim_of_too_many_pixels_is_refused_before_decoding(decoder):
    data = heic.read_sample()
    sizes = b"ispe" + bytes(4) + (64).to_bytes(4, "big") * 2
    assert sizes in data
    with pytest.raises(PictureRefusedError):
        with decoder.open_picture("claim", data.replace(sizes, sizes[:8] + (30_000).to_bytes(4, "big") * 2)):
            pass
