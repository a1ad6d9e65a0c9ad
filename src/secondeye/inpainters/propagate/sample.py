"""Colours of a frame between its pixels, of some beside one another at once."""

import numpy as np
from numpy.typing import NDArray

from secondeye.compiled import bare_step

Floats = NDArray[np.float32]

LANES = 32
"""Colours are computed so many at once, which vector instructions want."""


@bare_step
def fetch(frames: NDArray[np.uint8], slot: int, left: int, top: int, patch: Floats) -> None:
    """Colours from (left, top) of a frame (H, 3 W) right and down, into `patch` (rows, at least 3 rows).

    As many pixels across as down are what it is for; the frame's borders are repeated for them.
    """
    height, width = frames.shape[1], frames.shape[2] // 3
    rows, numbers = patch.shape
    if left >= 0 and top >= 0 and top + rows <= height and 3 * left + numbers <= 3 * width:
        for j in range(rows):
            line, first = np.uint64(top + j), np.uint64(3 * left)
            for n in range(np.uint64(numbers)):
                patch[np.uint64(j), n] = np.float32(frames[slot, line, first + n])
    else:
        for j in range(rows):
            row = min(max(top + j, 0), height - 1)
            for m in range(3 * rows):
                patch[j, m] = frames[slot, row, 3 * min(max(left + m // 3, 0), width - 1) + m % 3]


@bare_step
def cubic(
    patch: Floats,
    x: np.float32,
    y: np.float32,
    scale: np.float32,
    offset: np.float32,
    tall: Floats,
    into: Floats,
    k: int,
) -> None:
    """The colours of a patch at (1 + x, 1 + y) and as far right and down as `into` [k] goes, times scale.

    By Catmull-Rom's cubic, whose weights are the same for all of them; `offset` is taken off before.
    """
    (a0, a1, a2, a3), (b0, b1, b2, b3) = _cubic_weights(x), _cubic_weights(y)
    for j in range(np.uint64(into.shape[1])):
        for m in range(np.uint64(into.shape[2])):
            upper = b0 * patch[j, m] + b1 * patch[j + np.uint64(1), m]
            tall[m] = upper + (b2 * patch[j + np.uint64(2), m] + b3 * patch[j + np.uint64(3), m])
        for m in range(np.uint64(into.shape[2])):
            one = a0 * tall[m] + a1 * tall[m + np.uint64(3)]
            one += a2 * tall[m + np.uint64(6)] + a3 * tall[m + np.uint64(9)]
            into[np.uint64(k), j, m] = (one - offset) * scale


@bare_step
def _cubic_weights(a: np.float32) -> tuple[np.float32, np.float32, np.float32, np.float32]:
    half, one = np.float32(0.5), np.float32(1)
    return (
        a * (a * (one - half * a) - half),
        one + a * a * (np.float32(1.5) * a - np.float32(2.5)),
        a * (half + a * (np.float32(2) - np.float32(1.5) * a)),
        a * a * (half * a - half),
    )
