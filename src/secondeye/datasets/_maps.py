"""Disparity maps as files hold them: numbers in, px out, NaN where unknown.

.png .pgm .tif   8- or 16-bit integers (Middlebury, KITTI), float TIFF
.pfm             floats, bottom row first (Middlebury 2014, ETH3D)
.npz .npy        any array of two dimensions
.exr             half or single floats
"""

import re
import tokenize
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secondeye.depth.stills import read_still
from secondeye.errors import InputError

DAMAGED = (OSError, ValueError, EOFError, KeyError, RuntimeError, zipfile.BadZipFile, zlib.error, tokenize.TokenError)
"""What NumPy raises of arrays that are cut short or overwritten."""


def read_map(path: Path, key: str | None = None) -> NDArray[Any]:
    """The numbers (H, W) of a map as stored.

    Args:
        key: of the array in an .npz; the only one needs none.

    Raises:
        InputError: missing, unreadable, or not one map.
    """
    if not path.is_file():
        raise InputError(f"no such file: {path}")
    ending = path.suffix.lower()
    values = _read_pfm(path) if ending == ".pfm" else _read_array(path, key) if ending in (".npz", ".npy") else None
    if values is None:
        values = read_still(path)
    if values.ndim != 2 or values.dtype.kind not in "uif":
        raise InputError(f"{path}: expected one map of numbers (H, W), got {values.shape} {values.dtype}")
    return values


def to_px(values: NDArray[Any], scale: float, invalid: float | None = 0.0) -> NDArray[np.float32]:
    """values / scale, NaN where a value is `invalid` or not finite."""
    unknown = ~np.isfinite(values)
    if invalid is not None:
        unknown |= values == invalid
    return np.where(unknown, np.float32(np.nan), values.astype(np.float32) / np.float32(scale))


def _read_array(path: Path, key: str | None) -> NDArray[Any]:
    try:
        with open(path, "rb") as file:  # ours to close: NumPy leaves damaged ones open
            source = path if path.suffix.lower() == ".npy" else file
            loaded = np.load(source, mmap_mode="r", allow_pickle=False)  # mapped: a header that lies takes no memory
            if isinstance(loaded, np.ndarray):
                return np.array(loaded).squeeze()
            with loaded:
                chosen = key or (loaded.files[0] if len(loaded.files) == 1 else "disparity")
                return np.asarray(loaded[chosen]).squeeze()
    except DAMAGED as error:
        raise InputError(f"{path}: no disparity could be read from it ({error})") from error


def _read_pfm(path: Path) -> NDArray[np.float32]:
    """Portable float map: "Pf", width and height, scale (negative: little-endian), rows from the bottom."""
    data = path.read_bytes()
    number = rb"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
    header = re.match(rb"Pf\s+(\d{1,9})\s+(\d{1,9})\s+(" + number + rb")(?:[ \t\r]\n|\s)", data)
    if header is None:
        raise InputError(f"{path}: is not a grey PFM file")
    width, height, order = int(header[1]), int(header[2]), "<" if float(header[3]) < 0 else ">"
    if len(data) - header.end() < 4 * width * height:
        raise InputError(f"{path}: is cut short: {width}x{height} floats do not fit into it")
    flat = np.frombuffer(data, f"{order}f4", width * height, header.end())
    return np.ascontiguousarray(flat.reshape(height, width)[::-1]).astype(np.float32)
