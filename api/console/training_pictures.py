"""The pictures of the training set: drawn as SVG text by this code and from a seed, nothing but shapes.

1. A scene is a list of layers, the lowest first; each has a colour, and knows which points it covers.
2. Colour and grey views are its shapes; the thumb is a grid of greys, a few cells wide.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from triage.rules.clusters import ALIKE_BITS
from triage.rules.training import Drawing, Task

SVG = "image/svg+xml"
WIDTH, HEIGHT = 480, 360
COLUMNS, ROWS = 12, 9
"""Cells of a thumb."""

Colour = tuple[int, int, int]
Point = tuple[int, int]

_RED, _BLUE = (196, 60, 48), (44, 104, 190)
"""As grey the same: which of the two it is, only the colour says."""

_CIRCLE_GREY = 98


class TrainingView(StrEnum):
    """How a picture is shown, as the renderings of a look."""

    GREY_HALF = "grey_half"
    COLOUR = "colour"


@dataclass(frozen=True, slots=True)
class _Layer:
    """One shape: its element without the colour, and whether it covers a point."""

    element: str
    colour: Colour
    covers: Callable[[float, float], bool]
    grey: int | None = None

    def find_grey(self) -> int:
        red, green, blue = self.colour
        return round(0.299 * red + 0.587 * green + 0.114 * blue) if self.grey is None else self.grey


def draw_view(task: Task, view: TrainingView) -> str:
    """Return the picture of a task in which one picture is judged, as SVG."""
    layers = _lay_scene(task.drawing, task.seed)
    return _write("".join(_paint(layer, is_grey=view is TrainingView.GREY_HALF) for layer in layers))


def draw_thumb(task: Task, place: int = 0) -> str:
    """Return a thumb as SVG: a few grey cells.

    Args:
        place: of a task of alike pictures the first one (0) or one of those beside it, from 1.
    """
    return _write(_paint_cells(_lay_scene(_drawing_at(task), _seed_at(task, place))))


def _drawing_at(task: Task) -> Drawing:
    return Drawing.LANDSCAPE if task.drawing is Drawing.ALIKE else task.drawing


def _seed_at(task: Task, place: int) -> int:
    """What is alike has the same seed: at so few cells nobody sees a difference, and the bits tell it."""
    if place == 0 or task.distances[place - 1] <= ALIKE_BITS:
        return task.seed
    return task.seed + place


def _write(inner: str) -> str:
    size = f'width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{inner}</svg>'


def _paint(layer: _Layer, *, is_grey: bool) -> str:
    colour = (layer.find_grey(),) * 3 if is_grey else layer.colour
    return layer.element.replace("/>", f' fill="{_name(colour)}"/>')


def _paint_cells(layers: list[_Layer]) -> str:
    wide, high = WIDTH // COLUMNS, HEIGHT // ROWS
    cells = []
    for row in range(ROWS):
        for column in range(COLUMNS):
            x, y = (column + 0.5) * wide, (row + 0.5) * high
            grey = next(layer.find_grey() for layer in reversed(layers) if layer.covers(x, y))
            place = f'x="{column * wide}" y="{row * high}" width="{wide}" height="{high}"'
            cells.append(f'<rect {place} fill="{_name((grey,) * 3)}"/>')
    return "".join(cells)


def _name(colour: Colour) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)


# Scenes


def _lay_scene(drawing: Drawing, seed: int) -> list[_Layer]:
    dice = random.Random(seed)  # noqa: S311  a drawing, nothing secret
    match drawing:
        case Drawing.LANDSCAPE:
            return _lay_landscape(dice)
        case Drawing.CHECKERBOARD:
            return _lay_checkerboard(dice)
        case Drawing.FOG:
            return _lay_fog(dice)
        case Drawing.TRIANGLE:
            return [*_lay_room(dice), _lay_triangle(dice)]
    colour = _RED if drawing is Drawing.RED_CIRCLE else _BLUE
    x, y, reach = dice.randint(130, 350), dice.randint(120, 240), dice.randint(55, 100)
    return [*_lay_room(dice), _circle(x, y, reach, colour, grey=_CIRCLE_GREY)]


def _lay_room(dice: random.Random) -> list[_Layer]:
    """Return a wall with pale boards, so that no two pictures have the same ground."""
    boards = [
        _rect(
            dice.randint(0, 400),
            dice.randint(0, 300),
            dice.randint(40, 160),
            dice.randint(30, 120),
            _pale(dice),
        )
        for _ in range(7)
    ]
    return [_rect(0, 0, WIDTH, HEIGHT, _pale(dice)), *boards]


def _lay_landscape(dice: random.Random) -> list[_Layer]:
    sky = _rect(0, 0, WIDTH, HEIGHT, (150 + dice.randint(0, 40), 190 + dice.randint(0, 30), 230))
    sun = _circle(dice.randint(60, 420), dice.randint(40, 110), dice.randint(24, 44), (255, 240, 190))
    ridges = []
    for number in range(3):
        base = 150 + 70 * number
        line = [(x, base + dice.randint(-60, 30)) for x in range(0, WIDTH + 1, 80)]
        shade = 150 - 40 * number
        ridges.append(
            _polygon([(0, HEIGHT), *line, (WIDTH, HEIGHT)], (shade - 40, shade, shade - 70 + 40 * number))
        )
    return [sky, sun, *ridges]


def _lay_checkerboard(dice: random.Random) -> list[_Layer]:
    dark, light = (dice.randint(20, 90), dice.randint(20, 90), dice.randint(20, 90)), _pale(dice)
    side = dice.choice((40, 60))
    fields = [
        _rect(x, y, side, side, dark)
        for y in range(0, HEIGHT, side)
        for x in range(0, WIDTH, side)
        if (x + y) // side % 2
    ]
    return [_rect(0, 0, WIDTH, HEIGHT, light), *fields]


def _lay_fog(dice: random.Random) -> list[_Layer]:
    def mist() -> Colour:
        return (196 + dice.randint(0, 10),) * 3

    drifts = [
        _circle(dice.randint(0, WIDTH), dice.randint(0, HEIGHT), dice.randint(60, 150), mist())
        for _ in range(12)
    ]
    return [_rect(0, 0, WIDTH, HEIGHT, mist()), *drifts]


def _lay_triangle(dice: random.Random) -> _Layer:
    x, y, reach = dice.randint(150, 330), dice.randint(140, 240), dice.randint(70, 110)
    colour = (dice.randint(40, 120), dice.randint(90, 150), dice.randint(40, 120))
    return _polygon(
        [(x, y - reach), (x - reach, y + reach * 2 // 3), (x + reach, y + reach * 2 // 3)], colour
    )


def _pale(dice: random.Random) -> Colour:
    return dice.randint(205, 245), dice.randint(205, 245), dice.randint(205, 245)


# Shapes


def _rect(x: int, y: int, wide: int, high: int, colour: Colour) -> _Layer:
    element = f'<rect x="{x}" y="{y}" width="{wide}" height="{high}"/>'
    return _Layer(element, colour, lambda px, py: x <= px < x + wide and y <= py < y + high)


def _circle(x: int, y: int, reach: int, colour: Colour, *, grey: int | None = None) -> _Layer:
    element = f'<circle cx="{x}" cy="{y}" r="{reach}"/>'
    return _Layer(element, colour, lambda px, py: (px - x) ** 2 + (py - y) ** 2 <= reach**2, grey)


def _polygon(points: list[Point], colour: Colour) -> _Layer:
    path = " ".join(f"{x},{y}" for x, y in points)

    def covers(px: float, py: float) -> bool:
        """Count the edges to the right of a point: inside they are odd."""
        is_inside = False
        for (x, y), (next_x, next_y) in zip(points, [*points[1:], points[0]], strict=True):
            if (y > py) != (next_y > py) and px < (next_x - x) * (py - y) / (next_y - y) + x:
                is_inside = not is_inside
        return is_inside

    return _Layer(f'<polygon points="{path}"/>', colour, covers)
