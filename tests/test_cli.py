"""The command as a user meets it: help, messages, exit codes, and nothing lost."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from secondeye.cli.app import run
from tests.media import moving_texture, read_video, write_video

Output = pytest.CaptureFixture[str]
FAST = ("--depth", "parallax", "--preset", "ultrafast", "--progress", "none")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    return write_video(path, moving_texture(8, 64, 48), with_sound=True)


def fails(capsys: Output, arguments: list[str], code: int, *words: str) -> None:
    """Run; expect this exit code and one line on stderr that has all these words."""
    capsys.readouterr()
    assert run(arguments) == code
    captured = capsys.readouterr()
    lines = [line for line in captured.err.splitlines() if not line.startswith("note: ")]
    assert len(lines) == 1, captured.err
    assert "Traceback" not in captured.err
    for word in words:
        assert word in lines[0], lines[0]


@pytest.mark.parametrize(
    "command", [[], ["convert"], ["depth"], ["inspect"], ["weights"], ["weights", "list"], ["sample"], ["evaluate"]]
)
def test_help_of_every_command(capsys: Output, command: list[str]) -> None:
    assert run([*command, "--help"]) == 0
    assert "Usage: secondeye" in capsys.readouterr().out


@pytest.mark.parametrize("command", [[], ["convert"], ["evaluate"], ["sample"], ["weights"]])
def test_a_command_without_anything_shows_its_help_and_no_more(capsys: Output, command: list[str]) -> None:
    assert run(command) == 2
    captured = capsys.readouterr()
    assert "Usage: secondeye" in captured.out
    assert not captured.err


def test_version(capsys: Output) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out.startswith("secondeye 0.")


def test_a_name_is_found_when_none_is_given(clip: Path, tmp_path: Path, capsys: Output) -> None:
    source = Path(shutil.copy(clip, tmp_path / "film.mp4"))
    assert run(["convert", str(source), *FAST]) == 0
    made = [path for path in tmp_path.glob("film*.mp4") if path != source]
    assert len(made) == 1
    assert made[0].name in capsys.readouterr().out
    assert read_video(made[0])[0][0].shape == (48, 128, 3)


def test_json_progress_is_one_object_a_line(clip: Path, tmp_path: Path, capsys: Output) -> None:
    arguments = ["convert", str(clip), str(tmp_path / "o.mp4"), *FAST[:4], "--progress", "json"]
    assert run(arguments) == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert events[-1]["event"] == "done"
    assert events[-1]["files"] == [str(tmp_path / "o.mp4")]
    assert {"depth", "convert"} <= {event.get("stage") for event in events}


def test_json_errors_are_objects_too(tmp_path: Path, capsys: Output) -> None:
    assert run(["convert", str(tmp_path / "none.mp4"), "--progress", "json"]) == 2
    event = json.loads(capsys.readouterr().out)
    assert event["event"] == "error"
    assert event["exit_code"] == 2


def test_a_dry_run_says_what_it_would_take_and_leaves_nothing(clip: Path, tmp_path: Path, capsys: Output) -> None:
    assert run(["convert", str(clip), str(tmp_path / "o.mp4"), *FAST, "--dry-run"]) == 0
    text = capsys.readouterr().out
    for word in ("source", "result", "128x48", "segments", "size", "time"):
        assert word in text
    assert list(tmp_path.iterdir()) == []


def test_a_dry_run_of_pictures(tmp_path: Path, capsys: Output) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("a.png", "b.png"):
        Image.new("RGB", (24, 16), (90, 120, 60)).save(folder / name)
    assert run(["convert", str(folder), *FAST[:4], "--progress", "plain", "--dry-run"]) == 0
    shown = capsys.readouterr()
    assert "2 pictures" in shown.out
    assert "--preset: for films only" in shown.err
    assert run(["convert", str(folder / "a.png"), *FAST, "--dry-run"]) == 0
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a.png", "b.png", "in"]


def test_codecs_by_other_names(clip: Path, tmp_path: Path) -> None:
    assert run(["convert", str(clip), str(tmp_path / "o.mp4"), *FAST, "--codec", "x264"]) == 0
    with av.open(tmp_path / "o.mp4") as container:
        assert container.streams.video[0].codec_context.name == "h264"


def test_a_source_that_is_stereo_already(clip: Path, tmp_path: Path, capsys: Output) -> None:
    once, twice = tmp_path / "once.mkv", tmp_path / "twice.mkv"
    assert run(["convert", str(clip), str(once), *FAST]) == 0
    capsys.readouterr()
    assert run(["convert", str(once), str(twice), *FAST[:4], "--progress", "json"]) == 0
    (note,) = json.loads(capsys.readouterr().out.splitlines()[-1])["notes"]
    assert "stereoscopic already (sbs)" in note


def test_two_files_for_a_pair(clip: Path, tmp_path: Path) -> None:
    assert run(["convert", str(clip), str(tmp_path / "o.mp4"), *FAST, "--layout", "pair"]) == 0
    names = sorted(path.name for path in tmp_path.glob("*.mp4"))
    assert names == ["o.left.mp4", "o.right.mp4"]
    for name in names:
        assert read_video(tmp_path / name)[0][0].shape == (48, 64, 3)


def test_depth_out_and_in_again(clip: Path, tmp_path: Path) -> None:
    depth = tmp_path / "depth.mkv"
    assert run(["depth", str(clip), str(depth), "--depth", "parallax", "--progress", "none"]) == 0
    out = tmp_path / "o.mp4"
    assert run(["convert", str(clip), str(out), "--depth-file", str(depth), "--progress", "none"]) == 0
    assert len(read_video(out)[0]) == 8


def test_depth_is_replaced_only_where_asked(clip: Path, tmp_path: Path, capsys: Output) -> None:
    command = ["depth", str(clip), str(tmp_path / "d.npz"), "--depth", "parallax", "--progress", "none"]
    assert run(command) == 0
    fails(capsys, command, 2, "exists")
    assert run([*command, "--overwrite"]) == 0


def test_pictures_of_one_name_do_not_replace_each_other(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in ("a.png", "a.bmp", "b.png"):
        Image.new("RGB", (24, 16), (90, 120, 60)).save(tmp_path / "in" / name)
    assert (
        run(["convert", str(tmp_path / "in"), str(tmp_path / "out"), "--depth", "parallax", "--progress", "none"]) == 0
    )
    assert len(list((tmp_path / "out").iterdir())) == 3


# ---- bad input: one line, the right code, nothing lost ----


def test_missing_file(tmp_path: Path, capsys: Output) -> None:
    fails(capsys, ["convert", str(tmp_path / "none.mp4")], 2, "none.mp4")


def test_empty_folder(tmp_path: Path, capsys: Output) -> None:
    fails(capsys, ["convert", str(tmp_path)], 2, str(tmp_path))


@pytest.mark.parametrize("content", [b"", b"This is no film.\n" * 40])
def test_what_is_not_a_video(tmp_path: Path, capsys: Output, content: bytes) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(content)
    fails(capsys, ["convert", str(path)], 2, "film.mp4")
    assert path.read_bytes() == content


def test_output_is_the_input(clip: Path, tmp_path: Path, capsys: Output) -> None:
    source = Path(shutil.copy(clip, tmp_path / "film.mp4"))
    before = source.read_bytes()
    fails(capsys, ["convert", str(source), str(source), "--overwrite"], 2, "source itself")
    assert source.read_bytes() == before


def test_existing_output_is_kept(clip: Path, tmp_path: Path, capsys: Output) -> None:
    out = tmp_path / "o.mp4"
    out.write_bytes(b"precious")
    fails(capsys, ["convert", str(clip), str(out), *FAST], 2, "exists", "--overwrite")
    assert out.read_bytes() == b"precious"
    assert run(["convert", str(clip), str(out), *FAST, "--overwrite"]) == 0
    assert out.stat().st_size > 100


def test_a_file_where_the_folder_should_be(clip: Path, tmp_path: Path, capsys: Output) -> None:
    (tmp_path / "file").write_bytes(b"x")
    fails(capsys, ["convert", str(clip), str(tmp_path / "file" / "o.mp4"), *FAST], 2, "folder")


@pytest.mark.skipif(os.geteuid() == 0 and not os.path.exists("/proc"), reason="root may write anywhere")
def test_output_that_cannot_be_written(clip: Path, capsys: Output) -> None:
    fails(capsys, ["convert", str(clip), "/proc/o.mp4", *FAST], 2, "/proc")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--strength", "lots"], ["strength", "2%"]),
        (["--strength", "2"], ["2%"]),
        (["--strength", "90%"], ["strength"]),
        (["--strength=-1%"], ["strength"]),
        (["--strength", "nan"], ["strength"]),
        (["--convergence", "7"], ["convergence"]),
        (["--convergence", "middle"], ["convergence"]),
        (["--eyes", "left"], ["right"]),
        (["--layout", "side-by-side"], ["sbs"]),
        (["--inpainter", "strech"], ["'stretch'"]),
        (["--depth", "paralax"], ["'parallax'"]),
        (["--depth", "file"], ["--depth-file"]),
        (["--depth-file", "missing.mkv"], ["missing.mkv"]),
        (["--codec", "hevcc"], ["hevc"]),
        (["--crf", "900"], ["crf"]),
        (["--preset", "fastest"], ["preset"]),
        (["--pixel-format", "yuv42"], ["pixel format"]),
        (["--encoder-option", "nonsense=1"], ["nonsense"]),
        (["--encoder-option", "nonsense"], ["KEY=VALUE"]),
        (["--edge-dilation", "99"], ["edge dilation"]),
        (["--progress", "jsn"], ["json"]),
        (["--strenght", "2%"], ["--strength"]),
    ],
)
def test_impossible_options(clip: Path, tmp_path: Path, capsys: Output, options: list[str], words: list[str]) -> None:
    fails(capsys, ["convert", str(clip), str(tmp_path / "new" / "o.mp4"), *options], 2, *words)
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_option_is_said_before_an_output_that_exists(clip: Path, tmp_path: Path, capsys: Output) -> None:
    out = tmp_path / "o.mp4"
    out.write_bytes(b"mine")
    fails(capsys, ["convert", str(clip), str(out), "--preset", "fastest"], 2, "preset")
    assert out.read_bytes() == b"mine"


@pytest.mark.parametrize(("codec", "ending"), [("libopus", ".mov")])
def test_sound_that_a_muxer_refuses_only_in_its_header(tmp_path: Path, capsys: Output, codec: str, ending: str) -> None:
    source = tmp_path / "in.mkv"
    with av.open(source, "w") as container:
        video = container.add_stream("libx264", rate=24, options={"preset": "ultrafast"})
        video.width, video.height, video.pix_fmt = 32, 32, "yuv420p"
        sound = container.add_stream(codec, rate=48000, layout="stereo")
        sound.codec_context.open()
        for frame in moving_texture(2, 32, 32):
            container.mux(video.encode(av.VideoFrame.from_ndarray(frame, "rgb24")))
        container.mux(video.encode(None))
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 2 * 4800), np.int16), format="s16", layout="stereo")
        silence.sample_rate = 48000
        container.mux(sound.encode(silence))
        container.mux(sound.encode(None))
    fails(capsys, ["convert", str(source), str(tmp_path / f"o{ending}"), *FAST], 2, "sound track", ".mkv")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.mkv"]


@pytest.mark.parametrize("name", ["co:lon.mp4", "http:x.mp4", "-dash.mp4", "50%03d.mp4"])
def test_names_that_look_like_something_else(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copy(clip, name)
    assert run(["convert", *FAST, "--", name, f"out_{name}"]) == 0
    assert len(read_video(tmp_path / f"out_{name}")[0]) == 8


def test_names_that_are_no_text(clip: Path, tmp_path: Path) -> None:
    source = os.fsdecode(os.fsencode(tmp_path) + b"/bad\xff.mp4")
    shutil.copy(clip, source)
    assert run(["convert", source, str(tmp_path / "o.mp4"), *FAST]) == 0


def test_a_name_that_is_too_long(clip: Path, tmp_path: Path, capsys: Output) -> None:
    fails(capsys, ["convert", str(clip), str(tmp_path / f"{'n' * 300}.mp4"), *FAST], 2, "too long")


def test_an_ending_of_depth_is_checked_before_any_work(clip: Path, tmp_path: Path, capsys: Output) -> None:
    fails(capsys, ["depth", str(clip), str(tmp_path / "d.mov"), "--progress", "none"], 2, ".mkv")
    assert list(tmp_path.iterdir()) == []


def test_unknown_ending(clip: Path, tmp_path: Path, capsys: Output) -> None:
    fails(capsys, ["convert", str(clip), str(tmp_path / "o.xyz"), *FAST], 2, ".xyz")


@pytest.mark.parametrize("size", [(1, 1), (16, 1), (1, 16), (33, 17)])
def test_tiny_and_odd_sizes(tmp_path: Path, size: tuple[int, int]) -> None:
    width, height = size
    rng = np.random.default_rng(1)
    frames = (rng.integers(0, 255, (height, width, 3), dtype=np.uint8) for _ in range(3))
    source = write_video(tmp_path / "in.avi", frames, codec="rawvideo", pixel_format="bgr24")
    assert run(["convert", str(source), str(tmp_path / "o.mp4"), *FAST]) == 0
    assert len(read_video(tmp_path / "o.mp4")[0]) == 3


def test_one_frame(tmp_path: Path) -> None:
    source = write_video(tmp_path / "in.mp4", moving_texture(1, 64, 48))
    assert run(["convert", str(source), str(tmp_path / "o.mp4"), *FAST]) == 0
    assert len(read_video(tmp_path / "o.mp4")[0]) == 1


def test_truncated(clip: Path, tmp_path: Path, capsys: Output) -> None:
    """Cut in the middle of the index it cannot be read; what remains of a Matroska file converts."""
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(clip.read_bytes()[:-200])
    assert run(["convert", str(cut), str(tmp_path / "o.mp4"), *FAST]) in (0, 2)
    source = write_video(tmp_path / "long.mkv", moving_texture(60, 64, 48))
    half = tmp_path / "half.mkv"
    half.write_bytes(source.read_bytes()[: source.stat().st_size // 2])
    assert run(["convert", str(half), str(tmp_path / "half_3d.mp4"), *FAST]) == 0
    assert 5 < len(read_video(tmp_path / "half_3d.mp4")[0]) < 60


@pytest.mark.parametrize("name", ["odd_audio_only/bbb5s_aac_sidx.mp4", "odd_vvc/vvc_400kbps_2s.mp4"])
def test_shared_files_that_have_no_picture_for_us(shared: Path, tmp_path: Path, capsys: Output, name: str) -> None:
    path = shared / "data" / "C" / name
    if not path.exists():
        pytest.skip(f"{name} is not in this copy of the media")
    assert run(["convert", str(path), str(tmp_path / "o.mp4"), *FAST]) in (0, 2)
    assert "Traceback" not in capsys.readouterr().err


# ---- standard output ----


@pytest.mark.parametrize(
    ("shell", "code"),
    [
        ("{command} convert {clip} {out} {fast} --progress json > /dev/full", 4),
        ("{command} convert {clip} {out} {fast} --progress none >&-", 0),
        ("{command} convert {clip} {out} {fast} --progress json | true; exit ${{PIPESTATUS[0]}}", 130),
        ("{command} --help | true; exit ${{PIPESTATUS[0]}}", 130),
    ],
)
def test_output_that_nobody_takes(clip: Path, tmp_path: Path, shell: str, code: int) -> None:
    if "/dev/full" in shell and not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    command = shell.format(
        command=f"{sys.executable} -m secondeye", clip=clip, out=tmp_path / "o.mp4", fast=" ".join(FAST[:4])
    )
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=120, check=False)
    assert "Traceback" not in done.stderr
    assert done.returncode in (code, 0) if "| true" in shell else done.returncode == code, done.stderr
