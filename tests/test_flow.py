"""Flow has the direction it says, and motion tells a turning camera from one that changes its place."""

import cv2
import numpy as np
import pytest

from secondeye.flow import confidence, consistency_error, dis_flow, warp_backward
from secondeye.flow.camera import Camera, fit_camera
from secondeye.flow.linear import mirror, solve_ridged
from secondeye.flow.motion import fit_motion
from secondeye.flow.points import grid_of, sample
from secondeye.flow.turn import FOCALS

H, W = 135, 240


def texture(h: int, w: int, seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).random((h, w)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 1.5) + 2 * cv2.GaussianBlur(noise, (0, 0), 6)
    return ((smooth - smooth.min()) / max(np.ptp(smooth), 1e-6) * 255).astype(np.uint8)


@pytest.mark.parametrize("preset", ["ultrafast", "fast", "medium"])
@pytest.mark.parametrize(("x", "y"), [(5, 0), (0, -4), (-3, 2)])
def test_flow_points_from_a_to_b(preset: str, x: int, y: int) -> None:
    world = texture(H + 40, W + 40)
    a = world[20 : 20 + H, 20 : 20 + W]
    b = world[20 - y : 20 - y + H, 20 - x : 20 - x + W]  # what a shows at p, b shows at p + (x, y)
    flow = dis_flow(a, b, preset)
    assert flow.shape == (2, H, W)
    assert np.median(np.abs(flow[0] - x)) < 0.25
    assert np.median(np.abs(flow[1] - y)) < 0.25
    restored = warp_backward(b.astype(np.float32), flow)
    assert np.median(np.abs(restored - a)[10:-10, 10:-10]) < 3


@pytest.mark.parametrize("preset", ["ultrafast", "fast", "medium"])
@pytest.mark.parametrize("size", [(16, 320), (18, 480), (24, 480), (30, 468), (31, 100), (400, 20), (33, 480)])
def test_flat_and_narrow_frames_have_flow(preset: str, size: tuple[int, int]) -> None:
    """OpenCV's coarser presets crash on some of them, or give what is no number."""
    a = texture(size[0], size[1] + 3, 4)
    flow = dis_flow(a[:, 3:], a[:, :-3], preset)
    assert np.isfinite(flow).all()
    assert abs(np.median(flow[0]) - 3) < 1


@pytest.mark.parametrize("preset", ["ultrafast", "fast", "medium"])
def test_flow_does_not_depend_on_what_was_matched_before(preset: str) -> None:
    a, b = texture(64, 96, 1), texture(64, 96, 2)
    alone = dis_flow(a, b, preset)
    for size in ((16, 16), (20, 40), (200, 300)):
        dis_flow(texture(*size, 3), texture(*size, 4), preset)
        assert np.array_equal(dis_flow(a, b, preset), alone)


def test_warp_backward_samples_where_the_flow_points() -> None:
    rng = np.random.default_rng(1)
    image = rng.random((3, 9, 11)).astype(np.float32)
    flow = rng.uniform(-3, 3, (2, 9, 11)).astype(np.float32)
    got = warp_backward(image, flow)
    assert np.array_equal(got[1], warp_backward(image[1], flow))
    for y in range(9):
        for x in range(11):
            u, v = np.clip(x + flow[0, y, x], 0, 10), np.clip(y + flow[1, y, x], 0, 8)
            i, j = min(int(v), 7), min(int(u), 9)
            p, q = v - i, u - j
            want = (1 - p) * ((1 - q) * image[:, i, j] + q * image[:, i, j + 1]) + p * (
                (1 - q) * image[:, i + 1, j] + q * image[:, i + 1, j + 1]
            )
            assert np.allclose(got[:, y, x], want, atol=0.05)  # OpenCV places samples to a 32nd of a px


def test_consistency_is_zero_for_a_shift_and_large_where_something_is_covered() -> None:
    shift = np.zeros((2, H, W), np.float32)
    shift[0] = 4
    assert consistency_error(shift, -shift).max() < 1e-5
    back = -shift
    back[:, 40:60, 100:140] = 0
    error = consistency_error(shift, back)
    assert error[50, 110] == pytest.approx(4)
    assert error[10, 10] == pytest.approx(0)


def test_confidence_needs_texture_consistency_and_the_frame() -> None:
    grey = texture(H, W)
    grey[:, : W // 2] = 128
    still = np.zeros((2, H, W), np.float32)
    trust = confidence(still, still, grey)
    assert trust[:, : W // 2 - 8].max() == 0
    assert trust[:, W // 2 + 8 :].mean() > 0.6
    out = still.copy()
    out[0] = 30
    assert confidence(out, -out, grey)[:, -29:].max() == 0
    assert confidence(still, still + 5, grey).max() < 0.01


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (16, 1), (15, 40), (16, 16), (17, 33), (40, 16)])
def test_any_size_has_a_flow(size: tuple[int, int]) -> None:
    a = texture(*size)
    assert dis_flow(a, a).shape == (2, *size)
    assert np.isfinite(confidence(dis_flow(a, a), dis_flow(a, a), a)).all()


def grid() -> tuple[np.ndarray, np.ndarray]:
    y, x = np.mgrid[0:H, 0:W].astype(np.float64)
    return x - (W - 1) / 2, y - (H - 1) / 2


def project(depth: np.ndarray, focal: float, turn: np.ndarray, move: np.ndarray) -> np.ndarray:
    """Exact flow of points at `depth` when the camera turns by a matrix and then moves; not the small-angle model."""
    x, y = grid()
    points = np.stack([x * depth / focal, y * depth / focal, depth]).reshape(3, -1)
    moved = (turn @ points - np.asarray(move)[:, None]).reshape(3, H, W)
    return np.stack([focal * moved[0] / moved[2] - x, focal * moved[1] / moved[2] - y]).astype(np.float32)


def turned(x_deg: float, y_deg: float, z_deg: float = 0.0) -> np.ndarray:
    return cv2.Rodrigues(np.radians([x_deg, y_deg, z_deg]))[0]


def ground_and_boxes() -> np.ndarray:
    """Depth of a ground that runs to a wall, with two boxes standing on it."""
    _, y = grid()
    depth = np.minimum(120 / np.maximum(y + 20, 1e-3), 30.0)
    depth[y + 20 <= 4] = 30
    depth[50:110, 30:70], depth[45:85, 150:190] = 1.6, 3.0
    return depth


def noisy(flow: np.ndarray, seed: int = 0) -> np.ndarray:
    wobble = np.random.default_rng(seed).normal(0, 1, flow.shape).astype(np.float32)
    return flow + 0.3 * np.stack([cv2.GaussianBlur(plane, (0, 0), 3) * 8 for plane in wobble])


TRUST = np.full((H, W), 0.9, np.float32)


@pytest.mark.parametrize("focal", [0.7, 1.2, 2.5])
@pytest.mark.parametrize(
    ("turn", "move"),
    [
        (turned(0, 0), (0.15, 0, 0)),
        (turned(0.2, -1.0), (0.2, 0.02, 0)),
        (turned(0, 0), (0, 0, 0.15)),
        (turned(0.1, 0.5), (0.1, 0, 0.15)),
        (turned(0, 0.3, 0.5), (0, -0.12, 0.05)),
    ],
)
def test_a_camera_that_changes_its_place_is_believed_and_gives_depth(
    focal: float, turn: np.ndarray, move: tuple[float, float, float]
) -> None:
    depth = ground_and_boxes()
    motion = fit_motion(noisy(project(depth, focal * W, turn, np.asarray(move) / focal)), TRUST)
    assert motion is not None
    assert motion.gain > 0.2
    assert motion.still < 0.8
    places = (np.s_[60:100, 35:65], np.s_[50:80, 155:185], np.s_[5:30, 80:140])
    near_left, near_right, wall = (np.median(motion.inverse_depth[place]) for place in places)
    assert near_left > near_right > wall


@pytest.mark.parametrize("focal", [0.6, 1.5, 6.0])
@pytest.mark.parametrize("turn", [turned(0, 2), turned(-1, 1.5), turned(0.5, 0, 2), turned(0, 0)])
def test_a_turning_camera_and_a_walking_subject_are_not_taken_for_a_move(focal: float, turn: np.ndarray) -> None:
    """A pan that follows a subject: the background moves, a fifth of the frame does not."""
    flow = noisy(project(ground_and_boxes(), focal * W, turn, np.zeros(3)))
    flow[:, 30:100, 90:170] = np.array([0.5, -0.3], np.float32)[:, None, None]
    motion = fit_motion(flow, TRUST)
    assert motion is not None
    assert motion.gain < 0
    assert motion.still > 0.7
    if np.abs(turn - np.eye(3)).max() > 0.01:
        assert np.median(motion.turn_residual[40:90, 100:160]) > 2 * motion.noise_px


def test_zooming_is_no_move() -> None:
    x, y = grid()
    motion = fit_motion(noisy(np.stack([0.04 * x, 0.04 * y]).astype(np.float32)), TRUST)
    assert motion is not None
    assert motion.gain < 0


def test_too_little_trust_fits_nothing() -> None:
    assert fit_motion(np.zeros((2, H, W), np.float32), np.zeros((H, W), np.float32)) is None
    assert fit_motion(np.zeros((2, 3, 5), np.float32), np.ones((3, 5), np.float32)) is None


def test_motion_is_the_same_every_time() -> None:
    flow = noisy(project(ground_and_boxes(), W, turned(0, 1), np.array([0.2, 0, 0.1])))
    one, two = fit_motion(flow, TRUST), fit_motion(flow, TRUST)
    assert one is not None
    assert two is not None
    assert np.array_equal(one.inverse_depth, two.inverse_depth)
    assert one.gain == two.gain


def test_the_focal_lengths_tried_span_wide_to_long() -> None:
    assert min(FOCALS) < 0.7
    assert max(FOCALS) > 5


def test_points_are_sampled_where_they_say() -> None:
    rng = np.random.default_rng(3)
    flow, plane = rng.random((2, 7, 10), np.float32), rng.random((7, 10), np.float32)
    points = sample(grid_of(3), flow, plane)
    assert points.shape == (5, 2 * 3)  # rows 1 and 4, columns 1, 4 and 7
    x, y, u, v, value = points[:, 4]
    assert (x * 10 + 4.5, y * 10 + 3) == (4, 4)
    assert (u, v, value) == (flow[0, 4, 4], flow[1, 4, 4], plane[4, 4])


def test_small_systems_are_solved_from_their_lower_half() -> None:
    rng = np.random.default_rng(4)
    factor = rng.random((5, 5))
    matrix, right = factor @ factor.T + np.eye(5), rng.random(5)
    want = np.linalg.solve(matrix + 0.1 * np.trace(matrix) * np.eye(5), right)
    half = np.tril(matrix)
    mirror(half)
    assert np.array_equal(half, np.tril(matrix) + np.tril(matrix, -1).T)
    solve_ridged(half, right, 0.1)
    assert np.allclose(right, want, atol=1e-10)
    nothing = np.zeros(3)
    solve_ridged(np.zeros((3, 3)), nothing, 1e-6)
    assert not nothing.any()


def test_a_camera_is_found_again_from_the_flow_that_it_makes() -> None:
    """By the model that is fitted, with a tenth of the flow wrong."""
    x, y = (plane / W for plane in grid())
    q = 1 / ground_and_boxes().astype(np.float32)
    true = Camera(1.2, np.array([1.0, -3.0, 2.0]), np.array([4.0, -1.0, 6.0]))
    kappa, (a, b, c) = 1.2**-2, true.turn
    flow = np.stack(
        [
            kappa * x * y * a - (1 + kappa * x * x) * b + y * c + q * (x * true.move[2] - 1.2 * true.move[0]),
            (1 + kappa * y * y) * a - kappa * x * y * b - x * c + q * (y * true.move[2] - 1.2 * true.move[1]),
        ]
    ).astype(np.float32)
    flow[:, :, : W // 10] += 9
    found = fit_camera(flow, TRUST, q, 1.2, 0.3)
    assert np.allclose(found.turn, true.turn, atol=0.02)
    assert np.allclose(found.move, true.move, atol=0.05)
