"""Depth as pictures: one file a frame, 8- or 16-bit integer or float, in a folder that counts them."""

import itertools
import re
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from secondeye.errors import InputError

SUFFIXES = (".png", ".exr", ".tif", ".tiff", ".jpg", ".jpeg", ".pgm")


class Stills:
    """The pictures of a folder in the order of their numbers, or a single picture.

    Attributes:
        frame_count: pictures.
        size: height and width in px of each.
        codes: the codes that mean 0 and 1; None where the samples are floats.

    Raises:
        InputError: nothing to read, several kinds of file, a number left out, or a picture that is not grey.
    """

    def __init__(self, path: Path) -> None:
        self._files = _ordered(path) if path.is_dir() else [path]
        first = read_still(self._files[0])
        self.frame_count = len(self._files)
        self.size: tuple[int, int] = (first.shape[0], first.shape[1])
        self._dtype = first.dtype
        self.codes = (0.0, float(np.iinfo(first.dtype).max)) if first.dtype.kind == "u" else None

    def read(self, start: int, stop: int) -> Iterator[NDArray[Any]]:
        """The samples (h, w) of frames [start, stop) in order."""
        for file in self._files[start:stop]:
            values = read_still(file)
            if values.shape != self.size or values.dtype != self._dtype:
                raise InputError(
                    f"{file}: {_kind(values)}, but {self._files[0].name} is {self.size[1]}x{self.size[0]} {self._dtype}"
                )
            yield values

    def reopened(self) -> "Stills":
        """Itself: reading leaves no trace."""
        return self

    def close(self) -> None:
        """Nothing is held open."""


class StillsWriter:
    """Writes 0 to 1 as pictures 000000 and so on into a folder: 16-bit PNG, or EXR of 32-bit floats (ZIP)."""

    def __init__(self, folder: Path, suffix: str) -> None:
        folder.mkdir(parents=True)
        self._folder, self._suffix, self.frame_count = folder, suffix, 0

    def write(self, values: NDArray[np.float32]) -> None:
        """Append a frame (h, w) of 0 to 1."""
        file = self._folder / f"{self.frame_count:06d}{self._suffix}"
        file.write_bytes(_png(values) if self._suffix == ".png" else _exr(values))
        self.frame_count += 1

    def finish(self) -> None:
        """Every picture is whole already."""

    def abandon(self) -> None:
        """Nothing is held open."""


def read_still(file: Path) -> NDArray[Any]:
    """The samples (h, w) of one grey picture: uint8, uint16 or float.

    Raises:
        InputError: unreadable, or in colour.
    """
    try:
        values = _decode_exr(file) if file.suffix.lower() == ".exr" else _decode(file)
    except (OSError, cv2.error, av.FFmpegError) as error:
        raise InputError(f"{file}: no depth could be read from it") from error
    if values.ndim == 3:
        if values.shape[2] >= 3 and not (values[..., 0] == values[..., 1]).all():
            raise InputError(f"{file}: is in colour; a depth map is grey, the brighter the nearer")
        values = values[..., 0]
    if values.dtype.kind not in "uf":
        raise InputError(f"{file}: its samples are {values.dtype}; save it as 8- or 16-bit integers or as floats")
    return values


def _decode(file: Path) -> NDArray[Any]:
    values = cv2.imdecode(np.fromfile(file, np.uint8), cv2.IMREAD_UNCHANGED) if file.stat().st_size else None
    if values is None:
        raise OSError(f"{file} is no picture")
    return np.asarray(values)


def _decode_exr(file: Path) -> NDArray[Any]:
    """One channel of an EXR. FFmpeg knows luma as Y; a lone depth channel called Z is handed to it as that."""
    data = file.read_bytes().replace(b"\x13\x00\x00\x00Z\x00", b"\x13\x00\x00\x00Y\x00", 1)
    decoder: Any = av.CodecContext.create("exr", "r")
    frames = [*decoder.decode(av.Packet(data)), *decoder.decode(None)]
    if not frames:
        raise OSError(f"{file} holds no picture")
    frame = frames[0]
    dtype = np.float16 if "f16" in frame.format.name else np.float32
    planes = [
        np.frombuffer(plane, dtype).reshape(-1, plane.line_size // np.dtype(dtype).itemsize) for plane in frame.planes
    ]
    return np.stack([plane[: frame.height, : frame.width] for plane in planes[:3]], axis=-1)


def _ordered(folder: Path) -> list[Path]:
    """A folder's pictures in the order of the last number in their names."""
    files = [file for file in folder.iterdir() if file.suffix.lower() in SUFFIXES and not file.name.startswith(".")]
    if not files:
        raise InputError(f"{folder}: holds no depth maps; wanted are {', '.join(SUFFIXES)}")
    kinds = sorted({file.suffix.lower() for file in files})
    if len(kinds) > 1:
        raise InputError(f"{folder}: holds {' and '.join(kinds)}; keep one kind of depth map in it")
    numbers = {file: _number(file) for file in files}
    counts = sorted(number for number in numbers.values() if number is not None)
    if len(set(counts)) < len(files):
        return sorted(files, key=lambda file: file.name)
    for number, following in itertools.pairwise(counts):
        if following != number + 1:
            raise InputError(f"{folder}: the depth map number {number + 1} is missing")
    return sorted(files, key=lambda file: numbers[file] or 0)


def _number(file: Path) -> int | None:
    digits = re.findall(r"\d+", file.stem)
    return int(digits[-1]) if digits else None


def _kind(values: NDArray[Any]) -> str:
    return f"{values.shape[1]}x{values.shape[0]} {values.dtype}"


def _png(values: NDArray[np.float32]) -> bytes:
    codes = np.rint(np.clip(values, 0, 1) * np.float32(65535)).astype(np.uint16)
    # Level 1: a third of the time of the usual 6, and a few per cent larger.
    return cv2.imencode(".png", codes, [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].tobytes()


def _exr(values: NDArray[np.float32]) -> bytes:
    encoder: Any = av.CodecContext.create("exr", "w")
    encoder.height, encoder.width = values.shape
    encoder.pix_fmt, encoder.time_base = "grayf32le", Fraction(1, 25)
    encoder.options = {"compression": "zip16"}
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(values), format="grayf32le")
    return b"".join(bytes(packet) for packet in [*encoder.encode(frame), *encoder.encode(None)])
