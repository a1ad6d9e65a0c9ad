"""What every dataset promises, whatever its format, and what the interface does with a spec."""

import re
import weakref
from pathlib import Path

import pytest
import torch

from secondeye import datasets
from secondeye.datasets import Dataset, StereoFrame
from secondeye.errors import InputError
from tests.stereo_folders import MAKERS, disagreement

NAMES = datasets.names()


@pytest.fixture(scope="module", params=NAMES)
def found(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Each dataset over a small folder in its layout."""
    return datasets.build(MAKERS[request.param](tmp_path_factory.mktemp(request.param) / "set"))


def test_every_dataset_is_tested() -> None:
    assert set(MAKERS) == set(NAMES)


def test_it_is_a_dataset(found: Dataset) -> None:
    assert isinstance(found, Dataset)
    assert found.name in NAMES
    assert len(found.videos) >= 1
    assert not found.skipped


def test_names_are_unique_and_fit_for_files(found: Dataset) -> None:
    names = [video.name for video in found.videos]
    assert len(set(names)) == len(names)
    for name in names:
        assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._+-]*", name), name


def test_frames_are_what_the_video_says(found: Dataset) -> None:
    for video in found.videos:
        frames = list(video.frames())
        assert len(frames) == video.frame_count
        width, height = video.size
        for frame in frames:
            for view in (frame.left, frame.right):
                assert view.shape == (3, height, width)
                assert view.dtype == torch.float32
                assert view.is_contiguous()
                assert 0 <= float(view.min()) < float(view.max()) <= 1
            assert (frame.disparity is not None) == video.has_disparity
            assert (frame.hole is not None) == video.has_hole
            if frame.disparity is not None:
                assert frame.disparity.shape == (height, width)
                assert frame.disparity.dtype == torch.float32
                assert not torch.isinf(frame.disparity).any()
                assert torch.isfinite(frame.disparity).any()
            if frame.hole is not None:
                assert frame.hole.shape == (height, width)
                assert frame.hole.dtype == torch.bool
                assert 0 < float(frame.hole.float().mean()) < 0.6


def test_a_video_starts_anew_each_time(found: Dataset) -> None:
    video = found.videos[0]
    halfway = video.frames()
    first = next(halfway)
    again = next(video.frames())
    assert torch.equal(first.left, again.left)
    assert torch.equal(first.right, again.right)
    next(halfway, None)
    halfway.close()  # type: ignore[attr-defined]  # frames come from a generator, which lets go of its files so


def test_frames_are_not_kept(found: Dataset) -> None:
    for video in found.videos[:2]:
        seen = []
        for frame in video.frames():
            seen.append(weakref.ref(frame))
            assert sum(ref() is not None for ref in seen) <= 2
        del frame


def test_left_and_right_are_not_swapped(found: Dataset) -> None:
    """Where the disparity of a left pixel is known, the right view shows the same there, and not on the other side."""
    frames = [next(video.frames()) for video in found.videos if video.has_disparity]
    if frames:
        assert sum(disagreement(f, 1) for f in frames) < 0.5 * sum(disagreement(f, -1) for f in frames)


@pytest.mark.parametrize("name", NAMES)
def test_the_order_is_always_the_same(name: str, tmp_path: Path) -> None:
    spec = MAKERS[name](tmp_path / "set")
    assert [v.name for v in datasets.build(spec).videos] == [v.name for v in datasets.build(spec).videos]


@pytest.mark.parametrize("name", [name for name in NAMES if name != "scenes"])
def test_a_folder_that_is_not_there(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere does not exist"):
        datasets.build(f"{name}:{tmp_path / 'nowhere'}")
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(InputError, match="is a file"):
        datasets.build(f"{name}:{file}")
    with pytest.raises(InputError, match=f"{name}:FOLDER"):
        datasets.build(name)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "scenes"])
def test_a_folder_without_anything_to_read(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=re.escape(str(tmp_path))):
        datasets.build(f"{name}:{tmp_path}")


def test_unknown_names_and_options_say_the_nearest() -> None:
    with pytest.raises(InputError, match="did you mean 'scenes'"):
        datasets.build("scens:60")
    with pytest.raises(InputError, match="did you mean 'count'"):
        datasets.build("scenes:cout=6")
    with pytest.raises(InputError, match="option of dataset scenes"):
        datasets.build("scenes:colour=6")


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("scenes:many", "'many' is not a whole number"),
        ("scenes:0", "count 0"),
        ("scenes:100001", "count 100001 is more than"),
        ("scenes:count=2;size=512", "WIDTHxHEIGHT"),
        ("scenes:count=2;size=9x9", "16 to 8192"),
        ("scenes:count=2;kind=moving_camra", "did you mean 'moving_camera'"),
        ("scenes:frames=-1", "frames -1"),
        ("pairs:.;ci=perhaps", "'perhaps' is not yes or no"),
    ],
)
def test_values_that_cannot_be(spec: str, words: str) -> None:
    with pytest.raises(InputError, match=re.escape(words)):
        datasets.build(spec)


def test_a_folder_may_have_commas_and_colons(tmp_path: Path) -> None:
    spec = MAKERS["kitti"](tmp_path / "a,b: c;d")
    assert len(datasets.build(spec).videos) == 2
    assert len(datasets.build(f"{spec},disparity=noc").videos) == 2
    assert len(datasets.build(f"kitti:disparity=noc;folder={spec.partition(':')[2]}").videos) == 2


def test_frames_whose_parts_differ_are_refused() -> None:
    view, other = torch.zeros(3, 4, 6), torch.zeros(3, 4, 5)
    with pytest.raises(InputError, match="right is 5x4 px, but the left view is 6x4"):
        StereoFrame(view, other)
    with pytest.raises(InputError, match="disparity is 5x4"):
        StereoFrame(view, view, other[0])
    with pytest.raises(InputError, match="hole is 5x4"):
        StereoFrame(view, view, None, other[0].bool())
    assert "6x4, with hole" in repr(StereoFrame(view, view, None, view[0].bool()))
