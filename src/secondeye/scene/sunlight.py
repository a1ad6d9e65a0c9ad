"""Where the sun shines."""

from secondeye.scene.bundle import INF, SKY, Bundle, Ints, Stage, f32, i32, i64
from secondeye.scene.lanes import LEAST, MOST, is_wild, loops, order_of, padded, step, value_of
from secondeye.scene.meeting import ask_freely, choose, farthest, reset
from secondeye.scene.shapes import QUAD, ZERO

SUN_SPREAD = f32(0.002)
"""How wide a ray of the sun is for each m from what casts the shadow: the gaps of cut-out bodies blur."""

OFF_SURFACE_M = f32(1e-3)

Bounds = tuple[float, float, float, float, float, float]


@loops
def shine(
    stage: Stage,
    time: int,
    n: int,
    patch: Bundle,
    count: int,
    sun_rays: Bundle,
    sun_patch: Bundle,
    flags: Ints,
    names: Ints,
) -> None:
    """Find whether the sun shines on points of body n, wherever `lit` does not say so already."""
    body, light = stage.bodies[n], stage.air[time]
    if not light.shadows:
        for k in range(count):
            patch.lit[k] = i32(1)
        return
    total = _unknown(patch, sun_rays, count, body.cutout or body.kind == QUAD)
    if total == 0:
        return
    _start(light, patch, sun_rays, total, count)
    reset(sun_rays, total, INF)
    for k in range(_shaders(stage, time, _bounds(light, sun_rays, total), flags, names)):
        m = i64(names[k])
        if m != n:
            ask_freely(stage, time, m, sun_rays, sun_patch, padded(total), SUN_SPREAD)
            if farthest(sun_rays, padded(total)) < INF:
                break
    if total == count:
        for k in range(count):
            patch.lit[k] = i32(1) if sun_rays.body[k] == SKY else i32(0)
    else:
        for k in range(total):
            patch.lit[sun_rays.own[k]] = i32(1) if sun_rays.body[k] == SKY else i32(0)


@step
def _unknown(patch: Bundle, sun_rays: Bundle, count: int, two_sided: bool) -> int:
    """Choose the points that have to be asked about; how many. Whatever else turns away from the sun is in shadow."""
    total = 0
    for k in range(count):
        away = (patch.towards[k] <= ZERO) & (not two_sided)
        open_question = (patch.lit[k] < 0) & (not away)
        patch.lit[k] = i32(0) if (patch.lit[k] < 0) & away else patch.lit[k]
        sun_rays.chosen[k] = i32(1) if open_question else i32(0)
        total += sun_rays.chosen[k]
    return total


@step
def _start(light: Bundle, patch: Bundle, sun_rays: Bundle, total: int, count: int) -> None:
    """Rays from the chosen points, a little off their surface, towards the sun."""
    x, y, z = f32(light.sun_x), f32(light.sun_y), f32(light.sun_z)
    for k in range(padded(total)):
        sun_rays.vx[k], sun_rays.vy[k], sun_rays.vz[k] = x, y, z
    for k in range(count):
        off = OFF_SURFACE_M if patch.towards[k] > ZERO else -OFF_SURFACE_M
        sun_rays.wx[k] = patch.wx[k] + off * patch.nx[k]
        sun_rays.wy[k] = patch.wy[k] + off * patch.ny[k]
        sun_rays.wz[k] = patch.wz[k] + off * patch.nz[k]
    if total == count:
        return
    choose(sun_rays.chosen, sun_rays.own, count)
    for k in range(total):
        i = sun_rays.own[k]
        if is_wild(i):
            break
        sun_rays.wx[k], sun_rays.wy[k], sun_rays.wz[k] = sun_rays.wx[i], sun_rays.wy[i], sun_rays.wz[i]


@step
def _bounds(light: Bundle, rays: Bundle, count: int) -> Bounds:
    """The least across, upwards and towards the sun of where rays start, and the greatest, m."""
    ax, ay, az = f32(light.across_x), f32(light.across_y), f32(light.across_z)
    bx, by, bz = f32(light.upwards_x), f32(light.upwards_y), f32(light.upwards_z)
    cx, cy, cz = f32(light.sun_x), f32(light.sun_y), f32(light.sun_z)
    low_a, low_b, low_c, high_a, high_b, high_c = MOST, MOST, MOST, LEAST, LEAST, LEAST
    for k in range(count):
        x, y, z = rays.wx[k], rays.wy[k], rays.wz[k]
        a, b, c = (
            order_of(ax * x + ay * y + az * z),
            order_of(bx * x + by * y + bz * z),
            order_of(cx * x + cy * y + cz * z),
        )
        low_a, low_b, low_c = a if a < low_a else low_a, b if b < low_b else low_b, c if c < low_c else low_c
        high_a, high_b, high_c = a if a > high_a else high_a, b if b > high_b else high_b, c if c > high_c else high_c
    return value_of(low_a), value_of(low_b), value_of(low_c), value_of(high_a), value_of(high_b), value_of(high_c)


@step
def _shaders(stage: Stage, time: int, bounds: Bounds, flags: Ints, names: Ints) -> int:
    """List the bodies that may stand between the sun and some points, by their bounds; how many."""
    low_a, low_b, low_c, high_a, high_b, _ = bounds
    box, total = stage.shadows, 0
    for s in range(box.shape[2]):
        beside = (box[time, 0, s] > high_a) | (box[time, 1, s] > high_b) | (box[time, 3, s] < low_a)
        flags[s] = i32(0) if beside | (box[time, 4, s] < low_b) | (box[time, 5, s] < low_c) else i32(1)
    for s in range(box.shape[2]):
        names[total] = stage.shades[s]
        total += flags[s]
    return total
