"""When a message leaves: its undo window, the police first, waits between tries, reminders, and what a crash left.

A message may leave when its window is over, its recipient is approved, and, for notices and partner referrals,
when the police were told of every item of it, or could have been for long enough.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from triage.rules.states import ItemState, SendingKind, SendingPart, SendingState

REFERENCE_PREFIX = {SendingKind.NOTICE: "NT", SendingKind.POLICE: "PR", SendingKind.HOTLINE: "HR"}
GROUP_MAX_ITEMS = 100
"""Most items of one message."""
GROUP_UNDO_TIMES = 10
"""A message takes further items until it is this many undo windows old."""
LONGEST_LOOK_AGAIN_S = 60.0

NOT_APPROVED = "the recipient is not approved"
SECOND_ASSESSOR = "a second assessor"
OUTCOME_OPEN = "it is not known yet whether the message left"
NOBODY_FITTING = "nobody fitting is entered"
NO_POLICE = "no approved police recipient is entered"
POLICE_FIRST = "the police come first"
AWAITS_DETAIL = "the detail of what is settled"
NOT_STANDING = "its items are being looked at again"
STOPPED = "it stopped while the message was being handed over"
NOTHING_TO_ASK = "nothing is left to ask"
BOUNCED = "it came back"
TOLD_BY_FIRST = "its first message tells all there is"
FIRST_IS_OVER = "its first message was resolved or withdrawn"

ON_THE_WAY = (SendingState.SENDING, SendingState.UNCLEAR)
"""States in which nobody knows whether a message left."""
LEFT = (SendingState.SENT, SendingState.ACKNOWLEDGED, SendingState.DISPUTED)
"""States of a message that left and stands."""

_DOMAIN = re.compile(r"[a-z0-9]([a-z0-9.-]{0,250}[a-z0-9])?")
_NOUNS = {
    SendingKind.NOTICE: "notice",
    SendingKind.POLICE: "police_referral",
    SendingKind.HOTLINE: "partner_referral",
}


class SendingSettings(Protocol):
    """The settings that a policy is made of."""

    @property
    def undo_s(self) -> float: ...
    @property
    def police_wait_max_s(self) -> float: ...
    @property
    def hotline_mail(self) -> str: ...


@dataclass(frozen=True, slots=True)
class SendingPolicy:
    """What decides when messages leave.

    Attributes:
        undo_s: seconds for which a message is held before it leaves.
        police_wait_max_s: longest wait in seconds for a police referral that could leave.
        mail_domain: what stands behind the @ of a Message-ID.
    """

    undo_s: float
    police_wait_max_s: float
    mail_domain: str = "hotline.invalid"

    @classmethod
    def from_settings(cls, settings: SendingSettings) -> "SendingPolicy":
        """Return the policy that the settings say."""
        domain = settings.hotline_mail.rpartition("@")[2].lower()
        if not _DOMAIN.fullmatch(domain):
            domain = "hotline.invalid"
        return cls(settings.undo_s, settings.police_wait_max_s, domain)

    def leaves_at(self, now: datetime) -> datetime:
        """Return when a message that is queued now may leave."""
        return now + timedelta(seconds=self.undo_s)

    def joins_since(self, now: datetime) -> datetime:
        """Return since when a message must have been made to take a further item now."""
        return now - timedelta(seconds=GROUP_UNDO_TIMES * self.undo_s)


def name_event(kind: SendingKind, part: SendingPart, what: str) -> str:
    """Return the custody event of a message, such as `notice_sent` or `police_referral_retraction_issued`."""
    noun = _NOUNS[kind] if part is SendingPart.FIRST else f"{_NOUNS[kind]}_{part.value}"
    return f"{noun}_{what}"


def find_waiting_reason(
    *, has_recipient: bool, is_approved: bool, route_reason: str | None, awaits_second: bool
) -> str | None:
    """Return why a new message has to wait for a person, in words; None when it may be queued.

    Args:
        route_reason: why nobody fitting was found.
        awaits_second: whether a picture of it still waits for its second assessor.
    """
    if awaits_second:
        return SECOND_ASSESSOR
    if not has_recipient:
        return route_reason or NOBODY_FITTING
    return None if is_approved else NOT_APPROVED


def find_needless(first: SendingState | None) -> str | None:
    """Return why an update has nothing to tell, in words; None when it is wanted.

    Args:
        first: how far the referral is that it follows; None without one.
    """
    if first in (*ON_THE_WAY, *LEFT):
        return None
    return FIRST_IS_OVER if first in (None, SendingState.RESOLVED, SendingState.WITHDRAWN) else TOLD_BY_FIRST


# The police first


@dataclass(frozen=True, slots=True)
class PoliceStanding:
    """How far one item of a notice is with the police.

    Attributes:
        item_state: where the item stands.
        state: of the item's standing police referral; None without one.
        queued_at: since when that referral waits for an approved recipient.
        sent_at: when it was sent.
    """

    item_state: ItemState
    state: SendingState | None
    queued_at: datetime | None
    sent_at: datetime | None


@dataclass(frozen=True, slots=True)
class Gate:
    """Whether a notice may pass; if not, when to look again and why, in words."""

    is_open: bool
    look_again_at: datetime
    reason: str | None


def judge_gate(
    standings: Sequence[PoliceStanding],
    *,
    has_police: bool,
    now: datetime,
    policy: SendingPolicy,
    awaits_detail: bool = False,
) -> Gate:
    """Say whether a notice or partner referral may leave before, or without, the police.

    Args:
        standings: one for each item of it.
        has_police: whether a police recipient is approved at all; without one nothing leaves.
        awaits_detail: it goes to a partner hotline, and something of it lacks the detail that they need.
    """
    later = now + timedelta(seconds=min(LONGEST_LOOK_AGAIN_S, max(1.0, policy.undo_s)))
    if awaits_detail:
        return Gate(False, later, AWAITS_DETAIL)
    if not has_police:
        return Gate(False, later, NO_POLICE)
    opens: list[datetime] = []
    for standing in standings:
        if standing.item_state is ItemState.HELD_FOR_POLICE:
            return Gate(False, later, POLICE_FIRST)
        if standing.sent_at is not None:
            continue
        if standing.queued_at is None or standing.state not in (SendingState.QUEUED, SendingState.SENDING):
            return Gate(False, later, POLICE_FIRST)
        opens.append(standing.queued_at + timedelta(seconds=policy.police_wait_max_s))
    if opens and max(opens) > now:
        return Gate(False, min(later, max(opens)), POLICE_FIRST)
    return Gate(bool(standings), later, None if standings else NOT_STANDING)


def due_after_police(
    now: datetime, created_at: datetime, settled_at: datetime | None, policy: SendingPolicy
) -> datetime:
    """Return when a notice is due once the police were told: at once, but never within its undo window.

    Args:
        settled_at: when the last verdict of its items was settled.
    """
    begun = created_at if settled_at is None else max(created_at, settled_at)
    return max(now, policy.leaves_at(begun))


# What a crash left, and reminders


def is_left_behind(started_at: datetime, now: datetime, lease_s: float) -> bool:
    """Whether whoever began to send has stopped; a clock that was set back never makes it wait for ever."""
    return abs((now - started_at).total_seconds()) >= lease_s


@dataclass(frozen=True, slots=True)
class LastReminder:
    """The newest reminder of a message."""

    number: int
    state: SendingState
    created_at: datetime


def next_reminder(
    sent_at: datetime, last: LastReminder | None, *, now: datetime, reminder_after_s: tuple[float, ...]
) -> int | None:
    """Return the number of the reminder that is due now, from 1; None when none is.

    A reminder waits until the one before it has left, and keeps the distance that lies between the two, so
    that two never leave together after a pause. One made before the message was sent again holds nothing up,
    but its number is used.

    Args:
        sent_at: when the first message left, for the last time.
        reminder_after_s: when each is due after that, in seconds.
    """
    done = last.number if last else 0
    if done >= len(reminder_after_s):
        return None
    due = sent_at + timedelta(seconds=reminder_after_s[done])
    if last is not None and last.created_at >= sent_at:
        if last.state not in (SendingState.SENT, SendingState.ACKNOWLEDGED, SendingState.RESOLVED):
            return None
        gap = reminder_after_s[done] - reminder_after_s[done - 1]
        due = max(due, last.created_at + timedelta(seconds=gap))
    return done + 1 if due <= now else None
