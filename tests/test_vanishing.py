"""Where lines meet: found in corridors and streets, not in noise, on one wall, or between level and upright lines."""

import itertools

import cv2
import numpy as np
import pytest

from secondeye.depth.vanishing import VanishingPoint, find_vanishing_point
from secondeye.depth_models.parallax.fusion import LEAST_SURE, Fusion
from secondeye.depth_models.parallax.prior import FAR, NEAR, ramp

H, W = 180, 320


def drawn(lines: list[tuple[float, float, float, float]], seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0, 4, (H, W))
    picture = np.full((H, W), 110, np.uint8)
    for x, y, to_x, to_y in lines:
        cv2.line(picture, (round(x), round(y)), (round(to_x), round(to_y)), 200, 2, cv2.LINE_AA)
    return np.clip(picture + noise, 0, 255).astype(np.uint8)


def corridor(x: float, y: float, sides: tuple[int, ...] = (0, 1, 2, 3)) -> np.ndarray:
    """A far wall, and three lines in each of four quarters that lead to its middle for half of the way."""
    lines = [(x - 30, y - 20, x + 30, y - 20), (x - 30, y + 20, x + 30, y + 20)]
    for side in sides:
        for share in (0.15, 0.5, 0.85):
            corner = ((0 if side % 2 == 0 else W), (share * y if side < 2 else y + share * (H - y)))
            lines.append((*corner, corner[0] + 0.6 * (x - corner[0]), corner[1] + 0.6 * (y - corner[1])))
    return drawn(lines)


@pytest.mark.parametrize(("x", "y"), [(160, 80), (120, 100), (210, 70)])
def test_the_point_of_a_corridor_is_found_to_a_few_px(x: int, y: int) -> None:
    found = find_vanishing_point(corridor(x, y))
    assert found is not None
    assert np.hypot(found.x - x, found.y - y) < 4
    assert found.sure > 0.9
    assert min(found.left, found.right) > 0.15


def test_nothing_is_found_where_nothing_recedes() -> None:
    random = np.random.default_rng(3)
    level = [(0, y, W, y) for y in range(10, H, 16)] + [(x, 0, x, H) for x in range(8, W, 20)]
    anyhow = [tuple(random.uniform(0, 1, 4) * (W, H, W, H)) for _ in range(40)]
    for picture in (drawn([]), drawn(level), drawn(anyhow), np.zeros((H, W), np.uint8), np.zeros((3, 4), np.uint8)):
        assert find_vanishing_point(picture) is None


def test_lines_of_one_wall_alone_are_not_believed() -> None:
    assert find_vanishing_point(corridor(160, 80, (0, 2))) is None


def test_pieces_of_one_line_meet_nowhere() -> None:
    """A rail behind posts; at whatever slope, it leads to no point that could be told."""
    for slope in (0.25, 0.5, 1.2):
        pieces = [(x, 20 + slope * (x - 20) / 2, x + 22, 20 + slope * (x + 2) / 2) for x in range(20, 290, 30)]
        beside = [(x, y + 6, to_x, to_y + 6) for x, y, to_x, to_y in pieces]
        assert find_vanishing_point(drawn(pieces + beside)) is None


def test_the_ramp_of_a_corridor_comes_nearer_to_all_sides() -> None:
    picture = corridor(160, 80)
    depth = ramp(picture.astype(np.float32) / 255, find_vanishing_point(picture))
    assert depth.min() >= FAR
    assert depth.max() <= NEAR
    far = depth[75:85, 150:170].mean()
    for near in (depth[80, 5:25], depth[80, -25:-5], depth[-10:, 160], depth[:8, 160]):
        assert near.mean() > far + 0.1


def test_the_sky_of_a_street_without_walls_stays_far() -> None:
    meeting = VanishingPoint(160, 60, 0.0, 0.0, 1.0)
    depth = ramp(np.full((H, W), 0.5, np.float32), meeting)
    assert depth[:40].max() < FAR + 0.02
    assert depth[-5:].min() > NEAR - 0.1


def test_another_point_is_believed_only_after_a_while() -> None:
    fusion = Fusion(np.zeros((H, W), np.uint8))
    one, other = (VanishingPoint(x, 80, 1.0, 1.0, 1.0) for x in (100, 220))
    fusion.see(one)
    assert fusion._meeting == one
    seen = []
    for _ in range(40):
        fusion.see(other)
        assert fusion._meeting is not None
        seen.append((fusion._meeting.x, fusion._meeting.sure))
    assert seen[0] == (100, pytest.approx(0.8))
    assert all(abs(after[1] - before[1]) < 0.21 for before, after in itertools.pairwise(seen))
    turned = next(i for i, (x, _) in enumerate(seen) if x == 220)
    assert seen[turned - 1][1] < 2 * LEAST_SURE
    assert seen[-1] == (220, pytest.approx(1.0, abs=0.02))


@pytest.mark.parametrize("sure", [0.12, 0.3, 0.6, 1.0])
def test_a_point_that_stays_is_believed_as_far_as_it_is_sure_however_late_it_is_seen(sure: float) -> None:
    for first in (None, VanishingPoint(100, 80, 1.0, 1.0, sure)):
        fusion = Fusion(np.zeros((H, W), np.uint8))
        fusion.see(first)
        for _ in range(30):
            fusion.see(VanishingPoint(102, 80, 1.0, 1.0, sure))
        assert fusion._meeting is not None
        assert fusion._meeting.sure == pytest.approx(sure, rel=0.01)


def test_lines_that_are_lost_are_forgotten_slowly() -> None:
    fusion = Fusion(np.zeros((H, W), np.uint8))
    fusion.see(None)
    fusion.see(VanishingPoint(100, 80, 1.0, 1.0, 1.0))
    assert fusion._meeting is not None
    assert fusion._meeting.sure == pytest.approx(0.2)
    for _ in range(30):
        fusion.see(None)
    assert fusion._meeting.sure < 0.01
