"""Find interchangeable implementations by their file name; there is no registry.

A module or folder in a plural package is an implementation under its own name, and packages outside join through
the entry-point group of that plural's dotted name, for example `secondeye.inpainters`. Nothing is imported before
it is asked for, so that a broken method breaks only itself.
"""

import difflib
import importlib
import importlib.metadata
import inspect
import pkgutil
from collections.abc import Iterable
from functools import cache
from types import ModuleType
from typing import Any

from secondeye.errors import InputError


def nearest(kind: str, name: str, choices: Iterable[str]) -> InputError:
    """The error for an unknown name: says the nearest valid one, and all of them."""
    known = sorted(choices)
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"did you mean '{close[0]}'? " if close else ""
    return InputError(f"no {kind} called '{name}'; {hint}choose one of: {', '.join(known)}")


def names(package: str) -> list[str]:
    """The implementations in a plural package, sorted, without importing them."""
    path = importlib.import_module(package).__path__
    inside = {found.name for found in pkgutil.iter_modules(path) if not found.name.startswith("_")}
    return sorted(inside | _outside(package).keys())


def load(package: str, name: str) -> ModuleType:
    """Import one implementation.

    Raises:
        InputError: there is none of that name; the message gives the nearest.
    """
    if name not in names(package):
        raise nearest(_singular(package), name, names(package))
    if name in _outside(package):
        module: ModuleType = _outside(package)[name].load()
        return module
    return importlib.import_module(f"{package}.{name}")


def build(package: str, name: str, **options: object) -> Any:
    """What the implementation's own `build(**options)` returns.

    Raises:
        InputError: no such implementation, or it does not take one of the options.
    """
    make = load(package, name).build
    known = inspect.signature(make).parameters
    for option in options:
        if option not in known:
            raise nearest(f"option of {_singular(package)} {name}", option, known)
    return make(**options)


@cache
def _outside(package: str) -> dict[str, importlib.metadata.EntryPoint]:
    """What other packages bring, by name; looking through all that is installed takes long, so once a process."""
    return {point.name: point for point in importlib.metadata.entry_points(group=package)}


def _singular(package: str) -> str:
    return package.rpartition(".")[2].removesuffix("s").replace("_", " ")
