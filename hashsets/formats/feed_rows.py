"""The rows of our own feed: one JSON object a line, what an entry says now or that it is taken back.

    {"op":"put","id":…,"rev":2,"kind":"image","fp":{"sha256":…},"pdq_quality":null,"cls":{"scheme","v","class"},
     "reviews":null,"first":…,"updated":…}
    {"op":"del","id":…,"rev":3,"updated":…}

`id` is the publisher's own, a UUID; `rev` rises with every change of an entry. Rows stand in the order of their
ids, so that a list of any length is read in the memory of one row. A `del` carries no hash. A value of `fp` is a
text, or a list of them where an entry has several of one algorithm.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hashsets.formats.entries import RecordError, check_hashes, check_word
from hashsets.formats.feed_manifest import (
    FeedKind,
    read_number,
    read_object,
    read_time,
    write_object,
    write_time,
)
from hashsets.model import Algorithm, BadRow, Entry, EntryClass
from hashsets.thresholds import PDQ_MIN_QUALITY

LINE_MAX = 16_384
"""Bytes of one line; a row with one hash of each algorithm has less than 1000."""

_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_PUT = frozenset({"op", "id", "rev", "kind", "fp", "pdq_quality", "cls", "reviews", "first", "updated"})
_DEL = frozenset({"op", "id", "rev", "updated"})
_REASON = re.compile(r"[a-z-]{1,64}")
_TAKEN_BACK = ("feed", "del")
"""Scale and word of an entry that the feed takes back: it names no class."""


@dataclass(frozen=True, slots=True)
class FeedRow:
    """One row.

    Attributes:
        id: the publisher's own, a UUID in lower case.
        rev: rises with every change of the entry, from 0.
        updated: when it last changed, aware.
        entry: what is put; None takes the entry back.
        first: when the publisher first had it, aware; None where it is taken back.
        pdq_quality: 0-100, None if not known.
        reviews: how many people judged the picture, None if not known.
    """

    id: str
    rev: int
    updated: datetime
    entry: Entry | None = None
    first: datetime | None = None
    pdq_quality: int | None = None
    reviews: int | None = None


# Writing


def write_row(row: FeedRow) -> bytes:
    """Return a row as a line: the same row gives the same bytes."""
    fields: dict[str, Any] = {"op": "del", "id": row.id, "rev": row.rev}
    if row.entry is not None:
        entry = row.entry
        fields |= {
            "op": "put",
            "kind": "image",
            "fp": _group_hashes(entry),
            "pdq_quality": row.pdq_quality,
            "cls": {
                "scheme": _make_printable(entry.raw_scheme),
                "v": _make_printable(entry.raw_value),
                "class": entry.entry_class.value,
            },
            "reviews": row.reviews,
            "first": write_time(row.first or row.updated),
        }
    fields["updated"] = write_time(row.updated)
    return write_object(fields) + b"\n"


def _group_hashes(entry: Entry) -> dict[str, str | list[str]]:
    found: dict[str, str | list[str]] = {}
    for algorithm in Algorithm:
        values = sorted(value for each, value in entry.fingerprints if each is algorithm)
        if values:
            found[algorithm.value] = values[0] if len(values) == 1 else values
    return found


def _make_printable(text: str) -> str:
    return "".join(each if each.isprintable() else "\ufffd" for each in text)


# Reading


def read_rows(lines: Iterable[bytes], kind: FeedKind) -> Iterator[Entry | BadRow]:
    """Read the lines of a feed.

    Of several rows of one id the highest `rev` counts; one of equal `rev` that says something else is reported.

    Args:
        lines: in the order of the files.
        kind: in a snapshot nothing is taken back.

    Yields:
        An Entry for each id, a BadRow for each row that cannot be used.
    """
    held: tuple[int, FeedRow] | None = None
    for number, line in enumerate(lines, start=1):
        try:
            row = _read_row(line, number)
            if row.entry is None and kind is FeedKind.SNAPSHOT:
                raise RecordError("takes an entry back, which no snapshot does")
            if held is not None and row.id < held[1].id:
                raise RecordError("does not stand in the order of the ids")
            if held is not None and row.id == held[1].id:
                if row.rev == held[1].rev and row != held[1]:
                    raise RecordError("has an id and a rev that came before with other content")
                if row.rev > held[1].rev:
                    held = number, row
                continue
        except RecordError as error:
            yield BadRow(number, f"the row {error}")
            continue
        if held is not None:
            yield _make_entry(*held)
        held = number, row
    if held is not None:
        yield _make_entry(*held)


def _make_entry(line: int, row: FeedRow) -> Entry:
    # No entry is given a revised_at: the signed chain says what is later, even if the publisher's clock was put back.
    if row.entry is None:
        return Entry(row.id, EntryClass.UNKNOWN, *_TAKEN_BACK, withdrawn=True, line=line)
    return row.entry


def _read_row(line: bytes, number: int) -> FeedRow:
    if len(line) > LINE_MAX:
        raise RecordError(f"is longer than {LINE_MAX} bytes")
    try:
        fields = read_object(line.decode("utf-8"))
    except (ValueError, TypeError, RecursionError):
        raise RecordError("is no JSON object") from None
    op = fields.get("op")
    if op == "put":
        return _read_put(fields, number)
    if op == "del":
        return _read_del(fields)
    raise RecordError("says neither put nor del")


def _read_del(fields: dict[str, Any]) -> FeedRow:
    reason = fields.pop("reason", "none")
    if not isinstance(reason, str) or not _REASON.fullmatch(reason):
        raise RecordError("has a reason that cannot be read")
    if set(fields) != _DEL:
        raise RecordError("lacks a field, or has one that is not known")
    return FeedRow(_read_id(fields), _read_rev(fields), _read_moment(fields, "updated"))


def _read_put(fields: dict[str, Any], line: int) -> FeedRow:
    if set(fields) != _PUT:
        raise RecordError("lacks a field, or has one that is not known")
    if fields["kind"] != "image":
        raise RecordError("is of a kind that is not known")
    source_key = _read_id(fields)
    quality = _read_optional(fields, "pdq_quality", 100)
    hashes = _read_hashes(fields["fp"])
    if quality is not None and quality < PDQ_MIN_QUALITY and any(each is Algorithm.PDQ for each, _ in hashes):
        raise RecordError(f"has a pdq of a quality below {PDQ_MIN_QUALITY}")
    return FeedRow(
        source_key,
        _read_rev(fields),
        _read_moment(fields, "updated"),
        Entry(source_key, *_read_class(fields["cls"]), hashes, line=line),
        _read_moment(fields, "first"),
        quality,
        _read_optional(fields, "reviews", 1000),
    )


def _read_id(fields: dict[str, Any]) -> str:
    value = fields["id"]
    if not isinstance(value, str) or not _ID.fullmatch(value):
        raise RecordError("has an id that is no UUID in lower case")
    return value


def _read_rev(fields: dict[str, Any]) -> int:
    try:
        return read_number(fields["rev"], 0)
    except ValueError:
        raise RecordError("has a rev that is no whole number from 0") from None


def _read_moment(fields: dict[str, Any], name: str) -> datetime:
    try:
        return read_time(fields[name])
    except ValueError:
        raise RecordError(f"has no time under {name}") from None


def _read_optional(fields: dict[str, Any], name: str, most: int) -> int | None:
    value = fields[name]
    if value is not None and (type(value) is not int or not 0 <= value <= most):
        raise RecordError(f"has no number from 0 to {most} under {name}")
    return value


def _read_class(value: object) -> tuple[EntryClass, str, str]:
    if not isinstance(value, dict) or set(value) != {"scheme", "v", "class"}:
        raise RecordError("does not say its class")
    texts = (value["scheme"], value["v"])
    if not all(isinstance(each, str) for each in texts):
        raise RecordError("does not say its class")
    try:
        return EntryClass(value["class"]), check_word(texts[0]), check_word(texts[1])
    except ValueError:
        raise RecordError("has a class that is not known") from None


def _read_hashes(value: object) -> frozenset[tuple[Algorithm, str]]:
    if not isinstance(value, dict) or not value:
        raise RecordError("has no hash")
    pairs: list[tuple[Algorithm, str]] = []
    for name, texts in value.items():
        try:
            algorithm = Algorithm(name)
        except ValueError:
            raise RecordError("has a hash of an algorithm that is not known") from None
        for text in texts if isinstance(texts, list) else [texts]:
            if not isinstance(text, str):
                raise RecordError(f"has a {algorithm} that is no text")
            pairs.append((algorithm, text))
    if not pairs:
        raise RecordError("has no hash")
    return check_hashes(pairs)
