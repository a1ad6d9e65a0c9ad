"""The sample clip and its truth as files, read back by other programs."""

import json
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from secondeye import scene
from secondeye.cli import app
from secondeye.errors import InputError
from secondeye.render import render_sample, shot_of


def exr(path: Path) -> np.ndarray[Any, Any]:
    with av.open(str(path)) as file:
        return next(file.decode(video=0)).to_ndarray()


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fifth of a second of a yard, with its truth."""
    folder = tmp_path_factory.mktemp("clip")
    arguments = "--place yard --camera lateral --seed 7 --seconds 0.21 --width 64 --height 48 --stereo --progress none"
    code = app.run(["sample", str(folder / "a.mp4"), "--truth", str(folder / "truth"), *arguments.split()])
    assert code == 0
    return folder


def test_the_film_has_both_views_and_sound(clip: Path) -> None:
    with av.open(str(clip / "a.mp4")) as film:
        frames = [frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)]
    with av.open(str(clip / "a.mp4")) as film:
        sound = np.concatenate([block.to_ndarray() for block in film.decode(audio=0)], 1)
    assert len(frames) == 5
    assert frames[0].shape == (48, 128, 3)
    assert sound.shape[0] == 2
    assert sound.shape[1] >= 0.2 * 48000
    assert np.abs(sound).max() > 0.01
    views = [np.asarray(Image.open(clip / "truth" / eye / "00003.png")) for eye in ("left", "right")]
    assert np.abs(frames[3].astype(float) - np.concatenate(views, 1)).mean() < 6


def test_the_truth_is_what_the_scene_says(clip: Path) -> None:
    shot = scene.random_shot(7, place="yard", camera="lateral")
    (frames,) = scene.render(shot, 5, 64, 48)
    facts = json.loads((clip / "truth" / "truth.json").read_text("utf-8"))
    assert (facts["frames"], facts["width_px"], facts["height_px"]) == (5, 64, 48)
    assert facts["rig"]["baseline_mm"] == pytest.approx(1000 * shot.rig.baseline_m)
    everything = np.load(clip / "truth" / "truth" / "00004.npz")
    for eye, view, truth in (("left", frames.left, frames.left_truth), ("right", frames.right, frames.right_truth)):
        assert truth is not None
        np.testing.assert_array_equal(exr(clip / "truth" / f"{eye}_depth" / "00004.exr"), truth.depth_m[4, 0])
        np.testing.assert_array_equal(exr(clip / "truth" / f"{eye}_disparity" / "00004.exr"), truth.disparity[4, 0])
        hole = np.asarray(Image.open(clip / "truth" / f"{eye}_hole" / "00004.png"))
        np.testing.assert_array_equal(hole == 255, ~truth.visible[4, 0].numpy())
        assert 0 < hole.mean() < 128
        picture = np.asarray(Image.open(clip / "truth" / eye / "00004.png"))
        np.testing.assert_allclose(picture / 255, view[4].permute(1, 2, 0), atol=0.51 / 255)
        for name in facts["names"]:
            np.testing.assert_array_equal(everything[f"{eye}_{name}"], getattr(truth, name)[4])


def test_projections_take_points_to_their_pixels(clip: Path) -> None:
    """The two projections and the left depth alone give the left disparity."""
    everything = np.load(clip / "truth" / "truth" / "00002.npz")
    left, right = everything["left_projection"], everything["right_projection"]
    y, x = np.mgrid[0:48, 0:64]
    near = np.isfinite(everything["left_depth_m"][0])
    depth = everything["left_depth_m"][0][near].astype(np.float64)
    point = np.linalg.solve(left[:, :3], np.stack([x[near], y[near], np.ones(near.sum())]) * depth - left[:, 3:])
    seen = right[:, :3] @ point + right[:, 3:]
    np.testing.assert_allclose(x[near] - seen[0] / seen[2], everything["left_disparity"][0][near], atol=1e-3)


def test_places_cameras_and_files_that_cannot_be(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="did you mean 'yard'"):
        render_sample(tmp_path / "a.mp4", place="yart")
    with pytest.raises(InputError, match="seed -1 must be at least 0"):
        render_sample(tmp_path / "a.mp4", seed=-1)
    with pytest.raises(InputError, match="the park has its own camera"):
        render_sample(tmp_path / "a.mp4", place="park", camera="orbit")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "note.txt").write_text("mine")
    with pytest.raises(InputError, match="is not empty"):
        render_sample(tmp_path / "a.mp4", truth=tmp_path / "full")
    with pytest.raises(InputError, match="cannot be written"):
        render_sample(tmp_path / "a.mp4", truth=tmp_path / "full" / "note.txt" / "truth")
    with pytest.raises(InputError, match="write one of"):
        render_sample(tmp_path / "a.gif")
    assert not (tmp_path / "a.mp4").exists()


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs a folder that even root cannot write to")
def test_where_nothing_can_be_written_nothing_is_rendered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("secondeye.render.render", pytest.fail)
    (tmp_path / "a.mp4").mkdir()
    for out, truth in (("/proc/a.mp4", None), (tmp_path / "b.mp4", "/proc/truth"), (tmp_path / "a.mp4", None)):
        with pytest.raises(InputError, match=r"cannot be written|is a folder"):
            render_sample(Path(out), truth=truth and Path(truth), overwrite=True)
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


def test_a_shorter_clip_leaves_no_truth_of_a_longer_one(tmp_path: Path) -> None:
    for seconds in (0.13, 0.05):
        render_sample(
            tmp_path / "a.mp4", seconds=seconds, width=16, height=16, truth=tmp_path / "truth", overwrite=True
        )
    count = json.loads((tmp_path / "truth" / "truth.json").read_text())["frames"]
    assert {len(list(kind.iterdir())) for kind in (tmp_path / "truth").iterdir() if kind.is_dir()} == {count} == {1}


def test_a_filmed_shot_is_blurred_or_noisy_in_any_seed() -> None:
    for seed in range(20):
        optics = shot_of(seed, None, None, True, False).optics
        assert optics.blurs or optics.changes_colours
