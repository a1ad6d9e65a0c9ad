"""The contract that every inpainter keeps, run over all of them."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import Tensor

from secondeye import inpainters
from secondeye.errors import InputError
from secondeye.types import Clip, Inpainter, StereoClip, WarpedClip

SIZES = [(12, 17), (1, 1), (1, 16), (16, 1), (9, 33)]
SHIFTS = ["steps", "negative steps", "out to the left", "out to the right", "none"]


def splat(rgb: Tensor, disparity: Tensor) -> tuple[Tensor, Tensor]:
    """One frame (3, H, W), (H, W) splatted to whole pixels, the nearest on top; a loop that anybody can check."""
    right, hole = torch.zeros_like(rgb), torch.ones(disparity.shape, dtype=torch.bool)
    best = torch.full(disparity.shape, -torch.inf)
    for y, x in np.ndindex(*disparity.shape):
        landing = x - round(disparity[y, x].item())
        if 0 <= landing < disparity.shape[1] and disparity[y, x] > best[y, landing]:
            best[y, landing] = disparity[y, x]
            right[:, y, landing], hole[y, landing] = rgb[:, y, x], False
    return right, hole


def disparity_of(kind: str, height: int, width: int) -> Tensor:
    """Disparity (H, W) whose holes lie inside, at one border or the other, or nowhere."""
    disparity = torch.zeros(height, width)
    if kind == "steps":
        disparity[:, width // 3 : 2 * width // 3] = 5.0
        disparity[height // 2 :] += 2.0
    elif kind == "negative steps":
        disparity[:] = -6.0
        disparity[height // 4 :, width // 2 :] = -1.0
    elif kind.startswith("out"):
        disparity[:] = 4.0 if kind.endswith("left") else -4.0
        disparity[height // 2] = 2.0 * width  # a whole row of nothing
    return disparity


def warped(kind: str, height: int, width: int, frame_count: int = 2, seed: int = 0, start: int = 3) -> WarpedClip:
    generator = torch.Generator().manual_seed(seed)
    rgb = torch.rand(frame_count, 3, height, width, generator=generator)
    disparity = disparity_of(kind, height, width).expand(frame_count, 1, height, width).clone()
    pairs = [splat(rgb[t], disparity[t, 0]) for t in range(frame_count)]
    left = Clip(rgb, start, torch.arange(start, start + frame_count) * 40)
    return WarpedClip(left, disparity, torch.stack([p[0] for p in pairs]), torch.stack([p[1][None] for p in pairs]))


def split(clip: WarpedClip) -> Iterator[WarpedClip]:
    """The same frames, one a clip."""
    for t in range(len(clip)):
        one = slice(t, t + 1)
        left = Clip(clip.left.rgb[one], clip.left.start + t, clip.left.pts[one])
        yield WarpedClip(left, clip.disparity[one], clip.right[one], clip.hole[one])


@pytest.fixture(params=inpainters.names())
def inpainter(request: pytest.FixtureRequest) -> Inpainter:
    return inpainters.build(request.param)


def run(inpainter: Inpainter, *clips: WarpedClip) -> list[StereoClip]:
    return list(inpainter.inpaint(iter(clips)))


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("kind", SHIFTS)
def test_fills_what_is_missing_and_keeps_what_is_known(inpainter: Inpainter, kind: str, size: tuple[int, int]) -> None:
    clip = warped(kind, *size)
    kept = clip.right.clone()
    (stereo,) = run(inpainter, clip)
    right = stereo.right.rgb
    assert torch.equal(clip.right, kept), "an inpainter must not write into its input"
    assert torch.isfinite(right).all()
    assert right.min() >= 0
    assert right.max() <= 1
    if inpainter.needs.exact:
        known = ~clip.hole.expand_as(right)
        assert torch.equal(right[known], kept[known])


def test_shift_kinds_make_the_holes_they_name() -> None:
    """The clips above do have holes inside, at either border, over a whole row, and none."""
    steps = warped("steps", 12, 17).hole[0, 0]
    assert steps[0, 1:-1].any()
    assert not steps[0, 0]
    assert warped("out to the left", 12, 17).hole[0, 0, 0, -1]
    assert warped("out to the right", 12, 17).hole[0, 0, 0, 0]
    assert warped("out to the right", 12, 17).hole[0, 0, 6].all()
    assert not warped("none", 12, 17).hole.any()


def test_same_frames_out_in_order_once(inpainter: Inpainter) -> None:
    clips = [warped("steps", 9, 20, seed=i, start=2 * i) for i in range(3)]
    out = run(inpainter, *clips)
    assert [s.left.start for s in out] == [0, 2, 4]
    for clip, stereo in zip(clips, out, strict=True):
        assert stereo.left is clip.left
        assert stereo.right.start == clip.left.start
        assert torch.equal(stereo.right.pts, clip.left.pts)


def test_same_input_same_bytes(inpainter: Inpainter) -> None:
    clip = warped("steps", 20, 40)
    first, second = run(inpainter, clip), run(inpainter, clip)
    assert torch.equal(first[0].right.rgb, second[0].right.rgb)


def test_grouping_changes_nothing(inpainter: Inpainter) -> None:
    clip = warped("negative steps", 9, 20, frame_count=3)
    together = run(inpainter, clip)[0].right.rgb
    apart = torch.cat([s.right.rgb for s in run(inpainter, *split(clip))])
    assert torch.equal(together, apart)


def test_a_frame_alone_is_enough_for_what_says_so(inpainter: Inpainter) -> None:
    if inpainter.needs.window != 1:
        pytest.skip("it looks at several frames")
    clip = warped("steps", 24, 40, frame_count=3)
    together = run(inpainter, clip)[0].right.rgb
    apart = torch.cat([run(inpainter, one)[0].right.rgb for one in split(clip)])
    assert torch.equal(together, apart)


def test_interleaved_streams_do_not_meet(inpainter: Inpainter) -> None:
    streams = [[warped("steps", 9, 20, seed=10 * s + i) for i in range(2)] for s in range(2)]
    alone = [[o.right.rgb for o in run(inpainter, *clips)] for clips in streams]
    running = [inpainter.inpaint(iter(clips)) for clips in streams]
    for i in range(2):
        for s in range(2):
            assert torch.equal(next(running[s]).right.rgb, alone[s][i])


def test_no_hole_no_change(inpainter: Inpainter) -> None:
    clip = warped("none", 11, 13)
    assert torch.equal(run(inpainter, clip)[0].right.rgb, clip.right)


def test_where_all_is_hole_the_left_view_serves(inpainter: Inpainter) -> None:
    clip = warped("none", 8, 10)
    nothing = WarpedClip(clip.left, clip.disparity, torch.zeros_like(clip.right), torch.ones_like(clip.hole))
    right = run(inpainter, nothing)[0].right.rgb
    assert (right - clip.left.rgb).abs().mean() < 0.05


def test_no_stream_no_frames(inpainter: Inpainter) -> None:
    assert run(inpainter) == []


def test_unknown_names_and_options_say_what_is_nearest() -> None:
    with pytest.raises(InputError, match="did you mean 'stretch'"):
        inpainters.build("strech")
    with pytest.raises(InputError, match="did you mean 'radius_px'"):
        inpainters.build("telea", radius=3)
    with pytest.raises(InputError, match="outside 1 to 64"):
        inpainters.build("telea", radius_px=0)


def test_frame_times_are_any_ticks(inpainter: Inpainter) -> None:
    clip = warped("steps", 5, 9)
    odd = torch.tensor([7, 3003], dtype=torch.int64)
    clip = WarpedClip(Clip(clip.left.rgb, 0, odd), clip.disparity, clip.right, clip.hole)
    assert torch.equal(run(inpainter, clip)[0].right.pts, odd)
