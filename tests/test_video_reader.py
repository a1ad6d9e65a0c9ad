"""Reading by frame number: the same frames whatever the start, the right times, and nothing lost to damage."""

import json
import logging
import random
import shutil
import subprocess
import threading
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from secondeye.errors import ContractError, InputError
from secondeye.types import Source
from secondeye.video.decoding import Decoding, SeekMissed
from secondeye.video.index import FrameIndex, PacketNote, index_from_frames, index_from_packets
from secondeye.video.reader import VideoSource, open_source
from tests.small_videos import encode, picture

X264 = "open-gop=1:bframes=3:b-adapt=0:keyint=6:min-keyint=6:scenecut=0"
X265 = "log-level=none:open-gop=1:bframes=4:keyint=6:min-keyint=6"
UNEVEN = np.cumsum(np.random.default_rng(5).integers(10, 90, 26)).tolist()

FORMATS: dict[str, tuple[str, dict[str, Any]]] = {
    "b_frames.mp4": ("libx264", {"max_b_frames": 3}),
    "open_gop.mp4": ("libx264", {"options": {"x264-params": X264}}),
    "open_gop.ts": ("libx264", {"options": {"x264-params": X264}}),
    "open_gop_hevc.mkv": ("libx265", {"options": {"x265-params": X265}}),
    "many_keys.mp4": ("libx264", {"options": {"x264-params": "keyint=2:min-keyint=1:bframes=3:scenecut=0"}}),
    "refresh.mp4": ("libx264", {"options": {"x264-params": "intra-refresh=1:keyint=8:bframes=0"}}),
    "uneven.mkv": ("libx264", {"max_b_frames": 2, "times_ms": UNEVEN}),
    "uneven.mp4": ("libx264", {"max_b_frames": 2, "times_ms": UNEVEN}),
    "mpeg2.mpg": ("mpeg2video", {"max_b_frames": 2}),
    "mpeg4.avi": ("mpeg4", {"max_b_frames": 2}),
    "no_times.avi": ("libx264", {"max_b_frames": 2}),
    "raw.h264": ("libx264", {"max_b_frames": 2, "container": "h264"}),
    "vp8.webm": ("libvpx", {"options": {"auto-alt-ref": "1", "lag-in-frames": "10"}}),
    "vp9.webm": ("libvpx-vp9", {"options": {"lag-in-frames": "20", "deadline": "realtime", "cpu-used": "8"}}),
    "animated.gif": ("gif", {"pixel_format": "rgb8"}),
    "ten_bits.mkv": ("ffv1", {"pixel_format": "yuv422p10le"}),
    "one_frame.mp4": ("libx264", {"count": 1}),
}

NEEDS_FFPROBE = pytest.mark.skipif(not shutil.which("ffprobe"), reason="no ffprobe on this machine to compare with")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("videos")


def made(folder: Path, name: str) -> Path:
    path = folder / name
    codec, options = FORMATS[name]
    return path if path.exists() else encode(path, codec, **options)


def frames_of(source: VideoSource, start: int, stop: int) -> dict[int, tuple[int, bytes]]:
    """Time and pixels by frame number."""
    return {
        clip.start + i: (int(clip.pts[i]), clip.rgb[i].numpy().tobytes())
        for clip in source.read(start, stop)
        for i in range(len(clip))
    }


@pytest.mark.parametrize("name", FORMATS)
def test_any_start_gives_the_same_frames(folder: Path, name: str) -> None:
    with open_source(made(folder, name), clip_bytes=3 * 12 * 64 * 32) as source:
        count = FORMATS[name][1].get("count", 26)
        assert isinstance(source, Source)
        assert source.index.frame_count == count == source.info.frame_count
        whole = frames_of(source, 0, count)
        assert sorted(whole) == list(range(count))
        for start in reversed(range(count)):
            stop = min(count, start + 4)
            assert frames_of(source, start, stop) == {i: whole[i] for i in range(start, stop)}
        onward: dict[int, tuple[int, bytes]] = {}
        for start in range(0, count, 5):  # goes on with the decoder that the read before has parked
            onward |= frames_of(source, start, min(count, start + 5))
        assert onward == whole


@pytest.mark.parametrize("name", FORMATS)
def test_frames_come_in_the_order_of_the_pictures(folder: Path, name: str) -> None:
    """Each frame is nearer to the picture that was encoded than to any other."""
    with open_source(made(folder, name)) as source:
        count = len(source.index)
        pictures = np.stack([picture(i) for i in range(count)]).astype(np.float32) / 255
        rgb = torch.cat([clip.rgb.clone() for clip in source.read(0, count)]).numpy().transpose(0, 2, 3, 1)
        errors = np.abs(rgb[:, None] - pictures[None]).mean((2, 3, 4))
        assert errors.argmin(1).tolist() == list(range(count))


@pytest.mark.parametrize("name", ["uneven.mkv", "uneven.mp4"])
def test_uneven_times_are_kept(folder: Path, name: str) -> None:
    with open_source(made(folder, name)) as source:
        times = [Fraction(int(pts)) * source.info.time_base for pts in source.index.pts]
        assert [round((time - times[0]) * 1000) for time in times] == [time - UNEVEN[0] for time in UNEVEN]
        assert not source.index.is_constant_rate()


@pytest.mark.parametrize("name", ["b_frames.mp4", "open_gop.ts", "mpeg2.mpg", "ten_bits.mkv"])
def test_even_times_are_seen_to_be_even(folder: Path, name: str) -> None:
    with open_source(made(folder, name)) as source:
        assert source.index.is_constant_rate()
        assert source.index.mean_rate(source.info.time_base) == pytest.approx(25, rel=0.02)


@pytest.mark.parametrize("name", ["b_frames.mp4", "many_keys.mp4", "open_gop.ts", "open_gop_hevc.mkv", "mpeg2.mpg"])
def test_seeking_never_lands_late(folder: Path, name: str) -> None:
    """MP4 seeks by decoding time, which may lie before an earlier keyframe's time of showing."""
    path = made(folder, name)
    with open_source(path) as source:
        keys = [int(source.index.pts[key]) for key in source.index.keyframes]
    for pts in keys:
        with Decoding(path, 0, strict=False, threaded=False, seek_pts=pts) as decoding:
            try:
                first = decoding.all_notes()[0]
            except SeekMissed:
                continue
            assert first.is_key
            assert first.pts is not None
            assert first.pts <= pts


@pytest.mark.media
@pytest.mark.skipif(not shutil.which("ffmpeg"), reason="PyAV cannot encode in two passes, which hidden frames take")
def test_hidden_frames_are_not_counted(shared: Path, tmp_path: Path) -> None:
    path = tmp_path / "hidden.webm"
    clip = str(shared / "data" / "C" / "cotracker_cat" / "cat.mp4")
    scale = ["-frames:v", "60", "-vf", "scale=64:-2", "-c:v", "libvpx", "-b:v", "30k", "-auto-alt-ref", "1"]
    for number in "12":
        log = ["-lag-in-frames", "25", "-pass", number, "-passlogfile", str(tmp_path / "log")]
        subprocess.run(["ffmpeg", "-v", "error", "-y", "-i", clip, "-an", *scale, *log, str(path)], check=True)
    with Decoding(path, 0, strict=False, threaded=False) as decoding:
        assert len(decoding.all_notes()) > 60, "or the test tests nothing"
    with open_source(path) as source:
        assert len(source.index) == 60
        assert source.index.is_seekable
        assert not source.index.is_flawed
        whole = frames_of(source, 0, 60)
        assert all(frames_of(source, n, n + 1) == {n: whole[n]} for n in (0, 7, 31, 59))


def test_files_without_times_are_counted(folder: Path) -> None:
    for name in ("no_times.avi", "raw.h264"):
        with open_source(made(folder, name)) as source:
            assert not source.index.is_seekable
            assert (np.diff(source.index.pts) > 0).all()


@NEEDS_FFPROBE
@pytest.mark.media
@pytest.mark.parametrize(
    "name",
    [
        "C/odd_unordered_pts/unordered.mov",
        "C/intel_asl_bird/bird.mkv",
        "C/odd_gif_people/people-detection.gif",
        "C/odd_av1_video/av1_video.mkv",
        "C/cotracker_cat/cat.mp4",
        "C/odd_nasa_multistream/nasa_13013.mp4",
        "C/odd_bbb_240p/bbb_prog_10s.mp4",
        "C/carphone_qcif_broken/carphone_distorted.mp4",
        "B/mvhevc_tiny/stereo_spatial.mp4",
    ],
)
def test_times_are_those_of_ffprobe(shared: Path, name: str) -> None:
    path = shared / "data" / name
    with open_source(path) as source:
        stream = str(source.file.stream_index)
        command = ["ffprobe", "-v", "error", "-select_streams", stream, "-show_entries", "frame=pts", "-of", "csv=p=0"]
        output = subprocess.run([*command, str(path)], capture_output=True, text=True, check=True).stdout
        assert source.index.pts.tolist() == [int(line.strip(",")) for line in output.split() if line.strip(",")]


@pytest.mark.media
@pytest.mark.parametrize("name", ["C/odd_unordered_pts/unordered.mov", "C/cotracker_cat/cat.mp4"])
def test_any_start_gives_the_same_frames_of_real_files(shared: Path, name: str) -> None:
    with open_source(shared / "data" / name) as source:
        count = len(source.index)
        whole = frames_of(source, 0, count)
        for start in range(0, count, 17):
            stop = min(count, start + 2)
            assert frames_of(source, start, stop) == {i: whole[i] for i in range(start, stop)}


@pytest.mark.media
@pytest.mark.slow
def test_every_shared_file_reads_or_says_why_not(shared: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The first frame and the last (of small files all), or one line; nothing else may happen."""
    data = shared / "data"
    folders = ["B/kitti_raw_adas/left", "C/davis_bmx-trees/frames", "C/davis_bmx-trees", "D/kodak_odd", "D"]
    stills = [path for path in sorted((data / "D").rglob("*.*")) if "bsds" not in str(path)]
    films = [path for kind in "BC" for path in sorted((data / kind).glob("*/*.*")) if path.suffix != ".txt"]
    refused = []
    for path in [*films, *stills, *(data / name for name in folders)]:
        try:
            source = open_source(path)
        except InputError as error:
            refused.append((path.relative_to(data).as_posix(), str(error)))
            continue
        with source:
            if path.is_dir() or path.stat().st_size < 500_000:
                shown = [number for number, _ in source.thumbnails(64)]
                assert len(shown) == len(source.index), path
            count = len(source.index)
            ends = [clip.start for number in (0, count - 1) for clip in source.read(number, number + 1)]
            assert ends == [0, count - 1], path
    assert all("\n" not in message for _, message in refused)
    assert [name for name, _ in refused] == [
        "C/odd_audio_only/bbb5s_aac_sidx.mp4",
        "D/heic_spatial_visionpro/vision-pro.HEIC",
        "C/davis_bmx-trees",
        "D/kodak_odd",
        "D",
    ]


# ---- grouping, indexes, threads --------------------------------------------------------------------------------------


def test_clips_hold_what_fits_and_no_more(folder: Path) -> None:
    with open_source(made(folder, "b_frames.mp4"), clip_bytes=4 * 12 * 64 * 32 + 5) as source:
        assert [len(clip) for clip in source.read(3, 26)] == [4, 4, 4, 4, 4, 3]
        assert [clip.start for clip in source.read(3, 26)] == [3, 7, 11, 15, 19, 23]
    with open_source(made(folder, "b_frames.mp4"), clip_bytes=1) as single:
        assert [len(clip) for clip in single.read(0, 3)] == [1, 1, 1]


def test_an_index_survives_json_and_saves_making_it(folder: Path) -> None:
    for name in ("uneven.mkv", "raw.h264", "b_frames.mp4"):
        with open_source(made(folder, name)) as source:
            index, whole = source.index, frames_of(source, 0, len(source.index))
        stored = FrameIndex.from_data(json.loads(json.dumps(index.to_data())))
        assert stored == index
        with open_source(made(folder, name), index=stored) as again:
            assert again.index is stored
            assert frames_of(again, 0, len(index)) == whole


@given(steps=st.lists(st.integers(1, 10**6), max_size=40), first=st.integers(-(10**9), 10**9))
def test_index_data_is_exact(steps: list[int], first: int) -> None:
    pts = np.cumsum([first, *steps], dtype=np.int64)
    index = FrameIndex(pts, 7, np.array([0], np.int64), is_decoded=True, damaged_frames=2)
    again = FrameIndex.from_data(json.loads(json.dumps(index.to_data())))
    assert again == index
    assert again.durations.tolist() == [*steps, 7]
    assert [again.number_of(int(time)) for time in pts] == list(range(len(pts)))
    assert again.number_of(int(pts[-1]) + 1) is None


def test_index_data_of_another_make_is_refused() -> None:
    with pytest.raises(ContractError, match="frame index"):
        FrameIndex.from_data({"pts": [1, 2]})


def notes(*times: int | None) -> list[PacketNote]:
    return [PacketNote(time, 10, number == 0, False) for number, time in enumerate(times)]


def test_packets_are_trusted_only_with_one_time_each() -> None:
    index = index_from_packets(notes(0, 30, 10, 20), 10)
    assert index is not None
    assert index.pts.tolist() == [0, 10, 20, 30]
    assert index.is_seekable
    assert index_from_packets(notes(0, None, 10), 10) is None
    assert index_from_packets(notes(0, 10, 10), 10) is None
    assert index_from_packets([*notes(0, 10), PacketNote(20, 10, False, True)], 10) is None
    assert index_from_packets([], 10) is None


def test_frames_with_odd_times_are_spread() -> None:
    index = index_from_frames([None, 5, 5, 3, None, 100], notes(0, 5, 5, 3, 50, 100), 10)
    assert index.pts.tolist() == [0, 5, 15, 25, 35, 100]
    assert not index.is_seekable
    sound = index_from_frames([0, 10, 30], notes(0, 30, 10, 20), 10)
    assert sound.is_seekable
    assert sound.pts.tolist() == [0, 10, 30]


def test_a_scan_makes_the_index_on_the_way(folder: Path) -> None:
    with open_source(made(folder, "open_gop.mp4")) as source:
        numbers = [number for number, _ in source.thumbnails()]
        assert numbers == list(range(26))
        assert source.index.is_decoded
        assert source.index.pts.tolist() == index_by_packets(folder, "open_gop.mp4").pts.tolist()


def index_by_packets(folder: Path, name: str) -> FrameIndex:
    with open_source(made(folder, name)) as source:
        assert not source.index.is_decoded
        return source.index


def test_frames_outside_are_refused(folder: Path) -> None:
    with open_source(made(folder, "b_frames.mp4")) as source:
        for start, stop in ((-1, 3), (0, 27), (5, 4)):
            with pytest.raises(ContractError):
                list(source.read(start, stop))
        assert list(source.read(4, 4)) == []


def test_reads_may_run_at_once(folder: Path) -> None:
    with open_source(made(folder, "open_gop.mp4")) as source:
        whole = frames_of(source, 0, 26)
        results: list[bool] = []

        def work(start: int) -> None:
            got = frames_of(source, start, start + 9)
            results.append(got == {i: whole[i] for i in range(start, start + 9)})

        threads = [threading.Thread(target=work, args=(start,)) for start in (0, 3, 9, 17)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert results == [True] * 4


def open_files(path: Path) -> int:
    return sum(link.resolve() == path for link in Path("/proc/self/fd").iterdir() if link.exists())


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts open files through /proc")
def test_an_abandoned_read_lets_go_of_the_file(folder: Path) -> None:
    path = made(folder, "b_frames.mp4").resolve()
    with open_source(path, clip_bytes=1) as source:
        clips = source.read(0, 26)
        next(clips)
        assert open_files(path) == 1
        del clips
        assert open_files(path) == 0
        list(source.read(0, 5))
    assert open_files(path) == 0


def test_buffers_are_not_used_again_while_held(folder: Path) -> None:
    with open_source(made(folder, "b_frames.mp4"), clip_bytes=1) as source:
        expected = frames_of(source, 0, 26)
        held = [clip.rgb[0, :] for clip in source.read(0, 26)]
        list(source.read(0, 10))
        assert [rgb.numpy().tobytes() for rgb in held] == [expected[number][1] for number in range(26)]


# ---- sizes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(1, 1), (16, 1), (1, 16), (33, 17), (2, 2)])
@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv422p10le", "bgr0"])
def test_tiny_and_odd_sizes(tmp_path: Path, size: tuple[int, int], pixel_format: str) -> None:
    path = encode(tmp_path / "tiny.nut", "rawvideo", size=size, pixel_format=pixel_format, count=3)
    with open_source(path) as source:
        assert (source.info.width, source.info.height) == size
        (clip,) = source.read(0, 3)
        assert clip.size == (size[1], size[0])
        assert [thumbnail.shape for _, thumbnail in source.thumbnails()] == [(size[1], size[0], 3)] * 3


def test_8k(tmp_path: Path) -> None:
    blocks = picture(0, 64, 36).repeat(120, 0).repeat(120, 1)
    frame = av.VideoFrame.from_ndarray(blocks, format="rgb24").reformat(format="yuvj444p")
    path = encode(tmp_path / "8k.mkv", "mjpeg", frames=[frame])
    with open_source(path) as source:
        (clip,) = source.read(0, 1)
        assert clip.size == (4320, 7680)
        expected = torch.from_numpy(blocks[60::120, 60::120].copy()).permute(2, 0, 1) / 255
        assert (clip.rgb[0, :, 60::120, 60::120] - expected).abs().mean() < 0.02


# ---- damage ----------------------------------------------------------------------------------------------------------


def damaged(path: Path, target: Path, flips: int, seed: int) -> Path:
    """A copy with some bytes of its middle changed."""
    content, rng = bytearray(path.read_bytes()), random.Random(seed)
    for _ in range(flips):
        content[rng.randrange(len(content) // 5, 4 * len(content) // 5)] ^= rng.randrange(1, 256)
    target.write_bytes(content)
    return target


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
@pytest.mark.parametrize("scanned", [True, False])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_damaged_data_is_read_the_same_way_every_time(tmp_path: Path, codec: str, scanned: bool, seed: int) -> None:
    options = {"x265-params": "log-level=none:keyint=8"} if codec == "libx265" else {"x264-params": "keyint=8"}
    whole = encode(tmp_path / "whole.ts", codec, size=(160, 96), count=40, options=options)
    with open_source(damaged(whole, tmp_path / "damaged.ts", 12, seed)) as source:
        if scanned:
            list(source.thumbnails())
        count = len(source.index)
        assert 20 <= count <= 40
        expected = frames_of(source, 0, count)
        assert frames_of(source, 0, count) == expected
        rng, parts, start = random.Random(seed), {}, 0
        while start < count:
            stop = min(count, start + rng.randint(1, 12))
            parts |= frames_of(source, start, stop)
            start = stop
        assert parts == expected


@pytest.mark.media
def test_frames_that_do_not_decode_are_left_out(shared: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = shared / "data" / "C" / "odd_corrupted" / "corrupted.mp4"
    with open_source(path) as source, caplog.at_level(logging.WARNING, "secondeye"):
        assert len(source.index) == 50
        clips = list(source.read(0, 50))
        numbers = [clip.start + i for clip in clips for i in range(len(clip))]
        assert len(numbers) == 49
        assert source.damaged_frames == 1
        assert all(int(clip.pts[0]) == source.index.pts[clip.start] for clip in clips)
        assert len(caplog.records) == 1
    with open_source(path) as source:
        list(source.thumbnails())
        assert len(source.index) == 49 == sum(len(clip) for clip in source.read(0, 49))
        assert source.damaged_frames == 1


@pytest.mark.parametrize(("ending", "options"), [("mkv", {}), ("ts", {}), ("mp4", {"movflags": "faststart"})])
def test_a_file_that_breaks_off_gives_what_is_there(
    tmp_path: Path, ending: str, options: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    path = encode(tmp_path / f"whole.{ending}", "libx264", count=100, container_options=options)
    half = tmp_path / f"half.{ending}"
    half.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])
    with open_source(half) as source, caplog.at_level(logging.WARNING, "secondeye"):
        list(source.thumbnails())
        count = len(source.index)
        assert 30 < count < 90
        assert sum(len(clip) for clip in source.read(0, count)) == count
    if ending != "ts":  # which announces no length
        assert any("breaks off" in record.message for record in caplog.records)
    assert len(caplog.records) <= 2


def test_a_file_with_nothing_but_rubbish_in_its_frames(tmp_path: Path) -> None:
    path = encode(tmp_path / "whole.mkv", "libx264", count=10)
    content = bytearray(path.read_bytes())
    at = content.index(b"\x1f\x43\xb6\x75") + 16  # the first cluster
    content[at:-4] = bytes(random.Random(0).randbytes(len(content) - 4 - at))
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        open_source(path)
    assert "\n" not in str(caught.value)


# ---- turning and interlacing -----------------------------------------------------------------------------------------

TURNS = {  # a, b, c, d of x' = a x + c y, y' = b x + d y, and what that does to a picture
    "upright": ((1, 0, 0, 1), lambda p: p),
    "mirrored": ((-1, 0, 0, 1), lambda p: p[:, ::-1]),
    "upside down": ((1, 0, 0, -1), lambda p: p[::-1]),
    "half turn": ((-1, 0, 0, -1), lambda p: p[::-1, ::-1]),
    "transposed": ((0, 1, 1, 0), lambda p: p.swapaxes(0, 1)),
    "clockwise": ((0, 1, -1, 0), lambda p: np.rot90(p, -1)),
    "counter-clockwise": ((0, -1, 1, 0), lambda p: np.rot90(p, 1)),
    "transversed": ((0, -1, -1, 0), lambda p: np.rot90(p, 2).swapaxes(0, 1)),
}


@pytest.mark.parametrize("turn", TURNS)
def test_frames_arrive_upright(tmp_path: Path, turn: str) -> None:
    (a, b, c, d), expected = TURNS[turn]
    one = 65536
    matrix = (a * one, b * one, 0, c * one, d * one, 0, 0, 0, 1 << 30)
    path = encode(
        tmp_path / "turned.mp4", "libx264rgb", pixel_format="rgb24", count=2, options={"qp": "0"},
        display_matrix=matrix, sample_aspect_ratio=Fraction(4, 3),
    )  # fmt: skip
    with open_source(path) as source:
        (clip,) = source.read(0, 2)
        picture_upright = expected(picture(1))
        got = (clip.rgb[1] * 255).round().to(torch.uint8).permute(1, 2, 0).numpy()
        assert np.array_equal(got, picture_upright)
        assert (source.info.height, source.info.width) == picture_upright.shape[:2]
        is_turned = turn in ("transposed", "clockwise", "counter-clockwise", "transversed")
        assert source.info.pixel_aspect == (Fraction(3, 4) if is_turned else Fraction(4, 3))


@pytest.mark.media
@pytest.mark.skipif(not shutil.which("ffmpeg"), reason="no ffmpeg on this machine to compare with")
@pytest.mark.parametrize("turn", ["0", "90", "180"])
def test_phone_clips_are_turned_as_ffmpeg_turns_them(shared: Path, turn: str) -> None:
    path = shared / "data" / "C" / f"odd_rotation_{turn}" / f"video_{turn}.mov"
    with open_source(path) as source:
        size = (source.info.height, source.info.width)
        assert size == ((568, 320) if turn == "90" else (320, 568))
        assert source.info.rotation_deg == int(turn)
        rgb = torch.cat([clip.rgb for clip in source.read(0, 3)]).permute(0, 2, 3, 1).numpy()
    command = ["ffmpeg", "-v", "error", "-i", str(path), "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    raw = subprocess.run(command, capture_output=True, check=True).stdout
    expected = np.frombuffer(raw, np.uint8).reshape(3, *size, 3)
    assert np.abs(rgb * 255 - expected).mean() < 1.5


@pytest.fixture(scope="module")
def interlaced(folder: Path) -> Path:
    """A bar that moves 4 px between the two fields of a frame."""
    path = folder / "interlaced.mp4"
    frames = []
    for number in range(14):
        rows = np.full((64, 96, 3), 30, np.uint8)
        for parity in (0, 1):
            x = 8 + 4 * (2 * number + parity) % 70
            rows[parity::2, x : x + 12] = 220
        frames.append(av.VideoFrame.from_ndarray(rows, format="rgb24").reformat(format="yuv420p"))
    return encode(
        path, "libx264", frames=frames, options={"x264-params": "interlaced=1:tff=1:bframes=2:keyint=5:crf=5"}
    )


def combing(rgb: torch.Tensor) -> float:
    """How much each row differs from both its neighbours."""
    grey = rgb.mean(1)
    return float((2 * grey[:, 1:-1] - grey[:, :-2] - grey[:, 2:]).abs().mean())


def test_interlaced_video_is_deinterlaced_whatever_the_start(interlaced: Path) -> None:
    from secondeye.video.reader import FileSource

    with open_source(interlaced) as source:
        assert source.file.field_order == "top field first"
        assert len(source.index) == 14
        whole = frames_of(source, 0, 14)
        assert len(whole) == 14
        for start in range(14):
            stop = min(14, start + 3)
            assert frames_of(source, start, stop) == {i: whole[i] for i in range(start, stop)}
        progressive = torch.cat([clip.rgb.clone() for clip in source.read(0, 14)])
        assert isinstance(source, FileSource)
        source._is_interlaced = False
        woven = torch.cat([clip.rgb.clone() for clip in source.read(0, 14)])
    assert combing(progressive) < 0.3 * combing(woven)
