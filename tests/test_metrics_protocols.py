"""Published protocols: frames, sizes, masks, batches and variants, each against another program or by hand."""

import math
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import av.filter
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from secondeye import metrics
from secondeye.errors import InputError
from secondeye.metrics import Pair, Score, Skipped, _framing, calibration, psnr, siou
from secondeye.metrics._framing import Frames, Size
from secondeye.metrics.protocols import (
    PROTOCOLS,
    ClipReport,
    Measure,
    Protocol,
    combine,
    in_batches,
    measure_clip,
    prepare,
    protocol,
)
from tests.stereo_world import clip, judged, noisy


@pytest.fixture(autouse=True)
def nothing_at_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No weights of the machine's owner may be found."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.delenv("SECONDEYE_WEIGHTS", raising=False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))


def numbered(count: int) -> Iterator[Pair]:
    return (Pair(torch.full((3, 4, 6), t / 255), index=t) for t in range(count))


@pytest.mark.parametrize("name", PROTOCOLS)
def test_a_protocol_is_whole(name: str) -> None:
    """Every column is a metric that there is, in a variant that there is, and where it comes from is said."""
    chosen = protocol(name)
    assert chosen.title
    assert chosen.source
    assert len({m.label for m in chosen.measures}) == len(chosen.measures)
    for measure in chosen.measures:
        if not metrics.describe(measure.metric).weights:
            metrics.build(measure.metric, **measure.options)
    assert name == "ours" or chosen.unknown


def test_the_protocols_of_the_issue_are_there() -> None:
    wanted = "m2svid spatialme spatialdreamer stereocrafter-zero mono2stereo-2025 mono2stereo-2026 stereopilot"
    assert {*wanted.split(), "stereospace", "stereoworld", "ours"} == set(PROTOCOLS)
    with pytest.raises(InputError, match="no protocol called 'm2svd'; did you mean 'm2svid'"):
        protocol("m2svd")


@pytest.mark.parametrize("name", PROTOCOLS)
def test_one_prediction_gives_every_papers_number(name: str) -> None:
    """What needs no weights has a number; what does is skipped with a reason; nothing else happens."""
    pairs = [noisy(pair) for pair in clip(1 if name.startswith("mono2stereo") else 3, 180, 200)]
    report = measure_clip(protocol(name), pairs, Fraction(5))
    table = combine(protocol(name), [report])
    assert list(table) == [m.label for m in protocol(name).measures] + list(protocol(name).unavailable)
    for measure in protocol(name).measures:
        found = table[measure.label]
        if metrics.describe(measure.metric).weights:
            assert isinstance(found, Skipped), measure
            assert "no weights" in found.reason
        elif isinstance(found, Skipped):
            assert name == "m2svid", found
            assert "at least 9 frames" in found.reason
        else:
            low, high = metrics.describe(measure.metric).limits
            assert low <= found["whole"] <= high, measure
            assert len(found) == (4 if name == "ours" and metrics.describe(measure.metric).by_region else 1)


def test_every_20th_frame() -> None:
    taken = [pair.index for pair in Frames(every=20).take(numbered(50), None)]
    assert taken == [0, 20, 40]


@pytest.mark.parametrize(("rate", "to"), [(30, 5), (24, 5), (Fraction(30000, 1001), 5), (50, 16), (25, 16), (4, 5)])
def test_frames_at_a_rate_are_ffmpegs(rate: int | Fraction, to: int) -> None:
    """M2SVid reads its frames through ffmpeg's fps filter; the same ones are taken here."""
    count = 61
    graph = av.filter.Graph()
    source = graph.add_buffer(width=16, height=16, format="gray", time_base=1 / Fraction(rate))
    steps = [source, graph.add("fps", f"fps={to}"), graph.add("buffersink")]
    graph.link_nodes(*steps).configure()
    seen: list[int] = []
    for t in range(count):
        frame = av.VideoFrame.from_ndarray(np.full((16, 16), t, np.uint8), "gray")
        frame.pts, frame.duration, frame.time_base = t, 1, 1 / Fraction(rate)
        graph.push(frame)
    graph.push(None)
    while True:
        try:
            seen.append(int(graph.pull().to_ndarray()[0, 0]))
        except (av.EOFError, av.BlockingIOError):
            break
    taken = [pair.index for pair in Frames(rate_hz=to).take(numbered(count), Fraction(rate))]
    if rate < to:
        assert taken == list(range(count)), "frames are never repeated"
    else:
        assert taken == seen
    assert [p.index for p in Frames(rate_hz=to, count=3).take(numbered(count), Fraction(rate))] == taken[:3]
    assert len(list(Frames(rate_hz=to).take(numbered(count), None))) == count, "an unknown rate drops nothing"
    assert list(Frames(rate_hz=to).take(range(count), Fraction(rate))) == taken, "whatever stands for the frames"


def test_crop_to_512_as_m2svid() -> None:
    """Shorter side to 512 by antialiased bilinear, then the middle; masks by more than half, disparity scaled."""
    pair = clip(1, 256, 300)[0]
    pair = replace(pair, disparity=torch.full((256, 300), 10.0))
    found = Size("crop", 512).fit(pair)
    assert found.size == (512, 512)
    resized = F.interpolate(pair.right[None], size=(512, 600), mode="bilinear", antialias=True)[0]
    torch.testing.assert_close(found.right, resized[:, :, 44:556].clamp(0, 1))
    assert found.hole is not None
    assert found.disparity is not None
    assert pair.hole is not None
    shares = F.interpolate(pair.hole[None, None].float(), size=(512, 600), mode="bilinear", antialias=True)[0, 0]
    torch.testing.assert_close(found.hole, shares[:, 44:556] > 0.5)
    assert found.disparity.unique().tolist() == [20.0]
    assert found.memo is not pair.memo


def test_stretch_by_pil_as_mono2stereo() -> None:
    pair = clip(1, 200, 280)[0]
    found = Size("stretch_pil", 1280, 800).fit(pair)
    picture = (pair.right * 255).round().byte().permute(1, 2, 0).numpy()
    expected = np.asarray(Image.fromarray(picture).resize((1280, 800)))  # the script's call, PIL's default filter
    np.testing.assert_array_equal((found.right * 255).round().byte().permute(1, 2, 0).numpy(), expected)


def test_480_rows_as_stereoworld() -> None:
    """Widths, and with them disparities, go in proportion: errors in px mean something at one size only."""
    pair = Pair(torch.rand(3, 96, 160), torch.rand(3, 96, 160), disparity=torch.full((96, 160), 2.0))
    [found] = prepare(PROTOCOLS["stereoworld"], [pair])
    assert found.size == (480, 800)
    assert found.disparity is not None
    assert bool((found.disparity == 10).all())
    assert next(prepare(PROTOCOLS["stereoworld"], [Pair(torch.rand(3, 480, 7))])).size == (480, 7)


def test_holes_are_closed_by_a_square() -> None:
    hole = torch.zeros(40, 70, dtype=torch.bool)
    hole[10, 10] = hole[10, 18] = hole[30, 30] = hole[30, 45] = True
    found = _framing.closed(hole, 11)
    expected = hole.clone()
    expected[10, 10:19] = True  # 8 px apart: an 11 px square bridges them; 15 px apart it does not
    assert torch.equal(found, expected)


def test_white_paint() -> None:
    pair = noisy(clip(1, 60, 90)[0], 0.3)
    assert pair.hole is not None
    assert pair.truth is not None
    inside, outside = (_framing.painted_white(pair, keep) for keep in ("hole", "visible"))
    for painted, kept in ((inside, pair.hole), (outside, ~pair.hole)):
        assert painted.truth is not None
        assert painted.hole is None
        assert torch.equal(painted.right[:, kept], pair.right[:, kept])
        assert (painted.right[:, ~kept] == 1).all()
        assert (painted.truth[:, ~kept] == 1).all()
    mean_squared = [10 ** (-psnr.frame_scores(p)["whole"] / 10) for p in (inside, outside, pair)]
    assert mean_squared[0] + mean_squared[1] == pytest.approx(mean_squared[2], rel=1e-5), "not by area"


def test_m2svids_regions_need_masks() -> None:
    pairs = [Pair(p.right, p.left, p.truth) for p in clip(2, 200, 240)]
    report = measure_clip(protocol("m2svid"), pairs)
    assert isinstance(report["PSNR inpainted"], Skipped)
    assert "needs hole masks" in report["PSNR inpainted"].reason
    assert isinstance(report["PSNR"], dict)


def test_m2svid_takes_one_psnr_of_two_clips() -> None:
    """The mean of errors within a batch, the mean of decibels between batches."""
    clips = [[noisy(pair, sigma) for pair in clip(2, 170, 180)] for sigma in (0.02, 0.2, 0.1)]
    chosen = replace(protocol("m2svid"), measures=(Measure("PSNR", "psnr", {"over": "clip"}),), size=Size())
    table = combine(chosen, [measure_clip(chosen, pairs) for pairs in clips])
    errors = [np.mean([10 ** (-psnr.frame_scores(p)["whole"] / 10) for p in pairs]) for pairs in clips]
    expected = (-10 * math.log10((errors[0] + errors[1]) / 2) - 10 * math.log10(errors[2])) / 2
    found = table["PSNR"]
    assert isinstance(found, dict)
    assert found["whole"] == pytest.approx(expected, abs=1e-6)
    plain = -10 * np.mean(np.log10(errors))
    assert abs(found["whole"] - plain) > 1, "and that is not the mean over clips"


def test_batches_leave_out_what_has_no_number() -> None:
    scores = [Score(1.0), Score(math.nan), Score(math.nan), Score(math.nan), Score(4.0)]
    assert in_batches(scores, 2, metrics.mean_of_values) == pytest.approx(2.5)
    assert math.isnan(in_batches(scores[1:3], 2, metrics.mean_of_values))


def test_what_one_clip_lacks_the_others_give() -> None:
    chosen = Protocol("test", "test", (Measure("PSNR", "psnr"), Measure("SIoU", "siou")))
    with_left, without = clip(1, 60, 90), [replace(p, left=None) for p in clip(1, 60, 90)]
    reports = [measure_clip(chosen, pairs) for pairs in (with_left, without)]
    assert isinstance(reports[1]["SIoU"], Skipped)
    table = combine(chosen, reports)
    assert table["SIoU"] == {"whole": siou.of_frame(with_left[0], "2026")}
    assert combine(chosen, reports[1:])["SIoU"] == Skipped("SIoU needs left, which the data does not have")
    assert combine(chosen, []) == {}


def test_a_measure_that_fails_stops_no_other() -> None:
    """Frames too small for MS-SSIM still have their PSNR."""
    report = measure_clip(protocol("ours"), [noisy(pair) for pair in clip(3, 60, 90)])
    assert isinstance(report["MS-SSIM"], Skipped)
    assert "at least 161 px" in report["MS-SSIM"].reason
    assert isinstance(report["PSNR"], dict)
    assert not math.isnan(report["PSNR"]["whole"].value)


def test_a_single_frame_says_what_it_has_no_number_for() -> None:
    report = measure_clip(protocol("ours"), [next(iter(clip()))])
    for label in ("E_warp", "flicker"):
        scores = report[label]
        assert isinstance(scores, Skipped)
        assert scores.reason == f"{label} needs at least 2 frames, the clip has 1"


def test_unknown_options_of_the_user_are_a_reason() -> None:
    report = measure_clip(protocol("stereoworld"), clip(1, 200, 320), options={"epe": {"matcher": "magic"}})
    assert report["EPE"] == Skipped("no matcher called 'magic'; give sgbm or package.module:function")


def test_published_protocols_do_not_look_at_holes() -> None:
    with_holes, without = clip(2, 200, 320), [replace(p, hole=None) for p in clip(2, 200, 320)]
    both = [measure_clip(protocol("stereopilot"), [noisy(p) for p in pairs]) for pairs in (with_holes, without)]
    assert set(both[0]["PSNR"]) == {"whole"}  # type: ignore[arg-type]
    same: list[ClipReport] = [{k: v for k, v in report.items() if k not in ("LPIPS", "latency")} for report in both]
    for label in same[0]:
        assert isinstance(same[0][label], dict), label
    noise = measure_clip(protocol("stereopilot"), [judged(a, b.right) for a, b in zip(without, without, strict=True)])
    assert noise["PSNR"] != same[0]["PSNR"]


def test_prepare_streams() -> None:
    """Frames come one by one: the next is only asked for when the one before has been used."""
    asked: list[int] = []

    def source() -> Iterator[Pair]:
        for pair in numbered(5):
            asked.append(pair.index)
            yield pair

    prepared = prepare(protocol("ours"), source())
    assert next(prepared).index == 0
    assert asked == [0]


def test_the_2025_code_hides_what_the_2026_code_shows() -> None:
    """The same wrong view, through both revisions of one protocol: more than eight decibels apart."""
    pair = clip(1, 120, 200)[0]
    assert pair.left is not None
    wrong = judged(pair, pair.left)
    found = []
    for name in ("mono2stereo-2025", "mono2stereo-2026"):
        table = combine(protocol(name), [measure_clip(protocol(name), [wrong])])
        assert isinstance(table["PSNR"], dict)
        found.append(table["PSNR"]["whole"])
    assert found[0] > found[1] + 8


def test_stereospace_calibration_finds_the_scale() -> None:
    """A right view whose parallax is the scale times thirty px is asked for; the truth's is 12 px: 0.4."""
    wide = clip(1, 160, 400, seed=3)[0].right
    left = wide[:, :, 40:360]

    def synthesise(scale: float) -> torch.Tensor:
        grid = torch.stack(torch.meshgrid(torch.linspace(-1, 1, 160), torch.arange(320.0), indexing="ij")[::-1], -1)
        grid[..., 0] = (grid[..., 0] + 40 + 30 * scale) / 399 * 2 - 1
        return F.grid_sample(wide[None], grid[None], mode="bicubic", align_corners=True)[0].clamp(0, 1)

    found = calibration.best_scale(left, synthesise(0.4), synthesise)
    assert found == pytest.approx(0.4, abs=0.02)
    with pytest.raises(InputError, match="needs a range"):
        calibration.best_scale(left, left, synthesise, lowest=1.0, highest=0.5)
    with pytest.raises(InputError, match="at no scale"):
        calibration.best_scale(left, synthesise(0.4), lambda scale: torch.rand(left.shape))
