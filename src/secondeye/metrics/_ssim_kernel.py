"""Compiled windows for SSIM: weighted local moments of two planes, one row at a time.

A window is separable, so each row is first summed down its column of rows and then along itself. The moments are those
of the planes' sum s = a + b - 1 and difference d = a - b, of which everything follows:

    2 cov(a, b) = (var s - var d) / 2        var a + var b = (var s + var d) / 2
    2 m_a m_b = ((m_s + 1)^2 - m_d^2) / 2    m_a^2 + m_b^2 = ((m_s + 1)^2 + m_d^2) / 2

What is lost to rounding is then lost of a small difference instead of two large moments, and 1 is exact for equal
planes: single precision comes within 1e-7 of double, in half of the time.
"""

import numpy as np
from numpy.typing import NDArray

from secondeye.compiled import njit

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]

FAST = {"contract", "reassoc", "nsz"}  # all but "nnan" and "ninf": NaN must survive to be noticed


@njit(fastmath=FAST, error_model="numpy")
def _mirrored(position, length):  # type: ignore[no-untyped-def]
    """The pixel that stands for one beyond the border: d c b a | a b c d | d c b a."""
    if position < 0:
        return -1 - position
    return 2 * length - 1 - position if position >= length else position


@njit(fastmath=FAST, error_model="numpy")
def _enter(a, b, row, out):  # type: ignore[no-untyped-def]
    """What one row of the planes contributes to the four moments, (4, W)."""
    row_a, row_b, one = a[row], b[row], np.float32(1)
    for x in range(len(row_a)):
        both, apart = row_a[x] + row_b[x] - one, row_a[x] - row_b[x]
        out[0, x] = both
        out[1, x] = apart
        out[2, x] = both * both
        out[3, x] = apart * apart


@njit(fastmath=FAST, error_model="numpy")
def _eleven(a, b, c, d, e, f, g, h, i, j, k, taps, out):  # type: ignore[no-untyped-def]
    """The weighted sum of eleven lines, all in one pass: 2.5 times as fast as a pass for each."""
    w0, w1, w2, w3, w4, w5 = taps[0], taps[1], taps[2], taps[3], taps[4], taps[5]
    for x in range(len(out)):
        far = w0 * (a[x] + k[x]) + w1 * (b[x] + j[x]) + w2 * (c[x] + i[x])
        out[x] = far + w3 * (d[x] + h[x]) + w4 * (e[x] + g[x]) + w5 * f[x]


@njit(fastmath=FAST, error_model="numpy")
def _down(rows, start, taps, out):  # type: ignore[no-untyped-def]
    """Sum the ring of rows (n, 4, W) along the window into the middle of out (4, W + n - 1), whose ends mirror it."""
    n, reach, width = len(taps), len(taps) // 2, rows.shape[2]
    for m in range(4):
        whole = out[m]
        target = whole[reach : reach + width]
        if n == 11:
            r0, r1, r2 = rows[start % n, m], rows[(start + 1) % n, m], rows[(start + 2) % n, m]
            r3, r4, r5 = rows[(start + 3) % n, m], rows[(start + 4) % n, m], rows[(start + 5) % n, m]
            r6, r7, r8 = rows[(start + 6) % n, m], rows[(start + 7) % n, m], rows[(start + 8) % n, m]
            r9, r10 = rows[(start + 9) % n, m], rows[(start + 10) % n, m]
            _eleven(r0, r1, r2, r3, r4, r5, r6, r7, r8, r9, r10, taps, target)
        else:
            target[:] = 0.0
            for k in range(n):
                weight, row = taps[k], rows[(start + k) % n, m]
                for x in range(width):
                    target[x] += weight * row[x]
        for x in range(reach):
            whole[reach - 1 - x] = whole[reach + x]
            whole[reach + width + x] = whole[reach + width - 1 - x]


@njit(fastmath=FAST, error_model="numpy")
def _along(sums, taps, out):  # type: ignore[no-untyped-def]
    """Sum (4, W + n - 1) along the window's columns into (4, W)."""
    w = out.shape[1]
    for m in range(4):
        s, target = sums[m], out[m]
        if len(taps) == 11:
            near = s[0:w], s[1 : 1 + w], s[2 : 2 + w], s[3 : 3 + w], s[4 : 4 + w], s[5 : 5 + w]
            far = s[6 : 6 + w], s[7 : 7 + w], s[8 : 8 + w], s[9 : 9 + w], s[10 : 10 + w]
            _eleven(*near, *far, taps, target)
        else:
            target[:] = 0.0
            for k in range(len(taps)):
                weight, shifted = taps[k], s[k : k + w]
                for x in range(w):
                    target[x] += weight * shifted[x]


@njit(fastmath=FAST, error_model="numpy")
def _moments(a, b, taps, out):  # type: ignore[no-untyped-def]
    n, reach = len(taps), len(taps) // 2
    rows = np.empty((n, 4, a.shape[1]), taps.dtype)
    sums, row = np.empty((4, a.shape[1] + 2 * reach), taps.dtype), np.empty((4, a.shape[1]), taps.dtype)
    for y in range(a.shape[0]):
        _enter(a, b, y, rows[y % n])
        if y >= n - 1:
            _down(rows, y + 1, taps, sums)
            _along(sums, taps, row)
            out[:, y - n + 1] = row[:, reach : a.shape[1] - reach]


@njit(fastmath=FAST, error_model="numpy")
def _scores(mean_s, mean_d, squares_s, squares_d, c1, c2, ssim, contrast):  # type: ignore[no-untyped-def]
    """SSIM and its contrast-structure factor of a line; c1 and c2 are doubled."""
    for x in range(len(ssim)):
        level, offset = (mean_s[x] + np.float32(1)) ** 2 + c1, mean_d[x] ** 2
        spread, error = squares_s[x] - mean_s[x] ** 2 + c2, squares_d[x] - offset
        structure = (spread - error) / (spread + error)
        contrast[x] = structure
        ssim[x] = structure * ((level - offset) / (level + offset))


@njit(fastmath=FAST, error_model="numpy")
def _sum(line):  # type: ignore[no-untyped-def]
    total = 0.0
    for x in range(len(line)):
        total += np.float64(line[x])
    return total


@njit(fastmath=FAST, error_model="numpy")
def _similarity(a, b, taps, c1, c2, borders, total):  # type: ignore[no-untyped-def]
    """Add SSIM to `total`; return the sums of SSIM and contrast over the inner windows."""
    n, reach, (height, width) = len(taps), len(taps) // 2, a.shape
    rows = np.empty((n, 4, width), taps.dtype)
    sums, row = np.empty((4, width + 2 * reach), taps.dtype), np.empty((4, width), taps.dtype)
    first, last = (0, height) if borders else (reach, height - reach)
    ssim, contrast = np.empty(width, taps.dtype), np.empty(width, taps.dtype)
    ssim_sum = contrast_sum = 0.0
    for y in range(first - reach, first + reach):
        _enter(a, b, _mirrored(y, height), rows[(y + n) % n])
    for y in range(first, last):
        _enter(a, b, _mirrored(y + reach, height), rows[(y + reach) % n])
        _down(rows, y + reach + 1, taps, sums)
        _along(sums, taps, row)
        _scores(row[0], row[1], row[2], row[3], c1, c2, ssim, contrast)
        if borders:
            line = total[y]
            for x in range(width):
                line[x] += ssim[x]
        if reach <= y < height - reach:
            ssim_sum += _sum(ssim[reach : width - reach])
            contrast_sum += _sum(contrast[reach : width - reach])
    return ssim_sum, contrast_sum


def moments(a: F32, b: F32, taps: F64) -> F64:
    """Weighted local means of s, d, s * s and d * d: two (H, W) planes to (4, H - n + 1, W - n + 1), in double."""
    n = len(taps) - 1
    out = np.empty((4, a.shape[0] - n, a.shape[1] - n))
    _moments(np.asarray(a, np.float64), np.asarray(b, np.float64), taps, out)
    return out


def scores(local: F64, c1: float, c2: float) -> tuple[F64, F64]:
    """SSIM and its contrast-structure factor of every window, from its `moments`."""
    ssim, contrast = np.empty(local[0].size), np.empty(local[0].size)
    _scores(*(values.ravel() for values in local), 2 * c1, 2 * c2, ssim, contrast)
    return ssim, contrast


def similarity(
    a: F32, b: F32, taps: F64, *, c1: float, c2: float, unbias: float = 1.0, total: F32 | None = None
) -> tuple[float, float]:
    """Mean SSIM, and mean of its contrast-structure factor, over the places where the window lies within the planes.

    Args:
        a, b: (H, W) planes of one range.
        taps: (n,) weights of the separable window, symmetric, n odd, summing to 1.
        c1, c2: the two constants, (0.01 range)^2 and (0.03 range)^2.
        unbias: factor of the variances, N / (N - 1) for sample variances.
        total: (H, W) that every pixel's SSIM is added to, the planes mirrored at their borders.
    """
    inner = (a.shape[0] - len(taps) + 1) * (a.shape[1] - len(taps) + 1)
    borders = total is not None
    planes = np.ascontiguousarray(a), np.ascontiguousarray(b)
    # A factor of all variances is one of c2 the other way round.
    constants = np.float32(2 * c1), np.float32(2 * c2 / unbias)
    room = np.empty((1, 1), np.float32) if total is None else total
    ssim, contrast = _similarity(*planes, _single(taps), *constants, borders, room)
    return ssim / inner, contrast / inner


def _single(taps: F64) -> F32:
    """The weights in single precision, the middle one such that they still sum to 1: variances depend on that."""
    single = taps.astype(np.float32)
    middle = len(taps) // 2
    single[middle] += np.float32(1 - single.sum(dtype=np.float64))
    return single
