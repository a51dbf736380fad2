"""The timeline of one item: all that came in, was done and was said, in one list by time. Words are the template's."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from triage.rules.states import SendingPart
from triage.store.hand_over_notes import HandOverNote
from triage.store.item_history import (
    AssessmentSeen,
    CheckSeen,
    HandedOn,
    Held,
    HostingSeen,
    ImageSeen,
    LookSeen,
    MatchSeen,
)
from triage.store.item_page import CaptureSeen
from triage.store.review import ReportWords
from triage.store.sendings_page import SendingRow


@dataclass(frozen=True, slots=True)
class Moment:
    """One line of the timeline.

    Attributes:
        kind: report, capture, match, look, assessment, verdict, located, hold, lifted, note, handed_on, message, sent,
            answer or check.
        row: what it is about, as the store gave it.
        picture: number of the picture it is about; None for the item itself or a picture of former times.
    """

    at: datetime
    kind: str
    row: Any
    picture: int | None = None

    @property
    def is_retraction(self) -> bool:
        """Whether it is about a message that takes another one back."""
        return isinstance(self.row, SendingRow) and self.row.part is SendingPart.RETRACTION


@dataclass(frozen=True, slots=True)
class Told:
    """What a person may be told of an item; lists that they must not see are empty."""

    reports: list[ReportWords]
    captures: list[CaptureSeen]
    matches: list[MatchSeen]
    looks: list[LookSeen]
    assessments: list[AssessmentSeen]
    settled: list[ImageSeen]
    hostings: list[HostingSeen]
    holds: list[Held]
    notes: list[HandOverNote]
    hand_ons: list[HandedOn]
    messages: list[SendingRow]
    checks: list[CheckSeen]


def make_timeline(told: Told, numbers: Mapping[UUID, int]) -> list[Moment]:
    """Return all moments, oldest first.

    Args:
        numbers: image → its number on the page.
    """
    found = [*_list_facts(told, numbers), *_list_judging(told, numbers), *_list_messages(told)]
    return sorted(found, key=lambda one: one.at)


def _list_facts(told: Told, numbers: Mapping[UUID, int]) -> Iterator[Moment]:
    for report in told.reports:
        yield Moment(report.received_at, "report", report)
    for capture in told.captures:
        yield Moment(capture.ended_at or capture.started_at, "capture", capture)
    for match in told.matches:
        yield Moment(match.matched_at, "match", match, numbers.get(match.image_id))
    for hosting in told.hostings:
        yield Moment(hosting.located_at, "located", hosting)
    for check in told.checks:
        yield Moment(check.at, "check", check)


def _list_judging(told: Told, numbers: Mapping[UUID, int]) -> Iterator[Moment]:
    for look in told.looks:
        yield Moment(look.at, "look", look, numbers.get(look.image_id))
    for said in told.assessments:
        yield Moment(said.at, "assessment", said, numbers.get(said.image_id) if said.image_id else None)
    for image in told.settled:
        if image.settled_at is not None:
            yield Moment(image.settled_at, "verdict", image, numbers.get(image.id))
    for hold in told.holds:
        yield Moment(hold.set_at, "hold", hold)
        if hold.lifted_at is not None:
            yield Moment(hold.lifted_at, "lifted", hold)
    for note in told.notes:
        yield Moment(note.written_at, "note", note)
    for handed_on in told.hand_ons:
        yield Moment(handed_on.at, "handed_on", handed_on)


def _list_messages(told: Told) -> Iterator[Moment]:
    for message in told.messages:
        yield Moment(message.created_at, "message", message)
        if message.sent_at is not None:
            yield Moment(message.sent_at, "sent", message)
        if message.answered_at is not None:
            yield Moment(message.answered_at, "answer", message)
