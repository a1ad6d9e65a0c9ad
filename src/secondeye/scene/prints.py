"""Tiles that people print, weave and glaze: text, pictures, wallpaper, carpets."""

import numpy as np

from secondeye.scene import letters
from secondeye.scene.paint import EDGE_PX, Array, cut, fractal, grid, paint, shade, smooth_step


def page() -> Array:
    """Printed text, dark on paper."""
    lines = [
        "THE LEFT EYE SEES",
        "WHAT THE RIGHT",
        "EYE MISSES AND",
        "BOTH TOGETHER",
        "KNOW HOW FAR IT",
        "ALL IS  123456",
    ]
    return paint(letters.page(lines, EDGE_PX), (0.96, 0.94, 0.88), (0.08, 0.08, 0.1))


def poster() -> Array:
    u, v = grid()
    sun = smooth_step(np.hypot(u - 0.5, v - 0.55), 0.225, 0.215)
    picture = paint(v, (0.9, 0.35, 0.2), (0.98, 0.75, 0.35), (0.25, 0.4, 0.6))
    picture[..., :3] += sun[..., None] * (np.array([1.0, 0.95, 0.8]) - picture[..., :3])
    text = letters.page(["", "", "SECOND", "", "", "", " EYE"], EDGE_PX)
    picture[..., :3] += text[..., None] * (np.array([0.1, 0.1, 0.16]) - picture[..., :3])
    frame = np.maximum(np.abs(u - 0.5), np.abs(v - 0.5)) > 0.47
    picture[frame, :3] = 0.95
    return picture


def newspaper() -> Array:
    """A headline, a picture, and columns too fine to be read from afar."""
    u, v = grid()
    words = ["LIGHT", "FALLS", "ON", "BOTH", "EYES", "BUT", "NOT", "ALIKE", "AND", "SO", "THE", "MIND", "SEES", "DEPTH"]
    random = np.random.default_rng(30)
    lines = [" ".join(random.permutation(words)[:5]) for _ in range(18)]
    ink = letters.page([line[:22].ljust(24) + line[-22:] for line in lines], EDGE_PX)
    head = letters.page(["DEPTH!"], EDGE_PX)
    ink = np.where(v > 0.78, head[np.clip(((1 - v) / 0.22 * 255).astype(int), 0, 255), (u * 255).astype(int)], ink)
    picture = (v < 0.72) & (v > 0.4) & (u > 0.54) & (u < 0.96)
    return paint(np.where(picture, 0.2 + 0.6 * fractal(31, 1.6), 0.85 * ink), (0.93, 0.91, 0.86), (0.1, 0.1, 0.11))


def books() -> Array:
    """Two shelves of spines of all colours, with titles."""
    u, v = grid()
    random, picture = np.random.default_rng(32), paint(0 * u, (0.16, 0.11, 0.08))
    for shelf in (0.03, 0.53):
        left = 0.0
        while left < 0.995:
            wide, tall = random.uniform(0.03, 0.075), random.uniform(0.33, 0.44)
            spine = (u >= left) & (u < min(left + wide, 1.0) - 0.004) & (v >= shelf) & (v < shelf + tall)
            tone = random.uniform(0.15, 0.85, 3) * random.uniform(0.6, 1)
            round_about = 1 - 0.5 * np.abs(2 * (u - left) / wide - 1) ** 3
            band = np.abs((v - shelf) / tall - random.uniform(0.6, 0.8)) < 0.07
            picture[spine, :3] = (tone * round_about[..., None])[spine]
            picture[spine & band, :3] = (0.92, 0.85, 0.6)
            left += wide
    board = (v % 0.5) < 0.03
    picture[board, :3] = (0.62, 0.45, 0.28)
    return picture


def wallpaper() -> Array:
    """Flowers in rows, every other row shifted."""
    u, v = grid()
    row = np.floor(4 * v)
    x, y = (4 * u + 0.5 * (row % 2)) % 1 - 0.5, (4 * v) % 1 - 0.5
    angle, radius = np.arctan2(y, x), np.hypot(x, y)
    petals = smooth_step(0.17 + 0.09 * np.cos(5 * angle) - radius, 0.0, 0.03)
    heart = smooth_step(0.07 - radius, 0.0, 0.02)
    stem = smooth_step(0.025 - np.abs(x - 0.08 * np.sin(6 * y)), 0.0, 0.015) * (y < -0.1)
    picture = paint(0.3 + 0.3 * np.cos(2 * np.pi * 4 * u), (0.93, 0.9, 0.82), (0.86, 0.83, 0.74))
    for share, colour in ((stem, (0.45, 0.55, 0.35)), (petals, (0.75, 0.45, 0.45)), (heart, (0.95, 0.8, 0.4))):
        picture[..., :3] += share[..., None] * (np.array(colour) - picture[..., :3])
    return picture


def carpet() -> Array:
    """A woven ornament of stars and diamonds with a border of its own."""
    u, v = grid()
    x, y = np.abs((2 * u) % 1 - 0.5), np.abs((2 * v) % 1 - 0.5)
    rings = np.floor(9 * (x + y)) + 2 * (np.floor(12 * np.maximum(x, y)) % 2)
    picture = paint((rings % 5) / 4, (0.5, 0.1, 0.12), (0.75, 0.55, 0.3), (0.12, 0.16, 0.3), (0.85, 0.8, 0.68))
    thread: Array = 0.85 + 0.15 * np.sin(2 * np.pi * 60 * u) * np.sin(2 * np.pi * 60 * v)
    return shade(picture, thread * (0.8 + 0.3 * fractal(33, 0.7, 4)))


def ceramic() -> Array:
    """Glazed tiles of four tones with joints."""
    u, v = grid()
    x, y = (4 * u) % 1, (4 * v) % 1
    tone = np.random.default_rng(34).random((4, 4))[np.floor(4 * v).astype(int), np.floor(4 * u).astype(int)]
    glaze = paint(0.7 * tone + 0.3 * fractal(35, 1.4), (0.62, 0.68, 0.7), (0.86, 0.88, 0.86))
    joint = smooth_step(np.minimum(np.minimum(x, 1 - x), np.minimum(y, 1 - y)), 0.035, 0.02)
    glaze[..., :3] += joint[..., None] * (np.array([0.45, 0.43, 0.4]) - glaze[..., :3])
    return glaze


def face() -> Array:
    """Skin with eyes, brows, nose and mouth at u = 0, where a sphere's x axis is; fits a head."""
    u, v = grid()
    across = (u + 0.5) % 1 - 0.5
    picture = paint(fractal(36, 1.6, 2, 20), (0.84, 0.62, 0.5), (0.93, 0.72, 0.6))
    side = np.abs(across) - 0.062
    marks = (
        (np.hypot(across * 3, v - 0.5) - 0.12, (0.88, 0.64, 0.52)),
        (np.hypot(side * 1.6, (v - 0.56) * 1.9) - 0.045, (0.97, 0.96, 0.94)),
        (np.hypot(side * 1.6, (v - 0.56) * 1.6) - 0.026, (0.12, 0.1, 0.1)),
        (np.maximum(np.abs(side) - 0.035, np.abs(v - 0.64 + 2 * side * side) - 0.014), (0.25, 0.16, 0.1)),
        (np.maximum(np.abs(across) - 0.012, np.abs(v - 0.47) - 0.05), (0.7, 0.48, 0.38)),
        (np.maximum(np.abs(across) - 0.05, np.abs(v - 0.32 - 8 * across * across) - 0.022), (0.62, 0.18, 0.2)),
    )
    for distance, colour in marks:
        picture[..., :3] += smooth_step(-distance, 0.0, 0.012)[..., None] * (np.array(colour) - picture[..., :3])
    return picture


def lattice() -> Array:
    """A trellis of slanted laths, cut out."""
    u, v = grid()
    x, y = np.abs((4 * (u + v)) % 1 - 0.5), np.abs((4 * (u - v)) % 1 - 0.5)
    wood = paint(fractal(37, 1.0), (0.5, 0.36, 0.22), (0.72, 0.55, 0.36))
    return cut(shade(wood, np.where(x < 0.1, 1.0, 0.75)), ((x < 0.1) | (y < 0.1)).astype(float))


def plaid() -> Array:
    u, v = grid()
    weave = 0.5 * ((np.floor(6 * u) % 2) + (np.floor(6 * v) % 2))
    thread: Array = 0.9 + 0.1 * np.sin(2 * np.pi * 64 * u) * np.sin(2 * np.pi * 64 * v)
    return shade(paint(weave, (0.95, 0.93, 0.9), (0.75, 0.6, 0.6), (0.6, 0.4, 0.4)), thread)
