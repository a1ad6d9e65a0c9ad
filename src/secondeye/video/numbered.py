"""Decoded frames by their number: from the keyframe before, so that any start gives the same frames."""

import threading
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from av import VideoFrame

from secondeye.video.decoding import Damaged, Decoding, SeekMissed
from secondeye.video.index import FrameIndex


class NumberedFrames:
    """The frames of a video, by number.

    A pass that ended is parked, so that a read that begins where the last one ended goes on without seeking.

    Args:
        path: the file.
        stream_index: the stream within it.
        index: of that stream.
    """

    def __init__(self, path: Path, stream_index: int, index: FrameIndex) -> None:
        self._path = path
        self._stream_index = stream_index
        self._index = index
        self._lock = threading.Lock()
        self._parked: tuple[int, Decoding, Iterator[tuple[int, VideoFrame]]] | None = None

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            parked, self._parked = self._parked, None
        if parked:
            parked[1].close()

    def frames(self, start: int, stop: int) -> Iterator[tuple[int, VideoFrame]]:
        """Yield (number, frame) for the frames [start, stop) that decode, in order."""
        reached, patient = start, self._index.is_flawed
        while True:
            try:
                for number, frame in self._pass(start, stop, patient):
                    if number >= reached:
                        reached = number + 1
                        yield number, frame
            except Damaged:
                patient = True
            else:
                return

    def _pass(self, start: int, stop: int, patient: bool) -> Iterator[tuple[int, VideoFrame]]:
        """One pass over [start, stop)."""
        decoding, numbered = self._unpark(start, patient) or self._begin(start, patient)
        number, is_whole = -1, False
        try:
            for number, frame in numbered:
                if number >= stop:
                    break
                if number >= start:
                    yield number, frame
                if number == stop - 1:
                    is_whole = True
                    break
        finally:
            if is_whole and (not patient or not self._index.is_seekable):
                self._park(stop, decoding, numbered)
            else:
                decoding.close()

    def _begin(self, start: int, patient: bool) -> tuple[Decoding, Iterator[tuple[int, VideoFrame]]]:
        """A pass that begins so early that frame `start` decodes, or at the beginning of the file."""
        keys = self._beginnings(start)
        for key in keys:
            seek_pts = None if key is None else int(self._index.pts[key])
            decoding = Decoding(self._path, self._stream_index, patient=patient, seek_pts=seek_pts)
            numbered = self._numbered(decoding)
            try:
                first = next((pair for pair in numbered if pair[0] >= start), None)
            except SeekMissed:
                decoding.close()
                continue
            except BaseException:
                decoding.close()
                raise
            if key == keys[-1] or (first is not None and first[0] == start):
                return decoding, chain([first] if first else [], numbered)
            decoding.close()
        raise AssertionError("the last beginning asks for no seeking")

    def _beginnings(self, start: int) -> list[int | None]:
        """Keyframes to begin at, in the order of trying; None is the beginning of the file.

        A frame that decoded once will do so again from some keyframe; one that was never seen gets two chances.
        """
        if not self._index.is_seekable:
            return [None]
        keys = [int(key) for key in self._index.keyframes if key <= start]
        tried = [keys[-1 - back] for back in (0, 1, 2, 4, 8, 16, 32) if back < len(keys)]
        return [key for key in tried if key > 0] + [None]

    def _numbered(self, decoding: Iterator[VideoFrame]) -> Iterator[tuple[int, VideoFrame]]:
        """Number frames from the beginning of the file or, where times can be trusted, from anywhere."""
        last = -1
        for ordinal, frame in enumerate(decoding):
            number = self._index.number_of(frame.pts) if self._index.is_seekable else ordinal
            if number is not None and last < number < len(self._index):  # frames that the index lacks drop out
                last = number
                yield number, frame

    def _unpark(self, start: int, patient: bool) -> tuple[Decoding, Iterator[tuple[int, VideoFrame]]] | None:
        """The parked pass, where going on with it is as good as seeking."""
        with self._lock:
            parked, self._parked = self._parked, None
        if parked is None:
            return None
        position, decoding, numbered = parked
        key = self._index.keyframe_before(start) if self._index.is_seekable else None
        if position <= start and (key is None or key <= position) and not (patient and self._index.is_seekable):
            return decoding, numbered
        decoding.close()
        return None

    def _park(self, position: int, decoding: Decoding, numbered: Iterator[tuple[int, VideoFrame]]) -> None:
        with self._lock:
            unwanted, self._parked = self._parked, (position, decoding, numbered)
        if unwanted:
            unwanted[1].close()
