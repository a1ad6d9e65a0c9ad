"""Which frames of a clip a protocol takes, and at which size: the part of a protocol that is not a metric."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, Literal, TypeVar

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from secondeye.metrics import Memo, Pair
from secondeye.metrics._views import view_mask

Item = TypeVar("Item")


@dataclass(frozen=True)
class Frames:
    """Which frames are taken: each `every`-th, or at `rate_hz` as ffmpeg's fps filter does, at most `count`."""

    every: int = 1
    rate_hz: int | None = None
    count: int | None = None

    def take(self, frames: Iterable[Item], frame_rate: Fraction | None) -> Iterator[Item]:
        """The frames taken, whatever stands for them; without a known frame rate, `rate_hz` leaves none out."""
        taken = 0
        if self.rate_hz is not None and frame_rate is not None and frame_rate > self.rate_hz:
            frames = self._at_rate(frames, frame_rate / self.rate_hz)
        for number, frame in enumerate(frames):
            if taken == self.count:
                return
            if number % self.every == 0:
                taken += 1
                yield frame

    @staticmethod
    def _at_rate(frames: Iterable[Item], ratio: Fraction) -> Iterator[Item]:
        """The last frame of each of the filter's slots, whose borders lie half-way between its ticks.

        A slot that has begun when the clip ends does not count.
        """
        before: tuple[int, Item] | None = None
        number = -1
        for number, frame in enumerate(frames):
            slot = math.floor(number / ratio + Fraction(1, 2))
            if before is not None and slot > before[0]:
                yield before[1]
            before = slot, frame
        if before is not None and math.floor((number + 1) / ratio + Fraction(1, 2)) > before[0]:
            yield before[1]


@dataclass(frozen=True)
class Size:
    """The size that frames are brought to, in px.

    "as_is" leaves them. "crop" brings the shorter side to `width` (bilinear, antialiased) and takes the middle square.
    "stretch" resizes to width x height, bilinear and antialiased; "stretch_pil" likewise by PIL's bicubic on 8 bit;
    "rows" to `height` as "stretch" does, the width in proportion.
    """

    how: Literal["as_is", "crop", "stretch", "stretch_pil", "rows"] = "as_is"
    width: int = 0
    height: int = 0

    def fit(self, pair: Pair) -> Pair:
        """The pair at this size; disparity is scaled with the width, a hole is one where more than half is."""
        if self.how == "as_is":
            return pair
        size = self._resized(pair.size)
        known = pair.common.get(("fit", self), lambda: self._known(pair, size))
        return Pair(self._view(pair.right, size), **known, text=pair.text, index=pair.index)

    def _resized(self, size: tuple[int, int]) -> tuple[int, int]:
        """Height and width before anything is cut off."""
        if self.how == "rows":
            return self.height, max(1, round(size[1] * self.height / size[0]))
        if self.how != "crop":
            return self.height, self.width
        # As torchvision's Resize has it, the longer side is cut to whole px.
        sides = [self.width if side == min(size) else int(side * self.width / min(size)) for side in size]
        return sides[0], sides[1]

    def _known(self, pair: Pair, size: tuple[int, int]) -> dict[str, Any]:
        """All of a pair but the right view, at this size, and where to keep what is derived from it."""
        hole, disparity = pair.hole, pair.disparity
        return {
            "left": None if pair.left is None else self._view(pair.left, size),
            "truth": None if pair.truth is None else self._view(pair.truth, size),
            "hole": None if hole is None else self._cut(_bilinear(hole[None].float(), size)[0] > 0.5),
            "disparity": None if disparity is None else self._cut(_disparity(disparity, size)),
            "common": Memo(),
        }

    def _view(self, view: Tensor, size: tuple[int, int]) -> Tensor:
        if view.shape[1:] == size:
            return self._cut(view)
        return self._cut(_by_pil(view, size) if self.how == "stretch_pil" else _bilinear(view, size))

    def _cut(self, value: Tensor) -> Tensor:
        """The middle square, where it is wanted."""
        if self.how != "crop":
            return value
        # As torchvision's CenterCrop has it, half a px rounds to even.
        top, left = (round((length - self.width) / 2) for length in value.shape[-2:])
        return value[..., top : top + self.width, left : left + self.width]


def _bilinear(view: Tensor, size: tuple[int, int]) -> Tensor:
    resized: Tensor = F.interpolate(view[None], size=size, mode="bilinear", antialias=True, align_corners=False)[0]
    return resized.clamp(0, 1)


def _by_pil(view: Tensor, size: tuple[int, int]) -> Tensor:
    picture = (view.clamp(0, 1) * 255).round().to(torch.uint8).permute(1, 2, 0).cpu().numpy()
    resized = Image.fromarray(picture).resize((size[1], size[0]), Image.Resampling.BICUBIC)
    return torch.from_numpy(np.asarray(resized).copy()).permute(2, 0, 1).float() / 255


def _disparity(disparity: Tensor, size: tuple[int, int]) -> Tensor:
    nearest: Tensor = F.interpolate(disparity[None, None].float(), size=size, mode="nearest-exact")[0, 0]
    return nearest * (size[1] / disparity.shape[1])


def with_closed_hole(pair: Pair, side_px: int) -> Pair:
    """The pair with the gaps of its hole closed."""
    hole = pair.hole
    if hole is None:
        return pair
    made = pair.common.get(("closed", side_px), lambda: (closed(hole, side_px), Memo()))
    return replace(pair, hole=made[0], memo=Memo(), common=made[1])


def closed(hole: Tensor, side_px: int) -> Tensor:
    """A mask (H, W) with its gaps closed by a square, as OpenCV closes: dilated, then eroded."""
    square = cv2.getStructuringElement(cv2.MORPH_RECT, (side_px, side_px))
    found = cv2.morphologyEx(view_mask(hole).astype(np.uint8), cv2.MORPH_CLOSE, square)
    return torch.from_numpy(np.asarray(found).astype(bool)).to(hole.device)


def painted_white(pair: Pair, keep: Literal["hole", "visible"]) -> Pair:
    """Right view and truth with all but one region painted white, as M2SVid looks at regions.

    The frame keeps its size and its mean is taken over all of it, so the numbers grow with what is painted.
    """
    hole = pair.hole
    assert hole is not None
    kept = hole if keep == "hole" else ~hole

    def paint(view: Tensor) -> Tensor:
        return torch.where(kept, view.clamp(0, 1), torch.ones_like(view))

    truth = pair.truth
    painted, common = pair.common.get(("painted", keep), lambda: (None if truth is None else paint(truth), Memo()))
    return Pair(paint(pair.right), pair.left, painted, text=pair.text, index=pair.index, common=common)
