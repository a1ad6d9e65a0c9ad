"""Dense flow by OpenCV's DIS, which is fast on any CPU and has no weights.

Source: Kroeger et al., "Fast Optical Flow using Dense Inverse Search" (2016).
"""

from functools import cache
from threading import get_ident
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Grey = NDArray[np.uint8]
Preset = Literal["ultrafast", "fast", "medium"]

SMALLEST_PX = 16
"""A side below two of DIS's 8 px patches has no flow to be found: it is zero."""

COARSE_FROM_PX = 32
"""A side below that is too short for the presets that leave out the finest scales: OpenCV 5 reads beyond its arrays."""

TEXTURE = 2.0
"""Mean squared slope in its weakest direction, (grey levels a px)^2 over 5 x 5 px, at which texture is half trusted:
twice what the noise of usual footage makes."""

WITHIN_PX = np.ones((3, 3), np.uint8)


def dis_flow(a: Grey, b: Grey, preset: Preset = "medium") -> Array:
    """Where the pixels of `a` have gone in `b`.

    Args:
        a: (H, W) uint8 grey.
        b: (H, W) uint8 grey.
        preset: "ultrafast", "fast" or "medium"; each costs about three times the one before and is more exact. Frames
            with a side below 32 px always have "medium".

    Returns:
        (2, H, W) float32 px: x and y from a pixel of `a` to its place in `b`; zero below 16 px.
    """
    height, width = a.shape
    if min(height, width) < SMALLEST_PX:
        return np.zeros((2, height, width), np.float32)
    matcher, finest_scale = _dis("medium" if min(height, width) < COARSE_FROM_PX else preset, get_ident())
    matcher.setFinestScale(finest_scale)  # a small frame makes it finer, and it would stay so for all later frames
    found = matcher.calc(np.ascontiguousarray(a), np.ascontiguousarray(b), None)
    flow = np.empty((2, height, width), np.float32)
    cv2.split(found, list(flow))
    return flow


def warp_backward(image: Array, flow: Array) -> Array:
    """What `image` shows where the flow points: result(p) = image(p + flow(p)), bilinear, borders repeated.

    Args:
        image: (H, W) or (C, H, W) float32; C at most 4.
        flow: (2, H, W) px.

    Returns:
        The shape of `image`.
    """
    height, width = flow.shape[1:]
    x = flow[0] + np.arange(width, dtype=np.float32)
    y = flow[1] + np.arange(height, dtype=np.float32)[:, None]
    packed = image if image.ndim == 2 else cv2.merge(list(image))
    moved = np.asarray(cv2.remap(packed, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.float32)
    return moved.reshape(height, width) if image.ndim == 2 else np.moveaxis(moved.reshape(height, width, -1), -1, 0)


def consistency_error(forward: Array, backward: Array) -> Array:
    """How far from its start a pixel lands that goes there and back again; (H, W) px.

    Args:
        forward: (2, H, W) from a to b.
        backward: (2, H, W) from b to a.
    """
    back = warp_backward(backward, forward)
    return np.asarray(np.hypot(forward[0] + back[0], forward[1] + back[1]), np.float32)


def confidence(forward: Array, backward: Array, a: Grey, error: Array | None = None) -> Array:
    """How far the forward flow is to be trusted, pixel by pixel.

    The product of three: it comes back to where it started (half trust at 0.5 px + 5 % of its length), it stays
    inside the frame, and there is texture to hold it.

    Args:
        forward: (2, H, W) from a to b.
        backward: (2, H, W) from b to a.
        a: (H, W) uint8 grey.
        error: (H, W) px, their `consistency_error` where it is known already.

    Returns:
        (H, W) float32, 0 to 1.
    """
    error = consistency_error(forward, backward) if error is None else error
    # OpenCV sums over the block and divides Sobel slopes (8 times too steep) by 4 * 5 * 255.
    texture = np.maximum(cv2.cornerMinEigenVal(a, 5, ksize=3), 0) * np.float32((4 * 5 * 255 / 8) ** 2 / 25)
    return np.asarray(seen_again(forward, error) * (texture / (texture + TEXTURE)), np.float32)


def seen_again(forward: Array, error: Array) -> Array:
    """How sure it is that a pixel's place is to be seen in the other frame: it comes back, and stays inside.

    Args:
        forward: (2, H, W) to the other frame.
        error: (H, W) px, its `consistency_error`.

    Returns:
        (H, W) float32, 0 to 1.
    """
    tolerance = 0.5 + 0.05 * np.hypot(forward[0], forward[1])
    return np.asarray(stays_inside(forward) / (1 + (error / tolerance) ** 4), np.float32)


def stays_inside(flow: Array) -> NDArray[np.bool_]:
    """Whether a pixel's flow (2, H, W) px ends inside the frame, (H, W)."""
    height, width = flow.shape[1:]
    x = flow[0] + np.arange(width, dtype=np.float32)
    y = flow[1] + np.arange(height, dtype=np.float32)[:, None]
    return np.asarray((x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1))


def beyond_around(image: Grey, other: Array) -> Array:
    """By how much a pixel is brighter or darker than all that another picture (H, W) shows within a pixel of it."""
    beyond = np.maximum(image - cv2.dilate(other, WITHIN_PX), cv2.erode(other, WITHIN_PX) - image)
    return np.asarray(np.maximum(beyond, np.float32(0)), np.float32)


@cache
def _dis(preset: Preset, thread: int) -> tuple[Any, int]:
    """One matcher for each thread: it keeps its buffers, and two threads must not share them. And its finest scale."""
    presets = {
        "ultrafast": cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST,
        "fast": cv2.DISOPTICAL_FLOW_PRESET_FAST,
        "medium": cv2.DISOPTICAL_FLOW_PRESET_MEDIUM,
    }
    matcher = cv2.DISOpticalFlow.create(presets[preset])
    return matcher, matcher.getFinestScale()
