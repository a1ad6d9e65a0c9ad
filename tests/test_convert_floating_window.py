"""A floating window: what stands before the screen and is cut by its side is seen by both eyes alike."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import secondeye
from secondeye.convert.floating_window import eased, masked, nearest_at_sides
from secondeye.types import Clip, StereoClip
from tests.media import read_video, write_video

WIDTH, HEIGHT, FRAMES = 160, 90, 6
DISPARITY = 6
"""Px that the discs stand before the screen: half of what lies between nearest and farthest."""

RED = (230, 20, 20)
COMMON = {"depth": "file", "strength": 2 * DISPARITY / WIDTH, "edge_dilation": 0}


def disc(x: float, y: float, radius: float) -> np.ndarray:
    columns, rows = np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT))
    return (columns - x) ** 2 + (rows - y) ** 2 < radius**2


DISCS = {"left": disc(0, 30, 20), "right": disc(WIDTH - 1, 60, 20), "middle": disc(80, 45, 12)}


def film(folder: Path, which: tuple[str, ...]) -> tuple[Path, Path]:
    """A video of red discs before grey, and its depth: discs nearest, the rest farthest."""
    near = np.any([DISCS[name] for name in which], axis=0)
    frame = np.where(near[..., None], np.uint8(RED), np.uint8((120, 125, 130)))
    write_video(folder / "film.mkv", iter([frame] * FRAMES), codec="ffv1", pixel_format="yuv444p")
    np.savez(folder / "depth.npz", np.repeat(near[None].astype(np.float32), FRAMES, axis=0))
    return folder / "film.mkv", folder / "depth.npz"


def eyes(path: Path) -> tuple[np.ndarray, np.ndarray]:
    frame = read_video(path)[0][FRAMES // 2]
    return frame[:, :WIDTH], frame[:, WIDTH:]


def reds(view: np.ndarray, rows: slice) -> np.ndarray:
    """How many px of each row are red."""
    return ((view[rows, :, 0] > 150) & (view[rows, :, 1] < 70)).sum(axis=1)


def convert(folder: Path, which: tuple[str, ...], name: str, **options: object) -> Path:
    source, depth = film(folder, which)
    options = {"codec": "ffv1", "pixel_format": "yuv444p", **COMMON, **options}
    secondeye.convert(source, folder / name, depth_file=str(depth), **options)  # type: ignore[arg-type]
    return folder / name


@pytest.mark.parametrize("made", ["right", "both"])
def test_both_eyes_see_the_same_part_of_what_a_side_cuts(tmp_path: Path, made: str) -> None:
    which = ("left", "right", "middle")
    plain = eyes(convert(tmp_path, which, "plain.mkv", eyes=made))
    window = eyes(convert(tmp_path, which, "window.mkv", eyes=made, floating_window=True))
    for rows in (slice(14, 40), slice(46, 76)):  # of the disc at the left side, and of that at the right
        cut = rows.start > 40
        differences = [reds(left, rows) - reds(right, rows) for left, right in (plain, window)]
        outside = np.abs(np.median(differences[0]))
        assert outside >= DISPARITY - 1, "without the window, one eye sees more of it"
        assert np.abs(np.median(differences[1])) <= 1, "right" if cut else "left"
    for seen, other in zip(window, plain, strict=True):  # and nothing else has changed
        inner = slice(DISPARITY + 1, WIDTH - DISPARITY - 1)
        assert np.array_equal(seen[:, inner], other[:, inner])
    left, right = window
    assert left[:, :DISPARITY].max() < 20
    assert right[:, WIDTH - DISPARITY :].max() < 20
    assert np.array_equal(left[:, WIDTH // 2 :], plain[0][:, WIDTH // 2 :])
    assert np.array_equal(right[:, : WIDTH // 2], plain[1][:, : WIDTH // 2])


def test_no_bar_where_nothing_is_cut_before_the_screen(tmp_path: Path) -> None:
    """A disc in the middle, and discs at the sides behind the screen."""
    for which, convergence in ((("middle",), 0.5), (("left", "right"), 1.0)):
        plain = eyes(convert(tmp_path, which, "plain.mkv", convergence=convergence, overwrite=True))
        window = eyes(convert(tmp_path, which, "w.mkv", convergence=convergence, floating_window=True, overwrite=True))
        assert all(np.array_equal(one, other) for one, other in zip(plain, window, strict=True))


@pytest.mark.parametrize("layout", ["tb", "pair", "half-sbs", "interlaced", "anaglyph", "cross"])
def test_bars_come_in_all_layouts(tmp_path: Path, layout: str) -> None:
    convert(tmp_path, ("left",), "out.mkv", layout=layout, floating_window=True)
    files = sorted(file for file in tmp_path.glob("out*.mkv"))
    frames = [read_video(file)[0][2].astype(int) for file in files]
    corner = {
        "tb": lambda: frames[0][:HEIGHT, :5],
        "pair": lambda: min((frame[:, :5] for frame in frames), key=np.max),
        "half-sbs": lambda: frames[0][:, :2],
        "interlaced": lambda: frames[0][::2, :5],
        "anaglyph": lambda: frames[0][50:, :5, 0] - frames[0][50:, 60:65, 0] + 20,
        "cross": lambda: frames[0][:, WIDTH : WIDTH + 5],
    }[layout]()
    assert corner.max() < 30


def test_a_picture_gets_its_window(tmp_path: Path) -> None:
    near = DISCS["left"]
    Image.fromarray(np.where(near[..., None], np.uint8(RED), np.uint8((120, 125, 130)))).save(tmp_path / "a.png")
    Image.fromarray((near * 65535).astype(np.uint16)).save(tmp_path / "depth.png")
    secondeye.convert(
        tmp_path / "a.png", tmp_path / "out.png", depth_file=str(tmp_path / "depth.png"), floating_window=True, **COMMON
    )
    made = np.asarray(Image.open(tmp_path / "out.png"))
    assert made[:, :DISPARITY].max() == 0
    assert made[:, DISPARITY + 1].min() > 10
    assert made[:, WIDTH : WIDTH + DISPARITY].min() > 10


def test_segments_agree_about_the_window(tmp_path: Path) -> None:
    """A thing that passes the side: the same bars whether the shot is one segment or several."""
    count = 40
    depth = np.zeros((count, HEIGHT, WIDTH), np.float32)
    depth[18:22, 20:60, :30] = 1
    frame = np.full((HEIGHT, WIDTH, 3), 200, np.uint8)
    write_video(tmp_path / "film.mkv", iter([frame] * count), codec="ffv1", pixel_format="yuv444p", rate=8)
    np.savez(tmp_path / "depth.npz", depth)
    bars = []
    for name, segment_frames in (("one.mkv", 150), ("many.mkv", 7)):
        options = {"depth_file": str(tmp_path / "depth.npz"), "segment_frames": segment_frames, "codec": "ffv1"}
        secondeye.convert(tmp_path / "film.mkv", tmp_path / name, floating_window=True, **COMMON, **options)
        frames = read_video(tmp_path / name)[0]
        bars.append(np.array([(1 - shown[5, :20, 0] / 200.0).clip(0, 1).sum() for shown in frames]))
    assert np.abs(bars[0] - bars[1]).max() < 0.02
    assert bars[0][20] > DISPARITY - 0.2
    assert bars[0][0] == bars[0][-1] == 0
    assert np.abs(np.diff(bars[0])).max() < 1.0, "no popping"


def test_specks_at_the_side_do_not_count() -> None:
    depth = torch.zeros(2, 1, 100, 200)
    depth[0, 0, 40, 0] = 1
    depth[1, 0, 40:50, 0] = 1
    depth[1, 0, 40:50, 190:] = 0.5
    assert nearest_at_sides(depth).tolist() == [[0.0, 0.0], [1.0, 0.5]]


def test_bars_are_never_narrower_than_wanted_and_never_jump() -> None:
    wanted = np.zeros((200, 2))
    wanted[90:95, 0], wanted[80:120, 1] = 10, 6
    got = eased(wanted, 24)
    assert (got >= wanted - 1e-12).all()
    assert np.abs(np.diff(got, axis=0)).max() <= 10 / 49 + 1e-9
    assert got[0].tolist() == [0, 0]


def test_the_end_of_a_bar_is_soft() -> None:
    view = Clip(torch.ones(1, 3, 4, 12), 0, torch.zeros(1, dtype=torch.int64))
    got = masked(StereoClip(view, view), np.array([[2.25, 3.0]]))
    assert got.left.rgb[0, 0, 0].tolist() == [0, 0, 0.75] + [1] * 9
    assert got.right.rgb[0, 0, 0].tolist() == [1] * 9 + [0] * 3
    assert float(view.rgb.min()) == 1, "the views themselves stay as they are"
    assert masked(StereoClip(view, view), np.zeros((1, 2))).left is view
