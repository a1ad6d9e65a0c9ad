"""The network of Video Depth Anything: DINOv2's blocks from transformers under a head of its own, and its checkpoints.

Published: video_depth_anything_vit{s,l}.pth, with query, key and value of a block in one matrix. The backbone is mapped
onto transformers' names; the head has the published names itself.
"""

import pickle
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from secondeye.depth_models.video_depth_anything.head import MICRO_BATCH, PATCH_PX, Decoded, History, TemporalHead
from secondeye.errors import WeightsError

WINDOW = 32
"""Frames that the temporal attention was trained on (INFER_LEN of the released video_depth.py)."""

TRAINED_GRID = 37
"""Patches a side of the position code: 518 px."""

GRID_OFFSET = 0.1
"""DINOv2 enlarges its position code by (patches + 0.1) / 37, and not to an exact size; vits/vitl of the release do."""


@dataclass(frozen=True)
class Size:
    """What tells one size of the network from another; `layers` are 0-based, and tapped after their block."""

    embedding: int
    depth: int
    heads: int
    layers: tuple[int, int, int, int]
    widths: tuple[int, int, int, int]
    features: int
    mlp_ratio: int = 4


SIZES = {
    "small": Size(384, 12, 6, (2, 5, 8, 11), (48, 96, 192, 384), 64),
    "large": Size(1024, 24, 16, (4, 11, 17, 23), (256, 512, 1024, 1024), 256),
    "tiny": Size(32, 4, 2, (0, 1, 2, 3), (8, 8, 32, 32), 32, 2),
}

BACKBONE = (
    (r"^pos_embed$", "embeddings.position_embeddings"),
    (r"^(cls_token|mask_token)$", r"embeddings.\1"),
    (r"^patch_embed\.proj\.", "embeddings.patch_embeddings.projection."),
    (r"^norm\.", "layernorm."),
    (r"^blocks\.", "encoder.layer."),
    (r"\.attn\.proj\.", ".attention.o_proj."),
    (r"\.ls(\d)\.gamma$", r".layer_scale\1.lambda1"),
)
"""Names of the published backbone, rule by rule; fused q, k, v are apart."""


class VideoDepthNetwork(nn.Module):
    """Inverse depth of windows of frames."""

    def __init__(self, size: Size) -> None:
        super().__init__()
        from transformers import Dinov2Config, Dinov2Model

        config = Dinov2Config(
            hidden_size=size.embedding,
            num_attention_heads=size.heads,
            num_hidden_layers=size.depth,
            mlp_ratio=size.mlp_ratio,
            image_size=TRAINED_GRID * PATCH_PX,
            patch_size=PATCH_PX,
        )
        self.pretrained = Dinov2Model(config)
        self.head = TemporalHead(size.embedding, size.widths, size.features, WINDOW)
        self._layers = size.layers

    def forward(self, frames: Tensor, history: History | None = None) -> Decoded:
        """Depth of B windows.

        Args:
            frames: (B, T, 3, H, W), normalised; H and W divide by 14. T is at most WINDOW, and 1 with a history.
            history: what earlier calls with T = 1 gave, put together in time.

        Returns:
            Inverse depth (B, T, H, W), at least 0, in units of its own; and this call's history.
        """
        b, t, _, h, w = frames.shape
        grid = (h // PATCH_PX, w // PATCH_PX)
        groups = [self.tokens(group) for group in torch.split(frames.flatten(0, 1), MICRO_BATCH)]
        tokens = [torch.cat(layer) for layer in zip(*groups, strict=True)]
        found = self.head(tokens, grid, t, history)
        return Decoded(functional.relu(found.depth)[:, 0].reshape(b, t, h, w), found.history)

    def tokens(self, frames: Tensor) -> list[Tensor]:
        """Of (N, 3, H, W): the patch tokens (N, rows * columns, C) of the four layers, each normalised."""
        model = self.pretrained
        x = model.embeddings.patch_embeddings(frames)
        x = torch.cat([model.embeddings.cls_token.expand(len(x), -1, -1), x], dim=1)
        x = x + self.position_code(frames.shape[2] // PATCH_PX, frames.shape[3] // PATCH_PX)
        taken = []
        for number, layer in enumerate(model.encoder.layer):
            x = layer(x)
            if number in self._layers:
                taken.append(model.layernorm(x)[:, 1:])
        return taken

    def position_code(self, rows: int, columns: int) -> Tensor:
        """(1, 1 + rows * columns, C), enlarged as the release does."""
        code = self.pretrained.embeddings.position_embeddings
        if rows == columns == TRAINED_GRID:
            return code  # type: ignore[no-any-return]
        square = code[:, 1:].reshape(1, TRAINED_GRID, TRAINED_GRID, -1).permute(0, 3, 1, 2)
        factors = ((rows + GRID_OFFSET) / TRAINED_GRID, (columns + GRID_OFFSET) / TRAINED_GRID)
        resized = functional.interpolate(square, scale_factor=factors, mode="bicubic")
        return torch.cat([code[:, :1], resized.flatten(2).transpose(1, 2)], dim=1)


def build_network(size: Size) -> VideoDepthNetwork:
    """The network with whatever weights its constructor gives it, in evaluation mode."""
    return VideoDepthNetwork(size).eval()


def empty_network(size: Size) -> VideoDepthNetwork:
    """The network without any values, to be given them."""
    with torch.device("meta"):
        return build_network(size)


def tiny_network() -> VideoDepthNetwork:
    """A network of few random parameters, the same every time."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = build_network(SIZES["tiny"])
        for name, parameter in network.named_parameters():
            if parameter.ndim > 1:
                torch.nn.init.normal_(parameter, std=0.3 if "head" in name else 0.2)
    return network


def load(source: Path, size: str) -> VideoDepthNetwork:
    """The network with the weights of a published .pth, or of a folder that holds one.

    Raises:
        WeightsError: unreadable, or not exactly this network's parameters.
    """
    file = next(iter(sorted(source.glob("*.pth"))), source) if source.is_dir() else source
    try:
        state = from_published(torch.load(file, map_location="cpu", weights_only=True))
    except (OSError, RuntimeError, EOFError, ValueError, AttributeError, pickle.UnpicklingError) as error:
        raise WeightsError(f"{file}: no weights could be read from it; delete it and get it again") from error
    network = empty_network(SIZES[size])
    want = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    got = {name: tuple(value.shape) for name, value in state.items()}
    if want != got:
        wrong = sorted(set(want.items()) ^ set(got.items()))
        raise WeightsError(
            f"{file}: does not fit Video Depth Anything {size.capitalize()}: {len(wrong)} differences, the first at"
            f" '{wrong[0][0]}' {list(wrong[0][1])}; get it with: secondeye weights get video_depth_anything_{size}"
        )
    network.load_state_dict({name: value.float() for name, value in state.items()}, strict=True, assign=True)
    return network


def from_published(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The parameters of a published checkpoint under this network's names."""
    result: dict[str, Any] = {}
    for name, value in state.items():
        if not name.startswith("pretrained."):
            result[name] = value
        elif ".attn.qkv." in name:
            for part, rows in zip("qkv", value.chunk(3), strict=True):
                result[_renamed(name.replace(".attn.qkv.", f".attention.{part}_proj."))] = rows.clone()
        else:
            result[_renamed(name)] = value
    return result


def _renamed(name: str) -> str:
    name = name.removeprefix("pretrained.")
    for pattern, replacement in BACKBONE:
        name = re.sub(pattern, replacement, name)
    return f"pretrained.{name}"
