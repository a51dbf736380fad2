"""Project VIC lists: VICS 1.1–1.3 and 2.0 as JSON, both hash sets (`#Media`) and case files (`#Cases`).

A record is known by its MD5; our key is made from that, so that no key is a hash. What a category means depends on
the region that the list's context names. Categories that we keep out (0, none, 4, 5) take an entry back that was
there before, and can never raise an alert. Flags come as booleans or as words; IsSuspected holds an entry down to
advisory, since what its own list only suspects cannot make a file known. The other flags say nothing of the class.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, BinaryIO

from hashsets.formats import ReadOptions
from hashsets.formats.caps import LIST_MAX
from hashsets.formats.csv_rows import PHOTODNA
from hashsets.formats.entries import FirstOfEach, RecordError, check_hashes, log_passed_over
from hashsets.formats.moments import parse_moment
from hashsets.formats.profile_file import check_names, read_profile_file, refuse, take_choice
from hashsets.formats.vics_document import Document, Record, read_records, refuse_list
from hashsets.model import ALERTING, Algorithm, BadRow, Entry, EntryClass

Categories = Mapping[int, EntryClass]

REGIONS: Mapping[str, Categories] = MappingProxyType(
    {"US": {1: EntryClass.NATIONAL_ILLEGAL, 2: EntryClass.ADVISORY, 3: EntryClass.ADVISORY}}
)
"""Region → category → class, where the meaning is documented; all others must be said by the list's owner."""

NAMED_REGIONS = frozenset({"US", "UK", "CA", "DEFAULT", "CUSTOM"})
"""Regions that are known to be in use."""

MAPPABLE = frozenset({1, 2, 3})
"""Categories that can have a class; the others are uncategorised, for comparison, or not pertinent."""

UNREADABLE_TIMES = "times that cannot be read"
KEPT_OUT = "records of categories that are kept out"

_CONTEXTS = (
    re.compile(r"https?://github\.com/ICMEC/ProjectVic/DataModels/1\.[1-3]\.xml#(?:Cases|Media)()"),
    re.compile(
        r"https?://github\.com/VICSDATAMODEL/ProjectVic/DataModels/2\.0\.xml/([^/#]*)/\$metadata#(?:Cases|Media)"
    ),
)
_FLAGS = {None: False, "": False, "false": False, "true": True}


def _read_region(context: str, said: str) -> str:
    """Return the region of a list in upper case.

    Args:
        said: what the caller says it is, or empty.
    """
    found = next((match for one in _CONTEXTS if (match := one.fullmatch(context))), None)
    if not found:
        raise refuse_list("its context names no version of VICS that is known")
    named = found.group(1)
    region = (named or said).upper()
    if not region:
        raise refuse_list("its version of VICS names no region; say whose categories they are")
    if named and said and named.upper() != said.upper():
        raise refuse_list("it names another region than the one that was said")
    if region not in NAMED_REGIONS:
        shown = f"region {region}" if re.fullmatch(r"[A-Z]{1,20}", region) else "a region"
        raise refuse_list(f"it is of {shown}, which is not known")
    return region


def _read_flag(value: Any) -> bool:
    """Return what a flag says; `bool("false")` would be true."""
    word = str(value).lower() if isinstance(value, str | bool) else value
    if word not in _FLAGS:
        raise RecordError("has an IsSuspected that is neither true nor false")
    return _FLAGS[word]


def _read_record(
    record: Record, number: int, scheme: str, categories: Categories, passed_over: Counter[str]
) -> Entry:
    if record.fault:
        raise RecordError(record.fault)
    fields = record.fields
    for name in ("MD5", "SHA1", "DateUpdated"):
        if not isinstance(fields.get(name) or "", str):
            raise RecordError(f"has a {name} that is no text")
    category = fields.get("Category")
    if category is not None and (type(category) is not int or not 0 <= category <= 5):
        raise RecordError("has a Category that is not a number from 0 to 5")
    md5 = fields.get("MD5")
    if not md5:
        raise RecordError("has no MD5")
    hashes = check_hashes(
        (algorithm, fields[name])
        for algorithm, name in ((Algorithm.MD5, "MD5"), (Algorithm.SHA1, "SHA1"))
        if fields.get(name)
    )
    is_suspected = _read_flag(fields.get("IsSuspected"))
    entry_class = categories.get(category or 0)
    withdrawn = entry_class is None
    if entry_class is None:
        entry_class, hashes = EntryClass.UNKNOWN, frozenset()
        passed_over[KEPT_OUT] += 1
    elif is_suspected and entry_class in ALERTING:
        entry_class = EntryClass.ADVISORY
    if fields.get("PhotoDNA"):
        passed_over[PHOTODNA] += 1
    revised_at = None
    if fields.get("DateUpdated"):
        try:
            revised_at = parse_moment(fields["DateUpdated"])
        except ValueError:
            passed_over[UNREADABLE_TIMES] += 1
    return Entry(
        source_key=f"md5-{hashlib.sha256(f'vics {md5.lower()}'.encode()).hexdigest()[:32]}",
        entry_class=entry_class,
        raw_scheme=scheme,
        raw_value="" if category is None else str(category),
        fingerprints=hashes,
        withdrawn=withdrawn,
        revised_at=revised_at,
        line=number,
    )


def read_vics(
    stream: BinaryIO,
    *,
    region: str = "",
    categories: Categories | None = None,
    passed_over: Counter[str] | None = None,
    max_bytes: int = LIST_MAX,
) -> Iterator[Entry | BadRow]:
    """Read a list, record by record.

    Args:
        region: whose categories they are: needed where the list does not say (VICS 1.3), and refused where it says
            something else.
        categories: category 1 to 3 → class, by the documents of the list's owner; needed for a region that is not
            in REGIONS, and goes before what stands there.
        passed_over: takes what the records hold and we have no use for.
        max_bytes: how large the list may be.

    Yields:
        An Entry for each good record, a BadRow for each other with the record's number in the file, from 1. Of two
        records with one MD5 and other content the first stands.

    Raises:
        InvalidListError: not such a list, its region or the meaning of its categories is not known, damaged, cut
            short, or too large; the records that came before count for nothing then.
    """
    if categories is not None and not categories.keys() <= MAPPABLE:
        raise refuse_list("only categories 1, 2 and 3 can have a class")
    counts: Counter[str] = Counter() if passed_over is None else passed_over
    document = Document(counts)
    seen = FirstOfEach()
    scheme, meanings = "", categories
    for number, record in enumerate(read_records(stream, max_bytes, document), start=1):
        if not scheme:
            scheme, meanings = _find_meanings(document.context, region, categories)
        try:
            entry = _read_record(record, number, scheme, meanings or {}, counts)
            said = (entry.entry_class, entry.raw_value, entry.fingerprints)
            if seen.is_new(entry.source_key, said):
                yield entry
        except RecordError as error:
            yield BadRow(number, f"the record {error}")
    if not scheme:
        _find_meanings(document.context, region, categories)


def _find_meanings(context: str, said: str, categories: Categories | None) -> tuple[str, Categories]:
    """Return the name of a list's scale and what its categories mean."""
    region = _read_region(context, said)
    meanings = REGIONS.get(region) if categories is None else categories
    if meanings is None:
        raise refuse_list(
            f"what the categories 1 to 3 of region {region} mean is not documented; say it in a profile"
        )
    return f"vics-{region.lower()}", meanings


def read_list(stream: BinaryIO, options: ReadOptions) -> Iterator[Entry | BadRow]:
    """Read a list for the registry; a profile can say `categories` (1 to 3 → class).

    Raises:
        InvalidListError: a wrong profile, or as read_vics.
    """
    counts: Counter[str] = Counter()
    yield from read_vics(
        stream, region=options.region, categories=_read_categories(options.profile), passed_over=counts
    )
    log_passed_over(counts)


def _read_categories(profile: Path | None) -> Categories | None:
    if profile is None:
        return None
    facts = read_profile_file(profile)
    check_names(facts, ["categories"], ["categories"], under="")
    stated = facts["categories"]
    if not isinstance(stated, dict) or not stated or not stated.keys() <= {"1", "2", "3"}:
        raise refuse("categories must map 1, 2 and 3, or some of them, to classes")
    classes = {one.value: one for one in EntryClass}
    return {
        int(name): take_choice({f"categories.{name}": word}, f"categories.{name}", classes)
        for name, word in stated.items()
    }
