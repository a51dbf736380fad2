"""Search items; that somebody searched is an event, of kinds and counts without terms."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import psycopg

from triage.errors import InvalidReportError, NotAllowedError
from triage.model import Person
from triage.rules.rights import Right, rights_of
from triage.rules.search_terms import SearchTerms
from triage.store import custody, search
from triage.store.custody import NewEvent, stream_of
from triage.store.rows import Connection
from triage.store.search import PAGE_SIZE, FoundItem, SearchMark
from triage.store.second_opinions import find_blind


@dataclass(frozen=True, slots=True)
class SearchPage:
    """One page of what was found.

    Attributes:
        blind: those of which this person could still be the second assessor.
        is_full: whether there may be older ones.
    """

    rows: list[FoundItem]
    blind: Collection[UUID]
    is_full: bool


def search_items(
    conn: Connection, terms: SearchTerms, *, before: SearchMark | None, person: Person, now: datetime
) -> SearchPage:
    """Return a page of items, newest first, and note that somebody searched.

    Raises:
        NotAllowedError: this person may not.
        InvalidReportError: the search takes too long.
    """
    rights = rights_of(person.roles)
    if Right.SEE_QUEUE not in rights:
        raise NotAllowedError("Your role does not include this.")
    assesses = Right.ASSESS in rights
    try:
        rows = search.search_items(conn, terms, before=before, person_id=person.id, assesses=assesses)
    except psycopg.errors.QueryCanceled:
        raise InvalidReportError("This search takes too long: add a host, a state or days.") from None
    blind = find_blind(conn, [one.id for one in rows], person.id) if assesses else frozenset[UUID]()
    body: custody.Body = {"by": terms.name_main(), "terms": terms.count(), "found": len(rows)}
    event = NewEvent(stream_of("person", person.id), "searched", body)
    custody.append(conn, [event], actor=f"person/{person.id}", now=now)
    return SearchPage(rows, blind, len(rows) == PAGE_SIZE)
