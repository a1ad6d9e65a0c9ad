"""The surface rule pixel by pixel in plain Python: slow, written from its description, and with a real z-buffer."""

import numpy as np
from numpy.typing import NDArray

from secondeye.splat.surface import SurfaceRule

Floats = NDArray[np.float64]
RULE = SurfaceRule()


def joined(disparity: Floats, i: int) -> bool:
    """Are pixels i and i + 1 one surface?"""
    if not 0 <= i < len(disparity) - 1:
        return False
    fall = disparity[i] - disparity[i + 1]
    if -1 < fall <= RULE.largest_step_px:
        return True
    if not 0 < fall <= RULE.steepest_slope_px:
        return False
    others = [disparity[j] - disparity[j + 1] for j in (i - 1, i + 1) if 0 <= j < len(disparity) - 1]
    return any(other * RULE.likeness >= fall and other <= fall * RULE.likeness for other in others)


def color(rgb: Floats, disparity: Floats, i: int) -> Floats:
    """Colour (C,) of pixel i of rgb (W, C), without the foreground if it is the first pixel right of one."""
    first = i > 0 and joined(disparity, i) and not joined(disparity, i - 1) and disparity[i - 1] > disparity[i]
    if not first:
        return rgb[i]
    contrast, own = rgb[i - 1] - rgb[i + 1], rgb[i] - rgb[i + 1]
    share = np.clip(contrast @ own / (contrast @ contrast + RULE.faint_contrast), 0, 1)
    return rgb[i] - share * contrast


def between(rgb: Floats, disparity: Floats, i: int, t: float) -> Floats:
    """Colour (C,) a part t of the way from pixel i to the next."""
    b, c = color(rgb, disparity, i), color(rgb, disparity, i + 1)
    known = [b, c]
    a, d = 2 * b - c, 2 * c - b
    if joined(disparity, i - 1):
        a = color(rgb, disparity, i - 1)
        known.append(a)
    if joined(disparity, i + 1):
        d = color(rgb, disparity, i + 2)
        known.append(d)
    cubic = np.array([2 * b, c - a, 2 * a - 5 * b + 4 * c - d, 3 * (b - c) + d - a])
    value = 0.5 * np.tensordot(t ** np.arange(4.0), cubic, 1)
    return np.clip(value, np.min(known, 0), np.max(known, 0))


def splat_row(rgb: Floats, disparity: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """Right view (W, C) and holes (W,) of one row."""
    width = len(disparity)
    landing = np.arange(width) - disparity
    right, hole = np.zeros_like(rgb), np.ones(width, bool)
    for x in range(width):
        stretches, caps = [], []  # (disparity there, colour[, cover]); the greatest disparity is the nearest
        for i in range(width):
            if joined(disparity, i) and landing[i] <= x < landing[i + 1]:
                t = (x - landing[i]) / (landing[i + 1] - landing[i])
                stretches.append((i + t - x, between(rgb, disparity, i, t)))
            starts, ends = not joined(disparity, i - 1), not joined(disparity, i)
            if (starts and x < landing[i] < x + 1) or (ends and x - 1 < landing[i] <= x):
                caps.append((disparity[i], color(rgb, disparity, i), 1 - abs(x - landing[i])))
        behind = max(stretches, key=lambda found: found[0], default=None)
        front = max(caps, key=lambda found: found[0], default=None)
        if behind:
            right[x], hole[x] = behind[1], False
        if front and behind and front[0] > behind[0]:
            right[x] += front[2] * (front[1] - behind[1])
        elif front and not behind and front[2] >= 0.5:
            right[x], hole[x] = front[1], False
    return right, hole


def splat(rgb: Floats, disparity: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """Right view and holes of rgb (T, C, H, W) and disparity (T, 1, H, W)."""
    right, hole = np.zeros_like(rgb), np.ones(disparity.shape, bool)
    for frame in range(len(rgb)):
        for y in range(rgb.shape[2]):
            drawn, missed = splat_row(rgb[frame, :, y].T, disparity[frame, 0, y])
            right[frame, :, y], hole[frame, 0, y] = drawn.T, missed
    return right, hole
