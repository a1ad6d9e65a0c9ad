"""Where the patches of one picture lie in another: block matching, small and honest about chance."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.float32]
Mask = NDArray[np.bool_]

VIEW_WIDTH, VIEW_HEIGHT = 192, 108
"""Size to which each view is brought, px."""

MAX_SHIFT = 21
"""Px either way: a disparity of 11 % of the width, more than anybody can look at."""

PATCH = 17
"""Px, side of the patches compared."""

LEAST_PX = 64
"""Width of a view below which its patches are alike by chance."""

LEVELS = (0, -1, 1, -2, 2, -3, 3, -5, 5)
"""Px up or down, tried because scans and hand-held pairs are seldom level."""

LEAST_TEXTURE = 0.004
"""Standard deviation of the detail within a patch, of 0 to 1, below which it tells nothing."""

LEAST_TEXTURED_SHARE = 0.02
"""Of the picture."""

GOOD_FIT = 0.8
"""Correlation above which a patch counts as found."""

WORTH_DOUBTING = 0.1
"""Share of found patches below which chance need not be looked into: it could only lessen what is nothing already."""


@dataclass(frozen=True)
class Match:
    """Where the patches of a first view lie in a second.

    Attributes:
        agreement: share of the textured patches that are found, and from there found back, less the share for which
            that happens on wrong rows. About 0 for views that have nothing to do with one another, 1 for perfect pairs.
        moved: share of the textured patches found elsewhere than in place, and clearly better there.
        slope: how shifts to the left go with nearness to the lower edge, -1 to 1 (rank correlation). The ground makes
            it positive where the first view is the left eye's.
    """

    agreement: float
    moved: float
    slope: float


def match_views(first: Grey, second: Grey, *, are_halves: bool = True) -> Match | None:
    """Look for each patch of the first view in the second; None where there is too little to tell.

    Args:
        first: any size, 0 to 1.
        second: the same size.
        are_halves: whether they come from different places of a frame, so that one may lie a little higher, and that
            any agreement says something; else only `moved` and `slope` do, and chance is not looked into.
    """
    if first.shape[1] < LEAST_PX:
        return None
    first, second = _detail(first), _detail(second)
    textured = cv2.blur(first * first, (PATCH, PATCH)) > LEAST_TEXTURE**2
    textured[:, :MAX_SHIFT] = textured[:, -MAX_SHIFT:] = False
    if textured.mean() < LEAST_TEXTURED_SHARE:
        return None
    if are_halves:
        second = np.roll(second, _level(first, second, textured), 0)
    fit, shift, in_place, found = _found(first, second)
    moved = found & (np.abs(shift) >= 1) & (fit - in_place > 0.1)
    agreement = float(found[textured].mean())
    if are_halves and agreement > WORTH_DOUBTING:
        agreement -= float(_found(first, np.roll(second, VIEW_HEIGHT // 3, 0))[3][textured].mean())
    return Match(agreement, float(moved[textured].mean()), _slope(shift, found & textured))


def _detail(view: Grey) -> Grey:
    """A view at working size: what is finer than a patch, without the finest."""
    small = cv2.resize(np.ascontiguousarray(view), (VIEW_WIDTH, VIEW_HEIGHT), interpolation=cv2.INTER_AREA)
    smooth = cv2.GaussianBlur(small.astype(np.float32), (0, 0), 0.8)
    return np.asarray(smooth - cv2.GaussianBlur(smooth, (0, 0), 4.5), np.float32)


def _level(first: Grey, second: Grey, textured: Mask) -> int:
    """By how many px the second view must be moved down to be level with the first."""

    def fit(level: int) -> float:
        best = _best(first, np.roll(second, level, 0), range(-MAX_SHIFT, MAX_SHIFT + 1, 3))[0]
        return float(np.median(best[textured]))

    return max(LEVELS, key=fit)


def _found(first: Grey, second: Grey) -> tuple[Grey, Grey, Grey, Mask]:
    """Fit and shift of each patch, its fit in place, and whether it was found there and back."""
    shifts = range(-MAX_SHIFT, MAX_SHIFT + 1)
    fit, shift, in_place = _best(first, second, shifts)
    back = _best(second, first, shifts)[1]
    target = np.clip(np.arange(VIEW_WIDTH)[None] - shift, 0, VIEW_WIDTH - 1).astype(np.intp)
    returns = np.abs(shift + np.take_along_axis(back, target, 1)) <= 1
    return fit, shift, in_place, returns & (fit > GOOD_FIT)


def _best(first: Grey, second: Grey, shifts: range) -> tuple[Grey, Grey, Grey]:
    """Best correlation of the patch about each px over shifts to the left, that shift, and the correlation in place."""
    sides = ((0, 0), (MAX_SHIFT, MAX_SHIFT))
    wide, scale = np.pad(second, sides, "wrap"), np.pad(_inverse_norm(second), sides, "wrap")
    fit = np.full(first.shape, -np.inf, np.float32)
    at, in_place = np.zeros_like(fit), np.zeros_like(fit)
    for shift in shifts:
        moved = slice(MAX_SHIFT - shift, MAX_SHIFT - shift + VIEW_WIDTH)  # what lies further left comes to its place
        correlation = cv2.blur(first * wide[:, moved], (PATCH, PATCH)) * scale[:, moved]
        better = correlation > fit
        np.copyto(fit, correlation, where=better)
        at[better] = shift
        if shift == 0:
            in_place = correlation
    own = _inverse_norm(first)
    return fit * own, at, in_place * own


def _inverse_norm(view: Grey) -> Grey:
    """One over the root mean square of the patch about each px, never infinite."""
    return np.asarray(1 / np.sqrt(np.maximum(cv2.blur(view * view, (PATCH, PATCH)), 1e-10)), np.float32)


def _slope(shift: Grey, trusted: Mask) -> float:
    """Rank correlation of each row's median shift with the row's number; 0 where too few rows tell, or all the same."""
    rows = range(0, VIEW_HEIGHT, 3)
    shifts = [float(np.median(shift[y][trusted[y]])) for y in rows if trusted[y].sum() >= 12]
    if len(shifts) < 8 or len(set(shifts)) < 2:
        return 0.0
    _, ranks = np.unique(shifts, return_inverse=True)
    return float(np.corrcoef(np.arange(len(shifts)), ranks)[0, 1])
