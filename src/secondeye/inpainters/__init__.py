"""Inpainters, one file or folder each: `build(**options)` gives an `Inpainter`."""

from types import ModuleType
from typing import cast

from secondeye import discovery
from secondeye.types import Inpainter


def names() -> list[str]:
    """Every inpainter, sorted, without importing any."""
    return discovery.names(__name__)


def load(name: str) -> ModuleType:
    """The module of one inpainter."""
    return discovery.load(__name__, name)


def build(name: str, **options: object) -> Inpainter:
    """One inpainter, ready to fill."""
    return cast(Inpainter, discovery.build(__name__, name, **options))
