"""The frames about the current one, as they are compared: in one light, without bars."""

from collections import deque

import numpy as np
from numpy.typing import NDArray

from secondeye.depth_models.parallax.bars import Box, picture_in, with_bars
from secondeye.depth_models.parallax.light import Lit, alight, in_light

Grey = NDArray[np.uint8]
Array = NDArray[np.float32]


class View:
    """The current frame, those before it, nearest last, and those after it, of which blank ones are passed over."""

    def __init__(self, longest: int) -> None:
        self.past: deque[Lit] = deque(maxlen=longest)
        self.ahead: deque[Lit] = deque()
        self._box: Box | None = None
        self._light = (1.0, 0.0)
        self._now: Lit | None = None

    def go_on(self) -> bool:
        """Take the next frame; whether the picture still has the place that it had within its bars."""
        self._now, before = self.ahead.popleft(), self._box
        about = (self._now, *self.ahead)
        self._light = alight(self._now, (*self.past, *self.ahead))
        self._box = picture_in([frame.bright for frame in about], before)
        return before is None or before == self._box

    @property
    def frame(self) -> Lit:
        """The current frame as it came."""
        assert self._now is not None
        return self._now

    @property
    def grey(self) -> Grey:
        """The current frame."""
        return self._seen(self.frame)

    @property
    def reach(self) -> tuple[int, int]:
        """How many frames before it and after it may be compared with it."""
        return len(self.past), sum(not frame.is_blank for frame in self.ahead)

    def at(self, offset: int) -> Grey:
        """The frame so many after it, or before it where negative."""
        if offset < 0:
            return self._seen(self.past[offset])
        return self._seen([frame for frame in self.ahead if not frame.is_blank][offset - 1])

    def framed(self, depth: Array) -> Array:
        """Depth of the picture as one of the whole frame."""
        assert self._box is not None
        return with_bars(depth, self._box, self.frame.grey.shape)

    def cut_out(self, depth: Array) -> Array:
        """What of a whole frame's depth belongs to the picture."""
        assert self._box is not None
        return np.ascontiguousarray(depth[self._box])

    def _seen(self, frame: Lit) -> Grey:
        assert self._box is not None
        return np.ascontiguousarray(in_light(frame, self._light)[self._box])
