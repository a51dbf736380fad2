"""The tables of states and moves: every noun that has a state, one move per line.

SQL enums are compared with these by a test, and `docs/states.md` is drawn from them.
"""

from dataclasses import dataclass
from enum import StrEnum


class Remit(StrEnum):
    """What a report is about; only the first two enter the pipeline."""

    CSAM = "csam"
    CSEM = "csem"
    HATE_SPEECH = "hate_speech"
    OTHER = "other"

    @property
    def is_ours(self) -> bool:
        """Whether items of this remit are captured and assessed here."""
        return self in (Remit.CSAM, Remit.CSEM)


class ItemKind(StrEnum):
    """url: to be fetched. upload: a file that came with the report. text: a report with neither."""

    URL = "url"
    UPLOAD = "upload"
    TEXT = "text"


class ItemState(StrEnum):
    """Where an item stands."""

    RECEIVED = "received"
    AWAITING_HAND_ON = "awaiting_hand_on"
    AWAITING_ASSESSMENT = "awaiting_assessment"
    AWAITING_LEAD = "awaiting_lead"
    HELD_FOR_POLICE = "held_for_police"
    AWAITING_HOSTING = "awaiting_hosting"
    ACTIONABLE = "actionable"
    NOTIFIED = "notified"
    CLOSED = "closed"


class ClosedAs(StrEnum):
    """Why an item is closed."""

    HANDED_ON = "handed_on"
    SAME_AS_BEFORE = "same_as_before"
    NOT_ACTIONABLE = "not_actionable"
    REMOVED = "removed"
    REMOVED_BEFORE_NOTICE = "removed_before_notice"
    NOT_JUDGED = "not_judged"
    REFERRED = "referred"
    TOO_SMALL = "too_small"


class Lane(StrEnum):
    """Where an item waits for a person."""

    DANGER = "danger"
    LOOK = "look"
    NO_LOOK = "no_look"
    SECOND = "second"
    LEAD = "lead"
    HAND_ON = "hand_on"
    PARTNER = "partner"


class ImageState(StrEnum):
    """How far an image is judged; once for all items that show it."""

    UNJUDGED = "unjudged"
    JUDGED_ONCE = "judged_once"
    DISPUTED = "disputed"
    SETTLED = "settled"


class CaptureOutcome(StrEnum):
    """How one attempt to fetch an item ended."""

    CAPTURED = "captured"
    REFUSED = "refused"
    FAILED = "failed"
    GAVE_UP = "gave_up"
    ABANDONED = "abandoned"


class SendingState(StrEnum):
    """Notices and referrals, one machine."""

    WAITING_APPROVAL = "waiting_approval"
    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"
    REJECTED = "rejected"
    UNCLEAR = "unclear"
    DISPUTED = "disputed"
    WITHDRAWN = "withdrawn"


class SendingKind(StrEnum):
    """What leaves: a notice to who hosts it, or a referral to the police or to a partner hotline."""

    NOTICE = "notice"
    POLICE = "police"
    HOTLINE = "hotline"


class SendingPart(StrEnum):
    """The first message, a reminder of it, what changed in it, or its retraction; all bear one reference."""

    FIRST = "first"
    REMINDER = "reminder"
    UPDATE = "update"
    RETRACTION = "retraction"


class Basis(StrEnum):
    """On what a judgement stands: a look, an exact hash in a trusted set (without a look), or facts alone."""

    LOOKED = "looked"
    EXACT_HASH = "exact_hash"
    FACTS = "facts"


class Agreement(StrEnum):
    """Whether the sources say the same of who hosts an item."""

    AGREED = "agreed"
    DISPUTED = "disputed"
    UNKNOWN = "unknown"


class OnlineResult(StrEnum):
    """What one online check found. Unreachable and unknown never close an item."""

    ONLINE = "online"
    REMOVED = "removed"
    UNREACHABLE = "unreachable"
    MOVED = "moved"
    UNKNOWN = "unknown"


class Who(StrEnum):
    """Who may make a move."""

    STEP = "step"
    WORKER = "worker"
    ANALYST = "analyst"
    LEAD = "lead"


@dataclass(frozen=True, slots=True)
class Move:
    """One allowed move: state before, the event, state after, and who makes it."""

    before: StrEnum
    event: str
    after: StrEnum
    who: Who


_I = ItemState
_S = SendingState

ITEM_MOVES: tuple[Move, ...] = (
    Move(_I.RECEIVED, "capture_succeeded", _I.AWAITING_ASSESSMENT, Who.WORKER),
    Move(_I.RECEIVED, "capture_refused", _I.AWAITING_ASSESSMENT, Who.WORKER),
    Move(_I.RECEIVED, "capture_gave_up", _I.AWAITING_ASSESSMENT, Who.WORKER),
    Move(_I.RECEIVED, "out_of_remit", _I.AWAITING_HAND_ON, Who.STEP),
    Move(_I.RECEIVED, "text_only", _I.AWAITING_ASSESSMENT, Who.STEP),
    Move(_I.AWAITING_HAND_ON, "handed_on", _I.CLOSED, Who.ANALYST),
    Move(_I.AWAITING_HAND_ON, "reported_in_remit", _I.RECEIVED, Who.STEP),
    Move(_I.AWAITING_HAND_ON, "reopened", _I.AWAITING_ASSESSMENT, Who.STEP),
    Move(_I.AWAITING_ASSESSMENT, "recapture_requested", _I.RECEIVED, Who.ANALYST),
    Move(_I.AWAITING_ASSESSMENT, "same_as_before", _I.CLOSED, Who.STEP),
    Move(_I.AWAITING_ASSESSMENT, "too_small", _I.CLOSED, Who.STEP),
    Move(_I.AWAITING_ASSESSMENT, "settled_actionable", _I.ACTIONABLE, Who.STEP),
    Move(_I.AWAITING_ASSESSMENT, "settled_police_first", _I.HELD_FOR_POLICE, Who.STEP),
    Move(_I.AWAITING_ASSESSMENT, "settled_not_actionable", _I.CLOSED, Who.STEP),
    Move(_I.AWAITING_ASSESSMENT, "unsure", _I.AWAITING_LEAD, Who.STEP),
    Move(_I.AWAITING_ASSESSMENT, "out_of_remit", _I.AWAITING_HAND_ON, Who.STEP),
    Move(_I.AWAITING_ASSESSMENT, "rest_not_needed", _I.CLOSED, Who.ANALYST),
    Move(_I.AWAITING_LEAD, "settled_actionable", _I.ACTIONABLE, Who.LEAD),
    Move(_I.AWAITING_LEAD, "settled_police_first", _I.HELD_FOR_POLICE, Who.LEAD),
    Move(_I.AWAITING_LEAD, "settled_not_actionable", _I.CLOSED, Who.LEAD),
    Move(_I.AWAITING_LEAD, "out_of_remit", _I.AWAITING_HAND_ON, Who.STEP),
    Move(_I.HELD_FOR_POLICE, "police_hold_lifted", _I.ACTIONABLE, Who.ANALYST),
    Move(_I.HELD_FOR_POLICE, "hold_lifted_unseen", _I.CLOSED, Who.ANALYST),
    Move(_I.HELD_FOR_POLICE, "found_removed", _I.CLOSED, Who.WORKER),
    Move(_I.HELD_FOR_POLICE, "reopened", _I.AWAITING_ASSESSMENT, Who.STEP),
    Move(_I.ACTIONABLE, "hosting_unclear", _I.AWAITING_HOSTING, Who.WORKER),
    Move(_I.ACTIONABLE, "notices_issued", _I.NOTIFIED, Who.WORKER),
    Move(_I.ACTIONABLE, "nothing_to_remove", _I.CLOSED, Who.WORKER),
    Move(_I.ACTIONABLE, "found_removed", _I.CLOSED, Who.WORKER),
    Move(_I.ACTIONABLE, "reopened", _I.AWAITING_ASSESSMENT, Who.STEP),
    Move(_I.AWAITING_HOSTING, "hosting_decided", _I.ACTIONABLE, Who.ANALYST),
    Move(_I.AWAITING_HOSTING, "found_removed", _I.CLOSED, Who.WORKER),
    Move(_I.AWAITING_HOSTING, "reopened", _I.AWAITING_ASSESSMENT, Who.STEP),
    Move(_I.NOTIFIED, "found_online", _I.NOTIFIED, Who.WORKER),
    Move(_I.NOTIFIED, "found_moved", _I.ACTIONABLE, Who.WORKER),
    Move(_I.NOTIFIED, "said_not_ours", _I.ACTIONABLE, Who.ANALYST),
    Move(_I.NOTIFIED, "found_removed", _I.CLOSED, Who.WORKER),
    Move(_I.NOTIFIED, "reopened", _I.AWAITING_ASSESSMENT, Who.STEP),
    Move(_I.CLOSED, "reopened", _I.AWAITING_ASSESSMENT, Who.ANALYST),
    Move(_I.CLOSED, "reported_again", _I.RECEIVED, Who.STEP),
)

IMAGE_MOVES: tuple[Move, ...] = (
    Move(ImageState.UNJUDGED, "assessed_one_suffices", ImageState.SETTLED, Who.ANALYST),
    Move(ImageState.UNJUDGED, "assessed_second_needed", ImageState.JUDGED_ONCE, Who.ANALYST),
    Move(ImageState.UNJUDGED, "unsure", ImageState.DISPUTED, Who.STEP),
    Move(ImageState.JUDGED_ONCE, "second_agrees", ImageState.SETTLED, Who.ANALYST),
    Move(ImageState.JUDGED_ONCE, "second_differs", ImageState.DISPUTED, Who.STEP),
    Move(ImageState.JUDGED_ONCE, "unsure", ImageState.DISPUTED, Who.STEP),
    Move(ImageState.DISPUTED, "lead_decides", ImageState.SETTLED, Who.LEAD),
    Move(ImageState.SETTLED, "reopened", ImageState.UNJUDGED, Who.ANALYST),
)

SENDING_MOVES: tuple[Move, ...] = (
    Move(_S.WAITING_APPROVAL, "recipient_approved", _S.QUEUED, Who.LEAD),
    Move(_S.WAITING_APPROVAL, "withdrawn", _S.WITHDRAWN, Who.STEP),
    Move(_S.QUEUED, "recipient_disapproved", _S.WAITING_APPROVAL, Who.STEP),
    Move(_S.QUEUED, "started", _S.SENDING, Who.WORKER),
    Move(_S.QUEUED, "withdrawn", _S.WITHDRAWN, Who.STEP),
    Move(_S.SENDING, "accepted", _S.SENT, Who.WORKER),
    Move(_S.SENDING, "refused_for_now", _S.QUEUED, Who.WORKER),
    Move(_S.SENDING, "refused_for_good", _S.REJECTED, Who.WORKER),
    Move(_S.SENDING, "unclear", _S.UNCLEAR, Who.WORKER),
    Move(_S.REJECTED, "sent_again", _S.QUEUED, Who.ANALYST),
    Move(_S.REJECTED, "withdrawn", _S.WITHDRAWN, Who.ANALYST),
    Move(_S.UNCLEAR, "found_sent", _S.SENT, Who.ANALYST),
    Move(_S.UNCLEAR, "found_unsent", _S.QUEUED, Who.ANALYST),
    Move(_S.UNCLEAR, "withdrawn", _S.WITHDRAWN, Who.ANALYST),
    Move(_S.SENT, "acknowledged", _S.ACKNOWLEDGED, Who.ANALYST),
    Move(_S.SENT, "disputed", _S.DISPUTED, Who.ANALYST),
    Move(_S.SENT, "bounced", _S.REJECTED, Who.ANALYST),
    Move(_S.SENT, "withdrawn", _S.WITHDRAWN, Who.STEP),
    Move(_S.SENT, "resolved", _S.RESOLVED, Who.STEP),
    Move(_S.ACKNOWLEDGED, "resolved", _S.RESOLVED, Who.STEP),
    Move(_S.ACKNOWLEDGED, "disputed", _S.DISPUTED, Who.ANALYST),
    Move(_S.ACKNOWLEDGED, "withdrawn", _S.WITHDRAWN, Who.STEP),
    Move(_S.DISPUTED, "resolved", _S.RESOLVED, Who.STEP),
    Move(_S.DISPUTED, "withdrawn", _S.WITHDRAWN, Who.STEP),
)

FINAL: frozenset[StrEnum] = frozenset(
    {ItemState.CLOSED, ImageState.SETTLED, SendingState.RESOLVED, SendingState.WITHDRAWN}
)

PAGES: dict[StrEnum, str] = {
    ItemState.AWAITING_ASSESSMENT: "/queue",
    ItemState.AWAITING_LEAD: "/queue?lane=lead",
    ItemState.AWAITING_HAND_ON: "/hand-on",
    ItemState.HELD_FOR_POLICE: "/held",
    ItemState.AWAITING_HOSTING: "/hosting",
    ImageState.UNJUDGED: "/queue",
    ImageState.JUDGED_ONCE: "/queue?lane=second",
    ImageState.DISPUTED: "/queue?lane=lead",
    SendingState.WAITING_APPROVAL: "/sendings?state=waiting_approval",
    SendingState.SENT: "/sendings?state=sent",
    SendingState.ACKNOWLEDGED: "/sendings?state=acknowledged",
    SendingState.REJECTED: "/sendings?state=rejected",
    SendingState.UNCLEAR: "/sendings?state=unclear",
    SendingState.DISPUTED: "/sendings?state=disputed",
}
"""State → the console page on which a person finds what stands there."""

WAITING_STATES = (ItemState.AWAITING_ASSESSMENT, ItemState.AWAITING_LEAD, ItemState.AWAITING_HAND_ON)
"""Item states in which an item stands in a lane."""


def find_move(moves: tuple[Move, ...], before: StrEnum, event: str) -> Move:
    """Return the move that an event makes from a state.

    Raises:
        KeyError: the table has no such move; a mistake in our own code.
    """
    for move in moves:
        if move.before == before and move.event == event:
            return move
    raise KeyError(f"{before} has no move {event}")
