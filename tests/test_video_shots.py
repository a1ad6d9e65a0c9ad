"""Cuts, on made-up and on real clips whose cuts are known by eye."""

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from secondeye.video.reader import open_source
from secondeye.video.shots import detect_cuts, find_cuts
from tests.small_videos import encode

CUTS = {
    "bikes_cuts/bikes.mp4": [30, 76, 137, 187, 242],
    "odd_yuv444_1280x272/scene_cuts.mp4": [30, 76, 137, 187, 242],
    "odd_nasa_multistream/nasa_13013.mp4": [240],  # and a cross-fade about 150, a change of light from 155 on
    "odd_bbb_240p/bbb_prog_10s.mp4": [],  # a fade from black, whose dark frames have noisy hues
    "davis_rollercoaster/davis_rollercoaster.mp4": [],
    "cotracker_cat/cat.mp4": [],
    "davis_bmx-trees/frames": [],
    "odd_corrupted/corrupted.mp4": [],
}


@pytest.mark.media
@pytest.mark.parametrize("name", CUTS)
def test_cuts_of_real_clips(shared: Path, name: str) -> None:
    with open_source(shared / "data" / "C" / name) as source:
        assert find_cuts(source) == CUTS[name]


def test_cuts_of_a_made_up_clip_count_in_the_index(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    scenes = [rng.integers(0, 255, (6, 8, 3)).astype(np.uint8).repeat(10, 0).repeat(10, 1) for _ in range(3)]
    pictures = [np.roll(scenes[number // 12], 2 * number, 1) for number in range(36)]
    frames = [av.VideoFrame.from_ndarray(p, format="rgb24").reformat(format="yuv420p") for p in pictures]
    path = encode(tmp_path / "cuts.mp4", "libx264", frames=frames, max_b_frames=3)
    done: list[int] = []
    with open_source(path) as source:
        assert find_cuts(source, advance=done.append) == [12, 24]
        assert source.index.is_decoded
        assert len(source.index) == 36 == sum(done)


def test_cuts_of_a_folder_of_pictures(tmp_path: Path) -> None:
    for number in range(20):
        shown = np.full((24, 40, 3), 30 + number if number < 9 else 200 - number, np.uint8)
        cv2.imwrite(str(tmp_path / f"frame{number}.png"), shown)
    with open_source(tmp_path) as source:
        assert find_cuts(source) == [9]


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_short_videos_have_no_cuts(tmp_path: Path, count: int) -> None:
    with open_source(encode(tmp_path / "short.mp4", "libx264", count=count)) as source:
        assert find_cuts(source) == []


def test_frames_are_seen_one_at_a_time() -> None:
    """However long the video, only a few small frames are held."""
    fed = 0

    def frames() -> "object":
        nonlocal fed
        for number in range(60):
            fed += 1
            yield number, np.full((4, 4, 3), 20 if number < 30 else 220, np.uint8)

    cuts = detect_cuts(frames(), Fraction(25))  # type: ignore[arg-type]
    assert next(cuts) == 30
    assert fed <= 36


def test_a_flash_and_black_frames_are_no_cut_but_a_flash_between_two_scenes_is() -> None:
    random = np.random.default_rng(1)
    one, two = (cv2.resize(random.integers(0, 255, (6, 8, 3), np.uint8), (64, 36)) for _ in range(2))

    def cuts(odd: dict[int, int], change: int = 99) -> list[int]:
        frames = (
            np.full_like(one, odd[k]) if k in odd else np.roll(one if k < change else two, k // 3, 1) for k in range(30)
        )
        return list(detect_cuts(enumerate(frames), Fraction(25)))

    assert cuts({}) == cuts({12: 255}) == cuts({12: 255, 13: 200}) == cuts({12: 0, 13: 0, 14: 0}) == []
    assert cuts({}, change=12) == [12]
    assert len(cuts({12: 255}, change=13)) == 1


@pytest.mark.parametrize(
    ("scenes", "cuts"),
    [
        ("a" * 3 + "W" * 3 + "a" * 20, []),  # near the start, where the detector misses the flash's onset
        ("a" * 20 + "WWaaWWaaWW" + "a" * 20, []),
        ("a" * 20 + "b" * 3 + "W" * 3 + "b" * 20, [20]),
        ("a" * 20 + "b" * 20, [20]),
    ],
)
def test_flashes_near_a_cut_or_one_after_the_other(scenes: str, cuts: list[int]) -> None:
    random = np.random.default_rng(0)
    pictures = {name: cv2.resize(random.integers(0, 255, (12, 20, 3), np.uint8), (256, 144)) for name in "ab"}
    pictures["W"] = np.full_like(pictures["a"], 255)
    assert list(detect_cuts(enumerate(pictures[name] for name in scenes), Fraction(24))) == cuts
