"""SecondEye gives any video its second eye: 2D video to stereoscopic 3D.

import secondeye
secondeye.convert("in.mp4", "out.mp4", strength=0.02)
"""

import importlib
from typing import TYPE_CHECKING, Any

from secondeye.errors import (
    ContractError,
    InputError,
    ResourceError,
    SecondEyeError,
    SegmentError,
    WeightsError,
)
from secondeye.geometry import StereoGeometry

if TYPE_CHECKING:
    from secondeye.convert.job import convert as convert
    from secondeye.evaluate.job import evaluate as evaluate
    from secondeye.inspect import inspect_file as inspect_file

__version__ = "0.1.0"

__all__ = [
    "ContractError",
    "InputError",
    "ResourceError",
    "SecondEyeError",
    "SegmentError",
    "StereoGeometry",
    "WeightsError",
    "__version__",
    "convert",
    "evaluate",
    "inspect_file",
]


def __getattr__(name: str) -> Any:
    """Import the jobs when first used, so that the package and its command start at once."""
    if name in ("convert", "evaluate"):
        return importlib.import_module(f"secondeye.{name}")
    if name == "inspect_file":
        return importlib.import_module("secondeye.inspect").inspect_file
    raise AttributeError(f"module 'secondeye' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted(__all__)
