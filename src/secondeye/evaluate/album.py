"""The pictures that show how good a right view is, taken while the clip goes by.

left, truth, right     one frame, the same for every method
error                  |right - truth|, mean of the channels; black is none, white a quarter of full scale or more
hole                   the truth dimmed; what only the right camera saw is orange, blue where it touches a border
slice_truth, slice     one row of every frame, the first on top: what jitters over time, frays downwards
"""

import math
import zipfile
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from secondeye.metrics import Pair
from secondeye.metrics._views import inner
from secondeye.video.saving import whole

U8 = NDArray[np.uint8]

WIDEST_PX = 640
"""Pictures are made no wider, so that a report stays small enough to send."""

ERROR_TOP = 0.25
"""The error that is shown white."""

SLICES = ("slice_truth", "slice")
"""Of the truth and of the right view."""

SLICE_ROWS = 480
"""Frames of a slice at most."""

SLICE_LEAST_PX = 96
"""Height that a slice of few frames is stretched to."""

QUALITY = 88

INNER_RGB, OUTER_RGB = (255, 140, 40), (70, 150, 255)


class Album:
    """Keeps one frame and one row of every frame of a clip.

    Args:
        frame_count: of the clip, None where nobody knows.
        limit: frames that are measured at most.
    """

    def __init__(self, frame_count: int | None, limit: int | None) -> None:
        known = [count for count in (frame_count, limit) if count is not None]
        self._wanted = min(known) // 2 if frame_count is not None else None
        self._row = 0
        self._slices: dict[str, U8] = {}
        self._shown: dict[str, U8] = {}
        self.size = (0, 0)
        self.count = 0
        self.frame = 0

    def update(self, pair: Pair) -> None:
        """See the next frame."""
        if self.count == 0:
            self.size = (pair.size[1], pair.size[0])
            self._row = _most_hole(pair)
            if pair.truth is not None:
                # One piece of memory each: rows of their own, between frames that come and go, would pin these.
                self._slices = {name: np.empty((SLICE_ROWS, pair.size[1], 3), np.uint8) for name in SLICES}
        if self._is_wanted():
            self.frame, self._shown = self.count, _pictures(pair)
        if self.count < SLICE_ROWS and pair.truth is not None:
            for name, view in zip(SLICES, (pair.truth, pair.right), strict=True):
                self._slices[name][self.count] = _picture(view[:, self._row : self._row + 1])[0]
        self.count += 1

    def _is_wanted(self) -> bool:
        """The middle frame; where the length is not known, the last whose number is a power of two."""
        if self._wanted is None:
            return self.count & (self.count - 1) == 0
        return self.count == self._wanted or self.count == 0

    def save(self, path: Path) -> tuple[str, ...]:
        """Write the pictures into one zip file, each as NAME.jpg; returns their names."""
        shown = dict(self._shown)
        if self.count > 1:
            shown |= {name: _stretched(rows[: self.count]) for name, rows in self._slices.items()}
        with whole(path) as partial, zipfile.ZipFile(partial, "w") as pack:
            for name, picture in shown.items():
                coded, data = cv2.imencode(".jpg", picture[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
                assert coded
                pack.writestr(f"{name}.jpg", data.tobytes())
        return tuple(shown)


def picture_of(path: Path, name: str) -> bytes:
    """One of the pictures that were saved, as JPEG."""
    with zipfile.ZipFile(path) as pack:
        return pack.read(f"{name}.jpg")


def _most_hole(pair: Pair) -> int:
    """The row in which most was disoccluded; the middle one where nobody knows."""
    if pair.hole is None or not bool(pair.hole.any()):
        return pair.size[0] // 2
    return int(pair.hole.sum(dim=1).argmax())


def _pictures(pair: Pair) -> dict[str, U8]:
    made = {"right": _small(_picture(pair.right))}
    if pair.left is not None:
        made["left"] = _small(_picture(pair.left))
    if pair.truth is None:
        return made
    made["truth"] = _small(_picture(pair.truth))
    error = (pair.right - pair.truth).abs().mean(dim=0).cpu().float().numpy()
    levels = (np.clip(error / ERROR_TOP, 0, 1) * 255).astype(np.uint8)
    heat = np.asarray(cv2.applyColorMap(_small(levels), cv2.COLORMAP_INFERNO), np.uint8)
    made["error"] = np.ascontiguousarray(heat[:, :, ::-1])
    if pair.hole is not None:
        made["hole"] = _hole_map(pair.truth, pair.hole)
    return made


def _hole_map(truth: Tensor, hole: Tensor) -> U8:
    mask = hole.cpu().numpy().astype(bool)
    grey = _picture(truth).mean(axis=2, keepdims=True) * 0.4
    shown = np.repeat(grey, 3, axis=2).astype(np.uint8)
    shown[mask] = OUTER_RGB
    shown[inner(mask)] = INNER_RGB
    return _small(shown)


def _picture(view: Tensor) -> U8:
    values = (view.detach().cpu().float().clamp(0, 1) * 255).round().byte()
    return np.ascontiguousarray(values.permute(1, 2, 0).numpy())


def _small(picture: U8) -> U8:
    height, width = picture.shape[:2]
    if width <= WIDEST_PX:
        return picture
    size = (WIDEST_PX, max(1, round(height * WIDEST_PX / width)))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def _stretched(rows: U8) -> U8:
    """A slice (T, W, 3), narrowed, and each of few frames made some px high."""
    height, width = rows.shape[:2]
    size = (min(width, WIDEST_PX), height)
    narrow = np.asarray(cv2.resize(rows, size, interpolation=cv2.INTER_AREA), np.uint8) if width > WIDEST_PX else rows
    return np.repeat(narrow, max(1, math.ceil(SLICE_LEAST_PX / height)), axis=0)
