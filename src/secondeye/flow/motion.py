"""How the camera moved between two frames, told from their flow, and what that says about depth.

A turning or zooming camera moves everything by one smooth pattern, whatever its depth; only a camera that changes
its place moves near things more than far ones:

    flow(p) = turn(p) w  +  inverse_depth(p) * place(p) t

Both explanations are fitted to the same flow. A place that changed can explain any flow along one direction at every
pixel, so it always fits better; it is believed only when it fits better by more than that freedom is worth (Torr's
geometric robust information criterion), since a pan that follows a walking bear, read as a change of place, puts the
background in front of the bear.

Source: Longuet-Higgins, Prazdny (1980) for the flow; Torr, "An assessment of information criteria for motion model
selection" (1997).
"""

import math
from dataclasses import dataclass

import numpy as np

from secondeye.compiled import njit
from secondeye.flow.camera import Camera
from secondeye.flow.linear import solve_ridged
from secondeye.flow.points import Array, Points, a_few, flow_length, flow_noise, trusted_points
from secondeye.flow.turn import RIDGE, Turn, fit_turn

PLACE_FOCALS = (0.87, 2.0)
"""Focal lengths tried, in widths of the frame: 60 and 28 degrees across; the fit hardly depends on it."""

DIRECTIONS = 80
"""Of the camera's move, spread over half the sphere: 16 degrees apart, then refined."""

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
        camera: whose change of place that is.
        turn: the turning and zooming.
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
    turn: Turn

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
    found = trusted_points(flow, trust)
    if found is None:
        return None
    grid, known, points = found
    length, noise = flow_length(points), flow_noise(points)
    few, turn = a_few(points), fit_turn(points)
    gain = turn.cost - math.log(4)
    focal, direction, place_turn = PLACE_FOCALS[0], np.array((1.0, 0.0, 0.0)), np.zeros(3)
    if gain > -GROUND_GAIN:
        place_cost, focal, direction, place_turn = _best_place(points, few, noise)
        gain -= place_cost
    dense = _dense(flow, focal, direction, place_turn, turn.kappa, turn.rates)
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
        turn=turn,
    )


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
