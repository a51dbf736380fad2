"""What the decoder's client and the zygote say to each other: framing, caps and the one view's size.

1. Over the control socket (packets of ASCII): `job <id>` with one descriptor, `kill <id>`; back come
   `ready <json>` or `failed <words>` once, then `ended <id> <wait status>` for every job.
2. Over a job's own stream: 8 bytes of length and the picture; the child answers one message, a header (H) or
   a refusal (R); then `P` asks for the view (V), and the end of the stream ends the child.

Every message names its job, so that the answer to one picture can never be taken for another's.
"""

import re
import struct

CONTROL_MAX_BYTES = 4096
HEADER_MAX_BYTES = 256 * 1024
PICTURE_MAX_BYTES = 128 * 2**20
MAX_PIXELS = 50_000_000
MAX_FRAMES = 64
VIEW_SIDE = 1600

FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "AVIF", "BMP", "TIFF", "ICO")
"""The formats that are decoded; a multi-picture JPEG (MPO) counts as JPEG."""

PICTURE_LENGTH = struct.Struct(">Q")
MESSAGE_START = struct.Struct(">cI")
VIEW_START = struct.Struct(">II")
HEADER, REFUSAL, VIEW = b"H", b"R", b"V"
ASK_VIEW = b"P"

REASONS = {
    "format": "not a picture format we decode",
    "pixels": "too many pixels",
    "broken": "broken or cut off",
    "memory": "needed too much memory",
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


def compute_view_size(width: int, height: int, orientation: int) -> tuple[int, int]:
    """Return width and height of the view of a picture: upright and at most VIEW_SIDE pixels a side.

    Args:
        width: pixels as stored, from 1.
        height: pixels as stored, from 1.
        orientation: EXIF orientation, 1-8; from 5 the sides change places.
    """
    longest = max(width, height)
    if longest > VIEW_SIDE:
        width = max(1, width * VIEW_SIDE // longest)
        height = max(1, height * VIEW_SIDE // longest)
    return (height, width) if orientation >= 5 else (width, height)
