"""What a decoding child says is taken only when it could be true; every field is tried with a lie."""

import json

import pytest

from triage.errors import HostilePictureError, PictureRefusedError
from triage.sandbox import answers, wire


def honest_header(job: str = "lie", **changes: object) -> dict[str, object]:
    turns = ("r0", "r90", "r180", "r270", "flipx", "flipy", "r90flipx", "r90flipy")
    rows: list[list[object]] = [["pdq", "ab" * 32, 0, turn, 80] for turn in turns]
    rows.append(["phash", "cd" * 8, 0, "r0", None])
    header: dict[str, object] = {"job": job, "format": "PNG", "width": 10, "height": 10, "frames": 1}
    return {**header, "walked": 1, "is_whole": True, "orientation": 1, "fingerprints": rows, **changes}


def list_rows(frames: int, *, is_turned: bool = False) -> list[list[object]]:
    (*turns, stored) = honest_header()["fingerprints"]  # type: ignore[misc]
    rows: list[list[object]] = []
    for frame in range(frames):
        upright = [["pdq", "ef" * 32, 0, "upright", 70]] if is_turned and frame == 0 else []
        upright_phash = [["phash", "ef" * 8, 0, "upright", None]] if is_turned and frame == 0 else []
        row = [[*one[:2], frame, *one[3:]] for one in (*turns, stored)]
        rows += [*row[:-1], *upright, row[-1], *upright_phash]
    return rows


def read(header: object) -> answers.Header:
    return answers.read_header(json.dumps(header).encode(), "lie")


def test_an_honest_header_is_taken():
    header = read(honest_header())
    assert (header.format, header.width, header.frames, len(header.fingerprints)) == ("PNG", 10, 1, 9)
    assert header.fingerprints[0].quality == 80


def test_a_turned_picture_has_both_hashes_upright_in_one_order():
    rows = list_rows(2, is_turned=True)
    header = read(honest_header(frames=2, walked=2, orientation=6, fingerprints=rows))
    assert [one.orientation for one in header.fingerprints][7:12] == [
        "r90flipy",
        "upright",
        "r0",
        "upright",
        "r0",
    ]
    rows[8], rows[9] = rows[9], rows[8]
    with pytest.raises(HostilePictureError):
        read(honest_header(frames=2, walked=2, orientation=6, fingerprints=rows))


@pytest.mark.parametrize(("frames", "walked"), [(1, 1), (2, 2), (64, 64), (40, 65), (64, 5000), (1, 65)])
def test_samples_that_can_be_are_taken(frames, walked):
    header = read(honest_header(frames=frames, walked=walked, is_whole=False, fingerprints=list_rows(frames)))
    assert (header.frames, header.walked, header.is_whole) == (frames, walked, False)


@pytest.mark.parametrize(
    ("frames", "walked"), [(1, 0), (2, 1), (1, 2), (3, 64), (64, 63), (64, 5001), (1, True)]
)
def test_samples_that_cannot_be_are_caught(frames, walked):
    with pytest.raises(HostilePictureError):
        read(honest_header(frames=frames, walked=walked, fingerprints=list_rows(frames)))


def test_heic_is_a_format_too():
    assert read(honest_header(format="HEIC")).format == wire.HEIC


def test_order_of_fingerprints_is_fixed():
    header = honest_header()
    header["fingerprints"].reverse()
    with pytest.raises(HostilePictureError):
        read(header)


LIES = {
    "another job": {"job": "earlier"},
    "no such format": {"format": "SVG"},
    "format is a list": {"format": ["PNG"]},
    "width zero": {"width": 0},
    "width true": {"width": True},
    "width text": {"width": "10"},
    "width fraction": {"width": 10.0},
    "width huge": {"width": 10**30},
    "too many pixels": {"width": 10_000, "height": 10_000},
    "no frames": {"frames": 0},
    "more frames than prints": {"frames": 2},
    "too many frames": {"frames": 65},
    "orientation": {"orientation": 9},
    "turned without upright": {"orientation": 6},
    "walked is text": {"walked": "1"},
    "whole is a number": {"is_whole": 1},
    "upright without turned": {"fingerprints": [["pdq", "ab" * 32, 0, "upright", 80]] * 9},
    "one more field": {"path": "/etc/passwd"},
    "no prints": {"fingerprints": []},
    "prints null": {"fingerprints": None},
    "a print twice": {"fingerprints": [["pdq", "ab" * 32, 0, "r0", 80]] * 9},
}
PRINT_LIES = {
    "short value": ["pdq", "ab" * 31, 0, "r0", 80],
    "not hex": ["pdq", "zz" * 32, 0, "r0", 80],
    "upper case": ["pdq", "AB" * 32, 0, "r0", 80],
    "value is a list": ["pdq", ["a"] * 64, 0, "r0", 80],
    "digest": ["sha256", "ab" * 32, 0, "r0", 80],
    "algorithm is a list": [["pdq"], "ab" * 32, 0, "r0", 80],
    "frame": ["pdq", "ab" * 32, 1, "r0", 80],
    "quality": ["pdq", "ab" * 32, 0, "r0", 101],
    "no quality": ["pdq", "ab" * 32, 0, "r0", None],
    "orientation": ["pdq", "ab" * 32, 0, "r45", 80],
    "orientation is a map": ["pdq", "ab" * 32, 0, {}, 80],
    "too short": ["pdq", "ab" * 32],
    "not a row": "pdq",
}


@pytest.mark.parametrize("changes", LIES.values(), ids=LIES.keys())
def test_header_lies_are_caught(changes):
    with pytest.raises(HostilePictureError, match="cannot be true"):
        read(honest_header(**changes))


@pytest.mark.parametrize("row", PRINT_LIES.values(), ids=PRINT_LIES.keys())
def test_fingerprint_lies_are_caught(row):
    header = honest_header()
    header["fingerprints"] = [row, *header["fingerprints"][1:]]  # type: ignore[index]
    with pytest.raises(HostilePictureError, match="cannot be true"):
        read(header)


RAW_LIES = {
    "no JSON": b"\xff\xfe",
    "empty": b"",
    "deep JSON": b"[" * 200_000,
    "long number": b"1" * 10_000,
    "a list": b"[]",
    "not a number": b'{"width": NaN}',
}


@pytest.mark.parametrize("raw", RAW_LIES.values(), ids=RAW_LIES.keys())
def test_raw_lies_are_caught(raw):
    with pytest.raises(HostilePictureError):
        answers.read_header(raw, "lie")
    with pytest.raises(HostilePictureError):
        answers.read_refusal(raw, "lie")


REFUSAL_LIES = [
    {"job": "lie", "reason": "because"},
    {"job": "lie", "reason": []},
    {"job": "earlier", "reason": "broken"},
    {"job": "lie"},
]


@pytest.mark.parametrize("fields", REFUSAL_LIES)
def test_refusal_lies_are_caught(fields):
    with pytest.raises(HostilePictureError):
        answers.read_refusal(json.dumps(fields).encode(), "lie")


@pytest.mark.parametrize("reason", wire.REASONS)
def test_refusals_speak_in_words(reason):
    error = answers.read_refusal(json.dumps({"job": "lie", "reason": reason}).encode(), "lie")
    assert type(error) is PictureRefusedError
    assert str(error) == wire.REASONS[reason]


@pytest.mark.parametrize(("kind", "length"), [(b"Z", 1), (wire.VIEW, 1), (wire.HEADER, 11)])
def test_message_starts_are_checked(kind, length):
    with pytest.raises(HostilePictureError):
        answers.check_message_start(wire.MESSAGE_START.pack(kind, length), {wire.HEADER: 10})


def pack_view(width: int, height: int, pixels: int) -> bytes:
    return wire.VIEW_START.pack(width, height) + bytes(pixels)


@pytest.mark.parametrize(
    "payload",
    [b"", pack_view(10, 10, 299), pack_view(10, 10, 301), pack_view(5, 20, 300), pack_view(20, 5, 300)],
)
def test_view_lies_are_caught(payload):
    with pytest.raises(HostilePictureError):
        answers.read_pixels(payload, answers.compute_view_size(read(honest_header())))


def test_an_honest_view_is_taken():
    view = answers.read_pixels(pack_view(10, 10, 300), answers.compute_view_size(read(honest_header())))
    assert (view.width, view.height, len(view.rgb)) == (10, 10, 300)


def test_a_sheet_has_exactly_the_size_that_its_header_says():
    header = read(honest_header(frames=5, walked=5, fingerprints=list_rows(5)))
    size = answers.compute_sheet_size(header)
    assert size == (3 * 10 + 2 * 4, 2 * 10 + 4)
    honest = pack_view(*size, size[0] * size[1] * 3)
    assert answers.read_pixels(honest, size).width == size[0]
    for lie in (honest[:-1], honest + b"x", pack_view(size[1], size[0], size[0] * size[1] * 3)):
        with pytest.raises(HostilePictureError):
            answers.read_pixels(lie, size)


@pytest.mark.parametrize("job_id", ["", "-a", "a b", "a\nb", "é", "x" * 65])
def test_job_ids_are_plain(job_id):
    with pytest.raises(ValueError, match="job id"):
        wire.check_job_id(job_id)
