"""Whether what was reported is still up, by what its address answers now.

Only a plain "not there" is *removed*: by its status, or by a page that says so where none of what was captured stands
any more. What cannot be reached, refuses us, hides behind a wall, or shows something else is not: it may be a moment's
trouble, or a page shown to strangers only.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from hashsets.blank import is_blank
from hashsets.model import Algorithm, Fingerprint
from hashsets.thresholds import PDQ_MIN_QUALITY, PDQ_RADIUS
from triage.rules.page_kinds import PageKind, describe_kind, hides_content
from triage.rules.states import ClosedAs, ItemState, OnlineResult

GONE_STATUSES = frozenset({404, 410})
REMOVED_IN_A_ROW = 3
CHECKED_STATES = frozenset(
    {ItemState.HELD_FOR_POLICE, ItemState.AWAITING_HOSTING, ItemState.ACTIONABLE, ItemState.NOTIFIED}
)
GONE_KINDS = {
    PageKind.SOFT_404: "the page says that it is gone",
    PageKind.PARKED: "the domain is parked",
}
"""Pages that stand where something was: see docs/adr/2026-11-22-soft-404-is-removed.md."""
_HARMLESS = frozenset({ClosedAs.NOT_ACTIONABLE, ClosedAs.SAME_AS_BEFORE, ClosedAs.HANDED_ON})
_NOT_MEANT = frozenset({ClosedAs.TOO_SMALL})
_GONE = frozenset({ClosedAs.REMOVED, ClosedAs.REMOVED_BEFORE_NOTICE})


@dataclass(frozen=True, slots=True)
class ShownChild:
    """A picture of a page, as its last capture saw it: with an address of its own, or inside the page's text.

    Attributes:
        carried: SHA-256 of one inside the page's text, 32 bytes.
    """

    url: str | None
    closed_as: ClosedAs | None
    carried: bytes | None = None

    @property
    def counts(self) -> bool:
        """Whether a page that shows it still shows what was reported: neither harmless, nor gone, nor an icon."""
        return self.closed_as not in _HARMLESS | _GONE | _NOT_MEANT


@dataclass(frozen=True, slots=True)
class ShownBefore:
    """What an item showed in its last capture.

    Attributes:
        body: SHA-256 of the body, 32 bytes; None when it was never captured.
        images: SHA-256 of each image, 32 bytes.
        fingerprints: of those images.
        children: of a page.
        kind: what kind of page it was, if it was an odd one then already.
        exit_name: the way out by which it was captured; empty: as the rules say.
    """

    body: bytes | None = None
    images: tuple[bytes, ...] = ()
    fingerprints: tuple[Fingerprint, ...] = ()
    children: tuple[ShownChild, ...] = ()
    kind: PageKind | None = None
    exit_name: str = ""


@dataclass(frozen=True, slots=True)
class AnswerNow:
    """What its address answers now.

    Attributes:
        status: HTTP status of the last answer, after redirects.
        body: SHA-256 of the body, 32 bytes.
        fingerprints: of the picture, if the body is one and was opened.
        is_page: whether it is a page; then `pictures` are its normal URLs.
        is_page_read: whether all of them were looked for.
        embedded: SHA-256 of pictures that the page carries inside its own text, 32 bytes each.
        kind: what kind of page it is, if it is an odd one.
    """

    status: int
    body: bytes
    fingerprints: Sequence[Fingerprint] = ()
    is_page: bool = False
    is_page_read: bool = True
    pictures: Sequence[str] = ()
    embedded: Sequence[bytes] = ()
    kind: PageKind | None = None


@dataclass(frozen=True, slots=True)
class CheckFinding:
    """The result of a check and, unless it is online, why, in words."""

    result: OnlineResult
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class PastCheck:
    """One check of an item that was recorded before."""

    result: OnlineResult
    checked_at: datetime


@dataclass(frozen=True, slots=True)
class CheckPolicy:
    """How often items are checked.

    Attributes:
        online_check_every_s: seconds between two checks.
        removed_check_every_s: least seconds between two that find an item removed.
        reminder_after_s: seconds after which a provider is reminded, one number a reminder.
    """

    online_check_every_s: float
    removed_check_every_s: float
    reminder_after_s: tuple[float, ...] = field(default=())

    def next_check_at(self, result: OnlineResult, now: datetime) -> datetime:
        """Return when the next check is due."""
        is_removed = result is OnlineResult.REMOVED
        return now + timedelta(
            seconds=self.removed_check_every_s if is_removed else self.online_check_every_s
        )


def judge_check(before: ShownBefore, now: AnswerNow) -> CheckFinding:
    """Judge an answer against what the item showed.

    Whether it has moved is not asked here: that is a matter of who hosts it.

    Returns:
        Online, removed or unknown; without an answer there is nothing to judge.
    """
    if now.status in GONE_STATUSES:
        return CheckFinding(OnlineResult.REMOVED, f"the address answers {now.status}")
    if _stands_still(before, now):
        return CheckFinding(OnlineResult.ONLINE)
    if now.kind is not None and now.kind is not before.kind and hides_content(now.kind):
        found = _judge_kind(before, now, now.kind)
        if found is not None:
            return found
    if now.status != 200:
        return CheckFinding(OnlineResult.UNKNOWN, f"the address answers {now.status}")
    if before.children:
        return _judge_page(before, now)
    if before.body is None:
        return CheckFinding(OnlineResult.UNKNOWN, "it was never captured: there is nothing to compare")
    return CheckFinding(OnlineResult.UNKNOWN, "something else answers there")


def _stands_still(before: ShownBefore, now: AnswerNow) -> bool:
    """Whether anything of what was captured is still there."""
    if now.status != 200:
        return False
    if before.children:
        linked, carried = set(now.pictures), set(now.embedded)
        return now.is_page and any(
            child.counts and (child.url in linked or child.carried in carried) for child in before.children
        )
    if before.images:
        return now.body in before.images or is_near(before.fingerprints, now.fingerprints)
    return before.body is not None and now.body == before.body


def _judge_kind(before: ShownBefore, now: AnswerNow, kind: PageKind) -> CheckFinding | None:
    """Judge a page that stands where none of what was captured is seen any more; None if its kind says nothing."""
    if kind not in GONE_KINDS:
        return CheckFinding(OnlineResult.UNKNOWN, f"{describe_kind(kind, None)} stands before it")
    if now.status != 200 or before.body is None:
        return None
    if not now.is_page_read:
        return CheckFinding(OnlineResult.UNKNOWN, "the page could not be read for all its pictures")
    return CheckFinding(OnlineResult.REMOVED, GONE_KINDS[kind])


def _judge_page(before: ShownBefore, now: AnswerNow) -> CheckFinding:
    if not now.is_page:
        return CheckFinding(OnlineResult.UNKNOWN, "something else answers there")
    if not now.is_page_read:
        return CheckFinding(OnlineResult.UNKNOWN, "the page could not be read for all its pictures")
    shown = {child.url for child in before.children}
    carried = {child.carried for child in before.children}
    if set(now.pictures) - shown or set(now.embedded) - carried:
        # The same picture may stand there under another address.
        return CheckFinding(OnlineResult.UNKNOWN, "the page shows pictures that were not captured")
    return CheckFinding(OnlineResult.REMOVED, "the page no longer shows its pictures")


def is_near(before: Sequence[Fingerprint], now: Sequence[Fingerprint]) -> bool:
    """Whether two files show the same picture: a PDQ of one lies within the radius of one of the other."""
    mine, theirs = _comparable(before), _comparable(now)
    return any((one ^ other).bit_count() <= PDQ_RADIUS for one in mine for other in theirs)


def _comparable(fingerprints: Sequence[Fingerprint]) -> list[int]:
    return [
        int(one.value, 16)
        for one in fingerprints
        if one.algorithm is Algorithm.PDQ
        and one.orientation == "r0"
        and (one.quality is None or one.quality >= PDQ_MIN_QUALITY)
        and not is_blank(one.algorithm, one.value)
    ]


def count_removed(checks: Sequence[PastCheck], *, apart_s: float) -> int:
    """Return how many checks at the end of a row found an item removed, each well after the one that counted before.

    One that comes too soon does not count, nor one whose clock was set back; both break nothing.

    Args:
        checks: oldest first, in the order in which they were recorded.
        apart_s: least seconds between two that count.
    """
    row: list[PastCheck] = []
    for check in reversed(checks):
        if check.result is not OnlineResult.REMOVED:
            break
        row.append(check)
    counted, last = 0, None
    for check in reversed(row):
        if last is None or check.checked_at - last >= timedelta(seconds=apart_s):
            counted, last = counted + 1, check.checked_at
    return counted
