"""VMAF, Netflix's fusion of detail loss, visual information and motion; 0 to 100, about 100 where nothing differs.

Made for the loss by coding and scaling; on a synthesised view it says how well the picture survives, not whether the
parallax is right. Taken from the vmaf-torch package (BSD-3-Clause, the model v0.6.1 is part of it), which follows
libvmaf to some hundredths. Luma is BT.601, full picture to limited range, as ffmpeg would hand RGB over.
"""

import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from secondeye.errors import InputError
from secondeye.metrics import Meter, Metric, Pair, Region, Score, View
from secondeye.metrics._per_frame import mean_score
from secondeye.metrics._views import planes
from secondeye.metrics._weights import package_folder

METRIC = Metric("VMAF", "higher", (0.0, 100.0), ("truth",))

LUMA = (65.481, 128.553, 24.966)
"""BT.601 luma of RGB in 0 to 1, limited range, in 8-bit steps; black is 16."""

SMALLEST_SIDE = 17
"""Four halvings must leave a pixel for the package's filters to mirror."""

CHUNK = 8
"""Frames handed over at once."""


def files() -> list[Path]:
    """The package, if it is installed."""
    folder = package_folder("vmaf_torch")
    return [] if folder is None else [folder / "__init__.py"]


class Vmaf:
    """VMAF in chunks; since motion looks one frame back and ahead, chunks share a frame at either end."""

    def __init__(self, model: Any, device: str) -> None:
        self._model, self._device = model, device
        self._kept: list[tuple[Tensor, Tensor]] = []
        self._frames: list[float] = []
        self._has_past = False

    def update(self, pair: Pair) -> None:
        """Keep a frame, and reckon all but the last when a chunk is full.

        Raises:
            InputError: the frame is too small.
        """
        if min(pair.size) < SMALLEST_SIDE:
            raise InputError(f"VMAF needs at least {SMALLEST_SIDE} px a side, the frames have {min(pair.size)}")
        self._kept.append((luma(pair, "truth"), luma(pair, "right")))
        if len(self._kept) == CHUNK + 2:
            self._frames += self._scores()[1 if self._has_past else 0 : -1]
            self._kept = self._kept[-2:]
            self._has_past = True

    def _scores(self) -> list[float]:
        truth, right = (torch.stack([frame[i] for frame in self._kept])[:, None] for i in range(2))
        with torch.no_grad():
            found: list[float] = self._model(truth.to(self._device), right.to(self._device)).flatten().tolist()
        return found

    def finish(self) -> dict[Region, Score]:
        """The clip's mean over frames."""
        if self._kept:
            self._frames += self._scores()[1 if self._has_past else 0 :]
        self._kept = []
        return {"whole": mean_score(self._frames) if self._frames else Score(math.nan)}


def luma(pair: Pair, view: View) -> Tensor:
    """Luma (H, W) of a view, 16 to 235, rounded."""
    weighted = np.tensordot(np.array(LUMA, np.float32), planes(pair, view), 1) + np.float32(16)
    return torch.from_numpy(np.rint(weighted).astype(np.float32))


def build(device: str = "cpu") -> Meter:
    """VMAF of a clip.

    Raises:
        InputError: vmaf-torch is not installed.
    """
    if package_folder("vmaf_torch") is None:
        raise InputError("VMAF needs the package vmaf-torch: pip install 'secondeye[evaluate]'")
    from vmaf_torch import VMAF

    return Vmaf(VMAF(clip_score=True).to(device).eval(), device)
