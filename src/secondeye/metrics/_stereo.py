"""Disparity measured between two views, by OpenCV's semi-global matching or by a matcher of the user's.

A matcher is a function (left, right) -> disparity: two pictures (H, W, 3) uint8 in, (H, W) float32 px out, NaN where it
does not know. A learned one is plugged in by the name of its function, "package.module:function".
"""

import importlib
import math
from collections.abc import Callable

import cv2
import numpy as np

from secondeye.errors import InputError
from secondeye.metrics import Pair, View
from secondeye.metrics._views import F32, U8, grey, rgb8

Matcher = Callable[[U8, U8], F32]

NEAREST, FARTHEST = 0.20, -0.04
"""Search range as fractions of the width: Middlebury's nearest lie at 0.18; converged films go a little behind 0."""

BLOCK_PX = 5


def sgbm(left: U8, right: U8) -> F32:
    """Semi-global matching (Hirschmueller 2008) in OpenCV's three-way form, to 1/16 px; NaN where it is not sure."""
    width = left.shape[1]
    lowest = math.floor(FARTHEST * width)
    count = 16 * math.ceil((math.ceil(NEAREST * width) - lowest) / 16)
    if width <= count:
        raise InputError(f"disparity needs frames wider than {count} px, these have {width}")
    matcher = cv2.StereoSGBM.create(
        minDisparity=lowest,
        numDisparities=count,
        blockSize=BLOCK_PX,
        P1=8 * BLOCK_PX**2,
        P2=32 * BLOCK_PX**2,
        disp12MaxDiff=1,
        uniquenessRatio=10,
        speckleWindowSize=100,
        speckleRange=2,
        mode=cv2.STEREO_SGBM_MODE_SGBM_3WAY,
    )
    # Columns whose search would leave the picture are never matched, so the pictures are widened and cut again.
    margins = ((0, 0), (max(lowest + count, 0), max(-lowest, 0)))
    views = [np.pad(grey(picture), margins, mode="edge") for picture in (left, right)]
    found = np.asarray(matcher.compute(views[0], views[1])[:, margins[1][0] : margins[1][0] + width])
    disparity = found.astype(np.float32) / np.float32(16)
    landing = np.arange(width, dtype=np.float32) - disparity
    disparity[(disparity < lowest) | (landing < 0) | (landing > width - 1)] = np.nan
    return disparity


def matcher_called(name: str) -> Matcher:
    """The matcher of that name: "sgbm", or "package.module:function" for one's own.

    Raises:
        InputError: there is none.
    """
    if name == "sgbm":
        return sgbm
    module, colon, function = name.partition(":")
    try:
        found: Matcher | None = getattr(importlib.import_module(module), function, None) if colon else None
    except ImportError as error:
        raise InputError(
            f"matcher '{name}' cannot be imported ({error}); give sgbm or package.module:function"
        ) from error
    if found is None:
        raise InputError(f"no matcher called '{name}'; give sgbm or package.module:function")
    return found


def disparity(pair: Pair, view: View, matcher: str) -> F32:
    """Disparity (H, W) of the left view towards another view of the pair, in px; NaN where unknown."""
    find = matcher_called(matcher)
    memo = pair.memo_of(view)
    return memo.get(("disparity", view, matcher), lambda: find(rgb8(pair, "left"), rgb8(pair, view)))


def reference(pair: Pair, against: str, matcher: str) -> F32:
    """What the right view's disparity is held against: measured on the truth, or the disparity that was asked for.

    Raises:
        InputError: the pair does not have it.
    """
    if against == "truth":
        return disparity(pair, "truth", matcher)
    if pair.disparity is None:
        raise InputError(f"frame {pair.index} has no disparity to hold the right view against")
    return pair.disparity.detach().cpu().float().numpy()


def check(against: str, matcher: str) -> None:
    """Raise InputError for an unknown reference or matcher."""
    if against not in ("truth", "given"):
        raise InputError(f"disparity against '{against}' is not known; choose one of: truth, given")
    matcher_called(matcher)
