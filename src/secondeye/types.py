"""The records that stages hand on, and the protocols that stages keep.

The record grows, and each carries the one before it, so that nobody re-matches two streams:

    Clip  ->  DepthClip  ->  WarpedClip  ->  StereoClip

Frames are torch tensors (T, C, H, W). Records check shape and type when made and print shapes, not data.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from fractions import Fraction
from typing import Literal, Protocol, runtime_checkable

import torch
from torch import Tensor

from secondeye.errors import ContractError

Eyes = Literal["right", "both"]


@dataclass(frozen=True)
class ColorTags:
    """How sample values become light: the code points of ITU-T H.273, as a file carries them.

    `matrix` 2 means unspecified; readers then guess from the size (BT.601 up to 576 lines, else BT.709).
    """

    matrix: int = 2
    primaries: int = 2
    transfer: int = 2
    full_range: bool = False


@dataclass(frozen=True)
class VideoInfo:
    """What a source is, after its rotation is applied.

    `width` and `height` are px as shown upright; `frame_rate` Hz (mean, where it varies); `frame_count` None
    where only decoding tells; `time_base` s per tick; `rotation_deg` clockwise as signalled in the file (already
    applied to the frames); `pixel_aspect` width over height of one upright pixel; `bit_depth` per channel.
    """

    width: int
    height: int
    frame_rate: Fraction
    frame_count: int | None
    time_base: Fraction
    color: ColorTags = ColorTags()
    bit_depth: int = 8
    rotation_deg: int = 0
    pixel_aspect: Fraction = Fraction(1)


def _shape_text(value: object) -> str:
    if isinstance(value, Tensor):
        return f"{tuple(value.shape)} {str(value.dtype).removeprefix('torch.')}"
    return repr(value)


def _record_text(record: object) -> str:
    names = [f.name for f in fields(record)]  # type: ignore[arg-type]
    return f"{type(record).__name__}({', '.join(f'{n}={_shape_text(getattr(record, n))}' for n in names)})"


def _expect(name: str, value: Tensor, shape: tuple[int | None, ...], *, kind: str, of: str) -> None:
    """Raise ContractError unless `value` has `shape` (None: any) and is `kind` ("float" or "bool")."""
    fits = value.ndim == len(shape) and all(
        want is None or want == got for want, got in zip(shape, value.shape, strict=True)
    )
    if not fits:
        wanted = "(" + ", ".join("any" if s is None else str(s) for s in shape) + ")"
        raise ContractError(f"{name}: expected {wanted} to match {of}, got {tuple(value.shape)}")
    right_kind = value.dtype == torch.bool if kind == "bool" else value.dtype.is_floating_point
    if not right_kind:
        raise ContractError(f"{name}: expected {kind} values, got {value.dtype}")


@dataclass(frozen=True, repr=False)
class Clip:
    """Some frames of a source in order.

    Attributes:
        rgb: (T, 3, H, W) float, 0 to 1, display-referred (as coded: gamma, PQ or HLG).
        start: index of the first frame within the source.
        pts: (T,) int64, ticks of the source's time base.
    """

    rgb: Tensor
    start: int
    pts: Tensor

    def __post_init__(self) -> None:
        _expect("rgb", self.rgb, (None, 3, None, None), kind="float", of="(T, 3, H, W)")
        if self.pts.shape != self.rgb.shape[:1] or self.pts.dtype != torch.int64:
            raise ContractError(
                f"pts: expected ({len(self.rgb)},) int64 to match its clip, got {_shape_text(self.pts)}"
            )

    __repr__ = _record_text

    def __len__(self) -> int:
        return len(self.rgb)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in px."""
        return self.rgb.shape[2], self.rgb.shape[3]


@dataclass(frozen=True, repr=False)
class DepthClip:
    """A clip and how near each of its pixels is.

    Attributes:
        left: the clip.
        inverse_depth: (T, 1, h, w) float, greater = nearer, at the depth model's own resolution, which may be
            smaller than the clip's. On a 0 to 1 scale once `depth.scale` has seen the shot.
    """

    left: Clip
    inverse_depth: Tensor

    def __post_init__(self) -> None:
        _expect("inverse_depth", self.inverse_depth, (len(self.left), 1, None, None), kind="float", of="its clip")

    __repr__ = _record_text

    def __len__(self) -> int:
        return len(self.left)


@dataclass(frozen=True, repr=False)
class WarpedClip:
    """A clip splatted into the right eye, with what nobody saw marked.

    Attributes:
        left: the clip.
        disparity: (T, 1, H, W) float, px, x_left - x_right; > 0 is before the screen.
        right: (T, 3, H, W) float, 0 to 1; zero in holes.
        hole: (T, 1, H, W) bool, True = fill me.
    """

    left: Clip
    disparity: Tensor
    right: Tensor
    hole: Tensor

    def __post_init__(self) -> None:
        t, (h, w) = len(self.left), self.left.size
        _expect("disparity", self.disparity, (t, 1, h, w), kind="float", of="its clip")
        _expect("right", self.right, (t, 3, h, w), kind="float", of="its clip")
        _expect("hole", self.hole, (t, 1, h, w), kind="bool", of="its clip")

    __repr__ = _record_text

    def __len__(self) -> int:
        return len(self.left)


@dataclass(frozen=True, repr=False)
class StereoClip:
    """The two eyes' views of the same frames; `right` has the shape, start and pts of `left`."""

    left: Clip
    right: Clip

    def __post_init__(self) -> None:
        _expect("right", self.right.rgb, tuple(self.left.rgb.shape), kind="float", of="the left view")
        if self.left.start != self.right.start or not torch.equal(self.left.pts, self.right.pts):
            raise ContractError(f"right: starts at frame {self.right.start}, its left view at {self.left.start}")

    __repr__ = _record_text

    def __len__(self) -> int:
        return len(self.left)


@dataclass(frozen=True)
class Segment:
    """A run of source frames [start, stop): the unit of temporal state, of resume and of distribution.

    `warmup` frames before `start` are read so that state settles, and their results are thrown away. `shot` is
    the number of the shot (the frames between two cuts) that the segment belongs to.
    """

    index: int
    start: int
    stop: int
    warmup: int = 0
    shot: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.stop or not 0 <= self.warmup <= self.start:
            raise ContractError(f"segment {self.index}: [{self.start}, {self.stop}) with warm-up {self.warmup}")

    def __len__(self) -> int:
        return self.stop - self.start


@dataclass(frozen=True)
class Needs:
    """What a method asks of its driver.

    `window` is 1 where each frame is looked at alone, so that it needs no warm-up frames, though clips of many may
    come (None: frames follow on each other); `overlap` frames shared with the call before; `ahead` frames that it waits
    for before it gives one out, which it is given of the segments after its own, too; `multiple_of` px that
    height and width must divide by; `tiling` whether it may be run in spatial tiles; `dtypes` it computes in, best
    first; `exact` whether known pixels pass unchanged, so that no composite is needed after it.
    """

    window: int | None = None
    overlap: int = 0
    ahead: int = 0
    multiple_of: int = 1
    tiling: bool = False
    dtypes: tuple[str, ...] = ("float32",)
    exact: bool = True


@runtime_checkable
class Source(Protocol):
    """Frames in."""

    @property
    def info(self) -> VideoInfo: ...

    def read(self, start: int, stop: int) -> Iterator[Clip]:
        """Yield the frames [start, stop) in order, in clips of a few frames each."""
        ...


@runtime_checkable
class Sink(Protocol):
    """Frames out."""

    def write(self, clip: StereoClip) -> None: ...


@runtime_checkable
class DepthEstimator(Protocol):
    """Says how near each pixel is.

    One depth clip out per clip in, the same frames in the same order, though it may look ahead before it yields.
    `scaled` is True where the values already lie on one 0 to 1 scale and must not be rescaled. State lives in the
    generator, which serves one segment. One that is not scaled may have a `least_range` in its own units (see
    `depth.scale.shot_scale`), and one whose segments each have a scale and shift of their own says `free_scale = True`:
    they are then fitted to one another over the warm-up frames. One that needs no more than so many px of the long
    side says `input_px`, and may be given smaller frames.
    """

    scaled: bool

    def estimate(self, clips: Iterator[Clip]) -> Iterator[DepthClip]: ...


@runtime_checkable
class BoundDepth(Protocol):
    """A depth estimator that serves one source only, and can say beforehand whether it is this one."""

    def check(self, frame_count: int | None, size: tuple[int, int]) -> None:
        """Raise InputError unless it fits a video of so many frames of that height and width."""
        ...


@runtime_checkable
class Inpainter(Protocol):
    """Fills what nobody saw: one stereo clip out per warped clip in, the same frames in the same order."""

    needs: Needs

    def inpaint(self, clips: Iterator[WarpedClip]) -> Iterator[StereoClip]: ...
