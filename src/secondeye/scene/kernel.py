"""The ray caster on the CPU: which body a ray meets first, and what colour that is.

A frame is cut into blocks of pixels, and for each block the bodies that may show in it are listed, nearest first, so
that a ray asks few bodies. The sun has such lists, too, so that a shadow ray asks only what stands between.

Kernels take a stage's arrays one by one: out of a tuple, numba would count references at every call, which costs more
than the ray.
"""

import math
from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from secondeye.scene.inlined import inlined
from secondeye.scene.shapes import QUAD, face_of, meet, normal_of, texture_of
from secondeye.scene.tiles import EDGE_PX, LEVELS

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Ints = NDArray[np.int32]
Longs = NDArray[np.int64]
Records = NDArray[np.void]
Texels = NDArray[np.uint8]

BLOCK_PX = 16
NEAREST_M = 1e-4
"""A ray meets nothing nearer, so that it leaves the surface it starts from."""

SAME_DEPTH = 1e-6
"""Two rays that meet a point give depths that agree to that share of it."""

SKY = -1
SKY_KEY = -16
"""A key is 16 body + 2 face + sunlit; shifted right by 4 it is the body again, SKY included."""

BODY = np.dtype(
    [
        ("shape", np.int64),
        ("tile", np.int64),
        ("cutout", np.int64),
        ("clamped", np.int64),  # one tile fits a face
        ("finish", np.int64),
        ("red", np.float64),
        ("green", np.float64),
        ("blue", np.float64),
        ("repeat_x", np.float64),  # tiles along each axis of the shape
        ("repeat_y", np.float64),
        ("repeat_z", np.float64),
        ("texels_per_m", np.float64),
        ("macro", np.float64),
    ]
)
"""What does not change with time about a body."""

AIR = np.dtype(
    [
        *((f"{name}_{c}", np.float64) for name in ("sun_light", "sky_light", "haze") for c in ("red", "green", "blue")),
        *((f"{name}_{c}", np.float64) for name in ("sun", "across", "upwards") for c in "xyz"),
        ("fog_m", np.float64),
        ("clouds", np.float64),
        ("shadows", np.int64),
        ("pixel_rad", np.float64),
        ("grid_across", np.float64),  # corner of the sun's grid, and the size of its cells
        ("grid_upwards", np.float64),
        ("cell_m", np.float64),
        ("macro_tile", np.int64),
        ("cloud_tile", np.int64),
    ]
)
"""Light, weather, the axes of the grid that the sun's lists lie on, and a few more constants."""


class Stage(NamedTuple):
    """A world of N bodies at T times in 2 T views, the left eye at time t in view 2 t and the right in 2 t + 1.

    Attributes:
        bodies: (N,) of BODY.
        air: (T,) of AIR.
        texels: (tiles, texels, 4), see `tiles`.
        maps: (T, N, 31): each body's map to the world and its inverse, 3 x 4 each, the sun in the body's axes, and
            the body's bounds on the sun's grid, m.
        rays: (2 T, N + 1, 17): how each body sees the eye: origin, matrix 3 x 3 from pixel (x, y, 1) to a ray, nearest
            depth, and the body's bounds in the picture, px. The last is the world itself: SKY.
        sun_start, sun_bodies: what may shade cell (j, i) of the sun's grid at time t:
            sun_bodies[sun_start[t, j, i] : sun_start[t, j, i + 1]].
        start, listed: what may show in a block of a view, likewise. Both lists have solid bodies before cut-out ones,
            which take longer to ask, and then the nearest first.
    """

    bodies: Records
    air: Records
    texels: Texels
    maps: Doubles
    rays: Doubles
    sun_start: Longs
    sun_bodies: Ints
    start: Longs
    listed: Ints


@inlined
def level_start(level: int) -> int:
    """Index of a pyramid level's first texel: the levels before it have 4 ** 8, 4 ** 7, ... texels."""
    whole = EDGE_PX * EDGE_PX * 4
    return (whole - (whole >> (2 * level))) // 3


@inlined
def wrapped(i: int, edge: int, clamped: int) -> int:
    """A texel index on a tile that repeats or is clamped; its edge is a power of two."""
    return min(max(i, 0), edge - 1) if clamped else i & (edge - 1)


@inlined
def bilinear(texels: Texels, tile: int, level: int, u: float, v: float, clamped: int) -> tuple[float, float, float]:
    """Colour, 0 to 255, between four texels of one level."""
    edge = EDGE_PX >> level
    x, y = u * edge - 0.5, v * edge - 0.5
    i, j = math.floor(x), math.floor(y)
    a, b = x - i, y - j
    i0, i1 = wrapped(i, edge, clamped), wrapped(i + 1, edge, clamped)
    last = level_start(level) + edge * (edge - 1)  # v points up, rows are stored downwards
    j0, j1 = last - edge * wrapped(j, edge, clamped), last - edge * wrapped(j + 1, edge, clamped)
    p, q, r, s = j0 + i0, j0 + i1, j1 + i0, j1 + i1
    pw, qw, rw, sw = (1 - a) * (1 - b), a * (1 - b), (1 - a) * b, a * b
    return (
        pw * texels[tile, p, 0] + qw * texels[tile, q, 0] + rw * texels[tile, r, 0] + sw * texels[tile, s, 0],
        pw * texels[tile, p, 1] + qw * texels[tile, q, 1] + rw * texels[tile, r, 1] + sw * texels[tile, s, 1],
        pw * texels[tile, p, 2] + qw * texels[tile, q, 2] + rw * texels[tile, r, 2] + sw * texels[tile, s, 2],
    )


@inlined
def sample(
    texels: Texels, tile: int, u: float, v: float, texels_wide: float, clamped: int
) -> tuple[float, float, float]:
    """Colour, display-coded 0 to 1, for a footprint so many texels wide, between two levels of a pyramid."""
    fine = 0
    while fine < LEVELS - 1 and texels_wide >= 2:
        texels_wide *= 0.5
        fine += 1
    red, green, blue = bilinear(texels, tile, fine, u, v, clamped)
    w = texels_wide - 1
    if w <= 0 or fine == LEVELS - 1:
        return red / 255, green / 255, blue / 255
    r, g, b = bilinear(texels, tile, fine + 1, u, v, clamped)
    return (red + w * (r - red)) / 255, (green + w * (g - green)) / 255, (blue + w * (b - blue)) / 255


@inlined
def channel(texels: Texels, tile: int, c: int, u: float, v: float, texels_wide: float, clamped: int) -> float:
    """One channel, 0 to 1, between four texels of the level nearest to a footprint so many texels wide."""
    level = 0
    while level < LEVELS - 1 and texels_wide > 1.42:
        texels_wide *= 0.5
        level += 1
    edge = EDGE_PX >> level
    x, y = u * edge - 0.5, v * edge - 0.5
    i, j = math.floor(x), math.floor(y)
    a, b = x - i, y - j
    i0, i1 = wrapped(i, edge, clamped), wrapped(i + 1, edge, clamped)
    last = level_start(level) + edge * (edge - 1)  # v points up, rows are stored downwards
    j0, j1 = last - edge * wrapped(j, edge, clamped), last - edge * wrapped(j + 1, edge, clamped)
    low = (1 - a) * texels[tile, j0 + i0, c] + a * texels[tile, j0 + i1, c]
    high = (1 - a) * texels[tile, j1 + i0, c] + a * texels[tile, j1 + i1, c]
    return float(((1 - b) * low + b * high) / 255)


@inlined
def is_solid(bodies: Records, texels: Texels, n: int, x: float, y: float, z: float, footprint_m: float) -> bool:
    """Whether a cut-out body has something at a point of its surface."""
    body = bodies[n]
    face = face_of(body.shape, x, y, z)
    u, v = texture_of(body.shape, face, x, y, z, body.repeat_x, body.repeat_y, body.repeat_z)
    return bool(channel(texels, body.tile, 3, u, v, footprint_m * body.texels_per_m, body.clamped) >= 0.5)


@inlined
def first_hit(
    bodies: Records,
    texels: Texels,
    n: int,
    ox: float,
    oy: float,
    oz: float,
    dx: float,
    dy: float,
    dz: float,
    spread: float,
    limit: float,
) -> float:
    """Ray parameter below `limit` at which a ray, in body n's axes, first meets it, or infinity.

    A pixel is `spread` m wide for each m of depth.
    """
    enter, leave = meet(bodies[n].shape, ox, oy, oz, dx, dy, dz)
    if not leave >= enter or leave < NEAREST_M or enter >= limit:
        return math.inf
    if not bodies[n].cutout:
        return enter if enter >= NEAREST_M else leave
    if enter >= NEAREST_M and is_solid(
        bodies, texels, n, ox + enter * dx, oy + enter * dy, oz + enter * dz, enter * spread
    ):
        return enter
    if leave < limit and is_solid(bodies, texels, n, ox + leave * dx, oy + leave * dy, oz + leave * dz, leave * spread):
        return leave
    return math.inf


@inlined
def cast(
    bodies: Records,
    texels: Texels,
    rays: Doubles,
    start: Longs,
    listed: Ints,
    spread: float,
    view: int,
    x: float,
    y: float,
) -> tuple[int, float]:
    """The first body that the ray through pixel (x, y) of a view meets, or SKY, and its depth in m."""
    j = min(max(int(y + 0.5) // BLOCK_PX, 0), start.shape[1] - 1)
    i = min(max(int(x + 0.5) // BLOCK_PX, 0), start.shape[2] - 2)
    best, found = math.inf, SKY
    for k in range(start[view, j, i], start[view, j, i + 1]):
        n = listed[k]
        if rays[view, n, 12] > best or x < rays[view, n, 13] or x > rays[view, n, 15]:
            continue
        if y < rays[view, n, 14] or y > rays[view, n, 16]:
            continue
        t = first_hit(
            bodies,
            texels,
            n,
            rays[view, n, 0],
            rays[view, n, 1],
            rays[view, n, 2],
            rays[view, n, 3] * x + rays[view, n, 4] * y + rays[view, n, 5],
            rays[view, n, 6] * x + rays[view, n, 7] * y + rays[view, n, 8],
            rays[view, n, 9] * x + rays[view, n, 10] * y + rays[view, n, 11],
            spread,
            best,
        )
        if t < best:
            best, found = t, n
    return found, best


@inlined
def is_lit(
    bodies: Records,
    air: Records,
    texels: Texels,
    maps: Doubles,
    sun_start: Longs,
    sun_bodies: Ints,
    time: int,
    n: int,
    x: float,
    y: float,
    z: float,
) -> bool:
    """Whether the sun reaches a point (world, m) on body n."""
    light = air[time]
    a = x * light.across_x + y * light.across_y + z * light.across_z - light.grid_across
    b = x * light.upwards_x + y * light.upwards_y + z * light.upwards_z - light.grid_upwards
    i, j = math.floor(a / light.cell_m), math.floor(b / light.cell_m)
    if i < 0 or j < 0 or j >= sun_start.shape[1] or i >= sun_start.shape[2] - 1:
        return True
    for k in range(sun_start[time, j, i], sun_start[time, j, i + 1]):
        other = sun_bodies[k]
        if other == n or a < maps[time, other, 27] or b < maps[time, other, 28]:
            continue
        if a > maps[time, other, 29] or b > maps[time, other, 30]:
            continue
        ox = maps[time, other, 12] * x + maps[time, other, 13] * y + maps[time, other, 14] * z + maps[time, other, 15]
        oy = maps[time, other, 16] * x + maps[time, other, 17] * y + maps[time, other, 18] * z + maps[time, other, 19]
        oz = maps[time, other, 20] * x + maps[time, other, 21] * y + maps[time, other, 22] * z + maps[time, other, 23]
        dx, dy, dz = maps[time, other, 24], maps[time, other, 25], maps[time, other, 26]
        if first_hit(bodies, texels, other, ox, oy, oz, dx, dy, dz, 0.002, math.inf) < math.inf:
            return False
    return True


@inlined
def local_point(rays: Doubles, view: int, n: int, t: float, x: float, y: float) -> tuple[float, float, float]:
    """The point at depth t on the ray through pixel (x, y), in body n's axes."""
    return (
        rays[view, n, 0] + t * (rays[view, n, 3] * x + rays[view, n, 4] * y + rays[view, n, 5]),
        rays[view, n, 1] + t * (rays[view, n, 6] * x + rays[view, n, 7] * y + rays[view, n, 8]),
        rays[view, n, 2] + t * (rays[view, n, 9] * x + rays[view, n, 10] * y + rays[view, n, 11]),
    )


@inlined
def world_point(maps: Doubles, time: int, n: int, x: float, y: float, z: float) -> tuple[float, float, float]:
    """A point in body n's axes as a world point at a time."""
    return (
        maps[time, n, 0] * x + maps[time, n, 1] * y + maps[time, n, 2] * z + maps[time, n, 3],
        maps[time, n, 4] * x + maps[time, n, 5] * y + maps[time, n, 6] * z + maps[time, n, 7],
        maps[time, n, 8] * x + maps[time, n, 9] * y + maps[time, n, 10] * z + maps[time, n, 11],
    )


@inlined
def world_normal(
    shape: int, maps: Doubles, time: int, n: int, face: int, x: float, y: float, z: float
) -> tuple[float, float, float]:
    """Unit outward normal of body n at a point in its axes."""
    a, b, c = normal_of(shape, face, x, y, z)
    nx = maps[time, n, 12] * a + maps[time, n, 16] * b + maps[time, n, 20] * c
    ny = maps[time, n, 13] * a + maps[time, n, 17] * b + maps[time, n, 21] * c
    nz = maps[time, n, 14] * a + maps[time, n, 18] * b + maps[time, n, 22] * c
    scale = 1 / math.sqrt(nx * nx + ny * ny + nz * nz)
    return nx * scale, ny * scale, nz * scale


@inlined
def tone(linear: float) -> float:
    """Linear light to a display value 0 to 1, by a filmic curve (K. Narkowicz's fit of ACES) and a square root."""
    light = 0.72 * max(linear, 0.0)
    return math.sqrt(min(light * (2.51 * light + 0.03) / (light * (2.43 * light + 0.59) + 0.14), 1.0))


@inlined
def sky(air: Records, texels: Texels, time: int, dx: float, dy: float, dz: float) -> tuple[float, float, float]:
    """Linear light from a direction (any length)."""
    light = air[time]
    length = math.sqrt(dx * dx + dy * dy + dz * dz)
    up = max(dz / length, 0.0)
    k = 1 - math.exp(-5.5 * up)
    towards = max((dx * light.sun_x + dy * light.sun_y + dz * light.sun_z) / length, 0.0)
    glow = 0.35 * towards**6 + 0.9 * towards**300
    red = light.haze_red * (1 - k) + 0.10 * k + glow
    green = light.haze_green * (1 - k) + 0.26 * k + 0.9 * glow
    blue = light.haze_blue * (1 - k) + 0.68 * k + 0.7 * glow
    if up > 0.01 and light.clouds > 0:
        wide = EDGE_PX * 0.11 * light.pixel_rad / (up * up)
        density = channel(texels, light.cloud_tile, 3, 0.11 * dx / dz, 0.11 * dy / dz, wide, 0)
        density *= light.clouds * min(1.0, 6 * up)
        bright = 0.95 + 0.5 * glow
        red, green, blue = (
            red + density * (bright - red),
            green + density * (bright - green),
            blue + density * (1.02 * bright - blue),
        )
    return red, green, blue


@inlined
def albedo(
    bodies: Records,
    texels: Texels,
    macro_tile: int,
    n: int,
    face: int,
    x: float,
    y: float,
    z: float,
    footprint_m: float,
) -> tuple[float, float, float]:
    """Linear albedo of body n at a point in its axes, for a pixel whose footprint there is so wide."""
    body = bodies[n]
    u, v = texture_of(body.shape, face, x, y, z, body.repeat_x, body.repeat_y, body.repeat_z)
    wide = footprint_m * body.texels_per_m
    red, green, blue = sample(texels, body.tile, u, v, wide, body.clamped)
    vary = 1.0
    if body.macro > 0:
        vary += body.macro * (channel(texels, macro_tile, 0, u * 0.093, v * 0.093, wide * 0.093, 0) - 0.5)
    return red * red * body.red * vary, green * green * body.green * vary, blue * blue * body.blue * vary


@inlined
def shade(
    bodies: Records,
    air: Records,
    texels: Texels,
    maps: Doubles,
    rays: Doubles,
    view: int,
    n: int,
    t: float,
    x: float,
    y: float,
    lit: int,
) -> tuple[float, float, float]:
    """Display colour of what the ray through pixel (x, y) meets: body n at depth t, sunlit or not."""
    time, world = view // 2, len(bodies)
    light = air[time]
    dx = rays[view, world, 3] * x + rays[view, world, 4] * y + rays[view, world, 5]
    dy = rays[view, world, 6] * x + rays[view, world, 7] * y + rays[view, world, 8]
    dz = rays[view, world, 9] * x + rays[view, world, 10] * y + rays[view, world, 11]
    if n == SKY:
        red, green, blue = sky(air, texels, time, dx, dy, dz)
        return tone(red), tone(green), tone(blue)
    px, py, pz = local_point(rays, view, n, t, x, y)
    face = face_of(bodies[n].shape, px, py, pz)
    nx, ny, nz = world_normal(bodies[n].shape, maps, time, n, face, px, py, pz)
    length = math.sqrt(dx * dx + dy * dy + dz * dz)
    facing = -(nx * dx + ny * dy + nz * dz) / length
    if facing < 0:
        nx, ny, nz, facing = -nx, -ny, -nz, -facing
    footprint = t * light.pixel_rad / math.sqrt(max(facing, 0.04))
    red, green, blue = albedo(bodies, texels, light.macro_tile, n, face, px, py, pz, footprint)
    direct = nx * light.sun_x + ny * light.sun_y + nz * light.sun_z
    if bodies[n].cutout:
        direct = 0.35 + 0.5 * abs(direct)  # leaves, hair and grass let light through
    direct = max(direct, 0.0) * lit
    ambient = 0.62 + 0.38 * nz
    clear = math.exp(-t * length / light.fog_m)
    red = red * (light.sun_light_red * direct + light.sky_light_red * ambient)
    green = green * (light.sun_light_green * direct + light.sky_light_green * ambient)
    blue = blue * (light.sun_light_blue * direct + light.sky_light_blue * ambient)
    return (
        tone(red * clear + light.haze_red * (1 - clear)),
        tone(green * clear + light.haze_green * (1 - clear)),
        tone(blue * clear + light.haze_blue * (1 - clear)),
    )


@inlined
def key_of(
    bodies: Records,
    air: Records,
    texels: Texels,
    maps: Doubles,
    rays: Doubles,
    sun_start: Longs,
    sun_bodies: Ints,
    view: int,
    n: int,
    t: float,
    x: float,
    y: float,
) -> int:
    """One number for a smooth patch of picture: body, face and sun or shadow; a picture has edges where it changes."""
    if n == SKY:
        return SKY_KEY
    time = view // 2
    light, shape = air[time], bodies[n].shape
    px, py, pz = local_point(rays, view, n, t, x, y)
    face = face_of(shape, px, py, pz)
    lit = True
    if light.shadows:
        nx, ny, nz = world_normal(shape, maps, time, n, face, px, py, pz)
        towards = nx * light.sun_x + ny * light.sun_y + nz * light.sun_z
        lit = towards > 0 or bodies[n].cutout or shape == QUAD
        if lit:
            off = 1e-3 if towards > 0 else -1e-3
            wx, wy, wz = world_point(maps, time, n, px, py, pz)
            wx, wy, wz = wx + off * nx, wy + off * ny, wz + off * nz
            lit = is_lit(bodies, air, texels, maps, sun_start, sun_bodies, time, n, wx, wy, wz)
    return n * 16 + face * 2 + int(lit)


@numba.njit(parallel=True, cache=True, error_model="numpy")
def trace(
    bodies: Records,
    air: Records,
    texels: Texels,
    maps: Doubles,
    rays: Doubles,
    sun_start: Longs,
    sun_bodies: Ints,
    start: Longs,
    listed: Ints,
    views: Longs,
    key: Ints,
    depth: Doubles,
) -> None:
    """Cast one ray through every pixel centre of some views (V,); write its key and depth, (V, H, W) each."""
    _, height, width = key.shape
    spread = air[0].pixel_rad
    for row in numba.prange(len(views) * height):
        v, y = row // height, row % height
        for x in range(width):
            n, t = cast(bodies, texels, rays, start, listed, spread, views[v], float(x), float(y))
            depth[v, y, x] = t
            key[v, y, x] = key_of(
                bodies, air, texels, maps, rays, sun_start, sun_bodies, views[v], n, t, float(x), float(y)
            )


@numba.njit(parallel=True, cache=True, error_model="numpy")
def paint(
    bodies: Records,
    air: Records,
    texels: Texels,
    maps: Doubles,
    rays: Doubles,
    sun_start: Longs,
    sun_bodies: Ints,
    start: Longs,
    listed: Ints,
    views: Longs,
    key: Ints,
    depth: Doubles,
    offsets: Doubles,
    rgb: Floats,
) -> None:
    """Colour some views (V,) as rgb (V, 3, H, W): one sample inside a smooth patch, one per offset (S, 2) at edges."""
    _, height, width = key.shape
    spread = air[0].pixel_rad
    for row in numba.prange(len(views) * height):
        i, y = row // height, row % height
        view = views[i]
        for x in range(width):
            samples = len(offsets) if is_edge(key, i, y, x) else 1
            red, green, blue = 0.0, 0.0, 0.0
            for s in range(samples):
                u, v = float(x), float(y)
                n, t, lit = key[i, y, x] >> 4, depth[i, y, x], key[i, y, x] & 1
                if samples > 1:
                    u, v = u + offsets[s, 0], v + offsets[s, 1]
                    n, t = cast(bodies, texels, rays, start, listed, spread, view, u, v)
                    lit = lit_nearby(key, i, y, x, n)
                    if lit < 0:
                        lit = 1 & key_of(bodies, air, texels, maps, rays, sun_start, sun_bodies, view, n, t, u, v)
                r, g, b = shade(bodies, air, texels, maps, rays, view, n, t, u, v, lit)
                red, green, blue = red + r, green + g, blue + b
            rgb[i, 0, y, x] = red / samples
            rgb[i, 1, y, x] = green / samples
            rgb[i, 2, y, x] = blue / samples


@numba.njit(parallel=True, cache=True, error_model="numpy")
def follow(
    bodies: Records,
    texels: Texels,
    maps: Doubles,
    rays: Doubles,
    start: Longs,
    listed: Ints,
    spread: float,
    projections: Doubles,
    views: Longs,
    targets: Longs,
    key: Ints,
    depth: Doubles,
    moved: Floats,
    visible: NDArray[np.bool_],
) -> None:
    """Find each pixel's surface point again in another view, be it the other eye's or another time's.

    Args:
        projections: (all views, 3, 4), world point to pixel times depth.
        views, targets: (V,), where pixels come from and where they are looked for.
        key, depth: (V, H, W), as `trace` gives them for `views`.
        moved: (V, 2, H, W) out: pixels to the right and down from here to there.
        visible: (V, H, W) out: there it is inside the frame and the first thing that its ray meets.
    """
    _, height, width = key.shape
    world = len(bodies)
    for row in numba.prange(len(views) * height):
        i, y = row // height, row % height
        view, target = views[i], targets[i]
        p = projections[target]
        for x in range(width):
            n, t, w = key[i, y, x] >> 4, depth[i, y, x], 1.0
            if n == SKY:  # a direction, which is a point at infinity
                a, b, c = local_point(rays, view, world, 1.0, float(x), float(y))
                a, b, c = a - rays[view, world, 0], b - rays[view, world, 1], c - rays[view, world, 2]
                w = 0.0
            else:
                a, b, c = local_point(rays, view, n, t, float(x), float(y))
                a, b, c = world_point(maps, target // 2, n, a, b, c)
            z = p[2, 0] * a + p[2, 1] * b + p[2, 2] * c + p[2, 3] * w
            u = (p[0, 0] * a + p[0, 1] * b + p[0, 2] * c + p[0, 3] * w) / z
            v = (p[1, 0] * a + p[1, 1] * b + p[1, 2] * c + p[1, 3] * w) / z
            moved[i, 0, y, x], moved[i, 1, y, x] = u - x, v - y
            seen = z > 0 and -0.5 <= u < width - 0.5 and -0.5 <= v < height - 0.5
            if seen:
                _, first = cast(bodies, texels, rays, start, listed, spread, target, u, v)
                seen = first > z * (1 - SAME_DEPTH) if n != SKY else first == math.inf
            visible[i, y, x] = seen


@inlined
def is_edge(key: Ints, view: int, y: int, x: int) -> bool:
    """Whether another patch begins within a pixel."""
    own, (_, height, width) = key[view, y, x], key.shape
    return bool(
        own != key[view, y, max(x - 1, 0)]
        or own != key[view, y, min(x + 1, width - 1)]
        or own != key[view, max(y - 1, 0), x]
        or own != key[view, min(y + 1, height - 1), x]
    )


@inlined
def lit_nearby(key: Ints, view: int, y: int, x: int, n: int) -> int:
    """1 or 0 where body n is all in the sun or all in shadow within a pixel, -1 where that has to be found out."""
    _, height, width = key.shape
    lit, shaded = False, False
    for j in range(max(y - 1, 0), min(y + 2, height)):
        for i in range(max(x - 1, 0), min(x + 2, width)):
            if key[view, j, i] >> 4 == n:
                lit, shaded = lit or key[view, j, i] & 1 == 1, shaded or key[view, j, i] & 1 == 0
    if lit == shaded:
        return -1
    return 1 if lit else 0
