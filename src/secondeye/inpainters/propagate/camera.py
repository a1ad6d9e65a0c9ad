"""How a world at rest moves in the picture when the camera moves, told from two small frames and their disparity.

Inverse depth is disparity but for scale and shift, so between two frames the flow of everything at rest is

    horizontal    1, x, y, d, x d, x x, x y        each times a number of its own
    vertical      1, x, y, d, y d, x y, y y

whatever the camera does, as long as it does little. Fourteen numbers are told from thousands of pixels: at first from
the flow, then by comparing the frames themselves. So they are far more exact than the flow is at any place, and hold
where flow is at its worst: beside the edges of what is near, and behind it. What moves by itself is outvoted.

Source: Longuet-Higgins, Prazdny (1980) for the flow; Baker, Matthews, "Lucas-Kanade 20 years on" (2004).
"""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from secondeye.compiled import kernel, step
from secondeye.flow.linear import solve

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

DISPARITY_STEPS = 16.0
"""Kept steps a px of disparity."""

POINTS = 2000
"""About how many places of the flow are fitted."""

COMPARED = 8000
"""About how many pixels are compared."""

EDGE_REACH_PX, BLUR_REACH_PX = 6, 2
"""So near a depth edge flow, and a blurred picture, are not sure to be of one side."""


class SmallView(NamedTuple):
    """One frame at the size of its flow.

    Attributes:
        grey: (h, w) uint8.
        soft: (h, w), the same a little blurred.
        disparity: (h, w) px of the full frame.
        spread: (h, w) px, by how much disparity differs within EDGE_REACH_PX.
        close_spread: (h, w) px, within BLUR_REACH_PX.
    """

    grey: NDArray[np.uint8]
    soft: Floats
    disparity: Floats
    spread: Floats
    close_spread: Floats


def small_view(grey: NDArray[np.uint8], steps: NDArray[np.int16]) -> SmallView:
    """Make the view of a frame from its small grey and small disparity, in DISPARITY_STEPS."""
    spreads = (_spread(steps, EDGE_REACH_PX), _spread(steps, BLUR_REACH_PX))
    soft = cv2.GaussianBlur(grey.astype(np.float32), (0, 0), 0.8)
    return SmallView(grey, np.asarray(soft), steps.astype(np.float32) / np.float32(DISPARITY_STEPS), *spreads)


def _spread(steps: NDArray[np.int16], reach: int) -> Floats:
    box = np.ones((2 * reach + 1,) * 2, np.uint8)
    spread = cv2.dilate(steps, box).astype(np.float32) - cv2.erode(steps, box)
    return np.asarray(spread / np.float32(DISPARITY_STEPS), np.float32)


def fit_camera(flow: Floats, a: SmallView, b: SmallView) -> Doubles:
    """The (2, 7) numbers of the flow from view a to view b, (2, h, w) to begin with."""
    found = _fit_flow(flow, a)
    height, width = a.disparity.shape
    gap = max(1, round((height * width / COMPARED) ** 0.5))
    if min(height, width) > 8:
        _refine(found, a.soft, b.soft, a.disparity, a.close_spread, gap)
    return found


def _fit_flow(flow: Floats, view: SmallView) -> Doubles:
    """Fit a flow by reweighted least squares; places near depth edges hardly count."""
    height, width = view.disparity.shape
    gap = max(1, round((height * width / POINTS) ** 0.5))
    grid = (slice(gap // 2, None, gap), slice(gap // 2, None, gap))
    y, x = (places.ravel().astype(np.float64) for places in np.mgrid[gap // 2 : height : gap, gap // 2 : width : gap])
    weight = 1 / (1 + view.spread[grid].ravel().astype(np.float64) ** 2)
    depth = view.disparity[grid].ravel().astype(np.float64)
    x, y = x / width - 0.5, y / width - 0.5 * height / width
    bases = (
        np.stack([np.ones_like(x), x, y, depth, x * depth, x * x, x * y]),
        np.stack([np.ones_like(x), x, y, depth, y * depth, x * y, y * y]),
    )
    values = [plane[grid].ravel() for plane in flow]
    found, robust = np.zeros((2, 7)), weight
    for _ in range(4):
        off = np.zeros_like(x)
        for axis in range(2):
            matrix = (bases[axis] * robust) @ bases[axis].T
            matrix += np.diag(np.full(7, 1e-6 * np.trace(matrix) + 1e-9))
            found[axis] = np.linalg.solve(matrix, bases[axis] @ (robust * values[axis]))
            off += (values[axis] - found[axis] @ bases[axis]) ** 2
        scale = max(float(np.median(off)), 0.01)
        robust = weight / (1 + off / (4 * scale))
    return found


@kernel
def _refine(camera: Doubles, a: Floats, b: Floats, disparity: Floats, spread: Floats, gap: int) -> None:
    """Correct a camera's numbers in place until frame b, moved back by them, equals frame a."""
    height, width = a.shape
    matrix, right, row = np.empty((15, 15)), np.empty(15), np.empty(15)
    flow = np.empty(2)
    first = camera.copy()
    scale = 12.0
    for _ in range(10):
        matrix[:] = 0
        right[:] = 0
        total, squares, inside = 1e-9, 0.0, 0
        for y in range(2 + gap // 2, height - 2, gap):
            for x in range(2 + gap // 2, width - 2, gap):
                camera_flow(camera, x, y, disparity[y, x], width, height, flow)
                u, v = x + flow[0], y + flow[1]
                if not (1 <= u < width - 2 and 1 <= v < height - 2):
                    continue
                left, top = int(u), int(v)
                p, q = u - left, v - top
                upper = (1 - p) * b[top, left] + p * b[top, left + 1]
                lower = (1 - p) * b[top + 1, left] + p * b[top + 1, left + 1]
                off = (1 - q) * upper + q * lower - a[y, x]
                slope_x, slope_y = 0.5 * (a[y, x + 1] - a[y, x - 1]), 0.5 * (a[y + 1, x] - a[y - 1, x])
                weight = 1 / (1 + (off / scale) ** 2) ** 2 / (1 + (2 * spread[y, x]) ** 4)
                total += weight
                squares += weight * off * off
                inside += 1
                _row(row, x / width - 0.5, y / width - 0.5 * height / width, disparity[y, x], slope_x, slope_y)
                for i in range(15):
                    part = weight * row[i]
                    for j in range(i, 15):
                        matrix[i, j] += part * row[j]
                    right[i] -= part * off
        error = np.sqrt(squares / total)
        if inside < 100:
            camera[:] = first
            return
        scale = max(2.0 * error, 1.0)
        for i in range(15):
            for j in range(i):
                matrix[i, j] = matrix[j, i]
        trace = 0.0
        for i in range(15):
            trace += matrix[i, i]
        for i in range(15):
            matrix[i, i] += 1e-7 * trace + 1e-6
        solve(matrix, right)
        largest = 0.0
        for i in range(14):
            camera[i // 7, i % 7] += right[i]
            largest = max(largest, abs(right[i]))
        if largest < 0.02:
            return


@step
def _row(row: Doubles, x: float, y: float, depth: float, slope_x: float, slope_y: float) -> None:
    """What each of the fourteen numbers, and brightness as a whole, changes at a pixel."""
    row[0], row[1], row[2], row[3] = slope_x, slope_x * x, slope_x * y, slope_x * depth
    row[4], row[5], row[6] = slope_x * x * depth, slope_x * x * x, slope_x * x * y
    row[7], row[8], row[9], row[10] = slope_y, slope_y * x, slope_y * y, slope_y * depth
    row[11], row[12], row[13] = slope_y * y * depth, slope_y * x * y, slope_y * y * y
    row[14] = 1.0


@step
def camera_flow(camera: Doubles, x: float, y: float, disparity: float, width: int, height: int, into: Doubles) -> None:
    """Flow (2,) in small px at (x, y) of a small frame, of what has `disparity` in px of a full one."""
    x, y = x / width - 0.5, y / width - 0.5 * height / width
    u, v = camera[0], camera[1]
    into[0] = u[0] + u[1] * x + u[2] * y + u[3] * disparity + u[4] * x * disparity + u[5] * x * x + u[6] * x * y
    into[1] = v[0] + v[1] * x + v[2] * y + v[3] * disparity + v[4] * y * disparity + v[5] * x * y + v[6] * y * y
