"""Random shots for training and for measuring: three kinds of place, five kinds of camera, things that move or not.

room      floor, walls with pictures, tables, boxes, balls, a leaning board, somebody who walks
yard      ground, walls, trees, fences, signs, tall grass, people, under a hazy sky
layers    pictures at all depths and slants, many of them cut out, as in layered depth
"""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from secondeye.discovery import nearest
from secondeye.scene import things
from secondeye.scene.camera import Array, Path, Rig, dolly, orbit, pan, still
from secondeye.scene.frames import Shot
from secondeye.scene.optics import Optics
from secondeye.scene.world import Air, Body, Finish, Material, Motion, Shape, Vector, World, about

SOLID_TILES = (
    *("noise", "checker", "stripes", "gradient", "page", "poster", "dirt", "brick", "planks", "plaster", "plaid"),
    *("newspaper", "books", "wallpaper", "carpet", "ceramic", "ball"),
)
CUT_TILES = ("leaves", "tuft", "hair", "fence", "bars", "needles", "gable", "lattice")
FLOORS = ("planks", "planks", "ceramic", "carpet", "checker", "plaid", "stripes", "dirt", "plaster")
WALLS = ("plaster", "plaster", "wallpaper", "wallpaper", "brick", "planks", "stripes", "ceramic", "noise", "gradient")
PICTURES = ("page", "poster", "window", "newspaper", "poster", "window")

Random = np.random.Generator


def random_shot(
    seed: int,
    *,
    place: str | None = None,
    camera: str | None = None,
    movers: bool = True,
    glossy: bool = False,
    filmed: bool = False,
    rig: Rig | None = None,
) -> Shot:
    """A shot that depends on nothing but its arguments.

    Args:
        seed: another number, another shot.
        place: "room", "yard" or "layers"; None draws one.
        camera: "still", "lateral", "forward", "orbit" or "turn"; None draws one.
        movers: whether things move by themselves.
        glossy: whether a mirror and a pane of glass stand about.
        filmed: whether a real camera takes it, with motion blur, defocus, noise and an exposure that drifts, one or
            more of them.
        rig: the stereo rig; None draws one, with the screen behind everything as often as amid it.

    Raises:
        InputError: no such place or camera.
    """
    random = np.random.default_rng([seed, 20261])
    drawn_place, drawn_camera = random.choice(sorted(PLACES)), random.choice(sorted(CAMERAS))
    drawn_rig = Rig(
        baseline_m=random.uniform(0.03, 0.12),
        convergence_m=random.choice([math.inf, random.uniform(2.0, 7.0)]),
        field_of_view_deg=random.uniform(45, 75),
    )
    place, camera = place or str(drawn_place), camera or str(drawn_camera)
    if place not in PLACES:
        raise nearest("place", place, PLACES)
    if camera not in CAMERAS:
        raise nearest("camera", camera, CAMERAS)
    bodies, air = PLACES[place](random)
    if not movers:
        bodies = [replace(body, motion=Motion()) for body in bodies]
    if glossy:
        bodies += _glossy(random)
    path = CAMERAS[camera](random)
    return Shot(World(bodies, air), path, rig or drawn_rig, _optics(seed) if filmed else Optics())


def _optics(seed: int) -> Optics:
    """A lens and a sensor; a draw of its own, so that the same world can be had without them."""
    random = np.random.default_rng([seed, 20262])
    chosen = random.random(4) < 0.6
    chosen[random.integers(4)] = True
    return Optics(
        aperture_mm=float(chosen[0]) * random.uniform(15, 50),
        focus_m=random.uniform(2.5, 6.0),
        shutter=float(chosen[1]) * random.uniform(0.4, 1.0),
        noise=float(chosen[2]) * random.uniform(0.01, 0.04),
        exposure_drift=float(chosen[3]) * random.uniform(0.3, 1.0),
        seed=seed,
    )


def _tint(random: Random) -> Vector:
    """A bright colour, neither grey nor garish."""
    colour = 0.35 + 0.85 * random.random(3)
    return things.vector(colour + random.uniform(0, 0.8) * (colour.mean() - colour))


def _wear(random: Random, tile_m: float = 1.0, tiles: tuple[str, ...] = SOLID_TILES) -> Material:
    """Any solid material, or one of some."""
    tint, size, macro = _tint(random), tile_m * random.uniform(0.6, 1.6), random.uniform(0, 0.4)
    return Material(str(random.choice(tiles)), tint, size, macro)


def _drift(random: Random, share: float = 0.5) -> Motion:
    """A gentle motion for some bodies, none for the rest."""
    velocity, spin = random.normal(0, 0.25, 3) * (1, 1, 0), random.normal(0, 0.5)
    if random.random() > share:
        return Motion()
    return Motion(things.vector(velocity), (0, 0, 0.05), 0.5, axis=(0.1, 0.2, 1.0), spin_rad_s=spin)


def _panel(centre: Vector, half: tuple[float, float], material: Material, turn: Array, motion: Motion) -> Body:
    return Body(Shape.QUAD, centre, (*half, 1.0), material, turn, motion)


def _room(random: Random) -> tuple[list[Body], Air]:
    """A room of which the camera stands at the near end, looking along y."""
    wide, deep, high = random.uniform(2.4, 3.4), random.uniform(6.0, 8.0), 2.8
    bodies = _walls(random, wide, deep, high)
    for x in (-0.5 * wide, 0.4 * wide):
        picture, half = Material(str(random.choice(PICTURES)), tile_m=0), random.uniform(0.35, 0.6)
        at = (x + random.uniform(-0.3, 0.3), deep - 0.02, random.uniform(1.4, 1.8))
        bodies.append(_panel(at, (half, 0.8 * half), picture, things.upright(), Motion()))
    bodies += _table(random, random.uniform(-1.2, 1.2), random.uniform(2.6, 3.6))
    for _ in range(random.integers(3, 6)):
        half_size = things.vector(random.uniform(0.12, 0.4, 3))
        x, y = random.uniform(-0.8, 0.8) * wide, random.uniform(2.5, deep - 0.8)
        turn = about((0, 0, 1), random.uniform(0, math.pi))
        shape = Shape(int(random.choice([Shape.BOX, Shape.CYLINDER, Shape.CONE])))
        bodies.append(Body(shape, (x, y, half_size[2]), half_size, _wear(random, 0.5), turn, _drift(random)))
    bodies += _furniture(random, wide, deep)
    if random.random() < 0.7:
        bodies += _walker(random, random.uniform(-1, 1), random.uniform(3.0, deep - 1.0))
    return bodies, Air(sun=(-0.4, -0.5, 0.8), fog_m=math.inf, clouds=0.0, haze=(0.7, 0.7, 0.7))


def _walls(random: Random, wide: float, deep: float, high: float) -> list[Body]:
    """Floor, three walls, and mostly a ceiling, which lets the sun in all the same."""
    side, (left, right) = _wear(random, 1.5, WALLS), upright_left_and_right()
    middle, along = deep / 2 - 1, deep / 2 + 1
    bodies = [
        _panel((0, middle, 0), (wide, along), _wear(random, 1.4, FLOORS), np.eye(3), Motion()),
        _panel((0, deep, high / 2), (wide, high / 2), _wear(random, 1.5, WALLS), things.upright(), Motion()),
        _panel((-wide, middle, high / 2), (along, high / 2), side, left, Motion()),
        _panel((wide, middle, high / 2), (along, high / 2), side, right, Motion()),
    ]
    if random.random() < 0.7:
        ceiling = Material("plaster", things.grey(random.uniform(2.0, 3.5)), 2.0)  # what the floor throws back
        lid = _panel((0, middle, high), (wide, along), ceiling, np.eye(3), Motion())
        bodies.append(replace(lid, casts_shadow=False))
    return bodies


def _furniture(random: Random, wide: float, deep: float) -> list[Body]:
    """A ball, a leaning board, and some of: a carpet, a bookcase, a folding screen of bars or laths, a lamp."""
    bodies = [_leaning(random, random.choice([-0.7, 0.7]) * wide, deep - 1.2)]
    if random.random() < 0.6:
        bodies += things.bouncing_ball(random.uniform(-1, 1), 2.4, random.uniform(0.1, 0.2), (0.3, 0.3, 0))
    if random.random() < 0.5:
        rug = Material("carpet", _tint(random), 0)
        bodies.append(Body(Shape.BOX, (random.uniform(-0.8, 0.8), 3.4, 0.006), (1.1, 0.8, 0.006), rug))
    if random.random() < 0.5:
        bodies += things.bookcase(random.uniform(-0.5, 0.5) * wide, deep - 0.25, random)
    if random.random() < 0.4:
        sheet = Material(str(random.choice(["bars", "lattice", "leaves"])), _tint(random), 0.8, cutout=True)
        turn = things.upright(random.uniform(-0.9, 0.9))
        at = (random.choice([-0.55, 0.55]) * wide, random.uniform(2.2, deep - 2), 0.8)
        bodies.append(_panel(at, (0.6, 0.8), sheet, turn, Motion()))
    if random.random() < 0.5:
        bodies += things.lamp(random.choice([-0.8, 0.8]) * wide, random.uniform(3.5, deep - 0.6), _tint(random))
    return bodies


def upright_left_and_right() -> tuple[Array, Array]:
    """The turns of quads that stand as a room's left and right wall."""
    return things.upright(math.pi / 2), things.upright(-math.pi / 2)


def _table(random: Random, x: float, y: float) -> list[Body]:
    """A table with a ball and a tuft of hair-like strands on it."""
    wood, high = Material("planks", tile_m=0.8), random.uniform(0.65, 0.8)
    bodies = [Body(Shape.BOX, (x, y, high), (0.6, 0.35, 0.025), wood)]
    for i in (-0.52, 0.52):
        for j in (-0.28, 0.28):
            bodies.append(Body(Shape.CYLINDER, (x + i, y + j, high / 2), (0.025, 0.025, high / 2), wood))
    bodies.append(
        Body(
            Shape.SPHERE,
            (x - 0.25, y, high + 0.13),
            (0.11,) * 3,
            _wear(random, 0.3),
            motion=_drift(random, 0.3),
        )
    )
    plant = Material(str(random.choice(["hair", "tuft"])), tile_m=0, cutout=True)
    bodies.append(
        _panel((x + 0.25, y, high + 0.2), (0.2, 0.18), plant, things.upright(random.uniform(-0.5, 0.5)), Motion())
    )
    return bodies


def _leaning(random: Random, x: float, y: float) -> Body:
    """A board that leans back: a slanted plane."""
    slant = things.upright(random.uniform(-0.6, 0.6)) @ about((1, 0, 0), -random.uniform(0.3, 0.8))
    return _panel((x, y, 0.7), (0.5, 0.75), _wear(random, 0.7), slant, Motion())


def _walker(random: Random, x: float, y: float) -> list[Body]:
    heading, speed = random.uniform(0, 2 * math.pi), random.uniform(0.3, 0.9)
    return things.person(x, y, heading, speed, _tint(random), random)


def _yard(random: Random) -> tuple[list[Body], Air]:
    """Open ground with things on it, looking along y."""
    ground = Material(
        str(random.choice(["grass", "grass", "dirt", "noise"])), _pale(random), random.uniform(1.5, 3), 0.7
    )
    bodies = [Body(Shape.GROUND, (0, 0, 0), material=ground), *_buildings(random)]
    for _ in range(random.integers(1, 5)):
        make = random.choice([things.conifer, things.leafy_tree])  # type: ignore[arg-type]
        bodies += make(random.uniform(-7, 7), random.uniform(6, 18), random.uniform(3, 7), random)
    for _ in range(random.integers(1, 4)):
        bodies += _walker(random, random.uniform(-2, 2), random.uniform(2.6, 8))
    across, away = random.uniform(-3, 3), random.uniform(5, 8)
    bodies += things.picket_fence(across, away, random.uniform(2.5, 6), random.uniform(-0.4, 0.4))
    if random.random() < 0.6:
        prints = ["page", "poster", "newspaper"]
        bodies += things.sign(random.uniform(-2.5, 2.5), random.uniform(3.5, 6), str(random.choice(prints)))
    if random.random() < 0.6:
        bodies += things.bouncing_ball(random.uniform(-1.5, 1.5), 3.5, random.uniform(0.1, 0.25), (0.4, 0.1, 0))
    for _ in range(random.integers(0, 4)):
        bodies.append(_shrub(random, random.uniform(-4, 4), random.uniform(3.5, 9)))
    for _ in range(random.integers(3, 8)):
        x, y = random.uniform(-3, 3), random.uniform(2, 7)
        bodies += things.tuft(x, y, random.uniform(0.12, 0.35), random.uniform(-0.8, 0.8))
    sun = (random.uniform(-0.8, 0.8), random.uniform(-0.9, 0.2), random.uniform(0.4, 0.9))
    return bodies, Air(sun, fog_m=random.uniform(40, 200), clouds=random.uniform(0, 1))


def _pale(random: Random) -> Vector:
    """Nearly white."""
    return things.vector(random.uniform(0.8, 1.1, 3))


def _buildings(random: Random) -> list[Body]:
    """Walls and sheds, or a house."""
    if random.random() < 0.3:
        return things.house(random.uniform(-6, 4), random.uniform(13, 18), random.uniform(-0.6, 0.6))
    bodies = []
    for _ in range(random.integers(1, 4)):
        x, y = random.uniform(-6, 6), random.uniform(9, 16)
        half = (random.uniform(1, 3), random.uniform(0.2, 2), random.uniform(0.8, 2.0))
        wall = Material(str(random.choice(["brick", "plaster", "planks"])), _tint(random), 1.4, 0.2)
        bodies.append(Body(Shape.BOX, (x, y, half[2]), half, wall, about((0, 0, 1), random.uniform(-0.7, 0.7))))
    return bodies


def _shrub(random: Random, x: float, y: float) -> Body:
    """A round bush, or a rock."""
    size, green = random.uniform(0.2, 0.6), random.random() < 0.6
    material = Material("leaves", _pale(random), 1.0, 0.4) if green else Material("noise", things.grey(0.6), 0.8, 0.4)
    return Body(Shape.SPHERE, (x, y, 0.5 * size), (size, random.uniform(0.7, 1) * size, 0.8 * size), material)


def _layers(random: Random) -> tuple[list[Body], Air]:
    """A far wall and panels before it, the farther the larger."""
    bodies = [_panel((0, 12, 1.5), (14, 9), _wear(random, 3.0), things.upright(), Motion())]
    for _ in range(random.integers(10, 20)):
        away = 1.0 / random.uniform(1 / 9.0, 1 / 1.8)
        x, z = random.uniform(-0.6, 0.6) * away, 1.5 + random.uniform(-0.45, 0.45) * away
        size = away * random.uniform(0.08, 0.25)
        material = _wear(random, size)
        if random.random() < 0.45:
            material = Material(str(random.choice(CUT_TILES)), _tint(random), 0, cutout=True)
        slant = things.upright(random.uniform(-0.9, 0.9)) @ about((1, 0, 0), random.uniform(-0.6, 0.6))
        if random.random() < 0.25:
            half = (0.6 * size,) * 3
            bodies.append(Body(Shape.SPHERE, (x, away, z), half, _wear(random, size), motion=_drift(random)))
        else:
            half_panel = (size, size * random.uniform(0.5, 1.2))
            bodies.append(_panel((x, away, z), half_panel, material, slant, _drift(random)))
    return bodies, Air(sun=(-0.3, -0.8, 0.5), fog_m=math.inf, clouds=0.0, shadows=bool(random.random() < 0.5))


def _glossy(random: Random) -> list[Body]:
    """A mirror on a stand and a pane of glass."""
    mirror = Material("plain", (0.9, 0.9, 0.9), finish=Finish.MIRROR)
    glass = Material("plain", (0.85, 0.95, 0.9), finish=Finish.GLASS)
    x = random.uniform(0.5, 1.0) * random.choice([-1.0, 1.0])
    turn = things.upright(random.uniform(0.3, 0.6) * -np.sign(x))
    return [
        Body(Shape.QUAD, (x, 3.2, 1.2), (0.45, 0.7, 1.0), mirror, turn),
        Body(Shape.QUAD, (-x, 2.6, 1.2), (0.4, 0.6, 1.0), glass, things.upright(0.2), casts_shadow=False),
    ]


def _lateral(random: Random) -> Path:
    return dolly((-0.4, -0.5, 1.5), (random.choice([-1, 1]) * random.uniform(0.3, 1.0), 0, 0), (0, 1, -0.06))


def _forward(random: Random) -> Path:
    speed = random.uniform(0.3, 1.0)
    return dolly((0, -0.8, 1.5), (random.uniform(-0.1, 0.1), speed, 0), (0, 1, -0.06), sway_m=0.02)


def _orbit(random: Random) -> Path:
    return orbit((0, 4.0, 1.1), 4.6, 0.4, random.choice([-1, 1]) * random.uniform(0.08, 0.25), -math.pi / 2)


def _turn(random: Random) -> Path:
    return pan((0, -0.5, 1.5), (0, 1, -0.06), random.choice([-1, 1]) * random.uniform(0.1, 0.4))


def _still(random: Random) -> Path:
    return still((random.uniform(-0.3, 0.3), -0.5, 1.5), (0, 1, -0.06))


PLACES: dict[str, Callable[[Random], tuple[list[Body], Air]]] = {"room": _room, "yard": _yard, "layers": _layers}
CAMERAS: dict[str, Callable[[Random], Path]] = {
    "still": _still,
    "lateral": _lateral,
    "forward": _forward,
    "orbit": _orbit,
    "turn": _turn,
}
