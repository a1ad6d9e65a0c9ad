"""Values known at some pixels, spread to all the others as far as the picture has no edge between.

Of all maps u the one with the least  sum w (u - value)^2 + stiffness sum e (u - u beside)^2,  where e is 1 where grey
does not change and falls fast where it does; solved line by line, down and across in turns, which comes close.

Source: Min et al., "Fast global image smoothing based on weighted least squares" (2014); a quotient of two smoothed
maps instead of one is what carries values far into what is not known.
"""

import numpy as np
from numpy.typing import NDArray

from secondeye.compiled import kernel, run_beside

Array = NDArray[np.float32]

TURNS = 3
"""Passes across and down; each is four times less stiff than the one before, which takes away streaks."""


def spread_along_edges(values: Array, weight: Array, grey: Array, stiffness: float, edge: float) -> Array:
    """Fill in what is not known, and smooth the rest.

    Args:
        values: (h, w) float32.
        weight: (h, w) float32 >= 0, how far each value is trusted; somewhere above 0.
        grey: (h, w) float32, 0 to 1.
        stiffness: how many pixels of weight 1 a step between two neighbours of the same grey counts as much as.
        edge: change of grey from one px to the next over which that falls to 1 / e.

    Returns:
        (h, w) float32.
    """
    held = _ties(grey, edge), _ties(np.ascontiguousarray(grey.T), edge)
    sums: list[Array] = [np.ascontiguousarray(values * weight), np.array(weight, np.float32)]
    for turn in range(TURNS):
        share = np.float32(stiffness * 1.5 * 4 ** (TURNS - 1 - turn) / (4**TURNS - 1))
        for ties in reversed(held):
            sums = [np.ascontiguousarray(one.T) for one in sums]
            _smooth_down(sums, ties * share)
    return np.asarray(sums[0] / np.maximum(sums[1], np.float32(1e-12)), np.float32)


def _ties(grey: Array, edge: float) -> Array:
    """How firmly each row holds on to the one below, (h, w) 0 to 1; the last to nothing."""
    ties = np.zeros_like(grey)
    ties[:-1] = np.exp(np.abs(np.diff(grey, axis=0)) * np.float32(-1 / edge))
    return ties


def _smooth_down(sums: list[Array], ties: Array) -> None:
    middle = ties.shape[1] // 2
    run_beside(
        lambda: _solve_columns(sums[0], sums[1], ties, 0, middle),
        lambda: _solve_columns(sums[0], sums[1], ties, middle, ties.shape[1]),
    )


@kernel
def _solve_columns(one: Array, other: Array, ties: Array, first: int, stop: int) -> None:
    """Solve u + ties (u - u beside) = value down each of the columns [first, stop), for two maps (h, w) in place.

    By elimination from the top and back up: Thomas's algorithm, on many columns at once.
    """
    height, width = ties.shape[0], np.uint64(stop - first)
    back = np.zeros((height, stop - first), np.float32)
    for y in range(height):
        above = max(y - 1, 0)
        a, b, tie, c = one[y, first:stop], other[y, first:stop], ties[y, first:stop], back[y]
        a_above, b_above, c_above = one[above, first:stop], other[above, first:stop], back[above]
        tie_above = ties[above, first:stop]
        for x in range(width):
            up = tie_above[x] if y > 0 else np.float32(0)
            whole = 1 / (1 + up + tie[x] - up * c_above[x])
            c[x] = tie[x] * whole
            a[x] = (a[x] + up * a_above[x]) * whole
            b[x] = (b[x] + up * b_above[x]) * whole
    for y in range(height - 2, -1, -1):
        a, b, c = one[y, first:stop], other[y, first:stop], back[y]
        a_below, b_below = one[y + 1, first:stop], other[y + 1, first:stop]
        for x in range(width):
            a[x] += c[x] * a_below[x]
            b[x] += c[x] * b_below[x]
