"""SecondEye gives any video its second eye: 2D video to stereoscopic 3D."""

from secondeye.errors import (
    ContractError,
    InputError,
    ResourceError,
    SecondEyeError,
    SegmentError,
    WeightsError,
)
from secondeye.geometry import StereoGeometry

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
]
