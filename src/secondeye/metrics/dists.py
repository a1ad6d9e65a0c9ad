"""Deep image structure and texture similarity (DISTS): tolerant of moved texture, strict about lost structure.

At the picture itself and at five depths of VGG-16 (whose max pooling is replaced by a Hanning-weighted L2 pooling),
means are compared as texture and covariances as structure, with learned weights; 0 is equal, 1 nothing alike. Pictures
are taken at their own size; the authors' command shrinks the shorter side to 256 first, which `shorter_side` does.

Weights: the authors' alpha and beta (MIT) and torchvision's VGG-16 trunk (BSD-3-Clause).

Source: Ding et al., Image quality assessment: unifying structure and texture similarity, TPAMI 2020, equations 4 to 8;
github.com/dingkeyan93/DISTS.
"""

import functools
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from secondeye.errors import InputError
from secondeye.metrics import Meter, Metric, Pair
from secondeye.metrics._per_frame import MeanOfFrames
from secondeye.metrics._trunk import VGG16, VGG_CHANNELS, feature_weights, staged, vgg_layers
from secondeye.metrics._views import view_of
from secondeye.metrics._weights import Published, fill, find, present, read

METRIC = Metric(
    "DISTS",
    "lower",
    (0.0, 1.0),
    ("truth",),
    weights="the authors' alpha and beta (MIT) and torchvision's VGG-16 trunk (BSD-3-Clause)",
)

HEAD = Published(
    "the DISTS weights alpha and beta",
    ("dists_weights.safetensors", "dists_weights.pt", "weights.pt"),
    "https://github.com/dingkeyan93/DISTS (DISTS_pytorch/weights.pt)",
    "MIT",
    packages=(("DISTS_pytorch", "weights.pt"),),
)

LAST_LAYERS = (3, 8, 15, 22, 29)
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
C = 1e-6


def files(weights: str | None = None) -> list[Path]:
    """Of head and trunk, what is there."""
    return present(HEAD, VGG16, weights=weights)


class L2Pool(nn.Module):
    """Halves a map: root of the Hanning-weighted mean of squares over 3 x 3 (equation 3)."""

    def forward(self, values: Tensor) -> Tensor:
        """(B, C, H, W) to half the size."""
        taps = torch.hann_window(5, periodic=False, dtype=values.dtype, device=values.device)[1:-1]
        window = torch.outer(taps, taps) / taps.sum() ** 2
        channels = values.shape[1]
        kernel = window.expand(channels, 1, 3, 3)
        return (F.conv2d(values.square(), kernel, stride=2, padding=1, groups=channels) + 1e-12).sqrt()


class Dists(nn.Module):
    """The distance itself: pictures (B, 3, H, W) in 0 to 1 in, (B,) out."""

    def __init__(self, channels: tuple[int, ...] = VGG_CHANNELS) -> None:
        super().__init__()
        layers = {
            number: L2Pool() if isinstance(layer, nn.MaxPool2d) else layer
            for number, layer in vgg_layers(channels).items()
        }
        for number, stage in enumerate(staged(layers, LAST_LAYERS), 1):
            self.add_module(f"stage{number}", stage)
        self.widths = (3, *channels)
        self.alpha = nn.Parameter(torch.full((1, sum(self.widths), 1, 1), 0.1))
        self.beta = nn.Parameter(torch.full((1, sum(self.widths), 1, 1), 0.1))
        self.eval().requires_grad_(False)

    def features(self, picture: Tensor) -> list[Tensor]:
        """The picture and its features at each depth."""
        mean, deviation = (picture.new_tensor(v).view(1, 3, 1, 1) for v in (MEAN, DEVIATION))
        found, values = [picture], (picture - mean) / deviation
        for stage in self.children():
            values = stage(values)
            found.append(values)
        return found

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """Distance of two batches."""
        total = self.alpha.sum() + self.beta.sum()
        alphas, betas = (torch.split(w / total, list(self.widths), dim=1) for w in (self.alpha, self.beta))
        likeness = first.new_zeros(len(first))
        for a, b, alpha, beta in zip(self.features(first), self.features(second), alphas, betas, strict=True):
            mean_a, mean_b = a.mean((2, 3), keepdim=True), b.mean((2, 3), keepdim=True)
            covariance = ((a - mean_a) * (b - mean_b)).mean((2, 3), keepdim=True)
            variances = a.var((2, 3), correction=0, keepdim=True) + b.var((2, 3), correction=0, keepdim=True)
            texture = (2 * mean_a * mean_b + C) / (mean_a**2 + mean_b**2 + C)
            structure = (2 * covariance + C) / (variances + C)
            likeness = likeness + (alpha * texture + beta * structure).sum((1, 2, 3))
        return 1 - likeness


@functools.lru_cache(maxsize=2)
def load(weights: str | None = None) -> Dists:
    """The distance with its published weights, read once.

    Args:
        weights: a folder to find both files in; else see `_weights`.

    Raises:
        WeightsError: a file is not there or does not fit.
    """
    head, trunk = find(HEAD, weights), find(VGG16, weights)
    tensors = {name: value for name, value in read(head).items() if name in ("alpha", "beta")}
    for number, kinds in feature_weights(read(trunk), str(trunk)).items():
        stage = 1 + sum(number > last for last in LAST_LAYERS)
        tensors |= {f"stage{stage}.{number}.{kind}": value for kind, value in kinds.items()}
    network = Dists()
    fill(network, tensors, str(head))
    return network


def build(
    weights: str | None = None, device: str = "cpu", shorter_side: int = 0, network: nn.Module | None = None
) -> Meter:
    """DISTS of a clip, mean over frames.

    Args:
        weights: as for `load`.
        device: where the network runs.
        shorter_side: px that larger pictures are shrunk to, 256 in the authors' command; 0 leaves them.
        network: a distance already loaded.

    Raises:
        WeightsError: the weights are not there.
        InputError: a negative size.
    """
    if shorter_side < 0:
        raise InputError(f"dists shorter_side {shorter_side} must not be negative; 256 is the authors' choice")
    distance = (network or load(weights)).to(device)
    return MeanOfFrames(lambda pair: {"whole": of_frame(pair, distance, device, shorter_side)})


@torch.no_grad()
def of_frame(pair: Pair, distance: nn.Module, device: str = "cpu", shorter_side: int = 0) -> float:
    """DISTS of one frame."""
    both = [view_of(pair, view)[None].to(device, torch.float32) for view in ("right", "truth")]
    if 0 < shorter_side < min(pair.size):
        scale = shorter_side / min(pair.size)
        size = [round(side * scale) for side in pair.size]
        both = [F.interpolate(v, size=size, mode="bilinear", antialias=True, align_corners=False) for v in both]
    return float(distance(*both))
