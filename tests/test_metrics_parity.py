"""Numbers against independent implementations: other libraries, plain double precision, the released code's own."""

import json
import math
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor

from secondeye import metrics
from secondeye.metrics import Pair, Score, _flow, _warp_kernel, lpips, mae, ms_ssim, psnr, rmse, siou, ssim
from secondeye.metrics.protocols import M2SVID, Measure, Protocol, combine, measure_clip
from tests.stereo_world import clip, noisy

F64 = NDArray[np.float64]
SIZES = [(176, 200), (163, 211)]


def pair_of(height: int, width: int, seed: int = 0) -> Pair:
    """Smooth colours and, in places, noise: what SSIM is sensitive to."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, 3, height // 8, width // 8, generator=generator)
    truth = F.interpolate(coarse, size=(height, width), mode="bicubic", align_corners=False)[0].clamp(0, 1)
    truth[:, : height // 3] = truth[:, :1, :1]
    right = truth + 0.05 * torch.randn(truth.shape, generator=generator) + 0.02
    return Pair(right.clamp(0, 1), truth=truth)


def doubles(pair: Pair) -> tuple[F64, F64]:
    assert pair.truth is not None
    return pair.right.double().numpy(), pair.truth.double().numpy()


def slow_ssim(a: F64, b: F64, taps: F64, unbias: float) -> F64:
    """SSIM of a plane by its definition: the variances around the means, window by window."""
    n = len(taps)
    weights = np.outer(taps, taps)[None, None]
    windows = [np.lib.stride_tricks.sliding_window_view(v, (n, n)) for v in (a, b)]
    mean_a, mean_b = ((w * weights).sum((2, 3)) for w in windows)
    from_a, from_b = windows[0] - mean_a[..., None, None], windows[1] - mean_b[..., None, None]
    var_a, var_b, covariance = ((p * weights).sum((2, 3)) for p in (from_a**2, from_b**2, from_a * from_b))
    var_a, var_b, covariance = unbias * var_a, unbias * var_b, unbias * covariance
    c1, c2 = 0.01**2, 0.03**2
    likeness = (2 * mean_a * mean_b + c1) * (2 * covariance + c2)
    return np.asarray(likeness / ((mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2)))


@pytest.mark.parametrize("size", SIZES)
def test_pixel_errors_in_double_precision(size: tuple[int, int]) -> None:
    pair = pair_of(*size)
    a, b = doubles(pair)
    mean_squared = float(np.mean((a - b) ** 2))
    assert psnr.frame_scores(pair)["whole"] == pytest.approx(-10 * math.log10(mean_squared), abs=1e-6)
    assert mae.frame_scores(pair)["whole"] == pytest.approx(float(np.abs(a - b).mean()), abs=1e-6)
    assert rmse.frame_scores(pair, "float")["whole"] == pytest.approx(math.sqrt(mean_squared), abs=1e-6)
    whole = np.rint(a * 255) - np.rint(b * 255)
    assert rmse.frame_scores(pair, "uint8")["whole"] == pytest.approx(math.sqrt(float(np.mean(whole**2))), rel=1e-6)


@pytest.mark.parametrize("window", ["gaussian", "box"])
def test_ssim_by_its_definition(window: str) -> None:
    pair = pair_of(40, 50)
    taps, unbias = ssim.WINDOWS[window]
    a, b = doubles(pair)
    expected = np.mean([slow_ssim(a[c], b[c], taps, unbias).mean() for c in range(3)])
    assert ssim.frame_scores(pair, window)["whole"] == pytest.approx(float(expected), abs=1e-7)


def test_ssim_of_regions_by_its_definition() -> None:
    """Every pixel's window counts, the frame mirrored at its borders."""
    pair = pair_of(40, 50)
    hole = torch.zeros(40, 50, dtype=torch.bool)
    hole[10:20, 20:30] = True
    hole[:, :4] = True
    a, b = (np.pad(v, ((0, 0), (5, 5), (5, 5)), mode="symmetric") for v in doubles(pair))
    taps, unbias = ssim.WINDOWS["gaussian"]
    likeness = np.mean([slow_ssim(a[c], b[c], taps, unbias) for c in range(3)], axis=0)
    found = ssim.frame_scores(Pair(pair.right, truth=pair.truth, hole=hole))
    assert found["hole"] == pytest.approx(likeness[hole.numpy()].mean(), abs=1e-7)
    assert found["visible"] == pytest.approx(likeness[~hole.numpy()].mean(), abs=1e-7)
    assert found["inner_hole"] == pytest.approx(likeness[10:20, 20:30].mean(), abs=1e-7)
    assert found["whole"] == ssim.frame_scores(pair)["whole"]


@pytest.mark.parametrize("size", SIZES)
def test_torchmetrics_agrees(size: tuple[int, int]) -> None:
    library = pytest.importorskip("torchmetrics.functional.image", reason="torchmetrics is not installed")
    pair = pair_of(*size)
    assert pair.truth is not None
    both = pair.right[None].double(), pair.truth[None].double()
    expected = library.peak_signal_noise_ratio(*both, data_range=1.0)
    # The library's 10 / ln 10 is a float32, which alone is 4e-8 off.
    assert psnr.frame_scores(pair)["whole"] == pytest.approx(float(expected), rel=1e-7)
    # Its own mean takes in the border that it pads, the map's inside is what lies within the frame.
    _, likeness = library.structural_similarity_index_measure(*both, data_range=1.0, return_full_image=True)
    expected = likeness[..., 5:-5, 5:-5].mean()
    assert ssim.frame_scores(pair)["whole"] == pytest.approx(float(expected), abs=1e-6)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("frame_count", [1, 9, 11, 16])
def test_pytorch_msssim_agrees(size: tuple[int, int], frame_count: int) -> None:
    """Frames and volumes, of even and odd sides; pytorch-msssim is what M2SVid runs."""
    library = pytest.importorskip("pytorch_msssim", reason="pytorch-msssim is not installed")
    pairs = [pair_of(*size, seed) for seed in range(frame_count)]
    right, truth = (torch.stack([getattr(p, v) for p in pairs], 1)[None].double() for v in ("right", "truth"))
    meter = metrics.build("ms_ssim", dims=2 if frame_count == 1 else 3, window=16)
    for pair in pairs:
        meter.update(pair)
    if frame_count == 1:
        right, truth = right[:, :, 0], truth[:, :, 0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it says when it skips smoothing over time
        expected = library.ms_ssim(right, truth, data_range=1.0)
    assert meter.finish()["whole"].value == pytest.approx(float(expected), abs=1e-6)


def test_a_long_clip_is_cut_into_volumes() -> None:
    pairs = [pair_of(163, 170, seed) for seed in range(20)]
    whole = metrics.build("ms_ssim", dims=3, window=9)
    parts = [metrics.build("ms_ssim", dims=3, window=9) for _ in range(2)]
    for t, pair in enumerate(pairs):
        whole.update(pair)
        if t < 18:
            parts[t // 9].update(pair)
    expected = [part.finish()["whole"].value for part in parts]
    assert whole.finish()["whole"].value == pytest.approx(sum(expected) / 2, abs=1e-12)


def test_wrapping_differences_by_loops() -> None:
    """The bug of 2025, value by value: both the difference and its square are taken modulo 256."""
    pair = noisy(clip(1, 60, 90)[0], 0.2)
    assert pair.truth is not None
    a, b = (np.rint(v.permute(1, 2, 0).numpy().astype(np.float64) * 255).astype(int) for v in (pair.right, pair.truth))
    squares = [((x - y) % 256) ** 2 % 256 for x, y in zip(a.flat, b.flat, strict=True)]
    assert rmse.frame_scores(pair, "uint8_wrap")["whole"] == pytest.approx(math.sqrt(np.mean(squares)), rel=1e-9)
    wrapped = np.mean([(x - y) % 256 for x, y in zip(a.flat, b.flat, strict=True)])
    assert mae.frame_scores(pair, "uint8_wrap")["whole"] == pytest.approx(wrapped, rel=1e-6)


def test_the_bug_rewards_the_wrong() -> None:
    """Noise scores 27.9 dB by the code of 2025 and 7.7 dB by the corrected one; black on white 48 dB and 0 dB."""
    rng = np.random.default_rng(0)
    a, b = (torch.from_numpy(rng.integers(0, 256, (3, 96, 96))).float() / 255 for _ in range(2))
    noise = Pair(a, truth=b)
    assert psnr.frame_scores(noise, "uint8_wrap")["whole"] == pytest.approx(27.9, abs=0.1)
    assert psnr.frame_scores(noise, "uint8")["whole"] == pytest.approx(7.7, abs=0.1)
    opposite = Pair(torch.zeros(3, 8, 8), truth=torch.ones(3, 8, 8))
    assert psnr.frame_scores(opposite, "uint8_wrap")["whole"] == pytest.approx(48.13, abs=0.01)
    assert psnr.frame_scores(opposite, "uint8")["whole"] == 0


@pytest.fixture(scope="module")
def mono2stereo(shared: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    folder = shared / "golden"
    return load_file(folder / "metrics.safetensors"), json.loads((folder / "metrics.json").read_text())


def golden_pair(tensors: dict[str, Tensor], case: str) -> Pair:
    right, left, truth = (tensors[f"input.{case}.{name}"].permute(2, 0, 1) / 255 for name in ("pred", "left", "target"))
    return Pair(right, left, truth)


ERAS: dict[str, dict[str, Callable[[Pair], float]]] = {
    "before_90f0d69": {
        "psnr": lambda p: psnr.frame_scores(p, "uint8_wrap")["whole"],
        "rmse": lambda p: rmse.frame_scores(p, "uint8_wrap")["whole"],
        "siou": lambda p: siou.of_frame(p, "2025"),
        "ssim": lambda p: ssim.frame_scores(p, "box", "uint8")["whole"],
    },
    "after_90f0d69": {
        "psnr": lambda p: psnr.frame_scores(p, "uint8")["whole"],
        "rmse": lambda p: rmse.frame_scores(p, "uint8")["whole"],
        "mae": lambda p: mae.frame_scores(p, "uint8")["whole"],
        "siou": lambda p: siou.of_frame(p, "2026"),
        "ssim": lambda p: ssim.frame_scores(p, "box", "uint8")["whole"],
    },
}


@pytest.mark.parametrize("era", ERAS)
def test_mono2stereo_before_and_after(era: str, mono2stereo: tuple[dict[str, Tensor], dict[str, Any]]) -> None:
    """Twelve triples through the released code, both revisions; scikit-image made their SSIM."""
    tensors, described = mono2stereo
    assert len(described["results"]) == 12
    for case in described["results"]:
        pair = golden_pair(tensors, case)
        for name, measured in ERAS[era].items():
            expected = float(tensors[f"output.{case}.{era}.{name}"])
            assert measured(pair) == pytest.approx(expected, rel=1e-6, abs=1e-6, nan_ok=True), (case, name)


def e_warp_of(pairs: list[Pair]) -> float:
    meter = metrics.build("e_warp", flow_of="right")
    for pair in pairs:
        meter.update(pair)
    return meter.finish()["whole"].frames[1]


def test_lai_e_warp(mono2stereo: tuple[dict[str, Tensor], dict[str, Any]]) -> None:
    """The released occlusion test and warping error, with the flows given."""
    tensors, _ = mono2stereo
    frames = tensors["input.ewarp.frames"].permute(0, 3, 1, 2).contiguous().numpy()
    errors = []
    for t in range(4):
        flows = {way: tensors[f"input.ewarp.flow_{way}"][t].permute(2, 0, 1).numpy() for way in ("forward", "backward")}
        pairs = [Pair(torch.from_numpy(frames[i]), index=i) for i in (t, t + 1)]
        for way, flow in flows.items():
            pairs[1].memo.get(("flow", "right", way, t), partial(np.asarray, flow))
        occluded = _flow.between(*pairs, "right")[1]
        np.testing.assert_array_equal(occluded, tensors["middle.ewarp.occlusion"][t].numpy() > 0)
        errors.append(e_warp_of(pairs))
    np.testing.assert_allclose(errors, tensors["output.ewarp.per_pair"].numpy(), atol=1e-6, rtol=0)
    assert np.mean(errors) == pytest.approx(float(tensors["output.ewarp.video"]), abs=1e-6)


def test_change_along_a_flow_is_grid_sample() -> None:
    generator = torch.Generator().manual_seed(0)
    earlier, later = (torch.rand(3, 30, 40, generator=generator) for _ in range(2))
    flow = 12 * torch.randn(30, 40, 2, generator=generator)
    y, x = torch.meshgrid(torch.arange(30), torch.arange(40), indexing="ij")
    place = torch.stack([(x + flow[..., 0]) / 39 * 2 - 1, (y + flow[..., 1]) / 29 * 2 - 1], -1)
    sampled = F.grid_sample(later[None], place[None], padding_mode="border", align_corners=True)[0]
    expected = (sampled - earlier).square().mean(0).numpy()
    found = _warp_kernel.squared_change(earlier.numpy(), later.numpy(), flow.permute(2, 0, 1).numpy())
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_e_warp_of_an_all_occluded_frame_divides_by_the_frame() -> None:
    views = [Pair(torch.full((3, 20, 24), float(t)), index=t) for t in range(2)]
    assert e_warp_of(views) == 1
    still, apart = np.zeros((2, 20, 24), np.float32), np.full((2, 20, 24), 9, np.float32)
    views = [Pair(torch.full((3, 20, 24), float(t)), index=t) for t in range(2)]
    views[1].memo.get(("flow", "right", "forward", 0), lambda: still)
    views[1].memo.get(("flow", "right", "backward", 0), lambda: apart)
    assert _flow.between(*views, "right")[1].all()
    assert e_warp_of(views) == 0


@pytest.mark.parametrize("case", ["t9", "t25"])
def test_m2svid_test_step(case: str, shared: Path, tmp_path: Path) -> None:
    """All nine numbers of the released test step: batch of two, time as an axis, regions painted white, tiny LPIPS."""
    tensors = load_file(shared / "golden" / f"m2svid_h_metrics_{case}.safetensors")
    described = json.loads((shared / "golden" / f"m2svid_h_metrics_{case}.json").read_text())
    network = lpips.Lpips("vgg", (4, 8, 8, 8, 8))
    weights = {k.removeprefix("weights."): v.float() for k, v in tensors.items() if k.startswith("weights.")}
    lpips.fill(network, lpips.without_prefix(weights), case)
    repeat = described["nearest_repeat"]
    truth, right, hole = (
        tensors[f"input.{name}"].repeat_interleave(repeat, -1).repeat_interleave(repeat, -2)
        for name in ("gt_u8", "generated_u8", "mask")
    )
    right = ((right.float() / 255 * 2 - 1) * 1.03 + 1) / 2
    volumes = tuple(
        Measure(m.label, m.metric, dict(m.options, **({"window": 25} if m.metric == "ms_ssim" else {})), m.only)
        for m in M2SVID.measures
    )
    # The vectors are not of the paper's size, and their masks are closed already.
    chosen = Protocol("test step", "golden", volumes, batch=2)
    reports = []
    for clip_right, clip_truth, clip_hole in zip(right, truth.float() / 255, hole, strict=True):
        frames = zip(clip_right.unbind(1), clip_truth.unbind(1), clip_hole[0].bool(), strict=True)
        pairs = (Pair(r.clamp(0, 1), truth=t, hole=h) for r, t, h in frames)
        reports.append(measure_clip(chosen, pairs, options={"lpips": {"network": network}}))
    table = combine(chosen, reports)
    released = {"": "", " inpainted": "_inpainted_only", " reprojected": "_reprojected_only"}
    for ours, theirs in (("PSNR", "psnr"), ("MS-SSIM", "ms_ssim"), ("LPIPS", "lpips")):
        for suffix, ending in released.items():
            scores = table[ours + suffix]
            assert isinstance(scores, dict), scores
            expected = described["metrics"][f"test/{theirs}{ending}"]
            assert scores["whole"] == pytest.approx(expected, abs=described["tolerance"][theirs]), ours + suffix


def test_m2svid_per_frame_numbers(shared: Path) -> None:
    """Frame by frame too, where time plays no part."""
    tensors = load_file(shared / "golden" / "m2svid_h_metrics_t9.safetensors")
    truth, right = tensors["input.gt_u8"].float() / 255, tensors["input.generated_u8"].float() / 255
    right = (((right * 2 - 1) * 1.03 + 1) / 2).clamp(0, 1)
    for i in range(0, 18, 4):
        pair = Pair(right[i // 9][:, i % 9], truth=truth[i // 9][:, i % 9])
        assert psnr.frame_scores(pair)["whole"] == pytest.approx(float(tensors["output.psnr_per_frame"][i]), abs=1e-4)
        assert ms_ssim.of_frame(pair) == pytest.approx(float(tensors["output.ms_ssim_2d_per_frame"][i]), abs=1e-5)


def test_psnr_over_a_clip_pools_squared_errors() -> None:
    pairs = [pair_of(40, 40, seed) for seed in range(4)]
    scores = []
    for half in (pairs[:1], pairs[1:]):
        meter = metrics.build("psnr", over="clip")
        for pair in half:
            meter.update(pair)
        scores.append(meter.finish()["whole"])
    mean_squared = np.mean([np.mean((a - b) ** 2) for a, b in map(doubles, pairs)])
    assert psnr.pool(scores) == pytest.approx(-10 * math.log10(mean_squared), abs=1e-6)
    plain = [Score(score.value) for score in scores]
    assert psnr.pool(plain) == pytest.approx(sum(score.value for score in scores) / 2)
    assert psnr.pool([Score(math.inf), *plain]) == math.inf
    assert math.isnan(psnr.pool([Score(math.nan)]))
