"""Ctrl-C is told as what it is, whatever was being done and whatever that made of it."""

import signal
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

import secondeye
from secondeye.cli.app import run
from secondeye.errors import InputError, SegmentError, is_interrupt
from tests.media import moving_texture, write_video

FAST = {"depth": "parallax", "preset": "ultrafast"}


def chained(*errors: BaseException, by: str = "cause") -> Exception:
    """The last of errors that each come of the one before, as Python or compiled code would chain them."""
    for first, second in pairwise(errors):
        setattr(second, f"__{by}__", first)
    assert isinstance(errors[-1], Exception)
    return errors[-1]


def test_an_interrupt_is_found_however_deep() -> None:
    for by in ("cause", "context"):
        assert is_interrupt(chained(KeyboardInterrupt(), SystemError("a"), SystemError("b"), by=by))
        assert not is_interrupt(chained(ValueError(), SystemError("a"), SystemError("b"), by=by))
    assert is_interrupt(KeyboardInterrupt())
    assert not is_interrupt(SystemError("none before it"))


def test_what_was_raised_instead_of_an_interrupt_is_none() -> None:
    def answered() -> None:
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt:
            raise ValueError from None

    with pytest.raises(ValueError) as caught:  # noqa: PT011  it has no message
        answered()
    assert isinstance(caught.value.__context__, KeyboardInterrupt)
    assert not is_interrupt(caught.value)


def test_a_circle_of_errors_ends() -> None:
    one, two = SystemError(), SystemError()
    one.__context__, two.__context__ = two, one
    assert not is_interrupt(one)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_video(tmp_path_factory.mktemp("clip") / "clip.mp4", moving_texture(6, 64, 48))


@pytest.mark.parametrize("stage", ["store", "convert_segment"])
@pytest.mark.parametrize("kind", [SystemError, InputError, MemoryError])
def test_segments_that_an_interrupt_ended_have_not_failed(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stage: str, kind: type[Exception]
) -> None:
    def stopped(*_: object, **__: object) -> None:
        raise chained(KeyboardInterrupt(), SystemError("inner"), kind("outer"))

    monkeypatch.setattr(f"secondeye.convert.run.{stage}", stopped)
    with pytest.raises(KeyboardInterrupt):
        secondeye.convert(clip, tmp_path / "out.mp4", work_dir=tmp_path / "work", **FAST)
    assert len(list((tmp_path / "work").rglob("scan.json"))) == 1, "what was found so far is kept"


def test_segments_that_a_fault_ended_have(clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise chained(ValueError("inner"), SystemError("outer"))

    monkeypatch.setattr("secondeye.convert.run.convert_segment", broken)
    with pytest.raises(SegmentError, match="SystemError: outer"):
        secondeye.convert(clip, tmp_path / "out.mp4", **FAST)


@pytest.mark.parametrize("stage", ["plan.find_cuts", "run.convert_segment"])
def test_the_command_says_that_it_was_stopped(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], stage: str
) -> None:
    def stopped(*_: object, **__: object) -> None:
        raise chained(KeyboardInterrupt(), SystemError("CPUDispatcher returned a result with an exception set"))

    monkeypatch.setattr(f"secondeye.convert.{stage}", stopped)
    code = run(["convert", str(clip), str(tmp_path / "out.mp4"), "--depth", "parallax", "--progress", "none"])
    assert code == 130
    assert capsys.readouterr().err.startswith("secondeye: stopped; where parts were finished")


SIGNALLED = """
import random, signal, sys, time
import torch
from secondeye.convert.run import _told_as
from secondeye.depth.upsample import upsample_guided
from secondeye.progress import StageClock
from secondeye.types import Segment

def interrupt(number, frame):
    raise KeyboardInterrupt

torch.set_num_threads(1)
depth, colours = torch.rand(1, 1, 12, 16), torch.rand(1, 3, 24, 32)
upsample_guided(depth, colours)
signal.signal(signal.SIGALRM, interrupt)
rounds, others, end = 0, 0, time.monotonic() + 20
while others < 3 and time.monotonic() < end:
    rounds += 1
    try:
        signal.setitimer(signal.ITIMER_REAL, random.uniform(2e-4, 1e-3))
        with _told_as(Segment(0, 0, 1), StageClock("depth", 1, 0, None)):
            while True:
                upsample_guided(depth, colours)
    except KeyboardInterrupt as error:
        others += isinstance(error.__cause__, SystemError)
print(rounds, others)
"""


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timers here")
def test_signals_amid_compiled_code_are_interrupts() -> None:
    """A signal every millisecond: about one in a hundred comes where numba makes a SystemError of it."""
    done = subprocess.run([sys.executable, "-c", SIGNALLED], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    rounds, others = map(int, done.stdout.split())
    assert rounds > 10
    if not others:
        pytest.skip("no signal came at such a moment")
