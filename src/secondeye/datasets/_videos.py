"""What several datasets share: views in one video or in two, as stereo videos decoded while they are read."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from secondeye.datasets import StereoFrame, StereoVideo
from secondeye.datasets._pictures import same_size
from secondeye.discovery import nearest
from secondeye.errors import InputError
from secondeye.video.probe import probe
from secondeye.video.reader import open_source
from secondeye.video.source import VideoSource

VIDEO_SUFFIXES = {".mp4", ".mkv", ".mov", ".webm", ".avi", ".m4v", ".ts", ".m2ts", ".mpg", ".ogv", ".nut"}

DisparityOf = Callable[[int, tuple[int, int]], Tensor]
"""Number of a frame, and its height and width, to its disparity (H, W) in px."""


@dataclass(frozen=True)
class Packing:
    """How two views share a frame: along which axis (1 rows, 2 columns), in halves or by turns, the left one first."""

    axis: int
    by_turns: bool = False
    left_first: bool = True

    def split(self, frame: Tensor) -> tuple[Tensor, Tensor]:
        """The left and the right view (3, h, w) of a frame (3, H, W); an odd line in the middle is left out."""
        length = frame.shape[self.axis] // 2
        if self.by_turns:
            starts = (0, 1)
            parts = [frame.index_select(self.axis, torch.arange(start, 2 * length, 2)) for start in starts]
        else:
            starts = (0, frame.shape[self.axis] - length)
            parts = [frame.narrow(self.axis, start, length).contiguous() for start in starts]
        return (parts[0], parts[1]) if self.left_first else (parts[1], parts[0])

    def size(self, width: int, height: int) -> tuple[int, int]:
        """Width and height of one view of a frame of that size."""
        return (width // 2, height) if self.axis == 2 else (width, height // 2)


PACKINGS = {
    "sbs": Packing(2),
    "half-sbs": Packing(2),
    "cross": Packing(2, left_first=False),
    "sbs-right-first": Packing(2, left_first=False),
    "tb": Packing(1),
    "half-tb": Packing(1),
    "tb-right-first": Packing(1, left_first=False),
    "interlaced": Packing(1, by_turns=True),
    "rows": Packing(1, by_turns=True),
    "rows-right-first": Packing(1, by_turns=True, left_first=False),
    "columns": Packing(2, by_turns=True),
    "columns-right-first": Packing(2, by_turns=True, left_first=False),
}
"""Layouts whose views can be told apart, under the names that `inspect` uses. Halved views stay as narrow as coded."""


def packing_of(layout: str) -> Packing:
    """How the views of a layout share a frame.

    Raises:
        InputError: no such layout, or one that mixes the views.
    """
    if layout not in PACKINGS:
        raise nearest("layout of two views in one frame", layout, PACKINGS)
    return PACKINGS[layout]


def stereo_video(
    name: str,
    paths: Sequence[Path],
    packing: Packing | None = None,
    *,
    mask: Path | None = None,
    disparity: DisparityOf | None = None,
) -> StereoVideo:
    """Both views as one stereo video; headers are read now, frames when it is opened.

    Args:
        paths: the left and the right view; or one video, or picture, that holds both.
        packing: how they lie in that one.
        mask: a video that is white in the holes of the right view.
        disparity: what is known of a frame.

    Raises:
        InputError: unreadable, or of different size, or too small for two views.
    """
    size = same_size(*paths) if packing is None else _packed_size(paths[0], packing)
    file = probe(paths[0])
    is_video = file.kind != "image"
    return StereoVideo(
        name=name,
        size=size,
        frame_count=file.video.frame_count,
        frame_rate=file.video.frame_rate if is_video else None,
        text=None,
        has_disparity=disparity is not None,
        has_hole=mask is not None,
        open=lambda: _frames(name, paths, packing, mask, disparity),
    )


def _packed_size(path: Path, packing: Packing) -> tuple[int, int]:
    video = probe(path).video
    size = packing.size(video.width, video.height)
    if min(size) < 1:
        raise InputError(f"{path}: {video.width}x{video.height} px do not hold two views")
    return size


def _frames(
    name: str, paths: Sequence[Path], packing: Packing | None, mask: Path | None, disparity: DisparityOf | None
) -> Iterator[StereoFrame]:
    with ExitStack() as stack:
        sources = [stack.enter_context(open_source(path)) for path in [*paths, *([mask] if mask else [])]]
        _check_lengths(name, sources)
        for number, views in _together(sources):
            left, right = packing.split(views[0]) if packing else (views[0], views[1])
            size = (left.shape[1], left.shape[2])
            yield StereoFrame(
                left,
                right,
                disparity(number, size) if disparity else None,
                views[-1].mean(0) > 0.5 if mask else None,
            )


def _check_lengths(name: str, sources: Sequence[VideoSource]) -> None:
    counts = [len(source.index) for source in sources]
    if len(set(counts)) > 1:
        told = ", ".join(f"{source.file.path.name} {count}" for source, count in zip(sources, counts, strict=True))
        raise InputError(f"{name}: videos of different length, in frames: {told}")


def _together(sources: Sequence[VideoSource]) -> Iterator[tuple[int, list[Tensor]]]:
    """The frames of all sources side by side; one that is damaged in any of them is left out of all."""
    streams = [_numbered(source) for source in sources]
    heads = [next(stream, None) for stream in streams]
    while True:
        present = [head for head in heads if head is not None]
        if len(present) < len(heads):
            return
        latest = max(number for number, _ in present)
        if all(number == latest for number, _ in present):
            yield latest, [frame for _, frame in present]
            latest += 1
        heads = [
            next(stream, None) if number < latest else (number, frame)
            for stream, (number, frame) in zip(streams, present, strict=True)
        ]


def _numbered(source: VideoSource) -> Iterator[tuple[int, Tensor]]:
    for clip in source.read(0, len(source.index)):
        for offset, frame in enumerate(clip.rgb):
            yield clip.start + offset, frame
