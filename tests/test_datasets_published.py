"""The published sets: small files in the layout of each."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch

from secondeye import datasets
from secondeye.errors import InputError
from tests import stereo_folders as make
from tests.stereo_folders import FAR_PX, FRAMES, HEIGHT, NEAR_PX, WIDTH, close, one


def test_stereo4d_pairs_by_clip(tmp_path: Path) -> None:
    spec = make.stereo4d(tmp_path)
    (tmp_path / "right_rectified" / "abc_200-right_rectified.mp4").unlink()
    make.film(tmp_path / "other" / "xyz_1-left_rectified.mp4", make.lefts())
    make.film(tmp_path / "other" / "xyz_1-right_rectified.mp4", make.rights())
    found = datasets.build(spec)
    assert [(v.name, v.has_hole, v.has_disparity) for v in found.videos] == [
        ("abc_1000", True, False),
        ("xyz_1", False, False),
    ]
    assert found.skipped == {"abc_200": "abc_200-right_rectified.mp4 is not there"}
    for t, frame in enumerate(found.videos[0].frames()):
        left, right, *maps = make.world(t)
        assert close(frame.left, left, 0.02)
        assert close(frame.right, right, 0.02)
        assert torch.equal(frame.hole, torch.from_numpy(make.hole_of(*maps)))


def test_a_subset_is_read_in_its_order(tmp_path: Path) -> None:
    spec = make.stereo4d(tmp_path)
    (tmp_path / "subsets").mkdir()
    (tmp_path / "subsets" / "test.json").write_text('["abc_200", "gone_1", "abc_1000"]')
    found = datasets.build(f"{spec};subset=subsets/test.json")
    assert [v.name for v in found.videos] == ["abc_200", "abc_1000"]
    assert list(found.skipped) == ["gone_1"]
    for text, words in (("{}", "is not a list of names"), ("x", "is not JSON")):
        (tmp_path / "bad.json").write_text(text)
        with pytest.raises(InputError, match=words):
            datasets.build(f"{spec};subset={tmp_path / 'bad.json'}")
    with pytest.raises(InputError, match="no such subset"):
        datasets.build(f"{spec};subset=nothing.json")


def test_eyes_of_different_length_or_size(tmp_path: Path) -> None:
    spec = make.stereo4d(tmp_path)
    make.film(tmp_path / "right_rectified" / "abc_200-right_rectified.mp4", make.rights(FRAMES - 1))
    small = [frame[:, :48] for frame in make.rights()]
    make.film(tmp_path / "right_rectified" / "abc_1000-right_rectified.mp4", small)
    found = datasets.build(spec)
    assert "views of different size" in found.skipped["abc_1000"]
    with pytest.raises(InputError, match=re.escape("abc_200-left_rectified.mp4 5, abc_200-right_rectified.mp4 4")):
        next(one(found).frames())


def test_ego4d_disparity_is_scaled_back(tmp_path: Path) -> None:
    for spec in (make.ego4d(tmp_path), f"ego4d:{tmp_path / 'clips'}"):
        video = one(datasets.build(spec))
        assert (video.name, video.size, video.has_disparity, video.has_hole) == (
            "123-abc_clip_0000",
            (WIDTH, HEIGHT),
            True,
            True,
        )
    for t, frame in enumerate(video.frames()):
        expected = make.world(t)[2]
        assert frame.disparity is not None
        assert (float(frame.disparity.min()), float(frame.disparity.max())) == pytest.approx((FAR_PX, NEAR_PX))
        assert (np.abs(frame.disparity.numpy() - expected) < 0.01).mean() > 0.85, "but for the edges, enlarged"


def test_ego4d_without_its_estimates(tmp_path: Path) -> None:
    spec = make.ego4d(tmp_path)
    next((tmp_path / "clips" / "reprojected_mask").glob("*")).unlink()
    info = next((tmp_path / "clips" / "disparity_info").glob("*"))
    np.savez(info, min_disparities=[1.0], max_disparities=[2.0])
    frames = one(datasets.build(spec)).frames()
    assert next(frames).hole is None
    with pytest.raises(InputError, match="nothing says what the disparity of frame 1 means"):
        next(frames)
    np.savez(info, other=[1.0])
    assert "min_disparities" in next(iter(datasets.build(spec).skipped.values()))
    info.unlink()
    assert not one(datasets.build(spec)).has_disparity


def test_stereov1k_has_splits(tmp_path: Path) -> None:
    spec = make.stereov1k(tmp_path)
    assert one(datasets.build(spec)).name == "0957"
    assert one(datasets.build(f"{spec};split=train")).name == "0001"
    assert one(datasets.build(f"stereov1k:{tmp_path / 'test'}")).frame_rate == 50
    (tmp_path / "test" / "0957.mp4").write_bytes(b"")
    assert "empty" in datasets.build(spec).skipped["0957.mp4"]
    with pytest.raises(InputError, match="did you mean 'train'"):
        datasets.build(f"{spec};split=trian")


def test_mono2stereo_matches_names(tmp_path: Path) -> None:
    spec = make.mono2stereo(tmp_path)
    (tmp_path / "indoor" / "right" / "10.jpg").rename(tmp_path / "indoor" / "right" / "10.png")
    (tmp_path / "indoor" / "right" / "2.jpg").unlink()
    found = datasets.build(spec)
    assert [v.name for v in found.videos] == ["animation-2", "animation-10", "indoor-10"]
    assert "2.jpg is not there" in found.skipped["indoor-2"]
    frame = next(found.videos[1].frames())
    left, right, *_ = make.world(seed=10)
    assert close(frame.left, left, 0.03)
    assert close(frame.right, right, 0.03)
    assert [v.name for v in datasets.build(f"{spec};part=animation").videos] == ["animation-2", "animation-10"]


def test_kitti_of_both_years(tmp_path: Path) -> None:
    found = datasets.build(make.kitti(tmp_path))
    assert [v.name for v in found.videos] == ["000000_10", "000001_10"]
    known = next(found.videos[1].frames()).disparity
    assert known is not None
    expected = np.where(np.arange(WIDTH) % 3 == 0, make.world(1)[2], np.nan)
    np.testing.assert_array_equal(known.numpy(), expected)
    fewer = next(datasets.build(f"kitti:{tmp_path};disparity=noc").videos[1].frames()).disparity
    assert fewer is not None
    assert torch.isnan(fewer[:, :9]).all()
    training = tmp_path / "training"
    for old, new in (("image_2", "colored_0"), ("image_3", "colored_1"), ("disp_occ_0", "disp_occ")):
        (training / old).rename(training / new)
    older = datasets.build(f"kitti:{training}")
    assert torch.equal(torch.nan_to_num(next(older.videos[1].frames()).disparity), torch.nan_to_num(known))
    assert not any(video.has_hole for video in older.videos)


def test_kitti_without_truth_or_partner(tmp_path: Path) -> None:
    spec = make.kitti(tmp_path)
    (tmp_path / "training").rename(tmp_path / "testing")
    for folder in (tmp_path / "testing").glob("disp*"):
        for file in folder.iterdir():
            file.unlink()
    (tmp_path / "testing" / "image_3" / "000000_10.png").unlink()
    found = datasets.build(f"{spec};split=testing")
    assert [(v.name, v.has_disparity) for v in found.videos] == [("000001_10", False)]
    assert "is not there" in found.skipped["000000_10"]
    with pytest.raises(InputError, match="training does not exist"):
        datasets.build(spec)
    (tmp_path / "testing" / "image_3").rename(tmp_path / "testing" / "elsewhere")
    with pytest.raises(InputError, match="has neither image_2 and image_3, or colored_0"):
        datasets.build(f"{spec};split=testing")
