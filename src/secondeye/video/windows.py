"""Regrouping streams of records: into windows that share frames, and back.

    frames          0 1 2 3 4 5 6 7 8 9
    windowed(5, 2)  0 1 2 3 4
                          3 4 5 6 7
                                6 7 8 9          last="short"
                              5 6 7 8 9          last="moved"
    merged          0 1 2 3 4|5 6 7|8 9

All of it works on every record of types.py: clips, depth clips, warped clips and stereo clips.
"""

import dataclasses
import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal, TypeVar

import torch
from torch import Tensor

from secondeye.errors import ContractError
from secondeye.types import Clip, DepthClip, StereoClip, WarpedClip

Record = TypeVar("Record", Clip, DepthClip, WarpedClip, StereoClip)


def windowed(
    records: Iterable[Record], window: int, overlap: int = 0, last: Literal["short", "moved"] = "short"
) -> Iterator[Record]:
    """Yield windows of exactly `window` frames, each sharing its first `overlap` with the one before.

    The last window ends with the stream: it is shorter ("short"), or begins earlier and shares more ("moved"), so that
    it too has `window` frames. A stream shorter than a window gives one short window either way. Where frame numbers
    jump, as at a damaged frame, the stream counts as ended and begun anew. Windows may share memory: do not write.

    Raises:
        ContractError: not 0 <= overlap < window.
    """
    if not 0 <= overlap < window:
        raise ContractError(f"overlap: expected 0 to {window - 1} for windows of {window} frames, got {overlap}")
    for run in _runs(records):
        yield from _windows_of_run(run, window, overlap, last)


def regroup(records: Iterable[Record], size: int) -> Iterator[Record]:
    """Yield the same frames in records of exactly `size` frames, shorter only at the end and before a jump."""
    return windowed(records, size)


def merged(records: Iterable[Record]) -> Iterator[Record]:
    """Undo `windowed`: of frames that come more than once only the first is kept."""
    wanted: int | None = None
    for record in records:
        start = frame_clip(record).start
        known = 0 if wanted is None else min(max(0, wanted - start), len(record))
        if known < len(record):
            yield taken(record, known, len(record))
            wanted = start + len(record)


def frame_clip(record: Clip | DepthClip | WarpedClip | StereoClip) -> Clip:
    """The clip at the bottom of a record."""
    return record if isinstance(record, Clip) else record.left


def taken(record: Record, start: int, stop: int) -> Record:
    """The frames [start, stop) of a record, as counted within it; memory is shared."""
    if (start, stop) == (0, len(record)):
        return record
    return _rebuilt(record, lambda value: _part(value, start, stop))


def joined(records: Sequence[Record]) -> Record:
    """One record of the frames of several that follow one another."""
    if len(records) == 1:
        return records[0]
    fields: dict[str, Any] = {}
    for field in dataclasses.fields(records[0]):
        values = [getattr(record, field.name) for record in records]
        first = values[0]
        if isinstance(first, Tensor):
            fields[field.name] = torch.cat(values)
        else:
            fields[field.name] = first if isinstance(first, int) else joined(values)
    return type(records[0])(**fields)


def _part(value: Any, start: int, stop: int) -> Any:
    if isinstance(value, Tensor):
        return value[start:stop]
    return value + start if isinstance(value, int) else taken(value, start, stop)


def _rebuilt(record: Record, change: Any) -> Record:
    fields = {field.name: change(getattr(record, field.name)) for field in dataclasses.fields(record)}
    return type(record)(**fields)


def _runs(records: Iterable[Record]) -> Iterator[Iterator[Record]]:
    """The stream in pieces within which frame numbers follow one another."""
    seen = 0

    def offset(record: Record) -> int:
        nonlocal seen
        seen += len(record)
        return frame_clip(record).start + len(record) - seen

    return (run for _, run in itertools.groupby(records, offset))


def _windows_of_run(
    records: Iterator[Record], window: int, overlap: int, last: Literal["short", "moved"]
) -> Iterator[Record]:
    stride = window - overlap
    held: list[Record] = []
    previous: Record | None = None
    for record in records:
        held.append(record)
        while sum(map(len, held)) >= window:
            whole = joined(held)
            previous = taken(whole, 0, window)
            yield previous
            held = [taken(whole, stride, len(whole))] if len(whole) > stride else []
    rest = sum(map(len, held))
    if rest <= (overlap if previous is not None else 0):
        return
    if last == "moved" and previous is not None:
        held.insert(0, taken(previous, stride - (window - rest), stride))
    yield joined(held)
