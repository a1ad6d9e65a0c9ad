"""Read texture tiles at any place and any footprint, from the level of the pyramid that suits it."""

import numpy as np

from secondeye.scene.bundle import Words, f32, i32, u32
from secondeye.scene.lanes import step
from secondeye.scene.paint import EDGE_PX
from secondeye.scene.tiles import LEVELS

ONE, ZERO = f32(1), f32(0)
FARTHEST = f32(1e6)
"""Places are kept within so many tiles, where whole numbers still are some."""

Corners = tuple[u32, u32, u32, u32, f32, f32]
"""Four texels, and how far between them, to the right and up."""


@step
def level_for(wide: f32) -> i32:
    """The level on which a footprint so many texels wide is 1 to 2 texels wide: the binary exponent of its width."""
    exponent = i32(i32(f32(wide).view(np.int32) >> 23) - 127)
    return i32(min(max(exponent, i32(0)), i32(LEVELS - 1)))


@step
def wrapped(i: i32, edge: i32, clamped: bool) -> i32:
    """A texel index on a tile that repeats or is clamped; its edge is a power of two."""
    kept = i32(min(max(i, i32(0)), i32(edge - 1)))
    return kept if clamped else i32(i & i32(edge - 1))


@step
def corners(texels: Words, tile: int, level: i32, u: f32, v: f32, clamped: bool) -> Corners:
    """The four texels of one level around a place."""
    edge = i32(i32(EDGE_PX) >> level)
    first = i32(i32(0x15555) & i32(i32(-1) << i32(18 - 2 * level)))  # the levels before it have 4^8, 4^7, ... texels
    x, y = u * f32(edge) - f32(0.5), v * f32(edge) - f32(0.5)
    left, low = np.floor(x), np.floor(y)
    i, j = i32(left), i32(low)
    i0, i1 = wrapped(i, edge, clamped), wrapped(i32(i + 1), edge, clamped)
    last = i32(first + edge * i32(edge - 1))  # v points up, rows are stored downwards
    j0 = i32(last - edge * wrapped(j, edge, clamped))
    j1 = i32(last - edge * wrapped(i32(j + 1), edge, clamped))
    return (
        texels[tile, u32(j0 + i0)],
        texels[tile, u32(j0 + i1)],
        texels[tile, u32(j1 + i0)],
        texels[tile, u32(j1 + i1)],
        x - left,
        y - low,
    )


@step
def mixed(four: Corners, shift: int) -> f32:
    """One channel, 0 to 255, between four texels: the byte `shift` bits from the right."""
    a, b = four[4], four[5]
    p, q = f32(i32((four[0] >> shift) & 255)), f32(i32((four[1] >> shift) & 255))
    r, s = f32(i32((four[2] >> shift) & 255)), f32(i32((four[3] >> shift) & 255))
    low, high = p + a * (q - p), r + a * (s - r)
    return low + b * (high - low)


@step
def near_home(u: f32) -> f32:
    return min(max(u, -FARTHEST), FARTHEST)


@step
def sample(texels: Words, tile: int, u: f32, v: f32, wide: f32, clamped: bool) -> tuple[f32, f32, f32]:
    """Colour, display-coded 0 to 1, for a footprint so many texels wide, between two levels of a pyramid."""
    u, v = near_home(u), near_home(v)
    level = level_for(wide)
    next_level = i32(min(i32(level + 1), i32(LEVELS - 1)))
    weight = max(wide / f32(i32(i32(1) << level)) - ONE, ZERO)
    weight = weight if level < i32(LEVELS - 1) else ZERO
    fine = corners(texels, tile, level, u, v, clamped)
    coarse = corners(texels, tile, next_level, u, v, clamped)
    red, green, blue = mixed(fine, 0), mixed(fine, 8), mixed(fine, 16)
    scale = f32(1 / 255)
    return (
        (red + weight * (mixed(coarse, 0) - red)) * scale,
        (green + weight * (mixed(coarse, 8) - green)) * scale,
        (blue + weight * (mixed(coarse, 16) - blue)) * scale,
    )


@step
def channel(texels: Words, tile: int, shift: int, u: f32, v: f32, wide: f32, clamped: bool) -> f32:
    """One channel, 0 to 1, between four texels of the level nearest to a footprint so many texels wide."""
    level = level_for(wide * f32(2**0.5))
    return mixed(corners(texels, tile, level, near_home(u), near_home(v), clamped), shift) * f32(1 / 255)
