"""What an evaluation is made of: gaps filled, fits, readers in step, footage, plots, records."""

import io
import itertools
import json
import math
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from secondeye.datasets import StereoFrame, StereoVideo
from secondeye.errors import InputError
from secondeye.evaluate import estimate as estimates
from secondeye.evaluate.album import SLICE_ROWS, Album, picture_of
from secondeye.evaluate.disparity import LineFit, filled, sampled
from secondeye.evaluate.estimate import EstimatedDisparity, estimated
from secondeye.evaluate.footage import Footage, bytes_of
from secondeye.evaluate.lockstep import Readers, Shared
from secondeye.evaluate.plots import line_plot, round_step, strip_plot, thinned
from secondeye.evaluate.results import ClipResult, from_json, to_json
from secondeye.geometry import StereoGeometry
from secondeye.metrics import Pair, Score, Skipped
from secondeye.metrics.cheats import Finding
from secondeye.types import Clip, DepthClip

NAN = math.nan


def farther_neighbour(disparity: torch.Tensor) -> torch.Tensor:
    """Gaps closed pixel by pixel: the smaller of the nearest known to the left and right, then up and down."""
    once = disparity.clone()
    for turn in range(2):
        known = once.isfinite()
        result = once.clone()
        height, width = once.shape
        for y, x in itertools.product(range(height), range(width)):
            if not known[y, x]:
                row = once[y]
                left = [float(row[i]) for i in range(x) if known[y, i]][-1:]
                right = [float(row[i]) for i in range(x + 1, width) if known[y, i]][:1]
                if left or right:
                    result[y, x] = min(left + right)
        once = result.T if turn == 0 else result.T.clone()
    return once


@pytest.mark.parametrize("seed", range(4))
def test_gaps_take_the_farther_neighbour(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    disparity = torch.randn(9, 11, generator=generator)
    disparity[torch.rand(9, 11, generator=generator) < 0.6] = NAN
    disparity[3] = NAN  # a row without any
    assert torch.equal(filled(disparity), farther_neighbour(disparity))


def test_what_is_known_stays_and_nothing_known_is_an_error() -> None:
    whole = torch.rand(4, 5)
    assert torch.equal(filled(whole), whole)
    with pytest.raises(InputError, match="unknown throughout"):
        filled(torch.full((3, 3), NAN))


def test_fit_is_that_of_least_squares() -> None:
    rng = np.random.default_rng(0)
    x = rng.random((3, 8, 9)).astype(np.float32)
    y = (30 * x - 4 + rng.normal(0, 1, x.shape)).astype(np.float32)
    y[x > 0.9] = np.nan
    fit = LineFit()
    for frame in range(3):
        fit.add(x[frame], y[frame])
    known = np.isfinite(y)
    assert np.allclose(fit.solve(), np.polyfit(x[known].astype(np.float64), y[known], 1), rtol=1e-6)


def test_fit_never_turns_depth_inside_out() -> None:
    fit = LineFit()
    fit.add(np.array([[0.0, 1.0]], np.float32), np.array([[8.0, 2.0]], np.float32))
    assert fit.solve() == (0.0, 5.0)
    with pytest.raises(InputError, match="--align strength"):
        LineFit().solve()


def test_sampling_at_another_size_takes_pixel_centres() -> None:
    disparity = torch.arange(24.0).view(4, 6)
    assert np.array_equal(sampled(disparity, 4, 6), disparity.numpy())
    assert np.array_equal(sampled(disparity, 2, 3), [[7, 9, 11], [19, 21, 23]])


class ScaledTruth:
    """Depth that is right but for its scale and shift."""

    scaled = False

    def estimate(self, clips: Iterator[Clip]) -> Iterator[DepthClip]:
        held = list(clips)  # as far ahead as one can look
        for clip in held:
            yield DepthClip(clip, 0.05 * clip.rgb[:, :1] * 40 + 3)


def frame_with_depth_in_red(seed: int, height: int = 12, width: int = 16) -> StereoFrame:
    view = torch.rand(3, height, width, generator=torch.Generator().manual_seed(seed))
    return StereoFrame(view, view, view[0] * 40 - 7)


def test_depth_right_but_for_scale_and_shift_gives_the_true_disparity(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(estimates, "depth_model", lambda name: ScaledTruth())
    frames = [frame_with_depth_in_red(seed) for seed in range(3)]
    spool = tmp_path / "depth-x.f32"
    found = estimated("scaled_truth", lambda: iter(frames), spool)
    assert found.shape == (3, 12, 16)
    spool.with_suffix(".json").write_text("{}")
    estimated("scaled_truth", lambda: iter(frames), spool)  # not whole, so made again
    again = estimated("scaled_truth", lambda: iter(()), spool)  # read back, not made again
    spool.write_bytes(spool.read_bytes()[:-4])
    estimated("scaled_truth", lambda: iter(frames), spool)
    source = EstimatedDisparity("scaled_truth", again, spool, "auto", StereoGeometry(), 0)
    for number, frame in enumerate(frames):
        assert torch.allclose(source.of(number, frame.left)[0, 0], frame.disparity, atol=1e-3)
    by_strength = EstimatedDisparity("scaled_truth", again, spool, "strength", StereoGeometry(0.25, 0.5), 0)
    assert by_strength.of(0, frames[0].left).abs().max() <= 0.25 * 16 / 2
    assert "strength 25.00%" in by_strength.text


def read_together(items: Iterable[int], readers: dict[str, Any]) -> dict[str, Any]:
    with Readers(readers) as running:
        for item in items:
            running.give(item)
            running.settle()
        return running.results()


def test_readers_see_every_item_in_step_and_may_leave_early() -> None:
    seen: dict[str, list[int]] = {"all": [], "two": []}
    steps: list[tuple[int, ...]] = []

    def produce() -> Iterator[int]:
        for item in range(5):
            steps.append(tuple(len(items) for items in seen.values()))
            yield item

    def read(name: str, most: int, items: Iterator[int]) -> int:
        for item in itertools.islice(items, most):
            seen[name].append(item)
        return sum(seen[name])

    before = threading.active_count()
    found = read_together(produce(), {"all": lambda i: read("all", 99, i), "two": lambda i: read("two", 2, i)})
    assert found == {"all": 10, "two": 1}
    assert steps == [(0, 0), (1, 1), (2, 2), (3, 2), (4, 2)]  # nobody runs ahead
    assert threading.active_count() == before


@pytest.mark.parametrize("at", [0, 3])
def test_a_readers_error_ends_all(at: int) -> None:
    def fail(items: Iterator[int]) -> None:
        for item in items:
            if item == at:
                raise InputError("cannot read")

    def fail_at_once(items: Iterator[int]) -> None:
        raise InputError("cannot read")

    before = threading.active_count()
    for reader in (fail, fail_at_once):
        with pytest.raises(InputError, match="cannot read"):
            read_together(range(6), {"bad": reader, "good": sum})
    assert threading.active_count() == before


def test_a_shared_stream_is_taken_once_and_kept_for_the_slowest_only() -> None:
    taken: list[int] = []

    def produce() -> Iterator[int]:
        for item in range(6):
            taken.append(item)
            yield item
        raise InputError("cannot read on")

    shared = Shared(produce())
    ahead, behind, leaves = (shared.branch() for _ in range(3))
    assert [next(ahead) for _ in range(3)] == [0, 1, 2] == taken
    assert next(behind) == 0
    assert list(behind.waiting) == [1, 2]
    leaves.close()
    assert [next(ahead) for _ in range(3)] == [3, 4, 5]
    assert not leaves.waiting
    assert [next(behind) for _ in range(5)] == [1, 2, 3, 4, 5]
    for branch in (ahead, behind, ahead):  # not only the one that came first hears of it
        with pytest.raises(InputError, match="cannot read on"):
            next(branch)
    assert taken == list(range(6))


def test_footage_is_kept_where_it_is_small_and_read_again_where_it_is_not() -> None:
    opened = []

    def open_frames() -> Iterator[StereoFrame]:
        opened.append(1)
        yield from (frame_with_depth_in_red(seed) for seed in range(4))

    video = StereoVideo("a", (16, 12), 4, None, None, True, False, open_frames)
    size = bytes_of(frame_with_depth_in_red(0))
    for room, times in ((3 * size, 1), (2 * size, 3)):
        opened.clear()
        footage = Footage(video, 3, kept_bytes=room)
        assert [len(list(footage.frames())) for _ in range(3)] == [3, 3, 3]
        assert len(opened) == times


def test_records_survive_json_with_infinities_and_gaps() -> None:
    score = Score(math.inf, (NAN, 1.5, -math.inf), (2.0, 3.0), (np.eye(2), np.ones((1, 2))))
    report = {"PSNR": {"whole": score}, "LPIPS": Skipped("no weights")}
    cheats = (Finding("identity", False, "fine", NAN, 0.25), Finding("frozen", True, "still", 1.0, 0.5))
    result = ClipResult("d", "c", "m", (8, 6), 3, 0.5, "true", "none", None, {"p": report}, {"p": (0, 1, 2)}, cheats)
    text = json.dumps(to_json(result), allow_nan=False)
    back = from_json(json.loads(text))
    assert json.dumps(to_json(back), allow_nan=False) == text
    assert back.protocols["p"]["LPIPS"] == Skipped("no weights")
    assert repr(back.cheats) == repr(cheats)


def test_album_shows_the_middle_frame_and_the_row_that_was_disoccluded(tmp_path: Path) -> None:
    album = Album(4, None)
    hole = torch.zeros(10, 20, dtype=torch.bool)
    hole[7, 3:9] = True
    for number in range(4):
        truth = torch.full((3, 10, 20), number / 4)
        right = truth.clone()
        right[:, 7] = 1.0
        album.update(Pair(right, truth, truth, hole))
    names = album.save(tmp_path / "k.zip")
    assert album.frame == 2
    assert set(names) == {"right", "left", "truth", "error", "hole", "slice_truth", "slice"}
    slices, truth_slice = (
        np.asarray(Image.open(io.BytesIO(picture_of(tmp_path / "k.zip", name))).convert("L"))
        for name in ("slice", "slice_truth")
    )
    assert slices.shape == (96, 20)
    assert slices.min() > 250  # row 7
    assert np.abs(truth_slice[::24, 0].astype(int) - [0, 64, 128, 191]).max() <= 3


def test_a_long_clip_takes_no_more_memory_for_its_slices(tmp_path: Path) -> None:
    album = Album(None, None)
    held: set[tuple[int, int]] = set()
    for number in range(SLICE_ROWS + 20):
        view = torch.full((3, 2, 8), (number % 256) / 255)
        album.update(Pair(view, view, view))
        held.add((len(album._slices), sum(rows.nbytes for rows in album._slices.values())))
    assert held == {(2, 2 * SLICE_ROWS * 8 * 3)}
    album.save(tmp_path / "k.zip")
    rows = np.asarray(Image.open(io.BytesIO(picture_of(tmp_path / "k.zip", "slice"))).convert("L"))
    assert rows.shape == (SLICE_ROWS, 8)
    assert np.abs(rows[8:240, 0].astype(int) - np.arange(8, 240)).max() <= 3


@pytest.mark.parametrize(("least", "step"), [(0.9, 1), (1.0, 1), (1.1, 2), (3, 5), (6, 10), (0.03, 0.05), (70, 100)])
def test_axis_steps_are_round(least: float, step: float) -> None:
    assert math.isclose(round_step(least), step)


def test_lines_break_at_gaps_and_infinities() -> None:
    plot = line_plot({"a": {0: 1.0, 1: 2.0, 2: math.inf, 3: 3.0, 4: NAN, 5: 2.0}}, {"a": 3}, "PSNR")
    assert plot is not None
    assert [len(piece.split()) for piece in plot.lines[0].pieces] == [2, 1, 1]
    assert plot.lines[0].color == 3
    assert line_plot({"a": {0: 1.0}}, {"a": 0}, "one frame") is None
    assert line_plot({"a": {0: NAN, 1: math.inf}}, {"a": 0}, "no number") is None


def test_long_lines_are_thinned_to_their_means() -> None:
    points = thinned({frame: float(frame) for frame in range(720)})
    assert len(points) == 360
    assert points[0] == (0.5, 0.5)
    assert points[-1] == (718.5, 718.5)


def test_strips_hold_each_clip_and_the_median() -> None:
    plot = strip_plot({"a": {"x": 1.0, "y": 2.0, "z": 4.0, "w": math.inf}, "b": {"x": 3.0}}, {"a": 0, "b": 1}, "PSNR")
    assert plot is not None
    first, second = plot.strips
    assert len(first.dots) == 3
    assert first.median == first.dots[1][0]
    assert second.median == second.dots[0][0]
    assert strip_plot({"a": {"x": 1.0}}, {"a": 0}, "one clip") is None
