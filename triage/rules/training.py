"""The training set: drawn pictures with known answers, by which a newcomer learns the keys, the looks and the labels.

A label means nothing but what is agreed here, of drawings: a red circle counts as 1, a blue one as 2, a landscape as 3,
a checkerboard as 4, fog as 6; a triangle is passed over; of several small pictures those within ALIKE_BITS are alike.

1. A round has ROUND_TASKS tasks, each answered once: each drawing that is judged once, DRAWN_FREELY more that fall to
   any of them, and two of alike pictures. What is drawn, and in which order, differs by person and round.
2. It is passed with NEEDED right answers. Who does not pass begins another round, as often as they like.
3. Nothing counts how long it takes.

Nobody passes by guessing. Of six answers to a drawing one is right, and of sixteen to a task of alike pictures:

- answers at random pass 2 of 10 million rounds: the sum over i of C(10,i) (1/6)^i (5/6)^(10-i), times the chance that
  the two tasks of alike pictures make it ten;
- who reads the distances has those two right without a guess, and needs eight of ten drawings: 2 in 100,000;
- who also keeps count of what was shown, since each answer is told, passes 9 in 100,000 at best. With a fixed set of
  drawings that would be 2 in 1,000.

`tests/unit/test_rules_training.py` works these out.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from triage.rules.assessing import Label
from triage.rules.clusters import ALIKE_BITS

ROUND_TASKS = 12
NEEDED = 10
SKIP = "skip"
"""The answer of who passes a picture over."""


class Drawing(StrEnum):
    """What a task shows."""

    RED_CIRCLE = "red_circle"
    BLUE_CIRCLE = "blue_circle"
    LANDSCAPE = "landscape"
    CHECKERBOARD = "checkerboard"
    FOG = "fog"
    TRIANGLE = "triangle"
    ALIKE = "alike"


RIGHT_ANSWERS: dict[Drawing, str] = {
    Drawing.RED_CIRCLE: str(Label.BASELINE.value),
    Drawing.BLUE_CIRCLE: str(Label.NATIONAL.value),
    Drawing.LANDSCAPE: str(Label.NOT_ILLEGAL.value),
    Drawing.CHECKERBOARD: str(Label.OUT_OF_REMIT.value),
    Drawing.FOG: str(Label.UNSURE.value),
    Drawing.TRIANGLE: SKIP,
}
"""What is right of each drawing that is judged; which pictures are alike is another answer in each task."""

JUDGED = tuple(RIGHT_ANSWERS)
DRAWN_FREELY = 4
"""Tasks of a round whose drawing may be any of JUDGED, so that nobody can tell the last ones by the first."""
_ALIKE_TASKS = 2

NEIGHBOURS = 4
"""Small pictures that stand beside the first one in a task of alike pictures."""


@dataclass(frozen=True, slots=True)
class Task:
    """One task of one person's round.

    Attributes:
        number: its place in the round, from 1.
        seed: from which it is drawn, 64 bits.
        distances: of the small pictures 1 to NEIGHBOURS to the first one, in bits; empty where one picture is judged.
    """

    number: int
    drawing: Drawing
    seed: int
    distances: tuple[int, ...] = ()

    @property
    def answer(self) -> str:
        """The right answer: a label, SKIP, or the numbers of the alike pictures, such as `1,3`."""
        if self.drawing is not Drawing.ALIKE:
            return RIGHT_ANSWERS[self.drawing]
        return write_numbers(n for n, bits in enumerate(self.distances, start=1) if bits <= ALIKE_BITS)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a person is.

    Attributes:
        round: the one that they are in, from 1.
        answers: task → whether it was answered right, in this round.
        last_right: how many answers of the round before were right; None in the first one.
        is_passed: in whichever round, or by having judged before there was a training set.
    """

    round: int
    answers: Mapping[int, bool]
    last_right: int | None
    is_passed: bool

    @property
    def next_task(self) -> int:
        """The first task that is not answered."""
        return min(set(range(1, ROUND_TASKS + 1)) - set(self.answers))


def draw_round(person_id: UUID, round_: int) -> list[Task]:
    """Return the tasks of a person's round, in their order; the same whenever it is asked."""
    seeds = [_draw_seed(person_id, round_, place) for place in range(ROUND_TASKS)]
    freely = [JUDGED[seed % len(JUDGED)] for seed in seeds[:DRAWN_FREELY]]
    shown = [*freely, *JUDGED, *(Drawing.ALIKE,) * _ALIKE_TASKS]
    order = sorted(range(ROUND_TASKS), key=lambda place: seeds[place])
    return [
        Task(
            number,
            shown[place],
            seeds[place],
            _draw_distances(seeds[place]) if shown[place] is Drawing.ALIKE else (),
        )
        for number, place in enumerate(order, start=1)
    ]


def is_round_passed(right: int, answered: int) -> bool:
    """Whether a round is passed: it is whole, and enough of it is right."""
    return answered == ROUND_TASKS and right >= NEEDED


def write_numbers(numbers: Iterable[int]) -> str:
    """Return the numbers of alike pictures as an answer: each once, in order, with commas."""
    return ",".join(str(number) for number in sorted(set(numbers)))


def _draw_seed(person_id: UUID, round_: int, place: int) -> int:
    digest = hashlib.sha256(person_id.bytes + round_.to_bytes(8, "big") + place.to_bytes(2, "big")).digest()
    return int.from_bytes(digest[:8], "big")


def _draw_distances(seed: int) -> tuple[int, ...]:
    """Return distances of which one to three are alike, each clearly on one side of the limit or right beside it."""
    pattern = seed % 14 + 1  # of 4 bits: neither none nor all
    return tuple(
        2 * ((seed >> (8 + place)) % 6)
        if pattern >> place & 1
        else ALIKE_BITS + 2 + (seed >> (16 + 6 * place)) % 90
        for place in range(NEIGHBOURS)
    )
