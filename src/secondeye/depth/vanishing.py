"""Where lines that go away from the camera meet: in rooms, corridors, streets and along rails.

Seen from within, walls, floor and ceiling come nearer in every direction from that point, so that it says more of depth
than how high in the picture something stands. Lines level or upright in the picture are left out: they meet nowhere in
it, and every picture has them.

Source: Hoiem, Efros, Hebert, "Automatic photo pop-up" (2005), for depth from such lines.
"""

from functools import cache
from threading import get_ident
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from secondeye.depth.belief import belief_in

Grey = NDArray[np.uint8]
Doubles = NDArray[np.float64]

SHORTEST, FEWEST = 1 / 40, 6
"""Share of the longer side below which a line tells no direction, and lines below which there is nothing to meet."""

SLANTED = np.deg2rad(8.0)
"""Lines nearer to level or upright than that do not count."""

OFF = np.deg2rad(2.5)
"""A line that passes a point by this angle, seen from the line, hardly leads to it; half as sure at 0.83 of it."""

PLACES = 31, 21
"""Points that are tried, across and down; around the best of them ever closer ones."""

HALVINGS = 4

CENTRAL = 0.15
"""Of either side: a point nearer to the border, or beyond it, does not tell how the picture as a whole recedes."""

SHARE, LENGTH, CONTRAST, BALANCE, SPREAD = (0.2, 0.4), (1.0, 2.0), (2.5, 4.5), (0.02, 0.1), (0.03, 0.12)
"""A point is not believed below the first and is from the second on: share of the lines' length that leads to it; that
length over the width; how many times as much leads there as to any point; length on the side where there is less over
that on the other, for lines of one side are those of one wall; and how far the lines' directions differ (0: one and the
same, 1: all alike), for pieces of one line meet anywhere on it."""


class VanishingPoint(NamedTuple):
    """Where lines meet.

    Attributes:
        x, y: px.
        left, right: length of the lines that lead there from above on that side, as a share of the width.
        sure: 0 to 1.
    """

    x: float
    y: float
    left: float
    right: float
    sure: float


def find_vanishing_point(grey: Grey) -> VanishingPoint | None:
    """The point in the picture's middle parts that most lines lead to, or None where hardly any do.

    Args:
        grey: (h, w) uint8.
    """
    height, width = grey.shape
    lines = _slanted_lines(grey)
    if len(lines) < FEWEST:
        return None
    across, down = (np.linspace(CENTRAL, 1 - CENTRAL, count) for count in PLACES)
    places = np.stack(np.meshgrid(across * width, down * height), -1).reshape(-1, 2)
    led = _led(lines, places, 1.5 * OFF).sum(1)
    point, gap = places[led.argmax()], np.array([across[1] - across[0], down[1] - down[0]]) * (width, height)
    for _ in range(HALVINGS):
        gap = gap / 2
        around = point + np.stack(np.meshgrid((-1, 0, 1), (-1, 0, 1)), -1).reshape(-1, 2) * gap
        point = around[_led(lines, around, OFF).sum(1).argmax()]
    leading = _led(lines, point[None], OFF)[0]
    usual = float(np.median(_led(lines, places[::4], OFF).sum(1)))
    total, length = float(leading.sum()), float(_lengths(lines).sum())
    on_left, above = (_middles(lines) < point).T
    left, right = (float(leading[above & side].sum()) / width for side in (on_left, ~on_left))
    less, more = sorted(float(leading[side].sum()) for side in (on_left, ~on_left))
    sure = belief_in(total / length, SHARE) * belief_in(length / width, LENGTH)
    sure *= belief_in(total / (usual + 1e-6), CONTRAST) * belief_in(less / (more + 1e-6), BALANCE)
    sure *= belief_in(_spread(lines, leading), SPREAD)
    return VanishingPoint(float(point[0]), float(point[1]), left, right, sure) if sure > 0 else None


def _slanted_lines(grey: Grey) -> Doubles:
    """Lines (N, 4) from x, y to x, y that are neither level nor upright, nor short."""
    found = _detector(get_ident()).detect(np.ascontiguousarray(grey))[0]
    if found is None:
        return np.zeros((0, 4))
    lines = found.reshape(-1, 4).astype(np.float64)
    way = lines[:, 2:] - lines[:, :2]
    slant = np.abs((np.arctan2(way[:, 1], way[:, 0]) + np.pi / 4) % (np.pi / 2) - np.pi / 4)
    return np.asarray(lines[(slant > SLANTED) & (_lengths(lines) > SHORTEST * max(grey.shape))])


def _led(lines: Doubles, places: Doubles, off: float) -> Doubles:
    """How much of the length of each of the lines (N, 4) leads to each of the places (K, 2); (K, N) px.

    A line that ends no farther from a place than it is long leads anywhere.
    """
    length = _lengths(lines)
    along = (lines[:, 2:] - lines[:, :2]) / length[:, None]
    to_x, to_y = ((places[:, None] - _middles(lines)[None])[..., axis] for axis in (0, 1))
    far = np.hypot(to_x, to_y) + 1e-6
    missed = (to_x * along[:, 1] - to_y * along[:, 0]) / (far * np.sin(off))
    return np.asarray(length * np.exp(-missed * missed) * (far > length))


def _spread(lines: Doubles, weight: Doubles) -> float:
    """How far the directions of lines (N, 4) differ: 0 where all have one, 1 where none has more than others."""
    way = (lines[:, 2] - lines[:, 0]) + 1j * (lines[:, 3] - lines[:, 1])
    return 1 - abs(complex((weight * (way / np.abs(way)) ** 2).sum())) / (float(weight.sum()) + 1e-9)


def _lengths(lines: Doubles) -> Doubles:
    return np.asarray(np.hypot(lines[:, 2] - lines[:, 0], lines[:, 3] - lines[:, 1]))


def _middles(lines: Doubles) -> Doubles:
    return (lines[:, :2] + lines[:, 2:]) / 2


@cache
def _detector(thread: int) -> Any:
    """One for each thread: it keeps what it works on."""
    return cv2.createLineSegmentDetector(cv2.LSD_REFINE_STD)
