"""The truth about random shots of every place and camera, proved by geometry and by the pictures themselves."""

import dataclasses
import functools
import itertools
import math

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import grid_sample

from secondeye import scene
from secondeye.scene import camera, casting
from secondeye.scene.stage import stage
from secondeye.scene.world import Body, Material, Motion, Shape, World
from secondeye.scene.worlds import CAMERAS, PLACES

WIDTH, HEIGHT = 56, 42
FRAMES, START, RATE = 2, 7, 24
SHOTS = list(itertools.product(sorted(PLACES), sorted(CAMERAS)))

pytestmark = pytest.mark.parametrize("kind", SHOTS, ids="-".join)


@functools.cache
def shot_of(kind: tuple[str, str], movers: bool = True) -> scene.Shot:
    """Every third with a mirror and a pane of glass, every second converged, every fifth toed in."""
    number = SHOTS.index(kind)
    rig = scene.Rig(0.06, 3.5 if number % 2 or number % 5 == 0 else math.inf, toe_in=number % 5 == 0)
    return scene.random_shot(number, place=kind[0], camera=kind[1], glossy=number % 3 == 0, movers=movers, rig=rig)


@functools.cache
def taken(kind: tuple[str, str]) -> scene.Frames:
    (frames,) = scene.render(shot_of(kind), FRAMES, WIDTH, HEIGHT, start=START, frame_rate=RATE)
    return frames


def times_s() -> np.ndarray:
    """From the frame before the first to the one after the last."""
    return (START + np.arange(-1, FRAMES + 1)) / RATE


def truths(frames: scene.Frames) -> tuple[scene.Truth, scene.Truth]:
    assert frames.left_truth is not None
    assert frames.right_truth is not None
    return frames.left_truth, frames.right_truth


def psnr(a: Tensor, b: Tensor) -> float:
    return -10 * math.log10(max(float(((a - b) ** 2).mean()), 1e-12))


def pinhole(shot: scene.Shot, time_s: float, eye: int) -> tuple[np.ndarray, np.ndarray, float, float]:
    """Position, axes (rows right, down, ahead), focal length in px, column of the axis; from nothing but the path."""
    (position,), (target,) = (values for values in shot.path(np.array([time_s])))
    ahead = (target - position) / np.linalg.norm(target - position)
    aside = np.cross(ahead, [0, 0, 1]) / np.linalg.norm(np.cross(ahead, [0, 0, 1]))
    position, rig = position + eye * shot.rig.baseline_m * aside, shot.rig
    focal = WIDTH / 2 / math.tan(math.radians(rig.field_of_view_deg / 2))
    middle = (WIDTH - 1) / 2
    if rig.toe_in:
        inwards = (1 - 2 * eye) * math.atan(rig.baseline_m / 2 / rig.convergence_m)
        down = np.cross(ahead, aside)
        ahead, aside = (
            math.cos(inwards) * ahead + math.sin(inwards) * aside,
            math.cos(inwards) * aside - math.sin(inwards) * ahead,
        )
        return position, np.stack([aside, down, ahead]), focal, middle
    shift = eye * focal * rig.baseline_m / rig.convergence_m
    return position, np.stack([aside, np.cross(ahead, aside), ahead]), focal, middle + shift


def points(shot: scene.Shot, time_s: float, eye: int, depth_m: np.ndarray) -> np.ndarray:
    """World points (H, W, 3) in the pixels of a view; the sky's very far away."""
    position, axes, focal, middle = pinhole(shot, time_s, eye)
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    ray = np.stack([(x - middle) / focal, (y - (HEIGHT - 1) / 2) / focal, np.ones_like(x)], -1)
    result: np.ndarray = position + np.minimum(depth_m, 1e9)[..., None] * (ray @ axes)
    return result


def project(shot: scene.Shot, time_s: float, eye: int, point: np.ndarray) -> np.ndarray:
    """Pixel positions (H, W, 2), right and down."""
    position, axes, focal, middle = pinhole(shot, time_s, eye)
    x, y, z = np.moveaxis((point - position) @ axes.T, -1, 0)
    return np.stack([middle + focal * x / z, (HEIGHT - 1) / 2 + focal * y / z], -1)


def test_disparity_is_what_two_pinholes_see(kind: tuple[str, str]) -> None:
    shot = shot_of(kind)
    for t, time in enumerate(times_s()[1:-1]):
        for eye, truth in enumerate(truths(taken(kind))):
            point = points(shot, time, eye, truth.depth_m[t, 0].double().numpy())
            apart = project(shot, time, 0, point) - project(shot, time, 1, point)
            np.testing.assert_allclose(truth.disparity[t, 0], apart[..., 0], atol=2e-4)
            np.testing.assert_allclose(truth.vertical[t, 0], apart[..., 1], atol=2e-4)
    rig, (left, _) = shot.rig, truths(taken(kind))
    if rig.toe_in:
        assert left.vertical.abs().max() > 0.02
        return
    focal = camera.focal_px(rig, WIDTH)
    formula = focal * rig.baseline_m * (1 / left.depth_m.double() - 1 / rig.convergence_m)
    torch.testing.assert_close(left.disparity.double(), formula, atol=1e-4, rtol=0)
    assert (left.disparity.min() >= -1e-6) == math.isinf(rig.convergence_m), "one-sided unless converged"


def test_flow_is_the_camera_s_where_nothing_else_moves(kind: tuple[str, str]) -> None:
    shot = shot_of(kind, movers=False)
    (frames,) = scene.render(shot, 1, WIDTH, HEIGHT, start=START, frame_rate=RATE, samples=1)
    pixels = np.stack(np.mgrid[0:HEIGHT, 0:WIDTH][::-1], -1)
    for eye, truth in enumerate(truths(frames)):
        point = points(shot, START / RATE, eye, truth.depth_m[0, 0].double().numpy())
        for flow, step in ((truth.forward, 1), (truth.backward, -1)):
            moved = project(shot, (START + step) / RATE, eye, point) - pixels
            np.testing.assert_allclose(flow[0].permute(1, 2, 0), moved, atol=2e-3)


def cast_where_points_go(kind: tuple[str, str], shot: scene.Shot, frames: scene.Frames, how: str) -> tuple[Tensor, ...]:
    """For both eyes: which pixels' points are visible elsewhere and matte; their colours here and there.

    There is no resampling: rays are cast in the other view through the exact places where the points are said to be.
    Also returns how far, in m, what those rays meet is from the point, carried along with its body.
    """
    moments = times_s()
    built = stage(shot.world, camera.views(shot.path, shot.rig, moments, WIDTH, HEIGHT), moments)
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float64)
    results: list[tuple[Tensor, ...]] = []
    for eye, truth in enumerate(truths(frames)):
        for t in range(len(frames)):
            view = 2 * (t + 1) + eye
            target = {"stereo": view ^ 1, "forward": view + 2, "backward": view - 2}[how]
            moved, visible = moved_and_visible(truth, eye, how, t)
            visible = visible & truth.matte[t, 0].numpy()
            to_x, to_y = (x + moved[0])[visible], (y + moved[1])[visible]
            found = casting.shoot(built, target, to_x, to_y)
            key, depth, rgb = found.key[0, 0], found.depth[0, 0], found.rgb[:, 0]
            body = truth.surface[t, 0].numpy()[visible]
            here = local(built.rays, view, body, x[visible], y[visible], truth.depth_m[t, 0].numpy()[visible])
            there = local(built.rays, target, key >> 4, to_x, to_y, depth)
            size = np.linalg.norm(built.maps[0, body, :12].reshape(-1, 3, 4)[:, :, :3], axis=1)
            apart = np.where(body < 0, 0.0, np.linalg.norm((here - there) * size, axis=-1))
            own = (frames.left, frames.right)[eye][t].numpy()[:, visible]
            results.append((torch.tensor(body == key >> 4), torch.tensor(own), torch.tensor(rgb), torch.tensor(apart)))
    return tuple(torch.cat(parts, -1) for parts in zip(*results, strict=True))


def moved_and_visible(truth: scene.Truth, eye: int, how: str, t: int) -> tuple[np.ndarray, np.ndarray]:
    """A displacement (2, H, W) and a mask (H, W)."""
    if how == "stereo":
        apart = torch.cat([truth.disparity[t], truth.vertical[t]]).double().numpy()
        return (2 * eye - 1) * apart, truth.visible[t, 0].numpy()
    moved, visible = (
        (truth.forward, truth.visible_forward) if how == "forward" else (truth.backward, truth.visible_backward)
    )
    return moved[t].double().numpy(), visible[t, 0].numpy()


def local(rays: np.ndarray, view: int, body: np.ndarray, x: np.ndarray, y: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """Points (K, 3) in the axes of the bodies that they are on."""
    seen = rays[view, body]
    direction = (seen[:, 3:12].reshape(-1, 3, 3) @ np.stack([x, y, np.ones_like(x)], -1)[..., None])[..., 0]
    result: np.ndarray = seen[:, :3] + np.where(body < 0, 0.0, depth)[:, None] * direction
    return result


@pytest.mark.parametrize("how", ["stereo", "forward", "backward"])
def test_points_are_where_the_truth_says(kind: tuple[str, str], how: str) -> None:
    same, _, _, apart = cast_where_points_go(kind, shot_of(kind), taken(kind), how)
    assert len(same) > FRAMES * WIDTH * HEIGHT, "most points are seen again"
    assert same.double().mean() > 0.998, "but for rays that graze an edge"
    assert apart[same].quantile(0.999) < 1e-3


@pytest.mark.parametrize("how", ["stereo", "forward", "backward"])
def test_points_look_the_same_from_elsewhere(kind: tuple[str, str], how: str) -> None:
    shot = shot_of(kind, movers=how == "stereo")
    (frames,) = scene.render(shot, FRAMES, WIDTH, HEIGHT, start=START, frame_rate=RATE, samples=1)
    _, here, there, _ = cast_where_points_go(kind, shot, frames, how)
    assert psnr(here, there) >= 45


def smooth(shot: scene.Shot) -> scene.Shot:
    """The shot's planes and balls in soft textures, without what jumps: creases, shadows, turning, gloss, gaps."""
    bodies = []
    for body in shot.world.bodies:
        round_or_flat = body.shape in (Shape.GROUND, Shape.QUAD, Shape.SPHERE)
        if body.material.finish != scene.world.Finish.MATTE or body.material.cutout or not round_or_flat:
            continue
        motion = dataclasses.replace(body.motion, spin_rad_s=0.0, swing_rad=0.0)
        edge = max(2.2 * max(body.half_size), 0.6 * (abs(body.centre[1]) + 1), 5.0 * (body.shape == Shape.GROUND))
        tile = "plain" if body.shape == Shape.SPHERE else "soft_noise"  # it would wind around a ball too finely
        material = Material(tile, body.material.tint, edge)
        bodies.append(dataclasses.replace(body, material=material, motion=motion))
    air = dataclasses.replace(shot.world.air, shadows=False, clouds=0.0)
    return dataclasses.replace(shot, world=World(bodies, air))


def resampled(picture: Tensor, moved: Tensor) -> Tensor:
    """The picture (C, H, W) at each pixel's place plus `moved` (2, H, W) px, bicubic."""
    _, height, width = picture.shape
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    place = torch.stack([(x + moved[0] + 0.5) / width, (y + moved[1] + 0.5) / height], -1) * 2 - 1
    return grid_sample(picture[None], place[None].to(picture), "bicubic", "border", align_corners=False)[0]


def whole(truth: scene.Truth, t: int, moved: Tensor, body: Tensor) -> Tensor:
    """Where all pixels around the place that a picture is sampled at show the surface wanted (H, W)."""
    surface = truth.surface[t, 0].double()
    pool = torch.nn.functional.max_pool2d
    highest, lowest = pool(surface[None, None], 5, 1, 2)[0], -pool(-surface[None, None], 5, 1, 2)[0]
    near = resampled_nearest(torch.cat([highest, lowest]), moved)
    return (near[0] == body) & (near[1] == body)


def resampled_nearest(values: Tensor, moved: Tensor) -> Tensor:
    _, height, width = values.shape
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    i, j = ((y + moved[1]).round().long().clamp(0, height - 1), (x + moved[0]).round().long().clamp(0, width - 1))
    return values[:, i, j]


@pytest.mark.parametrize("how", ["stereo", "forward", "backward"])
def test_one_picture_warped_is_the_other(kind: tuple[str, str], how: str) -> None:
    """At least 45 dB from the pictures alone, both eyes, wherever a smooth surface is seen in both."""
    shot, errors = smooth(shot_of(kind)), []
    (frames,) = scene.render(shot, 2, 2 * WIDTH, 2 * HEIGHT, start=START, frame_rate=RATE, samples=1)
    both, known = (frames.left, frames.right), truths(frames)
    for eye in (0, 1):
        for t in (0, 1):
            other, then = (1 - eye, t) if how == "stereo" else (eye, 1 - t)
            if (how, t) in {("forward", 1), ("backward", 0)}:
                continue
            moved, visible = (torch.from_numpy(part) for part in moved_and_visible(known[eye], eye, how, t))
            usable = visible & whole(known[other], then, moved, known[eye].surface[t, 0])
            assert usable.double().mean() > 0.3
            errors.append(((resampled(both[other][then].double(), moved) - both[eye][t]) ** 2)[:, usable].flatten())
    assert -10 * math.log10(float(torch.cat(errors).mean())) >= 45


def test_layers_compose(kind: tuple[str, str]) -> None:
    for picture, truth in zip((taken(kind).left, taken(kind).right), truths(taken(kind)), strict=True):
        rest = picture - truth.alpha * truth.front
        room = 1 - truth.alpha
        assert rest.min() >= -1e-5
        assert (rest <= room + 1e-5).all(), "what is behind is a colour"
        assert (truth.front_depth_m <= truth.behind_depth_m).all()
        assert ((truth.alpha < 1) == (truth.front_depth_m < truth.behind_depth_m)).all()


def test_gloss_is_told(kind: tuple[str, str]) -> None:
    bodies: list[Body] = list(shot_of(kind).world.bodies)
    glossy = torch.tensor([body.material.finish != scene.world.Finish.MATTE for body in bodies] + [False])
    for truth in truths(taken(kind)):
        assert torch.equal(truth.matte, ~glossy[truth.surface.long()])


def test_things_move_of_themselves_only_where_asked(kind: tuple[str, str]) -> None:
    assert any(body.motion != Motion() for body in shot_of(kind).world.bodies)
    assert all(body.motion == Motion() for body in shot_of(kind, movers=False).world.bodies)
