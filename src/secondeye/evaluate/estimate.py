"""A depth model's depth of one clip: estimated once, kept on disk, and shared by the methods that use it.

    pass 1   frames -> inverse depth -> depth-<key>.f32, with percentiles and the fit to the truth -> depth-<key>.json
    pass 2   depth-<key>.f32 -> at frame size, following the picture's edges -> disparity

A clip is taken as one shot.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from secondeye import depth_models
from secondeye.datasets import StereoFrame
from secondeye.depth.scale import apply_scale, frame_percentiles, shot_scale
from secondeye.depth.upsample import upsample_guided
from secondeye.evaluate.disparity import Align, LineFit, sampled
from secondeye.evaluate.results import RAMP
from secondeye.evaluate.work import write_text
from secondeye.geometry import StereoGeometry
from secondeye.splat.edges import dilate_foreground
from secondeye.types import Clip, DepthEstimator
from secondeye.video.saving import whole


@dataclass
class Estimate:
    """What is known of a clip's estimated depth.

    Attributes:
        shape: frames, height and width of the maps.
        percentiles: low and high of each frame.
        fit: the sums that a fit to the true disparity needs.
    """

    shape: tuple[int, int, int] = (0, 0, 0)
    percentiles: list[tuple[float, float]] = field(default_factory=list)
    fit: LineFit = field(default_factory=LineFit)


@cache
def depth_model(name: str) -> DepthEstimator:
    """A depth model, its weights read once."""
    return depth_models.build(name)


def estimated(name: str, frames: Callable[[], Iterator[StereoFrame]], spool: Path) -> Estimate:
    """Pass 1, unless an earlier method has gone through it."""
    facts = spool.with_suffix(".json")
    kept = _read(facts, spool)
    if kept is not None:
        return kept
    found = Estimate()
    waiting: list[StereoFrame] = []
    with whole(spool) as partial, open(partial, "wb") as file:
        for depth in depth_model(name).estimate(_clips(frames(), waiting)):
            values = depth.inverse_depth.detach().cpu().float()
            for i in range(len(values)):
                _count(found, values[i : i + 1], waiting.pop(0))
                file.write(values[i, 0].contiguous().numpy().tobytes())
    write_text(facts, json.dumps(asdict(found)))
    return found


def _clips(frames: Iterator[StereoFrame], waiting: list[StereoFrame]) -> Iterator[Clip]:
    """The frames as clips of one; those that the model has taken but not answered wait."""
    for number, frame in enumerate(frames):
        waiting.append(replace(frame, right=frame.left))  # the right view is not needed, so let it go
        yield Clip(frame.left[None], number, torch.tensor([number]))


def _count(found: Estimate, values: Tensor, frame: StereoFrame) -> None:
    height, width = values.shape[2:]
    low, high = frame_percentiles(values)[0].tolist()
    found.shape = (found.shape[0] + 1, height, width)
    found.percentiles.append((low, high))
    if frame.disparity is not None:
        found.fit.add(values[0, 0].numpy(), sampled(frame.disparity, height, width))


def _read(facts: Path, spool: Path) -> Estimate | None:
    """What pass 1 left; None where it is not there, or not whole."""
    try:
        content: dict[str, Any] = json.loads(facts.read_text("utf-8"))
        frames, height, width = content["shape"]
        if spool.stat().st_size == frames * height * width * 4 and len(content["percentiles"]) == frames:
            return Estimate((frames, height, width), content["percentiles"], LineFit(**content["fit"]))
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return None


class EstimatedDisparity:
    """Pass 2: the disparity of a clip's frames by number.

    Args:
        name: the depth model.
        estimate, spool: what pass 1 gave, and where.
        align: by truth where it may and can be, else by strength.
        geometry: what a user would set.
        edge_dilation: px at 1920 width.
    """

    def __init__(
        self, name: str, estimate: Estimate, spool: Path, align: Align, geometry: StereoGeometry, edge_dilation: int
    ) -> None:
        frame_count = estimate.shape[0]
        self._maps: NDArray[np.float32] = np.memmap(spool, np.float32, "r", shape=estimate.shape)
        self._geometry, self._edge_dilation = geometry, edge_dilation
        least = getattr(depth_model(name), "least_range", 0.0)
        self._ranges = shot_scale(torch.tensor(estimate.percentiles, dtype=torch.float64), 0.0, least)
        self._line: tuple[float, float] | None = None
        if align == "truth" or (align == "auto" and estimate.fit.count):
            self._line = estimate.fit.solve()
        # Only a model that may see next to nothing asks for a least range.
        ramp = f"{RAMP}, " if frame_count == 1 and least > 0 else ""
        self.text = f"{name}, {ramp}{self._how()}"

    def _how(self) -> str:
        if self._line is not None:
            return f"fitted to the true disparity: {self._line[0]:.4g} x inverse depth {self._line[1]:+.4g} px"
        return f"strength {self._geometry.strength:.2%}, convergence {self._geometry.convergence:g}"

    def of(self, number: int, left: Tensor) -> Tensor:
        """Disparity (1, 1, H, W) of a frame whose left view is (3, H, W)."""
        small = torch.from_numpy(self._maps[number].copy())[None, None]
        scaled = self._at_size(small, left[None], number)
        width = left.shape[2]
        radius = round(self._edge_dilation * width / 1920)
        if self._line is None:
            return dilate_foreground(self._geometry.disparity(scaled, width), radius)
        return dilate_foreground(scaled * self._line[0] + self._line[1], radius)

    def _at_size(self, small: Tensor, left: Tensor, number: int) -> Tensor:
        """At the frame's size: on the shot's 0 to 1 scale, or, for a fit, in the model's own units."""
        ranges = self._ranges[number : number + 1]
        if self._line is None:
            return upsample_guided(apply_scale(small, ranges), left)
        low, high = ranges[0].tolist()
        span = max(high - low, 1e-6 * max(abs(low), abs(high), 1e-6))
        # Edges are told apart on a 0 to 1 scale; a straight one, for a fit knows no soft clamp.
        large: Tensor = upsample_guided((small - low) / span, left) * span + low
        return large
