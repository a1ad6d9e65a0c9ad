"""Small systems of linear equations, for kernels."""

import numpy as np
from numpy.typing import NDArray

from secondeye.compiled import njit

LEAST_RIDGE = 1e-12
"""Keeps a system of nothing but zeros solvable."""


@njit(error_model="numpy")
def mirror(matrix: NDArray[np.float64]) -> None:
    """Write what lies below the diagonal above it too; (n, n)."""
    for i in range(len(matrix)):
        for j in range(i):
            matrix[j, i] = matrix[i, j]


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


@njit(error_model="numpy")
def solve_ridged(matrix: NDArray[np.float64], right: NDArray[np.float64], ridge: float) -> None:
    """Solve with `ridge` times the trace added to the diagonal: what the points do not determine comes out small."""
    trace = 0.0
    for i in range(len(right)):
        trace += matrix[i, i]
    for i in range(len(right)):
        matrix[i, i] += ridge * trace + LEAST_RIDGE
    solve(matrix, right)
