"""Propagation shows in holes what other frames show there, and is never led astray by what it cannot know."""

import weakref
from collections.abc import Iterator

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from secondeye import inpainters
from secondeye.errors import InputError
from secondeye.inpainters import propagate
from secondeye.inpainters.propagate.camera import fit_camera, mark_moving, small_view
from secondeye.splat import splat_forward
from secondeye.types import Clip, WarpedClip

HEIGHT, WIDTH, FRAMES = 96, 160, 9

NEAR_PX = 7.0
"""Disparity of the card; the wall's is 0."""


def texture(height: int, width: int, seed: int) -> NDArray[np.float32]:
    """(height, width, 3), smooth over some px, so that sub-pixel shifts are exact."""
    noise = np.random.default_rng(seed).random((height, width, 3)).astype(np.float32)
    soft = cv2.GaussianBlur(noise, (0, 0), 1.6)
    return np.asarray(np.clip(0.5 + 4 * (soft - 0.5), 0.02, 0.98), np.float32)


def film(card_px: float, wall_px: float = 0.6, frames: int = FRAMES, gain: float = 1.0) -> tuple[WarpedClip, NDArray]:
    """A card that moves by `card_px` a frame before a wall that moves by `wall_px`; and the wall's true right view.

    From frame to frame all becomes `gain` times as bright.
    """
    wall, card = texture(HEIGHT, WIDTH + 80, 1), texture(56, 50, 2)
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    views, shifts, walls = [], [], []
    for t in range(frames):
        picture = cv2.remap(wall, x + np.float32(40 + wall_px * t), y, cv2.INTER_CUBIC) * gain**t
        walls.append(np.clip(picture, 0, 1))
        left = 50 + round(card_px * t)
        disparity = np.zeros((HEIGHT, WIDTH), np.float32)
        picture[20:76, left : left + 50] = card * gain**t
        disparity[20:76, left : left + 50] = NEAR_PX
        views.append(np.clip(picture, 0, 1))
        shifts.append(disparity)
    rgb = torch.from_numpy(np.stack(views)).permute(0, 3, 1, 2).contiguous()
    disparity = torch.from_numpy(np.stack(shifts))[:, None]
    clip = WarpedClip(Clip(rgb, 0, torch.arange(frames)), disparity, *splat_forward(rgb, disparity))
    return clip, np.stack(walls).transpose(0, 3, 1, 2)


def psnr(name: str, clip: WarpedClip, truth: NDArray, frame: int) -> float:
    """In one frame's holes, against the wall, which has no disparity."""
    right = torch.cat([s.right.rgb for s in inpainters.build(name).inpaint(iter([clip]))]).numpy()
    hole = clip.hole[frame, 0].numpy()
    return float(-10 * np.log10(np.mean((right[frame][:, hole] - truth[frame][:, hole]) ** 2)))


@pytest.mark.parametrize("card_px", [-3.0, 3.0], ids=["shown later", "shown before"])
def test_what_another_frame_shows_is_found(card_px: float) -> None:
    clip, truth = film(card_px)
    frame = 2 if card_px < 0 else 6
    assert clip.hole[frame].sum() == 7 * 56
    assert psnr("propagate", clip, truth, frame) > 38
    assert psnr("stretch", clip, truth, frame) < 25


def test_brightness_that_drifts_is_made_good() -> None:
    clip, truth = film(-3.0, gain=0.97)
    assert psnr("propagate", clip, truth, 2) > 36


def test_where_nothing_is_shown_texture_serves() -> None:
    """The card rests on the wall: no frame shows what is behind."""
    clip, _ = film(0.0, wall_px=0.0)
    filled = [next(inpainters.build(name).inpaint(iter([clip]))).right.rgb for name in ("propagate", "texture")]
    assert torch.equal(*filled)


def test_other_pictures_are_not_believed() -> None:
    """Frames that have nothing to do with one another, as when a cut was missed, lend nothing."""
    clip, _ = film(-3.0)
    rgb = torch.rand(clip.left.rgb.shape, generator=torch.Generator().manual_seed(5))
    mixed = WarpedClip(Clip(rgb, 0, clip.left.pts), clip.disparity, *splat_forward(rgb, clip.disparity))
    filled = [next(inpainters.build(name).inpaint(iter([mixed]))).right.rgb for name in ("propagate", "texture")]
    changed = (filled[0] != filled[1]).any(1)
    assert changed.sum() < 0.02 * mixed.hole.sum()


def test_a_wall_that_comes_into_view_fills_the_border() -> None:
    """With everything before the screen the right border is a hole; a camera that turns right has shown it later."""
    clip, _ = film(-3.0, wall_px=3.0)
    disparity = clip.disparity + 4.0
    moved = WarpedClip(clip.left, disparity, *splat_forward(clip.left.rgb, disparity))
    right = next(inpainters.build("propagate").inpaint(iter([moved]))).right.rgb.numpy()[2]
    border = moved.hole[2, 0].numpy()[:, -4:].all(1)
    assert border.all()
    wall = texture(HEIGHT, WIDTH + 80, 1)
    y, x = np.mgrid[0:HEIGHT, WIDTH - 4 : WIDTH].astype(np.float32)
    expected = cv2.remap(wall, x + np.float32(40 + 4 + 3.0 * 2), y, cv2.INTER_CUBIC).transpose(2, 0, 1)
    error = np.mean((right[:, 4:-4, -4:] - expected[:, 4:-4]) ** 2)
    assert -10 * np.log10(error) > 30


def layers(frames: int, px: int) -> tuple[WarpedClip, NDArray]:
    """A wall at rest, before it a post, before that a card; a camera passes them by `px` a frame and px of disparity.

    And the true right view.
    """
    wall = texture(HEIGHT, WIDTH, 1)
    things = [(3, 20, 8, 96, texture(96, 20, 2)), (9, 50, 20, 56, texture(56, 50, 3))]  # disparity, width, top, height
    begins = [87, 40]
    views: dict[int, list[NDArray]] = {0: [], 1: []}
    shifts = []
    for t in range(frames):
        disparity = np.zeros((HEIGHT, WIDTH), np.float32)
        for eye in (0, 1):
            picture = wall.copy()
            for begin, (near, wide, top, tall, colors) in zip(begins, things, strict=True):
                left = begin + px * t * near - eye * near
                rows = slice(top, min(top + tall, HEIGHT))
                picture[rows, left : left + wide] = colors[: HEIGHT - top]
                if eye == 0:
                    disparity[rows, left : left + wide] = near
            views[eye].append(picture)
        shifts.append(disparity)
    rgb, right = (torch.from_numpy(np.stack(views[eye])).permute(0, 3, 1, 2).contiguous() for eye in (0, 1))
    disparity = torch.from_numpy(np.stack(shifts))[:, None]
    clip = WarpedClip(Clip(rgb, 0, torch.arange(frames)), disparity, *splat_forward(rgb, disparity))
    return clip, right.numpy()


def test_what_stands_between_is_found_before_what_lies_behind_it() -> None:
    """The card hides the post and the wall behind that; other frames show both at the place of the hole."""
    clip, truth = layers(7, 1)
    frame = 3
    hole = clip.hole[frame, 0].numpy()
    right = torch.cat([s.right.rgb for s in inpainters.build("propagate").inpaint(iter([clip]))]).numpy()
    post = np.zeros_like(hole)
    post[20:76, 87 + 9 - 3 : 107 + 9 - 3] = True
    both = [hole & post, hole & ~post]
    assert min(one.sum() for one in both) > 50
    for one in both:
        assert -10 * np.log10(np.mean((right[frame][:, one] - truth[frame][:, one]) ** 2)) > 30


def test_no_more_is_held_than_the_frames_ahead() -> None:
    """Each clip comes out once as many frames as it reaches ahead have gone in."""
    clip, _ = film(-3.0)
    taken = 0

    def feed():  # type: ignore[no-untyped-def]
        nonlocal taken
        for t in range(FRAMES):
            taken += 1
            one = slice(t, t + 1)
            left = Clip(clip.left.rgb[one], t, clip.left.pts[one])
            yield WarpedClip(left, clip.disparity[one], clip.right[one], clip.hole[one])

    ahead = [taken - stereo.left.start - 1 for stereo in inpainters.build("propagate", reach_frames=3).inpaint(feed())]
    assert ahead == [3] * (FRAMES - 3) + [2, 1, 0]


def one_by_one(clip: WarpedClip, made: list[weakref.ref]) -> Iterator[WarpedClip]:
    """Its frames as clips of their own, with tensors of their own, which `made` notes."""
    for t in range(len(clip)):
        one = slice(t, t + 1)
        left = Clip(clip.left.rgb[one].clone(), t, clip.left.pts[one])
        made.append(weakref.ref(left.rgb))
        yield WarpedClip(left, clip.disparity[one], clip.right[one], clip.hole[one])
        del left


@pytest.mark.parametrize("frames", [0, 1, 2, 5])
def test_no_more_is_held_than_is_allowed(monkeypatch: pytest.MonkeyPatch, frames: int) -> None:
    """So many frames wait besides the one being filled; with none, what frames before have shown is found still."""
    clip, truth = film(9.0, frames=7)
    monkeypatch.setattr(propagate, "HELD_BYTES", round((frames + 0.9) * 25 * HEIGHT * WIDTH))
    made: list[weakref.ref] = []
    most, views = 0, []
    for stereo in inpainters.build("propagate").inpaint(one_by_one(clip, made)):
        most = max(most, sum(ref() is not None for ref in made))
        assert len(made) == min(stereo.left.start + 1 + frames, 7)
        views.append(stereo.right.rgb)
        del stereo
    assert most == frames + 1
    hole = clip.hole[6, 0].numpy()
    assert -10 * np.log10(np.mean((views[6][0].numpy()[:, hole] - truth[6][:, hole]) ** 2)) > 30
    assert psnr("texture", clip, truth, 6) < 25


@pytest.mark.parametrize("size", [(480, 854), (1080, 1920), (2160, 3840), (2880, 5120), (4320, 7680), (8640, 15360)])
def test_what_waits_stays_within_its_bytes_at_any_size(size: tuple[int, int]) -> None:
    ahead = propagate._affordable(10, *size)
    frame = WarpedClip(
        Clip(torch.empty(1, 3, *size, device="meta"), 0, torch.arange(1)),
        *(torch.empty(1, channels, *size, device="meta") for channels in (1, 3)),
        torch.empty(1, 1, *size, dtype=torch.bool, device="meta"),
    )
    waits = sum(one.numel() * one.element_size() for one in (frame.left.rgb, frame.right, frame.hole))
    assert ahead * waits <= propagate.HELD_BYTES
    assert ahead == 10 or (ahead + 1) * waits > propagate.HELD_BYTES


def test_a_camera_is_found_far_more_exactly_than_flow() -> None:
    """A ramp of disparity under a known motion: from a flow that is wrong by a px to a tenth of that."""
    height, width = 108, 192
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    disparity = 8 * y / height
    picture = texture(height + 40, width + 40, 3)[..., 1]
    truth = np.stack([1.5 + 0.2 * disparity, 0.4 + 0 * x])
    a = cv2.remap(picture, x + 20, y + 20, cv2.INTER_CUBIC)
    inverse = np.stack([1.5 + 0.2 * 8 * (y - 0.4) / height, 0.4 + 0 * x])  # what came to (x, y) was 0.4 px above
    b = cv2.remap(picture, x + 20 - inverse[0], y + 20 - inverse[1], cv2.INTER_CUBIC)
    views = [
        small_view(np.rint(255 * np.clip(v, 0, 1)).astype(np.uint8), np.rint(16 * disparity).astype(np.int16))
        for v in (a, b)
    ]
    camera = fit_camera((truth + 0.7).astype(np.float32), *views)
    assert np.median(np.hypot(*(moved(camera.ahead, x, y, disparity)[:2] - truth))) < 0.1
    there = moved(camera.ahead, x, y, disparity) + np.stack([x, y, disparity])
    assert np.abs(moved(camera.back, *there) + there - np.stack([x, y, disparity])).max() < 0.1


def test_what_moves_by_itself_is_marked_and_not_what_rests() -> None:
    """A card goes over a wall that a camera moves; wall over which the card's flow has bled does not move."""
    clip, _ = film(-3.0)
    grey = [np.rint(255 * clip.left.rgb[t].mean(0).numpy()).astype(np.uint8) for t in (0, 1)]
    steps = [np.rint(16 * clip.disparity[t, 0].numpy()).astype(np.int16) for t in (0, 1)]
    a, b = (small_view(picture, depth) for picture, depth in zip(grey, steps, strict=True))
    wall, flow = np.zeros((3, 7)), np.zeros((2, HEIGHT, WIDTH), np.float32)
    wall[0, 0] = flow[0] = -0.6
    flow[0, 16:80, 46:104] = -3.0
    moves = np.empty((HEIGHT, WIDTH), np.uint8)
    mark_moving(flow, wall, a.soft, b.soft, a.disparity, moves)
    card = np.zeros((HEIGHT, WIDTH), bool)
    card[20:76, 50:100] = True
    assert moves[card].mean() > 0.8
    assert moves[~card].mean() < 0.03


def moved(numbers: NDArray, x: NDArray, y: NDArray, d: NDArray) -> NDArray:
    """By how much x, y and disparity grow, as the module's docstring has it."""
    height, width = x.shape
    u, v, one = x / width - 0.5, y / width - 0.5 * height / width, np.ones_like(x)
    bases = (
        [one, u, v, d, u * d, u * u, u * v],
        [one, u, v, d, v * d, u * v, v * v],
        [one, u, v, d, u * d, v * d, d * d],
    )
    return np.stack([np.tensordot(numbers[axis], np.stack(basis), 1) for axis, basis in enumerate(bases)])


def test_a_reach_outside_its_range_is_the_callers_fault() -> None:
    with pytest.raises(InputError, match="outside 1 to 60"):
        inpainters.build("propagate", reach_frames=0)
