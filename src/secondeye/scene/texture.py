"""Read texture tiles at any place and any footprint, from the level of the pyramid that suits it."""

import numpy as np

from secondeye.scene.bundle import Bundle, Pairs, Words, f32, i32, u32, u64
from secondeye.scene.lanes import bits_of, is_wild, step
from secondeye.scene.paint import EDGE_PX
from secondeye.scene.shapes import ONE, ZERO
from secondeye.scene.tiles import LEVELS

FARTHEST = f32(1e6)
"""Places are kept within so many tiles, where whole numbers still are some."""


@step
def level_for(wide: float) -> int:
    """The level on which a footprint so many texels wide is 1 to 2 texels wide: the binary exponent of its width."""
    exponent = i32(i32(bits_of(wide) >> 23) - 127)
    return i32(min(max(exponent, i32(0)), i32(LEVELS - 1)))


@step
def wrapped(i: int, edge: int, clamped: bool) -> int:
    """A texel index on a tile that repeats or is clamped; its edge is a power of two."""
    kept = i32(min(max(i, i32(0)), i32(edge - 1)))
    return kept if clamped else i32(i & i32(edge - 1))


@step
def corner(level: int, u: float, v: float, clamped: bool) -> tuple[int, int, float, float]:
    """Around a place on one level: which texel is to the lower left, which above it; how far right and up it is."""
    u, v = min(max(u, -FARTHEST), FARTHEST), min(max(v, -FARTHEST), FARTHEST)
    edge = i32(i32(EDGE_PX) >> level)
    first = i32(i32(0x15555) & i32(i32(-1) << i32(18 - 2 * level)))  # the levels before it have 4^8, 4^7, ... texels
    x, y = u * f32(edge) - f32(0.5), v * f32(edge) - f32(0.5)
    left, low = np.floor(x), np.floor(y)
    i, j = i32(left), i32(low)
    last = i32(first + edge * i32(edge - 1) + wrapped(i, edge, clamped))  # v points up, rows are stored downwards
    below, above = i32(last - edge * wrapped(j, edge, clamped)), i32(last - edge * wrapped(i32(j + 1), edge, clamped))
    return u32(below), u32(above), _within(x - left, i, edge, clamped), _within(y - low, j, edge, clamped)


@step
def _within(share: float, i: int, edge: int, clamped: bool) -> float:
    """How far a place is from texel i to the next, which a clamped tile does not have beyond its ends."""
    return ZERO if clamped & ((i < i32(0)) | (i >= i32(edge - 1))) else share


@step
def byte(word: int, shift: int) -> float:
    return f32(i32((word >> shift) & 255))


@step
def between(p: float, q: float, r: float, s: float, a: float, b: float) -> float:
    """A value between four."""
    low, high = p + a * (q - p), r + a * (s - r)
    return low + b * (high - low)


@step
def find_two_levels(patch: Bundle, count: int, clamped: bool) -> None:
    """Choose the texels that `sample` mixes, for places and footprints of a patch."""
    for k in range(count):
        u, v, wide = patch.u[k], patch.v[k], patch.wide[k]
        level = level_for(wide)
        next_level = i32(min(i32(level + 1), i32(LEVELS - 1)))
        weight = max(wide / f32(i32(i32(1) << level)) - ONE, ZERO)
        patch.weight[k] = weight if level < i32(LEVELS - 1) else ZERO
        patch.p0[k], patch.p1[k], patch.a[k], patch.b[k] = corner(level, u, v, clamped)
        patch.p2[k], patch.p3[k], patch.c[k], patch.d[k] = corner(next_level, u, v, clamped)


@step
def fetch(texels: Pairs, tile: int, patch: Bundle, count: int) -> None:
    """Read the texels that `find_two_levels` chose."""
    for k in range(count):
        i, j, m, n = patch.p0[k], patch.p1[k], patch.p2[k], patch.p3[k]
        if is_wild(i):
            break
        patch.t0[k], patch.t1[k] = texels[tile, i], texels[tile, j]
        patch.t2[k], patch.t3[k] = texels[tile, m], texels[tile, n]


@step
def sample(patch: Bundle, k: int, shift: int) -> float:
    """A channel, display-coded 0 to 1, between two levels of a pyramid: the byte `shift` bits from the right."""
    fine = _between_pairs(patch.t0[k], patch.t1[k], shift, patch.a[k], patch.b[k])
    coarse = _between_pairs(patch.t2[k], patch.t3[k], shift, patch.c[k], patch.d[k])
    return f32((fine + patch.weight[k] * (coarse - fine)) * f32(1 / 255))


@step
def _between_pairs(below: int, above: int, shift: int, a: float, b: float) -> float:
    p, q, r, s = u32(below), u32(below >> u64(32)), u32(above), u32(above >> u64(32))
    return between(byte(p, shift), byte(q, shift), byte(r, shift), byte(s, shift), a, b)


@step
def mix_one_level(quads: Words, tile: int, patch: Bundle, count: int, scale: float, clamped: bool) -> None:
    """Let `weight` be a channel, 0 to 1, for places and footprints of a patch, all of them times `scale`."""
    for k in range(count):
        level = level_for(patch.wide[k] * scale * f32(2**0.5))
        patch.p0[k], _, patch.a[k], patch.b[k] = corner(level, patch.u[k] * scale, patch.v[k] * scale, clamped)
    for k in range(count):
        i = patch.p0[k]
        if is_wild(i):
            break
        patch.p0[k] = quads[tile, i]
    for k in range(count):
        word = patch.p0[k]
        p, q, r, s = byte(word, 0), byte(word, 8), byte(word, 16), byte(word, 24)
        patch.weight[k] = between(p, q, r, s, patch.a[k], patch.b[k]) * f32(1 / 255)
