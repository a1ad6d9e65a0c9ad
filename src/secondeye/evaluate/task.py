"""What there is to do: one clip by one method."""

from collections.abc import Mapping
from dataclasses import dataclass

from secondeye.datasets import StereoVideo
from secondeye.evaluate.footage import Footage
from secondeye.evaluate.methods import Method
from secondeye.evaluate.settings import EvaluateSettings
from secondeye.evaluate.work import Work
from secondeye.metrics.protocols import Protocol


@dataclass(frozen=True)
class Task:
    """One clip by one method, and where it keeps what it makes.

    `shares_name` says that another dataset of this evaluation has a clip of that name too.
    """

    dataset: str
    video: StereoVideo
    shares_name: bool
    footage: Footage
    method: Method
    settings: EvaluateSettings
    protocols: Mapping[str, Protocol]
    work: Work
    key: str
    depth_key: str
