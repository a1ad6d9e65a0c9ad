"""What colour rays bring back: sun, sky, haze and textures."""

import math

import numpy as np

from secondeye.scene.bundle import SKY, Bundle, Scratch, Stage, f32, i32, u32
from secondeye.scene.lanes import is_wild, loops, number_of, padded, step
from secondeye.scene.meeting import lay, mapped, place, point, seen_by, towards
from secondeye.scene.paint import EDGE_PX
from secondeye.scene.shapes import HALF, ONE, ZERO
from secondeye.scene.sunlight import shine
from secondeye.scene.texture import fetch, find_two_levels, mix_one_level, sample

SKY_KEY = -16
"""A key is 16 body + 2 face + sunlit; shifted right by 4 it is the body again, SKY included."""

MACRO = f32(0.093)
"""How often the coarse noise repeats for each tile."""

CLOUDS = f32(0.11)
"""How many tiles of cloud lie in the sky for each unit of slope."""

LOWEST_CLOUD = f32(0.01)


@step
def exponential(x: float) -> float:
    """e to the power of x, for x from -80 to 0.

    Source: the polynomial of S. Moshier's Cephes library for single precision.
    """
    x = max(x, f32(-80))
    whole = np.floor(x * f32(1.44269504) + HALF)
    rest = x - whole * f32(0.693359375) + whole * f32(2.12194440e-4)
    power = f32(1.9875691500e-4) * rest + f32(1.3981999507e-3)
    power = (power * rest + f32(8.3334519073e-3)) * rest + f32(4.1665795894e-2)
    power = (power * rest + f32(1.6666665459e-1)) * rest + HALF
    return f32((power * rest * rest + rest + ONE) * number_of((i32(whole) + 127) << 23))


@step
def tone(linear: float) -> float:
    """Linear light to a display value 0 to 1, by a filmic curve (K. Narkowicz's fit of ACES) and a square root."""
    light = f32(0.72) * max(linear, ZERO)
    curve = light * (f32(2.51) * light + f32(0.03)) / (light * (f32(2.43) * light + f32(0.59)) + f32(0.14))
    return math.sqrt(min(curve, ONE))


@step
def sky(light: Bundle, dx: float, dy: float, dz: float, density: float) -> tuple[float, float, float]:
    """Linear light from a direction (any length) where clouds are so dense."""
    inverse = ONE / math.sqrt(dx * dx + dy * dy + dz * dz)
    up = max(dz * inverse, ZERO)
    k = ONE - exponential(f32(-5.5) * up)
    towards = max((dx * f32(light.sun_x) + dy * f32(light.sun_y) + dz * f32(light.sun_z)) * inverse, ZERO)
    glow = halo(towards)
    haze = f32(light.haze_red), f32(light.haze_green), f32(light.haze_blue)
    red = haze[0] * (ONE - k) + f32(0.10) * k + glow
    green = haze[1] * (ONE - k) + f32(0.26) * k + f32(0.9) * glow
    blue = haze[2] * (ONE - k) + f32(0.68) * k + f32(0.7) * glow
    density = density * min(ONE, f32(6) * up) if up > LOWEST_CLOUD else ZERO
    bright = f32(0.95) + HALF * glow
    return (
        red + density * (bright - red),
        green + density * (bright - green),
        blue + density * (f32(1.02) * bright - blue),
    )


@step
def halo(towards: float) -> float:
    """The glow around the sun: 0.35 cos^6 + 0.9 cos^300."""
    second = towards * towards
    fourth = second * second
    eighth = fourth * fourth
    high = eighth * eighth * eighth * eighth  # 32
    highest = high * high
    highest = highest * highest * highest * highest  # 256
    return f32(0.35) * fourth * second + f32(0.9) * highest * high * eighth * fourth


@step
def locate(stage: Stage, view: int, n: int, column: float, row: float, patch: Bundle, count: int) -> None:
    """Where gathered rays meet body n, in its axes and in the world; or where they go in the SKY."""
    world, count = len(stage.bodies), padded(count)
    seen = seen_by(stage.rays, view, world, column, row)
    for k in range(count):
        x, y = patch.x[k], patch.y[k]
        patch.gx[k], patch.gy[k], patch.gz[k] = towards(seen[0], x, y), towards(seen[1], x, y), towards(seen[2], x, y)
        patch.reach[k] = patch.depth[k]
    if n == SKY:
        return
    place(stage.rays, view, n, column, row, patch, count)
    out = mapped(stage.maps, view // 2, n, 0)
    for k in range(count):
        x, y, z = patch.px[k], patch.py[k], patch.pz[k]
        patch.wx[k], patch.wy[k], patch.wz[k] = point(out[0], x, y, z), point(out[1], x, y, z), point(out[2], x, y, z)


@loops
def shade(stage: Stage, time: int, n: int, patch: Bundle, count: int, space: Scratch) -> None:
    """Linear light that body n sends back from points whose places, rays and reach are known."""
    lay(stage.bodies, n, patch, count)
    _orient(stage, time, n, patch, padded(count))
    shine(stage, time, n, patch, count, space.sun_rays[0], space.sun_patch[0], space.flags, space.names)
    _vary(stage, time, n, patch, padded(count))
    _light(stage, time, n, patch, padded(count))


@step
def _orient(stage: Stage, time: int, n: int, patch: Bundle, count: int) -> None:
    """Normals in the world, towards the rays' origins; how they turn to the sun; and how wide a pixel is, texels."""
    light, (a, b, c) = stage.air[time], mapped(stage.maps, time, n, 12)
    sun_x, sun_y, sun_z = f32(light.sun_x), f32(light.sun_y), f32(light.sun_z)
    scale = f32(light.pixel_rad * stage.bodies[n].texels_per_m)
    for k in range(count):
        x, y, z = patch.nx[k], patch.ny[k], patch.nz[k]
        nx, ny = a[0] * x + b[0] * y + c[0] * z, a[1] * x + b[1] * y + c[1] * z  # normals go by the transpose
        nz = a[2] * x + b[2] * y + c[2] * z
        gx, gy, gz = patch.gx[k], patch.gy[k], patch.gz[k]
        along = nx * gx + ny * gy + nz * gz
        unit = ONE / math.sqrt(nx * nx + ny * ny + nz * nz)
        facing = abs(along) * unit / math.sqrt(gx * gx + gy * gy + gz * gz)
        unit = -unit if along > ZERO else unit
        patch.nx[k], patch.ny[k], patch.nz[k] = nx * unit, ny * unit, nz * unit
        patch.towards[k] = (nx * sun_x + ny * sun_y + nz * sun_z) * unit
        patch.wide[k] = patch.reach[k] * scale / math.sqrt(max(facing, f32(0.04)))


@step
def _vary(stage: Stage, time: int, n: int, patch: Bundle, count: int) -> None:
    """How much brighter a coarse noise makes points, to `red`."""
    macro, tile = f32(stage.bodies[n].macro), stage.air[time].macro_tile
    if macro > ZERO:
        mix_one_level(stage.quads, tile, patch, count, MACRO, False)
        for k in range(count):
            patch.red[k] = ONE + macro * (patch.weight[k] - HALF)
    else:
        for k in range(count):
            patch.red[k] = ONE


@step
def _light(stage: Stage, time: int, n: int, patch: Bundle, count: int) -> None:
    """Albedo times what sun and sky give."""
    body, light = stage.bodies[n], stage.air[time]
    cutout = body.cutout != 0
    find_two_levels(patch, count, body.clamped != 0)
    fetch(stage.texels, body.tile, patch, count)
    tint_red, tint_green, tint_blue = f32(body.red), f32(body.green), f32(body.blue)
    sun_red, sun_green, sun_blue = f32(light.sun_light_red), f32(light.sun_light_green), f32(light.sun_light_blue)
    sky_red, sky_green, sky_blue = f32(light.sky_light_red), f32(light.sky_light_green), f32(light.sky_light_blue)
    for k in range(count):
        red, green, blue = sample(patch, k, 0), sample(patch, k, 8), sample(patch, k, 16)
        towards, vary = patch.towards[k], patch.red[k]
        direct = f32(0.35) + HALF * abs(towards) if cutout else max(towards, ZERO)  # leaves and hair let light through
        direct = direct if patch.lit[k] else ZERO
        ambient = f32(0.62) + f32(0.38) * patch.nz[k]
        patch.red[k] = red * red * tint_red * vary * (sun_red * direct + sky_red * ambient)
        patch.green[k] = green * green * tint_green * vary * (sun_green * direct + sky_green * ambient)
        patch.blue[k] = blue * blue * tint_blue * vary * (sun_blue * direct + sky_blue * ambient)


@loops
def shade_sky(stage: Stage, time: int, patch: Bundle, count: int) -> None:
    """Linear light from where there is nothing."""
    light, count = stage.air[time], padded(count)
    pixel, clouds = f32(EDGE_PX * light.pixel_rad) * CLOUDS, f32(light.clouds)
    for k in range(count):
        gx, gy, gz = patch.gx[k], patch.gy[k], patch.gz[k]
        up = gz / math.sqrt(gx * gx + gy * gy + gz * gz)
        high = up > LOWEST_CLOUD
        slope = CLOUDS / (gz if high else ONE)
        patch.u[k], patch.v[k], patch.wide[k] = gx * slope, gy * slope, pixel / (up * up if high else ONE)
    mix_one_level(stage.quads, light.cloud_tile, patch, count, ONE, False)
    for k in range(count):
        density = clouds * patch.weight[k]
        gx, gy, gz = patch.gx[k], patch.gy[k], patch.gz[k]
        patch.red[k], patch.green[k], patch.blue[k] = sky(light, gx, gy, gz, density)


@step
def haze(light: Bundle, patch: Bundle, count: int) -> None:
    """What is left of light after its way through the air, with the air's own."""
    red, green, blue = f32(light.haze_red), f32(light.haze_green), f32(light.haze_blue)
    density = f32(1 / light.fog_m)
    for k in range(padded(count)):
        gx, gy, gz = patch.gx[k], patch.gy[k], patch.gz[k]
        clear = exponential(-patch.depth[k] * math.sqrt(gx * gx + gy * gy + gz * gz) * density)
        patch.red[k] = patch.red[k] * clear + red * (ONE - clear)
        patch.green[k] = patch.green[k] * clear + green * (ONE - clear)
        patch.blue[k] = patch.blue[k] * clear + blue * (ONE - clear)


@step
def list_all(rays: Bundle, count: int) -> None:
    """Let `rest` be all rays, and `own`, too."""
    for i in range(count):
        rays.rest[i] = u32(i)
    for i in range(count):
        rays.own[i] = u32(i)


@loops
def part(rays: Bundle, left: int, count: int) -> int:
    """Divide the first `left` rays in `rest` into `own`, which met the same body as the first of them, and `rest`.

    Of `count` rays, which are in order at first. Returns how many are `own`.
    """
    n = rays.body[rays.rest[0]]
    if left == count:
        same = i32(0)
        for i in range(count):
            same += i32(1) if rays.body[i] == n else i32(0)
        if same == count:  # `own` is all of them as it stands
            return count
    own, rest = 0, 0
    for k in range(left):
        i = rays.rest[k]
        rays.own[own] = i
        rays.rest[rest] = i
        mine = 1 if rays.body[i] == n else 0
        own += mine
        rest += 1 - mine
    return own


@step
def gather(rays: Bundle, patch: Bundle, own: int, count: int) -> None:
    """Places, depths and hints of the rays that `own` lists, of `count` rays in all."""
    if own == count:
        for k in range(padded(own)):
            patch.x[k], patch.y[k], patch.depth[k], patch.lit[k] = rays.x[k], rays.y[k], rays.depth[k], rays.lit[k]
        return
    for k in range(own):
        i = rays.own[k]
        if is_wild(i):
            break
        patch.x[k], patch.y[k], patch.depth[k], patch.lit[k] = rays.x[i], rays.y[i], rays.depth[i], rays.lit[i]


@step
def give_back(rays: Bundle, patch: Bundle, own: int, count: int, n: int) -> None:
    """Write points' display colours and patches to the rays that met them."""
    for k in range(padded(own)):
        patch.red[k], patch.green[k], patch.blue[k] = tone(patch.red[k]), tone(patch.green[k]), tone(patch.blue[k])
        patch.lit[k] = i32(SKY_KEY) if n == SKY else i32(n * 16 + patch.face[k] * 2 + patch.lit[k])
    if own == count:
        for k in range(padded(own)):
            rays.red[k], rays.green[k], rays.blue[k] = patch.red[k], patch.green[k], patch.blue[k]
            rays.key[k] = patch.lit[k]
        return
    for k in range(own):
        i = rays.own[k]
        if is_wild(i):
            break
        rays.red[i], rays.green[i], rays.blue[i] = patch.red[k], patch.green[k], patch.blue[k]
        rays.key[i] = patch.lit[k]
