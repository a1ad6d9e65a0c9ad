"""CLIP-T: does the right view still show what the text says? A hundred times the cosine of CLIP's embeddings.

Source: StereoCrafter-Zero, table 1, by the clip-score package 0.1.1, which scales cosines by CLIP's learned factor
(100).
"""

from secondeye.metrics import Meter, Metric, Pair
from secondeye.metrics._clip import LICENCE, MODEL, Encoder, load, pixels
from secondeye.metrics._clip import files as files
from secondeye.metrics._per_frame import MeanOfFrames

METRIC = Metric("CLIP-T", "higher", (-100.0, 100.0), ("text",), weights=f"{MODEL} ({LICENCE})")


def build(weights: str | None = None, device: str = "cpu", encoder: Encoder | None = None) -> Meter:
    """CLIP-T of a clip, mean over frames.

    Args:
        weights, device: as for `_clip.load`.
        encoder: CLIP already loaded, so that clips share it.

    Raises:
        WeightsError: the weights are not there.
    """
    clip = encoder or load(weights, device)
    return MeanOfFrames(lambda pair: {"whole": of_frame(pair, clip)})


def of_frame(pair: Pair, encoder: Encoder) -> float:
    """CLIP-T of one frame."""
    picture, text = encoder.pictures(pixels(pair, "right")[None]), encoder.texts([pair.text or ""])
    return 100 * float((picture * text).sum())
