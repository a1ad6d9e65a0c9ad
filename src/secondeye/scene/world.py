"""What a world is made of: bodies of a few analytic shapes, their materials and motions, light and air.

World axes: x right, y forward, z up, all in m. A body is a unit shape, stretched, turned and moved by an affine map,
so that a ray meets it in closed form and every hit point can be followed exactly through time.

    GROUND    z = 0, without end             CYLINDER  x² + y² ≤ 1, -1 ≤ z ≤ 1
    QUAD      z = 0, -1 ≤ x, y ≤ 1           CONE      radius 1 at z = -1, apex at z = 1
    BOX       -1 ≤ x, y, z ≤ 1               SPHERE    x² + y² + z² ≤ 1
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from secondeye.errors import InputError

Array = NDArray[np.float64]
Vector = tuple[float, float, float]


class Shape(IntEnum):
    """The unit shapes."""

    GROUND = 0
    QUAD = 1
    BOX = 2
    SPHERE = 3
    CYLINDER = 4
    CONE = 5


class Finish(IntEnum):
    """How a surface answers light."""

    MATTE = 0
    MIRROR = 1
    GLASS = 2


@dataclass(frozen=True)
class Material:
    """What a surface looks like.

    Attributes:
        tile: name of a texture tile, see `tiles`.
        tint: the tile's colours are multiplied by it, linear light.
        tile_m: edge of one tile on the surface, in m; 0 fits one tile to each face.
        macro: how strongly a coarse noise varies the brightness, 0 to 1, which hides that tiles repeat.
        cutout: where the tile's alpha is below one half there is nothing.
        finish: matte, mirror or glass.
    """

    tile: str = "plain"
    tint: Vector = (1.0, 1.0, 1.0)
    tile_m: float = 1.0
    macro: float = 0.0
    cutout: bool = False
    finish: Finish = Finish.MATTE


@dataclass(frozen=True)
class Motion:
    """How a body moves: a steady glide, a bob, and a turn (steady, swinging or both) about a pivot.

    Attributes:
        velocity_m_s: steady glide.
        bob_m: amplitude of sin(2 pi bob_hz t + phase) added to the position; `bounce` takes its absolute value.
        axis: of the turn, world axes, any length.
        spin_rad_s: steady turn.
        swing_rad: amplitude of sin(2 pi swing_hz t + phase) added to the turn.
        pivot: the point that the turn leaves in place, relative to the body's centre, in m.
    """

    velocity_m_s: Vector = (0.0, 0.0, 0.0)
    bob_m: Vector = (0.0, 0.0, 0.0)
    bob_hz: float = 0.0
    bounce: bool = False
    axis: Vector = (0.0, 0.0, 1.0)
    spin_rad_s: float = 0.0
    swing_rad: float = 0.0
    swing_hz: float = 0.0
    phase_rad: float = 0.0
    pivot: Vector = (0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Body:
    """One shape in the world.

    Attributes:
        shape: which unit shape.
        centre: m, at time 0.
        half_size: m along the shape's own axes.
        turn: (3, 3) rotation from the shape's axes to the world's, at time 0.
        casts_shadow: whether it stands in the sun's way.
    """

    shape: Shape
    centre: Vector
    half_size: Vector = (1.0, 1.0, 1.0)
    material: Material = Material()
    turn: Array = field(default_factory=lambda: np.eye(3))
    motion: Motion = Motion()
    casts_shadow: bool = True


@dataclass(frozen=True)
class Air:
    """Light and weather.

    Attributes:
        sun: direction towards the sun, any length.
        sun_light, sky_light: linear RGB.
        haze: linear RGB of the horizon and of distant things.
        fog_m: distance after which 1/e of a thing's own light is left; infinite indoors.
        clouds: 0 to 1.
        shadows: whether the sun casts them.
    """

    sun: Vector = (-0.5, -0.55, 0.62)
    sun_light: Vector = (2.1, 1.85, 1.45)
    sky_light: Vector = (0.42, 0.52, 0.72)
    haze: Vector = (0.62, 0.76, 0.98)
    fog_m: float = 170.0
    clouds: float = 0.7
    shadows: bool = True


@dataclass(frozen=True)
class World:
    """Bodies and the air around them.

    Raises:
        InputError: there is no body.
    """

    bodies: Sequence[Body]
    air: Air = Air()

    def __post_init__(self) -> None:
        if not len(self.bodies):
            raise InputError("a world without bodies shows nothing: give it one at least, be it the ground")


def about(axis: Vector | Array, angle: Array | float) -> Array:
    """Rotation matrices (..., 3, 3) about axes (..., 3) by `angle` (...) rad, right-handed (Rodrigues)."""
    unit = np.asarray(axis, np.float64) / np.linalg.norm(axis, axis=-1, keepdims=True)
    x, y, z = np.moveaxis(unit, -1, 0)
    none = np.zeros_like(x)
    cross = np.stack([none, -z, y, z, none, -x, -y, x, none], -1).reshape(*unit.shape[:-1], 3, 3)
    turn = np.asarray(angle, np.float64)[..., None, None]
    rotation: Array = np.eye(3) + np.sin(turn) * cross + (1 - np.cos(turn)) * (cross @ cross)
    return rotation


def poses(world: World, times_s: Array) -> Array:
    """Affine maps (T, N, 3, 4) from each body's unit shape to the world, at each time."""
    motions, times = [body.motion for body in world.bodies], np.asarray(times_s, np.float64)[:, None]

    def all_of(name: str) -> Array:
        shape = len(motions), *np.shape(getattr(Motion, name))
        return np.array([getattr(motion, name) for motion in motions], np.float64).reshape(shape)

    phase, pivot = all_of("phase_rad"), all_of("pivot")
    angle = all_of("spin_rad_s") * times + all_of("swing_rad") * np.sin(2 * np.pi * all_of("swing_hz") * times + phase)
    bob = np.sin(2 * np.pi * all_of("bob_hz") * times + phase)
    bob = np.where(all_of("bounce") > 0, np.abs(bob), bob)
    rotation = about(all_of("axis"), angle)  # (T, N, 3, 3)
    centre = np.array([body.centre for body in world.bodies]).reshape(-1, 3) + times[..., None] * all_of("velocity_m_s")
    centre = centre + bob[..., None] * all_of("bob_m") + pivot - (rotation @ pivot[..., None])[..., 0]
    pose = np.empty((*angle.shape, 3, 4))
    pose[..., :3] = rotation @ np.array([body.turn for body in world.bodies]).reshape(-1, 3, 3)
    pose[..., :3] *= np.array([body.half_size for body in world.bodies]).reshape(-1, 1, 3)
    pose[..., 3] = centre
    return pose


def inverse(pose: Array) -> Array:
    """Inverse affine maps of (..., 3, 4)."""
    linear = np.linalg.inv(pose[..., :3])
    result: Array = np.concatenate([linear, -linear @ pose[..., 3:]], -1)
    return result
