"""Which body a ray meets first: rays through pixels, towards the sun, and off mirrors.

A frame is cut into blocks of pixels, and for each block the bodies that may show in it are listed, so that a ray asks
few bodies. The sun has such lists, too, so that a shadow ray asks only what stands between.

Kernels take a stage's arrays one by one: out of a tuple, numba would count references at every call, which costs more
than the ray.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from secondeye.scene.inlined import inlined
from secondeye.scene.shapes import QUAD, face_of, meet, texture_of
from secondeye.scene.texture import Texels, channel

Doubles = NDArray[np.float64]
Ints = NDArray[np.int32]
Longs = NDArray[np.int64]
Records = NDArray[np.void]

BLOCK_PX = 16
NEAREST_M = 1e-4
"""A ray meets nothing nearer, so that it leaves the surface it starts from."""

SAME_DEPTH = 1e-6
"""Two rays that meet a point give depths that agree to that share of it."""

SKY = -1

BODY = np.dtype(
    [
        ("kind", np.int64),
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
            depth, and the body's bounds in the picture, px, one px wider all round. The last is the world itself: SKY.
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
def is_solid(bodies: Records, texels: Texels, n: int, x: float, y: float, z: float, footprint_m: float) -> bool:
    """Whether a cut-out body has something at a point of its surface."""
    body = bodies[n]
    face = face_of(body.kind, x, y, z)
    u, v = texture_of(body.kind, face, x, y, z, body.repeat_x, body.repeat_y, body.repeat_z)
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
    enter, leave = meet(bodies[n].kind, ox, oy, oz, dx, dy, dz)
    if not leave >= enter or leave < NEAREST_M or enter >= limit:
        return math.inf
    if not bodies[n].cutout:
        return enter if enter >= NEAREST_M else leave
    for t in (enter, leave):
        if NEAREST_M <= t < limit:
            if is_solid(bodies, texels, n, ox + t * dx, oy + t * dy, oz + t * dz, t * spread):
                return t
            if leave == enter:
                break
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
) -> tuple[int, float, float]:
    """What the ray through pixel (x, y) of a view meets.

    Returns the first body, or SKY; its depth in m; and a depth before which no other body shows anywhere within half a
    pixel, so that what this body shows there needs no further asking.
    """
    j = min(max(math.floor((y + 0.5) / BLOCK_PX), 0), start.shape[1] - 1)
    i = min(max(math.floor((x + 0.5) / BLOCK_PX), 0), start.shape[2] - 2)
    best, found = math.inf, SKY
    nearest, second, holder = math.inf, math.inf, SKY
    for k in range(start[view, j, i], start[view, j, i + 1]):
        n = listed[k]
        if x < rays[view, n, 13] or x > rays[view, n, 15] or y < rays[view, n, 14] or y > rays[view, n, 16]:
            continue
        near = rays[view, n, 12]
        dz = rays[view, n, 9] * x + rays[view, n, 10] * y + rays[view, n, 11]
        if bodies[n].kind <= QUAD:  # 1 / depth of a plane is linear in the picture
            slack = 0.5 * (abs(rays[view, n, 9]) + abs(rays[view, n, 10]))
            inverse = -dz / rays[view, n, 2] + slack / abs(rays[view, n, 2])
            near = max(near, 1 / inverse) if inverse > 0 else math.inf
            if bodies[n].kind == QUAD and misses(rays, view, n, dz, slack, x, y):
                continue
        if near < nearest:
            nearest, second, holder = near, nearest, n
        else:
            second = min(second, near)
        if near > best:
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
            dz,
            spread,
            best,
        )
        if t < best:
            best, found = t, n
    return found, best, second if holder == found else nearest


@inlined
def misses(rays: Doubles, view: int, n: int, dz: float, slack: float, x: float, y: float) -> bool:
    """Whether no ray within half a pixel of (x, y) meets a quad, whose plane it meets at -origin z / dz.

    The place in the quad where a ray meets it changes by the slope of direction over depth; where the plane is seen so
    flat that the slope itself may change by a third within the pixel, nobody knows.
    """
    if abs(dz) < 4 * slack:
        return False
    t = -rays[view, n, 2] / dz
    dx = rays[view, n, 3] * x + rays[view, n, 4] * y + rays[view, n, 5]
    dy = rays[view, n, 6] * x + rays[view, n, 7] * y + rays[view, n, 8]
    # |d(t dx)| <= |t| (|d dx| + |dx / dz| |d dz|), for half a pixel either way, doubled for what bends
    room_x = abs(t) * (abs(rays[view, n, 3]) + abs(rays[view, n, 4]) + 2 * abs(dx / dz) * slack)
    room_y = abs(t) * (abs(rays[view, n, 6]) + abs(rays[view, n, 7]) + 2 * abs(dy / dz) * slack)
    return bool(abs(rays[view, n, 0] + t * dx) > 1 + room_x or abs(rays[view, n, 1] + t * dy) > 1 + room_y)


@inlined
def is_hidden(
    bodies: Records,
    texels: Texels,
    rays: Doubles,
    start: Longs,
    listed: Ints,
    spread: float,
    view: int,
    x: float,
    y: float,
    limit: float,
) -> bool:
    """Whether the ray through pixel (x, y) of a view meets anything before depth `limit`."""
    j = min(max(math.floor((y + 0.5) / BLOCK_PX), 0), start.shape[1] - 1)
    i = min(max(math.floor((x + 0.5) / BLOCK_PX), 0), start.shape[2] - 2)
    for k in range(start[view, j, i], start[view, j, i + 1]):
        n = listed[k]
        if rays[view, n, 12] >= limit or x < rays[view, n, 13] or x > rays[view, n, 15]:
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
            limit,
        )
        if t < limit:
            return True
    return False


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
        m = sun_bodies[k]
        if m == n or a < maps[time, m, 27] or b < maps[time, m, 28] or a > maps[time, m, 29] or b > maps[time, m, 30]:
            continue
        ox, oy, oz = local_from_world(maps, time, m, x, y, z)
        dx, dy, dz = maps[time, m, 24], maps[time, m, 25], maps[time, m, 26]
        if first_hit(bodies, texels, m, ox, oy, oz, dx, dy, dz, 0.002, math.inf) < math.inf:
            return False
    return True


@inlined
def cast_free(
    bodies: Records,
    texels: Texels,
    maps: Doubles,
    time: int,
    but: int,
    x: float,
    y: float,
    z: float,
    dx: float,
    dy: float,
    dz: float,
) -> tuple[int, float]:
    """The first body but one that a ray from a world point in a world direction meets, or SKY; asks all of them."""
    best, found = math.inf, SKY
    for n in range(len(bodies)):
        if n == but:
            continue
        ox, oy, oz = local_from_world(maps, time, n, x, y, z)
        ax = maps[time, n, 12] * dx + maps[time, n, 13] * dy + maps[time, n, 14] * dz
        ay = maps[time, n, 16] * dx + maps[time, n, 17] * dy + maps[time, n, 18] * dz
        az = maps[time, n, 20] * dx + maps[time, n, 21] * dy + maps[time, n, 22] * dz
        t = first_hit(bodies, texels, n, ox, oy, oz, ax, ay, az, 0.002, best)
        if t < best:
            best, found = t, n
    return found, best


@inlined
def local_point(rays: Doubles, view: int, n: int, t: float, x: float, y: float) -> tuple[float, float, float]:
    """The point at depth t on the ray through pixel (x, y), in body n's axes."""
    return (
        rays[view, n, 0] + t * (rays[view, n, 3] * x + rays[view, n, 4] * y + rays[view, n, 5]),
        rays[view, n, 1] + t * (rays[view, n, 6] * x + rays[view, n, 7] * y + rays[view, n, 8]),
        rays[view, n, 2] + t * (rays[view, n, 9] * x + rays[view, n, 10] * y + rays[view, n, 11]),
    )


@inlined
def world_from_local(maps: Doubles, time: int, n: int, x: float, y: float, z: float) -> tuple[float, float, float]:
    """A point in body n's axes as a world point at a time."""
    return (
        maps[time, n, 0] * x + maps[time, n, 1] * y + maps[time, n, 2] * z + maps[time, n, 3],
        maps[time, n, 4] * x + maps[time, n, 5] * y + maps[time, n, 6] * z + maps[time, n, 7],
        maps[time, n, 8] * x + maps[time, n, 9] * y + maps[time, n, 10] * z + maps[time, n, 11],
    )


@inlined
def local_from_world(maps: Doubles, time: int, n: int, x: float, y: float, z: float) -> tuple[float, float, float]:
    """A world point at a time as a point in body n's axes."""
    return (
        maps[time, n, 12] * x + maps[time, n, 13] * y + maps[time, n, 14] * z + maps[time, n, 15],
        maps[time, n, 16] * x + maps[time, n, 17] * y + maps[time, n, 18] * z + maps[time, n, 19],
        maps[time, n, 20] * x + maps[time, n, 21] * y + maps[time, n, 22] * z + maps[time, n, 23],
    )
