"""One steady scale for a shot: from a depth model's own units to 0 (farthest) to 1 (nearest).

A scale taken from each frame alone makes depth pump, and one taken from the extremes follows any speck of dust.
So each frame gives two percentiles, a shot makes one range of all its frames' percentiles, and what lies beyond the
range bends into a narrow margin, where it keeps its order:

    1 ┤                          ______  margin: nearer than the range, still in order
      │                     . '
      │                 . '              straight between the range's low and high
      │             . '
    0 ┤ _______ . '
      └──────────┬───────────┬─────────  inverse depth in the model's units
                low         high
"""

import math

import torch
from torch import Tensor

from secondeye.errors import ContractError

LOW_PERCENT, HIGH_PERCENT = 2.0, 98.0
"""Far enough in that a particle, a spike or a bad edge (under 2 % of the frame) moves nothing; far enough out that
the soft margin has little to bend."""

MARGIN = 0.05
"""Width of the margin at either end of 0 to 1: a twentieth of the strength for whatever lies beyond the range."""

SAMPLES_PER_FRAME = 65536
"""At most about this many pixels of a frame are sorted; the percentile's error is then under 0.1 %."""


def frame_percentiles(inverse_depth: Tensor) -> Tensor:
    """The 2nd and 98th percentile of each frame.

    Args:
        inverse_depth: (T, 1, h, w) float, any units, greater = nearer.

    Returns:
        (T, 2) float64: low, high; equal where a frame is constant.

    Raises:
        ContractError: a value that is not finite.
    """
    if not bool(torch.isfinite(inverse_depth).all()):
        raise ContractError("inverse_depth: expected finite values, got NaN or infinity")
    t, _, h, w = inverse_depth.shape
    step = max(1, math.ceil(math.sqrt(h * w / SAMPLES_PER_FRAME)))
    values = inverse_depth[:, 0, ::step, ::step].reshape(t, -1).to(torch.float64).sort(dim=1).values
    count = values.shape[1]
    ends = [min(count - 1, round(percent / 100 * (count - 1))) for percent in (LOW_PERCENT, HIGH_PERCENT)]
    return values[:, ends]


def shot_scale(percentiles: Tensor, smoothing: float = 0.0, least_range: float = 0.0) -> Tensor:
    """The range of each frame of a shot, from the percentiles of all its frames.

    Without smoothing every frame has the same range: it reaches from a tenth of the way up the sorted lows to nine
    tenths up the sorted highs, so that a subject that walks from far to near stays inside, but to no more than the
    median range doubled on either side. A particle in up to a tenth of the frames moves nothing at all, and one in
    up to half of them moves a bounded amount.

    Args:
        percentiles: (N, 2) low and high of the shot's frames in order, of all its segments.
        smoothing: standard deviation in frames of a symmetric Gaussian over time; 0 keeps one range for the shot.
        least_range: what a range spans at least, about its middle. A model whose values mean something says it
            (`least_range`), so that a shot in which it knows little is not stretched to full strength.

    Returns:
        (N, 2) float64: low, high for each frame.
    """
    values = percentiles.to(torch.float64)
    if len(values) == 0:
        return values
    if smoothing > 0:
        return _widened(_smoothed(values, smoothing), least_range)
    low, high = values.median(dim=0).values
    span = high - low
    low = torch.maximum(_rank(values[:, 0], 0.1), low - span)
    high = torch.minimum(_rank(values[:, 1], 0.9), high + span)
    return _widened(torch.stack([low, high]).expand(len(values), 2).clone(), least_range)


def apply_scale(inverse_depth: Tensor, ranges: Tensor) -> Tensor:
    """Bring inverse depth to 0 to 1.

    The clamp is soft: a hard one would flatten whatever is nearer than the range into a cardboard cut-out that
    touches its surroundings, and an outlier must not take more than the margin either.

    Args:
        inverse_depth: (T, 1, h, w) float in the model's units.
        ranges: (T, 2) low and high of each frame, from `shot_scale`.

    Returns:
        (T, 1, h, w) in the same dtype: range low is 0.05, high 0.95; the order of values is kept. A range without
        width gives 0.5.
    """
    low, high = (end[:, None, None, None].to(torch.float64) for end in ranges.unbind(dim=1))
    width = high - low
    flat = width <= 1e-6 * torch.maximum(low.abs(), high.abs())
    gain = torch.where(flat, 0.0, (1 - 2 * MARGIN) / torch.where(flat, 1.0, width))
    offset = torch.where(flat, 0.5, MARGIN - gain * low)
    dtype = inverse_depth.dtype
    return _bend(inverse_depth * gain.to(dtype) + offset.to(dtype))


def _bend(values: Tensor) -> Tensor:
    """Identity between the margins; beyond them MARGIN * x / (1 + x), which meets it with the same slope."""
    over = (values - (1 - MARGIN)).clamp(min=0) / MARGIN
    under = (MARGIN - values).clamp(min=0) / MARGIN
    middle = values.clamp(MARGIN, 1 - MARGIN)
    return middle + MARGIN * (over / (1 + over) - under / (1 + under))


def _widened(ranges: Tensor, least_range: float) -> Tensor:
    missing = (least_range - (ranges[:, 1] - ranges[:, 0])).clamp(min=0) / 2
    return torch.stack([ranges[:, 0] - missing, ranges[:, 1] + missing], dim=1)


def _rank(values: Tensor, fraction: float) -> Tensor:
    return values.sort().values[round(fraction * (len(values) - 1))]


def _smoothed(values: Tensor, sigma: float) -> Tensor:
    """Median over a window as wide as the Gaussian, then the Gaussian itself, both cut off at the shot's ends."""
    count = len(values)
    reach = math.ceil(3 * sigma)
    steady = torch.stack([_window_median(values, i, math.ceil(sigma)) for i in range(count)])
    offsets = torch.arange(-reach, reach + 1, dtype=torch.float64)
    weights = torch.exp(-0.5 * (offsets / sigma) ** 2)
    kernel = weights.expand(1, 1, -1)
    ones = torch.nn.functional.conv1d(torch.ones(1, 1, count, dtype=torch.float64), kernel, padding=reach)
    sums = torch.nn.functional.conv1d(steady.T[:, None], kernel, padding=reach)
    return (sums / ones)[:, 0].T.contiguous()


def _window_median(values: Tensor, index: int, reach: int) -> Tensor:
    return values[max(0, index - reach) : index + reach + 1].median(dim=0).values
