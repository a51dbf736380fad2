"""Take a list into a hash set, which is made if it is new; nothing is trusted by that.

1. Stage the rows beside the set; those that cannot be used are kept by line, with the reason.
2. Too many of them, or none that can be used: the list is refused whole.
3. A list that takes away or flips much of the set waits for a lead, and changes nothing.
4. Else bring the set up to it, and do what follows for pictures that leaned on it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from hashsets import store as hash_sets
from hashsets.denied import Denied, read_denied, sift_entry
from hashsets.errors import ContestsMuchError, InvalidHashSetError, InvalidListError, UnknownHashSetError
from hashsets.import_list import Weight, apply_list, drop_list, stage_list, weigh_list
from hashsets.model import BadRow, Entry, HashSet, ImportCounts, Sharing
from triage.errors import NotAllowedError
from triage.ids import new_id
from triage.rules.sending import SendingPolicy
from triage.steps.change_hash_sets import read_lead
from triage.steps.refresh_leaning import Refreshed, refresh_changed
from triage.store import custody, hash_imports
from triage.store.custody import Body, NewEvent, stream_of
from triage.store.hash_imports import HashImport, ImportState
from triage.store.rows import Connection

BAD_ROW_SHARE = 0.01
"""Of a list's rows. With more bad ones it is refused whole."""

BAD_ROW_MIN = 10
"""Rows. Fewer bad ones are never too many."""

MAX_KEPT_BAD_ROWS = 10_000
REPLACED = "a later list took its place"
_NONE_WAITS = "No list waits for a lead in this set."


@dataclass(frozen=True, slots=True)
class ListSource:
    """Where entries came from.

    Attributes:
        format: name of the format.
        file_sha256: digest of the file; None for entries that came from none.
        is_snapshot: it is the whole list: what it does not name is withdrawn.
    """

    format: str = "entries"
    file_sha256: bytes | None = None
    is_snapshot: bool = False


@dataclass(frozen=True, slots=True)
class SetFacts:
    """What a new set is made with."""

    provider: str
    licence: str
    region: str
    sharing: Sharing = Sharing.NOBODY
    is_negative: bool = False


@dataclass(frozen=True, slots=True)
class Confirmation:
    """A lead's word on a list that waits: the person's name, and why."""

    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What became of a list.

    Attributes:
        counts: what it did; nothing unless it was applied.
        weight: what it takes away or flips; None if it was refused.
        bad: rows that could not be used, at most MAX_KEPT_BAD_ROWS of them.
    """

    state: ImportState
    counts: ImportCounts
    weight: Weight | None
    bad: tuple[BadRow, ...]
    bad_rows: int
    refreshed: Refreshed


@dataclass(slots=True)
class _Rows:
    """The rows of a list as they go by."""

    denied: Denied
    is_negative: bool
    good: int = 0
    bad_rows: int = 0
    scheme: str = ""
    bad: list[BadRow] = field(default_factory=list)

    def sift(self, rows: Iterable[Entry | BadRow]) -> Iterator[Entry]:
        """Yield the good ones and keep the others aside."""
        for place, row in enumerate(rows, start=1):
            sifted: Entry | BadRow | None = row
            if isinstance(row, Entry):
                sifted = sift_entry(row, self.denied, is_negative=self.is_negative)
            if sifted is None:  # we took it out ourselves: no fault of the list
                continue
            if isinstance(sifted, Entry):
                self.good += 1
                self.scheme = self.scheme or sifted.raw_scheme
                yield sifted
                continue
            self.bad_rows += 1
            if len(self.bad) < MAX_KEPT_BAD_ROWS:
                self.bad.append(sifted if sifted.line else BadRow(place, sifted.reason))

    @property
    def are_too_bad(self) -> bool:
        """Whether the list is refused whole."""
        if not self.good:
            return self.bad_rows > 0
        return self.bad_rows >= BAD_ROW_MIN and self.bad_rows > BAD_ROW_SHARE * (self.good + self.bad_rows)


def import_list(
    conn: Connection,
    name: str,
    rows: Iterable[Entry | BadRow],
    *,
    facts: SetFacts,
    actor: str,
    now: datetime,
    sending: SendingPolicy,
    source: ListSource | None = None,
    confirmation: Confirmation | None = None,
) -> ImportResult:
    """Import a list into a set.

    Args:
        rows: what a reader yields.
        facts: for a set that is new; one that stands keeps its own.
        source: None for entries that came from no file.
        confirmation: of a lead: the list that waits for one may be applied. It is this very file.

    Raises:
        HashsetsError: the set's name or a text, or the list as a whole, cannot be used.
        NotAllowedError: the confirmation is not a lead's, or no such list waits.
    """
    conn.execute(
        "SET LOCAL statement_timeout = 0"
    )  # a list of a million entries takes longer than a page may
    source = source or ListSource()
    hash_set = _find_set(conn, name)
    if hash_set is not None and facts.is_negative and not hash_set.is_negative:
        raise InvalidHashSetError("The set exists, and is no list of harmless files")
    is_negative = facts.is_negative if hash_set is None else hash_set.is_negative
    read = _Rows(read_denied(conn), is_negative)
    stage_list(conn, read.sift(rows))
    if read.are_too_bad:
        return _refuse(conn, hash_set, read, source, actor=actor, now=now)
    if source.is_snapshot and not read.good:
        raise InvalidListError("A whole list without one entry is not taken in; nothing was changed")
    if hash_set is None:
        hash_set = _make_set(conn, name, facts, now=now)
    generation = hash_sets.lock_generation(conn)
    weight = weigh_list(conn, hash_set.id, is_snapshot=source.is_snapshot)
    waiting = hash_imports.find_waiting(conn, hash_set.id)
    decided_by = None if confirmation is None else _check_confirmation(conn, confirmation, waiting, source)
    # Which entries the bad rows of a whole list stood for nobody can say: they are not missing for that.
    is_doubtful = weight.missing > 0 and read.bad_rows > 0
    if decided_by is None and (weight.is_big or is_doubtful):
        return _let_wait(conn, hash_set, read, source, weight, actor=actor, now=now)
    try:
        counts = apply_list(
            conn,
            hash_set.id,
            is_snapshot=source.is_snapshot,
            generation=generation,
            now=now,
            is_confirmed=decided_by is not None,
        )
    except ContestsMuchError as error:
        weight = replace(weight, flipped=weight.flipped + error.entries)
        return _let_wait(conn, hash_set, read, source, weight, actor=actor, now=now)
    events = [NewEvent(stream_of("hashset", hash_set.id), "imported", _describe(counts, read))]
    hash_sets.note_sync(conn, hash_set.id, scheme=read.scheme, now=now)
    if confirmation is not None and decided_by is not None and waiting is not None:
        hash_imports.confirm_import(
            conn, waiting.id, person_id=decided_by, reason=confirmation.reason, now=now
        )
        events.append(
            NewEvent(stream_of("hashset", hash_set.id), "import_confirmed", {"import": str(waiting.id)})
        )
    else:
        hash_imports.refuse_waiting(conn, hash_set.id, reason=REPLACED)
        done = _record(hash_set, ImportState.APPLIED, read, source, weight, counts, now=now)
        _insert(conn, done, read, actor=actor)
    refreshed = Refreshed(0)
    if counts != ImportCounts():
        hash_sets.bump_generation(conn)
        refreshed = refresh_changed(conn, events, generation=generation, now=now, sending=sending)
    custody.append(conn, events, actor=actor if decided_by is None else f"person/{decided_by}", now=now)
    return ImportResult(ImportState.APPLIED, counts, weight, tuple(read.bad), read.bad_rows, refreshed)


def _find_set(conn: Connection, name: str) -> HashSet | None:
    try:
        return hash_sets.find_hash_set(conn, name)
    except UnknownHashSetError:
        return None


def _make_set(conn: Connection, name: str, facts: SetFacts, *, now: datetime) -> HashSet:
    return hash_sets.create_hash_set(
        conn,
        set_id=new_id(),
        name=name,
        provider=facts.provider,
        licence=facts.licence,
        region=facts.region,
        sharing=facts.sharing,
        is_negative=facts.is_negative,
        now=now,
    )


def _check_confirmation(
    conn: Connection, confirmation: Confirmation, waiting: HashImport | None, source: ListSource
) -> UUID:
    """Return the id of the lead who confirms."""
    person = read_lead(conn, confirmation.by, confirmation.reason)
    if waiting is None:
        raise NotAllowedError(_NONE_WAITS)
    if (waiting.file_sha256, waiting.is_snapshot, waiting.format) != (
        source.file_sha256,
        source.is_snapshot,
        source.format,
    ):
        raise NotAllowedError("This is not the list that waits: give the same file in the same way.")
    return person.id


def refuse_list(conn: Connection, name: str, *, by: str, reason: str, now: datetime) -> None:
    """Refuse the list of a set that waits for a lead; the set stays as it is.

    Args:
        by: name of the lead.
        reason: why, in writing.

    Raises:
        UnknownHashSetError: there is no such set.
        NotAllowedError: the person is no lead, gives no reason, or no list waits.
    """
    person = read_lead(conn, by, reason)
    hash_set = hash_sets.find_hash_set(conn, name)
    waiting = hash_imports.find_waiting(conn, hash_set.id)
    if waiting is None:
        raise NotAllowedError(_NONE_WAITS)
    hash_imports.refuse_import(conn, waiting.id, person_id=person.id, reason=reason, now=now)
    event = NewEvent(stream_of("hashset", hash_set.id), "import_refused", {"import": str(waiting.id)})
    custody.append(conn, [event], actor=f"person/{person.id}", now=now)


def _describe(counts: ImportCounts, read: _Rows) -> Body:
    return {
        "added": counts.added,
        "changed": counts.changed,
        "withdrawn": counts.withdrawn,
        "rejected": read.bad_rows,
    }


def _record(
    hash_set: HashSet,
    state: ImportState,
    read: _Rows,
    source: ListSource,
    weight: Weight | None,
    counts: ImportCounts,
    *,
    now: datetime,
) -> HashImport:
    return HashImport(
        id=new_id(),
        set_id=hash_set.id,
        format=source.format,
        file_sha256=source.file_sha256,
        is_snapshot=source.is_snapshot,
        state=state,
        live=weight.live if weight else 0,
        added=counts.added,
        changed=counts.changed,
        flipped=weight.flipped if weight else 0,
        withdrawn=counts.withdrawn,
        bad_rows=read.bad_rows,
        at=now,
    )


def _insert(conn: Connection, one: HashImport, read: _Rows, *, actor: str) -> None:
    hash_imports.insert_import(conn, one, actor=actor)
    hash_imports.insert_bad_rows(conn, one.id, read.bad)


def _refuse(
    conn: Connection,
    hash_set: HashSet | None,
    read: _Rows,
    source: ListSource,
    *,
    actor: str,
    now: datetime,
) -> ImportResult:
    """Keep what was wrong with a list that is refused whole; of a set that is new nothing is kept."""
    drop_list(conn)
    if hash_set is not None:
        one = _record(hash_set, ImportState.REFUSED, read, source, None, ImportCounts(), now=now)
        _insert(conn, one, read, actor=actor)
        body: Body = {"import": str(one.id), "rejected": read.bad_rows}
        event = NewEvent(stream_of("hashset", hash_set.id), "import_refused", body)
        custody.append(conn, [event], actor=actor, now=now)
    return ImportResult(
        ImportState.REFUSED, ImportCounts(), None, tuple(read.bad), read.bad_rows, Refreshed(0)
    )


def _let_wait(
    conn: Connection,
    hash_set: HashSet,
    read: _Rows,
    source: ListSource,
    weight: Weight,
    *,
    actor: str,
    now: datetime,
) -> ImportResult:
    """Store that a list waits for a lead, in the place of another one that did.

    Raises:
        NotAllowedError: it came from no file, so nobody could give it again.
    """
    if source.file_sha256 is None:
        raise NotAllowedError("This changes too much of the set at once: a lead must let it, with the file.")
    drop_list(conn)
    hash_imports.refuse_waiting(conn, hash_set.id, reason=REPLACED)
    would = ImportCounts(withdrawn=weight.removed)
    one = _record(hash_set, ImportState.WAITING, read, source, weight, would, now=now)
    _insert(conn, one, read, actor=actor)
    body: Body = {
        "import": str(one.id),
        "live": weight.live,
        "withdrawn": weight.removed,
        "flipped": weight.flipped,
    }
    event = NewEvent(stream_of("hashset", hash_set.id), "import_waits", body)
    custody.append(conn, [event], actor=actor, now=now)
    return ImportResult(
        ImportState.WAITING, ImportCounts(), weight, tuple(read.bad), read.bad_rows, Refreshed(0)
    )
