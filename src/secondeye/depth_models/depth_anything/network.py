"""The network of Depth Anything V2, from ready parts, and the two layouts its checkpoints come in.

published on the hub: config.json + model.safetensors, named as in transformers 4 or 5
original: depth_anything_v2_vit{s,b,l}.pth, with query, key and value of a block in one matrix
"""

import re
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from secondeye.errors import WeightsError
from secondeye.network.checkpoints import dinov2_from_original, renamed, with_weights

PATCH_PX = 14

SETTINGS: dict[str, dict[str, Any]] = {
    "small": {"hidden": 384, "heads": 6, "layers": 12, "taps": (3, 6, 9, 12), "neck": (48, 96, 192, 384), "fusion": 64},
    "base": {
        "hidden": 768,
        "heads": 12,
        "layers": 12,
        "taps": (3, 6, 9, 12),
        "neck": (96, 192, 384, 768),
        "fusion": 128,
    },
    "large": {
        "hidden": 1024,
        "heads": 16,
        "layers": 24,
        "taps": (5, 12, 18, 24),
        "neck": (256, 512, 1024, 1024),
        "fusion": 256,
    },
    "tiny": {"hidden": 16, "heads": 2, "layers": 4, "taps": (1, 2, 3, 4), "neck": (8, 8, 8, 8), "fusion": 8},
}
"""The depths from which features are tapped: 1-based layers, as in the published config.json files."""

TRANSFORMERS_4 = {
    "attention.attention.query": "attention.q_proj",
    "attention.attention.key": "attention.k_proj",
    "attention.attention.value": "attention.v_proj",
    "attention.output.dense": "attention.o_proj",
}

HEAD = (
    (r"^depth_head\.projects\.(\d)\.", r"neck.reassemble_stage.layers.\1.projection."),
    (r"^depth_head\.resize_layers\.(\d)\.", r"neck.reassemble_stage.layers.\1.resize."),
    (r"\.resConfUnit(\d)\.conv(\d)\.", r".residual_layer\1.convolution\2."),
    (r"\.out_conv\.", ".projection."),
    (r"^depth_head\.scratch\.output_conv1\.", "head.conv1."),
    (r"^depth_head\.scratch\.output_conv2\.0\.", "head.conv2."),
    (r"^depth_head\.scratch\.output_conv2\.2\.", "head.conv3."),
)
"""Names of the original head, rule by rule; the counted-down stages are apart."""

BACKBONE = "pretrained."
"""What the backbone is called in original checkpoints."""


def build_network(size: str) -> Any:
    """The network with whatever weights its constructor gives it, in evaluation mode."""
    from transformers import DepthAnythingConfig, DepthAnythingForDepthEstimation, Dinov2Config

    s = SETTINGS[size]
    backbone = Dinov2Config(
        hidden_size=s["hidden"],
        num_attention_heads=s["heads"],
        num_hidden_layers=s["layers"],
        image_size=518,
        patch_size=PATCH_PX,
        out_indices=list(s["taps"]),
        apply_layernorm=True,
        reshape_hidden_states=False,
    )
    config = DepthAnythingConfig(
        backbone_config=backbone,
        reassemble_hidden_size=s["hidden"],
        neck_hidden_sizes=list(s["neck"]),
        fusion_hidden_size=s["fusion"],
        head_hidden_size=32,
    )
    return DepthAnythingForDepthEstimation(config).eval()


def empty_network(size: str) -> Any:
    """The network without any values, to be given them."""
    with torch.device("meta"):
        return build_network(size)


def tiny_network() -> Any:
    """A network of a few thousand random parameters, the same every time."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = build_network("tiny")
        for name, parameter in network.named_parameters():
            if "lambda" not in name and "norm" not in name:
                torch.nn.init.normal_(parameter, std=0.4)
    return network


def load(source: Path, size: str) -> Any:
    """The network with the weights of a folder in the published layout, or of an original .pth.

    Raises:
        WeightsError: unreadable, or not exactly this network's parameters.
    """
    state = _read(source)
    title, card = f"Depth Anything V2 {size.capitalize()}", f"depth_anything_{size}"
    return with_weights(empty_network(size), state, source, title, card)


def _read(source: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    file = source / "model.safetensors" if source.is_dir() else source
    try:
        if file.suffix == ".pth":
            return from_original(torch.load(file, map_location="cpu", weights_only=True))
        return {_modern(name): value for name, value in load_file(file).items()}
    except (OSError, SafetensorError, RuntimeError, EOFError, ValueError) as error:
        raise WeightsError(f"{file}: no weights could be read from it; delete it and get it again") from error


def _modern(name: str) -> str:
    for old, new in TRANSFORMERS_4.items():
        name = name.replace(old, new)
    return name


def from_original(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The parameters of an original checkpoint under the names of the published layout."""
    head = {_renamed(name): value for name, value in state.items() if not name.startswith(BACKBONE)}
    theirs = {name.removeprefix(BACKBONE): value for name, value in state.items() if name.startswith(BACKBONE)}
    return head | {f"backbone.{name}": value for name, value in dinov2_from_original(theirs).items()}


def _renamed(name: str) -> str:
    if stage := re.match(r"depth_head\.scratch\.layer(\d)_rn\.(.*)", name):
        return f"neck.convs.{int(stage[1]) - 1}.{stage[2]}"
    if stage := re.match(r"depth_head\.scratch\.refinenet(\d)\.(.*)", name):
        # The original counts fusion stages from fine to coarse, the published layout from coarse to fine.
        name = f"neck.fusion_stage.layers.{4 - int(stage[1])}.{stage[2]}"
    return renamed(name, HEAD)
