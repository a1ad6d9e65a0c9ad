"""How the parts of the ray caster are compiled into its kernels."""

from collections.abc import Callable
from typing import TypeVar, cast

import numba

Function = TypeVar("Function", bound=Callable[..., object])

_SETTINGS = {
    "error_model": "numpy",  # a division by zero gives infinity, which the geometry means
    "fastmath": {"contract", "arcp", "nsz"},  # infinities and the order of sums stay what they are
    "_nrt": False,  # functions that allocate nothing need not count references, which costs more than a ray
}


def inlined(function: Function) -> Function:
    """Compile a function that allocates nothing straight into its callers: a call hands on too many arrays."""
    return cast(Function, numba.njit(forceinline=True, **_SETTINGS)(function))


def outlined(function: Function) -> Function:
    """Compile a function that allocates nothing, and is called rarely, once for all its callers."""
    return cast(Function, numba.njit(**_SETTINGS)(function))
