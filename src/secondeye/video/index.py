"""Which frames a source has, and when each is shown.

Frames are addressed by their number in presentation order; the index gives their times, and tells where decoding can
start. It is made from the packets alone where their times can be trusted, otherwise by decoding the file once.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from secondeye.errors import ContractError


class PacketNote(NamedTuple):
    """What the index needs of a packet: times in ticks."""

    pts: int | None
    duration: int
    is_key: bool
    is_dropped: bool


@dataclass(frozen=True, eq=False)
class FrameIndex:
    """The frames of a source in presentation order.

    Attributes:
        pts: (N,) int64, ticks of the source's time base, strictly increasing.
        last_duration: ticks for which the last frame is shown.
        keyframes: int64, ascending numbers of the frames at which decoding can start.
        is_seekable: whether the times are the file's own, so that a frame is found again by its time; else frames
            are counted from the beginning.
        is_decoded: whether every frame listed here has been decoded once; else packets were counted.
        is_flawed: whether the bitstream has errors, or packets without frames that may be such.
        damaged_frames: frames that the file announces and nobody can decode; they are not listed.
    """

    pts: NDArray[np.int64]
    last_duration: int
    keyframes: NDArray[np.int64]
    is_seekable: bool = True
    is_decoded: bool = False
    is_flawed: bool = False
    damaged_frames: int = 0

    def __len__(self) -> int:
        return len(self.pts)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FrameIndex) and self.to_data() == other.to_data()

    def __hash__(self) -> int:
        return hash((len(self), self.last_duration, self.damaged_frames))

    @property
    def frame_count(self) -> int:
        """Number of frames."""
        return len(self.pts)

    @property
    def durations(self) -> NDArray[np.int64]:
        """(N,) int64: ticks until the next frame."""
        return np.append(np.diff(self.pts), np.int64(self.last_duration))[: len(self.pts)]

    def duration_s(self, time_base: Fraction) -> float:
        """From the first frame's beginning to the last one's end."""
        return float(int(self.durations.sum()) * time_base)

    def mean_rate(self, time_base: Fraction) -> Fraction:
        """Frames a second, averaged over the whole."""
        ticks = int(self.durations.sum())
        return Fraction(len(self)) / (ticks * time_base) if ticks > 0 else Fraction(0)

    def is_constant_rate(self) -> bool:
        """Whether no frame is more than one tick from where a constant rate would put it."""
        if len(self) < 3:
            return True
        even = np.linspace(float(self.pts[0]), float(self.pts[-1]), len(self))
        return bool(np.abs(self.pts - even).max() <= 1.0)

    def number_of(self, pts: int | None) -> int | None:
        """The number of the frame with exactly that time, or None."""
        if pts is None:
            return None
        at = int(np.searchsorted(self.pts, pts))
        return at if at < len(self.pts) and self.pts[at] == pts else None

    def keyframe_before(self, frame: int) -> int | None:
        """The last frame up to `frame` at which decoding can start."""
        at = int(np.searchsorted(self.keyframes, frame, side="right")) - 1
        return int(self.keyframes[at]) if at >= 0 else None

    def to_data(self) -> dict[str, Any]:
        """What JSON can hold; `from_data` undoes it. Steps of time are run-length coded."""
        return {
            "first_pts": int(self.pts[0]) if len(self) else 0,
            "steps": _runs(np.diff(self.pts)),
            "frame_count": len(self),
            "last_duration": int(self.last_duration),
            "keyframes": [int(k) for k in self.keyframes],
            "is_seekable": self.is_seekable,
            "is_decoded": self.is_decoded,
            "is_flawed": self.is_flawed,
            "damaged_frames": self.damaged_frames,
        }

    @classmethod
    def from_data(cls, data: dict[str, Any]) -> "FrameIndex":
        """The index that `to_data` described.

        Raises:
            ContractError: something else than `to_data` made it.
        """
        try:
            steps = [step for step, times in data["steps"] for _ in range(times)]
            pts = np.cumsum(np.array([data["first_pts"], *steps], np.int64))[: data["frame_count"]]
            flags = {name: bool(data[name]) for name in ("is_seekable", "is_decoded", "is_flawed")}
            keyframes = np.array(data["keyframes"], np.int64)
            index = cls(pts, int(data["last_duration"]), keyframes, **flags, damaged_frames=int(data["damaged_frames"]))
        except (KeyError, TypeError, ValueError) as error:
            raise ContractError(f"frame index: expected what FrameIndex.to_data gives, got {error!r}") from error
        if len(index) != data["frame_count"]:
            raise ContractError(f"frame index: expected {data['frame_count']} frames, got {len(index)}")
        return index


def _runs(values: NDArray[np.int64]) -> list[list[int]]:
    """[[value, how often], ...]."""
    if not len(values):
        return []
    starts = np.flatnonzero(np.append(True, values[1:] != values[:-1]))
    counts = np.diff(np.append(starts, len(values)))
    return [[int(values[at]), int(count)] for at, count in zip(starts, counts, strict=True)]


def index_from_packets(packets: Sequence[PacketNote], nominal_step: int) -> FrameIndex | None:
    """The index that the packets promise, or None where their times cannot be trusted.

    Args:
        packets: in the file's order.
        nominal_step: ticks per frame by the announced rate, for a last frame without duration.
    """
    pts = [packet.pts for packet in packets if packet.pts is not None]
    if not pts or len(pts) != len(packets) or len(set(pts)) != len(pts):
        return None
    if any(packet.is_dropped for packet in packets):
        return None
    return _index(sorted(pts), packets, nominal_step, is_seekable=True, is_decoded=False)


def index_from_frames(frames: Sequence[int | None], packets: Sequence[PacketNote], nominal_step: int) -> FrameIndex:
    """The index of frames that were all decoded.

    Args:
        frames: times in the order of decoding, None where unknown.
        packets: in the file's order.
        nominal_step: ticks per frame by the announced rate.
    """
    known = {packet.pts for packet in packets}
    rising = all(a is not None and b is not None and a < b for a, b in pairwise(frames)) and None not in frames
    is_seekable = rising and None not in known and known.issuperset(frames)
    return _index(_rising(frames, nominal_step), packets, nominal_step, is_seekable=is_seekable, is_decoded=True)


def _rising(times: Iterable[int | None], step: int) -> list[int]:
    """The times, each that is unknown or not later than the one before put `step` after it."""
    rising: list[int] = []
    for time in times:
        if time is None or (rising and time <= rising[-1]):
            time = rising[-1] + step if rising else 0
        rising.append(time)
    return rising


def _index(pts: list[int], packets: Sequence[PacketNote], nominal_step: int, **flags: Any) -> FrameIndex:
    keys = sorted(packet.pts for packet in packets if packet.is_key and packet.pts is not None)
    numbers = {time: number for number, time in enumerate(pts)}
    keyframes = [numbers[time] for time in keys if time in numbers]
    durations = {packet.pts: packet.duration for packet in packets}
    last = durations.get(pts[-1]) if pts else None
    return FrameIndex(
        np.array(pts, np.int64), last or nominal_step, np.array(sorted(set(keyframes)), np.int64), **flags
    )


def index_of_steady(frame_count: int) -> FrameIndex:
    """The index of pictures shown one tick each, of which every one stands alone."""
    numbers = np.arange(frame_count, dtype=np.int64)
    return FrameIndex(numbers, 1, numbers, is_decoded=False)
