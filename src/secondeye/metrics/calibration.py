"""StereoSpace's calibration: the one scale a scene at which a method's parallax fits the true pair best.

Methods that see no true depth cannot know the scale of a baseline. Before anything is measured, one scale for the scene
is searched, coarse to fine in 0.025 to 1, that brings the disparity between left and synthesised right view nearest to
the disparity between left and true right view: least root mean square over pixels that semi-global matching knows in
both. All numbers are then taken at that scale.

Source: StereoSpace (arXiv 2512.10959), section 4.3. It does not say how many steps or rounds: 8 and 3 here.
"""

import math
from collections.abc import Callable

import numpy as np
from torch import Tensor

from secondeye.errors import InputError
from secondeye.metrics import Pair
from secondeye.metrics._stereo import disparity
from secondeye.metrics._views import F32

LOWEST, HIGHEST = 0.025, 1.0
LEAST_SHARE = 0.25
"""Share of the truth's known pixels that must be known in the synthesised view too, or its fit means nothing."""


def best_scale(
    left: Tensor,
    truth: Tensor,
    synthesise: Callable[[float], Tensor],
    *,
    lowest: float = LOWEST,
    highest: float = HIGHEST,
    steps: int = 8,
    rounds: int = 3,
    matcher: str = "sgbm",
) -> float:
    """The scale at which `synthesise(scale)` comes nearest to the truth in disparity.

    Args:
        left, truth: (3, H, W), 0 to 1.
        synthesise: makes the right view (3, H, W) at a scale.
        lowest, highest: where to search.
        steps: scales tried in each round, at even distances; each round searches around the best of the one before.
        rounds: how often.
        matcher: see `_stereo`.

    Raises:
        InputError: no range to search, or disparity was found at no scale.
    """
    if not 0 < lowest < highest or steps < 3 or rounds < 1:
        raise InputError(f"scale search from {lowest:g} to {highest:g} in {steps} steps: needs a range and 3 steps")
    true = disparity(Pair(truth, left), "right", matcher)
    tried: dict[float, float] = {}
    low, high = lowest, highest
    for _ in range(rounds):
        for scale in np.linspace(low, high, steps).tolist():
            if scale not in tried:
                tried[scale] = _misfit(true, disparity(Pair(synthesise(scale), left), "right", matcher))
        best = min(tried, key=lambda scale: tried[scale])
        step = (high - low) / (steps - 1)
        low, high = max(lowest, best - step), min(highest, best + step)
    if not math.isfinite(tried[best]):
        raise InputError("at no scale could disparity be measured in the synthesised view; is it a right view at all?")
    return best


def _misfit(true: F32, found: F32) -> float:
    """Root mean square disparity error over pixels known in both; infinite where hardly any is."""
    known = np.isfinite(true) & np.isfinite(found)
    if np.count_nonzero(known) <= LEAST_SHARE * np.count_nonzero(np.isfinite(true)):
        return math.inf
    return float(np.sqrt(np.square(found[known] - true[known]).mean(dtype=np.float64)))
