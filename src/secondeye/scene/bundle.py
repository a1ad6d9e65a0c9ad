"""The records that rays are cast in, up to `CAPACITY` at a time, and what a stage consists of.

A frame is cut into blocks of pixels. The rays of a block are asked about one body after the other, all together, of
those that may show there; then rays that met the same body are given their colours together. Places in a block are
counted from its centre, so that single precision is enough.
"""

from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]
Floats = NDArray[np.float32]
Ints = NDArray[np.int32]
Longs = NDArray[np.int64]
Words = NDArray[np.uint32]
Pairs = NDArray[np.uint64]
Bools = NDArray[np.bool_]
Records = NDArray[np.void]
Bundle = Any
"""One record of RAYS, of PATCH, or of AIR, as kernels see it."""

f32 = cast("type[float]", np.float32)
i32 = cast("type[int]", np.int32)
i64 = cast("type[int]", np.int64)
u32 = cast("type[int]", np.uint32)
u64 = cast("type[int]", np.uint64)
"""Kernels call them to say of what precision a number is; annotations only tell whole numbers from others."""

BLOCK_PX = 16
CAPACITY = BLOCK_PX * BLOCK_PX

INF = f32(np.inf)
NEAREST_M = f32(1e-4)
"""A ray meets nothing nearer, so that it leaves the surface it starts from."""

SAME_DEPTH = f32(2e-5)
"""Two rays that meet a point give depths that agree to that share of it; both are of single precision."""

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
        ("macro_tile", np.int64),
        ("cloud_tile", np.int64),
    ]
)
"""Light, weather, the direction to the sun and two axes across it, and a few more constants."""


class Stage(NamedTuple):
    """A world of N bodies at T times in 2 T views, the left eye at time t in view 2 t and the right in 2 t + 1.

    Attributes:
        bodies: (N,) of BODY.
        air: (T,) of AIR.
        texels, quads: (tiles, texels) and the same, see `tiles`: all channels in pairs, one channel in fours.
        maps: (T, N, 33): each body's map to the world and its inverse, 3 x 4 each, the sun in the body's axes, and the
            body's bounds, m, along `across`, `upwards` and towards the sun: the three lowest, the three highest.
        rays: (2 T, N + 1, 13): how each body sees the eye: origin, matrix 3 x 3 from pixel (x, y, 1) to a ray, and
            nearest depth. The last is the world itself: SKY.
        shades, shadows: (S,) the bodies that cast shadows, and (T, 6, S) their bounds, as in `maps`.
        order: (2 T, N) all bodies, those first that are nearest to a view's eye.
        boxes: (2 T, 5, N) in that order, where each may show: left, top, right and bottom in px, some room added, and
            from which depth on.
            Both lists have solid bodies before cut-out ones, which take longer to ask.
        glossy: whether anything is not matte.
        rests: (2 T,) whether a view's camera is where it was a frame before.
        sweeps: (2 T, 4, M) where each of the M bodies that move may show, now or a frame before, in px as above.
        swept: (T, 6, M) their bounds, now or a frame before, as in `maps`.
    """

    bodies: Records
    air: Records
    texels: Pairs
    quads: Words
    maps: Doubles
    rays: Doubles
    shades: Ints
    shadows: Floats
    order: Ints
    boxes: Floats
    glossy: bool
    rests: Bools
    sweeps: Floats
    swept: Floats


def record(**fields: str) -> np.dtype[np.void]:
    """A dtype of arrays of CAPACITY, their names listed by type.

    They are a cache line longer: what lies a multiple of 4 KiB apart is slow to write and read in turns.
    """
    return np.dtype([(name, kind, CAPACITY + 16) for kind, names in fields.items() for name in names.split()])


RAYS = record(
    float32="x y depth enter leave wx wy wz vx vy vz red green blue",
    int32="body lit key chosen",
    uint32="own rest some",
)
"""Rays, and what they meet.

x, y            where in the picture, px from the block's centre
depth, body     what is met first so far; depth is a ray parameter, m along the optical axis for rays through pixels
lit             whether the sun shines there; -1 where that has to be found out
enter, leave    between which depths the ray is inside the body that is being asked; at edges, `enter` is what it met
w, v            for rays that do not come from the eye: origin and direction in the world's axes; at edges, w are sums
                over the rays that have one colour together, and vx how many these are
red, green, blue, key       what is brought back: display colours or light, and the patch, see `shading`
chosen, some    flags and list of rays for whatever is done to some only
own, rest       lists of rays: those that met one body, and those not looked at yet
"""

PATCH = record(
    float32="x y depth px py pz u v nx ny nz wx wy wz gx gy gz reach wide towards red green blue a b c d weight",
    int32="face lit solid",
    uint32="p0 p1 p2 p3",
    uint64="t0 t1 t2 t3",
)
"""Points on one body, where some rays met it.

p               in the body's axes; w in the world's
g               direction of the ray in the world's axes
n               normal: of the unit shape at first, then in the world, of length 1, towards where the ray comes from
u, v            place on the texture, tiles
reach           how far away the point is, m; `wide` is the width of a pixel there, texels
towards         cosine between normal and sun
solid           whether there is anything, where the body is cut out
p               which texels are around the place on two levels of the texture, the lower left ones and those above
                them; a, b and c, d say where between them the place is, and `weight` where between the levels
t               what they are, with those right of them
"""


class Scratch(NamedTuple):
    """Where one thread casts rays, each (1,) of RAYS or PATCH, and lists bodies, each (N,).

    Attributes:
        rays, patch: from the eye.
        sun_rays, sun_patch: to the sun.
        bounced, bounced_patch: off what shines, and to where another eye sees a point.
        flags, names: the bodies that rays are asked about, see `meeting.nominate`.
        present: the bodies that a block shows.
    """

    rays: Records
    patch: Records
    sun_rays: Records
    sun_patch: Records
    bounced: Records
    bounced_patch: Records
    flags: Ints
    names: Ints
    present: Ints


def scratch(body_count: int) -> Scratch:
    """Fresh records and lists for one thread."""
    rays, sun_rays, bounced = (np.empty(1, RAYS) for _ in range(3))
    patch, sun_patch, bounced_patch = (np.empty(1, PATCH) for _ in range(3))
    flags, names, present = (np.empty(body_count, np.int32) for _ in range(3))
    return Scratch(rays, patch, sun_rays, sun_patch, bounced, bounced_patch, flags, names, present)
