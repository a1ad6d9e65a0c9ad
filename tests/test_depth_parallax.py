"""The depth that ships: right where the camera moves, modest where it does not, never inside out."""

import json
import threading
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
import torch

from secondeye.depth_models import parallax
from secondeye.depth_models.parallax import HELD_BACK, _begin, follow, small_grey
from secondeye.depth_models.parallax.fusion import Fusion
from secondeye.depth_models.parallax.look import TARGET_PX, Look, _next_gap, believe
from secondeye.depth_models.parallax.prior import FAR, NEAR, ramp
from secondeye.depth_models.parallax.view import LONGEST_GAP
from secondeye.errors import InputError
from secondeye.flow.motion import Motion
from tests.flat_world import EVERYWHERE, GROUND, H, W, World, leaving


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
        Look(
            None,
            replace(leaving(0.05), parallax_px=share * TARGET_PX),
            plane,
            belief,
            None,
            None,
            2.0 + 3 * (number + 1),
        )
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
