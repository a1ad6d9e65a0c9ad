"""Plane sweeps against exact scenes, and their kernels against plain loops."""

import numpy as np
import pytest
from numpy.typing import NDArray

from secondeye.compiled import run_beside
from secondeye.depth_models.parallax import sweep_kernel as kernels
from secondeye.depth_models.parallax.sweep import sweep
from secondeye.flow.camera import Camera, fit_camera

HEIGHT, WIDTH = 72, 128
FOCAL = 0.87


def texture(seed: int, height: int = HEIGHT, width: int = WIDTH) -> NDArray[np.float64]:
    """Noise without detail finer than two px, 0 to 255."""
    random = np.random.default_rng(seed)
    noise = np.fft.rfft2(random.standard_normal((height, width)))
    down, across = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None]
    soft = np.fft.irfft2(noise * np.exp(-20 * (down**2 + across**2)), (height, width))
    return np.asarray(127 + 45 * soft / soft.std()).clip(0, 255)


def layers(shift_px: float) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """A wall that stands still, and before it a block and a bar 3 px wide that move; and how far each px moves."""
    picture, moved = texture(1), np.zeros((HEIGHT, WIDTH))
    near = texture(2)
    for columns, share in ((slice(30, 62), 0.5), (slice(90, 93), 1.0)):
        offset = round(share * shift_px)
        there = slice(columns.start + offset, columns.stop + offset)
        picture[20:60, there] = near[20:60, columns]
        moved[20:60, there] = share
    return np.rint(picture).astype(np.uint8), moved


def sideways(px: float) -> Camera:
    return Camera(FOCAL, np.zeros(3), np.array([-px / FOCAL, 0.0, 0.0]))


def test_sweep_finds_layers_whole_where_other_frames_see_behind_them() -> None:
    """A block moves by half of what the bar does; frames on either side show what hides behind both."""
    grey, truth = layers(0)
    others = [(layers(px)[0], sideways(px)) for px in (8, -8)]
    found = sweep(grey, others, -0.25, 1.25)
    wrong = np.abs(found.inverse_depth - truth) > 0.08
    assert wrong.mean() < 0.02
    bar = found.inverse_depth[24:56, 91]
    assert (np.abs(bar - 1) < 0.08).mean() > 0.9
    assert found.sure.min() >= 0
    assert found.sure.max() <= 1
    assert np.median(found.sure[~wrong]) > np.median(found.sure[wrong])


def test_one_view_alone_errs_where_it_cannot_see() -> None:
    """What makes the test above meaningful: the same with one frame is worse beside the block."""
    grey, truth = layers(0)
    one = sweep(grey, [(layers(8)[0], sideways(8))], -0.25, 1.25).inverse_depth
    two = sweep(grey, [(layers(px)[0], sideways(px)) for px in (8, -8)], -0.25, 1.25).inverse_depth
    assert (np.abs(one - truth) > 0.08).mean() > (np.abs(two - truth) > 0.08).mean()


def test_flat_grey_is_never_sure_nor_does_it_move_by_itself() -> None:
    grey = np.full((HEIGHT, WIDTH), 90, np.uint8)
    found = sweep(grey, [(grey, sideways(10))], 0.0, 1.0)
    assert found.sure.max() == 0
    assert found.unmatched.max() == 0


@pytest.mark.parametrize("tried_px", [12, 2])
def test_what_goes_its_own_way_is_unmatched_where_depths_can_be_told_apart(tried_px: float) -> None:
    """A block goes down while the camera goes sideways."""
    wall, block = texture(1), texture(2)[20:50, 40:70]

    def frame(down_px: int) -> NDArray[np.uint8]:
        picture = wall.copy()
        picture[20 + down_px : 50 + down_px, 40:70] = block
        return np.rint(picture).astype(np.uint8)

    others = [(frame(down_px), sideways(px)) for down_px, px in ((8, tried_px), (-8, -tried_px))]
    unmatched = sweep(frame(0), others, -0.2, 0.8).unmatched
    if tried_px > 10:
        assert unmatched[24:46, 44:66].mean() > 0.7
        assert unmatched[:, 80:110].mean() < 0.02
    else:
        assert unmatched.max() == 0


def test_a_hint_decides_where_the_picture_is_flat_and_not_where_it_has_texture() -> None:
    flat = np.full((HEIGHT, WIDTH), 90, np.uint8)
    ones = np.ones((HEIGHT, WIDTH), np.float32)
    slope = np.broadcast_to(np.linspace(0.2, 0.8, WIDTH, dtype=np.float32), (HEIGHT, WIDTH))
    found = sweep(flat, [(flat, sideways(5))], 0.0, 1.0, (slope, ones)).inverse_depth
    assert np.abs(found - slope)[5:-5, 10:-10].max() < 0.05
    grey, truth = layers(0)
    others = [(layers(px)[0], sideways(px)) for px in (8, -8)]
    misled = sweep(grey, others, -0.25, 1.25, (0.7 * ones, ones)).inverse_depth
    assert (np.abs(misled - truth) > 0.08).mean() < 0.03


@pytest.mark.parametrize("upward", [False, True])
def test_paths_gather_what_a_plain_loop_does(upward: bool) -> None:
    random = np.random.default_rng(3)
    volume = random.integers(0, 180, (5, 6, 7)).astype(np.uint8)
    words = random.integers(0, 255, (5, 7)).astype(np.uint32)
    total = np.empty(volume.shape, np.int16)
    kernels.gather(volume, words, 7, 84, upward, total)
    assert np.array_equal(total, plain_paths(volume, words, 7, 84, upward))


def plain_paths(
    volume: NDArray[np.uint8], words: NDArray[np.uint32], small: int, large: int, upward: bool
) -> NDArray[np.int64]:
    """Hirschmueller's recursion, path by path and value by value; outside the frame nothing has been paid."""
    height, planes, width = volume.shape
    total = np.zeros(volume.shape, np.int64)
    rows = range(height - 1, -1, -1) if upward else range(height)
    for aside in (-1, 0, 1):
        paid = np.zeros((height, planes, width), np.int64)
        for row in rows:
            before = row + 1 if upward else row - 1
            for column in range(width):
                source = column + aside
                known = 0 <= before < height and 0 <= source < width
                last = paid[before, :, source] if known else np.zeros(planes, np.int64)
                grey = int(words[min(max(before, 0), height - 1), min(max(source, 0), width - 1)])
                jump = large * 8 // (8 + abs(int(words[row, column]) - grey))
                for plane in range(planes):
                    beside = [last[p] + small for p in (plane - 1, plane + 1) if 0 <= p < planes]
                    least = min([last[plane], last.min() + jump, *beside])
                    paid[row, plane, column] = volume[row, plane, column] + least - last.min()
        total += paid
    return total


def test_choice_is_the_least_total_and_its_lead_over_what_is_not_beside_it() -> None:
    random = np.random.default_rng(4)
    down, up = random.integers(0, 900, (2, 3, 8, 5)).astype(np.int16)
    planes = np.linspace(0, 7, 8, dtype=np.float32)
    volume = random.integers(0, 181, down.shape).astype(np.uint8)
    chosen, lead, *_ = found = np.empty((4, 3, 5), np.float32)
    kernels.choose_rows(volume, down, up, planes, chosen, lead, found[2:], 0, 3)
    total = down.astype(np.int64) + up
    best = total.argmin(1)
    assert np.abs(chosen - best).max() <= 0.5
    assert np.array_equal(found[2], np.take_along_axis(volume, best[:, None], 1)[:, 0])
    assert found[3] == pytest.approx(volume.mean(1), rel=1e-6)
    for row in range(3):
        for column in range(5):
            values, at = total[row, :, column], best[row, column]
            rest = min(value for plane, value in enumerate(values) if abs(plane - at) > 1)
            assert lead[row, column] == pytest.approx((rest - values[at]) / (values[at] + 50), rel=1e-6)


def flow_of(camera: Camera, inverse_depth: NDArray[np.float64]) -> NDArray[np.float32]:
    """The flow that the camera makes, by the formula in `flow.camera`."""
    h, w = inverse_depth.shape
    y, x = np.mgrid[0:h, 0:w]
    x, y = (x - (w - 1) / 2) / max(h, w), (y - (h - 1) / 2) / max(h, w)
    kappa, (a, b, c), (s, t, u) = camera.focal**-2, camera.turn, camera.move
    right = kappa * x * y * a - (1 + kappa * x * x) * b + y * c + inverse_depth * (x * u - camera.focal * s)
    down = (1 + kappa * y * y) * a - kappa * x * y * b - x * c + inverse_depth * (y * u - camera.focal * t)
    return np.stack([right, down]).astype(np.float32)


def test_camera_is_found_again_though_a_fifth_of_the_flow_is_wrong() -> None:
    random = np.random.default_rng(5)
    depth = random.random((HEIGHT, WIDTH))
    camera = Camera(FOCAL, np.array([1.5, -2.0, 0.7]), np.array([6.0, -1.0, 3.0]))
    flow = flow_of(camera, depth)
    flow[:, :, :25] += 20
    found = fit_camera(flow, np.ones_like(depth, np.float32), depth.astype(np.float32), FOCAL, 0.3)
    assert np.abs(found.turn - camera.turn).max() < 0.02
    assert np.abs(found.move - camera.move).max() < 0.02


def test_calls_run_beside_each_other_come_back_in_order() -> None:
    assert run_beside(lambda: 1, lambda: 2, lambda: 3) == [1, 2, 3]
