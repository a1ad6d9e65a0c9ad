"""Video Depth Anything: depth that is steady over time, by attention over 32 frames.

Small is Apache-2.0; Large is for non-commercial use only and is never fetched unasked. Values are inverse depth with
one scale and shift for all frames of a segment.

Source: Chen et al., "Video Depth Anything: Consistent Depth Estimation for Super-Long Videos" (2025).
"""

import logging
from collections import deque
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from secondeye.depth_models.video_depth_anything.head import PATCH_PX
from secondeye.depth_models.video_depth_anything.network import VideoDepthNetwork, load, tiny_network
from secondeye.depth_models.video_depth_anything.stitching import as_they_come, in_windows
from secondeye.discovery import nearest
from secondeye.errors import InputError
from secondeye.network import weights
from secondeye.network.device import device_named
from secondeye.network.imagenet import MEAN, STD
from secondeye.types import Clip, DepthClip

LOG = logging.getLogger(__name__)

SIZES = ("small", "large")
MODES = ("windows", "stream")

WIDEST, WIDEST_SIDES = 1.78, 1.777
"""Frames wider or taller than this get a shorter short side, so that the long one stays (video_depth.py)."""


class VideoDepthAnything:
    """Runs the network over one segment; "windows" looks up to 32 frames ahead, "stream" not at all."""

    scaled = False
    free_scale = True  # a window's units are its own, and so are those of a segment's first

    def __init__(self, network: VideoDepthNetwork, device: torch.device, resolution: int, mode: str) -> None:
        self._network, self._device, self._resolution, self._mode = network, device, resolution, mode
        self.input_px = round(resolution * WIDEST_SIDES)  # 32 frames wait; the released code resizes whole ones

    def estimate(self, clips: Iterator[Clip]) -> Iterator[DepthClip]:
        """One depth clip a clip; inverse depth at the network's own input size."""
        waiting: deque[Clip] = deque()
        depths: list[Tensor] = []
        frames = self._prepared(clips, waiting)
        found = as_they_come(frames, self._network) if self._mode == "stream" else in_windows(frames, self._window)
        while True:
            with torch.inference_mode(), self._precision():
                depth = next(found, None)
            if depth is None:
                return
            depths.append(depth.to("cpu", torch.float32))
            if len(depths) == len(waiting[0]):
                yield DepthClip(waiting.popleft(), torch.stack(depths)[:, None].clone())
                depths = []

    def _prepared(self, clips: Iterator[Clip], waiting: deque[Clip]) -> Iterator[Tensor]:
        """Each frame as the network takes it; its clip waits until its depth is known."""
        for clip in clips:
            waiting.append(clip)
            for rgb in clip.rgb:
                yield prepared(rgb, self._resolution).to(self._device)

    def _window(self, frames: Tensor) -> Tensor:
        depth: Tensor = self._network(frames[None]).depth[0]
        return depth.float()

    def _precision(self) -> torch.autocast | nullcontext[None]:
        """Half precision on CUDA, as released."""
        return torch.autocast("cuda", torch.float16) if self._device.type == "cuda" else nullcontext()


def prepared(rgb: Tensor, resolution: int) -> Tensor:
    """A frame (3, H, W), 0 to 1, resized by OpenCV's bicubic as released, and normalised."""
    height, width = input_size(rgb.shape[1], rgb.shape[2], resolution)
    frame = np.ascontiguousarray(rgb.permute(1, 2, 0).to("cpu", torch.float32).numpy())
    resized = cv2.resize(frame, (width, height), interpolation=cv2.INTER_CUBIC)
    normal = (resized - np.asarray(MEAN)) / np.asarray(STD)  # in float64, as released: tiny maps are that sensitive
    planes: Tensor = torch.from_numpy(np.ascontiguousarray(np.moveaxis(normal, -1, 0), np.float32))
    return planes


def input_size(height: int, width: int, resolution: int) -> tuple[int, int]:
    """Height and width in px that a frame is resized to: whole patches, the short side at least `resolution`."""
    ratio = max(height, width) / min(height, width)
    if ratio > WIDEST:
        resolution = max(1, round(int(resolution * WIDEST_SIDES / ratio) / PATCH_PX)) * PATCH_PX
    scale = resolution / min(height, width)
    return _whole_patches(height * scale, resolution), _whole_patches(width * scale, resolution)


def _whole_patches(side: float, least: int) -> int:
    patches = round(side / PATCH_PX)
    return (patches if patches * PATCH_PX >= least else -int(-side // PATCH_PX)) * PATCH_PX


def build(
    size: str = "small",
    tiny: bool = False,
    device: str = "auto",
    resolution: int = 518,
    mode: str = "windows",
    checkpoint: str | Path | None = None,
) -> VideoDepthAnything:
    """Video Depth Anything, ready to estimate; fetches Small where it is not at hand.

    Args:
        size: "small" or "large".
        tiny: random weights in a tiny network, for tests.
        device: "auto", "cpu", "cuda" or what else torch knows.
        resolution: px of the short side that the network sees; its training used 518.
        mode: "windows" of 32 frames that overlap, or "stream", frame by frame.
        checkpoint: a published .pth, or a folder with it, instead of the one in the cache.

    Raises:
        InputError: no such size, mode, device or resolution.
        WeightsError: the weights are neither at hand nor to be had, or do not fit.
    """
    for what, value, choices in (("Video Depth Anything of size", size, SIZES), ("mode", mode, MODES)):
        if value not in choices:
            raise nearest(what, value, choices)
    if not PATCH_PX <= resolution <= 4096:
        raise InputError(f"resolution {resolution} is outside {PATCH_PX} to 4096 px; 518 is what it was trained with")
    place = device_named(device)
    network = tiny_network() if tiny else load(Path(checkpoint) if checkpoint else _at_hand(size), size)
    return VideoDepthAnything(network.to(place), place, resolution, mode)


def _at_hand(size: str) -> Path:
    """The published weights, fetched if they may be fetched unasked; says the licence where it restricts."""
    known = weights.card(f"video_depth_anything_{size}")
    if known.commercial_use:
        return weights.get(known.name, notify=LOG.warning)
    LOG.warning(known.terms)
    return weights.find(known.name)
