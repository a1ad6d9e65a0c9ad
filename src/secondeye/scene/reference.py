"""The ray caster in plain torch, for any device: asks every body about every ray, and needs no lists.

It is the readable twin of the compiled kernels, which must agree with it, and the way that worlds are rendered on a
GPU. Rays are rows of a batch: K rays, each with its view; functions take and give tensors (K,).
"""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from secondeye.scene.rays import NEAREST_M, SAME_DEPTH, SKY, Stage
from secondeye.scene.shading import MATTE, MIRROR, SKY_KEY
from secondeye.scene.shapes import BOX, CONE, CYLINDER, GROUND, QUAD, SPHERE
from secondeye.scene.tiles import EDGE_PX, LEVELS

INF = torch.inf


class World(NamedTuple):
    """A `rays.Stage` as tensors on a device; see there."""

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

    arrays = (torch.from_numpy(array).to(device) for array in (built.texels, built.maps, built.rays))
    return World(columns(built.bodies), columns(built.air), *arrays)


def shoot(world: World, views: Tensor, columns: Tensor, rows: Tensor) -> Hits:
    """Cast K rays through any places (px) of any views."""
    pixel = torch.stack([columns, rows, torch.ones_like(rows)], -1)
    body, depth = cast(world, views, pixel)
    ray = _times(world.rays[views, -1, 3:12], pixel)
    eye = world.rays[views, -1, :3]
    rgb, lit, face = _light(world, views // 2, body, eye, ray, depth, 1.0)
    glossy = (body != SKY) & (_of(world, "finish", body) != MATTE)
    for n in sorted(set(body[glossy].tolist())):
        at = (body == n).nonzero()[:, 0]
        rgb[at] = _glossy(world, views[at] // 2, int(n), eye[at], ray[at], depth[at], rgb[at])
    distance = depth * ray.norm(dim=-1)
    haze = torch.stack([world.air[f"haze_{c}"][views // 2] for c in ("red", "green", "blue")], -1)
    clear = torch.exp(-distance / world.air["fog_m"][views // 2])[:, None]
    rgb = torch.where((body == SKY)[:, None], rgb, rgb * clear + haze * (1 - clear))
    key = torch.where(body == SKY, SKY_KEY, body * 16 + face * 2 + lit.long())
    return Hits(key, depth, tone(rgb))


def cast(world: World, views: Tensor, pixel: Tensor, limit: float = INF) -> tuple[Tensor, Tensor]:
    """The first body, or SKY, and its depth for rays through pixels (K, 3) as (x, y, 1)."""
    best = torch.full_like(pixel[:, 0], limit)
    found = torch.full_like(views, SKY)
    spread = float(world.air["pixel_rad"][0])
    for n in range(len(world.bodies["kind"])):
        seen = world.rays[views, n]
        t = first_hit(world, n, seen[:, :3], _times(seen[:, 3:12], pixel), spread)
        found, best = torch.where(t < best, n, found), torch.minimum(t, best)
    return found, best


def _times(matrix: Tensor, vector: Tensor) -> Tensor:
    """(K, 9) matrices, row by row, times (K, 3) vectors."""
    return (matrix.view(-1, 3, 3) @ vector[..., None])[..., 0]


def _of(world: World, name: str, body: Tensor) -> Tensor:
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
        body = torch.full_like(here, n)
        u, v = texture_of(world, body, faces(world, body, point), point)
        wide = at * spread * world.bodies["texels_per_m"][n]
        solid = channel(world, body, 3, u, v, wide) >= 0.5
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
    kind = _of(world, "kind", body)
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
    kind, (x, y, z) = _of(world, "kind", body)[:, None], point.unbind(-1)
    zero, one = torch.zeros_like(x), torch.ones_like(x)
    result = torch.where(kind == SPHERE, point, torch.stack([zero, zero, one], -1))
    result = torch.where(kind == CYLINDER, torch.stack([x, y, zero], -1), result)
    result = torch.where(kind == CONE, torch.stack([x, y, (1 - z) / 4], -1), result)
    sides = torch.zeros_like(point).scatter_(1, face[:, None] // 2, (2 * (face % 2) - 1).to(point)[:, None])
    capped = (kind == BOX) | ((kind == CYLINDER) | (kind == CONE)) & (face[:, None] > 0)
    return torch.where(capped, sides, result)


def texture_of(world: World, body: Tensor, face: Tensor, point: Tensor) -> tuple[Tensor, Tensor]:
    """Texture positions in tiles; see `shapes.texture_of`."""
    kind, (x, y, z) = _of(world, "kind", body), point.unbind(-1)
    rx, ry, rz = (_of(world, f"repeat_{c}", body) for c in "xyz")
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
    tile, clamped = _of(world, "tile", body), _of(world, "clamped", body)
    fine = bilinear(world, tile, level, u, v, clamped)
    coarse = bilinear(world, tile, (level + 1).clamp(max=LEVELS - 1), u, v, clamped)
    weight = torch.where(level == LEVELS - 1, 0.0, (left - 1).clamp(min=0))[:, None]
    return ((fine + weight * (coarse - fine)) / 255)[:, :3]


def channel(world: World, body: Tensor, c: int, u: Tensor, v: Tensor, wide: Tensor) -> Tensor:
    """One channel from the nearest level of each body's tile; see `texture.channel`."""
    level, _ = _level(wide, 2**0.5)
    values = bilinear(world, _of(world, "tile", body), level, u, v, _of(world, "clamped", body))
    return values[:, c] / 255


def _plain_channel(world: World, tile: Tensor, c: int, u: Tensor, v: Tensor, wide: Tensor) -> Tensor:
    level, _ = _level(wide, 2**0.5)
    return bilinear(world, tile, level, u, v, torch.zeros_like(tile))[:, c] / 255


def tone(linear: Tensor) -> Tensor:
    """See `shading.tone`."""
    light = 0.72 * linear.clamp(min=0)
    return (light * (2.51 * light + 0.03) / (light * (2.43 * light + 0.59) + 0.14)).clamp(max=1).sqrt()


def sky(world: World, time: Tensor, ray: Tensor) -> Tensor:
    """Linear light (K, 3) from directions; see `shading.sky`."""
    air = {name: values[time] for name, values in world.air.items()}
    length, up = ray.norm(dim=-1), (ray[:, 2] / ray.norm(dim=-1)).clamp(min=0)
    k = 1 - torch.exp(-5.5 * up)
    sun = torch.stack([air[f"sun_{c}"] for c in "xyz"], -1)
    towards = ((ray * sun).sum(-1) / length).clamp(min=0)
    glow = 0.35 * towards**6 + 0.9 * towards**300
    haze = torch.stack([air[f"haze_{c}"] for c in ("red", "green", "blue")], -1)
    zenith, warmth = torch.tensor([0.10, 0.26, 0.68]).to(ray), torch.tensor([1.0, 0.9, 0.7]).to(ray)
    light = haze * (1 - k)[:, None] + zenith * k[:, None] + warmth * glow[:, None]
    wide = EDGE_PX * 0.11 * air["pixel_rad"] / (up * up)
    z = torch.where(up > 0.01, ray[:, 2], 1.0)
    density = _plain_channel(world, air["cloud_tile"], 3, 0.11 * ray[:, 0] / z, 0.11 * ray[:, 1] / z, wide)
    density = torch.where((up > 0.01) & (air["clouds"] > 0), density * air["clouds"] * (6 * up).clamp(max=1), 0.0)
    bright = (0.95 + 0.5 * glow)[:, None] * torch.tensor([1.0, 1.0, 1.02]).to(ray)
    clouded: Tensor = light + density[:, None] * (bright - light)
    return clouded


def _light(
    world: World, time: Tensor, body: Tensor, start: Tensor, ray: Tensor, depth: Tensor, widening: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Linear light (K, 3) from what rays meet, without haze; whether the sun shines there; and the face.

    `start` and `ray` are (K, 3) in the world's axes; a footprint is `widening` times as wide as the eye's own would be.
    """
    air = {name: values[time] for name, values in world.air.items()}
    finite = torch.where(body == SKY, 1.0, depth)
    maps = world.maps[time, body.clamp(min=0)]
    place = start + finite[:, None] * ray
    point = _times(maps[:, 12:24].view(-1, 3, 4)[:, :, :3].reshape(-1, 9), place) + maps[:, [15, 19, 23]]
    face = faces(world, body, point)
    inverse = maps[:, 12:24].view(-1, 3, 4)[:, :, :3]
    normal = (inverse.transpose(1, 2) @ normals(world, body, face, point)[..., None])[..., 0]
    normal = normal / normal.norm(dim=-1, keepdim=True)
    normal = torch.where(((normal * ray).sum(-1) > 0)[:, None], -normal, normal)
    facing = (normal * ray).sum(-1).abs() / ray.norm(dim=-1)
    reach = finite if widening == 1.0 else finite * ray.norm(dim=-1) * widening
    footprint = reach * air["pixel_rad"] / facing.clamp(min=0.04).sqrt()
    u, v = texture_of(world, body, face, point)
    wide = footprint * _of(world, "texels_per_m", body)
    vary = _plain_channel(world, air["macro_tile"], 0, u * 0.093, v * 0.093, wide * 0.093) - 0.5
    tint = torch.stack([_of(world, c, body) for c in ("red", "green", "blue")], -1)
    albedo = sample(world, body, u, v, wide) ** 2 * tint * (1 + _of(world, "macro", body) * vary)[:, None]
    sun = torch.stack([air[f"sun_{c}"] for c in "xyz"], -1)
    towards = (normal * sun).sum(-1)
    lit = _sunlit(world, time, body, place, normal, towards)
    cutout = _of(world, "cutout", body) > 0
    direct = torch.where(cutout, 0.35 + 0.5 * towards.abs(), towards.clamp(min=0)) * lit
    sun_light, sky_light = (
        torch.stack([air[f"{name}_{c}"] for c in ("red", "green", "blue")], -1) for name in ("sun_light", "sky_light")
    )
    light = albedo * (sun_light * direct[:, None] + sky_light * (0.62 + 0.38 * normal[:, 2:]))
    return torch.where((body == SKY)[:, None], sky(world, time, ray), light), lit, face


def _sunlit(world: World, time: Tensor, body: Tensor, place: Tensor, normal: Tensor, towards: Tensor) -> Tensor:
    """Whether the sun reaches points (world, m) with normals towards the eye."""
    if not world.air["shadows"][0]:
        return torch.ones_like(body, dtype=torch.bool)
    two_sided = (_of(world, "cutout", body) > 0) | (_of(world, "kind", body) == QUAD)
    lit = (towards > 0) | two_sided
    start = place + torch.where(towards > 0, 1e-3, -1e-3)[:, None] * normal
    for n in range(len(world.bodies["kind"])):
        maps = world.maps[time, n]
        if not (maps[0, 27] < 1e8):  # it casts no shadow: it has no place on the sun's grid
            continue
        matrix = maps[:, 12:24].view(-1, 3, 4)
        origin = (matrix[:, :, :3] @ start[..., None])[..., 0] + matrix[:, :, 3]
        lit = lit & ((body == n) | ~first_hit(world, n, origin, maps[:, 24:27], 0.002).isfinite())
    return lit


def _glossy(world: World, time: Tensor, n: int, eye: Tensor, ray: Tensor, depth: Tensor, own: Tensor) -> Tensor:
    """Linear light (K, 3) from a mirror or a pane of glass with its own light given; see `shading.glossy`."""
    place = eye + depth[:, None] * ray
    maps = world.maps[time, n]
    inverse = maps[:, 12:24].view(-1, 3, 4)
    point = (inverse[:, :, :3] @ place[..., None])[..., 0] + inverse[:, :, 3]
    body = torch.full_like(time, n)
    normal = (inverse[:, :, :3].transpose(1, 2) @ normals(world, body, faces(world, body, point), point)[..., None])[
        ..., 0
    ]
    normal = normal / normal.norm(dim=-1, keepdim=True)
    along = (normal * ray).sum(-1, keepdim=True)
    bounced = _arriving(world, time, n, place, ray - 2 * along * normal)
    if world.bodies["finish"][n] == MIRROR:
        return 0.1 * own + 0.9 * bounced
    share = 0.05 + 0.95 * (1 - (along.abs() / ray.norm(dim=-1, keepdim=True)).clamp(max=1)) ** 5
    tint = torch.stack([world.bodies[c][n] for c in ("red", "green", "blue")])
    mixed: Tensor = share * bounced + (1 - share) * tint * _arriving(world, time, n, place, ray)
    return mixed


def _arriving(world: World, time: Tensor, but: int, start: Tensor, ray: Tensor) -> Tensor:
    """Linear light (K, 3) that arrives at world points from directions, body `but` left out."""
    best = torch.full_like(start[:, 0], INF)
    found = torch.full_like(time, SKY)
    for n in range(len(world.bodies["kind"])):
        if n == but:
            continue
        matrix = world.maps[time, n, 12:24].view(-1, 3, 4)
        origin = (matrix[:, :, :3] @ start[..., None])[..., 0] + matrix[:, :, 3]
        t = first_hit(world, n, origin, (matrix[:, :, :3] @ ray[..., None])[..., 0], 0.002)
        found, best = torch.where(t < best, n, found), torch.minimum(t, best)
    light, _, _ = _light(world, time, found, start, ray, best, 2.0)
    haze = torch.stack([world.air[f"haze_{c}"][time] for c in ("red", "green", "blue")], -1)
    clear = torch.exp(-best * ray.norm(dim=-1) / world.air["fog_m"][time])[:, None]
    return torch.where((found == SKY)[:, None], light, light * clear + haze * (1 - clear))


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
    point = seen[:, :3] + depth[:, None] * _times(seen[:, 3:12], pixel)
    matrix = world.maps[targets // 2, body.clamp(min=0), :12].view(-1, 3, 4)
    place = (matrix[:, :, :3] @ point[..., None])[..., 0] + matrix[:, :, 3]
    direction = _times(world.rays[views, -1, 3:12], pixel)
    endless = (body == SKY)[:, None]
    place = torch.cat([torch.where(endless, direction, place), torch.where(endless, 0.0, 1.0).to(place)], -1)
    x, y, z = (projections[targets] @ place[..., None])[..., 0].unbind(-1)
    u, v = x / z, y / z
    inside = (z > 0) & (u >= -0.5) & (u < size[0] - 0.5) & (v >= -0.5) & (v < size[1] - 0.5)
    _, first = cast(world, targets, torch.stack([u, v, torch.ones_like(u)], -1))
    hidden = torch.where(body == SKY, first < INF, first < z * (1 - SAME_DEPTH))
    return torch.stack([u - columns, v - rows], -1), inside & ~hidden
