"""Where a ray meets a unit shape, which way the surface faces there, and where on its texture that is.

Every shape is convex, so a ray is inside it on one interval [enter, leave]; nothing is met where enter > leave. Round
shapes are met from the ray's point nearest to their centre: far away, single precision would lose small ones.
"""

import math

from secondeye.scene.bundle import INF, f32, i32
from secondeye.scene.lanes import step
from secondeye.scene.world import Shape

GROUND, QUAD, BOX, SPHERE, CYLINDER, CONE = (int(shape) for shape in Shape)

ONE, HALF, ZERO = f32(1), f32(0.5), f32(0)
TINY = f32(1e-18)


@step
def meet_plane(bound: float, ox: float, oy: float, oz: float, dx: float, dy: float, dz: float) -> tuple[float, float]:
    """Ray parameters at which a ray with origin o and direction d enters and leaves z = 0, -bound <= x, y <= bound."""
    at = -oz / dz
    inside = (abs(ox + at * dx) <= bound) & (abs(oy + at * dy) <= bound)
    return at if inside else INF, at if inside else -INF


@step
def meet_box(ox: float, oy: float, oz: float, dx: float, dy: float, dz: float) -> tuple[float, float]:
    """Ray parameters at which a ray enters and leaves the unit box."""
    x0, x1 = _slab(ox, dx)
    y0, y1 = _slab(oy, dy)
    z0, z1 = _slab(oz, dz)
    return _greater(z0, _greater(x0, y0)), _less(z1, _less(x1, y1))


@step
def meet_round(shape: int, ox: float, oy: float, oz: float, dx: float, dy: float, dz: float) -> tuple[float, float]:
    """Ray parameters at which a ray enters and leaves a unit sphere, cylinder or cone."""
    square = dx * dx + dy * dy + dz * dz
    inverse = ONE / square
    middle = -(ox * dx + oy * dy + oz * dz) * inverse
    if shape == SPHERE:
        ox, oy, oz = ox + middle * dx, oy + middle * dy, oz + middle * dz
        half_b, inside = ox * dx + oy * dy + oz * dz, ONE - (ox * ox + oy * oy + oz * oz)
        within = half_b * half_b + square * inside
        root, missed = math.sqrt(_greater(within, ZERO)), within < ZERO
        enter, leave = middle - (half_b + root) * inverse, middle + (root - half_b) * inverse
        return INF if missed else enter, -INF if missed else leave
    enter, leave = _meet_near(shape, ox + middle * dx, oy + middle * dy, oz + middle * dz, dx, dy, dz)
    return middle + enter, middle + leave


@step
def _meet_near(shape: int, ox: float, oy: float, oz: float, dx: float, dy: float, dz: float) -> tuple[float, float]:
    low, high = _slab(oz, dz)
    if shape == CYLINDER:
        enter, leave = _between_roots(dx * dx + dy * dy, ox * dx + oy * dy, ox * ox + oy * oy - ONE)
    else:
        enter, leave = _cone(ox, oy, oz, dx, dy, dz)
    return _greater(low, enter), _less(high, leave)


@step
def _less(a: float, b: float) -> float:
    return a if a < b else b


@step
def _greater(a: float, b: float) -> float:
    return a if a > b else b


@step
def _slab(o: float, d: float) -> tuple[float, float]:
    """Where -1 <= o + t d <= 1; where d = 0, infinities say whether ever."""
    a, b = (-ONE - o) / d, (ONE - o) / d
    return _less(a, b), _greater(a, b)


@step
def _between_roots(a: float, half_b: float, c: float) -> tuple[float, float]:
    """Where a t² + 2 half_b t + c <= 0, for a >= 0."""
    a = _greater(a, TINY)
    square = half_b * half_b - a * c
    root = math.sqrt(_greater(square, ZERO))
    missed = square < ZERO
    return INF if missed else (-half_b - root) / a, -INF if missed else (-half_b + root) / a


@step
def _cone(ox: float, oy: float, oz: float, dx: float, dy: float, dz: float) -> tuple[float, float]:
    """Where x² + y² <= ((1 - z) / 2)² on the nappe below the apex; the caller cuts it to -1 <= z <= 1."""
    h, k = (ONE - oz) * HALF, dz * HALF
    a, half_b, c = dx * dx + dy * dy - k * k, ox * dx + oy * dy + h * k, ox * ox + oy * oy - h * h
    square = half_b * half_b - a * c
    root = math.sqrt(_greater(square, ZERO))
    sum_of_both = half_b + (root if half_b >= ZERO else -root)  # of like signs: the difference would lose digits
    steep = abs(a) < TINY
    first = -sum_of_both / (TINY if steep else a)
    second = -c / (TINY if sum_of_both == ZERO else sum_of_both)
    low, high = _less(first, second), _greater(first, second)
    across, up, missed = a > TINY, dz > ZERO, square < ZERO
    # a steep ray is inside at both far ends, one of them above the apex
    enter = (INF if missed else low) if across else (-INF if up else high)
    leave = (-INF if missed else high) if across else (low if up else INF)
    return enter, leave


@step
def face_of(shape: int, x: float, y: float, z: float) -> int:
    """Which smooth part of the surface a point lies on: faces meet in creases, where shading jumps."""
    top = i32(5) if z >= ZERO else i32(4)
    if shape == BOX:
        ax, ay, az = abs(x), abs(y), abs(z)
        side_x = i32(1) if x >= ZERO else i32(0)
        side_y = i32(3) if y >= ZERO else i32(2)
        other = side_y if ay >= az else top
        return side_x if (ax >= ay) & (ax >= az) else other
    if shape == CYLINDER:
        return i32(0) if x * x + y * y >= z * z else top
    if shape == CONE:
        inside = f32(2) * math.sqrt(x * x + y * y) < (ONE - z) * f32(0.99999)
        return i32(4) if inside & (z < f32(-0.9999)) else i32(0)
    return i32(0)


@step
def normal_of(shape: int, face: int, x: float, y: float, z: float) -> tuple[float, float, float]:
    """Outward normal of a unit shape, any length."""
    if shape == SPHERE:
        return x, y, z
    if shape in (GROUND, QUAD):
        return ZERO, ZERO, ONE
    end = ONE if face == 5 else -ONE
    if shape == BOX:
        side = ONE if (face == 1) | (face == 3) | (face == 5) else -ONE
        return side if face < 2 else ZERO, side if (face == 2) | (face == 3) else ZERO, side if face >= 4 else ZERO
    up = ZERO if shape == CYLINDER else (ONE - z) * f32(0.25)
    return ZERO if face >= 4 else x, ZERO if face >= 4 else y, end if face >= 4 else up


@step
def texture_of(
    shape: int, face: int, x: float, y: float, z: float, repeat_x: float, repeat_y: float, repeat_z: float
) -> tuple[float, float]:
    """Texture position (u, v) in tiles; the repeats say how many tiles span the shape along each of its axes."""
    along_x, along_y, along_z = (x + ONE) * HALF * repeat_x, (y + ONE) * HALF * repeat_y, (z + ONE) * HALF * repeat_z
    if shape == SPHERE:
        return around(x, y) * repeat_x, (ONE + z * (f32(2) + z * z) * f32(1 / 3)) * HALF * repeat_z
    if shape in (CYLINDER, CONE):
        wound = around(x, y) * repeat_x
        return wound if face == 0 else along_x, along_z if face == 0 else along_y
    if shape == BOX:
        return along_y if face < 2 else along_x, along_z if face < 4 else along_y
    return along_x, along_y


@step
def around(x: float, y: float) -> float:
    """The angle of (x, y) as a share of a full turn, 0 to 1, to within 0.001: many times faster than atan2."""
    across, along = abs(x), abs(y)
    ratio = _less(across, along) / _greater(_greater(across, along), f32(1e-30))
    part = ratio * (f32(0.125) + f32(0.0434) * (ONE - ratio))  # arctan on 0 to 1, in turns
    part = f32(0.25) - part if along > across else part
    part = HALF - part if x < ZERO else part
    return part if y >= ZERO else ONE - part
