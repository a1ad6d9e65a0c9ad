"""What a right view's timing gives away: frames that stand still, frames that come early or late.

Frames are compared small and grey, so a clip of any length needs the memory of a few thumbnails.
"""

from collections import deque

import cv2
import numpy as np
from numpy.typing import NDArray

from secondeye.metrics import Pair, View
from secondeye.metrics._views import grey8

F32 = NDArray[np.float32]

WIDTH_PX = 160
MAX_LAG = 10
"""Frames that a view may be early or late by and be found out; 0.4 s at 25 Hz."""

SIDEWAYS_PX = 4
"""How far thumbnails are moved against each other; a fortieth of the width."""

STILL = 0.1
"""A frame stands still where it changes by less than this share of what the truth changes by."""

LEAST_CHANGE = 0.1
"""Change of the truth, in 8-bit steps, below which it stands still itself and nothing can be said."""


def thumbnail(pair: Pair, view: View) -> F32:
    """A view in grey, at most 160 px wide, averaged over what each of its pixels covers."""

    def make() -> F32:
        scale = min(1.0, WIDTH_PX / pair.size[1])
        height, width = (max(1, round(side * scale)) for side in pair.size)
        small = cv2.resize(grey8(pair, view).astype(np.float32), (width, height), interpolation=cv2.INTER_AREA)
        return np.asarray(small, np.float32)

    return pair.memo_of(view).get(("thumbnail", view), make)


def difference(a: F32, b: F32) -> float:
    """Root mean square difference in 8-bit steps."""
    return float(np.sqrt(np.square(a - b).mean(dtype=np.float64)))


class Stillness:
    """The share of moving frames in which the judged view stands still."""

    def __init__(self) -> None:
        self._before: tuple[F32, F32] | None = None
        self.moving = 0
        self.still = 0

    def update(self, pair: Pair) -> None:
        """See the next frame; the left view stands in for a truth that is not there."""
        reference: View = "left" if pair.truth is None else "truth"
        now = thumbnail(pair, "right"), thumbnail(pair, reference)
        if self._before is not None:
            change, true_change = (difference(a, b) for a, b in zip(now, self._before, strict=True))
            if true_change > LEAST_CHANGE:
                self.moving += 1
                self.still += change < STILL * true_change
        self._before = now


def sideways_difference(a: F32, b: F32) -> float:
    """The least difference of two thumbnails moved against each other along their rows, by up to 4 px."""
    least = difference(a, b)
    if a.shape[1] <= 4 * SIDEWAYS_PX:
        return least
    inner = slice(SIDEWAYS_PX + 1, -SIDEWAYS_PX - 1)
    for quarter in range(-4 * SIDEWAYS_PX, 4 * SIDEWAYS_PX + 1):
        whole, part = divmod(quarter, 4)
        start, stop = SIDEWAYS_PX + 1 + whole, a.shape[1] - SIDEWAYS_PX - 1 + whole
        moved = b[:, start:stop] * np.float32(1 - part / 4) + b[:, start + 1 : stop + 1] * np.float32(part / 4)
        least = min(least, difference(a[:, inner], moved))
    return least


class Lag:
    """At which lag the judged view fits the truth best: right_t against truth_(t + lag).

    A camera that moves sideways sees later what the other eye sees now, so a wrong parallax can look like a wrong time.
    What a lag explains is therefore held against the best that a shift sideways explains without any lag.
    """

    def __init__(self) -> None:
        self._kept: deque[tuple[F32, F32, float]] = deque(maxlen=MAX_LAG)
        self._count = 0
        self._at_lag = {lag: 0.0 for lag in range(-MAX_LAG, MAX_LAG + 1) if lag}
        self._at_zero = dict.fromkeys(self._at_lag, 0.0)

    def update(self, pair: Pair) -> None:
        """See the next frame, which has a truth."""
        right, truth = thumbnail(pair, "right"), thumbnail(pair, "truth")
        here = sideways_difference(right, truth)
        for back, (past_right, past_truth, past_here) in enumerate(reversed(self._kept), 1):
            self._at_lag[-back] += difference(right, past_truth)
            self._at_zero[-back] += here
            self._at_lag[back] += difference(past_right, truth)
            self._at_zero[back] += past_here
        self._kept.append((right, truth, here))
        self._count += 1

    @property
    def longest(self) -> int:
        """The longest lag that at least half of the frames, and two of them, speak for; 0 where there is none."""
        return max(0, min(self._count // 2, self._count - 2, MAX_LAG))

    def best(self) -> tuple[int, float]:
        """The best lag other than 0, and its difference as a share of that without lag; (0, 1.0) if none."""
        lags = [lag for lag in self._at_lag if abs(lag) <= self.longest and self._at_zero[lag] > 0]
        shares = {lag: self._at_lag[lag] / self._at_zero[lag] for lag in lags}
        if not shares:
            return 0, 1.0
        lag = min(shares, key=lambda k: (shares[k], abs(k)))
        return lag, shares[lag]
