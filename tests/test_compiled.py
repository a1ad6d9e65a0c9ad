"""Kernels are compiled, kept where that is possible, and run over rows in order."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import torch

from secondeye.compiled import run_beside, run_rows

COMPILES = """
import numba
from numba.core import caching

class Nowhere(caching._CacheLocator):
    @classmethod
    def from_function(cls, function, file):
        return None

caching.CacheImpl._locator_classes = [Nowhere]
from secondeye.compiled import kernel, njit

@kernel
def twice(x):
    return 2 * x

@njit(error_model="numpy")
def thrice(x):
    return 3 * x

print(twice(21), thrice(14))
"""


def test_kernels_work_where_nothing_can_be_kept(tmp_path: Path) -> None:
    """As in a container whose user may write nowhere."""
    script = tmp_path / "script.py"
    script.write_text(COMPILES)
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout.split() == ["42", "42"], done.stderr


STEPS = """
from secondeye.compiled import step

@step
def moved(x):
    return x + {moved}
"""

OTHER = """
from secondeye.compiled import step

@step
def grown(x):
    return x * {grown}
"""

KERNEL = """
from other.parts import grown
from secondeye.compiled import kernel
from steps import moved

@kernel
def both(x):
    return grown(moved(x))

print(both(1), sum(both.stats.cache_hits.values()))
"""


def test_kernels_are_compiled_again_when_what_is_compiled_into_them_changes(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "run.py").write_text(KERNEL)

    def said(moved: int, grown: int) -> list[str]:
        for path, text in (("steps.py", STEPS), ("other/parts.py", OTHER)):
            content = text.format(moved=moved, grown=grown)
            if not (tmp_path / path).exists() or (tmp_path / path).read_text() != content:
                (tmp_path / path).write_text(content)
        script = [sys.executable, str(tmp_path / "run.py")]
        return subprocess.run(script, capture_output=True, text=True, timeout=120, check=True).stdout.split()

    assert said(1, 2) == ["4", "0"]
    assert said(1, 2) == ["4", "1"], "kept"
    assert said(5, 2) == ["12", "0"], "a step beside it"
    assert said(5, 3) == ["18", "0"], "a step of another folder"
    assert said(5, 3) == ["18", "1"]


@pytest.mark.parametrize("rows", [0, 1, 15, 17, 1000])
def test_bands_cover_all_rows_once_and_in_order(rows: int) -> None:
    covered = [y for band in run_rows(range, rows) for y in band]
    assert covered == list(range(rows))


def test_results_come_in_order_and_errors_come_through() -> None:
    assert run_beside(*(partial(pow, k, 2) for k in range(9))) == [k * k for k in range(9)]
    with pytest.raises(ZeroDivisionError):
        run_beside(lambda: 1, lambda: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        run_rows(lambda first, stop: 1 // (900 - stop) if stop > 899 else 1, 900)


@pytest.fixture
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("two_threads")
@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt])
def test_nobody_is_at_work_any_more_when_an_error_comes_through(error: type[BaseException]) -> None:
    """The first of two errors in order, though the other was sooner; and none goes on writing into arrays."""
    begun, ended = threading.Semaphore(0), []

    def fails() -> None:
        assert begun.acquire(timeout=10)
        raise error

    def writes() -> None:
        begun.release()
        time.sleep(0.3)
        ended.append(True)

    with pytest.raises(error):
        run_beside(fails, writes, partial(int, "no number"))
    assert ended == [True]


KEPT = """
from secondeye.compiled import kernel

@kernel
def twice(x):
    return 2 * x

print(twice(21), sum(twice.stats.cache_hits.values()))
"""


@pytest.mark.parametrize("kind", ["nbi", "nbc"])
def test_a_damaged_cache_is_made_anew(tmp_path: Path, kind: str) -> None:
    script = tmp_path / "script.py"
    script.write_text(KEPT)

    def said() -> list[str]:
        done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=120, check=False)
        assert not done.returncode, done.stderr
        return done.stdout.split()

    assert [said(), said()] == [["42", "0"], ["42", "1"]]
    (kept,) = (tmp_path / "__pycache__").glob(f"*.{kind}")
    kept.write_bytes(kept.read_bytes()[:-9])
    assert [said(), said()] == [["42", "0"], ["42", "1"]]
