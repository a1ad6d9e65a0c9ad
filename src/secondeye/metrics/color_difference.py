"""Colour difference between the two eyes: how far one view's colours must be moved to become the other's.

The first Wasserstein distance between the two views' histograms, mean over the channels, in 8-bit steps. Parallax moves
pixels but hardly changes a histogram; a cast, a gain or another gamma shifts it all.
"""

import cv2
import numpy as np

from secondeye.metrics import Meter, Metric, Pair, View
from secondeye.metrics._per_frame import MeanOfFrames
from secondeye.metrics._views import F64, U8, rgb8

METRIC = Metric("colour difference", "lower", (0.0, 255.0), ("left",), unit="8-bit steps")

VIEWS: tuple[View, View] = ("left", "right")


def build() -> Meter:
    """Colour difference of a clip, mean over frames."""
    return MeanOfFrames(lambda pair: {"whole": distance(*(shares_of(pair, view) for view in VIEWS))})


def shares_of(pair: Pair, view: View) -> F64:
    """`shares` of a view."""
    return pair.memo_of(view).get(("colour shares", view), lambda: shares(rgb8(pair, view)))


def distance(a: F64, b: F64) -> float:
    """Mean over channels of the distance between two histograms, as `shares` gives them."""
    return float(np.abs(a - b).sum(1).mean())


def shares(picture: U8) -> F64:
    """The share of pixels at or below each of 256 values, by channel, (3, 256), of a picture (H, W, 3)."""
    counts = np.stack([cv2.calcHist([picture], [channel], None, [256], [0, 256]).ravel() for channel in range(3)])
    return np.asarray(np.cumsum(counts, axis=1, dtype=np.float64) / counts[0].sum(dtype=np.float64))
