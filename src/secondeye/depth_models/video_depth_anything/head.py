"""The head of Video Depth Anything: a dense-prediction transformer's, with attention over time at four places.

    features of 4 layers -> project -> resize to 4, 2, 1, 1/2 of the patch grid
                              |        |        |         |
                              |        |     over time  over time
                              v        v        v         v
    depth <- convolve <- fuse 1 <- fuse 2 <- fuse 3 <-- fuse 4
                                      over time --^   ^-- over time

Modules are named as in the published checkpoints, so that those load as they are.

Source: Chen et al., "Video Depth Anything" (2025), section 3.2; DPTHeadTemporal of the released dpt_temporal.py.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

PATCH_PX = 14
HEADS = 8
ATTENTIONS = 2
"""Attention blocks of one temporal module, one after the other."""

GROUPS = 32
MICRO_BATCH = 4
"""Frames that the large last stages handle at a time, which bounds memory and changes nothing."""

History = list[Tensor]
"""What the attention blocks of all modules saw of earlier frames: each (positions, T, C), before its time code."""


class Decoded(NamedTuple):
    """Depth (B * T, 1, H, W), and what a later call may attend to."""

    depth: Tensor
    history: History


class Motion(nn.Module):
    """Attention of each position to itself in the other frames of the window."""

    def __init__(self, channels: int, frames: int) -> None:
        super().__init__()
        self.temporal_transformer = _Transformer(channels, frames)

    def forward(self, x: Tensor, frames: int, history: History | None) -> tuple[Tensor, History]:
        """(B * T, C, h, w) in and out."""
        return self.temporal_transformer(x, frames, history)  # type: ignore[no-any-return]


class _Transformer(nn.Module):
    def __init__(self, channels: int, frames: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(GROUPS, channels, eps=1e-6)
        self.proj_in = nn.Linear(channels, channels)
        self.transformer_blocks = nn.ModuleList([_Block(channels, frames)])
        self.proj_out = nn.Linear(channels, channels)

    def forward(self, x: Tensor, frames: int, history: History | None) -> tuple[Tensor, History]:
        n, c, h, w = x.shape
        tokens = self.proj_in(self.norm(x).permute(0, 2, 3, 1).reshape(n, h * w, c))
        tokens, seen = self.transformer_blocks[0](tokens, frames, history)
        return x + self.proj_out(tokens).reshape(n, h, w, c).permute(0, 3, 1, 2), seen


class _Block(nn.Module):
    def __init__(self, channels: int, frames: int) -> None:
        super().__init__()
        self.attention_blocks = nn.ModuleList(_Attention(channels, frames) for _ in range(ATTENTIONS))
        self.norms = nn.ModuleList(nn.LayerNorm(channels) for _ in range(ATTENTIONS))
        self.ff = _FeedForward(channels)
        self.ff_norm = nn.LayerNorm(channels)

    def forward(self, x: Tensor, frames: int, history: History | None) -> tuple[Tensor, History]:
        seen = []
        for i, (attention, norm) in enumerate(zip(self.attention_blocks, self.norms, strict=True)):
            added, own = attention(norm(x), frames, history[i] if history else None)
            x = x + added
            seen.append(own)
        return x + self.ff(self.ff_norm(x)), seen


class _Attention(nn.Module):
    """Attention over time; earlier frames, where given, are attended to and give no output of their own."""

    def __init__(self, channels: int, frames: int) -> None:
        super().__init__()
        self.to_q, self.to_k, self.to_v = (nn.Linear(channels, channels, bias=False) for _ in range(3))
        self.to_out = nn.ModuleList([nn.Linear(channels, channels)])
        self.pos_encoder = _TimeCode(channels, frames)

    def forward(self, x: Tensor, frames: int, earlier: Tensor | None) -> tuple[Tensor, Tensor]:
        n, positions, c = x.shape
        own = x.reshape(-1, frames, positions, c).transpose(1, 2).reshape(-1, frames, c)  # (B * positions, T, C)
        every = self.pos_encoder(own if earlier is None else torch.cat([earlier, own], dim=1))
        queries = every[:, every.shape[1] - frames :]
        q, k, v = (
            part.unflatten(-1, (HEADS, -1)).transpose(1, 2)
            for part in (self.to_q(queries), self.to_k(every), self.to_v(every))
        )
        mixed = functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
        out = self.to_out[0](mixed).reshape(-1, positions, frames, c).transpose(1, 2).reshape(n, positions, c)
        return out, own


class _TimeCode(nn.Module):
    """Adds a sinusoid of the frame's place in the window; kept in checkpoints."""

    pe: Tensor

    def __init__(self, channels: int, frames: int) -> None:
        super().__init__()
        place = torch.arange(frames, dtype=torch.float32)[:, None]
        rate = torch.exp(torch.arange(0, channels, 2) * (-torch.log(torch.tensor(10000.0)) / channels))
        code = torch.stack([torch.sin(place * rate), torch.cos(place * rate)], dim=-1).flatten(1)
        self.register_buffer("pe", code[None])

    def forward(self, x: Tensor) -> Tensor:
        return x + self.pe[:, : x.shape[1]]


class _FeedForward(nn.Module):
    """Linear, gated by GELU, linear."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.net = nn.ModuleList([_Gated(channels, 4 * channels), nn.Identity(), nn.Linear(4 * channels, channels)])

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.net[2](self.net[0](x))
        return out


class _Gated(nn.Module):
    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.proj = nn.Linear(channels, 2 * out)

    def forward(self, x: Tensor) -> Tensor:
        value, gate = self.proj(x).chunk(2, dim=-1)
        out: Tensor = value * functional.gelu(gate)
        return out


class _Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv2(functional.relu(self.conv1(functional.relu(x))))  # type: ignore[no-any-return]


class _Fusion(nn.Module):
    """Adds a finer layer to what came from the coarser ones, and enlarges; the coarsest has nothing to add."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.out_conv = nn.Conv2d(channels, channels, 1)
        self.resConfUnit1 = _Residual(channels)
        self.resConfUnit2 = _Residual(channels)

    def forward(self, coarse: Tensor, fine: Tensor | None, size: tuple[int, int]) -> Tensor:
        if fine is not None:
            coarse = coarse + self.resConfUnit1(fine)
        large = functional.interpolate(self.resConfUnit2(coarse), size, mode="bilinear", align_corners=True)
        return self.out_conv(large)  # type: ignore[no-any-return]


class TemporalHead(nn.Module):
    """From the tokens of four layers to depth.

    Args:
        embedding: width of the tokens.
        widths: channels of the four layers once projected.
        features: channels while they are fused.
        frames: most frames of a window.
    """

    def __init__(self, embedding: int, widths: Sequence[int], features: int, frames: int) -> None:
        super().__init__()
        self.projects = nn.ModuleList(nn.Conv2d(embedding, width, 1) for width in widths)
        self.resize_layers = nn.ModuleList(
            [
                nn.ConvTranspose2d(widths[0], widths[0], 4, stride=4),
                nn.ConvTranspose2d(widths[1], widths[1], 2, stride=2),
                nn.Identity(),
                nn.Conv2d(widths[3], widths[3], 3, stride=2, padding=1),
            ]
        )
        parts: dict[str, nn.Module] = {}
        for i, width in enumerate(widths, 1):
            parts[f"layer{i}_rn"] = nn.Conv2d(width, features, 3, padding=1, bias=False)
            parts[f"refinenet{i}"] = _Fusion(features)
        parts["output_conv1"] = nn.Conv2d(features, features // 2, 3, padding=1)
        parts["output_conv2"] = nn.Sequential(
            nn.Conv2d(features // 2, 32, 3, padding=1), nn.ReLU(), nn.Conv2d(32, 1, 1), nn.ReLU()
        )
        self.scratch = nn.ModuleDict(parts)
        channels = (widths[2], widths[3], features, features)
        self.motion_modules = nn.ModuleList(Motion(c, frames) for c in channels)

    def forward(
        self, tokens: Sequence[Tensor], grid: tuple[int, int], frames: int, history: History | None = None
    ) -> Decoded:
        """Depth of B windows of T frames.

        Args:
            tokens: of four layers, each (B * T, rows * columns, embedding), without the class token.
            grid: rows and columns of patches.
            frames: T.
            history: of earlier frames; T is then 1.
        """
        layers = [
            resize(project(x.transpose(1, 2).reshape(len(x), -1, *grid)))
            for x, project, resize in zip(tokens, self.projects, self.resize_layers, strict=True)
        ]
        seen: History = []
        layers[2] = self._over_time(0, layers[2], frames, history, seen)
        layers[3] = self._over_time(1, layers[3], frames, history, seen)
        fine = [self.scratch[f"layer{i}_rn"](layer) for i, layer in enumerate(layers, 1)]
        path = self.scratch["refinenet4"](fine[3], None, fine[2].shape[2:])
        path = self._over_time(2, path, frames, history, seen)
        path = self.scratch["refinenet3"](path, fine[2], fine[1].shape[2:])
        path = self._over_time(3, path, frames, history, seen)
        groups = zip(*(torch.split(x, MICRO_BATCH) for x in (path, fine[1], fine[0])), strict=True)
        return Decoded(torch.cat([self._finish(a, b, c, grid) for a, b, c in groups]), seen)

    def _over_time(self, module: int, x: Tensor, frames: int, history: History | None, seen: History) -> Tensor:
        """One temporal module; its own history follows those of the modules before it."""
        own = None if history is None else history[module * ATTENTIONS : (module + 1) * ATTENTIONS]
        x, new = self.motion_modules[module](x, frames, own)
        seen.extend(new)
        return x

    def _finish(self, path: Tensor, fine2: Tensor, fine1: Tensor, grid: tuple[int, int]) -> Tensor:
        path = self.scratch["refinenet2"](path, fine2, fine1.shape[2:])
        path = self.scratch["refinenet1"](path, fine1, (2 * fine1.shape[2], 2 * fine1.shape[3]))
        size = (grid[0] * PATCH_PX, grid[1] * PATCH_PX)
        out = functional.interpolate(self.scratch["output_conv1"](path), size, mode="bilinear", align_corners=True)
        with torch.autocast(out.device.type, enabled=False):  # half precision would give depth in steps
            depth: Tensor = self.scratch["output_conv2"](out.float())
        return depth
