"""Reading ahead and writing behind: two threads around the computing one, joined by short queues.

    read_ahead:  producer thread --[ bounded queue ]--> caller
    WriteBehind: caller --[ bounded queue ]--> writer thread

An error crosses the queue and is raised, with its own traceback, on the other side. Ending either side early ends the
other; no thread outlives its owner.
"""

import threading
import weakref
from collections import deque
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Any, Generic, Protocol, Self, TypeVar

from secondeye.errors import ContractError

T = TypeVar("T")
T_contra = TypeVar("T_contra", contravariant=True)


class Closed(Exception):  # noqa: N818  (a message between the two sides, not an error)
    """The other side has gone."""


class Channel(Generic[T]):
    """A bounded queue whose two sides can end it.

    Args:
        size: items that may wait.
    """

    def __init__(self, size: int) -> None:
        if size < 1:
            raise ContractError(f"queue size: expected 1 or more, got {size}")
        self._size = size
        self._items: deque[T] = deque()
        self._changed = threading.Condition()
        self._is_finished = self._is_closed = False
        self._error: BaseException | None = None

    def put(self, item: T) -> None:
        """Add an item, waiting for room.

        Raises:
            Closed: the taking side has gone.
        """
        with self._changed:
            self._changed.wait_for(lambda: len(self._items) < self._size or self._is_closed)
            if self._is_closed:
                raise Closed
            self._items.append(item)
            self._changed.notify_all()

    def finish(self, error: BaseException | None = None) -> None:
        """Say that no item follows; the taker gets what waits, then the error if there is one."""
        with self._changed:
            self._is_finished, self._error = True, error
            self._changed.notify_all()

    def take(self) -> T:
        """The next item.

        Raises:
            Closed: there is none any more.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._items or self._is_finished or self._is_closed)
            if self._items and not self._is_closed:
                item = self._items.popleft()
                self._changed.notify_all()
                return item
            error, self._error = self._error, None
        if error is not None:
            raise error
        raise Closed

    def close(self) -> None:
        """Throw away what waits and let both sides go."""
        with self._changed:
            self._is_closed = True
            self._items.clear()
            self._changed.notify_all()


class ReadAhead(Iterator[T]):
    """What `read_ahead` returns: an iterator, and a context manager that ends it early."""

    def __init__(self, iterable: Iterable[T], size: int) -> None:
        self._iterable = iterable
        self._channel: Channel[T] = Channel(size)
        self._thread: threading.Thread | None = None
        self._is_over = False
        weakref.finalize(
            self, self._channel.close
        ).atexit = False  # without waiting; the thread sees it at its next item

    def __next__(self) -> T:
        if self._is_over:
            raise StopIteration
        if self._thread is None:
            self._thread = threading.Thread(target=_produce, args=(self._iterable, self._channel), name="read ahead")
            self._thread.daemon = True
            self._thread.start()
        try:
            return self._channel.take()
        except BaseException as error:
            self.close()
            if isinstance(error, Closed):
                raise StopIteration from None
            raise

    def close(self) -> None:
        """End the thread, and the iterable with it; again is no error."""
        self._is_over = True
        self._channel.close()
        if self._thread is not None:
            self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _produce(iterable: Iterable[Any], channel: Channel[Any]) -> None:
    """Body of the producing thread; it holds the channel but not the ReadAhead, whose end must be noticed."""
    iterator = iter(iterable)
    error: BaseException | None = None
    try:
        for item in iterator:
            channel.put(item)
            del item
    except Closed:
        pass
    except BaseException as caught:  # noqa: BLE001  (handed to the consumer, who raises it)
        error = caught
    finally:
        close = getattr(iterator, "close", None)
        if close is not None:
            close()
        channel.finish(error)


def read_ahead(iterable: Iterable[T], size: int) -> ReadAhead[T]:
    """Iterate in a thread of its own, at most `size` items ahead.

    The thread begins with the first item asked for, and ends with the iterable, with `close()`, at the end of a `with`
    block, or soon after the last reference to the result is gone. Errors of the iterable are raised here, after the
    items before them.
    """
    return ReadAhead(iterable, size)


class Writes(Protocol[T_contra]):
    """Whatever takes items one by one."""

    def write(self, item: T_contra, /) -> None: ...


class WriteBehind(Generic[T]):
    """Writes to a sink in a thread of its own, at most `size` items behind; a context manager.

    Leaving the block waits until all is written. Leaving it through an exception throws away what waits. An error of
    the sink is raised by the next `write` or by `close`, once. The sink itself is the caller's to close.
    """

    def __init__(self, sink: Writes[T], size: int) -> None:
        self._channel: Channel[T] = Channel(size)
        self._outcome: list[BaseException] = []
        self._thread = threading.Thread(target=self._consume, args=(sink,), name="write behind", daemon=True)
        self._thread.start()

    def _consume(self, sink: Writes[T]) -> None:
        try:
            while True:
                sink.write(self._channel.take())
        except Closed:
            pass
        except BaseException as caught:  # noqa: BLE001  (handed to the producer, who raises it)
            self._outcome.append(caught)
            self._channel.close()

    def write(self, item: T) -> None:
        """Hand over an item, waiting for room.

        Raises:
            Exception: whatever the sink raised for an earlier one.
            ContractError: after the end.
        """
        try:
            self._channel.put(item)
        except Closed:
            self._raise_outcome()
            raise ContractError("write: expected an open queue, got one that is closed") from None

    def close(self) -> None:
        """Wait until all is written.

        Raises:
            Exception: whatever the sink raised.
        """
        self._channel.finish()
        self._thread.join()
        self._channel.close()
        self._raise_outcome()

    def abort(self) -> None:
        """End at once; what waits is not written."""
        self._channel.close()
        self._thread.join()

    def _raise_outcome(self) -> None:
        if self._outcome:
            raise self._outcome.pop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
        else:
            self.abort()
