"""The one way in which the ray caster's small functions are compiled."""

from collections.abc import Callable
from typing import TypeVar, cast

import numba

Function = TypeVar("Function", bound=Callable[..., object])

_compile = numba.njit(
    cache=True,
    error_model="numpy",  # a division by zero gives infinity, which the geometry means
    fastmath={"contract", "arcp", "nsz"},  # infinities and the order of sums stay what they are
    forceinline=True,  # a call that hands on arrays costs more than the ray ...
    _nrt=False,  # ... most of it for counting references, which functions that allocate nothing can do without
)


def inlined(function: Function) -> Function:
    """Compile a function that allocates nothing straight into its callers."""
    return cast(Function, _compile(function))
