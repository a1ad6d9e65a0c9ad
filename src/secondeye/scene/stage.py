"""Set a world up for the kernels: maps, materials, and the lists of what may show where."""

import math

import numpy as np

from secondeye.compiled import kernel
from secondeye.scene.bundle import AIR, BLOCK_PX, BODY, Ints, Longs, Records, Stage
from secondeye.scene.camera import Array, Views
from secondeye.scene.paint import EDGE_PX
from secondeye.scene.tiles import atlas, words
from secondeye.scene.world import Shape, World, inverse, poses

CORNERS = np.array([[x, y, z] for x in (-1.0, 1.0) for y in (-1.0, 1.0) for z in (-1.0, 1.0)])

ROOM_M = 1e-3

NOWHERE = np.array([1e9, 1e9, -1e9, -1e9])


def stage(world: World, cameras: Views, times_s: Array, width: int, height: int) -> Stage:
    """The world at each time; view 2 t is the left eye at time t, 2 t + 1 the right one."""
    to_world = poses(world, times_s)
    to_local = inverse(to_world)
    sun = _unit(np.asarray(world.air.sun, np.float64))
    axes = np.stack([_unit(np.cross([0.0, 1.0, 0.1], sun)), sun])
    axes = np.stack([axes[0], np.cross(sun, axes[0]), sun])
    flat = (*to_world.shape[:2], 12)
    bounds, shades = _sunlight(world, to_world, axes)
    maps = np.concatenate([to_world.reshape(flat), to_local.reshape(flat), to_local[..., :3] @ sun, bounds], -1)
    rays, start, listed = _views(world, to_world, to_local, cameras, width, height)
    bodies, air = _bodies(world), _air(world, axes, len(to_world), float(cameras.lens[0, 0, 0, 0]))
    return Stage(bodies, air, words(), maps, rays, shades, start, listed)


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


def _views(
    world: World, to_world: Array, to_local: Array, cameras: Views, width: int, height: int
) -> tuple[Array, Longs, Ints]:
    """rays, start and listed of a Stage."""
    times, count = to_local.shape[:2]
    linear = cameras.rays()
    origin = np.einsum("tnij,tvj->tvni", to_local[..., :3], cameras.position) + to_local[:, None, :, :, 3]
    local = to_local[:, None, :, :, :3] @ linear[:, :, None]
    boxes, near = _boxes(world, to_world, cameras.projections(), width, height)
    rays = np.zeros((times, 2, count + 1, 17))
    rays[:, :, :count] = np.concatenate([origin, local.reshape(times, 2, count, 9), near[..., None], boxes], -1)
    rays[:, :, count, :12] = np.concatenate([cameras.position, linear.reshape(times, 2, 9)], -1)
    rows, columns = -(-height // BLOCK_PX), -(-width // BLOCK_PX)
    lists = _lists(
        (boxes.reshape(-1, count, 4) + 0.5) / BLOCK_PX, _urgency(world, near).reshape(-1, count), rows, columns
    )
    return rays.reshape(2 * times, count + 1, 17), *lists


def _boxes(world: World, to_world: Array, projections: Array, width: int, height: int) -> tuple[Array, Array]:
    """Where each body may show, (T, 2, N, 4) left, top, right, bottom in px, some room added; and its nearest depth."""
    corners = to_world[..., :3] @ CORNERS.T + to_world[..., 3:]  # (T, N, 3, 8)
    seen = projections[:, :, None, :, :3] @ corners[:, None] + projections[:, :, None, :, 3:]
    depth = seen[..., 2, :]
    with np.errstate(divide="ignore", invalid="ignore"):
        pixels = seen[..., :2, :] / depth[..., None, :]
    boxes = np.concatenate([pixels.min(-1) - 1.0, pixels.max(-1) + 1.0], -1)
    endless = np.array([body.shape == Shape.GROUND for body in world.bodies])
    boxes[endless | (depth < 0.01).any(-1)] = [-1, -1, width, height]
    boxes[~endless & (depth < 0).all(-1)] = NOWHERE
    return boxes, np.where(endless, 0.0, np.maximum(depth.min(-1), 0.0))


def _sunlight(world: World, to_world: Array, axes: Array) -> tuple[Array, Ints]:
    """Each body's bounds along the sun's three axes, (T, N, 6), some room added, and the bodies that cast shadows."""
    corners = to_world[..., :3] @ CORNERS.T + to_world[..., 3:]  # (T, N, 3, 8)
    along = np.einsum("ki,tnij->tnkj", axes, corners)
    bounds = np.concatenate([along.min(-1) - ROOM_M, along.max(-1) + ROOM_M], -1)
    casts = np.array([body.casts_shadow and body.shape != Shape.GROUND for body in world.bodies])
    bounds[:, ~casts] = [1e9, 1e9, 1e9, -1e9, -1e9, -1e9]
    order = np.argsort(_urgency(world, np.zeros(len(casts))), kind="stable")
    return bounds, order[casts[order]].astype(np.int32)


def _urgency(world: World, near: Array) -> Array:
    """By what lists are sorted, (..., N): solid bodies first, then by their nearest depth."""
    return near + 1e6 * np.array([body.material.cutout for body in world.bodies])


def _lists(boxes: Array, urgency: Array, rows: int, columns: int) -> tuple[Longs, Ints]:
    """Lists per block, as starts and bodies, from boxes (V, N, 4) in blocks: left, top, right, bottom."""
    blocks = np.clip(np.floor(boxes), [0, 0, -1, -1], [columns, rows, columns - 1, rows - 1]).astype(np.int32)
    order = np.argsort(urgency, -1, kind="stable").astype(np.int32)
    return _listed(np.ascontiguousarray(blocks), order, rows, columns)


@kernel
def _listed(blocks: Ints, order: Ints, rows: int, columns: int) -> tuple[Longs, Ints]:
    """Count, then write, the bodies of each block in `order`; one extra column closes each row's last list."""
    start = np.zeros((len(blocks), rows, columns + 1), np.int64)
    for v in range(len(blocks)):
        for n in range(blocks.shape[1]):
            for j in range(blocks[v, n, 1], blocks[v, n, 3] + 1):
                for i in range(blocks[v, n, 0], blocks[v, n, 2] + 1):
                    start[v, j, i] += 1
    counts = start.ravel()
    ends = np.cumsum(counts)
    bodies = np.empty(ends[-1], np.int32)
    counts[:] = ends - counts
    fill = start.copy()
    for v in range(len(blocks)):
        for n in order[v]:
            for j in range(blocks[v, n, 1], blocks[v, n, 3] + 1):
                for i in range(blocks[v, n, 0], blocks[v, n, 2] + 1):
                    bodies[fill[v, j, i]] = n
                    fill[v, j, i] += 1
    return start, bodies
