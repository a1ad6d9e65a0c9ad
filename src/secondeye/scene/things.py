"""Things that worlds are furnished with, each a list of bodies: trees, people, houses, fences, signs."""

import math

import numpy as np

from secondeye.scene.camera import Array
from secondeye.scene.world import Body, Material, Motion, Shape, Vector, about

SKIN = Material("soft_noise", (1.0, 0.74, 0.6), 1.5)
HAIR_COLOURS: tuple[Vector, ...] = ((0.5, 0.32, 0.2), (0.14, 0.1, 0.09), (1.5, 1.15, 0.6), (0.9, 0.45, 0.25))
TROUSERS: tuple[Vector, ...] = ((0.12, 0.17, 0.34), (0.2, 0.18, 0.17), (0.38, 0.33, 0.26))
UP: Vector = (0.0, 0.0, 1.0)


def vector(values: Array) -> Vector:
    """An array of three as a tuple."""
    x, y, z = (float(value) for value in values)
    return x, y, z


def grey(value: float) -> Vector:
    """A tint without colour."""
    return value, value, value


def upright(turn_rad: float = 0.0) -> Array:
    """The turn of a quad that stands upright and faces -y, then turned about the vertical."""
    return about(UP, turn_rad) @ about((1, 0, 0), math.pi / 2)


def leafy_tree(x: float, y: float, height: float, random: np.random.Generator) -> list[Body]:
    """A trunk and five crowns that sway, each a core with two ragged shells of leaves around it."""
    thick = 0.038 * height
    bodies = [Body(Shape.CYLINDER, (x, y, 0.28 * height), (thick, thick, 0.28 * height), Material("bark", tile_m=0.7))]
    phase = random.uniform(0, 6)
    for k in range(5):
        angle, out = k * math.pi / 2 + random.uniform(-0.3, 0.3), 0.2 * height * (k < 4)
        rise = height * ((0.66 if k < 4 else 0.83) + random.uniform(-0.03, 0.03))
        middle = (x + out * math.cos(angle), y + out * math.sin(angle), rise)
        size, tone = height * random.uniform(0.19, 0.23), random.uniform(0.85, 1.2)
        sway = Motion(axis=(0, 1, 0.3), swing_rad=0.012, swing_hz=0.4, phase_rad=phase, pivot=(0, 0, -rise))
        for shell in (0.84, 0.95, 1.06):
            tint = np.array([random.uniform(0.9, 1.1), 1.0, 0.9]) * tone * (0.5 if shell == 0.84 else 1.0)
            leaf = Material("leaves", vector(tint), 1.5, 0.5, cutout=shell > 0.9)
            turn, half = about(UP, random.uniform(0, 6)), (size * shell, size * shell, 0.85 * size * shell)
            bodies.append(Body(Shape.SPHERE, middle, half, leaf, turn, sway, casts_shadow=shell == 0.95))
    return bodies


def conifer(x: float, y: float, height: float, random: np.random.Generator) -> list[Body]:
    """A trunk and five tiers of needles, each a core in a ragged skirt."""
    thick, tone = 0.03 * height, random.uniform(0.85, 1.2)
    bodies = [Body(Shape.CYLINDER, (x, y, 0.1 * height), (thick, thick, 0.1 * height), Material("bark", tile_m=0.7))]
    for k in range(5):
        low, tall, wide = (0.12 + 0.155 * k) * height, (0.30 - 0.02 * k) * height, (0.22 - 0.036 * k) * height
        middle, turn = (x, y, low + tall / 2), about(UP, random.uniform(0, 6))
        core, skirt = (0.78 * wide, 0.78 * wide, 0.46 * tall), (wide, wide, tall / 2)
        bodies.append(Body(Shape.CONE, middle, core, Material("needles", grey(0.45 * tone), 1.3), turn))
        needles = Material("needles", grey(tone), 1.3, 0.4, cutout=True)
        bodies.append(Body(Shape.CONE, middle, skirt, needles, turn, casts_shadow=False))
    return bodies


def person(
    x: float, y: float, heading_rad: float, speed_m_s: float, coat: Vector, random: np.random.Generator
) -> list[Body]:
    """Somebody who walks: head with hair, coat, arms and legs that swing from their joints."""
    ahead = np.array([math.cos(heading_rad), math.sin(heading_rad), 0.0])
    aside = np.array([-ahead[1], ahead[0], 0.0])
    step_hz, phase = 0.3 + 0.5 * speed_m_s, random.uniform(0, 6)
    cloth = Material(str(random.choice(["plaid", "plaid", "plain", "stripes", "plaster"])), coat, 0.35)
    trousers = Material("noise", TROUSERS[random.integers(len(TROUSERS))], 0.4)
    hair = Material("bark", HAIR_COLOURS[random.integers(len(HAIR_COLOURS))], 0.3)
    parts: list[tuple[Shape, Vector, Vector, Material, float, float]] = [
        (Shape.SPHERE, (0, 0, 1.1), (0.13, 0.2, 0.33), cloth, 0, 0),
        (Shape.CONE, (0, 0, 0.93), (0.19, 0.24, 0.36), cloth, 0, 0),
        (Shape.SPHERE, (0, 0, 1.35), (0.1, 0.235, 0.085), cloth, 0, 0),
        (Shape.CYLINDER, (0, 0, 1.44), (0.048, 0.048, 0.07), SKIN, 0, 0),
        (Shape.SPHERE, (0.01, 0, 1.58), (0.1, 0.088, 0.125), Material("face", (1.0, 0.95, 0.9), 0), 0, 0),
        (Shape.SPHERE, (-0.045, 0, 1.63), (0.1, 0.1, 0.112), hair, 0, 0),
    ]
    for s in (-1, 1):  # offset ahead, aside, up; half sizes; swing in rad; height of the joint above the part
        parts += [
            (Shape.SPHERE, (0, 0.09 * s, 0.42), (0.085, 0.085, 0.45), trousers, 0.45 * s, 0.42),
            (Shape.SPHERE, (0.06, 0.09 * s, 0.05), (0.13, 0.055, 0.055), Material(tint=grey(0.08)), 0.45 * s, 0.8),
            (Shape.SPHERE, (0, 0.21 * s, 1.12), (0.055, 0.055, 0.31), cloth, -0.5 * s, 0.26),
            (Shape.SPHERE, (0, 0.21 * s, 0.82), (0.05, 0.04, 0.06), SKIN, -0.5 * s, 0.56),
        ]
    bodies = []
    for shape, offset, half, material, swing, joint in parts:
        place = np.array([x, y, offset[2]]) + offset[0] * ahead + offset[1] * aside
        motion = Motion(
            velocity_m_s=vector(speed_m_s * ahead),
            bob_m=(0, 0, 0.02),
            bob_hz=2 * step_hz,
            axis=vector(aside),
            swing_rad=swing,
            swing_hz=step_hz,
            phase_rad=phase,
            pivot=(0, 0, joint),
        )
        bodies.append(Body(shape, vector(place), half, material, about(UP, heading_rad), motion))
    return bodies


def house(x: float, y: float, turn_rad: float) -> list[Body]:
    """Brick walls, a tiled roof with gables, windows, a door and a chimney; its front looks along -y."""
    turn = about(UP, turn_rad)

    def place(across: float, back: float, up: float) -> Vector:
        return vector(np.array([x, y, 0.0]) + turn @ np.array([across, back, up]))

    slope, front, brick = math.atan2(2.1, 2.9), upright(turn_rad), Material("brick", tile_m=1.3, macro=0.25)
    tiles = Material("roof", tile_m=1.8, macro=0.3)
    gable = Material("gable", (0.95, 0.9, 0.8), 0, cutout=True)
    bodies = [
        Body(Shape.BOX, place(0, 0, 1.6), (4.0, 2.6, 1.6), brick, turn),
        Body(Shape.BOX, place(2.2, 0.8, 4.9), (0.4, 0.4, 1.0), brick, turn),
        Body(Shape.QUAD, place(-0.8, -2.62, 1.05), (0.5, 1.05, 1), Material("door", tile_m=0), front),
        Body(Shape.BOX, place(-0.8, -3.0, 0.08), (0.8, 0.45, 0.08), Material("plaster", grey(0.7)), turn),
    ]
    for s in (-1, 1):
        lean = turn @ about((1, 0, 0), -s * slope)
        bodies.append(Body(Shape.BOX, place(0, 1.5 * s, 4.2), (4.4, 1.85, 0.06), tiles, lean))
        bodies.append(Body(Shape.QUAD, place(4.0 * s, 0, 4.25), (2.6, 1.05, 1), gable, upright(turn_rad + math.pi / 2)))
    for across in (-2.6, 0.9, 2.7):
        window = Material("window", tile_m=0)
        bodies.append(Body(Shape.QUAD, place(across, -2.62, 1.75), (0.55, 0.7, 1), window, front))
        bodies.append(Body(Shape.BOX, place(across, -2.68, 1.0), (0.65, 0.1, 0.05), Material("plaster"), turn))
    return bodies


def picket_fence(x: float, y: float, length_m: float, turn_rad: float = 0.0) -> list[Body]:
    """A white fence, cut out of one upright sheet."""
    material = Material("fence", tile_m=0.95, cutout=True)
    return [Body(Shape.QUAD, (x, y, 0.475), (length_m / 2, 0.475, 1), material, upright(turn_rad))]


def sign(x: float, y: float, tile: str = "poster") -> list[Body]:
    """A printed board on two posts, facing -y."""
    wood = Material("planks", tile_m=0.5)
    posts = [Body(Shape.CYLINDER, (x + s * 0.42, y, 0.75), (0.03, 0.03, 0.75), wood) for s in (-1, 1)]
    return [*posts, Body(Shape.BOX, (x, y - 0.05, 1.1), (0.5, 0.02, 0.5), Material(tile, tile_m=0))]


def tuft(x: float, y: float, size_m: float, turn_rad: float) -> list[Body]:
    """Long grass on one upright sheet."""
    material = Material("tuft", (1.0, 1.0, 0.9), 0, cutout=True)
    return [Body(Shape.QUAD, (x, y, 0.9 * size_m), (size_m, 0.92 * size_m, 1), material, upright(turn_rad))]


def bouncing_ball(x: float, y: float, radius_m: float, velocity_m_s: Vector) -> list[Body]:
    """A beach ball on its way."""
    motion = Motion(
        velocity_m_s, bob_m=(0, 0, 3 * radius_m), bob_hz=0.55, bounce=True, axis=(0.2, 1.0, 0.2), spin_rad_s=3.0
    )
    return [Body(Shape.SPHERE, (x, y, radius_m), (radius_m,) * 3, Material("ball", tile_m=0), motion=motion)]


def bookcase(x: float, y: float, random: np.random.Generator) -> list[Body]:
    """A wooden case full of books, facing -y."""
    half, high = random.uniform(0.35, 0.6), random.uniform(0.6, 1.0)
    wood = Material("planks", grey(random.uniform(0.4, 0.9)), 0.9)
    spines = Material("books", tile_m=0)
    bodies = [Body(Shape.BOX, (x, y, high), (half, 0.2, high), wood)]
    for k in (0, 1):
        front = (x, y - 0.205, high * (0.5 + k) + 0.01)
        bodies.append(Body(Shape.QUAD, front, (0.92 * half, 0.46 * high, 1), spines, upright()))
    return bodies


def lamp(x: float, y: float, shade: Vector) -> list[Body]:
    """A standard lamp: a foot, a pole as thin as a thumb, and a shade."""
    metal = Material("plain", grey(0.25))
    return [
        Body(Shape.CYLINDER, (x, y, 0.015), (0.16, 0.16, 0.015), metal),
        Body(Shape.CYLINDER, (x, y, 0.75), (0.012, 0.012, 0.75), metal),
        Body(Shape.CONE, (x, y, 1.62), (0.24, 0.24, 0.3), Material("stripes", shade, 0.4)),
    ]
