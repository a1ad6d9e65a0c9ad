"""What several datasets share: pairs of pictures, in order, as stereo videos."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from secondeye.datasets import StereoFrame, StereoVideo
from secondeye.errors import InputError
from secondeye.video.images import read_picture
from secondeye.video.probe import probe

Disparity = NDArray[np.float32]


@dataclass(frozen=True)
class Truth:
    """What is known about one pair of pictures, (H, W) each: disparity in px, NaN where unknown, and holes."""

    disparity: Disparity | None = None
    hole: NDArray[np.bool_] | None = None


NOTHING = Truth()


@dataclass(frozen=True)
class PicturePair:
    """Two pictures, and what finds out what is known about them."""

    left: Path
    right: Path
    truth: Callable[[], Truth] = lambda: NOTHING


def existing_folder(folder: Path, dataset: str) -> Path:
    """The folder, if it is one.

    Raises:
        InputError: it is not.
    """
    if not folder.is_dir():
        kind = "is a file" if folder.exists() else "does not exist"
        raise InputError(f"{folder} {kind}; dataset {dataset} reads a folder")
    return folder


def picture(path: Path) -> Tensor:
    """(3, H, W) float32, 0 to 1; grey pictures have three equal channels.

    Raises:
        InputError: it cannot be read.
    """
    if not path.is_file():
        raise InputError(f"no such file: {path}")
    pixels = read_picture(path)
    top = np.float32(np.iinfo(pixels.dtype).max)
    return torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)).astype(np.float32) / top)


def pictures_as_video(
    name: str,
    pairs: Sequence[PicturePair],
    *,
    frame_rate: Fraction | None = None,
    text: str | None = None,
    has_disparity: bool = False,
    has_hole: bool = False,
) -> StereoVideo:
    """Pairs of pictures as the frames of a video; the first pair's headers are looked at.

    Raises:
        InputError: there are none, or the first two cannot be read or differ in size.
    """
    if not pairs:
        raise InputError("no pair of pictures in it")
    size = same_size(pairs[0].left, pairs[0].right)
    return StereoVideo(name, size, len(pairs), frame_rate, text, has_disparity, has_hole, lambda: _frames(pairs, size))


def same_size(left: Path, right: Path) -> tuple[int, int]:
    """Width and height that two pictures or videos have in common, as their headers say.

    Raises:
        InputError: they differ, or one cannot be read.
    """
    sizes = [(video.width, video.height) for video in (probe(path).video for path in (left, right))]
    if sizes[0] != sizes[1]:
        (w, h), (wide, high) = sizes
        raise InputError(f"views of different size: {left.name} is {w}x{h} px, {right.name} {wide}x{high}")
    return sizes[0]


def _frames(pairs: Sequence[PicturePair], size: tuple[int, int]) -> Iterator[StereoFrame]:
    for pair in pairs:
        left, right = picture(pair.left), picture(pair.right)
        if left.shape[1:] != (size[1], size[0]):
            raise InputError(f"{pair.left}: {left.shape[2]}x{left.shape[1]} px, but the first is {size[0]}x{size[1]}")
        truth = pair.truth()
        yield StereoFrame(
            left,
            right,
            None if truth.disparity is None else torch.from_numpy(truth.disparity),
            None if truth.hole is None else torch.from_numpy(truth.hole),
        )
