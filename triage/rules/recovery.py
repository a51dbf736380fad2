"""Who may let a person in again who lost all ways in: two people, one of them an admin, neither the person."""

from collections.abc import Iterable
from datetime import timedelta
from enum import StrEnum
from uuid import UUID

from triage.model import PersonRole

ASKING_LIFE = timedelta(hours=24)
"""How long a recovery waits for its second person."""

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


def find_speaking_role(roles: Iterable[PersonRole]) -> PersonRole | None:
    """Return the role in which somebody speaks on a recovery; None: they may not."""
    held = set(roles)
    for role in (PersonRole.ADMIN, PersonRole.LEAD):
        if role in held:
            return role
    return None


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
