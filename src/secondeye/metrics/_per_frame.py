"""The meter of nearly every metric: a number for each frame and region, and their mean over the clip."""

import math
from collections.abc import Callable, Mapping

from secondeye.errors import InputError
from secondeye.metrics import Pair, Region, Score


class MeanOfFrames:
    """Mean over frames of what `frame_scores` says; frames without a number (NaN) do not count.

    Args:
        frame_scores: the number of one frame, by region.
        every: look at each `every`-th frame only; the others have no number.
    """

    def __init__(self, frame_scores: Callable[[Pair], Mapping[Region, float]], every: int = 1) -> None:
        if every < 1:
            raise InputError(f"every {every} must be at least 1: each how many frames to look at one")
        self._frame_scores, self._every = frame_scores, every
        self._count = 0
        self._frames: dict[Region, list[float]] = {}

    def update(self, pair: Pair) -> None:
        """See the next frame."""
        found = self._frame_scores(pair) if self._count % self._every == 0 else {}
        seen: set[Region] = {"whole", *found, *self._frames}
        for region in seen:
            past = self._frames.setdefault(region, [math.nan] * self._count)
            past.append(found.get(region, math.nan))
        self._count += 1

    def finish(self) -> dict[Region, Score]:
        """The clip's means, "whole" among them even if no frame was seen."""
        return {region: mean_score(frames) for region, frames in (self._frames or {"whole": []}).items()}


def mean_score(frames: list[float]) -> Score:
    """A clip's score as the mean of its frames' numbers."""
    known = [value for value in frames if not math.isnan(value)]
    return Score(sum(known) / len(known) if known else math.nan, tuple(frames))
