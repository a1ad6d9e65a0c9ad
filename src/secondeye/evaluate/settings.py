"""What a user asks of an evaluation. Names are not checked here: an unknown one is reported, and the rest goes on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

from secondeye.discovery import nearest
from secondeye.errors import InputError
from secondeye.evaluate.disparity import Align
from secondeye.geometry import StereoGeometry

TRUTH = "truth"
"""The name of the depth that is the dataset's own true disparity."""


@dataclass(frozen=True)
class EvaluateSettings:
    """What to measure, and how.

    Attributes:
        datasets: specs such as "pairs:FOLDER" or "scenes:60".
        depth: depth models by name, and "truth" for the dataset's true disparity.
        rule: splat rules: "surface" is ours.
        inpainter: inpainters by name. A method is one depth with one rule and one inpainter; all combinations are made.
        predictions: folders of right views that other software made, as "FOLDER" or "NAME=FOLDER".
        protocols: published ways to evaluate, by name.
        metrics: single metrics, as they are without options, beside the protocols.
        align: how estimated depth becomes disparity (see `disparity.Align`).
        strength, convergence: the user's, where depth is aligned by strength.
        edge_dilation: px at 1920 width by which the foreground of estimated depth is grown, as `convert` does it.
        limit: at most so many clips of a dataset.
        frames: at most so many frames of a clip.

    Raises:
        InputError: nothing to measure, or a number that cannot be meant.
    """

    datasets: tuple[str, ...]
    depth: tuple[str, ...] = ()
    rule: tuple[str, ...] = ()
    inpainter: tuple[str, ...] = ()
    predictions: tuple[str, ...] = ()
    protocols: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    align: Align = "auto"
    strength: float = 0.02
    convergence: float = 0.5
    edge_dilation: int = 1
    limit: int | None = None
    frames: int | None = None

    def __post_init__(self) -> None:
        if not self.datasets:
            raise InputError("nothing to measure on; give a dataset, for example scenes:60 or pairs:FOLDER")
        if self.align not in get_args(Align):
            raise nearest("alignment", self.align, get_args(Align))
        _ = self.geometry  # checks strength and convergence
        if not 0 <= self.edge_dilation <= 32:
            raise InputError(f"edge dilation {self.edge_dilation} is outside 0 to 32 px")
        for name in ("limit", "frames"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise InputError(f"{name} {value} must be at least 1")

    @property
    def geometry(self) -> StereoGeometry:
        """What a user would set who does not know the truth."""
        return StereoGeometry(self.strength, self.convergence)

    @property
    def makes_views(self) -> bool:
        """Whether methods of our own are measured: if asked for, or if there is nothing else to."""
        return bool(self.depth or self.rule or self.inpainter) or not self.predictions
