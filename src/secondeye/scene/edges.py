"""Pixels at edges: which they are, which rays through them need a colour of their own, and what the rays say together.

Rays of P pixels lie one behind the other: the first of each pixel, then the second of each.
"""

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
    Stage,
    f32,
    i32,
    i64,
    u64,
)
from secondeye.scene.gloss import MATTE
from secondeye.scene.lanes import is_wild, loops, step
from secondeye.scene.meeting import Span, choose
from secondeye.scene.shapes import ONE, ZERO

HALO_PX = BLOCK_PX + 2

BLOCK_SHIFT = BLOCK_PX.bit_length() - 1

NOBODY = -2

MOST_SHARING = 8
"""If a pixel has more rays, each has a colour of its own: comparing all with all would take longer."""

KEYS = "own", "left", "right", "above", "below"
SHARING = "centre", "shared", "joined"

EDGES = np.dtype(
    [
        ("key", np.int32, HALO_PX * HALO_PX),
        ("some", np.uint32, CAPACITY + 16),
        *((name, np.int32, CAPACITY + 16) for name in ("differs", "lit", "body", "plain", *KEYS, *SHARING)),
        *((name, np.float32, CAPACITY + 16) for name in ("x", "y", "red", "green", "blue")),
    ]
)
"""A block's keys with those around it, and which of its pixels are at edges.

differs         1 for pixels within one of which another patch begins, or that show something glossy
some, x, y      those by number, and where they are, px from the block's centre
lit             1 or 0 where all within a pixel is in the sun or in shadow, -1 where both are near
body, plain     what its centre shows; 1 where each body that shows there or beside it shows one matte patch alone
own ... below   its key, and those around it
centre, shared  `body` and `plain` of those that are being looked at, NOBODY for `body` where not `plain`
joined          1 where a ray's colour is found together with an earlier one's
red, green, blue        the colours of their centres
"""


@loops
def find_edges(stage: Stage, key: Ints, slot: int, left: int, top: int, wide: int, high: int, edges: Bundle) -> int:
    """List a block's pixels at edges, the i-th of which is in row i // BLOCK_PX of it; how many."""
    _surround(key, slot, left, top, wide, high, edges)
    total = 0
    for y in range(high):
        above, here, below, to = u64(y * HALO_PX), u64((y + 1) * HALO_PX), u64((y + 2) * HALO_PX), u64(y * BLOCK_PX)
        for x in range(BLOCK_PX):
            own = edges.key[here + u64(x + 1)]
            differs = (own != edges.key[here + u64(x)]) | (own != edges.key[here + u64(x + 2)])
            differs |= (own != edges.key[above + u64(x + 1)]) | (own != edges.key[below + u64(x + 1)])
            edges.differs[to + u64(x)] = i32(1) if differs & (x < wide) else i32(0)
        for x in range(BLOCK_PX):
            total += edges.differs[to + u64(x)]
    if stage.glossy:
        total = _add_glossy(stage, wide, high, edges)
    if not total:
        return 0
    total = choose(edges.differs, edges.some, high * BLOCK_PX)
    edge = f32(BLOCK_PX - 1) * f32(0.5)
    for k in range(total):
        i = edges.some[k]
        if is_wild(i):
            break
        y, x = i64(i) >> BLOCK_SHIFT, i64(i) & (BLOCK_PX - 1)
        edges.x[k], edges.y[k] = f32(x) - edge, f32(y) - edge
        middle = u64((y + 1) * HALO_PX + x + 1)
        edges.own[k], edges.above[k], edges.below[k] = _column(edges, middle)
        edges.left[k], edges.right[k] = edges.key[middle - u64(1)], edges.key[middle + u64(1)]
    _know(edges, total)
    if stage.glossy:
        for k in range(total):
            for near in (edges.own[k], edges.left[k], edges.right[k], edges.above[k], edges.below[k]):
                if _is_glossy(stage, near):
                    edges.plain[k] = i32(0)
    return total


@step
def _column(edges: Bundle, middle: int) -> tuple[int, int, int]:
    return edges.key[middle], edges.key[middle - u64(HALO_PX)], edges.key[middle + u64(HALO_PX)]


@step
def _is_glossy(stage: Stage, key: int) -> bool:
    return bool(key >= 0 and stage.bodies[key >> 4].finish != MATTE)


@step
def _add_glossy(stage: Stage, wide: int, high: int, edges: Bundle) -> int:
    """Mark pixels that show something glossy, too; how many are marked."""
    total = 0
    for y in range(high):
        for x in range(wide):
            if _is_glossy(stage, edges.key[(y + 1) * HALO_PX + x + 1]):
                edges.differs[y * BLOCK_PX + x] = i32(1)
            total += edges.differs[y * BLOCK_PX + x]
    return total


@step
def _surround(key: Ints, slot: int, left: int, top: int, wide: int, high: int, edges: Bundle) -> None:
    """Copy a block's keys, and those around it, to `edges`; beyond the picture, its border goes on."""
    _, height, width = key.shape
    for y in range(high + 2):
        down, start = u64(min(max(top + y - 1, 0), height - 1)), y * HALO_PX
        edges.key[start] = key[slot, down, max(left - 1, 0)]
        if wide == BLOCK_PX:
            for x in range(0, BLOCK_PX, 8):
                _read_eight(key, slot, down, u64(left + x), edges.key, u64(start + 1 + x))
        else:
            for x in range(wide):
                edges.key[start + 1 + x] = key[slot, down, u64(left + x)]
        edges.key[start + 1 + wide] = key[slot, down, min(left + wide, width - 1)]


@step
def _read_eight(key: Ints, slot: int, y: int, x: int, values: Ints, i: int) -> None:
    """All are read before any is written, so that one instruction can do it wherever they lie."""
    one, two, three = u64(1), u64(2), u64(3)
    four, five, six, seven = u64(4), u64(5), u64(6), u64(7)
    a, b, c, d = key[slot, y, x], key[slot, y, x + one], key[slot, y, x + two], key[slot, y, x + three]
    e, f, g, h = key[slot, y, x + four], key[slot, y, x + five], key[slot, y, x + six], key[slot, y, x + seven]
    values[i], values[i + one], values[i + two], values[i + three] = a, b, c, d
    values[i + four], values[i + five], values[i + six], values[i + seven] = e, f, g, h


@step
def _know(edges: Bundle, count: int) -> None:
    """Note what the keys of pixels, and those beside them, say of them."""
    for k in range(count):
        own, left, right, above, below = edges.own[k], edges.left[k], edges.right[k], edges.above[k], edges.below[k]
        lit = _is_lit(own, 1) | _is_lit(left, 1) | _is_lit(right, 1) | _is_lit(above, 1) | _is_lit(below, 1)
        shaded = _is_lit(own, 0) | _is_lit(left, 0) | _is_lit(right, 0) | _is_lit(above, 0) | _is_lit(below, 0)
        clash = _clash(own, left) | _clash(own, right) | _clash(own, above) | _clash(own, below)
        clash |= _clash(left, right) | _clash(left, above) | _clash(left, below)
        clash |= _clash(right, above) | _clash(right, below) | _clash(above, below)
        hint = i32(1) if lit else i32(0)
        edges.lit[k] = i32(-1) if lit == shaded else hint
        edges.plain[k], edges.body[k] = i32(0) if clash else i32(1), i32(own >> 4)


@step
def _is_lit(key: int, lit: int) -> bool:
    return bool((key >= 0) & (key & 1 == lit))


@step
def _clash(a: int, b: int) -> bool:
    """Whether two keys are of different patches on one body."""
    return bool((a != b) & (a >> 4 == b >> 4))


@loops
def fill_edges(rays: Bundle, edges: Bundle, start: int, pixels: int, shifts: Doubles) -> Span:
    """S rays through each of some pixels at edges; in what part of their block, px from its centre."""
    for s in range(len(shifts)):
        across, down, first = f32(shifts[s, 0]), f32(shifts[s, 1]), u64(s * pixels)
        for k in range(pixels):
            i, j = first + u64(k), u64(start + k)
            rays.x[i], rays.y[i], rays.lit[i] = edges.x[j] + across, edges.y[j] + down, edges.lit[j]
    left, right, first, last = edges.x[start], edges.x[start], u64(start), u64(start + pixels - 1)
    for k in range(pixels):
        x = edges.x[first + u64(k)]
        left, right = x if x < left else left, x if x > right else right
    half = f32(0.5)  # pixels are listed by rows
    return left - half, edges.y[first] - half, right + half, edges.y[last] + half


@loops
def read_edges(rgb: Floats, slot: int, left: int, top: int, edges: Bundle, start: int, pixels: int) -> None:
    """Move what is known of some pixels to the front, with the colours of their centres."""
    for k in range(pixels):
        i = i64(edges.some[start + k])
        y, x = u64(top + (i >> BLOCK_SHIFT)), u64(left + (i & (BLOCK_PX - 1)))
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
        rays.enter[i], rays.chosen[i], rays.vx[i] = rays.depth[i], i32(1), ONE
    if samples > MOST_SHARING:
        return count
    for i in range(count):
        rays.wx[i], rays.wy[i], rays.wz[i] = rays.x[i], rays.y[i], ONE / rays.depth[i]
    for s in range(samples):
        _let_join(rays, edges, s, pixels)
    for i in range(count):
        part_of = ONE / rays.vx[i]
        rays.x[i], rays.y[i], rays.depth[i] = rays.wx[i] * part_of, rays.wy[i] * part_of, rays.vx[i] / rays.wz[i]
    return choose(rays.chosen, rays.rest, count)


@step
def _let_join(rays: Bundle, edges: Bundle, s: int, pixels: int) -> None:
    """Let the s-th rays of pixels take the centre's colour or join earlier ones; `vx` are as many as have joined."""
    here = u64(s * pixels)
    for k in range(pixels):
        i = here + u64(k)
        own = rays.body[i] == edges.centre[k]
        rays.chosen[i] = i32(0) if own else i32(1)
        rays.red[i], rays.green[i], rays.blue[i] = edges.red[k], edges.green[k], edges.blue[k]
    for e in range(s):
        there = u64(e * pixels)
        for k in range(pixels):
            i, j = here + u64(k), there + u64(k)
            both = edges.shared[k] & rays.chosen[i] & rays.chosen[j]
            edges.joined[k] = both if rays.body[i] == rays.body[j] else i32(0)
        for k in range(pixels):
            rays.chosen[here + u64(k)] -= edges.joined[k]
        for k in range(pixels):
            rays.wx[there + u64(k)] += rays.x[here + u64(k)] if edges.joined[k] else ZERO
        for k in range(pixels):
            rays.wy[there + u64(k)] += rays.y[here + u64(k)] if edges.joined[k] else ZERO
        for k in range(pixels):
            rays.wz[there + u64(k)] += ONE / rays.enter[here + u64(k)] if edges.joined[k] else ZERO
        for k in range(pixels):
            rays.vx[there + u64(k)] += ONE if edges.joined[k] else ZERO
        for k in range(pixels):
            rays.vx[here + u64(k)] -= ONE if edges.joined[k] else ZERO


@loops
def settle(rays: Bundle, patch: Bundle, pixels: int, samples: int) -> None:
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
def _add(rays: Bundle, i: int, patch: Bundle, k: int) -> None:
    """Add one ray, with those that have joined it, to what is known of its pixel."""
    mine, many = rays.body[i] == patch.solid[k], rays.vx[i]
    red, green, blue = many * rays.red[i], many * rays.green[i], many * rays.blue[i]
    patch.red[k], patch.green[k], patch.blue[k] = patch.red[k] + red, patch.green[k] + green, patch.blue[k] + blue
    patch.gx[k] += red if mine else ZERO
    patch.gy[k] += green if mine else ZERO
    patch.gz[k] += blue if mine else ZERO
    patch.weight[k] += many if mine else ZERO
    behind = INF if mine else rays.enter[i]
    patch.reach[k] = behind if behind < patch.reach[k] else patch.reach[k]
