"""Kernels are compiled, kept where that is possible, and run over rows in order."""

import subprocess
import sys
from pathlib import Path

import pytest

from secondeye.compiled import run_rows

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


@pytest.mark.parametrize("rows", [0, 1, 15, 17, 1000])
def test_bands_cover_all_rows_once_and_in_order(rows: int) -> None:
    covered = [y for band in run_rows(range, rows) for y in band]
    assert covered == list(range(rows))
