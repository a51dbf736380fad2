"""What came of it all, for people and for numbers: what left, to whom, and how items ended. Reads only."""

from dataclasses import dataclass
from uuid import UUID

from triage.rules.states import SendingKind, SendingPart, SendingState
from triage.store.rows import Connection, row_of


@dataclass(frozen=True, slots=True)
class ListedSending:
    """One message: its reference, to whom, how far it is, and the file it left as, if it left as one."""

    reference: str
    kind: SendingKind
    part: SendingPart
    number: int
    to: str | None
    state: SendingState
    file_name: str | None
    items: list[UUID]


def list_messages(conn: Connection) -> list[ListedSending]:
    """Return all messages, oldest first."""
    with conn.cursor(row_factory=row_of(ListedSending)) as cursor:
        return cursor.execute(
            "SELECT sendings.reference, sendings.kind, part, number, recipients.name AS to, state, file_name,"
            " ARRAY(SELECT item_id FROM sending_items WHERE sending_id = sendings.id ORDER BY item_id) AS items"
            " FROM sendings LEFT JOIN recipients ON recipients.id = recipient_id"
            " ORDER BY created_at, sendings.id"
        ).fetchall()


@dataclass(frozen=True, slots=True)
class OutcomeCounts:
    """Numbers of what came of it.

    Attributes:
        known_without_look: images settled as illegal on an exact hash, without a look.
        assessed: assessments that persons gave.
        handed_on: items of another remit that were handed on.
        closed_removed: reported items that are closed because they are gone.
        unclear: messages of which nobody knows whether they left.
        kept_of_settled: sealed objects of images that are settled.
        looks: times that somebody saw a picture.
    """

    known_without_look: int
    assessed: int
    handed_on: int
    closed_removed: int
    unclear: int
    kept_of_settled: int
    looks: int


def count_outcomes(conn: Connection) -> OutcomeCounts:
    """Return the numbers of what came of it."""
    with conn.cursor(row_factory=row_of(OutcomeCounts)) as cursor:
        row = cursor.execute(
            "SELECT (SELECT count(*) FROM images WHERE verdict_basis = 'exact_hash') AS known_without_look,"
            " (SELECT count(*) FROM assessments) AS assessed,"
            " (SELECT count(*) FROM hand_ons) AS handed_on,"
            " (SELECT count(*) FROM items WHERE is_top_level AND closed_as IN ('removed', 'removed_before_notice'))"
            "  AS closed_removed,"
            " (SELECT count(*) FROM sendings WHERE state = 'unclear') AS unclear,"
            " (SELECT count(*) FROM evidence_objects JOIN images ON images.id = image_id"
            "  WHERE settled_at IS NOT NULL) AS kept_of_settled,"
            " (SELECT count(*) FROM looks WHERE fetched_at IS NOT NULL) AS looks"
        ).fetchone()
    if row is None:
        raise RuntimeError("a query of counts returned no row")
    return row
