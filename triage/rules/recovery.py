"""Who may let a person in again who lost all ways in: two people, one of them an admin, neither the person.

A voice, asking or approving, counts only once its role was held for some days: one admin alone could else add an
invented person, be that person, and let themself in as anybody together with them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from triage.model import PersonRole

ASKING_LIFE = timedelta(hours=24)
"""How long a recovery waits for its second person."""

ASKS_MAX = 5
"""Most recoveries that one person asked for within ASKING_LIFE and nobody approved."""

SHOWN_FOR = timedelta(days=30)
"""How long everybody sees that a person was recovered."""

REASON_MAX = 2000
"""Longest reason, in characters."""


class RecoveryWay(StrEnum):
    """Where it was done: by two people in the console, or by one on the machine."""

    CONSOLE = "console"
    MACHINE = "machine"


class RecoveryState(StrEnum):
    """Where a recovery stands."""

    ASKED = "asked"
    APPROVED = "approved"
    REFUSED = "refused"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class VoiceTerm:
    """For how long a role must have been held before its voice counts.

    Attributes:
        days: whole days, as it is set now.
        founding_days: while the deployment is younger, every voice counts; whole days, as the environment sets it, and
            never more than `days`. Who may change settings, and nothing else, makes no old deployment young again.
    """

    days: int
    founding_days: int


@dataclass(frozen=True, slots=True)
class Standing:
    """How long somebody has stood where they stand.

    Attributes:
        roles: since when they hold each of their roles without a break.
        joined_at: when they last used a one-time link: before that, somebody else may have been this person.
        founded_at: when the first person of all was added.
    """

    roles: Mapping[PersonRole, datetime]
    joined_at: datetime | None
    founded_at: datetime


def find_speaking_role(roles: Iterable[PersonRole]) -> PersonRole | None:
    """Return the role in which somebody speaks on a recovery; None: they may not."""
    held = set(roles)
    for role in (PersonRole.ADMIN, PersonRole.LEAD):
        if role in held:
            return role
    return None


def does_voice_count(standing: Standing, role: PersonRole, term: VoiceTerm, *, now: datetime) -> bool:
    """Whether somebody's voice in a role that they hold counts by now."""
    if now - standing.founded_at < timedelta(days=min(term.days, term.founding_days)):
        return True
    since = standing.roles[role]
    if standing.joined_at is not None:
        since = max(since, standing.joined_at)
    return now - since >= timedelta(days=term.days)


def find_approval_fault(
    person_id: UUID, *, asked_by: UUID, asked_as: PersonRole, decided_by: UUID, decided_as: PersonRole
) -> str | None:
    """Return one sentence that says why somebody may not approve a recovery; None when they may."""
    if decided_by == person_id:
        return "Nobody can approve their own recovery."
    if decided_by == asked_by:
        return "A second person must approve what you asked for."
    if PersonRole.ADMIN not in {asked_as, decided_as}:
        return "One of the two must be an admin."
    return None
