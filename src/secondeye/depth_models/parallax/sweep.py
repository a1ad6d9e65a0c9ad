"""Dense depth from frames whose cameras are known: a plane sweep with semi-global matching.

Flow searches everywhere and smooths what it finds. Once the camera is known, a pixel can only go along a line, and how
far along it says how near it is: so every inverse depth is tried at every pixel, in several frames at once, and of all
maps the one is sought that is likely and smooth. Outlines come out sharp, and bars and pickets whole.

Source: Collins, "A space-sweep approach to true multi-image matching" (1996), and `sweep_kernel.gather`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from secondeye.compiled import run_beside, run_rows
from secondeye.depth.belief import beliefs_in
from secondeye.depth_models.parallax.sweep_kernel import PARTS, choose_rows, gather, match_rows
from secondeye.flow.camera import Camera

Array = NDArray[np.float32]
Grey = NDArray[np.uint8]

PLANES = 48

SMALL_STEP, LARGE_STEP = 8, 100
"""What a change of depth costs from one px to the next, against at most 180 for what does not match."""

MOST_TRUST = 8
"""What full trust in a hint is to the kernel."""

HALF_LEAD = 0.03
"""By what share the best must be ahead of the rest to be half sure."""

AROUND, UNLIKE, FLAT = 7, (0.5, 0.7), 12.0
"""What is found has no match where, over so many px squared, it costs more than this share of what depths cost in the
mean, and surely none from the other on. FLAT is added to that mean: what has no texture matches anything."""

TOLD_APART_PX = 3.0, 8.0
"""Depths that move a px by no more in all cannot be told apart, and surely those that move it by more."""

TEXTURE = 0.5
"""Mean squared slope along the line, (grey levels a px)^2 over 5 x 5 px, at which a px is half sure."""


@dataclass(frozen=True)
class Swept:
    """What a sweep found.

    Attributes:
        inverse_depth: (h, w), within the range that was tried.
        sure: (h, w) 0 to 1: the best is ahead of the rest, and there is texture along the line of search.
        unmatched: (h, w) 0 to 1: no depth would put the px on anything like it, so that it moves by itself.
        px_per_unit: (h, w) how far a unit of inverse depth moves a px between the frame and the first of the others.
    """

    inverse_depth: Array
    sure: Array
    unmatched: Array
    px_per_unit: Array


def sweep(
    grey: Grey,
    others: Sequence[tuple[Grey, Camera]],
    farthest: float,
    nearest: float,
    hint: tuple[Array, Array] | None = None,
) -> Swept:
    """Inverse depth of a frame.

    Args:
        grey: (h, w) uint8, at least 2 x 2.
        others: one to four frames of that size, and how the camera moved there, all on one scale.
        farthest, nearest: the range of inverse depth that is tried.
        hint: inverse depth (h, w) from elsewhere, and how far it is trusted, 0 to 1; it decides where the picture is
            flat, and hardly counts where there is texture.
    """
    height, width = grey.shape
    words, enlarged = _packed(grey), np.stack([_packed(other, 2) for other, _ in others])
    cameras = np.stack([np.array([camera.focal, *camera.turn, *camera.move], np.float32) for _, camera in others])
    planes = np.linspace(farthest, nearest, PLANES, dtype=np.float32)
    hints = np.zeros((2, height, width), np.int16)
    if hint is not None:
        plane = (hint[0] - farthest) * ((PLANES - 1) / (nearest - farthest))
        hints[0], hints[1] = np.rint(PARTS * np.clip(plane, -PLANES, 2 * PLANES)), np.rint(MOST_TRUST * hint[1])
    volume = np.empty((height, PLANES, width), np.uint8)
    run_rows(lambda first, stop: match_rows(words, enlarged, cameras, planes, hints, volume, first, stop), height)
    down, up = np.empty(volume.shape, np.int16), np.empty(volume.shape, np.int16)
    run_beside(
        lambda: gather(volume, words, SMALL_STEP, LARGE_STEP, False, down),
        lambda: gather(volume, words, SMALL_STEP, LARGE_STEP, True, up),
    )
    chosen, lead = np.empty((2, height, width), np.float32)
    unlike = np.empty((2, height, width), np.float32)
    run_rows(lambda first, stop: choose_rows(volume, down, up, planes, chosen, lead, unlike, first, stop), height)
    line = _line(others[0][1], height, width)
    sure = lead / (lead + np.float32(HALF_LEAD)) * _texture_along(grey, line)
    px_per_unit = np.hypot(*line)
    told_apart = beliefs_in(px_per_unit * np.float32(nearest - farthest), TOLD_APART_PX)
    cost, mean = (cv2.blur(one, (AROUND, AROUND)) for one in unlike)
    unmatched = beliefs_in(cost / (mean + np.float32(FLAT)), UNLIKE) * told_apart
    smooth = np.asarray(cv2.medianBlur(chosen, 3), np.float32)
    return Swept(smooth, np.asarray(sure, np.float32), unmatched, px_per_unit)


def _packed(grey: Grey, scale: int = 1) -> NDArray[np.uint32]:
    """Grey and its slopes to the right and down, a byte each, (h, w) words, enlarged by `scale`."""
    soft = cv2.GaussianBlur(grey, (0, 0), 0.6)
    half = np.array([[-0.5, 0, 0.5]], np.float32)
    slopes = (cv2.filter2D(soft, cv2.CV_8U, kernel, delta=128) for kernel in (half, half.T))
    channels = cv2.merge([grey, *slopes, np.zeros_like(grey)])
    if scale > 1:
        size = (grey.shape[1] * scale, grey.shape[0] * scale)
        channels = cv2.resize(channels, size, interpolation=cv2.INTER_LINEAR)
    return np.ascontiguousarray(channels, np.uint8).view(np.uint32)[..., 0]


def _line(camera: Camera, height: int, width: int) -> tuple[Array, Array]:
    """How far to the right and down a unit of inverse depth moves each px, (h, w) each."""
    side = float(max(height, width))
    x = (np.arange(width, dtype=np.float32) - (width - 1) / 2) / side
    y = ((np.arange(height, dtype=np.float32) - (height - 1) / 2) / side)[:, None]
    right, down = x * camera.move[2] - camera.focal * camera.move[0], y * camera.move[2] - camera.focal * camera.move[1]
    shape = (height, width)
    return np.asarray(np.broadcast_to(right, shape), np.float32), np.asarray(np.broadcast_to(down, shape), np.float32)


def _texture_along(grey: Grey, line: tuple[Array, Array]) -> Array:
    """How much there is to hold on to along the line that depth moves a px on, (h, w) 0 to 1."""
    across, down = cv2.Sobel(grey, cv2.CV_32F, 1, 0, scale=0.125), cv2.Sobel(grey, cv2.CV_32F, 0, 1, scale=0.125)
    slope = (across * line[0] + down * line[1]) ** 2 / (line[0] ** 2 + line[1] ** 2 + np.float32(1e-6))
    mean = cv2.blur(np.asarray(slope, np.float32), (5, 5))
    return np.asarray(mean / (mean + TEXTURE), np.float32)
