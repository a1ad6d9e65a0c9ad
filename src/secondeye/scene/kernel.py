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
from secondeye.scene.gloss import MATTE, gloss
from secondeye.scene.lanes import kernel, loops, step
from secondeye.scene.meeting import Span, cast, choose, reset
from secondeye.scene.shading import gather, give_back, haze, list_all, locate, part, shade, shade_sky
from secondeye.scene.shapes import ONE, ZERO

ONE_RAY: Any = np.int64(1)

HALO_PX = BLOCK_PX + 2

NOBODY = -2

MOST_SHARING = 8
"""If a pixel has more rays, each has a colour of its own: comparing all with all would take longer."""


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


EDGES = np.dtype(
    [
        ("key", np.int32, HALO_PX * HALO_PX),
        ("some", np.uint32, CAPACITY + 16),
        *((name, np.int32, CAPACITY + 16) for name in ("differs", "lit", "body", "plain", "centre", "shared")),
        *((name, np.float32, CAPACITY + 16) for name in ("x", "y", "red", "green", "blue")),
    ]
)
"""A block's keys with those around it, and which of its pixels are at edges.

differs         1 for pixels within one of which another patch begins, or that show something glossy
some, x, y      those by number, and where they are, px from the block's centre
lit             1 or 0 where all within a pixel is in the sun or in shadow, -1 where both are near
body, plain     what its centre shows; 1 where each body that shows there or beside it shows one matte patch alone
centre, shared  the same of those that are being looked at, NOBODY for `body` where not `plain`
red, green, blue        the colours of their centres
"""


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
    lines, samples, rays = -(-height // BLOCK_PX), len(shifts), space.rays[0]
    at_once = CAPACITY // samples
    for line in range(first, stop):
        slot, row = line // lines, line % lines
        for column in range(-(-width // BLOCK_PX)):
            wide, high = min(width - column * BLOCK_PX, BLOCK_PX), min(height - row * BLOCK_PX, BLOCK_PX)
            left, top, view = column * BLOCK_PX, row * BLOCK_PX, views[slot]
            total = find_edges(stage, pictures.key, slot, left, top, wide, high, edges[0]) if softening else wide * high
            for start in range(0, total, at_once):
                pixels = min(total - start, at_once)
                count, x, y, span = pixels * samples, middle_of(column), middle_of(row), around(left, top, wide, high)
                if softening:
                    fill_edges(rays, edges[0], start, pixels, shifts)
                else:
                    fill(rays, wide, high, f32(shifts[0, 0]), f32(shifts[0, 1]))
                reset(rays, count, INF)
                cast(stage, view, x, y, span, space.flags, space.names, rays, space.patch[0], count)
                list_all(rays, count)
                if softening:
                    read_edges(pictures.rgb, slot, left, top, wide, edges[0], start, pixels)
                    colour(stage, view, x, y, space, share(rays, edges[0], pixels, samples), count)
                    settle(rays, edges[0], space.patch[0], pixels, samples)
                    _write_edges(pictures, slot, left, top, wide, edges[0], start, pixels, space.patch[0])
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


@loops
def find_edges(stage: Stage, key: Ints, slot: int, left: int, top: int, wide: int, high: int, edges: Bundle) -> int:
    """List a block's pixels at edges; how many."""
    _surround(key, slot, left, top, wide, high, edges)
    total = 0
    for y in range(high):
        above, here, below, to = u64(y * HALO_PX), u64((y + 1) * HALO_PX), u64((y + 2) * HALO_PX), u64(y * wide)
        for x in range(wide):
            own = edges.key[here + u64(x + 1)]
            differs = (own != edges.key[here + u64(x)]) | (own != edges.key[here + u64(x + 2)])
            differs |= (own != edges.key[above + u64(x + 1)]) | (own != edges.key[below + u64(x + 1)])
            edges.differs[to + u64(x)] = i32(1) if differs else i32(0)
            total += i32(1) if differs else i32(0)
    if stage.glossy:
        for y in range(high):
            for x in range(wide):
                own = edges.key[(y + 1) * HALO_PX + x + 1]
                if own >= 0 and stage.bodies[own >> 4].finish != MATTE:
                    edges.differs[y * wide + x] = i32(1)
        total = 1
    if not total:
        return 0
    total = choose(edges.differs, edges.some, wide * high)
    edge = f32(BLOCK_PX - 1) * f32(0.5)
    for k in range(total):
        y, x = i64(edges.some[k]) // wide, i64(edges.some[k]) % wide
        edges.x[k], edges.y[k] = f32(x) - edge, f32(y) - edge
        _know(stage, edges, k, u64((y + 1) * HALO_PX + x + 1))
    return total


@step
def _surround(key: Ints, slot: int, left: int, top: int, wide: int, high: int, edges: Bundle) -> None:
    """Copy a block's keys, and those around it, to `edges`; beyond the picture, its border goes on."""
    _, height, width = key.shape
    for y in range(high + 2):
        down, start = min(max(top + y - 1, 0), height - 1), y * HALO_PX
        edges.key[start] = key[slot, down, max(left - 1, 0)]
        if wide == BLOCK_PX:
            for x in range(BLOCK_PX):
                edges.key[start + 1 + x] = key[slot, down, u64(left + x)]
        else:
            for x in range(wide):
                edges.key[start + 1 + x] = key[slot, down, u64(left + x)]
        edges.key[start + 1 + wide] = key[slot, down, min(left + wide, width - 1)]


@step
def _know(stage: Stage, edges: Bundle, k: int, i: int) -> None:
    """Note what pixel k's key and those beside it, from the i-th on, say of it."""
    lit, shaded, plain = 0, 0, 1
    own, left, right = edges.key[i], edges.key[i - u64(1)], edges.key[i + u64(1)]
    above, below = edges.key[i - u64(HALO_PX)], edges.key[i + u64(HALO_PX)]
    keys = own, left, right, above, below
    for a in range(5):
        key = keys[a]
        lit |= 1 if key >= 0 and key & 1 == 1 else 0
        shaded |= 1 if key >= 0 and key & 1 == 0 else 0
        for b in range(a):
            plain &= 0 if keys[b] != key and keys[b] >> 4 == key >> 4 else 1
        if stage.glossy and key >= 0 and stage.bodies[key >> 4].finish != MATTE:
            plain = 0
    edges.lit[k], edges.body[k], edges.plain[k] = i32(-1 if lit == shaded else lit), i32(own >> 4), i32(plain)


@loops
def fill_edges(rays: Bundle, edges: Bundle, start: int, pixels: int, shifts: Doubles) -> None:
    """S rays through each of some pixels at edges: the first of each, then the second of each."""
    for s in range(len(shifts)):
        across, down, first = f32(shifts[s, 0]), f32(shifts[s, 1]), u64(s * pixels)
        for k in range(pixels):
            i, j = first + u64(k), u64(start + k)
            rays.x[i], rays.y[i], rays.lit[i] = edges.x[j] + across, edges.y[j] + down, edges.lit[j]


@loops
def read_edges(rgb: Floats, slot: int, left: int, top: int, wide: int, edges: Bundle, start: int, pixels: int) -> None:
    """Move what is known of some pixels to the front, with the colours of their centres."""
    for k in range(pixels):
        i = i64(edges.some[start + k])
        y, x = u64(top + i // wide), u64(left + i % wide)
        edges.red[k], edges.green[k], edges.blue[k] = (
            rgb[3 * slot, y, x],
            rgb[3 * slot + 1, y, x],
            rgb[3 * slot + 2, y, x],
        )
        edges.centre[k] = edges.body[start + k] if edges.plain[start + k] else i32(NOBODY)
        edges.shared[k] = edges.plain[start + k]


@loops
def share(rays: Bundle, edges: Bundle, pixels: int, samples: int) -> int:
    """List the rays that need colours of their own as `rest`; how many.

    Where each body beside a pixel shows one matte patch alone, rays that met what its centre shows take the centre's
    colour, and of others that met the same body the first is coloured for all, in their middle. `enter` keeps depths.
    """
    count = pixels * samples
    for i in range(count):
        rays.enter[i], rays.chosen[i] = rays.depth[i], i32(1)
    if samples > MOST_SHARING:
        return count
    for i in range(count):
        rays.wx[i], rays.wy[i], rays.wz[i], rays.vx[i] = rays.x[i], rays.y[i], ONE / rays.depth[i], ONE
    for s in range(samples):
        for k in range(pixels):
            i = u64(s * pixels) + u64(k)
            own = rays.body[i] == edges.centre[k]
            rays.chosen[i] = i32(0) if own else i32(1)
            rays.red[i], rays.green[i], rays.blue[i] = edges.red[k], edges.green[k], edges.blue[k]
        for e in range(s):
            for k in range(pixels):
                i, j = u64(s * pixels) + u64(k), u64(e * pixels) + u64(k)
                same = (edges.shared[k] & rays.chosen[i] & rays.chosen[j] != 0) & (rays.body[i] == rays.body[j])
                rays.wx[j] += rays.x[i] if same else ZERO
                rays.wy[j] += rays.y[i] if same else ZERO
                rays.wz[j] += ONE / rays.enter[i] if same else ZERO
                rays.vx[j] += ONE if same else ZERO
                rays.chosen[i] = i32(0) if same else rays.chosen[i]
    for i in range(count):
        part_of = ONE / rays.vx[i]
        rays.x[i], rays.y[i], rays.depth[i] = rays.wx[i] * part_of, rays.wy[i] * part_of, rays.vx[i] / rays.wz[i]
    return choose(rays.chosen, rays.rest, count)


@loops
def settle(rays: Bundle, edges: Bundle, patch: Bundle, pixels: int, samples: int) -> None:
    """What the rays of some pixels say of them, to `patch`.

    `red`, `green`, `blue` are the mean colour; g is the nearest body's, `depth` its depth, `weight` its share, and
    `reach` the depth of what is behind it.
    """
    for k in range(pixels):
        patch.depth[k], patch.solid[k] = INF, i32(SKY)
        patch.red[k], patch.green[k], patch.blue[k] = ZERO, ZERO, ZERO
        patch.gx[k], patch.gy[k], patch.gz[k] = ZERO, ZERO, ZERO
        patch.weight[k], patch.reach[k] = ZERO, INF
    for s in range(samples):
        if samples <= MOST_SHARING:
            for e in range(s):
                for k in range(pixels):
                    _take_over(rays, u64(s * pixels) + u64(k), u64(e * pixels) + u64(k), edges.shared[k])
        for k in range(pixels):
            i = u64(s * pixels) + u64(k)
            nearer = rays.enter[i] < patch.depth[k]
            patch.solid[k] = rays.body[i] if nearer else patch.solid[k]
            patch.depth[k] = rays.enter[i] if nearer else patch.depth[k]
    for s in range(samples):
        for k in range(pixels):
            _add(rays, u64(s * pixels) + u64(k), patch, k)
    each = ONE / f32(samples)
    for k in range(pixels):
        own = ONE / patch.weight[k]
        patch.red[k], patch.green[k], patch.blue[k] = patch.red[k] * each, patch.green[k] * each, patch.blue[k] * each
        patch.gx[k], patch.gy[k], patch.gz[k] = patch.gx[k] * own, patch.gy[k] * own, patch.gz[k] * own
        patch.reach[k] = patch.reach[k] if patch.weight[k] < f32(samples) else patch.depth[k]
        patch.weight[k] *= each


@step
def _take_over(rays: Bundle, i: int, j: int, shared: int) -> None:
    """Let ray i have the colour of ray j if that was coloured for both."""
    same = (shared & rays.chosen[j] != 0) & (rays.body[i] == rays.body[j])
    rays.red[i] = rays.red[j] if same else rays.red[i]
    rays.green[i] = rays.green[j] if same else rays.green[i]
    rays.blue[i] = rays.blue[j] if same else rays.blue[i]


@step
def _add(rays: Bundle, i: int, patch: Bundle, k: int) -> None:
    """Add one ray to what is known of its pixel."""
    mine, red, green, blue = rays.body[i] == patch.solid[k], rays.red[i], rays.green[i], rays.blue[i]
    patch.red[k], patch.green[k], patch.blue[k] = patch.red[k] + red, patch.green[k] + green, patch.blue[k] + blue
    patch.gx[k] += red if mine else ZERO
    patch.gy[k] += green if mine else ZERO
    patch.gz[k] += blue if mine else ZERO
    patch.weight[k] += ONE if mine else ZERO
    behind = INF if mine else rays.enter[i]
    patch.reach[k] = behind if behind < patch.reach[k] else patch.reach[k]


@step
def _write_edges(
    pictures: Pictures, slot: int, left: int, top: int, wide: int, edges: Bundle, start: int, pixels: int, patch: Bundle
) -> None:
    """Write what was found out about some pixels at edges."""
    for k in range(pixels):
        i = i64(edges.some[start + k])
        y, x = u64(top + i // wide), u64(left + i % wide)
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
