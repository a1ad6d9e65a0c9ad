"""Depth sequences in files, addressed by frame number: what `--depth file` reads and `secondeye depth` writes.

    ending        written as                                    read
    .mkv          FFV1 grey, 12-bit (8, 10, 16), lossless       any grey video: luma, 8 to 16 bits, its range tag kept
    .mp4          HEVC grey, 10-bit (8, 12), lossless mode      the same
    .npz          float32 (T, h, w), called depth               also other usual names, compressed, integers; .npy
    none          a folder of 16-bit PNG, 000000.png and so on  the same, 8-bit, TIFF, PGM, JPEG; or a single picture
    .exr, .png    one frame: a picture; more: a folder of them  the same, half floats, and a channel called Z

Values are inverse depth, 0 (farthest) to 1 (nearest). Integers are read as fractions of their greatest code. Floats
within 0 to 1 stand as they are; others are brought there by the 0.5th and 99.5th percentile of up to 16 frames spread
over the file, which is one scale for all of it.
"""

import copy
import math
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from secondeye.depth.arrays import ArrayFrames, ArrayWriter
from secondeye.depth.grey_video import GreyVideo, GreyVideoWriter
from secondeye.depth.stills import SUFFIXES, Stills, StillsWriter
from secondeye.errors import ContractError, InputError

SAMPLED_FRAMES = 16
SAMPLED_PERCENT = 0.5, 99.5
ASPECT_TOLERANCE = 0.02
"""Of the width: rounding to a multiple of 8 or 14 px stays within it, another aspect or rotation does not."""


class Frames(Protocol):
    """Samples as a file holds them."""

    frame_count: int
    size: tuple[int, int]
    codes: tuple[float, float] | None

    def read(self, start: int, stop: int) -> Iterator[NDArray[Any]]: ...

    def reopened(self) -> "Frames": ...

    def close(self) -> None: ...


class FrameWriter(Protocol):
    """Takes frames (h, w) of 0 to 1."""

    def write(self, values: NDArray[np.float32]) -> None: ...

    def finish(self) -> None: ...

    def abandon(self) -> None: ...


@dataclass(frozen=True)
class Meaning:
    """What the numbers in a file say.

    Attributes:
        invert: greater is farther. Integers and floats within 0 to 1 are turned round (1 - value), other floats are
            distances and become their reciprocal.
        near: the numbers are distances in any unit, and this one becomes 1; implies `invert`.
        far: the distance that becomes 0; infinity where only `near` is given.

    Raises:
        InputError: `far` without `near`, or the two not 0 < near < far.
    """

    invert: bool = False
    near: float | None = None
    far: float | None = None

    def __post_init__(self) -> None:
        if self.near is None and self.far is None:
            return
        if self.near is None or not 0 < self.near < (math.inf if self.far is None else self.far):
            raise InputError(f"depth range near={self.near}, far={self.far}: wanted is 0 < near < far")


class DepthFile:
    """A depth sequence that is read by frame number; holds no more than the frames asked for.

    Attributes:
        path: where it is.
        frame_count: frames in it.
        size: height and width in px.
    """

    def __init__(self, path: Path, frames: Frames, meaning: Meaning) -> None:
        self.path = path
        self.frame_count, self.size = frames.frame_count, frames.size
        self._frames, self._meaning = frames, meaning
        self._gain, self._offset, self._reciprocal = self._line()

    def read(self, start: int, stop: int) -> Tensor:
        """The frames [start, stop): (T, 1, h, w) float32, 0 to 1, greater = nearer.

        Raises:
            InputError: the file ends before `stop`, or a frame in it cannot be read.
        """
        if not 0 <= start <= stop <= self.frame_count:
            raise InputError(f"{self.path}: has {self.frame_count} depth frames, but frame {stop - 1} is asked for")
        values = np.empty((stop - start, 1, *self.size), np.float32)
        for out, samples in zip(values, self._frames.read(start, stop), strict=True):
            self._to_unit(samples, out[0])
        return torch.from_numpy(values)

    def check(self, frame_count: int | None, size: tuple[int, int]) -> None:
        """Whether the sequence is one of a clip with so many frames of this height and width.

        Raises:
            InputError: it has fewer frames, or another aspect.
        """
        if frame_count is not None and self.frame_count < frame_count:
            raise InputError(f"{self.path}: has {self.frame_count} depth frames, but the video has {frame_count}")
        (h, w), (height, width) = self.size, size
        if abs(w - h * width / height) > max(1.0, w / h) + ASPECT_TOLERANCE * w:
            raise InputError(f"{self.path}: depth of {w}x{h} px does not fit frames of {width}x{height} px")

    def reopened(self) -> "DepthFile":
        """Another reader of the same sequence, at its own place; what was learnt on opening is not learnt again."""
        other = copy.copy(self)
        other._frames = self._frames.reopened()
        return other

    def close(self) -> None:
        """Close the file; `reopened` still works."""
        self._frames.close()

    def _line(self) -> tuple[float, float, bool]:
        """Gain, offset, and whether the reciprocal is taken first: value = gain * (sample or 1 / sample) + offset."""
        meaning, codes = self._meaning, self._frames.codes
        if meaning.near is not None:
            most, least = 1 / meaning.near, 1 / (meaning.far or math.inf)
            return 1 / (most - least), -least / (most - least), True
        if codes is None:
            sample = self._sample()
            metric = bool(sample.size) and (sample[0] < 0 or sample[-1] > 1)
            if metric:
                return self._percentile_line(sample)
        low, high = codes or (0.0, 1.0)
        gain = 1 / (high - low)
        return (-gain, 1 + low * gain, False) if meaning.invert else (gain, -low * gain, False)

    def _percentile_line(self, sample: NDArray[np.float64]) -> tuple[float, float, bool]:
        if self._meaning.invert:
            sample = np.sort(1 / sample[sample > 0])
        if not sample.size:
            return 0.0, 0.0, False
        low, high = (float(sample[round(p / 100 * (sample.size - 1))]) for p in SAMPLED_PERCENT)
        if high <= low:
            return 0.0, 0.5, False
        return 1 / (high - low), -low / (high - low), self._meaning.invert

    def _sample(self) -> NDArray[np.float64]:
        """Finite samples of frames spread over the file, sorted."""
        count = min(SAMPLED_FRAMES, self.frame_count)
        step = max(1, math.isqrt(self.size[0] * self.size[1] // 4096))
        taken = []
        for k in range(count):
            index = (2 * k + 1) * self.frame_count // (2 * count)
            taken += [samples[::step, ::step].ravel() for samples in self._frames.read(index, index + 1)]
        values = np.concatenate(taken).astype(np.float64)
        return np.sort(values[np.isfinite(values)])

    def _to_unit(self, samples: NDArray[Any], out: NDArray[np.float32]) -> None:
        """Fill `out` (h, w) with 0 to 1; a sample that says nothing (NaN, or no distance) is far."""
        if samples.dtype.kind == "u" and not self._reciprocal:
            np.multiply(samples, np.float32(self._gain), out=out)
            if self._offset:
                np.clip(np.add(out, np.float32(self._offset), out=out), 0, 1, out=out)
            return
        values = samples.astype(np.float32)
        if self._reciprocal:
            values = np.divide(1, values, out=np.zeros_like(values), where=values > 0)
        np.clip(np.nan_to_num(values * np.float32(self._gain) + np.float32(self._offset), nan=0.0), 0, 1, out=out)


def open_depth(path: str | Path, meaning: Meaning | None = None) -> DepthFile:
    """Open a depth sequence.

    Args:
        path: a video, .npz or .npy, an EXR or other picture, or a folder of pictures.
        meaning: what its numbers say; by default greater is nearer.

    Raises:
        InputError: missing, empty, unreadable, or no depth.
    """
    place = Path(path)
    if not place.exists():
        raise InputError(f"{place}: no such depth file or folder")
    suffix = place.suffix.lower()
    frames: Frames
    if place.is_dir() or suffix in SUFFIXES:
        frames = Stills(place)
    elif suffix in (".npz", ".npy"):
        frames = ArrayFrames(place)
    else:
        frames = GreyVideo(place)
    return DepthFile(place, frames, meaning or Meaning())


def require_ending(path: Path) -> None:
    """Raise InputError unless depth of that ending is written here."""
    if path.suffix not in (".mkv", ".mp4", ".npz", ".exr", ".png", ""):
        raise _unknown_ending(path.suffix)


class DepthWriter:
    """Writes a depth sequence; its path's ending chooses how (see the module's table).

    A context manager. The result appears under its name when the block ends well, and not at all when it does not.

        with DepthWriter("depth.mkv", size=(270, 480), frame_rate=Fraction(25)) as writer:
            writer.write(inverse_depth)

    Args:
        path: where to.
        size: height and width in px.
        frame_rate: frames a second, for video.
        bit_depth: of video samples; None chooses.
        overwrite: replace what is there.

    Raises:
        InputError: something is there already, or the ending cannot hold such samples.
    """

    def __init__(
        self,
        path: str | Path,
        size: tuple[int, int],
        frame_rate: Fraction = Fraction(25),
        bit_depth: int | None = None,
        overwrite: bool = False,
    ) -> None:
        self.path = Path(path)
        if self.path.exists() and not overwrite:
            raise InputError(f"{self.path}: is there already; choose another name or allow overwriting")
        if not self.path.absolute().parent.is_dir():
            raise InputError(f"{self.path}: there is no folder {self.path.absolute().parent}")
        self._size, self._count = size, 0
        self._partial = self.path.with_name(f".partial-{self.path.stem}{self.path.suffix.lower()}")
        _remove(self._partial)
        self._writer = _writer(self._partial, size, Fraction(frame_rate), bit_depth)

    def write(self, inverse_depth: Tensor) -> None:
        """Append frames.

        Args:
            inverse_depth: (T, 1, h, w) float, 0 to 1; what is beyond is cut off.

        Raises:
            ContractError: another size than promised.
        """
        if tuple(inverse_depth.shape[1:]) != (1, *self._size):
            raise ContractError(
                f"inverse_depth: expected (any, 1, {self._size[0]}, {self._size[1]}), got {tuple(inverse_depth.shape)}"
            )
        for frame in inverse_depth.detach().to("cpu", torch.float32).clamp(0, 1).numpy():
            self._writer.write(frame[0])
            self._count += 1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None or self._count == 0:
            self._writer.abandon()
            _remove(self._partial)
            if kind is None:
                raise InputError(f"{self.path}: there was no depth frame to write")
            return
        self._writer.finish()
        whole = self._partial
        if self.path.suffix and self._partial.is_dir() and self._count == 1:
            whole = self._partial / f"000000{self._partial.suffix}"
        if self.path.is_dir() or whole.is_dir():
            _remove(self.path)
        os.replace(whole, self.path)
        _remove(self._partial)


def _writer(partial: Path, size: tuple[int, int], frame_rate: Fraction, bit_depth: int | None) -> FrameWriter:
    suffix = partial.suffix
    if suffix in (".mkv", ".mp4"):
        return GreyVideoWriter(partial, size, frame_rate, bit_depth)
    if suffix == ".npz":
        return ArrayWriter(partial, size)
    if suffix == ".exr":
        return StillsWriter(partial, ".exr")
    if suffix in (".png", ""):
        return StillsWriter(partial, ".png")
    raise _unknown_ending(suffix)


def _unknown_ending(suffix: str) -> InputError:
    return InputError(f"depth cannot be written as {suffix}; choose .mkv, .mp4, .npz, .exr or a folder for PNGs")


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
