"""Depth estimators, one file each: `build(**options)` gives a `DepthEstimator`."""

from types import ModuleType
from typing import cast

from secondeye import discovery
from secondeye.types import DepthEstimator


def names() -> list[str]:
    """Every depth model, sorted, without importing any."""
    return discovery.names(__name__)


def load(name: str) -> ModuleType:
    """The module of one depth model."""
    return discovery.load(__name__, name)


def build(name: str, **options: object) -> DepthEstimator:
    """One depth model, ready to estimate."""
    return cast(DepthEstimator, discovery.build(__name__, name, **options))
