"""Fill holes with what other frames of the shot show there, and the rest as `stretch` does, from beside them.

    frame t - 3    . . . h h B B B        what the card F hides in frame t is seen before it came, or after it went
    frame t        . F F F F B B B        in the right eye h is a hole

    frames.py    what is kept of the frames before and after        holes.py      the holes, gathered in cells
    camera.py    how a world at rest moves in the picture           support.py    how one cell's background moves
    fetch.py     choose frames for a cell and take their colours    align.py      its motion, made exact

A colour is taken only where the other frame shows, by its disparity, the background that belongs into the hole, and no
foreground close by; where the background beside the hole looks alike in both frames, at full size; and from the frame
itself, once, so that nothing blurs. What the last frames within reach show is faded in, so that nothing pops.
"""

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
from secondeye.inpainters.propagate.camera import DISPARITY_STEPS
from secondeye.inpainters.propagate.fetch import fetch_cells
from secondeye.inpainters.propagate.frames import Memory
from secondeye.inpainters.propagate.holes import find_holes
from secondeye.types import Clip, Needs, StereoClip, WarpedClip

HELD_BYTES = 600 << 20
"""At most about so many bytes of frames wait for those ahead of them: 10 frames at 1080p, 3 at 4K."""


class Propagate:
    """Fills holes from other frames; see the module."""

    needs = Needs(exact=True)

    def __init__(self, reach_frames: int) -> None:
        self._reach_frames = reach_frames

    def inpaint(self, clips: Iterator[WarpedClip]) -> Iterator[StereoClip]:
        """Yield each clip with its holes filled; known pixels pass bit for bit."""
        waiting: deque[_Waiting] = deque()
        memory: Memory | None = None
        seen = done = reach = 0
        for clip in clips:
            if memory is None:
                reach = _affordable(self._reach_frames, *clip.left.size)
                memory = Memory(2 * reach + 1, *clip.left.size)
            waiting.append(_Waiting(clip.left, stretch.fill(clip.right.clone(), clip), clip.hole, seen))
            for t in range(len(clip)):
                memory.add(seen, _array(clip.left.rgb[t]), _array(clip.disparity[t, 0]))
                seen += 1
                if seen - done > reach:
                    _fill(memory, _holding(waiting, done), done, seen, reach)
                    done += 1
                    yield from _finished(waiting, done)
        while memory is not None and done < seen:
            _fill(memory, _holding(waiting, done), done, seen, reach)
            done += 1
            yield from _finished(waiting, done)


@dataclass
class _Waiting:
    """A clip that waits for the frames after it, its holes filled in one way or another; `first` frame's number."""

    left: Clip
    right: Tensor
    hole: Tensor
    first: int


def _affordable(reach_frames: int, height: int, width: int) -> int:
    """How many frames ahead may be waited for; each holds two views of float32."""
    return max(2, min(reach_frames, HELD_BYTES // (2 * 3 * 4 * height * width)))


def _holding(waiting: "deque[_Waiting]", frame: int) -> _Waiting:
    return next(one for one in waiting if frame < one.first + len(one.left))


def _fill(memory: Memory, held: _Waiting, frame: int, seen: int, reach: int) -> None:
    """Lay over the holes of `frame` what the other frames in memory show there."""
    t, ring = frame - held.first, memory.ring
    hole = held.hole[t, 0].cpu().numpy()
    if not hole.any():
        return
    width, slots = hole.shape[1], len(ring.disparity)
    disparity = ring.disparity[frame % slots] / np.float32(DISPARITY_STEPS)
    cell_px, reach_px, edge_px = max(6, width // 96), max(12, width // 60), max(1, width // 960)
    holes = find_holes(hole, disparity, cell_px)
    right = held.right[t].to("cpu", torch.float32).contiguous()
    span = (frame, max(0, seen - slots), seen - 1, reach)
    sizes, painted = (reach_px, edge_px), right.numpy()
    run_rows(lambda start, stop: fetch_cells(ring, *holes, *span, *sizes, painted, start, stop), len(holes.first) - 1)
    if right.data_ptr() != held.right[t].data_ptr():
        held.right[t].copy_(right)


def _finished(waiting: "deque[_Waiting]", done: int) -> Iterator[StereoClip]:
    while waiting and waiting[0].first + len(waiting[0].left) <= done:
        held = waiting.popleft()
        yield StereoClip(held.left, replace(held.left, rgb=held.right))


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
