"""From what is known of depth to the disparity that a method is given.

    truth      the dataset's disparity; where it is unknown, the farther of its neighbours along the row
    estimate   a depth model's inverse depth x, made disparity in one of two ways, the same for all frames of a clip:
                 by truth      a x + b, with the a >= 0 and b of least squares against the known true disparity
                 by strength   as `convert` does it: x brought to 0 to 1 over the shot, then strength and convergence

Two numbers a clip are all that the truth gives away: what a user could set with two sliders. So errors of shape, of
order and over time stay in the numbers, and only the baseline, which nobody can know from one eye, does not.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from secondeye.depth.gaps import closed_from_behind
from secondeye.errors import InputError

Align = Literal["auto", "truth", "strength"]
"""How estimated depth becomes disparity; "auto" is by truth where the data has it, else by strength."""

F32 = NDArray[np.float32]


def filled(disparity: Tensor) -> Tensor:
    """Disparity with its gaps closed.

    An unknown pixel takes the smaller of the nearest known values to its left and right: what is unknown is mostly
    background that one camera could not see. Rows without any take those of the nearest row above or below, the
    farther again.

    Args:
        disparity: (H, W) px, NaN where unknown.

    Returns:
        (H, W) px, finite.

    Raises:
        InputError: nothing is known.
    """
    values = disparity.detach().cpu().float().numpy()
    known = np.isfinite(values)
    if known.all():
        return disparity.float()
    if not known.any():
        raise InputError(
            "the true disparity of a frame is unknown throughout; leave the clip out, or give --depth NAME"
        )
    return torch.from_numpy(closed_from_behind(closed_from_behind(values).T).T.copy())


@dataclass
class LineFit:
    """Least squares of disparity = a x + b with a >= 0, over any number of frames."""

    count: int = 0
    x: float = 0.0
    y: float = 0.0
    xx: float = 0.0
    xy: float = 0.0

    def add(self, inverse_depth: F32, disparity: F32) -> None:
        """Count the pixels of one frame where the disparity is known; both (h, w)."""
        known = np.isfinite(disparity)
        x, y = inverse_depth[known].astype(np.float64), disparity[known].astype(np.float64)
        self.count += x.size
        self.x += float(x.sum())
        self.y += float(y.sum())
        self.xx += float((x * x).sum())
        self.xy += float((x * y).sum())

    def solve(self) -> tuple[float, float]:
        """a and b; a is 0, and b the mean disparity, where the depth is flat or the wrong way round.

        Raises:
            InputError: no pixel was counted.
        """
        if not self.count:
            raise InputError("no true disparity is known to fit the depth to; give --align strength")
        x, y = self.x / self.count, self.y / self.count
        spread = self.xx / self.count - x * x
        slope = (self.xy / self.count - x * y) / spread if spread > 1e-12 * (x * x + 1e-12) else 0.0
        slope = max(slope, 0.0)
        return slope, y - slope * x


def sampled(disparity: Tensor, height: int, width: int) -> F32:
    """Disparity (H, W) at the pixel centres of a map of another size; px stay those of the frame."""
    rows = ((torch.arange(height) + 0.5) * (disparity.shape[0] / height)).long()
    columns = ((torch.arange(width) + 0.5) * (disparity.shape[1] / width)).long()
    return disparity.detach().cpu().float()[rows][:, columns].numpy()
