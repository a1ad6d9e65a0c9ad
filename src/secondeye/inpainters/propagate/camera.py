"""How a world at rest moves in the picture when the camera moves, told from two small frames and their disparity.

Inverse depth is disparity but for scale and shift, so between two frames the flow of everything at rest is

    horizontal    1, x, y, d, x d, x x, x y        each times a number of its own
    vertical      1, x, y, d, y d, x y, y y
    disparity     1, x, y, d, x d, y d, d d        what it grows by, for what comes nearer is displaced more

whatever the camera does, as long as it does little. These numbers are told from thousands of pixels: those of the flow
at first from a flow, then by comparing the frames themselves. So they are far more exact than the flow is at any
place, and hold where flow is at its worst: beside the edges of what is near, and behind it. What moves by itself is
outvoted.

Source: Longuet-Higgins, Prazdny (1980) for the flow; Baker, Matthews, "Lucas-Kanade 20 years on" (2004).
"""

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from secondeye.compiled import bare_step, kernel, step
from secondeye.flow.linear import mirror, solve_ridged

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Array = Floats | Doubles

DISPARITY_STEPS = 16.0
"""Kept steps a px of disparity."""

POINTS = 2000
"""About how many places of the flow are fitted."""

COMPARED = 14000
"""About how many pixels are compared; first a quarter of them, until little changes."""

BLUR_PX = 1.2
"""Standard deviation of the blur before frames are compared: slopes of sharper pictures do not reach a pixel far."""

STEEP = 6.0
"""Slope, grey values a px, from which pixels count less: an edge tells where it is, but is first to be misjudged."""

EDGE_REACH_PX, BLUR_REACH_PX = 6, 2
"""So near a depth edge flow, and a blurred picture, are not sure to be of one side."""

ODD_PX, ODD_SHARE = 1.0, 0.1
"""A flow that differs from the camera's by more than so many px and that share of it may be something's own."""

UNLIKE_GREY, UNLIKE_SHARE = 2.0, 1.5
"""It is, if the camera's explains the picture worse than so many times as badly, and so many grey values more."""

FLOW_NOISE_PX, EXACT_PX = 0.1, 0.01
"""What flow, and what is known exactly, is off at the least: nothing that is off by less is outvoted."""

RIDGE = 1e-7
"""Share of the trace that holds the numbers that a picture does not tell."""

SAME_WORLD = 0.5
"""Correlation of two frames, one moved onto the other, below which they do not show the same."""


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


class Camera(NamedTuple):
    """How everything at rest goes from one frame to another, and back.

    Attributes:
        ahead, back: (3, 7), see the module.
        tone: (2,) gain and offset, grey values 0 to 255, of brightness.
        sure: whether the two frames show the same world at all.
    """

    ahead: Doubles
    back: Doubles
    tone: Doubles
    sure: bool


def small_view(grey: NDArray[np.uint8], steps: NDArray[np.int16]) -> SmallView:
    """Make the view of a frame from its small grey and small disparity, in DISPARITY_STEPS."""
    spreads = (_spread(steps, EDGE_REACH_PX), _spread(steps, BLUR_REACH_PX))
    soft = cv2.GaussianBlur(grey.astype(np.float32), (0, 0), BLUR_PX)
    return SmallView(grey, np.asarray(soft), steps.astype(np.float32) / np.float32(DISPARITY_STEPS), *spreads)


def _spread(steps: NDArray[np.int16], reach: int) -> Floats:
    box = np.ones((2 * reach + 1,) * 2, np.uint8)
    spread = cv2.dilate(steps, box).astype(np.float32) - cv2.erode(steps, box)
    return np.asarray(spread / np.float32(DISPARITY_STEPS), np.float32)


def fit_camera(flow: Floats, a: SmallView, b: SmallView) -> Camera:
    """The camera from view a to view b, whose flow (2, h, w) is to begin with."""
    height, width = a.disparity.shape
    numbers = np.zeros((3, 7))
    places = _places(a)
    basis = _basis(*places, height, width)
    spread = a.spread[_indices(*places)].astype(np.float64)
    begun = [plane[_indices(*places)] for plane in flow]
    numbers[:2] = _fit(begun, basis[:2], 1 / (1 + spread**2), FLOW_NOISE_PX)
    if min(height, width) > 8:
        gap = max(1, round((height * width / COMPARED) ** 0.5))
        _refine(numbers, a.soft, b.soft, a.disparity, a.close_spread, 2 * gap)
        _refine(numbers, a.soft, b.soft, a.disparity, a.close_spread, gap)
    to_x, to_y = places[0] + numbers[0] @ basis[0], places[1] + numbers[1] @ basis[1]
    inside = (to_x >= 0) & (to_x <= width - 1) & (to_y >= 0) & (to_y <= height - 1)
    there = _indices(np.where(inside, to_x, 0), np.where(inside, to_y, 0))
    weight = inside / (1 + (spread + b.spread[there]) ** 2)
    numbers[2] = _fit([b.disparity[there] - places[2]], basis[2:], weight, EXACT_PX)[0]
    tone, sure = _compare(a.soft[_indices(*places)], b.soft[there], weight)
    grown = places[2] + numbers[2] @ basis[2]
    back = _basis(to_x, to_y, grown, height, width)
    ways = (places[0] - to_x, places[1] - to_y, places[2] - grown)
    returning = [_fit([way], (one,), inside + 1e-6, EXACT_PX)[0] for way, one in zip(ways, back, strict=True)]
    return Camera(numbers, np.stack(returning), tone, sure)


def _places(view: SmallView) -> tuple[Doubles, Doubles, Doubles]:
    """x, y and disparity of about POINTS places, evenly spread."""
    height, width = view.disparity.shape
    gap = max(1, round((height * width / POINTS) ** 0.5))
    y, x = (places.ravel() for places in np.mgrid[gap // 2 : height : gap, gap // 2 : width : gap])
    return x.astype(np.float64), y.astype(np.float64), view.disparity[y, x].astype(np.float64)


def _indices(x: Doubles, y: Doubles, *_: Doubles) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows and columns of the pixels nearest to places."""
    return np.rint(y).astype(np.intp), np.rint(x).astype(np.intp)


def _basis(x: Doubles, y: Doubles, depth: Doubles, height: int, width: int) -> tuple[Doubles, Doubles, Doubles]:
    """What each of the numbers of the flow across, down, and of the growth of disparity is multiplied with; (7, K)."""
    one, x, y = np.ones_like(x), x / width - 0.5, y / width - 0.5 * height / width
    across = np.stack([one, x, y, depth, x * depth, x * x, x * y])
    down = np.stack([one, x, y, depth, y * depth, x * y, y * y])
    return across, down, np.stack([one, x, y, depth, x * depth, y * depth, depth * depth])


def _fit(values: Sequence[Array], bases: Sequence[Doubles], weight: Doubles, least_px: float) -> Doubles:
    """Fit N values (K,) at once by reweighted least squares, so that what moves by itself is outvoted; (N, 7)."""
    found, robust = np.zeros((len(bases), 7)), weight
    for _ in range(4):
        found = np.stack([_solve(value, basis, robust) for value, basis in zip(values, bases, strict=True)])
        off = sum((value - row @ basis) ** 2 for value, row, basis in zip(values, found, bases, strict=True))
        robust = weight / (1 + off / (4 * max(float(np.median(off)), least_px**2)))
    return found


def _solve(values: Array, basis: Doubles, weight: Doubles) -> Doubles:
    matrix = (basis * weight) @ basis.T
    matrix += np.diag(1e-6 * np.diag(matrix) + 1e-9)
    return np.asarray(np.linalg.solve(matrix, basis @ (weight * values)))


def _compare(a: Floats, b: Floats, weight: Doubles) -> tuple[Doubles, bool]:
    """Gain and offset from grey values a to b that show the same, and whether they do.

    The gain is the ratio of the deviations: a regression would make it smaller the less exactly a and b match.
    """
    robust, tone, match = weight, np.array([1.0, 0.0]), 0.0
    for _ in range(3):
        total = robust.sum() + 1e-9
        mean_a, mean_b = (robust * a).sum() / total, (robust * b).sum() / total
        square_a, square_b = ((robust * (v - m) ** 2).sum() / total for v, m in ((a, mean_a), (b, mean_b)))
        match = ((robust * (a - mean_a) * (b - mean_b)).sum() / total + 1) / ((square_a + 1) * (square_b + 1)) ** 0.5
        gain = ((square_b + 1) / (square_a + 1)) ** 0.5
        tone = np.array([gain, mean_b - gain * mean_a])
        off = (b - tone[0] * a - tone[1]) ** 2
        robust = weight / (1 + off / (4 * max(float(np.median(off)), 0.25)))
    return tone, bool(match > SAME_WORLD)


@kernel
def _refine(numbers: Doubles, a: Floats, b: Floats, disparity: Floats, spread: Floats, gap: int) -> None:
    """Correct the numbers of a flow in place until frame b, moved back by it, equals frame a."""
    height, width = a.shape
    matrix, right, row = np.empty((15, 15)), np.empty(15), np.empty(15)
    flow = np.empty(2)
    first = numbers.copy()
    scale = 12.0
    for _ in range(10):
        matrix[:] = 0
        right[:] = 0
        total, squares, inside = 1e-9, 0.0, 0
        for y in range(2 + gap // 2, height - 2, gap):
            for x in range(2 + gap // 2, width - 2, gap):
                camera_flow(numbers, x, y, disparity[y, x], width, height, flow)
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
                weight /= 1 + (slope_x * slope_x + slope_y * slope_y) / (STEEP * STEEP)
                total += weight
                squares += weight * off * off
                inside += 1
                _row(row, x / width - 0.5, y / width - 0.5 * height / width, disparity[y, x], slope_x, slope_y)
                for i in range(15):
                    part = weight * row[i]
                    for j in range(np.uint64(i + 1)):
                        matrix[i, j] += part * row[j]
                    right[i] -= part * off
        if inside < 100:
            numbers[:] = first
            return
        scale = max(2.0 * np.sqrt(squares / total), 1.0)
        if _correct(numbers, matrix, right) < 0.02:
            return


@step
def _correct(numbers: Doubles, matrix: Doubles, right: Doubles) -> float:
    """Solve for a correction, of which the lower half of the matrix is known, and apply it; its largest number."""
    mirror(matrix)
    solve_ridged(matrix, right, RIDGE)
    largest = 0.0
    for i in range(14):
        numbers[i // 7, i % 7] += right[i]
        largest = max(largest, abs(right[i]))
    return largest


@bare_step
def _row(row: Doubles, x: float, y: float, depth: float, slope_x: float, slope_y: float) -> None:
    """What each of the fourteen numbers, and brightness as a whole, changes at a pixel."""
    row[0], row[1], row[2], row[3] = slope_x, slope_x * x, slope_x * y, slope_x * depth
    row[4], row[5], row[6] = slope_x * x * depth, slope_x * x * x, slope_x * x * y
    row[7], row[8], row[9], row[10] = slope_y, slope_y * x, slope_y * y, slope_y * depth
    row[11], row[12], row[13] = slope_y * y * depth, slope_y * x * y, slope_y * y * y
    row[14] = 1.0


@bare_step
def camera_flow(numbers: Doubles, x: float, y: float, disparity: float, width: int, height: int, into: Doubles) -> None:
    """Flow (2,) in small px at (x, y) of a small frame, of what has `disparity` in px of a full one."""
    x, y = x / width - 0.5, y / width - 0.5 * height / width
    both = x * y
    into[0] = numbers[0, 0] + numbers[0, 1] * x + numbers[0, 2] * y + numbers[0, 5] * x * x + numbers[0, 6] * both
    into[0] += (numbers[0, 3] + numbers[0, 4] * x) * disparity
    into[1] = numbers[1, 0] + numbers[1, 1] * x + numbers[1, 2] * y + numbers[1, 5] * both + numbers[1, 6] * y * y
    into[1] += (numbers[1, 3] + numbers[1, 4] * y) * disparity


@bare_step
def growth(numbers: Doubles, x: float, y: float, disparity: float, width: int, height: int) -> float:
    """By how many px of a full frame disparity grows at (x, y) of a small one."""
    x, y = x / width - 0.5, y / width - 0.5 * height / width
    linear = numbers[2, 0] + numbers[2, 1] * x + numbers[2, 2] * y
    scale = numbers[2, 3] + numbers[2, 4] * x + numbers[2, 5] * y + numbers[2, 6] * disparity
    return float(linear + scale * disparity)


@kernel
def mark_moving(
    flow: Floats, numbers: Doubles, a: Floats, b: Floats, disparity: Floats, moves: NDArray[np.uint8]
) -> None:
    """Mark where frame b shows what frame a does by a flow (2, h, w), and not where the camera should have moved it."""
    height, width = disparity.shape
    own = np.empty(2)
    for y in range(height):
        for x in range(width):
            camera_flow(numbers, x, y, disparity[y, x], width, height, own)
            off_x, off_y = flow[0, y, x] - own[0], flow[1, y, x] - own[1]
            odd = ODD_PX + ODD_SHARE * np.hypot(own[0], own[1])
            moves[y, x] = 0
            if off_x * off_x + off_y * off_y > odd * odd:
                still = _unlike(a, b, y, x, own[0], own[1])
                moves[y, x] = still > UNLIKE_GREY + UNLIKE_SHARE * _unlike(a, b, y, x, flow[0, y, x], flow[1, y, x])


@bare_step
def _unlike(a: Floats, b: Floats, y: int, x: int, across: float, down: float) -> float:
    """Mean difference in grey of 3x3 pixels of two frames, every second one, one frame moved."""
    height, width = a.shape
    total = 0.0
    for j in range(-2, 3, 2):
        for i in range(-2, 3, 2):
            row, column = min(max(y + j, 0), height - 1), min(max(x + i, 0), width - 1)
            v, u = min(max(int(row + down + 0.5), 0), height - 1), min(max(int(column + across + 0.5), 0), width - 1)
            total += abs(a[row, column] - b[v, u])
    return total / 9
