"""Small systems of linear equations, for kernels."""

import numpy as np
from numpy.typing import NDArray

from secondeye.compiled import njit


@njit(error_model="numpy")
def solve(matrix: NDArray[np.float64], right: NDArray[np.float64]) -> None:
    """Solve a small positive definite system in place, into `right`; (n, n) and (n,)."""
    n = len(right)
    for i in range(n):
        for j in range(i + 1, n):
            factor = matrix[j, i] / matrix[i, i]
            for k in range(i, n):
                matrix[j, k] -= factor * matrix[i, k]
            right[j] -= factor * right[i]
    for i in range(n - 1, -1, -1):
        for j in range(i + 1, n):
            right[i] -= matrix[i, j] * right[j]
        right[i] /= matrix[i, i]
