"""What tests of the decoder's robustness share: small files to damage, and looking after its children."""

import io
import struct
import time
import zlib
from pathlib import Path

import pytest

from tests.drawn_images import draw_animation, draw_picture
from triage.errors import HostilePictureError, PictureOverLimitError, PictureRefusedError
from triage.sandbox.decoder import Decoder

SIZE = (96, 72)


def write_chunk(kind: bytes, data: bytes) -> bytes:
    """Return one chunk of a PNG file."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def draw_frames(kind: str) -> bytes:
    frames = draw_animation(3, 5, (64, 48))
    file = io.BytesIO()
    frames[0].save(file, kind, save_all=True, append_images=frames[1:], duration=40)
    return file.getvalue()


def draw_mode(kind: str, mode: str, **options: object) -> bytes:
    file = io.BytesIO()
    draw_picture(3, "shapes", SIZE).convert(mode).save(file, kind, **options)
    return file.getvalue()


def list_children(zygote: int | None) -> list[int]:
    return [int(word) for word in Path(f"/proc/{zygote}/task/{zygote}/children").read_text().split()]


def ask_all(decoder: Decoder, job: str, data: bytes) -> str:
    """Decode a file and ask for everything; returns what became of it."""
    try:
        with decoder.open_picture(job, data) as picture:
            picture.read_view()
            if picture.frames > 1:
                picture.read_sheet()
    except HostilePictureError:
        pytest.fail("a damaged picture was taken for a hostile one")
    except PictureOverLimitError:
        return "over a limit"
    except PictureRefusedError:
        return "refused"
    return "decoded"


def assert_none_lingers(decoder: Decoder) -> None:
    """Each zygote has at most the one child that waits for the next job, once the last one was let go.

    Twice in a row: a zygote forks the next child a moment after it gave the last one its job, and that one may
    be done by then.
    """
    until = time.monotonic() + 10  # a machine under load takes its time to tear a large process down
    quiet = 0
    while quiet < 2 and time.monotonic() < until:
        is_quiet = all(len(list_children(pid)) <= 1 for pid in decoder.list_zygotes())
        quiet = quiet + 1 if is_quiet else 0
        time.sleep(0.01)
    assert quiet == 2
