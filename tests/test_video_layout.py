"""Layouts: the torch twin against pixel-by-pixel oracles."""

from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from secondeye.errors import InputError
from secondeye.types import Clip, StereoClip
from secondeye.video import layout as layouts
from secondeye.video.anaglyph import ANAGLYPHS, to_coded, to_linear, transfer_tables


def stereo(height: int, width: int, frames: int = 2, seed: int = 0) -> StereoClip:
    generator = torch.Generator().manual_seed(seed)
    views = torch.rand((2, frames, 3, height, width), generator=generator)
    pts = torch.arange(frames) * 40
    return StereoClip(Clip(views[0], 0, pts), Clip(views[1], 0, pts))


def at(view: Tensor, t: int, c: int, y: int, x: int) -> float:
    """A pixel of a view, its last row and column repeated beyond it."""
    return float(view[t, c, min(y, view.shape[2] - 1), min(x, view.shape[3] - 1)])


def oracle(clip: StereoClip, name: str, t: int, c: int, y: int, x: int) -> float:
    """One value of a packed picture, from the definition of its layout."""
    left, right = clip.left.rgb, clip.right.rgb
    height, width = clip.left.size
    w, h = width + width % 2, height + height % 2
    half_w, half_h = (width + 3) // 4 * 2, (height + 3) // 4 * 2
    if name in ("sbs", "cross"):
        first, second = (left, right) if name == "sbs" else (right, left)
        return at(first, t, c, y, x) if x < w else at(second, t, c, y, x - w)
    if name == "tb":
        return at(left, t, c, y, x) if y < h else at(right, t, c, y - h, x)
    if name == "half-sbs":
        view, x = (left, x) if x < half_w else (right, x - half_w)
        return (at(view, t, c, y, 2 * x) + at(view, t, c, y, 2 * x + 1)) / 2
    if name == "half-tb":
        view, y = (left, y) if y < half_h else (right, y - half_h)
        return (at(view, t, c, 2 * y, x) + at(view, t, c, 2 * y + 1, x)) / 2
    assert name == "interlaced"
    return at(right if y % 2 else left, t, c, y, x)


@pytest.mark.parametrize("name", ["sbs", "half-sbs", "tb", "half-tb", "cross", "interlaced"])
@settings(max_examples=15)
@given(height=st.integers(1, 7), width=st.integers(1, 7))
def test_every_pixel_is_where_its_layout_says(name: str, height: int, width: int) -> None:
    clip = stereo(height, width)
    (packed,) = layouts.compose(clip, name)
    frame_w, frame_h = layouts.frame_size(width, height, name)
    assert packed.shape == (2, 3, frame_h, frame_w)
    for t, c, y, x in np.ndindex(*packed.shape):
        assert packed[t, c, y, x] == pytest.approx(oracle(clip, name, t, c, y, x), abs=1e-6)


def test_pair_gives_both_views() -> None:
    clip = stereo(4, 6)
    left, right = layouts.compose(clip, "pair")
    assert torch.equal(left, clip.left.rgb)
    assert torch.equal(right, clip.right.rgb)


@pytest.mark.parametrize(
    ("name", "size"),
    [("sbs", (3840, 1080)), ("cross", (3840, 1080)), ("tb", (1920, 2160)), ("half-sbs", (1920, 1080)),
     ("half-tb", (1920, 1080)), ("interlaced", (1920, 1080)), ("anaglyph", (1920, 1080)), ("pair", (1920, 1080))],
)  # fmt: skip
def test_sizes_that_players_expect(name: str, size: tuple[int, int]) -> None:
    assert layouts.frame_size(1920, 1080, name) == size


@given(width=st.integers(1, 70), height=st.integers(1, 70), name=st.sampled_from(layouts.LAYOUTS))
def test_views_lie_on_even_pixels_and_tile_the_frame(width: int, height: int, name: str) -> None:
    frame_w, frame_h = layouts.frame_size(width, height, name)
    for picture in layouts.regions(width, height, name):
        assert all(v % 2 == 0 for r in picture for v in (r.x, r.y, r.width, r.height))
        covered = np.zeros((frame_h, frame_w), int)
        for r in picture:
            covered[r.y : r.y + r.height, r.x : r.x + r.width] += 1
        assert (covered == 1).all()


def test_pixel_aspect_is_that_of_one_eye() -> None:
    assert layouts.pixel_aspect(Fraction(4, 3), "sbs") == Fraction(4, 3)
    assert layouts.pixel_aspect(Fraction(1), "half-sbs") == 2
    assert layouts.pixel_aspect(Fraction(1), "half-tb") == Fraction(1, 2)


def test_halving_filters_stripes_instead_of_picking_some() -> None:
    rgb = torch.zeros(1, 3, 4, 8)
    rgb[..., ::2] = 1
    view = Clip(rgb, 0, torch.zeros(1, dtype=torch.int64))
    (packed,) = layouts.compose(StereoClip(view, view), "half-sbs")
    assert torch.all(packed == 0.5)


def test_unknown_layout_names_the_nearest() -> None:
    with pytest.raises(InputError, match="did you mean 'half-sbs'"):
        layouts.frame_size(4, 4, "halfsbs")


def dubois_by_hand(left: Tensor, right: Tensor) -> list[float]:
    """One pixel in numpy, from the published description: to linear light, matrices, back."""

    def linear(v: float) -> float:
        return v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4

    def coded(v: float) -> float:
        return 12.92 * v if v <= 0.0031308 else 1.055 * v ** (1 / 2.4) - 0.055

    matrices = ANAGLYPHS["anaglyph"]
    views = [[linear(float(v)) for v in view] for view in (left, right)]
    total = np.array(matrices.left) @ views[0] + np.array(matrices.right) @ views[1]
    return [coded(min(max(v, 0.0), 1.0)) for v in total]


def test_dubois_anaglyph_matches_its_description() -> None:
    clip = stereo(3, 4, seed=3)
    (packed,) = layouts.compose(clip, "anaglyph")
    for t, y, x in np.ndindex(2, 3, 4):
        expected = dubois_by_hand(clip.left.rgb[t, :, y, x], clip.right.rgb[t, :, y, x])
        assert packed[t, :, y, x].tolist() == pytest.approx(expected, abs=1e-5)


def test_dubois_keeps_grey_nearly_grey_and_separates_the_eyes() -> None:
    white, black = torch.ones(1, 3, 2, 2), torch.zeros(1, 3, 2, 2)
    pts = torch.zeros(1, dtype=torch.int64)
    (both,) = layouts.compose(StereoClip(Clip(white, 0, pts), Clip(white, 0, pts)), "anaglyph")
    assert both.min() > 0.97
    (left_only,) = layouts.compose(StereoClip(Clip(white, 0, pts), Clip(black, 0, pts)), "anaglyph")
    assert left_only[0, :, 0, 0].tolist() == pytest.approx([1.0, 0.0, 0.0], abs=1e-6)


def test_simple_anaglyphs() -> None:
    clip = stereo(2, 2, seed=5)
    luma = torch.tensor([0.299, 0.587, 0.114]).reshape(1, 3, 1, 1)
    left, right = (clip.left.rgb * luma).sum(1), (clip.right.rgb * luma).sum(1)
    (half,) = layouts.compose(clip, "anaglyph-half")
    (grey,) = layouts.compose(clip, "anaglyph-grey")
    torch.testing.assert_close(half, torch.stack([left, clip.right.rgb[:, 1], clip.right.rgb[:, 2]], 1))
    torch.testing.assert_close(grey, torch.stack([left, right, right], 1))


def test_transfer_curves_are_inverse_and_the_tables_follow_them() -> None:
    steps = torch.linspace(0, 1, 1001, dtype=torch.float64)
    torch.testing.assert_close(to_coded(to_linear(steps)), steps, atol=1e-6, rtol=0)
    decode, encode = transfer_tables(True)
    size = len(decode) - 1
    picked = torch.tensor([float(decode[int(v * size + 0.5)]) for v in steps], dtype=torch.float64)
    assert (picked - to_linear(steps)).abs().max() < 1e-4
    picked = torch.tensor([float(encode[int(v**0.5 * size + 0.5)]) for v in steps.tolist()], dtype=torch.float64)
    assert (picked - to_coded(steps)).abs().max() < 1e-4
