"""Learned perceptual distance (LPIPS 0.1): how unlike two pictures look to a network, weighted as people judged.

Both pictures go through a trunk; at five depths the features' directions are compared, squared differences are weighted
by a learned non-negative head and averaged over the picture. M2SVid takes VGG, many papers do not say which, and the
two trunks' numbers cannot be compared, so `net` is part of the name of any number.

Weights: the heads of LPIPS 0.1 (BSD-2-Clause) and torchvision's trunk (BSD-3-Clause), or one file that holds both by
the names of the original implementation (`net.slice1.0.weight`, `lin0.model.1.weight`), as M2SVid's checkpoint does.

Source: Zhang et al., The unreasonable effectiveness of deep features, CVPR 2018, equation 1; names as in
github.com/richzhang/PerceptualSimilarity.
"""

import functools
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from secondeye.metrics import Meter, Metric, Pair
from secondeye.metrics._per_frame import MeanOfFrames
from secondeye.metrics._trunk import (
    ALEXNET,
    VGG16,
    VGG_CHANNELS,
    alexnet_layers,
    check_net,
    feature_weights,
    staged,
    vgg_layers,
)
from secondeye.metrics._views import view_of
from secondeye.metrics._weights import Published, fill, find, present, read

LAST_LAYERS = {"vgg": (3, 8, 15, 22, 29), "alex": (1, 4, 7, 9, 11)}
"""Number of the layer after which each depth's features are taken."""

ALEX_CHANNELS = (64, 192, 384, 256, 256)

SHIFT, SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)
"""ImageNet's mean and deviation restated for values in -1 to 1 (LPIPS 0.1's scaling layer)."""

SMALLEST_NORM = 1e-10

METRIC = Metric(
    "LPIPS",
    "lower",
    (0.0, float("inf")),
    ("truth",),
    weights="LPIPS 0.1 heads (BSD-2-Clause) and torchvision's VGG-16 or AlexNet trunk (BSD-3-Clause)",
)


def heads(net: str) -> Published:
    """The published heads for a trunk."""
    return Published(
        f"the LPIPS 0.1 heads for {net}",
        (f"lpips_{net}.safetensors", f"lpips_{net}.pth", f"{net}.pth"),
        f"https://github.com/richzhang/PerceptualSimilarity/tree/master/lpips/weights/v0.1 ({net}.pth)",
        "BSD-2-Clause",
        packages=(
            ("lpips", f"weights/v0.1/{net}.pth"),
            ("torchmetrics", f"functional/image/lpips_models/{net}.pth"),
        ),
    )


def trunk_of(net: str) -> Published:
    """torchvision's weights of a trunk."""
    return VGG16 if net == "vgg" else ALEXNET


def files(net: str = "vgg", weights: str | None = None) -> list[Path]:
    """Of heads and trunk, what is there."""
    return present(heads(net), trunk_of(net), weights=weights)


class Head(nn.Module):
    """A weighted sum over channels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.model = nn.Sequential()
        self.model.add_module("1", nn.Conv2d(channels, 1, 1, bias=False))

    def forward(self, difference: Tensor) -> Tensor:
        """(B, C, H, W) to (B, 1, H, W)."""
        weighted: Tensor = self.model(difference)
        return weighted


class Slices(nn.Module):
    """The trunk, cut after each depth."""

    def __init__(self, net: str, channels: tuple[int, ...]) -> None:
        super().__init__()
        layers = vgg_layers(channels) if net == "vgg" else alexnet_layers(channels)
        for number, stage in enumerate(staged(layers, LAST_LAYERS[net]), 1):
            self.add_module(f"slice{number}", stage)

    def forward(self, values: Tensor) -> list[Tensor]:
        """Features at each depth."""
        features = []
        for stage in self.children():
            values = stage(values)
            features.append(values)
        return features


class Lpips(nn.Module):
    """The distance itself: pictures (B, 3, H, W) in 0 to 1 in, (B,) out."""

    def __init__(self, net: str = "vgg", channels: tuple[int, ...] | None = None) -> None:
        super().__init__()
        check_net(net)
        widths = channels or (VGG_CHANNELS if net == "vgg" else ALEX_CHANNELS)
        self.net = Slices(net, widths)
        for number, width in enumerate(widths):
            self.add_module(f"lin{number}", Head(width))
        self.eval().requires_grad_(False)

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """Distance of two batches."""
        shift, scale = (first.new_tensor(v).view(1, 3, 1, 1) for v in (SHIFT, SCALE))
        both = [self.net((values * 2 - 1 - shift) / scale) for values in (first, second)]
        total = first.new_zeros(len(first))
        for number, (a, b) in enumerate(zip(*both, strict=True)):
            weighted = getattr(self, f"lin{number}")((_direction(a) - _direction(b)) ** 2)
            total = total + weighted.mean((1, 2, 3))
        return total


def _direction(features: Tensor) -> Tensor:
    norm: Tensor = features.square().sum(1, keepdim=True).sqrt()
    return features / (norm + SMALLEST_NORM)


@functools.lru_cache(maxsize=2)
def load(net: str = "vgg", weights: str | None = None) -> Lpips:
    """The distance with its published weights, read once.

    Args:
        net: "vgg" or "alex".
        weights: one file with trunk and heads, or a folder to find both in; else see `_weights`.

    Raises:
        WeightsError: a file is not there or does not fit.
    """
    check_net(net)
    path = find(heads(net), weights)
    tensors = without_prefix(read(path))
    if not any(name.startswith("net.") for name in tensors):
        trunk = find(trunk_of(net), weights)
        tensors = tensors | _trunk_names(net, feature_weights(read(trunk), str(trunk)))
    network = Lpips(net)
    fill(network, tensors, str(path))
    return network


def without_prefix(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Names from `net.` and `lin0.` on, whatever they hang below; the constant scaling layer is left out."""
    kept = {}
    for name, value in tensors.items():
        short = name.partition("lpips.")[2] or name
        if short.startswith(("net.", "lin")) and "scaling_layer" not in short:
            kept[short] = value
    return kept


def _trunk_names(net: str, features: Mapping[int, Mapping[str, Tensor]]) -> dict[str, Tensor]:
    named = {}
    for number, tensors in features.items():
        slice_number = 1 + sum(number > last for last in LAST_LAYERS[net])
        if slice_number <= len(LAST_LAYERS[net]):
            named.update({f"net.slice{slice_number}.{number}.{kind}": value for kind, value in tensors.items()})
    return named


def build(net: str = "vgg", weights: str | None = None, device: str = "cpu", network: nn.Module | None = None) -> Meter:
    """LPIPS of a clip, mean over frames.

    Args:
        net, weights: as for `load`.
        device: where the network runs.
        network: a distance already loaded, so that clips share it.

    Raises:
        WeightsError: the weights are not there.
    """
    distance = (network or load(net, weights)).to(device)
    return MeanOfFrames(lambda pair: {"whole": of_frame(pair, distance, device)})


@torch.no_grad()
def of_frame(pair: Pair, distance: nn.Module, device: str = "cpu") -> float:
    """LPIPS of one frame."""
    right, truth = (view_of(pair, view)[None].to(device, torch.float32) for view in ("right", "truth"))
    return float(distance(right, truth))
