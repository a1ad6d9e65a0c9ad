"""Who covers whom, where the camera stays in its place: told by what is covered and uncovered from frame to frame.

What a frame shows at a place where frames before and after it show something else, hides that: it is nearer. What is
unlike one of the two alone is hidden there, and not here: something nearer is about to cover it, or has just left it.
Neither needs the flow at the border of two things, which is wherever flow is worst.

Source: the cue is that of Mutch, Thompson, "Analysis of accretion and deletion at boundaries in dynamic scenes" (1985).
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from secondeye.flow.dense import beyond_around, stays_inside, warp_backward

Array = NDArray[np.float32]
Grey = NDArray[np.uint8]

UNLIKE = (4.0, 10.0)
"""Grey levels, in the mean of 3 x 3 px, that a place must be beyond all that another frame shows within a px of it,
to be something else perhaps, and surely: usual footage has less noise, and the camera's turn is known to a px."""


@dataclass(frozen=True)
class Occlusion:
    """Who covers whom in a frame.

    Attributes:
        covering: (h, w) 0 to 1, how sure it is that a px hides something that is to be seen before and after.
        covered: (h, w) 0 to 1, how sure it is that a px is hidden either before or after, and not in both.
    """

    covering: Array
    covered: Array


def occlusion(grey: Grey, before: tuple[Grey, Array], after: tuple[Grey, Array]) -> Occlusion:
    """Who covers whom in a frame, by one before it and one after it.

    Args:
        grey: (h, w) uint8.
        before, after: such frames in the same light, and where the camera alone takes each px of `grey` in them, (2, h,
            w) px. What leaves them counts as alike.
    """
    one, two = _unlike(grey, *before), _unlike(grey, *after)
    return Occlusion(np.minimum(one, two), np.abs(one - two))


def _unlike(grey: Grey, other: Grey, flow: Array) -> Array:
    """How sure it is that the other frame shows something else where each px goes, (h, w) 0 to 1."""
    beyond = beyond_around(grey, warp_backward(other.astype(np.float32), flow))
    off = cv2.blur(beyond * stays_inside(flow), (3, 3))
    return np.asarray(np.clip((off - UNLIKE[0]) / np.float32(UNLIKE[1] - UNLIKE[0]), 0, 1), np.float32)
