"""Depth as one NumPy array, frames first, in .npz or .npy, read without holding it in memory."""

import shutil
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from secondeye.errors import InputError

KEYS = ("depth", "depths", "inverse_depth", "disparity", "disparities", "arr_0")
"""What others call the array, first found first taken; a lone array may have any name."""

WRITTEN_KEY = "depth"
"""The name that DepthCrafter's and StereoCrafter's tools give it, with the same meaning: 1 is near."""


class ArrayFrames:
    """The frames of an array (T, h, w), (T, 1, h, w), (T, h, w, 1) or (h, w) in a file.

    What is stored plainly is mapped into memory page by page; what is compressed is unpacked frame by frame.

    Attributes:
        frame_count: T.
        size: height and width in px.
        codes: the codes that mean 0 and 1; None for floats.

    Raises:
        InputError: unreadable, or no array of such a shape in it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._array, self._stream = _open(path)
        except (OSError, ValueError, EOFError, zipfile.BadZipFile, KeyError, struct.error) as error:
            raise InputError(f"{path}: no depth array could be read from it") from error
        shape = _frames_first(path, self._array.shape if self._stream is None else self._stream.shape)
        dtype = self._array.dtype if self._stream is None else self._stream.dtype
        if dtype.kind not in "uf":
            raise InputError(f"{path}: its values are {dtype}; wanted are floats or unsigned integers")
        self.frame_count, self.size = shape[0], shape[1:]
        self.codes = (0.0, float(np.iinfo(dtype).max)) if dtype.kind == "u" else None
        if self._stream is None:
            self._array = self._array.reshape(shape)

    def read(self, start: int, stop: int) -> Iterator[NDArray[Any]]:
        """The values (h, w) of frames [start, stop) in order."""
        for index in range(start, stop):
            yield self._array[index] if self._stream is None else self._stream.frame(index, self.size)

    def reopened(self) -> "ArrayFrames":
        """Another reader at its own place."""
        return ArrayFrames(self._path)

    def close(self) -> None:
        """Let go of the file."""
        if self._stream is not None:
            self._stream.close()
        self._array = np.empty((0, *self.size), np.float32)


class _Stream:
    """An array inside a compressed archive, unpacked only as far as it is asked for."""

    def __init__(self, archive: zipfile.ZipFile, file: IO[bytes], shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self.shape, self.dtype = shape, dtype
        self._archive, self._file, self._start = archive, file, file.tell()

    def close(self) -> None:
        self._file.close()
        self._archive.close()

    def frame(self, index: int, size: tuple[int, int]) -> NDArray[Any]:
        count = size[0] * size[1]
        self._file.seek(self._start + index * count * self.dtype.itemsize)
        data = self._file.read(count * self.dtype.itemsize)
        if len(data) < count * self.dtype.itemsize:
            raise InputError(f"the depth array ends within frame {index}")
        return np.frombuffer(data, self.dtype).reshape(size)


class ArrayWriter:
    """Writes 0 to 1 as an uncompressed .npz with one float32 array (T, h, w) called depth.

    Frames go to the disk as they come; the header, which needs their count, is put in at the end.
    """

    def __init__(self, path: Path, size: tuple[int, int]) -> None:
        self._path, self._size, self._count = path, size, 0
        self._raw = path.with_name(path.name + ".frames")
        self._file = self._raw.open("wb")

    def write(self, values: NDArray[np.float32]) -> None:
        """Append a frame (h, w)."""
        self._file.write(np.ascontiguousarray(values, "<f4").tobytes())
        self._count += 1

    def finish(self) -> None:
        """Pack the frames, with their header, into the archive."""
        self._file.close()
        header = {"descr": "<f4", "fortran_order": False, "shape": (self._count, *self._size)}
        with (
            zipfile.ZipFile(self._path, "w", zipfile.ZIP_STORED) as archive,
            archive.open(f"{WRITTEN_KEY}.npy", "w", force_zip64=True) as member,
            self._raw.open("rb") as raw,
        ):
            np.lib.format.write_array_header_2_0(member, header)
            shutil.copyfileobj(raw, member, 1 << 24)
        self._raw.unlink()

    def abandon(self) -> None:
        """Take back what was written beside the archive."""
        self._file.close()
        self._raw.unlink(missing_ok=True)


def _open(path: Path) -> tuple[NDArray[Any], _Stream | None]:
    """The array mapped into memory, or else the stream that it is unpacked from."""
    if path.suffix.lower() == ".npy":
        return np.load(path, mmap_mode="r"), None
    archive = zipfile.ZipFile(path)
    member = archive.getinfo(_member(path, archive.namelist()))
    unpacked = archive.open(member)
    shape, fortran, dtype = _header(unpacked)
    if member.compress_type != zipfile.ZIP_STORED and not fortran:
        return np.empty((0,), dtype), _Stream(archive, unpacked, shape, dtype)
    header_bytes = unpacked.tell()
    unpacked.close()
    archive.close()
    if fortran:
        with np.load(path) as arrays:
            return arrays[member.filename.removesuffix(".npy")], None
    return np.memmap(path, dtype, "r", _data_offset(path, member) + header_bytes, shape), None


def _data_offset(path: Path, member: zipfile.ZipInfo) -> int:
    """Where in the archive a member's bytes begin: after its local header, whose two last fields vary in length."""
    with path.open("rb") as file:
        file.seek(member.header_offset + 26)
        name_bytes, extra_bytes = struct.unpack("<HH", file.read(4))
        return file.tell() + int(name_bytes) + int(extra_bytes)


def _header(file: Any) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    header: tuple[tuple[int, ...], bool, np.dtype[Any]] = read(file)
    return header


def _member(path: Path, members: list[str]) -> str:
    names = [name.removesuffix(".npy") for name in members if name.endswith(".npy")]
    for key in KEYS:
        if key in names:
            return f"{key}.npy"
    if len(names) == 1:
        return f"{names[0]}.npy"
    raise InputError(f"{path}: holds the arrays {', '.join(names) or 'none'}; call the depth one of them 'depth'")


def _frames_first(path: Path, shape: tuple[int, ...]) -> tuple[int, int, int]:
    """(T, h, w) of an array that may have a channel axis of one, or no frame axis."""
    if len(shape) == 4 and 1 in (shape[1], shape[3]):
        shape = (shape[0], *shape[2:]) if shape[1] == 1 else shape[:3]
    if len(shape) == 2:
        shape = (1, *shape)
    if len(shape) != 3 or 0 in shape:
        raise InputError(f"{path}: its array is {shape}; wanted is (frames, height, width)")
    return shape[0], shape[1], shape[2]
