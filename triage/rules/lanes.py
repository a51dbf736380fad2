"""In which lane an item waits, and why, in words that a person reads on the queue."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from triage.rules.media import is_icon
from triage.rules.page_kinds import PageKind, describe_kind, hides_content
from triage.rules.states import ClosedAs, ImageState, ItemState, Lane

TEXT_ONLY = "a report without an address or a file"
OUT_OF_REMIT = "another remit: to be handed on"
PAGE_CUT = "a page that could not be read whole: pictures may be missing"
DISPUTED = "two assessors differ, or somebody was unsure: a lead decides"
SKIPPED = "passed over twice: a lead decides"
SECOND = "waits for a second assessor"
PAGE_BEHIND_PAGE = "a page behind a page: its pictures were not looked for"
LATER_LIST = "a list that came later knows it"


@dataclass(frozen=True, slots=True)
class ShownImage:
    """What is known of one image that an item shows.

    Attributes:
        state: how far it is judged.
        is_known: an exact digest in a trusted set, or settled as illegal here.
        can_be_shown: whether a view of it exists or could be made.
        has_views: whether views of it are kept; those of a known image never were.
        finding: why it cannot be shown, in words.
        nearest: bits to the nearest perceptual hit, None without one.
        has_untrusted_exact: an exact digest in a set that is not trusted.
    """

    state: ImageState
    is_known: bool
    can_be_shown: bool
    has_views: bool
    finding: str | None
    nearest: int | None
    has_untrusted_exact: bool


@dataclass(frozen=True, slots=True)
class ShownChild:
    """One picture of a page, as an item of its own."""

    id: UUID
    state: ItemState
    lane: Lane | None
    closed_as: ClosedAs | None = None


@dataclass(frozen=True, slots=True)
class Placing:
    """A lane and the reason for it."""

    lane: Lane
    reason: str

    def said(self, because: str | None) -> "Placing":
        """Return the same lane with its reason behind what caused it, if that is given."""
        return Placing(self.lane, f"{because}; {self.reason}") if because else self


@dataclass(frozen=True, slots=True)
class PageFinding:
    """What the last capture of an item says of it beside its pictures.

    Attributes:
        reservation: why its pictures were not all looked for, or not all taken.
        kind: what kind of page it is, if it is none that simply shows what was reported.
    """

    reservation: str | None = None
    kind: PageKind | None = None


def place_by_failure(reason: str, *, gave_up: bool, tries: int = 0) -> Placing:
    """Place an item whose address was refused or could not be fetched, after how many tries if that is known."""
    if not gave_up:
        return Placing(Lane.LOOK, f"refused: {reason}")
    counted = f", {tries} {'try' if tries == 1 else 'tries'}" if tries else ""
    return Placing(Lane.LOOK, f"could not be fetched: {reason}{counted}")


def describe_left(left: int) -> str:
    """Say that a page holds more pictures than become items; that is a reservation."""
    return f"a page with more pictures than are taken: {left} left out"


def is_too_small(
    width: int | None, height: int | None, *, is_reported: bool, state: ImageState, has_match: bool
) -> bool:
    """Whether a picture of a page is left out, because it is too small to be anything.

    What was reported itself, hit any list, or was judged by somebody is never left out.

    Args:
        width, height: in pixels; None for what was not decoded.
        is_reported: somebody reported it itself.
    """
    if width is None or height is None or is_reported or has_match or state is not ImageState.UNJUDGED:
        return False
    return is_icon(width, height)


def place_by_images(images: Sequence[ShownImage], *, status: int | None) -> Placing:
    """Place an item by what it shows.

    Args:
        images: the images of its last capture.
        status: the HTTP status of that capture, None for an upload.
    """
    if not images:
        if status is not None and status >= 400:
            return Placing(Lane.LOOK, f"the address answers {status}")
        return Placing(Lane.LOOK, "a page without pictures")
    if all(image.is_known for image in images):
        return Placing(Lane.NO_LOOK, "known: exact digest in a trusted set or settled here")
    open_ones = [image for image in images if not image.is_known]
    if all(image.state is ImageState.SETTLED for image in open_ones):
        return Placing(Lane.LOOK, "judged before: confirm or reopen")
    if any(image.state is ImageState.JUDGED_ONCE for image in open_ones):
        return Placing(Lane.SECOND, SECOND)
    if any(image.can_be_shown and not image.has_views for image in open_ones):
        return Placing(Lane.LOOK, "no longer known and no view was kept: capture it again")
    near = [image.nearest for image in open_ones if image.nearest is not None]
    if any(image.has_untrusted_exact for image in open_ones):
        return Placing(Lane.LOOK, "exact digest in a set that is not trusted")
    if near:
        return Placing(Lane.LOOK, f"near a listed picture: {min(near)} bits of 256")
    if status is not None and status >= 400:
        return Placing(Lane.LOOK, f"the address answers {status}")
    hidden = [image.finding for image in open_ones if not image.can_be_shown]
    if hidden:
        return Placing(Lane.LOOK, hidden[0] or "cannot be displayed here")
    return Placing(Lane.LOOK, "new picture")


def place_by_finding(place: Placing, finding: PageFinding) -> Placing:
    """Place an item by what its pictures say and what its capture says beside.

    Where not all pictures were looked for, or what was reported may lie behind a wall, a person must look.
    """
    lane, reason = place.lane, place.reason
    if finding.reservation is not None:
        lane, reason = Lane.LOOK, finding.reservation
    if finding.kind is not None:
        reason = f"{describe_kind(finding.kind, None)}; {reason}"
        if hides_content(finding.kind) and lane is Lane.NO_LOOK:
            lane = Lane.LOOK
    return Placing(lane, reason)


def place_page(children: Sequence[ShownChild]) -> Placing:
    """Place a page by its pictures.

    It waits in no_look only when every picture is captured and known, or was judged before.
    """
    total = len(children)
    captured = sum(child.state is not ItemState.RECEIVED for child in children)
    lanes = Counter(child.lane for child in children)
    known = lanes[Lane.NO_LOOK]
    if captured < total:
        return Placing(Lane.LOOK, f"a page: {captured} of {total} pictures captured")
    if known == total:
        return Placing(Lane.NO_LOOK, f"a page: all {total} pictures known")
    if lanes[Lane.LOOK]:
        return Placing(Lane.LOOK, f"a page: {total} pictures, {known} known")
    if lanes[Lane.SECOND]:
        return Placing(
            Lane.SECOND, f"a page: {lanes[Lane.SECOND]} of {total} pictures wait for a second assessor"
        )
    if lanes[Lane.LEAD]:
        return Placing(Lane.LOOK, f"a page: {lanes[Lane.LEAD]} of {total} pictures wait for a lead")
    return Placing(Lane.NO_LOOK, f"a page: {total} pictures, all known or judged before")
