"""A clip's frames for one method after another: read once where they are few, read again where they are many."""

import itertools
from collections.abc import Iterator

from torch import Tensor

from secondeye.datasets import StereoFrame, StereoVideo

KEPT_BYTES = 256 * 2**20
"""So much of a clip is kept between methods; rendering or decoding it again costs more than a method's own work."""


class Footage:
    """The frames of one clip, no more than asked for.

    Args:
        video: where they come from.
        limit: frames at most; None for all.
        kept_bytes: what may be kept.
    """

    def __init__(self, video: StereoVideo, limit: int | None, kept_bytes: int = KEPT_BYTES) -> None:
        self._video, self._limit, self._room = video, limit, kept_bytes
        self._kept: list[StereoFrame] | None = None

    def frames(self) -> Iterator[StereoFrame]:
        """From the first frame on; may be begun again at any time."""
        if self._kept is not None:
            yield from self._kept
            return
        passing: list[StereoFrame] | None = []
        used = 0
        for frame in itertools.islice(self._video.frames(), self._limit):
            used += bytes_of(frame)
            if used > self._room:
                passing = None
            if passing is not None:
                passing.append(frame)
            yield frame
        self._kept = passing

    def forget(self) -> None:
        """Let go of what is kept."""
        self._kept = None


def bytes_of(frame: StereoFrame) -> int:
    """What a frame takes in memory."""
    parts = (frame.left, frame.right, frame.disparity, frame.hole)
    return sum(part.nbytes for part in parts if isinstance(part, Tensor))
