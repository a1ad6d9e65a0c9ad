"""Where a ray meets a unit shape, which way the surface faces there, and where on its texture that is.

Every shape is convex, so a ray is inside it on one interval [enter, leave]; nothing is met where enter > leave.
"""

import math

from secondeye.scene.inlined import inlined
from secondeye.scene.world import Shape

GROUND, QUAD, BOX, SPHERE, CYLINDER, CONE = (int(shape) for shape in Shape)

NEVER = math.inf


@inlined
def meet(shape: int, ox: float, oy: float, oz: float, dx: float, dy: float, dz: float) -> tuple[float, float]:
    """Ray parameters at which a ray with origin o and direction d enters and leaves a unit shape."""
    if shape == SPHERE:
        return _between_roots(
            dx * dx + dy * dy + dz * dz, ox * dx + oy * dy + oz * dz, ox * ox + oy * oy + oz * oz - 1.0
        )
    if shape == GROUND:
        at = -oz / dz
        return at, at
    if shape == QUAD:
        at = -oz / dz
        if abs(ox + at * dx) <= 1.0 and abs(oy + at * dy) <= 1.0:
            return at, at
        return NEVER, -NEVER
    low, high = _slab(oz, dz)
    if shape == BOX:
        x0, x1 = _slab(ox, dx)
        y0, y1 = _slab(oy, dy)
        return max(low, x0, y0), min(high, x1, y1)
    if shape == CYLINDER:
        enter, leave = _between_roots(dx * dx + dy * dy, ox * dx + oy * dy, ox * ox + oy * oy - 1.0)
    else:
        enter, leave = _cone(ox, oy, oz, dx, dy, dz)
    return max(low, enter), min(high, leave)


@inlined
def _slab(o: float, d: float) -> tuple[float, float]:
    """Where -1 <= o + t d <= 1."""
    if d == 0.0:
        if abs(o) <= 1.0:
            return -NEVER, NEVER
        return NEVER, -NEVER
    a, b = (-1.0 - o) / d, (1.0 - o) / d
    return min(a, b), max(a, b)


@inlined
def _between_roots(a: float, half_b: float, c: float) -> tuple[float, float]:
    """Where a t² + 2 half_b t + c <= 0, for a >= 0."""
    root = half_b * half_b - a * c
    if root < 0.0 or a < 1e-18:
        if a < 1e-18 and c <= 0.0:
            return -NEVER, NEVER
        return NEVER, -NEVER
    root = math.sqrt(root)
    return (-half_b - root) / a, (-half_b + root) / a


@inlined
def _cone(ox: float, oy: float, oz: float, dx: float, dy: float, dz: float) -> tuple[float, float]:
    """Where x² + y² <= ((1 - z) / 2)² on the nappe below the apex; the caller cuts it to -1 <= z <= 1."""
    h, k = (1.0 - oz) / 2, dz / 2
    a, half_b, c = dx * dx + dy * dy - k * k, ox * dx + oy * dy + h * k, ox * ox + oy * oy - h * h
    if a > 1e-18:
        return _between_roots(a, half_b, c)
    root = math.sqrt(max(half_b * half_b - a * c, 0.0))  # inside at both far ends, one of them above the apex
    first, second = (-half_b + root) / min(a, -1e-18), (-half_b - root) / min(a, -1e-18)
    if dz > 0:
        return -NEVER, min(first, second)
    return max(first, second), NEVER


@inlined
def face_of(shape: int, x: float, y: float, z: float) -> int:
    """Which smooth part of the surface a point lies on: faces meet in creases, where shading jumps."""
    if shape == BOX:
        ax, ay, az = abs(x), abs(y), abs(z)
        if ax >= ay and ax >= az:
            return 0 if x < 0 else 1
        if ay >= az:
            return 2 if y < 0 else 3
        return 4 if z < 0 else 5
    if shape == CYLINDER:
        if x * x + y * y >= z * z:
            return 0
        return 4 if z < 0 else 5
    if shape == CONE and 2 * math.sqrt(x * x + y * y) < (1.0 - z) * (1 - 1e-9) and z < -0.999999:
        return 4
    return 0


@inlined
def normal_of(shape: int, face: int, x: float, y: float, z: float) -> tuple[float, float, float]:
    """Outward normal of a unit shape, any length."""
    if shape == SPHERE:
        return x, y, z
    if shape in (GROUND, QUAD):
        return 0.0, 0.0, 1.0
    if face == 4:
        return 0.0, 0.0, -1.0
    if face == 5:
        return 0.0, 0.0, 1.0
    if shape == CYLINDER:
        return x, y, 0.0
    if shape == CONE:
        return x, y, (1.0 - z) / 4
    side = -1.0 if face % 2 == 0 else 1.0
    if face < 2:
        return side, 0.0, 0.0
    return 0.0, side, 0.0


@inlined
def texture_of(
    shape: int, face: int, x: float, y: float, z: float, repeat_x: float, repeat_y: float, repeat_z: float
) -> tuple[float, float]:
    """Texture position (u, v) in tiles; the repeats say how many tiles span the shape along each of its axes."""
    u, v = x, y
    ru, rv = repeat_x, repeat_y
    if shape == SPHERE:
        return around(x, y) * ru, (1 + z * (2 + z * z) / 3) / 2 * repeat_z
    if shape in (CYLINDER, CONE) and face == 0:
        return around(x, y) * ru, (z + 1) / 2 * repeat_z
    if shape == BOX and face < 4:
        v, rv = z, repeat_z
        if face < 2:
            u, ru = y, repeat_y
    return (u + 1) / 2 * ru, (v + 1) / 2 * rv


@inlined
def around(x: float, y: float) -> float:
    """The angle of (x, y) as a share of a full turn, 0 to 1, to within 0.001: many times faster than atan2."""
    across, along = abs(x), abs(y)
    steep = along > across
    ratio = across / along if steep else along / max(across, 1e-300)
    part = ratio * (0.125 + 0.0434 * (1 - ratio))  # arctan on 0 to 1, in turns
    if steep:
        part = 0.25 - part
    if x < 0:
        part = 0.5 - part
    return part if y >= 0 else 1 - part
