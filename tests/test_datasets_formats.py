"""Each dataset against files in its layout: what it finds, what it knows, and what it says of bad entries."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from secondeye import datasets
from secondeye.datasets import Dataset, StereoVideo
from secondeye.datasets._maps import read_map, to_px
from secondeye.datasets._videos import PACKINGS
from secondeye.datasets._visibility import filled_from_behind, hole_by_check
from secondeye.errors import InputError
from secondeye.scene import render
from tests import stereo_folders as make
from tests.small_videos import encode
from tests.stereo_folders import FAR_PX, FRAMES, HEIGHT, NEAR_PX, WIDTH


def one(found: Dataset) -> StereoVideo:
    assert len(found.videos) == 1, (found.videos, found.skipped)
    return found.videos[0]


def close(view: torch.Tensor, pixels: NDArray[np.uint8], within: float) -> bool:
    expected = torch.from_numpy(pixels).permute(2, 0, 1).float() / 255
    return float((view - expected).abs().mean()) < within


# ---- pairs


def test_pairs_know_disparity_and_holes(tmp_path: Path) -> None:
    found = datasets.build(make.pairs(tmp_path))
    assert [v.name for v in found.videos] == ["pair-0", "pair-1", "drive"]
    assert [v.has_disparity for v in found.videos] == [True, True, False]
    assert (found.videos[0].frame_rate, found.videos[2].frame_rate) == (None, 10)
    for number, video in enumerate(found.videos[:2]):
        left, right, disparity, right_disparity = make.world(number, number)
        frame = next(video.frames())
        assert close(frame.left, left, 1e-6)
        assert close(frame.right, right, 1e-6)
        assert torch.equal(frame.disparity, torch.from_numpy(disparity))
        assert torch.equal(frame.hole, torch.from_numpy(make.hole_of(disparity, right_disparity)))
    assert [close(f.left, p, 1e-6) for f, p in zip(found.videos[2].frames(), make.lefts(), strict=True)] == [True] * 5


def test_pairs_by_category_and_name(tmp_path: Path) -> None:
    spec = make.pairs(tmp_path)
    assert [v.name for v in datasets.build(f"{spec};category=A").videos] == ["pair-0", "pair-1"]
    assert one(datasets.build(f"{spec};only=drive")).frame_count == FRAMES
    with pytest.raises(InputError, match="none that fits"):
        datasets.build(f"{spec};category=Z")


def test_the_ci_subset_has_only_its_files(tmp_path: Path) -> None:
    spec = make.pairs(tmp_path)
    manifest = json.loads((tmp_path / "manifest.json").read_text())["entries"]
    manifest[0]["ci_files"] = ["left.png", "right.png", "disp_left.png"]
    manifest[2]["ci_files"] = [f"{eye}/{n}.png" for eye in ("left", "right") for n in (0, 1)]
    make.write_manifest(tmp_path, manifest)
    found = datasets.build(f"{spec};ci=yes")
    assert [(v.name, v.frame_count, v.has_disparity, v.has_hole) for v in found.videos] == [
        ("pair-0", 1, True, False),
        ("drive", 2, False, False),
    ]


def pair_with(tmp_path: Path, gt: dict[str, object], **changes: object) -> Dataset:
    left, right, *_ = make.world()
    make.save(tmp_path / "one" / "left.png", left)
    make.save(tmp_path / "one" / "right.png", right)
    make.write_manifest(tmp_path, [{"name": "one", "kind": "stereo_pair_gt", "gt": gt, **changes}])
    return datasets.build(f"pairs:{tmp_path}")


def pfm(path: Path, values: NDArray[np.float32], order: str) -> None:
    scale = -1.0 if order == "<" else 1.0
    data = np.ascontiguousarray(values[::-1]).astype(f"{order}f4").tobytes()
    path.write_bytes(f"Pf\n{WIDTH} {HEIGHT}\n{scale}\n".encode() + data)


FORMATS: dict[str, Callable[[Path, NDArray[np.float32]], object]] = {
    "d.pfm": lambda path, px: pfm(path, px, "<"),
    "big.pfm": lambda path, px: pfm(path, px, ">"),
    "d.npy": np.save,
    "d.npz": np.savez_compressed,
    "d.tif": lambda path, px: Image.fromarray(px).save(path),
}


@pytest.mark.parametrize("file", FORMATS)
def test_disparity_in_every_float_format(tmp_path: Path, file: str) -> None:
    disparity = make.world()[2] + np.linspace(0, 1, WIDTH, dtype=np.float32)
    disparity[3, 4:7] = np.inf
    (tmp_path / "one").mkdir()
    FORMATS[file](tmp_path / "one" / file, disparity)
    video = one(pair_with(tmp_path, {"left": file, "scale": 1, "invalid": "inf"}))
    known = next(video.frames()).disparity
    assert known is not None
    disparity[3, 4:7] = np.nan
    np.testing.assert_array_equal(known.numpy(), disparity)
    assert not video.has_hole


def test_sixteen_bit_disparity_and_a_value_for_unknown(tmp_path: Path) -> None:
    disparity = make.world()[2]
    codes = (disparity * 256).astype(np.uint16)
    codes[0] = 7
    make.save(tmp_path / "one" / "d.png", codes)
    known = next(one(pair_with(tmp_path, {"left": "d.png", "scale": 256, "invalid": "value 7"})).frames()).disparity
    assert known is not None
    assert torch.isnan(known[0]).all()
    np.testing.assert_array_equal(known[1:].numpy(), disparity[1:])


def test_the_other_sign(tmp_path: Path) -> None:
    np.save(make.save(tmp_path / "one" / "x.png", make.world()[0]).with_name("d.npy"), -make.world()[2])
    known = next(one(pair_with(tmp_path, {"left": "d.npy", "convention": "x_right = x_left + d"})).frames()).disparity
    assert known is not None
    np.testing.assert_array_equal(known.numpy(), make.world()[2])


@pytest.mark.parametrize(
    ("gt", "changes", "words"),
    [
        ({"left": "x.png", "scale": None}, {}, "scale None is not a number"),
        ({"left": "x.png", "scale": 0}, {}, "must be above 0"),
        ({"left": "x.png", "convention": "up"}, {}, "convention 'up' is not known"),
        ({}, {"directory": "elsewhere"}, "no pictures left and right in elsewhere"),
        ({}, {"fps": "fast", "files": ["left/0.png", "left/1.png", "right/0.png", "right/1.png"]}, "fps 'fast'"),
        ({}, {"files": ["left/0.png", "left/1.png", "right/0.png"]}, "2 left and 1 right"),
        ({}, {"files": ["left.png", "right.jpg"]}, "no such file"),
    ],
)
def test_a_bad_entry_is_skipped(tmp_path: Path, gt: dict[str, object], changes: dict[str, object], words: str) -> None:
    make.save(tmp_path / "one" / "x.png", make.world()[0])
    found = pair_with(tmp_path, gt, **changes)
    assert not found.videos
    assert words in found.skipped["one"]
    assert "\n" not in found.skipped["one"]


def test_views_and_maps_of_another_size(tmp_path: Path) -> None:
    spec = make.pairs(tmp_path)
    make.save(tmp_path / "A" / "pair 0" / "right.png", make.world()[0][:, 2:])
    make.save(tmp_path / "A" / "pair 1" / "disp_left.png", np.full((5, 5), 9, np.uint8))
    make.save(tmp_path / "B" / "drive" / "right" / "3.png", make.world()[0][2:])
    found = datasets.build(spec)
    assert "left.png is 64x32 px, right.png 62x32" in found.skipped["pair-0"]
    for video, words in zip(found.videos, ("disparity maps of different size", "right is 64x30 px"), strict=True):
        with pytest.raises(InputError, match=words):
            list(video.frames())


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"entries": 5}', '{"entries": ["x"]}'])
def test_a_manifest_that_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(InputError, match="is not a manifest"):
        datasets.build(f"pairs:{tmp_path}")


@pytest.mark.media
def test_the_real_pairs(shared: Path) -> None:
    """Sparse and dense maps of three kinds: right pixels at x - disparity look as left ones do, as far as was noted."""
    found = datasets.build(f"pairs:{shared / 'data'};category=A")
    noted = {e["name"]: e["gt_check"] for e in json.loads((shared / "data" / "MANIFEST.json").read_text())["entries"]}
    known = [video for video in found.videos if video.has_disparity]
    assert len(known) >= 11
    for video in known:
        frame = next(video.frames())
        assert frame.disparity is not None
        check, disparity = noted[video.name], frame.disparity.numpy()
        assert np.isfinite(disparity).mean() == pytest.approx(check["valid_fraction"], abs=1e-4)
        assert (np.nanmin(disparity), np.nanmax(disparity)) == pytest.approx(check["disp_px"], abs=0.01)
    assert "photo_stereograph_1800s" in found.skipped


@pytest.mark.media
def test_holes_of_a_real_pair_are_those_that_others_found(shared: Path) -> None:
    """Middlebury's own mask of what the right camera does not see; mirrored, that is a hole like ours."""
    folder = shared / "data" / "A" / "mid_Cones_quarter"
    left, right = (to_px(read_map(folder / f"disp_{eye}.png"), 4) for eye in ("left", "right"))
    theirs = read_map(folder / "nonocc_mask_left.png") != 255
    ours = hole_by_check(np.ascontiguousarray(right[:, ::-1]), np.ascontiguousarray(left[:, ::-1]))[:, ::-1]
    known = np.isfinite(left)
    assert (ours == theirs)[known].mean() > 0.97
    assert (ours & theirs & known).sum() / ((ours | theirs) & known).sum() > 0.75


# ---- holes


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_holes_are_what_brute_force_finds(data: st.DataObject) -> None:
    """Rows of cards at whole disparities before a wall, drawn nearest last for both eyes."""
    width = data.draw(st.integers(8, 24))
    left, right = np.zeros((1, width), np.float32), np.zeros((1, width), np.float32)
    wall = data.draw(st.integers(-3, 3))
    left[:], right[:] = wall, wall
    for rise in sorted(data.draw(st.sets(st.sampled_from((2, 4, 6, 9)), max_size=3))):
        start, length = data.draw(st.integers(-3, width)), data.draw(st.integers(1, 8))
        for view, shift in ((left, 0), (right, wall + rise)):
            begin, stop = max(start - shift, 0), max(start - shift + length, 0)
            view[0, begin:stop] = wall + rise
    np.testing.assert_array_equal(hole_by_check(left, right), make.hole_of(left, right))


def test_unknown_pixels_are_taken_for_background() -> None:
    nan = np.nan
    rows = np.array([[nan, 4, nan, nan, 9, nan], [nan, nan, nan, nan, nan, nan]], np.float32)
    np.testing.assert_array_equal(filled_from_behind(rows), [[4, 4, 4, 4, 9, 9], [0, 0, 0, 0, 0, 0]])


# ---- scenes


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


# ---- side by side


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


# ---- the published sets


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
