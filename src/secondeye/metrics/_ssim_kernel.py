"""Compiled windows for SSIM: weighted local moments of two planes, in double precision, one row at a time.

A window is separable, so each row is first summed down its column of rows and then along itself. Only four moments
are needed (means, mean of the squares' sum, mean of the product), since SSIM uses the two variances' sum alone.
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
    row_a, row_b = a[row], b[row]
    for x in range(len(row_a)):
        p, q = np.float64(row_a[x]), np.float64(row_b[x])
        out[0, x] = p
        out[1, x] = q
        out[2, x] = p * p + q * q
        out[3, x] = p * q


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
    rows = np.empty((n, 4, a.shape[1]))
    sums, row = np.empty((4, a.shape[1] + 2 * reach)), np.empty((4, a.shape[1]))
    for y in range(a.shape[0]):
        _enter(a, b, y, rows[y % n])
        if y >= n - 1:
            _down(rows, y + 1, taps, sums)
            _along(sums, taps, row)
            out[:, y - n + 1] = row[:, reach : a.shape[1] - reach]


@njit(fastmath=FAST, error_model="numpy")
def _scores(mean_a, mean_b, squares, product, c1, c2, unbias, ssim, contrast):  # type: ignore[no-untyped-def]
    """SSIM and its contrast-structure factor of a line, with one division for both."""
    for x in range(len(ssim)):
        p, q = mean_a[x], mean_b[x]
        both, means = p * q, p * p + q * q
        covariance, variances = 2 * unbias * (product[x] - both) + c2, unbias * (squares[x] - means) + c2
        level = means + c1
        inverse = covariance / (variances * level)
        contrast[x] = inverse * level
        ssim[x] = inverse * (2 * both + c1)


@njit(fastmath=FAST, error_model="numpy")
def _sum(line):  # type: ignore[no-untyped-def]
    total = 0.0
    for x in range(len(line)):
        total += line[x]
    return total


@njit(fastmath=FAST, error_model="numpy")
def _similarity(a, b, taps, c1, c2, unbias, borders, total):  # type: ignore[no-untyped-def]
    """Add SSIM to `total`; return the sums of SSIM and contrast over the inner windows."""
    n, reach, (height, width) = len(taps), len(taps) // 2, a.shape
    rows = np.empty((n, 4, width))
    sums, row = np.empty((4, width + 2 * reach)), np.empty((4, width))
    first, last = (0, height) if borders else (reach, height - reach)
    ssim, contrast = np.empty(width), np.empty(width)
    ssim_sum = contrast_sum = 0.0
    for y in range(first - reach, first + reach):
        _enter(a, b, _mirrored(y, height), rows[(y + n) % n])
    for y in range(first, last):
        _enter(a, b, _mirrored(y + reach, height), rows[(y + reach) % n])
        _down(rows, y + reach + 1, taps, sums)
        _along(sums, taps, row)
        _scores(row[0], row[1], row[2], row[3], c1, c2, unbias, ssim, contrast)
        if borders:
            line = total[y]
            for x in range(width):
                line[x] += ssim[x]
        if reach <= y < height - reach:
            ssim_sum += _sum(ssim[reach : width - reach])
            contrast_sum += _sum(contrast[reach : width - reach])
    return ssim_sum, contrast_sum


def moments(a: F32, b: F32, taps: F64) -> F64:
    """Weighted local means of a, b, a * a + b * b and a * b: two (H, W) planes to (4, H - n + 1, W - n + 1)."""
    n = len(taps) - 1
    out = np.empty((4, a.shape[0] - n, a.shape[1] - n))
    _moments(np.ascontiguousarray(a), np.ascontiguousarray(b), taps, out)
    return out


def similarity(
    a: F32, b: F32, taps: F64, *, c1: float, c2: float, unbias: float = 1.0, total: F64 | None = None
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
    ssim, contrast = _similarity(*planes, taps, c1, c2, unbias, borders, np.empty((1, 1)) if total is None else total)
    return ssim / inner, contrast / inner
