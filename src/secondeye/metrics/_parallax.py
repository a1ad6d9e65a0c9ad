"""What a right view's geometry gives away: no parallax, parallax the wrong way round, eyes at different heights.

All from keypoints of the left view found again in the judged view and in the truth, so exposure, noise, coding and
holes matter little, and every statement compares the judged view with the truth where there is one.
"""

from dataclasses import dataclass

import numpy as np

from secondeye.metrics import Pair, View
from secondeye.metrics._matching import keypoints, matches
from secondeye.metrics._views import F64, Mask

LONGEST_SIDE = 768
FEWEST = 12
"""Matches below which nothing is said: a median of 12 stands even if a third of them are wrong."""

ROW_PX = 2.0
"""A match further than this from the common height offset is taken for a wrong one."""


@dataclass(frozen=True)
class Parallax:
    """Where one view's points lie as seen from the left view's, in frame px.

    `shift` median of x_view - x_left; `spread` between the 10th and the 90th percentile of it, which is 0 for a flat
    copy; `rise` median of y_view - y_left.
    """

    shift: float
    spread: float
    rise: float


@dataclass(frozen=True)
class Geometry:
    """Parallax of the judged view and of the truth, where either could be measured.

    `slope` is how the judged view's parallax follows the truth's (or the given disparity's) from point to point: 1 as
    it should, 0 not at all, -1 the wrong way round; `against` is the share of points, by how far they stand out, whose
    parallax goes the other way. `pixel` is the accuracy of all places: 1, or more where the frame
    was shrunk before keypoints were sought.
    """

    judged: Parallax | None
    true: Parallax | None
    slope: float | None
    against: float | None
    pixel: float


def geometry(pair: Pair) -> Geometry:
    """Measure one frame."""
    start = keypoints(pair, "left", LONGEST_SIDE).xy
    pixel = max(1.0, max(pair.size) / LONGEST_SIDE)
    judged, judged_good = _offsets(pair, "right", start, pixel)
    expected, expected_good = _expected(pair, start, pixel)
    slope, against = _slope(expected[:, 0], judged[:, 0], judged_good & expected_good)
    return Geometry(
        judged=_parallax(judged, judged_good),
        true=None if pair.truth is None else _parallax(expected, expected_good),
        slope=slope,
        against=against,
        pixel=pixel,
    )


def _offsets(pair: Pair, view: View, start: F64, pixel: float) -> tuple[F64, Mask]:
    """Offsets (N, 2) of the left view's keypoints in a view, in frame px, and which of them can be believed."""
    found = matches(pair, view, LONGEST_SIDE)
    offset = (found.xy - start) * pixel
    if not found.found.any():
        return offset, found.found
    rise = np.median(offset[found.found, 1])
    with np.errstate(invalid="ignore"):
        return offset, np.asarray(found.found & (np.abs(offset[:, 1] - rise) <= ROW_PX * pixel))


def _expected(pair: Pair, start: F64, pixel: float) -> tuple[F64, Mask]:
    """Offsets that the judged view should have: the truth's, else those of the given disparity, else none."""
    if pair.truth is not None:
        return _offsets(pair, "truth", start, pixel)
    offset = np.full((len(start), 2), np.nan)
    if pair.disparity is not None and len(start):
        disparity = pair.disparity.detach().cpu().double().numpy()
        x, y = (np.clip((start[:, i] * pixel).astype(int), 0, pair.size[1 - i] - 1) for i in range(2))
        offset = np.stack([-disparity[y, x], np.zeros(len(start))], 1)
    return offset, np.isfinite(offset[:, 0])


def _parallax(offset: F64, good: Mask) -> Parallax | None:
    if np.count_nonzero(good) < FEWEST:
        return None
    low, middle, high = np.percentile(offset[good, 0], [10, 50, 90])
    return Parallax(float(middle), float(high - low), float(np.median(offset[good, 1])))


def _slope(expected: F64, judged: F64, good: Mask) -> tuple[float | None, float | None]:
    """Slope of the judged on the expected parallax, and the share of points that go the other way.

    By the middle 80 per cent of the points.
    """
    if np.count_nonzero(good) < FEWEST:
        return None, None
    low, high = np.percentile(expected[good], [10, 90])
    kept = good & (expected >= low) & (expected <= high)
    x = expected[kept] - np.median(expected[kept])
    if x.size < FEWEST or np.square(x).mean() < 0.25:  # half a px of parallax: nothing to follow
        return None, None
    # The median of ratios, weighted by how far a point stands out, shrugs off wrong matches.
    ratio, weight = (judged[kept] - np.median(judged[kept])) / np.where(x == 0, 1.0, x), np.abs(x)
    order = np.argsort(ratio)
    share = np.cumsum(weight[order]) / weight.sum()
    return float(ratio[order][np.searchsorted(share, 0.5)]), float(weight[ratio < 0].sum() / weight.sum())
