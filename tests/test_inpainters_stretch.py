"""Stretching fills from the background, whatever the sign of disparity, as a pixel-by-pixel oracle does."""

import math

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from secondeye import inpainters
from secondeye.inpainters import stretch
from secondeye.types import Clip, WarpedClip

RED, BLUE, GREEN = torch.tensor([1.0, 0, 0]), torch.tensor([0.0, 0, 1]), torch.tensor([0.0, 1, 0])


def splat(rgb: torch.Tensor, disparity: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """One frame (3, H, W), (H, W) splatted to whole pixels, the nearest on top."""
    right, hole = torch.zeros_like(rgb), torch.ones(disparity.shape, dtype=torch.bool)
    best = torch.full(disparity.shape, -torch.inf)
    for y, x in np.ndindex(*disparity.shape):
        landing = x - round(disparity[y, x].item())
        if 0 <= landing < disparity.shape[1] and disparity[y, x] > best[y, landing]:
            best[y, landing] = disparity[y, x]
            right[:, y, landing], hole[y, landing] = rgb[:, y, x], False
    return right, hole


def noisy() -> WarpedClip:
    """A frame of noise with one block before the rest."""
    rgb, disparity = torch.rand(3, 12, 30, generator=torch.Generator().manual_seed(0)), torch.zeros(12, 30)
    disparity[2:9, 10:18] = 5.0
    right, hole = splat(rgb, disparity)
    left = Clip(rgb[None], 0, torch.zeros(1, dtype=torch.int64))
    return WarpedClip(left, disparity[None, None], right[None], hole[None, None])


def painted(layers: list[tuple[slice, torch.Tensor, float]], height: int = 10, width: int = 40) -> WarpedClip:
    """One frame of full-height layers (columns, colour, disparity), later ones on top."""
    rgb, disparity = torch.zeros(3, height, width), torch.zeros(height, width)
    for columns, colour, value in layers:
        rgb[:, :, columns] = colour[:, None, None]
        disparity[:, columns] = value
    right, hole = splat(rgb, disparity)
    left = Clip(rgb[None], 0, torch.zeros(1, dtype=torch.int64))
    return WarpedClip(left, disparity[None, None], right[None], hole[None, None])


def filled(clip: WarpedClip) -> torch.Tensor:
    (stereo,) = inpainters.build("stretch").inpaint(iter([clip]))
    return stereo.right.rgb[0]


@pytest.mark.parametrize("offset", [0.0, 3.0, -9.0], ids=["behind", "before", "far behind"])
def test_foreground_never_smears(offset: float) -> None:
    """A red box over blue: no red in the fill, whichever way the frame as a whole moves."""
    clip = painted([(slice(0, 40), BLUE, offset), (slice(15, 25), RED, 6.0 + offset)])
    hole = clip.hole[0, 0]
    inner = hole & (torch.arange(40) > 9) & (torch.arange(40) < 35)
    assert inner.sum() == 6 * 10, "six px behind the box in every row"
    assert torch.equal(filled(clip)[:, inner], BLUE[:, None].expand(3, 60))


def test_of_three_layers_the_farthest_wins() -> None:
    """A nearer bar lands on a hole's background end; the hole takes its other, farther neighbour."""
    clip = painted([(slice(0, 40), BLUE, 0.0), (slice(10, 20), GREEN, 3.0), (slice(24, 28), RED, 5.0)])
    hole = clip.hole[0, 0, 0]
    assert hole[17:19].all(), "behind green, up to the bar"
    assert not hole[19]
    colours = filled(clip)
    assert torch.equal(colours[:, :, 17:19], GREEN[:, None, None].expand(3, 10, 2))


def test_a_mixed_edge_pixel_is_stepped_over() -> None:
    """Anti-aliasing leaves one half-red background pixel beside the box; the fill is pure blue all the same."""
    clip = painted([(slice(0, 40), BLUE, 0.0), (slice(15, 25), RED, 6.0), (slice(25, 26), 0.5 * (RED + BLUE), 0.0)])
    colours = filled(clip)
    assert torch.equal(clip.right[0, :, 0, 25], 0.5 * (RED + BLUE))
    assert torch.equal(colours[:, :, 19:25], BLUE[:, None, None].expand(3, 10, 6))


def test_borders_take_the_only_side() -> None:
    leftwards = painted([(slice(0, 40), BLUE, 5.0)])
    rightwards = painted([(slice(0, 40), GREEN, -5.0)])
    assert torch.equal(filled(leftwards), leftwards.left.rgb[0])
    assert torch.equal(filled(rightwards), rightwards.left.rgb[0])


def test_rows_are_blended_within_one_surface_only() -> None:
    """Noise in the background is calmer in the fill than in its source, yet a nearer surface does not leak in."""
    height, width = 40, 60
    rgb = torch.rand(3, height, width, generator=torch.Generator().manual_seed(1)) * 0.5
    disparity = torch.zeros(height, width)
    rgb[:, 20:, :] += 0.5  # lower half: another, nearer background
    disparity[20:] = 4.0
    disparity[:, 20:30] = 16.0
    right, hole = splat(rgb, disparity)
    clip = WarpedClip(
        Clip(rgb[None], 0, torch.zeros(1, dtype=torch.int64)), disparity[None, None], right[None], hole[None, None]
    )
    out = filled(clip)
    inner = hole & (torch.arange(width) < 50)
    above, below = inner.clone(), inner.clone()
    above[20:], below[:20] = False, False
    assert out[:, above].max() <= 0.5
    assert out[:, below].min() >= 0.5
    deep = out[:, 2:18, 20:23]  # far from the background's edge
    assert deep.std(dim=1).mean() < 0.7 * rgb.std(dim=1).mean() / 2


def test_in_place_writes_the_same_values() -> None:
    clip = noisy()
    (stereo,) = inpainters.build("stretch").inpaint(iter([clip]))
    (written,) = inpainters.build("stretch", in_place=True).inpaint(iter([clip]))
    assert written.right.rgb is clip.right
    assert torch.equal(written.right.rgb, stereo.right.rgb)


def oracle_plan(right: NDArray, hole: NDArray, near: list[float]) -> list[tuple[int, int, float] | None]:
    """For each pixel of one row: where its fill comes from, how deep it lies, of which surface; None if known."""
    width = len(hole)

    def beside(edge: int, way: int) -> float:
        xs = [edge + way * i for i in range(3)]
        inside = []
        for x in xs:
            if not 0 <= x < width or hole[x]:
                break
            inside.append(x)
        return next((near[x] for x in inside if near[x] > -math.inf), -math.inf)

    def source(edge: int, way: int, foreground: int) -> int:
        own = beside(edge, way)
        if not 0 <= foreground < width or hole[foreground]:
            return edge
        same = [edge]
        for i in range(1, 5):
            x = edge + way * i
            if not 0 <= x < width or hole[x] or (near[x] > -math.inf and abs(near[x] - own) > 3.0):
                break
            same.append(x)
        for i in range(len(same)):
            if i >= min(2, len(same) - 2):
                return same[i]
            clean = right[:, same[min(i + 2, len(same) - 1)]].astype(float)
            way_to_foreground = right[:, foreground] - clean
            share = way_to_foreground @ (right[:, same[i]] - clean) / (way_to_foreground @ way_to_foreground + 1e-4)
            if share < 0.3:
                return same[i]
        return edge

    plan: list[tuple[int, int, float] | None] = [None] * width
    for x in np.flatnonzero(hole):
        before, after = x - 1, x + 1
        while before >= 0 and hole[before]:
            before -= 1
        while after < width and hole[after]:
            after += 1
        from_after = before < 0 or (after < width and beside(after, 1) <= beside(before, -1))
        if before < 0 and after == width:
            plan[x] = (-1, 0, -math.inf)
        elif from_after:
            plan[x] = (source(after, 1, before - 1), after - x, beside(after, 1))
        else:
            plan[x] = (source(before, -1, after + 1), x - before, beside(before, -1))
    return plan


def oracle(clip: WarpedClip) -> NDArray:
    """What `stretch` promises, for the first frame of a clip, one pixel at a time."""
    right, left = clip.right[0].numpy(), clip.left.rgb[0].numpy()
    hole, disparity = clip.hole[0, 0].numpy(), clip.disparity[0, 0].numpy()
    height, width = hole.shape
    plans = []
    for y in range(height):
        near = [
            max((d for x, d in enumerate(disparity[y]) if math.floor(x - d + 0.5) == u), default=-math.inf)
            for u in range(width)
        ]
        plans.append(oracle_plan(right[:, y], hole[y], [float(n) for n in near]))
    out = right.copy()
    for y, x in zip(*np.nonzero(hole), strict=True):
        _, depth, surface = plans[y][x]
        reach = min(4.0, 0.5 * depth)
        total, colour = 0.0, np.zeros(3)
        for j in range(height):
            other = plans[j][x]
            if other is None or abs(j - y) > reach or not (other[2] == surface or abs(other[2] - surface) <= 3.0):
                continue
            weight = 1 - abs(j - y) / (reach + 1)
            value = left[:, j, x] if other[0] < 0 else right[:, j, other[0]]
            total, colour = total + weight, colour + weight * value
        out[:, y, x] = colour / total
    return out


@pytest.mark.parametrize("seed", range(6))
def test_equals_the_oracle(seed: int) -> None:
    """Random blocks at random disparities of both signs, holes of the splat and holes punched at random."""
    random = np.random.default_rng(seed)
    height, width = 14, 31
    rgb = torch.from_numpy(random.random((3, height, width)).astype(np.float32))
    disparity = torch.full((height, width), float(random.integers(-4, 5)))
    for _ in range(5):
        y, x = random.integers(0, height), random.integers(0, width)
        disparity[y : y + random.integers(1, 9), x : x + random.integers(1, 12)] = float(random.uniform(-8, 8))
    right, hole = splat(rgb, disparity)
    hole |= torch.from_numpy(random.random((height, width)) < 0.05)
    if seed == 0:
        hole[5] = True
    clip = WarpedClip(
        Clip(rgb[None], 0, torch.zeros(1, dtype=torch.int64)), disparity[None, None], right[None], hole[None, None]
    )
    np.testing.assert_allclose(filled(clip).numpy(), oracle(clip), atol=1e-6)


def test_half_precision_and_strided_frames_are_taken() -> None:
    clip = noisy()
    half = WarpedClip(Clip(clip.left.rgb.half(), 0, clip.left.pts), clip.disparity.half(), clip.right.half(), clip.hole)
    assert stretch.fill(half.right.clone(), half).dtype == torch.float16
    turned = clip.right.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2)
    strided = WarpedClip(clip.left, clip.disparity, turned, clip.hole)
    assert torch.equal(filled(strided), filled(clip))
