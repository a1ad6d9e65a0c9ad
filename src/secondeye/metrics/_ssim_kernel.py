"""Compiled windows for SSIM: weighted local moments of two planes, in double precision, one row at a time.

A window is separable, so each row is first summed down its column of rows and then along itself. Only four moments
are needed (means, mean of the squares' sum, mean of the product), since SSIM uses the two variances' sum alone.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]

FAST = {"contract", "reassoc", "nsz"}  # all but "nnan" and "ninf": NaN must survive to be noticed


@njit(nogil=True, fastmath=FAST, error_model="numpy", cache=True)
def _mirrored(position, length):  # type: ignore[no-untyped-def]
    """The pixel that stands for one beyond the border: d c b a | a b c d | d c b a."""
    if position < 0:
        return -1 - position
    return 2 * length - 1 - position if position >= length else position


@njit(nogil=True, fastmath=FAST, error_model="numpy", cache=True)
def _columns(a, b, y, taps, out):  # type: ignore[no-untyped-def]
    """The four moments around row y, summed down the window's rows, into the middle of out (4, W + n - 1)."""
    reach, width = len(taps) // 2, a.shape[1]
    out[:] = 0.0
    mean_a, mean_b = out[0, reach : reach + width], out[1, reach : reach + width]
    squares, product = out[2, reach : reach + width], out[3, reach : reach + width]
    for k in range(len(taps)):
        row = _mirrored(y + k - reach, a.shape[0])
        weight, row_a, row_b = taps[k], a[row], b[row]
        for x in range(width):
            p, q = np.float64(row_a[x]), np.float64(row_b[x])
            mean_a[x] += weight * p
            mean_b[x] += weight * q
            squares[x] += weight * (p * p + q * q)
            product[x] += weight * (p * q)
    for x in range(reach):
        for m in range(4):
            out[m, reach - 1 - x] = out[m, reach + x]
            out[m, reach + width + x] = out[m, reach + width - 1 - x]


@njit(nogil=True, fastmath=FAST, error_model="numpy", cache=True)
def _along(sums, taps, out):  # type: ignore[no-untyped-def]
    """Sum (4, W + n - 1) along the window's columns into (4, W)."""
    out[:] = 0.0
    for m in range(4):
        source, target = sums[m], out[m]
        for k in range(len(taps)):
            weight = taps[k]
            for x in range(len(target)):
                target[x] += weight * source[x + k]


@njit(nogil=True, fastmath=FAST, error_model="numpy", cache=True)
def _moments(a, b, taps, out):  # type: ignore[no-untyped-def]
    reach = len(taps) // 2
    sums, row = np.empty((4, a.shape[1] + 2 * reach)), np.empty((4, a.shape[1]))
    for y in range(reach, a.shape[0] - reach):
        _columns(a, b, y, taps, sums)
        _along(sums, taps, row)
        out[:, y - reach] = row[:, reach : a.shape[1] - reach]


@njit(nogil=True, fastmath=FAST, error_model="numpy", cache=True)
def _similarity(a, b, taps, c1, c2, unbias, borders, total):  # type: ignore[no-untyped-def]
    """Add SSIM to `total`; return the sums of SSIM and contrast over the inner windows."""
    reach, (height, width) = len(taps) // 2, a.shape
    sums, row = np.empty((4, width + 2 * reach)), np.empty((4, width))
    ssim_sum = contrast_sum = 0.0
    for y in range(0 if borders else reach, height if borders else height - reach):
        _columns(a, b, y, taps, sums)
        _along(sums, taps, row)
        mean_a, mean_b, squares, product = row[0], row[1], row[2], row[3]
        for x in range(width):
            both, means = mean_a[x] * mean_b[x], mean_a[x] * mean_a[x] + mean_b[x] * mean_b[x]
            covariance, variances = unbias * (product[x] - both), unbias * (squares[x] - means)
            mean_a[x] = (2 * covariance + c2) / (variances + c2)
            mean_b[x] = mean_a[x] * (2 * both + c1) / (means + c1)
        if borders:
            for x in range(width):
                total[y, x] += mean_b[x]
        if reach <= y < height - reach:
            for x in range(reach, width - reach):
                contrast_sum += mean_a[x]
                ssim_sum += mean_b[x]
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
        taps: (n,) weights of the separable window, n odd, summing to 1.
        c1, c2: the two constants, (0.01 range)^2 and (0.03 range)^2.
        unbias: factor of the variances, N / (N - 1) for sample variances.
        total: (H, W) that every pixel's SSIM is added to, the planes mirrored at their borders.
    """
    inner = (a.shape[0] - len(taps) + 1) * (a.shape[1] - len(taps) + 1)
    borders = total is not None
    planes = np.ascontiguousarray(a), np.ascontiguousarray(b)
    ssim, contrast = _similarity(*planes, taps, c1, c2, unbias, borders, np.empty((1, 1)) if total is None else total)
    return ssim / inner, contrast / inner
