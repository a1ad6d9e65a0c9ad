"""Turn a shot into frames of both eyes with their truth."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray

from secondeye.discovery import nearest
from secondeye.errors import InputError
from secondeye.scene import reference_frames
from secondeye.scene.bundle import CAPACITY, Stage
from secondeye.scene.camera import Array, views
from secondeye.scene.casting import Memory, follow, look, memory, offsets, soften
from secondeye.scene.frames import Frames, Shot, Truth
from secondeye.scene.kernel import Pictures
from secondeye.scene.stage import stage
from secondeye.scene.world import Finish

Backend = Literal["auto", "numba", "torch"]

FRAMES_AT_ONCE_PX = 1 << 19
"""Frames are rendered in groups of about so many pixels an eye."""

FRAMES_SET_UP_AT_ONCE = 64
"""A world is set up for so many frames: for each alone it would take many times as long."""


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
    device: torch.device | str = "cpu",
    backend: Backend = "auto",
) -> Iterator[Frames]:
    """Render frames [start, start + frame_count) of a shot, a few at a time.

    Args:
        samples: rays a pixel where surfaces meet; 1 gives every pixel the pure colour that its centre's ray meets.
        truth: whether to find the truth, too.
        right: whether to render the right eye; without it `Frames.right` is empty, and there is no truth about it.
        device: where the frames come to lie.
        backend: "numba" on the CPU, "torch" on any device, "auto" for the fastest. They agree but for rounding.

    Raises:
        InputError: a count or size below 1, or more samples than 256; no such backend, or it does not serve the device.
    """
    if min(frame_count, width, height, samples) < 1 or start < 0 or frame_rate <= 0:
        raise InputError(
            f"cannot render {frame_count} frames from {start} at {width}x{height}, {samples} samples and"
            f" {float(frame_rate):g} frames a second; all must be at least 1, and the start not negative"
        )
    if samples > CAPACITY:
        raise InputError(f"cannot cast {samples} rays for each pixel: at most {CAPACITY}")
    rate, size = float(frame_rate), (width, height)
    compiled = _is_compiled(backend, torch.device(device))
    group = max(FRAMES_AT_ONCE_PX // (width * height), 1)
    at_once = max(FRAMES_SET_UP_AT_ONCE // group, 1) * group if compiled else group
    for first in range(start, start + frame_count, at_once):
        times_s = np.arange(first - 1, min(first + at_once, start + frame_count) + 1) / rate
        if compiled:
            yield from _render(shot, times_s, size, samples, truth, right, first, rate, group)
        else:
            yield reference_frames.frames(shot, times_s, size, samples, truth, right, first, rate, device)


def _is_compiled(backend: str, device: torch.device) -> bool:
    if backend not in get_args(Backend):
        raise nearest("backend", backend, get_args(Backend))
    if backend == "numba" and device.type != "cpu":
        raise InputError(f"scenes render on the CPU with backend 'numba', not on '{device}'; take 'torch' or 'auto'")
    return backend == "numba" or (backend == "auto" and device.type == "cpu")


def _render(
    shot: Shot,
    times_s: Array,
    size: tuple[int, int],
    samples: int,
    truth: bool,
    right: bool,
    first: int,
    rate: float,
    group: int,
) -> Iterator[Frames]:
    """The frames at all times but the first and last, which are there for the flow, some at a time."""
    cameras, eyes = views(shot.path, shot.rig, times_s, *size), 2 if right else 1
    built = stage(shot.world, cameras, times_s)
    projections = np.ascontiguousarray(cameras.projections().reshape(-1, 3, 4))
    with memory() as lender:
        for begin in range(1, len(times_s) - 1, group):
            times = np.arange(begin, min(begin + group, len(times_s) - 1))
            at, count = _at(times, right), len(times)
            seen = look(built, at, size, layers=truth, memory=lender)
            if samples > 1:
                soften(built, at, seen, samples)
            rgb = _blurred(shot, times_s[times], size, right, rate) if shot.optics.blurs else _coloured(seen.rgb)
            if shot.optics.changes_colours:
                for i, picture in enumerate(rgb):
                    rgb[i] = shot.optics.develop(picture, first + begin - 1 + i % count, i // count)
            truths = _truths(built, projections, at, seen, eyes, lender) if truth else (None, None)
            left, *others = (torch.from_numpy(rgb[eye * count : (eye + 1) * count]) for eye in range(eyes))
            yield Frames(left, others[0] if others else left[:, :, :0, :0], *truths)


def _coloured(planes: NDArray[np.float32]) -> NDArray[np.float32]:
    """(V 3, H, W) as (V, 3, H, W)."""
    return planes.reshape(-1, 3, *planes.shape[1:])


def _at(times: NDArray[np.int64], right: bool) -> NDArray[np.int64]:
    """The views at some of a stage's times: all of the left eye, then all of the right."""
    return np.concatenate([2 * times, 2 * times + 1]) if right else 2 * times


def _blurred(shot: Shot, times_s: Array, size: tuple[int, int], right: bool, rate: float) -> NDArray[np.float32]:
    """The mean of as many sharp pictures at some times as the optics ask for, each from its instant and lens point."""
    optics, total = shot.optics, None
    for (instant, where), shift in zip(optics.exposed(), offsets(max(optics.exposures, 2)), strict=False):
        moments = times_s + instant / rate
        cameras = views(shot.path, shot.rig, moments, *size, lens_m=where, focus_m=optics.focus_m)
        built = stage(shot.world, cameras, moments)
        sharp = look(built, _at(np.arange(len(moments)), right), size, shift[None]).rgb
        total = sharp if total is None else total + sharp
    assert total is not None
    return _coloured(total / np.float32(optics.exposures))


def _truths(
    built: Stage, projections: Array, at: NDArray[np.int64], seen: Pictures, eyes: int, lender: Memory
) -> tuple[Truth, Truth | None]:
    """What is known about the left eye's view, and about the right one's if it was rendered."""
    signs = np.ones((3, len(at)), np.float32)
    signs[0] = 2 * (at % 2) - 1  # from left to right the picture moves by -disparity
    found = follow(built, projections, at, seen, np.stack([at ^ 1, at + 2, at - 2]), signs, lender)
    other, forward, backward = found.moved.reshape(3, len(at), 2, *seen.key.shape[1:])
    visible = found.visible.reshape(3, len(at), *seen.key.shape[1:])
    arrays = (
        *(seen.depth[:, None], other[:, :1], other[:, 1:], forward, backward),
        *(known[:, None] for known in (*visible, found.surface, _matte(built, found.surface), seen.alpha)),
        *(_coloured(seen.front), seen.front_depth[:, None], seen.behind_depth[:, None]),
    )
    count = len(at) // eyes
    truths = [
        Truth(*(torch.from_numpy(array[eye * count : (eye + 1) * count]) for array in arrays)) for eye in range(eyes)
    ]
    return truths[0], truths[1] if eyes == 2 else None


def _matte(built: Stage, surface: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Which pixels show neither mirrors nor glass."""
    matte = np.append(built.bodies["finish"] == Finish.MATTE, True)  # the last is the sky's, -1
    return np.take(matte, surface) if not matte.all() else np.ones(surface.shape, np.bool_)
