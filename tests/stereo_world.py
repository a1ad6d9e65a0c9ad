"""A small stereo world that tests of metrics look at: a slanted wall, a card before it that moves, a panning camera."""

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from secondeye.metrics import Pair

F64 = NDArray[np.float64]

CARD_PX = 18.0
"""Disparity of the card; the wall goes from 3 px at its left end to 9 px."""


def texture(height: int, width: int, seed: int) -> F64:
    """(H, W, 3) in 0 to 1 with detail at every scale."""
    rng = np.random.default_rng(seed)
    total = np.zeros((height, width, 3))
    for octave in range(6):
        coarse = rng.random((max(height >> octave, 2), max(width >> octave, 2), 3))
        total += 0.6 ** (5 - octave) * cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray(np.clip((total - total.min()) / (total.max() - total.min()), 0.02, 0.98))


def views(t: int = 0, height: int = 200, width: int = 280, seed: int = 0) -> tuple[F64, F64, NDArray[np.bool_]]:
    """Left and right view (H, W, 3) of moment t, and what of the right view the left camera does not see."""
    wall, card = texture(height + 40, width + 200, seed), texture(height, width, seed + 1)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    slant = 3 + 6 * x / width
    hole = np.zeros((height, width), bool)
    pictures = []
    for eye in (0, 1):
        u, v = x + 60 + 3 * t + eye * slant, y + 20
        picture = cv2.remap(wall, u, v, cv2.INTER_CUBIC)
        left = width // 3 + 2 * t - eye * round(CARD_PX)
        rows, columns = slice(height // 4, 3 * height // 4), slice(left, left + width // 4)
        picture[rows, columns] = card[rows, : width // 4]
        pictures.append(np.clip(picture, 0, 1))
        if eye:  # behind the card's right edge, and what came in at the right border
            hole[rows, columns.stop : columns.stop + round(CARD_PX - 6)] = True
            hole[:, width - 9 :] = True
    return pictures[0], pictures[1], hole


def to_tensor(picture: F64) -> Tensor:
    """(H, W, 3) to (3, H, W) of 8-bit values."""
    return torch.from_numpy(np.rint(np.clip(picture, 0, 1) * 255)).permute(2, 0, 1).float() / 255


def clip(frame_count: int = 1, height: int = 200, width: int = 280, seed: int = 0) -> list[Pair]:
    """The world as it is: the right view is the truth."""
    pairs = []
    for t in range(frame_count):
        left, right, hole = views(t, height, width, seed)
        truth = to_tensor(right)
        pairs.append(Pair(truth, to_tensor(left), truth, torch.from_numpy(hole), text="a card before a wall", index=t))
    return pairs


def judged(pair: Pair, right: Tensor, left: Tensor | None = None) -> Pair:
    """The same moment with another right view to judge."""
    return Pair(
        right, pair.left if left is None else left, pair.truth, pair.hole, pair.disparity, pair.text, pair.index
    )


def noisy(pair: Pair, sigma: float = 0.05, seed: int = 0) -> Pair:
    """The truth with noise, more of it in the hole."""
    generator = torch.Generator().manual_seed(seed + pair.index)
    assert pair.truth is not None
    noise = torch.randn(pair.truth.shape, generator=generator) * sigma
    if pair.hole is not None:
        noise = torch.where(pair.hole, 2 * noise, noise)
    return judged(pair, (pair.truth + noise).clamp(0, 1))
