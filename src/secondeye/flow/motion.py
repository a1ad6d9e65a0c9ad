"""How the camera moved between two frames, told from their flow, and what that says about depth.

A turning or zooming camera moves everything by one smooth pattern, whatever its depth; only a camera that changes
its place moves near things more than far ones:

    flow(p) = turn(p) w  +  inverse_depth(p) * place(p) t

Both explanations are fitted to the same flow. A place that changed can explain any flow along one direction at every
pixel, so it always fits better; it is believed only when it fits better by more than that freedom is worth (Torr's
geometric robust information criterion), since a pan that follows a walking bear, read as a change of place, puts the
background in front of the bear. The focal length is unknown: a long lens turns without any of the keystone that
tells turning from moving, and so the turning model tries several.

Source: Longuet-Higgins, Prazdny (1980) for the flow; Torr, "An assessment of information criteria for motion model
selection" (1997).
"""

import math
from dataclasses import dataclass

import numpy as np

from secondeye.compiled import njit
from secondeye.flow.camera import Camera
from secondeye.flow.linear import mirror, solve_ridged
from secondeye.flow.points import Array, Points, grid_of, sample

FOCALS = (0.6, 0.87, 1.5, 3.0, 8.0)
"""Focal lengths tried for a turning camera, in widths of the frame: 80 degrees across down to 7."""

PLACE_FOCALS = (0.87, 2.0)
"""And for a camera that changes its place, whose fit hardly depends on it: 60 and 28 degrees."""

NOISE_PX, NOISE_SHARE = 0.3, 0.02
"""What DIS flow is wrong by: a third of a px, and 2 % of its length (lenses, rolling shutters, second order)."""

POINTS, FEW_POINTS = 1600, 300
"""About how many points are fitted in the end, and while alternatives are compared."""

DIRECTIONS = 80
"""Of the camera's move, spread over half the sphere: 16 degrees apart, then refined."""

RIDGE = 1e-6
"""Holds a turn down that the points hardly tell of: a lens so long that turning and zooming look alike."""

TRUSTED = 0.2
"""Flow is fitted where it is trusted more."""

SURE_AGREEMENT = 0.9
"""Share of the flow that must agree on which way round depth is; below it, the ground decides."""


EXACT = 0.5
"""Share of the flow's noise that a change of place leaves over in the median where it explains a picture exactly."""

GROUND_GAIN = 0.5
"""How much of a lack of gain ground makes good, that comes out nearer the lower it is in the frame: turning explains
three quarters of a room that shows its back wall alone, and things that move on their own seldom look like a floor."""


@dataclass(frozen=True)
class Motion:
    """What two frames say about camera and depth.

    Attributes:
        gain: by how much a change of place explains the flow better than turning and zooming, after its freedom is
            paid for; positive speaks for parallax. Where even a perfect fit could not be, no place is fitted, and
            what the rest says of parallax and depth means nothing.
        still: share of the trusted flow that turning and zooming explain.
        parallax_px: spread of the flow that depth would explain (10th to 90th percentile).
        residual_px: median of the flow that a change of place leaves over.
        agreement: share of the trusted flow whose inverse depth comes out with the same sign.
        lower_nearer: correlation of nearness with lowness in the frame, by rank, -1 to 1; as a rule positive, and by
            choice where there is no agreement.
        length_px: median length of the flow.
        noise_px: what the flow may be wrong by.
        inverse_depth: (h, w), up to scale and shift, greater = nearer.
        residual: (h, w) px, what a change of place leaves over.
        turn_residual: (h, w) px, what turning and zooming leave over.
        leverage: (h, w) 0 to 1, how strongly depth moves a px there; next to nothing where the camera heads for.
    """

    gain: float
    still: float
    parallax_px: float
    residual_px: float
    agreement: float
    lower_nearer: float
    length_px: float
    noise_px: float
    inverse_depth: Array
    residual: Array
    turn_residual: Array
    leverage: Array
    camera: Camera

    @property
    def fits_exactly(self) -> bool:
        """Whether so little is left over in the median that the camera is known, as it is not in badly coded films."""
        return self.residual_px < EXACT * self.noise_px


def fit_motion(flow: Array, trust: Array) -> Motion | None:
    """Fit both explanations to a flow.

    Args:
        flow: (2, h, w) px.
        trust: (h, w), 0 to 1.

    Returns:
        None where there is too little trusted flow to fit anything.
    """
    h, w = trust.shape
    grid = grid_of(max(1, math.isqrt(h * w // POINTS)))
    known = trust[grid] > TRUSTED
    if known.sum() < max(60.0, 0.15 * known.size):
        return None
    points = np.ascontiguousarray(sample(grid, flow, trust)[:, known.ravel()])
    length = float(np.median(np.hypot(points[2], points[3])))
    noise = NOISE_PX + NOISE_SHARE * length
    few = np.ascontiguousarray(points[:, :: max(1, points.shape[1] // FEW_POINTS)])
    turn_cost, kappa, turn = _best_turn(points, few, noise)
    gain = turn_cost - math.log(4)
    focal, direction, place_turn = PLACE_FOCALS[0], np.array((1.0, 0.0, 0.0)), np.zeros(3)
    if gain > -GROUND_GAIN:
        place_cost, focal, direction, place_turn = _best_place(points, few, noise)
        gain -= place_cost
    dense = _dense(flow, focal, direction, place_turn, kappa, turn)
    depth, residual, turn_residual, squared = (plane[grid][known].astype(np.float64) for plane in dense)
    sign, agreement = _sign(points[4], depth, residual, noise)
    lower_nearer = _rank_correlation(points[1], sign * depth)
    if agreement < SURE_AGREEMENT and lower_nearer < 0:
        sign, lower_nearer = -sign, -lower_nearer
    return Motion(
        gain=gain,
        still=float(points[4] @ (turn_residual < 2 * noise) / points[4].sum()),
        parallax_px=float(np.subtract(*np.percentile(_shift_px(points, depth, focal, direction), (90, 10)))),
        residual_px=float(np.median(residual)),
        agreement=agreement,
        lower_nearer=lower_nearer,
        length_px=length,
        noise_px=noise,
        inverse_depth=dense[0] * np.float32(sign),
        residual=dense[1],
        turn_residual=dense[2],
        leverage=dense[3] / (dense[3] + np.float32(0.1 * np.median(squared))),
        camera=Camera(focal, place_turn, sign * direction),
    )


def _best_turn(points: Points, few: Points, noise: float) -> tuple[float, float, Points]:
    """Least cost, its 1 / focal length squared, and turn and zoom in px."""
    kappas = [focal**-2 for focal in FOCALS]
    kappa = min(kappas, key=lambda value: float(_turn_fit(few, value, noise)[0]))
    cost, turn = _turn_fit(points, kappa, noise)
    return cost, kappa, turn


def _best_place(points: Points, few: Points, noise: float) -> tuple[float, float, Points, Points]:
    """Least cost, its focal length, the direction of the camera's move, and its turn in px.

    The cost has several valleys: the best three of all directions are each followed down before one is taken.
    """
    best = (math.inf, PLACE_FOCALS[0], np.zeros(3), np.zeros(3))
    everywhere = _hemisphere(DIRECTIONS)
    for focal in PLACE_FOCALS:
        valleys = everywhere[np.argsort(_place_costs(few, everywhere, focal, noise))[:3]]
        for direction in valleys:
            for reach in (0.1, 0.04):
                candidates = _around(direction, reach)
                direction = candidates[int(np.argmin(_place_costs(few, candidates, focal, noise)))]
            cost, turn = _place_fit(points, direction, focal, noise, 8)
            if cost < best[0]:
                best = (cost, focal, direction, turn)
    return best


def _hemisphere(count: int) -> Points:
    """Unit vectors spread over half the sphere; the other half is the same line."""
    k = np.arange(count) + 0.5
    height, angle = k / count, np.pi * (1 + math.sqrt(5)) * k
    flat = np.sqrt(1 - height**2)
    return np.stack([np.cos(angle) * flat, np.sin(angle) * flat, height], axis=-1)


def _around(direction: Points, reach: float) -> Points:
    """The direction itself and two rings about it."""
    side = np.cross(direction, (0.0, 0.0, 1.0) if abs(direction[2]) < 0.9 else (1.0, 0.0, 0.0))
    side /= np.linalg.norm(side)
    up = np.cross(direction, side)
    angles = np.arange(6) * math.pi / 3
    ring = np.cos(angles)[:, None] * side + np.sin(angles)[:, None] * up
    near = np.concatenate([direction[None], direction + reach * ring, direction + 2 * reach * ring])
    return np.ascontiguousarray(near / np.linalg.norm(near, axis=1, keepdims=True))


def _sign(trust: Points, depth: Points, residual: Points, noise: float) -> tuple[int, float]:
    """Which way round inverse depth is positive, and for what share of the trusted, explained flow."""
    weight = trust * (residual < 2 * noise)
    positive = float(weight @ (depth > 0) / max(float(weight.sum()), 1e-9))
    return (1, positive) if positive >= 0.5 else (-1, 1 - positive)


def _shift_px(points: Points, depth: Points, focal: float, direction: Points) -> Points:
    """Flow in px along the direction that depth moves each point in."""
    along_x, along_y = points[0] * direction[2] - focal * direction[0], points[1] * direction[2] - focal * direction[1]
    return np.asarray(depth * np.hypot(along_x, along_y), np.float64)


def _rank_correlation(a: Points, b: Points) -> float:
    ranks = np.stack([np.argsort(np.argsort(values)) for values in (a, b)]).astype(np.float64)
    ranks -= ranks.mean(axis=1, keepdims=True)
    return float(ranks[0] @ ranks[1] / max(math.sqrt(float((ranks[0] @ ranks[0]) * (ranks[1] @ ranks[1]))), 1e-9))


@njit(error_model="numpy")
def _turn_fit(points: Points, kappa: float, noise: float) -> tuple[float, Points]:
    """Turn and zoom by reweighted least squares, from generous to strict; the cost is capped at 4 a point.

    Flow in px per px of turning about x, y and the axis, and of zooming, at (x, y) widths from the centre:
    (kappa x y, 1 + kappa y^2), (-1 - kappa x^2, -kappa x y), (y, -x), (x, y).
    """
    turn = np.zeros(4)
    cost, scale = 0.0, 1e9
    for step in range(9):
        matrix, right = np.zeros((4, 4)), np.zeros(4)
        cost, total = 0.0, 0.0
        for k in range(points.shape[1]):
            x, y, u, v = points[0, k], points[1, k], points[2, k], points[3, k]
            mixed, row_x, row_y = kappa * x * y, 1 + kappa * x * x, 1 + kappa * y * y
            du = u - (mixed * turn[0] - row_x * turn[1] + y * turn[2] + x * turn[3])
            dv = v - (row_y * turn[0] - mixed * turn[1] - x * turn[2] + y * turn[3])
            error = (du * du + dv * dv) / (noise * noise)
            cost += points[4, k] * min(error, 4.0)
            total += points[4, k]
            weight = 1 / (1 + error / (scale * scale))
            weight *= weight * points[4, k]
            rows = ((mixed, row_y), (-row_x, -mixed), (y, -x), (x, y))
            for i in range(4):
                right[i] += weight * (rows[i][0] * u + rows[i][1] * v)
                for j in range(i + 1):
                    matrix[i, j] += weight * (rows[i][0] * rows[j][0] + rows[i][1] * rows[j][1])
        cost /= total
        if step == 8:
            break
        mirror(matrix)
        solve_ridged(matrix, right, RIDGE)
        turn = right
        scale = max(1.0, 8.0 / 2 ** (step // 2))
    return cost, turn


@njit(error_model="numpy")
def _place_fit(points: Points, direction: Points, focal: float, noise: float, rounds: int) -> tuple[float, Points]:
    """Turn (without zoom, which depth could not be told from) that leaves least across the direction of depth.

    The cost is capped at 2 a point: the flow along that direction is free.
    """
    count, kappa = points.shape[1], focal**-2
    rows = np.empty((count, 4))
    for k in range(count):
        x, y = points[0, k], points[1, k]
        along_x, along_y = x * direction[2] - focal * direction[0], y * direction[2] - focal * direction[1]
        length = math.sqrt(along_x * along_x + along_y * along_y) + 1e-9
        across_x, across_y = -along_y / length, along_x / length
        rows[k, 0] = across_x * kappa * x * y + across_y * (1 + kappa * y * y)
        rows[k, 1] = -across_x * (1 + kappa * x * x) - across_y * kappa * x * y
        rows[k, 2] = across_x * y - across_y * x
        rows[k, 3] = across_x * points[2, k] + across_y * points[3, k]
    turn = np.zeros(3)
    cost, scale = 0.0, 1e18
    for step in range(rounds + 1):
        matrix, right = np.zeros((3, 3)), np.zeros(3)
        cost, total = 0.0, 0.0
        for k in range(count):
            rest = rows[k, 3] - rows[k, 0] * turn[0] - rows[k, 1] * turn[1] - rows[k, 2] * turn[2]
            error = rest * rest / (noise * noise)
            cost += points[4, k] * min(error, 2.0)
            total += points[4, k]
            weight = 1 / (1 + error / scale)
            weight *= weight * points[4, k]
            for i in range(3):
                right[i] += weight * rows[k, i] * rows[k, 3]
                for j in range(3):
                    matrix[i, j] += weight * rows[k, i] * rows[k, j]
        cost /= total
        if step == rounds:
            break
        solve_ridged(matrix, right, RIDGE)
        turn = right
        scale = 4.0
    return cost, turn


@njit(error_model="numpy")
def _place_costs(points: Points, directions: Points, focal: float, noise: float) -> Points:
    costs = np.empty(len(directions))
    for k in range(len(directions)):
        costs[k] = _place_fit(points, directions[k], focal, noise, 3)[0]
    return costs


@njit(error_model="numpy")
def _dense(
    flow: Array, focal: float, direction: Points, place_turn: Points, kappa: float, turn: Points
) -> tuple[Array, Array, Array, Array]:
    """At every px: inverse depth up to sign, what a change of place and what turning leave over, leverage squared."""
    h, w = flow.shape[1], flow.shape[2]
    depth, residual = np.empty((h, w), np.float32), np.empty((h, w), np.float32)
    turn_residual, leverage = np.empty((h, w), np.float32), np.empty((h, w), np.float32)
    width = max(h, w)
    for row in range(h):
        y = (row - (h - 1) / 2) / width
        for column in range(w):
            x = (column - (w - 1) / 2) / width
            u, v = flow[0, row, column], flow[1, row, column]
            mixed = kappa * x * y
            du = u - (mixed * turn[0] - (1 + kappa * x * x) * turn[1] + y * turn[2] + x * turn[3])
            dv = v - ((1 + kappa * y * y) * turn[0] - mixed * turn[1] - x * turn[2] + y * turn[3])
            turn_residual[row, column] = math.sqrt(du * du + dv * dv)
            mixed = x * y / (focal * focal)
            du = u - (mixed * place_turn[0] - (1 + x * x / (focal * focal)) * place_turn[1] + y * place_turn[2])
            dv = v - ((1 + y * y / (focal * focal)) * place_turn[0] - mixed * place_turn[1] - x * place_turn[2])
            along_x, along_y = x * direction[2] - focal * direction[0], y * direction[2] - focal * direction[1]
            squared = along_x * along_x + along_y * along_y + 1e-6
            leverage[row, column] = squared
            depth[row, column] = (du * along_x + dv * along_y) / squared
            residual[row, column] = abs(dv * along_x - du * along_y) / math.sqrt(squared)
    return depth, residual, turn_residual, leverage
