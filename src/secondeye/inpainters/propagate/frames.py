"""What is kept of the frames around the one being filled: colours, disparity, and how the picture moves."""

from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from secondeye.compiled import kernel, run_rows
from secondeye.flow import dis_flow

Floats = NDArray[np.float32]

FLOW_SIDE_PX = 480
"""Long side at which flow is found; what it lacks in exactness is made good at full size."""

DISPARITY_STEPS = 16.0
"""Kept steps a px of disparity."""


class Ring(NamedTuple):
    """The last frames, frame number i in slot i % N.

    Attributes:
        colors: (N, H, W, 3) uint8.
        disparity: (N, H, W) int16, in DISPARITY_STEPS a px.
        forward, backward: (N, 2, h, w) float32 px of the small frame, from a frame to the next and to the one before.
        shrink: px of a frame a px of the small one.
    """

    colors: NDArray[np.uint8]
    disparity: NDArray[np.int16]
    forward: Floats
    backward: Floats
    shrink: float


class Memory:
    """The ring, filled frame by frame."""

    def __init__(self, slots: int, height: int, width: int) -> None:
        factor = max(1, max(height, width) // FLOW_SIDE_PX)
        self._size = (max(1, round(width / factor)), max(1, round(height / factor)))
        small = (slots, 2, self._size[1], self._size[0])
        self.ring = Ring(
            np.empty((slots, height, width, 3), np.uint8),
            np.empty((slots, height, width), np.int16),
            np.zeros(small, np.float32),
            np.zeros(small, np.float32),
            width / self._size[0],
        )
        self._grey: NDArray[np.uint8] | None = None

    def add(self, number: int, rgb: Floats, disparity: Floats) -> None:
        """Keep frame `number`, (3, H, W) and (H, W); the one before it must have been kept last."""
        slots = len(self.ring.colors)
        colors, steps = self.ring.colors[number % slots], self.ring.disparity[number % slots]
        run_rows(lambda start, stop: _keep_rows(rgb, disparity, colors, steps, start, stop), len(disparity))
        grey = cv2.cvtColor(cv2.resize(colors, self._size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
        small: Any = np.asarray(grey, np.uint8)
        if self._grey is not None:
            self.ring.forward[(number - 1) % slots] = dis_flow(self._grey, small, "fast")
            self.ring.backward[number % slots] = dis_flow(small, self._grey, "fast")
        self._grey = small


@kernel
def _keep_rows(
    rgb: Floats, disparity: Floats, colors: NDArray[np.uint8], steps: NDArray[np.int16], start: int, stop: int
) -> None:
    """Pack rows of one frame."""
    for y in range(start, stop):
        for x in range(disparity.shape[1]):
            for c in range(3):
                colors[y, x, c] = np.uint8(min(max(rgb[c, y, x], 0.0), 1.0) * 255.0 + 0.5)
            steps[y, x] = np.int16(min(max(disparity[y, x] * 16.0, -32767.0), 32767.0))
