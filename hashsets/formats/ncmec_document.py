"""The XML of NCMEC's Hash Sharing API, version 2, event by event: the few fields of each record that we use.

Names are matched without their namespace, children in any order.

1. Feed the document to the parser piece by piece; entities and document types are refused.
2. Collect the fields of the open record; no tree is built.
3. Yield the record when it ends.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any, BinaryIO

from defusedxml import DefusedXmlException  # type: ignore[import-untyped]
from defusedxml.ElementTree import ParseError, XMLParser  # type: ignore[import-untyped]

from hashsets.errors import InvalidListError
from hashsets.formats.caps import DEPTH_MAX, FIELD_MAX, FINGERPRINTS_MAX, SILENT_MAX, read_chunks
from hashsets.formats.csv_rows import PHOTODNA
from hashsets.model import Algorithm

NAMES_MAX = 1000
"""Different names of tags and attributes in a document; a parser keeps each one for good."""

OTHER_HASHES = "hashes of kinds not used here"
UNKNOWN_TAGS = "unknown tags"
NEXT_PAGE = "pages that follow and are not in the file"

_KINDS = {
    "image": ("image", False),
    "video": ("video", False),
    "deletedImage": ("image", True),
    "deletedVideo": ("video", True),
}
_FIELDS = frozenset({"member", "id", "timestamp", "classification"})
_USED = {"md5": Algorithm.MD5, "sha1": Algorithm.SHA1, "pdq": Algorithm.PDQ}
_UNUSED = frozenset({"pdna", "netclean", "videntifier", "tmk-pdqf", "ssvh-pdna", "ssvh-safer-hash"})


class Record:
    """The fields of the record that is open."""

    def __init__(self, kind: str, *, is_deleted: bool) -> None:
        self.kind = kind
        self.is_deleted = is_deleted
        self.member = ""
        self.fields: dict[str, str] = {}
        self.hashes: list[tuple[Algorithm, str]] = []
        self.fault = ""


class Document:
    """Takes the parser's events and holds the records that have ended since it was last emptied."""

    def __init__(self, passed_over: Counter[str]) -> None:
        self.ended: list[Record] = []
        self.has_moved = False
        self._passed_over = passed_over
        self._path: list[str] = []
        self._names: dict[str, str] = {}
        self._unknown: set[str] = set()
        self._record: Record | None = None
        self._level = 0
        self._text: list[str] | None = None
        self._length = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """Take the start of an element."""
        self.has_moved = True
        name = self._names.get(tag) or self._learn(tag)
        for attribute in attributes:
            if attribute not in self._names:
                self._learn(attribute)
        if not self._path and name != "queryResult":
            raise InvalidListError("The list cannot be read: it is not a query result of NCMEC's API")
        self._path.append(name)
        if len(self._path) > DEPTH_MAX:
            raise InvalidListError(f"The list cannot be read: it is nested more than {DEPTH_MAX} levels deep")
        self._text = None
        if self._record is None:
            if name in _KINDS:
                kind, is_deleted = _KINDS[name]
                self._record, self._level = Record(kind, is_deleted=is_deleted), len(self._path)
            elif name == "next":
                self._passed_over[NEXT_PAGE] += 1
            return
        inside = len(self._path) - self._level
        if inside == 1 and name in _FIELDS:
            if name in self._record.fields:
                self._record.fault = f"has more than one {name}"
            self._record.fields[name] = ""
            if name == "member":
                self._record.member = attributes.get("id", "").strip()
            self._text, self._length = [], 0
        elif inside == 2 and self._path[-2] == "fingerprints":
            self._start_hash(name)
        elif inside == 1 and name not in {"fingerprints", "feedback"}:
            self._note_unknown(name)

    def _learn(self, name: str) -> str:
        """Return a name of a tag or attribute without its namespace."""
        self._names[name] = name.rpartition("}")[2]
        if len(self._names) > NAMES_MAX:
            raise InvalidListError(f"The list cannot be read: it has more than {NAMES_MAX} names of tags")
        return self._names[name]

    def _start_hash(self, name: str) -> None:
        if name in _USED:
            self._text, self._length = [], 0
        elif name == "pdna":
            self._passed_over[PHOTODNA] += 1
        elif name in _UNUSED:
            self._passed_over[OTHER_HASHES] += 1
        else:
            self._note_unknown(name)

    def _note_unknown(self, name: str) -> None:
        if name not in self._unknown:
            self._unknown.add(name)
            self._passed_over[UNKNOWN_TAGS] += 1

    def data(self, text: str) -> None:
        """Take a piece of text; of a field that is too long no more is kept than shows it."""
        self.has_moved = True
        if self._text is not None and self._length <= FIELD_MAX:
            self._text.append(text)
            self._length += len(text)

    def end(self, _tag: str) -> None:
        """Take the end of an element."""
        self.has_moved = True
        name = self._path.pop()
        record = self._record
        if record is None:
            return
        if len(self._path) < self._level:
            self.ended.append(record)
            self._record = None
        elif self._text is not None:
            text = "".join(self._text).strip()
            if self._length > FIELD_MAX:
                record.fault = f"has a field of more than {FIELD_MAX} characters"
            elif name in _FIELDS:
                record.fields[name] = text
            elif len(record.hashes) < FINGERPRINTS_MAX:
                record.hashes.append((_USED[name], text))
            else:
                record.fault = f"has more than {FINGERPRINTS_MAX} hashes"
        self._text = None


def read_records(stream: BinaryIO, max_bytes: int, passed_over: Counter[str]) -> Iterator[Record]:
    """Yield the records of a document as they end.

    Args:
        max_bytes: how large the document may be.
        passed_over: takes what the records hold and we have no use for.

    Raises:
        InvalidListError: not such a document, damaged, cut short, or too large.
    """
    document = Document(passed_over)
    parser: Any = XMLParser(target=document, forbid_dtd=True)
    silent = 0
    try:
        for chunk in read_chunks(stream, max_bytes):
            document.has_moved = False
            parser.feed(chunk)
            silent = 0 if document.has_moved else silent + len(chunk)
            if silent > SILENT_MAX:
                raise InvalidListError("The list cannot be read: a tag or comment in it has no end")
            yield from document.ended
            document.ended.clear()
    except DefusedXmlException:
        raise InvalidListError("The list cannot be read: it declares a document type or entities") from None
    except (ParseError, ValueError, LookupError) as error:
        raise InvalidListError(f"The list cannot be read: it is not XML{_near_line(error)}") from None
    try:
        parser.close()
    except (ParseError, ValueError, LookupError):
        raise InvalidListError("The list cannot be read: it ends before its XML does") from None
    yield from document.ended


def _near_line(error: Exception) -> str:
    position = getattr(error, "position", None)
    return f" near line {position[0]}" if position else ""
