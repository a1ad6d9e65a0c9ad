"""Fill holes with what other frames of the shot show there; the rest from the background beside them."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from secondeye.compiled import run_rows
from secondeye.errors import InputError
from secondeye.inpainters import stretch
from secondeye.inpainters.propagate.fetch import fetch_cells
from secondeye.inpainters.propagate.frames import Memory
from secondeye.inpainters.propagate.holes import find_holes
from secondeye.types import Needs, StereoClip, WarpedClip


class Propagate:
    """Fills holes from other frames; see the module."""

    needs = Needs(exact=True)

    def __init__(self, reach_frames: int) -> None:
        self._reach_frames = reach_frames

    def inpaint(self, clips: Iterator[WarpedClip]) -> Iterator[StereoClip]:
        """Yield each clip with its holes filled; known pixels pass bit for bit."""
        waiting: deque[_Waiting] = deque()
        memory: Memory | None = None
        seen = done = 0
        for clip in clips:
            if memory is None:
                memory = Memory(2 * self._reach_frames + 1, *clip.left.size)
            waiting.append(_Waiting(clip, stretch.fill(clip.right.clone(), clip), seen))
            for t in range(len(clip)):
                memory.add(seen, _array(clip.left.rgb[t]), _array(clip.disparity[t, 0]))
                seen += 1
                if seen - done > self._reach_frames:
                    self._fill(memory, waiting, done, seen)
                    done += 1
                    yield from _finished(waiting, done)
        while memory is not None and done < seen:
            self._fill(memory, waiting, done, seen)
            done += 1
            yield from _finished(waiting, done)

    def _fill(self, memory: Memory, waiting: "deque[_Waiting]", frame: int, seen: int) -> None:
        held = next(one for one in waiting if frame < one.first + len(one.clip))
        t = frame - held.first
        hole = held.clip.hole[t, 0].cpu().numpy()
        if not hole.any():
            return
        width = hole.shape[1]
        cell_px, reach_px, edge_px = max(6, width // 96), max(12, width // 60), max(1, width // 960)
        holes = find_holes(hole, _array(held.clip.disparity[t, 0]), cell_px)
        if len(holes.first) < 2:
            return
        right = held.right[t].to("cpu", torch.float32).contiguous()
        painted, sure = right.numpy(), np.zeros(hole.shape, np.float32)
        oldest, newest = max(0, seen - len(memory.ring.colors)), seen - 1

        def band(start: int, stop: int) -> None:
            fetch_cells(
                memory.ring,
                *holes,
                frame,
                oldest,
                newest,
                self._reach_frames,
                reach_px,
                edge_px,
                painted,
                sure,
                start,
                stop,
            )

        run_rows(band, len(holes.first) - 1)
        if right.data_ptr() != held.right[t].data_ptr():
            held.right[t].copy_(right)


@dataclass
class _Waiting:
    """A clip that waits for the frames after it."""

    clip: WarpedClip
    right: Tensor
    first: int


def _finished(waiting: "deque[_Waiting]", done: int) -> Iterator[StereoClip]:
    while waiting and waiting[0].first + len(waiting[0].clip) <= done:
        held = waiting.popleft()
        yield StereoClip(held.clip.left, replace(held.clip.left, rgb=held.right))


def _array(values: Tensor) -> NDArray[np.float32]:
    array: NDArray[np.float32] = values.to("cpu", torch.float32).contiguous().numpy()
    return array


def build(reach_frames: int = 10) -> Propagate:
    """The propagating inpainter.

    Args:
        reach_frames: how many frames before and after a frame are looked at; each one ahead is held in memory.

    Raises:
        InputError: a reach outside 1 to 60.
    """
    if not 1 <= reach_frames <= 60:
        raise InputError(f"propagate reach_frames {reach_frames} is outside 1 to 60; 10 is usual")
    return Propagate(reach_frames)
