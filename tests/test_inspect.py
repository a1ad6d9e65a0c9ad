"""What a file is said to be, above all whether it is 3D already: real pairs in every layout, real single views."""

import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from secondeye.errors import InputError
from secondeye.inspect import inspect_file
from secondeye.inspect.report import Report
from secondeye.video.index import FrameIndex
from secondeye.video.stereo_layout import looked_at, measure_layout, named_layout
from secondeye.video.view_matching import match_views
from tests.small_videos import encode

Picture = NDArray[np.float32]


def loaded(path: Path) -> Picture:
    """(3, H, W), 0 to 1."""
    pixels = np.asarray(Image.open(path).convert("RGB"), np.float32) / 255
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))


@pytest.fixture(scope="module")
def pairs(shared: Path) -> list[tuple[Picture, Picture]]:
    """Driving, two moments."""
    folder = shared / "data" / "B" / "kitti_raw_adas"
    return [tuple(loaded(folder / eye / f"{n:06d}.png") for eye in ("left", "right")) for n in (1, 13)]  # type: ignore[misc]


def beside(left: Picture, right: Picture) -> Picture:
    return np.concatenate([left, right], 2)


def above(left: Picture, right: Picture) -> Picture:
    return np.concatenate([left, right], 1)


def red_cyan(left: Picture, right: Picture) -> Picture:
    return np.stack([left[0], right[1], right[2]])


def grey_red_cyan(left: Picture, right: Picture) -> Picture:
    return red_cyan(left.mean(0, keepdims=True).repeat(3, 0), right.mean(0, keepdims=True).repeat(3, 0))


def interlaced(left: Picture, right: Picture) -> Picture:
    mixed = left.copy()
    mixed[:, 1::2] = right[:, 1::2]
    return mixed


def halved(picture: Picture, axis: int) -> Picture:
    size = (picture.shape[2] // 2, picture.shape[1]) if axis == 2 else (picture.shape[2], picture.shape[1] // 2)
    return np.stack([cv2.resize(channel, size, interpolation=cv2.INTER_AREA) for channel in picture])


LAYOUTS: dict[str, tuple[Callable[[Picture, Picture], Picture], str]] = {
    "side by side": (beside, "sbs"),
    "half side by side": (lambda a, b: beside(halved(a, 2), halved(b, 2)), "half-sbs"),
    "top and bottom": (above, "tb"),
    "half top and bottom": (lambda a, b: above(halved(a, 1), halved(b, 1)), "half-tb"),
    "anaglyph": (red_cyan, "anaglyph"),
    "grey anaglyph": (grey_red_cyan, "anaglyph"),
    "row-interlaced": (interlaced, "interlaced"),
    "one view": (lambda a, _: a, "mono"),
}


def aspect(name: str, picture: Picture) -> float:
    """Of the whole as shown, were each eye 16:9."""
    return {"sbs": 32 / 9, "tb": 8 / 9}.get(name, 16 / 9)


@pytest.mark.media
@pytest.mark.parametrize(
    ("layout", "swapped"),
    [
        *((layout, False) for layout in LAYOUTS),
        *((layout, True) for layout in ("side by side", "top and bottom", "anaglyph")),
    ],
)
def test_layouts_of_real_pairs(pairs: list[tuple[Picture, Picture]], layout: str, swapped: bool) -> None:
    pack, name = LAYOUTS[layout]
    pictures = [pack(right, left) if swapped else pack(left, right) for left, right in pairs]
    measured = measure_layout(pictures, aspect(name, pictures[0]))
    assert measured.name == name
    assert measured.confidence > 0.9
    assert measured.left_eye == ("unknown" if name == "mono" else "second" if swapped else "first")


@pytest.mark.media
def test_anaglyphs_as_we_make_them(pairs: list[tuple[Picture, Picture]]) -> None:
    """Dubois mixes a little of each eye into the other's colours."""
    from secondeye.video.anaglyph import ANAGLYPHS

    for name, matrices in ANAGLYPHS.items():
        pictures = []
        for left, right in pairs[:1]:
            mixed = np.tensordot(np.array(matrices.left), left, 1) + np.tensordot(np.array(matrices.right), right, 1)
            pictures.append(np.clip(mixed, 0, 1).astype(np.float32))
        measured = measure_layout(pictures, 1242 / 375)
        assert (measured.name, measured.left_eye) == ("anaglyph", "first"), name


@pytest.mark.media
def test_pairs_of_all_kinds_are_told_from_single_views(shared: Path) -> None:
    """Pairs whose disparity anybody could look at: at least 0.5 of agreement; single views: at most 0.3."""
    data = shared / "data"
    for name in ("mid_Tsukuba", "eth3d_delivery_area_1l", "kitti12_000047", "mid_Motorcycle_q"):
        left, right = (loaded(data / "A" / name / f"{eye}.png") for eye in ("left", "right"))
        measured = measure_layout([beside(left, right)], 2 * left.shape[2] / left.shape[1])
        assert measured.name == "sbs", name
        assert measured.agreement[0] > 0.5 > 0.2 > measured.agreement[1], name
    for path in sorted((data / "D").glob("[bk]*/*[05].*g"))[::8]:
        picture = loaded(path)
        measured = measure_layout([picture], picture.shape[2] / picture.shape[1])
        assert measured.name == "mono", path
        assert max(measured.agreement) < 0.3, path


@pytest.mark.media
@pytest.mark.parametrize(
    "name",
    [
        "intel_bottle/bottle-detection.mp4",  # two bottles side by side
        "odd_rotation_0/video_0.mov",  # a keyboard
        "odd_h264_10bits/h264_10bits.mp4",  # a test pattern: colours that have nothing to do with one another
        "cotracker_cat/cat.mp4",
        "davis_bmx-trees/frames",
    ],
)
def test_one_view_is_one_view(shared: Path, name: str) -> None:
    report = inspect_file(shared / "data" / "C" / name)
    assert report.layout.measured.name == "mono"
    assert report.layout.signalled is None
    assert not report.is_stereo


@pytest.mark.media
def test_files_that_signal_what_they_are(shared: Path) -> None:
    room = inspect_file(shared / "data" / "B" / "vr_testroom_tb" / "tb.mp4")
    assert (room.layout.signalled, room.layout.measured.name, room.layout.named) == ("tb", "tb", "tb")
    assert room.layout.projection == "equirectangular"
    assert room.is_stereo
    spatial = inspect_file(shared / "data" / "B" / "mvhevc_tiny" / "stereo_spatial.mp4")
    assert (spatial.layout.signalled, spatial.layout.measured.name) == ("mv-hevc", "mono")
    assert spatial.is_stereo
    old = inspect_file(shared / "data" / "A" / "photo_stereograph_1800s" / "sbs.jpg")
    assert (old.layout.measured.name, old.layout.measured.left_eye, old.kind) == ("sbs", "first", "image")


def test_nothing_to_see() -> None:
    for size in ((1, 1), (1, 16), (16, 1), (5, 4), (200, 300)):
        measured = measure_layout([np.full((3, *size), 0.5, np.float32)], 16 / 9)
        assert (measured.name, measured.confidence) == ("unknown", 0.0)
    assert measure_layout([], 16 / 9).name == "unknown"


def test_a_shift_is_found_and_chance_is_not() -> None:
    rng = np.random.default_rng(0)
    texture = cv2.GaussianBlur(rng.random((108, 240)).astype(np.float32), (0, 0), 1.2)
    first, second = texture[:, 20:212], texture[:, 26:218]  # everything lies 6 px further left in the second
    match = match_views(first, second)
    assert match is not None
    assert match.agreement > 0.95
    assert match.moved > 0.95
    other = cv2.GaussianBlur(rng.random((108, 192)).astype(np.float32), (0, 0), 1.2)
    nothing = match_views(first, other)
    assert nothing is not None
    assert abs(nothing.agreement) < 0.05
    stripes = np.tile(np.sin(np.arange(192) / 3).astype(np.float32), (108, 1))
    repeated = match_views(stripes, np.roll(stripes, 4, 1))
    assert repeated is not None
    assert repeated.agreement < 0.1, "found on wrong rows as well"


def test_the_ground_tells_the_eyes_apart() -> None:
    """A plane whose disparity grows downwards, seen by the left eye first."""
    rng = np.random.default_rng(1)
    texture = cv2.GaussianBlur(rng.random((108, 260)).astype(np.float32), (0, 0), 1.2)
    y, x = np.mgrid[0:108, 0:192].astype(np.float32)
    first = cv2.remap(texture, x + 30, y, cv2.INTER_LINEAR)
    second = cv2.remap(texture, x + 30 - 6 + y / 9, y, cv2.INTER_LINEAR)
    for a, b, sign in ((first, second, 1), (second, first, -1)):
        match = match_views(a, b)
        assert match is not None
        assert match.slope * sign > 0.9


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("holiday.mp4", (None, None)),
        ("holiday_LR.mp4", ("sbs", None)),
        ("Film.Half-SBS.1080p.mkv", ("half-sbs", None)),
        ("Film_HSBS.mkv", ("half-sbs", None)),
        ("film_LRF_Full_SBS.mp4", ("sbs", None)),
        ("film_RLF_cross.mp4", ("cross", None)),
        ("film_TB.mp4", ("tb", None)),
        ("film half ou.mp4", ("half-tb", None)),
        ("trip_180x180_LR.mp4", ("sbs", "180")),
        ("trip_360_TB.mp4", ("tb", "360")),
        ("photo-anaglyph.png", ("anaglyph", None)),
        ("albumtb.mp4", (None, None)),
    ],
)
def test_names_of_files(name: str, expected: tuple[str | None, str | None]) -> None:
    assert named_layout(Path("somewhere_SBS") / name) == expected


def index_with(count: int, keys: list[int]) -> FrameIndex:
    return FrameIndex(np.arange(count, dtype=np.int64), 1, np.array(keys, np.int64))


def test_frames_are_looked_at_where_they_are_quick_to_reach() -> None:
    keys = list(range(0, 5000, 250))
    assert set(looked_at(index_with(5000, keys))) <= set(keys)
    assert max(looked_at(index_with(5000, [0]))) < 120
    assert looked_at(index_with(3, [0])) == [0, 1, 2]
    assert looked_at(index_with(1, [0])) == [0]
    assert len(set(looked_at(index_with(5000, [0])))) == 5


def test_a_report_of_a_video(tmp_path: Path) -> None:
    times = np.cumsum(np.random.default_rng(0).integers(20, 60, 26)).tolist()
    path = encode(tmp_path / "clip_half-sbs.mkv", "libx264", times_ms=times, sample_aspect_ratio=Fraction(4, 3))
    report = inspect_file(path)
    assert isinstance(report, Report)
    assert (report.width, report.height, report.frame_count) == (64, 32, 26)
    assert not report.is_constant_rate
    assert report.layout.named == "half-sbs"
    assert report.pixel_aspect == Fraction(4, 3)
    data = json.loads(json.dumps(report.to_json()))
    assert data["frame_rate"] == pytest.approx(26 / report.duration_s)
    assert data["color"]["range"] == "limited"
    assert data["layout"]["measured"]["name"] in ("mono", "unknown")
    assert data["audio"] == []
    text = report.text()
    for words in ("64x32 px", "26 frames", "varying", "pixels 1.333 wide", "half-sbs by its name"):
        assert words in text


def test_a_report_of_a_picture_and_of_a_folder(tmp_path: Path) -> None:
    for number in range(3):
        Image.fromarray(np.full((20, 30, 3), 40 * number, np.uint8)).save(tmp_path / f"{number}.png")
    one, folder = inspect_file(tmp_path / "1.png"), inspect_file(tmp_path)
    assert (one.kind, folder.kind) == ("image", "folder")
    assert "one picture" in one.text()
    assert "3 frames" in folder.text()
    assert folder.frame_rate == 24
    for report in (one, folder):
        json.dumps(report.to_json())


def test_what_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        inspect_file(tmp_path / "nothing.mp4")


@pytest.mark.media
def test_a_full_report(shared: Path) -> None:
    report = inspect_file(shared / "data" / "C" / "odd_nasa_multistream" / "nasa_13013.mp4")
    assert [stream.index for stream in report.audio] == [1, 4]
    assert [stream.index for stream in report.other_videos] == [0]
    assert report.color.matrix == "BT.709"
    text = report.text()
    for words in ("480x270 px", "aac, eng, 2 channels", "mov_text", "BT.709, limited range", "constant"):
        assert words in text
