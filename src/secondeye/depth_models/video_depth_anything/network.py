"""The network of Video Depth Anything: DINOv2's blocks from transformers under a head of its own, and its checkpoints.

Published: video_depth_anything_vit{s,l}.pth, with query, key and value of a block in one matrix. The backbone is mapped
onto transformers' names; the head has the published names itself.
"""

import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from secondeye.depth_models.video_depth_anything.head import MICRO_BATCH, PATCH_PX, Decoded, History, TemporalHead
from secondeye.errors import WeightsError
from secondeye.network.checkpoints import dinov2_from_original, with_weights

WINDOW = 32
"""Frames that the temporal attention was trained on (INFER_LEN of the released video_depth.py)."""

TRAINED_GRID = 37
"""Patches a side of the position code: 518 px."""

GRID_OFFSET = 0.1
"""DINOv2 enlarges its position code by (patches + 0.1) / 37, and not to an exact size; vits/vitl of the release do."""


BACKBONE = "pretrained."
"""What the backbone is called in the network and in its checkpoints."""


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
    title, card = f"Video Depth Anything {size.capitalize()}", f"video_depth_anything_{size}"
    network: VideoDepthNetwork = with_weights(empty_network(SIZES[size]), state, file, title, card)
    return network


def from_published(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The parameters of a published checkpoint under this network's names."""
    own = {name: value for name, value in state.items() if not name.startswith(BACKBONE)}
    theirs = {name.removeprefix(BACKBONE): value for name, value in state.items() if name.startswith(BACKBONE)}
    return own | {f"{BACKBONE}{name}": value for name, value in dinov2_from_original(theirs).items()}
