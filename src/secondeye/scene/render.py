"""Turn a shot into frames of both eyes with their truth."""

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from fractions import Fraction

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from secondeye.errors import InputError
from secondeye.scene import kernel
from secondeye.scene.camera import Array, Path, Rig, views
from secondeye.scene.layers import offsets, soften
from secondeye.scene.optics import Optics
from secondeye.scene.rays import Stage
from secondeye.scene.stage import stage
from secondeye.scene.world import Finish, World

FRAMES_AT_ONCE_PX = 1 << 20
"""Frames are rendered in groups of about so many pixels an eye."""


@dataclass(frozen=True)
class Shot:
    """A world, how the camera goes through it, the stereo rig it carries, and its lenses."""

    world: World
    path: Path
    rig: Rig
    optics: Optics = field(default_factory=Optics)


@dataclass(frozen=True)
class Truth:
    """What is exactly known about one eye's view; T frames, or one without the leading T.

    What a pixel shows is what the ray through its centre meets. At edges, pixels mix: `alpha` of what they show is the
    nearest surface, so that view = alpha * front + (1 - alpha) * what is behind.

    Attributes:
        depth_m: (T, 1, H, W) float32 along the optical axis, infinite in the sky.
        disparity: (T, 1, H, W) float32 px, x_left - x_right of the surface point in this pixel.
        vertical: (T, 1, H, W) float32 px, y_left - y_right; zero unless the rig toes in.
        forward, backward: (T, 2, H, W) float32 px, optical flow (right, down) to the next and from this to the
            previous frame.
        visible: (T, 1, H, W) bool, the other eye sees the point in this pixel; not `visible` is what a splat from
            the other eye cannot know: the disocclusion.
        visible_forward, visible_backward: (T, 1, H, W) bool, the next and the previous frame of this eye show it.
        surface: (T, 1, H, W) int32, number of the body, -1 in the sky.
        matte: (T, 1, H, W) bool, false in mirrors and glass, whose colours do not move with their surface.
        alpha: (T, 1, H, W) float32, share of the pixel that its nearest surface covers.
        front: (T, 3, H, W) float32, colour of that surface alone.
        front_depth_m, behind_depth_m: (T, 1, H, W) float32, its depth, and that of the nearest thing behind it in
            this pixel; the same where it covers all.
    """

    depth_m: Tensor
    disparity: Tensor
    vertical: Tensor
    forward: Tensor
    backward: Tensor
    visible: Tensor
    visible_forward: Tensor
    visible_backward: Tensor
    surface: Tensor
    matte: Tensor
    alpha: Tensor
    front: Tensor
    front_depth_m: Tensor
    behind_depth_m: Tensor

    def __getitem__(self, at: int | slice) -> "Truth":
        return Truth(*(getattr(self, known.name)[at] for known in fields(self)))


@dataclass(frozen=True)
class Frames:
    """Both views of T frames, (T, 3, H, W) float32 0 to 1, and what is true about each where asked for."""

    left: Tensor
    right: Tensor
    left_truth: Truth | None = None
    right_truth: Truth | None = None

    def __len__(self) -> int:
        return len(self.left)

    def __getitem__(self, at: int | slice) -> "Frames":
        truths = [truth if truth is None else truth[at] for truth in (self.left_truth, self.right_truth)]
        return Frames(self.left[at], self.right[at], *truths)


@dataclass(frozen=True)
class Seen:
    """What `kernel.shoot` found in some views, (V, H, W) each; see there."""

    views: NDArray[np.int64]
    key: NDArray[np.int32]
    depth: NDArray[np.float64]
    clear: NDArray[np.float32]
    rgb: NDArray[np.float32]


def render(
    shot: Shot,
    frame_count: int,
    width: int,
    height: int,
    *,
    start: int = 0,
    frame_rate: Fraction | float = 24,
    samples: int = 4,
    truth: bool = True,
    right: bool = True,
) -> Iterator[Frames]:
    """Render frames [start, start + frame_count) of a shot, a few at a time.

    Args:
        samples: rays a pixel where surfaces meet; 1 gives every pixel the pure colour that its centre's ray meets.
        truth: whether to find the truth, too.
        right: whether to render the right eye; without it `Frames.right` is empty, and there is no truth about it.

    Raises:
        InputError: a count or size below 1.
    """
    if min(frame_count, width, height, samples) < 1 or start < 0 or frame_rate <= 0:
        raise InputError(
            f"cannot render {frame_count} frames from {start} at {width}x{height}, {samples} samples and"
            f" {float(frame_rate):g} frames a second; all must be at least 1, and the start not negative"
        )
    group = max(FRAMES_AT_ONCE_PX // (width * height), 1)
    for first in range(start, start + frame_count, group):
        times_s = np.arange(first - 1, min(first + group, start + frame_count) + 1) / float(frame_rate)
        yield _render(shot, times_s, (width, height), samples, truth, right, first, float(frame_rate))


def _render(
    shot: Shot, times_s: Array, size: tuple[int, int], samples: int, truth: bool, right: bool, first: int, rate: float
) -> Frames:
    """The frames at all times but the first and last, which are there for the flow."""
    cameras = views(shot.path, shot.rig, times_s, *size)
    built = stage(shot.world, cameras, times_s, *size)
    seen = _look(built, np.arange(2, 2 * len(times_s) - 2, 1 if right else 2), size)
    layers = _layers(seen, truth)
    if samples > 1:
        soften(built, seen.views, seen.key, seen.rgb, layers, samples)
    rgb = _blurred(shot, times_s, size, right, rate) if shot.optics.blurs else seen.rgb
    eyes = 2 if right else 1
    for i, picture in enumerate(rgb):
        rgb[i] = shot.optics.develop(picture, first + i // eyes, i % eyes)
    projections = np.ascontiguousarray(cameras.projections().reshape(-1, 3, 4))
    truths = _truths(built, projections, seen, layers, eyes) if truth else (None, None)
    left, *others = (torch.from_numpy(np.ascontiguousarray(rgb[eye::eyes])) for eye in range(eyes))
    return Frames(left, others[0] if others else left[:, :, :0, :0], *truths)


def _look(built: Stage, at: NDArray[np.int64], size: tuple[int, int], shift: tuple[float, float] = (0.0, 0.0)) -> Seen:
    """Cast the rays through all pixels of some views, `shift` px off their centres."""
    (width, height), count = size, len(at)
    rows, columns = np.repeat(np.indices((height, width), np.float64).reshape(2, 1, -1), count, 1)
    shape = (count, height * width)
    key, depth, clear = np.empty(shape, np.int32), np.empty(shape), np.empty(shape, np.float32)
    rgb = np.empty((count, 3, height * width), np.float32)
    kernel.shoot(
        *built,
        np.repeat(at, height * width).reshape(shape),
        columns + shift[0],
        rows + shift[1],
        np.full(shape, -1, np.int8),
        key,
        depth,
        clear,
        rgb,
    )
    frame = (count, height, width)
    return Seen(
        at, key.reshape(frame), depth.reshape(frame), clear.reshape(frame), rgb.reshape(count, 3, height, width)
    )


def _blurred(shot: Shot, times_s: Array, size: tuple[int, int], right: bool, rate: float) -> NDArray[np.float32]:
    """The mean of as many sharp pictures as the optics ask for, each from its own instant and point of the lens."""
    optics, total = shot.optics, None
    for (instant, where), shift in zip(optics.exposed(), offsets(max(optics.exposures, 2)), strict=False):
        moments = times_s[1:-1] + instant / rate
        cameras = views(shot.path, shot.rig, moments, *size, lens_m=where, focus_m=optics.focus_m)
        built = stage(shot.world, cameras, moments, *size)
        sharp = _look(built, np.arange(0, 2 * len(moments), 1 if right else 2), size, (shift[0], shift[1])).rgb
        total = sharp if total is None else total + sharp
    assert total is not None
    return total / np.float32(optics.exposures)


def _layers(seen: Seen, wanted: bool) -> NDArray[np.float32]:
    """(V, 6, H, W), or empty where not wanted: as if every pixel were covered by what its centre shows."""
    if not wanted:
        return np.empty((0, 6, *seen.key.shape[1:]), np.float32)
    depth = seen.depth[:, None].astype(np.float32)
    return np.concatenate([seen.rgb, np.ones_like(depth), depth, depth], 1)


def _truths(
    built: Stage, projections: Array, seen: Seen, layers: NDArray[np.float32], eyes: int
) -> tuple[Truth, Truth | None]:
    """What is known about the left eye's view, and about the right one's if it was rendered."""
    other, visible = _followed(built, projections, seen, seen.views ^ 1)
    forward, visible_forward = _followed(built, projections, seen, seen.views + 2)
    backward, visible_backward = _followed(built, projections, seen, seen.views - 2)
    other[::eyes] *= -1  # from left to right the picture moves by -disparity
    surface = seen.key >> 4
    matte = (surface < 0) | (built.bodies["finish"][surface] == Finish.MATTE)
    arrays = (
        *(seen.depth.astype(np.float32)[:, None], other[:, :1], other[:, 1:], forward, backward),
        *(visible[:, None], visible_forward[:, None], visible_backward[:, None], surface[:, None], matte[:, None]),
        *(layers[:, 3:4], layers[:, :3], layers[:, 4:5], layers[:, 5:6]),
    )
    tensors = [torch.from_numpy(np.ascontiguousarray(array)) for array in arrays]
    left, *right = (Truth(*(tensor[eye::eyes] for tensor in tensors)) for eye in range(eyes))
    return left, right[0] if right else None


def _followed(
    built: Stage, projections: Array, seen: Seen, targets: NDArray[np.int64]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Where each pixel's point is in another view, as a displacement (V, 2, H, W), and whether it is visible there."""
    moved = np.empty((len(seen.views), 2, *seen.key.shape[1:]), np.float32)
    visible = np.empty(seen.key.shape, np.bool_)
    slot_of = {int(view): slot for slot, view in enumerate(seen.views)}
    slots = np.array([slot_of.get(int(target), -1) for target in targets])
    kernel.follow(
        built.bodies,
        built.texels,
        built.maps,
        built.rays,
        built.start,
        built.listed,
        float(built.air[0]["pixel_rad"]),
        projections,
        seen.views,
        targets,
        slots,
        seen.key,
        seen.depth,
        seen.clear,
        moved,
        visible,
    )
    return moved, visible
