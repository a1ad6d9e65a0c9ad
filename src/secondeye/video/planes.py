"""From two float views straight to the planes that an encoder takes: layout, colour matrix and rounding in one pass.

swscale would need a packed 8- or 16-bit picture first and then goes over it again; see benchmarks for both.
"""

import itertools
import os
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import TracebackType
from typing import Any

import numpy as np
from av import VideoFrame
from av.video.format import VideoFormat
from numpy.typing import NDArray
from torch import Tensor

from secondeye.errors import ContractError
from secondeye.types import ColorTags, VideoInfo
from secondeye.video.anaglyph import ANAGLYPHS, transfer_tables
from secondeye.video.color import (
    BT470BG,
    BT709,
    BT2020_NCL,
    FCC,
    RGB,
    SMPTE170M,
    SMPTE240M,
    resolved,
    samples_to_rgb,
)
from secondeye.video.layout import Content, Region, frame_size, regions

WRITTEN_MATRICES = (BT709, FCC, BT470BG, SMPTE170M, SMPTE240M, BT2020_NCL)

KINDS: dict[Content, int] = {"view": 0, "half-width": 1, "half-height": 2, "anaglyph": 3, "interlaced": 4}
"""The numbers that plane_kernel has for what regions show."""


def coded_color(info: VideoInfo, pixel_format: str = "yuv420p") -> ColorTags:
    """The tags that describe what we write for a source.

    Pictures in RGB carry matrix 0; a source in RGB becomes limited-range BT.709. A matrix that is unspecified is the
    one that players assume by the *source's* height, and it is then spelled out, for a layout changes the height. Rare
    matrices that we do not write (YCgCo, constant luminance, ICtCp) become BT.2020 or BT.709, as the primaries are.
    """
    color = resolved(info)
    if VideoFormat(pixel_format, 16, 16).is_rgb:
        return replace(color, matrix=RGB, full_range=True)
    if color.matrix == RGB:
        return replace(color, matrix=BT709, full_range=False)
    if color.matrix in WRITTEN_MATRICES:
        return color
    return replace(color, matrix=BT2020_NCL if color.primaries == BT2020_NCL else BT709)


def plane_matrix(color: ColorTags, bits: int) -> NDArray[np.float32]:
    """(3, 4): the weights of red, green, blue (0 to 1) and the offset, half a code for rounding included, per plane.

    Planes of RGB formats are in the order G, B, R. The inverse of what readers do.
    """
    weights, offset = samples_to_rgb(color.matrix, full_range=color.full_range, bit_depth=bits)
    back = np.linalg.inv(weights)
    return np.concatenate([back, (0.5 - back @ offset)[:, None]], axis=1).astype(np.float32)


def is_top_sited(color: ColorTags) -> bool:
    """Whether subsampled chroma is written on the upper row of each two, as BT.2100 wants of BT.2020 video."""
    return color.matrix == BT2020_NCL


def is_paintable(pixel_format: str) -> bool:
    """Whether FramePainter writes that pixel format: planar YCbCr, grey or RGB of 8 to 16 bits without alpha."""
    form = VideoFormat(pixel_format, 16, 16)
    bits = [part.bits for part in form.components]
    if (
        form.is_big_endian
        or form.is_bit_stream
        or form.has_palette
        or not bits
        or not 8 <= min(bits) <= max(bits) <= 16
    ):
        return False
    return re.fullmatch(r"yuv4(20|22|44)p(\d+le)?|gbrp(\d+le)?|gray(\d+le)?", pixel_format) is not None


class FramePainter:
    """Makes an encoder's frames from the two views.

    Args:
        width: px of one view.
        height: px of one view.
        layout: one of layout.LAYOUTS.
        pixel_format: a planar format of FFmpeg, such as yuv420p10le.
        color: as `coded_color` gives it.
        threads: rows are shared among so many threads; by default half the cores, at most four.

    The threads are our own, not numba's: its fallback thread layer must not be entered by two threads at once, as a
    reader, a splatter and a writer would.
    """

    def __init__(
        self, width: int, height: int, layout: str, pixel_format: str, color: ColorTags, threads: int | None = None
    ) -> None:
        self._size = (3, height, width)
        self._layout = layout
        self._pictures = regions(width, height, layout)
        self._frame_size = frame_size(width, height, layout)
        self._format = VideoFormat(pixel_format, *self._frame_size)
        self._color = color
        bits = self._format.components[0].bits
        self._matrix = plane_matrix(color, bits)
        self._is_top_sited = is_top_sited(color)
        self._top = np.float32((1 << bits) - 1)
        self._dtype = np.uint8 if bits == 8 else np.uint16
        self._shifts = (
            int(self._format.chroma_width(16) == 8),
            int(self._format.chroma_height(16) == 8),
        )
        self._mixing = _mixing(layout)
        self._threads = threads or max(1, min(4, (os.cpu_count() or 1) // 2))
        self._pool = ThreadPoolExecutor(self._threads, "paint") if self._threads > 1 else None

    def __enter__(self) -> "FramePainter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the threads."""
        if self._pool:
            self._pool.shutdown()

    def paint(self, left: Tensor, right: Tensor) -> list[VideoFrame]:
        """The frames of one moment: one, or two for "pair".

        Args:
            left: (3, H, W) float, 0 to 1; values outside are clipped.
            right: the same.

        Raises:
            ContractError: a view of another size than announced, or a value that is not finite.
        """
        views = tuple(self._view(name, view) for name, view in (("left", left), ("right", right)))
        frames = []
        for picture in self._pictures:
            frame = VideoFrame(*self._frame_size, self._format.name)
            self._describe(frame)
            for region in picture:
                self._paint_region(views, region, frame)
            self._fill_margin(frame)
            frames.append(frame)
        return frames

    def _view(self, name: str, view: Tensor) -> NDArray[np.float32]:
        if tuple(view.shape) != self._size:
            raise ContractError(f"{name}: expected {self._size} as the source is, got {tuple(view.shape)}")
        array: NDArray[np.float32] = view.detach().to("cpu").float().contiguous().numpy()
        return array

    def _describe(self, frame: VideoFrame) -> None:
        frame.colorspace = self._color.matrix
        frame.color_primaries = self._color.primaries
        frame.color_trc = self._color.transfer
        frame.color_range = 2 if self._color.full_range else 1  # AVCOL_RANGE_JPEG, AVCOL_RANGE_MPEG

    def _paint_region(self, views: tuple[NDArray[np.float32], ...], region: Region, frame: VideoFrame) -> None:
        from secondeye.video.plane_kernel import paint_rows  # numba takes a second to import

        planes = [np.frombuffer(memoryview(plane), self._dtype) for plane in frame.planes]
        itemsize = planes[0].itemsize
        pitches = (frame.planes[0].line_size // itemsize, frame.planes[-1].line_size // itemsize)
        none = np.empty(0, self._dtype)
        three = (planes[0], planes[1], planes[2]) if len(planes) == 3 else (planes[0], none, none)
        place = (region.x, region.y, region.width)

        def rows(pairs: tuple[int, int]) -> float:
            return float(
                paint_rows(
                    views, KINDS[region.content], region.eye, self._mixing, place, pairs,
                    self._matrix, self._top, three, pitches, self._shifts, self._is_top_sited,
                )
            )  # fmt: skip

        if not np.isfinite(sum(self._shared(rows, region.height // 2))):
            raise ContractError("frame: expected finite values, got NaN or infinity in one of the views")

    def _fill_margin(self, frame: VideoFrame) -> None:
        """Repeat the last column into the unseen end of each row: prores_ks reads it, and must not read chance."""
        for plane in frame.planes:
            rows = np.frombuffer(memoryview(plane), self._dtype).reshape(plane.height, -1)
            rows[:, plane.width :] = rows[:, plane.width - 1, None]

    def _shared(self, rows: Callable[[tuple[int, int]], float], count: int) -> list[float]:
        """Call `rows` on parts of [0, count) that together are all of it, in threads."""
        edges = [count * i // self._threads for i in range(self._threads + 1)]
        parts = list(itertools.pairwise(edges))
        return list(self._pool.map(rows, parts) if self._pool else map(rows, parts))


def _mixing(layout: str) -> tuple[Any, ...]:
    """What the kernel needs of an anaglyph; of any other layout something of the same type."""
    matrices = ANAGLYPHS.get(layout, ANAGLYPHS["anaglyph-grey"])
    weights = np.concatenate([np.array(matrices.left), np.array(matrices.right)], axis=1).astype(np.float32)
    return (weights, matrices.linear, *transfer_tables(matrices.linear))
