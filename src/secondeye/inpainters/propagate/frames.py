"""What is kept of the frames around the one being filled: colours, disparity, and how the picture moves."""

from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from secondeye.compiled import kernel, run_rows
from secondeye.flow import dis_flow
from secondeye.inpainters.propagate.camera import DISPARITY_STEPS, SmallView, fit_camera, small_view

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

FLOW_SIDE_PX = 480
"""Long side at which flow is found; what it lacks in exactness is made good at full size."""


class Ring(NamedTuple):
    """The last frames, frame number i in slot i % N.

    Attributes:
        colors: (N, H, W, 3) uint8.
        grey: (N, H, W) uint8.
        disparity: (N, H, W) int16, in DISPARITY_STEPS a px.
        forward, backward: (N, 2, h, w) float32 px of the small frame, from a frame to the next and to the one before.
        forward_camera, backward_camera: (N, 2, 7), the same flow as `camera_flow` explains it.
        shrink: px of a frame a px of the small one.
    """

    colors: NDArray[np.uint8]
    grey: NDArray[np.uint8]
    disparity: NDArray[np.int16]
    forward: Floats
    backward: Floats
    forward_camera: Doubles
    backward_camera: Doubles
    shrink: float


class Memory:
    """The ring, filled frame by frame."""

    def __init__(self, slots: int, height: int, width: int) -> None:
        factor = max(1, max(height, width) // FLOW_SIDE_PX)
        self._size = (max(1, round(width / factor)), max(1, round(height / factor)))
        small = (slots, 2, self._size[1], self._size[0])
        self.ring = Ring(
            np.empty((slots, height, width, 3), np.uint8),
            np.empty((slots, height, width), np.uint8),
            np.empty((slots, height, width), np.int16),
            np.zeros(small, np.float32),
            np.zeros(small, np.float32),
            np.zeros((slots, 2, 7)),
            np.zeros((slots, 2, 7)),
            width / self._size[0],
        )
        self._view: SmallView | None = None

    def add(self, number: int, rgb: Floats, disparity: Floats) -> None:
        """Keep frame `number`, (3, H, W) and (H, W); the one before it must have been kept last."""
        slots = len(self.ring.colors)
        colors, steps = self.ring.colors[number % slots], self.ring.disparity[number % slots]
        run_rows(lambda start, stop: _keep_rows(rgb, disparity, colors, steps, start, stop), len(disparity))
        grey: Any = self.ring.grey[number % slots]
        cv2.cvtColor(colors, cv2.COLOR_RGB2GRAY, dst=grey)
        small: Any = np.asarray(cv2.resize(grey, self._size, interpolation=cv2.INTER_AREA), np.uint8)
        view = small_view(small, cv2.resize(steps, self._size, interpolation=cv2.INTER_NEAREST))
        if self._view is not None:
            before, own = (number - 1) % slots, number % slots
            self.ring.forward[before] = dis_flow(self._view.grey, small, "ultrafast")
            self.ring.backward[own] = dis_flow(small, self._view.grey, "ultrafast")
            self.ring.forward_camera[before] = fit_camera(self.ring.forward[before], self._view, view)
            self.ring.backward_camera[own] = fit_camera(self.ring.backward[own], view, self._view)
        self._view = view


@kernel
def _keep_rows(
    rgb: Floats, disparity: Floats, colors: NDArray[np.uint8], steps: NDArray[np.int16], start: int, stop: int
) -> None:
    """Pack rows of one frame."""
    whole, half, nothing = np.float32(255), np.float32(0.5), np.float32(0)
    scale, most = np.float32(DISPARITY_STEPS), np.float32(32767)
    for y in range(start, stop):
        red, green, blue, row = rgb[0, y], rgb[1, y], rgb[2, y], colors[y]
        for x in range(np.uint64(disparity.shape[1])):
            row[x, 0] = np.uint8(min(max(red[x] * whole + half, nothing), whole))
            row[x, 1] = np.uint8(min(max(green[x] * whole + half, nothing), whole))
            row[x, 2] = np.uint8(min(max(blue[x] * whole + half, nothing), whole))
        for x in range(np.uint64(disparity.shape[1])):
            steps[y, x] = np.int16(min(max(disparity[y, x] * scale, -most), most))
