"""Black bars above and below or beside the picture, which are no part of what is filmed."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.uint8]
Box = tuple[slice, slice]

BLACK = 26
"""Grey level that bars do not exceed, but for noise and letters: video's black is 16 or 0."""

MOST_LETTERS = 0.4
"""Share of a row of a bar that letters may cover."""

PICTURE = 0.7
"""Share of a row that is brighter than black, at least, where the picture begins: night skies are no bars."""

LEAST, MOST = 0.02, 0.25
"""Shares of a side that a bar takes."""

EVEN = 0.02
"""Share of a side by which two opposite bars may differ."""


Shares = NDArray[np.float32]


def bright(grey: Grey) -> tuple[Shares, Shares]:
    """Which share of each row (h,) and of each column (w,) is brighter than black."""
    mask = grey > BLACK
    return np.asarray(mask.mean(axis=1), np.float32), np.asarray(mask.mean(axis=0), np.float32)


def picture_in(frames: Sequence[tuple[Shares, Shares]], box: Box | None = None) -> Box:
    """Rows and columns that hold the picture: all of them, but for bars that all of some frames have.

    Args:
        frames: `bright` of each.
        box: where it was before; it stays where nothing is seen on its bars, as in the dark.
    """
    rows, columns = (np.max(shares, axis=0) for shares in zip(*frames, strict=True))
    if box is not None and box != (slice(0, len(rows)), slice(0, len(columns))) and not _beside(rows, columns, box):
        return box
    upright = _between(rows, len(rows))
    return upright, _between(columns * (len(rows) / (upright.stop - upright.start)), len(columns))


def with_bars(depth: NDArray[np.float32], box: Box, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Depth of the picture, its border carried on over the bars."""
    if depth.shape == shape:
        return depth
    beside = [(part.start, side - part.stop) for part, side in zip(box, shape, strict=True)]
    return np.pad(depth, beside, mode="edge")


def _beside(rows: Shares, columns: Shares, box: Box) -> bool:
    """Whether more than letters is to be seen on the bars about the box."""
    outside = [np.delete(shares, np.r_[part]) for shares, part in zip((rows, columns), box, strict=True)]
    return bool((np.concatenate(outside) > MOST_LETTERS).any())


def _between(shares: Shares, side: int) -> slice:
    """What lies between two bars."""
    picture = np.flatnonzero(shares > MOST_LETTERS)
    if picture.size == 0:
        return slice(0, side)
    first, stop = int(picture[0]), int(picture[-1]) + 1
    before, after = first / side, (side - stop) / side
    even = abs(before - after) <= EVEN and min(before, after) >= LEAST and max(before, after) <= MOST
    sharp = shares[first : first + 3].max() > PICTURE and shares[max(0, stop - 3) : stop].max() > PICTURE
    return slice(first, stop) if even and sharp else slice(0, side)
