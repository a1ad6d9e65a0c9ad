"""Mirrors and glass: what they show is matte in its turn."""

import math

from secondeye.scene.bundle import INF, SKY, Bundle, Scratch, Stage, f32, i64
from secondeye.scene.lanes import loops, padded, step
from secondeye.scene.meeting import ask_freely, reset, to_body
from secondeye.scene.shading import haze, list_all, part, shade, shade_sky
from secondeye.scene.shapes import ONE
from secondeye.scene.world import Finish

MATTE, MIRROR = int(Finish.MATTE), int(Finish.MIRROR)
BOUNCED_SPREAD = f32(0.002)


@loops
def gloss(stage: Stage, time: int, n: int, space: Scratch, count: int) -> None:
    """Let points of a mirror or a pane of glass, whose own light is in their patch, show what they face.

    A mirror sends back nine tenths of it. Glass reflects by Schlick's rule and lets the rest through straight, tinted.
    """
    patch, bounced, body = space.patch[0], space.bounced[0], stage.bodies[n]
    _leave(patch, bounced, count, f32(2))
    _arrive(stage, time, n, space, count)
    if body.finish == MIRROR:
        _mix(patch, bounced, count, f32(0.1), f32(0.9))
        return
    red, green, blue = f32(body.red), f32(body.green), f32(body.blue)
    for k in range(count):
        patch.wide[k] = _share(patch, k)
        share = patch.wide[k]
        patch.red[k], patch.green[k] = share * bounced.red[k], share * bounced.green[k]
        patch.blue[k] = share * bounced.blue[k]
    _leave(patch, bounced, count, f32(0))
    _arrive(stage, time, n, space, count)
    for k in range(count):
        rest = ONE - patch.wide[k]
        patch.red[k] += rest * red * bounced.red[k]
        patch.green[k] += rest * green * bounced.green[k]
        patch.blue[k] += rest * blue * bounced.blue[k]


@step
def _share(patch: Bundle, k: int) -> float:
    """How much of the light glass reflects."""
    gx, gy, gz = patch.gx[k], patch.gy[k], patch.gz[k]
    along = -(patch.nx[k] * gx + patch.ny[k] * gy + patch.nz[k] * gz) / math.sqrt(gx * gx + gy * gy + gz * gz)
    rest = ONE - min(along, ONE)
    return f32(f32(0.05) + f32(0.95) * rest * rest * rest * rest * rest)


@step
def _mix(patch: Bundle, bounced: Bundle, count: int, own: float, other: float) -> None:
    for k in range(count):
        patch.red[k] = own * patch.red[k] + other * bounced.red[k]
        patch.green[k] = own * patch.green[k] + other * bounced.green[k]
        patch.blue[k] = own * patch.blue[k] + other * bounced.blue[k]


@step
def _leave(patch: Bundle, bounced: Bundle, count: int, turn: float) -> None:
    """Rays on from points: turned back by their normals if `turn` is 2, straight on if it is 0."""
    for k in range(count):
        gx, gy, gz = patch.gx[k], patch.gy[k], patch.gz[k]
        nx, ny, nz = patch.nx[k], patch.ny[k], patch.nz[k]
        along = turn * (gx * nx + gy * ny + gz * nz)
        bounced.wx[k], bounced.wy[k], bounced.wz[k] = patch.wx[k], patch.wy[k], patch.wz[k]
        bounced.vx[k], bounced.vy[k], bounced.vz[k] = gx - along * nx, gy - along * ny, gz - along * nz


@loops
def _arrive(stage: Stage, time: int, but: int, space: Scratch, count: int) -> None:
    """Linear light that arrives along free rays, body `but` left out; asks all the others."""
    bounced, patch = space.bounced[0], space.bounced_patch[0]
    reset(bounced, count, INF)
    for n in range(len(stage.bodies)):
        if n != but:
            ask_freely(stage, time, n, bounced, patch, padded(count), BOUNCED_SPREAD)
    list_all(bounced, count)
    left = count
    while left:
        n = i64(bounced.body[bounced.rest[0]])
        own = part(bounced, left, count)
        _locate(stage, time, n, bounced, patch, own)
        if n == SKY:
            shade_sky(stage, time, patch, own)
        else:
            shade(stage, time, n, patch, own, space)
            haze(stage.air[time], patch, own)
        for k in range(own):
            i = bounced.own[k]
            bounced.red[i], bounced.green[i], bounced.blue[i] = patch.red[k], patch.green[k], patch.blue[k]
        left -= own


@step
def _locate(stage: Stage, time: int, n: int, rays: Bundle, patch: Bundle, count: int) -> None:
    """Where free rays meet body n; pixels count twice as wide there."""
    for k in range(count):
        i = rays.own[k]
        gx, gy, gz, t = rays.vx[i], rays.vy[i], rays.vz[i], rays.depth[i]
        patch.gx[k], patch.gy[k], patch.gz[k] = gx, gy, gz
        patch.depth[k], patch.lit[k] = t, -1
        patch.reach[k] = f32(2) * t * math.sqrt(gx * gx + gy * gy + gz * gz)
        patch.wx[k], patch.wy[k], patch.wz[k] = rays.wx[i] + t * gx, rays.wy[i] + t * gy, rays.wz[i] + t * gz
    if n != SKY:
        to_body(stage.maps, time, n, patch, count)
