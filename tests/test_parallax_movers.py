"""What moves on its own is found, and brought before what it covers; what covers it stays before it."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from secondeye.depth_models.parallax import follow
from secondeye.depth_models.parallax.fusion import Fusion, _eased
from secondeye.depth_models.parallax.movers import STEP, Movers, stand
from secondeye.depth_models.parallax.prior import FAR, NEAR, ramp
from secondeye.depth_models.parallax.sweep import Swept
from secondeye.flow import dis_flow
from secondeye.flow.motion import Motion
from secondeye.flow.occlusion import Occlusion, occlusion
from secondeye.flow.points import trusted_points
from secondeye.flow.turn import fit_turn
from tests.flat_world import EVERYWHERE, H, W, World, leaving, texture


def test_standing_raises_a_subject_to_its_feet_and_nothing_else() -> None:
    depth = np.repeat(np.linspace(0.2, 0.8, 100, dtype=np.float32)[:, None], 100, axis=1)
    moving = np.zeros((100, 100), np.float32)
    moving[20:70, 40:60] = 1
    nothing = np.zeros_like(depth)
    got = stand(depth, moving, nothing)
    assert got[25:65, 45:55].min() > depth[68, 50]
    assert np.array_equal(got[:, :30], depth[:, :30])
    assert (got >= depth - 1e-6).all()
    everything = np.ones_like(depth)  # is no subject
    assert np.array_equal(stand(depth, everything, nothing), depth)


def test_what_keeps_leaving_its_line_stands_on_the_ground_and_what_leaves_it_once_does_not() -> None:
    plane, grey = np.ones((H, W), np.float32), np.rint(texture(H, W, 5)).astype(np.uint8)
    still = np.zeros((2, H, W), np.float32)

    def shown(*motions: Motion) -> np.ndarray:
        fusion = Fusion(grey)
        for motion in motions:
            fusion.add(motion, plane, 1.0, Swept(motion.inverse_depth, plane, 0 * plane, plane))
            fusion.advance(grey, still)
        return np.asarray(fusion.show())

    once, often = shown(leaving(0.05), leaving(3.0)), shown(*[leaving(3.0)] * 6)
    ground = np.median(often[88:90, 20:80])
    assert often[45:80, 108:132].min() > ground - 0.03
    assert once[45, 120] < np.median(once[88:90, 20:80]) - 0.1
    vague = shown(*[leaving(3.0, rest_px=0.2)] * 6)  # a camera that hardly fits tells nothing of what moves
    assert vague[45, 120] < np.median(vague[88:90, 20:80]) - 0.1


def test_what_has_no_match_at_any_depth_stands_on_the_ground() -> None:
    plane, grey = np.ones((H, W), np.float32), np.rint(texture(H, W, 5)).astype(np.uint8)
    unmatched = np.zeros((H, W), np.float32)
    unmatched[30:90, 100:140] = 1
    motion = leaving(0.05)

    def shown(seen: np.ndarray) -> np.ndarray:
        fusion = Fusion(grey)
        fusion.add(motion, plane, 1.0, Swept(motion.inverse_depth, plane * (1 - seen), seen, plane))
        return np.asarray(fusion.show())

    ground = np.median(shown(unmatched)[88:90, 20:80])
    assert shown(unmatched)[45:80, 108:132].min() > ground - 0.03
    assert shown(0 * unmatched)[45, 120] < ground - 0.1


def test_what_the_upper_border_cuts_reaches_in_before_everything() -> None:
    depth = np.repeat(np.linspace(FAR, NEAR, 90, dtype=np.float32)[:, None], 160, axis=1)
    arm, bird = np.zeros_like(depth), np.zeros_like(depth)
    arm[:40, 60:90] = 1
    bird[:6, 60:70] = 1
    assert stand(depth, arm, 0 * depth)[20, 75] > np.percentile(depth, 94)
    assert stand(depth, bird, 0 * depth)[3, 65] < FAR + 0.1


@pytest.mark.parametrize(("gain", "moves"), [(-0.5, True), (0.3, True), (0.8, False)])
def test_what_may_be_depth_is_not_taken_for_what_moves(gain: float, moves: bool) -> None:
    """Where a change of place explains the flow far better, what turning leaves over says nothing of movers."""
    residual = np.zeros((H, W), np.float32)
    residual[40:80, 60:120] = 5
    movers = Movers((H, W))
    movers.see_turning(replace(leaving(0.05), turn_residual=residual, gain=gain), np.ones((H, W), np.float32), None)
    assert (movers._turning_over[60, 90] > 0.9) == moves
    assert movers._turning_over[100, 200] == 0


NOWHERE = np.zeros((2, H, W), np.float32)


def passing() -> World:
    """A camera that stands; a subject 40 px wide goes 4 px a frame, at frame 0 from 20 to 60, and passes a post."""
    return World().add(EVERYWHERE, 0.0, 1).add((40, 110, 20, 60), 4.0, 2).add((20, 120, 120, 130), 0.0, 3)


def covers(world: World, t: int, reach: int = 10) -> Occlusion:
    before, after = world.frame(t - reach), world.frame(t + reach)
    return occlusion(world.frame(t), (before, NOWHERE), (after, NOWHERE))


def test_what_hides_what_is_seen_before_and_after_covers_and_the_rest_of_its_way_is_covered() -> None:
    """Of two textures, some px are alike by chance."""
    found = covers(passing(), 10)  # the subject is at 60 to 100; 20 to 60 before and 100 to 140 after
    subject, left, right = np.s_[45:105, 63:97], np.s_[45:105, 23:57], np.s_[45:105, 103:117]
    assert found.covering[subject].mean() > 0.5
    assert found.covered[left].mean() > 0.5
    assert found.covered[right].mean() > 0.5
    elsewhere = np.ones((H, W), bool)
    elsewhere[35:115, 15:145] = False
    assert found.covering[elsewhere].max() == 0
    assert found.covered[elsewhere].max() == 0


def test_a_post_that_the_subject_passes_behind_neither_covers_nor_is_covered() -> None:
    found = covers(passing(), 20)  # the subject is at 100 to 140, the post at 120 to 130
    post = np.s_[45:105, 122:128]
    assert found.covering[post].max() == 0
    assert found.covered[post].max() == 0
    assert found.covering[45:105, 104:117].mean() > 0.5


def test_a_camera_that_turns_covers_nothing() -> None:
    """Its turn, fitted to the flow, takes each px to what it is; what leaves the frame says nothing."""
    world = World().add(EVERYWHERE, 3.0, 1)
    grey, others = world.frame(10), (world.frame(6), world.frame(14))
    ways = []
    for other in others:
        points = trusted_points(dis_flow(grey, other), np.ones((H, W), np.float32))
        assert points is not None
        ways.append((other, fit_turn(points[2]).flow(H, W)))
    found = occlusion(grey, *ways)
    assert max(found.covering.max(), found.covered.max()) == 0
    wrong = occlusion(grey, *((other, NOWHERE) for other in others))  # as it would be without
    assert wrong.covering.mean() > 0.1


def test_noise_covers_nothing() -> None:
    random, still = np.random.default_rng(0), texture(H, W, 1)
    grey, before, after = (np.clip(still + 4 * random.standard_normal((H, W)), 0, 255).astype(np.uint8) for _ in "abc")
    assert occlusion(grey, (before, NOWHERE), (after, NOWHERE)).covering.mean() < 0.001


def test_a_subject_stands_before_what_it_covers_and_not_before_what_it_does_not() -> None:
    """It jumps: under its feet is what it covers, nearer than all behind it; farther away nearer things lie still."""
    depth = np.repeat(np.linspace(0.2, 0.8, 100, dtype=np.float32)[:, None], 100, axis=1)
    moving, covered = np.zeros((2, 100, 100), np.float32)
    moving[30:50, 40:60] = 1
    covered[51:54, 40:60] = 1
    floating, jumping = (stand(depth, moving, hidden)[40, 50] for hidden in (0 * covered, covered))
    assert jumping > floating
    assert depth[51, 50] + STEP < jumping < depth[54, 50] + STEP
    few = np.zeros_like(covered)
    few[51, 40:50] = 1
    assert stand(depth, moving, few)[40, 50] == floating


def test_a_fast_subject_of_little_texture_comes_forward_as_a_whole() -> None:
    """Flow loses it, and comes back to nowhere; that it hides what is seen before and after does not depend on that."""
    world = World().add(EVERYWHERE, 0.0, 1).add((40, 110, 20, 60), 7.0, 2)
    frames = [cv2.GaussianBlur(world.frame(t), (0, 0), 0.5) for t in range(24)]
    for t in range(24):
        left = 20 + 7 * t
        frames[t][42:108, left + 2 : left + 38] = 30 + frames[t][42:108, left + 2 : left + 38] // 16
    depth = list(follow(iter(frames)))[16]
    subject = depth[48:102, 20 + 7 * 16 + 5 : 20 + 7 * 16 + 35]
    ground = np.median(ramp(frames[16].astype(np.float32) / 255)[106:110])
    assert (subject > ground - 0.05).mean() > 0.9


def test_what_a_change_of_place_may_hide_is_no_mover() -> None:
    """A camera that goes sideways covers and uncovers everywhere; where that may be, nothing is said to move by it."""
    plane, hides = np.ones((H, W), np.float32), Occlusion(*np.ones((2, H, W), np.float32))
    for gain, moves in ((-0.5, 1.0), (0.8, 0.0)):
        movers = Movers((H, W))
        motion = replace(leaving(0.05), turn_residual=0 * plane, gain=gain)
        movers.see_turning(motion, plane, hides)
        assert movers._turning_over[60, 90] == moves
        assert movers._covered[60, 90] == moves
        movers.advance(NOWHERE, plane, plane)
        assert 0.9 * moves <= movers._covered[60, 90] <= moves
        for _ in range(10):
            movers.see_parallax(motion, plane, None)
        assert movers._covered[60, 90] < 0.05


def test_drifting_clouds_are_not_before_everything() -> None:
    """They go all the way across, as nothing does that reaches in."""
    depth = np.repeat(np.linspace(FAR, NEAR, 90, dtype=np.float32)[:, None], 160, axis=1)
    sky, arm = np.zeros((2, 90, 160), np.float32)
    sky[:27, 4:150] = 1
    arm[:27, :100] = 1
    assert np.array_equal(stand(depth, sky, 0 * depth), depth)
    assert stand(depth, arm, 0 * depth)[10, 50] > np.percentile(depth, 94)


def test_what_comes_into_view_is_as_far_from_the_new_map_as_its_surroundings() -> None:
    """Not at once where it will be, or a line would part it from them."""
    match = np.ones((90, 160), np.float32)
    match[:, 155:] = 0
    before, now = np.linspace(0.3, 0.5, 90, dtype=np.float32)[:, None] + 0 * match, 0 * match
    now += before + np.linspace(0, 0.2, 160, dtype=np.float32)
    got = _eased(before, now, match)
    assert np.abs(np.diff(got[:, 145:])).max() < 0.02
    assert np.abs(np.diff(now * (1 - match) + got * match)[:, 150:]).max() > 0.1  # what it was before


def test_what_comes_into_view_beside_a_new_mover_is_never_beyond_both_maps() -> None:
    before = np.linspace(0.25, 0.35, 160, dtype=np.float32) + np.zeros((90, 1), np.float32)
    now, match = before.copy(), np.ones_like(before)
    now[20:70, 40:80] = 0.8
    match[20:70, 80:90] = 0
    got = _eased(before, now, match)
    scale = 0.05  # at most, of what the change of scale may take away; the mover's 0.5 would be far more
    assert (got >= np.minimum(before, now) - scale).all()
    assert (got <= np.maximum(before, now) + scale).all()
