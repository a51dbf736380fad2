"""Record who hosts an item, and write what follows from it, in one transaction.

1. Take up an item: only one that is actionable and due. One without an address has nothing to remove: it closes.
2. A person's decision stands; nobody is asked again, what follows from it is written at once.
3. Else, when the worker has asked: the item must stand as it was taken up, or all of this rolls back.
4. Store the hosting. Agreed: notice or partner referral are written and the item is notified; otherwise it waits
   for a person.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from triage.errors import StaleStateError
from triage.model import Hosting, Item
from triage.rules.hosting import HostSource, Judged
from triage.rules.sending import SendingPolicy
from triage.rules.states import Agreement, ClosedAs, ItemKind, ItemState
from triage.steps.issue_sendings import issue_for_item
from triage.store import custody, hostings, items
from triage.store.custody import NewEvent, stream_of
from triage.store.rows import Connection

ACTOR = "worker"


@dataclass(frozen=True, slots=True)
class IssuePolicy:
    """When what was issued leaves, and when the item is checked for the first time."""

    sending: SendingPolicy
    online_check_every_s: float

    def first_check_at(self, now: datetime) -> datetime:
        """Return when an item that waits or was notified is checked."""
        return now + timedelta(seconds=self.online_check_every_s)


def take_item(conn: Connection, item_id: UUID, *, now: datetime, issuing: IssuePolicy) -> Item | None:
    """Return an item that is to be located; None when there is nothing to ask for it.

    Raises:
        StaleStateError: it has moved in the meantime.
    """
    item = items.lock_item(conn, item_id)
    if item is None or item.state is not ItemState.ACTIONABLE or not _is_due(item, now):
        return None
    if item.kind is not ItemKind.URL:
        items.move_item(conn, item.id, item.state, "nothing_to_remove", now=now, closed_as=ClosedAs.REFERRED)
        event = NewEvent(stream_of("item", item.id), "nothing_to_remove")
        custody.append(conn, [event], actor=ACTOR, now=now)
        return None
    decided = hostings.find_standing_decision(conn, item.id)
    if decided is not None:
        _issue(conn, item, decided, now=now, issuing=issuing)
        return None
    return item


def record_hosting(
    conn: Connection,
    item: Item,
    judged: Judged,
    sources: Sequence[HostSource],
    *,
    now: datetime,
    issuing: IssuePolicy,
) -> Hosting:
    """Record what was found of an item's host and move the item on.

    Args:
        item: as `take_item` returned it.
        judged: what the sources say together.

    Returns:
        The hosting as it is stored.

    Raises:
        StaleStateError: the item has moved, or another worker was faster.
    """
    lock_as_taken(conn, item)
    hosting = hostings.insert_hosting(
        conn,
        item.id,
        round_=item.round,
        address=judged.address,
        asn=judged.asn,
        operator=judged.operator,
        country=judged.country,
        sources=[source.as_mapping() for source in sources],
        agreement=judged.agreement,
        reason=judged.reason,
        now=now,
    )
    if judged.agreement is Agreement.AGREED:
        _issue(conn, item, hosting, now=now, issuing=issuing)
        return hosting
    items.move_item(
        conn, item.id, item.state, "hosting_unclear", now=now, next_try_at=issuing.first_check_at(now)
    )
    custody.append(conn, [_event(item, "hosting_unclear", hosting)], actor=ACTOR, now=now)
    return hosting


def delay_locating(conn: Connection, item: Item, *, tries: int, next_try_at: datetime) -> None:
    """Say when an item is to be located again; nothing is said of its host.

    Args:
        item: as `take_item` returned it.
        tries: how many tries have failed.

    Raises:
        StaleStateError: the item has moved, or another worker was faster.
    """
    lock_as_taken(conn, item)
    items.delay_item(conn, item.id, tries=tries, next_try_at=next_try_at, state=ItemState.ACTIONABLE)


def lock_as_taken(conn: Connection, item: Item) -> None:
    """Lock an item that must stand as it was taken up.

    Raises:
        StaleStateError: it does not.
    """
    standing = items.lock_item(conn, item.id)
    if standing is None or (standing.state, standing.round, standing.next_try_at) != (
        item.state,
        item.round,
        item.next_try_at,
    ):
        raise StaleStateError


def _is_due(item: Item, now: datetime) -> bool:
    return item.next_try_at is not None and item.next_try_at <= now


def _issue(conn: Connection, item: Item, hosting: Hosting, *, now: datetime, issuing: IssuePolicy) -> None:
    issued = issue_for_item(conn, item, hosting, now=now, policy=issuing.sending)
    items.move_item(
        conn, item.id, item.state, "notices_issued", now=now, next_try_at=issuing.first_check_at(now)
    )
    custody.append(conn, [_event(item, "notices_issued", hosting), *issued], actor=ACTOR, now=now)


def _event(item: Item, event: str, hosting: Hosting) -> NewEvent:
    return NewEvent(
        stream_of("item", item.id),
        event,
        {
            "hosting": str(hosting.id),
            "agreement": hosting.agreement.value,
            "asn": hosting.asn,
            "country": hosting.country,
        },
    )
