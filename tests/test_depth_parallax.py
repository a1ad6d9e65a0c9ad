"""The depth that ships: right where the camera moves, modest where it does not, never inside out."""

import json
import threading
from dataclasses import replace
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import torch

from secondeye.depth_models import parallax
from secondeye.depth_models.parallax import HELD_BACK, _begin, follow, small_grey
from secondeye.depth_models.parallax.fusion import Fusion
from secondeye.depth_models.parallax.look import TARGET_PX, Look, _next_gap, believe
from secondeye.depth_models.parallax.prior import FAR, NEAR, ramp, stand
from secondeye.depth_models.parallax.sweep import Swept
from secondeye.depth_models.parallax.view import LONGEST_GAP
from secondeye.errors import InputError
from secondeye.flow.camera import Camera
from secondeye.flow.motion import Motion

H, W = 135, 240


def texture(h: int, w: int, seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).random((h, w)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 1.2) + 2 * cv2.GaussianBlur(noise, (0, 0), 5)
    return (smooth - smooth.min()) / np.ptp(smooth) * 255


class World:
    """Layers of texture, each with its own shift in px a frame for every row; later ones cover earlier ones."""

    def __init__(self) -> None:
        self.layers: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []

    def add(self, box: tuple[int, int, int, int], px: float | np.ndarray, seed: int) -> "World":
        """A box (top, bottom, left, right) at frame 0 that moves by `px` a frame."""
        mask = np.zeros((H, 1200), np.float32)
        top, bottom, left, right = box
        mask[top:bottom, left + 480 : right + 480] = 1
        self.layers.append((texture(H, 1200, seed), mask, np.broadcast_to(np.float32(px), (H,))))
        return self

    def frame(self, t: int) -> np.ndarray:
        shown = np.zeros((H, W), np.float32)
        rows, columns = np.mgrid[0:H, 0:W].astype(np.float32)
        for picture, mask, px in self.layers:
            at = columns + 480 - px[:, None] * t
            picture, mask = (cv2.remap(plane, at, rows, cv2.INTER_LINEAR) for plane in (picture, mask))
            shown = shown * (1 - mask) + picture * mask
        return shown.astype(np.uint8)


GROUND = -np.concatenate([np.full(50, 0.6), np.linspace(0.6, 4.0, H - 50)])
"""Shift a frame of a wall and of the ground before it, when the camera moves to the right."""

EVERYWHERE = (0, H, -480, 720)


def maps(world: World, count: int = 20) -> list[np.ndarray]:
    return list(follow(world.frame(t) for t in range(count)))


def test_what_moves_more_is_nearer_when_the_camera_moves_sideways() -> None:
    """Two things before a wall; the upper is the nearer, which no ramp knows."""
    world = World().add(EVERYWHERE, GROUND, 1).add((60, 90, 20, 100), -1.5, 2).add((15, 60, 150, 215), -3.5, 3)
    depth = maps(world)[14]
    upper = np.median(depth[25:50, 112:155])
    lower = np.median(depth[68:84, 10:65])
    wall = np.median(depth[20:45, 20:80])
    assert upper > lower + 0.1
    assert lower > wall + 0.05


def test_a_pan_that_follows_a_subject_does_not_put_it_behind() -> None:
    """The background slides, the subject stays: read as a change of place, it would be the farthest thing of all."""
    world = World().add(EVERYWHERE, 5.0, 1).add((40, 110, 90, 150), 0.2, 2)
    for depth in maps(world)[10:]:
        subject = depth[50:100, 98:140]
        beside = np.concatenate([depth[50:100, 20:70], depth[50:100, 170:220]], axis=1)
        assert np.median(subject) >= np.median(beside)
        assert np.median(subject) >= depth[110:114, 98:140].mean() - 0.05  # it stands on the ground at its feet


def test_a_pan_alone_and_a_static_camera_leave_the_ramp() -> None:
    for x_px in (0.0, 4.0):
        world = World().add(EVERYWHERE, x_px, 1)
        for t, depth in enumerate(maps(world, 12)):
            assert np.abs(depth - ramp(world.frame(t).astype(np.float32) / 255)).max() < 0.15
            assert depth.max() < NEAR + 0.05
            assert depth.min() > FAR - 0.05
            assert np.median(depth[-5:]) > np.median(depth[:5]) + 0.2


def test_the_scale_neither_jumps_nor_pumps() -> None:
    world = World().add(EVERYWHERE, GROUND, 1).add((60, 130, 120, 200), -3.0, 2)
    depths = np.stack(maps(world, 30))[12:]
    low, high = np.percentile(depths, (5, 95), axis=(1, 2))
    assert np.abs(np.diff(low)).max() < 0.05
    assert np.abs(np.diff(high)).max() < 0.05
    assert np.abs(np.diff(depths, axis=0)).mean() < 0.02


def test_a_cut_that_nobody_announced_leaves_no_ghost() -> None:
    one = World().add(EVERYWHERE, GROUND, 1).add((20, 60, 40, 120), -3.5, 2)
    two = World().add(EVERYWHERE, 0.0, 7)
    frames = [one.frame(t) for t in range(15)] + [two.frame(t) for t in range(12)]
    after = list(follow(iter(frames)))[-1]
    assert np.abs(after - ramp(frames[-1].astype(np.float32) / 255)).mean() < 0.05


def test_duplicate_frames_and_flashes_do_no_harm() -> None:
    world = World().add(EVERYWHERE, GROUND, 1).add((15, 60, 140, 220), -3.5, 3)
    frames = [world.frame(t - t % 2) for t in range(24)]
    frames[17] = np.full_like(frames[17], 255)
    depths = list(follow(iter(frames)))
    assert np.isfinite(depths).all()
    depth = depths[22]
    left = round(140 - 3.5 * 22)
    assert np.median(depth[25:50, left + 12 : left + 60]) > np.median(depth[25:45, 170:230]) + 0.1


def test_it_looks_only_so_far_ahead() -> None:
    """Frame t needs no more than the frames up to t + 10: memory is bounded however long the segment."""
    taken = 0

    def frames() -> object:
        nonlocal taken
        while True:
            taken += 1
            yield np.zeros((20, 30), np.uint8)

    depths = follow(frames())  # type: ignore[arg-type]
    for t in range(30):
        next(depths)
        assert taken <= t + 1 + HELD_BACK


def test_the_ramp_follows_edges_but_stays_a_ramp() -> None:
    flat = ramp(np.full((60, 80), 0.5, np.float32))
    assert np.all(np.diff(flat[:, 40]) >= -1e-4)
    assert flat[0].mean() < FAR + 0.1
    assert flat[-1].mean() > NEAR - 0.1
    picture = np.zeros((120, 160), np.float32)
    picture[20:110, 60:100] = 1
    bent = ramp(picture)
    assert bent[30:100, 70:90].std() < np.repeat(np.linspace(FAR, NEAR, 120)[30:100, None], 20, 1).std()
    for size in ((1, 1), (1, 16), (16, 1), (2, 3)):
        assert ramp(np.zeros(size, np.float32)).shape == size


def test_standing_raises_a_subject_to_its_feet_and_nothing_else() -> None:
    depth = np.repeat(np.linspace(0.2, 0.8, 100, dtype=np.float32)[:, None], 100, axis=1)
    moving = np.zeros((100, 100), np.float32)
    moving[20:70, 40:60] = 1
    got = stand(depth, moving)
    assert got[25:65, 45:55].min() > depth[68, 50]
    assert np.array_equal(got[:, :30], depth[:, :30])
    assert (got >= depth - 1e-6).all()
    assert np.array_equal(stand(depth, np.ones((100, 100), np.float32)), depth)  # the whole scene is no subject


def test_frames_are_made_small_and_grey() -> None:
    rgb = torch.zeros(3, 540, 960)
    rgb[1] = 1
    grey = small_grey(rgb, 480)
    assert grey.shape == (270, 480)
    assert grey.dtype == np.uint8
    assert set(np.unique(grey)) == {150}  # 0.587 of 255
    assert small_grey(torch.zeros(3, 100, 30), 480).shape == (100, 30)


def test_nonsense_widths_are_refused() -> None:
    with pytest.raises(InputError, match="width_px 7"):
        parallax.build(width_px=7)


def clip_of(shared: Path, name: str, count: int) -> list[np.ndarray]:
    entries = json.loads((shared / "data" / "MANIFEST.json").read_text())["entries"]
    folder = shared / "data" / next(entry["directory"] for entry in entries if entry["name"] == name)
    files = [file for file in folder.iterdir() if file.suffix == ".mp4"] if folder.is_dir() else []
    if not files:
        pytest.skip(f"{name} is not in this copy of the shared data")
    greys = []
    with av.open(str(files[0])) as container:
        for frame in container.decode(video=0):
            scale = 240 / max(frame.width, frame.height)
            small = frame.reformat(round(frame.width * scale), round(frame.height * scale), "gray")
            greys.append(small.to_ndarray())
            if len(greys) == count:
                break
    return greys


# The fractions of height and width of a point on the subject and of one on what lies behind it, at the last frame.
REAL = [
    ("cotracker_bear", 24, (0.62, 0.35), (0.35, 0.75)),
    ("cotracker_cat", 30, (0.55, 0.45), (0.2, 0.75)),
    ("cotracker_paragliding-launch", 30, (0.6, 0.5), (0.3, 0.8)),
]


@pytest.mark.media
@pytest.mark.parametrize(("name", "count", "near", "far"), REAL, ids=[entry[0] for entry in REAL])
def test_real_subjects_are_before_what_is_behind_them(
    shared: Path, name: str, count: int, near: tuple[float, float], far: tuple[float, float]
) -> None:
    depth = list(follow(iter(clip_of(shared, name, count))))[-1]
    h, w = depth.shape
    values = []
    for y, x in ((int(near[0] * h), int(near[1] * w)), (int(far[0] * h), int(far[1] * w))):
        values.append(np.median(depth[y - 4 : y + 5, x - 4 : x + 5]))
    assert values[0] > values[1] + 0.03


def test_believing_takes_all_signs_together() -> None:
    class Signs:
        gain, still, parallax_px, residual_px, agreement, lower_nearer, length_px = 1.0, 0.2, 6.0, 0.2, 1.0, 0.5, 4.0
        noise_px = 0.3
        fits_exactly = Motion.fits_exactly

    assert believe(Signs()) == 1  # type: ignore[arg-type]
    for name, value in (
        ("gain", -0.1),
        ("still", 0.9),
        ("parallax_px", 1.0),
        ("residual_px", 2.0),
        ("length_px", 0.5),
        ("lower_nearer", -0.6),
    ):
        changed = Signs()
        setattr(changed, name, value)
        assert believe(changed) == 0  # type: ignore[arg-type]
    torn = Signs()
    torn.agreement, torn.lower_nearer = 0.6, 0.1
    assert believe(torn) == 0  # type: ignore[arg-type]
    torn.lower_nearer = 0.5
    assert believe(torn) == 1  # type: ignore[arg-type]


def test_ground_makes_up_for_a_picture_that_is_mostly_one_wall() -> None:
    """Turning and zooming explain three quarters of it; only a clear floor and an exact fit make good what lacks."""

    class Signs:
        gain, still, parallax_px, residual_px, agreement, lower_nearer, length_px = -0.2, 0.74, 6.0, 0.1, 1.0, 0.55, 3.0
        noise_px = 0.36
        fits_exactly = Motion.fits_exactly

    assert believe(Signs()) == 1  # type: ignore[arg-type]
    for name, value in (
        ("gain", -0.6),
        ("lower_nearer", 0.2),
        ("residual_px", 0.3),
        ("agreement", 0.8),
        ("still", 0.85),
    ):
        changed = Signs()
        setattr(changed, name, value)
        assert believe(changed) == 0  # type: ignore[arg-type]


def test_a_room_that_is_mostly_its_far_wall_is_believed_by_its_ground() -> None:
    class Signs:
        gain, still, parallax_px, residual_px, agreement, lower_nearer, length_px = 0.0, 0.85, 4.0, 0.05, 1.0, 0.55, 3.0
        noise_px = 0.36
        fits_exactly = Motion.fits_exactly

    assert believe(Signs()) == 1  # type: ignore[arg-type]
    for name, value in (("gain", -0.15), ("lower_nearer", 0.3), ("residual_px", 0.3), ("still", 0.92)):
        changed = Signs()
        setattr(changed, name, value)
        assert believe(changed) == 0  # type: ignore[arg-type]


def leaving(residual_px: float, rest_px: float = 0.05) -> Motion:
    """A camera that explains all but a box, which leaves its lines by `residual_px`."""
    residual = np.full((H, W), rest_px, np.float32)
    residual[30:90, 100:140] = residual_px
    depth = np.repeat(np.linspace(0, 1, H, dtype=np.float32)[:, None], W, axis=1)
    camera = Camera(0.87, np.zeros(3), np.array([1.0, 0, 0]))
    plane = np.ones((H, W), np.float32)
    return Motion(1.0, 0.2, 6.0, rest_px, 1.0, 0.9, 4.0, 0.3, depth, residual, plane, plane, camera)


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


@pytest.mark.parametrize(
    ("beliefs", "parallaxes", "taken"),
    [
        ((1, 1, 1), (1.0, 1.0, 1.0), 1),  # clear parallax at once
        ((1, 1, 1), (0.3, 0.7, 1.0), 2),  # only a little at first
        ((1, 0, 0), (0.3, 0.7, 1.0), 1),  # farther off nothing is believed
        ((0, 0, 0), (0.0, 0.0, 0.0), 3),  # as far as is looked
    ],
)
def test_a_shots_first_frame_looks_farther_until_there_is_enough_parallax(
    beliefs: tuple[int, ...], parallaxes: tuple[float, ...], taken: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    plane = np.zeros((H, W), np.float32)
    looks = [
        Look(None, replace(leaving(0.05), parallax_px=share * TARGET_PX), plane, belief, None, 2.0 + 3 * (number + 1))
        for number, (belief, share) in enumerate(zip(beliefs, parallaxes, strict=True))
    ]
    asked = iter(looks)
    monkeypatch.setattr(parallax, "compare", lambda view, gap: next(asked))
    fusion = Fusion(np.zeros((H, W), np.uint8))
    assert _begin(fusion, None) == looks[taken - 1].next_gap  # type: ignore[arg-type]  # nobody looks at the view


def test_the_gap_goes_half_way_to_what_the_camera_asks_for() -> None:
    class Seen:
        parallax_px, length_px, turn_residual = 2 * TARGET_PX, 4.0, np.zeros((8, 8), np.float32)

    seen = Seen()
    assert _next_gap(seen, 4.0, 4, 480, believed=True) == 3.0  # type: ignore[arg-type]  # half of 4 would do
    seen.parallax_px = 0.0
    assert _next_gap(seen, 4.0, 4, 480, believed=True) == LONGEST_GAP  # type: ignore[arg-type]
    assert _next_gap(seen, 2.0, 2, 480, believed=False) == 3.5  # type: ignore[arg-type]  # half way to 2.5 times
    seen.turn_residual = np.full((8, 8), 1000, np.float32)
    assert _next_gap(seen, 8.0, 8, 480, believed=False) == 7.0  # type: ignore[arg-type]  # as far as is held back
    seen.length_px = 0.08 * 480 * 2
    assert _next_gap(seen, 8.0, 8, 480, believed=False) == 4.0  # type: ignore[arg-type]  # or half would be lost
    seen.length_px = 4000.0
    assert _next_gap(seen, 8.0, 8, 480, believed=True) == 1.0  # type: ignore[arg-type]


def test_what_the_upper_border_cuts_reaches_in_before_everything() -> None:
    depth = np.repeat(np.linspace(FAR, NEAR, 90, dtype=np.float32)[:, None], 160, axis=1)
    arm, bird = np.zeros_like(depth), np.zeros_like(depth)
    arm[:40, 60:90] = 1
    bird[:6, 60:70] = 1
    assert stand(depth, arm)[20, 75] > np.percentile(depth, 94)
    assert stand(depth, bird)[3, 65] < FAR + 0.1


@pytest.mark.parametrize(("gain", "moves"), [(-0.5, True), (0.3, True), (0.8, False)])
def test_what_may_be_depth_is_not_taken_for_what_moves(gain: float, moves: bool) -> None:
    """Where a change of place explains the flow far better, what turning leaves over says nothing of movers."""
    residual = np.zeros((H, W), np.float32)
    residual[40:80, 60:120] = 5
    fusion = Fusion(np.full((H, W), 128, np.uint8))
    fusion.add(replace(leaving(0.05), turn_residual=residual, gain=gain), np.ones((H, W), np.float32), 0.0, None)
    assert (fusion._moving[60, 90] > 0.9) == moves
    assert fusion._moving[100, 200] == 0


def test_comparing_beside_changes_nothing_and_leaves_no_thread() -> None:
    """A flash in between makes what was expected wrong; a shot that nobody follows to its end is let go."""
    world = World().add(EVERYWHERE, -1.0, 1).add((50, 110, 90, 150), -4.0, 2)
    frames = [world.frame(t) for t in range(22)]
    frames[9] = np.full_like(frames[9], 250)
    threads = torch.get_num_threads()
    found = []
    try:
        for count in (1, 2):
            torch.set_num_threads(count)
            found.append(np.stack(list(follow(iter(frames)))))
        begun = follow(iter(frames))
        next(begun)
        begun.close()  # type: ignore[attr-defined]
    finally:
        torch.set_num_threads(threads)
    assert np.array_equal(*found)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("secondeye-scout")]
