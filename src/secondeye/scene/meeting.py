"""Which body each ray of a bundle meets first."""

from secondeye.scene.bundle import (
    BLOCK_PX,
    INF,
    NEAREST_M,
    SKY,
    Bundle,
    Doubles,
    Ints,
    Records,
    Stage,
    Words,
    f32,
    i32,
    i64,
    u32,
)
from secondeye.scene.lanes import bits_of, is_wild, loops, number_of, padded, step
from secondeye.scene.shapes import (
    BOX,
    CONE,
    CYLINDER,
    GROUND,
    ONE,
    QUAD,
    SPHERE,
    ZERO,
    face_of,
    meet,
    normal_of,
    texture_of,
)
from secondeye.scene.texture import find_one_level, mix_channel

HALF_BLOCK_PX = f32(BLOCK_PX / 2)


@step
def direction(rays: Doubles, view: int, n: int, c: int, column: float, row: float) -> tuple[float, float, float]:
    """Component c of the direction, in body n's axes, of the ray through a place; its growth to the right and down."""
    across, down = rays[view, n, 3 + 3 * c], rays[view, n, 4 + 3 * c]
    return f32(across * column + down * row + rays[view, n, 5 + 3 * c]), f32(across), f32(down)


@step
def aim(rays: Doubles, view: int, n: int, column: float, row: float, bundle: Bundle, count: int) -> None:
    """Bring rays through places around (column, row) of a view into body n's axes."""
    ox, oy, oz = f32(rays[view, n, 0]), f32(rays[view, n, 1]), f32(rays[view, n, 2])
    ax, bx, cx = direction(rays, view, n, 0, column, row)
    ay, by, cy = direction(rays, view, n, 1, column, row)
    az, bz, cz = direction(rays, view, n, 2, column, row)
    for i in range(count):
        dx = ax + bx * bundle.x[i] + cx * bundle.y[i]
        dy = ay + by * bundle.x[i] + cy * bundle.y[i]
        dz = az + bz * bundle.x[i] + cz * bundle.y[i]
        _start(bundle, i, ox, oy, oz, dx, dy, dz)


@step
def _start(bundle: Bundle, i: int, ox: float, oy: float, oz: float, dx: float, dy: float, dz: float) -> None:
    """Let a ray, in a body's axes, start from its point nearest to the body's centre."""
    middle = -(ox * dx + oy * dy + oz * dz) / (dx * dx + dy * dy + dz * dz)
    bundle.middle[i] = middle
    bundle.dx[i], bundle.dy[i], bundle.dz[i] = dx, dy, dz
    bundle.ox[i], bundle.oy[i], bundle.oz[i] = ox + middle * dx, oy + middle * dy, oz + middle * dz


@step
def aim_freely(maps: Doubles, time: int, n: int, bundle: Bundle, count: int) -> None:
    """Bring rays with origins w and directions v in the world into body n's axes."""
    a, b, c, d = f32(maps[time, n, 12]), f32(maps[time, n, 13]), f32(maps[time, n, 14]), f32(maps[time, n, 15])
    e, f, g, h = f32(maps[time, n, 16]), f32(maps[time, n, 17]), f32(maps[time, n, 18]), f32(maps[time, n, 19])
    p, q, r, s = f32(maps[time, n, 20]), f32(maps[time, n, 21]), f32(maps[time, n, 22]), f32(maps[time, n, 23])
    for i in range(count):
        x, y, z = bundle.wx[i], bundle.wy[i], bundle.wz[i]
        vx, vy, vz = bundle.vx[i], bundle.vy[i], bundle.vz[i]
        _start(
            bundle,
            i,
            a * x + b * y + c * z + d,
            e * x + f * y + g * z + h,
            p * x + q * y + r * z + s,
            a * vx + b * vy + c * vz,
            e * vx + f * vy + g * vz,
            p * vx + q * vy + r * vz,
        )


@loops
def ask(bodies: Records, texels: Words, n: int, bundle: Bundle, patch: Bundle, count: int, spread: float) -> None:
    """Let body n be what those rays meet that are aimed at it and meet it before anything else so far.

    A pixel is `spread` m wide for each m of depth. The count fills whole vectors.
    """
    kind = bodies[n].kind
    if kind == SPHERE:
        _meet(SPHERE, bundle, count)
    elif kind == QUAD:
        _meet(QUAD, bundle, count)
    elif kind == BOX:
        _meet(BOX, bundle, count)
    elif kind == CYLINDER:
        _meet(CYLINDER, bundle, count)
    elif kind == CONE:
        _meet(CONE, bundle, count)
    else:
        _meet(GROUND, bundle, count)
    if not bodies[n].cutout:
        _take(n, bundle, count)
        return
    _take_solid(bodies, texels, n, bundle, patch, count, spread, False)
    if kind > QUAD:
        _take_solid(bodies, texels, n, bundle, patch, count, spread, True)


@step
def _meet(shape: int, bundle: Bundle, count: int) -> None:
    for i in range(count):
        ox, oy, oz = bundle.ox[i], bundle.oy[i], bundle.oz[i]
        dx, dy, dz = bundle.dx[i], bundle.dy[i], bundle.dz[i]
        bundle.enter[i], bundle.leave[i] = meet(shape, ox, oy, oz, dx, dy, dz)


@step
def _take(n: int, bundle: Bundle, count: int) -> None:
    for i in range(count):
        first, last = bundle.middle[i] + bundle.enter[i], bundle.middle[i] + bundle.leave[i]
        t = first if first >= NEAREST_M else last
        better = (last >= first) & (t >= NEAREST_M) & (t < bundle.depth[i])
        bundle.depth[i] = t if better else bundle.depth[i]
        bundle.body[i] = i32(n) if better else bundle.body[i]


@step
def _take_solid(
    bodies: Records,
    texels: Words,
    n: int,
    bundle: Bundle,
    patch: Bundle,
    count: int,
    spread: float,
    leaving: bool,
) -> None:
    """Let a cut-out body be met where rays enter it, or leave it, and there is something."""
    total = 0
    for i in range(count):
        t = bundle.middle[i] + (bundle.leave[i] if leaving else bundle.enter[i])
        there = (bundle.leave[i] >= bundle.enter[i]) & (t >= NEAREST_M) & (t < bundle.depth[i])
        bundle.chosen[i] = i32(1) if there else i32(0)
        total += bundle.chosen[i]
    if not total:
        return
    total = choose(bundle.chosen, bundle.some, count)
    for k in range(total):
        i = bundle.some[k]
        if is_wild(i):
            break
        at = bundle.leave[i] if leaving else bundle.enter[i]
        patch.px[k] = bundle.ox[i] + at * bundle.dx[i]
        patch.py[k] = bundle.oy[i] + at * bundle.dy[i]
        patch.pz[k] = bundle.oz[i] + at * bundle.dz[i]
        patch.depth[k] = bundle.middle[i] + at
        patch.wide[k] = patch.depth[k] * spread
    find_solid(bodies, texels, n, patch, total)
    for k in range(total):
        i = bundle.some[k]
        bundle.depth[i] = patch.depth[k] if patch.solid[k] else bundle.depth[i]
        bundle.body[i] = i32(n) if patch.solid[k] else bundle.body[i]


@step
def choose(chosen: Ints, some: Words, count: int) -> int:
    """List those for which `chosen` is 1; how many."""
    total = 0
    for i in range(count):
        some[total] = u32(i)
        total += chosen[i]
    return total


@loops
def find_solid(bodies: Records, texels: Words, n: int, patch: Bundle, count: int) -> None:
    """Whether there is something at points of a cut-out body; `wide` is how wide a pixel is there, m."""
    lay(bodies, n, patch, count)
    count = padded(count)
    body = bodies[n]
    texels_per_m = f32(body.texels_per_m)
    for k in range(count):
        patch.wide[k] *= texels_per_m
    find_one_level(patch, count, ONE, body.clamped != 0)
    mix_channel(texels, body.tile, 24, patch, count)
    for k in range(count):
        patch.solid[k] = i32(1) if patch.weight[k] >= f32(0.5) else i32(0)


@loops
def lay(bodies: Records, n: int, patch: Bundle, count: int) -> None:
    """Faces, places on the texture, and normals in the body's axes, of points on body n."""
    kind, count = bodies[n].kind, padded(count)
    if kind == SPHERE:
        _lay(SPHERE, bodies, n, patch, count)
    elif kind == BOX:
        _lay(BOX, bodies, n, patch, count)
    elif kind == CYLINDER:
        _lay(CYLINDER, bodies, n, patch, count)
    elif kind == CONE:
        _lay(CONE, bodies, n, patch, count)
    else:
        _lay(QUAD, bodies, n, patch, count)


@step
def _lay(shape: int, bodies: Records, n: int, patch: Bundle, count: int) -> None:
    body = bodies[n]
    rx, ry, rz = f32(body.repeat_x), f32(body.repeat_y), f32(body.repeat_z)
    for k in range(count):
        x, y, z = patch.px[k], patch.py[k], patch.pz[k]
        face = face_of(shape, x, y, z)
        patch.face[k] = face
        patch.u[k], patch.v[k] = texture_of(shape, face, x, y, z, rx, ry, rz)
        patch.nx[k], patch.ny[k], patch.nz[k] = normal_of(shape, face, x, y, z)


@step
def farthest(bundle: Bundle, count: int) -> float:
    """The greatest depth of what rays have met so far; as whole numbers, depths are in the same order."""
    most = i32(0)
    for i in range(count):
        bits = i32(bits_of(bundle.depth[i]))
        most = bits if bits > most else most
    return f32(number_of(most))


@step
def reset(bundle: Bundle, count: int, limit: float) -> None:
    """Let rays have met nothing, and those beyond them never do."""
    for i in range(count, padded(count)):
        bundle.depth[i] = ZERO
    for i in range(count):
        bundle.depth[i], bundle.body[i] = limit, i32(SKY)
        bundle.near[i], bundle.second[i], bundle.holder[i] = INF, INF, i32(SKY)


@loops
def cast(
    stage: Stage, view: int, row: int, column: int, bundle: Bundle, patch: Bundle, count: int, cautious: bool
) -> float:
    """Find what rays through places in block (row, column) of a view meet, that have been `reset` before.

    Returns a depth before which nothing shows in the block but what was asked. If `cautious`, `near`, `second` and
    `holder` tell it of what was asked.
    """
    spread, unasked, count = f32(stage.air[0].pixel_rad), INF, padded(count)
    x, y = middle_of(column), middle_of(row)
    for k in range(stage.start[view, row, column], stage.start[view, row, column + 1]):
        n = i64(stage.listed[k])
        near = nearest_depth(stage, view, n, x, y)
        if near >= farthest(bundle, count):
            unasked = near if near < unasked else unasked
            continue
        aim(stage.rays, view, n, x, y, bundle, count)
        if cautious:
            beware(stage, view, n, x, y, bundle, count)
        ask(stage.bodies, stage.texels, n, bundle, patch, count, spread)
    return unasked


@step
def middle_of(block: int) -> float:
    """The column, or the row, of a block's centre."""
    return block * BLOCK_PX + (BLOCK_PX - 1) / 2


@step
def nearest_depth(stage: Stage, view: int, n: int, column: float, row: float) -> float:
    """A depth before which body n does not show in a block."""
    rays = stage.rays
    near = rays[view, n, 12]
    if stage.bodies[n].kind <= QUAD:  # 1 / depth of a plane is linear in the picture
        az, bz, cz = direction(rays, view, n, 2, column, row)
        height = f32(rays[view, n, 2])
        inverse = -az / height + (abs(bz) + abs(cz)) * HALF_BLOCK_PX / abs(height)
        near = max(near, f32(0.999999) / inverse) if inverse > ZERO else INF
    return f32(near)


@step
def beware(stage: Stage, view: int, n: int, column: float, row: float, bundle: Bundle, count: int) -> None:
    """Note before which depth body n does not show anywhere within half a pixel of rays that are aimed at it."""
    if stage.bodies[n].kind <= QUAD:
        _beware_of_plane(stage, view, n, column, row, bundle, count)
        return
    rays = stage.rays
    near = f32(rays[view, n, 12] * 0.999999)
    left, right = f32(rays[view, n, 13] - column), f32(rays[view, n, 15] - column)
    top, bottom = f32(rays[view, n, 14] - row), f32(rays[view, n, 16] - row)
    for i in range(count):
        x, y = bundle.x[i], bundle.y[i]
        shows = (x >= left) & (x <= right) & (y >= top) & (y <= bottom)
        _note(bundle, i, n, near if shows else INF)


@step
def _beware_of_plane(stage: Stage, view: int, n: int, column: float, row: float, bundle: Bundle, count: int) -> None:
    """A quad's plane is met at -origin z / dz, and the place there changes by the slope of direction over depth.

    Where the plane is seen so flat that the slope itself may change by a third within the pixel, nobody knows.
    """
    rays, bounded = stage.rays, stage.bodies[n].kind == QUAD
    near = f32(rays[view, n, 12] * 0.999999)
    ox, oy, oz = f32(rays[view, n, 0]), f32(rays[view, n, 1]), f32(rays[view, n, 2])
    _, bx, cx = direction(rays, view, n, 0, column, row)
    _, by, cy = direction(rays, view, n, 1, column, row)
    _, bz, cz = direction(rays, view, n, 2, column, row)
    grow_x, grow_y, slack = abs(bx) + abs(cx), abs(by) + abs(cy), f32(0.5) * (abs(bz) + abs(cz))
    for i in range(count):
        dx, dy, dz = bundle.dx[i], bundle.dy[i], bundle.dz[i]
        inverse = -dz / oz + slack / abs(oz)
        plane = f32(0.999999) / inverse
        plane = plane if inverse > ZERO else INF
        t, per_z = -oz / dz, f32(2) * slack / abs(dz)
        # |d(t dx)| <= |t| (|d dx| + |dx / dz| |d dz|), for half a pixel either way, doubled for what bends
        room_x, room_y = abs(t) * (grow_x + abs(dx) * per_z), abs(t) * (grow_y + abs(dy) * per_z)
        outside = (abs(ox + t * dx) > ONE + room_x) | (abs(oy + t * dy) > ONE + room_y)
        misses = bounded & (abs(dz) >= f32(4) * slack) & outside
        _note(bundle, i, n, INF if misses else (plane if plane > near else near))


@step
def _note(bundle: Bundle, i: int, n: int, near: float) -> None:
    """Keep the nearest and the second nearest depth at which a body may show."""
    first = near < bundle.near[i]
    other = bundle.near[i] if first else near
    bundle.second[i] = other if other < bundle.second[i] else bundle.second[i]
    bundle.near[i] = near if first else bundle.near[i]
    bundle.holder[i] = i32(n) if first else bundle.holder[i]
