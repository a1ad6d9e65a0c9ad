"""The loops over pixels: what rays meet, where patches of picture meet, and where points are seen again."""

import math

import numba
import numpy as np
from numpy.typing import NDArray

from secondeye.scene.inlined import inlined, parallel
from secondeye.scene.rays import (
    SAME_DEPTH,
    SKY,
    Doubles,
    Ints,
    Longs,
    Records,
    cast,
    is_hidden,
    local_point,
    world_from_local,
)
from secondeye.scene.shading import MATTE, shade
from secondeye.scene.shapes import face_of, normal_of
from secondeye.scene.texture import Texels

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]
Hints = NDArray[np.int8]

BLOCK_RAYS = 512
"""Rays that one core casts at a stretch."""


@parallel
def shoot(
    bodies: Records,
    air: Records,
    texels: Texels,
    maps: Doubles,
    rays: Doubles,
    sun_start: Longs,
    sun_bodies: Ints,
    start: Longs,
    listed: Ints,
    views: Longs,
    columns: Doubles,
    rows: Doubles,
    sunlit: Hints,
    key: Ints,
    depth: Doubles,
    clear: Floats,
    rgb: Floats,
) -> None:
    """Cast rays through any places in any views.

    Args:
        views, columns, rows: (G, K), which view and where in it, px; K rays each in G groups.
        sunlit: (G, K) whether the sun shines where they end; -1 where that has to be found out.
        key, depth, clear: (G, K) out: the patch of picture that a ray meets, see `shading.shade`, its depth in m, and
            a depth before which nothing else shows within half a pixel.
        rgb: (G, 3, K) out: display colour.
    """
    groups, count = views.shape
    spread = air[0].pixel_rad
    for block in numba.prange(groups * (-(-count // BLOCK_RAYS))):
        g, first = block // (-(-count // BLOCK_RAYS)), block % (-(-count // BLOCK_RAYS)) * BLOCK_RAYS
        for k in range(first, min(first + BLOCK_RAYS, count)):
            view, x, y, lit = int(views[g, k]), float(columns[g, k]), float(rows[g, k]), int(sunlit[g, k])
            n, t, free = cast(bodies, texels, rays, start, listed, spread, view, x, y)
            red, green, blue, patch = shade(
                bodies, air, texels, maps, rays, sun_start, sun_bodies, view, n, t, x, y, lit
            )
            key[g, k], depth[g, k], clear[g, k] = patch, t, free
            rgb[g, 0, k], rgb[g, 1, k], rgb[g, 2, k] = red, green, blue


@numba.njit(cache=True)
def edges(bodies: Records, key: Ints) -> tuple[Longs, Hints]:
    """Pixels within one of which another patch of picture begins, or that show something glossy.

    Args:
        key: (V, H, W), as `shoot` gives it for pixel centres.

    Returns:
        pixels: (E, 3), view, row and column.
        sunlit: (E,) 1 or 0 where all within a pixel is in the sun or in shadow, -1 where both are near.
    """
    count, height, width = key.shape
    found, sunlit = np.empty((key.size, 3), np.int64), np.empty(key.size, np.int8)
    total = 0
    for i in range(count):
        for y in range(height):
            for x in range(width):
                own = key[i, y, x]
                left, right = key[i, y, max(x - 1, 0)], key[i, y, min(x + 1, width - 1)]
                above, below = key[i, max(y - 1, 0), x], key[i, min(y + 1, height - 1), x]
                same = own == left and own == right and own == above and own == below
                if same and (own < 0 or bodies[own >> 4].finish == MATTE):
                    continue
                lit, shaded = False, False
                for near in (own, left, right, above, below):
                    if near >= 0:
                        lit, shaded = lit or near & 1 == 1, shaded or near & 1 == 0
                found[total, 0], found[total, 1], found[total, 2] = i, y, x
                sunlit[total] = -1 if lit == shaded else int(lit)
                total += 1
    return found[:total].copy(), sunlit[:total].copy()


@parallel
def follow(
    bodies: Records,
    texels: Texels,
    maps: Doubles,
    rays: Doubles,
    start: Longs,
    listed: Ints,
    spread: float,
    projections: Doubles,
    views: Longs,
    targets: Longs,
    slots: Longs,
    key: Ints,
    depth: Doubles,
    clear: Floats,
    moved: Floats,
    visible: Bools,
) -> None:
    """Find each pixel's surface point again in another view, be it the other eye's or another time's.

    Args:
        projections: (all views, 3, 4), world point to pixel times depth.
        views, targets: (V,), where pixels come from and where they are looked for.
        slots: (V,), where `key` and the others hold the target, or -1.
        key, depth, clear: (V, H, W), as `shoot` gives them for the pixel centres of `views`.
        moved: (V, 2, H, W) out: pixels to the right and down from here to there.
        visible: (V, H, W) out: there it is inside the frame and the first thing that its ray meets.
    """
    _, height, width = key.shape
    for row in numba.prange(len(views) * height):
        i, y = row // height, row % height
        view, target, slot, p = views[i], targets[i], slots[i], projections[targets[i]]
        for x in range(width):
            n = key[i, y, x] >> 4
            a, b, c, w = moved_point(len(bodies), maps, rays, view, target, n, depth[i, y, x], x, y)
            z = p[2, 0] * a + p[2, 1] * b + p[2, 2] * c + p[2, 3] * w
            u = (p[0, 0] * a + p[0, 1] * b + p[0, 2] * c + p[0, 3] * w) / z
            v = (p[1, 0] * a + p[1, 1] * b + p[1, 2] * c + p[1, 3] * w) / z
            moved[i, 0, y, x], moved[i, 1, y, x] = u - x, v - y
            seen = z > 0 and -0.5 <= u < width - 0.5 and -0.5 <= v < height - 0.5
            if seen:
                j, k = math.floor(v + 0.5), math.floor(u + 0.5)
                if (
                    slot < 0
                    or key[slot, j, k] >> 4 != n
                    or not (clear[slot, j, k] > z and faces_both(bodies, rays, view, target, n, depth[i, y, x], x, y))
                ):
                    limit = z * (1 - SAME_DEPTH) if n != SKY else math.inf
                    seen = not is_hidden(bodies, texels, rays, start, listed, spread, target, u, v, limit)
            visible[i, y, x] = seen


@inlined
def moved_point(
    world: int, maps: Doubles, rays: Doubles, view: int, target: int, n: int, t: float, x: int, y: int
) -> tuple[float, float, float, float]:
    """The surface point in a pixel as a homogeneous world point at another view's time; the sky's are directions."""
    if n == SKY:
        a, b, c = local_point(rays, view, world, 1.0, float(x), float(y))
        return a - rays[view, world, 0], b - rays[view, world, 1], c - rays[view, world, 2], 0.0
    a, b, c = local_point(rays, view, n, t, float(x), float(y))
    a, b, c = world_from_local(maps, target // 2, n, a, b, c)
    return a, b, c, 1.0


@inlined
def faces_both(bodies: Records, rays: Doubles, view: int, target: int, n: int, t: float, x: int, y: int) -> bool:
    """Whether two eyes are on the same side of a solid body's surface in a pixel: it hides itself from neither."""
    if n == SKY:
        return True
    if bodies[n].cutout:
        return False
    a, b, c = local_point(rays, view, n, t, float(x), float(y))
    nx, ny, nz = normal_of(bodies[n].kind, face_of(bodies[n].kind, a, b, c), a, b, c)
    here = (rays[view, n, 0] - a) * nx + (rays[view, n, 1] - b) * ny + (rays[view, n, 2] - c) * nz
    there = (rays[target, n, 0] - a) * nx + (rays[target, n, 1] - b) * ny + (rays[target, n, 2] - c) * nz
    return bool(here * there > 0)
