"""CLIP-F: a hundred times the cosine of CLIP's embeddings of two frames. Two definitions share the name.

    views    each right frame and its left frame (StereoCrafter-Zero): the same content seen from both eyes. The left
             view itself scores 100.
    frames   each right frame and the next one (HairGuard and most video papers): steadiness. A still scores 100.

Source: StereoCrafter-Zero, section 5, table 1; HairGuard (2026).
"""

import math

from torch import Tensor

from secondeye.errors import InputError
from secondeye.metrics import Meter, Metric, Pair, Region
from secondeye.metrics._clip import LICENCE, MODEL, Encoder, load, pixels
from secondeye.metrics._clip import files as files
from secondeye.metrics._per_frame import MeanOfFrames

METRIC = Metric("CLIP-F", "higher", (-100.0, 100.0), ("left",), weights=f"{MODEL} ({LICENCE})")

DEFINITIONS = ("views", "frames")


class Cosines:
    """The cosine of each frame with its left view, or with the frame before it."""

    def __init__(self, encoder: Encoder, definition: str) -> None:
        self._encoder, self._definition = encoder, definition
        self._before: Tensor | None = None

    def frame_scores(self, pair: Pair) -> dict[Region, float]:
        """A hundred times the cosine; none for the first frame of "frames"."""
        right = self._encoder.pictures(pixels(pair, "right")[None])
        if self._definition == "views":
            other: Tensor | None = self._encoder.pictures(pixels(pair, "left")[None])
        else:
            other, self._before = self._before, right
        return {"whole": math.nan if other is None else 100 * float((right * other).sum())}


def build(
    definition: str = "views", weights: str | None = None, device: str = "cpu", encoder: Encoder | None = None
) -> Meter:
    """CLIP-F of a clip.

    Args:
        definition: "views" or "frames", see the module.
        weights, device, encoder: as for `clip_t`.

    Raises:
        InputError: an unknown definition.
        WeightsError: the weights are not there.
    """
    if definition not in DEFINITIONS:
        raise InputError(f"no CLIP-F definition called '{definition}'; choose one of: {', '.join(DEFINITIONS)}")
    return MeanOfFrames(Cosines(encoder or load(weights, device), definition).frame_scores)
