"""Compiled rows of samples.py: the planes of a decoded frame in, float R, G, B planes out, each pixel touched once.

For every row: blend the two nearest chroma rows, widen them to full width, then one multiply-add loop per colour.
The loops are serial and release the GIL; callers that want more cores give each a band of rows.
"""

import numpy as np

from secondeye.compiled import njit

FAST = {"contract", "nsz"}  # fused multiply-add, and no care for the sign of zero; order of sums stays as written
ZERO, ONE, HALF = np.float32(0), np.float32(1), np.float32(0.5)
QUARTER, THREE_QUARTERS = np.float32(0.25), np.float32(0.75)


@njit(fastmath=FAST, error_model="numpy")
def _blend_rows(plane, y, shift, cosited, rows, width, out):  # type: ignore[no-untyped-def]
    """Chroma at luma row y, out[1:width + 1]; its ends are repeated once to either side."""
    factor = 1 << shift
    place = np.float32(y) / np.float32(factor)
    if not cosited:
        place = (np.float32(y) + HALF) / np.float32(factor) - HALF
    first = int(np.floor(place))
    far = place - np.float32(first)
    near = ONE - far
    above = plane[min(max(first, 0), rows - 1)]
    below = plane[min(max(first + 1, 0), rows - 1)]
    if far == ZERO:
        for x in range(width):
            out[x + 1] = np.float32(above[x])
    else:
        for x in range(width):
            out[x + 1] = near * np.float32(above[x]) + far * np.float32(below[x])
    out[0] = out[1]
    out[width + 1] = out[width]


@njit(fastmath=FAST, error_model="numpy")
def _widen(row, shift, cosited, width, out):  # type: ignore[no-untyped-def]
    """A chroma row (ends repeated) at every luma column: linear between its samples."""
    if shift == 0:
        for x in range(width):
            out[x] = row[x + 1]
    elif shift == 1 and cosited:
        for x in range(width):
            out[2 * x] = row[x + 1]
            out[2 * x + 1] = HALF * (row[x + 1] + row[x + 2])
    elif shift == 1:
        for x in range(width):
            out[2 * x] = QUARTER * row[x] + THREE_QUARTERS * row[x + 1]
            out[2 * x + 1] = THREE_QUARTERS * row[x + 1] + QUARTER * row[x + 2]
    else:
        _widen_by_any(row, shift, cosited, width, out)


@njit(fastmath=FAST, error_model="numpy")
def _widen_by_any(row, shift, cosited, width, out):  # type: ignore[no-untyped-def]
    factor = np.float32(1 << shift)
    for x in range(width << shift):
        place = np.float32(x) / factor if cosited else (np.float32(x) + HALF) / factor - HALF
        first = int(np.floor(place))
        far = place - np.float32(first)
        left = row[min(max(first + 1, 0), width + 1)]
        right = row[min(max(first + 2, 0), width + 1)]
        out[x] = left + far * (right - left)


@njit(fastmath=FAST, error_model="numpy")
def _mix(first, second, third, a, b, c, offset, out):  # type: ignore[no-untyped-def]
    for x in range(len(out)):
        value = a * np.float32(first[x]) + b * second[x] + c * third[x] + offset
        out[x] = min(max(value, ZERO), ONE)


@njit(fastmath=FAST, error_model="numpy")
def convert_rows(planes, shifts, cosited, weights, offset, band, out):  # type: ignore[no-untyped-def]
    """Turn rows [band[0], band[1]) of a frame into colours.

    Args:
        planes: luma and the two chroma planes (or G, B, R), each (rows, pitch) uint8 or uint16, C-contiguous.
        shifts: log2 of the chroma subsampling, across and down.
        cosited: whether a chroma sample lies on a luma sample, or between two, across and down.
        weights: (3, 3) float32, rows R, G, B.
        offset: (3,) float32.
        band: first row and the one after the last.
        out: (3, H, W) float32; rows of the band are written, clipped to 0 to 1.
    """
    luma, cb, cr = planes
    width = out.shape[2]
    chroma_width = (width + (1 << shifts[0]) - 1) >> shifts[0]
    chroma_rows = (out.shape[1] + (1 << shifts[1]) - 1) >> shifts[1]
    narrow = np.empty(chroma_width + 2, np.float32)
    second = np.empty(chroma_width << shifts[0], np.float32)
    third = np.empty(chroma_width << shifts[0], np.float32)
    for y in range(band[0], band[1]):
        _blend_rows(cb, y, shifts[1], cosited[1], chroma_rows, chroma_width, narrow)
        _widen(narrow, shifts[0], cosited[0], chroma_width, second)
        _blend_rows(cr, y, shifts[1], cosited[1], chroma_rows, chroma_width, narrow)
        _widen(narrow, shifts[0], cosited[0], chroma_width, third)
        for c in range(3):
            _mix(luma[y], second, third, weights[c, 0], weights[c, 1], weights[c, 2], offset[c], out[c, y])


@njit(fastmath=FAST, error_model="numpy")
def darken_rows(alpha, scale, band, out):  # type: ignore[no-untyped-def]
    """Lay rows of colours over black: multiply them by alpha (rows, pitch) times scale, in place."""
    for y in range(band[0], band[1]):
        row = alpha[y]
        for c in range(3):
            colors = out[c, y]
            for x in range(len(colors)):
                colors[x] = colors[x] * (np.float32(row[x]) * scale)
