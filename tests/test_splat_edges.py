"""Clean-up around depth edges, against brute force."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from secondeye.errors import InputError
from secondeye.splat import splat_forward
from secondeye.splat.edges import dilate_foreground, dilate_hole


def greatest_around(values: np.ndarray, radius: int) -> np.ndarray:
    """Of each pixel's square, pixel by pixel."""
    greatest = np.empty_like(values)
    for frame, _, y, x in np.ndindex(values.shape):
        square = values[frame, 0, max(y - radius, 0) : y + radius + 1, max(x - radius, 0) : x + radius + 1]
        greatest[frame, 0, y, x] = square.max()
    return greatest


@settings(max_examples=40, derandomize=True)
@given(
    frames=st.integers(1, 3),
    height=st.integers(1, 40),
    width=st.integers(1, 12),
    radius=st.integers(0, 5),
    seed=st.integers(0, 2**32 - 1),
)
def test_equal_brute_force(frames: int, height: int, width: int, radius: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    hole = rng.random((frames, 1, height, width)) < 0.1
    assert np.array_equal(dilate_hole(torch.from_numpy(hole), radius).numpy(), greatest_around(hole, radius))
    disparity = rng.normal(0, 2, hole.shape).astype(np.float32)
    greatest = greatest_around(disparity, radius)
    wanted = np.where(greatest - disparity > 1, greatest, disparity)
    assert np.array_equal(dilate_foreground(torch.from_numpy(disparity), radius).numpy(), wanted)


def test_slopes_stay_where_they_are() -> None:
    slope = (0.3 * torch.arange(40.0)).expand(1, 1, 5, 40)
    assert torch.equal(dilate_foreground(slope, 3), slope)


def test_widened_foreground_takes_a_mixed_edge_along() -> None:
    """Depth that ends two px before the object leaves a line of the object behind; not after dilation."""
    rgb = torch.tensor([0.9] * 12 + [0.1] * 8).expand(1, 3, 6, 20).contiguous()
    disparity = torch.tensor([5.0] * 10 + [0.0] * 10).expand(1, 1, 6, 20).contiguous()
    ghost, _ = splat_forward(rgb, disparity)
    clean, hole = splat_forward(rgb, dilate_foreground(disparity, 2))
    assert ghost[0, 0, 3, 10:].max() > 0.5
    assert clean[0, 0, 3, 12:].max() < 0.2
    assert not hole[0, 0, 3, 12:].any()


def test_radius_zero_is_free_and_negative_refused() -> None:
    hole = torch.rand(1, 1, 4, 4) > 0.5
    assert dilate_hole(hole, 0) is hole
    with pytest.raises(InputError, match="-1 px is negative"):
        dilate_hole(hole, -1)
    with pytest.raises(InputError, match="negative"):
        dilate_foreground(torch.rand(1, 1, 4, 4), -2)
