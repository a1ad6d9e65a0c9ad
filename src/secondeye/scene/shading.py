"""What colour a ray brings back: sun, sky, haze, textures, mirrors and glass."""

import math

from secondeye.scene.inlined import inlined, outlined
from secondeye.scene.paint import EDGE_PX
from secondeye.scene.rays import (
    SKY,
    Doubles,
    Ints,
    Longs,
    Records,
    cast_free,
    is_lit,
    local_from_world,
    local_point,
    world_from_local,
)
from secondeye.scene.shapes import QUAD, face_of, normal_of, texture_of
from secondeye.scene.texture import Texels, channel, sample
from secondeye.scene.world import Finish

MIRROR = int(Finish.MIRROR)
MATTE = int(Finish.MATTE)

SKY_KEY = -16
"""A key is 16 body + 2 face + sunlit; shifted right by 4 it is the body again, SKY included."""


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
    u, v = texture_of(body.kind, face, x, y, z, body.repeat_x, body.repeat_y, body.repeat_z)
    wide = footprint_m * body.texels_per_m
    red, green, blue = sample(texels, body.tile, u, v, wide, body.clamped)
    vary = 1.0
    if body.macro > 0:
        vary += body.macro * (channel(texels, macro_tile, 0, u * 0.093, v * 0.093, wide * 0.093, 0) - 0.5)
    return red * red * body.red * vary, green * green * body.green * vary, blue * blue * body.blue * vary


@inlined
def facing_normal(
    shape: int,
    maps: Doubles,
    time: int,
    n: int,
    face: int,
    x: float,
    y: float,
    z: float,
    dx: float,
    dy: float,
    dz: float,
) -> tuple[float, float, float, float]:
    """Unit normal of body n at a point in its axes, turned against a world direction d; and the cosine between them."""
    a, b, c = normal_of(shape, face, x, y, z)
    nx = maps[time, n, 12] * a + maps[time, n, 16] * b + maps[time, n, 20] * c
    ny = maps[time, n, 13] * a + maps[time, n, 17] * b + maps[time, n, 21] * c
    nz = maps[time, n, 14] * a + maps[time, n, 18] * b + maps[time, n, 22] * c
    against = -(nx * dx + ny * dy + nz * dz)
    scale = 1 / math.sqrt(nx * nx + ny * ny + nz * nz)
    facing = abs(against) * scale / math.sqrt(dx * dx + dy * dy + dz * dz)
    if against < 0:
        scale = -scale
    return nx * scale, ny * scale, nz * scale, facing


@inlined
def sunlit(
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
    nx: float,
    ny: float,
    nz: float,
) -> bool:
    """Whether the sun shines on body n at a point in its axes whose normal, towards the eye, is known."""
    light = air[time]
    if not light.shadows:
        return True
    towards = nx * light.sun_x + ny * light.sun_y + nz * light.sun_z
    if towards <= 0 and not bodies[n].cutout and bodies[n].kind != QUAD:
        return False
    off = 1e-3 if towards > 0 else -1e-3
    x, y, z = world_from_local(maps, time, n, x, y, z)
    return is_lit(bodies, air, texels, maps, sun_start, sun_bodies, time, n, x + off * nx, y + off * ny, z + off * nz)


@inlined
def lit_colour(
    bodies: Records,
    air: Records,
    texels: Texels,
    time: int,
    n: int,
    face: int,
    x: float,
    y: float,
    z: float,
    nx: float,
    ny: float,
    nz: float,
    lit: bool,
    footprint_m: float,
) -> tuple[float, float, float]:
    """Linear light that body n sends back from a point in its axes, given its normal and whether the sun shines."""
    light = air[time]
    red, green, blue = albedo(bodies, texels, light.macro_tile, n, face, x, y, z, footprint_m)
    direct = nx * light.sun_x + ny * light.sun_y + nz * light.sun_z
    if bodies[n].cutout:
        direct = 0.35 + 0.5 * abs(direct)  # leaves, hair and grass let light through
    direct = max(direct, 0.0) if lit else 0.0
    ambient = 0.62 + 0.38 * nz
    return (
        red * (light.sun_light_red * direct + light.sky_light_red * ambient),
        green * (light.sun_light_green * direct + light.sky_light_green * ambient),
        blue * (light.sun_light_blue * direct + light.sky_light_blue * ambient),
    )


@inlined
def shade(
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
    lit: int,
) -> tuple[float, float, float, int]:
    """Display colour of what the ray through pixel (x, y) meets, body n at depth t, and the key of that patch.

    A key is one number for each smooth patch of picture: body, face, and sun or shadow. `lit` says whether the sun
    shines there; -1 where that has to be found out.
    """
    time, world = view // 2, len(bodies)
    dx = rays[view, world, 3] * x + rays[view, world, 4] * y + rays[view, world, 5]
    dy = rays[view, world, 6] * x + rays[view, world, 7] * y + rays[view, world, 8]
    dz = rays[view, world, 9] * x + rays[view, world, 10] * y + rays[view, world, 11]
    if n == SKY:
        red, green, blue = sky(air, texels, time, dx, dy, dz)
        return tone(red), tone(green), tone(blue), SKY_KEY
    light, shape = air[time], bodies[n].kind
    px, py, pz = local_point(rays, view, n, t, x, y)
    face = face_of(shape, px, py, pz)
    nx, ny, nz, facing = facing_normal(shape, maps, time, n, face, px, py, pz, dx, dy, dz)
    if lit < 0:
        lit = int(sunlit(bodies, air, texels, maps, sun_start, sun_bodies, time, n, px, py, pz, nx, ny, nz))
    footprint = t * light.pixel_rad / math.sqrt(max(facing, 0.04))
    red, green, blue = lit_colour(bodies, air, texels, time, n, face, px, py, pz, nx, ny, nz, lit == 1, footprint)
    if bodies[n].finish != MATTE:
        wx, wy, wz = world_from_local(maps, time, n, px, py, pz)
        base = (bodies, air, texels, maps, sun_start, sun_bodies, time, n)
        red, green, blue = glossy(*base, wx, wy, wz, dx, dy, dz, nx, ny, nz, red, green, blue)
    clear = 1.0
    if light.fog_m < math.inf:
        clear = math.exp(-t * math.sqrt(dx * dx + dy * dy + dz * dz) / light.fog_m)
    return (
        tone(red * clear + light.haze_red * (1 - clear)),
        tone(green * clear + light.haze_green * (1 - clear)),
        tone(blue * clear + light.haze_blue * (1 - clear)),
        n * 16 + face * 2 + lit,
    )


@outlined
def glossy(
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
    dx: float,
    dy: float,
    dz: float,
    nx: float,
    ny: float,
    nz: float,
    red: float,
    green: float,
    blue: float,
) -> tuple[float, float, float]:
    """Linear light from a mirror or a pane of glass whose own colour is given.

    A mirror sends back nine tenths of what it faces. Glass reflects by Schlick's rule and lets the rest through
    straight, tinted. What they show is matte in its turn.
    """
    along = dx * nx + dy * ny + dz * nz
    length = math.sqrt(dx * dx + dy * dy + dz * dz)
    rx, ry, rz = dx - 2 * along * nx, dy - 2 * along * ny, dz - 2 * along * nz
    r, g, b = arriving(bodies, air, texels, maps, sun_start, sun_bodies, time, n, x, y, z, rx, ry, rz)
    if bodies[n].finish == MIRROR:
        return 0.1 * red + 0.9 * r, 0.1 * green + 0.9 * g, 0.1 * blue + 0.9 * b
    share = 0.05 + 0.95 * (1 - min(-along / length, 1.0)) ** 5
    tr, tg, tb = arriving(bodies, air, texels, maps, sun_start, sun_bodies, time, n, x, y, z, dx, dy, dz)
    body = bodies[n]
    return (
        share * r + (1 - share) * body.red * tr,
        share * g + (1 - share) * body.green * tg,
        share * b + (1 - share) * body.blue * tb,
    )


@outlined
def arriving(
    bodies: Records,
    air: Records,
    texels: Texels,
    maps: Doubles,
    sun_start: Longs,
    sun_bodies: Ints,
    time: int,
    but: int,
    x: float,
    y: float,
    z: float,
    dx: float,
    dy: float,
    dz: float,
) -> tuple[float, float, float]:
    """Linear light that arrives at a world point from a world direction, body `but` left out."""
    n, t = cast_free(bodies, texels, maps, time, but, x, y, z, dx, dy, dz)
    if n == SKY:
        return sky(air, texels, time, dx, dy, dz)
    light, shape = air[time], bodies[n].kind
    px, py, pz = local_from_world(maps, time, n, x + t * dx, y + t * dy, z + t * dz)
    face = face_of(shape, px, py, pz)
    nx, ny, nz, facing = facing_normal(shape, maps, time, n, face, px, py, pz, dx, dy, dz)
    lit = sunlit(bodies, air, texels, maps, sun_start, sun_bodies, time, n, px, py, pz, nx, ny, nz)
    length = t * math.sqrt(dx * dx + dy * dy + dz * dz)
    footprint = length * light.pixel_rad * 2 / math.sqrt(max(facing, 0.04))
    red, green, blue = lit_colour(bodies, air, texels, time, n, face, px, py, pz, nx, ny, nz, lit, footprint)
    clear = math.exp(-length / light.fog_m)
    return (
        red * clear + light.haze_red * (1 - clear),
        green * clear + light.haze_green * (1 - clear),
        blue * clear + light.haze_blue * (1 - clear),
    )
