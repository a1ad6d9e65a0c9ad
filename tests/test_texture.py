"""`texture` carries the background on along its lines: never the foreground, the same however it is run."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import Tensor

from secondeye import inpainters
from secondeye.inpainters import stretch, texture
from secondeye.inpainters.texture.paint import _row_at, rows_around
from secondeye.splat import splat_forward
from secondeye.types import Clip, WarpedClip

HEIGHT, WIDTH = 48, 80
RED, BLUE = torch.tensor([1.0, 0, 0]), torch.tensor([0.0, 0, 1])


def warped(left: Tensor, disparity: Tensor) -> WarpedClip:
    """What our splat makes of frames (T, 3, H, W) and their disparity (T, 1, H, W)."""
    clip = Clip(left, 0, torch.arange(len(left)))
    return WarpedClip(clip, disparity, *splat_forward(left, disparity))


def box(left: Tensor, near: float = 14.0, rows: slice = slice(0, HEIGHT), far: float = 0.0) -> WarpedClip:
    """A red box, 20 px wide, before a picture (3, H, W)."""
    left, disparity = left.clone(), torch.full((1, *left.shape[1:]), far)
    left[:, rows, 36:56], disparity[:, rows, 36:56] = RED[:, None, None], near + far
    return warped(left[None], disparity[None])


def inside(clip: WarpedClip) -> Tensor:
    """The hole beside the box (H, W), without any at the borders."""
    columns = torch.arange(WIDTH)
    return clip.hole[0, 0] & (columns > 20) & (columns < 60)


def error(found: Tensor, truth: Tensor, where: Tensor) -> float:
    return float((found[:, where] - truth[:, where]).square().mean().sqrt())


def stripes(slope: float) -> Tensor:
    """(3, H, W): soft stripes that fall by `slope` rows a column."""
    y, x = torch.meshgrid(torch.arange(HEIGHT), torch.arange(WIDTH), indexing="ij")
    wave = 0.5 + 0.4 * torch.sin((y - slope * x) * 2 * np.pi / 16)
    return torch.stack([0.3 * wave, wave, 1 - wave]).float()


@pytest.mark.parametrize("slope", [-0.7, -0.4, 0.4, 0.7])
def test_oblique_stripes_go_on_at_their_slope(slope: float) -> None:
    """Far better than what copies along rows, and better than the same without any sense of direction."""
    picture = stripes(slope)
    clip = box(picture)
    where = inside(clip)
    assert where.sum() == 14 * HEIGHT
    made = texture.fill(clip.right.clone(), clip)[0]
    copied = stretch.fill(clip.right.clone(), clip)[0]
    assert error(made, picture, where) < 0.7 * error(copied, picture, where)


@pytest.mark.parametrize("far", [0.0, 5.0, -9.0])
@pytest.mark.parametrize("near", [1.5, 4.0, 14.0])
def test_the_foreground_never_enters(near: float, far: float) -> None:
    """A red box on blue: no red in what it leaves behind, above, below or beside it."""
    clip = box(BLUE[:, None, None].expand(3, HEIGHT, WIDTH), near, slice(10, 38), far)
    filled = texture.fill(clip.right.clone(), clip)[0]
    inner = clip.hole[0, 0, 10:38, 12:68]
    assert inner.sum() >= 28
    assert filled[0, clip.hole[0, 0]].max() < 0.02


def test_what_is_above_and_below_counts() -> None:
    """Where a hole is wide and low, upright stripes come in from above and below, which rows cannot know."""
    picture = torch.linspace(0, 12 * np.pi, WIDTH).sin().mul(0.4).add(0.5).expand(3, HEIGHT, WIDTH)
    clip = box(picture, rows=slice(20, 28))
    where = inside(clip)
    made, copied = (method.fill(clip.right.clone(), clip)[0] for method in (texture, stretch))
    assert error(made, picture, where) < 0.5 * error(copied, picture, where)


def test_known_pixels_alone_are_read() -> None:
    """Whatever stands in the holes before, NaN even, changes nothing."""
    clip = box(stripes(0.3))
    spoiled = clip.right.masked_fill(clip.hole, float("nan"))
    assert torch.equal(texture.fill(spoiled, clip), texture.fill(clip.right.clone(), clip))


def test_a_mean_stays_within_what_is_known() -> None:
    clip = box(torch.rand(3, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(0)) * 0.5 + 0.25)
    filled = texture.fill(clip.right.clone(), clip)[0][:, inside(clip)]
    assert filled.min() >= 0.25
    assert filled.max() <= 1.0


@pytest.mark.parametrize("shift", [6.0, -6.0])
def test_borders_of_the_frame(shift: float) -> None:
    """What moves out of the frame leaves a border that goes on as the picture does."""
    picture = stripes(0.5)
    clip = warped(picture[None], torch.full((1, 1, HEIGHT, WIDTH), shift))
    hole = clip.hole[0, 0]
    assert hole.sum() == 6 * HEIGHT
    y, x = torch.meshgrid(torch.arange(HEIGHT), torch.arange(WIDTH), indexing="ij")
    wave = 0.5 + 0.4 * torch.sin((y - 0.5 * (x + shift)) * 2 * np.pi / 16)
    truth = torch.stack([0.3 * wave, wave, 1 - wave]).float()
    made, copied = (method.fill(clip.right.clone(), clip)[0] for method in (texture, stretch))
    assert error(made, truth, hole) < 0.8 * error(copied, truth, hole)


def test_rows_and_frames_without_anything_known() -> None:
    """They take the left view; rows beside them are not disturbed."""
    clip = box(stripes(0.2))
    hole = clip.hole.clone()
    hole[:, :, 7] = True
    right = clip.right.masked_fill(hole, float("nan"))
    filled = texture.fill(right, WarpedClip(clip.left, clip.disparity, clip.right, hole))
    assert torch.equal(filled[0, :, 7], clip.left.rgb[0, :, 7])
    assert torch.isfinite(filled).all()
    nothing = WarpedClip(clip.left, clip.disparity, clip.right, torch.ones_like(clip.hole))
    assert torch.equal(texture.fill(clip.right.clone(), nothing), clip.left.rgb)


def test_runs_longer_than_a_piece() -> None:
    """A hole of 600 px: each piece of it knows the whole run's ends."""
    left = torch.full((1, 3, 8, 700), 0.25)
    disparity = torch.zeros(1, 1, 8, 700)
    hole = torch.zeros(1, 1, 8, 700, dtype=torch.bool)
    hole[..., 50:650] = True
    clip = WarpedClip(Clip(left, 0, torch.arange(1)), disparity, left.masked_fill(hole, 0.0), hole)
    assert torch.allclose(texture.fill(clip.right.clone(), clip), left, atol=1e-6)


@pytest.mark.parametrize("height", [HEIGHT, 161, 162, 163, 168])
def test_upside_down_is_filled_upside_down(height: int) -> None:
    """But for the order of sums; heights that are a multiple of what far rows stand for, and others."""
    generator = torch.Generator().manual_seed(height)
    left = torch.rand(1, 3, height, WIDTH, generator=generator)
    disparity = torch.zeros(1, 1, height, WIDTH)
    for _ in range(12):
        y, x = (int(torch.randint(side, (1,), generator=generator)) for side in (height - 8, WIDTH - 30))
        disparity[:, :, y : y + height // 2, x : x + 24] = 3.0 + 12 * torch.rand(1, generator=generator)
    clip = warped(left, disparity)
    turned = WarpedClip(
        Clip(left.flip(2), 0, torch.arange(1)), *(v.flip(2) for v in (disparity, clip.right, clip.hole))
    )
    assert clip.hole.float().mean() > 0.05
    made, other = (texture.fill(one.right.clone(), one) for one in (clip, turned))
    assert (made - other.flip(2)).abs().max() < 1e-5


@pytest.mark.parametrize("height", [129, 130, 135])
def test_each_row_up_and_down_is_stood_for_once(height: int) -> None:
    steps = [(int(away), int(counts)) for away, counts in rows_around()]
    for y in range(height):
        for way in (-1, 1):
            looked_at = []
            for away, counts in steps:
                row = _row_at(y, away, counts, height)
                if away * way > 0:
                    assert abs(away) <= (row - y) * way < abs(away) + counts
                    looked_at.append((abs(away), counts))
            ends = [0, *(away - 1 + counts for away, counts in sorted(looked_at))]
            assert [away for away, _ in sorted(looked_at)] == [end + 1 for end in ends[:-1]]


def test_threads_and_grouping_change_nothing() -> None:
    """Bands of rows on many threads, and frames together or apart: the same bits."""
    frames = [box(stripes(slope)) for slope in (-0.5, 0.1, 0.6)]
    together = WarpedClip(
        Clip(torch.cat([one.left.rgb for one in frames]), 0, torch.arange(3)),
        *(torch.cat([getattr(one, name) for one in frames]) for name in ("disparity", "right", "hole")),
    )
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(4)
        many = texture.fill(together.right.clone(), together)
        torch.set_num_threads(1)
        apart = torch.cat([texture.fill(one.right.clone(), one) for one in frames])
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(many, apart)


def test_a_step_of_the_foreground_moves_the_fill_little() -> None:
    """A still background behind a box that goes on by a pixel a frame: what stays a hole stays nearly as it was."""
    picture = stripes(0.4)

    def filled(first: int) -> tuple[Tensor, Tensor]:
        left, disparity = picture.clone(), torch.zeros(1, HEIGHT, WIDTH)
        left[:, :, first : first + 20], disparity[:, :, first : first + 20] = RED[:, None, None], 14.0
        clip = warped(left[None], disparity[None])
        return texture.fill(clip.right.clone(), clip)[0], clip.hole[0, 0]

    steps = [filled(first) for first in range(36, 42)]
    for (one, hole), (next_one, next_hole) in pairwise(steps):
        where = hole & next_hole
        assert (one - next_one)[:, where].abs().mean() < 0.03
        assert (one - next_one)[:, where].abs().max() < 0.2


def test_it_is_found_by_name() -> None:
    clip = box(stripes(0.3))
    (stereo,) = inpainters.build("texture").inpaint(iter([clip]))
    assert torch.equal(stereo.right.rgb, texture.fill(clip.right.clone(), clip))
    assert torch.equal(stereo.right.rgb.masked_select(~clip.hole), clip.right.masked_select(~clip.hole))
