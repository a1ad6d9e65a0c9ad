"""Where everything at rest that the right eye may see in one frame is in the frames around it.

    node    (column, row) of the right view and one of three disparities    ->    x, y and disparity in frame s

Nodes are moved from frame to frame by the camera's numbers; between them the motion is smooth, so that it is read off
for any pixel and any disparity by interpolation, linear over the picture and quadratic over disparity.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from secondeye.compiled import kernel, step
from secondeye.inpainters.propagate.camera import DISPARITY_STEPS, camera_flow, growth
from secondeye.inpainters.propagate.frames import Ring

Doubles = NDArray[np.float64]

NODES_ACROSS, NODES_DOWN = 25, 15


class Lattice(NamedTuple):
    """Nodes of frame t, in the frames around it by how far they are away: t - reach, ..., t + reach.

    Attributes:
        nodes: (2 reach + 1, rows, columns, 3 disparities, 3) x, y px and disparity.
        tones: (2 reach + 1, 2) gain and offset of brightness from t, grey values 0 to 255.
        first, last: indices of the first and the last frame of the shot that are known.
        levels: (3,) the disparities of the nodes in frame t, evenly spaced.
        gap: (2,) px from node to node, down and across.
    """

    nodes: Doubles
    tones: Doubles
    first: int
    last: int
    levels: Doubles
    gap: Doubles


def spread(ring: Ring, frame: int, oldest: int, newest: int, reach: int) -> Lattice:
    """The lattice of frame `frame` into the kept frames from `oldest` to `newest`, at most `reach` away."""
    slots, height, width = ring.disparity.shape
    steps = ring.disparity[frame % slots]
    low, high = float(steps.min()) / DISPARITY_STEPS - 1, float(steps.max()) / DISPARITY_STEPS + 1
    levels = np.array([low, 0.5 * (low + high), high])
    nodes, tones = np.zeros((2 * reach + 1, NODES_DOWN, NODES_ACROSS, 3, 3)), np.zeros((2 * reach + 1, 2))
    first, last = _joined(ring, frame, max(oldest, frame - reach), min(newest, frame + reach))
    trace(ring, frame, (first, last), (height, width), levels, nodes, tones)
    gap = np.array([(height - 1) / (NODES_DOWN - 1), (width - 1) / (NODES_ACROSS - 1)])
    return Lattice(nodes, tones, first - frame + reach, last - frame + reach, levels, gap)


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
                move(ring.forward[(frame + away - 1) % slots], ring.size, size, nodes[before], nodes[at])
            else:
                gain, offset = ring.tone[(frame + away + 1) % slots]
                tones[at, 0], tones[at, 1] = tones[before, 0] / gain, (tones[before, 1] - offset) / gain
                move(ring.backward[(frame + away + 1) % slots], ring.size, size, nodes[before], nodes[at])
            away += way


@step
def move(numbers: Doubles, small: tuple[int, int], size: tuple[int, int], nodes: Doubles, into: Doubles) -> None:
    """Move nodes of one frame to the next by the camera's numbers."""
    shrink_y, shrink_x = size[0] / small[0], size[1] / small[1]
    flow = np.empty(2)
    for j in range(nodes.shape[0]):
        for i in range(nodes.shape[1]):
            for k in range(3):
                before, place = nodes[j, i, k], into[j, i, k]
                x, y = (before[0] + 0.5) / shrink_x - 0.5, (before[1] + 0.5) / shrink_y - 0.5
                camera_flow(numbers, x, y, before[2], small[1], small[0], flow)
                place[0], place[1] = before[0] + flow[0] * shrink_x, before[1] + flow[1] * shrink_y
                place[2] = before[2] + growth(numbers, x, y, before[2], small[1], small[0])


@step
def ray(nodes: Doubles, index: int, gap: Doubles, column: float, row: float, into: Doubles) -> None:
    """What a right pixel may show in another frame: x, y and disparity there as polynomials of s.

    s is -1, 0 and 1 at the three levels of disparity in frame t.

    Args:
        nodes: see `Lattice`; index: of the other frame.
        into: (3, 3) coefficients of 1, s and s s, written.
    """
    j = min(max(int(row / gap[0]), 0), nodes.shape[1] - 2)
    i = min(max(int(column / gap[1]), 0), nodes.shape[2] - 2)
    b, a = row / gap[0] - j, column / gap[1] - i
    w00, w01, w10, w11 = (1 - b) * (1 - a), (1 - b) * a, b * (1 - a), b * a
    for c in range(3):
        low = w00 * nodes[index, j, i, 0, c] + w01 * nodes[index, j, i + 1, 0, c]
        low += w10 * nodes[index, j + 1, i, 0, c] + w11 * nodes[index, j + 1, i + 1, 0, c]
        mid = w00 * nodes[index, j, i, 1, c] + w01 * nodes[index, j, i + 1, 1, c]
        mid += w10 * nodes[index, j + 1, i, 1, c] + w11 * nodes[index, j + 1, i + 1, 1, c]
        high = w00 * nodes[index, j, i, 2, c] + w01 * nodes[index, j, i + 1, 2, c]
        high += w10 * nodes[index, j + 1, i, 2, c] + w11 * nodes[index, j + 1, i + 1, 2, c]
        into[c, 0], into[c, 1], into[c, 2] = mid, 0.5 * (high - low), 0.5 * (high + low) - mid


@step
def along(ray: Doubles, s: float) -> tuple[float, float, float]:
    """x, y and disparity in another frame at s on a ray (3, 3)."""
    x = ray[0, 0] + s * (ray[0, 1] + s * ray[0, 2])
    y = ray[1, 0] + s * (ray[1, 1] + s * ray[1, 2])
    return x, y, ray[2, 0] + s * (ray[2, 1] + s * ray[2, 2])
