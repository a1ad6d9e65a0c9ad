"""One stream of frames for several readers at once, so that a view is made once and judged in every way.

    frames --+--> protocol A (a thread, which pulls)
             +--> protocol B
             +--> cheats

All readers are done with a frame before the next is made: no more than one is held, and what makes frames never runs
beside what judges them, for their kernels bring their own threads.
"""

import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class _Reader(Generic[T]):
    """One reader in its thread."""

    def __init__(self, name: str, read: Callable[[Iterator[T]], Any]) -> None:
        self._items: queue.SimpleQueue[tuple[T] | None] = queue.SimpleQueue()
        self._idle = threading.Event()
        self._read, self._has_left = read, False
        self.result: Any = None
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name=f"secondeye-{name}", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.result = self._read(self._each())
        except BaseException as error:  # noqa: BLE001  raised again in the caller's thread
            self.error = error
        finally:
            self._has_left = True
            self._idle.set()

    def _each(self) -> Iterator[T]:
        while (item := self._items.get()) is not None:
            yield item[0]
            del item
            self._idle.set()

    def give(self, item: T) -> None:
        """Hand on an item, unless the reader has seen enough."""
        self._idle.clear()
        if self._has_left:  # asked after clearing, so that one who leaves just now is not waited for
            self._idle.set()
        else:
            self._items.put((item,))

    def settle(self) -> None:
        """Wait until the reader is done with the item."""
        self._idle.wait()
        if self.error is not None:
            raise self.error

    def end(self) -> None:
        """Say that no item follows, and wait for the thread."""
        self._items.put(None)
        self._thread.join()


def read_together(items: Iterable[T], readers: Mapping[str, Callable[[Iterator[T]], Any]]) -> dict[str, Any]:
    """Give every item to every reader, in order.

    Args:
        items: the stream; consumed in the caller's thread.
        readers: by name, what reads the stream; one may stop early.

    Returns:
        By name, what each reader returned. The first error of any is raised here, and no thread is left behind.
    """
    running = {name: _Reader(name, read) for name, read in readers.items()}
    try:
        for item in items:
            for reader in running.values():
                reader.give(item)
            for reader in running.values():
                reader.settle()
    finally:
        for reader in running.values():
            reader.end()
    for reader in running.values():
        if reader.error is not None:
            raise reader.error
    return {name: reader.result for name, reader in running.items()}
