"""A sunny park with a house, trees, people and a ball: the sample that the package shows itself with."""

import math

import numpy as np

from secondeye.scene import things
from secondeye.scene.camera import Rig, dolly
from secondeye.scene.frames import Shot
from secondeye.scene.sound import STEPS_HZ
from secondeye.scene.world import Body, Material, Shape, World

CONIFERS = ((6.6, 26, 9), (11.8, 29, 11), (-14.5, 31, 12), (-19, 26, 10), (2.8, 38, 12), (-4.5, 42, 13), (17, 36, 12))
"""x, y and height, m."""


def shot(seed: int = 0) -> Shot:
    """A walk into the park, the screen in the middle of it; `seed` varies what it looks like, not where it leads."""
    path = dolly((-0.9, 0.4, 1.55), (0.28, 0.42, 0.0), (0.02, 1.0, -0.06), sway_m=0.03, sway_hz=STEPS_HZ)
    return Shot(world(seed), path, Rig(baseline_m=0.064, convergence_m=6.0, field_of_view_deg=62.0))


def world(seed: int) -> World:
    """The park."""
    random = np.random.default_rng(seed)
    bodies = _land(random) + things.house(-8.2, 19.0, 0.42)
    for x, y, height in ((4.4, 11.5, 5.4), (-4.6, 12.4, 4.6), (9.5, 21.0, 7.0)):
        bodies += things.leafy_tree(x, y, height, random)
    for x, y, height in CONIFERS:
        wander = random.uniform(-0.6, 0.6, 2)
        bodies += things.conifer(x + wander[0], y + wander[1], height * random.uniform(0.9, 1.1), random)
    bodies += things.picket_fence(-4.9, 9.0, 5.7) + things.picket_fence(5.2, 8.4, 5.7)
    bodies += things.person(-0.55, 7.6, -math.pi / 2, 0.55, (1.0, 0.2, 0.14), random)
    bodies += things.person(0.75, 9.2, math.pi / 2, 0.9, (0.15, 0.36, 0.95), random)
    bodies += things.person(-2.9, 10.6, 0.0, 0.7, (1.0, 0.7, 0.15), random)
    bodies += things.sign(2.15, 5.6) + things.bouncing_ball(-2.3, 5.0, 0.2, (0.62, 0.05, 0.0))
    for _ in range(26):
        x, y = random.uniform(1.6, 4.5) * random.choice([-1.0, 1.0]), random.uniform(2.6, 8.0)
        bodies += things.tuft(x, y, random.uniform(0.14, 0.3), random.uniform(-0.7, 0.7))
    return World(bodies)


def _land(random: np.random.Generator) -> list[Body]:
    """Grass, a path, and six wooded hills around the horizon."""
    path = Material("dirt", (1.0, 0.95, 0.85), 1.9, 0.5)
    bodies = [
        Body(Shape.GROUND, (0, 0, 0), material=Material("grass", tile_m=2.2, macro=0.9)),
        Body(Shape.BOX, (0.1, 22, 0), (1.25, 60, 0.012), path, casts_shadow=False),
    ]
    for k in range(6):
        angle = math.radians(-58 + 23 * k + random.uniform(-6, 6))
        away, size = random.uniform(190, 300), random.uniform(60, 110)
        wood = Material("leaves", (0.75, 0.85, 0.8), 14.0, 0.8)
        middle = (away * math.sin(angle), away * math.cos(angle), -0.35 * size)
        bodies.append(Body(Shape.SPHERE, middle, (1.6 * size, size, 0.6 * size), wood, casts_shadow=False))
    return bodies
