"""The ray caster in plain torch, for any device: asks every body about every ray, and needs no lists.

It is the readable twin of the compiled kernels, which must agree with it, and the way that worlds are rendered on a
GPU. Rays are rows of a batch: K rays, each with its view; functions take and give tensors (K,).
"""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from secondeye.scene.bundle import SKY, Stage
from secondeye.scene.paint import EDGE_PX
from secondeye.scene.shapes import BOX, CONE, CYLINDER, GROUND, QUAD, SPHERE
from secondeye.scene.tiles import LEVELS, atlas

INF = torch.inf

NEAREST_M = 1e-4
SAME_DEPTH = 1e-6
"""Two rays that meet a point give depths that agree to that share of it."""


class World(NamedTuple):
    """A `bundle.Stage` as tensors on a device; see there."""

    bodies: dict[str, Tensor]
    air: dict[str, Tensor]
    texels: Tensor
    maps: Tensor
    rays: Tensor


class Hits(NamedTuple):
    """What K rays meet: key, depth in m, and display colour (K, 3)."""

    key: Tensor
    depth: Tensor
    rgb: Tensor


def on_device(built: Stage, device: torch.device | str) -> World:
    """The stage as tensors."""

    def columns(table: np.ndarray) -> dict[str, Tensor]:
        return {
            name: torch.from_numpy(np.ascontiguousarray(table[name])).to(device) for name in table.dtype.names or ()
        }

    arrays = (torch.from_numpy(array).to(device) for array in (atlas().texels, built.maps, built.rays))
    return World(columns(built.bodies), columns(built.air), *arrays)


def cast(world: World, views: Tensor, pixel: Tensor, limit: float = INF) -> tuple[Tensor, Tensor]:
    """The first body, or SKY, and its depth for rays through pixels (K, 3) as (x, y, 1)."""
    best = torch.full_like(pixel[:, 0], limit)
    found = torch.full_like(views, SKY)
    spread = float(world.air["pixel_rad"][0])
    for n in range(len(world.bodies["kind"])):
        seen = world.rays[views, n]
        t = first_hit(world, n, seen[:, :3], times(seen[:, 3:12], pixel), spread)
        found, best = torch.where(t < best, n, found), torch.minimum(t, best)
    return found, best


def times(matrix: Tensor, vector: Tensor) -> Tensor:
    """(K, 9) matrices, row by row, times (K, 3) vectors."""
    return (matrix.view(-1, 3, 3) @ vector[..., None])[..., 0]


def field_of(world: World, name: str, body: Tensor) -> Tensor:
    """A field of each ray's body; the sky's rays get some body's."""
    return world.bodies[name][body.clamp(min=0)]


def first_hit(world: World, n: int, origin: Tensor, direction: Tensor, spread: float) -> Tensor:
    """Where rays (K, 3), in body n's axes, first meet it, or infinity."""
    enter, leave = meet(int(world.bodies["kind"][n]), origin, direction)
    missed = ~(leave >= enter) | (leave < NEAREST_M)
    if not world.bodies["cutout"][n]:
        return torch.where(missed, INF, torch.where(enter >= NEAREST_M, enter, leave))
    result = torch.full_like(enter, INF)
    for t in (leave, enter):
        here = (~missed & (t >= NEAREST_M) & t.isfinite()).nonzero()[:, 0]
        at = t[here]
        point = origin[here] + at[:, None] * direction[here]
        solid = is_solid(world, n, point, at * spread)
        result[here[solid]] = at[solid]
    return result


def meet(kind: int, origin: Tensor, direction: Tensor) -> tuple[Tensor, Tensor]:
    """Where rays enter and leave a unit shape; see `shapes.meet`."""
    ox, oy, oz = origin.unbind(-1)
    dx, dy, dz = direction.unbind(-1)
    if kind == SPHERE:
        return _between_roots((direction**2).sum(-1), (origin * direction).sum(-1), (origin**2).sum(-1) - 1)
    if kind in (GROUND, QUAD):
        at = -oz / dz
        inside = ((ox + at * dx).abs() <= 1) & ((oy + at * dy).abs() <= 1) | (kind == GROUND)
        return torch.where(inside, at, INF), torch.where(inside, at, -INF)
    low, high = _slab(oz, dz)
    if kind == BOX:
        (x0, x1), (y0, y1) = _slab(ox, dx), _slab(oy, dy)
        return torch.maximum(low, torch.maximum(x0, y0)), torch.minimum(high, torch.minimum(x1, y1))
    if kind == CYLINDER:
        enter, leave = _between_roots(dx**2 + dy**2, ox * dx + oy * dy, ox**2 + oy**2 - 1)
    else:
        enter, leave = _cone(origin, direction)
    return torch.maximum(low, enter), torch.minimum(high, leave)


def _slab(o: Tensor, d: Tensor) -> tuple[Tensor, Tensor]:
    a, b = (-1 - o) / d, (1 - o) / d
    inside, still = o.abs() <= 1, d == 0
    low = torch.where(still, torch.where(inside, -INF, INF), torch.minimum(a, b))
    return low, torch.where(still, torch.where(inside, INF, -INF), torch.maximum(a, b))


def _between_roots(a: Tensor, half_b: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    root = half_b**2 - a * c
    missed = (root < 0) | (a < 1e-18)
    always = (a < 1e-18) & (c <= 0)
    root = root.clamp(min=0).sqrt()
    enter = torch.where(always, -INF, torch.where(missed, INF, (-half_b - root) / a))
    return enter, torch.where(always, INF, torch.where(missed, -INF, (-half_b + root) / a))


def _cone(origin: Tensor, direction: Tensor) -> tuple[Tensor, Tensor]:
    ox, oy, oz = origin.unbind(-1)
    dx, dy, dz = direction.unbind(-1)
    h, k = (1 - oz) / 2, dz / 2
    a, half_b, c = dx**2 + dy**2 - k**2, ox * dx + oy * dy + h * k, ox**2 + oy**2 - h**2
    enter, leave = _between_roots(a.clamp(min=0), half_b, c)
    root = (half_b**2 - a * c).clamp(min=0).sqrt()
    steep = a.clamp(max=-1e-18)
    first, second = (-half_b + root) / steep, (-half_b - root) / steep
    up, flat = dz > 0, a <= 1e-18
    enter = torch.where(flat, torch.where(up, -INF, torch.maximum(first, second)), enter)
    return enter, torch.where(flat, torch.where(up, torch.minimum(first, second), INF), leave)


def faces(world: World, body: Tensor, point: Tensor) -> Tensor:
    """Which smooth part of its body each point lies on; see `shapes.face_of`."""
    kind = field_of(world, "kind", body)
    size, (x, y, z) = point.abs(), point.unbind(-1)
    axis = torch.where(
        (size[:, 0] >= size[:, 1]) & (size[:, 0] >= size[:, 2]), 0, 2 - (size[:, 1] >= size[:, 2]).long()
    )
    box = 2 * axis + (point.gather(1, axis[:, None])[:, 0] >= 0)
    round_about = x**2 + y**2
    cylinder = torch.where(round_about >= z**2, 0, 4 + (z >= 0).long())
    base = (2 * round_about.sqrt() < (1 - z) * (1 - 1e-9)) & (z < -0.999999)
    face = torch.where(kind == BOX, box, torch.where(kind == CYLINDER, cylinder, 0))
    return torch.where(kind == CONE, torch.where(base, 4, 0), face)


def normals(world: World, body: Tensor, face: Tensor, point: Tensor) -> Tensor:
    """Outward normals (K, 3) of unit shapes, any length."""
    kind, (x, y, z) = field_of(world, "kind", body)[:, None], point.unbind(-1)
    zero, one = torch.zeros_like(x), torch.ones_like(x)
    result = torch.where(kind == SPHERE, point, torch.stack([zero, zero, one], -1))
    result = torch.where(kind == CYLINDER, torch.stack([x, y, zero], -1), result)
    result = torch.where(kind == CONE, torch.stack([x, y, (1 - z) / 4], -1), result)
    sides = torch.zeros_like(point).scatter_(1, face[:, None] // 2, (2 * (face % 2) - 1).to(point)[:, None])
    capped = (kind == BOX) | ((kind == CYLINDER) | (kind == CONE)) & (face[:, None] > 0)
    return torch.where(capped, sides, result)


def texture_of(world: World, body: Tensor, face: Tensor, point: Tensor) -> tuple[Tensor, Tensor]:
    """Texture positions in tiles; see `shapes.texture_of`."""
    kind, (x, y, z) = field_of(world, "kind", body), point.unbind(-1)
    rx, ry, rz = (field_of(world, f"repeat_{c}", body) for c in "xyz")
    u, v = (x + 1) / 2 * rx, (y + 1) / 2 * ry
    upright = (kind == BOX) & (face < 4)
    u = torch.where(upright & (face < 2), (y + 1) / 2 * ry, u)
    v = torch.where(upright, (z + 1) / 2 * rz, v)
    wound = (kind == SPHERE) | ((kind == CYLINDER) | (kind == CONE)) & (face == 0)
    v = torch.where(wound, (z + 1) / 2 * rz, v)
    v = torch.where(kind == SPHERE, (1 + z * (2 + z * z) / 3) / 2 * rz, v)
    return torch.where(wound, around(x, y) * rx, u), v


def around(x: Tensor, y: Tensor) -> Tensor:
    """Angles as shares of a turn; see `shapes.around`, whose small error is part of how textures lie."""
    across, along = x.abs(), y.abs()
    ratio = torch.minimum(across, along) / torch.maximum(across, along).clamp(min=1e-300)
    part = ratio * (0.125 + 0.0434 * (1 - ratio))
    part = torch.where(along > across, 0.25 - part, part)
    part = torch.where(x < 0, 0.5 - part, part)
    return torch.where(y >= 0, part, 1 - part)


def _level(wide: Tensor, turn: float) -> tuple[Tensor, Tensor]:
    """How often a footprint has to be halved to be below `turn` texels, at most to the last level; and what is left."""
    level = torch.zeros_like(wide, dtype=torch.long)
    for _ in range(LEVELS - 1):
        more = wide >= turn if turn == 2 else wide > turn
        wide, level = torch.where(more, wide / 2, wide), level + more
    return level, wide


def bilinear(world: World, tile: Tensor, level: Tensor, u: Tensor, v: Tensor, clamped: Tensor) -> Tensor:
    """(K, 4) texels 0 to 255, between four of one level."""
    edge = EDGE_PX >> level
    x, y = u * edge - 0.5, v * edge - 0.5
    i, j = x.floor().long(), y.floor().long()
    a, b = (x - i)[:, None], (y - j)[:, None]
    whole = EDGE_PX * EDGE_PX * 4
    first = (whole - (whole >> (2 * level))) // 3

    def texel(column: Tensor, row: Tensor) -> Tensor:
        kept = [torch.where(clamped > 0, t.clamp(min=0).minimum(edge - 1), t % edge) for t in (column, row)]
        return world.texels[tile, first + (edge - 1 - kept[1]) * edge + kept[0]].to(u)

    low = texel(i, j) * (1 - a) + texel(i + 1, j) * a
    high = texel(i, j + 1) * (1 - a) + texel(i + 1, j + 1) * a
    return low * (1 - b) + high * b


def sample(world: World, body: Tensor, u: Tensor, v: Tensor, wide: Tensor) -> Tensor:
    """(K, 3) display colours for footprints so many texels wide; see `texture.sample`."""
    level, left = _level(wide, 2)
    tile, clamped = field_of(world, "tile", body), field_of(world, "clamped", body)
    fine = bilinear(world, tile, level, u, v, clamped)
    coarse = bilinear(world, tile, (level + 1).clamp(max=LEVELS - 1), u, v, clamped)
    weight = torch.where(level == LEVELS - 1, 0.0, (left - 1).clamp(min=0))[:, None]
    return ((fine + weight * (coarse - fine)) / 255)[:, :3]


def channel(world: World, body: Tensor, c: int, u: Tensor, v: Tensor, wide: Tensor) -> Tensor:
    """One channel from the nearest level of each body's tile; see `texture.channel`."""
    level, _ = _level(wide, 2**0.5)
    values = bilinear(world, field_of(world, "tile", body), level, u, v, field_of(world, "clamped", body))
    return values[:, c] / 255


def plain_channel(world: World, tile: Tensor, c: int, u: Tensor, v: Tensor, wide: Tensor) -> Tensor:
    level, _ = _level(wide, 2**0.5)
    return bilinear(world, tile, level, u, v, torch.zeros_like(tile))[:, c] / 255


def follow(
    world: World,
    projections: Tensor,
    views: Tensor,
    targets: Tensor,
    columns: Tensor,
    rows: Tensor,
    hits: Hits,
    size: tuple[int, int],
) -> tuple[Tensor, Tensor]:
    """Where the points that rays met are in other views: displacement (K, 2) px and whether visible there.

    Args:
        projections: (all views, 3, 4), world point to pixel times depth.
        views, targets: (K,), where each ray comes from and where its point is looked for.
        size: width and height of the frame, px.
    """
    body, pixel = hits.key >> 4, torch.stack([columns, rows, torch.ones_like(rows)], -1)
    seen = world.rays[views, body.clamp(min=0)]
    depth = torch.where(body == SKY, 1.0, hits.depth)
    point = seen[:, :3] + depth[:, None] * times(seen[:, 3:12], pixel)
    matrix = world.maps[targets // 2, body.clamp(min=0), :12].view(-1, 3, 4)
    place = (matrix[:, :, :3] @ point[..., None])[..., 0] + matrix[:, :, 3]
    direction = times(world.rays[views, -1, 3:12], pixel)
    endless = (body == SKY)[:, None]
    place = torch.cat([torch.where(endless, direction, place), torch.where(endless, 0.0, 1.0).to(place)], -1)
    x, y, z = (projections[targets] @ place[..., None])[..., 0].unbind(-1)
    u, v = x / z, y / z
    inside = (z > 0) & (u >= -0.5) & (u < size[0] - 0.5) & (v >= -0.5) & (v < size[1] - 0.5)
    _, first = cast(world, targets, torch.stack([u, v, torch.ones_like(u)], -1))
    hidden = torch.where(body == SKY, first < INF, first < z * (1 - SAME_DEPTH))
    visible = inside & ~hidden
    for n in sorted(set(body[visible & (body != SKY)].tolist())):
        if world.bodies["cutout"][n]:  # finer or coarser, there may be a gap
            at = (visible & (body == n)).nonzero()[:, 0]
            visible[at] = is_solid(world, n, point[at], z[at] * float(world.air["pixel_rad"][0]))
    return torch.stack([u - columns, v - rows], -1), visible


def is_solid(world: World, n: int, point: Tensor, footprint_m: Tensor) -> Tensor:
    """Whether a cut-out body has something at points of its surface."""
    body = torch.full_like(footprint_m, n, dtype=torch.long)
    u, v = texture_of(world, body, faces(world, body, point), point)
    return channel(world, body, 3, u, v, footprint_m * world.bodies["texels_per_m"][n]) >= 0.5
