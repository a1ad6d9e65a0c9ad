"""Colour difference between the two eyes: how far one view's colours must be moved to become the other's.

The first Wasserstein distance between the two views' histograms, mean over the channels, in 8-bit steps. Parallax moves
pixels but hardly changes a histogram; a cast, a gain or another gamma shifts it all.
"""

import cv2
import numpy as np

from secondeye.metrics import Meter, Metric
from secondeye.metrics._per_frame import MeanOfFrames
from secondeye.metrics._views import F64, U8, rgb8

METRIC = Metric("colour difference", "lower", (0.0, 255.0), ("left",), unit="8-bit steps")


def build() -> Meter:
    """Colour difference of a clip, mean over frames."""
    return MeanOfFrames(lambda pair: {"whole": distance(rgb8(pair, "left"), rgb8(pair, "right"))})


def distance(a: U8, b: U8) -> float:
    """Mean over channels of the distance between two pictures' histograms; pictures (H, W, 3) of one size."""
    return float(np.mean([np.abs(shares(a, c) - shares(b, c)).sum() for c in range(3)]))


def shares(picture: U8, channel: int) -> F64:
    """The share of pixels at or below each of 256 values."""
    counts = cv2.calcHist([picture], [channel], None, [256], [0, 256])
    return np.asarray(np.cumsum(counts, dtype=np.float64) / counts.sum(dtype=np.float64))
