"""What every reader of frames can do."""

from collections.abc import Iterator
from types import TracebackType
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from secondeye.types import Clip, VideoInfo
from secondeye.video.file_info import FileInfo
from secondeye.video.index import FrameIndex


class VideoSource(Protocol):
    """Frames in: a video, a picture, or a folder of pictures. A types.Source, and a context manager."""

    @property
    def file(self) -> FileInfo:
        """All that is known of the file."""
        ...

    @property
    def info(self) -> VideoInfo:
        """Size, rate and colours of the frames; `frame_count` is exact once the index has been made."""
        ...

    @property
    def index(self) -> FrameIndex:
        """The frames and their times; made when first asked for, unless `thumbnails` has made it before."""
        ...

    @property
    def damaged_frames(self) -> int:
        """Frames that were left out so far because they do not decode."""
        ...

    def read(self, start: int, stop: int) -> Iterator[Clip]:
        """Yield the frames [start, stop) that decode, in order, in clips of a few frames each."""
        ...

    def thumbnails(self, longest_px: int = 256) -> Iterator[tuple[int, NDArray[np.uint8]]]:
        """Yield every frame that decodes with its number, small, as (h, w, 3) BGR; the whole pass makes the index."""
        ...

    def close(self) -> None:
        """Let go of the file."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
