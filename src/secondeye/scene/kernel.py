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
    Scratch,
    Stage,
    f32,
    i32,
    i64,
    u64,
)
from secondeye.scene.gloss import MATTE, gloss
from secondeye.scene.lanes import kernel, loops, step
from secondeye.scene.meeting import cast, middle_of, reset
from secondeye.scene.shading import gather, give_back, haze, list_all, locate, part, shade, shade_sky

ONE_RAY: Any = np.int64(1)
UNINTERESTED: Any = np.bool_(False)
"""Not cautious; a plain False would have all casting compiled once more for it."""


class Pictures(NamedTuple):
    """What V views show.

    Attributes:
        key: (V, H, W) the patch that each pixel's ray meets, see `shading`.
        depth: (V, H, W) m, along the optical axis.
        clear: (V, H, W) a depth before which nothing but what the ray meets shows within half a pixel.
        rgb: (V 3, H, W) display colours, at edges the mean of some rays.
        front, alpha, front_depth, behind_depth: (V 3, H, W) and (V, H, W), colour, share and depth of the nearest body
            in each pixel, and depth of what is behind it; or (0, H, W) where nobody wants them.
    """

    key: Ints
    depth: Floats
    clear: Floats
    rgb: Floats
    front: Floats
    alpha: Floats
    front_depth: Floats
    behind_depth: Floats


@loops
def colour(stage: Stage, view: int, row: int, column: int, space: Scratch, count: int) -> None:
    """Give the rays that were cast through a block their colours and keys."""
    rays, patch, time = space.rays[0], space.patch[0], view // 2
    x, y = middle_of(column), middle_of(row)
    list_all(rays, count)
    left = count
    while left:
        n = i64(rays.body[rays.rest[0]])
        own = part(rays, left, count)
        gather(rays, patch, own, count)
        locate(stage, view, n, x, y, patch, own)
        if n == SKY:
            shade_sky(stage, time, patch, own)
        else:
            shade(stage, time, n, patch, own, space.sun_rays[0], space.sun_patch[0])
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
    edges: Ints,
    softening: bool,
) -> None:
    """Cast rays through all pixels of views (V,); or, if `softening`, replace colours and layers at edges.

    One kernel does both, so that all that casts and colours is compiled once.

    Args:
        shifts: (S, 2) px from a pixel's centre to its rays; (1, 2) unless softening.
        edges: (3, CAPACITY) scratch.
    """
    _, height, width = pictures.key.shape
    lines, samples = -(-height // BLOCK_PX), len(shifts)
    rays, at_once, cautious = space.rays[0], CAPACITY // samples, len(pictures.alpha) > 0 and not softening
    for line in range(first, stop):
        slot, row = line // lines, line % lines
        for column in range(-(-width // BLOCK_PX)):
            wide, high = min(width - column * BLOCK_PX, BLOCK_PX), min(height - row * BLOCK_PX, BLOCK_PX)
            total = _edges(stage, pictures.key, slot, row, column, edges) if softening else wide * high
            for start in range(0, total, at_once):
                pixels = min(total - start, at_once)
                if softening:
                    _fill_edges(rays, edges, start, pixels, row, column, shifts)
                else:
                    fill(rays, wide, high, f32(shifts[0, 0]), f32(shifts[0, 1]))
                reset(rays, pixels * samples, INF)
                free = cast(stage, views[slot], row, column, rays, space.patch[0], pixels * samples, cautious)
                colour(stage, views[slot], row, column, space, pixels * samples)
                if softening:
                    _settle(pictures, slot, edges, start, pixels, rays, samples)
                else:
                    _clear(rays, wide * high, free)
                    _write(pictures, slot, row * BLOCK_PX, column * BLOCK_PX, rays, wide, high)


@step
def fill(rays: Bundle, wide: int, high: int, across: float, down: float) -> None:
    """Rays through all pixels of a block."""
    edge = f32(BLOCK_PX - 1) * f32(0.5)
    for y in range(high):
        for x in range(wide):
            i = y * wide + x
            rays.x[i], rays.y[i] = f32(x) - edge + across, f32(y) - edge + down
            rays.lit[i] = i32(-1)


@step
def _clear(rays: Bundle, count: int, free: float) -> None:
    """Let `near` be the depth before which nothing but what rays meet shows near them; elsewhere it is `free`."""
    for i in range(count):
        clear = rays.second[i] if rays.holder[i] == rays.body[i] else rays.near[i]
        rays.near[i] = clear if clear < free else free


@step
def write(values: Bundle, pictures: Floats | Ints, at: int, top: int, left: int, wide: int, high: int) -> None:
    """Copy values of a block's pixels to picture `at` of some; counted without signs, its rows are copied at once."""
    for y in range(high):
        down = u64(top + y)
        for x in range(wide):
            pictures[at, down, u64(left + x)] = values[y * wide + x]


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
        write(rays.near, pictures.clear, slot, *place)
        write(rays.red, pictures.front, 3 * slot, *place)
        write(rays.green, pictures.front, 3 * slot + 1, *place)
        write(rays.blue, pictures.front, 3 * slot + 2, *place)
        write(rays.depth, pictures.front_depth, slot, *place)
        write(rays.depth, pictures.behind_depth, slot, *place)
        _paint(f32(1), pictures.alpha, slot, *place)


@step
def _paint(value: float, pictures: Floats, at: int, top: int, left: int, wide: int, high: int) -> None:
    for y in range(high):
        down = u64(top + y)
        for x in range(wide):
            pictures[at, down, u64(left + x)] = value


@step
def _fill_edges(rays: Bundle, edges: Ints, start: int, pixels: int, row: int, column: int, shifts: Doubles) -> None:
    """S rays through each of some pixels at edges."""
    for k in range(pixels):
        for s in range(len(shifts)):
            i = k * len(shifts) + s
            rays.x[i] = f32(edges[0, start + k] - middle_of(column) + shifts[s, 0])
            rays.y[i] = f32(edges[1, start + k] - middle_of(row) + shifts[s, 1])
            rays.lit[i] = edges[2, start + k]


@step
def _edges(stage: Stage, key: Ints, slot: int, row: int, column: int, edges: Ints) -> int:
    """List a block's pixels within one of which another patch begins, or that show something glossy; how many.

    Columns, rows, and 1 or 0 where all within a pixel is in the sun or in shadow, -1 where both are near.
    """
    _, height, width = key.shape
    total = 0
    for y in range(row * BLOCK_PX, min(row * BLOCK_PX + BLOCK_PX, height)):
        for x in range(column * BLOCK_PX, min(column * BLOCK_PX + BLOCK_PX, width)):
            own = key[slot, y, x]
            left, right = key[slot, y, max(x - 1, 0)], key[slot, y, min(x + 1, width - 1)]
            above, below = key[slot, max(y - 1, 0), x], key[slot, min(y + 1, height - 1), x]
            same = own == left and own == right and own == above and own == below
            if same and (own < 0 or stage.bodies[own >> 4].finish == MATTE):
                continue
            lit, shaded = False, False
            for near in (own, left, right, above, below):
                if near >= 0:
                    lit, shaded = lit or near & 1 == 1, shaded or near & 1 == 0
            edges[0, total], edges[1, total], edges[2, total] = x, y, -1 if lit == shaded else int(lit)
            total += 1
    return total


@step
def _settle(pictures: Pictures, slot: int, edges: Ints, start: int, pixels: int, rays: Bundle, samples: int) -> None:
    """Write what the rays of some pixels say of them."""
    for k in range(pixels):
        _settle_one(pictures, slot, edges[1, start + k], edges[0, start + k], rays, k * samples, samples)


@step
def _settle_one(pictures: Pictures, slot: int, y: int, x: int, rays: Bundle, first: int, samples: int) -> None:
    """Write what the rays of one pixel say of it."""
    nearest = first
    for i in range(first + 1, first + samples):
        nearest = i if rays.depth[i] < rays.depth[nearest] else nearest
    red, green, blue = f32(0), f32(0), f32(0)
    own_red, own_green, own_blue, own, behind = f32(0), f32(0), f32(0), f32(0), INF
    for i in range(first, first + samples):
        mine = rays.body[i] == rays.body[nearest]
        red, green, blue = red + rays.red[i], green + rays.green[i], blue + rays.blue[i]
        own_red += rays.red[i] if mine else f32(0)
        own_green += rays.green[i] if mine else f32(0)
        own_blue += rays.blue[i] if mine else f32(0)
        own += f32(1) if mine else f32(0)
        behind = rays.depth[i] if not mine and rays.depth[i] < behind else behind
    share = f32(1) / f32(samples)
    pictures.rgb[3 * slot + 0, y, x] = red * share
    pictures.rgb[3 * slot + 1, y, x] = green * share
    pictures.rgb[3 * slot + 2, y, x] = blue * share
    if len(pictures.alpha):
        pictures.front[3 * slot + 0, y, x] = own_red / own
        pictures.front[3 * slot + 1, y, x] = own_green / own
        pictures.front[3 * slot + 2, y, x] = own_blue / own
        pictures.alpha[slot, y, x] = own * share
        pictures.front_depth[slot, y, x] = rays.depth[nearest]
        pictures.behind_depth[slot, y, x] = behind if own < f32(samples) else rays.depth[nearest]


@kernel
def shoot(stage: Stage, view: int, columns: Doubles, rows: Doubles, pictures: Pictures, space: Scratch) -> None:
    """Cast a ray through each of K places in a view, one after the other; what they see is a row of K pixels."""
    _, lines, blocks = stage.start.shape
    rays = space.rays[0]
    for k in range(len(columns)):
        row = min(max(int(np.floor((rows[k] + 0.5) / BLOCK_PX)), 0), lines - 1)
        column = min(max(int(np.floor((columns[k] + 0.5) / BLOCK_PX)), 0), blocks - 2)
        rays.x[0], rays.y[0] = f32(columns[k] - middle_of(column)), f32(rows[k] - middle_of(row))
        rays.lit[0] = i32(-1)
        reset(rays, ONE_RAY, INF)
        cast(stage, view, row, column, rays, space.patch[0], ONE_RAY, UNINTERESTED)
        colour(stage, view, row, column, space, ONE_RAY)
        _write(pictures, 0, 0, k, rays, 1, 1)
