"""The loops over pixels: what rays meet, where patches of picture meet, and where points are seen again.

Each does a share of the work, [first, stop), so that `casting` can hand the shares to threads.
"""

import math

import numpy as np
from numpy.typing import NDArray

from secondeye.compiled import kernel
from secondeye.scene.inlined import inlined
from secondeye.scene.rays import (
    SAME_DEPTH,
    SKY,
    Doubles,
    Ints,
    Longs,
    Records,
    cast,
    is_hidden,
    is_solid,
    local_point,
    world_from_local,
)
from secondeye.scene.shading import MATTE, shade
from secondeye.scene.shapes import BOX, QUAD, face_of, normal_of
from secondeye.scene.texture import Texels

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]
Hints = NDArray[np.int8]


@kernel
def shoot(
    first: int,
    stop: int,
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
    width: int,
    slots: Longs,
    columns: Doubles,
    rows: Doubles,
    sunlit: Hints,
    shifts: Doubles,
    found: Doubles,
    key: Ints,
    depth: Doubles,
    clear: Floats,
    rgb: Floats,
    layers: Floats,
) -> None:
    """Cast S rays through each of some places.

    Args:
        first, stop: places; without `slots`, all pixels of V views of P pixels, one after the other.
        views: (V,), the stage's number of each view.
        slots, columns, rows: (K,) which of `views`, and where in it, px; or empty.
        sunlit: (K,) whether the sun shines where the rays end; -1 where that has to be found out.
        shifts: (S, 2) px from a place to its rays.
        found: (S, 5), scratch.
        key, depth, clear: (V, P), written if S = 1, at the place's number: the patch of picture that the ray meets,
            see `shading.shade`, its depth in m, and a depth before which nothing else shows within half a pixel.
        rgb: (V, 3, P) out, display colour, the mean if S > 1.
        layers: (V, 6, P) or empty, out: colour, share and depth of the nearest body, and depth of what is behind it.
    """
    spread, samples, pixels = air[0].pixel_rad, len(shifts), key.shape[1]
    for i in range(first, stop):
        if len(slots):
            slot, x, y, lit = slots[i], columns[i], rows[i], int(sunlit[i])
            at = i if samples == 1 else int(y) * width + int(x)
        else:
            slot, at, lit = i // pixels, i % pixels, -1
            x, y = float(at % width), float(at // width)
        view = int(views[slot])
        for s in range(samples):
            across, down = x + shifts[s, 0], y + shifts[s, 1]
            n, t, free = cast(bodies, texels, rays, start, listed, spread, view, across, down)
            red, green, blue, patch = shade(
                bodies, air, texels, maps, rays, sun_start, sun_bodies, view, n, t, across, down, lit
            )
            found[s, 0], found[s, 1], found[s, 2], found[s, 3], found[s, 4] = n, t, red, green, blue
            if samples == 1:
                place = at if len(slots) else i - slot * pixels
                key[slot, place], depth[slot, place], clear[slot, place] = patch, t, free
        settle(found, rgb, layers, slot, at)


@inlined
def settle(found: Doubles, rgb: Floats, layers: Floats, slot: int, at: int) -> None:
    """Write what S rays, (S, 5) of body, depth and colour, say of a pixel."""
    samples, nearest = len(found), 0
    for s in range(1, samples):
        if found[s, 1] < found[nearest, 1]:
            nearest = s
    for c in range(3):
        whole, own, count = 0.0, 0.0, 0
        for s in range(samples):
            whole += found[s, 2 + c]
            if found[s, 0] == found[nearest, 0]:
                own += found[s, 2 + c]
                count += 1
        rgb[slot, c, at] = whole / samples
        if len(layers):
            layers[slot, c, at], layers[slot, 3, at] = own / count, count / samples
    if len(layers):
        behind = math.inf
        for s in range(samples):
            if found[s, 0] != found[nearest, 0]:
                behind = min(behind, found[s, 1])
        layers[slot, 4, at] = found[nearest, 1]
        layers[slot, 5, at] = behind if layers[slot, 3, at] < 1 else found[nearest, 1]


@kernel
def edges(first: int, stop: int, bodies: Records, key: Ints) -> tuple[Longs, Doubles, Doubles, Hints]:
    """Pixels of rows [first, stop) within one of which another patch begins, or that show something glossy.

    Args:
        key: (V, H, W), as `shoot` gives it for pixel centres; its rows are counted through all views.

    Returns:
        slots, columns, rows: (E,) each.
        sunlit: (E,) 1 or 0 where all within a pixel is in the sun or in shadow, -1 where both are near.
    """
    _, height, width = key.shape
    slots, columns = np.empty((stop - first) * width, np.int64), np.empty((stop - first) * width)
    rows, sunlit = np.empty((stop - first) * width), np.empty((stop - first) * width, np.int8)
    total = 0
    for line in range(first, stop):
        i, y = line // height, line % height
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
            slots[total], columns[total], rows[total] = i, x, y
            sunlit[total] = -1 if lit == shaded else int(lit)
            total += 1
    return slots[:total].copy(), columns[:total].copy(), rows[:total].copy(), sunlit[:total].copy()


@kernel
def follow(
    first: int,
    stop: int,
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
    """Find each pixel's surface point again in other views, be they the other eye's or another time's.

    Args:
        first, stop: rows, counted through all views.
        projections: (all views, 3, 4), world point to pixel times depth.
        views: (V,), where pixels come from.
        targets: (K, V), where they are looked for.
        slots: (K, V), where `key` and the others hold the target, or -1.
        key, depth, clear: (V, H, W), as `shoot` gives them for the pixel centres of `views`.
        moved: (K, V, 2, H, W) out: pixels to the right and down from here to there.
        visible: (K, V, H, W) out: there it is inside the frame and the first thing that its ray meets.
    """
    _, height, width = key.shape
    world = len(bodies)
    for row in range(first, stop):
        i, y = row // height, row % height
        view = views[i]
        for x in range(width):
            own, t = key[i, y, x], depth[i, y, x]
            n = own >> 4
            if n == SKY:  # a direction
                a, b, c = local_point(rays, view, world, 1.0, float(x), float(y))
                a, b, c = a - rays[view, world, 0], b - rays[view, world, 1], c - rays[view, world, 2]
            else:
                a, b, c = local_point(rays, view, n, t, float(x), float(y))
            for k in range(len(targets)):
                target, slot = targets[k, i], slots[k, i]
                z, u, v = projected(maps, projections, target, n, a, b, c)
                moved[k, i, 0, y, x], moved[k, i, 1, y, x] = u - x, v - y
                seen = z > 0 and -0.5 <= u < width - 0.5 and -0.5 <= v < height - 0.5
                if seen:
                    down, across = math.floor(v + 0.5), math.floor(u + 0.5)
                    reach = z if n != SKY else math.inf
                    if (
                        slot < 0
                        or key[slot, down, across] >> 1 != own >> 1
                        or not clear[slot, down, across] >= reach
                        or hides_itself(bodies, rays, view, target, n, a, b, c)
                    ):
                        limit = reach * (1 - SAME_DEPTH)
                        seen = not is_hidden(bodies, texels, rays, start, listed, spread, target, u, v, limit)
                    if seen and n != SKY and bodies[n].cutout:  # finer or coarser, there may be a gap
                        seen = is_solid(bodies, texels, n, a, b, c, z * spread)
                visible[k, i, y, x] = seen


@inlined
def projected(
    maps: Doubles, projections: Doubles, target: int, n: int, a: float, b: float, c: float
) -> tuple[float, float, float]:
    """Depth, column and row in a view of a point in body n's axes; the sky's are directions."""
    w = 0.0
    if n != SKY:
        w = 1.0
        a, b, c = world_from_local(maps, target // 2, n, a, b, c)
    z = projections[target, 2, 0] * a + projections[target, 2, 1] * b + projections[target, 2, 2] * c
    u = projections[target, 0, 0] * a + projections[target, 0, 1] * b + projections[target, 0, 2] * c
    v = projections[target, 1, 0] * a + projections[target, 1, 1] * b + projections[target, 1, 2] * c
    z, u, v = z + projections[target, 2, 3] * w, u + projections[target, 0, 3] * w, v + projections[target, 1, 3] * w
    return z, u / z, v / z


@inlined
def hides_itself(bodies: Records, rays: Doubles, view: int, target: int, n: int, a: float, b: float, c: float) -> bool:
    """Whether a body may hide a point of a face (in its axes) from an eye that sees some of that face."""
    if n == SKY or bodies[n].kind <= QUAD or (bodies[n].kind == BOX and not bodies[n].cutout):
        return False
    if bodies[n].cutout:
        return True
    nx, ny, nz = normal_of(bodies[n].kind, face_of(bodies[n].kind, a, b, c), a, b, c)
    here = (rays[view, n, 0] - a) * nx + (rays[view, n, 1] - b) * ny + (rays[view, n, 2] - c) * nz
    there = (rays[target, n, 0] - a) * nx + (rays[target, n, 1] - b) * ny + (rays[target, n, 2] - c) * nz
    return bool(here * there <= 0)
