"""What the decoder's client and the zygote say to each other: framing, caps and the sizes of what is shown.

1. Over the control socket (packets of ASCII): `job <id>`, `kill <id>`; back come `ready <json>` or
   `failed <words>` once, then for every job `began <id>` with one descriptor and `ended <id> <wait status>`.
2. Over a job's own stream: the job's id, 8 bytes of length and the picture; the child answers one message, a
   header (H) or a refusal (R); then `P` asks for the view (V), `Q` for an animation's sheet (S), and the end of
   the stream ends the child.

Every message names its job, so that the answer to one picture can never be taken for another's. The size of
view and sheet follows from the header, so that their length is known before the first byte is read.
"""

import math
import re
import struct

CONTROL_MAX_BYTES = 4096
HEADER_MAX_BYTES = 256 * 1024
PICTURE_MAX_BYTES = 128 * 2**20
MAX_PIXELS = 50_000_000
MAX_FRAMES = 64
"""Frames of an animation that are fingerprinted and shown."""

MAX_WALKED = 5_000
"""Frames of an animation that are looked at to choose those."""

VIEW_SIDE = 1600
"""Most pixels of a view's side. Pictures are made smaller by whole numbers alone, which is cheap: so a view has
at least half of it, and a full-HD picture is halved."""

SHEET_CELL = 160
"""Most pixels of the side of one frame on the sheet."""

SHEET_GAP = 4
"""White pixels between two frames of the sheet."""

_SHEET_COLUMNS = 8

FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "AVIF", "BMP", "TIFF", "ICO")
"""The formats that are decoded; a multi-picture JPEG (MPO) counts as JPEG."""

HEIC = "HEIC"
"""The one that needs an extra and a zygote of its own (see `heic`)."""

JOB_ID_BYTES = 64
"""A job's id as it stands first on its stream, filled up with blanks."""

PICTURE_LENGTH = struct.Struct(">Q")
MESSAGE_START = struct.Struct(">cI")
VIEW_START = struct.Struct(">II")
HEADER, REFUSAL, VIEW, SHEET = b"H", b"R", b"V", b"S"
ASK_VIEW, ASK_SHEET = b"P", b"Q"

REASONS = {
    "format": "not a picture format we decode",
    "pixels": "too many pixels",
    "broken": "broken or cut off",
    "memory": "stopped by the sandbox: memory",
}
"""What a child may say of a picture that it refuses, and the words for people."""

EXIT_MEMORY = 11
EXIT_LOCKS = 12

_JOB_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,63}")


def check_job_id(job_id: str) -> str:
    """Return the job id if it is 1-64 letters, digits and hyphens; raises ValueError otherwise."""
    if not _JOB_ID.fullmatch(job_id):
        raise ValueError("a job id is 1-64 letters, digits and hyphens")
    return job_id


def pack_message(kind: bytes, payload: bytes) -> bytes:
    """Return one message of a child: its kind (one byte), its length (4 bytes) and the payload."""
    return MESSAGE_START.pack(kind, len(payload)) + payload


def compute_factor(width: int, height: int, side: int) -> int:
    """Return the least whole number by which a picture is divided to have at most `side` pixels a side."""
    return -(-max(width, height) // side)


def _divide(width: int, height: int, side: int, orientation: int) -> tuple[int, int]:
    factor = compute_factor(width, height, side)
    width, height = -(-width // factor), -(-height // factor)
    return (height, width) if orientation >= 5 else (width, height)


def compute_view_size(width: int, height: int, orientation: int) -> tuple[int, int]:
    """Return width and height of the view of a picture: upright and at most VIEW_SIDE pixels a side.

    Args:
        width: pixels as stored, from 1.
        height: pixels as stored, from 1.
        orientation: EXIF orientation, 1-8; from 5 the sides change places.
    """
    return _divide(width, height, VIEW_SIDE, orientation)


def compute_cell_size(width: int, height: int, orientation: int) -> tuple[int, int]:
    """Return width and height of one frame on the sheet, upright; arguments as for the view."""
    return _divide(width, height, SHEET_CELL, orientation)


def compute_sheet_columns(frames: int) -> int:
    """Return how many frames lie side by side on the sheet of that many frames, 1-8."""
    return min(_SHEET_COLUMNS, math.ceil(math.sqrt(frames)))


def compute_sheet_size(width: int, height: int, orientation: int, frames: int) -> tuple[int, int]:
    """Return width and height of an animation's sheet.

    Args:
        width: pixels of the first frame as stored, from 1.
        height: pixels of the first frame as stored, from 1.
        orientation: its EXIF orientation, 1-8.
        frames: frames on the sheet, 2-64.
    """
    cell_width, cell_height = compute_cell_size(width, height, orientation)
    columns = compute_sheet_columns(frames)
    rows = -(-frames // columns)
    return columns * (cell_width + SHEET_GAP) - SHEET_GAP, rows * (cell_height + SHEET_GAP) - SHEET_GAP
