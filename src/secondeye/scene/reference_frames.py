"""Shots to frames in plain torch, on any device: the readable twin of what `render` does with compiled kernels."""

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from secondeye.scene.bundle import SKY
from secondeye.scene.camera import Array, Views, views
from secondeye.scene.casting import offsets
from secondeye.scene.edges import MOST_SHARING
from secondeye.scene.frames import Frames, Shot, Truth
from secondeye.scene.gloss import MATTE
from secondeye.scene.reference import INF, Hits, World, cast, follow, on_device
from secondeye.scene.reference_shading import colour, shoot
from secondeye.scene.stage import stage

RAYS_AT_ONCE = 1 << 22
"""More would only cost memory."""


def frames(
    shot: Shot,
    times_s: Array,
    size: tuple[int, int],
    samples: int,
    truth: bool,
    right: bool,
    first: int,
    frame_rate: float,
    device: torch.device | str,
) -> Frames:
    """The frames at all times but the first and last, which are there for the flow; `first` is the first's number."""
    cameras = views(shot.path, shot.rig, times_s, *size)
    world = on_device(stage(shot.world, cameras, times_s), device)
    at = torch.arange(2, 2 * len(times_s) - 2, 1 if right else 2, device=device)
    seen = _look(world, at, size)
    rgb, layers = _softened(world, at, seen, size, samples)
    if shot.optics.blurs:
        rgb = _blurred(shot, times_s, size, right, frame_rate, device)
    eyes = 2 if right else 1
    rgb = _developed(shot, rgb, first, eyes)
    truths = _truths(world, cameras, at, seen, layers, size, eyes) if truth else (None, None)
    left, *others = (rgb[eye::eyes] for eye in range(eyes))
    return Frames(left, others[0] if others else left[:, :, :0, :0], *truths)


def _pixels(at: Tensor, size: tuple[int, int], shift: tuple[float, float] = (0.0, 0.0)) -> list[Tensor]:
    """View, column and row of every pixel of some views, (V H W,) each; `shift` px off their centres."""
    width, height = size
    columns = torch.arange(width, dtype=torch.float64, device=at.device) + shift[0]
    rows = torch.arange(height, dtype=torch.float64, device=at.device) + shift[1]
    shape = (len(at), height, width)
    grid = (at[:, None, None], columns.expand(height, width), rows[:, None])
    return [values.expand(shape).flatten() for values in grid]


def _shot(world: World, *rays: Tensor) -> Hits:
    """`shoot` in handfuls."""
    handfuls = [shoot(world, *some) for some in zip(*(torch.split(ray, RAYS_AT_ONCE) for ray in rays), strict=True)]
    return Hits(*(torch.cat(parts) for parts in zip(*handfuls, strict=True)))


def _look(world: World, at: Tensor, size: tuple[int, int], shift: tuple[float, float] = (0.0, 0.0)) -> Hits:
    """What the rays through all pixels of some views meet: key, depth (V, H, W) and rgb (V, 3, H, W)."""
    hits, (width, height) = _shot(world, *_pixels(at, size, shift)), size
    key, depth = (values.view(-1, height, width) for values in (hits.key, hits.depth))
    return Hits(key, depth, hits.rgb.float().view(-1, height, width, 3).permute(0, 3, 1, 2).contiguous())


def edges(world: World, key: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Pixels (E, 3) at edges or of something glossy, hints about the sun, and which are plain; see `edges`."""
    around = pad(key[:, None].double(), (1, 1, 1, 1), mode="replicate")[:, 0].long()
    near = [around[:, 1:-1, 1:-1], around[:, 1:-1, :-2], around[:, 1:-1, 2:], around[:, :-2, 1:-1], around[:, 2:, 1:-1]]
    glossy = (key >= 0) & (world.bodies["finish"][(key >> 4).clamp(min=0)] != MATTE)
    edge = torch.stack([other != key for other in near]).any(0) | glossy
    lit = torch.stack([(other >= 0) & (other & 1 == 1) for other in near]).any(0)
    shaded = torch.stack([(other >= 0) & (other & 1 == 0) for other in near]).any(0)
    keys = torch.stack(near)
    mixed = (keys[None] >> 4 == keys[:, None] >> 4) & (keys[None] != keys[:, None])
    glossy = (keys >= 0) & (world.bodies["finish"][(keys >> 4).clamp(min=0)] != MATTE)
    plain = ~mixed.flatten(0, 1).any(0) & ~glossy.any(0)
    return edge.nonzero(), torch.where(lit == shaded, -1, lit.long())[edge], plain[edge]


def _softened(world: World, at: Tensor, seen: Hits, size: tuple[int, int], samples: int) -> tuple[Tensor, Tensor]:
    """Colours with smooth edges (V, 3, H, W), and front colour, share, front and behind depth (V, 6, H, W)."""
    rgb, depth = seen.rgb.clone(), seen.depth[:, None].float()
    layers = torch.cat([rgb, torch.ones_like(depth), depth, depth], 1)
    if samples == 1:
        return rgb, layers
    pixels, sunlit, plain = edges(world, seen.key)
    view, row, column = pixels.T
    shift = torch.from_numpy(offsets(samples)).to(at.device)
    parts = []
    for some in torch.split(torch.arange(len(pixels), device=at.device), max(RAYS_AT_ONCE // samples, 1)):
        place = torch.stack([column[some, None] + shift[:, 0], row[some, None] + shift[:, 1]], -1)
        centre = seen.key[view[some], row[some], column[some]] >> 4, rgb[view[some], :, row[some], column[some]]
        parts.append(_rays(world, at[view[some]], place, sunlit[some], plain[some], *centre))
    body, depths, colours = (torch.cat(values) for values in zip(*parts, strict=True))
    rgb[view, :, row, column] = colours.mean(1)
    layers[view, :, row, column] = _split(body, depths, colours)
    return rgb, layers


def _rays(
    world: World, views: Tensor, place: Tensor, sunlit: Tensor, plain: Tensor, centre: Tensor, centre_rgb: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Bodies and depths (E, S) and colours (E, S, 3) of rays through places (E, S, 2); see `edges.share`."""
    samples = place.shape[1]
    each = views.repeat_interleave(samples)

    def pixel(where: Tensor) -> Tensor:
        return torch.cat([where, torch.ones_like(where[..., :1])], -1).flatten(0, 1)

    body, depth = (values.view(-1, samples) for values in cast(world, each, pixel(place)))
    shares = plain & (samples <= MOST_SHARING)
    same = (body[:, :, None] == body[:, None]) & shares[:, None, None] | torch.eye(samples, dtype=torch.bool).to(plain)
    together = same / same.sum(-1, keepdim=True)
    middle, reach = together.to(place) @ place, 1 / (together.to(depth) @ (1 / depth)[..., None])[..., 0]
    reach = torch.where(body == SKY, INF, reach)
    hits = colour(world, each, pixel(middle), body.flatten(), reach.flatten(), sunlit.repeat_interleave(samples))
    own = (shares[:, None] & (body == centre[:, None]))[..., None]
    return body, depth, torch.where(own, centre_rgb[:, None], hits.rgb.float().view(-1, samples, 3))


def _split(body: Tensor, depth: Tensor, colour: Tensor) -> Tensor:
    """What S rays of E pixels say about the nearest body and what is behind it: (E, 6), as in `layers`."""
    front = body == body.gather(1, depth.argmin(1, keepdim=True))
    count = front.sum(1)
    near = torch.where(front, depth, torch.inf).amin(1)
    behind = torch.where(count == front.shape[1], near, torch.where(front, torch.inf, depth).amin(1))
    own = (colour * front[..., None]).sum(1) / count[:, None]
    return torch.cat([own, torch.stack([count / front.shape[1], near, behind], 1).float()], 1)


def _blurred(
    shot: Shot, times_s: Array, size: tuple[int, int], right: bool, frame_rate: float, device: torch.device | str
) -> Tensor:
    """The mean of sharp pictures over the exposure and the lens."""
    optics, pictures = shot.optics, []
    for (instant, where), shift in zip(optics.exposed(), offsets(max(optics.exposures, 2)), strict=False):
        moments = times_s[1:-1] + instant / frame_rate
        cameras = views(shot.path, shot.rig, moments, *size, lens_m=where, focus_m=optics.focus_m)
        world = on_device(stage(shot.world, cameras, moments), device)
        at = torch.arange(0, 2 * len(moments), 1 if right else 2, device=device)
        pictures.append(_look(world, at, size, (shift[0], shift[1])).rgb)
    return torch.stack(pictures).mean(0)


def _developed(shot: Shot, rgb: Tensor, first: int, eyes: int) -> Tensor:
    """Exposure and noise, which numpy draws, so that every device has the same."""
    if not shot.optics.changes_colours:
        return rgb
    pictures = (picture.cpu().numpy() for picture in rgb)
    done = [shot.optics.develop(picture, first + i // eyes, i % eyes) for i, picture in enumerate(pictures)]
    return torch.from_numpy(np.stack(done)).to(rgb.device)


def _truths(
    world: World, cameras: Views, at: Tensor, seen: Hits, layers: Tensor, size: tuple[int, int], eyes: int
) -> tuple[Truth, Truth | None]:
    """What is known about the left eye's view, and about the right one's if it was rendered."""
    projections = torch.from_numpy(cameras.projections().reshape(-1, 3, 4)).to(at.device)
    shape = (len(at), *seen.key.shape[1:])

    def followed(change: Tensor) -> tuple[Tensor, Tensor]:
        view, column, row = _pixels(at, size)
        targets = (at + change).repeat_interleave(size[0] * size[1])
        flat = Hits(seen.key.flatten(), seen.depth.flatten(), seen.rgb)
        moved, visible = follow(world, projections, view, targets, column, row, flat, size)
        return moved.view(*shape, 2).permute(0, 3, 1, 2).float(), visible.view(shape)[:, None]

    other, visible = followed(1 - 2 * (at % 2))
    (forward, visible_forward), (backward, visible_backward) = (followed(torch.full_like(at, step)) for step in (2, -2))
    other = torch.where((at % 2 == 0)[:, None, None, None], -other, other)
    surface = (seen.key >> 4)[:, None]
    matte = (surface < 0) | (world.bodies["finish"][surface.clamp(min=0)] == MATTE)
    tensors = (
        *(seen.depth.float()[:, None], other[:, :1], other[:, 1:], forward, backward),
        *(visible, visible_forward, visible_backward, surface.int(), matte),
        *(layers[:, 3:4], layers[:, :3], layers[:, 4:5], layers[:, 5:6]),
    )
    left, *right = (Truth(*(tensor[eye::eyes] for tensor in tensors)) for eye in range(eyes))
    return left, right[0] if right else None
