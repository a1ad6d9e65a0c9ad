"""Stereo IoU (Mono2Stereo): do the edges lie where the truth's do, and do the same places differ from the left view?

SIoU = 0.75 IoU(edges(right), edges(truth)) + 0.25 IoU([|right - left| > 5], [|truth - left| > 5]), edges by Canny with
thresholds 100 and 200, differences per channel and then made grey. As released, grey is made by OpenCV's BGR weights
from RGB pictures, so red and blue have each other's weight.

Two variants have been published. "2025" subtracts uint8 pictures without a cast, so that a difference of -3 counts as
253 and the second term measures little; an empty union gives NaN. "2026" casts to int16 first and gives 0.

Source: Yu et al., Mono2Stereo, CVPR 2025; github.com/song2yu/Mono2Stereo, utils_depth/metrics.py at 5095b9f and at
90f0d69 (2026-04-28).
"""

import math

import cv2
import numpy as np

from secondeye.errors import InputError
from secondeye.metrics import Meter, Metric, Pair, View
from secondeye.metrics._per_frame import MeanOfFrames
from secondeye.metrics._views import U8, Mask, rgb8

METRIC = Metric("SIoU", "higher", (0.0, 1.0), ("left", "truth"))

VARIANTS = ("2025", "2026")
LOW, HIGH = 100, 200
LEAST_DIFFERENCE = 5


def build(variant: str = "2026") -> Meter:
    """SIoU of a clip, mean over frames; frames whose SIoU is NaN (variant 2025) do not count.

    Raises:
        InputError: an unknown variant.
    """
    if variant not in VARIANTS:
        raise InputError(f"no SIoU variant called '{variant}'; choose one of: {', '.join(VARIANTS)}")
    return MeanOfFrames(lambda pair: {"whole": of_frame(pair, variant)})


def of_frame(pair: Pair, variant: str) -> float:
    """SIoU of one frame."""
    right_edges, truth_edges = edges(pair, "right"), edges(pair, "truth")
    moved, truly_moved = differing(pair, "right", variant), differing(pair, "truth", variant)
    empty = math.nan if variant == "2025" else 0.0
    return 0.75 * overlap(right_edges, truth_edges, empty) + 0.25 * overlap(moved, truly_moved, empty)


def edges(pair: Pair, view: View) -> Mask:
    """Canny's edges of a view."""
    memo = pair.memo_of(view)
    return memo.get(("siou edges", view), lambda: cv2.Canny(swapped_grey(rgb8(pair, view)), LOW, HIGH) > 0)


def differing(pair: Pair, view: View, variant: str) -> Mask:
    """Where a view differs from the left one by more than 5 steps."""

    def make() -> Mask:
        picture, left = rgb8(pair, view), rgb8(pair, "left")
        # absdiff equals |int16 - int16|, whose value fits 8 bit; the uint8 difference of 2025 wraps instead.
        difference = picture - left if variant == "2025" else np.asarray(cv2.absdiff(picture, left), np.uint8)
        return np.asarray(swapped_grey(difference) > LEAST_DIFFERENCE)

    return pair.memo_of(view).get(("siou differing", view, variant), make)


def swapped_grey(picture: U8) -> U8:
    """Grey of an RGB picture by weights meant for BGR, as released."""
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.uint8)


def overlap(a: Mask, b: Mask, empty: float) -> float:
    """Intersection over union; `empty` where the union has nothing."""
    union = np.count_nonzero(a | b)
    return np.count_nonzero(a & b) / union if union else empty
