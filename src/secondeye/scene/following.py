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
    u64,
)
from secondeye.scene.edges import NOBODY
from secondeye.scene.kernel import Pictures, around, fill, middle_of, write
from secondeye.scene.lanes import bits_of, is_wild, kernel, number_of, padded, step
from secondeye.scene.meeting import Span, ask, choose, farthest, find_solid, nearest_depth, nominate, place
from secondeye.scene.shapes import BOX, HALF, ONE, QUAD, ZERO
from secondeye.scene.stillness import repeat, spread, undisturbed

TRAIL = record(float32="u v z inverse limit", int32="body chosen", uint32="some")
"""Where points of a block are in another view.

inverse, body   one over the depth here, and the body that they are on
u, v            px from the place that is the centre of their block here; at last how far they moved
z               depth there for each m of depth here
limit           before which depth nothing else may be met there; 0 once they are hidden or out of sight
chosen, some    flags and list of points for whatever is done to some only
"""

FAR = i32(1 << 24)

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
        signs: (K, V).
        trails: (1,) of TRAIL, scratch.
    """
    _, height, width = pictures.key.shape
    points, trail = space.rays[0], trails[0]
    filled = 0, 0
    for line in range(first, stop):
        slot, row = line % len(views), line // len(views)
        high = min(height - row * BLOCK_PX, BLOCK_PX)
        for column in range(-(-width // BLOCK_PX)):
            wide, view = min(width - column * BLOCK_PX, BLOCK_PX), views[slot]
            at = slot, row * BLOCK_PX, column * BLOCK_PX, wide, high
            whole = line > first and wide == BLOCK_PX
            if whole and _repeated(stage, views, targets, signs, found, slot, at[1], at[2], high):
                continue
            if wide != filled[0] or high != filled[1]:
                fill(points, wide, high, ZERO, ZERO)
                filled = wide, high
            _read(pictures, found, points, trail, *at)
            span = around(column * BLOCK_PX, row * BLOCK_PX, wide, high)
            total = _shown(stage, view, span, space, trail, wide * high)
            for k in range(len(targets)):
                target, x, y = targets[k, slot], middle_of(column), middle_of(row)
                _go(stage, projections, view, target, x, y, space, trail, wide * high, total)
                _hide(stage, view, target, x, y, width, height, space, trail, wide * high)
                _thin(stage, view, x, y, space, trail, wide * high, total)
                _write(found, k * len(views) + slot, points, trail, signs[k, slot], *at)


@step
def _repeated(
    stage: Stage, views: Longs, targets: Longs, signs: Floats, found: Found, slot: int, top: int, left: int, high: int
) -> bool:
    """Copy what was known of a block in the frame before if it is still so; whether it is."""
    if slot == 0 or views[slot] != views[slot - 1] + 2:
        return False
    if not undisturbed(stage, views[slot], around(left, top, BLOCK_PX, high)):
        return False
    for k in range(len(targets)):
        before = k * len(views) + slot - 1
        if targets[k, slot] != targets[k, slot - 1] + 2:
            return False
        if not undisturbed(stage, targets[k, slot], spread(found.moved, before, signs[k, slot], top, left, high)):
            return False
    for k in range(len(targets)):
        at = k * len(views) + slot
        repeat(found.moved, 2 * at, 2 * at - 2, top, left, high)
        repeat(found.moved, 2 * at + 1, 2 * at - 1, top, left, high)
        repeat(found.visible, at, at - 1, top, left, high)
    repeat(found.surface, slot, slot - 1, top, left, high)
    return True


@step
def _read(
    pictures: Pictures,
    found: Found,
    points: Bundle,
    trail: Bundle,
    slot: int,
    top: int,
    left: int,
    wide: int,
    high: int,
) -> None:
    """What the rays of a block met."""
    for y in range(high):
        down = u64(top + y)
        for x in range(wide):
            i, at = y * wide + x, u64(left + x)
            points.depth[i] = pictures.depth[slot, down, at]
            trail.body[i] = i32(pictures.key[slot, down, at] >> 4)
    for i in range(wide * high):
        trail.inverse[i] = ONE / points.depth[i]
    for i in range(wide * high, padded(wide * high)):
        points.depth[i], trail.inverse[i], trail.body[i] = ZERO, ZERO, i32(SKY)
    write(trail.body, found.surface, slot, top, left, wide, high)


@step
def _shown(stage: Stage, view: int, span: Span, space: Scratch, trail: Bundle, count: int) -> int:
    """List the bodies that a block shows as `present`; how many."""
    total = 0
    for k in range(nominate(stage.boxes, stage.order, view, span, INF, space.flags, space.names)):
        n, shown = space.names[k], i32(0)
        for i in range(count):
            shown |= i32(1) if trail.body[i] == n else i32(0)
        space.present[total] = n
        total += shown
    return total


@step
def _go(
    stage: Stage,
    projections: Doubles,
    view: int,
    target: int,
    column: float,
    row: float,
    space: Scratch,
    trail: Bundle,
    count: int,
    present: int,
) -> None:
    """Find points in one other view, as if they stayed where they are; then those on bodies that do not."""
    points, world = space.rays[0], len(stage.bodies)
    _project(_map(stage, projections, view, target, world, column, row), points, trail, padded(count))
    for k in range(present):
        n = i64(space.present[k])
        if _moves(stage.maps, view // 2, target // 2, n):
            _project_own(_map(stage, projections, view, target, n, column, row), n, points, trail, padded(count))


@step
def _moves(maps: Doubles, time: int, other: int, n: int) -> bool:
    """Whether a body is elsewhere, or turned, at another time."""
    apart = 0.0
    for c in range(12):
        apart += abs(maps[time, n, c] - maps[other, n, c])
    return bool(apart > 0)


@step
def _map(stage: Stage, projections: Doubles, view: int, target: int, n: int, column: float, row: float) -> Map:
    """From (x, y) px off a block's centre and depth t to (u, v, 1) z there: a x + b y + c + d / t, three times.

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
    """One row of P M A, and of P M o."""
    p, q, r = projections[target, c, 0], projections[target, c, 1], projections[target, c, 2]
    s, ray = projections[target, c, 3], stage.rays[view, n]
    if n < len(stage.bodies):  # the last is the world itself
        m = stage.maps[target // 2, n]
        s += p * m[3] + q * m[7] + r * m[11]
        p, q, r = p * m[0] + q * m[4] + r * m[8], p * m[1] + q * m[5] + r * m[9], p * m[2] + q * m[6] + r * m[10]
    return (
        p * ray[3] + q * ray[6] + r * ray[9],
        p * ray[4] + q * ray[7] + r * ray[10],
        p * ray[5] + q * ray[8] + r * ray[11],
        s + p * ray[0] + q * ray[1] + r * ray[2],
    )


@step
def _centred(own: Row, z: Row, column: float, row: float, origin: float) -> Row:
    """A row for places counted from (column, row) here and from `origin` there."""
    c = own[0] * column + own[1] * row + own[2] - origin * (z[0] * column + z[1] * row + z[2])
    return f32(own[0] - origin * z[0]), f32(own[1] - origin * z[1]), f32(c), f32(own[3] - origin * z[3])


@step
def _project(there: Map, points: Bundle, trail: Bundle, count: int) -> None:
    for k in range(count):
        trail.u[k], trail.v[k], trail.z[k] = _projected(there, points.x[k], points.y[k], trail.inverse[k])


@step
def _project_own(there: Map, n: int, points: Bundle, trail: Bundle, count: int) -> None:
    for k in range(count):
        u, v, z = _projected(there, points.x[k], points.y[k], trail.inverse[k])
        own = trail.body[k] == n
        trail.u[k], trail.v[k] = u if own else trail.u[k], v if own else trail.v[k]
        trail.z[k] = z if own else trail.z[k]


@step
def _projected(there: Map, x: float, y: float, inverse: float) -> tuple[float, float, float]:
    a, b, c, d, e, f, g, h, i, j, m, n = there
    z = i * x + j * y + m + n * inverse
    return (a * x + b * y + c + d * inverse) / z, (e * x + f * y + g + h * inverse) / z, z


@step
def _hide(
    stage: Stage,
    view: int,
    target: int,
    column: float,
    row: float,
    width: int,
    height: int,
    space: Scratch,
    trail: Bundle,
    count: int,
) -> None:
    """Let the `limit` of points be 0 that are out of another view's frame, or behind anything there."""
    rays, count = space.bounced[0], padded(count)
    span = _aim(space.rays[0], trail, rays, f32(column), f32(row), f32(width), f32(height), count)
    for k in range(nominate(stage.boxes, stage.order, target, span, farthest(rays, count), space.flags, space.names)):
        n = i64(space.names[k])
        harmless = n if _cannot_hide_itself(stage, view, target, n) else i64(NOBODY)
        if nearest_depth(stage, target, n, span) < _farthest_of_others(trail, harmless, count):
            ask(stage, target, n, column, row, rays, space.bounced_patch[0], count)
            _drop(trail, rays, n, harmless, count)


@step
def _aim(
    points: Bundle, trail: Bundle, rays: Bundle, column: float, row: float, width: float, height: float, count: int
) -> Span:
    """Rays to points, as far as the points; where all of them are."""
    left, top, right, low = -HALF - column, -HALF - row, width - HALF - column, height - HALF - row
    least_x, least_y, most_x, most_y = FAR, FAR, i32(-FAR), i32(-FAR)
    for k in range(count):
        u, v, z = trail.u[k], trail.v[k], trail.z[k]
        inside = (z > ZERO) & (u >= left) & (u < right) & (v >= top) & (v < low)
        rays.x[k], rays.y[k] = u if inside else ZERO, v if inside else ZERO
        trail.limit[k] = points.depth[k] * z * (ONE - SAME_DEPTH) if inside else ZERO
        rays.depth[k], rays.body[k] = trail.limit[k], i32(SKY)
        x, y = i32(np.floor(rays.x[k])), i32(np.floor(rays.y[k]))
        least_x, most_x = min(least_x, x if inside else FAR), max(most_x, x if inside else i32(-FAR))
        least_y, most_y = min(least_y, y if inside else FAR), max(most_y, y if inside else i32(-FAR))
    return column + f32(least_x), row + f32(least_y), column + f32(most_x) + ONE, row + f32(most_y) + ONE


@step
def _farthest_of_others(trail: Bundle, harmless: int, count: int) -> float:
    """The greatest limit of points that are not on a body."""
    most = i32(0)
    for k in range(count):
        bits = i32(bits_of(trail.limit[k])) if trail.body[k] != harmless else i32(0)
        most = bits if bits > most else most
    return f32(number_of(most))


@step
def _cannot_hide_itself(stage: Stage, view: int, target: int, n: int) -> bool:
    """Whether an eye sees all of a body that another sees: planes, and boxes that show both the same sides."""
    if stage.bodies[n].kind <= QUAD:
        return True
    if stage.bodies[n].kind > BOX or stage.bodies[n].cutout:
        return False
    same = True
    for c in range(3):
        here, there = stage.rays[view, n, c], stage.rays[target, n, c]
        same = same and (abs(here) <= 1 or (there > 1 if here > 1 else there < -1))
    return same


@step
def _drop(trail: Bundle, rays: Bundle, n: int, harmless: int, count: int) -> None:
    """Let points be hidden before which body n was met, but for those on body `harmless`; and cast on."""
    for k in range(count):
        hidden = (rays.body[k] == n) & (trail.body[k] != harmless)
        trail.limit[k] = ZERO if hidden else trail.limit[k]
        rays.depth[k], rays.body[k] = trail.limit[k], i32(SKY)


@step
def _thin(
    stage: Stage, view: int, column: float, row: float, space: Scratch, trail: Bundle, count: int, present: int
) -> None:
    """Let points of cut-out bodies be hidden where there is a gap, seen from nearer by or from farther away."""
    points, patch = space.rays[0], space.bounced_patch[0]
    for m in range(present):
        n, total = i64(space.present[m]), 0
        if not stage.bodies[n].cutout:
            continue
        for k in range(count):
            trail.chosen[k] = i32(1) if (trail.body[k] == n) & (trail.limit[k] > ZERO) else i32(0)
            total += trail.chosen[k]
        if not total:
            continue
        total, spread = choose(trail.chosen, trail.some, count), f32(stage.air[0].pixel_rad)
        for k in range(total):
            i = trail.some[k]
            if is_wild(i):
                break
            patch.x[k], patch.y[k], patch.depth[k] = points.x[i], points.y[i], points.depth[i]
            patch.wide[k] = points.depth[i] * trail.z[i] * spread
        place(stage.rays, view, n, column, row, patch, padded(total))
        find_solid(stage.bodies, stage.quads, n, patch, total)
        for k in range(total):
            i = trail.some[k]
            trail.limit[i] = trail.limit[i] if patch.solid[k] else ZERO


@step
def _write(
    found: Found,
    at: int,
    points: Bundle,
    trail: Bundle,
    sign: float,
    slot: int,
    top: int,
    left: int,
    wide: int,
    high: int,
) -> None:
    """Copy what is known of a block."""
    for k in range(padded(wide * high)):
        trail.u[k], trail.v[k] = sign * (trail.u[k] - points.x[k]), sign * (trail.v[k] - points.y[k])
    write(trail.u, found.moved, 2 * at, top, left, wide, high)
    write(trail.v, found.moved, 2 * at + 1, top, left, wide, high)
    for y in range(high):
        down = u64(top + y)
        for x in range(wide):
            found.visible[at, down, u64(left + x)] = trail.limit[y * wide + x] > ZERO
