"""One steady scale for a shot."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from secondeye.depth.scale import MARGIN, apply_scale, frame_percentiles, shot_scale
from secondeye.errors import ContractError


def ramp(low: float, high: float, h: int = 40, w: int = 50) -> torch.Tensor:
    return torch.linspace(low, high, h * w).reshape(1, 1, h, w)


def test_percentiles_of_a_ramp_and_of_a_constant_frame() -> None:
    got = frame_percentiles(torch.cat([ramp(0, 100), torch.full((1, 1, 40, 50), 7.0)]))
    assert got[0].tolist() == pytest.approx([2, 98], abs=0.1)
    assert got[1].tolist() == [7, 7]


def test_percentiles_of_large_frames_are_those_of_all_their_pixels() -> None:
    values = torch.rand(1, 1, 1080, 1920, generator=torch.Generator().manual_seed(0)) ** 3
    exact = torch.from_numpy(values.numpy().ravel().copy()).sort().values[[int(0.02 * 2073599), int(0.98 * 2073599)]]
    assert torch.allclose(frame_percentiles(values)[0].float(), exact, atol=4e-3)


def test_a_near_particle_moves_nothing() -> None:
    frame = ramp(0, 1)
    frame[0, 0, :5, :5] = 1000  # 1.25 % of the pixels
    assert frame_percentiles(frame)[0, 1] < 1.01


def test_not_finite_is_our_bug() -> None:
    with pytest.raises(ContractError, match="finite"):
        frame_percentiles(torch.tensor([[[[0.0, float("nan")]]]]))


def test_the_shots_range_is_one_and_survives_a_tenth_of_wild_frames() -> None:
    steady = torch.tensor([[1.0, 3.0]]).repeat(50, 1)
    wild = steady.clone()
    wild[10:15] = torch.tensor([-100.0, 400.0])
    assert torch.equal(shot_scale(wild), steady.double())


def test_wild_frames_up_to_half_move_the_range_by_no_more_than_its_width() -> None:
    values = torch.tensor([[1.0, 3.0]]).repeat(50, 1)
    values[:24] = torch.tensor([-100.0, 400.0])
    assert shot_scale(values)[0].tolist() == [-1.0, 5.0]


def test_a_subject_that_comes_near_stays_inside_the_range() -> None:
    highs = torch.linspace(2.0, 3.0, 100)
    got = shot_scale(torch.stack([torch.zeros(100), highs], dim=1))
    assert got[0, 1] >= 2.85


def test_smoothing_follows_slowly_and_symmetrically() -> None:
    step = torch.cat([torch.full((60,), 1.0), torch.full((60,), 3.0)])
    got = shot_scale(torch.stack([torch.zeros(120), step], dim=1), smoothing=8.0)[:, 1]
    assert got[0] == pytest.approx(1.0)
    assert got[-1] == pytest.approx(3.0)
    assert bool((got.diff() >= -1e-12).all())
    assert got.diff().max() < 2 / 8
    assert torch.allclose(got - 1, 3 - got.flip(0))  # as much before the step as after it


@given(st.lists(st.tuples(st.floats(-5, 5), st.floats(0, 5)), min_size=1, max_size=40), st.floats(0, 20))
def test_every_range_has_low_at_or_below_high(frames: list[tuple[float, float]], smoothing: float) -> None:
    values = torch.tensor([[low, low + width] for low, width in frames], dtype=torch.float64)
    got = shot_scale(values, smoothing)
    assert got.shape == values.shape
    assert bool((got[:, 0] <= got[:, 1] + 1e-9).all())


def test_the_scale_maps_the_range_and_keeps_order_beyond_it() -> None:
    values = torch.linspace(-3, 5, 801).reshape(1, 1, 1, 801)
    got = apply_scale(values, torch.tensor([[0.0, 2.0]]))[0, 0, 0]
    assert got[300].item() == pytest.approx(MARGIN, abs=1e-6)
    assert got[500].item() == pytest.approx(1 - MARGIN, abs=1e-6)
    assert bool((got.diff() > 0).all())
    assert got[0] > 0
    assert got[-1] < 1
    assert got.diff().diff().abs().max() < 1e-3  # no kink: the slope is 0.0045 on one side


def test_a_constant_shot_lies_in_the_middle_and_frames_have_their_own_ranges() -> None:
    assert apply_scale(torch.full((1, 1, 2, 2), 4.0), torch.tensor([[4.0, 4.0]])).unique().tolist() == [0.5]
    both = apply_scale(torch.ones(2, 1, 1, 1), torch.tensor([[0.0, 2.0], [1.0, 2.0]]))
    assert both.flatten().tolist() == pytest.approx([0.5, MARGIN])


@given(st.integers(1, 4), st.floats(1e-3, 1e6))
def test_results_stay_within_0_to_1_at_any_unit(frames: int, unit: float) -> None:
    values = (torch.rand(frames, 1, 5, 7, generator=torch.Generator().manual_seed(1)) - 0.3) * unit
    got = apply_scale(values, shot_scale(frame_percentiles(values)))
    assert got.shape == values.shape
    assert got.min() >= 0
    assert got.max() <= 1


@pytest.mark.parametrize("smoothing", [0.0, 3.0])
def test_a_narrow_shot_keeps_to_its_part_of_the_scale(smoothing: float) -> None:
    narrow = torch.tensor([[0.4, 0.6]]).repeat(20, 1)
    assert shot_scale(narrow, smoothing, least_range=0.8)[7].tolist() == pytest.approx([0.1, 0.9])
    assert shot_scale(narrow * 10, smoothing, least_range=0.8)[7].tolist() == pytest.approx([4, 6])


def test_segments_join_into_one_shot() -> None:
    values = torch.rand(30, 2, generator=torch.Generator().manual_seed(2)).sort(dim=1).values
    whole = shot_scale(values, 3.0)
    assert torch.equal(shot_scale(torch.cat([values[:11], values[11:]]), 3.0), whole)
    assert len(shot_scale(values[:0])) == 0
