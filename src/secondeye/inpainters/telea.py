"""Telea's fast marching inpainting, from OpenCV, frame by frame.

It closes holes from all sides, foreground included: a well-known yardstick rather than a good fill (`stretch` gains
about 2.5 dB on real pairs). The fill is made at 8 bit and only hole pixels take it, so known pixels keep their depth.

Source: A. Telea, An image inpainting technique based on the fast marching method, Journal of Graphics Tools 9 (2004).
"""

from collections.abc import Iterator
from dataclasses import replace

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from secondeye.errors import InputError
from secondeye.types import Needs, StereoClip, WarpedClip


class Telea:
    """Fills holes by OpenCV's Telea; see the module."""

    needs = Needs(window=1, exact=True)

    def __init__(self, radius_px: int) -> None:
        self._radius_px = radius_px

    def inpaint(self, clips: Iterator[WarpedClip]) -> Iterator[StereoClip]:
        """Yield each clip with its holes filled; known pixels pass bit for bit."""
        for clip in clips:
            frames = zip(clip.left.rgb, clip.right, clip.hole, strict=True)
            right = torch.stack([fill(left, right, hole[0], self._radius_px) for left, right, hole in frames])
            yield StereoClip(clip.left, replace(clip.left, rgb=right))


def build(radius_px: int = 3) -> Telea:
    """The Telea inpainter.

    Args:
        radius_px: how far around a pixel OpenCV looks; 3 is what published comparisons use.

    Raises:
        InputError: a radius outside 1 to 64.
    """
    if not 1 <= radius_px <= 64:
        raise InputError(f"telea radius_px {radius_px} is outside 1 to 64; 3 is usual")
    return Telea(radius_px)


def fill(left: Tensor, right: Tensor, hole: Tensor, radius_px: int) -> Tensor:
    """A copy of `right` (3, H, W) with `hole` (H, W) filled; where all is hole, `left` is the best guess."""
    mask = hole.cpu().numpy()
    if not mask.any():
        return right.clone()
    if mask.all():
        return left.clone()
    image = (right.float().clamp(0, 1) * 255).round().to(torch.uint8).permute(1, 2, 0).cpu().numpy()
    filled = _fill_regions(np.ascontiguousarray(image), mask, radius_px)
    colours = torch.from_numpy(filled).permute(2, 0, 1).to(right.device, right.dtype) / 255
    return torch.where(hole, colours, right)


def _fill_regions(image: NDArray[np.uint8], mask: NDArray[np.bool_], radius_px: int) -> NDArray[np.uint8]:
    """Telea's fill of the one rectangle that spans all holes, with the surroundings that it looks at."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    margin = radius_px + 2
    top, bottom = max(rows[0] - margin, 0), rows[-1] + margin + 1
    first, last = max(columns[0] - margin, 0), columns[-1] + margin + 1
    window = (slice(top, bottom), slice(first, last))
    image[window] = cv2.inpaint(
        np.ascontiguousarray(image[window]), mask[window].astype(np.uint8), radius_px, cv2.INPAINT_TELEA
    )
    return image
