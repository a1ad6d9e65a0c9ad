"""Depth carried to where it is not known: solved as it says, and held up by edges."""

import numpy as np

from secondeye.depth.spread import TURNS, spread_along_edges


def test_rows_of_one_value_are_solved_exactly() -> None:
    random = np.random.default_rng(0)
    count, stiffness, edge = 12, 30.0, 0.1
    line, trust, grey = random.random((3, count)) * [[1.0], [2.0], [0.3]]
    trust[4:8] = 0
    ties = np.exp(-np.abs(np.diff(grey)) / edge)
    sums = np.stack([line * trust, trust], 1)
    for turn in range(TURNS):
        share = stiffness * 1.5 * 4 ** (TURNS - 1 - turn) / (4**TURNS - 1)
        steps = np.diff(np.eye(count), axis=0)
        sums = np.linalg.solve(np.eye(count) + share * steps.T @ (ties[:, None] * steps), sums)
    tall = [np.repeat(one[:, None], 7, axis=1).astype(np.float32) for one in (line, trust, grey)]
    for way in (lambda a: a, lambda a: np.ascontiguousarray(a.T)):
        found = spread_along_edges(*map(way, tall), stiffness, edge)
        assert np.allclose(way(found), np.repeat((sums[:, 0] / sums[:, 1])[:, None], 7, axis=1), atol=1e-4)


def test_an_edge_parts_what_is_known_beside_it() -> None:
    grey, values, weight = np.zeros((3, 40, 60), np.float32)
    grey[:, 30:] = 0.5
    values[:, 30:] = 1.0
    weight[18:22, 5] = weight[18:22, 55] = 1.0
    found = spread_along_edges(values, weight, grey, 1000.0, 0.02)
    assert found[:, :30].max() < 0.01
    assert found[:, 30:].min() > 0.99
    grey[:] = 0
    level = spread_along_edges(values, weight, grey, 1000.0, 0.02)
    assert level[20, 29] > 0.3  # without the edge, the one is carried into the other
    assert level[20, 30] < 0.7
