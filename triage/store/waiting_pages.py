"""What waits on the pages beside the queue: to be handed on, held for the police, hosting not agreed. Reads only.

What is held or located was called illegal by somebody: where a desk acts on one assessor, who could still be the second
is not listed it. They find it in the second lane.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from triage.model import Channel, RecipientKind
from triage.rules.states import Agreement, ItemKind, Remit, SendingState
from triage.store.rows import Connection, row_of

LIMIT = 500
"""Most items of one page or export; the oldest come first, so that the rest follows."""


@dataclass(frozen=True, slots=True)
class HandOnItem:
    """An item that waits to be handed on."""

    id: UUID
    reference: str
    kind: ItemKind
    remit: Remit
    url: str | None
    file_name: str | None
    danger: bool
    received_at: datetime
    moved_at: datetime


@dataclass(frozen=True, slots=True)
class HandOnReport:
    """The words of one report of such an item, exactly as they came."""

    item_id: UUID
    reference: str
    channel: Channel
    remit: Remit
    danger: bool
    note: str
    received_at: datetime


@dataclass(frozen=True, slots=True)
class OtherRecipient:
    """An approved helpline or authority."""

    id: UUID
    name: str
    kind: RecipientKind


@dataclass(frozen=True, slots=True)
class HeldItem:
    """An item held for the police.

    Attributes:
        set_at: since when; None for a row that an older version left without a hold.
        referral: state of its police referral; None without one.
        referral_reference, referral_id: of that referral.
    """

    id: UUID
    reference: str
    kind: ItemKind
    url: str | None
    file_name: str | None
    danger: bool
    set_at: datetime | None
    referral: SendingState | None
    referral_reference: str | None
    referral_id: UUID | None
    referral_reason: str | None


@dataclass(frozen=True, slots=True)
class UnlocatedItem:
    """An item whose hosting a person must decide, with what every source said."""

    id: UUID
    reference: str
    url: str | None
    danger: bool
    moved_at: datetime
    agreement: Agreement | None
    reason: str | None
    sources: list[dict[str, str | int | None]] | None
    located_at: datetime | None


def list_hand_on(conn: Connection) -> list[HandOnItem]:
    """Return the items that wait to be handed on: danger first, then oldest first."""
    with conn.cursor(row_factory=row_of(HandOnItem)) as cursor:
        return cursor.execute(
            "SELECT id, reference, kind, remit, url, file_name, danger, received_at, moved_at FROM items"
            " WHERE state = 'awaiting_hand_on' ORDER BY NOT danger, received_at, id LIMIT %(limit)s",
            {"limit": LIMIT},
        ).fetchall()


def read_hand_on_reports(conn: Connection, item_ids: list[UUID]) -> list[HandOnReport]:
    """Return the reports of items, oldest first; of a picture that nobody reported, those of its page."""
    with conn.cursor(row_factory=row_of(HandOnReport)) as cursor:
        return cursor.execute(
            "SELECT family.item_id, reports.reference, channel, reports.remit, reports.danger, note,"
            " reports.received_at FROM ("
            "  SELECT unnest(%(ids)s::uuid[]) AS item_id, unnest(%(ids)s::uuid[]) AS named_id"
            "  UNION SELECT child_id, parent_id FROM shown_children WHERE child_id = ANY(%(ids)s)) AS family"
            " JOIN report_items ON report_items.item_id = family.named_id"
            " JOIN reports ON reports.id = report_id ORDER BY reports.received_at, reports.id, family.item_id",
            {"ids": item_ids},
        ).fetchall()


def list_other_recipients(conn: Connection) -> list[OtherRecipient]:
    """Return the approved helplines and authorities, by name."""
    with conn.cursor(row_factory=row_of(OtherRecipient)) as cursor:
        return cursor.execute(
            "SELECT id, name, kind FROM recipients WHERE kind IN ('helpline', 'authority')"
            " AND approved_at IS NOT NULL AND disabled_at IS NULL ORDER BY name"
        ).fetchall()


def list_held(conn: Connection, *, blind: UUID | None = None) -> list[HeldItem]:
    """Return the items held for the police, longest first; pictures only where their page is not held itself.

    Args:
        blind: without those of which this person could still be the second assessor; None: all.
    """
    with conn.cursor(row_factory=row_of(HeldItem)) as cursor:
        return cursor.execute(
            "SELECT items.id, items.reference, items.kind, items.url, items.file_name, items.danger,"
            " police_holds.set_at, told.state AS referral, told.reference AS referral_reference,"
            " told.id AS referral_id, told.reason AS referral_reason FROM items"
            " LEFT JOIN police_holds ON police_holds.item_id = items.id AND police_holds.round = items.round"
            " LEFT JOIN LATERAL (SELECT sendings.id, state, reference, reason FROM sendings"
            "  JOIN sending_items ON sending_id = sendings.id WHERE sending_items.item_id = items.id"
            "  AND kind = 'police' AND part = 'first' ORDER BY created_at DESC, sendings.id DESC LIMIT 1)"
            "  AS told ON true"
            " WHERE items.state = 'held_for_police' AND (items.is_top_level OR NOT EXISTS ("
            "  SELECT FROM shown_children JOIN items AS page ON page.id = parent_id"
            "  WHERE child_id = items.id AND page.state = 'held_for_police'))"
            " AND (%(blind)s::uuid IS NULL OR NOT items.waits_second OR items.first_by IS NOT DISTINCT FROM %(blind)s)"
            " ORDER BY items.moved_at, items.id LIMIT %(limit)s",
            {"blind": blind, "limit": LIMIT},
        ).fetchall()


def list_unlocated(conn: Connection, *, blind: UUID | None = None) -> list[UnlocatedItem]:
    """Return the items whose hosting a person must decide, longest first.

    Args:
        blind: as for `list_held`.
    """
    with conn.cursor(row_factory=row_of(UnlocatedItem)) as cursor:
        return cursor.execute(
            "SELECT items.id, items.reference, items.url, items.danger, items.moved_at, found.agreement,"
            " found.reason, found.sources, found.located_at FROM items"
            " LEFT JOIN LATERAL (SELECT agreement, hostings.reason, sources, located_at FROM hostings"
            "  WHERE hostings.item_id = items.id AND hostings.round = items.round"
            "  ORDER BY located_at DESC, hostings.id DESC LIMIT 1) AS found ON true"
            " WHERE items.state = 'awaiting_hosting'"
            " AND (%(blind)s::uuid IS NULL OR NOT items.waits_second OR items.first_by IS NOT DISTINCT FROM %(blind)s)"
            " ORDER BY NOT items.danger, items.moved_at, items.id LIMIT %(limit)s",
            {"blind": blind, "limit": LIMIT},
        ).fetchall()
