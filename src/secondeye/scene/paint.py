"""Brushes for texture tiles: pictures (EDGE, EDGE, 4) 0 to 1, and what they are mixed from."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

EDGE_PX = 256
"""Edge of a tile's finest level."""


def fractal(seed: int, roughness: float, coarsest: int = 1, finest: int = EDGE_PX // 2) -> Array:
    """(EDGE, EDGE) noise that repeats, 0 to 1: random phases with amplitude frequency ** -roughness in a band."""
    random = np.random.default_rng(seed)
    across = np.fft.fftfreq(EDGE_PX) * EDGE_PX
    frequency = np.hypot(*np.meshgrid(across, across))
    band = (frequency >= coarsest) & (frequency <= finest)
    amplitude = np.where(band, np.maximum(frequency, 1.0) ** -roughness, 0.0)
    spectrum = amplitude * np.exp(2j * np.pi * random.random(frequency.shape))
    values = np.fft.ifft2(spectrum).real
    low, high = np.quantile(values, [0.01, 0.99])
    result: Array = np.clip((values - low) / (high - low), 0, 1)
    return result


def grid() -> tuple[Array, Array]:
    """u to the right and v upwards, (EDGE, EDGE) each, 0 to 1 at texel centres."""
    centres = (np.arange(EDGE_PX) + 0.5) / EDGE_PX
    u, v = np.meshgrid(centres, 1 - centres)
    return u, v


def paint(value: Array, *colours: tuple[float, float, float]) -> Array:
    """(EDGE, EDGE, 4): value 0 to 1 through a ramp of colours, opaque."""
    stops = np.linspace(0, 1, len(colours))
    channels = [np.interp(value, stops, [c[k] for c in colours]) for k in range(3)]
    return np.stack([*channels, np.ones_like(value)], -1)


def shade(picture: Array, factor: Array) -> Array:
    """The picture with its colours times a factor (EDGE, EDGE)."""
    return np.concatenate([np.clip(picture[..., :3] * factor[..., None], 0, 1), picture[..., 3:]], -1)


def cut(picture: Array, alpha: Array) -> Array:
    """The picture with alpha (EDGE, EDGE)."""
    return np.concatenate([picture[..., :3], np.clip(alpha, 0, 1)[..., None]], -1)


def smooth_step(value: Array, low: float, high: float) -> Array:
    """0 below `low`, 1 above `high`, smooth between."""
    x = np.clip((value - low) / (high - low), 0, 1)
    return x * x * (3 - 2 * x)


def cells(seed: int, across: int) -> tuple[Array, Array, Array]:
    """Repeating cells around one random point in each of across x across squares.

    Returns the distance to the nearest point and to the second, in squares, and a random value per cell.
    """
    random = np.random.default_rng(seed)
    points, shades = random.random((across, across, 2)), random.random((across, across))
    u, v = grid()
    column, row = np.floor(u * across).astype(int), np.floor(v * across).astype(int)
    nearest, second, value = np.full_like(u, 9.0), np.full_like(u, 9.0), np.zeros_like(u)
    for i in range(-2, 3):
        for j in range(-2, 3):
            home = ((row + j) % across, (column + i) % across)
            distance = np.hypot(
                column + i + points[home][..., 0] - u * across, row + j + points[home][..., 1] - v * across
            )
            second = np.minimum(second, np.maximum(distance, nearest))
            value = np.where(distance < nearest, shades[home], value)
            nearest = np.minimum(distance, nearest)
    return nearest, second, value
