"""Metrics, one file each: how good a right view is.

    meter = metrics.build("psnr")
    for pair in pairs:            one frame at a time; memory does not grow with the clip
        meter.update(pair)
    meter.finish()                {"whole": Score(31.2), "visible": ..., "hole": ..., "inner_hole": ...}

A metric's module says what it is in `METRIC` and makes a meter for one clip in `build(**options)`. What several metrics
derive from a frame (grey planes, keypoints, flow) is made once and kept in the frame's `memo`, or, where the judged
view plays no part in it, in the `common` memo of all methods. Numbers of several clips become one by `METRIC.pool`. A
metric with weights says in `files(**options)` which of them are there. `protocols` holds the published ways to
evaluate, `cheats` what no number may hide.
"""

import inspect
import math
import threading
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, Protocol, TypeVar, cast, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from secondeye import discovery
from secondeye.errors import InputError

Need = Literal["left", "truth", "hole", "disparity", "text"]
View = Literal["left", "right", "truth"]
Region = Literal["whole", "visible", "hole", "inner_hole"]

NOT_METRICS = frozenset({"calibration", "cheats", "protocols"})
"""Modules of this folder that use metrics rather than being one."""

Made = TypeVar("Made")


class Memo:
    """What has been derived from a frame: made once, by whoever asks first, from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._slots: dict[Hashable, tuple[threading.RLock, list[Any]]] = {}

    def get(self, key: Hashable, make: Callable[[], Made]) -> Made:
        """The value of `key`, made now if nobody has."""
        with self._lock:
            lock, slot = self._slots.setdefault(key, (threading.RLock(), []))
        with lock:
            if not slot:
                slot.append(make())
            return cast(Made, slot[0])


@dataclass(frozen=True, repr=False, eq=False)
class Pair:
    """One frame of a stereo video under test.

    Attributes:
        right: (3, H, W) float, 0 to 1: the view that is judged.
        left: (3, H, W): the view that is shown with it.
        truth: (3, H, W): what the right camera saw.
        hole: (H, W) bool, True where the left camera saw nothing of the right view (disocclusion).
        disparity: (H, W) px of the left view, x_left - x_right, NaN where unknown: what was asked for, or is true.
        text: the prompt that the video was generated from.
        index: number of the frame in its clip.
        memo: what has been derived from the frame; a pair with other views or another hole needs one of its own.
        common: what has been derived without the right view, which pairs of one frame by several methods may share.

    Raises:
        InputError: the views differ in size.
    """

    right: Tensor
    left: Tensor | None = None
    truth: Tensor | None = None
    hole: Tensor | None = None
    disparity: Tensor | None = None
    text: str | None = None
    index: int = 0
    memo: Memo = field(default_factory=Memo)
    common: Memo = field(default_factory=Memo)

    def __post_init__(self) -> None:
        if self.right.ndim != 3 or self.right.shape[0] != 3:
            raise InputError(f"right view of frame {self.index}: expected (3, H, W), got {tuple(self.right.shape)}")
        for name in ("left", "truth", "hole", "disparity"):
            value = getattr(self, name)
            wanted = self.right.shape if name in ("left", "truth") else self.right.shape[1:]
            if value is not None and value.shape != wanted:
                raise InputError(
                    f"{name} of frame {self.index}: {tuple(value.shape)} does not fit the right view's"
                    f" {tuple(self.right.shape)}; give both at one size"
                )

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in px."""
        return self.right.shape[1], self.right.shape[2]

    def memo_of(self, *views: View) -> Memo:
        """Where to keep what is derived from these views, and from the hole."""
        return self.memo if "right" in views else self.common

    def __repr__(self) -> str:
        given = [n for n in ("left", "truth", "hole", "disparity", "text") if getattr(self, n) is not None]
        return f"Pair({self.size[1]}x{self.size[0]}, frame {self.index}, with {', '.join(given) or 'nothing'})"


@dataclass(frozen=True)
class Score:
    """What a metric says of one region of one clip.

    Attributes:
        value: the clip's number; NaN where the region was empty in every frame.
        frames: the number of each frame, NaN where it has none.
        sums: what `pool` adds up over clips, where a mean of `value` would not do.
        features: (N, D) of the judged and of the true clip, for distances between sets.
    """

    value: float
    frames: tuple[float, ...] = ()
    sums: tuple[float, ...] = ()
    features: tuple[NDArray[np.float64], NDArray[np.float64]] | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Skipped:
    """A metric that could not be taken, and why."""

    reason: str


def mean_of_values(scores: Sequence[Score]) -> float:
    """Mean of the clips' numbers, those without one left out."""
    values = [score.value for score in scores if not math.isnan(score.value)]
    return sum(values) / len(values) if values else math.nan


@dataclass(frozen=True)
class Metric:
    """What a metric is.

    Attributes:
        title: as papers write it.
        better: which way is better.
        limits: smallest and greatest value it can take.
        needs: what every pair must carry besides the right view.
        unit: of the value.
        frames: fewest frames it can be taken on.
        by_region: whether it tells regions apart where pairs carry holes.
        weights: what has to be fetched first, from where, under which licence; empty where nothing has.
        family: metrics of one family derive most of what they need from the same, so they are best taken by one thread.
        pool: the number of several clips.
    """

    title: str
    better: Literal["higher", "lower"]
    limits: tuple[float, float]
    needs: tuple[Need, ...]
    unit: str = ""
    frames: int = 1
    by_region: bool = False
    weights: str = ""
    family: str = ""
    pool: Callable[[Sequence[Score]], float] = mean_of_values


@runtime_checkable
class Meter(Protocol):
    """Takes one metric of one clip."""

    def update(self, pair: Pair) -> None:
        """See the next frame."""
        ...

    def finish(self) -> dict[Region, Score]:
        """The clip's score by region; "whole" is always among them."""
        ...


def names() -> list[str]:
    """Every metric, sorted, without importing any."""
    return [name for name in discovery.names(__name__) if name not in NOT_METRICS]


@cache  # looking for metrics of other packages takes 40 ms, and every clip asks for every metric several times
def load(name: str) -> ModuleType:
    """The module of one metric.

    Raises:
        InputError: there is none of that name.
    """
    if name not in names():
        raise discovery.nearest("metric", name, names())
    return discovery.load(__name__, name)


def describe(name: str) -> Metric:
    """What one metric is."""
    return cast(Metric, load(name).METRIC)


def build(name: str, **options: object) -> Meter:
    """A meter for one clip.

    Raises:
        InputError: no such metric or option.
        WeightsError: its weights are not there.
    """
    make = load(name).build
    known = inspect.signature(make).parameters
    for option in options:
        if option not in known:
            raise discovery.nearest(f"option of metric {name}", option, known)
    return cast(Meter, make(**options))


def files(name: str, **options: object) -> list[Path]:
    """What is on this machine now of the weights and packages that such a meter is built of; nothing is read."""
    look = getattr(load(name), "files", None)
    if look is None:
        return []
    known = inspect.signature(look).parameters
    return cast(list[Path], look(**{option: value for option, value in options.items() if option in known}))


def missing(name: str, pair: Pair) -> str:
    """Why a metric cannot be taken on such a pair; empty where it can."""
    lacking = [need for need in describe(name).needs if getattr(pair, need) is None]
    return f"{describe(name).title} needs {' and '.join(lacking)}, which the data does not have" if lacking else ""


def measure(
    pairs: Iterable[Pair],
    meters: Mapping[str, Meter],
    threads: int = 2,
    families: Mapping[str, str] | None = None,
) -> dict[str, dict[Region, Score]]:
    """Show every frame to every meter, in order, and collect what they say.

    Metrics run side by side in `threads`, and a slow one may fall behind a little: as many frames as there are threads
    are held, and one more, beside what the meters keep.

    Args:
        pairs: the frames; read by the calling thread while the others measure.
        meters: by any name.
        threads: metrics taken at the same time.
        families: of the meters, by name; those of one family wait for one another rather than for what they share.
    """
    from secondeye.metrics._strands import Strands

    together: dict[str, list[Meter]] = {}
    for name, meter in meters.items():
        together.setdefault((families or {}).get(name) or name, []).append(meter)
    with Strands([[meter.update for meter in kin] for kin in together.values()], threads) as strands:
        for pair in pairs:
            strands.show(pair)
    return {name: meter.finish() for name, meter in meters.items()}
