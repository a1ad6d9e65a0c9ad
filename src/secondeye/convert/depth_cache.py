"""Inverse depth of finished segments on disk, and a depth estimator that reads it back on one scale per shot.

What a model estimated is stored as 16-bit codes per frame, and always read back from there, so that a run that
estimates and a run that reuses make the same frames bit for bit.
"""

import math
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from secondeye.depth.scale import apply_scale, frame_percentiles, shot_scale
from secondeye.errors import ContractError, InputError, SegmentError
from secondeye.types import Clip, DepthClip, Segment
from secondeye.video.saving import whole

_LEVELS = 65535

_FITTED_SAMPLES = 2000
"""Values of each warm-up frame that segments are fitted on."""


@dataclass(frozen=True)
class StoredDepth:
    """One segment's depth as it lies on disk.

    `codes` (N, 1, h, w) uint16; `ends` (N, 2) float64, the values of codes 0 and 65535; `percentiles` (N, 2)
    float64, the model's own units; `frames` (N,) int64, source indexes.
    """

    codes: NDArray[np.uint16]
    ends: NDArray[np.float64]
    percentiles: NDArray[np.float64]
    frames: NDArray[np.int64]


def store(
    path: Path, clips: Iterable[DepthClip], first: int, advance: Callable[[int], None], *, free_scale: bool = False
) -> None:
    """Write the depth of a segment whole or not at all, frame by frame as it comes.

    Args:
        path: the .npz to make.
        clips: the model's output, warm-up frames included.
        first: frames before this index are warm-up and are dropped.
        advance: told the number of frames after each clip.
        free_scale: keep some of the warm-up frames' values, by which `shot_ranges` fits segments to one another.
    """
    pieces: list[StoredDepth] = []
    warmup: list[NDArray[np.float32]] = []
    for clip in clips:
        kept = slice(max(0, first - clip.left.start), None)
        if free_scale:
            warmup += [_samples(frame[0].numpy()) for frame in clip.inverse_depth[: kept.start]]
        if len(clip.left.pts[kept]):
            pieces.append(_encode(clip.inverse_depth[kept], clip.left.start + kept.start))
            advance(len(pieces[-1].frames))
    if not pieces:
        raise InputError(f"no frame from {first} on could be decoded; cut the damaged part out of the source")
    fields = {
        name: np.concatenate([getattr(piece, name) for piece in pieces])
        for name in ("codes", "ends", "percentiles", "frames")
    }
    fields["warmup"] = np.stack(warmup) if warmup else np.empty((0, 0), np.float32)
    with whole(path) as partial, zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, values in fields.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, values)


def is_stored(path: Path) -> bool:
    """Whether a segment's depth is there and can be read."""
    try:
        with path.open("rb") as file, np.load(file) as archive:
            return len(archive["frames"]) == len(archive["percentiles"]) > 0 and {"codes", "ends", "warmup"} <= set(
                archive.files
            )
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error):
        return False


def shot_ranges(
    paths: Sequence[Path], segments: Sequence[Segment], smoothing: float, least_range: float = 0.0
) -> Tensor:
    """The low and high of every source frame, one scale per shot.

    Args:
        paths: the segments' files, all of them finished.
        segments: in order.
        smoothing, least_range: as in `depth.scale.shot_scale`.

    Returns:
        (N, 2) float64 for N source frames.
    """
    ranges = torch.zeros(segments[-1].stop, 2, dtype=torch.float64)
    for shot in sorted({segment.shot for segment in segments}):
        own = [path for path, segment in zip(paths, segments, strict=True) if segment.shot == shot]
        fits = list(_fits(own))
        with ExitStack() as stack:
            archives = [stack.enter_context(np.load(path)) for path in own]
            frames = [torch.from_numpy(archive["frames"]) for archive in archives]
            percentiles = [torch.from_numpy(archive["percentiles"]) for archive in archives]
        common = [values * fit.scale + fit.shift for values, fit in zip(percentiles, fits, strict=True)]
        whole_shot = torch.split(shot_scale(torch.cat(common), smoothing, least_range), [len(part) for part in frames])
        for part, values, fit in zip(frames, whole_shot, fits, strict=True):
            ranges[part] = (values - fit.shift) / fit.scale
    return ranges


class _Fit(NamedTuple):
    """From a segment's units to those of its shot's first segment."""

    scale: float = 1.0
    shift: float = 0.0


def _fits(paths: Sequence[Path]) -> Iterator[_Fit]:
    """Each segment's fit, from what it says of its warm-up frames and the one before it says of the same frames.

    Where nothing was kept of warm-up frames, all units are one, and no depth is read.
    """
    fit = _Fit()
    for path, before in zip(paths, [None, *paths[:-1]], strict=True):
        with np.load(path) as archive:
            warmup = archive["warmup"]
        fit = _fitted(warmup, _load(before), fit) if before is not None and len(warmup) else _Fit()
        yield fit


def _fitted(warmup: NDArray[np.float32], before: StoredDepth, fit: _Fit) -> _Fit:
    """The fit of a segment whose frames just before its start `before` holds too."""
    count = min(len(warmup), len(before.frames))
    low, high = before.ends[-count:, 0, None], before.ends[-count:, 1, None]
    wanted = np.stack([_samples(codes[0]) for codes in before.codes[-count:]]) / _LEVELS * (high - low) + low
    own = warmup[-count:].astype(np.float64)
    spread = own - own.mean()
    variance = float((spread * spread).mean())
    scale = float((spread * (wanted - wanted.mean())).mean()) / variance if variance > 0 else 0.0
    if scale <= 0:  # nothing in common, as over a black picture
        return fit
    shift = float(wanted.mean()) - scale * float(own.mean())
    return _Fit(fit.scale * scale, fit.scale * shift + fit.shift)


def _samples(values: NDArray[Any]) -> NDArray[Any]:
    """Some thousand values of an (h, w) map, the same places of every map of its size."""
    step = max(1, math.isqrt(values.size // _FITTED_SAMPLES))
    return values[::step, ::step].ravel()


class CachedDepth:
    """A `DepthEstimator` over stored depth.

    Args:
        paths: the segments' files.
        segments: in order.
        ranges: from `shot_ranges`.
    """

    scaled = True

    def __init__(self, paths: Sequence[Path], segments: Sequence[Segment], ranges: Tensor) -> None:
        self._paths, self._segments, self._ranges = paths, segments, ranges

    def estimate(self, clips: Iterator[Clip]) -> Iterator[DepthClip]:
        """Each clip with its stored depth, 0 to 1."""
        current = -1
        stored: StoredDepth | None = None
        for clip in clips:
            for part in self._within_segments(clip):
                owner = self._owner(part.start)
                if owner != current or stored is None:
                    current, stored = owner, _load(self._paths[owner])
                yield DepthClip(part, self._scaled(stored, part))

    def _owner(self, frame: int) -> int:
        return next(s.index for s in self._segments if s.start <= frame < s.stop)

    def _within_segments(self, clip: Clip) -> Iterator[Clip]:
        """A clip that reaches over a segment's end, in pieces."""
        while len(clip):
            room = self._segments[self._owner(clip.start)].stop - clip.start
            yield Clip(clip.rgb[:room], clip.start, clip.pts[:room])
            clip = Clip(clip.rgb[room:], clip.start + room, clip.pts[room:])

    def _scaled(self, stored: StoredDepth, clip: Clip) -> Tensor:
        at = int(np.searchsorted(stored.frames, clip.start))
        run = slice(at, at + len(clip))
        if not np.array_equal(stored.frames[run], np.arange(clip.start, clip.start + len(clip))):
            raise ContractError(
                f"depth cache: no frames {clip.start} to {clip.start + len(clip)}; remove it, run again"
            )
        low, high = torch.from_numpy(stored.ends[run]).to(torch.float32)[:, :, None, None, None].unbind(dim=1)
        values = torch.from_numpy(stored.codes[run].astype(np.float32)) / _LEVELS * (high - low) + low
        return apply_scale(values, self._ranges[clip.start : clip.start + len(clip)])


def _encode(inverse_depth: Tensor, start: int) -> StoredDepth:
    percentiles = frame_percentiles(inverse_depth).numpy()
    low = inverse_depth.amin(dim=(1, 2, 3), keepdim=True)
    width = (inverse_depth.amax(dim=(1, 2, 3), keepdim=True) - low).clamp(min=1e-12)
    codes = ((inverse_depth - low) / width * _LEVELS).round().to(torch.int32).numpy().astype(np.uint16)
    ends = torch.stack([low.flatten(), (low + width).flatten()], dim=1).to(torch.float64).numpy()
    return StoredDepth(codes, ends, percentiles, np.arange(start, start + len(codes), dtype=np.int64))


def _load(path: Path) -> StoredDepth:
    """A segment's depth.

    Raises:
        SegmentError: the file was damaged, and has been removed.
    """
    try:
        with path.open("rb") as file, np.load(file) as archive:
            return StoredDepth(**{name: archive[name] for name in ("codes", "ends", "percentiles", "frames")})
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        path.unlink(missing_ok=True)
        number = int(path.stem.rpartition("-")[2])
        text = f"the stored depth {path.name} was damaged and has been removed; run the same again to make it anew"
        raise SegmentError(number, text) from error
