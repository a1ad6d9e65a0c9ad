"""Where everything at rest that the right eye may see in one frame is in the frames around it.

    node    (column, row) of the right view and one of three disparities    ->    x, y and disparity in frame s

Nodes are moved from frame to frame by the camera's numbers; between them the motion is smooth, so that it is read off
for any pixel and any disparity by interpolation, linear over the picture and quadratic over disparity.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from secondeye.compiled import bare_step, kernel, step
from secondeye.inpainters.propagate.camera import DISPARITY_STEPS, camera_flow, growth
from secondeye.inpainters.propagate.frames import Ring

Doubles = NDArray[np.float64]
Floats = NDArray[np.float32]
Longs = NDArray[np.int64]

NODES_ACROSS, NODES_DOWN = 25, 15


class Lattice(NamedTuple):
    """Nodes of frame t, in the frames around it by how far they are away: t - reach, ..., t + reach.

    Attributes:
        curves: (2 reach + 1, rows, columns, 9) x, y px and disparity, DISPARITY_STEPS, each as the coefficients of
            1, e and e e, where e is by how many px the disparity in frame t exceeds the middle level.
        tones: (2 reach + 1, 2) gain and offset of brightness from t, grey values 0 to 255.
        slots: (2 reach + 1,) where the ring keeps these frames.
        first, last: indices of the first and the last frame of the shot that are known.
        levels: (3,) the disparities of the nodes in frame t, evenly spaced.
        gap: (2,) px from node to node, down and across.
        ahead: how many frames after t may be known, at most `reach`.
    """

    curves: Floats
    tones: Doubles
    slots: Longs
    first: int
    last: int
    levels: Doubles
    gap: Doubles
    ahead: int


def spread(ring: Ring, frame: int, oldest: int, newest: int, reaches: tuple[int, int]) -> Lattice:
    """The lattice of frame `frame` into the kept frames from `oldest` to `newest`, at most `reaches` before and after.

    The first of these is the greater.
    """
    reach, ahead = reaches
    slots, height, width = ring.disparity.shape
    least, most = ring.bounds[frame % slots] / DISPARITY_STEPS + (-1, 1)
    levels = np.array([least, 0.5 * (least + most), most])
    nodes, tones = np.zeros((2 * reach + 1, NODES_DOWN, NODES_ACROSS, 3, 3)), np.zeros((2 * reach + 1, 2))
    first, last = _joined(ring, frame, max(oldest, frame - reach), min(newest, frame + ahead))
    trace(ring, frame, (first, last), (height, width), levels, nodes, tones)
    curves = np.empty((*nodes.shape[:3], 9), np.float32)
    bend(nodes, 0.5 * (most - least), curves)
    gap = np.array([(height - 1) / (NODES_DOWN - 1), (width - 1) / (NODES_ACROSS - 1)])
    kept = (frame + np.arange(-reach, reach + 1)) % slots
    return Lattice(curves, tones, kept, first - frame + reach, last - frame + reach, levels, gap, ahead)


def _joined(ring: Ring, frame: int, oldest: int, newest: int) -> tuple[int, int]:
    """The first and the last frame that are joined to `frame` by frames of the same world."""
    slots, first, last = len(ring.joined), frame, frame
    while first > oldest and ring.joined[first % slots]:
        first -= 1
    while last < newest and ring.joined[(last + 1) % slots]:
        last += 1
    return first, last


@kernel
def trace(
    ring: Ring,
    frame: int,
    span: tuple[int, int],
    size: tuple[int, int],
    levels: Doubles,
    nodes: Doubles,
    tones: Doubles,
) -> None:
    """Write where nodes of frame `frame` are in the frames `span`, first and last, around it, and how bright."""
    reach, slots = len(nodes) // 2, len(ring.forward)
    rows, columns = nodes.shape[1], nodes.shape[2]
    tones[reach, 0], tones[reach, 1] = 1.0, 0.0
    for j in range(rows):
        for i in range(columns):
            for k in range(3):
                place = nodes[reach, j, i, k]
                place[0] = i * (size[1] - 1) / (columns - 1) + levels[k]
                place[1] = j * (size[0] - 1) / (rows - 1)
                place[2] = levels[k]
    for way in (1, -1):
        away = way
        while span[0] <= frame + away <= span[1]:
            before, at = reach + away - way, reach + away
            if way == 1:
                gain, offset = ring.tone[(frame + away) % slots]
                tones[at, 0], tones[at, 1] = gain * tones[before, 0], gain * tones[before, 1] + offset
                move(ring.forward[(frame + away - 1) % slots], ring.size, size, nodes, before, at)
            else:
                gain, offset = ring.tone[(frame + away + 1) % slots]
                tones[at, 0], tones[at, 1] = tones[before, 0] / gain, (tones[before, 1] - offset) / gain
                move(ring.backward[(frame + away + 1) % slots], ring.size, size, nodes, before, at)
            away += way


@step
def move(numbers: Doubles, small: tuple[int, int], size: tuple[int, int], nodes: Doubles, at: int, to: int) -> None:
    """Move the nodes of one frame, index `at`, to the next one, index `to`, by the camera's numbers."""
    shrink_y, shrink_x = size[0] / small[0], size[1] / small[1]
    flow = np.empty(2)
    for j in range(nodes.shape[1]):
        for i in range(nodes.shape[2]):
            for k in range(3):
                x, y, d = nodes[at, j, i, k, 0], nodes[at, j, i, k, 1], nodes[at, j, i, k, 2]
                u, v = (x + 0.5) / shrink_x - 0.5, (y + 0.5) / shrink_y - 0.5
                camera_flow(numbers, u, v, d, small[1], small[0], flow)
                nodes[to, j, i, k, 0], nodes[to, j, i, k, 1] = x + flow[0] * shrink_x, y + flow[1] * shrink_y
                nodes[to, j, i, k, 2] = d + growth(numbers, u, v, d, small[1], small[0])


@kernel
def bend(nodes: Doubles, half: float, curves: Floats) -> None:
    """Write the curves through nodes whose levels of disparity are `half` px apart."""
    for at in range(nodes.shape[0]):
        for j in range(nodes.shape[1]):
            for i in range(nodes.shape[2]):
                for c in range(3):
                    low, mid, high = nodes[at, j, i, 0, c], nodes[at, j, i, 1, c], nodes[at, j, i, 2, c]
                    scale = DISPARITY_STEPS if c == 2 else 1.0
                    curves[at, j, i, c] = scale * mid
                    curves[at, j, i, 3 + c] = scale * 0.5 * (high - low) / half
                    curves[at, j, i, 6 + c] = scale * (0.5 * (high + low) - mid) / (half * half)


@bare_step
def curves_of_row(lattice: Lattice, row: float, into: Floats) -> None:
    """Interpolate the curves of the known frames for a row of the right view, to (frames, columns, 9)."""
    curves, at = lattice.curves, row / lattice.gap[0]
    j = min(max(int(at), 0), curves.shape[1] - 2)
    b = np.float32(at - j)
    for frame in range(lattice.first, lattice.last + 1):
        for i in range(curves.shape[2]):
            for c in range(9):
                upper = curves[frame, j, i, c]
                into[frame, i, c] = upper + b * (curves[frame, j + 1, i, c] - upper)


@bare_step
def ray(curves: Floats, at: int, gap: float, column: float, into: Floats) -> None:
    """What a right pixel of a row may show in a frame: its curve, (9,), from those of the row."""
    i = min(max(int(column / gap), 0), curves.shape[1] - 2)
    a = np.float32(column / gap - i)
    for c in range(9):
        left = curves[at, i, c]
        into[c] = left + a * (curves[at, i + 1, c] - left)
