"""What a user asks of a conversion; checked when made, hashed into the plan's keys."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real
from typing import get_args

from secondeye import depth_models, discovery, inpainters
from secondeye.errors import InputError
from secondeye.geometry import StereoGeometry
from secondeye.types import Eyes
from secondeye.video.layout import LAYOUTS

SEGMENT_FRAMES = 150
"""Frames that a segment of a long shot has at most: what a crash can cost, and what one part holds in memory."""


ENLARGED_DILATION = 1
"""Px at 1920 width; benchmarks/edge_dilation.py. True depth from 480 px: 0.75 dB more than with 0, 0.65 than with 4."""

TYPES: tuple[tuple[tuple[str, ...], type, str], ...] = (
    (("strength", "convergence", "depth_smoothing_s", "crf"), Real, "a number"),
    (("edge_dilation", "segment_frames"), int, "a whole number"),
    (("eyes", "depth", "depth_file", "inpainter", "layout", "codec", "preset", "pixel_format"), str, "a text"),
    (("encoder_options",), tuple, "a tuple of pairs of texts, or a dict"),
)
"""What the settings have to be, in the words of an error."""


@dataclass(frozen=True)
class ConvertSettings:
    """How to convert; every field has a default that suits most films.

    Attributes:
        strength: disparity between farthest and nearest, as a fraction of the width.
        convergence: the inverse depth that lies on the screen, 0 (farthest) to 1 (nearest).
        eyes: "right" keeps the source as the left eye; "both" synthesises both, each with half of the disparity.
        depth: a depth model's name, or "auto" for the best at hand.
        depth_file: what the depth model `file` reads.
        depth_smoothing_s: seconds over which the depth scale may follow the picture; 0 keeps one scale per shot.
        edge_dilation: px at 1920 width by which foreground edges are grown before splatting; None takes what was
            measured to be best: ENLARGED_DILATION where depth has to be enlarged, none where it has the frames' size.
        floating_window: whether black bars on one eye bring the screen's sides forward where they cut what stands
            before the screen (see `floating_window`).
        inpainter: an inpainter's name.
        layout: how the two eyes share a frame.
        codec, crf, preset, pixel_format, encoder_options: see `video.encode`; None takes what suits the source.
        signal: whether to mark the file as stereo for players.
        segment_frames: longest segment.

    Raises:
        InputError: a value that cannot be meant; says which, and what could be.
    """

    strength: float = 0.02
    convergence: float = 0.5
    eyes: Eyes = "right"
    depth: str = "auto"
    depth_file: str | None = None
    depth_smoothing_s: float = 0.0
    edge_dilation: int | None = None
    floating_window: bool = False
    inpainter: str = "texture"
    layout: str = "sbs"
    codec: str | None = None
    crf: float | None = None
    preset: str | None = None
    pixel_format: str | None = None
    encoder_options: tuple[tuple[str, str], ...] = ()
    signal: bool = True
    segment_frames: int = SEGMENT_FRAMES

    def __post_init__(self) -> None:
        self._check_types()
        _ = self.geometry  # checks strength and convergence
        _check_choice("eyes", self.eyes, get_args(Eyes))
        _check_choice("layout", self.layout, LAYOUTS)
        _check_choice("inpainter", self.inpainter, inpainters.names())
        _check_choice("depth model", self.depth, ["auto", *depth_models.names()])
        self._check_depth_file()
        if self.edge_dilation is not None and not 0 <= self.edge_dilation <= 32:
            raise InputError(f"edge dilation {self.edge_dilation} is outside 0 to 32 px")
        if not 0 <= self.depth_smoothing_s <= 60:
            raise InputError(f"depth smoothing {self.depth_smoothing_s:g} is outside 0 to 60 seconds")
        if self.segment_frames < 2:
            raise InputError(f"segments of {self.segment_frames} frames are too short; take 2 or more")

    def _check_types(self) -> None:
        """For callers in Python, whom no option parser checks."""
        for names, kind, what in TYPES:
            for name in names:
                value = getattr(self, name)
                optional = self.__dataclass_fields__[name].default is None
                if (value is None and optional) or (isinstance(value, kind) and not isinstance(value, bool)):
                    continue
                raise InputError(f"{name} is {what}, not {value!r}")
        if any(
            not isinstance(pair, tuple) or [type(part) for part in pair] != [str, str] for pair in self.encoder_options
        ):
            raise InputError(f"encoder_options are pairs of texts, not {self.encoder_options!r}")

    def _check_depth_file(self) -> None:
        if self.depth == "file" and self.depth_file is None:
            raise InputError("--depth file needs the depth itself; give it with --depth-file PATH")
        if self.depth != "file" and self.depth_file is not None:
            raise InputError(f"--depth-file goes with --depth file, not with --depth {self.depth}")
        if self.depth_file is not None:
            depth_models.build("file", path=self.depth_file)  # says what is wrong with it before any work

    @property
    def geometry(self) -> StereoGeometry:
        """Strength and convergence, for a whole baseline."""
        return StereoGeometry(self.strength, self.convergence)

    def edge_dilation_px(self, width: int, *, enlarged: bool) -> int:
        """Edge dilation for a frame `width` px wide, whose depth has been enlarged or had its size already."""
        at_1920 = self.edge_dilation
        if at_1920 is None:
            at_1920 = ENLARGED_DILATION if enlarged else 0
        return round(at_1920 * width / 1920)


def parse_option(text: str) -> tuple[str, str]:
    """An encoder option as typed, "key=value".

    Raises:
        InputError: no equals sign.
    """
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise InputError(f"encoder option '{text}' is not of the form KEY=VALUE")
    return key, value


def _check_choice(what: str, value: str, choices: tuple[str, ...] | list[str]) -> None:
    if value not in choices:
        raise discovery.nearest(what, value, choices)
