"""How this package compiles its CPU kernels, and runs them over the rows of many frames at once."""

import logging
import os
import pickle
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from typing import Any, TypeVar

import numba
import torch
from numba.core import event
from numba.core.dispatcher import Dispatcher

Kernel = TypeVar("Kernel", bound=Callable[..., Any])
Result = TypeVar("Result")

LOG = logging.getLogger(__name__)

SMALLEST_BAND_ROWS = 16
BANDS_PER_THREAD = 4
"""More bands than threads, so that a busy machine's slower thread holds nobody up."""


# "contract" and "nsz" keep NaN and the order of sums, so that results do not depend on how loops are vectorised.
_OPTIONS: dict[str, Any] = {"nogil": True, "fastmath": {"contract", "nsz"}, "error_model": "numpy"}


def step(function: Kernel) -> Kernel:
    """Compile a part of a kernel, on first use."""
    part: Kernel = numba.njit(**_OPTIONS)(function)
    return part


def bare_step(function: Kernel) -> Kernel:
    """Compile a part that makes no arrays: references to them are not counted, which costs more than little work."""
    part: Kernel = numba.njit(_nrt=False, **_OPTIONS)(function)
    return part


def kernel(function: Kernel) -> Kernel:
    """Compile a kernel on first use, to run without Python's lock; kept on disk if some folder can be written.

    Threads of our own run the kernels, not numba's: those may not be called from two threads at once everywhere,
    and spin while they wait, which steals time from decoding and encoding.
    """
    whole: Kernel = njit(**_OPTIONS)(function)
    return whole


def njit(**options: Any) -> Callable[[Any], Any]:
    """`numba.njit` as all of us use it: without Python's lock, and kept on disk if some folder can be written.

    Numba keeps what it compiled until the function's own file changes, and looks at no other, though steps and
    constants of other files are compiled in. Here a kernel is kept until a file changes in its folder, or in that of
    a step that its module imports; so what goes into a kernel must come from there.
    """

    def compile_later(function: Any) -> Any:
        settings = {"nogil": True, **options}
        try:
            whole = numba.njit(cache=True, **settings)(function)
        except RuntimeError:  # numba finds no folder for its cache
            return numba.njit(**settings)(function)
        kept = whole._cache._cache_file
        kept._source_stamp = _stamp(function)
        kept.load = partial(_load, kept, kept.load)
        return whole

    return compile_later


def _load(kept: Any, load: Callable[[Any], Any], key: Any) -> Any:
    """What was kept, or None to compile it again where a crash or a full disk left it damaged."""
    try:
        return load(key)
    except (pickle.UnpicklingError, EOFError, ValueError, TypeError, AttributeError, ImportError, IndexError) as error:
        LOG.info("a kernel's cache is damaged and is made anew: %s", error)
        kept.flush()
        return None


def _stamp(function: Any) -> tuple[tuple[str, int, int], ...]:
    """Name, date and size of every file that may be compiled into a function."""
    parts = [value.py_func for value in function.__globals__.values() if isinstance(value, Dispatcher)]
    folders = {Path(part.__code__.co_filename).parent for part in (function, *parts)}
    return tuple(file for folder in sorted(folders) for file in _files(folder))


@cache
def _files(folder: Path) -> tuple[tuple[str, int, int], ...]:
    stats = ((path.name, path.stat()) for path in sorted(folder.glob("*.py")))
    return tuple((name, stat.st_mtime_ns, stat.st_size) for name, stat in stats)


@contextmanager
def announced() -> Iterator[None]:
    """Within, say once where kernels have to be compiled: on a machine's first run, for up to a minute."""
    with event.install_listener("numba:compile", _Announcer()):
        yield


class _Announcer(event.Listener):  # type: ignore[misc]  # numba has no types
    def __init__(self) -> None:
        self._told = False

    def on_start(self, event: Any) -> None:
        if not self._told:
            self._told = True
            LOG.warning("first run on this machine: compiling for its processor, which takes up to a minute, once")

    def on_end(self, event: Any) -> None:
        pass


@cache
def _threads(process: int, count: int) -> ThreadPoolExecutor:
    """One pool for each process: threads do not survive a fork."""
    return ThreadPoolExecutor(count, thread_name_prefix="secondeye-rows")


def _bands(rows: int, threads: int) -> Iterator[tuple[int, int]]:
    size = max(SMALLEST_BAND_ROWS, -(-rows // (threads * BANDS_PER_THREAD)))
    return ((first, min(first + size, rows)) for first in range(0, rows, size))


def run_rows(band: Callable[[int, int], Result], rows: int) -> list[Result]:
    """Call band(first, stop) for all bands of rows, on as many threads as torch uses; results in order."""
    threads = torch.get_num_threads()
    if threads == 1 or rows <= SMALLEST_BAND_ROWS:
        return [band(0, rows)]
    return run_beside(*(partial(band, first, stop) for first, stop in _bands(rows, threads)))


def run_beside(*calls: Callable[[], Result]) -> list[Result]:
    """Call all at once, on as many threads as torch uses; results in order.

    What one raises, the first of them in order, leaves once none is at work any more: they write into arrays.
    """
    threads = torch.get_num_threads()
    if threads == 1:
        return [call() for call in calls]
    pool = _threads(os.getpid(), threads)
    waiting = [pool.submit(call) for call in calls]
    try:
        return [call.result() for call in waiting]
    except BaseException:
        for call in waiting:
            call.cancel()
        wait(waiting)
        raise
