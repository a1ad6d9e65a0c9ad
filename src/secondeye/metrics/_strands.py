"""Frames shown to metrics side by side: each metric sees them in order, though one may be some frames ahead of another.

frame      0   1   2   3
strand A   xx  xx  xx  xx          quick: done with frame 2 while B is at frame 0
strand B   xxxxxxxxx   xx  xx      slow now and then: nobody stands idle for it
"""

import os
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from types import TracebackType

from secondeye.metrics import Pair

Update = Callable[[Pair], None]


class Shown:
    """A frame on its way: makes room for another when all strands have seen it."""

    def __init__(self, pair: Pair, strands: int, room: threading.Semaphore) -> None:
        self.pair, self._left, self._room = pair, strands, room
        self._lock = threading.Lock()

    def seen(self) -> None:
        """One more strand is done with it."""
        with self._lock:
            self._left -= 1
            is_done = self._left == 0
        if is_done:
            self._room.release()


class Strand:
    """Metrics that see frames one after the other, in one thread at a time."""

    def __init__(self, updates: Sequence[Update], strands: "Strands") -> None:
        self._updates, self._strands = updates, strands
        self._waiting: deque[Shown] = deque()
        self._lock = threading.Lock()
        self._is_running = False

    def add(self, shown: Shown) -> None:
        """Take a frame on; somebody who is free will show it."""
        with self._lock:
            self._waiting.append(shown)
            is_needed, self._is_running = not self._is_running, True
        if is_needed:
            self._strands.submit(self._next)

    def _next(self) -> None:
        """Show one frame, then let others have the thread."""
        shown = self._waiting[0]
        try:
            if self._strands.failure is None:
                for update in self._updates:
                    update(shown.pair)
        except BaseException as error:  # noqa: BLE001  # it is raised again where frames are shown
            self._strands.failure = error
        with self._lock:
            self._waiting.popleft()
            self._is_running = bool(self._waiting)
            is_needed = self._is_running
        shown.seen()
        if is_needed:
            self._strands.submit(self._next)


@cache
def _threads(process: int, count: int) -> ThreadPoolExecutor:
    """The same for all clips and methods, so that no more run at once; one for each process, for forks lose threads."""
    return ThreadPoolExecutor(count, thread_name_prefix="secondeye-metrics")


class Strands:
    """Threads that show frames to metrics; a context manager that waits for the last frame.

    Args:
        metrics: for each strand what to call with every frame.
        threads: strands that run at the same time; one frame more than that is held.
    """

    def __init__(self, metrics: Sequence[Sequence[Update]], threads: int) -> None:
        self.failure: BaseException | None = None
        self._frames = threads + 1
        self._room = threading.Semaphore(self._frames)
        self.submit = _threads(os.getpid(), threads).submit
        self._strands = [Strand(updates, self) for updates in metrics]

    def show(self, pair: Pair) -> None:
        """Hand on a frame as soon as there is room; raises what a metric raised at an earlier one."""
        self._room.acquire()
        if self.failure is not None or not self._strands:
            self._room.release()
            self._raise_failure()
            return
        shown = Shown(pair, len(self._strands), self._room)
        for strand in self._strands:
            strand.add(shown)

    def _raise_failure(self) -> None:
        if self.failure is not None:
            raise self.failure

    def __enter__(self) -> "Strands":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None and self.failure is None:
            self.failure = error  # nobody wants the rest
        for _ in range(self._frames):
            self._room.acquire()
        if error is None:
            self._raise_failure()
