"""How the ray caster is compiled: steps for one ray, and loops that take many rays at once.

LLVM turns a loop over rays into vector instructions, for eight rays or more at a time, if no ray can see what another
one writes. So rays lie in records of arrays of single precision (`bundle`), whose fields cannot overlap; arguments
never do; loops do not end early; and choices inside are between values, not between ways.

Only loops that pick values from anywhere do end early, `if` an index `is_wild`, which none is: that keeps LLVM from
using the processor's gather instructions, which take twice as long as single loads since they were made safe against
data sampling.
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np
from numba.core.compiler import Compiler

from secondeye.compiled import njit

Function = TypeVar("Function", bound=Callable[..., object])


class _Apart(Compiler):  # type: ignore[misc]  # numba has no types
    """Promises that arguments do not overlap, which numba keeps to itself otherwise."""

    def define_pipelines(self) -> Any:
        self.state.flags.noalias = True
        return super().define_pipelines()


_SETTINGS: dict[str, Any] = {
    "error_model": "numpy",  # a division by zero gives infinity, which the geometry means
    "fastmath": {"contract", "arcp", "nsz"},  # infinities and the order of sums stay what they are
    "_nrt": False,  # functions that allocate nothing need not count references, which costs more than a ray
}
_UNSEEN = {**_SETTINGS, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}  # nobody calls it from outside


WILD = np.uint32(1 << 31)

LANES = 8

LEAST: Any = np.int32(-(1 << 31))
MOST: Any = np.int32((1 << 31) - 1)


def step(function: Function) -> Function:
    """Compile a function that allocates nothing straight into its callers."""
    return cast(Function, numba.njit(forceinline=True, **_UNSEEN)(function))


def loops(function: Function) -> Function:
    """Compile loops over rays, which allocate nothing and whose arguments do not overlap, once for all callers."""
    return cast(Function, numba.njit(pipeline_class=_Apart, **_UNSEEN)(function))


def kernel(function: Function) -> Function:
    """Compile what threads call: loops of loops, kept on disk if some folder can be written."""
    return cast(Function, njit(pipeline_class=_Apart, **_SETTINGS)(function))


@step
def is_wild(index: int) -> bool:
    """Never; see above."""
    return bool(index >= WILD)


@step
def bits_of(number: float) -> Any:
    """A number of single precision, bit by bit, as a whole one."""
    return np.float32(number).view(np.int32)


@step
def number_of(bits: int) -> Any:
    """What `bits_of` was given."""
    return np.int32(bits).view(np.float32)


@step
def order_of(value: float) -> Any:
    """A whole number; these are in the same order as the values, and their least and greatest are found faster."""
    bits = np.int32(bits_of(value))
    return np.int32(bits ^ ((bits >> 31) & MOST))


@step
def value_of(order: int) -> Any:
    """What `order_of` was given."""
    return np.float32(number_of(order ^ ((order >> 31) & MOST)))


@step
def padded(count: int) -> int:
    """As many rays as fill whole vectors: those that are too many cost less than those that would be left over.

    They hold whatever was there before, and come to nothing.
    """
    return (count + LANES - 1) // LANES * LANES
