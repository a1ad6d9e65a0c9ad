"""Decoded frames by their number: from the keyframe before, so that any start gives the same frames."""

import threading
from collections.abc import Iterator
from itertools import chain, pairwise
from pathlib import Path

from av import VideoFrame

from secondeye.video.decoding import Damaged, Decoding, SeekMissed
from secondeye.video.index import FrameIndex

LEAST_STRETCH = 48
"""Frames decoded in one go over damaged data; opening the file for every one would be slow."""

TRIES = 3
"""So many keyframes are tried before data that looks damaged counts as such."""

Numbered = Iterator[tuple[int, VideoFrame]]


class NumberedFrames:
    """The frames of a video, by number.

    Whole data is decoded from the keyframe before the first frame wanted. A pass that ended is parked, so that a read
    that begins where the last one ended goes on without seeking. Damaged data is decoded anew from each keyframe, by
    one thread, so that what it shows depends neither on timing nor on where a read began.

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
        self._parked: tuple[int, Decoding, Numbered] | None = None

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            parked, self._parked = self._parked, None
        if parked:
            parked[1].close()

    def frames(self, start: int, stop: int) -> Numbered:
        """Yield (number, frame) for the frames [start, stop) that decode, in order."""
        reached = start
        if not self._index.is_flawed:
            try:
                for number, frame in self._strict(start, stop):
                    reached = number + 1
                    yield number, frame
            except Damaged:
                pass
            else:
                return
        for number, frame in self._patient(start, stop):
            if number >= reached:
                yield number, frame

    def _strict(self, start: int, stop: int) -> Numbered:
        """One pass over [start, stop) that raises Damaged at the first doubt."""
        decoding, numbered = self._unpark(start) or self._begin(start)
        is_whole = False
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
            if is_whole:
                self._park(stop, decoding, numbered)
            else:
                decoding.close()

    def _patient(self, start: int, stop: int) -> Numbered:
        """Frames [start, stop) over damaged data: each stretch between two keyframes by a decoder of its own.

        It begins one keyframe early, for codecs that refresh the picture bit by bit.
        """
        keys = [int(key) for key in self._index.keyframes if key > 0] if self._index.is_seekable else []
        edges = _thinned(keys, LEAST_STRETCH)
        for first, end in pairwise([0, *edges, len(self._index)]):
            if first < stop and end > start:
                earlier = [key for key in keys if key < first]
                yield from self._stretch(range(max(first, start), min(end, stop)), [*earlier[:-4:-1], None])

    def _stretch(self, wanted: range, keys: list[int | None]) -> Numbered:
        """The frames wanted, decoded patiently from the first of the keys that the file lets us begin at."""
        for key in keys:
            with self._open(key, strict=False) as decoding:
                try:
                    for number, frame in self._numbered(decoding):
                        if number >= wanted.stop:
                            return
                        if number in wanted:
                            yield number, frame
                except SeekMissed:
                    continue
                return

    def _open(self, key: int | None, *, strict: bool) -> Decoding:
        seek_pts = None if key is None else int(self._index.pts[key])
        threaded = strict and self._index.is_decoded  # what was never decoded may be damaged
        return Decoding(self._path, self._stream_index, strict=strict, threaded=threaded, seek_pts=seek_pts)

    def _begin(self, start: int) -> tuple[Decoding, Numbered]:
        """A pass that begins so early that frame `start` decodes, or at the beginning of the file."""
        keys = self._beginnings(start)
        for tries, key in enumerate(keys, 1):
            decoding = self._open(key, strict=True)
            numbered = self._numbered(decoding)
            try:
                first = next((pair for pair in numbered if pair[0] >= start), None)
            except BaseException as error:
                decoding.close()
                may_go_on = isinstance(error, SeekMissed) or (isinstance(error, Damaged) and tries < TRIES)
                if may_go_on and key is not None:
                    continue
                raise
            if key == keys[-1] or (first is not None and first[0] == start):
                return decoding, chain([first] if first else [], numbered)
            decoding.close()
        raise AssertionError("the last beginning asks for no seeking")

    def _beginnings(self, start: int) -> list[int | None]:
        """Keyframes to begin at, in the order of trying; None is the beginning of the file.

        The nearest will do for most codecs; where pictures are refreshed bit by bit it takes an earlier one.
        """
        if not self._index.is_seekable:
            return [None]
        keys = [int(key) for key in self._index.keyframes if key <= start]
        tried = [keys[-1 - back] for back in (0, 1, 2, 4, 8, 16, 32) if back < len(keys)]
        return [key for key in tried if key > 0] + [None]

    def _numbered(self, decoding: Iterator[VideoFrame]) -> Numbered:
        """Number frames from the beginning of the file or, where times can be trusted, from anywhere."""
        last = -1
        for ordinal, frame in enumerate(decoding):
            number = self._index.number_of(frame.pts) if self._index.is_seekable else ordinal
            if number is not None and last < number < len(self._index):  # frames that the index lacks drop out
                last = number
                yield number, frame

    def _unpark(self, start: int) -> tuple[Decoding, Numbered] | None:
        """The parked pass, where going on with it is as good as seeking."""
        with self._lock:
            parked, self._parked = self._parked, None
        if parked is None:
            return None
        position, decoding, numbered = parked
        key = self._index.keyframe_before(start) if self._index.is_seekable else None
        if position <= start and (key is None or key <= position):
            return decoding, numbered
        decoding.close()
        return None

    def _park(self, position: int, decoding: Decoding, numbered: Numbered) -> None:
        with self._lock:
            unwanted, self._parked = self._parked, (position, decoding, numbered)
        if unwanted:
            unwanted[1].close()


def _thinned(keys: list[int], apart: int) -> list[int]:
    """Some of the ascending keys, the first at least `apart`, each at least so much after the one before."""
    kept: list[int] = []
    for key in keys:
        if key >= (kept[-1] if kept else 0) + apart:
            kept.append(key)
    return kept
