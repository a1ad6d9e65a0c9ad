"""Scenes, and videos and pictures that hold both views."""

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from secondeye import datasets
from secondeye.datasets._videos import PACKINGS
from secondeye.errors import InputError
from secondeye.scene import render
from tests import stereo_folders as make
from tests.small_videos import encode
from tests.stereo_folders import HEIGHT, WIDTH, close, one


def test_the_fixed_set_of_sixty() -> None:
    found = datasets.build("scenes:60")
    kinds = [video.name.rpartition("-")[0] for video in found.videos]
    assert {kind: kinds.count(kind) for kind in kinds} == {"static": 20, "moving_camera": 20, "moving_objects": 20}
    assert {(v.size, v.frame_count, v.frame_rate) for v in found.videos} == {((512, 288), 8, 24)}
    fewer = {video.name for video in datasets.build("scenes:7").videos}
    assert fewer < {video.name for video in found.videos}
    assert len(fewer) == 7


def test_scenes_are_what_the_renderer_says() -> None:
    from secondeye.datasets.scenes import shot

    video = datasets.build("scenes:count=3,size=48x32,frames=2,seed=3").videos[2]
    for frame, expected in zip(
        video.frames(), next(iter(render(shot("moving_objects", 0, 3), 2, 48, 32, frame_rate=24))), strict=True
    ):
        assert expected.left_truth is not None
        assert expected.right_truth is not None
        assert torch.equal(frame.disparity, expected.left_truth.disparity[0])
        assert torch.equal(frame.hole, ~expected.right_truth.visible[0])
        assert torch.equal(frame.left, expected.left.clamp(0, 1))


def test_each_kind_moves_as_it_should() -> None:
    ends = {}
    for video in datasets.build("scenes:count=3,size=96x54,frames=6").videos:
        frames = list(video.frames())
        ends[video.name.rpartition("-")[0]] = float(((frames[-1].left - frames[0].left).abs() > 0.02).float().mean())
    assert ends["static"] == 0
    assert 0 < ends["moving_objects"] < 0.5 < ends["moving_camera"]


def test_another_seed_gives_other_scenes() -> None:
    one_seed, other = (next(datasets.build(f"scenes:count=1,size=48x32,seed={n}").videos[0].frames()) for n in (0, 1))
    assert not torch.equal(one_seed.left, other.left)


def packed(layout: str, left: NDArray[np.uint8], right: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Both views (H, W, 3) in one frame of that layout, halves not squeezed."""
    first, second = (left, right) if not layout.endswith("right-first") and layout != "cross" else (right, left)
    if "sbs" in layout or layout == "cross":
        return np.concatenate([first, second], 1)
    if "tb" in layout:
        return np.concatenate([first, second], 0)
    if "columns" in layout:
        return np.stack([first, second], 2).reshape(HEIGHT, 2 * WIDTH, 3)
    return np.stack([first, second], 1).reshape(2 * HEIGHT, WIDTH, 3)


@pytest.mark.parametrize("layout", PACKINGS)
def test_every_layout_is_taken_apart(tmp_path: Path, layout: str) -> None:
    left, right, *_ = make.world()
    make.save(tmp_path / "photo.png", packed(layout, left, right))
    video = one(datasets.build(f"side_by_side:{tmp_path};layout={layout}"))
    frame = next(video.frames())
    assert video.size == (WIDTH, HEIGHT)
    assert video.frame_rate is None
    assert close(frame.left, left, 1e-6)
    assert close(frame.right, right, 1e-6)


def test_films_are_told_by_what_they_signal_and_by_name(tmp_path: Path) -> None:
    stream = {"metadata": {"stereo_mode": "right_left"}}
    encode(tmp_path / "a_TB.mkv", "libx264", count=3, size=(128, 32), **stream)  # its name lies
    make.film(tmp_path / "b.LR.mp4", make.packed())
    make.save(tmp_path / "deep" / "b.LR.png", make.packed(1)[0])
    make.save(tmp_path / "deep" / "c-tb.png", make.packed(1, axis=0)[0])
    found = datasets.build(f"side_by_side:{tmp_path}")
    assert {v.name: v.size for v in found.videos} == {
        "a_TB": (64, 32),
        "b.LR": (WIDTH, HEIGHT),
        "deep-b.LR": (WIDTH, HEIGHT),
        "deep-c-tb": (WIDTH, HEIGHT),
    }
    assert [v.frame_rate for v in found.videos] == [25, 25, None, None]
    film = next(v for v in found.videos if v.name == "b.LR")
    for frame, left, right in zip(film.frames(), make.lefts(), make.rights(), strict=True):
        assert close(frame.left, left, 0.02)
        assert close(frame.right, right, 0.02)


def test_what_holds_one_view_or_mixes_them_is_skipped(tmp_path: Path) -> None:
    make.save(tmp_path / "one.png", make.world()[0])
    make.save(tmp_path / "red-anaglyph.png", make.world()[0])
    (tmp_path / "broken.mp4").write_bytes(b"nothing" * 50)
    make.save(tmp_path / "thin_lr.png", make.world()[0][:, :1])
    found = datasets.build(f"side_by_side:{tmp_path}")
    assert not found.videos
    assert "shows one view" in found.skipped["one.png"]
    assert "is anaglyph, whose views cannot be told apart" in found.skipped["red-anaglyph.png"]
    assert "do not hold two views" in found.skipped["thin_lr.png"]
    assert "broken.mp4" in found.skipped
    with pytest.raises(InputError, match="did you mean 'sbs'"):
        datasets.build(f"side_by_side:{tmp_path};layout=sbss")


@pytest.mark.media
def test_real_files_of_two_views(shared: Path, tmp_path: Path) -> None:
    """By its pixels, by what it signals, and one whose second view no reader gives."""
    data = shared / "data"
    for source in ("A/photo_stereograph_1800s/sbs.jpg", "B/vr_testroom_tb/tb.mp4", "B/mvhevc_tiny/stereo_spatial.mp4"):
        (tmp_path / Path(source).name).symlink_to(data / source)
    found = datasets.build(f"side_by_side:{tmp_path}")
    assert {v.name: v.size for v in found.videos} == {"sbs": (1821, 1574), "tb": (1080, 540)}
    assert "mv-hevc" in found.skipped["stereo_spatial.mp4"]
