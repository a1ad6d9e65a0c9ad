"""Compiled passes along a flow: sampling, change from frame to frame, occlusion.

Sampling is bilinear with the border repeated, as grid_sample does it and FlowNet2's Resample2d.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from secondeye.compiled import njit

F32 = NDArray[np.float32]
Mask = NDArray[np.bool_]


EXACT = {"contract", "nsz"}
"""What keeps NaN and the order of sums."""


@njit(fastmath=EXACT, error_model="numpy")
def _places(moves, y, height, corner, right, down, a, b):  # type: ignore[no-untyped-def]
    """For each pixel of row y: the upper left of the four pixels around its place, as an index into the plane, the
    steps to those right of and below it (0 on a grid line), and how far it is on its way to them."""
    width = len(corner)
    right_most, bottom_most = np.float64(width - 1), np.float64(height - 1)
    for x in range(width):
        u = min(max(x + np.float64(moves[x, 0]), 0.0), right_most)
        v = min(max(y + np.float64(moves[x, 1]), 0.0), bottom_most)
        left, top = np.int64(u), np.int64(v)
        a[x], b[x] = u - left, v - top
        corner[x] = top * width + left
        right[x] = 1 if u > left else 0
        down[x] = width if v > top else 0


@njit(fastmath=EXACT, error_model="numpy")
def _add_change(plane, before, corner, right, down, a, b, total):  # type: ignore[no-untyped-def]
    """Add the squared difference of a row from what the flattened plane shows at its places."""
    for x in range(len(before)):  # unsigned, so that nothing is asked about negative indices
        at, beside, below = np.uint64(corner[x]), np.uint64(right[x]), np.uint64(down[x])
        upper = plane[at] * (1 - a[x]) + plane[at + beside] * a[x]
        lower = plane[at + below] * (1 - a[x]) + plane[at + below + beside] * a[x]
        d = np.float32(upper * (1 - b[x]) + lower * b[x]) - before[x]
        total[x] += np.float64(d) * d


@njit(fastmath=EXACT, error_model="numpy")
def _changes(earlier, later, flow, out):  # type: ignore[no-untyped-def]
    """Of views side by side: earlier and later tuples of (C, H, W) planes, out (V, H, W)."""
    channels, height, width = earlier[0].shape
    corner, right, down = np.empty(width, np.int64), np.empty(width, np.int64), np.empty(width, np.int64)
    a, b, total = np.empty(width), np.empty(width), np.empty(width)
    for y in range(height):
        _places(flow[y], y, height, corner, right, down, a, b)
        for view in range(len(earlier)):
            planes = later[view].reshape(channels, height * width)
            total[:] = 0.0
            for c in range(channels):
                _add_change(planes[c], earlier[view][c, y], corner, right, down, a, b, total)
            line = out[view, y]
            for x in range(width):
                line[x] = total[x] / channels


@njit(fastmath=EXACT, error_model="numpy")
def _back(backward, component, top, bottom, left, right, a, b):  # type: ignore[no-untyped-def]
    upper = backward[top, left, component] * (1 - a) + backward[top, right, component] * a
    lower = backward[bottom, left, component] * (1 - a) + backward[bottom, right, component] * a
    return np.float64(np.float32(upper * (1 - b) + lower * b))


@njit(fastmath=EXACT, error_model="numpy")
def _occlusion(forward, backward, out):  # type: ignore[no-untyped-def]
    height, width, _ = forward.shape
    right_most, bottom_most = np.float64(width - 1), np.float64(height - 1)
    for y in range(height):
        here, beneath = forward[y], forward[min(y + 1, height - 1)]
        for x in range(width):
            u, v = np.float64(here[x, 0]), np.float64(here[x, 1])
            place_x, place_y = min(max(x + u, 0.0), right_most), min(max(y + v, 0.0), bottom_most)
            left, top = np.uint64(np.int64(place_x)), np.uint64(np.int64(place_y))
            a, b = place_x - left, place_y - top
            right, bottom = left + np.uint64(a > 0), top + np.uint64(b > 0)
            back_u = _back(backward, 0, top, bottom, left, right, a, b)
            back_v = _back(backward, 1, top, bottom, left, right, a, b)
            length = u * u + v * v
            there_and_back = (back_u + u) ** 2 + (back_v + v) ** 2
            lost = there_and_back > 0.01 * (back_u**2 + back_v**2 + length) + 0.5
            beside = np.uint64(min(x + 1, width - 1))
            edge = (u - here[beside, 0]) ** 2 + (v - here[beside, 1]) ** 2
            edge += (u - beneath[x, 0]) ** 2 + (v - beneath[x, 1]) ** 2
            out[y, x] = lost or edge > 0.01 * length + 0.002


def squared_changes(earlier: Sequence[F32], later: Sequence[F32], flow: F32) -> F32:
    """Squared change along the motion, mean over channels, (V, H, W): of V views that move alike.

    Args:
        earlier, later: (C, H, W) planes of two frames for each view.
        flow: (H, W, 2) x and y in px from the earlier frame's pixels to the later frame.
    """
    out = np.empty((len(earlier), *earlier[0].shape[1:]), np.float32)
    before, after = (tuple(np.ascontiguousarray(planes) for planes in views) for views in (earlier, later))
    _changes(before, after, np.ascontiguousarray(flow), out)
    return out


def occlusion(forward: F32, backward: F32) -> Mask:
    """Where the forward flow (H, W, 2) does not come back by the backward flow, or changes abruptly; see `_flow`."""
    out = np.empty(forward.shape[:2], np.bool_)
    _occlusion(np.ascontiguousarray(forward), np.ascontiguousarray(backward), out)
    return out
