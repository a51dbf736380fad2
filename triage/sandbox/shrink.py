"""Smaller pictures for people: the view of the first frame, and the sheet of an animation's frames.

Made smaller by whole numbers (each pixel the mean of a block), so that no filter passes over a large picture.
"""

from collections.abc import Sequence

import numpy as np

from hashsets import kernels
from hashsets.compute import turn_upright
from triage.sandbox import wire
from triage.sandbox.memory import allocate_pixels
from triage.sandbox.modes import Pixels

_WHITE = 255


def shrink(rgb: Pixels, factor: int) -> Pixels:
    """Return a picture with its sides divided by a whole number, rounded up.

    Args:
        rgb: (height, width, 3), contiguous.
        factor: from 1; 1 gives the picture itself.
    """
    if factor == 1:
        return rgb
    height, width = rgb.shape[:2]
    small = allocate_pixels(-(-height // factor), -(-width // factor))
    kernels.mean_blocks(rgb, factor, small)
    return small


def shrink_to_view(rgb: Pixels) -> Pixels:
    """Return a picture with at most wire.VIEW_SIDE pixels a side, as stored."""
    return shrink(rgb, wire.compute_factor(rgb.shape[1], rgb.shape[0], wire.VIEW_SIDE))


def shrink_to_cell(rgb: Pixels, cell: tuple[int, int]) -> Pixels:
    """Return a frame that fits into a cell of the sheet, as stored.

    Args:
        rgb: (height, width, 3); pages of a file may have other sizes than the first.
        cell: width and height of the first frame's cell, as stored.
    """
    height, width = rgb.shape[:2]
    return shrink(rgb, max(-(-width // cell[0]), -(-height // cell[1])))


def lay_sheet(thumbs: Sequence[Pixels], cell: tuple[int, int], orientation: int) -> Pixels:
    """Lay frames side by side, row by row, on white.

    Args:
        thumbs: 2-64 frames as `shrink_to_cell` gave them, in the order of time.
        cell: width and height of a cell, as stored.
        orientation: EXIF orientation in which all are turned, 1-8.

    Returns:
        Pixels of the size that `wire.compute_sheet_size` gives.
    """
    wide, high = (cell[1], cell[0]) if orientation >= 5 else cell
    columns = wire.compute_sheet_columns(len(thumbs))
    rows = -(-len(thumbs) // columns)
    step_x, step_y = wide + wire.SHEET_GAP, high + wire.SHEET_GAP
    sheet = np.full((rows * step_y - wire.SHEET_GAP, columns * step_x - wire.SHEET_GAP, 3), _WHITE, np.uint8)
    for number, thumb in enumerate(thumbs):
        upright = turn_upright(thumb, orientation)
        left, top = number % columns * step_x, number // columns * step_y
        sheet[top : top + upright.shape[0], left : left + upright.shape[1]] = upright
    return sheet
