"""Fill holes with what other frames of the shot show there, and the rest as `texture` does, from beside them.

    frame t - 3    . . . h h B B B        what the card F hides in frame t is seen before it came, or after it went
    frame t        . F F F F B B B        in the right eye h is a hole

    frames.py     what is kept of the frames before and after
    camera.py     how a world at rest moves in the picture from one frame to the next
    lattice.py    where every place and disparity of one frame is in the others
    search.py     at which disparity others show a surface on a hole's ray, and which do
    paint.py      the colours that they show there
    sample.py     what a frame shows between its pixels

Every frame's disparity is a map of the world, so that frames are asked what they see where a hole's ray passes, and
nothing is guessed from beside it. What moves by itself is not looked for; holes that show it are left to `texture`.
A colour is taken from the frames themselves, once, so that nothing blurs; what the last frames within reach show is
faded in, so that nothing pops. Where a long shot is parted into segments, the frames beyond are asked like its own.
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
from secondeye.inpainters import texture
from secondeye.inpainters.propagate.frames import Memory
from secondeye.inpainters.propagate.lattice import spread
from secondeye.inpainters.propagate.paint import paint_blocks
from secondeye.inpainters.propagate.search import SOURCES, pace_of, search_blocks
from secondeye.types import Clip, Needs, StereoClip, WarpedClip

HELD_BYTES = 600 << 20
"""At most so many bytes of frames wait for those ahead of them: 10 at 1080p, 3 at 4K, none at 8K. The frame that is
being filled and the rest of its clip come on top, and what is kept of frames before and after: 218 MB at 1080p, 830 MB
at 8K."""

LEAST_BEHIND = 4
"""So many frames before are looked at even where fewer may wait for those after: each is kept in 5 bytes a pixel."""

BLOCKS_ACROSS = 960
"""Holes are searched in blocks of a pixel up to this width, of 2 px at 1080p."""


class Propagate:
    """Fills holes from other frames; see the module."""

    def __init__(self, reach_frames: int) -> None:
        self._reach_frames = reach_frames
        self.needs = Needs(ahead=reach_frames, exact=True)

    def inpaint(self, clips: Iterator[WarpedClip]) -> Iterator[StereoClip]:
        """Yield each clip with its holes filled; known pixels pass bit for bit."""
        waiting: deque[_Waiting] = deque()
        memory: Memory | None = None
        seen = done = ahead = reach = 0
        for clip in clips:
            if memory is None:
                ahead = _affordable(self._reach_frames, *clip.left.size)
                reach = max(ahead, min(LEAST_BEHIND, self._reach_frames))
                memory = Memory(ahead + 1 + reach, *clip.left.size)
            waiting.append(_Waiting(clip.left, texture.fill(clip.right.clone(), clip), clip.hole, seen))
            for t in range(len(clip)):
                memory.add(seen, _array(clip.left.rgb[t]), _array(clip.disparity[t, 0]))
                seen += 1
                if seen - done > ahead:
                    _fill(memory, _holding(waiting, done), done, seen, (reach, ahead))
                    done += 1
                    yield from _finished(waiting, done)
        while memory is not None and done < seen:
            _fill(memory, _holding(waiting, done), done, seen, (reach, ahead))
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
    """How many frames ahead may be waited for, each with two views of float32 and its holes."""
    return min(reach_frames, HELD_BYTES // ((2 * 3 * 4 + 1) * height * width))


def _holding(waiting: "deque[_Waiting]", frame: int) -> _Waiting:
    return next(one for one in waiting if frame < one.first + len(one.left))


def _fill(memory: Memory, held: _Waiting, frame: int, seen: int, reach: tuple[int, int]) -> None:
    """Lay over the holes of `frame` what the other frames in memory show there, up to so many before and after it."""
    t, ring = frame - held.first, memory.ring
    hole = held.hole[t, 0].cpu().numpy()
    if not hole.any():
        return
    (height, width), slots = hole.shape, len(ring.disparity)
    block_px = max(1, round(width / BLOCKS_ACROSS))
    lattice = spread(ring, frame, max(0, seen - slots), seen - 1, reach)
    depth = np.empty((-(-height // block_px), -(-width // block_px)), np.float32)
    sources = np.empty((*depth.shape, SOURCES), np.int8)
    right = held.right[t].to("cpu", torch.float32).contiguous()
    job = (ring, lattice, hole, block_px, pace_of(lattice, block_px), depth, sources)
    run_rows(lambda start, stop: search_blocks(*job, start, stop), len(depth))
    painted = right.numpy()
    run_rows(lambda start, stop: paint_blocks(*job, painted, start, stop), len(depth))
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
