"""Set a world up for the kernels: maps, materials, and where what may show."""

import math

import numpy as np

from secondeye.scene.bundle import AIR, BODY, Bools, Floats, Ints, Records, Stage
from secondeye.scene.camera import Array, Views
from secondeye.scene.paint import EDGE_PX
from secondeye.scene.tiles import atlas, pairs, quads
from secondeye.scene.world import Finish, Shape, World, inverse, poses

CORNERS = np.array([[x, y, z] for x in (-1.0, 1.0) for y in (-1.0, 1.0) for z in (-1.0, 1.0)])

ROOM_M = 1e-3

EVERYWHERE = np.array([-1e9, -1e9, 1e9, 1e9])
NOWHERE = -EVERYWHERE


def stage(world: World, cameras: Views, times_s: Array) -> Stage:
    """The world at each time; view 2 t is the left eye at time t, 2 t + 1 the right one."""
    to_world = poses(world, times_s)
    to_local = inverse(to_world)
    sun = _unit(np.asarray(world.air.sun, np.float64))
    axes = np.stack([_unit(np.cross([0.0, 1.0, 0.1], sun)), sun])
    axes = np.stack([axes[0], np.cross(sun, axes[0]), sun])
    flat = (*to_world.shape[:2], 12)
    bounds, shades = _sunlight(world, to_world, axes)
    maps = np.concatenate([to_world.reshape(flat), to_local.reshape(flat), to_local[..., :3] @ sun, bounds], -1)
    rays, order, boxes = _views(world, to_world, to_local, cameras)
    bodies, air = _bodies(world), _air(world, axes, len(to_world), float(cameras.lens[0, 0, 0, 0]))
    glossy = bool((bodies["finish"] != Finish.MATTE).any())
    shadows = np.ascontiguousarray(bounds[:, shades].transpose(0, 2, 1), np.float32)
    still = _stillness(to_world, bounds, rays, order, boxes)
    return Stage(bodies, air, pairs(), quads(), maps, rays, shades, shadows, order, boxes, glossy, *still)


def _stillness(to_world: Array, bounds: Array, rays: Array, order: Ints, boxes: Floats) -> tuple[Bools, Floats, Floats]:
    """rests, sweeps and swept of a Stage; of cameras that do not rest, nothing is said."""
    rests = np.zeros(len(rays), np.bool_)
    rests[2:] = (rays[2:, -1] == rays[:-2, -1]).all(-1)
    if not rests.any():
        return rests, np.zeros((len(rays), 4, 0), np.float32), np.zeros((len(bounds), 6, 0), np.float32)
    movers = np.flatnonzero((to_world != to_world[:1]).any((0, 2, 3)))
    places = np.argsort(order, -1)[:, None, movers]
    now = np.take_along_axis(boxes[:, :4], places, -1)
    return rests, _united(now, 2, 2), _united(bounds[:, movers].transpose(0, 2, 1), 1, 3)


def _united(bounds: Array | Floats, before: int, lowest: int) -> Floats:
    """Bounds (T, 2 lowest, M) that hold what they are now and what they were, so many rows before."""
    then = np.concatenate([bounds[:before], bounds[:-before]])
    parts = np.minimum(bounds[:, :lowest], then[:, :lowest]), np.maximum(bounds[:, lowest:], then[:, lowest:])
    return np.ascontiguousarray(np.concatenate(parts, 1), np.float32)


def _unit(vector: Array) -> Array:
    result: Array = vector / np.linalg.norm(vector)
    return result


def _bodies(world: World) -> Records:
    """(N,) of BODY."""
    table = np.zeros(len(world.bodies), BODY).view(np.recarray)
    for row, body in zip(table, world.bodies, strict=True):
        look = body.material
        row["kind"], row["tile"] = body.shape, atlas().index[look.tile]
        row["cutout"], row["clamped"], row["finish"] = look.cutout, look.tile_m == 0, look.finish
        row["red"], row["green"], row["blue"] = look.tint
        row["macro"] = look.macro
        round_about = body.shape >= Shape.SPHERE
        span = 2 * np.asarray(body.half_size) * np.array([math.pi if round_about else 1.0, 1.0, 1.0])
        repeats = span / look.tile_m if look.tile_m else np.ones(3)
        if round_about:  # a whole number of tiles, so that no seam shows
            repeats[0] = max(round(repeats[0]), 1)
        row["repeat_x"], row["repeat_y"], row["repeat_z"] = repeats
        row["texels_per_m"] = EDGE_PX / (look.tile_m or math.sqrt(np.prod(np.sort(span)[1:])))
    return table


def _air(world: World, axes: Array, times: int, pixel_rad: float) -> Records:
    """(T,) of AIR."""
    air, table = world.air, np.zeros(times, AIR).view(np.recarray)
    for name in ("sun_light", "sky_light", "haze"):
        for colour, value in zip(("red", "green", "blue"), getattr(air, name), strict=True):
            table[f"{name}_{colour}"] = value
    for name, axis in zip(("across", "upwards", "sun"), axes, strict=True):
        for letter, value in zip("xyz", axis, strict=True):
            table[f"{name}_{letter}"] = value
    table["fog_m"], table["clouds"], table["shadows"] = air.fog_m, air.clouds, air.shadows
    table["pixel_rad"] = pixel_rad
    table["macro_tile"], table["cloud_tile"] = atlas().index["macro"], atlas().index["cloud"]
    return table


def _views(world: World, to_world: Array, to_local: Array, cameras: Views) -> tuple[Array, Ints, Floats]:
    """rays, order and boxes of a Stage."""
    times, count = to_local.shape[:2]
    linear = cameras.rays()
    origin = np.einsum("tnij,tvj->tvni", to_local[..., :3], cameras.position) + to_local[:, None, :, :, 3]
    local = to_local[:, None, :, :, :3] @ linear[:, :, None]
    boxes, near = _boxes(world, to_world, cameras.projections())
    rays = np.zeros((times, 2, count + 1, 13))
    rays[:, :, :count] = np.concatenate([origin, local.reshape(times, 2, count, 9), near[..., None]], -1)
    rays[:, :, count, :12] = np.concatenate([cameras.position, linear.reshape(times, 2, 9)], -1)
    order = np.argsort(_urgency(world, near), -1, kind="stable").reshape(2 * times, count)
    shows = np.concatenate([boxes, near[..., None]], -1).reshape(2 * times, count, 5)
    shows = np.take_along_axis(shows, order[..., None], 1).transpose(0, 2, 1)
    return rays.reshape(2 * times, count + 1, 13), order.astype(np.int32), np.ascontiguousarray(shows, np.float32)


def _boxes(world: World, to_world: Array, projections: Array) -> tuple[Array, Array]:
    """Where each body may show, (T, 2, N, 4) left, top, right, bottom in px, some room added; and its nearest depth."""
    kinds = np.array([body.shape for body in world.bodies])
    centre = to_world[:, None, :, :, 3] @ np.moveaxis(projections[..., :3], -1, -2) + projections[:, :, None, :, 3]
    axes = projections[:, :, None, :, :3] @ to_world[:, None, :, :, :3]  # (T, 2, N, 3, 3), both in px times depth
    low, _ = _reach(kinds, axes[..., 2, :])
    near = centre[..., 2] + low
    with np.errstate(divide="ignore", invalid="ignore"):
        boxes = np.where(
            (kinds >= Shape.SPHERE)[:, None], _round_boxes(kinds, centre, axes), _flat_boxes(kinds, centre, axes)
        )
    boxes += [-1.0, -1.0, 1.0, 1.0]
    _, high = _reach(kinds, axes[..., 2, :])
    boxes[near < 0.01] = EVERYWHERE
    boxes[(centre[..., 2] + high < 0) & (kinds != Shape.GROUND)] = NOWHERE
    boxes[:, :, kinds == Shape.GROUND] = EVERYWHERE
    return boxes, np.where(kinds == Shape.GROUND, 0.0, np.maximum(near * (1 - 1e-6), 0.0))


def _flat_boxes(kinds: Array, centre: Array, axes: Array) -> Array:
    """Bounds in px of what has corners, (..., N, 4), from its centre (..., N, 3) and half axes (..., N, 3, 3)."""
    thick = np.stack([np.ones(len(kinds)), np.ones(len(kinds)), kinds != Shape.QUAD], -1)
    corners = centre[..., None] + (axes * thick[:, None, :]) @ CORNERS.T
    pixels = corners[..., :2, :] / corners[..., 2:, :]
    result: Array = np.concatenate([pixels.min(-1), pixels.max(-1)], -1)
    return result


def _round_boxes(kinds: Array, centre: Array, axes: Array) -> Array:
    """Bounds in px of spheres, and of cylinders and cones as what spans two discs, in the same form.

    A disc or a sphere is seen within x and y where the plane through the eye touches it: where the square of
    (centre - x depth) is the sum of those of its half axes.
    """
    is_sphere, is_cone, ends = kinds == Shape.SPHERE, kinds == Shape.CONE, []
    for end in (-1.0, 1.0):
        middle = centre + np.where(is_sphere, 0.0, end)[:, None] * axes[..., 2]
        wide = np.where(is_cone & (end > 0), 0.0, 1.0)
        reach = axes * np.stack([wide, wide, is_sphere], -1)[:, None, :]
        a = middle[..., 2:] ** 2 - (reach[..., 2:, :] ** 2).sum(-1)
        b = middle[..., :2] * middle[..., 2:] - (reach[..., :2, :] * reach[..., 2:, :]).sum(-1)
        c = middle[..., :2] ** 2 - (reach[..., :2, :] ** 2).sum(-1)
        root = np.sqrt(np.maximum(b * b - a * c, 0.0))
        ends.append(((b - root) / a, (b + root) / a))
    result: Array = np.concatenate([np.minimum(ends[0][0], ends[1][0]), np.maximum(ends[0][1], ends[1][1])], -1)
    return result


def _reach(kinds: Array, along: Array) -> tuple[Array, Array]:
    """How far bodies reach from their centre along a direction, which has products `along` (..., N, 3) with their axes.

    Both ways: the lowest, which is negative, and the highest.
    """
    size, disc = np.abs(along), np.hypot(along[..., 0], along[..., 1])
    boxed = np.where(kinds == Shape.QUAD, size[..., 0] + size[..., 1], size.sum(-1))
    round_about = np.where(kinds == Shape.SPHERE, np.hypot(disc, along[..., 2]), disc + size[..., 2])
    even = np.where(kinds >= Shape.SPHERE, round_about, boxed)
    apex, is_cone = along[..., 2], kinds == Shape.CONE
    low = np.where(is_cone, np.minimum(-apex - disc, apex), -even)
    return low, np.where(is_cone, np.maximum(-apex + disc, apex), even)


def _sunlight(world: World, to_world: Array, axes: Array) -> tuple[Array, Ints]:
    """Each body's bounds along the sun's three axes, (T, N, 6), some room added, and the bodies that cast shadows."""
    kinds = np.array([body.shape for body in world.bodies])
    along = np.einsum("ki,tnij->tknj", axes, to_world)
    low, high = _reach(kinds, along[..., :3])
    centre = along[..., 3]
    bounds = np.concatenate([centre + low - ROOM_M, centre + high + ROOM_M], 1).transpose(0, 2, 1)
    casts = np.array([body.casts_shadow and body.shape != Shape.GROUND for body in world.bodies])
    bounds[:, ~casts] = [1e9, 1e9, 1e9, -1e9, -1e9, -1e9]
    order = np.argsort(_urgency(world, np.zeros(len(casts))), kind="stable")
    return bounds, order[casts[order]].astype(np.int32)


def _urgency(world: World, near: Array) -> Array:
    """By what lists are sorted, (..., N): solid bodies first, then by their nearest depth."""
    return near + 1e6 * np.array([body.material.cutout for body in world.bodies])
