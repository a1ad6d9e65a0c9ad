"""Threads around a computation: order, bounds, errors with their traceback, and no thread left behind."""

import threading
import time
import traceback
from collections.abc import Iterator
from typing import Any

import pytest

from secondeye.errors import ContractError
from secondeye.video.threads import WriteBehind, read_ahead


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    deadline = time.monotonic() + 5
    while set(threading.enumerate()) - before and time.monotonic() < deadline:
        time.sleep(0.002)
    assert set(threading.enumerate()) - before == set()


class Counted:
    """An iterator that counts what was taken from it, and notes when it is closed."""

    def __init__(self, stop: int) -> None:
        self.taken = 0
        self.stop = stop
        self.closed = False

    def __iter__(self) -> Iterator[int]:
        try:
            for number in range(self.stop):
                self.taken += 1
                yield number
        finally:
            self.closed = True


def test_everything_comes_in_order() -> None:
    for size in (1, 2, 7):
        assert list(read_ahead(range(50), size)) == list(range(50))
    assert list(read_ahead([], 1)) == []


def test_it_really_runs_in_another_thread() -> None:
    assert set(read_ahead((threading.get_ident() for _ in range(3)), 1)).isdisjoint({threading.get_ident()})


@pytest.mark.parametrize("size", [1, 3])
def test_reading_ahead_is_bounded(size: int) -> None:
    source = Counted(100)
    with read_ahead(source, size) as items:
        assert next(items) == 0
        time.sleep(0.05)
        assert 2 <= source.taken <= size + 2  # given, waiting, and one in the producer's hands
        assert next(items) == 1


def test_nothing_starts_before_it_is_asked_for() -> None:
    source = Counted(3)
    items = read_ahead(source, 2)
    assert threading.active_count() == len(threading.enumerate())
    time.sleep(0.02)
    assert source.taken == 0
    items.close()
    assert list(items) == []


@pytest.mark.parametrize("ending", ["close", "with", "del", "loop"])
def test_ending_early_ends_the_thread_and_closes_the_iterable(ending: str) -> None:
    source = Counted(10**6)
    items = read_ahead(source, 2)
    assert next(items) == 0
    if ending == "close":
        items.close()
    elif ending == "with":
        with items:
            pass
    elif ending == "loop":
        for _ in items:
            break
        del items
    else:
        del items
    deadline = time.monotonic() + 5
    while not source.closed and time.monotonic() < deadline:
        time.sleep(0.002)
    assert source.closed
    assert source.taken <= 6


def failing_source() -> Iterator[int]:
    yield 1
    yield 2
    raise ZeroDivisionError("from the source")


def test_errors_of_the_source_come_after_its_items_with_their_traceback() -> None:
    items = read_ahead(failing_source(), 5)
    assert [next(items), next(items)] == [1, 2]
    with pytest.raises(ZeroDivisionError, match="from the source") as caught:
        next(items)
    assert "failing_source" in "".join(traceback.format_tb(caught.tb))
    assert list(items) == []


def test_the_consumer_may_be_faster_or_slower() -> None:
    def slow() -> Iterator[int]:
        for number in range(5):
            time.sleep(0.005)
            yield number

    assert list(read_ahead(slow(), 2)) == [0, 1, 2, 3, 4]
    seen = []
    for number in read_ahead(range(5), 2):
        time.sleep(0.005)
        seen.append(number)
    assert seen == [0, 1, 2, 3, 4]


class Sink:
    """Keeps what is written, slowly, and fails at one item."""

    def __init__(self, fail_at: int | None = None, delay_s: float = 0.0) -> None:
        self.written: list[int] = []
        self.fail_at = fail_at
        self.delay_s = delay_s

    def write(self, item: int) -> None:
        time.sleep(self.delay_s)
        if item == self.fail_at:
            raise OSError("the disk is full")
        self.written.append(item)


def test_all_is_written_before_the_block_is_left() -> None:
    sink = Sink(delay_s=0.002)
    with WriteBehind(sink, 2) as queue:
        for number in range(20):
            queue.write(number)
    assert sink.written == list(range(20))


def test_writing_behind_is_bounded() -> None:
    release = threading.Event()

    class Stuck(Sink):
        def write(self, item: int) -> None:
            release.wait(5)
            super().write(item)

    sink = Stuck()
    with WriteBehind(sink, 2) as queue:
        accepted: list[int] = []

        def fill() -> None:
            for number in range(6):
                queue.write(number)
                accepted.append(number)

        filler = threading.Thread(target=fill)
        filler.start()
        time.sleep(0.05)
        assert len(accepted) == 3, "two wait, one is being written"
        release.set()
        filler.join()
    assert sink.written == list(range(6))


def test_an_error_of_the_sink_surfaces_at_a_later_write() -> None:
    sink = Sink(fail_at=3)
    with pytest.raises(OSError, match="disk is full") as caught, WriteBehind(sink, 1) as queue:
        for number in range(10**6):
            queue.write(number)
    assert "in write" in "".join(traceback.format_tb(caught.tb))
    assert sink.written == [0, 1, 2]


def test_an_error_of_the_last_item_surfaces_at_the_end() -> None:
    with pytest.raises(OSError, match="disk is full"), WriteBehind(Sink(fail_at=0, delay_s=0.02), 5) as queue:
        queue.write(0)


def test_leaving_through_an_exception_writes_nothing_more() -> None:
    sink = Sink(delay_s=0.02)
    with pytest.raises(KeyError), WriteBehind(sink, 50) as queue:
        for number in range(50):
            queue.write(number)
        raise KeyError
    assert len(sink.written) < 10


def test_nothing_is_taken_after_the_end() -> None:
    queue: WriteBehind[Any] = WriteBehind(Sink(), 2)
    queue.close()
    with pytest.raises(ContractError):
        queue.write(1)
    queue.close()


def test_a_queue_holds_at_least_one() -> None:
    with pytest.raises(ContractError):
        read_ahead([1], 0)
    with pytest.raises(ContractError):
        WriteBehind(Sink(), 0)
