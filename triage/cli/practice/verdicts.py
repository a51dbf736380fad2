"""What the scripted assessors say of each practice report: plain data, by the report's title.

Drawings have no meaning of their own; which of them stands for what is agreed here, so that the whole way of an
item can be walked. What is not named is judged not illegal, or a dead link when there is nothing to see.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Plan:
    """What becomes of a report's items.

    Attributes:
        labels: keys of the first and the second assessor for each new picture; one key if one suffices.
        lead: key of the lead, where the first two differ or were unsure.
        danger: a child is at risk, says the first assessor.
        hold: the police decide when a notice may follow; the hold is lifted later.
        exit_name: the way out through which the first assessor has it captured again before judging it.
        ends: state and closing that the demo waits for.
    """

    labels: tuple[int, ...] = (3,)
    lead: int | None = None
    danger: bool = False
    hold: bool = False
    exit_name: str | None = None
    ends: tuple[str, ...] = field(default=("closed",))


STAYS = ("notified",)
ABROAD = "abroad"
"""Name of the practice deployment's way out."""

PLANS: dict[str, Plan] = {
    "known picture": Plan(),
    "new picture": Plan((1, 1)),
    "near match": Plan((1, 3), lead=2),
    "danger now": Plan((1, 1), danger=True),
    "first of two": Plan((1, 1), hold=True),
    "redirect chain": Plan((1, 1), ends=STAYS),
    "known video": Plan(ends=STAYS),
    "animation": Plan((1, 1), ends=STAYS),
    "new video": Plan((6,), lead=6, hold=True),
    "gallery": Plan(),
    "shut to our country": Plan((1, 1), exit_name=ABROAD, ends=STAYS),
}
"""Title of a report → its plan."""

HAND_ON_TO = "ALO 116-111 (praktikë)"
POLICE_WORD = "Inspektor Praktikë"
DECIDED_OPERATOR = "Strehimi Praktikë shpk"
"""Who the clerk of hosting finds behind the redirect chain."""
