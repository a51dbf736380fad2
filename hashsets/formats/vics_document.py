"""The JSON of a Project VIC list, event by event: its context and the few fields of each record that we use.

1. Feed the stream to the parser piece by piece and take its events; nothing is built.
2. Collect the fields of the open record; a map that holds `Media` is a case and its maps are the records.
3. Yield the record when it ends.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any, BinaryIO

import ijson  # type: ignore[import-untyped]

from hashsets.errors import InvalidListError
from hashsets.formats.caps import DEPTH_MAX, FIELD_MAX, SILENT_MAX, read_chunks

OTHER_HASHES = "hashes of other kinds (AlternativeHashes)"
"""What those are counted under when they are passed over."""

_CONTEXT_KEYS = frozenset({"odata.metadata", "@odata.context"})
_FIELDS = frozenset({"MD5", "SHA1", "PhotoDNA", "Category", "DateUpdated", "IsSuspected"})
_SCALARS = frozenset({"string", "number", "boolean", "null"})


def refuse_list(reason: str) -> InvalidListError:
    """Return the error of a list that cannot be read; the reason goes on from a colon."""
    return InvalidListError(f"The list cannot be read: {reason}")


class Record:
    """The fields of the record that is open."""

    def __init__(self) -> None:
        self.fields: dict[str, Any] = {}
        self.fault = ""
        self.is_case = False


class Document:
    """Takes the parser's events and holds the records that have ended since it was last emptied."""

    def __init__(self, passed_over: Counter[str]) -> None:
        self.context = ""
        self.ended: list[Record] = []
        self.has_value = False
        self._passed_over = passed_over
        self._depth = 0
        self._keys: list[str] = [""] * (DEPTH_MAX + 1)
        self._records: dict[int, Record] = {}

    def take(self, events: list[tuple[str, Any]]) -> None:
        """Take the next events.

        The root is level 1, its `value` level 2, a record of a hash set or a case level 3, the `Media` of a case
        level 4 and a record there level 5.
        """
        depth, keys, records = self._depth, self._keys, self._records
        for event, value in events:
            if event == "map_key":
                keys[depth] = value
            elif event in _SCALARS:
                if depth == 1:
                    self._take_root(keys[1], value)
                elif keys[depth] in _FIELDS:
                    if depth in records:
                        self._keep(records[depth], keys[depth], value)
                elif self._is_among_records(depth):
                    raise refuse_list("one of its records is not a map")
            elif event in {"start_map", "start_array"}:
                self._depth = depth = depth + 1
                self._start(event)
            else:
                if event == "end_map" and depth in records:
                    record = records.pop(depth)
                    if record.is_case and "MD5" in record.fields:
                        record.fault = "has both an MD5 and Media"
                    if not record.is_case or record.fault:
                        self.ended.append(record)
                self._depth = depth = depth - 1

    def _keep(self, record: Record, name: str, value: Any) -> None:
        if name in record.fields:
            record.fault = f"has more than one {name}"
        elif isinstance(value, str) and len(value) > FIELD_MAX:
            record.fault = f"has a field of more than {FIELD_MAX} characters"
        record.fields[name] = value

    def _take_root(self, name: str, value: Any) -> None:
        if name in _CONTEXT_KEYS:
            if self.context or not isinstance(value, str) or not value:
                raise refuse_list("its context is no text or comes twice")
            self.context = value
        elif name == "value":
            raise refuse_list("its value is not a list of records")

    def _is_among_records(self, depth: int) -> bool:
        """Say whether what begins inside of this level is a record."""
        if depth not in {2, 4} or self._keys[1] != "value":
            return False
        return depth == 2 or (3 in self._records and self._records[3].is_case and self._keys[3] == "Media")

    def _start(self, event: str) -> None:
        depth, keys = self._depth, self._keys
        if depth > DEPTH_MAX:
            raise refuse_list(f"it is nested more than {DEPTH_MAX} levels deep")
        keys[depth] = ""
        if depth == 1 and event != "start_map":
            raise refuse_list("it does not begin with a map")
        if depth == 2 and keys[1] == "value":
            if event != "start_array" or self.has_value:
                raise refuse_list("its value is not a list of records or comes twice")
            if not self.context:
                raise refuse_list(
                    "no context stands before its records, so the meaning of its categories is not known"
                )
            self.has_value = True
        elif depth == 2 and keys[1] in _CONTEXT_KEYS:
            raise refuse_list("its context is no text or comes twice")
        if keys[1] != "value" or depth < 3:
            return
        if self._is_among_records(depth - 1):
            if event != "start_map":
                raise refuse_list("one of its records is not a map")
            self._records[depth] = Record()
        elif event == "start_map" and keys[depth - 2] == "AlternativeHashes":
            self._passed_over[OTHER_HASHES] += 1
        elif event == "start_array" and depth == 4 and keys[3] == "Media":
            self._records[3].is_case = True


def _skip_mark(stream: BinaryIO, max_bytes: int) -> Iterator[bytes]:
    """Yield the pieces of a stream without a byte order mark; UTF-16 is refused in words."""
    chunks = read_chunks(stream, max_bytes)
    head = b""
    for chunk in chunks:
        head += chunk
        if len(head) >= 4:
            break
    if head[:2] in {b"\xff\xfe", b"\xfe\xff"} or b"\0" in head[:4]:
        raise refuse_list("it is in UTF-16, and how VICS looks in that is not documented; turn it into UTF-8")
    if head := head.removeprefix(
        b"\xef\xbb\xbf"
    ):  # an empty piece would tell the parser that this is the end
        yield head
    yield from chunks


def read_records(stream: BinaryIO, max_bytes: int, document: Document) -> Iterator[Record]:
    """Yield the records of a document as they end.

    Args:
        max_bytes: how large the list may be.
        document: empty; knows the list's context before the first record is yielded.

    Raises:
        InvalidListError: not JSON, not of the shape of such a list, cut short, or too large.
    """
    events: Any = ijson.sendable_list()
    parser = ijson.basic_parse_coro(events)
    silent = 0
    # yajl says by SystemError that a number has more digits than Python takes.
    faults = (ijson.JSONError, ValueError, SystemError)
    for chunk in _skip_mark(stream, max_bytes):
        try:
            parser.send(chunk)
        except (*faults, StopIteration):
            raise refuse_list("it is not JSON") from None
        silent = 0 if events else silent + len(chunk)
        if silent > SILENT_MAX:
            raise refuse_list(f"a field in it is longer than {SILENT_MAX} bytes")
        document.take(events)
        del events[:]
        yield from document.ended
        document.ended.clear()
    try:
        parser.close()
    except faults:
        raise refuse_list("it ends before its JSON does") from None
    document.take(events)
    yield from document.ended
    if not document.has_value:
        raise refuse_list("it holds no list of records")
