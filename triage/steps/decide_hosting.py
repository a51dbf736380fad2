"""Decide who hosts an item where the sources do not agree: a person's word, in one transaction."""

from datetime import datetime
from uuid import UUID

from triage.errors import NotAllowedError, StaleStateError, UnknownThingError
from triage.model import Person
from triage.rules.hosting import check_decision
from triage.rules.rights import Right, rights_of
from triage.rules.states import Agreement, ItemState
from triage.store import custody, hostings, items
from triage.store.custody import NewEvent, stream_of
from triage.store.rows import Connection


def decide_hosting(
    conn: Connection,
    item_id: UUID,
    *,
    person: Person,
    asn: int | None,
    operator: str,
    country: str,
    address: str | None,
    now: datetime,
) -> None:
    """Store who hosts an item by a person's decision and make it actionable again, due now.

    What was found before stays beside the decision.

    Args:
        asn: of the operator, if it has one.
        operator: its legal name.
        country: ISO 3166 alpha-2 in capital letters, XK for Kosovo.
        address: None keeps the one that was found, if one was agreed on.

    Raises:
        NotAllowedError: this person may not, or a value cannot be right.
        UnknownThingError: there is no such item.
        StaleStateError: the item does not wait for this any more.
    """
    if person.disabled_at is not None or Right.LOCATE not in rights_of(person.roles):
        raise NotAllowedError("This person may not decide who hosts an item.")
    check_decision(asn=asn, operator=operator, country=country, address=address)
    item = items.lock_item(conn, item_id)
    if item is None:
        raise UnknownThingError("There is no such item.")
    if item.state is not ItemState.AWAITING_HOSTING:
        raise StaleStateError
    found = hostings.find_newest(conn, item.id, round_=item.round)
    hosting = hostings.insert_hosting(
        conn,
        item.id,
        round_=item.round,
        address=address or (found.address if found else None),
        asn=asn,
        operator=operator.strip(),
        country=country,
        sources=found.sources if found else [],
        agreement=Agreement.AGREED,
        reason=None,
        decided_by=person.id,
        now=now,
    )
    items.move_item(conn, item.id, item.state, "hosting_decided", now=now)
    event = NewEvent(
        stream_of("item", item.id),
        "hosting_decided",
        {"hosting": str(hosting.id), "asn": asn, "country": country},
    )
    custody.append(conn, [event], actor=f"person/{person.id}", now=now)
