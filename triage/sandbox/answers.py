"""Reading what a decoding child says. None of it is trusted: its picture may have taken it over.

A header is taken only if every field has the one type and range that an honest child would give; pixels only
if there are exactly as many as the header's size asks for.
"""

import json
from dataclasses import dataclass

from hashsets.model import DIHEDRAL, HEX_DIGITS, UPRIGHT, Algorithm, Fingerprint
from triage.errors import HostilePictureError, PictureRefusedError
from triage.sandbox import wire

_HEADER_FIELDS = {
    *("job", "format", "width", "height", "orientation"),
    *("frames", "walked", "is_whole", "fingerprints"),
}
_REFUSAL_FIELDS = {"job", "reason"}
_HEX = frozenset("0123456789abcdef")
_ORIENTATIONS = {Algorithm.PDQ: (*DIHEDRAL, UPRIGHT), Algorithm.PHASH: ("r0", UPRIGHT)}
_FORMATS = frozenset({*wire.FORMATS, wire.HEIC})


@dataclass(frozen=True, slots=True)
class Header:
    """What a child said of its picture, checked.

    Attributes:
        format: one of wire.FORMATS, or wire.HEIC.
        width: pixels as stored, from 1.
        height: pixels as stored, from 1; width x height is at most wire.MAX_PIXELS.
        orientation: EXIF orientation of the first frame, 1-8.
        frames: 1-64 frames, all with fingerprints.
        walked: frames that were looked at to choose those, at most wire.MAX_WALKED.
        is_whole: whether the file has no more frames than were looked at.
        fingerprints: per frame eight PDQ in the order of DIHEDRAL, then pHash; of a first frame that lies
            turned each is followed by one more, upright.
    """

    format: str
    width: int
    height: int
    orientation: int
    frames: int
    walked: int
    is_whole: bool
    fingerprints: tuple[Fingerprint, ...]


@dataclass(frozen=True, slots=True)
class PixelView:
    """Raw pixels to show: the first frame, upright, at most wire.VIEW_SIDE a side; or an animation's sheet.

    Attributes:
        width: pixels, from 1.
        height: pixels, from 1.
        rgb: width x height x 3 bytes.
    """

    width: int
    height: int
    rgb: bytes | memoryview


def _fail() -> HostilePictureError:
    return HostilePictureError("The picture's decoder gave an answer that cannot be true.")


def _read_fields(payload: bytes | memoryview, names: set[str], job_id: str) -> dict[str, object]:
    try:
        fields = json.loads(bytes(payload).decode("ascii"))
    except (ValueError, RecursionError):
        raise _fail() from None
    if not isinstance(fields, dict) or set(fields) != names or fields["job"] != job_id:
        raise _fail()
    return fields


def _read_number(value: object, lowest: int, highest: int) -> int:
    # type(), not isinstance(): true and false count as integers in Python.
    if type(value) is not int or not lowest <= value <= highest:
        raise _fail()
    return value


def _read_fingerprint(row: object, frames: int) -> Fingerprint:
    if not isinstance(row, list) or len(row) != 5:
        raise _fail()
    algorithm, value, frame, orientation, quality = row
    if algorithm not in (Algorithm.PDQ.value, Algorithm.PHASH.value) or not isinstance(value, str):
        raise _fail()
    kind = Algorithm(algorithm)
    if len(value) != HEX_DIGITS[kind] or not _HEX.issuperset(value):
        raise _fail()
    number = _read_number(frame, 0, frames - 1)
    if orientation not in _ORIENTATIONS[kind]:
        raise _fail()
    if kind is Algorithm.PDQ:
        quality = _read_number(quality, 0, 100)
    elif quality is not None:
        raise _fail()
    return Fingerprint(kind, value, frame=number, orientation=orientation, quality=quality)


def _list_expected(frames: int, orientation: int) -> list[tuple[Algorithm, int, str]]:
    wanted: list[tuple[Algorithm, int, str]] = []
    for frame in range(frames):
        upright = (UPRIGHT,) if frame == 0 and orientation != 1 else ()
        wanted += [(Algorithm.PDQ, frame, turn) for turn in (*DIHEDRAL, *upright)]
        wanted += [(Algorithm.PHASH, frame, turn) for turn in ("r0", *upright)]
    return wanted


def read_header(payload: bytes | memoryview, job_id: str) -> Header:
    """Read and check a header.

    Args:
        payload: JSON as it came from the child, at most wire.HEADER_MAX_BYTES.
        job_id: the job that was asked for.

    Raises:
        HostilePictureError: anything is not as an honest child would have said it.
    """
    fields = _read_fields(payload, _HEADER_FIELDS, job_id)
    name = fields["format"]
    if not isinstance(name, str) or name not in _FORMATS:
        raise _fail()
    width = _read_number(fields["width"], 1, wire.MAX_PIXELS)
    height = _read_number(fields["height"], 1, wire.MAX_PIXELS)
    if width * height > wire.MAX_PIXELS:
        raise _fail()
    frames = _read_number(fields["frames"], 1, wire.MAX_FRAMES)
    # A few frames are all kept; of many the sample may be smaller than it might.
    walked = _read_number(fields["walked"], frames, wire.MAX_WALKED)
    is_whole = fields["is_whole"]
    if (walked <= wire.MAX_FRAMES and walked != frames) or not isinstance(is_whole, bool):
        raise _fail()
    orientation = _read_number(fields["orientation"], 1, 8)
    rows = fields["fingerprints"]
    wanted = _list_expected(frames, orientation)
    if not isinstance(rows, list) or len(rows) != len(wanted):
        raise _fail()
    fingerprints = tuple(_read_fingerprint(row, frames) for row in rows)
    if [(one.algorithm, one.frame, one.orientation) for one in fingerprints] != wanted:
        raise _fail()
    return Header(name, width, height, orientation, frames, walked, is_whole, fingerprints)


def read_refusal(payload: bytes | memoryview, job_id: str) -> PictureRefusedError:
    """Return the error that a child's refusal means; raises HostilePictureError if it is no refusal."""
    reason = _read_fields(payload, _REFUSAL_FIELDS, job_id)["reason"]
    if not isinstance(reason, str) or reason not in wire.REASONS:
        raise _fail()
    return PictureRefusedError(wire.REASONS[reason])


def compute_view_size(header: Header) -> tuple[int, int]:
    """Return width and height of the view of this picture."""
    return wire.compute_view_size(header.width, header.height, header.orientation)


def compute_sheet_size(header: Header) -> tuple[int, int]:
    """Return width and height of the sheet of this animation."""
    return wire.compute_sheet_size(header.width, header.height, header.orientation, header.frames)


def compute_pixels_length(size: tuple[int, int]) -> int:
    """Return how many bytes a message with pixels of this size must have: the size, then the pixels."""
    return wire.VIEW_START.size + size[0] * size[1] * 3


def read_pixels(payload: bytes | memoryview, size: tuple[int, int]) -> PixelView:
    """Read and check a view or a sheet.

    Args:
        payload: what came from the child.
        size: width and height that follow from the checked header of the same picture.

    Raises:
        HostilePictureError: another size, or the pixels are too few or too many.
    """
    if len(payload) != compute_pixels_length(size) or wire.VIEW_START.unpack_from(payload) != size:
        raise _fail()
    return PixelView(size[0], size[1], memoryview(payload)[wire.VIEW_START.size :])


def check_message_start(start: bytes, longest: dict[bytes, int]) -> tuple[bytes, int]:
    """Return kind and length of a message from its first bytes.

    Args:
        start: wire.MESSAGE_START.size bytes.
        longest: the kinds that may come now, each with its most bytes.

    Raises:
        HostilePictureError: another kind, or longer than it may be.
    """
    kind, length = wire.MESSAGE_START.unpack(start)
    if kind not in longest or length > longest[kind]:
        raise _fail()
    return kind, length
