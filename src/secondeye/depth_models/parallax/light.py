"""Light that changes though the scene does not: fades, flashes, black frames.

A fade would be taken for things that vanish, and a flash for a cut. So the frames that are compared are first brought
to one light, and frames that show nothing, or for a moment something else altogether, are left out of comparisons.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from secondeye.depth_models.parallax.bars import bright

Grey = NDArray[np.uint8]

THUMBNAIL_PX = 40
"""Long side of what light is measured on: movements from frame to frame hardly show on it."""

MIDDLE = 0.14
"""Of the frame, so much is left out on all sides."""

BLANK = 2.5
"""Grey levels of contrast (standard deviation) below which a frame shows nothing."""

SAME = 0.9
"""Correlation of two frames of one scene in different light, at least."""

STEADY_GAIN, STEADY_LEVELS = 0.03, 3.0
"""Changes from frame to frame that are taken for other contents of the picture, and not for light."""

MOST_GAIN = 6.0
"""Dark frames are made brighter by no more: their few grey levels would become steps and noise."""


@dataclass(frozen=True)
class Lit:
    """A frame (h, w), and its light: grey = gain * scene + offset, of a scene that frames have in common.

    `thumbnail` is of its middle, `bright` see `bars.bright`.
    """

    grey: Grey
    gain: float
    offset: float
    thumbnail: NDArray[np.float32]
    bright: tuple[NDArray[np.float32], NDArray[np.float32]]

    @property
    def is_blank(self) -> bool:
        """Whether there is nothing to be seen."""
        return float(self.thumbnail.std()) < BLANK

    def has_light_of(self, other: "Lit") -> bool:
        """Whether the two can be compared as they are."""
        return (self.gain, self.offset) == (other.gain, other.offset)


def measured(greys: Iterator[Grey]) -> Iterator[Lit]:
    """Each frame with its light, against that of the frames before."""
    steady: Lit | None = None  # the last that had the light of the one before it
    newest: Lit | None = None
    for grey in greys:
        frame = Lit(grey, 1.0, 0.0, _thumbnail(grey), bright(grey))
        if steady is None or newest is None:
            steady = newest = None if frame.is_blank else frame
        elif frame.is_blank:
            frame = replace(frame, gain=newest.gain, offset=newest.offset)
        else:
            frame = _against(steady, newest, frame)
            steady, newest = frame if _is_as_bright(newest, frame) else steady, frame
        yield frame


def alight(frame: Lit, others: Iterable[Lit]) -> tuple[float, float]:
    """Gain and offset that a frame and others are compared in: those of the brightest, or not much above its own."""
    brightest = max((frame, *others), key=lambda one: one.gain)
    share = min(1.0, MOST_GAIN * frame.gain / brightest.gain)
    return share * brightest.gain, share * brightest.offset


def in_light(frame: Lit, light: tuple[float, float]) -> Grey:
    """What the frame would show in another light; the same array where that is its own."""
    if (frame.gain, frame.offset) == light:
        return frame.grey
    table = np.clip(np.rint((np.arange(256) - frame.offset) * (light[0] / frame.gain) + light[1]), 0, 255)
    return np.asarray(cv2.LUT(frame.grey, table.astype(np.uint8)), np.uint8)


def _against(steady: Lit, newest: Lit, frame: Lit) -> Lit:
    """The frame with its light; that of an earlier one where it shows something else, or nearly the same light.

    After a flash, which is often beyond white, light is as before it.
    """
    for before in (newest, steady):
        if _is_as_bright(before, frame):
            return replace(frame, gain=before.gain, offset=before.offset)
    before = max(steady, newest, key=lambda one: _alike(one, frame))
    if _alike(before, frame) < SAME:
        return replace(frame, gain=before.gain, offset=before.offset)
    gain = float(frame.thumbnail.std() / before.thumbnail.std())
    offset = float(frame.thumbnail.mean() - gain * before.thumbnail.mean())
    return replace(frame, gain=gain * before.gain, offset=gain * before.offset + offset)


def _is_as_bright(before: Lit, frame: Lit) -> bool:
    gain = float(frame.thumbnail.std() / before.thumbnail.std())
    brighter = float(frame.thumbnail.mean() - before.thumbnail.mean())
    return abs(gain - 1) < STEADY_GAIN and abs(brighter) < STEADY_LEVELS and _alike(before, frame) > SAME


def _thumbnail(grey: Grey) -> NDArray[np.float32]:
    """The frame's middle, without what may be bars and subtitles."""
    height, width = grey.shape
    rows, columns = round(MIDDLE * height), round(MIDDLE * width)
    middle = grey[rows : height - rows, columns : width - columns]
    scale = min(1.0, THUMBNAIL_PX / max(middle.shape))
    size = (max(1, round(middle.shape[1] * scale)), max(1, round(middle.shape[0] * scale)))
    return np.asarray(cv2.resize(middle, size, interpolation=cv2.INTER_AREA), np.float32)


def _alike(one: Lit, other: Lit) -> float:
    """Correlation of two frames, 0 where one is blank."""
    a, b = one.thumbnail - one.thumbnail.mean(), other.thumbnail - other.thumbnail.mean()
    spread = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / spread if min(a.std(), b.std()) >= BLANK else 0.0
