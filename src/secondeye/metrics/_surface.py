"""What a right view's pixels give away: holes left unfilled, detail blurred away."""

import cv2
import numpy as np

from secondeye.metrics import Pair, View
from secondeye.metrics._views import F32, U8, grey8, rgb8, view_mask

BLACKS = ((1, 3), (8, 16))
"""8-bit values up to which all channels of an unfilled pixel lie, and what noise and coding may make of such a pixel:
as it was written, and after coding. In a dark scene only the first stands out."""

DARK = 24
"""What is above is plainly lit."""

LEVELS = 2
"""Octaves in which detail is looked for: blur that spares the finest one is not seen by anybody either."""

COARSE = 4
"""Side, in px, of the averages whose contrast fine detail is held against, so that exposure does not matter."""


def unfilled(pair: Pair) -> float:
    """The share of the frame (of the hole, where the pair has one) that is black without cause.

    Black has a cause where the truth is dark too. A bad right view may also show the scene's own black in the wrong
    place, but then what it should cover shines instead, about as much of it: up to twice that is taken off. Without a
    truth, as much black as the left view has is taken for the scene's own.
    """
    return max(_unfilled(pair, *limits) for limits in BLACKS)


def _unfilled(pair: Pair, limit: int, uneven: int) -> float:
    judged = brightest_channel(pair, "right")
    wrong, usual = judged <= limit, 0.0
    if pair.truth is not None:
        truth = brightest_channel(pair, "truth")
        wrong, usual = wrong & (truth > DARK), 2 * float(((truth <= uneven) & (judged > DARK)).mean())
    elif pair.left is not None:
        usual = float((brightest_channel(pair, "left") <= uneven).mean())
    if pair.hole is not None and pair.hole.any():
        wrong = wrong[view_mask(pair.hole)]
    return max(float(wrong.mean()) - usual, 0.0)


def brightest_channel(pair: Pair, view: View) -> U8:
    """The greatest channel of each pixel of a view, (H, W)."""

    def make() -> U8:
        red, green, blue = cv2.split(rgb8(pair, view))  # numpy's max over an axis of three takes thirty times as long
        return np.asarray(cv2.max(cv2.max(red, green), blue), np.uint8)

    return pair.memo_of(view).get(("brightest", view), make)


def detail(pair: Pair, view: View) -> list[float]:
    """Energy of vertical detail at each octave, finest first, as a share of the coarse vertical contrast.

    Only down the columns: shifting pixels sideways by fractions blurs along the rows, and honest views do that.
    """

    def make() -> list[float]:
        values = grey8(pair, view).astype(np.float32)
        coarse = _energy(np.diff(_shrunk(values, COARSE), axis=0))
        found = []
        for _ in range(LEVELS):
            found.append(_energy(np.diff(values, n=2, axis=0)) / max(coarse, 1e-6))
            values = _shrunk(values, 2)
        return found

    return pair.memo_of(view).get(("detail", view), make)


def _shrunk(values: F32, times: int) -> F32:
    height, width = (max(1, round(side / times)) for side in values.shape)
    return np.asarray(cv2.resize(values, (width, height), interpolation=cv2.INTER_AREA), np.float32)


def _energy(values: F32) -> float:
    return float(np.square(values).mean(dtype=np.float64)) if values.size else 0.0


def sharpness(pair: Pair) -> float:
    """Vertical detail, as a share of the truth's (of the left view's where there is none); the worst octave."""
    reference: View = "left" if pair.truth is None else "truth"
    octaves = zip(detail(pair, "right"), detail(pair, reference), strict=True)
    return min((judged / true for judged, true in octaves if true > 0), default=1.0)
