"""Depth Anything V2: the published layouts load, and frames are prepared as it was trained."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from secondeye.depth_models import depth_anything
from secondeye.depth_models.depth_anything import input_size
from secondeye.depth_models.depth_anything import network as networks
from secondeye.errors import InputError, WeightsError
from secondeye.types import Clip

SIZES = {"small": "s", "base": "b", "large": "l"}


def clip(count: int = 2, height: int = 30, width: int = 50) -> Clip:
    rgb = torch.rand(count, 3, height, width, generator=torch.Generator().manual_seed(0))
    return Clip(rgb, 0, torch.arange(count))


@pytest.mark.parametrize("size", SIZES)
def test_names_and_shapes_are_those_of_the_published_checkpoint(shared: Path, size: str) -> None:
    manifest = json.loads((shared / "manifests" / f"depth_anything_v2_{size}.json").read_text())
    state = networks.empty_network(size).state_dict()
    assert {name: list(value.shape) for name, value in state.items()} == manifest


@pytest.mark.parametrize(("size", "letter"), SIZES.items())
def test_original_names_map_onto_the_published_ones(shared: Path, size: str, letter: str) -> None:
    file = shared / "manifests" / f"depth_anything_v2_vit{letter}_original_pth.json"
    original = {name: torch.empty(shape, device="meta") for name, shape in json.loads(file.read_text()).items()}
    manifest = json.loads((shared / "manifests" / f"depth_anything_v2_{size}.json").read_text())
    assert {name: list(value.shape) for name, value in networks.from_original(original).items()} == manifest


def saved(folder: Path, names: dict[str, str]) -> torch.nn.Module:
    """Save the tiny network as published, with some parts of names as an older release wrote them."""
    network = networks.tiny_network()
    state = {}
    for name, value in network.state_dict().items():
        for old, new in names.items():
            name = name.replace(new, old)
        state[name] = value.contiguous()
    folder.mkdir()
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "config.json").write_text("{}")
    return network


@pytest.mark.parametrize("names", [{}, networks.TRANSFORMERS_4], ids=["transformers 5", "transformers 4"])
def test_a_published_checkpoint_gives_its_own_depth(
    tmp_path: Path, names: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(networks.SETTINGS, "small", networks.SETTINGS["tiny"])
    saved(tmp_path / "snapshot", names)
    loaded = depth_anything.build(checkpoint=tmp_path / "snapshot", device="cpu", resolution=56)
    built = depth_anything.build(tiny=True, device="cpu", resolution=56)
    want, got = (next(model.estimate(iter([clip()]))).inverse_depth for model in (built, loaded))
    assert torch.equal(want, got)
    assert want.std() > 1e-3


def test_an_original_checkpoint_gives_the_same_depth(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tiny network written out in the original's names, by rules written the other way round."""
    monkeypatch.setitem(networks.SETTINGS, "small", networks.SETTINGS["tiny"])
    state = networks.tiny_network().state_dict()
    original = {}
    for name, value in state.items():
        if ".k_proj." in name or ".v_proj." in name:
            continue
        if ".q_proj." in name:
            value = torch.cat([state[name.replace("q_proj", f"{p}_proj")] for p in "qkv"])
        original[original_name(name)] = value
    torch.save(original, tmp_path / "depth_anything_v2_vits.pth")
    loaded = networks.load(tmp_path / "depth_anything_v2_vits.pth", "small").state_dict()
    assert loaded.keys() == state.keys()
    assert all(torch.equal(loaded[name], state[name]) for name in state)


def original_name(name: str) -> str:
    parts = name.split(".")
    if parts[0] == "backbone":
        if parts[1] == "embeddings":
            middle = {"position_embeddings": "pos_embed", "patch_embeddings": "patch_embed.proj"}.get(
                parts[2], parts[2]
            )
            return ".".join(["pretrained", middle, *parts[4:]])
        if parts[1] == "layernorm":
            return ".".join(["pretrained", "norm", *parts[2:]])
        tail = ".".join(parts[4:]).replace("attention.q_proj", "attn.qkv").replace("attention.o_proj", "attn.proj")
        tail = tail.replace("layer_scale1.lambda1", "ls1.gamma").replace("layer_scale2.lambda1", "ls2.gamma")
        return f"pretrained.blocks.{parts[3]}.{tail}"
    if parts[0] == "head":
        return ".".join(
            [
                "depth_head.scratch",
                {"1": "output_conv1", "2": "output_conv2.0", "3": "output_conv2.2"}[parts[1][-1]],
                parts[2],
            ]
        )
    if parts[1] == "reassemble_stage":
        kind = {"projection": "projects", "resize": "resize_layers"}[parts[4]]
        return f"depth_head.{kind}.{parts[3]}.{parts[5]}"
    if parts[1] == "convs":
        return f"depth_head.scratch.layer{int(parts[2]) + 1}_rn.{parts[3]}"
    tail = ".".join(parts[4:]).replace("projection", "out_conv")
    tail = tail.replace("residual_layer", "resConfUnit").replace("convolution", "conv")
    return f"depth_head.scratch.refinenet{4 - int(parts[3])}.{tail}"


def test_a_checkpoint_that_does_not_fit_is_refused_by_name(tmp_path: Path) -> None:
    saved(tmp_path / "snapshot", {})
    with pytest.raises(
        WeightsError, match=r"does not fit Depth Anything V2 Base.*secondeye weights get depth_anything_base"
    ):
        depth_anything.build("base", checkpoint=tmp_path / "snapshot")
    (tmp_path / "snapshot" / "model.safetensors").write_bytes(b"x" * 100)
    with pytest.raises(WeightsError, match="no weights could be read"):
        depth_anything.build("small", checkpoint=tmp_path / "snapshot")


@pytest.mark.parametrize(
    ("frame", "want"),
    [((1080, 1920), (518, 924)), ((1920, 1080), (924, 518)), ((480, 640), (518, 686)), ((1, 1), (518, 518))],
)
def test_the_short_side_is_518_px_and_both_are_whole_patches(frame: tuple[int, int], want: tuple[int, int]) -> None:
    assert input_size(*frame, 518) == want


def test_strips_are_squeezed_rather_than_blown_up() -> None:
    assert max(input_size(16, 1, 518)) <= 3 * 518 + 14
    assert min(input_size(1, 4000, 518)) >= 14


def test_nonsense_is_refused() -> None:
    with pytest.raises(InputError, match="size 'huge'"):
        depth_anything.build("huge")
    with pytest.raises(InputError, match="resolution 5"):
        depth_anything.build(tiny=True, resolution=5)
    with pytest.raises(InputError, match="device 'toaster'"):
        depth_anything.build(tiny=True, device="toaster")
