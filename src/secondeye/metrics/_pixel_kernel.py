"""Compiled passes over pixels: rounding to 8 bit, error maps, sums by region. Each touches its frame once."""

import numpy as np
from numba import njit
from numpy.typing import NDArray

F32 = NDArray[np.float32]
U8 = NDArray[np.uint8]

SCALE, HALF, TOP, THIRD = np.float32(255), np.float32(0.5), np.float32(255.5), np.float32(1 / 3)


@njit(nogil=True, error_model="numpy", cache=True)
def round8(planes, out):  # type: ignore[no-untyped-def]
    """(C, H, W) in 0 to 1 to (H, W, C) in 0 to 255, halves to even as numpy rounds; what lies outside is clipped."""
    for c in range(planes.shape[0]):
        for y in range(planes.shape[1]):
            row = planes[c, y]
            for x in range(len(row)):
                out[y, x, c] = np.uint8(np.rint(min(max(row[x] * SCALE, np.float32(0)), SCALE)))


@njit(nogil=True, error_model="numpy", cache=True)
def error_maps(a, b, squared, absolute):  # type: ignore[no-untyped-def]
    """Squared and absolute difference of (3, H, W) planes, mean over channels, into (H, W) each."""
    for y in range(a.shape[1]):
        for x in range(a.shape[2]):
            d0, d1, d2 = a[0, y, x] - b[0, y, x], a[1, y, x] - b[1, y, x], a[2, y, x] - b[2, y, x]
            squared[y, x] = (d0 * d0 + d1 * d1 + d2 * d2) * THIRD
            absolute[y, x] = (abs(d0) + abs(d1) + abs(d2)) * THIRD


@njit(nogil=True, error_model="numpy", cache=True)
def sums_by_code(values, codes, sums, counts):  # type: ignore[no-untyped-def]
    """Add up (H, W) values, and count them, by their code."""
    for y in range(values.shape[0]):
        for x in range(values.shape[1]):
            sums[codes[y, x]] += values[y, x]
            counts[codes[y, x]] += 1
