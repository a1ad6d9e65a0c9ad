"""The parts of a film as one row of packets, in decoding order and with times that a muxer accepts.

Every part begins with a key frame and refers to no other, so that their packets can simply follow each other. Their
presentation times are kept. Decoding times are made anew over the whole film: the n-th packet is decoded when the
(n - delay)-th frame is shown, with the smallest delay for which that is never too late.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np
from av import Packet
from av.container import InputContainer
from av.video.stream import VideoStream
from numpy.typing import NDArray

from secondeye.errors import ContractError, InputError
from secondeye.types import VideoInfo
from secondeye.video.signalling import nal_units
from secondeye.video.writer import PTS_OFFSET

PARAMETER_SETS = {"h264": (7, 8), "hevc": (32, 33, 34)}
"""NAL unit types that decide whether packets can share a track."""


@dataclass(frozen=True)
class PartsTimes:
    """When the frames of all parts are shown.

    Attributes:
        paths: the parts, in order.
        coded: (N,) int64, ticks of the source's time base, in decoding order.
        shown: the same, ascending.
        delay: frames by which decoding order lags at most.
        last_duration: ticks for which the last frame is shown.
        size: width and height of the frames, px.
    """

    paths: tuple[Path, ...]
    coded: NDArray[np.int64]
    shown: NDArray[np.int64]
    delay: int
    last_duration: int
    size: tuple[int, int]

    @property
    def is_steady(self) -> bool:
        """Whether frames follow each other evenly, to within the rounding of their times."""
        steps = np.diff(self.shown)
        return bool(len(steps) == 0 or steps.max() - steps.min() <= 1)

    def decoding_time(self, number: int) -> int:
        """Ticks, ascending, never after the packet's own presentation time."""
        if number >= self.delay:
            return int(self.shown[number - self.delay])
        step = int(self.shown[1] - self.shown[0]) if len(self.shown) > 1 else max(self.last_duration, 1)
        return int(self.shown[0]) - (self.delay - number) * step

    def duration(self, pts: int) -> int:
        """Ticks until the next frame is shown."""
        after = int(np.searchsorted(self.shown, pts, side="right"))
        return int(self.shown[after]) - pts if after < len(self.shown) else self.last_duration


def read_times(paths: Sequence[Path], info: VideoInfo, last_duration: int | None = None) -> PartsTimes:
    """Look through the parts.

    Args:
        paths: the parts, in order.
        info: of the source that they were made from.
        last_duration: ticks of the last frame; by default those of the mean frame rate.

    Raises:
        InputError: a part is missing, damaged, or was encoded differently from the first.
        ContractError: there are none, one does not begin with a key frame, or their times do not ascend.
    """
    if not paths:
        raise ContractError("parts: expected at least one, got none")
    coded, first_form, end = [], None, None
    for path in paths:
        form, pts = _look_through(path, info)
        first_form = first_form or form
        if form != first_form:
            raise InputError(f"{path} was encoded differently from {paths[0]}; delete the work folder and run again")
        if end is not None and pts.min() <= end:
            raise ContractError(f"{path.name}: expected times after {end}, got {pts.min()}")
        end = int(pts.max())
        coded.append(pts)
    order = np.concatenate(coded)
    shown = np.sort(order)
    if len(shown) > 1 and not (np.diff(shown) > 0).all():
        raise ContractError("parts: expected different times for different frames")
    delay = int(max(0, (np.arange(len(order)) - np.searchsorted(shown, order)).max()))
    usual = max(round(1 / info.frame_rate / info.time_base), 1)
    last = usual if last_duration is None else last_duration
    assert first_form is not None
    return PartsTimes(tuple(paths), order, shown, delay, last, first_form.size)


def open_part(path: Path) -> tuple[InputContainer, VideoStream]:
    """Open a part; the caller closes it.

    Raises:
        InputError: it is missing or damaged.
    """
    if not path.is_file():
        raise InputError(f"part {path} is missing; run again, which makes it anew")
    try:
        container = av.open(os.path.abspath(path))
    except av.FFmpegError as error:
        raise InputError(f"part {path} is damaged ({error.strerror}); delete it and run again") from error
    if not container.streams.video:
        container.close()
        raise InputError(f"part {path} is damaged (no video in it); delete it and run again")
    return container, container.streams.video[0]


def parameter_sets(codec: str, extradata: bytes | None) -> bytes:
    """What a decoder must know beforehand, without messages that name the encoder and its threads."""
    kinds = PARAMETER_SETS.get(codec)
    if kinds is None or extradata is None:
        return extradata or b""
    units = [unit for _, unit in nal_units(extradata)]
    return b"".join(b"\0\0\0\1" + u for u in units if (u[0] & 31 if codec == "h264" else u[0] >> 1 & 63) in kinds)


def part_packets(times: PartsTimes, info: VideoInfo) -> "Iterator[Packet[Any]]":
    """All packets, timed in ticks of the source's time base; each belongs to the stream of its part still."""
    number = 0
    for path in times.paths:
        container, stream = open_part(path)
        with container:
            for packet, pts in _timed(container, stream, path, info):
                packet.time_base = info.time_base
                packet.pts, packet.dts = pts, times.decoding_time(number)
                packet.duration = times.duration(pts)
                number += 1
                yield packet


class _Form(NamedTuple):
    """What must be the same in all parts."""

    codec: str
    size: tuple[int, int]
    pixel_format: str | None
    sets: bytes


def _look_through(path: Path, info: VideoInfo) -> tuple[_Form, NDArray[np.int64]]:
    """How a part is coded, and the times of its frames in decoding order."""
    container, stream = open_part(path)
    with container:
        context = stream.codec_context
        sets = parameter_sets(context.name, context.extradata)
        form = _Form(context.name, (context.width, context.height), context.pix_fmt, sets)
        pts: list[int] = []
        for packet, time in _timed(container, stream, path, info):
            if not pts and not packet.is_keyframe:
                raise ContractError(f"{path.name}: expected a key frame first")
            pts.append(time)
    if not pts:
        raise InputError(f"part {path} is damaged (no frames in it); delete it and run again")
    return form, np.array(pts, np.int64)


def _timed(
    container: InputContainer, stream: VideoStream, path: Path, info: VideoInfo
) -> "Iterator[tuple[Packet[Any], int]]":
    """Packets and their presentation times in ticks of the source's time base."""
    comment = container.metadata.get("comment", container.metadata.get("COMMENT", ""))
    offset = int(comment.removeprefix(PTS_OFFSET)) if comment.startswith(PTS_OFFSET) else 0
    assert stream.time_base is not None
    scale = Fraction(stream.time_base) / info.time_base
    try:
        for packet in container.demux(stream):
            if packet.pts is None or packet.size == 0:
                continue
            pts = packet.pts * scale
            if pts.denominator != 1:
                raise ContractError(f"{path.name}: expected times in {info.time_base} s, got {packet.pts * scale}")
            yield packet, int(pts) + offset
    except av.FFmpegError as error:
        raise InputError(f"part {path} is damaged ({error.strerror}); delete it and run again") from error
