"""Read texture tiles at any place and any footprint, from the level of the pyramid that suits it."""

import math

import numpy as np
from numpy.typing import NDArray

from secondeye.scene.inlined import inlined
from secondeye.scene.paint import EDGE_PX
from secondeye.scene.tiles import LEVELS

Texels = NDArray[np.uint8]


@inlined
def level_start(level: int) -> int:
    """Index of a pyramid level's first texel: the levels before it have 4 ** 8, 4 ** 7, ... texels."""
    whole = EDGE_PX * EDGE_PX * 4
    return (whole - (whole >> (2 * level))) // 3


@inlined
def wrapped(i: int, edge: int, clamped: int) -> int:
    """A texel index on a tile that repeats or is clamped; its edge is a power of two."""
    return min(max(i, 0), edge - 1) if clamped else i & (edge - 1)


@inlined
def bilinear(texels: Texels, tile: int, level: int, u: float, v: float, clamped: int) -> tuple[float, float, float]:
    """Colour, 0 to 255, between four texels of one level."""
    edge = EDGE_PX >> level
    x, y = u * edge - 0.5, v * edge - 0.5
    i, j = math.floor(x), math.floor(y)
    a, b = x - i, y - j
    i0, i1 = wrapped(i, edge, clamped), wrapped(i + 1, edge, clamped)
    last = level_start(level) + edge * (edge - 1)  # v points up, rows are stored downwards
    j0, j1 = last - edge * wrapped(j, edge, clamped), last - edge * wrapped(j + 1, edge, clamped)
    p, q, r, s = j0 + i0, j0 + i1, j1 + i0, j1 + i1
    pw, qw, rw, sw = (1 - a) * (1 - b), a * (1 - b), (1 - a) * b, a * b
    return (
        pw * texels[tile, p, 0] + qw * texels[tile, q, 0] + rw * texels[tile, r, 0] + sw * texels[tile, s, 0],
        pw * texels[tile, p, 1] + qw * texels[tile, q, 1] + rw * texels[tile, r, 1] + sw * texels[tile, s, 1],
        pw * texels[tile, p, 2] + qw * texels[tile, q, 2] + rw * texels[tile, r, 2] + sw * texels[tile, s, 2],
    )


@inlined
def sample(
    texels: Texels, tile: int, u: float, v: float, texels_wide: float, clamped: int
) -> tuple[float, float, float]:
    """Colour, display-coded 0 to 1, for a footprint so many texels wide, between two levels of a pyramid."""
    fine = 0
    while fine < LEVELS - 1 and texels_wide >= 2:
        texels_wide *= 0.5
        fine += 1
    red, green, blue = bilinear(texels, tile, fine, u, v, clamped)
    w = texels_wide - 1
    if w <= 0 or fine == LEVELS - 1:
        return red / 255, green / 255, blue / 255
    r, g, b = bilinear(texels, tile, fine + 1, u, v, clamped)
    return (red + w * (r - red)) / 255, (green + w * (g - green)) / 255, (blue + w * (b - blue)) / 255


@inlined
def channel(texels: Texels, tile: int, c: int, u: float, v: float, texels_wide: float, clamped: int) -> float:
    """One channel, 0 to 1, between four texels of the level nearest to a footprint so many texels wide."""
    level = 0
    while level < LEVELS - 1 and texels_wide > math.sqrt(2):
        texels_wide *= 0.5
        level += 1
    edge = EDGE_PX >> level
    x, y = u * edge - 0.5, v * edge - 0.5
    i, j = math.floor(x), math.floor(y)
    a, b = x - i, y - j
    i0, i1 = wrapped(i, edge, clamped), wrapped(i + 1, edge, clamped)
    last = level_start(level) + edge * (edge - 1)
    j0, j1 = last - edge * wrapped(j, edge, clamped), last - edge * wrapped(j + 1, edge, clamped)
    low = (1 - a) * texels[tile, j0 + i0, c] + a * texels[tile, j0 + i1, c]
    high = (1 - a) * texels[tile, j1 + i0, c] + a * texels[tile, j1 + i1, c]
    return float(((1 - b) * low + b * high) / 255)
