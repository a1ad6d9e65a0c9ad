"""Depth of films as they should not be: steady, the right way round, nearly as good as that of the film as it was.

All depth is on the shot's one scale of 0 to 1, as a conversion has it. `accuracy` is the share of random pairs of
points in the right order. A world of a room, whose floor hardly helps (the ramp alone has 0.65), and one of a yard.
"""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import secondeye
from secondeye.convert.depth_cache import CachedDepth, shot_ranges
from secondeye.depth_models.parallax.bars import bright, picture_in
from secondeye.depth_models.parallax.fusion import Fusion
from secondeye.depth_models.parallax.letters import Letters
from secondeye.scene import Shot, random_shot
from secondeye.types import Clip
from tests import odd_footage as odd
from tests.media import write_video
from tests.odd_footage import Array, Film

FRAMES = 24
MOST_JUMP = 0.025
"""Of the scale, from one frame to the next; the aim is 0.02, which a forward camera and a letterbox miss by 0.002."""

RAMP_MARGIN = 0.03
ROOM, YARD = ("room", 902), ("yard", 901)


def shot(camera: str, where: tuple[str, int] = ROOM, *, movers: bool = True) -> Shot:
    return random_shot(where[1], camera=camera, place=where[0], movers=movers)


@cache
def filmed(camera: str, where: tuple[str, int] = ROOM, movers: bool = True) -> Film:
    return odd.filmed(shot(camera, where, movers=movers), FRAMES)


@cache
def plain_depth(camera: str, where: tuple[str, int] = ROOM) -> Array:
    return odd.depth_of(filmed(camera, where))


def accuracy(depth: Array, truth: Array) -> float:
    """Mean over the second half of the frames."""
    half = len(depth) // 2
    return float(np.mean([odd.in_order(d, t) for d, t in zip(depth[half:], truth[half:], strict=True)]))


def ramp_accuracy(film: Film) -> float:
    half = len(film) // 2
    return float(np.mean([odd.of_ramp(f, t) for f, t in zip(film.frames[half:], film.truth[half:], strict=True)]))


def looked_at(film: Film, most_jump: float = MOST_JUMP) -> Array:
    """The film's depth; finite, in range, steady, and never much worse than the ramp."""
    raw = odd.depth_of(film)
    assert raw.shape == film.truth.shape
    assert np.isfinite(raw).all()
    assert raw.min() > -0.5
    assert raw.max() < 1.5
    depth = odd.scaled(raw)
    assert odd.worst_jump(depth, film) < most_jump
    assert accuracy(depth, film.truth) > ramp_accuracy(film) - RAMP_MARGIN
    return depth


def light(gain: Callable[[int], float], more: Callable[[int], float] = lambda _: 0.0) -> Callable[[], Film]:
    return lambda: odd.brightened(filmed("lateral"), gain, more)


FAULTS: dict[str, tuple[Callable[[], Film], float]] = {
    "fades in": (light(lambda t: min(1.0, t / 12)), 0.04),
    "fades out": (light(lambda t: min(1.0, (FRAMES - 1 - t) / 12)), 0.02),
    "white flash": (light(lambda _: 1, lambda t: float(t == 12)), 0.02),
    "flash that dies down": (light(lambda _: 1, lambda t: {12: 0.5, 13: 0.3, 14: 0.15}.get(t, 0)), 0.02),
    "strobe": (light(lambda t: 1.0 if t % 4 < 2 else 0.3), 0.04),
    "black frames": (light(lambda t: 0.0 if t in (10, 11, 12) else 1.0), 0.02),
    "letterbox": (lambda: odd.barred(filmed("lateral"), rows=22), 0.04),
    "pillarbox": (lambda: odd.barred(filmed("lateral"), columns=40), 0.02),
    "subtitles": (lambda: odd.subtitled(filmed("lateral"), 8, 18), 0.02),
    "rolling shutter": (lambda: odd.rolling(shot("lateral"), FRAMES), 0.02),
    "interlaced": (lambda: odd.interlaced(shot("lateral"), FRAMES), 0.02),
    "every frame twice": (lambda: filmed("lateral").taken([k // 2 for k in range(32)]), 0.04),
    "every fourth frame twice": (lambda: filmed("lateral").taken([k - k // 5 for k in range(FRAMES)]), 0.02),
}
"""How the film is made, and by how much its accuracy may be below that of the film without the fault."""


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_costs_little(fault: str) -> None:
    make, margin = FAULTS[fault]
    film = make()
    depth = looked_at(film)
    told = film.truth if len(film) == FRAMES else filmed("lateral").truth
    plain = np.where(np.isnan(told), np.nan, filmed("lateral").truth)
    assert accuracy(depth, film.truth) > accuracy(plain_depth("lateral"), plain) - margin


def test_the_film_without_a_fault_is_right_and_steady() -> None:
    """What the others are measured against."""
    assert accuracy(looked_at(filmed("lateral")), filmed("lateral").truth) > 0.85
    assert accuracy(looked_at(filmed("lateral", YARD)), filmed("lateral", YARD).truth) > 0.95
    assert accuracy(looked_at(filmed("forward")), filmed("forward").truth) > 0.85


@pytest.mark.parametrize("where", [ROOM, YARD], ids=["room", "yard"])
def test_without_parallax_the_ramp_stays(where: tuple[str, int]) -> None:
    """A static camera, a pure zoom in and out, and a turning camera with a rolling shutter."""
    empty = filmed("still", where, False)
    for film in (filmed("still", where), odd.zoomed(empty, 0.6), odd.rolling(shot("turn", where), FRAMES)):
        depth = looked_at(film)
        for frame, shown, truth in zip(depth, film.frames, film.truth, strict=True):
            assert odd.in_order(frame, truth) > odd.of_ramp(shown, truth) - RAMP_MARGIN


def test_during_a_flash_and_in_the_dark_depth_stays() -> None:
    for dark in (light(lambda _: 1, lambda t: float(t == 12)), light(lambda t: float(not 12 <= t < 15))):
        film = dark()
        depth = odd.scaled(odd.depth_of(film))
        for t in range(12, 15):
            assert odd.in_order(depth[t], film.truth[t]) > odd.in_order(depth[11], film.truth[11]) - 0.03


def test_bars_are_no_part_of_the_scene() -> None:
    """Not the ramp, which starts at the picture, and not parallax: bars neither stand still nor are they far away."""
    bare, rows = odd.barred(filmed("still", YARD), rows=22), slice(22, odd.HEIGHT - 22)
    depth = odd.depth_of(bare)
    alone = odd.depth_of(Film(bare.frames[:, :, rows], bare.truth[:, rows], bare.back[:, :, rows], bare.seen[:, rows]))
    assert np.abs(depth[:, rows] - alone).max() < 1e-5
    moving = odd.depth_of(odd.barred(filmed("lateral", YARD), rows=22))
    for bars in (slice(0, 22), slice(odd.HEIGHT - 22, odd.HEIGHT)):
        inner = moving[:, 22] if bars.start == 0 else moving[:, odd.HEIGHT - 23]
        assert np.abs(moving[:, bars] - inner[:, None]).max() < 1e-5


@pytest.mark.parametrize("across", [False, True])
def test_a_bright_line_at_the_border_is_no_picture_between_bars(across: bool) -> None:
    """As a tape's first lines are."""
    grey = np.zeros((40, 60), np.uint8)
    grey[:2] = 255
    grey = np.ascontiguousarray(grey.T) if across else grey
    assert picture_in([bright(grey)]) == (slice(0, grey.shape[0]), slice(0, grey.shape[1]))


def test_depth_goes_over_slowly_when_bars_come_or_go() -> None:
    """What was shown is shown on, little by little less, though all that was gathered is lost."""
    grey = np.random.default_rng(0).integers(0, 255, (40, 60), np.uint8)
    shown = np.linspace(0, 1, 60, dtype=np.float32) * np.ones((40, 1), np.float32)
    fusion = Fusion(grey)
    alone = fusion.show()
    fusion.start(grey, shown)
    first = fusion.show()
    assert np.abs(first - shown).mean() < 0.3 * np.abs(alone - shown).mean()


def test_a_line_of_text_forgets_the_depth_of_one_long_before() -> None:
    fill, outline = odd.letters()
    behind = [np.roll(np.random.default_rng(1).integers(60, 140, fill.shape, np.uint8), k, 1) for k in (0, 9)]
    told = [np.where(fill, 255, np.where(outline, 0, grey)).astype(np.uint8) for grey in behind]
    letters = Letters()

    def placed(inverse_depth: float, frames: list[NDArray[np.uint8]]) -> float:
        scene = np.full(fill.shape, inverse_depth, np.float32)
        scene[outline] -= 0.1  # what lies behind the middle of a line; its rim is nearer, and counts
        for _ in range(6):
            last = letters.place(scene, frames[0], frames[1:])
        return float(last[fill].mean())

    assert placed(0.9, told) == pytest.approx(0.9, abs=0.02)
    placed(0.2, behind)
    assert placed(0.2, told) == pytest.approx(0.2, abs=0.02)


@pytest.mark.parametrize("camera", ["lateral", "forward", "turn"])
def test_subtitles_do_not_tear(camera: str) -> None:
    line = odd.letters()[1]
    where = ROOM if camera == "lateral" else YARD
    film = odd.subtitled(filmed(camera, where), 8, 18)
    depth = odd.scaled(odd.depth_of(film))
    without = odd.scaled(plain_depth(camera, where))
    assert odd.tear(depth, film, line) < 0.03
    if camera == "lateral":
        assert odd.tear(without, film, line) > 0.15, "what lies behind the letters would tear them"
    behind = [np.percentile(without[t][line], 50) for t in range(10, 18)]
    assert (np.array([np.median(depth[t][line]) for t in range(10, 18)]) > np.array(behind) - 0.02).all()
    assert np.abs(depth[20:] - without[20:]).mean() < 0.02, "nothing of them stays behind"


def test_a_single_frame_and_two() -> None:
    for count in (1, 2):
        film = filmed("lateral").taken(list(range(5, 5 + count)))
        depth = odd.scaled(odd.depth_of(film))
        for t in range(count):
            assert odd.in_order(depth[t], film.truth[t]) > odd.of_ramp(film.frames[t], film.truth[t]) - RAMP_MARGIN


def test_very_many_frames_a_second_and_very_few() -> None:
    looked_at(odd.filmed(shot("lateral"), 30, rate=240))
    few = odd.filmed(shot("lateral", YARD), 12, rate=1)
    depth = looked_at(few, most_jump=0.04)  # the camera goes half a metre a frame
    assert accuracy(depth, few.truth) > 0.9


@pytest.mark.parametrize("odd_frames", ["flash", "black"])
def test_a_conversion_takes_a_flash_for_no_cut(tmp_path: Path, odd_frames: str) -> None:
    """One shot, one scale; depth before and after is the same scene's."""
    film = odd.brightened(
        filmed("lateral"),
        lambda t: 0.0 if odd_frames == "black" and 12 <= t < 15 else 1.0,
        lambda t: float(odd_frames == "flash" and t == 12),
    )
    pictures = (np.rint(frame.transpose(1, 2, 0) * 255).astype(np.uint8) for frame in film.frames)
    source = write_video(tmp_path / "film.mp4", pictures)
    work = tmp_path / "work"
    secondeye.convert(source, tmp_path / "out.mp4", depth="parallax", preset="ultrafast", work_dir=work)
    stored = sorted(work.rglob("depth-*.npz"))
    assert len(stored) == 1
    segments = [secondeye.types.Segment(0, 0, FRAMES)]
    depth = cached(CachedDepth(stored, segments, shot_ranges(stored, segments, 0.0, 0.8)))
    assert odd.worst_jump(depth, film) < MOST_JUMP


def cached(model: CachedDepth) -> Array:
    import torch

    clips = (Clip(torch.zeros(1, 3, odd.HEIGHT, odd.WIDTH), t, torch.tensor([t])) for t in range(FRAMES))
    return np.stack([clip.inverse_depth[0, 0].numpy() for clip in model.estimate(clips)])
