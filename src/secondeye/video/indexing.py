"""Making the frame index of a video: from its packets, or in one pass of decoding that others can look over."""

import logging
from collections.abc import Iterator
from dataclasses import replace

from av import VideoFrame

from secondeye.errors import InputError
from secondeye.video.decoding import Damaged, Decoding
from secondeye.video.file_info import FileInfo
from secondeye.video.index import FrameIndex, index_from_frames, index_from_packets

log = logging.getLogger("secondeye")

CHECKED_FRAMES = 16
"""So many frames are decoded to see whether they keep the times of their packets."""


def nominal_step(file: FileInfo) -> int:
    """Ticks per frame by the announced rate."""
    return max(1, round(1 / (file.video.frame_rate * file.video.time_base)))


def packet_index(file: FileInfo) -> FrameIndex | None:
    """The index without decoding more than a few frames; None where the packets' times cannot be trusted."""
    with Decoding(file.path, file.stream_index, strict=True, threaded=False) as decoding:
        try:
            notes = decoding.all_notes()
        except Damaged:
            return None
    index = index_from_packets(notes, nominal_step(file))
    if index is None or not _begins_like(file, index):
        return None
    _warn_if_cut_off(file, len(notes), index)
    return index


def _begins_like(file: FileInfo, index: FrameIndex) -> bool:
    """Whether the first frames have the first times of the index."""
    wanted = [int(time) for time in index.pts[:CHECKED_FRAMES]]
    with Decoding(file.path, file.stream_index, strict=True, threaded=False) as decoding:
        try:
            times = [frame.pts for _, frame in zip(wanted, decoding, strict=False)]
        except Damaged:
            return False
    return times == wanted


class FullPass:
    """Every frame of a video with its ordinal, decoded once; `index` is there when the pass is over.

    Where strict decoding fails, the pass begins again patiently and goes on after the frames already given.
    """

    def __init__(self, file: FileInfo) -> None:
        self.index: FrameIndex | None = None
        self._file = file

    def __iter__(self) -> Iterator[tuple[int, VideoFrame]]:
        """Yield (ordinal, frame).

        Raises:
            InputError: no frame decodes.
        """
        given = 0
        for strict in (True, False):
            times: list[int | None] = []
            with Decoding(self._file.path, self._file.stream_index, strict=strict, threaded=strict) as decoding:
                try:
                    for frame in decoding:
                        times.append(frame.pts)
                        if len(times) > given:
                            given += 1
                            yield given - 1, frame
                except Damaged:
                    continue
                self._finish(times, decoding, has_errors=not strict)
            return

    def _finish(self, times: list[int | None], decoding: Decoding, *, has_errors: bool) -> None:
        path, packets = self._file.path, [note for note in decoding.notes if not note.is_dropped]
        if not times:
            raise InputError(f"{path}: no frame of its {self._file.codec} video can be decoded")
        moments = {note.pts for note in packets}  # VP8 has packets that show nothing, at the time of the next
        lost = max(0, (len(packets) if None in moments else len(moments)) - len(times))
        index = index_from_frames(times, decoding.notes, nominal_step(self._file))
        index = replace(index, is_flawed=has_errors or lost > 0, damaged_frames=lost if has_errors else 0)
        if lost and has_errors:
            log.warning("%s is damaged; %d of %d frames are left out", path, lost, len(packets))
        elif has_errors:
            log.warning("%s has errors in its data; all frames decode, but some may show it", path)
        if not index.is_seekable:
            log.info("%s has no trustworthy times; its frames are counted from the beginning, which is slow", path)
        _warn_if_cut_off(self._file, len(decoding.notes), index)
        self.index = index


def _warn_if_cut_off(file: FileInfo, packet_count: int, index: FrameIndex) -> None:
    """Say so where the file holds less than it announces."""
    announced, found_s = file.video.frame_count, index.duration_s(file.video.time_base)
    if announced and packet_count < announced:
        log.warning("%s breaks off: %d of %d frames are there", file.path, packet_count, announced)
    elif not announced and file.duration_s and found_s < 0.98 * file.duration_s - 1:
        log.warning("%s breaks off after %.1f of %.1f s", file.path, found_s, file.duration_s)
