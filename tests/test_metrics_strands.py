"""Frames shown to metrics side by side: in order, few at a time, and no failure is lost or waited for."""

import threading
import time
import weakref
from collections.abc import Iterator

import pytest
import torch

from secondeye.metrics import Pair, Region, Score, measure


class Recorder:
    """A meter that notes which frames it saw, by which thread, and may be slow or break."""

    def __init__(self, seconds: float = 0.0, breaks_at: int | None = None) -> None:
        self._seconds, self._breaks_at = seconds, breaks_at
        self.seen: list[int] = []
        self._inside = threading.Lock()

    def update(self, pair: Pair) -> None:
        assert self._inside.acquire(blocking=False), "two threads in one meter"
        time.sleep(self._seconds * (pair.index % 3))
        if pair.index == self._breaks_at:
            self._inside.release()
            raise ValueError(f"frame {pair.index}")
        self.seen.append(pair.index)
        self._inside.release()

    def finish(self) -> dict[Region, Score]:
        return {"whole": Score(float(len(self.seen)))}


def pairs(count: int) -> Iterator[Pair]:
    for index in range(count):
        yield Pair(torch.zeros(3, 4, 4), index=index)


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_every_meter_sees_every_frame_in_order(threads: int) -> None:
    meters = {name: Recorder(seconds) for name, seconds in (("a", 0.0), ("b", 0.002), ("c", 0.001), ("d", 0.0))}
    found = measure(pairs(20), meters, threads, {"a": "kin", "b": "kin", "c": ""})
    for name, meter in meters.items():
        assert meter.seen == list(range(20)), name
        assert found[name]["whole"].value == 20


def test_a_slow_metric_stops_nobody_at_once() -> None:
    """The quick one is shown frame 1 while the slow one is still at frame 0."""
    passed = threading.Event()

    class Slow(Recorder):
        def update(self, pair: Pair) -> None:
            if pair.index == 0:
                assert passed.wait(10)
            super().update(pair)

    class Quick(Recorder):
        def update(self, pair: Pair) -> None:
            super().update(pair)
            if pair.index == 1:
                passed.set()

    meters = {"slow": Slow(), "quick": Quick()}
    measure(pairs(6), meters, 2)
    assert meters["slow"].seen == meters["quick"].seen == list(range(6))


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_few_frames_are_held(threads: int) -> None:
    alive: list[weakref.ref[Pair]] = []
    most = 0

    def watched() -> Iterator[Pair]:
        nonlocal most
        for pair in pairs(30):
            alive.append(weakref.ref(pair))
            most = max(most, sum(ref() is not None for ref in alive))
            yield pair
            del pair

    measure(watched(), {"a": Recorder(0.002), "b": Recorder()}, threads)
    assert most <= threads + 4, "those held, the one being handed on, and what threads have just let go of"


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("frame", [0, 4, 9])
def test_what_a_metric_raises_is_raised(threads: int, frame: int) -> None:
    meters = {"good": Recorder(), "bad": Recorder(breaks_at=frame)}
    with pytest.raises(ValueError, match=f"frame {frame}"):
        measure(pairs(10), meters, threads)
    assert meters["bad"].seen == list(range(frame))


def test_what_the_frames_raise_is_raised_and_nobody_waits() -> None:
    def broken() -> Iterator[Pair]:
        yield from pairs(3)
        raise ValueError("no more frames")

    meters = {"a": Recorder(), "b": Recorder()}
    with pytest.raises(ValueError, match="no more frames"):
        measure(broken(), meters)
    assert meters["a"].seen == list(range(len(meters["a"].seen)))


def test_nothing_to_measure() -> None:
    assert measure(pairs(5), {}) == {}
    assert measure(iter(()), {"a": Recorder()})["a"]["whole"].value == 0
