"""What is kept of the frames around the one being filled: colours, disparity, and how the camera moves."""

from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from secondeye.compiled import kernel, run_rows
from secondeye.flow import dis_flow
from secondeye.inpainters.propagate.camera import DISPARITY_STEPS, SmallView, fit_camera, mark_moving, small_view

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

FLOW_SIDE_PX = 480
"""Long side at which the camera's motion is found."""


class Ring(NamedTuple):
    """The last frames, frame number i in slot i % N.

    Attributes:
        colors: (N, H, 3 W) uint8, red, green, blue, red and so on.
        disparity: (N, H, W) int16, in DISPARITY_STEPS a px.
        bounds: (N, 2) the least and the most of each frame's.
        forward, backward: (N, 3, 7), how everything at rest moves from a frame to the next and to the one before.
        tone: (N, 2) gain and offset, grey values 0 to 255, of brightness from the frame before.
        joined: (N,) whether a frame shows the same world as the one before.
        moves: (N, h, w) where in the small frame something moves by itself.
        size: height and width of the small frames in whose px `forward` and `backward` are.
    """

    colors: NDArray[np.uint8]
    disparity: NDArray[np.int16]
    bounds: NDArray[np.int16]
    forward: Doubles
    backward: Doubles
    tone: Doubles
    joined: NDArray[np.bool_]
    moves: NDArray[np.uint8]
    size: tuple[int, int]


class Memory:
    """The ring, filled frame by frame."""

    def __init__(self, slots: int, height: int, width: int) -> None:
        factor = max(1, max(height, width) // FLOW_SIDE_PX)
        small = max(1, round(height / factor)), max(1, round(width / factor))
        self.ring = Ring(
            np.empty((slots, height, 3 * width), np.uint8),
            np.empty((slots, height, width), np.int16),
            np.empty((slots, 2), np.int16),
            np.zeros((slots, 3, 7)),
            np.zeros((slots, 3, 7)),
            np.zeros((slots, 2)),
            np.zeros(slots, np.bool_),
            np.zeros((slots, *small), np.uint8),
            small,
        )
        self._view: SmallView | None = None

    def add(self, number: int, rgb: Floats, disparity: Floats) -> None:
        """Keep frame `number`, (3, H, W) and (H, W); the one before it must have been kept last."""
        ring, slots = self.ring, len(self.ring.colors)
        before, own = (number - 1) % slots, number % slots
        colors, steps = ring.colors[own], ring.disparity[own]
        run_rows(lambda start, stop: _keep_rows(rgb, disparity, colors, steps, start, stop), len(disparity))
        ring.bounds[own] = cv2.minMaxLoc(steps)[:2]
        size = ring.size[::-1]
        small: Any = np.asarray(
            cv2.resize(colors.reshape(len(colors), -1, 3), size, interpolation=cv2.INTER_AREA), np.uint8
        )
        grey: Any = np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), np.uint8)
        view = small_view(grey, cv2.resize(steps, size, interpolation=cv2.INTER_NEAREST))
        if self._view is not None:
            flow = dis_flow(self._view.grey, grey, "ultrafast")
            camera = fit_camera(flow, self._view, view)
            mark_moving(flow, camera.ahead, self._view.soft, view.soft, self._view.disparity, ring.moves[before])
            ring.moves[own] = ring.moves[before]
            ring.forward[before], ring.backward[own] = camera.ahead, camera.back
            ring.tone[own], ring.joined[own] = camera.tone, camera.sure
        self._view = view


@kernel
def _keep_rows(
    rgb: Floats, disparity: Floats, colors: NDArray[np.uint8], steps: NDArray[np.int16], start: int, stop: int
) -> None:
    """Pack rows of one frame; plane by plane first, which is what vector instructions can do."""
    whole, half, nothing = np.float32(255), np.float32(0.5), np.float32(0)
    scale, most = np.float32(DISPARITY_STEPS), np.float32(32767)
    width = np.uint64(disparity.shape[1])
    planes = np.empty((3, width), np.uint8)
    for y in range(start, stop):
        for c in range(3):
            plane, values = planes[c], rgb[c, y]
            for x in range(width):
                plane[x] = np.uint8(min(max(values[x] * whole + half, nothing), whole))
        for x in range(width):
            colors[y, 3 * x], colors[y, 3 * x + 1], colors[y, 3 * x + 2] = planes[0, x], planes[1, x], planes[2, x]
        for x in range(width):
            steps[y, x] = np.int16(min(max(disparity[y, x] * scale, -most), most))
