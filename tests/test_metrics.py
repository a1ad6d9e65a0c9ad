"""What every metric keeps, and what single ones must do."""

import importlib.util
import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from secondeye import metrics
from secondeye.errors import InputError
from secondeye.metrics import (
    Memo,
    Metric,
    Pair,
    Score,
    _views,
    color_difference,
    d1,
    e_match,
    epe,
    flicker,
    psnr,
    vertical,
)
from tests.stereo_world import CARD_PX, clip, judged, noisy

WEIGHT_FREE = [name for name in metrics.names() if not metrics.describe(name).weights]
FRAMES = {"e_warp": 3, "flicker": 3, "vmaf": 3}


@pytest.fixture(scope="module")
def world() -> list[Pair]:
    return clip(3)


def score(name: str, pairs: list[Pair], **options: object) -> dict[metrics.Region, Score]:
    meter = metrics.build(name, **options)
    for pair in pairs:
        meter.update(pair)
    return meter.finish()


@pytest.mark.parametrize("name", metrics.names())
def test_a_metric_says_what_it_is(name: str) -> None:
    found = metrics.describe(name)
    assert isinstance(found, Metric)
    assert found.title
    assert found.limits[0] < found.limits[1]
    assert set(found.needs) <= {"left", "truth", "hole", "disparity", "text"}


def test_names_leave_out_what_is_no_metric() -> None:
    assert {"psnr", "ssim", "ms_ssim", "mae", "lpips", "dists", "fvd", "clip_t", "clip_f", "e_warp"} < set(
        metrics.names()
    )
    assert not metrics.NOT_METRICS & set(metrics.names())
    assert not [name for name in metrics.names() if name.startswith("_")]
    with pytest.raises(InputError, match="did you mean 'psnr'"):
        metrics.load("psnrr")
    with pytest.raises(InputError, match="no metric called 'protocols'"):
        metrics.build("protocols")


@pytest.mark.parametrize("name", WEIGHT_FREE)
def test_the_truth_is_the_best(name: str, world: list[Pair]) -> None:
    """The truth scores no worse than a damaged view, and both lie within the limits."""
    found = metrics.describe(name)
    pairs = world[: FRAMES.get(name, 1)]
    best, worse = score(name, pairs)["whole"], score(name, [noisy(pair, 0.2) for pair in pairs])["whole"]
    assert found.limits[0] <= worse.value <= found.limits[1]
    assert found.limits[0] <= best.value <= found.limits[1]
    assert best.value >= worse.value if found.better == "higher" else best.value <= worse.value


@pytest.mark.parametrize("name", WEIGHT_FREE)
def test_frames_add_up_to_the_clip(name: str, world: list[Pair]) -> None:
    """One number a frame, and the clip's is their mean; a second meter sees nothing of the first."""
    pairs = [noisy(pair) for pair in world]
    for region, found in score(name, pairs).items():
        assert len(found.frames) == len(pairs), region
        known = [value for value in found.frames if not math.isnan(value)]
        assert found.value == pytest.approx(sum(known) / len(known)), region
    assert score(name, pairs[:2])["whole"].frames == score(name, pairs)["whole"].frames[:2]


@pytest.mark.parametrize("name", WEIGHT_FREE)
def test_an_empty_clip_has_no_number(name: str) -> None:
    assert math.isnan(metrics.build(name).finish()["whole"].value)


@pytest.mark.parametrize("name", [name for name in WEIGHT_FREE if metrics.describe(name).by_region])
def test_regions(name: str, world: list[Pair]) -> None:
    """With a hole there are four regions, noise in the hole shows only there, and without one there is one region."""
    pair = [torch.where(p.hole, noisy(p, 0.3).right, p.right) for p in world if p.hole is not None]
    damaged = [judged(p, right) for p, right in zip(world, pair, strict=True)]
    found = score(name, damaged)
    assert set(found) == {"whole", "visible", "hole", "inner_hole"}
    true = score(name, world)
    # SSIM's window carries damage over the hole's edge; elsewhere visible pixels must be as if nothing had happened.
    assert found["visible"].value == pytest.approx(true["visible"].value, rel=0.05, abs=1e-6)
    for region in ("hole", "inner_hole"):
        assert abs(found[region].value - true[region].value) > 1e-3 or math.isinf(true[region].value), region
    assert set(score(name, [Pair(p.right, p.left, p.truth) for p in damaged])) == {"whole"}


def test_a_pair_checks_its_views() -> None:
    view = torch.zeros(3, 8, 9)
    with pytest.raises(InputError, match=r"truth of frame 4: \(3, 8, 8\) does not fit"):
        Pair(view, truth=torch.zeros(3, 8, 8), index=4)
    with pytest.raises(InputError, match="expected \\(3, H, W\\)"):
        Pair(torch.zeros(1, 3, 8, 9))
    with pytest.raises(InputError, match="hole of frame 0"):
        Pair(view, hole=torch.zeros(1, 8, 9, dtype=torch.bool))
    assert "9x8, frame 0, with truth" in repr(Pair(view, truth=view))


def test_what_is_missing_is_said(world: list[Pair]) -> None:
    alone = Pair(world[0].right)
    assert metrics.missing("siou", alone) == "SIoU needs left and truth, which the data does not have"
    assert not metrics.missing("siou", world[0])
    assert not metrics.missing("e_warp", alone)
    with pytest.raises(InputError, match="frame 0 has no truth view"):
        score("psnr", [alone])


def test_the_memo_makes_things_once() -> None:
    made: list[int] = []
    memo = Memo()
    for _ in range(2):
        assert memo.get("a", lambda: made.append(1) or len(made)) == 1
    assert memo.get("b", lambda: memo.get("a", lambda: 7) + 1) == 2


def test_measure_runs_side_by_side(world: list[Pair]) -> None:
    """Threads change nothing."""
    names = ["psnr", "ssim", "e_warp", "flicker", "siou", "mae"]
    pairs = [noisy(pair) for pair in world]
    both = [metrics.measure(map(noisy, world), {n: metrics.build(n) for n in names}, threads) for threads in (1, 3)]
    assert both[0] == both[1]
    assert both[0]["psnr"] == score("psnr", pairs)


def test_methods_share_what_follows_from_left_and_truth_alone(world: list[Pair]) -> None:
    """What one method has found is the other's too, and neither number changes by it."""
    first = [noisy(pair, 0.05) for pair in world]
    second = [replace(pair, right=pair.right.flip(0), memo=Memo(), common=pair.common) for pair in first]
    apart = [replace(pair, memo=Memo(), common=Memo()) for pair in second]
    for name in WEIGHT_FREE:
        score(name, first)
        assert repr(score(name, second)) == repr(score(name, apart)), name
    made = [key for pair in first for key in pair.common._slots]
    assert not any("right" in key for key in made if isinstance(key, tuple))
    assert {"motion", "keypoints", "disparity", "region codes"} <= {
        key[0] if isinstance(key, tuple) else key for key in made
    }


def test_a_pair_without_regions_leaves_those_of_its_frame_alone() -> None:
    """One frame may be looked at by regions and as a whole, and whoever comes first decides nothing."""
    hole = torch.zeros(8, 8, dtype=torch.bool)
    hole[2:4, 2:4] = True
    pair = Pair(torch.rand(3, 8, 8), truth=torch.rand(3, 8, 8), hole=hole)
    whole = replace(pair, hole=None)
    assert whole.common is pair.common
    assert list(psnr.frame_scores(whole)) == ["whole"]
    scores = psnr.frame_scores(pair)
    assert scores["inner_hole"] == scores["hole"] != scores["visible"]


def test_inner_holes_touch_no_border() -> None:
    hole = np.zeros((8, 10), bool)
    hole[2:4, 0:2] = True  # at the left border
    hole[4, 2] = True  # joins it by a corner
    hole[2:5, 5:7] = True  # inside
    hole[7, 9] = True  # in the corner
    expected = np.zeros_like(hole)
    expected[2:5, 5:7] = True
    np.testing.assert_array_equal(_views.inner(hole), expected)


@pytest.mark.parametrize("rolled", [3, -5])
def test_vertical_misalignment_in_px(world: list[Pair], rolled: int) -> None:
    pair = world[0]
    assert score("vertical", [pair])["whole"].value < 0.2
    moved = judged(pair, torch.roll(pair.right, rolled, 1))
    assert score("vertical", [moved])["whole"].value == pytest.approx(abs(rolled), abs=0.2)


def test_vertical_misalignment_is_in_px_of_the_frame_where_it_was_shrunk() -> None:
    pair = clip(1, 220, 1000)[0]
    moved = judged(pair, torch.roll(pair.right, 4, 1))
    assert vertical.of_frame(moved) == pytest.approx(4, abs=0.4)


def test_colour_difference_in_steps(world: list[Pair]) -> None:
    left = world[0].left
    assert left is not None
    brighter = judged(world[0], (left * 255 * 0.5 + 10) / 255, left * 0.5)
    assert score("color_difference", [brighter])["whole"].value == pytest.approx(10, abs=0.3)
    a, b = (np.full((4, 5, 3), v, np.uint8) for v in (40, 52))
    assert color_difference.distance(*map(color_difference.shares, (a, b))) == pytest.approx(12)


def test_flicker_is_what_goes_beyond_the_truth(world: list[Pair]) -> None:
    """Noise of s steps that is new in each frame changes by the root of two s; frozen noise does not flicker more."""
    still = [Pair(world[0].right, world[0].left, world[0].truth, world[0].hole, index=t) for t in range(4)]
    found = flicker.build()
    for pair in still:
        found.update(noisy(pair, 4 / 255))
    scores = found.finish()
    assert scores["visible"].value == pytest.approx(4 * math.sqrt(2), rel=0.05)
    assert scores["hole"].value == pytest.approx(8 * math.sqrt(2), rel=0.05)
    steady = flicker.build()
    for pair in still:
        steady.update(judged(pair, noisy(world[0], 4 / 255).right))
    assert steady.finish()["hole"].value == pytest.approx(0, abs=1e-9)


def test_disparity_error_finds_the_depth_scaled() -> None:
    pair = clip(1, 200, 320)[0]
    assert epe.of_frame(pair) == 0
    assert d1.of_frame(pair) == 0
    shifted = judged(pair, torch.roll(pair.right, -4, 2))
    assert epe.of_frame(shifted) == pytest.approx(4, abs=0.3)
    assert d1.of_frame(shifted) > 0.9
    assert d1.of_frame(judged(pair, torch.roll(pair.right, -2, 2))) < 0.1, "2 px are within the 3 px allowed"


def test_disparity_error_against_what_was_asked_for() -> None:
    pair = clip(1, 200, 320)[0]
    asked = torch.full(pair.size, math.nan)
    asked[60:140, 110:180] = CARD_PX
    given = Pair(pair.right, pair.left, disparity=asked)
    assert score("epe", [given], against="given")["whole"].value < 0.25
    assert score("d1", [given], against="given")["whole"].value < 0.05
    with pytest.raises(InputError, match="has no disparity"):
        score("epe", [pair], against="given")


def test_d1_does_not_overlook_what_cannot_be_matched() -> None:
    pair = clip(1, 200, 320)[0]
    grey = judged(pair, torch.full_like(pair.right, 0.5))
    assert d1.of_frame(grey) > 0.9
    assert math.isnan(d1.of_frame(grey, unknown="left_out")) or d1.of_frame(grey, unknown="left_out") <= 1


def constant_matcher(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """A matcher of the user's: the mean difference of the views, everywhere."""
    return np.full(left.shape[:2], float(left.mean()) - float(right.mean()), np.float32)


def test_a_matcher_can_be_plugged_in(world: list[Pair]) -> None:
    name = f"{__name__}:constant_matcher"
    darker = judged(world[0], world[0].right - 5 / 255)
    assert score("epe", [darker], matcher=name)["whole"].value == pytest.approx(5, abs=0.3)
    for wrong in ("nothing", "no.such.module:f", f"{__name__}:no_such_function"):
        with pytest.raises(InputError, match="matcher"):
            metrics.build("epe", matcher=wrong)


def test_e_match_counts_what_was_lost_and_what_was_made_up(world: list[Pair]) -> None:
    pair = world[0]
    assert e_match.of_frame(pair) == 0
    assert e_match.of_frame(judged(pair, torch.roll(pair.right, 5, 2))) < 30, "a shift keeps matchable texture"
    assert e_match.of_frame(judged(pair, torch.rand(pair.right.shape))) > 95
    assert e_match.of_frame(judged(pair, torch.roll(pair.right, 6, 1))) > 80, "matches out of their row do not count"
    half = pair.right.clone()
    half[:, :, : pair.size[1] // 2] = 0.5
    assert 20 < e_match.of_frame(judged(pair, half)) < 80


@pytest.mark.parametrize("name", ["e_match", "vertical", "epe", "d1"])
def test_every_nth_frame(name: str, world: list[Pair]) -> None:
    found = score(name, [noisy(p) for p in world], every=2)["whole"]
    full = score(name, [noisy(p) for p in world])["whole"]
    assert math.isnan(found.frames[1])
    assert found.frames[::2] == full.frames[::2]


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("psnr", {"over": "week"}, "over 'week'"),
        ("psnr", {"variant": "uint9"}, "variant called 'uint9'"),
        ("ssim", {"window": "round"}, "window called 'round'"),
        ("ssim", {"bits": "four"}, "bits 'four'"),
        ("ms_ssim", {"dims": 4}, "dims 2"),
        ("siou", {"variant": "2024"}, "choose one of: 2025, 2026"),
        ("e_warp", {"flow_of": "wind"}, "flow_of 'wind'"),
        ("epe", {"against": "all"}, "against 'all'"),
        ("d1", {"unknown": "maybe"}, "unknown 'maybe'"),
        ("e_match", {"every": 0}, "every 0"),
        ("e_match", {"longest_side": 3}, "too small"),
        ("clip_f", {"definition": "both"}, "definition called 'both'"),
        ("fvd", {"window": 3}, "window of at least 10"),
        ("fvd", {"variant": "other"}, "variant called 'other'"),
        ("lpips", {"net": "resnet"}, "trunk called 'resnet'"),
        ("dists", {"shorter_side": -1}, "shorter_side -1"),
        ("psnr", {"speed": 1}, "no option of metric psnr called 'speed'"),
    ],
)
def test_wrong_options_are_refused(name: str, options: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        metrics.build(name, **options)


@pytest.mark.parametrize("make", [torch.zeros_like, torch.ones_like])
def test_flat_views_break_nothing(make: Callable[[Tensor], Tensor], world: list[Pair]) -> None:
    """Black or white views have a number, or none, in every metric, and never an error."""
    pairs = [judged(pair, make(pair.right)) for pair in world[:2]]
    for name in WEIGHT_FREE:
        found = score(name, pairs)["whole"].value
        low, high = metrics.describe(name).limits
        assert math.isnan(found) or low <= found <= high, name


def test_small_frames_are_refused_where_they_must_be(world: list[Pair]) -> None:
    tiny = clip(1, 40, 60)
    assert score("psnr", [noisy(tiny[0])])["whole"].value > 10
    with pytest.raises(InputError, match="at least 161 px a side, the frames have 40"):
        score("ms_ssim", tiny)
    with pytest.raises(InputError, match="at least 11 px"):
        score("ssim", [Pair(torch.zeros(3, 5, 50), truth=torch.zeros(3, 5, 50))])
    if importlib.util.find_spec("vmaf_torch"):
        with pytest.raises(InputError, match="at least 17 px"):
            score("vmaf", [Pair(torch.zeros(3, 16, 50), truth=torch.zeros(3, 16, 50))])
    with pytest.raises(InputError, match="at least 9 frames, the clip has 3"):
        score("ms_ssim", world, dims=3)
