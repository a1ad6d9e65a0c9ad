"""From a depth model's size to the frame's size, with depth edges on the picture's edges.

Between four values of the small map that are nearly alike, bilinear interpolation is right and no colour is read.
Where they differ, an edge runs through the cell, and each of its pixels takes most from those of the four whose
colour it has:

    o · · · o      o  a value of the small map, and the mean colour around it
    · · · # ·      ·  like the left ones: their depth
    · · # # ·      #  like the right one: its depth
    o · # # o

Every result is a mean of the four, so nothing overshoots.

Source: Kopf, Cohen, Lischinski, Uyttendaele, "Joint Bilateral Upsampling" (2007), with a support of 2 x 2 and only at
edges. A guided filter in its place was tried and is worse than plain bilinear: its windows average the two sides.
"""

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from secondeye.compiled import kernel, njit, run_rows, step
from secondeye.errors import ContractError

COLOR_SIGMA = 0.03
"""Colour difference (0 to 1, root mean square of the channels) that counts as another surface."""

EDGE_STEP = 0.01, 0.03
"""Differences within a cell, on the 0 to 1 scale, from which colour begins to decide, and decides alone."""

Array = NDArray[np.float32]
Places = NDArray[np.int64]


def upsample_guided(inverse_depth: Tensor, rgb: Tensor, color_sigma: float = COLOR_SIGMA) -> Tensor:
    """Inverse depth at the size of its frames, its edges on theirs.

    Every frame is computed alone. A map of the frames' own size is handed back as it is, one that is larger on
    either side is averaged down.

    Args:
        inverse_depth: (T, 1, h, w) float, 0 to 1.
        rgb: (T, 3, H, W) float, 0 to 1: the frames.
        color_sigma: colour difference that counts as another surface, 0 to 1.

    Returns:
        (T, 1, H, W) float32, each pixel within the range of the four values of the small map around it.

    Raises:
        ContractError: the two differ in T.
    """
    if len(inverse_depth) != len(rgb):
        raise ContractError(f"inverse_depth: expected {len(rgb)} frames to match rgb, got {len(inverse_depth)}")
    t, _, h, w = inverse_depth.shape
    height, width = rgb.shape[2:]
    if (h, w) == (height, width):
        return inverse_depth
    small = inverse_depth.detach().to("cpu", torch.float32).contiguous().numpy()
    frames = rgb.detach().to("cpu", torch.float32).contiguous().numpy()
    result = np.empty((t, 1, height, width), np.float32)
    for i in range(t):
        if h > height or w > width:
            result[i, 0] = cv2.resize(small[i, 0], (width, height), interpolation=cv2.INTER_AREA)
        else:
            cv2.resize(small[i, 0], (width, height), dst=result[i, 0], interpolation=cv2.INTER_LINEAR)
            _follow_edges(small[i, 0], frames[i], np.float32(1 / (3 * color_sigma**2)), result[i, 0])
    return torch.from_numpy(result).to(inverse_depth.device)


def _follow_edges(small: Array, rgb: Array, sharpness: np.float32, out: Array) -> None:
    """Blend into `out`, which is bilinear, what colour decides in the cells that an edge runs through."""
    places = (*_cells(small.shape[0], out.shape[0]), *_cells(small.shape[1], out.shape[1]))

    def band(first: int, stop: int) -> None:
        _follow_rows(small, rgb, sharpness, *EDGE_STEP, *places, out, first, stop)

    run_rows(band, max(small.shape[0] - 1, 1))


@kernel
def _follow_rows(
    small: Array,
    rgb: Array,
    sharpness: np.float32,
    soft: float,
    hard: float,
    rows: Places,
    shares_y: Array,
    columns: Places,
    shares_x: Array,
    out: Array,
    first: int,
    stop: int,
) -> None:
    """The same for some rows of cells."""
    h, w = small.shape
    colors = np.empty((4, 3), np.float32)
    for top in range(first, stop):
        bottom = min(top + 1, h - 1)
        for left in range(max(w - 1, 1)):
            right = min(left + 1, w - 1)
            corners = (small[top, left], small[top, right], small[bottom, left], small[bottom, right])
            jump = max(corners) - min(corners)
            if jump <= soft:
                continue
            for i in range(4):
                _mean_color(rgb, top if i < 2 else bottom, left if i % 2 == 0 else right, h, w, colors[i])
            trust = np.float32(min((jump - soft) / (hard - soft), 1.0))
            for y in range(rows[top], rows[top + 1]):
                for x in range(columns[left], columns[left + 1]):
                    color = (rgb[0, y, x], rgb[1, y, x], rgb[2, y, x])
                    mean = _mean_by_color(color, colors, corners, shares_y[y], shares_x[x], sharpness)
                    out[y, x] += trust * (mean - out[y, x])


@njit(error_model="numpy", fastmath={"contract", "arcp", "reassoc", "nsz"})
def _mean_by_color(
    color: tuple[np.float32, ...],
    colors: Array,
    corners: tuple[np.float32, ...],
    low: np.float32,
    far: np.float32,
    sharpness: np.float32,
) -> np.float32:
    """The mean of a cell's corners, each weighted by its bilinear share and its likeness to the pixel's color.

    Likeness is 1 / (1 + (difference / sigma)^2)^2: a Gaussian's core without its cost, and never zero.
    """
    near = np.float32(1) - far
    shares = ((np.float32(1) - low) * near, (np.float32(1) - low) * far, low * near, low * far)
    total, weights = np.float32(0), np.float32(0)
    for i in range(4):
        r, g, b = color[0] - colors[i, 0], color[1] - colors[i, 1], color[2] - colors[i, 2]
        likeness = np.float32(1) / (np.float32(1) + sharpness * (r * r + g * g + b * b))
        weight = shares[i] * likeness * likeness
        total += weight * corners[i]
        weights += weight
    mean: np.float32 = total / weights
    return mean


@kernel
def _cells(small: int, large: int) -> tuple[Places, Array]:
    """Where `large` px lie between the centres of `small` px.

    Returns:
        starts: the first px of each cell between two centres, and the end; the outer cells reach to the border.
        shares: how far each px is on its way to the cell's second centre, 0 to 1.
    """
    cells = max(small - 1, 1)
    starts = np.zeros(cells + 1, np.int64)
    shares = np.empty(large, np.float32)
    for i in range(large):
        at = min(max((i + 0.5) * small / large - 0.5, 0.0), small - 1.0)
        cell = min(int(at), cells - 1)
        starts[cell + 1] = i + 1
        shares[i] = at - cell
    return starts, shares


@step
def _mean_color(rgb: Array, i: int, j: int, h: int, w: int, out: Array) -> None:
    """The mean of 2 x 2 samples of the frame's px that lie under px (i, j) of the small map."""
    height, width = rgb.shape[1], rgb.shape[2]
    upper, lower = int((i + 0.25) * height / h), int((i + 0.75) * height / h)
    left, right = int((j + 0.25) * width / w), int((j + 0.75) * width / w)
    for c in range(3):
        total = rgb[c, upper, left] + rgb[c, upper, right] + rgb[c, lower, left] + rgb[c, lower, right]
        out[c] = total * np.float32(0.25)
