"""Cast the rays of many pixels, on all cores: through their centres, through their edges, and towards other views."""

import math
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray

from secondeye.compiled import run_rows
from secondeye.scene import following, kernel
from secondeye.scene.bundle import BLOCK_PX, Doubles, Floats, Longs, Scratch, Stage, scratch
from secondeye.scene.edges import EDGES
from secondeye.scene.following import TRAIL, Found
from secondeye.scene.kernel import Pictures

CENTRE = np.zeros((1, 2))

CACHE_LINE_BYTES = 64

KEPT_BYTES = 1 << 28
"""Kept between renders, whose groups of frames take about 100 MB each."""


def offsets(samples: int) -> Doubles:
    """Where in a pixel its rays go, (S, 2) px from the centre; spread evenly however many they are.

    Source: M. Roberts, The unreasonable effectiveness of quasirandom sequences: the plastic number's sequence.
    """
    plastic = 1.32471795724474602596
    steps = np.arange(1, samples + 1)[:, None] * np.array([1 / plastic, 1 / plastic**2])
    shifted: Doubles = (steps + 0.5) % 1 - 0.5
    return shifted


class Memory:
    """Lends arrays, and again what nobody holds any longer: touching fresh memory takes longer than filling it."""

    def __init__(self) -> None:
        self._lent: list[NDArray[np.uint8]] = []
        (self._unshared,) = _references([np.empty(0, np.uint8)])

    def floats(self, *shape: int) -> Floats:
        """An array of single precision, whatever it holds."""
        return self.bytes(4 * math.prod(shape)).view(np.float32).reshape(shape)

    def bytes(self, count: int) -> NDArray[np.uint8]:
        """An array (count,), whatever it holds."""
        free = (
            buffer
            for buffer, references in zip(self._lent, _references(self._lent), strict=True)
            if len(buffer) >= count + CACHE_LINE_BYTES and references == self._unshared
        )
        smallest = min(free, key=len, default=None)
        if smallest is None:
            smallest = np.empty(count + CACHE_LINE_BYTES, np.uint8)
            self._lent.append(smallest)
        first = -smallest.ctypes.data % CACHE_LINE_BYTES  # rows of blocks are as long as a cache line
        return smallest[first : first + count]

    def keep(self, most_bytes: int) -> None:
        """Hold no more than so much from now on; what is lent stays with those who hold it."""
        while sum(map(len, self._lent)) > most_bytes:
            self._lent.pop()


@contextmanager
def memory() -> Iterator[Memory]:
    """What an earlier render has left, so that short shots do not each begin with fresh memory."""
    idle = _idle()
    try:
        lender = idle.pop()
    except IndexError:
        lender = Memory()
    try:
        yield lender
    finally:
        lender.keep(KEPT_BYTES)
        idle.append(lender)


@cache
def _idle() -> deque[Memory]:
    return deque(maxlen=1)


def _references(buffers: list[NDArray[np.uint8]]) -> list[int]:
    """How many hold each, which all that was made of an array do."""
    return [sys.getrefcount(buffer) for buffer in buffers]


def look(
    built: Stage,
    views: Longs,
    size: tuple[int, int],
    shift: Doubles = CENTRE,
    layers: bool = False,
    memory: Memory | None = None,
) -> Pictures:
    """Cast the rays through all pixels of some views, `shift` (1, 2) px off their centres."""
    pictures = _empty(memory or Memory(), len(views), size, layers)
    _draw(built, views, shift, pictures, False)
    return pictures


def _run(lines: Callable[[int, int, Scratch], None], built: Stage, pictures: Pictures) -> None:
    """Call a kernel for all lines of blocks; each thread works with `scratch` of its own."""
    count, height, _ = pictures.key.shape
    each = -(-height // BLOCK_PX)

    def band(first: int, stop: int) -> None:
        lines(-(-first // BLOCK_PX), -(-stop // BLOCK_PX), _space(threading.get_ident(), len(built.bodies)))

    run_rows(band, count * each * BLOCK_PX)


@lru_cache(maxsize=16)
def _space(thread: int, body_count: int) -> Scratch:
    """Where one thread works: a thread runs one kernel at a time, and touching fresh memory takes long."""
    return scratch(body_count)


def _empty(memory: Memory, count: int, size: tuple[int, int], layers: bool) -> Pictures:
    more = count if layers else 0
    counts = count, count, 3 * count, 3 * more, more, more, more
    key, *others = (memory.floats(some, size[1], size[0]) for some in counts)
    return Pictures(key.view(np.int32), *others)


def soften(built: Stage, views: Longs, pictures: Pictures, samples: int) -> None:
    """Replace colours and layers at edges by what as many rays as `samples` say."""
    _draw(built, views, offsets(samples), pictures, True)


def _draw(built: Stage, views: Longs, shifts: Doubles, pictures: Pictures, softening: bool) -> None:
    def lines(first: int, stop: int, space: Scratch) -> None:
        kernel.draw(first, stop, built, views, shifts, pictures, space, np.empty(1, EDGES), softening)

    _run(lines, built, pictures)


def shoot(built: Stage, view: int, columns: Doubles, rows: Doubles) -> Pictures:
    """Cast K rays through any places in a view; what they see is one row of K pixels."""
    pictures = _empty(Memory(), 1, (len(columns), 1), False)
    kernel.shoot(built, view, columns, rows, pictures, scratch(len(built.bodies)))
    return pictures


def follow(
    built: Stage,
    projections: Doubles,
    views: Longs,
    pictures: Pictures,
    targets: Longs,
    signs: Floats,
    memory: Memory | None = None,
) -> Found:
    """Where each pixel's point is in K other views of each, (K, V), and whether it is visible there."""
    memory, size = memory or Memory(), pictures.key.shape[1:]
    found = Found(
        memory.floats(2 * targets.size, *size),
        memory.bytes(targets.size * math.prod(size)).view(np.bool_).reshape(targets.size, *size),
        memory.floats(*pictures.key.shape).view(np.int32),
    )

    def lines(first: int, stop: int, space: Scratch) -> None:
        arguments = projections, views, targets, signs, pictures, found, space, np.empty(1, TRAIL)
        following.follow(first, stop, built, *arguments)

    _run(lines, built, pictures)
    return found
