"""Smooth edges: several rays where patches of picture meet, averaged, and told apart into near and far."""

import numpy as np
from numpy.typing import NDArray

from secondeye.scene import kernel
from secondeye.scene.rays import Stage

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

RAYS_AT_ONCE = 1 << 22


def offsets(samples: int) -> Doubles:
    """Where in a pixel its rays go, (S, 2) px from the centre; spread evenly however many they are.

    Source: M. Roberts, The unreasonable effectiveness of quasirandom sequences: the plastic number's sequence.
    """
    plastic = 1.32471795724474602596
    steps = np.arange(1, samples + 1)[:, None] * np.array([1 / plastic, 1 / plastic**2])
    shifted: Doubles = (steps + 0.5) % 1 - 0.5
    return shifted


def soften(
    built: Stage, views: NDArray[np.int64], key: NDArray[np.int32], rgb: Floats, layers: Floats, samples: int
) -> None:
    """Replace the colours at edges by the mean of as many rays as `samples` says.

    Args:
        views: (V,) which views of the stage the rest is about.
        key: (V, H, W), as `kernel.shoot` gives it for pixel centres.
        rgb: (V, 3, H, W), written at edges.
        layers: (V, 6, H, W) or empty, written at edges: colour, share and depth of the nearest body, and the depth of
            the nearest thing behind it.
    """
    pixels, sunlit = kernel.edges(built.bodies, key)
    for first in range(0, len(pixels), RAYS_AT_ONCE // samples):
        some = slice(first, first + RAYS_AT_ONCE // samples)
        _soften(built, views, pixels[some], sunlit[some], rgb, layers, samples)


def _soften(
    built: Stage,
    views: NDArray[np.int64],
    pixels: NDArray[np.int64],
    sunlit: NDArray[np.int8],
    rgb: Floats,
    layers: Floats,
    samples: int,
) -> None:
    at, (down, across) = views[pixels[:, 0]], pixels[:, 1:].T
    shift = offsets(samples)
    shape = (len(pixels), samples)
    columns, rows = across[:, None] + shift[:, 0], down[:, None] + shift[:, 1]
    key, depth, _, colour = shoot(
        built, np.repeat(at, samples), columns.ravel(), rows.ravel(), np.repeat(sunlit, samples)
    )
    colour = colour.reshape(3, *shape)
    rgb[pixels[:, 0], :, down, across] = colour.mean(-1).T
    if len(layers):
        body, depth = key.reshape(shape) >> 4, depth.reshape(shape)
        nearest = np.take_along_axis(body, depth.argmin(-1, keepdims=True), -1)
        front = body == nearest
        count = front.sum(-1)
        near = np.where(front, depth, np.inf).min(-1)
        behind = np.where(count == samples, near, np.where(front, np.inf, depth).min(-1))
        split = np.concatenate([(colour * front).sum(-1) / count, [count / samples, near, behind]])
        layers[pixels[:, 0], :, down, across] = split.T


def shoot(
    built: Stage,
    views: NDArray[np.int64],
    columns: Doubles,
    rows: Doubles,
    sunlit: NDArray[np.int8] | None = None,
) -> tuple[NDArray[np.int32], Doubles, Floats, Floats]:
    """Cast K rays anywhere: key, depth, clear (K,) and rgb (3, K); see `kernel.shoot`."""
    count = len(views)
    key, depth, clear = np.empty((1, count), np.int32), np.empty((1, count)), np.empty((1, count), np.float32)
    rgb = np.empty((1, 3, count), np.float32)
    hints = np.full(count, -1, np.int8) if sunlit is None else sunlit
    kernel.shoot(
        *built, np.ascontiguousarray(views)[None], columns[None], rows[None], hints[None], key, depth, clear, rgb
    )
    return key[0], depth[0], clear[0], rgb[0]
