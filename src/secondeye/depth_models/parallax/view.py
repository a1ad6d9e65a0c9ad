"""The frames about the current one, as they are compared: in one light, without bars."""

from collections import deque
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from secondeye.depth.vanishing import VanishingPoint, find_vanishing_point
from secondeye.depth_models.parallax.bars import Box, picture_in, with_bars
from secondeye.depth_models.parallax.light import Lit, alight, in_light

Grey = NDArray[np.uint8]
Array = NDArray[np.float32]

LONGEST_GAP = 12
"""Frames between the two that are compared, at most; slow cameras need long ways."""

LOOK_AHEAD = 6
"""Frames after the current one that may be looked at, so that a shot's first frames have others to compare with."""


class View:
    """The current frame, those before it, nearest last, and those after it, of which blank ones are passed over.

    Of those after it, there may wait more than are looked at.
    """

    def __init__(self) -> None:
        self.past: deque[Lit] = deque(maxlen=LONGEST_GAP)
        self.ahead: deque[Lit] = deque()
        self._box: Box | None = None
        self._light = (1.0, 0.0)
        self._now: Lit | None = None
        self._meeting: tuple[VanishingPoint | None] | None = None

    def go_on(self) -> bool:
        """Take the next frame; whether the picture still has the place that it had within its bars."""
        self._now, before = self.ahead.popleft(), self._box
        self._meeting = None
        self._light = alight(self._now, (*self.past, *self._near))
        self._box = picture_in([frame.bright for frame in (self._now, *self._near)], before)
        return before is None or before == self._box

    def later(self, frames: int) -> "View | None":
        """What the view will be so many frames on, if none of them is passed over; None if the shot ends before."""
        if frames > len(self.ahead):
            return None
        view = View()
        view.past, view.ahead = self.past.copy(), self.ahead.copy()
        view._now, view._box = self.frame, self._box
        for _ in range(frames):
            view.past.append(view.frame)
            view.go_on()
        return view

    def shows_what(self, other: "View") -> bool:
        """Whether a comparison would find the very same in this view as in another."""
        same_place = (self._box, self._light) == (other._box, other._light)
        return same_place and [id(frame) for frame in self._about] == [id(frame) for frame in other._about]

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
    def meeting(self) -> VanishingPoint | None:
        """Where lines of the current frame meet; looked for once, on first use."""
        if self._meeting is None:
            self._meeting = (find_vanishing_point(self.grey),)
        return self._meeting[0]

    @property
    def reach(self) -> tuple[int, int]:
        """How many frames before it and after it may be compared with it."""
        return len(self.past), sum(not frame.is_blank for frame in self._near)

    def at(self, offset: int) -> Grey:
        """The frame so many after it, or before it where negative."""
        if offset < 0:
            return self._seen(self.past[offset])
        return self._seen([frame for frame in self._near if not frame.is_blank][offset - 1])

    @property
    def _near(self) -> tuple[Lit, ...]:
        return tuple(islice(self.ahead, LOOK_AHEAD))

    @property
    def _about(self) -> tuple[Lit, ...]:
        return (*self.past, self.frame, *self._near)

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
