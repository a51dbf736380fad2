"""Hash lists of NCMEC: the XML of its Hash Sharing API, version 2, as one document (a page or several joined).

Names are matched without their namespace, children in any order. Each `image` and `video` becomes an entry, each
`deletedImage` and `deletedVideo` a withdrawn one; its key is environment/member/kind/id, since the id alone is not
unique. An entry in which there is no hash that we can compare counts as withdrawn: nothing of it may go on matching.
"""

from collections import Counter
from collections.abc import Collection, Iterator
from typing import BinaryIO

from hashsets.errors import InvalidListError
from hashsets.formats import ReadOptions
from hashsets.formats.caps import LIST_MAX
from hashsets.formats.entries import (
    FirstOfEach,
    RecordError,
    check_hashes,
    check_id,
    check_word,
    log_passed_over,
)
from hashsets.formats.moments import parse_moment
from hashsets.formats.ncmec_document import Record, read_records
from hashsets.formats.profile_file import check_names, read_profile_file, refuse, take_choice
from hashsets.model import BadRow, Entry, EntryClass

ENVIRONMENTS = {
    "csam": EntryClass.NATIONAL_ILLEGAL,
    "exploitative": EntryClass.ADVISORY,
    "generative-ai-csam": EntryClass.ADVISORY,  # how its classes stand in law is not documented
    "generative-ai-exploitative": EntryClass.ADVISORY,
}
"""Environment of the API → class of its classified entries."""

CLASSIFICATIONS = frozenset({"A1", "A2", "B1", "B2"})
"""The provider's own words; any other is kept, but means nothing to us."""

WITHOUT_HASH = "records without a hash used here"


def _classify(word: str, member: str, environment: str, self_reported: Collection[str]) -> EntryClass:
    if member in self_reported:
        return EntryClass.SELF_REPORTED
    if word in CLASSIFICATIONS or (not word and environment == "exploitative"):
        return ENVIRONMENTS[environment]
    return EntryClass.UNKNOWN


def _read_record(record: Record, number: int, environment: str, self_reported: Collection[str]) -> Entry:
    if record.fault:
        raise RecordError(record.fault)
    member = record.member
    if not member.isascii() or not member.isalnum():
        raise RecordError("has no member's id")
    if not record.fields.get("id"):
        raise RecordError("has no id")
    source_key = check_id(f"{environment}/{member}/{record.kind}/{record.fields['id']}")
    try:
        revised_at = parse_moment(record.fields.get("timestamp", ""))
    except ValueError:
        raise RecordError("has no timestamp in ISO 8601 with an offset") from None
    word = check_word(record.fields.get("classification", ""))
    hashes = frozenset() if record.is_deleted else check_hashes(record.hashes)
    return Entry(
        source_key=source_key,
        entry_class=_classify(word, member, environment, self_reported),
        raw_scheme=f"ncmec-{environment}",
        raw_value=word,
        fingerprints=hashes,
        withdrawn=not hashes,
        revised_at=revised_at,
        line=number,
    )


def read_ncmec(
    stream: BinaryIO,
    *,
    environment: str,
    self_reported_members: Collection[str] = (),
    passed_over: Counter[str] | None = None,
    max_bytes: int = LIST_MAX,
) -> Iterator[Entry | BadRow]:
    """Read a document, record by record.

    Args:
        environment: one of ENVIRONMENTS: from which part of the API the document comes; it does not say so itself.
        self_reported_members: ids of the members whose entries the pictured persons reported themselves.
        passed_over: takes what the records hold and we have no use for.
        max_bytes: how large the document may be.

    Yields:
        An Entry for each good record, a BadRow for each other with the record's number in the file, from 1. Of two
        records with one key and other content the first stands.

    Raises:
        InvalidListError: no such environment, not such a document, damaged, cut short, or too large; the records
            that came before count for nothing then.
    """
    if environment not in ENVIRONMENTS:
        raise InvalidListError(
            f"The list cannot be read: its environment must be one of: {' '.join(ENVIRONMENTS)}"
        )
    counts: Counter[str] = Counter() if passed_over is None else passed_over
    seen = FirstOfEach()
    for number, record in enumerate(read_records(stream, max_bytes, counts), start=1):
        try:
            entry = _read_record(record, number, environment, self_reported_members)
            said = (entry.entry_class, entry.raw_value, entry.withdrawn, entry.fingerprints, entry.revised_at)
            if not seen.is_new(entry.source_key, said):
                continue
        except RecordError as error:
            yield BadRow(number, f"the record {error}")
            continue
        if entry.withdrawn and not record.is_deleted:
            counts[WITHOUT_HASH] += 1
        yield entry


def read_list(stream: BinaryIO, options: ReadOptions) -> Iterator[Entry | BadRow]:
    """Read a list for the registry; the profile says `environment` and, if need be, `self_reported_members`.

    Raises:
        InvalidListError: no profile or a wrong one, or as read_ncmec.
    """
    if options.profile is None:
        raise InvalidListError("The list cannot be read without a profile that says its environment")
    if options.is_snapshot:
        raise InvalidListError("A list of this format is a page of changes: it is no snapshot")
    facts = read_profile_file(options.profile)
    check_names(facts, ["environment"], ["environment", "self_reported_members"], under="")
    members = facts.get("self_reported_members", [])
    if not isinstance(members, list) or not all(isinstance(one, str) for one in members):
        raise refuse("self_reported_members must be a list of members' ids")
    counts: Counter[str] = Counter()
    yield from read_ncmec(
        stream,
        environment=take_choice(facts, "environment", {name: name for name in ENVIRONMENTS}),
        self_reported_members=frozenset(members),
        passed_over=counts,
    )
    log_passed_over(counts)
