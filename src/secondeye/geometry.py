"""Inverse depth to disparity and back; the only owner of the sign convention.

    disparity = x_left - x_right, in px of the left view

                 left eye   right eye
                     \\       /
      disparity > 0   \\  o  /      before the screen: the right eye sees it further left
      ─────────────────\\─┬─/────── the screen: disparity 0, inverse depth = convergence
      disparity < 0    / o \\      behind the screen

A pixel at x of the left view stands at x - disparity of the right view. People who speak of *parallax* mean
-disparity: positive behind the screen.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from secondeye.errors import InputError

if TYPE_CHECKING:  # so that `import secondeye` stays light
    from torch import Tensor

STEREOCRAFTER_MAX_DISPARITY_PX = 20.0
"""max_disp of StereoCrafter's depth_splatting_inference.py."""

M2SVID_DISPARITY_FRACTION = 0.05
"""disparity_perc of M2SVid's warping.py."""


@dataclass(frozen=True)
class StereoGeometry:
    """How inverse depth 0 to 1 becomes disparity.

    Attributes:
        strength: disparity between the farthest and the nearest point, as a fraction of the frame's width.
        convergence: the inverse depth that lies on the screen; 0 puts everything before it, 1 behind it.

    Raises:
        InputError: strength outside 0 to 0.25, or convergence not a number or outside -1 to 2.
    """

    strength: float = 0.02
    convergence: float = 0.5

    def __post_init__(self) -> None:
        if not 0.0 <= self.strength <= 0.25:
            raise InputError(f"strength {self.strength:g} is outside 0 to 0.25 of the width; 0.02 (2%) is comfortable")
        if not -1.0 <= self.convergence <= 2.0:
            raise InputError(
                f"convergence {self.convergence:g} is outside -1 to 2; 0.5 puts the middle of the depth on the screen"
            )

    @classmethod
    def stereocrafter(cls, width: int, max_disparity_px: float = STEREOCRAFTER_MAX_DISPARITY_PX) -> StereoGeometry:
        """StereoCrafter's released disparity, (2 d - 1) * 20 px whatever the width (depth_splatting_inference.py)."""
        return cls(strength=2 * max_disparity_px / width, convergence=0.5)

    @classmethod
    def m2svid(cls, width: int, fraction: float = M2SVID_DISPARITY_FRACTION) -> StereoGeometry:
        """M2SVid's released disparity, d * int(0.05 * width) px: all of it before the screen (warping.py)."""
        return cls(strength=int(width * fraction) / width, convergence=0.0)

    @classmethod
    def from_camera(
        cls,
        *,
        baseline_mm: float,
        focal_px: float,
        width: int,
        near_m: float,
        far_m: float = math.inf,
        screen_m: float = math.inf,
    ) -> StereoGeometry:
        """The geometry of a parallel rig, for inverse depth that is 1 at `near_m` and 0 at `far_m`.

        disparity = focal * baseline * (1 / depth - 1 / screen).

        Args:
            baseline_mm: distance between the two cameras.
            focal_px: focal length in px of a frame `width` wide.
            width: px.
            near_m: depth at inverse depth 1.
            far_m: depth at inverse depth 0.
            screen_m: depth that is put on the screen.

        Raises:
            InputError: a distance that is not positive, or near_m not nearer than far_m.
        """
        if min(baseline_mm, focal_px, width, near_m, screen_m) <= 0 or not near_m < far_m:
            raise InputError(
                f"camera with baseline {baseline_mm:g} mm, focal length {focal_px:g} px and depth {near_m:g} to"
                f" {far_m:g} m: all must be positive and the near depth below the far one"
            )
        inverse_range = 1 / near_m - 1 / far_m
        return cls(
            strength=focal_px * baseline_mm / 1000 * inverse_range / width,
            convergence=(1 / screen_m - 1 / far_m) / inverse_range,
        )

    def halved(self) -> StereoGeometry:
        """Half the strength: what each eye takes where both are synthesised."""
        return replace(self, strength=self.strength / 2)

    def range_px(self, width: int) -> float:
        """Disparity between farthest and nearest in a frame `width` px wide.

        Rounded to a millionth of a px, so that a strength made from px gives those px back exactly.
        """
        return round(self.strength * width, 6)

    def disparity(self, inverse_depth: Tensor, width: int) -> Tensor:
        """Disparity in px of a view `width` px wide; any shape in, the same shape out."""
        return (inverse_depth - self.convergence) * self.range_px(width)

    def before_screen(self, inverse_depth: Tensor, width: int) -> Tensor:
        """Disparity in px of what lies before the screen, 0 of what lies on or behind it; any shape."""
        return self.disparity(inverse_depth, width).clamp(min=0)

    def inverse_depth(self, disparity: Tensor, width: int) -> Tensor:
        """What `disparity` undoes; any shape.

        Raises:
            InputError: strength 0, from which no depth comes back.
        """
        if self.strength == 0:
            raise InputError("a disparity of strength 0 has no depth; choose a strength above 0")
        return disparity / self.range_px(width) + self.convergence


def parse_strength(text: str) -> float:
    """A strength as people write it: "2%" or "0.02".

    Raises:
        InputError: not a number; or a bare number that was meant as per cent.
    """
    try:
        value = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        raise InputError(f"strength '{text}' is not a number; write it like 2% or 0.02") from None
    if not text.endswith("%") and 0.25 < value <= 25:
        raise InputError(f"strength {text} would be {value * 100:g} % of the width; did you mean {text}%?")
    return value
