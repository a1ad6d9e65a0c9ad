"""Films as they should not be, made from rendered worlds whose truth is known: zooms, flashes, bars, subtitles."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from secondeye.depth.scale import apply_scale, frame_percentiles, shot_scale
from secondeye.depth_models.parallax import build
from secondeye.depth_models.parallax.prior import ramp
from secondeye.scene import Shot, render
from secondeye.types import Clip

Array = NDArray[np.float32]
Mask = NDArray[np.bool_]

WIDTH, HEIGHT = 320, 180

DARK = 0.02
"""Mean of a frame in which nobody sees anything."""


@dataclass(frozen=True)
class Film:
    """Frames and what is true about them.

    Attributes:
        frames: (T, 3, H, W), 0 to 1.
        truth: (T, H, W) inverse depth in 1 / m, not finite where nothing is true: on bars and letters.
        back: (T, 2, H, W) px, flow to the previous frame.
        seen: (T, H, W), the previous frame shows the same place.
    """

    frames: Array
    truth: Array
    back: Array
    seen: Mask

    def __len__(self) -> int:
        return len(self.frames)

    def taken(self, source: list[int]) -> "Film":
        """Frames by their numbers, each the same as the one before or the next."""
        doubled = np.array([k > 0 and source[k] == source[k - 1] for k in range(len(source))])
        back = np.where(doubled[:, None, None, None], np.float32(0), self.back[source])
        return Film(self.frames[source], self.truth[source], back, self.seen[source] | doubled[:, None, None])


def filmed(
    shot: Shot, count: int, *, rate: float = 24, start: int = 0, size: tuple[int, int] = (WIDTH, HEIGHT)
) -> Film:
    """A shot as it is."""
    parts: list[tuple[Array, ...]] = []
    for part in render(shot, count, *size, start=start, frame_rate=rate, truth=True, right=False, samples=2):
        truth = part.left_truth
        assert truth is not None
        parts.append(
            (
                part.left.numpy(),
                1 / truth.depth_m[:, 0].numpy(),
                truth.backward.numpy(),
                truth.visible_backward[:, 0].numpy(),
            )
        )
    return Film(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))


def brightened(film: Film, gains: Callable[[int], float], light: Callable[[int], float] = lambda _: 0.0) -> Film:
    """Every frame times a gain, plus some light: fades, flashes and black frames."""
    frames = [np.clip(frame * gains(t) + light(t), 0, 1) for t, frame in enumerate(film.frames)]
    return replace(film, frames=np.stack(frames).astype(np.float32))


def zoomed(film: Film, least: float) -> Film:
    """A lens that goes from the whole frame of a film that stands still to a share `least` of it, and half way back."""
    t, (h, w) = len(film), film.truth.shape[1:]
    turning = 2 * t // 3
    shares = [least ** (k / turning) if k <= turning else least ** (1 - (k - turning) / turning) for k in range(t)]
    y, x = np.mgrid[0:h, 0:w].astype(np.float32)
    x, y = x - (w - 1) / 2, y - (h - 1) / 2
    frames, truth, back, seen = [], [], [], []
    for k, share in enumerate(shares):
        at = (np.float32(share) * x + (w - 1) / 2, np.float32(share) * y + (h - 1) / 2)
        frames.append(np.stack([cv2.remap(plane, *at, cv2.INTER_LINEAR) for plane in film.frames[k]]))
        truth.append(cv2.remap(film.truth[k], *at, cv2.INTER_NEAREST))
        ratio = share / shares[max(k - 1, 0)]
        back.append(np.stack([(ratio - 1) * x, (ratio - 1) * y]))
        inside = (abs(ratio * x) <= (w - 1) / 2) & (abs(ratio * y) <= (h - 1) / 2)
        seen.append(inside & cv2.remap(film.seen[k].astype(np.uint8), *at, cv2.INTER_NEAREST).astype(bool))
    return Film(*(np.stack(arrays).astype(np.float32) for arrays in (frames, truth, back)), np.stack(seen))


def rolling(shot: Shot, count: int, readout: float = 0.7, steps: int = 6) -> Film:
    """As a shutter sees it that reads the rows one after the other, for a share `readout` of the frame's time."""
    fine, slow = filmed(shot, count * steps, rate=24 * steps), filmed(shot, count)
    rows = np.arange(HEIGHT)
    later = np.minimum((rows / HEIGHT * readout * steps).astype(int), steps - 1)
    frames = np.stack([fine.frames[k * steps + later, :, rows].transpose(1, 0, 2) for k in range(count)])
    truth = np.stack([fine.truth[k * steps + later, rows] for k in range(count)])
    return replace(slow, frames=frames, truth=truth)


def interlaced(shot: Shot, count: int) -> Film:
    """Two fields of two moments in one frame."""
    fine, slow = filmed(shot, 2 * count, rate=48), filmed(shot, count)
    frames, truth = fine.frames[::2].copy(), fine.truth[::2].copy()
    frames[:, :, 1::2], truth[:, 1::2] = fine.frames[1::2, :, 1::2], fine.truth[1::2, 1::2]
    return replace(slow, frames=frames, truth=truth)


def barred(film: Film, rows: int = 0, columns: int = 0) -> Film:
    """Black bars over so many rows above and below and columns on either side."""
    bars = np.ones(film.truth.shape[1:], bool)
    bars[rows : HEIGHT - rows, columns : WIDTH - columns] = False
    truth = np.where(bars, np.nan, film.truth).astype(np.float32)
    return Film(np.where(bars, np.float32(16 / 255), film.frames), truth, film.back, film.seen & ~bars)


def letters(text: str = "I see you, she said.", row: float = 0.88) -> tuple[Mask, Mask]:
    """Where a line of text and its outline are."""
    fill, outline = (np.zeros((HEIGHT, WIDTH), np.uint8) for _ in range(2))
    size = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 0.55, 1)[0]
    place = ((WIDTH - size[0]) // 2, int(row * HEIGHT))
    cv2.putText(fill, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.55, 1, 1, cv2.LINE_8)
    cv2.putText(outline, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.55, 1, 4, cv2.LINE_8)
    return fill > 0, outline > 0


def subtitled(film: Film, first: int, stop: int) -> Film:
    """White letters with a dark outline over frames [first, stop)."""
    fill, outline = letters()
    frames, truth, seen = film.frames.copy(), film.truth.copy(), film.seen.copy()
    frames[first:stop, :, outline], frames[first:stop, :, fill] = 0.0, 1.0
    truth[first:stop, outline] = np.nan
    rows, columns = np.nonzero(outline)  # a line of text has a place of its own, with a little around it
    about = np.s_[rows.min() - 8 : rows.max() + 9, columns.min() - 12 : columns.max() + 13]
    seen[(slice(first, stop + 1), *about)] = False
    return Film(frames, truth, film.back, seen)


def depth_of(film: Film) -> Array:
    """Inverse depth (T, h, w) of one shot, as the model gives it."""
    clips = (Clip(torch.from_numpy(f)[None], i, torch.tensor([i])) for i, f in enumerate(film.frames))
    return np.stack([depth.inverse_depth[0, 0].numpy() for depth in build().estimate(clips)])


def scaled(depth: Array) -> Array:
    """On the one scale 0 to 1 that `convert` gives a shot."""
    values = torch.from_numpy(depth)[:, None]
    ranges = shot_scale(frame_percentiles(values), least_range=build().least_range)
    return np.asarray(apply_scale(values, ranges)[:, 0].numpy())


def in_order(depth: Array, truth: Array, pairs: int = 20000) -> float:
    """The share of random pairs that are the right way round, of one frame; equal ones are wrong."""
    h, w = truth.shape
    random = np.random.default_rng(0)
    at = random.integers(0, h, (2, pairs)), random.integers(0, w, (2, pairs))
    true, made = truth[at], depth[at]
    near, far = np.maximum(*true), np.minimum(*true)
    told = np.isfinite(true).all(0) & (near > 1.05 * far + 0.02 * np.nanpercentile(truth, 99))
    return float(((made[0] > made[1]) == (true[0] > true[1]))[told].mean())


def of_ramp(frame: Array, truth: Array) -> float:
    """How far the ramp alone gets it right."""
    grey = np.asarray(np.tensordot(np.array([0.299, 0.587, 0.114], np.float32), frame, 1), np.float32)
    return in_order(ramp(grey), truth)


@dataclass(frozen=True)
class Change:
    """How the scale goes from one frame to the next: by which factor its spread, by how much its middle (of 1)."""

    factor: float
    shift: float
    flicker: float


def changes(depth: Array, film: Film) -> Iterator[Change]:
    """From each frame to the next, along the true flow, where both show the same."""
    h, w = depth.shape[1:]
    y, x = np.mgrid[0:h, 0:w].astype(np.float32)
    for k in range(1, len(depth)):
        before = cv2.remap(depth[k - 1], x + film.back[k, 0], y + film.back[k, 1], cv2.INTER_LINEAR)
        now, before = depth[k][film.seen[k]], before[film.seen[k]]
        spreads = [np.subtract(*np.percentile(values, (90, 10))) for values in (now, before)]
        apart = now - before
        yield Change(float(spreads[0] / spreads[1]), float(np.median(apart)), float(np.abs(apart).mean()))


def worst_jump(depth: Array, film: Film) -> float:
    """The largest change of scale between two frames that can be seen: of the spread's logarithm, or of the middle."""
    lit = film.frames.mean(axis=(1, 2, 3)) > DARK
    seen = [one for k, one in enumerate(changes(depth, film)) if lit[k] and lit[k + 1]]
    return max(max(abs(math.log(one.factor)), abs(one.shift)) for one in seen)


def tear(depth: Array, film: Film, line: Mask) -> float:
    """By how much of 1 a line of text departs from a plane, 5th to 95th percentile, over the frames that show it."""
    rows, columns = np.nonzero(line)
    plane = np.stack([np.ones(len(rows)), rows, columns], 1)
    found = []
    for frame, shown in zip(depth, film.truth, strict=True):
        if np.isnan(shown[line]).all():
            values = frame[line].astype(np.float64)
            rest = values - plane @ np.linalg.lstsq(plane, values, rcond=None)[0]
            found.append(float(np.subtract(*np.percentile(rest, (95, 5)))))
    return float(np.mean(found))
