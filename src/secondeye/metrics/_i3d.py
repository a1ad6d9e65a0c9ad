"""I3D (Inception-v1 inflated to time), the network that Frechet video distances look through.

Names are those of the published PyTorch weights (`Mixed_3b.b1a.conv3d.weight`, 400 classes of Kinetics). Padding is
TensorFlow's "same": an output for every stride, the odd pixel of padding at the end.

Source: Carreira and Zisserman, Quo vadis, action recognition?, CVPR 2017, figure 3; layout of
github.com/piergiaj/pytorch-i3d (Apache-2.0).
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Triple = tuple[int, int, int]

INCEPTIONS: dict[str, tuple[int, int, int, int, int, int]] = {
    "Mixed_3b": (64, 96, 128, 16, 32, 32),
    "Mixed_3c": (128, 128, 192, 32, 96, 64),
    "Mixed_4b": (192, 96, 208, 16, 48, 64),
    "Mixed_4c": (160, 112, 224, 24, 64, 64),
    "Mixed_4d": (128, 128, 256, 24, 64, 64),
    "Mixed_4e": (112, 144, 288, 32, 64, 64),
    "Mixed_4f": (256, 160, 320, 32, 128, 128),
    "Mixed_5b": (256, 160, 320, 32, 128, 128),
    "Mixed_5c": (384, 192, 384, 48, 128, 128),
}
"""Channels of each block's branches: 1x1; 1x1 then 3x3x3; 1x1 then 3x3x3; pool then 1x1."""

POOLS: dict[str, tuple[Triple, Triple]] = {
    "Mixed_3b": ((1, 3, 3), (1, 2, 2)),
    "Mixed_4b": ((3, 3, 3), (2, 2, 2)),
    "Mixed_5b": ((2, 2, 2), (2, 2, 2)),
}
"""Kernel and stride of the max pooling before a block."""


def pad_same(values: Tensor, kernel: Triple, stride: Triple) -> Tensor:
    """Zeros around (B, C, T, H, W) so that each stride has its output."""
    pads: list[int] = []
    for size, k, s in zip(reversed(values.shape[2:]), reversed(kernel), reversed(stride), strict=True):
        total = max(k - (size % s or s), 0)
        pads += [total // 2, total - total // 2]
    return F.pad(values, pads)


class Unit(nn.Module):
    """Convolution, batch norm and ReLU; the last layer has a bias instead of both."""

    def __init__(
        self, channels: tuple[int, int], kernel: Triple = (1, 1, 1), stride: Triple = (1, 1, 1), *, last: bool = False
    ) -> None:
        super().__init__()
        self._kernel, self._stride, self._last = kernel, stride, last
        self.conv3d = nn.Conv3d(*channels, kernel, stride, bias=last)
        if not last:
            self.bn = nn.BatchNorm3d(channels[1], eps=1e-3, momentum=0.01)

    def forward(self, values: Tensor) -> Tensor:
        """(B, C, T, H, W) in and out."""
        values = self.conv3d(pad_same(values, self._kernel, self._stride))
        return values if self._last else F.relu(self.bn(values))


class Inception(nn.Module):
    """Four branches side by side."""

    def __init__(self, channels: int, widths: tuple[int, int, int, int, int, int]) -> None:
        super().__init__()
        self.b0 = Unit((channels, widths[0]))
        self.b1a, self.b1b = Unit((channels, widths[1])), Unit((widths[1], widths[2]), (3, 3, 3))
        self.b2a, self.b2b = Unit((channels, widths[3])), Unit((widths[3], widths[4]), (3, 3, 3))
        self.b3b = Unit((channels, widths[5]))

    def forward(self, values: Tensor) -> Tensor:
        """(B, C, T, H, W) in and out."""
        pooled = F.max_pool3d(pad_same(values, (3, 3, 3), (1, 1, 1)), 3, 1)
        branches = [self.b0(values), self.b1b(self.b1a(values)), self.b2b(self.b2a(values)), self.b3b(pooled)]
        return torch.cat(branches, 1)


class I3d(nn.Module):
    """Video (B, 3, T, 224, 224) in -1 to 1 to logits (B, 400), averaged over what time is left.

    Args:
        slimmer: divides every width, for tests.
    """

    def __init__(self, classes: int = 400, slimmer: int = 1) -> None:
        super().__init__()
        a, b = 64 // slimmer, 192 // slimmer
        self.Conv3d_1a_7x7 = Unit((3, a), (7, 7, 7), (2, 2, 2))
        self.Conv3d_2b_1x1 = Unit((a, a))
        self.Conv3d_2c_3x3 = Unit((a, b), (3, 3, 3))
        channels = b
        for name, widths in INCEPTIONS.items():
            slim = tuple(max(width // slimmer, 1) for width in widths)
            block = Inception(channels, (slim[0], slim[1], slim[2], slim[3], slim[4], slim[5]))
            self.add_module(name, block)
            channels = slim[0] + slim[2] + slim[4] + slim[5]
        self.logits = Unit((channels, classes), last=True)
        self.eval().requires_grad_(False)

    def forward(self, video: Tensor) -> Tensor:
        """Logits; dropout is off, as it is when features are taken."""
        values = _pool(self.Conv3d_1a_7x7(video), (1, 3, 3), (1, 2, 2))
        values = self.Conv3d_2c_3x3(self.Conv3d_2b_1x1(values))
        for name in INCEPTIONS:
            if name in POOLS:
                values = _pool(values, *POOLS[name])
            values = getattr(self, name)(values)
        logits: Tensor = self.logits(F.avg_pool3d(values, (2, 7, 7), 1))
        return logits.mean((2, 3, 4))


def _pool(values: Tensor, kernel: Triple, stride: Triple) -> Tensor:
    return F.max_pool3d(pad_same(values, kernel, stride), kernel, stride)
