"""Which body each ray of a bundle meets first."""

from secondeye.scene.bundle import (
    INF,
    NEAREST_M,
    SKY,
    Bundle,
    Doubles,
    Floats,
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
    meet_box,
    meet_plane,
    meet_round,
    normal_of,
    texture_of,
)
from secondeye.scene.texture import mix_one_level

Row = tuple[float, float, float, float]
Rows = tuple[Row, Row, Row]
Span = tuple[float, float, float, float]
"""Left, top, right and bottom, px."""


@step
def direction(rays: Doubles, view: int, n: int, c: int, column: float, row: float) -> tuple[float, float, float]:
    """Component c of the direction, in body n's axes, of the ray through a place; its growth to the right and down."""
    across, down = rays[view, n, 3 + 3 * c], rays[view, n, 4 + 3 * c]
    return f32(across * column + down * row + rays[view, n, 5 + 3 * c]), f32(across), f32(down)


@step
def seen_by(rays: Doubles, view: int, n: int, column: float, row: float) -> Rows:
    """How body n sees rays through places around (column, row): by axis, origin, direction there, and its growth."""
    ax, bx, cx = direction(rays, view, n, 0, column, row)
    ay, by, cy = direction(rays, view, n, 1, column, row)
    az, bz, cz = direction(rays, view, n, 2, column, row)
    x, y, z = f32(rays[view, n, 0]), f32(rays[view, n, 1]), f32(rays[view, n, 2])
    return (x, ax, bx, cx), (y, ay, by, cy), (z, az, bz, cz)


@step
def towards(seen: Row, x: float, y: float) -> float:
    """One component of the direction of the ray through a place."""
    return seen[1] + seen[2] * x + seen[3] * y


@step
def mapped(maps: Doubles, time: int, n: int, first: int) -> Rows:
    """Body n's map to the world, `first` 0, or its inverse, `first` 12."""
    a, b, c, d = maps[time, n, first], maps[time, n, first + 1], maps[time, n, first + 2], maps[time, n, first + 3]
    e, f, g, h = maps[time, n, first + 4], maps[time, n, first + 5], maps[time, n, first + 6], maps[time, n, first + 7]
    i, j, k = maps[time, n, first + 8], maps[time, n, first + 9], maps[time, n, first + 10]
    m = maps[time, n, first + 11]
    return (f32(a), f32(b), f32(c), f32(d)), (f32(e), f32(f), f32(g), f32(h)), (f32(i), f32(j), f32(k), f32(m))


@step
def point(row: Row, x: float, y: float, z: float) -> float:
    """One component of where a map takes a point."""
    return row[0] * x + row[1] * y + row[2] * z + row[3]


@step
def vector(row: Row, x: float, y: float, z: float) -> float:
    """One component of where a map takes a direction."""
    return row[0] * x + row[1] * y + row[2] * z


@loops
def ask(stage: Stage, view: int, n: int, column: float, row: float, bundle: Bundle, patch: Bundle, count: int) -> None:
    """Let body n be what rays meet, through places around (column, row), that meet it before anything else so far.

    The count fills whole vectors.
    """
    kind, gaps = stage.bodies[n].kind, stage.bodies[n].cutout != 0
    _meet(False, kind, gaps, seen_by(stage.rays, view, n, column, row), n, bundle, count)
    if gaps:
        _ask_gaps(stage, view, n, column, row, bundle, patch, count, False)
        if kind > QUAD:
            _ask_gaps(stage, view, n, column, row, bundle, patch, count, True)


@loops
def ask_freely(stage: Stage, time: int, n: int, bundle: Bundle, patch: Bundle, count: int, spread: float) -> None:
    """Let body n be what rays with origins w and directions v meet, that meet it before anything else so far.

    A pixel is `spread` m wide for each m of depth. The count fills whole vectors.
    """
    kind, gaps = stage.bodies[n].kind, stage.bodies[n].cutout != 0
    _meet(True, kind, gaps, mapped(stage.maps, time, n, 12), n, bundle, count)
    if gaps:
        _ask_gaps_freely(stage, time, n, bundle, patch, count, spread, False)
        if kind > QUAD:
            _ask_gaps_freely(stage, time, n, bundle, patch, count, spread, True)


@step
def _meet(free: bool, kind: int, gaps: bool, rows: Rows, n: int, bundle: Bundle, count: int) -> None:
    """Find where rays enter and leave body n, whose map `rows` are if they are free, or else how it sees them."""
    if kind == SPHERE:
        _meet_round(free, SPHERE, gaps, rows, n, bundle, count)
    elif kind <= QUAD:
        bound = INF if kind == GROUND else ONE
        for i in range(count):
            ox, oy, oz, dx, dy, dz = _ray(free, rows, bundle, i)
            first, last = meet_plane(bound, ox, oy, oz, dx, dy, dz)
            _take(bundle, i, n, first, last, gaps)
    elif kind == BOX:
        for i in range(count):
            ox, oy, oz, dx, dy, dz = _ray(free, rows, bundle, i)
            first, last = meet_box(ox, oy, oz, dx, dy, dz)
            _take(bundle, i, n, first, last, gaps)
    elif kind == CYLINDER:
        _meet_round(free, CYLINDER, gaps, rows, n, bundle, count)
    else:
        _meet_round(free, CONE, gaps, rows, n, bundle, count)


@step
def _meet_round(free: bool, shape: int, gaps: bool, rows: Rows, n: int, bundle: Bundle, count: int) -> None:
    for i in range(count):
        ox, oy, oz, dx, dy, dz = _ray(free, rows, bundle, i)
        first, last = meet_round(shape, ox, oy, oz, dx, dy, dz)
        _take(bundle, i, n, first, last, gaps)


@step
def _ray(free: bool, rows: Rows, bundle: Bundle, i: int) -> tuple[float, float, float, float, float, float]:
    """Origin and direction of a ray in a body's axes."""
    if free:
        x, y, z, vx, vy, vz = bundle.wx[i], bundle.wy[i], bundle.wz[i], bundle.vx[i], bundle.vy[i], bundle.vz[i]
        ox, oy, oz = point(rows[0], x, y, z), point(rows[1], x, y, z), point(rows[2], x, y, z)
        return ox, oy, oz, vector(rows[0], vx, vy, vz), vector(rows[1], vx, vy, vz), vector(rows[2], vx, vy, vz)
    dx, dy, dz = _aimed(rows, bundle.x[i], bundle.y[i])
    return rows[0][0], rows[1][0], rows[2][0], dx, dy, dz


@step
def _aimed(seen: Rows, x: float, y: float) -> tuple[float, float, float]:
    return towards(seen[0], x, y), towards(seen[1], x, y), towards(seen[2], x, y)


@step
def _take(bundle: Bundle, i: int, n: int, first: float, last: float, gaps: bool) -> None:
    """Note that a ray is in body n from `first` to `last`: it meets it there, unless there may be a gap."""
    if gaps:
        bundle.enter[i], bundle.leave[i] = first, last
    else:
        t = first if first >= NEAREST_M else last
        better = (last >= first) & (t >= NEAREST_M) & (t < bundle.depth[i])
        bundle.depth[i] = t if better else bundle.depth[i]
        bundle.body[i] = i32(n) if better else bundle.body[i]


@step
def _ask_gaps(
    stage: Stage,
    view: int,
    n: int,
    column: float,
    row: float,
    bundle: Bundle,
    patch: Bundle,
    count: int,
    leaving: bool,
) -> None:
    """Let a cut-out body be met where rays enter it, or leave it, and there is something."""
    total, spread = _may_meet(bundle, count, leaving), f32(stage.air[0].pixel_rad)
    if not total:
        return
    for k in range(total):
        i = bundle.some[k]
        if is_wild(i):
            break
        patch.x[k], patch.y[k] = bundle.x[i], bundle.y[i]
        patch.depth[k] = bundle.leave[i] if leaving else bundle.enter[i]
        patch.wide[k] = patch.depth[k] * spread
    place(stage.rays, view, n, column, row, patch, padded(total))
    _meet_solid(stage, n, bundle, patch, total)


@step
def _ask_gaps_freely(
    stage: Stage, time: int, n: int, bundle: Bundle, patch: Bundle, count: int, spread: float, leaving: bool
) -> None:
    """The same for free rays."""
    total = _may_meet(bundle, count, leaving)
    if not total:
        return
    for k in range(total):
        i = bundle.some[k]
        if is_wild(i):
            break
        t = bundle.leave[i] if leaving else bundle.enter[i]
        patch.wx[k], patch.wy[k] = bundle.wx[i] + t * bundle.vx[i], bundle.wy[i] + t * bundle.vy[i]
        patch.wz[k], patch.depth[k], patch.wide[k] = bundle.wz[i] + t * bundle.vz[i], t, t * spread
    to_body(stage.maps, time, n, patch, padded(total))
    _meet_solid(stage, n, bundle, patch, total)


@step
def _may_meet(bundle: Bundle, count: int, leaving: bool) -> int:
    """List the rays that enter, or leave, a cut-out body before they meet anything else; how many."""
    total = 0
    for i in range(count):
        t = bundle.leave[i] if leaving else bundle.enter[i]
        there = (bundle.leave[i] >= bundle.enter[i]) & (t >= NEAREST_M) & (t < bundle.depth[i])
        bundle.chosen[i] = i32(1) if there else i32(0)
        total += bundle.chosen[i]
    return choose(bundle.chosen, bundle.some, count) if total else 0


@step
def _meet_solid(stage: Stage, n: int, bundle: Bundle, patch: Bundle, count: int) -> None:
    """Let listed rays meet body n where it is not cut away."""
    find_solid(stage.bodies, stage.quads, n, patch, count)
    for k in range(count):
        i = bundle.some[k]
        bundle.depth[i] = patch.depth[k] if patch.solid[k] else bundle.depth[i]
        bundle.body[i] = i32(n) if patch.solid[k] else bundle.body[i]


@step
def place(rays: Doubles, view: int, n: int, column: float, row: float, patch: Bundle, count: int) -> None:
    """Points on body n, in its axes, at known depths."""
    seen = seen_by(rays, view, n, column, row)
    for k in range(count):
        t = patch.depth[k]
        dx, dy, dz = _aimed(seen, patch.x[k], patch.y[k])
        patch.px[k], patch.py[k], patch.pz[k] = seen[0][0] + t * dx, seen[1][0] + t * dy, seen[2][0] + t * dz


@step
def to_body(maps: Doubles, time: int, n: int, patch: Bundle, count: int) -> None:
    """Points of the world in body n's axes."""
    there = mapped(maps, time, n, 12)
    for k in range(count):
        x, y, z = patch.wx[k], patch.wy[k], patch.wz[k]
        patch.px[k], patch.py[k], patch.pz[k] = (
            point(there[0], x, y, z),
            point(there[1], x, y, z),
            point(there[2], x, y, z),
        )


@step
def choose(chosen: Ints, some: Words, count: int) -> int:
    """List those for which `chosen` is 1; how many."""
    total = 0
    for i in range(count):
        some[total] = u32(i)
        total += chosen[i]
    return total


@loops
def find_solid(bodies: Records, quads: Words, n: int, patch: Bundle, count: int) -> None:
    """Whether there is something at points of a cut-out body; `wide` is how wide a pixel is there, m."""
    lay(bodies, n, patch, count)
    count = padded(count)
    body = bodies[n]
    texels_per_m = f32(body.texels_per_m)
    for k in range(count):
        patch.wide[k] *= texels_per_m
    mix_one_level(quads, body.tile, patch, count, ONE, body.clamped != 0)
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


@loops
def nominate(boxes: Floats, order: Ints, view: int, span: Span, reach: float, flags: Ints, names: Ints) -> int:
    """List the bodies that may show in a part of a view nearer than `reach`; how many."""
    (left, top, right, bottom), total = span, 0
    for i in range(boxes.shape[2]):
        beside = (boxes[view, 0, i] > right) | (boxes[view, 2, i] < left)
        beyond = (boxes[view, 1, i] > bottom) | (boxes[view, 3, i] < top) | (boxes[view, 4, i] >= reach)
        flags[i] = i32(0) if beside | beyond else i32(1)
    for i in range(boxes.shape[2]):
        names[total] = order[view, i]
        total += flags[i]
    return total


@loops
def cast(
    stage: Stage,
    view: int,
    column: float,
    row: float,
    span: Span,
    flags: Ints,
    names: Ints,
    bundle: Bundle,
    patch: Bundle,
    count: int,
) -> None:
    """Find what rays through places around (column, row) of a view meet, all within a span; `reset` them before."""
    count = padded(count)
    for k in range(nominate(stage.boxes, stage.order, view, span, INF, flags, names)):
        n = i64(names[k])
        if nearest_depth(stage, view, n, span) < farthest(bundle, count):
            ask(stage, view, n, column, row, bundle, patch, count)


@step
def nearest_depth(stage: Stage, view: int, n: int, span: Span) -> float:
    """A depth before which body n does not show within a span."""
    near = f32(stage.rays[view, n, 12])
    if stage.bodies[n].kind > QUAD:
        return near
    left, top, right, bottom = span  # 1 / depth of a plane is linear in the picture
    az, bz, cz = direction(stage.rays, view, n, 2, (left + right) / 2, (top + bottom) / 2)
    height = f32(stage.rays[view, n, 2])
    inverse = -az / height + (abs(bz) * f32((right - left) / 2) + abs(cz) * f32((bottom - top) / 2)) / abs(height)
    return max(near, f32(0.999999) / inverse) if inverse > ZERO else INF
