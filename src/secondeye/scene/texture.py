"""Read texture tiles at any place and any footprint, from the level of the pyramid that suits it."""

import numpy as np

from secondeye.scene.bundle import Bundle, Words, f32, i32, u32
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
def corners(level: int, u: float, v: float, clamped: bool) -> tuple[int, int, int, int, float, float]:
    """Which four texels of one level are around a place, and how far between them it is, to the right and up."""
    u, v = min(max(u, -FARTHEST), FARTHEST), min(max(v, -FARTHEST), FARTHEST)
    edge = i32(i32(EDGE_PX) >> level)
    first = i32(i32(0x15555) & i32(i32(-1) << i32(18 - 2 * level)))  # the levels before it have 4^8, 4^7, ... texels
    x, y = u * f32(edge) - f32(0.5), v * f32(edge) - f32(0.5)
    left, low = np.floor(x), np.floor(y)
    i, j = i32(left), i32(low)
    i0, i1 = wrapped(i, edge, clamped), wrapped(i32(i + 1), edge, clamped)
    last = i32(first + edge * i32(edge - 1))  # v points up, rows are stored downwards
    j0 = i32(last - edge * wrapped(j, edge, clamped))
    j1 = i32(last - edge * wrapped(i32(j + 1), edge, clamped))
    return u32(j0 + i0), u32(j0 + i1), u32(j1 + i0), u32(j1 + i1), x - left, y - low


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
        fine, coarse = corners(level, u, v, clamped), corners(next_level, u, v, clamped)
        patch.p0[k], patch.p1[k], patch.p2[k], patch.p3[k], patch.a[k], patch.b[k] = fine
        patch.p4[k], patch.p5[k], patch.p6[k], patch.p7[k], patch.c[k], patch.d[k] = coarse


@step
def find_one_level(patch: Bundle, count: int, scale: float, clamped: bool) -> None:
    """Choose the texels that `mix_channel` mixes, for places and footprints of a patch, all of them times `scale`."""
    for k in range(count):
        level = level_for(patch.wide[k] * scale * f32(2**0.5))
        fine = corners(level, patch.u[k] * scale, patch.v[k] * scale, clamped)
        patch.p0[k], patch.p1[k], patch.p2[k], patch.p3[k], patch.a[k], patch.b[k] = fine


@step
def mix_channel(texels: Words, tile: int, shift: int, patch: Bundle, count: int) -> None:
    """Let `weight` be a channel, 0 to 1, between the four texels that `find_one_level` chose."""
    fetch(texels, tile, patch.p0, patch.p1, patch.p2, patch.p3, count)
    for k in range(count):
        p, q = byte(patch.p0[k], shift), byte(patch.p1[k], shift)
        r, s = byte(patch.p2[k], shift), byte(patch.p3[k], shift)
        patch.weight[k] = between(p, q, r, s, patch.a[k], patch.b[k]) * f32(1 / 255)


@step
def fetch(texels: Words, tile: int, p: Words, q: Words, r: Words, s: Words, count: int) -> None:
    """Put texels in the place of their numbers."""
    for k in range(count):
        i, j, m, n = p[k], q[k], r[k], s[k]
        if is_wild(i):
            break
        p[k], q[k], r[k], s[k] = texels[tile, i], texels[tile, j], texels[tile, m], texels[tile, n]


@step
def sample(patch: Bundle, k: int, shift: int) -> float:
    """A channel, display-coded 0 to 1, between two levels of a pyramid: the byte `shift` bits from the right."""
    p, q, r, s = patch.p0[k], patch.p1[k], patch.p2[k], patch.p3[k]
    fine = between(byte(p, shift), byte(q, shift), byte(r, shift), byte(s, shift), patch.a[k], patch.b[k])
    p, q, r, s = patch.p4[k], patch.p5[k], patch.p6[k], patch.p7[k]
    coarse = between(byte(p, shift), byte(q, shift), byte(r, shift), byte(s, shift), patch.c[k], patch.d[k])
    return f32((fine + patch.weight[k] * (coarse - fine)) * f32(1 / 255))
