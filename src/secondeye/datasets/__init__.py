"""Stereo data to measure on, one file per source format: both views, and what is known about them.

    found = datasets.build("pairs:DIR;category=A")
    for video in found.videos:
        for frame in video.frames():      one frame at a time; memory does not grow with the video
            frame.left, frame.right, frame.disparity, frame.hole

A dataset's module makes a `Dataset` in `build(...)`: its first parameter is what stands after the colon of a spec, a
folder or a number; the others are options. What cannot be read is in `skipped` with the reason, and the rest goes on.
"""

import re
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol, cast, runtime_checkable

from torch import Tensor

from secondeye import discovery
from secondeye.errors import InputError


@dataclass(frozen=True, repr=False, eq=False)
class StereoFrame:
    """One frame of a stereo video, and what is known about it.

    Attributes:
        left: (3, H, W) float32, 0 to 1, display-referred.
        right: (3, H, W), what the right camera saw.
        disparity: (H, W) float32 px of the left view, x_left - x_right, NaN where unknown; None where nothing is.
        hole: (H, W) bool in the right view, True where the left camera saw nothing of it (disocclusion); None where
            that is not known.

    Raises:
        InputError: the views, or what is known about them, differ in size.
    """

    left: Tensor
    right: Tensor
    disparity: Tensor | None = None
    hole: Tensor | None = None

    def __post_init__(self) -> None:
        size = tuple(self.left.shape[1:])
        for name in ("right", "disparity", "hole"):
            value = getattr(self, name)
            if value is not None and tuple(value.shape[-2:]) != size:
                raise InputError(f"{name} is {_text(tuple(value.shape[-2:]))} px, but the left view is {_text(size)}")

    def __repr__(self) -> str:
        known = [name for name in ("disparity", "hole") if getattr(self, name) is not None]
        return f"StereoFrame({_text(tuple(self.left.shape[1:]))}, with {' and '.join(known) or 'views only'})"


def _text(size: tuple[int, ...]) -> str:
    return "x".join(str(side) for side in reversed(size))


@dataclass(frozen=True)
class StereoVideo:
    """One video of a dataset, or one pair of pictures; opened as often as wanted.

    Attributes:
        name: unique within the dataset, and fit to be a file's name.
        size: width and height in px.
        frame_count: None where only reading tells.
        frame_rate: frames a second; None for pictures, and where nobody says.
        text: what it was generated from, or what it shows; None where nobody says.
        has_disparity: whether frames carry disparity.
        has_hole: whether frames carry holes.
        open: starts from the first frame; raises InputError where the views do not go together.
    """

    name: str
    size: tuple[int, int]
    frame_count: int | None
    frame_rate: Fraction | None
    text: str | None
    has_disparity: bool
    has_hole: bool
    open: Callable[[], Iterator[StereoFrame]] = field(repr=False)

    def frames(self) -> Iterator[StereoFrame]:
        """The frames in order, one at a time.

        Raises:
            InputError: unreadable, or the views differ in size or length.
        """
        return self.open()


@runtime_checkable
class Dataset(Protocol):
    """Videos with their truth, in an order that is always the same."""

    @property
    def name(self) -> str:
        """The dataset's own."""
        ...

    @property
    def videos(self) -> Sequence[StereoVideo]:
        """What can be read."""
        ...

    @property
    def skipped(self) -> Mapping[str, str]:
        """What cannot, and in one line why."""
        ...


@dataclass(frozen=True)
class VideoSet:
    """A dataset whose videos have been looked for."""

    name: str
    videos: tuple[StereoVideo, ...]
    skipped: Mapping[str, str] = field(default_factory=dict)


def names() -> list[str]:
    """Every dataset, sorted, without importing any."""
    return discovery.names(__name__)


def load(name: str) -> ModuleType:
    """The module of one dataset.

    Raises:
        InputError: there is none of that name.
    """
    return discovery.load(__name__, name)


def build(spec: str) -> Dataset:
    """The dataset that a spec names: "pairs:DIR", "scenes:60", "scenes:count=6,size=512x288", "kitti:DIR;year=2015".

    Options follow after ";" or ",".

    Raises:
        InputError: no such dataset or option, a value that it does not take, a folder that is not there, or nothing
            in it that the dataset knows.
    """
    name, _, rest = spec.partition(":")
    options = _options(name.strip(), load(name.strip()).build, rest)
    found = cast(Dataset, discovery.build(__name__, name.strip(), **options))
    if not found.videos and not found.skipped:
        raise InputError(
            f"{spec}: there is nothing in it that dataset {found.name} reads, or none that fits the options"
        )
    return found


def safe_name(text: str) -> str:
    """A name that any file system takes."""
    return re.sub(r"[^A-Za-z0-9._+-]+", "-", text).strip("-.") or "unnamed"


def folder_of(spec: str) -> Path | None:
    """The folder that a spec names, as `build` reads it; None where the dataset reads none."""
    name, _, rest = spec.partition(":")
    folder = _options(name.strip(), load(name.strip()).build, rest).get("folder")
    return folder if isinstance(folder, Path) else None


def _options(name: str, make: Callable[..., Dataset], rest: str) -> dict[str, object]:
    """What stands after the colon, each value as the type that `make` takes."""
    hints = {key: hint for key, hint in typing.get_type_hints(make).items() if key != "return"}
    main, *options = re.split(r"[;,](?=\s*\w+\s*=)", rest)
    if re.match(r"\s*\w+\s*=", main):
        options.insert(0, main)
    elif main.strip():
        options.insert(0, f"{next(iter(hints))}={main}")
    given: dict[str, object] = {}
    for option in options:
        key, _, text = option.partition("=")
        if key.strip() not in hints:
            raise discovery.nearest(f"option of dataset {name}", key.strip(), hints)
        given[key.strip()] = _value(f"{name}: {key.strip()}", hints[key.strip()], text.strip())
    if hints.get("folder") is Path and "folder" not in given:
        raise InputError(f"dataset {name} reads a folder; name it: {name}:FOLDER")
    return given


WORDS = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}


def _value(name: str, kind: Any, text: str) -> object:
    try:
        if kind is bool:
            return WORDS[text.lower()]
        return Path(text).expanduser() if kind is Path else kind(text)
    except (KeyError, ValueError) as error:
        wanted = {bool: "yes or no", int: "a whole number", float: "a number"}.get(kind, "another value")
        raise InputError(f"{name}: '{text}' is not {wanted}") from error
