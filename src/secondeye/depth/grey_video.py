"""Depth as grey video: the luma samples of a file, addressed by frame number, and a writer that loses nothing.

What is written is lossless above its bit depth: FFV1 in Matroska (quick), HEVC in lossless mode in MP4 (small).
Both are full range and say so.
"""

import copy
import os
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from secondeye.errors import InputError

BIT_DEPTHS = {".mkv": (8, 10, 12, 16), ".mp4": (8, 10, 12)}
DEFAULT_BIT_DEPTH = {".mkv": 12, ".mp4": 10}
"""1/4095 is finer than a fortieth of a px at 2 % of 1920 px; HEVC's 10 bits are what hardware decodes."""

NARROW_PX = 64
"""Frames no wider than x265's coding block are coded one by one: x265 4.2 predicts 32 and 64 px wide ones wrongly."""

SKIP_FORWARD = 60
"""Decoding on is quicker than seeking for about this many frames."""

COLOR_TOLERANCE = 12 / 255
"""Mean distance of chroma from grey above which a picture is a colour map and no depth."""


class GreyVideo:
    """The luma of a video, frame by frame.

    Attributes:
        frame_count: frames in the file.
        size: height and width in px.
        codes: the sample codes that mean 0 and 1.

    Raises:
        InputError: unreadable, without picture or timestamps, or in colour.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._next = 0
        try:
            self._pts = _timestamps(path)
            self._frame_of = {pts: i for i, pts in enumerate(self._pts)}
            self._open()
            first = next(self._decoded)
        except (av.FFmpegError, StopIteration, IndexError) as error:
            raise InputError(f"{path}: no depth video could be read from it") from error
        self.frame_count = len(self._pts)
        self.size = (first.height, first.width)
        self._refuse_color(first)
        self.codes: tuple[float, float] | None = _code_range(first)
        self._container.close()
        self._open()

    def read(self, start: int, stop: int) -> Iterator[NDArray[Any]]:
        """The samples (h, w) of frames [start, stop) in order; each is valid until the next is taken."""
        if not self._next <= start <= self._next + SKIP_FORWARD:
            self._seek(start)
        while self._next < stop:
            try:
                frame = next(self._decoded)
            except (StopIteration, av.FFmpegError) as error:
                raise InputError(f"{self._path}: frame {self._next} cannot be decoded") from error
            index = self._frame_of.get(frame.pts if frame.pts is not None else -1)
            if index is None or index < self._next:
                continue
            self._next = index + 1
            if index >= start:
                yield _luma(frame)

    def reopened(self) -> "GreyVideo":
        """Another reader at its own place, without going through the file's timestamps again."""
        other = copy.copy(self)
        other._open()
        return other

    def close(self) -> None:
        """Close the file."""
        self._container.close()

    def _open(self) -> None:
        self._container = av.open(os.path.abspath(self._path))
        self._stream = self._container.streams.video[0]
        self._stream.thread_type = "AUTO"
        self._decoded = self._container.decode(self._stream)
        self._next = 0

    def _seek(self, start: int) -> None:
        """Put the decoder on the key frame before `start`; from the top where the file's index misleads."""
        self._container.seek(self._pts[start], stream=self._stream, backward=True)
        self._decoded = self._container.decode(self._stream)
        first = next(self._decoded, None)
        index = None if first is None or first.pts is None else self._frame_of.get(first.pts)
        if first is None or index is None or index > start:
            self.close()
            self._open()
        else:
            self._decoded = _chain(first, self._decoded)
            self._next = index

    def _refuse_color(self, frame: av.VideoFrame) -> None:
        planes = frame.reformat(width=64, height=64, format="yuv444p").to_ndarray()
        if np.abs(planes[1:].astype(np.float32) - 128).mean() > COLOR_TOLERANCE * 255:
            raise InputError(f"{self._path}: is in colour; a depth video is grey, the brighter the nearer")


class GreyVideoWriter:
    """Writes 0 to 1 as grey video.

    Args:
        path: ends in .mkv (FFV1) or .mp4 (HEVC, lossless).
        size: height and width in px.
        frame_rate: frames a second.
        bit_depth: 8, 10 or 12, in Matroska also 16; None chooses.

    Raises:
        InputError: a bit depth or a size that the codec cannot write.
    """

    def __init__(self, path: Path, size: tuple[int, int], frame_rate: Fraction, bit_depth: int | None) -> None:
        bits = bit_depth or DEFAULT_BIT_DEPTH[path.suffix]
        if bits not in BIT_DEPTHS[path.suffix]:
            known = ", ".join(map(str, BIT_DEPTHS[path.suffix]))
            raise InputError(f"bit depth {bits} cannot be written to {path.suffix}; choose one of: {known}")
        self._format = "gray" if bits == 8 else f"gray{bits}le"
        self._scale = np.float32(2**bits - 1)
        self._count = 0
        self._container = av.open(os.path.abspath(path), "w")
        try:
            self._stream = _add_stream(self._container, path.suffix, size, frame_rate, self._format)
        except (av.FFmpegError, ValueError) as error:
            self._container.close()
            raise InputError(f"{size[1]}x{size[0]} px cannot be written as {path.suffix}; choose .npz") from error

    def write(self, values: NDArray[np.float32]) -> None:
        """Append a frame (h, w) of 0 to 1."""
        height, width = values.shape
        frame = av.VideoFrame(width, height, self._format)
        frame.pts, frame.time_base, frame.color_range = self._count, self._stream.codec_context.time_base, 2
        samples = _plane(frame, np.uint8 if self._format == "gray" else np.uint16)
        samples[:] = np.rint(np.clip(values, 0, 1) * self._scale)
        self._container.mux(self._stream.encode(frame))
        self._count += 1

    def finish(self) -> None:
        """Flush the encoder and close the file."""
        self._container.mux(self._stream.encode(None))
        self._container.close()

    def abandon(self) -> None:
        """Close the file as it is."""
        self._container.close()


def _add_stream(container: Any, suffix: str, size: tuple[int, int], frame_rate: Fraction, pixel_format: str) -> Any:
    stream = container.add_stream("ffv1" if suffix == ".mkv" else "libx265", rate=frame_rate)
    stream.height, stream.width = size
    stream.pix_fmt = pixel_format
    stream.codec_context.time_base = 1 / Fraction(frame_rate)
    stream.codec_context.color_range = 2
    if suffix == ".mkv":
        stream.options = {"level": "3", "slices": "4" if min(size) < 64 else "16", "slicecrc": "1"}
    else:
        intra = "keyint=1:" if size[1] <= NARROW_PX else ""
        stream.options = {"preset": "veryfast", "x265-params": f"{intra}lossless=1:log-level=error"}
        stream.codec_context.codec_tag = "hvc1"
    stream.codec_context.open()
    return stream


def _timestamps(path: Path) -> list[int]:
    """The timestamps of a file's frames in order of presentation, found without decoding."""
    with av.open(os.path.abspath(path)) as container:
        stream = container.streams.video[0]
        packets = [packet for packet in container.demux(stream) if packet.size and not packet.is_discard]
        times = [packet.pts for packet in packets if packet.pts is not None]
    if len(times) < len(packets) or len(set(times)) < len(times):
        raise InputError(f"{path}: its frames have no timestamps of their own; remux it to .mkv or .mp4")
    return sorted(times)


def _chain(first: av.VideoFrame, rest: Iterator[av.VideoFrame]) -> Iterator[av.VideoFrame]:
    yield first
    yield from rest


def _is_luma(frame: av.VideoFrame) -> bool:
    """Whether the first plane holds nothing but luma, in whole bytes, low byte first."""
    layout = frame.format
    alone = layout.name.startswith("gray") or layout.name.startswith("yuv")
    return alone and "f" not in layout.name and not layout.is_big_endian and layout.components[0].bits <= 16


def _luma(frame: av.VideoFrame) -> NDArray[Any]:
    if not _is_luma(frame):
        frame = frame.reformat(format="gray16le", dst_color_range="JPEG")
    return _plane(frame, np.uint8 if frame.format.components[0].bits == 8 else np.uint16)


def _plane(frame: av.VideoFrame, dtype: type[np.uint8] | type[np.uint16]) -> NDArray[Any]:
    """A view of the first plane's samples, without the padding at the ends of rows."""
    plane: Any = frame.planes[0]
    samples: NDArray[Any] = np.frombuffer(plane, dtype).reshape(-1, plane.line_size // np.dtype(dtype).itemsize)
    return samples[: frame.height, : frame.width]


def _code_range(frame: av.VideoFrame) -> tuple[float, float]:
    """The codes of 0 and 1. Grey formats are full range unless tagged otherwise, the others limited unless tagged."""
    if not _is_luma(frame):
        return 0.0, 65535.0
    bits = frame.format.components[0].bits
    full = frame.color_range == 2 or frame.format.name.startswith("yuvj")
    untagged = frame.color_range not in (1, 2)
    if full or (untagged and frame.format.name.startswith("gray")):
        return 0.0, float(2**bits - 1)
    return 16.0 * 2 ** (bits - 8), 235.0 * 2 ** (bits - 8)
