"""What each role may do, as one table; a person has the rights of all their roles."""

from collections.abc import Iterable
from enum import StrEnum

from triage.model import PersonRole


class Right(StrEnum):
    """One thing that a signed-in person may be allowed to do.

    decide is the word of a lead on what is disputed; see_sendings shows notices and referrals, handle_sendings
    records what became of them.
    """

    SEE_QUEUE = "see_queue"
    LOOK = "look"
    ASSESS = "assess"
    DECIDE = "decide"
    LIFT_HOLD = "lift_hold"
    LOCATE = "locate"
    REOPEN = "reopen"
    HAND_ON = "hand_on"
    EXPORT = "export"
    SEE_SENDINGS = "see_sendings"
    HANDLE_SENDINGS = "handle_sendings"
    SEE_RECIPIENTS = "see_recipients"
    ENTER_RECIPIENT = "enter_recipient"
    APPROVE_RECIPIENT = "approve_recipient"
    SEE_HASH_SETS = "see_hash_sets"
    LOOK_UP_HASHES = "look_up_hashes"
    PROPOSE_TRUST = "propose_trust"
    CONFIRM_TRUST = "confirm_trust"
    SEE_PEOPLE = "see_people"
    MANAGE_PEOPLE = "manage_people"
    MANAGE_TOKENS = "manage_tokens"
    MANAGE_SETTINGS = "manage_settings"
    SEARCH_AUDIT = "search_audit"
    RECOVER_PERSON = "recover_person"
    SEE_WELFARE = "see_welfare"


_ANALYST = frozenset(
    {
        Right.SEE_QUEUE,
        Right.LOOK,
        Right.ASSESS,
        Right.LIFT_HOLD,
        Right.LOCATE,
        Right.REOPEN,
        Right.HAND_ON,
        Right.EXPORT,
        Right.SEE_SENDINGS,
        Right.HANDLE_SENDINGS,
        Right.SEE_RECIPIENTS,
        Right.ENTER_RECIPIENT,
        Right.SEE_HASH_SETS,
        Right.LOOK_UP_HASHES,
        Right.CONFIRM_TRUST,
    }
)

ROLE_RIGHTS: dict[PersonRole, frozenset[Right]] = {
    PersonRole.ANALYST: _ANALYST,
    PersonRole.LEAD: _ANALYST
    | {Right.DECIDE, Right.APPROVE_RECIPIENT, Right.PROPOSE_TRUST, Right.RECOVER_PERSON, Right.SEARCH_AUDIT}
    | {Right.SEE_WELFARE},
    # Intake and notices, no images.
    PersonRole.CLERK: frozenset(
        {
            Right.SEE_SENDINGS,
            Right.HANDLE_SENDINGS,
            Right.SEE_RECIPIENTS,
            Right.ENTER_RECIPIENT,
            Right.HAND_ON,
        }
    ),
    # Users, tokens and settings, no images.
    PersonRole.ADMIN: frozenset(
        {
            Right.SEE_PEOPLE,
            Right.MANAGE_PEOPLE,
            Right.RECOVER_PERSON,
            Right.MANAGE_TOKENS,
            Right.MANAGE_SETTINGS,
            Right.SEARCH_AUDIT,
            Right.SEE_RECIPIENTS,
        }
    ),
    # Reads, no images.
    PersonRole.AUDITOR: frozenset(
        {
            Right.SEE_QUEUE,
            Right.SEE_SENDINGS,
            Right.SEE_RECIPIENTS,
            Right.SEE_HASH_SETS,
            Right.SEE_PEOPLE,
            Right.SEARCH_AUDIT,
        }
    ),
}
"""Role → rights."""

SEES_IMAGES = frozenset(role for role, rights in ROLE_RIGHTS.items() if Right.LOOK in rights)
"""Roles that an admin may not hold besides."""


def rights_of(roles: Iterable[PersonRole]) -> frozenset[Right]:
    """Return the rights of a person with these roles; none without a role."""
    return frozenset(right for role in roles for right in ROLE_RIGHTS[role])
