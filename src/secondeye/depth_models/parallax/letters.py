"""Subtitles and the like: letters that stand still while the scene moves, and belong to no place in it.

With the depth of what is behind them they would be torn. So each line has one depth, no farther than what it covers.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.uint8]
Array = NDArray[np.float32]
Mask = NDArray[np.bool_]

CONTRAST, BRIGHT = 90, 180
"""Grey levels between a letter and what is around it, and of the letter itself, at least."""

STILL = 10
"""Grey levels by which a px of a letter differs from itself in another frame, at most."""

LEAST_STILL = 0.8
"""Share of what has contrast about a px of a letter that stands still."""

MOST_STILL = 0.5
"""Share of what has as much contrast, in the frame and about a line, that may stand still: beyond it, it is the camera
that does."""

HEIGHTS = 0.02, 0.14
"""Of the frame's height: how high a line is."""

PLACES = 0.2, 0.65
"""Of the frame's height: between them are no subtitles, but much stands still there when a camera goes forward."""

LEAST_WIDE, LEAST_FULL = 2.0, 0.15
"""A line is so many times as wide as it is high, at least, and letters cover that share of it."""

LETTERS_APART, WORDS_APART, RIM_PX = 0.04, 0.12, 2
"""Of the frame's width: what is closer is one word, and one line; and how far beyond its letters a line reaches."""

SEEN_RATE, SEEN = 0.5, 0.3
"""How far what is known goes to what is seen, at once, and from where on it counts."""

COVERED = 90
"""Percentile of the depth behind a line that it is given: that of the nearest but for outliers."""

EASED = 0.01
"""By how much a line's depth changes from a frame to the next."""


class Letters:
    """The lines of text in one shot."""

    def __init__(self) -> None:
        self._seen: Array = np.zeros((0, 0), np.float32)
        self._depth: Array = self._seen

    def place(self, depth: Array, grey: Grey, others: Sequence[Grey]) -> Array:
        """Give each line one depth.

        Args:
            depth: (h, w) inverse depth of the scene.
            grey: (h, w), the frame.
            others: frames some way off, each (h, w).

        Returns:
            (h, w) inverse depth; the same array where there are no letters.
        """
        lines = _lines(grey, others)
        if self._seen.shape != grey.shape:
            self._seen, self._depth = np.zeros(grey.shape, np.float32), np.full(grey.shape, np.nan, np.float32)
        self._seen = self._seen + np.float32(SEEN_RATE) * (lines - self._seen)
        mask: Mask = np.asarray(self._seen > SEEN, np.bool_)
        if not mask.any():
            self._depth.fill(np.nan)
            return depth
        return self._placed(depth, mask)

    def _placed(self, depth: Array, mask: Mask) -> Array:
        placed, known = depth.copy(), np.full_like(depth, np.nan)
        count, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)
        for label in range(1, count):
            line = labels == label
            wanted = float(np.percentile(depth[line], COVERED))
            before = self._depth[line]
            if not np.isnan(before).all():
                last = float(np.nanmedian(before))
                wanted = last + float(np.clip(wanted - last, -EASED, EASED))
            placed[line] = known[line] = wanted
        self._depth = known
        return placed


def _lines(grey: Grey, others: Sequence[Grey]) -> Array:
    """Where lines of letters are, (h, w) 0 or 1."""
    strong = _strong(grey)
    if not others or not strong.any():
        return np.zeros(grey.shape, np.float32)
    weight = cv2.blur(strong, (5, 5)).astype(np.int16)
    unmoved = [cv2.threshold(cv2.absdiff(grey, one), STILL - 1, 255, cv2.THRESH_BINARY_INV)[1] for one in others]
    share = np.max([cv2.blur(cv2.bitwise_and(strong, same), (5, 5)) for same in unmoved], axis=0).astype(np.int16)
    letters = (strong > 0) & (5 * share > round(5 * LEAST_STILL) * weight)
    if letters.sum() > MOST_STILL * (strong > 0).sum():
        return np.zeros(grey.shape, np.float32)
    bright = cv2.dilate(grey, np.ones((5, 5), np.uint8)) > BRIGHT
    return _boxes(letters & bright, strong > 0, letters)


def _strong(grey: Grey) -> Grey:
    """255 where there is contrast along the row: horizontal edges seem to stand still where they move sideways."""
    along = np.ones((1, 5), np.uint8)
    contrast = cv2.subtract(cv2.dilate(grey, along), cv2.erode(grey, along))
    return np.asarray(cv2.threshold(contrast, CONTRAST, 255, cv2.THRESH_BINARY)[1], np.uint8)


def _boxes(letters: Mask, strong: Mask, still: Mask) -> Array:
    """Boxes about what forms lines and stands still where what is around it moves, 1 in them."""
    height = letters.shape[0]
    _, _, stats, _ = cv2.connectedComponentsWithStats(_joined(letters, LETTERS_APART), connectivity=8)
    lines = np.zeros(letters.shape, np.uint8)
    for left, top, wide, high, _area in stats[1:]:
        box, around = _box(left, top, wide, high, RIM_PX), _box(left, top, wide, high, 2 * high)
        in_height = HEIGHTS[0] * height <= high <= HEIGHTS[1] * height
        full = letters[top : top + high, left : left + wide].mean() > LEAST_FULL
        edge = not PLACES[0] * height < top + high / 2 < PLACES[1] * height
        moving = still[around].sum() - still[box].sum() < MOST_STILL * (strong[around].sum() - strong[box].sum())
        if edge and in_height and full and moving and wide >= LEAST_WIDE * high:
            lines[box] = 1
    return np.asarray(_joined(lines, WORDS_APART), np.float32)


def _box(left: int, top: int, wide: int, high: int, rim: int) -> tuple[slice, slice]:
    return slice(max(0, top - rim), top + high + rim), slice(max(0, left - rim), left + wide + rim)


def _joined(mask: NDArray[np.uint8] | Mask, share: float) -> NDArray[np.uint8]:
    """What is no farther apart along the row than a share of its length, as one."""
    reach = np.ones((1, max(3, round(mask.shape[1] * share))), np.uint8)
    return np.asarray(cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_CLOSE, reach), np.uint8)
