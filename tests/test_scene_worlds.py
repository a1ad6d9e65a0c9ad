"""Random shots, optics and textures: repeatable, varied, and what they say they are."""

import dataclasses
import importlib
import math

import numpy as np
import pytest
import torch

from secondeye import scene
from secondeye.errors import InputError
from secondeye.scene import things, tiles
from secondeye.scene.camera import still
from secondeye.scene.world import Air, Body, Material, Motion, Shape, World
from secondeye.scene.worlds import CAMERAS, PLACES

FIELDS = tuple(field.name for field in dataclasses.fields(scene.Truth))


def frames_of(shot: scene.Shot, count: int, start: int = 0, **options: bool) -> list[scene.Frames]:
    groups = scene.render(shot, count, 40, 30, start=start, **options)
    return [frames[t] for frames in groups for t in range(len(frames))]


def assert_same(a: scene.Frames, b: scene.Frames) -> None:
    assert torch.equal(a.left, b.left)
    assert torch.equal(a.right, b.right)
    for ours, theirs in ((a.left_truth, b.left_truth), (a.right_truth, b.right_truth)):
        for name in FIELDS:
            assert torch.equal(getattr(ours, name), getattr(theirs, name)), name


@pytest.mark.parametrize("place", sorted(PLACES))
def test_frames_depend_on_seed_and_number_alone(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not on the length, on how they are grouped, or on how many threads render them."""
    whole = frames_of(scene.random_shot(3, place=place, filmed=True), 5)
    module = importlib.import_module("secondeye.scene.render")  # the function of that name hides it
    monkeypatch.setattr(module, "FRAMES_AT_ONCE_PX", 2 * 40 * 30)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        parts = frames_of(scene.random_shot(3, place=place, filmed=True), 4, start=1)
    finally:
        torch.set_num_threads(threads)
    for a, b in zip(whole[1:], parts, strict=True):
        assert_same(a, b)


@pytest.mark.parametrize("place", sorted(PLACES))
def test_what_a_still_camera_shows_again_is_as_if_it_were_cast_anew(place: str) -> None:
    """Frames rendered together, of which most blocks are copied, equal each rendered alone, bit for bit."""
    shot = scene.random_shot(4, place=place, camera="still")
    (whole,) = scene.render(shot, 4, 90, 70, start=3)
    assert whole.left_truth is not None
    same = (whole.left[1:] == whole.left[:-1]).all(1)
    assert 0.2 < same.double().mean() < 1, "some of it rests, some moves"
    for t in range(4):
        (alone,) = scene.render(shot, 1, 90, 70, start=3 + t)
        assert_same(whole[t : t + 1], alone)


def test_a_world_without_bodies_is_refused() -> None:
    with pytest.raises(InputError, match="a world without bodies"):
        World([])


def test_seeds_places_and_cameras_differ() -> None:
    shots = [scene.random_shot(seed, place=place, camera=c) for seed in (0, 1) for place in PLACES for c in CAMERAS]
    pictures = [frames_of(shot, 1, start=24, truth=False)[0].left for shot in shots]
    for number, picture in enumerate(pictures):
        assert picture.std() > 0.05, "there is something to see"
        assert all(not torch.allclose(picture, other, atol=0.05) for other in pictures[:number])


def test_a_world_is_the_same_however_it_is_taken() -> None:
    plain, filmed = (scene.random_shot(5, filmed=filmed) for filmed in (False, True))
    assert len(plain.world.bodies) == len(filmed.world.bodies)
    assert plain.rig == filmed.rig
    truths = [frames_of(shot, 1)[0].left_truth for shot in (plain, filmed)]
    assert truths[0] is not None
    assert truths[1] is not None
    assert torch.equal(truths[0].disparity, truths[1].disparity), "truth is the pinhole's"


def test_unknown_places_and_cameras_are_named() -> None:
    with pytest.raises(InputError, match="did you mean 'yard'"):
        scene.random_shot(0, place="yrd")
    with pytest.raises(InputError, match="did you mean 'orbit'"):
        scene.random_shot(0, camera="orbits")


def wall_and_card(tile: str = "soft_noise", **optics: float) -> scene.Shot:
    """A wall 6 m away, and before it, at 2 m, a card that moves to the right."""
    wall = Body(Shape.QUAD, (0, 6, 0), (9, 9, 1), Material(tile, tile_m=9.0), things.upright())
    card = Body(
        Shape.QUAD, (0.1, 2, 0), (0.4, 0.4, 1), Material("plain"), things.upright(), Motion(velocity_m_s=(8.0, 0, 0))
    )
    air = Air(shadows=False, clouds=0, fog_m=math.inf, sun=(0, -1, 0.5))
    rig = scene.Rig(0.06, field_of_view_deg=60)
    return scene.Shot(World([wall, card], air), still((0, 0, 0), (0, 1, 0)), rig, scene.Optics(**optics))


def sharpness(picture: torch.Tensor, where: torch.Tensor) -> float:
    return float((picture[:, :, 1:] - picture[:, :, :-1]).abs().amax(0)[where[:, 1:]].max())


def test_defocus_spares_what_is_in_focus() -> None:
    near, far = (frames_of(wall_and_card("checker", aperture_mm=600, focus_m=focus), 1)[0] for focus in (2.0, 6.0))
    (sharp,) = frames_of(wall_and_card("checker"), 1)
    assert sharp.left_truth is not None
    wall = sharp.left_truth.surface[0] == 0
    wall[:, 8:34] = False
    assert sharpness(far.left, wall) > 0.85 * sharpness(sharp.left, wall)
    assert sharpness(near.left, wall) < 0.6 * sharpness(sharp.left, wall)


def test_a_shutter_blurs_what_moves() -> None:
    still_wall, blurred = (frames_of(wall_and_card(shutter=shutter), 1)[0] for shutter in (0.0, 1.0))
    changed = (still_wall.left - blurred.left).abs().amax(0) > 0.08
    assert changed.any()
    assert not changed[:, :10].any(), "the wall stands still"
    assert not changed[:, 34:].any()


def test_noise_is_of_the_size_that_was_asked_for() -> None:
    clean, noisy = (frames_of(wall_and_card(noise=noise), 2) for noise in (0.0, 0.03))
    apart = torch.stack([b.left - a.left for a, b in zip(clean, noisy, strict=True)])
    assert 0.02 < apart.std() < 0.045
    assert abs(float(apart.mean())) < 0.005
    assert not torch.equal(apart[0], apart[1]), "every frame has its own"
    assert not torch.equal(noisy[0].left - clean[0].left, noisy[0].right - clean[0].right), "and every eye"


def test_exposure_drifts_by_so_many_stops_alike_in_both_eyes() -> None:
    drifting = [f for start in (0, 18, 37, 56) for f in frames_of(wall_and_card(exposure_drift=1.0), 1, start=start)]
    brightness = [float(frame.left[:, :, :12].mean()) for frame in drifting]
    assert 1.2 < max(brightness) / min(brightness) <= 2.01
    right = [float(frame.right[:, :, :12].mean()) for frame in drifting]
    assert np.corrcoef(brightness, right)[0, 1] > 0.999


def test_optics_that_no_camera_has_are_refused() -> None:
    for wrong in ({"shutter": 1.5}, {"aperture_mm": -1}, {"noise": -0.1}, {"exposures": 0}, {"focus_m": 0}):
        with pytest.raises(InputError):
            scene.Optics(**wrong)  # type: ignore[arg-type]


def test_alpha_is_the_share_of_a_pixel_that_is_covered() -> None:
    """A card whose edge lies 0.3 px into a pixel, in closed form."""
    shot = wall_and_card()
    focal = 20 / math.tan(math.radians(30))
    edge_px = 25.3  # the card ends there, and pixel 25 reaches from 24.5 to 25.5
    half = 0.4
    centre = (edge_px - 19.5) / focal * 2 - half
    card = dataclasses.replace(shot.world.bodies[1], centre=(centre, 2, 0), motion=Motion())
    shot = dataclasses.replace(shot, world=World([shot.world.bodies[0], card], shot.world.air))
    (frames,) = scene.render(shot, 1, 40, 30, samples=64)
    assert frames.left_truth is not None
    truth = frames.left_truth[0]
    assert truth.alpha[0, 15, 25] == pytest.approx(0.8, abs=0.02)
    assert truth.front_depth_m[0, 15, 25] == pytest.approx(2.0, abs=1e-5)
    assert truth.behind_depth_m[0, 15, 25] == pytest.approx(6.0, abs=1e-5)
    behind = (frames.left[0] - truth.alpha * truth.front) / (1 - truth.alpha)
    torch.testing.assert_close(behind[:, 15, 25], frames.left[0, :, 15, 26], atol=0.02, rtol=0)


@pytest.mark.parametrize("name", sorted(tiles.DRAWN))
def test_tiles_are_pictures_with_pyramids(name: str) -> None:
    picture = tiles.DRAWN[name]()
    assert picture.shape == (256, 256, 4)
    assert np.isfinite(picture).all()
    assert picture.min() >= 0
    assert picture.max() <= 1
    texels = tiles.atlas().texels[tiles.atlas().index[name]]
    smallest = texels[-1].astype(float) / 255
    alpha = picture[..., 3:]
    mean = (picture[..., :3] * alpha).sum((0, 1)) / max(alpha.sum(), 1e-9)
    np.testing.assert_allclose(smallest[:3], mean, atol=0.02, err_msg="far away, only the mean is left")


def test_repeating_tiles_have_no_seam() -> None:
    for name in ("noise", "soft_noise", "grass", "dirt", "plaster", "leaves", "bark", "cloud", "macro"):
        picture = tiles.DRAWN[name]()[..., :3]
        inside = np.abs(np.diff(picture, axis=1)).mean()
        seam = np.abs(picture[:, 0] - picture[:, -1]).mean()
        assert seam < 1.6 * inside + 1e-3, name
