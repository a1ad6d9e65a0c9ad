"""Depth at frame size with its edges on the picture's edges."""

import numpy as np
import pytest
import torch

from secondeye.depth.smooth import filter_guided
from secondeye.depth.upsample import COLOR_SIGMA, EDGE_STEP, upsample_guided
from secondeye.errors import ContractError


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def oracle(small: np.ndarray, rgb: np.ndarray) -> np.ndarray:
    """The rule of upsample.py, pixel by pixel."""
    (h, w), (_, height, width) = small.shape, rgb.shape
    out = np.empty((height, width))
    for y in range(height):
        for x in range(width):
            v, u = min(max((y + 0.5) * h / height - 0.5, 0), h - 1), min(max((x + 0.5) * w / width - 0.5, 0), w - 1)
            i, j = min(int(v), max(h - 2, 0)), min(int(u), max(w - 2, 0))
            corners = [(i, j), (i, min(j + 1, w - 1)), (min(i + 1, h - 1), j), (min(i + 1, h - 1), min(j + 1, w - 1))]
            values = np.array([small[c] for c in corners], np.float64)
            shares = np.outer([1 - (v - i), v - i], [1 - (u - j), u - j]).ravel()
            bilinear = shares @ values
            trust = np.clip((np.ptp(values) - EDGE_STEP[0]) / (EDGE_STEP[1] - EDGE_STEP[0]), 0, 1)
            weights = shares * [likeness(rgb, y, x, c, (h, w)) for c in corners]
            out[y, x] = bilinear + trust * (weights @ values / weights.sum() - bilinear)
    return out


def likeness(rgb: np.ndarray, y: int, x: int, corner: tuple[int, int], size: tuple[int, int]) -> float:
    _, height, width = rgb.shape
    rows = [int((corner[0] + f) * height / size[0]) for f in (0.25, 0.75)]
    columns = [int((corner[1] + f) * width / size[1]) for f in (0.25, 0.75)]
    mean = rgb[:, rows][:, :, columns].mean(axis=(1, 2))
    return float(1 / (1 + ((rgb[:, y, x] - mean) ** 2).mean() / COLOR_SIGMA**2) ** 2)


@pytest.mark.parametrize(("h", "w", "height", "width"), [(6, 9, 24, 36), (5, 7, 13, 40), (4, 4, 5, 4), (1, 6, 5, 12)])
def test_equals_the_rule_pixel_by_pixel(h: int, w: int, height: int, width: int) -> None:
    small, rgb = random(1, 1, h, w), random(1, 3, height, width, seed=1)
    got = upsample_guided(small, rgb)
    assert np.allclose(got[0, 0].numpy(), oracle(small[0, 0].numpy(), rgb[0].numpy()), atol=2e-5)


def test_an_edge_of_depth_falls_on_the_edge_of_colour() -> None:
    rgb = torch.full((1, 3, 40, 64), 0.2)
    rgb[..., 27:] = 0.8  # not on a border of the small map's px
    truth = (torch.arange(64) >= 27).float().expand(1, 1, 40, 64)
    small = torch.nn.functional.avg_pool2d(truth, 8)
    got = upsample_guided(small, rgb)
    plain = torch.nn.functional.interpolate(small, size=(40, 64), mode="bilinear")
    assert (got - truth).abs().mean() < 0.5 * (plain - truth).abs().mean()


def test_never_beyond_the_values_around() -> None:
    small, rgb = random(1, 1, 12, 16), random(1, 3, 48, 64, seed=1)
    got = upsample_guided(small, rgb)
    around = [torch.nn.functional.max_pool2d(sign * small, 3, 1, 1) * sign for sign in (1, -1)]
    most, least = (torch.nn.functional.interpolate(a, size=(48, 64), mode="nearest") for a in around)
    assert bool((got <= most + 1e-6).all())
    assert bool((got >= least - 1e-6).all())


def test_a_slope_stays_a_slope_whatever_the_texture() -> None:
    small = (torch.arange(60) * 0.004).expand(1, 1, 40, 60)
    got = upsample_guided(small, random(1, 3, 120, 180))
    plain = torch.nn.functional.interpolate(small, size=(120, 180), mode="bilinear")
    assert torch.allclose(got, plain, atol=1e-5)


def test_frames_are_independent_of_their_grouping() -> None:
    small, rgb = random(5, 1, 9, 16), random(5, 3, 36, 64, seed=1)
    whole = upsample_guided(small, rgb)
    parts = torch.cat([upsample_guided(small[a:b], rgb[a:b]) for a, b in ((0, 2), (2, 3), (3, 5))])
    assert torch.equal(whole, parts)


@pytest.mark.parametrize("size", [(1, 1), (16, 1), (1, 16), (7, 5)])
@pytest.mark.parametrize("small", [(1, 1), (3, 2), (1, 4), (9, 20)])
def test_any_size_onto_any_other(size: tuple[int, int], small: tuple[int, int]) -> None:
    values = random(2, 1, *small)
    got = upsample_guided(values, random(2, 3, *size, seed=1))
    assert got.shape == (2, 1, *size)
    assert values.min() - 1e-6 <= got.min()
    assert got.max() <= values.max() + 1e-6


def test_a_map_of_the_frames_size_is_left_alone_and_frame_counts_must_match() -> None:
    values = random(2, 1, 6, 8)
    assert upsample_guided(values, random(2, 3, 6, 8)) is values
    with pytest.raises(ContractError, match="2 frames"):
        upsample_guided(values[:1], random(2, 3, 6, 8))


def test_the_guided_filter_fits_a_line_of_grey_window_by_window() -> None:
    grey, radius, epsilon = random(11, 13).numpy(), 2, 1e-3
    values, weight = random(11, 13, seed=1).numpy(), np.ones((11, 13))
    a, b, known = (np.zeros((11, 13)) for _ in range(3))
    for y in range(11):
        for x in range(13):
            window = (slice(max(0, y - radius), y + radius + 1), slice(max(0, x - radius), x + radius + 1))
            k, g, v = weight[window].astype(float), grey[window].astype(float), values[window].astype(float)
            mean_g, mean_v = (k * g).sum() / k.sum(), (k * v).sum() / k.sum()
            a[y, x] = ((k * g * v).sum() / k.sum() - mean_g * mean_v) / (
                (k * g * g).sum() / k.sum() - mean_g**2 + epsilon
            )
            b[y, x], known[y, x] = mean_v - a[y, x] * mean_g, k.sum()
    want = np.empty((11, 13))
    for y in range(11):
        for x in range(13):
            window = (slice(max(0, y - radius), y + radius + 1), slice(max(0, x - radius), x + radius + 1))
            k = known[window]
            want[y, x] = (k * a[window]).sum() / k.sum() * grey[y, x] + (k * b[window]).sum() / k.sum()
    assert np.allclose(filter_guided(values, grey, radius, epsilon), want, atol=1e-4)
