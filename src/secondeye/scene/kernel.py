"""The loops over blocks of pixels: what their rays meet, and what shows at edges.

Each does a share of the work, lines of blocks [first, stop), counted through all views, so that `casting` can hand the
shares to threads.
"""

from typing import Any, NamedTuple

import numpy as np

from secondeye.scene.bundle import (
    BLOCK_PX,
    CAPACITY,
    INF,
    SKY,
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
    u64,
)
from secondeye.scene.edges import BLOCK_SHIFT, fill_edges, find_edges, read_edges, settle, share
from secondeye.scene.gloss import MATTE, gloss
from secondeye.scene.lanes import kernel, loops, step
from secondeye.scene.meeting import Span, cast, reset
from secondeye.scene.shading import gather, give_back, haze, list_all, locate, part, shade, shade_sky
from secondeye.scene.stillness import repeat, same_keys, undisturbed, unshaded

ONE_RAY: Any = np.int64(1)


class Pictures(NamedTuple):
    """What V views show.

    Attributes:
        key: (V, H, W) the patch that each pixel's ray meets, see `shading`.
        depth: (V, H, W) m, along the optical axis.
        rgb: (V 3, H, W) display colours, at edges the mean of some rays.
        front, alpha, front_depth, behind_depth: (V 3, H, W) and (V, H, W), colour, share and depth of the nearest body
            in each pixel, and depth of what is behind it; or (0, H, W) where nobody wants them.
    """

    key: Ints
    depth: Floats
    rgb: Floats
    front: Floats
    alpha: Floats
    front_depth: Floats
    behind_depth: Floats


@loops
def colour(stage: Stage, view: int, column: float, row: float, space: Scratch, left: int, count: int) -> None:
    """Give the first `left` rays in `rest`, cast through places around (column, row), their colours and keys.

    There are `count` in all; if `left` are all of them, they are in order.
    """
    rays, patch, time = space.rays[0], space.patch[0], view // 2
    while left:
        n = i64(rays.body[rays.rest[0]])
        own = part(rays, left, count)
        gather(rays, patch, own, count)
        locate(stage, view, n, column, row, patch, own)
        if n == SKY:
            shade_sky(stage, time, patch, own)
        else:
            shade(stage, time, n, patch, own, space)
            if stage.bodies[n].finish != MATTE:
                gloss(stage, time, n, space, own)
            if stage.air[time].fog_m < np.inf:
                haze(stage.air[time], patch, own)
        give_back(rays, patch, own, count, n)
        left -= own


@kernel
def draw(
    first: int,
    stop: int,
    stage: Stage,
    views: Longs,
    shifts: Doubles,
    pictures: Pictures,
    space: Scratch,
    edges: Records,
    softening: bool,
) -> None:
    """Cast rays through all pixels of views (V,); or, if `softening`, replace colours and layers at edges.

    One kernel does both, so that all that casts and colours is compiled once.

    Args:
        shifts: (S, 2) px from a pixel's centre to its rays; (1, 2) unless softening.
        edges: (1,) of EDGES, scratch.
    """
    _, height, width = pictures.key.shape
    samples, rays = len(shifts), space.rays[0]
    at_once, filled = CAPACITY // samples, (0, 0)
    for line in range(first, stop):
        slot, row = line % len(views), line // len(views)
        for column in range(-(-width // BLOCK_PX)):
            wide, high = min(width - column * BLOCK_PX, BLOCK_PX), min(height - row * BLOCK_PX, BLOCK_PX)
            left, top, view = column * BLOCK_PX, row * BLOCK_PX, views[slot]
            ready = line > first and (softening or (wide == filled[0] and high == filled[1]))
            if ready and _repeated(stage, views, slot, pictures, rays, left, top, wide, high, softening):
                continue
            total = find_edges(stage, pictures.key, slot, left, top, wide, high, edges[0]) if softening else wide * high
            for start in range(0, total, at_once):
                pixels = min(total - start, at_once)
                count, x, y, span = pixels * samples, middle_of(column), middle_of(row), around(left, top, wide, high)
                if softening:
                    a, b, c, d = fill_edges(rays, edges[0], start, pixels, shifts)
                    span = f32(x + a), f32(y + b), f32(x + c), f32(y + d)
                elif wide != filled[0] or high != filled[1]:
                    fill(rays, wide, high, f32(shifts[0, 0]), f32(shifts[0, 1]))
                    filled = wide, high
                reset(rays, count, INF)
                cast(stage, view, x, y, span, space.flags, space.names, rays, space.patch[0], count)
                list_all(rays, count)
                if softening:
                    read_edges(pictures.rgb, slot, left, top, edges[0], start, pixels)
                    colour(stage, view, x, y, space, share(rays, edges[0], pixels, samples), count)
                    settle(rays, space.patch[0], pixels, samples)
                    _write_edges(pictures, slot, left, top, edges[0], start, pixels, space.patch[0])
                else:
                    colour(stage, view, x, y, space, count, count)
                    _write(pictures, slot, top, left, rays, wide, high)


@step
def middle_of(block: int) -> float:
    """The column, or the row, of a block's centre."""
    return block * BLOCK_PX + (BLOCK_PX - 1) / 2


@step
def around(left: int, top: int, wide: int, high: int) -> Span:
    """Where the rays of some pixels may be."""
    return f32(left - 0.5), f32(top - 0.5), f32(left + wide - 0.5), f32(top + high - 0.5)


@step
def fill(rays: Bundle, wide: int, high: int, across: float, down: float) -> None:
    """Rays through all pixels of a block."""
    edge = f32(BLOCK_PX - 1) * f32(0.5)
    for y in range(high):
        for x in range(wide):
            i = y * wide + x
            rays.x[i], rays.y[i] = f32(x) - edge + across, f32(y) - edge + down
            rays.lit[i] = i32(-1)


@loops
def write(values: Bundle, pictures: Floats | Ints, at: int, top: int, left: int, wide: int, high: int) -> None:
    """Copy values of a block's pixels to picture `at` of some, eight at a time, without a call for each row."""
    for y in range(high):
        first, down, across = u64(y * wide), u64(top + y), u64(left)
        if wide == BLOCK_PX:
            for x in range(0, BLOCK_PX, 8):
                _write_eight(values, first + u64(x), pictures, at, down, across + u64(x))
        else:
            for x in range(wide):
                pictures[at, down, across + u64(x)] = values[first + u64(x)]


@step
def _write_eight(values: Bundle, i: int, pictures: Floats | Ints, at: int, y: int, x: int) -> None:
    """All are read before any is written, so that one instruction can do it wherever they lie."""
    one, two, three = u64(1), u64(2), u64(3)
    four, five, six, seven = u64(4), u64(5), u64(6), u64(7)
    a, b, c, d = values[i], values[i + one], values[i + two], values[i + three]
    e, f, g, h = values[i + four], values[i + five], values[i + six], values[i + seven]
    pictures[at, y, x], pictures[at, y, x + one] = a, b
    pictures[at, y, x + two], pictures[at, y, x + three] = c, d
    pictures[at, y, x + four], pictures[at, y, x + five] = e, f
    pictures[at, y, x + six], pictures[at, y, x + seven] = g, h


@step
def _repeated(
    stage: Stage,
    views: Longs,
    slot: int,
    pictures: Pictures,
    rays: Bundle,
    left: int,
    top: int,
    wide: int,
    high: int,
    softening: bool,
) -> bool:
    """Copy a block from the frame before if it shows the same; whether it does."""
    if slot == 0 or wide < BLOCK_PX or views[slot] != views[slot - 1] + 2 or stage.glossy:
        return False
    view, before = views[slot], slot - 1
    x, y = left + (BLOCK_PX - 1) / 2, top + (BLOCK_PX - 1) / 2
    if not undisturbed(stage, view, around(left, top, wide, high)):
        return False
    if softening:  # rays between pixels' centres may meet what no depth tells of, and shadows fall on that, too
        if stage.air[0].shadows or not same_keys(pictures.key, slot, left, top, wide, high):
            return False
    elif not unshaded(stage, view, x, y, rays, pictures.depth, before, top, left, high):
        return False
    for c in range(3):
        repeat(pictures.rgb, 3 * slot + c, 3 * before + c, top, left, high)
    repeat(pictures.depth, slot, before, top, left, high)
    repeat(pictures.key, slot, before, top, left, high)
    if len(pictures.alpha):
        for c in range(3):
            repeat(pictures.front, 3 * slot + c, 3 * before + c, top, left, high)
        repeat(pictures.alpha, slot, before, top, left, high)
        repeat(pictures.front_depth, slot, before, top, left, high)
        repeat(pictures.behind_depth, slot, before, top, left, high)
    return True


@step
def _write(pictures: Pictures, slot: int, top: int, left: int, rays: Bundle, wide: int, high: int) -> None:
    """Copy what a block's rays brought back."""
    place = top, left, wide, high
    write(rays.red, pictures.rgb, 3 * slot, *place)
    write(rays.green, pictures.rgb, 3 * slot + 1, *place)
    write(rays.blue, pictures.rgb, 3 * slot + 2, *place)
    write(rays.depth, pictures.depth, slot, *place)
    write(rays.key, pictures.key, slot, *place)
    if len(pictures.alpha):  # each pixel is all its own, as yet
        write(rays.red, pictures.front, 3 * slot, *place)
        write(rays.green, pictures.front, 3 * slot + 1, *place)
        write(rays.blue, pictures.front, 3 * slot + 2, *place)
        write(rays.depth, pictures.front_depth, slot, *place)
        write(rays.depth, pictures.behind_depth, slot, *place)
        for i in range(wide * high):
            rays.red[i] = f32(1)
        write(rays.red, pictures.alpha, slot, *place)


@step
def _write_edges(
    pictures: Pictures, slot: int, left: int, top: int, edges: Bundle, start: int, pixels: int, patch: Bundle
) -> None:
    """Write what was found out about some pixels at edges."""
    for k in range(pixels):
        i = i64(edges.some[start + k])
        y, x = u64(top + (i >> BLOCK_SHIFT)), u64(left + (i & (BLOCK_PX - 1)))
        pictures.rgb[3 * slot, y, x] = patch.red[k]
        pictures.rgb[3 * slot + 1, y, x] = patch.green[k]
        pictures.rgb[3 * slot + 2, y, x] = patch.blue[k]
        if len(pictures.alpha):
            pictures.front[3 * slot, y, x] = patch.gx[k]
            pictures.front[3 * slot + 1, y, x] = patch.gy[k]
            pictures.front[3 * slot + 2, y, x] = patch.gz[k]
            pictures.alpha[slot, y, x] = patch.weight[k]
            pictures.front_depth[slot, y, x] = patch.depth[k]
            pictures.behind_depth[slot, y, x] = patch.reach[k]


@kernel
def shoot(stage: Stage, view: int, columns: Doubles, rows: Doubles, pictures: Pictures, space: Scratch) -> None:
    """Cast a ray through each of K places in a view, one after the other; what they see is a row of K pixels."""
    rays = space.rays[0]
    for k in range(len(columns)):
        left, top = int(np.floor(columns[k] + 0.5)), int(np.floor(rows[k] + 0.5))
        x, y = np.float64(left), np.float64(top)
        rays.x[0], rays.y[0], rays.lit[0] = f32(columns[k] - x), f32(rows[k] - y), i32(-1)
        reset(rays, ONE_RAY, INF)
        cast(stage, view, x, y, around(left, top, 1, 1), space.flags, space.names, rays, space.patch[0], ONE_RAY)
        list_all(rays, ONE_RAY)
        colour(stage, view, x, y, space, ONE_RAY, ONE_RAY)
        _write(pictures, 0, 0, k, rays, 1, 1)
