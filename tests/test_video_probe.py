"""What a file is said to be, and the one line for each kind of file that cannot be read."""

import os
import shutil
import struct
import subprocess
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from secondeye.errors import InputError
from secondeye.types import ColorTags
from secondeye.video.file_info import Chapter, FileInfo
from secondeye.video.orientation import Orientation, from_display_matrix, from_rotation
from secondeye.video.probe import probe
from secondeye.video.side_data import MasteringDisplay
from tests.small_videos import encode


def refused(path: Path, *words: str) -> None:
    with pytest.raises(InputError) as caught:
        probe(path)
    message = str(caught.value)
    assert "\n" not in message
    assert path.name in message
    for word in words:
        assert word in message, message


# ---- what cannot be read ---------------------------------------------------------------------------------------------


def test_missing(tmp_path: Path) -> None:
    refused(tmp_path / "nothing.mp4", "no such file")


def test_empty(tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    refused(tmp_path / "empty.mp4", "0 bytes")


def test_folder_without_pictures(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("none")
    refused(tmp_path, "without pictures")


@pytest.mark.parametrize("name", ["text.mp4", "text.mkv", "text.txt", "text.jpg"])
@pytest.mark.parametrize("text", ["hello\n", "1\n00:00:01,000 --> 00:00:02,000\nHello\n\n", "Grüße, " * 2000])
def test_text_by_another_name(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text, "utf-8")
    refused(tmp_path / name)


def test_noise(tmp_path: Path) -> None:
    (tmp_path / "noise.mp4").write_bytes(np.random.default_rng(0).bytes(5000))
    refused(tmp_path / "noise.mp4", "not a video")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
def test_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    refused(tmp_path / "pipe.mp4", "not a file")


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() == 0, reason="root may read everything")
def test_forbidden(tmp_path: Path) -> None:
    path = encode(tmp_path / "secret.mp4", "libx264", count=1)
    path.chmod(0)
    refused(path, "may not be read")


@pytest.mark.parametrize("keep", [0.3, 0.9])
def test_mp4_without_its_index(tmp_path: Path, keep: float) -> None:
    path = encode(tmp_path / "cut.mp4", "libx264", count=40)
    content = path.read_bytes()
    path.write_bytes(content[: int(keep * content.index(b"moov"))])
    refused(path, "incomplete", "moov")


@pytest.mark.media
def test_audio_only(shared: Path) -> None:
    refused(shared / "data" / "C" / "odd_audio_only" / "bbb5s_aac_sidx.mp4", "no video, only audio")


def test_cover_pictures_are_no_video(tmp_path: Path) -> None:
    """Music with a cover has a video stream of one picture, which nobody wants to see in 3D."""
    path = tmp_path / "song.mp4"
    with av.open(str(path), "w") as output:
        sound = output.add_stream("aac", rate=44100)
        cover = output.add_stream("mjpeg")
        cover.width, cover.height, cover.pix_fmt = 32, 32, "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        output.mux(cover.encode(av.VideoFrame(32, 32, "yuvj420p")))
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        silence.sample_rate = 44100
        output.mux(sound.encode(silence))
        output.mux(sound.encode(None))
    refused(path, "no video")


def test_unknown_codec(tmp_path: Path) -> None:
    path = encode(tmp_path / "odd.mp4", "libx264", count=3)
    path.write_bytes(path.read_bytes().replace(b"avc1", b"xyz1"))
    refused(path, "decoder")


def test_encrypted(tmp_path: Path) -> None:
    keys = {"encryption_key": "00112233445566778899aabbccddeeff", "encryption_kid": "00112233445566778899aabbccddeeff"}
    options = {"encryption_scheme": "cenc-aes-ctr", **keys}
    refused(encode(tmp_path / "locked.mp4", "libx264", container_options=options), "encrypted")


@pytest.mark.media
def test_vvc_reads_where_there_is_a_decoder(shared: Path) -> None:
    path = shared / "data" / "C" / "odd_vvc" / "vvc_400kbps_2s.mp4"
    try:
        av.Codec("vvc", "r")
    except av.codec.codec.UnknownCodecError:
        refused(path, "decoder")
    else:
        assert probe(path).codec == "vvc"
        assert probe(path).video.bit_depth == 10


# ---- what can --------------------------------------------------------------------------------------------------------


@pytest.mark.media
def test_a_file_with_many_streams(shared: Path) -> None:
    info = probe(shared / "data" / "C" / "odd_nasa_multistream" / "nasa_13013.mp4")
    assert (info.kind, info.codec, info.pixel_format) == ("video", "h264", "yuv420p")
    assert (info.video.width, info.video.height) == (480, 270), "the larger of two, as FFmpeg takes"
    assert info.stream_index == 3
    assert [stream.index for stream in info.other_videos] == [0]
    assert [(s.index, s.codec, s.language, s.channels, s.sample_rate) for s in info.audio] == [
        (1, "aac", "eng", 2, 8000),
        (4, "aac", "eng", 2, 16000),
    ]
    assert [(s.index, s.codec) for s in info.subtitles] == [(2, "mov_text"), (5, "mov_text")]
    assert info.video.color == ColorTags(1, 1, 1, False)
    assert info.video.frame_rate == Fraction(30000, 1001)
    assert info.duration_s == pytest.approx(13.013)


def test_chapters_titles_and_flags(tmp_path: Path) -> None:
    path = tmp_path / "film.mkv"
    with av.open(str(path), "w") as output:
        output.metadata["title"] = "Ein Film"
        video = output.add_stream("libx264", rate=25)
        video.width, video.height, video.pix_fmt = 32, 32, "yuv420p"
        sound = output.add_stream("pcm_s16le", rate=48000, layout="mono")
        sound.metadata.update({"language": "deu", "title": "Kommentar"})
        sound.disposition = av.stream.Disposition.forced
        chapter = {"id": 1, "start": 0, "end": 400, "time_base": Fraction(1, 1000), "metadata": {"title": "Anfang"}}
        output.set_chapters([chapter, {**chapter, "id": 2, "start": 400, "end": 1000, "metadata": {}}])
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 4800), np.int16), format="s16", layout="mono")
        silence.sample_rate, silence.pts = 48000, 0
        output.mux(sound.encode(silence))
        for number in range(25):
            frame = av.VideoFrame(32, 32, "yuv420p")
            frame.pts = number
            output.mux(video.encode(frame))
        output.mux(video.encode(None))
    info = probe(path)
    assert info.metadata["title"] == "Ein Film"
    assert info.chapters == (Chapter(0.0, 0.4, "Anfang"), Chapter(0.4, 1.0, None))
    (stream,) = info.audio
    assert (stream.codec, stream.language, stream.title, stream.channels) == ("pcm_s16le", "deu", "Kommentar", 1)
    assert stream.is_forced
    assert not stream.is_default


@pytest.mark.media
@pytest.mark.parametrize(
    ("name", "stereo", "projection"),
    [
        ("B/vr_testroom_tb/tb.mp4", "tb", "equirectangular"),
        ("B/mvhevc_tiny/stereo_spatial.mp4", "mv-hevc", None),
        ("C/cotracker_cat/cat.mp4", None, None),
    ],
)
def test_stereo_as_signalled(shared: Path, name: str, stereo: str | None, projection: str | None) -> None:
    info = probe(shared / "data" / name)
    assert (info.stereo, info.projection) == (stereo, projection)


@pytest.mark.parametrize(
    ("mode", "stereo"),
    [
        ("left_right", "sbs"),
        ("right_left", "sbs-right-first"),
        ("top_bottom", "tb"),
        ("bottom_top", "tb-right-first"),
        ("row_interleaved_lr", "rows"),
        ("anaglyph_cyan_red", "anaglyph"),
        ("mono", "mono"),
    ],
)
def test_stereo_in_matroska(tmp_path: Path, mode: str, stereo: str) -> None:
    path = encode(tmp_path / "stereo.mkv", "libx264", count=2, metadata={"stereo_mode": mode})
    assert probe(path).stereo == stereo


@pytest.mark.parametrize(("number", "stereo"), [(3, "sbs"), (4, "tb")])
def test_stereo_in_the_bitstream(tmp_path: Path, number: int, stereo: str) -> None:
    path = encode(tmp_path / "sei.mp4", "libx264", count=2, options={"x264-params": f"frame-packing={number}"})
    assert probe(path).stereo == stereo


def test_hdr10(tmp_path: Path) -> None:
    master = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)"
    params = f"log-level=none:hdr10=1:master-display={master}:max-cll=1000,400"
    path = encode(
        tmp_path / "hdr.mp4", "libx265", size=(128, 64), pixel_format="yuv420p10le", count=3,
        options={"x265-params": params}, colorspace=9, color_primaries=9, color_trc=16, color_range=1,
    )  # fmt: skip
    info = probe(path)
    assert info.video.color == ColorTags(9, 9, 16, False)
    assert info.hdr is not None
    assert (info.hdr.kind, info.hdr.max_cll, info.hdr.max_fall) == ("PQ", 1000, 400)
    assert info.hdr.mastering == MasteringDisplay(
        (0.68, 0.32), (0.265, 0.69), (0.15, 0.06), (0.3127, 0.329), min_luminance=0.005, max_luminance=1000.0
    )


def test_ordinary_video_has_no_hdr(tmp_path: Path) -> None:
    info = probe(encode(tmp_path / "plain.mp4", "libx264", count=2))
    assert info.hdr is None
    assert info.field_order is None
    assert not info.has_alpha
    assert info.orientation.is_upright


@pytest.mark.parametrize(
    ("name", "codec", "pixel_format", "color", "bits", "alpha"),
    [
        ("a.mkv", "ffv1", "yuv420p", ColorTags(), 8, False),
        ("b.mkv", "ffv1", "gray", ColorTags(full_range=True), 8, False),
        ("c.mkv", "ffv1", "gbrp10le", ColorTags(0, full_range=True), 10, False),
        ("d.mov", "prores_ks", "yuva444p10le", ColorTags(), 12, True),  # 4444 decodes to 12 bits
        ("e.avi", "mjpeg", "yuvj422p", ColorTags(5, full_range=True), 8, False),
        ("f.gif", "gif", "rgb8", ColorTags(0, full_range=True), 8, True),
        ("g.mkv", "ffv1", "yuv422p12le", ColorTags(), 12, False),
    ],
)
def test_colours_and_depths(
    tmp_path: Path, name: str, codec: str, pixel_format: str, color: ColorTags, bits: int, alpha: bool
) -> None:
    info = probe(encode(tmp_path / name, codec, pixel_format=pixel_format, count=2))
    got = info.video.color
    assert (got.matrix, got.full_range) == (color.matrix, color.full_range)
    assert info.video.bit_depth == bits
    assert info.has_alpha == alpha


def test_pixel_aspect(tmp_path: Path) -> None:
    info = probe(encode(tmp_path / "wide.mp4", "libx264", count=2, sample_aspect_ratio=Fraction(16, 11)))
    assert info.video.pixel_aspect == Fraction(16, 11)


@pytest.mark.skipif(not shutil.which("ffprobe"), reason="no ffprobe on this machine to compare with")
@pytest.mark.media
def test_the_basics_are_those_of_ffprobe(shared: Path) -> None:
    entries = "stream=width,height,codec_name,pix_fmt,r_frame_rate,sample_aspect_ratio"
    for path in sorted((shared / "data" / "C").glob("[bcdi]*/*.m*")):
        command = [
            "ffprobe",
            "-v",
            "error",
            "-select_streams",
            "v:0",
            "-show_entries",
            entries,
            "-of",
            "default=nk=0:nw=1",
        ]
        output = subprocess.run([*command, str(path)], capture_output=True, text=True, check=True).stdout
        told = dict(line.split("=", 1) for line in output.split())
        info = probe(path)
        assert (info.video.width, info.video.height) == (int(told["width"]), int(told["height"]))
        assert (info.codec, info.pixel_format) == (told["codec_name"], told["pix_fmt"])
        assert info.video.frame_rate == Fraction(told["r_frame_rate"])
        aspect = told.get("sample_aspect_ratio", "1:1").replace("N/A", "1:1").replace(":", "/")
        assert info.video.pixel_aspect == Fraction(aspect)


@pytest.mark.parametrize(
    ("numbers", "orientation", "degrees"),
    [
        ((1, 0, 0, 1), Orientation(), 0),
        ((0, 1, -1, 0), Orientation(True, True, False), 90),
        ((-1, 0, 0, -1), Orientation(False, True, True), 180),
        ((0, -1, 1, 0), Orientation(True, False, True), 270),
        ((-1, 0, 0, 1), Orientation(False, True, False), 0),
    ],
)
def test_display_matrices(numbers: tuple[int, ...], orientation: Orientation, degrees: int) -> None:
    a, b, c, d = (number * 65536 for number in numbers)
    matrix = struct.pack("=9i", a, b, 0, c, d, 0, 123, 456, 1 << 30)
    assert from_display_matrix(matrix) == orientation
    assert orientation.rotation_deg == degrees
    if numbers != (-1, 0, 0, 1):
        assert from_rotation(degrees) == orientation == from_rotation(degrees - 360)


def test_records_can_be_compared_and_shown(tmp_path: Path) -> None:
    path = encode(tmp_path / "same.mp4", "libx264", count=2)
    first: Any = probe(path)
    assert isinstance(first, FileInfo)
    assert first == probe(str(path))
    assert "same.mp4" in repr(first)
