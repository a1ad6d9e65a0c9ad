"""Bring your own depth: a file or folder of depth maps, frame by frame, whatever made them.

The maps may have any size of the frames' aspect. `depth.files` says which endings are read and what numbers mean.
"""

from collections.abc import Iterator
from pathlib import Path

from secondeye.depth.files import DepthFile, Meaning, open_depth
from secondeye.errors import InputError
from secondeye.types import Clip, DepthClip


class FileDepth:
    """Reads the frames of a depth sequence that a clip's `start` and length name."""

    scaled = True

    def __init__(self, sequence: DepthFile) -> None:
        self._sequence = sequence

    def check(self, frame_count: int | None, size: tuple[int, int]) -> None:
        """Whether the depth is that of a video with so many frames of this height and width (see `DepthFile.check`)."""
        self._sequence.check(frame_count, size)

    def estimate(self, clips: Iterator[Clip]) -> Iterator[DepthClip]:
        """One depth clip a clip.

        Raises:
            InputError: the sequence is shorter than the video, of another aspect, or unreadable.
        """
        sequence = self._sequence.reopened()
        try:
            for clip in clips:
                sequence.check(None, clip.size)
                yield DepthClip(clip, sequence.read(clip.start, clip.start + len(clip)))
        finally:
            sequence.close()


def build(
    path: str | Path | None = None, invert: bool = False, near: float | None = None, far: float | None = None
) -> FileDepth:
    """Depth from a file.

    Args:
        path: the depth video, .npz, .npy, .exr, picture, or folder of pictures.
        invert: greater numbers are farther.
        near: numbers are distances, and this one is the nearest.
        far: the farthest distance; beyond it everything is equally far.

    Raises:
        InputError: no path, nothing there, or no depth in it.
    """
    if path is None:
        raise InputError("depth from a file needs its path; name a depth video, .npz, .exr or folder of 16-bit PNGs")
    sequence = open_depth(path, Meaning(invert, near, far))
    sequence.close()
    return FileDepth(sequence)
