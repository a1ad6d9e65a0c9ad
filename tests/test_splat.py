"""Our own splat: every backend against a pixel-by-pixel oracle, and what the rule promises."""

from pathlib import Path

import numba
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torch import Tensor

from secondeye.compiled import kernel
from secondeye.errors import ContractError, InputError
from secondeye.geometry import StereoGeometry
from secondeye.splat import splat_forward, warp_to_right
from secondeye.types import Clip, DepthClip
from tests import splat_oracle

TOLERANCE = 1e-5
"""Of colours 0 to 1; holes must agree exactly."""

BACKENDS = ["torch", "numba"]
KINDS = ["whole", "fractional", "slopes", "steps", "noise", "far"]
RULES = ["secondeye", "stereocrafter", "m2svid", "zero"]


def random_disparity(kind: str, shape: tuple[int, int, int], rng: np.random.Generator) -> np.ndarray:
    """(T, 1, H, W) px, multiples of 1/64, so that float32 and float64 agree on what lands where."""
    frames, height, width = shape
    size = (frames, 1, height, width)
    match kind:
        case "whole":
            values = rng.integers(-4, 5, size)
        case "fractional":
            values = np.broadcast_to(rng.uniform(-5, 5, (frames, 1, height, 1)), size)
        case "slopes":
            values = rng.uniform(-5, 5, (frames, 1, height, 1)) + rng.uniform(-3.2, 3.2, (*size[:3], 1)) * np.arange(
                width
            )
        case "steps":
            values = np.cumsum(rng.choice([0, 0, 0, 0.3, -0.3, 6, -6, 1.2, -1.3], size), -1)
        case "noise":
            values = rng.normal(0, 1.5, size)
        case _:
            values = rng.uniform(-3 * width, 3 * width, size)
    return np.round(np.asarray(values, np.float64) * 64) / 64


def splat_both(rgb: np.ndarray, disparity: np.ndarray, backend: str) -> tuple[np.ndarray, np.ndarray]:
    right, hole = splat_forward(torch.from_numpy(rgb).float(), torch.from_numpy(disparity).float(), backend=backend)
    return right.double().numpy(), hole.numpy()


@settings(max_examples=120, derandomize=True)
@given(
    kind=st.sampled_from(KINDS),
    frames=st.integers(1, 2),
    height=st.integers(1, 3),
    width=st.integers(1, 24),
    seed=st.integers(0, 2**32 - 1),
)
def test_backends_equal_the_oracle(kind: str, frames: int, height: int, width: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    rgb = rng.random((frames, 3, height, width)).astype(np.float32).astype(np.float64)
    disparity = random_disparity(kind, (frames, height, width), rng)
    right, hole = splat_oracle.splat(rgb, disparity)
    for backend in BACKENDS:
        drawn, missed = splat_both(rgb, disparity, backend)
        np.testing.assert_array_equal(missed, hole, err_msg=backend)
        np.testing.assert_allclose(drawn, right, atol=TOLERANCE, rtol=0, err_msg=backend)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (16, 1), (1, 16), (16, 2), (3, 129), (40, 333)])
@pytest.mark.parametrize("kind", KINDS)
def test_numba_equals_torch_on_other_sizes(kind: str, height: int, width: int) -> None:
    rng = np.random.default_rng(height * width)
    rgb, disparity = rng.random((2, 3, height, width)), random_disparity(kind, (2, height, width), rng)
    (a, missed_a), (b, missed_b) = (splat_both(rgb, disparity, backend) for backend in BACKENDS)
    np.testing.assert_array_equal(missed_a, missed_b)
    np.testing.assert_allclose(a, b, atol=TOLERANCE, rtol=0)


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def row(*values: float) -> Tensor:
    """(1, 1, 1, W) disparity."""
    return torch.tensor(values, dtype=torch.float32).view(1, 1, 1, -1)


def letters(width: int, channels: int = 3) -> Tensor:
    """(1, C, 1, W) of colours 1, 2, 3, ... so that one sees where each came from."""
    return torch.arange(1.0, width + 1).expand(1, channels, 1, width).contiguous()


def test_no_disparity_changes_nothing(backend: str) -> None:
    """Least of all the last row and column, which StereoCrafter's kernel loses."""
    rgb = torch.rand(2, 3, 5, 9)
    right, hole = splat_forward(rgb, torch.zeros(2, 1, 5, 9), backend=backend)
    assert torch.equal(right, rgb)
    assert not hole.any()


@pytest.mark.parametrize("shift", [-3, 3, 8, 9, 1000])
def test_whole_shift_moves_pixels_left(shift: int, backend: str) -> None:
    right, hole = splat_forward(letters(8), torch.full((1, 1, 1, 8), float(shift)), backend=backend)
    wanted = [x + shift + 1.0 if 0 <= x + shift < 8 else 0.0 for x in range(8)]
    assert right[0, 1, 0].tolist() == wanted
    assert hole[0, 0, 0].tolist() == [color == 0 for color in wanted]


@pytest.mark.parametrize("shift", [-0.25, 0.4, 2.75])
def test_part_of_a_px_interpolates(shift: float, backend: str) -> None:
    right, hole = splat_forward(letters(12), torch.full((1, 1, 1, 12), shift), backend=backend)
    middle = slice(1, 8)
    assert torch.allclose(right[0, 0, 0, middle], letters(12)[0, 0, 0, middle] + shift, atol=1e-5)
    assert not hole[0, 0, 0, middle].any()


def test_border_columns_count_in_part(backend: str) -> None:
    """0.4 px beyond the border a pixel still covers most of the border column; 0.6 px beyond it does not."""
    for shift, missed in ((0.4, False), (0.6, True)):
        for sign, border in ((1, 0), (-1, 0)):
            right, hole = splat_forward(letters(1), row(sign * shift), backend=backend)
            assert bool(hole[0, 0, 0, border]) is missed
            assert float(right[0, 0, 0, border]) == (0.0 if missed else 1.0)


@pytest.mark.parametrize("slope", [-0.9, -0.3, 0.5, 1.0, 1.25, 2.0, 3.0])
def test_slopes_do_not_crack(slope: float, backend: str) -> None:
    """Disparity falls by up to 3 px a px; colours stay linear, as the interpolation minds where pixels land."""
    width = 60
    disparity = (20 - slope * torch.arange(width)).view(1, 1, 1, -1)
    right, hole = splat_forward(letters(width), disparity, backend=backend)
    landing = torch.arange(width) - disparity.flatten()
    inside = (torch.arange(width) >= landing.min()) & (torch.arange(width) <= landing.max())
    assert not hole[0, 0, 0, inside].any()
    shown = right[0, 0, 0, inside].diff()
    assert torch.allclose(shown, torch.full_like(shown, 1 / (1 + slope)), atol=1e-3)


def test_discontinuity_leaves_a_hole_as_wide_as_its_jump(backend: str) -> None:
    disparity = row(*[8.0] * 20, *[3.0] * 20)
    right, hole = splat_forward(letters(40), disparity, backend=backend)
    assert torch.nonzero(hole[0, 0, 0]).flatten().tolist() == [12, 13, 14, 15, 16, 37, 38, 39]
    assert right[0, 0, 0, hole[0, 0, 0]].eq(0).all()


def test_nearest_hides_the_rest_at_any_difference(backend: str) -> None:
    """Soft weights would let 41 % of the background through here."""
    disparity = row(*[0.0] * 10, *[1.0] * 10)
    rgb = torch.cat([torch.zeros(1, 3, 1, 10), torch.ones(1, 3, 1, 10)], -1)
    right, hole = splat_forward(rgb, disparity, backend=backend)
    assert right[0, 0, 0, :9].eq(0).all()
    assert right[0, 0, 0, 9:19].eq(1).all()
    assert hole[0, 0, 0].tolist() == [False] * 19 + [True]


def test_no_mixed_colors_where_layers_move_by_whole_px(backend: str) -> None:
    rng = np.random.default_rng(4)
    layer = torch.from_numpy(np.repeat(rng.integers(0, 2, (1, 1, 12, 20)), 6, -1)).float()
    right, hole = splat_forward(layer.expand(1, 3, 12, 120).contiguous(), layer * 7, backend=backend)
    known = right[~hole.expand_as(right)]
    assert ((known == 0) | (known == 1)).all()
    assert hole.any()


def test_edge_blends_by_coverage(backend: str) -> None:
    """A foreground that ends 0.3 px into a column covers 30 % of it."""
    disparity = row(*[0.0] * 10, *[4.3] * 10)
    rgb = torch.cat([torch.zeros(1, 3, 1, 10), torch.ones(1, 3, 1, 10)], -1)
    right, _ = splat_forward(rgb, disparity, backend=backend)
    assert right[0, 0, 0, 4:7].tolist() == pytest.approx([0, 0.3, 1], abs=1e-5)


def test_mixed_edge_pixel_leaves_no_ghost(backend: str) -> None:
    """The first background pixel holds a third of the foreground's colour; beside the hole it is background again."""
    rgb = torch.tensor([0.9] * 10 + [0.4] + [0.15] * 9).expand(1, 3, 1, 20).contiguous()
    right, hole = splat_forward(rgb, row(*[6.0] * 10, *[0.0] * 10), backend=backend)
    assert hole[0, 0, 0].tolist() == [False] * 4 + [True] * 6 + [False] * 10
    assert right[0, 0, 0, 10:].tolist() == pytest.approx([0.15] * 10, abs=1e-3)


def test_whole_rows_may_be_holes(backend: str) -> None:
    disparity = torch.zeros(1, 1, 3, 7)
    disparity[0, 0, 1] = 50
    right, hole = splat_forward(torch.rand(1, 3, 3, 7), disparity, backend=backend)
    assert hole[0, 0].all(1).tolist() == [False, True, False]
    assert right[0, :, 1].eq(0).all()


@pytest.mark.parametrize("size", [1e3, 1e7, 1e37])
def test_huge_disparities_stay_finite(size: float, backend: str) -> None:
    disparity = (torch.rand(1, 1, 4, 50, generator=torch.Generator().manual_seed(0)) - 0.5) * size
    disparity[..., 20:30] = 3.5
    right, hole = splat_forward(torch.rand(1, 3, 4, 50), disparity, backend=backend)
    assert right.isfinite().all()
    assert not hole[..., 17:26].any()


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_disparity_that_is_not_finite_is_an_error(rule: str, value: float) -> None:
    disparity = torch.zeros(2, 1, 40, 9)
    disparity[1, 0, 33, 4] = value
    for backend in BACKENDS if rule == "secondeye" else ["auto"]:
        with pytest.raises(ContractError, match=f"got {value} in frame 1 at x 4, y 33"):
            splat_forward(torch.rand(2, 3, 40, 9), disparity, rule=rule, backend=backend)


def test_same_bits_in_every_run_on_any_threads_in_any_grouping() -> None:
    rng = np.random.default_rng(7)
    rgb = torch.rand(3, 3, 70, 130, generator=torch.Generator().manual_seed(1))
    disparity = torch.from_numpy(random_disparity("steps", (3, 70, 130), rng)).float()
    before = torch.get_num_threads()
    try:
        results = []
        for threads in (1, 2, 5):
            torch.set_num_threads(threads)
            results += [splat_forward(rgb, disparity) for _ in range(2)]
    finally:
        torch.set_num_threads(before)
    one_by_one = [splat_forward(rgb[t : t + 1], disparity[t : t + 1]) for t in range(3)]
    results.append((torch.cat([r for r, _ in one_by_one]), torch.cat([h for _, h in one_by_one])))
    for right, hole in results:
        assert torch.equal(right, results[0][0])
        assert torch.equal(hole, results[0][1])


def test_kernels_compile_where_no_folder_can_hold_their_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    real = numba.njit

    def without_cache(**options: object) -> object:
        if options.pop("cache", False):
            raise RuntimeError("cannot cache function: no locator available")
        return real(**options)

    monkeypatch.setattr(numba, "njit", without_cache)
    assert kernel(lambda x: x + 1)(2) == 3


@pytest.mark.parametrize("dtype", [torch.float16, torch.float64])
@pytest.mark.parametrize("channels", [1, 4])
def test_other_types_and_channels(dtype: torch.dtype, channels: int, backend: str) -> None:
    rgb, disparity = torch.rand(1, channels, 3, 20).to(dtype), torch.rand(1, 1, 3, 20) * 4
    right, _ = splat_forward(rgb, disparity.to(dtype), backend=backend)
    wanted, _ = splat_forward(rgb.float(), disparity.to(dtype).float(), backend=backend)
    assert right.dtype == dtype
    assert torch.allclose(right.float(), wanted, atol=1e-3)


def test_views_with_strides_are_read_right(backend: str) -> None:
    rgb, disparity = torch.rand(1, 5, 20, 3).permute(0, 3, 1, 2), (torch.rand(1, 1, 5, 20) * 4).flip(-1)
    wanted, _ = splat_forward(rgb.contiguous(), disparity.contiguous(), backend=backend)
    assert torch.equal(splat_forward(rgb, disparity, backend=backend)[0], wanted)
    assert torch.equal(splat_forward(rgb[:, :, ::2], disparity[:, :, ::2], backend=backend)[0], wanted[:, :, ::2])


def test_arguments_are_left_alone(backend: str) -> None:
    rgb, disparity = torch.rand(1, 3, 4, 30), torch.rand(1, 1, 4, 30) * 9
    copies = rgb.clone(), disparity.clone()
    splat_forward(rgb, disparity, backend=backend)
    assert torch.equal(rgb, copies[0])
    assert torch.equal(disparity, copies[1])


def test_what_does_not_fit_is_refused() -> None:
    rgb = torch.rand(2, 3, 4, 5)
    with pytest.raises(ContractError, match=r"disparity: expected \(2, 1, 4, 5\)"):
        splat_forward(rgb, torch.zeros(2, 1, 4, 6))
    with pytest.raises(ContractError, match="rgb: expected"):
        splat_forward(rgb[0], torch.zeros(1, 1, 4, 5))
    with pytest.raises(ContractError, match="int64"):
        splat_forward(rgb, torch.zeros(2, 1, 4, 5, dtype=torch.int64))
    with pytest.raises(InputError, match="did you mean 'stereocrafter'"):
        splat_forward(rgb, torch.zeros(2, 1, 4, 5), rule="stereocraft")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="did you mean 'numba'"):
        splat_forward(rgb, torch.zeros(2, 1, 4, 5), backend="numbar")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="torch only"):
        splat_forward(rgb, torch.zeros(2, 1, 4, 5), rule="zero", backend="numba")


def clip_with_depth(height: int, width: int, depth_size: tuple[int, int]) -> DepthClip:
    generator = torch.Generator().manual_seed(3)
    left = Clip(torch.rand(2, 3, height, width, generator=generator), 10, torch.tensor([5, 6]))
    return DepthClip(left, torch.rand(2, 1, *depth_size, generator=generator))


def test_warp_to_right_enlarges_depth_and_keeps_the_record() -> None:
    depth = clip_with_depth(12, 40, (6, 20))
    geometry = StereoGeometry(strength=0.1, convergence=0.25)
    warped = warp_to_right(depth, geometry)
    large = torch.nn.functional.interpolate(depth.inverse_depth, (12, 40), mode="bilinear", align_corners=False)
    assert warped.left is depth.left
    assert torch.allclose(warped.disparity, (large - 0.25) * 4, atol=1e-6)
    right, hole = splat_forward(depth.left.rgb, warped.disparity)
    assert torch.equal(warped.right, right)
    assert torch.equal(warped.hole, hole)


def test_warp_to_right_cleans_edges_when_told_to() -> None:
    depth = clip_with_depth(12, 40, (12, 40))
    geometry = StereoGeometry(strength=0.2)
    plain = warp_to_right(depth, geometry)
    wide = warp_to_right(depth, geometry, hole_dilation_px=1)
    assert torch.equal(wide.hole, torch.nn.functional.max_pool2d(plain.hole.float(), 3, 1, 1) > 0)
    assert wide.right[wide.hole.expand_as(wide.right)].eq(0).all()
    nearer = warp_to_right(depth, geometry, edge_dilation_px=1)
    assert (nearer.disparity >= plain.disparity).all()
    assert (nearer.disparity > plain.disparity).any()


def psnr(a: Tensor, b: Tensor, where: Tensor) -> float:
    return float(-10 * torch.log10((a - b)[where.expand_as(a)].square().mean()))


def waves(u: Tensor, v: Tensor, seed: int) -> Tensor:
    """(1, 3, H, W) texture of waves 5 px and longer."""
    generator = torch.Generator().manual_seed(seed)
    angle, length, phase = (torch.rand(3, 12, 1, 1, generator=generator) for _ in range(3))
    frequency = 2 * torch.pi / (5 + 60 * length)
    parts = torch.cos(u * frequency * torch.cos(6.3 * angle) + v * frequency * torch.sin(6.3 * angle) + 6.3 * phase)
    return (0.5 + parts.sum(1) / 26)[None]


def test_sub_pixel_world_comes_out_true() -> None:
    """A slanted wall and a slanted card before it, both textured; over 45 dB where the left eye sees it."""
    height, width = 90, 160
    v, u = (grid.double() for grid in torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij"))

    def card_disparity(at: Tensor) -> Tensor:
        return 9.37 + 0.04 * (at - 80)

    def on_card(at: Tensor) -> Tensor:
        return (at > 59.5) & (at < 109.5) & (v > 20) & (v < 70)

    left = torch.where(on_card(u), waves(u, v, 1), waves(u, v, 2))
    disparity = torch.where(on_card(u), card_disparity(u), -2.61 + 0.02 * v)
    u_card, u_wall = (u + 9.37 - 3.2) / 0.96, u - 2.61 + 0.02 * v
    truth = torch.where(on_card(u_card), waves(u_card, v, 1), waves(u_wall, v, 2))
    seen = on_card(u_card) | ((u_wall > -0.5) & (u_wall < width - 0.5) & ~on_card(u_wall))
    right, hole = splat_forward(left, disparity[None, None])
    assert psnr(right, truth, seen & ~hole) > 45
    wanted = ~seen[None, None]
    assert float((hole & wanted).sum() / (hole | wanted).sum()) > 0.97


@pytest.mark.media
def test_beats_stereocrafters_rule_on_real_pairs(shared: Path) -> None:
    """Mean over Middlebury pairs, where both know the pixel and the left camera sees it."""
    gains = []
    for name, scale in (("Art_third", 3), ("Books_third", 3), ("Moebius_third", 3), ("Cones_quarter", 4)):
        folder = shared / "data" / "A" / f"mid_{name}"
        left, right = (read(folder / f"{eye}.png") for eye in ("left", "right"))
        ours, theirs = (read(folder / f"disp_{eye}.png")[:, :1] * 255 / scale for eye in ("left", "right"))
        disparity = nearest_valid(ours)
        seen = seen_by_the_left(ours, theirs)
        a, hole_a = splat_forward(left, disparity)
        b, hole_b = splat_forward(left, disparity, rule="stereocrafter")
        both = seen & ~hole_a & ~hole_b
        gains.append(psnr(a, right, both) - psnr(b, right, both))
    assert np.mean(gains) > 0.7, gains


def read(path: Path) -> Tensor:
    """(1, 3, H, W) of an image file, 0 to 1."""
    return torch.from_numpy(np.asarray(Image.open(path).convert("RGB")).copy()).permute(2, 0, 1)[None] / 255


def nearest_valid(disparity: Tensor) -> Tensor:
    """Fill zeros (unknown) from the farther of the valid neighbours in the row."""
    values = disparity[0, 0].numpy().copy()
    for line in values:
        known = np.flatnonzero(line)
        after = np.searchsorted(known, np.arange(len(line))).clip(0, len(known) - 1)
        before = (np.searchsorted(known, np.arange(len(line)), "right") - 1).clip(0)
        line[:] = np.minimum(line[known[before]], line[known[after]])
    return torch.from_numpy(values)[None, None]


def seen_by_the_left(left: Tensor, right: Tensor) -> Tensor:
    """Pixels of the right view whose disparity the left view confirms."""
    width = left.shape[-1]
    at = torch.arange(width) + right
    found = left.gather(-1, at.round().long().clamp(0, width - 1))
    return (right > 0) & (found > 0) & (at <= width - 1) & ((found - right).abs() <= 1)
