"""Compiled passes along a flow: sampling, change from frame to frame, occlusion.

Sampling is bilinear with the border repeated, as grid_sample does it and FlowNet2's Resample2d. Neighbours mostly move
alike, so a row is cut into runs whose pixels land side by side, and each run is read as one piece:

    row y of the earlier frame    | run 0      | run 1   | 2 |
    the later frame, flattened       .....abcdefgh...  ...ijklmn...
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from secondeye.compiled import njit

F32 = NDArray[np.float32]
U8 = NDArray[np.uint8]
Mask = NDArray[np.bool_]

LANDED, OCCLUDED = 3, 4
"""Codes of pixels whose place is partly a hole, and of those whose flow does not count; 0 to 2 are regions."""

EXACT = {"contract", "nsz"}
"""What keeps NaN and the order of sums."""


@njit(fastmath=EXACT, error_model="numpy")
def _places(move_x, move_y, y, height, start, stops, a, b):  # type: ignore[no-untyped-def]
    """Where the pixels of row y land: returns the number of runs, and the steps to the pixels beside and below.

    `start`: the upper left of the four pixels around a place as an index into the flattened plane, less x, so that it
    is the same all along a run; `stops`: where runs end; a, b: how far a place is on its way to the next pixels.
    """
    width = len(start)
    last_x, last_y = np.float64(width - 1), np.float64(height - 1)
    widest, lowest = np.int32(max(width - 2, 0)), np.int32(max(height - 2, 0))
    for x in range(width):
        u = min(max(x + np.float64(move_x[x]), 0.0), last_x)
        v = min(max(y + np.float64(move_y[x]), 0.0), last_y)
        # The last pixel is taken as all of the way from the one before it, so that no place is a special case.
        left, top = min(np.int32(u), widest), min(np.int32(v), lowest)
        a[x], b[x] = u - left, v - top
        start[x] = top * np.int32(width) + left - np.int32(x)
    count = 0
    for x in range(1, width):
        if start[x] != start[x - 1]:
            stops[count] = x
            count += 1
    stops[count] = width
    return count + 1, min(width - 1, 1), width if height > 1 else 0


@njit(fastmath=EXACT, error_model="numpy")
def _sample(plane, start, stops, runs, beside, below, a, b, out):  # type: ignore[no-untyped-def]
    """What the flattened plane shows at the places of a row."""
    first = 0
    for run in range(runs):
        stop = stops[run]
        at, length = start[first] + first, stop - first
        p, q = plane[at : at + length], plane[at + beside : at + beside + length]
        r, s = plane[at + below : at + below + length], plane[at + below + beside : at + below + beside + length]
        right, down, target = a[first:stop], b[first:stop], out[first:stop]
        for x in range(length):
            upper = p[x] * (1 - right[x]) + q[x] * right[x]
            lower = r[x] * (1 - right[x]) + s[x] * right[x]
            target[x] = upper * (1 - down[x]) + lower * down[x]
        first = stop


@njit(fastmath=EXACT, error_model="numpy")
def _changes(earlier, later, move_x, move_y, out):  # type: ignore[no-untyped-def]
    """Squared change of (C, H, W) planes along the motion, mean over channels, (H, W)."""
    channels, height, width = earlier.shape
    flat = later.reshape(channels, height * width)
    start, stops = np.empty(width, np.int32), np.empty(width, np.int32)
    one, share = np.float32(1), np.float32(1 / channels)
    a, b, shown = np.full(width, one), np.full(width, one), np.full(width, one)
    for y in range(height):
        runs, beside, below = _places(move_x[y], move_y[y], y, height, start, stops, a, b)
        line = out[y]
        line[:] = 0
        for c in range(channels):
            _sample(flat[c], start, stops, runs, beside, below, a, b, shown)
            before = earlier[c, y]
            for x in range(width):
                difference = shown[x] - before[x]
                line[x] += difference * difference * share


@njit(fastmath=EXACT, error_model="numpy")
def _test(here_x, here_y, beside_x, beside_y, beneath_x, beneath_y, home_x, home_y, out):  # type: ignore[no-untyped-def]
    """Does the way there and back not end where it began, or does the motion change beside or beneath?"""
    for x in range(len(out)):
        u, v = np.float64(here_x[x]), np.float64(here_y[x])
        back_u, back_v = np.float64(home_x[x]), np.float64(home_y[x])
        length = u * u + v * v
        there_and_back = (back_u + u) ** 2 + (back_v + v) ** 2
        lost = there_and_back - (0.01 * (back_u**2 + back_v**2 + length) + 0.5)
        edge = (u - beneath_x[x]) ** 2 + (v - beneath_y[x]) ** 2
        edge += (u - beside_x[x]) ** 2 + (v - beside_y[x]) ** 2
        out[x] = max(lost, edge - (0.01 * length + 0.002)) > 0


@njit(fastmath=EXACT, error_model="numpy")
def _occlusion(move_x, move_y, back_x, back_y, out):  # type: ignore[no-untyped-def]
    height, width = out.shape
    flat_x, flat_y = back_x.reshape(height * width), back_y.reshape(height * width)
    start, stops = np.empty(width, np.int32), np.empty(width, np.int32)
    a, b = np.empty(width), np.empty(width)
    home_x, home_y = np.empty(width, np.float32), np.empty(width, np.float32)
    for y in range(height):
        here_x, here_y = move_x[y], move_y[y]
        beneath_x, beneath_y = move_x[min(y + 1, height - 1)], move_y[min(y + 1, height - 1)]
        runs, beside, below = _places(here_x, here_y, y, height, start, stops, a, b)
        _sample(flat_x, start, stops, runs, beside, below, a, b, home_x)
        _sample(flat_y, start, stops, runs, beside, below, a, b, home_y)
        line = out[y]
        _test(here_x, here_y, here_x[1:], here_y[1:], beneath_x, beneath_y, home_x, home_y, line[: width - 1])
        last = slice(width - 1, width)  # what lies beside the last pixel is itself
        own_x, own_y = here_x[last], here_y[last]
        _test(own_x, own_y, own_x, own_y, beneath_x[last], beneath_y[last], home_x[last], home_y[last], line[last])


@njit(fastmath=EXACT, error_model="numpy")
def _mark_landed(move_x, move_y, hole, near, codes):  # type: ignore[no-untyped-def]
    """`near`: where the pixel, the one beside it or one below them is of the hole, which spares nearly all a look."""
    height, width = codes.shape
    flat, flat_near = hole.reshape(height * width), near.reshape(height * width)
    start, stops = np.empty(width, np.int32), np.empty(width, np.int32)
    a, b = np.empty(width), np.empty(width)
    for y in range(height):
        _, beside, below = _places(move_x[y], move_y[y], y, height, start, stops, a, b)
        for x in range(width):
            at = start[x] + x
            if flat_near[at] and codes[y, x] == 0:
                upper = flat[at] * (1 - a[x]) + flat[at + beside] * a[x]
                lower = flat[at + below] * (1 - a[x]) + flat[at + below + beside] * a[x]
                if upper * (1 - b[x]) + lower * b[x] > 0:
                    codes[y, x] = LANDED


def squared_change(earlier: F32, later: F32, flow: F32) -> F32:
    """Squared change of a view along its motion, mean over channels, (H, W).

    Args:
        earlier, later: (C, H, W) planes of two frames.
        flow: (2, H, W) x and y in px from the earlier frame's pixels to the later frame.
    """
    out = np.empty(earlier.shape[1:], np.float32)
    _changes(np.ascontiguousarray(earlier), np.ascontiguousarray(later), *_planar(flow), out)
    return out


def occlusion(forward: F32, backward: F32) -> Mask:
    """Where the forward flow (2, H, W) does not come back by the backward flow, or changes abruptly; see `_flow`."""
    out = np.empty(forward.shape[1:], np.bool_)
    _occlusion(*_planar(forward), *_planar(backward), out)
    return out


def mark_landed(flow: F32, hole: Mask, codes: U8) -> None:
    """Make LANDED of all codes 0 whose pixel moves, in whole or in part, into a hole (H, W) of the later frame."""
    marked = hole.astype(np.uint8)
    near = cv2.dilate(marked, np.ones((2, 2), np.uint8), anchor=(0, 0))
    _mark_landed(*_planar(flow), marked, near, codes)


def _planar(flow: F32) -> tuple[F32, F32]:
    return np.ascontiguousarray(flow[0]), np.ascontiguousarray(flow[1])
