"""Video Depth Anything: the released code's numbers, the published names, and windows that fit together."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional

from secondeye.depth_models import video_depth_anything
from secondeye.depth_models.video_depth_anything import input_size, prepared
from secondeye.depth_models.video_depth_anything import network as networks
from secondeye.depth_models.video_depth_anything.stitching import (
    as_they_come,
    cross_faded,
    in_windows,
    scale_and_shift,
)
from secondeye.errors import InputError, WeightsError
from secondeye.network import weights
from secondeye.network.imagenet import MEAN, STD
from secondeye.types import Clip

TINY = networks.Size(32, 12, 2, (2, 5, 8, 11), (16, 24, 32, 64), 32, 2)
"""The shrunken configuration of the golden vectors."""

TOLERANCE = 2e-4
LETTERS = {"small": "s", "large": "l"}
LENGTHS = (1, 10, 22, 23, 32, 33, 44, 45, 70, 90)


@pytest.fixture(autouse=True)
def _as_the_golden_run() -> Iterator[None]:
    """One thread, plain convolutions: the tiny network turns a change of 1e-7 into one of 5e-3."""
    threads, onednn = torch.get_num_threads(), torch.backends.mkldnn.enabled
    torch.set_num_threads(1)
    torch.backends.mkldnn.enabled = False
    yield
    torch.set_num_threads(threads)
    torch.backends.mkldnn.enabled = onednn


@pytest.fixture(scope="module")
def tiny(shared: Path) -> dict[str, Tensor]:
    return load_file(shared / "golden" / "vda_tiny.safetensors")


@pytest.fixture(scope="module")
def network(tiny: dict[str, Tensor]) -> networks.VideoDepthNetwork:
    made = networks.build_network(TINY)
    state = {name.removeprefix("weights."): value for name, value in tiny.items() if name.startswith("weights.")}
    made.load_state_dict(networks.from_published(state), strict=True)
    return made


def frames_of(video: Tensor) -> list[Tensor]:
    """(T, H, W, 3) uint8 as (3, H, W) float frames."""
    return [frame.permute(2, 0, 1).float() / 255 for frame in video]


def near(got: Tensor, want: Tensor) -> None:
    torch.testing.assert_close(got, want, atol=TOLERANCE, rtol=0)


@pytest.mark.parametrize(("size", "letter"), LETTERS.items())
def test_names_and_shapes_are_those_of_the_published_checkpoint(shared: Path, size: str, letter: str) -> None:
    manifest = json.loads((shared / "manifests" / f"video_depth_anything_vit{letter}.json").read_text())
    published = {name: torch.empty(shape, device="meta") for name, shape in manifest.items()}
    mapped = {name: value.shape for name, value in networks.from_published(published).items()}
    own = networks.empty_network(networks.SIZES[size]).state_dict()
    assert mapped == {name: value.shape for name, value in own.items()}
    assert weights.layout_digest(manifest) in weights.card(f"video_depth_anything_{size}").layouts


@torch.inference_mode()
def test_a_forward_pass_equals_the_released_one(tiny: dict[str, Tensor], network: networks.VideoDepthNetwork) -> None:
    x = tiny["input.fwd.x"]
    assert torch.equal(network.position_code(3, 5), tiny["middle.pos_embed_42x70"])
    assert torch.equal(network.position_code(2, 3), tiny["middle.pos_embed_28x42"])
    tokens = network.tokens(x[0])
    near(tokens[0], tiny["middle.fwd.dino_tokens0"])
    near(tokens[3], tiny["middle.fwd.dino_tokens3"])
    near(network(x).depth, tiny["output.fwd.depth_9"])
    near(network(x[:, :8]).depth, tiny["output.fwd.depth_8_micro_batched"])


@torch.inference_mode()
def test_offline_depth_equals_the_released_one(tiny: dict[str, Tensor], network: networks.VideoDepthNetwork) -> None:
    frames = [prepared(frame, 28) for frame in frames_of(tiny["input.offline.frames"])]
    near(torch.stack(frames[:3]), tiny["middle.offline.preprocessed_first3"][0])

    def predict(window: Tensor) -> Tensor:
        depth = network(window[None]).depth[0][:, None]
        return functional.interpolate(depth, (30, 50), mode="bilinear", align_corners=True)[:, 0]

    near(torch.stack(list(in_windows(frames, predict))), tiny["output.offline.depth"])


@torch.inference_mode()
def test_streamed_depth_equals_the_released_one(tiny: dict[str, Tensor], network: networks.VideoDepthNetwork) -> None:
    frames = (prepared(frame, 28) for frame in frames_of(tiny["input.stream.frames"]))
    near(torch.stack(list(as_they_come(frames, network))), tiny["output.stream.depth"])


@pytest.mark.parametrize("count", LENGTHS)
def test_windows_are_stitched_as_released(shared: Path, count: int) -> None:
    golden = load_file(shared / "golden" / "vda_stitching.safetensors")
    meta: dict[str, Any] = json.loads((shared / "golden" / "vda_stitching.json").read_text())
    mean, std = (torch.tensor(c)[:, None, None] for c in (MEAN, STD))
    frames = [(frame - mean) / std for frame in frames_of(golden["input.frames"][:count])]
    gains = list(zip(meta["A"], meta["B"], strict=True))
    called = []

    def stub(window: Tensor) -> Tensor:
        """The formula that the golden vectors were made with."""
        gain, offset = gains[len(called)]
        called.append(window)
        grey = 0.5 * window[:, 0] + 0.3 * window[:, 1] + 0.2 * window[:, 2]
        across, time = torch.linspace(0, 1, 14), torch.arange(32)[:, None, None]
        return torch.relu(gain * (grey * 0.5 + 1) + offset + 0.05 * across * grey**2 + 0.02 * time / 31)

    depth = torch.stack(list(in_windows(frames, stub)))
    torch.testing.assert_close(depth, golden[f"output.{count}.depth"], atol=1e-5, rtol=0)
    assert len(called) == meta["runs"][str(count)]["windows"]


def test_the_fit_and_the_fade_equal_the_released_ones(shared: Path) -> None:
    golden = load_file(shared / "golden" / "vda_stitching.safetensors")
    depth, wanted = golden["input.lsq.prediction"], golden["input.lsq.target"]
    assert scale_and_shift(depth, wanted) == pytest.approx(golden["output.lsq.scale_shift_all"].tolist(), abs=1e-5)
    flat = scale_and_shift(torch.ones(6, 8), wanted)
    assert list(flat) == golden["output.lsq.degenerate_constant"].tolist()
    faded = cross_faded(torch.zeros(8, 2, 2), torch.ones(8, 2, 2))
    assert faded[:, 0, 0].tolist() == pytest.approx([i / 7 for i in range(8)])


def test_frames_are_sized_as_released(shared: Path) -> None:
    sizes = json.loads((shared / "golden" / "vda_tiny.json").read_text())["resize_hw_at_input_size_518"]
    for given, wanted in sizes.items():
        height, width = map(int, given.split("x"))
        assert input_size(height, width, 518) == tuple(wanted)


def test_a_published_checkpoint_loads_and_gives_its_own_depth(
    tiny: dict[str, Tensor], network: networks.VideoDepthNetwork, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(networks.SIZES, "small", TINY)
    state = {name.removeprefix("weights."): value for name, value in tiny.items() if name.startswith("weights.")}
    torch.save(state, tmp_path / "video_depth_anything_vits.pth")
    rgb = torch.stack(frames_of(tiny["input.stream.frames"])[:3])
    model = video_depth_anything.build(checkpoint=tmp_path, device="cpu", resolution=28, mode="stream")
    (made,) = model.estimate(iter([Clip(rgb, 0, torch.arange(3))]))
    near(made.inverse_depth[:, 0], tiny["output.stream.depth"][:3])


def test_what_is_no_checkpoint_is_said(tmp_path: Path) -> None:
    wrong = tmp_path / "w.pth"
    wrong.write_bytes(b"not weights")
    with pytest.raises(WeightsError, match="no weights could be read"):
        video_depth_anything.build(checkpoint=wrong)
    torch.save({"head.x": torch.zeros(2)}, wrong)
    with pytest.raises(WeightsError, match="does not fit Video Depth Anything Small"):
        video_depth_anything.build(checkpoint=wrong)
    for options, word in (({"size": "base"}, "small"), ({"mode": "steam"}, "stream"), ({"resolution": 3}, "518")):
        with pytest.raises(InputError, match=word):
            video_depth_anything.build(tiny=True, **options)


def test_streams_and_windows_give_one_depth_a_frame(network: networks.VideoDepthNetwork) -> None:
    rgb = torch.rand(35, 3, 28, 42, generator=torch.Generator().manual_seed(3))
    clips = [Clip(rgb[i : i + 5], i, torch.arange(i, i + 5)) for i in range(0, 35, 5)]
    for mode in ("windows", "stream"):
        model = video_depth_anything.build(tiny=True, device="cpu", resolution=28, mode=mode)
        made = list(model.estimate(iter(clips)))
        assert [clip.left.start for clip in made] == list(range(0, 35, 5))
        assert all(clip.inverse_depth.shape == (5, 1, 28, 42) for clip in made)
