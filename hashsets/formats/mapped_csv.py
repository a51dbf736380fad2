"""CSV lists of any provider, read as a profile says (mapped_csv_profile).

A column that the profile names must be there; one that it does not name is not read. A word that the profile does
not map makes its row a bad one: nothing is guessed.
"""

from collections import Counter
from collections.abc import Iterator
from typing import BinaryIO

from hashsets.errors import InvalidListError
from hashsets.formats import ReadOptions
from hashsets.formats.caps import LIST_MAX
from hashsets.formats.csv_rows import Layout, read_header, read_lines, read_rows
from hashsets.formats.entries import log_passed_over
from hashsets.formats.mapped_csv_profile import Profile, check_profile
from hashsets.formats.profile_file import read_profile_file
from hashsets.model import Algorithm, BadRow, Entry, EntryClass

SHOWN_LINES = 5
"""Line numbers of bad rows that the refusal of a whole list names."""


def _find_layout(names: list[str], profile: Profile) -> Layout:
    places: dict[str, int] = {}
    for ours, theirs in profile.columns.items():
        if theirs not in names:
            raise InvalidListError(
                f"The list cannot be read: its header has no column that the profile names for {ours}"
            )
        if names.count(theirs) > 1:
            raise InvalidListError(f"The list cannot be read: its header has the column for {ours} twice")
        places[ours] = names.index(theirs)
    classes = profile.classes

    def classify(word: str) -> EntryClass | None:
        return classes if isinstance(classes, EntryClass) else classes.get(word)

    return Layout(
        width=len(names),
        delimiter=profile.delimiter,
        scheme=profile.provider,
        id_column=places["id"],
        hash_columns=tuple((one, places[one]) for one in Algorithm if one in places),
        classify=classify,
        withdrawn_words=profile.withdrawn_words,
        category_column=places.get("category"),
        withdrawn_column=places.get("withdrawn"),
        revised_column=places.get("updated"),
        photodna_column=places.get("photodna"),
    )


def read_mapped_csv(
    stream: BinaryIO,
    profile: Profile,
    *,
    passed_over: Counter[str] | None = None,
    max_bytes: int = LIST_MAX,
) -> Iterator[Entry | BadRow]:
    """Read a CSV list as its profile says, row by row.

    Args:
        passed_over: takes how many hashes the list holds that we have no use for.
        max_bytes: how large the list may be.

    Yields:
        An Entry for each good row, a BadRow for each other, in the order of the file.

    Raises:
        InvalidListError: a column is missing, not in its encoding, too large, or more bad rows than the profile
            allows; the rows that came before count for nothing then.
    """
    lines = read_lines(stream, profile.encoding, max_bytes)
    layout = _find_layout(read_header(lines, profile.delimiter), profile)
    count = bad = 0
    first_bad: list[int] = []
    for row in read_rows(lines, layout, passed_over):
        count += 1
        if isinstance(row, BadRow):
            if profile.refuses_bad_rows:
                raise InvalidListError(
                    f"The list is refused as its profile says: line {row.line}, {row.reason}"
                )
            bad += 1
            if len(first_bad) < SHOWN_LINES:
                first_bad.append(row.line)
        yield row
    if bad > profile.max_bad_fraction * count:
        raise InvalidListError(
            f"The list is refused: {bad} of {count} rows cannot be used, more than its profile allows"
            f" (lines {', '.join(map(str, first_bad))}{' …' if bad > len(first_bad) else ''})"
        )


def read_list(stream: BinaryIO, options: ReadOptions) -> Iterator[Entry | BadRow]:
    """Read a list for the registry.

    Raises:
        InvalidListError: no profile, or as read_mapped_csv.
    """
    if options.profile is None:
        raise InvalidListError("The list cannot be read without a profile of its columns")
    counts: Counter[str] = Counter()
    profile = check_profile(read_profile_file(options.profile))
    if options.is_snapshot and not profile.is_snapshot:
        raise InvalidListError("The list holds changes alone, as its profile says: it is no snapshot")
    yield from read_mapped_csv(stream, profile, passed_over=counts)
    log_passed_over(counts)
