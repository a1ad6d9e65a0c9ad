"""The texture tiles that surfaces wear, drawn once per process, with a mip pyramid each.

A tile is a square RGBA picture, display-coded, that repeats without a seam. Everything that the ray caster shows is
read from the pyramid at the size of a pixel's footprint, so that textures hold little that is finer than a pixel: one
eye's view resampled from the other's agrees with it at 37 to 48 dB inside surfaces. Alpha below one half is cut away
where a material says so.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from secondeye.scene import prints
from secondeye.scene.paint import EDGE_PX, Array, cells, cut, fractal, grid, paint, shade, smooth_step

Word = TypeVar("Word", np.uint32, np.uint64)

LEVELS = 9
"""256, 128, ... 1."""


@dataclass(frozen=True)
class Atlas:
    """All tiles.

    Attributes:
        texels: (tiles, texels of all levels, 4) uint8, the finest level first.
        offsets: (LEVELS,) index of each level's first texel.
        index: number of a tile by its name.
    """

    texels: NDArray[np.uint8]
    offsets: NDArray[np.int64]
    index: dict[str, int]


@cache
def atlas() -> Atlas:
    """The tiles of this process; the same in every process."""
    pictures = [DRAWN[name]() for name in DRAWN]
    sizes = np.array([(EDGE_PX >> level) ** 2 for level in range(LEVELS)])
    return Atlas(
        np.stack([_pyramid(picture) for picture in pictures]),
        np.concatenate([[0], np.cumsum(sizes)[:-1]]),
        {name: i for i, name in enumerate(DRAWN)},
    )


@cache
def pairs() -> NDArray[np.uint64]:
    """Texels (tiles, texels), each with the one right of it, so that both are read at once.

    A texel is 32 bits: red, green, blue and alpha, red the lowest. The right one is in the higher half.
    """
    words = np.ascontiguousarray(atlas().texels).view("<u4")[..., 0].astype(np.uint64)
    return words | _beside(words, 0, -1) << np.uint64(32)


@cache
def quads() -> NDArray[np.uint32]:
    """One channel of texels (tiles, texels), each with those right of it, above it, and right of that one.

    Each is eight bits, the texel itself the lowest; the channel is alpha, but red in the tile `macro`.
    """
    channel = atlas().texels[..., 3].astype(np.uint32)
    channel[atlas().index["macro"]] = atlas().texels[atlas().index["macro"], :, 0]
    around = channel, _beside(channel, 0, -1), _beside(channel, 1, 0), _beside(channel, 1, -1)
    return sum((value << np.uint32(8 * i) for i, value in enumerate(around)), np.zeros_like(channel))


def _beside(texels: NDArray[Word], down: int, right: int) -> NDArray[Word]:
    """The texels of all levels (tiles, texels), rolled within their level."""
    edges = [EDGE_PX >> level for level in range(LEVELS)]
    ends = np.cumsum([edge * edge for edge in edges])[:-1]
    levels = [part.reshape(-1, edge, edge) for edge, part in zip(edges, np.split(texels, ends, 1), strict=True)]
    return np.concatenate([np.roll(level, (down, right), (1, 2)).reshape(len(texels), -1) for level in levels], 1)


def _pyramid(picture: Array) -> NDArray[np.uint8]:
    """All levels of an (EDGE, EDGE, 4) picture 0 to 1 as (texels, 4) uint8, colours weighted by alpha."""
    levels = []
    premultiplied = np.concatenate([picture[..., :3] * picture[..., 3:], picture[..., 3:]], -1)
    for _ in range(LEVELS):
        alpha = np.maximum(premultiplied[..., 3:], 1e-6)
        straight = np.concatenate([premultiplied[..., :3] / alpha, premultiplied[..., 3:]], -1)
        levels.append(np.clip(straight * 255 + 0.5, 0, 255).astype(np.uint8).reshape(-1, 4))
        half = max(len(premultiplied) // 2, 1)
        premultiplied = (
            premultiplied[: 2 * half, : 2 * half].reshape(half, -1, half, 2, 4)[:, :2].mean((1, 3))
            if (len(premultiplied) > 1)
            else premultiplied
        )
    return np.concatenate(levels)


def plain() -> Array:
    return paint(np.full((EDGE_PX, EDGE_PX), 0.5), (0.8, 0.8, 0.8))


def noise() -> Array:
    return paint(fractal(1, 1.3), (0.25, 0.25, 0.25), (0.95, 0.95, 0.95))


def soft_noise() -> Array:
    """Noise without detail finer than a tenth of the tile: the yardstick for exact truth."""
    return paint(fractal(2, 0.8, 1, 6), (0.25, 0.2, 0.3), (0.7, 0.65, 0.5), (0.9, 0.95, 1.0))


def checker() -> Array:
    u, v = grid()
    return paint(((np.floor(4 * u) + np.floor(4 * v)) % 2).astype(float), (0.2, 0.2, 0.22), (0.92, 0.9, 0.86))


def stripes() -> Array:
    u, _ = grid()
    return paint((np.floor(8 * u) % 2).astype(float), (0.85, 0.25, 0.2), (0.95, 0.93, 0.88))


def gradient() -> Array:
    _, v = grid()
    return paint(np.abs(2 * v - 1), (0.15, 0.3, 0.65), (0.95, 0.75, 0.35))


def grass() -> Array:
    blades = fractal(3, 0.45, 6)
    patches = fractal(4, 1.6)
    return shade(paint(patches, (0.30, 0.42, 0.14), (0.42, 0.55, 0.20), (0.55, 0.62, 0.27)), 0.55 + 0.75 * blades)


def dirt() -> Array:
    near, far, value = cells(5, 17)
    stones = smooth_step(far - near, 0.0, 0.4) * (value > 0.7)
    earth = paint(fractal(6, 0.9), (0.45, 0.36, 0.27), (0.70, 0.58, 0.44))
    earth[..., :3] += (
        0.6 * stones[..., None] * (paint(value, (0.5, 0.47, 0.44), (0.8, 0.77, 0.72))[..., :3] - earth[..., :3])
    )
    return earth


def brick() -> Array:
    u, v = grid()
    row = np.floor(8 * v)
    along = 4 * u + 0.5 * (row % 2)
    x, y = along % 1, (8 * v) % 1
    gap = np.minimum(np.minimum(x, 1 - x) * 2, np.minimum(y, 1 - y))
    tone = np.random.default_rng(7).random((8, 5))[row.astype(int), np.floor(along).astype(int) % 4]
    stone = shade(paint(tone, (0.58, 0.27, 0.20), (0.72, 0.38, 0.27), (0.66, 0.44, 0.34)), 0.8 + 0.35 * fractal(8, 0.8))
    mortar = smooth_step(gap, 0.10, 0.05)
    stone[..., :3] += mortar[..., None] * (np.array([0.75, 0.72, 0.66]) - stone[..., :3])
    return stone


def planks() -> Array:
    u, v = grid()
    board = np.floor(6 * u).astype(int)
    tone = np.random.default_rng(9).random(6)[board]
    shift = np.random.default_rng(10).random(6)[board]
    streaks = fractal(11, 0.9, 3)
    rows = ((v + shift) * 0.25 * EDGE_PX).astype(int) % EDGE_PX
    grain = streaks[rows, (u * EDGE_PX).astype(int)]
    x = (6 * u) % 1
    gap = smooth_step(np.minimum(x, 1 - x), 0.01, 0.05)
    wood = paint(0.6 * grain + 0.4 * tone, (0.50, 0.33, 0.19), (0.74, 0.54, 0.34), (0.84, 0.67, 0.46))
    return shade(wood, 0.35 + 0.65 * gap)


def plaster() -> Array:
    return paint(0.5 * fractal(12, 1.2) + 0.5 * fractal(13, 0.4, 20), (0.80, 0.77, 0.70), (0.97, 0.95, 0.90))


def bark() -> Array:
    streaks = fractal(14, 0.7, 3)
    stretched = streaks[np.arange(EDGE_PX)[:, None] // 4, np.arange(EDGE_PX)]
    ridge = np.abs(2 * stretched - 1)
    return paint(ridge * 0.7 + 0.3 * fractal(15, 0.8, 4), (0.20, 0.14, 0.10), (0.48, 0.37, 0.28))


def roof() -> Array:
    u, v = grid()
    row = np.floor(10 * v)
    x, y = (10 * u + 0.5 * (row % 2)) % 1, (10 * v) % 1
    tone = np.random.default_rng(16).random((10, 11))[
        row.astype(int), np.floor(10 * u + 0.5 * (row % 2)).astype(int) % 10
    ]
    edge = smooth_step(y - 0.25 * (2 * x - 1) ** 2, -0.05, 0.25)
    return shade(
        paint(tone, (0.55, 0.24, 0.18), (0.72, 0.34, 0.24)), (0.45 + 0.55 * edge) * (0.85 + 0.25 * fractal(17, 0.8))
    )


def window() -> Array:
    """A sash window that fills its tile: frame, four panes with a reflection of the sky."""
    u, v = grid()
    pane_u, pane_v = np.abs((2 * u) % 1 - 0.5), np.abs((2 * v) % 1 - 0.5)
    frame = np.maximum(smooth_step(np.maximum(pane_u, pane_v), 0.42, 0.44), 0)
    glass = paint(
        np.clip(v + 0.25 * fractal(18, 1.8) - 0.15, 0, 1), (0.12, 0.15, 0.2), (0.3, 0.38, 0.48), (0.62, 0.74, 0.85)
    )
    glass[..., :3] += frame[..., None] * (np.array([0.95, 0.94, 0.9]) - glass[..., :3])
    return glass


def door() -> Array:
    u, v = grid()
    inset = np.maximum(np.abs((2 * u) % 1 - 0.5), np.abs((3 * v) % 1 - 0.5))
    rim: Array = np.exp(-(((inset - 0.36) / 0.03) ** 2))
    knob = smooth_step(np.hypot(u - 0.88, (v - 0.45) * 1.9), 0.05, 0.04)
    wood = shade(planks(), 1 - 0.5 * rim)
    wood[..., :3] = 0.35 * wood[..., :3] + 0.65 * wood[..., :3] * np.array([0.25, 0.5, 0.45])
    wood[..., :3] += knob[..., None] * (np.array([0.95, 0.8, 0.4]) - wood[..., :3])
    return wood


def leaves() -> Array:
    """Foliage with gaps."""
    near, far, value = cells(19, 20)
    coarse, _, _ = cells(20, 6)
    leaf = paint(value, (0.14, 0.28, 0.08), (0.27, 0.44, 0.13), (0.44, 0.58, 0.21))
    lit = shade(leaf, 0.6 + 0.55 * smooth_step(far - near, 0.0, 0.5))
    return cut(lit, smooth_step(0.62 * coarse + 0.6 * near + 0.3 * fractal(21, 0.6, 8), 0.80, 0.62))


def needles() -> Array:
    """Conifer twigs that hang down, cut out at their ends."""
    _, v = grid()
    fine, coarse = fractal(22, 0.5, 8), fractal(23, 1.0, 3)
    rows = (3 * v + 0.5 * coarse) % 1
    green = paint(
        np.clip(0.15 + 0.55 * fine * (0.4 + rows), 0, 1), (0.06, 0.14, 0.08), (0.18, 0.34, 0.15), (0.36, 0.5, 0.24)
    )
    return cut(green, smooth_step(0.55 * fine + 0.55 * (1 - rows) + 0.2 * coarse, 0.42, 0.62))


def tuft() -> Array:
    """Blades of grass that rise from the lower edge, cut out, one tile to a billboard."""
    random = np.random.default_rng(24)
    u, v = grid()
    picture, alpha = paint(v, (0.22, 0.34, 0.10), (0.45, 0.60, 0.22), (0.66, 0.74, 0.36)), np.zeros_like(u)
    for _ in range(46):
        root, lean, height = random.uniform(0.08, 0.92), random.normal(0, 0.22), random.uniform(0.45, 0.97)
        width = random.uniform(0.008, 0.02) * np.clip(1 - v / height, 0, 1)
        blade = np.abs(u - root - lean * v * v) < width
        alpha = np.maximum(alpha, blade)
        picture[blade, :3] *= random.uniform(0.75, 1.15)
    return cut(np.clip(picture, 0, 1), alpha)


def hair() -> Array:
    """Strands that part from a crown, cut out, one tile to a billboard."""
    random = np.random.default_rng(25)
    u, v = grid()
    angle, radius = np.arctan2(v - 0.35, u - 0.5), np.hypot(u - 0.5, v - 0.35)
    alpha = (radius < 0.3).astype(float)
    for _ in range(150):
        at, length, curl = random.uniform(-0.6, np.pi + 0.6), random.uniform(0.34, 0.48), random.normal(0, 0.5)
        off = np.abs(np.angle(np.exp(1j * (angle - at - curl * (radius - 0.3)))))
        alpha = np.maximum(alpha, (off * radius < 0.006) & (radius < length))
    tone = fractal(26, 0.8, 4)
    return cut(paint(tone, (0.12, 0.07, 0.04), (0.35, 0.22, 0.12)), alpha)


def fence() -> Array:
    """A picket fence, cut out, four pickets to a tile."""
    u, v = grid()
    x = np.abs((4 * u) % 1 - 0.5)
    picket = (x < 0.3) & (v < 0.97 - 0.35 * x)
    rail = (np.abs(v - 0.3) < 0.05) | (np.abs(v - 0.7) < 0.05)
    wood = shade(
        paint(fractal(27, 1.0), (0.84, 0.83, 0.80), (0.98, 0.97, 0.95)), 1 - 0.25 * np.where(rail & ~picket, 1.0, 0.0)
    )
    return cut(wood, (picket | rail).astype(float))


def bars() -> Array:
    """Thin upright bars, cut out, eight to a tile."""
    u, _ = grid()
    x = np.abs((8 * u) % 1 - 0.5)
    return cut(paint(0.5 + 4 * ((8 * u) % 1 - 0.5), (0.1, 0.1, 0.12), (0.45, 0.45, 0.5)), (x < 0.09).astype(float))


def gable() -> Array:
    """Plaster in a triangle that fills its tile, cut out."""
    u, v = grid()
    return cut(plaster(), (v < 1 - np.abs(2 * u - 1)).astype(float))


def ball() -> Array:
    """Six gores."""
    u, _ = grid()
    return paint((np.floor(6 * u) % 3) / 2, (0.95, 0.95, 0.93), (0.88, 0.22, 0.18), (0.16, 0.35, 0.75))


def cloud() -> Array:
    """White with alpha for the sky."""
    density = smooth_step(fractal(28, 1.75), 0.45, 0.95)
    return cut(paint(density, (0.9, 0.93, 0.97), (1.0, 1.0, 1.0)), density)


def macro() -> Array:
    """Coarse grey noise that makes repeats hard to see."""
    return paint(fractal(29, 1.2, 1, 24), (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))


_PAINTERS: tuple[Callable[[], Array], ...] = (
    *(plain, noise, soft_noise, checker, stripes, gradient, grass, dirt, brick, planks, plaster, bark, roof, window),
    *(door, leaves, needles, tuft, hair, fence, bars, gable, ball, cloud, macro),
    *(prints.page, prints.poster, prints.newspaper, prints.books, prints.wallpaper, prints.carpet, prints.ceramic),
    *(prints.face, prints.lattice, prints.plaid),
)
DRAWN: dict[str, Callable[[], Array]] = {painter.__name__: painter for painter in _PAINTERS}
"""Every tile by its name."""
