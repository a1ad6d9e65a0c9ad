"""What colour a ray brings back, in plain torch: the readable twin of `shading`."""

import torch
from torch import Tensor

from secondeye.scene.bundle import SKY
from secondeye.scene.gloss import MATTE, MIRROR
from secondeye.scene.paint import EDGE_PX
from secondeye.scene.reference import (
    INF,
    Hits,
    World,
    cast,
    faces,
    field_of,
    first_hit,
    normals,
    plain_channel,
    sample,
    texture_of,
    times,
)
from secondeye.scene.shading import SKY_KEY
from secondeye.scene.shapes import QUAD

COLOURS = ("red", "green", "blue")


def shoot(world: World, views: Tensor, columns: Tensor, rows: Tensor, sunlit: Tensor | None = None) -> Hits:
    """Cast K rays through any places (px) of any views; `sunlit` (K,) is 1 or 0 where that is known, else -1."""
    pixel = torch.stack([columns, rows, torch.ones_like(rows)], -1)
    return colour(world, views, pixel, *cast(world, views, pixel), sunlit)


def colour(
    world: World, views: Tensor, pixel: Tensor, body: Tensor, depth: Tensor, sunlit: Tensor | None = None
) -> Hits:
    """What K rays through pixels (K, 3), as (x, y, 1), bring back that met bodies at known depths."""
    ray = times(world.rays[views, -1, 3:12], pixel)
    eye = world.rays[views, -1, :3]
    rgb, lit, face = _light(world, views // 2, body, eye, ray, depth, 1.0, sunlit)
    glossy = (body != SKY) & (field_of(world, "finish", body) != MATTE)
    for n in sorted(set(body[glossy].tolist())):
        at = (body == n).nonzero()[:, 0]
        rgb[at] = _glossy(world, views[at] // 2, n, eye[at], ray[at], depth[at], rgb[at])
    rgb = torch.where((body == SKY)[:, None], rgb, _hazed(world, views // 2, rgb, depth * ray.norm(dim=-1)))
    key = torch.where(body == SKY, SKY_KEY, body * 16 + face * 2 + lit.long())
    return Hits(key, depth, tone(rgb))


def _hazed(world: World, time: Tensor, light: Tensor, distance: Tensor) -> Tensor:
    """What is left of light (K, 3) after some m of air, with the air's own."""
    clear = torch.exp(-distance / world.air["fog_m"][time])[:, None]
    hazed: Tensor = light * clear + _colour(world, time, "haze") * (1 - clear)
    return hazed


def _colour(world: World, time: Tensor, name: str) -> Tensor:
    """One of the air's colours (K, 3)."""
    return torch.stack([world.air[f"{name}_{c}"][time] for c in COLOURS], -1)


def tone(linear: Tensor) -> Tensor:
    """See `shading.tone`."""
    light = 0.72 * linear.clamp(min=0)
    return (light * (2.51 * light + 0.03) / (light * (2.43 * light + 0.59) + 0.14)).clamp(max=1).sqrt()


def sky(world: World, time: Tensor, ray: Tensor) -> Tensor:
    """Linear light (K, 3) from directions; see `shading.sky`."""
    air = {name: values[time] for name, values in world.air.items()}
    length, up = ray.norm(dim=-1), (ray[:, 2] / ray.norm(dim=-1)).clamp(min=0)
    k = (1 - torch.exp(-5.5 * up))[:, None]
    towards = ((ray * _sun(world, time)).sum(-1) / length).clamp(min=0)
    glow = (0.35 * towards**6 + 0.9 * towards**300)[:, None]
    zenith, warmth = ray.new_tensor([0.10, 0.26, 0.68]), ray.new_tensor([1.0, 0.9, 0.7])
    light = _colour(world, time, "haze") * (1 - k) + zenith * k + warmth * glow
    wide = EDGE_PX * 0.11 * air["pixel_rad"] / (up * up)
    z = torch.where(up > 0.01, ray[:, 2], 1.0)
    density = plain_channel(world, air["cloud_tile"], 3, 0.11 * ray[:, 0] / z, 0.11 * ray[:, 1] / z, wide)
    density = torch.where((up > 0.01) & (air["clouds"] > 0), density * air["clouds"] * (6 * up).clamp(max=1), 0.0)
    bright = (0.95 + 0.5 * glow) * ray.new_tensor([1.0, 1.0, 1.02])
    clouded: Tensor = light + density[:, None] * (bright - light)
    return clouded


def _sun(world: World, time: Tensor) -> Tensor:
    """Unit directions (K, 3) towards the sun."""
    return torch.stack([world.air[f"sun_{c}"][time] for c in "xyz"], -1)


def _light(
    world: World,
    time: Tensor,
    body: Tensor,
    start: Tensor,
    ray: Tensor,
    depth: Tensor,
    widening: float,
    hints: Tensor | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Linear light (K, 3) from what rays meet, without haze; whether the sun shines there; and the face.

    `start` and `ray` are (K, 3) in the world's axes; a footprint is `widening` times as wide as the eye's own would be.
    """
    finite = torch.where(body == SKY, 1.0, depth)
    place = start + finite[:, None] * ray
    point, normal, face = _surface(world, time, body, place, ray)
    towards = (normal * _sun(world, time)).sum(-1)
    lit = _sunlit(world, time, body, place, normal, towards)
    if hints is not None:
        lit = torch.where(hints >= 0, hints > 0, lit)
    facing = (normal * ray).sum(-1).abs() / ray.norm(dim=-1)
    reach = finite if widening == 1.0 else finite * ray.norm(dim=-1) * widening
    footprint = reach * world.air["pixel_rad"][time] / facing.clamp(min=0.04).sqrt()
    cutout = field_of(world, "cutout", body) > 0
    direct = torch.where(cutout, 0.35 + 0.5 * towards.abs(), towards.clamp(min=0)) * lit
    arriving = _colour(world, time, "sun_light") * direct[:, None]
    arriving = arriving + _colour(world, time, "sky_light") * (0.62 + 0.38 * normal[:, 2:])
    light = albedo(world, time, body, face, point, footprint) * arriving
    return torch.where((body == SKY)[:, None], sky(world, time, ray), light), lit, face


def _surface(world: World, time: Tensor, body: Tensor, place: Tensor, ray: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """World points (K, 3) on bodies, in the bodies' axes; unit normals turned against the rays; and the face."""
    inverse = world.maps[time, body.clamp(min=0), 12:24].view(-1, 3, 4)
    point = (inverse[:, :, :3] @ place[..., None])[..., 0] + inverse[:, :, 3]
    face = faces(world, body, point)
    normal = (inverse[:, :, :3].transpose(1, 2) @ normals(world, body, face, point)[..., None])[..., 0]
    normal = normal / normal.norm(dim=-1, keepdim=True)
    return point, torch.where(((normal * ray).sum(-1) > 0)[:, None], -normal, normal), face


def albedo(world: World, time: Tensor, body: Tensor, face: Tensor, point: Tensor, footprint: Tensor) -> Tensor:
    """Linear albedo (K, 3); see `shading.albedo`."""
    u, v = texture_of(world, body, face, point)
    wide = footprint * field_of(world, "texels_per_m", body)
    coarse = plain_channel(world, world.air["macro_tile"][time], 0, u * 0.093, v * 0.093, wide * 0.093) - 0.5
    tint = torch.stack([field_of(world, c, body) for c in COLOURS], -1)
    vary = 1 + field_of(world, "macro", body) * coarse
    coloured: Tensor = sample(world, body, u, v, wide) ** 2 * tint * vary[:, None]
    return coloured


def _sunlit(world: World, time: Tensor, body: Tensor, place: Tensor, normal: Tensor, towards: Tensor) -> Tensor:
    """Whether the sun reaches points (world, m) with normals towards the eye."""
    if not world.air["shadows"][0]:
        return torch.ones_like(body, dtype=torch.bool)
    two_sided = (field_of(world, "cutout", body) > 0) | (field_of(world, "kind", body) == QUAD)
    lit = (towards > 0) | two_sided
    start = place + torch.where(towards > 0, 1e-3, -1e-3)[:, None] * normal
    for n in range(len(world.bodies["kind"])):
        maps = world.maps[time, n]
        if not (world.maps[0, n, 27] < 1e8):  # it casts no shadow: it has no place on the sun's grid
            continue
        matrix = maps[:, 12:24].view(-1, 3, 4)
        origin = (matrix[:, :, :3] @ start[..., None])[..., 0] + matrix[:, :, 3]
        lit = lit & ((body == n) | ~first_hit(world, n, origin, maps[:, 24:27], 0.002).isfinite())
    return lit


def _glossy(world: World, time: Tensor, n: int, eye: Tensor, ray: Tensor, depth: Tensor, own: Tensor) -> Tensor:
    """Linear light (K, 3) from a mirror or a pane of glass with its own light given; see `shading.glossy`."""
    place = eye + depth[:, None] * ray
    _, normal, _ = _surface(world, time, torch.full_like(time, n), place, ray)
    along = (normal * ray).sum(-1, keepdim=True)
    bounced = _arriving(world, time, n, place, ray - 2 * along * normal)
    if world.bodies["finish"][n] == MIRROR:
        return 0.1 * own + 0.9 * bounced
    share = 0.05 + 0.95 * (1 - (along.abs() / ray.norm(dim=-1, keepdim=True)).clamp(max=1)) ** 5
    tint = torch.stack([world.bodies[c][n] for c in COLOURS])
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
    return torch.where((found == SKY)[:, None], light, _hazed(world, time, light, best * ray.norm(dim=-1)))
