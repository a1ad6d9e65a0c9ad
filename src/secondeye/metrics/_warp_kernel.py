"""Compiled passes along a flow: sampling, change from frame to frame, occlusion.

Sampling is bilinear with the border repeated, as grid_sample does it and FlowNet2's Resample2d.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

F32 = NDArray[np.float32]
Mask = NDArray[np.bool_]


@njit(nogil=True, error_model="numpy", cache=True)
def _place(position, last):  # type: ignore[no-untyped-def]
    """The two pixels around a position, and how far it is on its way from one to the other."""
    inside = min(max(position, 0.0), np.float64(last))
    first = int(inside)
    return first, min(first + 1, last), inside - first


@njit(nogil=True, error_model="numpy", cache=True)
def _change(earlier, later, flow, out):  # type: ignore[no-untyped-def]
    channels, height, width = earlier.shape
    for y in range(height):
        for x in range(width):
            left, right, a = _place(x + np.float64(flow[y, x, 0]), width - 1)
            top, bottom, b = _place(y + np.float64(flow[y, x, 1]), height - 1)
            total = 0.0
            for c in range(channels):
                upper = later[c, top, left] * (1 - a) + later[c, top, right] * a
                lower = later[c, bottom, left] * (1 - a) + later[c, bottom, right] * a
                d = np.float32(upper * (1 - b) + lower * b) - earlier[c, y, x]
                total += np.float64(d) * d
            out[y, x] = total / channels


@njit(nogil=True, error_model="numpy", cache=True)
def _occlusion(forward, backward, out):  # type: ignore[no-untyped-def]
    height, width, _ = forward.shape
    for y in range(height):
        for x in range(width):
            u, v = np.float64(forward[y, x, 0]), np.float64(forward[y, x, 1])
            left, right, a = _place(x + u, width - 1)
            top, bottom, b = _place(y + v, height - 1)
            back = np.zeros(2)
            for i in range(2):
                upper = backward[top, left, i] * (1 - a) + backward[top, right, i] * a
                lower = backward[bottom, left, i] * (1 - a) + backward[bottom, right, i] * a
                back[i] = np.float32(upper * (1 - b) + lower * b)
            length = u * u + v * v
            there_and_back = (back[0] + u) ** 2 + (back[1] + v) ** 2
            lost = there_and_back > 0.01 * (back[0] ** 2 + back[1] ** 2 + length) + 0.5
            edge = 0.0
            if x < width - 1:
                edge += (u - forward[y, x + 1, 0]) ** 2 + (v - forward[y, x + 1, 1]) ** 2
            if y < height - 1:
                edge += (u - forward[y + 1, x, 0]) ** 2 + (v - forward[y + 1, x, 1]) ** 2
            out[y, x] = lost or edge > 0.01 * length + 0.002


def change(earlier: F32, later: F32, flow: F32) -> F32:
    """Squared change along the motion, mean over channels, (H, W).

    Args:
        earlier, later: (C, H, W) planes of two frames.
        flow: (H, W, 2) x and y in px from the earlier frame's pixels to the later frame.
    """
    out = np.empty(earlier.shape[1:], np.float32)
    _change(earlier, later, flow, out)
    return out


def occlusion(forward: F32, backward: F32) -> Mask:
    """Where the forward flow (H, W, 2) does not come back by the backward flow, or changes abruptly; see `_flow`."""
    out = np.empty(forward.shape[:2], np.bool_)
    _occlusion(np.ascontiguousarray(forward), np.ascontiguousarray(backward), out)
    return out
