"""Parts: what is written is read back, exactly, in every codec; and failures leave nothing under a final name."""

import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import torch

from secondeye.errors import ContractError, InputError, ResourceError
from secondeye.types import Clip, ColorTags, Sink, StereoClip, VideoInfo
from secondeye.video.encode import EncodeSettings
from secondeye.video.layout import compose, frame_size
from secondeye.video.parts import part_packets, read_times
from secondeye.video.saving import partial_path
from secondeye.video.writer import VideoSink, part_paths

WIDTH, HEIGHT = 96, 64
TICKS = [0, 512, 1100, 1536, 1900, 2600, 3072, 3584, 4000, 4700]

CODECS = ["h264", "hevc", "av1", "prores", "ffv1"]


def information(bit_depth: int = 8, color: ColorTags = ColorTags(1, 1, 1), **more: object) -> VideoInfo:  # noqa: B008
    facts = {
        "time_base": Fraction(1, 12800),
        "frame_rate": Fraction(25),
        "bit_depth": bit_depth,
        "color": color,
        **more,
    }
    return VideoInfo(WIDTH, HEIGHT, frame_count=None, **facts)  # type: ignore[arg-type]


def film(ticks: list[int], first: int = 0, seed: int = 0) -> StereoClip:
    """Smooth colours that drift, the right view a little darker."""
    rng = np.random.default_rng(seed)
    waves = torch.from_numpy(rng.uniform(0.02, 0.1, (3, 2)).astype(np.float32))
    y, x = torch.meshgrid(torch.arange(HEIGHT), torch.arange(WIDTH), indexing="ij")
    t = torch.arange(first, first + len(ticks)).reshape(-1, 1, 1, 1)
    phase = waves[:, :1, None] * (x + 2 * t) + waves[:, 1:, None] * y
    left = 0.5 + 0.4 * torch.sin(phase + torch.arange(3).reshape(1, 3, 1, 1))
    pts = torch.tensor(ticks, dtype=torch.int64)
    return StereoClip(Clip(left, first, pts), Clip(left * 0.8, first, pts))


def write(
    path: Path, clip: StereoClip, info: VideoInfo, settings: EncodeSettings, layout: str = "sbs", **more: object
) -> Path:
    with VideoSink(path, info, layout, settings, **more) as sink:  # type: ignore[arg-type]
        for i in range(0, len(clip), 3):
            views = [Clip(v.rgb[i : i + 3], v.start + i, v.pts[i : i + 3]) for v in (clip.left, clip.right)]
            sink.write(StereoClip(*views))
    return path


def decoded(path: Path) -> tuple[list[Fraction], list[np.ndarray], av.VideoStream]:
    """Times in s, luma planes, and the stream of a file."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        frames = list(container.decode(stream))
        dtype = np.uint16 if frames[0].format.components[0].bits > 8 else np.uint8
        luma = [np.frombuffer(f.planes[0], dtype).reshape(f.height, -1)[:, : f.width] for f in frames]
        return [f.pts * Fraction(stream.time_base) for f in frames], [p.copy() for p in luma], stream


def luma_codes(clip: StereoClip, layout: str, bits: int) -> np.ndarray:
    """Limited-range BT.709 luma of the packed frames, unrounded."""
    (packed,) = compose(clip, layout)
    weights = torch.tensor([0.2126, 0.7152, 0.0722]).reshape(1, 3, 1, 1)
    return (2 ** (bits - 8) * (219 * (packed * weights).sum(1) + 16)).numpy()


@pytest.mark.parametrize("codec", CODECS)
def test_each_codec_gives_back_times_and_pictures(tmp_path: Path, codec: str) -> None:
    info, clip = information(), film(TICKS)
    times, luma, stream = decoded(write(tmp_path / "part", clip, info, EncodeSettings(codec)))
    assert times == [t * info.time_base for t in TICKS]
    assert (stream.width, stream.height) == frame_size(WIDTH, HEIGHT, "sbs")
    bits = 10 if codec == "prores" else 8
    error = np.abs(np.stack(luma) - luma_codes(clip, "sbs", bits)) / 2 ** (bits - 8)
    assert error.mean() < (0.3 if codec == "ffv1" else 1.5)
    if codec == "ffv1":
        assert error.max() <= 0.51


@pytest.mark.parametrize("codec", ["h264", "hevc", "av1", "ffv1"])
def test_ten_bits_stay_ten_bits(tmp_path: Path, codec: str) -> None:
    """A ramp of 10-bit codes that 8 bits could not tell apart."""
    ramp = torch.linspace(0.40, 0.46, WIDTH).expand(1, 3, HEIGHT, WIDTH).contiguous()
    pts = torch.zeros(1, dtype=torch.int64)
    clip = StereoClip(Clip(ramp, 0, pts), Clip(ramp, 0, pts))
    settings = EncodeSettings(codec, crf=None if codec == "ffv1" else 1)
    _, luma, stream = decoded(write(tmp_path / "part", clip, information(10), settings))
    assert stream.pix_fmt == "yuv420p10le"
    expected = luma_codes(clip, "sbs", 10)[0]
    assert np.abs(luma[0].astype(float) - expected).mean() < 1
    assert len(np.unique(luma[0][HEIGHT // 2])) > 45


@pytest.mark.parametrize(
    ("color", "pixel_format"),
    [(ColorTags(1, 1, 1, True), None), (ColorTags(6, 6, 6), None), (ColorTags(9, 9, 16), "yuv420p10le"),
     (ColorTags(9, 9, 18), "yuv422p10le")],
)  # fmt: skip
@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_colours_and_pixel_aspect_are_tagged(
    tmp_path: Path, codec: str, color: ColorTags, pixel_format: str | None
) -> None:
    info = information(10 if pixel_format else 8, color, pixel_aspect=Fraction(4, 3))
    path = write(tmp_path / "part", film(TICKS[:2]), info, EncodeSettings(codec, pixel_format=pixel_format))
    _, _, stream = decoded(path)
    context = stream.codec_context
    assert (context.colorspace, context.color_primaries, context.color_trc) == (
        color.matrix,
        color.primaries,
        color.transfer,
    )
    assert context.color_range == (2 if color.full_range else 1)
    assert context.sample_aspect_ratio == Fraction(4, 3)


def test_the_same_frames_give_the_same_bytes(tmp_path: Path) -> None:
    """Also in another process whose memory holds other rubbish, which has shown x264 and prores_ks reading theirs."""
    clip, info = film(list(range(0, 40 * 512, 512))), information()
    script = (
        "import sys; from pathlib import Path; from tests.test_video_writer import *\n"
        "for codec in CODECS: write(Path(sys.argv[1], codec), film(list(range(0, 40 * 512, 512))), information(),"
        " EncodeSettings(codec))"
    )
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    environment = {**os.environ, "MALLOC_PERTURB_": "165", "SVT_LOG": "0"}
    root = Path(__file__).resolve().parent.parent
    subprocess.run([sys.executable, "-c", script, str(elsewhere)], cwd=root, env=environment, check=True)
    for codec in CODECS:
        files = [write(tmp_path / f"{codec}{i}", clip, info, EncodeSettings(codec)) for i in range(2)]
        assert len({file.read_bytes() for file in [*files, elsewhere / codec]}) == 1, codec


def test_how_frames_are_grouped_into_clips_does_not_matter(tmp_path: Path) -> None:
    clip, info = film(TICKS), information()
    grouped = write(tmp_path / "a", clip, info, EncodeSettings())
    with VideoSink(tmp_path / "b", info, "sbs", EncodeSettings()) as sink:
        assert isinstance(sink, Sink)
        sink.write(clip)
    assert grouped.read_bytes() == (tmp_path / "b").read_bytes()


def test_pair_makes_two_files(tmp_path: Path) -> None:
    clip, info = film(TICKS), information()
    write(tmp_path / "part.nut", clip, info, EncodeSettings("ffv1"), "pair")
    for file, view in zip(part_paths(tmp_path / "part.nut", "pair"), (clip.left, clip.right), strict=True):
        times, luma, _ = decoded(file)
        assert times == [t * info.time_base for t in TICKS]
        grey = (view.rgb * torch.tensor([0.2126, 0.7152, 0.0722]).reshape(1, 3, 1, 1)).sum(1).numpy()
        assert np.abs(np.stack(luma) - (219 * grey + 16)).max() <= 0.51
    assert sorted(f.name for f in tmp_path.iterdir()) == ["part.left.nut", "part.right.nut"]


@pytest.mark.parametrize("codec", ["h264", "prores"])
@pytest.mark.parametrize("ticks", [[-1024, -512, 0, 512], [2**33, 2**33 + 3, 2**33 + 4]])
def test_times_below_zero_and_far_away_are_kept(tmp_path: Path, codec: str, ticks: list[int]) -> None:
    info = information(time_base=Fraction(1, 90000))
    path = write(tmp_path / "part", film(ticks), info, EncodeSettings(codec))
    times = read_times([path], info)
    assert times.shown.tolist() == ticks
    packets = list(part_packets(times, info))
    assert sorted(p.pts for p in packets) == ticks
    assert all(p.dts <= p.pts for p in packets)


@pytest.mark.parametrize("time_base", [Fraction(1001, 30000), Fraction(1, 1000), Fraction(1, 14112000), Fraction(1, 3)])
def test_any_time_base_is_exact(tmp_path: Path, time_base: Fraction) -> None:
    info = information(time_base=time_base)
    path = write(tmp_path / "part", film([0, 1, 2, 5]), info, EncodeSettings())
    assert read_times([path], info).shown.tolist() == [0, 1, 2, 5]


@pytest.mark.parametrize(("width", "height"), [(1, 1), (16, 1), (3, 5), (17, 33)])
@pytest.mark.parametrize("layout", ["sbs", "half-tb", "anaglyph"])
def test_tiny_and_odd_frames(tmp_path: Path, width: int, height: int, layout: str) -> None:
    info = VideoInfo(width, height, Fraction(25), None, Fraction(1, 25), ColorTags(1, 1, 1))
    rgb = torch.rand(2, 3, height, width)
    view = Clip(rgb, 0, torch.arange(2))
    path = write(tmp_path / "part", StereoClip(view, view), info, EncodeSettings("h264"), layout)
    times, luma, _ = decoded(path)
    assert len(times) == 2
    assert luma[0].shape[::-1] == frame_size(width, height, layout)


def test_after_an_error_only_the_partial_file_is_there(tmp_path: Path) -> None:
    path, info = tmp_path / "part.nut", information()

    with pytest.raises(ZeroDivisionError), VideoSink(path, info, "sbs", EncodeSettings()) as sink:
        sink.write(film(TICKS))
        raise ZeroDivisionError
    assert [f.name for f in tmp_path.iterdir()] == [partial_path(path).name]


@pytest.mark.parametrize(
    ("clip", "message"),
    [
        (film([512, 512]), "pts: expected more than 512, got 512"),
        (film([512, 100]), "pts: expected more than 512, got 100"),
        (StereoClip(*[Clip(torch.rand(1, 3, 8, 8), 0, torch.zeros(1, dtype=torch.int64))] * 2), "expected 96x64 px"),
        (StereoClip(*[Clip(film([0]).left.rgb * float("nan"), 0, torch.zeros(1, dtype=torch.int64))] * 2), "finite"),
    ],
)
def test_broken_promises_are_told(tmp_path: Path, clip: StereoClip, message: str) -> None:
    with (
        pytest.raises(ContractError, match=message),
        VideoSink(tmp_path / "part", information(), "sbs", EncodeSettings()) as sink,
    ):
        sink.write(clip)
    assert not (tmp_path / "part").exists()


def test_no_frames_are_an_error(tmp_path: Path) -> None:
    with (
        pytest.raises(ContractError, match="at least one frame"),
        VideoSink(tmp_path / "part", information(), "sbs", EncodeSettings()),
    ):
        pass
    assert not (tmp_path / "part").exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_is_a_resource_error(tmp_path: Path) -> None:
    path = tmp_path / "part.nut"
    partial_path(path).symlink_to("/dev/full")
    with (
        pytest.raises(ResourceError, match=r"disk is full.*part\.nut"),
        VideoSink(path, information(), "sbs", EncodeSettings("ffv1")) as sink,
    ):
        sink.write(film(TICKS))
    assert not path.exists()


def test_an_unwritable_place_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be written"):
        VideoSink(tmp_path / "missing" / "part.nut", information(), "sbs", EncodeSettings())
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        VideoSink(tmp_path / "file" / "part.nut", information(), "sbs", EncodeSettings())


def test_an_encoder_that_cannot_open_is_an_input_error(tmp_path: Path) -> None:
    info = VideoInfo(4, 4, Fraction(25), None, Fraction(1, 25), ColorTags(1, 1, 1))
    view = Clip(torch.rand(1, 3, 4, 4), 0, torch.zeros(1, dtype=torch.int64))
    with (
        pytest.raises(InputError, match="hevc cannot encode sbs frames of 8x4"),
        VideoSink(tmp_path / "part", info, "sbs", EncodeSettings("hevc")) as sink,
    ):
        sink.write(StereoClip(view, view))
