"""Compiled passes over pixels: rounding to 8 bit, error maps, sums by region, halving. Each touches its frame once."""

import numpy as np
from numpy.typing import NDArray

from secondeye.compiled import njit

F32 = NDArray[np.float32]
U8 = NDArray[np.uint8]

SCALE, HALF, TOP, THIRD = np.float32(255), np.float32(0.5), np.float32(255.5), np.float32(1 / 3)


@njit(error_model="numpy")
def round8(planes, out):  # type: ignore[no-untyped-def]
    """Planes in 0 to 1 to uint8 in 0 to 255, halves to even as numpy rounds; what lies outside is clipped."""
    for c in range(planes.shape[0]):
        for y in range(planes.shape[1]):
            row, target = planes[c, y], out[c, y]
            for x in range(len(row)):
                target[x] = np.uint8(np.int32(np.rint(min(max(row[x] * SCALE, np.float32(0)), SCALE))))


@njit(error_model="numpy")
def error_maps(a, b, squared, absolute):  # type: ignore[no-untyped-def]
    """Squared and absolute difference of (3, H, W) planes, mean over channels, into (H, W) each."""
    for y in range(a.shape[1]):
        for x in range(a.shape[2]):
            d0, d1, d2 = a[0, y, x] - b[0, y, x], a[1, y, x] - b[1, y, x], a[2, y, x] - b[2, y, x]
            squared[y, x] = (d0 * d0 + d1 * d1 + d2 * d2) * THIRD
            absolute[y, x] = (abs(d0) + abs(d1) + abs(d2)) * THIRD


@njit(fastmath={"contract", "reassoc", "nsz"}, error_model="numpy")
def sums_by_code(values, codes, sums, counts):  # type: ignore[no-untyped-def]
    """Add up (H, W) values, and count them, by their code 0 to 3; one that is 4 does not count."""
    for y in range(values.shape[0]):
        line, which = values[y], codes[y]
        sum0 = sum1 = sum2 = sum3 = 0.0
        count0 = count1 = count2 = count3 = 0
        for x in range(len(line)):
            value, code = np.float64(line[x]), which[x]
            sum0 += value if code == 0 else 0.0
            sum1 += value if code == 1 else 0.0
            sum2 += value if code == 2 else 0.0
            sum3 += value if code == 3 else 0.0
            count0 += code == 0
            count1 += code == 1
            count2 += code == 2
            count3 += code == 3
        sums[0] += sum0
        sums[1] += sum1
        sums[2] += sum2
        sums[3] += sum3
        counts[0] += count0
        counts[1] += count1
        counts[2] += count2
        counts[3] += count3


@njit(error_model="numpy")
def halve_planes(planes, top, left, out):  # type: ignore[no-untyped-def]
    """Averages of 2 x 2 px of (C, H, W) planes, rows first; `top` and `left` lines of zeros stand before them."""
    half = np.float32(0.5)
    rows = np.zeros(2 * out.shape[2], np.float32)
    for c in range(out.shape[0]):
        for y in range(out.shape[1]):
            inner, lower = rows[left:], planes[c, 2 * y + 1 - top]
            if 2 * y < top:
                for x in range(len(lower)):
                    inner[x] = lower[x] * half
            else:
                upper = planes[c, 2 * y - top]
                for x in range(len(lower)):
                    inner[x] = (upper[x] + lower[x]) * half
            target = out[c, y]
            for x in range(len(target)):
                target[x] = (rows[2 * x] + rows[2 * x + 1]) * half
