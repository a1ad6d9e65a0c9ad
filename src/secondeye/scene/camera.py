"""Where the two eyes stand: camera paths, the stereo rig, and rays through pixels.

Pixel coordinates count pixel centres: (0, 0) is the centre of the top left pixel. A ray's direction has length 1
along the optical axis, so that a ray parameter is metric depth. Camera axes: x right, y down, z forward.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from secondeye.scene.world import Vector, about

Array = NDArray[np.float64]

Path = Callable[[Array], tuple[Array, Array]]
"""Times (T,) in s to positions (T, 3) and the points looked at (T, 3), both in m."""


@dataclass(frozen=True)
class Rig:
    """Two cameras side by side.

    Attributes:
        baseline_m: distance between the eyes; the left eye is on the path.
        convergence_m: depth that lies on the screen; infinite puts everything before it (one-sided disparity).
        toe_in: turn the cameras inwards to converge, which gives vertical disparity, too; else shift the sensor.
        field_of_view_deg: horizontal.
    """

    baseline_m: float = 0.064
    convergence_m: float = math.inf
    toe_in: bool = False
    field_of_view_deg: float = 60.0


@dataclass(frozen=True)
class Views:
    """Both eyes at T times, index 0 left and 1 right.

    Attributes:
        rotation: (T, 2, 3, 3), camera axes to world axes.
        position: (T, 2, 3), m.
        lens: (T, 2, 3, 3), pixel (x, y, 1) to a ray in camera axes.
    """

    rotation: Array
    position: Array
    lens: Array

    def rays(self) -> Array:
        """(T, 2, 3, 3), pixel (x, y, 1) to a ray in world axes."""
        result: Array = self.rotation @ self.lens
        return result

    def projections(self) -> Array:
        """(T, 2, 3, 4), world point to pixel times depth."""
        linear = np.linalg.inv(self.rays())
        result: Array = np.concatenate([linear, -linear @ self.position[..., None]], -1)
        return result


def focal_px(rig: Rig, width: int) -> float:
    """Focal length in px of a frame `width` px wide."""
    return width / 2 / math.tan(math.radians(rig.field_of_view_deg) / 2)


def views(
    path: Path,
    rig: Rig,
    times_s: Array,
    width: int,
    height: int,
    *,
    lens_m: tuple[float, float] = (0.0, 0.0),
    focus_m: float = math.inf,
) -> Views:
    """Both eyes along a path, each looking through the point of its lens that lies `lens_m` right and down.

    Whatever lies at `focus_m` stays where it is in the picture.
    """
    position, target = path(np.asarray(times_s, np.float64))
    left = _looking_at(target - position)
    right_position = position + rig.baseline_m * left[..., 0]
    rotation = np.stack([left, left], 1)
    lens = np.broadcast_to(_lens(focal_px(rig, width), width, height), (len(position), 2, 3, 3)).copy()
    if rig.toe_in:
        inwards = math.atan(rig.baseline_m / 2 / rig.convergence_m)
        rotation = rotation @ np.stack([about((0, 1, 0), inwards), about((0, 1, 0), -inwards)])
    else:
        lens[:, 1, 0, 2] -= rig.baseline_m / rig.convergence_m
    aside = rotation @ np.array([*lens_m, 0.0])
    lens[:, :, :2, 2] -= np.asarray(lens_m) / focus_m
    return Views(rotation, np.stack([position, right_position], 1) + aside, lens)


def _looking_at(forward: Array) -> Array:
    """Rotations (T, 3, 3), camera axes to world axes, that look along `forward` (T, 3) with the horizon level."""
    ahead = forward / np.linalg.norm(forward, axis=-1, keepdims=True)
    aside = np.cross(ahead, [0.0, 0.0, 1.0])
    aside /= np.linalg.norm(aside, axis=-1, keepdims=True)
    rotation: Array = np.stack([aside, np.cross(ahead, aside), ahead], -1)
    return rotation


def _lens(focal: float, width: int, height: int) -> Array:
    return np.array([[1 / focal, 0, -(width - 1) / 2 / focal], [0, 1 / focal, -(height - 1) / 2 / focal], [0, 0, 1]])


def dolly(start: Vector, velocity_m_s: Vector, look: Vector, sway_m: float = 0.0, sway_hz: float = 1.8) -> Path:
    """A path that glides steadily, looking along `look`; `sway_m` adds the bob of somebody who walks."""

    def path(times_s: Array) -> tuple[Array, Array]:
        position = np.asarray(start) + np.outer(times_s, velocity_m_s)
        phase = 2 * np.pi * sway_hz * times_s
        position = position + sway_m * np.stack([0.6 * np.sin(phase / 2), 0 * phase, np.sin(phase / 2) ** 2], -1)
        return position, position + np.asarray(look)

    return path


def orbit(centre: Vector, radius_m: float, height_m: float, rad_s: float, start_rad: float = 0.0) -> Path:
    """A path around `centre`, looking at it."""

    def path(times_s: Array) -> tuple[Array, Array]:
        angle = start_rad + rad_s * times_s
        offset = np.stack([radius_m * np.cos(angle), radius_m * np.sin(angle), np.full_like(angle, height_m)], -1)
        target = np.broadcast_to(np.asarray(centre, np.float64), offset.shape)
        return target + offset, target

    return path


def pan(position: Vector, look: Vector, rad_s: float) -> Path:
    """A path that only turns, to the left where `rad_s` is positive."""

    def path(times_s: Array) -> tuple[Array, Array]:
        place = np.broadcast_to(np.asarray(position, np.float64), (len(times_s), 3))
        return place, place + about((0, 0, 1), rad_s * times_s) @ np.asarray(look)

    return path


def still(position: Vector, look: Vector) -> Path:
    """A path that stays."""
    return pan(position, look, 0.0)
