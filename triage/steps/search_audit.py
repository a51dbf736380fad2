"""Search the chain of custody, or take a copy of what is found; either is itself an event, of counts without terms."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from triage.errors import NotAllowedError
from triage.model import Person
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
    events = search_events(conn, terms, limit=PAGE_SIZE, before=before)
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
    events = search_events(conn, terms, limit=MAX_EXPORT + 1)
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
