"""What can be opened, by whom, and how much at once."""

from collections.abc import Iterable

from triage.model import PersonRole
from triage.rules.rights import Right, rights_of
from triage.rules.states import ItemState, Lane

HELD_AT_MOST = 5
"""Items that one person has open: with one more, the one that was kept longest ago is left."""


def can_be_opened(state: ItemState, *, waits_second: bool) -> bool:
    """Whether an item waits for somebody who could work on it.

    Args:
        waits_second: a second assessor is waited for, whatever became of the item so far.
    """
    return waits_second or state in (ItemState.AWAITING_ASSESSMENT, ItemState.AWAITING_LEAD)


def may_be_offered(lane: Lane, roles: Iterable[PersonRole]) -> bool:
    """Whether somebody with these roles is offered the next item of a lane; what is handed on has its own page."""
    needed = Right.DECIDE if lane is Lane.LEAD else Right.ASSESS
    return lane is not Lane.HAND_ON and needed in rights_of(roles)
