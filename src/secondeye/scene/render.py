"""Turn a shot into frames of both eyes with their truth."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from fractions import Fraction

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from secondeye.errors import InputError
from secondeye.scene import kernel
from secondeye.scene.camera import Path, Rig, Views, views
from secondeye.scene.stage import stage
from secondeye.scene.world import World

FRAMES_AT_ONCE_PX = 1 << 20
"""Frames are rendered in groups of about so many pixels an eye."""


@dataclass(frozen=True)
class Shot:
    """A world, how the camera goes through it, and the stereo rig it carries."""

    world: World
    path: Path
    rig: Rig


@dataclass(frozen=True)
class Truth:
    """What is exactly known about one eye's view; T frames, or one without the leading T.

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

    def __getitem__(self, at: int | slice) -> "Truth":
        return Truth(*(getattr(self, field.name)[at] for field in fields(self)))


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
        right: whether to render the right eye; without it `Frames.right` is empty, and so is its truth.

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
        last = min(first + group, start + frame_count)
        yield _group(shot, first, last, float(frame_rate), width, height, samples, truth, right)


def _group(
    shot: Shot,
    first: int,
    last: int,
    frame_rate: float,
    width: int,
    height: int,
    samples: int,
    truth: bool,
    right: bool,
) -> Frames:
    times_s = np.arange(first - 1, last + 1) / frame_rate  # one more at either end, for the flow
    cameras = views(shot.path, shot.rig, times_s, width, height)
    built = stage(shot.world, cameras, times_s, width, height)
    seen = np.arange(2, 2 * len(times_s) - 2, 1 if right else 2)
    key = np.empty((len(seen), height, width), np.int32)
    depth = np.empty((len(seen), height, width))
    rgb = np.empty((len(seen), 3, height, width), np.float32)
    kernel.trace(*built, seen, key, depth)
    kernel.paint(*built, seen, key, depth, offsets(samples), rgb)
    eyes = [_eye(rgb, eye, 2 if right else 1) for eye in range(2 if right else 1)]
    known: list[Truth | None] = [None, None]
    if truth:
        known = list(_truths(built, cameras, seen, key, depth))
    return Frames(eyes[0], eyes[1] if right else eyes[0][:, :, :0, :0], *known)


def _eye(values: NDArray[np.generic], eye: int, eyes: int) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values[eye::eyes]))


def offsets(samples: int) -> NDArray[np.float64]:
    """Where in a pixel its rays go, (S, 2) px from the centre; spread evenly however many they are.

    Source: M. Roberts, The unreasonable effectiveness of quasirandom sequences: the plastic number's sequence.
    """
    if samples == 1:
        return np.zeros((1, 2))
    plastic = 1.32471795724474602596
    steps = np.arange(1, samples + 1)[:, None] * np.array([1 / plastic, 1 / plastic**2])
    shifted: NDArray[np.float64] = (steps + 0.5) % 1 - 0.5
    return shifted


def _truths(
    built: kernel.Stage, cameras: Views, seen: NDArray[np.int64], key: NDArray[np.int32], depth: NDArray[np.float64]
) -> Iterator[Truth | None]:
    """The left eye's truth, then the right one's or None."""
    projections = np.ascontiguousarray(cameras.projections().reshape(-1, 3, 4))
    found = [_followed(built, projections, seen, seen + by, key, depth) for by in (2, -2)]
    other, visible = _followed(built, projections, seen, seen ^ 1, key, depth)
    both = len(seen) == 2 * (len(cameras.position) - 2)
    for eye in range(2):
        if eye == 1 and not both:
            yield None
            return
        at, sign = slice(eye, None, 2 if both else 1), -1.0 if eye == 0 else 1.0
        arrays = (
            depth[at, None].astype(np.float32),
            sign * other[at, :1],
            sign * other[at, 1:],
            found[0][0][at],
            found[1][0][at],
            visible[at, None],
            found[0][1][at, None],
            found[1][1][at, None],
            key[at, None] >> 4,
        )
        yield Truth(*(torch.from_numpy(np.ascontiguousarray(array)) for array in arrays))


def _followed(
    built: kernel.Stage,
    projections: NDArray[np.float64],
    seen: NDArray[np.int64],
    targets: NDArray[np.int64],
    key: NDArray[np.int32],
    depth: NDArray[np.float64],
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    moved = np.empty((len(seen), 2, *key.shape[1:]), np.float32)
    visible = np.empty(key.shape, np.bool_)
    kernel.follow(
        built.bodies,
        built.texels,
        built.maps,
        built.rays,
        built.start,
        built.listed,
        built.air[0]["pixel_rad"],
        projections,
        seen,
        targets,
        key,
        depth,
        moved,
        visible,
    )
    return moved, visible
