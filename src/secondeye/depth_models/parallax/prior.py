"""What a single picture suggests of depth when nothing else is known: lower is nearer, and edges hold together.

Where many lines lead to one point, as in rooms, corridors and streets, what is farther from that point is nearer.
Honest and modest: it spans half of the scale, so that a shot in which nothing moves gets half of the strength. Cues
like sharpness, warmth, segments, or what edges part from the frame's borders were measured and add nothing to it.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from secondeye.depth.smooth import filter_guided
from secondeye.depth.vanishing import VanishingPoint

Array = NDArray[np.float32]

FAR, NEAR = 0.25, 0.75
"""Inverse depth at the top and the bottom of the frame."""

EDGE_VARIANCE = 4e-3
"""Grey variance (0 to 1 squared) of edges that the ramp is bent along."""

HALF_SUPPORT = 0.25
"""Length of lines, as a share of the width, at which it is half sure that there is a wall for them to lie on."""

CEILING = 0.8
"""How near the top of the picture is, of what a wall at its border is: it may as well be the sky of a street."""


def ramp(grey: Array, meeting: VanishingPoint | None = None) -> Array:
    """Inverse depth (h, w) from 0.25 at the top to 0.75 at the bottom, bent along the edges of the picture.

    Args:
        grey: (h, w) float32, 0 to 1.
        meeting: where lines meet; 0.25 is there then, and 0.75 at the bottom and at the walls, as far as that is sure.
    """
    h, w = grey.shape
    rows = np.linspace(FAR, NEAR, h, dtype=np.float32) if h > 1 else np.full(1, (FAR + NEAR) / 2, np.float32)
    slope = np.repeat(rows[:, None], w, axis=1)
    if meeting is not None:
        slope += np.float32(meeting.sure) * (
            np.float32(FAR) + np.float32(NEAR - FAR) * _receding(h, w, meeting) - slope
        )
    radius = min(max(h, w) // 12, min(h, w) // 6)
    if radius < 2:
        return slope
    # The filter's windows are wide and its result smooth: half the size loses nothing and costs a quarter.
    half = (max(1, w // 2), max(1, h // 2))
    small, smaller = (np.asarray(cv2.resize(a, half, interpolation=cv2.INTER_AREA), np.float32) for a in (slope, grey))
    bent = filter_guided(small, smaller, max(1, radius // 2), EDGE_VARIANCE)
    return np.clip(np.asarray(cv2.resize(bent, (w, h)), np.float32), FAR, NEAR)


def _receding(height: int, width: int, meeting: VanishingPoint) -> Array:
    """How near a floor, and walls and a ceiling as far as lines speak for them, are: 0 where lines meet, (h, w)."""
    one, two = (length / (length + HALF_SUPPORT) for length in (meeting.left, meeting.right))
    x, y = np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)[:, None]
    left, right = one * (meeting.x - x) / meeting.x, two * (x - meeting.x) / (width - meeting.x)
    ceiling, floor = min(one, two) * CEILING * (meeting.y - y) / meeting.y, (y - meeting.y) / (height - meeting.y)
    nearest = np.maximum(np.maximum(left, right), np.maximum(ceiling, floor))
    return np.asarray(np.maximum(nearest, 0), np.float32)
