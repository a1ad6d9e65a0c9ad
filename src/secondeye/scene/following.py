"""Where the points that one view shows are in other views, and whether they are seen there."""

from typing import NamedTuple

import numpy as np

from secondeye.scene.bundle import (
    BLOCK_PX,
    INF,
    SAME_DEPTH,
    SKY,
    Bools,
    Bundle,
    Doubles,
    Floats,
    Ints,
    Longs,
    Records,
    Scratch,
    Stage,
    f32,
    i32,
    i64,
    record,
    u32,
    u64,
)
from secondeye.scene.kernel import UNINTERESTED, Pictures, fill, write
from secondeye.scene.lanes import is_wild, kernel, loops, padded, step
from secondeye.scene.meeting import cast, choose, find_solid, lay, middle_of, reset
from secondeye.scene.shading import gather, list_all, part, place
from secondeye.scene.shapes import BOX, HALF, ONE, QUAD, ZERO

TRAIL = record(
    float32="u v depth clear across down",
    int32="block seen chosen key where visible",
    uint32="asked rest x y",
)
"""Where points of a block are in another view.

u, v, depth     px from the centre of their block, and m
x, y, block     which pixel of the other view's picture that is, and which of its blocks
key, clear      what the picture has there
seen            whether they are seen there; `chosen` and `asked` are those for which a ray has to find that out
across, down, visible       what has been found out, by pixels of the block: displacement in px, and `seen`
"""

BLOCK_SHIFT = BLOCK_PX.bit_length() - 1

Row = tuple[float, float, float, float]
Map = tuple[float, float, float, float, float, float, float, float, float, float, float, float]


class Found(NamedTuple):
    """What is known about points in K other views of each of V views.

    Attributes:
        moved: (K V 2, H, W) px to the right and down from here to there, times `signs`.
        visible: (K V, H, W), there it is inside the frame and the first thing that its ray meets.
        surface: (V, H, W) number of the body, or SKY.
    """

    moved: Floats
    visible: Bools
    surface: Ints


@kernel
def follow(
    first: int,
    stop: int,
    stage: Stage,
    projections: Doubles,
    views: Longs,
    targets: Longs,
    slots: Longs,
    signs: Floats,
    pictures: Pictures,
    found: Found,
    space: Scratch,
    trails: Records,
) -> None:
    """Find each pixel's surface point again in other views, be they the other eye's or another time's.

    Args:
        first, stop: lines of blocks, counted through all views.
        projections: (all views, 3, 4), world point to pixel times depth.
        views: (V,), where pixels come from.
        targets: (K, V), where they are looked for.
        slots: (K, V), which of `views` the target is, or -1.
        signs: (K, V).
        trails: (K,) of TRAIL, scratch.
    """
    _, height, width = pictures.key.shape
    lines, rays, patch = -(-height // BLOCK_PX), space.rays[0], space.patch[0]
    for line in range(first, stop):
        slot, row = line // lines, line % lines
        high = min(height - row * BLOCK_PX, BLOCK_PX)
        for column in range(-(-width // BLOCK_PX)):
            wide = min(width - column * BLOCK_PX, BLOCK_PX)
            count = wide * high
            fill(rays, wide, high, ZERO, ZERO)
            _read(pictures, found, slot, row * BLOCK_PX, column * BLOCK_PX, rays, wide, high)
            list_all(rays, count)
            left = count
            while left:
                n = i64(rays.body[rays.rest[0]])
                own = part(rays, left, count)
                gather(rays, patch, own, count)
                _prepare(stage, views[slot], n, row, column, patch, own)
                for k in range(len(targets)):
                    other = targets[k, slot], slots[k, slot]
                    _follow_to(stage, projections, views[slot], other, n, row, column, pictures, space, trails[k], own)
                    _keep(rays, patch, trails[k], own, count, signs[k, slot])
                left -= own
            for k in range(len(targets)):
                _write(found, k * len(views) + slot, row * BLOCK_PX, column * BLOCK_PX, trails[k], wide, high)


@step
def _read(pictures: Pictures, found: Found, slot: int, top: int, left: int, rays: Bundle, wide: int, high: int) -> None:
    """What the rays of a block met; `lit` holds all of their keys but whether the sun shines."""
    for y in range(high):
        down = u64(top + y)
        for x in range(wide):
            i, at = y * wide + x, u64(left + x)
            key = pictures.key[slot, down, at]
            rays.depth[i], rays.lit[i], rays.body[i] = pictures.depth[slot, down, at], i32(key >> 1), i32(key >> 4)
            found.surface[slot, down, at] = i32(key >> 4)


@step
def _prepare(stage: Stage, view: int, n: int, row: int, column: int, patch: Bundle, count: int) -> None:
    """Where a body may hide itself, find points in its axes, with normals and places on its texture."""
    if n == SKY:
        for k in range(count):
            patch.depth[k] = ONE
    elif may_hide_itself(stage, n):
        place(stage.rays, view, n, middle_of(column), middle_of(row), patch, count)
        lay(stage.bodies, n, patch, count)


@step
def may_hide_itself(stage: Stage, n: int) -> bool:
    """Whether an eye that sees some of a body's face may not see all of it."""
    kind = stage.bodies[n].kind
    return bool(stage.bodies[n].cutout or kind > BOX)


@loops
def _follow_to(
    stage: Stage,
    projections: Doubles,
    view: int,
    other: tuple[int, int],
    n: int,
    row: int,
    column: int,
    pictures: Pictures,
    space: Scratch,
    trail: Bundle,
    count: int,
) -> None:
    """Find points that `_prepare` has seen to in one other view: its number and its slot."""
    patch, (target, slot) = space.patch[0], other
    there = _map(stage, projections, view, target, n, middle_of(column), middle_of(row))
    _project(there, patch, trail, padded(count))
    cutout = n != SKY and stage.bodies[n].cutout
    round_cutout = cutout and stage.bodies[n].kind > QUAD
    if n != SKY and not cutout and may_hide_itself(stage, n):
        _turns_away(stage.rays, view, target, n, patch, padded(count))
    else:
        for k in range(padded(count)):
            patch.towards[k] = -ONE if round_cutout else ONE
    if _look_up(pictures, slot, row, column, n, patch, trail, count):
        asked = choose(trail.chosen, trail.asked, count)
        _ask(stage, target, row, column, n, space, trail, asked)
    if cutout:  # finer or coarser, there may be a gap
        spread = f32(stage.air[0].pixel_rad)
        for k in range(count):
            patch.wide[k] = trail.depth[k] * spread
        find_solid(stage.bodies, stage.texels, n, patch, count)
        for k in range(count):
            trail.seen[k] &= patch.solid[k]


@step
def _map(stage: Stage, projections: Doubles, view: int, target: int, n: int, column: float, row: float) -> Map:
    """From (x, y) px off a block's centre and depth t to t' (u, v, 1) there: t (a x + b y + c) + d, three times.

    The point is o + t (A p) in body n's axes, M (o + t (A p)) in the world at the other time, and P of that in the
    picture; what is constant of it is multiplied in double precision.
    """
    u = _map_row(stage, projections, view, target, n, 0)
    v = _map_row(stage, projections, view, target, n, 1)
    z = _map_row(stage, projections, view, target, n, 2)
    a, b, c, d = _centred(u, z, column, row, column)
    e, f, g, h = _centred(v, z, column, row, row)
    i, j, k, m = _centred(z, z, column, row, 0.0)
    return a, b, c, d, e, f, g, h, i, j, k, m


@step
def _map_row(stage: Stage, projections: Doubles, view: int, target: int, n: int, c: int) -> Row:
    """One row of P M A, and of P M o: the sky's points are directions, whose depth is 1 and which have no origin."""
    p, q, r, s = projections[target, c, 0], projections[target, c, 1], projections[target, c, 2], 0.0
    ray = stage.rays[view, len(stage.bodies) if n == SKY else n]
    if n != SKY:
        m = stage.maps[target // 2, n]
        s = p * m[3] + q * m[7] + r * m[11] + projections[target, c, 3]
        p, q, r = p * m[0] + q * m[4] + r * m[8], p * m[1] + q * m[5] + r * m[9], p * m[2] + q * m[6] + r * m[10]
        s += p * ray[0] + q * ray[1] + r * ray[2]
    return (
        p * ray[3] + q * ray[6] + r * ray[9],
        p * ray[4] + q * ray[7] + r * ray[10],
        p * ray[5] + q * ray[8] + r * ray[11],
        s,
    )


@step
def _centred(own: Row, z: Row, column: float, row: float, origin: float) -> tuple[float, float, float, float]:
    """A row for places counted from (column, row) here and from `origin` there."""
    c = own[0] * column + own[1] * row + own[2] - origin * (z[0] * column + z[1] * row + z[2])
    return f32(own[0] - origin * z[0]), f32(own[1] - origin * z[1]), f32(c), f32(own[3] - origin * z[3])


@step
def _project(there: Map, patch: Bundle, trail: Bundle, count: int) -> None:
    a, b, c, d, e, f, g, h, i, j, m, n = there
    for k in range(count):
        x, y, t = patch.x[k], patch.y[k], patch.depth[k]
        z = t * (i * x + j * y + m) + n
        trail.depth[k] = z
        trail.u[k] = (t * (a * x + b * y + c) + d) / z
        trail.v[k] = (t * (e * x + f * y + g) + h) / z


@step
def _turns_away(rays: Doubles, view: int, target: int, n: int, patch: Bundle, count: int) -> None:
    """Write to `towards` something not positive where one eye sees the front of a surface and the other its back."""
    ox, oy, oz = f32(rays[view, n, 0]), f32(rays[view, n, 1]), f32(rays[view, n, 2])
    tx, ty, tz = f32(rays[target, n, 0]), f32(rays[target, n, 1]), f32(rays[target, n, 2])
    for k in range(count):
        px, py, pz = patch.px[k], patch.py[k], patch.pz[k]
        nx, ny, nz = patch.nx[k], patch.ny[k], patch.nz[k]
        here = (ox - px) * nx + (oy - py) * ny + (oz - pz) * nz
        patch.towards[k] = here * ((tx - px) * nx + (ty - py) * ny + (tz - pz) * nz)


@step
def _look_up(
    pictures: Pictures, slot: int, row: int, column: int, n: int, patch: Bundle, trail: Bundle, count: int
) -> int:
    """See what the pixel shows that each point falls into; choose the points that leaves in doubt, if there are any."""
    _, height, width = pictures.key.shape
    left, top, asked = f32(middle_of(column)), f32(middle_of(row)), 0
    right_end, low_end = f32(width) - HALF, f32(height) - HALF
    blocks = i32(-(-width // BLOCK_PX))
    for k in range(padded(count)):
        u, v = left + trail.u[k], top + trail.v[k]
        inside = (trail.depth[k] > ZERO) & (u >= -HALF) & (u < right_end) & (v >= -HALF) & (v < low_end)
        x, y = i32(np.floor(u + HALF)) if inside else i32(0), i32(np.floor(v + HALF)) if inside else i32(0)
        trail.seen[k] = i32(1) if inside else i32(0)
        trail.x[k], trail.y[k] = u32(x), u32(y)
        trail.block[k] = i32(i32(y >> BLOCK_SHIFT) * blocks + i32(x >> BLOCK_SHIFT))
    if slot < 0:
        for k in range(padded(count)):
            trail.chosen[k] = trail.seen[k]
            asked += trail.chosen[k]
        return asked
    _pick(pictures, slot, trail, count)
    for k in range(padded(count)):
        same, reach = (trail.key[k] >> 1) == patch.lit[k], INF if n == SKY else trail.depth[k]
        certain = same & (trail.clear[k] >= reach) & (patch.towards[k] > ZERO)
        trail.chosen[k] = i32(0) if certain else trail.seen[k]
        asked += trail.chosen[k]
    return asked


@step
def _pick(pictures: Pictures, slot: int, trail: Bundle, count: int) -> None:
    """What the pixels that points fall into show."""
    for k in range(count):
        y, x = trail.y[k], trail.x[k]
        if is_wild(y):
            break
        trail.key[k], trail.clear[k] = pictures.key[slot, y, x], pictures.clear[slot, y, x]


@loops
def _ask(stage: Stage, target: int, row: int, column: int, n: int, space: Scratch, trail: Bundle, asked: int) -> None:
    """Cast rays to the points in doubt, block by block."""
    rays, blocks = space.bounced[0], stage.start.shape[2] - 1
    while asked:
        block = i64(trail.block[trail.asked[0]])
        own = _one_block(trail, asked)
        asked -= own
        there, across = block // blocks, block % blocks
        down_px, across_px = f32((there - row) * BLOCK_PX), f32((across - column) * BLOCK_PX)
        reset(rays, own, INF)
        for k in range(own):
            i = trail.rest[k]
            if is_wild(i):
                break
            rays.x[k], rays.y[k] = trail.u[i] - across_px, trail.v[i] - down_px
            rays.depth[k] = INF if n == SKY else trail.depth[i] * (ONE - SAME_DEPTH)
        cast(stage, target, there, across, rays, space.bounced_patch[0], own, UNINTERESTED)
        for k in range(own):
            trail.seen[trail.rest[k]] = i32(1) if rays.body[k] == SKY else i32(0)


@step
def _one_block(trail: Bundle, asked: int) -> int:
    """Divide the points that are asked about into `rest`, in the same block as the first, and `asked`."""
    block = trail.block[trail.asked[0]]
    own, others = 0, 0
    for k in range(asked):
        i = trail.asked[k]
        trail.rest[own] = i
        trail.asked[others] = i
        mine = 1 if trail.block[i] == block else 0
        own += mine
        others += 1 - mine
    return own


@step
def _keep(rays: Bundle, patch: Bundle, trail: Bundle, own: int, count: int, sign: float) -> None:
    """Note by pixels what was found out about some."""
    for k in range(padded(own)):
        trail.u[k], trail.v[k] = sign * (trail.u[k] - patch.x[k]), sign * (trail.v[k] - patch.y[k])
    if own == count:
        for k in range(padded(own)):
            trail.across[k], trail.down[k], trail.visible[k] = trail.u[k], trail.v[k], trail.seen[k]
        return
    for k in range(own):
        i = rays.own[k]
        if is_wild(i):
            break
        trail.across[i], trail.down[i], trail.visible[i] = trail.u[k], trail.v[k], trail.seen[k]


@step
def _write(found: Found, at: int, top: int, left: int, trail: Bundle, wide: int, high: int) -> None:
    """Copy what is known of a block."""
    place = top, left, wide, high
    write(trail.across, found.moved, 2 * at, *place)
    write(trail.down, found.moved, 2 * at + 1, *place)
    for y in range(high):
        down = u64(top + y)
        for x in range(wide):
            found.visible[at, down, u64(left + x)] = trail.visible[y * wide + x] != 0
