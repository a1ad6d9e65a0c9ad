"""Frames of a video by number: exact whatever the start, upright, as float colours.

NumberedFrames ----> deinterlaced ----> FrameConverter ----> Clip
"""

import logging
import threading
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import numpy as np
import torch
from av import VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter
from numpy.typing import NDArray

from secondeye.errors import ContractError
from secondeye.types import Clip, VideoInfo
from secondeye.video.buffers import ClipBuffers
from secondeye.video.color import chroma_siting, resolved
from secondeye.video.deinterlace import REACH, can_deinterlace, deinterlaced
from secondeye.video.file_info import FileInfo
from secondeye.video.images import DEFAULT_RATE, ImageSource, thumbnail_size
from secondeye.video.index import FrameIndex
from secondeye.video.indexing import FullPass, packet_index
from secondeye.video.numbered import NumberedFrames
from secondeye.video.probe import probe
from secondeye.video.samples import FrameConverter
from secondeye.video.source import VideoSource

log = logging.getLogger("secondeye")

__all__ = ["CLIP_BYTES", "FileSource", "VideoSource", "open_source"]

CLIP_BYTES = 64 * 2**20


def open_source(
    path: str | Path,
    *,
    clip_bytes: int = CLIP_BYTES,
    index: FrameIndex | None = None,
    rate: Fraction = DEFAULT_RATE,
) -> VideoSource:
    """Open a video, a picture, or a folder of pictures for reading; use it as a context manager.

    Args:
        path: what to read.
        clip_bytes: so much a clip may hold; at least one frame always fits.
        index: what `source.index` gave in an earlier run, which saves making it.
        rate: frames a second of a folder of pictures.

    Raises:
        InputError: as `probe` does.
    """
    file = probe(path)
    if file.kind == "video":
        return FileSource(file, index=index, clip_bytes=clip_bytes)
    return ImageSource(file, rate=rate, index=index, clip_bytes=clip_bytes)


class FileSource:
    """A video file as a VideoSource. Reads may run at the same time; each has a decoder of its own.

    Args:
        file: as `probe` gives it.
        index: from an earlier run.
        clip_bytes: so much a clip may hold.
    """

    def __init__(self, file: FileInfo, *, index: FrameIndex | None = None, clip_bytes: int = CLIP_BYTES) -> None:
        self._file = file
        self._index = index
        self._is_index_given = index is not None
        self._numbered: NumberedFrames | None = None
        self._lock = threading.Lock()
        self._missing: set[int] = set()
        self._buffers = ClipBuffers()
        self._clip_frames = max(1, clip_bytes // (12 * file.video.width * file.video.height))
        self._is_interlaced = file.field_order is not None and can_deinterlace(file.video.width, file.video.height)

    def __enter__(self) -> "FileSource":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            numbered, self._numbered = self._numbered, None
        if numbered:
            numbered.close()

    @property
    def file(self) -> FileInfo:
        """All that is known of the file."""
        return replace(self._file, video=self.info)

    @property
    def info(self) -> VideoInfo:
        """Size, rate and colours; `frame_count` is exact once the index is known."""
        if self._index is None:
            return self._file.video
        return replace(self._file.video, frame_count=len(self._index))

    @property
    def index(self) -> FrameIndex:
        """The frames and their times: from the packets where they can be trusted, else by decoding the file once.

        Raises:
            InputError: no frame decodes.
        """
        if self._index is None:
            self._index = packet_index(self._file) or self._index_by_decoding()
        return self._index

    def _index_by_decoding(self) -> FrameIndex:
        whole = FullPass(self._file)
        for _ in whole:
            pass
        assert whole.index is not None
        return whole.index

    @property
    def damaged_frames(self) -> int:
        """Frames that were left out so far."""
        return len(self._missing) + (self._index.damaged_frames if self._index else 0)

    def thumbnails(self, longest_px: int = 256) -> Iterator[tuple[int, NDArray[np.uint8]]]:
        """Yield every frame that decodes with its number, small, as (h, w, 3) BGR, lying as coded.

        The whole pass makes the index, also in place of one counted from packets, unless one was given.

        Raises:
            InputError: no frame decodes.
        """
        given = self._index if self._is_index_given else None
        reformatter, whole = VideoReformatter(), FullPass(self._file)
        for ordinal, frame in whole:
            number = given.number_of(frame.pts) if given and given.is_seekable else ordinal
            if number is not None:
                width, height = thumbnail_size(frame.width, frame.height, longest_px)
                small = reformatter.reformat(frame, width, height, "bgr24", interpolation=Interpolation.AREA, threads=1)
                yield number, np.asarray(small.to_ndarray(), np.uint8)
        if not self._is_index_given:
            self.close()  # what is parked counts by the old index
            self._index = whole.index

    def read(self, start: int, stop: int) -> Iterator[Clip]:
        """Yield the frames [start, stop) that decode, in order; a clip ends where frames are missing.

        Raises:
            ContractError: frames that there are not.
        """
        if not 0 <= start <= stop <= len(self.index):
            raise ContractError(f"frames {start} to {stop} of a video that has {len(self.index)}")
        if start < stop:
            yield from self._clips(self._with_gaps_noted(self._frames(start, stop), start, stop), stop)

    def _frames(self, start: int, stop: int) -> Iterator[tuple[int, VideoFrame]]:
        with self._lock:
            if self._numbered is None:
                self._numbered = NumberedFrames(self._file.path, self._file.stream_index, self.index)
            numbered = self._numbered
        if not self._is_interlaced:
            yield from numbered.frames(start, stop)
            return
        wide = (max(0, start - REACH), min(len(self.index), stop + REACH))
        for number, frame in deinterlaced(numbered.frames(*wide)):
            if start <= number < stop:
                yield number, frame

    def _with_gaps_noted(
        self, frames: Iterator[tuple[int, VideoFrame]], start: int, stop: int
    ) -> Iterator[tuple[int, VideoFrame]]:
        """Pass frames on, and remember which are missing."""
        known, wanted = len(self._missing), start
        for number, frame in frames:
            self._missing.update(range(wanted, number))
            wanted = number + 1
            yield number, frame
        self._missing.update(range(wanted, stop))
        if len(self._missing) > known:
            lost = len(self._missing) - known
            log.warning("%s is damaged: %d of frames %d to %d are left out", self._file.path, lost, start, stop - 1)

    def _clips(self, frames: Iterator[tuple[int, VideoFrame]], stop: int) -> Iterator[Clip]:
        """Gather frames with consecutive numbers into clips."""
        converter, size = self._converter(), (3, self._file.video.height, self._file.video.width)
        first = count = 0
        rgb = torch.empty(0)
        for number, frame in frames:
            if count and (count == len(rgb) or number != first + count):
                yield self._clip(rgb, first, count)
                count = 0
            if count == 0:
                first, rgb = number, self._buffers.lend((min(self._clip_frames, stop - number), *size))
            converter.convert(frame, rgb[count].numpy())
            count += 1
        if count:
            yield self._clip(rgb, first, count)

    def _clip(self, rgb: torch.Tensor, first: int, count: int) -> Clip:
        pts = torch.from_numpy(self.index.pts[first : first + count].copy())
        return Clip(rgb[:count], first, pts)

    def _converter(self) -> FrameConverter:
        video, orientation = self._file.video, self._file.orientation
        color = resolved(video)
        siting = chroma_siting(self._file.codec, color.matrix)
        coded_size = orientation.size(video.width, video.height)  # to turn a size back is to turn it again
        return FrameConverter(*coded_size, color, siting, orientation)
