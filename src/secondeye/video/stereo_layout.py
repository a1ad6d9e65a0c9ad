"""Does a source show one view or two, and how do they lie? As its pixels say, and as its file name says."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from secondeye.video.index import FrameIndex
from secondeye.video.source import VideoSource
from secondeye.video.view_matching import Grey, Match, match_views

Picture = NDArray[np.float32]

LOOKED_AT = 5
"""Frames that are looked at to find out how the views lie."""

NEAR_BEGINNING = 120
"""Frames among which they are chosen where a file has too few keyframes to jump to."""

LEAST_AGREEMENT, SURE_AGREEMENT = 0.3, 0.6
"""Where stereo begins, and where no doubt is left: one-view clips reach 0.21 (two bottles side by side), pairs whose
disparity is below a tenth of the width have 0.55 and more."""

LEAST_MOVED, SURE_MOVED = 0.12, 0.4
"""The same for the share of patches that have moved from one colour, or row, to the next: one-view clips reach 0.08."""

LEAST_SLOPE = 0.6
"""Rank correlation of nearness with height in the picture that tells the eyes apart; below it depends on the scene."""

WIDEST_EYE, NARROWEST_EYE = 2.6, 1.26
"""Display aspects of one eye beyond which it must have been squeezed: films lie between 4:3 and 2.4."""

TAGS: dict[str, tuple[str, ...]] = {
    "half-sbs": ("hsbs", "half sbs", "half side by side"),
    "sbs": ("sbs", "lr", "3dh", "fsbs", "full sbs", "lrf", "side by side"),
    "cross": ("rl", "rlf", "cross", "cross eyed"),
    "half-tb": ("htb", "half tb", "hou", "half ou"),
    "tb": ("tb", "ou", "3dv", "tbf", "full tb", "ftb", "full ou", "fou", "over under", "top bottom"),
    "anaglyph": ("anaglyph",),
    "interlaced": ("interlaced", "row interlaced"),
}
"""What players understand in a file's name. "sbs" and "tb" alone leave open whether the views are halves."""

PROJECTION_TAGS = {"180x180": "180", "vr180": "180", "180": "180", "f180": "180", "360": "360", "vr360": "360"}


@dataclass(frozen=True)
class MeasuredLayout:
    """How a picture's views lie, by its pixels.

    Attributes:
        name: "mono", "sbs", "half-sbs", "tb", "half-tb", "anaglyph", "interlaced", or "unknown" where nothing can be
            seen.
        confidence: 0 to 1.
        left_eye: "first" (left, above, red, even rows), "second", or "unknown".
        agreement: of left with right half, and of upper with lower half; what the decision rests on.
    """

    name: str
    confidence: float
    left_eye: str = "unknown"
    agreement: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True)
class _Average:
    """The median of each number over the pictures that told anything."""

    agreement: float = 0.0
    moved: float = 0.0
    slope: float = 0.0


def measured_layout(source: VideoSource) -> MeasuredLayout:
    """Say how the views of a source lie, from a few of its frames; those that do not decode are left out."""
    info = source.info
    pictures = []
    for number in looked_at(source.index):
        for clip in islice(source.read(number, number + 1), 1):
            pictures.append(np.asarray(clip.rgb[0].numpy(), np.float32).copy())
    aspect = info.width / info.height * float(info.pixel_aspect)
    return measure_layout(pictures, aspect, is_photo=source.file.kind == "image")


def looked_at(index: FrameIndex) -> list[int]:
    """Numbers of the frames to look at: keyframes, which are quick to reach, or frames near the beginning."""
    keys = [int(key) for key in index.keyframes]
    choice = keys if len(keys) >= LOOKED_AT else list(range(min(len(index), NEAR_BEGINNING)))
    places = np.linspace(0, len(choice) - 1, LOOKED_AT + 2)[1:-1] if len(choice) > LOOKED_AT else range(len(choice))
    return [choice[round(float(place))] for place in places]


def measure_layout(pictures: Sequence[Picture], display_aspect: float, *, is_photo: bool = False) -> MeasuredLayout:
    """Say how the views of a source lie.

    Args:
        pictures: some of its frames, (3, H, W), 0 to 1.
        display_aspect: width over height of the whole as shown.
        is_photo: photos are not squeezed, so that their shape tells nothing about halves.
    """
    greys = [_grey(picture) for picture in pictures]
    beside = _average([match_views(*_halves(grey, axis=1)) for grey in greys])
    above = _average([match_views(*_halves(grey, axis=0)) for grey in greys])
    agreement = (round(beside.agreement, 3), round(above.agreement, 3))
    best = beside if beside.agreement >= above.agreement else above
    if best.agreement >= LEAST_AGREEMENT:
        name = _packed_name("sbs" if best is beside else "tb", display_aspect, is_photo)
        sure = _confidence(best.agreement, LEAST_AGREEMENT, SURE_AGREEMENT)
        return MeasuredLayout(name, sure, _left_eye(best.slope), agreement)
    mixed = {
        "anaglyph": _average([match_views(*_channels(picture), are_halves=False) for picture in pictures]),
        "interlaced": _average([match_views(*_rows(grey), are_halves=False) for grey in greys]),
    }
    for name, match in mixed.items():
        if match.moved >= LEAST_MOVED:
            sure = _confidence(match.moved, LEAST_MOVED, SURE_MOVED)
            return MeasuredLayout(name, sure, _left_eye(match.slope), agreement)
    if mixed["interlaced"] == _Average():
        return MeasuredLayout("unknown", 0.0)
    doubt = max(best.agreement / LEAST_AGREEMENT, *(match.moved / LEAST_MOVED for match in mixed.values()))
    return MeasuredLayout("mono", round(1 - 0.5 * float(np.clip(doubt, 0, 1)), 2), "unknown", agreement)


def _average(matches: Sequence[Match | None]) -> _Average:
    told = [match for match in matches if match is not None]
    if not told:
        return _Average()
    return _Average(*(float(np.median([getattr(m, k) for m in told])) for k in ("agreement", "moved", "slope")))


def _confidence(value: float, least: float, sure: float) -> float:
    """0.5 where stereo begins, 1 where no doubt is left."""
    return round(0.5 + 0.5 * float(np.clip((value - least) / (sure - least), 0, 1)), 2)


def _left_eye(slope: float) -> str:
    if abs(slope) < LEAST_SLOPE:
        return "unknown"
    return "first" if slope > 0 else "second"


def _packed_name(kind: str, display_aspect: float, is_photo: bool) -> str:
    """Whether each eye has its full size, by the shape that it would have; square eyes are those of VR."""
    eye = display_aspect / 2 if kind == "sbs" else display_aspect * 2
    is_square = abs(eye - 1) < 0.03
    squeezed = (eye < NARROWEST_EYE and not is_square) if kind == "sbs" else eye > WIDEST_EYE
    return f"half-{kind}" if squeezed and not is_photo else kind


def _grey(picture: Picture) -> Grey:
    return np.asarray(np.tensordot(np.array([0.299, 0.587, 0.114], np.float32), picture, 1), np.float32)


def _halves(grey: Grey, axis: int) -> tuple[Grey, Grey]:
    size = grey.shape[axis] // 2
    if size == 0:
        return grey, grey
    return grey.take(range(size), axis), grey.take(range(grey.shape[axis] - size, grey.shape[axis]), axis)


def _channels(picture: Picture) -> tuple[Grey, Grey]:
    return picture[0], np.asarray((picture[1] + picture[2]) / 2, np.float32)


def _rows(grey: Grey) -> tuple[Grey, Grey]:
    even, odd = grey[0::2], grey[1::2]
    return (even[: len(odd)], odd) if len(odd) else (even, even)


def named_layout(path: Path) -> tuple[str | None, str | None]:
    """What a file's name says to players: its layout, and its field of view ("180" or "360"); None where nothing."""
    words = " " + re.sub(r"[^a-z0-9]+", " ", path.stem.lower()) + " "
    layouts = [(len(tag), layout) for layout, tags in TAGS.items() for tag in tags if f" {tag} " in words]
    views = [view for tag, view in PROJECTION_TAGS.items() if f" {tag} " in words]
    return (max(layouts)[1] if layouts else None), (views[0] if views else None)
