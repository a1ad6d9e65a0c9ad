"""Whole conversions of small files: what comes out, what is kept, and what a crash costs."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import secondeye
from secondeye import inpainters
from secondeye.errors import InputError, SegmentError
from secondeye.progress import Progress
from secondeye.types import Clip, Needs
from secondeye.video.probe import probe
from secondeye.video.reader import FileSource
from tests.media import moving_texture, read_video, write_video

WIDTH, HEIGHT, FRAMES = 96, 64, 36
FAST = {"preset": "ultrafast", "segment_frames": 9}


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    return write_video(path, moving_texture(FRAMES, WIDTH, HEIGHT), with_sound=True)


def test_a_clip_gets_its_second_eye(clip: Path, tmp_path: Path) -> None:
    events: list[Progress] = []
    result = secondeye.convert(clip, tmp_path / "out.mp4", depth="parallax", progress=events.append, **FAST)
    assert result.files == (tmp_path / "out.mp4",)
    assert result.frames == FRAMES
    assert result.depth == "parallax"
    frames, times = read_video(tmp_path / "out.mp4")
    assert len(frames) == FRAMES
    assert times == read_video(clip)[1]
    assert frames[0].shape == (HEIGHT, 2 * WIDTH, 3)
    source = read_video(clip)[0]
    for made, given in zip(frames, source, strict=True):
        assert np.abs(made[:, :WIDTH].astype(int) - given).mean() < 4, "the left eye is the source"
    assert {event.stage for event in events} >= {"depth", "convert"}
    assert events[-1].done == events[-1].total


def test_sound_is_carried(clip: Path, tmp_path: Path) -> None:
    import av

    secondeye.convert(clip, tmp_path / "out.mp4", depth="parallax", **FAST)
    packets = []
    for path in (clip, tmp_path / "out.mp4"):
        with av.open(path) as container:
            packets.append([bytes(packet) for packet in container.demux(audio=0) if packet.size])
    assert packets[0] == packets[1]


def test_strength_zero_gives_both_eyes_the_same(clip: Path, tmp_path: Path) -> None:
    secondeye.convert(clip, tmp_path / "out.mp4", depth="parallax", strength=0.0, **FAST)
    for frame in read_video(tmp_path / "out.mp4")[0]:
        left, right = frame[:, :WIDTH].astype(int), frame[:, WIDTH:].astype(int)
        assert np.abs(left - right).mean() < 1.5


@pytest.mark.parametrize("eyes", ["right", "both"])
def test_depth_that_is_flat_shifts_the_whole_frame(clip: Path, tmp_path: Path, eyes: str) -> None:
    """With everything at inverse depth 1 and 8 px of strength, the two eyes differ by 4 px and nothing else."""
    np.savez(tmp_path / "depth.npz", np.ones((FRAMES, HEIGHT, WIDTH), np.float32))
    secondeye.convert(
        clip,
        tmp_path / "out.mkv",
        depth="file",
        depth_file=str(tmp_path / "depth.npz"),
        strength=8 / WIDTH,
        eyes=eyes,
        codec="ffv1",
        segment_frames=9,
    )
    for frame in read_video(tmp_path / "out.mkv")[0]:
        left, right = frame[:, :WIDTH].astype(int), frame[:, WIDTH:].astype(int)
        inner = slice(8, -8)
        shifted = right[:, inner]
        reference = left[:, 12 : WIDTH - 4]
        assert np.abs(shifted - reference).mean() < 3


def test_a_changed_strength_reuses_the_depth(clip: Path, tmp_path: Path) -> None:
    stages: list[set[str]] = []
    for strength in (0.02, 0.03):
        seen: set[str] = set()

        def watch(event: Progress, seen: set[str] = seen) -> None:
            if event.stage == "depth" and event.frames_per_s > 0:
                seen.add("estimated")

        secondeye.convert(
            clip, tmp_path / "out.mp4", depth="parallax", strength=strength, overwrite=True, progress=watch, **FAST
        )
        stages.append(seen)
    assert stages == [{"estimated"}, set()]


@pytest.mark.parametrize("inpainter", ["texture", "stretch"])
@pytest.mark.parametrize("depth", ["parallax", "file"])
def test_what_looks_at_one_frame_is_not_warmed_up(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, inpainter: str, depth: str
) -> None:
    """No frame is read twice for it, and the frames are those that it makes after a warm-up."""
    given = {"depth": depth, "codec": "ffv1", "inpainter": inpainter, "segment_frames": 9}
    if depth == "file":
        values = np.random.default_rng(0).random((FRAMES, 16, 24), np.float32)
        np.savez(tmp_path / "depth.npz", values)
        given["depth_file"] = str(tmp_path / "depth.npz")
    read: list[tuple[int, int]] = []

    def noted(source: FileSource, start: int, stop: int) -> Iterator[Clip]:
        read.append((start, stop))
        return FileSource.read(source, start, stop)

    class Noted(FileSource):
        read = noted

    monkeypatch.setattr("secondeye.convert.run.open_source", lambda path, index: Noted(probe(path), index=index))
    secondeye.convert(clip, tmp_path / "out.mkv", **given)
    assert read[-4:] == [(0, 9), (9, 18), (18, 27), (27, 36)]
    assert len(read) == (4 if depth == "file" else 8)
    monkeypatch.setattr(type(inpainters.build(inpainter)), "needs", Needs())
    secondeye.convert(clip, tmp_path / "warm.mkv", **given)
    assert read[-4:] == [(0, 9), (0, 18), (6, 27), (15, 36)]
    assert_same_video(tmp_path / "out.mkv", tmp_path / "warm.mkv")


def test_what_looks_ahead_sees_beyond_its_segment(tmp_path: Path) -> None:
    """Propagation fills the same whether a shot is one segment or many; and it does find something to fill with."""
    source = write_video(tmp_path / "film.mkv", moving_texture(FRAMES, WIDTH, HEIGHT), codec="ffv1")
    near = np.stack([frame[..., 0] > 200 for frame in read_video(source)[0]])
    np.savez(tmp_path / "depth.npz", near.astype(np.float32))
    given = {"depth_file": str(tmp_path / "depth.npz"), "codec": "ffv1", "strength": 0.08, "convergence": 0.0}
    filled = {}
    for name, segment_frames in (("propagate", FRAMES), ("propagate", 12), ("propagate", 5), ("texture", FRAMES)):
        out = tmp_path / f"{name}-{segment_frames}.mkv"
        secondeye.convert(source, out, inpainter=name, segment_frames=segment_frames, **given)
        filled[name, segment_frames] = out
    changed = [
        (one != other).any()
        for one, other in zip(*(read_video(filled[name, FRAMES])[0] for name in ("propagate", "texture")), strict=True)
    ]
    assert np.mean(changed) > 0.8
    for segment_frames in (12, 5):
        assert_same_video(filled["propagate", FRAMES], filled["propagate", segment_frames])


def test_dropping_the_depth_leaves_only_the_result(clip: Path, tmp_path: Path) -> None:
    secondeye.convert(clip, tmp_path / "out.mp4", depth="parallax", keep_depth=False, **FAST)
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]


def test_a_work_folder_of_the_users_keeps_what_is_in_it(clip: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    work = tmp_path / "mine"
    secondeye.convert(clip, tmp_path / "out.mp4", depth="parallax", work_dir=work, keep_depth=False, **FAST)
    assert [path.name for path in work.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize("junk", ["{}", "[1, 2]", "no json"])
def test_damaged_work_files_are_made_again(clip: Path, tmp_path: Path, junk: str) -> None:
    secondeye.convert(clip, tmp_path / "out.mp4", depth="parallax", **FAST)
    for file in (tmp_path / ".secondeye").rglob("*"):
        if file.suffix in (".json", ".npz"):
            file.write_text(junk)
    secondeye.convert(clip, tmp_path / "again.mp4", depth="parallax", **FAST)
    assert_same_video(tmp_path / "out.mp4", tmp_path / "again.mp4")


def test_settings_as_people_write_them(clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    options = {"bf": "0"}
    made = secondeye.convert(clip, out, depth="parallax", strength="1%", encoder_options=options, **FAST)
    assert made.frames == FRAMES


@pytest.mark.parametrize(
    "wrong",
    [
        {"strength": None},
        {"strength": [2]},
        {"strength": True},
        {"convergence": "near"},
        {"layout": None},
        {"segment_frames": 2.5},
        {"edge_dilation": 1.5},
        {"encoder_options": [("bf", "0")]},
        {"encoder_options": (("bf", 0),)},
        {"crf": "18"},
        {"depth": 3},
    ],
)
def test_settings_of_a_wrong_type(clip: Path, tmp_path: Path, wrong: dict[str, object]) -> None:
    with pytest.raises(InputError, match=next(iter(wrong))):
        secondeye.convert(clip, tmp_path / "out.mp4", **wrong)


@pytest.mark.parametrize("stage", ["scan", "depth", "convert", "join"])
def test_what_a_callback_raises_reaches_the_caller(clip: Path, tmp_path: Path, stage: str) -> None:
    def angry(event: Progress) -> None:
        if event.stage == stage and event.done:
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        secondeye.convert(clip, tmp_path / "out.mp4", depth="parallax", progress=angry, **FAST)
    made = secondeye.convert(clip, tmp_path / "out.mp4", depth="parallax", overwrite=True, **FAST)
    assert made.frames == FRAMES


def test_depth_that_was_damaged_is_made_anew(clip: Path, tmp_path: Path) -> None:
    secondeye.convert(clip, tmp_path / "one.mp4", depth="parallax", work_dir=tmp_path / "work", **FAST)
    stored = sorted((tmp_path / "work").rglob("depth-*.npz"))[1]
    data = bytearray(stored.read_bytes())
    data[len(data) // 3 : len(data) // 3 + 200] = bytes(200)
    stored.write_bytes(data)
    again = {"depth": "parallax", "work_dir": tmp_path / "work", "strength": 0.01, **FAST}
    with pytest.raises(SegmentError, match="damaged"):
        secondeye.convert(clip, tmp_path / "two.mp4", **again)
    assert secondeye.convert(clip, tmp_path / "two.mp4", **again).frames == FRAMES


def test_a_source_that_changes_meanwhile_is_noticed(clip: Path, tmp_path: Path) -> None:
    source = Path(shutil.copy(clip, tmp_path / "in.mp4"))

    def meddle(event: Progress) -> None:
        if event.stage == "convert":
            os.utime(source, (1, 1))

    with pytest.raises(InputError, match="changed"):
        secondeye.convert(source, tmp_path / "out.mp4", depth="parallax", progress=meddle, **FAST)
    assert not (tmp_path / "out.mp4").exists()


def test_stopping_early_keeps_the_scan(clip: Path, tmp_path: Path) -> None:
    def stop(event: Progress) -> None:
        if event.stage == "depth":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        secondeye.convert(clip, tmp_path / "o.mp4", depth="parallax", work_dir=tmp_path / "w", progress=stop, **FAST)
    assert len(list((tmp_path / "w").rglob("scan.json"))) == 1


@pytest.mark.parametrize("wrong", ["", "a\0b", 3, None, b"x.mp4"])
def test_what_is_no_path(wrong: object) -> None:
    with pytest.raises(InputError, match="source is the path"):
        secondeye.convert(wrong)


KILLED = """
import sys, secondeye
secondeye.convert(sys.argv[1], sys.argv[2], depth="parallax", preset="ultrafast", segment_frames=9)
"""


@pytest.mark.parametrize("stage", ["depth-00001.npz", "part-00001.nut"])
def test_a_killed_run_goes_on_and_ends_the_same(clip: Path, tmp_path: Path, stage: str) -> None:
    """Kill -9 once the second depth or part file is there; what the next run ends with equals an undisturbed one."""
    target = tmp_path / "killed" / "out.mp4"
    command = [sys.executable, "-c", KILLED, str(clip), str(target)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not list((tmp_path / "killed").rglob(stage)):
        assert process.poll() is None, "the run ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not target.exists()
    for out in (target, tmp_path / "whole.mp4"):  # each in a process of its own, as a user would
        subprocess.run([sys.executable, "-c", KILLED, str(clip), str(out)], check=True, timeout=120)
    assert_same_video(target, tmp_path / "whole.mp4")


def test_frames_do_not_depend_on_where_parts_were_made(clip: Path, tmp_path: Path) -> None:
    """A part made alone, after the others, has the frames that it has in one go."""
    secondeye.convert(clip, tmp_path / "one.mp4", depth="parallax", **FAST)
    secondeye.convert(clip, tmp_path / "two.mp4", depth="parallax", work_dir=tmp_path / "elsewhere", **FAST)
    assert_same_video(tmp_path / "one.mp4", tmp_path / "two.mp4")


def assert_same_video(one: Path, other: Path) -> None:
    (frames, times), (other_frames, other_times) = read_video(one), read_video(other)
    assert times == other_times
    assert len(frames) == len(other_frames)
    assert all(np.array_equal(a, b) for a, b in zip(frames, other_frames, strict=True))
