"""Pairs with a manifest: maps in every format, holes against brute force, and what is said of bad entries."""

import json
import shutil
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
from secondeye.datasets import Dataset
from secondeye.datasets._maps import read_map, to_px
from secondeye.datasets._visibility import filled_from_behind, hole_by_check
from secondeye.datasets.pairs import _partners
from secondeye.errors import InputError
from tests import stereo_folders as make
from tests.stereo_folders import FRAMES, HEIGHT, WIDTH, close, disagreement, one


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


def pair_with(tmp_path: Path, gt: object, **changes: object) -> Dataset:
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


@pytest.mark.parametrize("invalid", ["value 7", "value 7 (18 px border)", 7, "7"])
def test_sixteen_bit_disparity_and_a_value_for_unknown(tmp_path: Path, invalid: object) -> None:
    disparity = make.world()[2]
    codes = (disparity * 256).astype(np.uint16)
    codes[0] = 7
    make.save(tmp_path / "one" / "d.png", codes)
    known = next(one(pair_with(tmp_path, {"left": "d.png", "scale": 256, "invalid": invalid})).frames()).disparity
    assert known is not None
    assert torch.isnan(known[0]).all()
    np.testing.assert_array_equal(known[1:].numpy(), disparity[1:])


HUGE = b"\x93NUMPY\x01\x00\x76\x00" + b"{'descr': '<f4', 'fortran_order': False, 'shape': (1000000, 1000000)}".ljust(
    118
)
TORN = b"\x93NUMPY\x01\x00\x76\x00" + b"{'descr': '<f4', 'fortran_ord".ljust(118)


@pytest.mark.parametrize(
    ("file", "data"),
    [
        ("d.npy", HUGE),
        ("d.npy", TORN),
        ("d.pfm", b"Pf\n8 8\n--1.0\n" + bytes(256)),
        ("d.pfm", b"Pf\n8 8\n1.0.0\n" + bytes(256)),
        ("d.pfm", b"Pf\n" + b"9" * 5000 + b" 8\n-1.0\n"),
    ],
)
def test_damaged_maps_are_told(tmp_path: Path, file: str, data: bytes) -> None:
    (tmp_path / file).write_bytes(data)
    with pytest.raises(InputError, match=file):
        read_map(tmp_path / file)


def test_a_compressed_map_with_any_byte_overwritten_is_told_or_read(tmp_path: Path) -> None:
    path = tmp_path / "d.npz"
    np.savez_compressed(path, disparity=np.arange(240, dtype=np.float32).reshape(12, 20))
    whole = path.read_bytes()
    told = 0
    for at in range(0, len(whole), 3):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x5A]) + whole[at + 1 :])
        try:
            read_map(path)
        except InputError:
            told += 1
    assert told > len(whole) // 6


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
        ({"left": "y.png"}, {}, 'its "gt" names y.png, which is not there'),
        ({"left": "x.png", "convention": "up"}, {}, "convention 'up' is not known"),
        ({}, {"directory": "elsewhere"}, "no pictures left and right in elsewhere"),
        ({}, {"fps": "fast", "files": ["left/0.png", "left/1.png", "right/0.png", "right/1.png"]}, "fps 'fast'"),
        (
            {},
            {"fps": -25, "files": ["left/0.png", "left/1.png", "right/0.png", "right/1.png"]},
            "fps -25 must be above",
        ),
        ({}, {"fps": "0", "files": ["left/0.png", "left/1.png", "right/0.png", "right/1.png"]}, "fps 0 must be above"),
        ({}, {"files": ["left/0.png", "left/1.png", "right/0.png"]}, "2 left and 1 right"),
        ({}, {"text": 5}, 'its "text" is 5, and not a text'),
        ({}, {"files": ["left.png", "right.jpg"]}, "no such file"),
        ({}, {"files": [{"name": "left.png"}]}, "not a list of names"),
        ({}, {"files": 5}, "not a list of names"),
        (["x.png"], {}, "its \"gt\" is ['x.png']"),
        ({"left": "x.png", "invalid": "black"}, {}, "invalid 'black' is not known"),
        ({"left": "x.png", "invalid": "value 1.2.3"}, {}, "invalid 'value 1.2.3' is not known"),
    ],
)
def test_a_bad_entry_is_skipped(tmp_path: Path, gt: object, changes: dict[str, object], words: str) -> None:
    make.save(tmp_path / "one" / "x.png", make.world()[0])
    found = pair_with(tmp_path, gt, **changes)
    assert not found.videos
    assert words in found.skipped["one"]
    assert "\n" not in found.skipped["one"]


@pytest.mark.parametrize(
    ("lefts", "rights"),
    [
        (("0", "1", "2", "10"), ("0", "1", "2", "10")),
        (("a", "b", "c"), ("a", "b", "c")),
        (("left_7", "left_08", "left_9"), ("right_007", "right_8", "right_9")),
        (("cam0_frame8", "cam0_frame9"), ("cam1_frame8", "cam1_frame9")),
        (("2024-1", "2024-2", "2025-1"), ("R2024-1", "R2024-2", "R2025-1")),
    ],
)
def test_pictures_of_a_sequence_go_together_by_their_numbers(lefts: tuple[str, ...], rights: tuple[str, ...]) -> None:
    files = [f"left/{name}.png" for name in lefts]
    assert _partners(files, [f"right/{name}.jpg" for name in reversed(rights)]) == [f"right/{n}.jpg" for n in rights]


@pytest.mark.parametrize(
    ("rights", "alone"), [(("1", "2", "3"), "left/0.png"), (("0", "1", "3"), "left/2.png"), (("a", "b", "c"), "left/0")]
)
def test_pictures_of_other_moments_are_not_put_together(tmp_path: Path, rights: tuple[str, ...], alone: str) -> None:
    spec = make.pairs(tmp_path)
    for folder, names in (("left", ("0", "1", "2")), ("right", rights)):
        shutil.rmtree(tmp_path / "B" / "drive" / folder)
        for name in names:
            make.save(tmp_path / "B" / "drive" / folder / f"{name}.png", make.lefts()[0])
    told = datasets.build(spec).skipped["drive"]
    assert "do not go together by the numbers in their names" in told
    assert alone in told


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
        error = 255 * disagreement(frame, 1)
        assert error == pytest.approx(check["median_abs_photometric_error"]["at_stated_scale"], abs=0.8), video.name
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


@settings(max_examples=60)
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
