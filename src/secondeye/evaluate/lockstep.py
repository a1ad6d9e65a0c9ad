"""One stream for several readers: what a frame gives is made once, and used for every method and protocol.

                     +--> method A --> right view --+--> protocol 1 (a thread, which pulls)
    frames, once ----+                              +--> cheats
                     +--> method B --> right view --+--> protocol 1
                                                    +--> cheats

All readers take a frame before the next is made, so that few frames are held.
"""

import queue
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import TracebackType
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


class Readers(Generic[T]):
    """Readers of one stream, each in its thread; a context manager that leaves no thread behind.

    Args:
        readers: by name, what reads the stream; one may stop early.
    """

    def __init__(self, readers: Mapping[str, Callable[[Iterator[T]], Any]]) -> None:
        self._running = {name: _Reader(name, read) for name, read in readers.items()}

    def give(self, item: T) -> None:
        """Hand an item to all of them."""
        for reader in self._running.values():
            reader.give(item)

    def settle(self) -> None:
        """Wait until all are done with it; raises what one of them raised."""
        for reader in self._running.values():
            reader.settle()

    def results(self) -> dict[str, Any]:
        """Say that the stream has ended; by name, what each reader returned. Raises what one of them raised."""
        self.close()
        for reader in self._running.values():
            if reader.error is not None:
                raise reader.error
        return {name: reader.result for name, reader in self._running.items()}

    def close(self) -> None:
        """Say that no item follows, and wait for the threads."""
        for reader in self._running.values():
            reader.end()

    def __enter__(self) -> "Readers[T]":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Shared(Generic[T]):
    """A stream that several go through, each at its own pace; an item is kept until the slowest has had it.

    All branches are to be made before the first item is taken. What the stream raises is raised in each of them.
    """

    def __init__(self, items: Iterable[T]) -> None:
        self._items = iter(items)
        self._branches: list[Branch[T]] = []
        self._error: BaseException | None = None

    def branch(self) -> "Branch[T]":
        """The stream, for one more who goes through it."""
        self._branches.append(Branch(self))
        return self._branches[-1]

    def take(self) -> None:
        """Take one more item for all branches; raises StopIteration where there is none."""
        if self._error is not None:
            raise self._error
        try:
            item = next(self._items)
        except BaseException as error:
            self._error = error
            raise
        for branch in self._branches:
            branch.waiting.append(item)

    def leave(self, branch: "Branch[T]") -> None:
        """Keep nothing for a branch any more."""
        self._branches = [other for other in self._branches if other is not branch]


class Branch(Iterator[T]):
    """One who goes through a shared stream."""

    def __init__(self, shared: Shared[T]) -> None:
        self._shared = shared
        self.waiting: deque[T] = deque()

    def __next__(self) -> T:
        if not self.waiting:
            self._shared.take()
        return self.waiting.popleft()

    def close(self) -> None:
        """Want no more."""
        self._shared.leave(self)
        self.waiting.clear()
