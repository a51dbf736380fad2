"""Search the chain of custody, or take a copy of what is found; either is itself an event, of counts without terms."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from triage.errors import NotAllowedError
from triage.model import Person, PersonRole
from triage.rules.rights import Right, rights_of
from triage.store import custody
from triage.store.audit import AuditMark, AuditTerms, find_faults, search_events
from triage.store.custody import SYSTEM, CustodyEvent, NewEvent, stream_of
from triage.store.people import list_persons
from triage.store.rows import Connection

PAGE_SIZE = 100
MAX_EXPORT = 20_000
"""Most events of one download."""


@dataclass(frozen=True, slots=True)
class AuditPage:
    """One page of what was found.

    Attributes:
        faults: (stream, seq) → where the chain does not hold.
        names: person/UUID → name; empty for whoever may not see people.
        is_full: whether there may be older ones.
    """

    events: list[CustodyEvent]
    faults: Mapping[tuple[str, int], str]
    names: Mapping[str, str]
    is_full: bool


def search_audit(
    conn: Connection, terms: AuditTerms, *, before: AuditMark | None, person: Person, now: datetime
) -> AuditPage:
    """Return a page of events, newest first, and note that somebody searched.

    Raises:
        NotAllowedError: this person may not.
    """
    rights = _require(person)
    reader, blind = _find_reader(person), _find_blind(person)
    events = search_events(conn, terms, limit=PAGE_SIZE, before=before, reader=reader, blind=blind)
    faults = find_faults(conn, events)
    names: dict[str, str] = {}
    if Right.SEE_PEOPLE in rights:
        names = {stream_of("person", one.id): one.name for one in list_persons(conn)}
    body = {"terms": terms.count(), "found": len(events), "faults": len(faults)}
    custody.append(conn, [NewEvent(SYSTEM, "audit_searched", body)], actor=f"person/{person.id}", now=now)
    return AuditPage(events, faults, names, len(events) == PAGE_SIZE)


def export_audit(
    conn: Connection, terms: AuditTerms, *, person: Person, now: datetime
) -> list[CustodyEvent] | None:
    """Return all events that are found, newest first, and note it; None when there are more than MAX_EXPORT.

    Raises:
        NotAllowedError: this person may not.
    """
    _require(person)
    reader, blind = _find_reader(person), _find_blind(person)
    events = search_events(conn, terms, limit=MAX_EXPORT + 1, reader=reader, blind=blind)
    if len(events) > MAX_EXPORT:
        return None
    body = {"terms": terms.count(), "events": len(events)}
    custody.append(conn, [NewEvent(SYSTEM, "audit_exported", body)], actor=f"person/{person.id}", now=now)
    return events


def _require(person: Person) -> frozenset[Right]:
    rights = rights_of(person.roles)
    if Right.SEARCH_AUDIT not in rights:
        raise NotAllowedError("Your role does not include this.")
    return rights


def _find_reader(person: Person) -> str | None:
    """Return who does not find that others left at once: everybody but an auditor."""
    return None if PersonRole.AUDITOR in person.roles else stream_of("person", person.id)


def _find_blind(person: Person) -> UUID | None:
    """Return who could be asked for a second opinion, and finds nothing of the first: a lead, who assesses too."""
    return person.id if Right.ASSESS in rights_of(person.roles) else None
