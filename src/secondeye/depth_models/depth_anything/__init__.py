"""Depth Anything V2: depth of each picture alone, by a vision transformer (through transformers).

Small is Apache-2.0; Base and Large are for non-commercial use only and are never fetched unasked. Values are inverse
depth up to an unknown scale and shift that differ from frame to frame; `depth.scale` steadies them over a shot.

Source: Yang et al., "Depth Anything V2" (2024).
"""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from secondeye.depth_models.depth_anything.network import PATCH_PX, load, tiny_network
from secondeye.errors import InputError
from secondeye.network import weights
from secondeye.network.device import device_named
from secondeye.network.imagenet import MEAN, STD
from secondeye.types import Clip, DepthClip

LOG = logging.getLogger(__name__)

SIZES = ("small", "base", "large")
LONGEST = 3.0
"""A long side above so many resolutions is squeezed: attention grows with the square, and 16:1 strips are no scenes."""


class DepthAnything:
    """Runs the network on one frame at a time, so that results do not depend on grouping to the last bit."""

    scaled = False

    def __init__(self, network: Any, device: torch.device, resolution: int) -> None:
        self._network, self._device, self._resolution = network, device, resolution
        self._mean, self._std = (torch.tensor(c, device=device)[:, None, None] for c in (MEAN, STD))

    def estimate(self, clips: Iterator[Clip]) -> Iterator[DepthClip]:
        """One depth clip a clip; inverse depth at the network's own input size."""
        for clip in clips:
            yield DepthClip(clip, torch.stack([self._infer(frame) for frame in clip.rgb]))

    @torch.inference_mode()
    def _infer(self, rgb: Tensor) -> Tensor:
        size = input_size(rgb.shape[1], rgb.shape[2], self._resolution)
        frame = rgb.to(self._device, torch.float32)[None]
        frame = torch.nn.functional.interpolate(frame, size, mode="bicubic", antialias=True).clamp(0, 1)
        depth: Tensor = self._network(pixel_values=(frame - self._mean) / self._std).predicted_depth
        return depth.reshape(1, *size).to("cpu", torch.float32)


def input_size(height: int, width: int, resolution: int) -> tuple[int, int]:
    """Height and width in px that a frame is resized to: its aspect, the short side at `resolution`, whole patches."""
    scale = resolution / min(height, width)
    scale = min(scale, LONGEST * resolution / max(height, width))
    rows, columns = (max(1, round(side * scale / PATCH_PX)) for side in (height, width))
    return rows * PATCH_PX, columns * PATCH_PX


def build(
    size: str = "small",
    tiny: bool = False,
    device: str = "auto",
    resolution: int = 518,
    checkpoint: str | Path | None = None,
) -> DepthAnything:
    """Depth Anything V2, ready to estimate; fetches Small where it is not at hand.

    Args:
        size: "small", "base" or "large".
        tiny: random weights in a tiny network, for tests.
        device: "auto", "cpu", "cuda" or what else torch knows.
        resolution: px of the short side that the network sees; its training used 518.
        checkpoint: a folder in the published layout or an original .pth, instead of the one in the cache.

    Raises:
        InputError: no such size, device or resolution.
        WeightsError: the weights are neither at hand nor to be had, or do not fit.
    """
    if size not in SIZES:
        raise InputError(f"no Depth Anything of size '{size}'; choose one of: {', '.join(SIZES)}")
    if not PATCH_PX <= resolution <= 4096:
        raise InputError(f"resolution {resolution} is outside {PATCH_PX} to 4096 px; 518 is what it was trained with")
    place = device_named(device)
    if tiny:
        return DepthAnything(tiny_network().to(place), place, resolution)
    source = Path(checkpoint) if checkpoint is not None else _at_hand(size)
    return DepthAnything(load(source, size).to(place), place, resolution)


def _at_hand(size: str) -> Path:
    """The published weights, fetched if they may be fetched unasked; says the licence where it restricts."""
    known = weights.card(f"depth_anything_{size}")
    if known.commercial_use:
        return weights.get(known.name, notify=LOG.warning)
    LOG.warning(known.terms)
    return weights.find(known.name)
