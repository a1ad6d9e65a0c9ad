"""The compiled painter against its torch twin, a plain colour conversion, and swscale."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import torch
from av import VideoFrame
from numpy.typing import NDArray

from secondeye.errors import ContractError
from secondeye.types import ColorTags, VideoInfo
from secondeye.video.color import LUMA_WEIGHTS, samples_to_rgb
from secondeye.video.layout import LAYOUTS, compose, regions
from secondeye.video.planes import FramePainter, coded_color, is_paintable
from tests.test_video_layout import stereo

BT709 = ColorTags(1, 1, 1)


def information(width: int = 64, height: int = 48, color: ColorTags = BT709) -> VideoInfo:
    return VideoInfo(width, height, Fraction(25), None, Fraction(1, 25), color)


def samples(frame: VideoFrame) -> list[NDArray[np.int64]]:
    """The planes of a frame without what lies beyond their width."""
    dtype = np.uint8 if frame.format.components[0].bits == 8 else np.uint16
    rows = [np.frombuffer(p, dtype).reshape(p.height, -1)[:, : p.width] for p in frame.planes]
    return [r.astype(np.int64) for r in rows]


def luma_chroma(rgb: NDArray[np.float64], color: ColorTags, bits: int) -> NDArray[np.float64]:
    """Unrounded Y, Cb and Cr codes of (3, H, W), as H.273 writes them out."""
    kr, kb = LUMA_WEIGHTS[color.matrix]
    red, green, blue = rgb
    luma = kr * red + (1 - kr - kb) * green + kb * blue
    cb, cr = (blue - luma) / (2 * (1 - kb)), (red - luma) / (2 * (1 - kr))
    if color.full_range:
        top = 2**bits - 1
        return np.stack([top * luma, top * cb + 2 ** (bits - 1), top * cr + 2 ** (bits - 1)])
    return 2 ** (bits - 8) * np.stack([219 * luma + 16, 224 * cb + 128, 224 * cr + 128])


def averaged(plane: NDArray[np.float64], across: bool, down: bool, top_sited: bool) -> NDArray[np.float64]:
    """Chroma of one region, subsampled: left-sited across, between the rows or on the upper one."""
    padded = np.pad(plane, 1, mode="edge")
    padded = (padded[:, 0:-2:2] + 2 * padded[:, 1:-1:2] + padded[:, 2::2]) / 4 if across else padded[:, 1:-1]
    if down and top_sited:
        return (padded[0:-2:2] + 2 * padded[1:-1:2] + padded[2::2]) / 4
    return (padded[1:-1:2] + padded[2::2]) / 2 if down else padded[1:-1]


def expected_planes(
    clip: object, name: str, color: ColorTags, bits: int, across: bool, down: bool, top_sited: bool = False
) -> list[list[NDArray[np.float64]]]:
    """Unrounded planes of the first frame of each picture."""
    height, width = clip.left.size  # type: ignore[attr-defined]
    pictures = []
    for packed, picture in zip(compose(clip, name), regions(width, height, name), strict=True):  # type: ignore[arg-type]
        codes = luma_chroma(packed[0].double().numpy(), color, bits)
        chroma = [np.zeros((codes.shape[1] // (1 + down), codes.shape[2] // (1 + across))) for _ in range(2)]
        for r in picture:
            for k in range(2):
                part = codes[k + 1, r.y : r.y + r.height, r.x : r.x + r.width]
                y, x = r.y // (1 + down), r.x // (1 + across)
                small = averaged(part, across, down, top_sited)
                chroma[k][y : y + small.shape[0], x : x + small.shape[1]] = small
        pictures.append([codes[0], *chroma])
    return pictures


def assert_rounded(got: NDArray[np.int64], wanted: NDArray[np.float64], slack: float) -> None:
    assert got.shape == wanted.shape
    assert np.abs(got - wanted).max() <= 0.5 + slack


@pytest.mark.parametrize("name", LAYOUTS)
@pytest.mark.parametrize(("height", "width"), [(12, 20), (7, 13), (1, 1), (34, 67)])
def test_every_layout_equals_its_twin(name: str, height: int, width: int) -> None:
    clip = stereo(height, width, frames=1, seed=height)
    with FramePainter(width, height, name, "yuv420p10le", BT709, threads=3) as painter:
        frames = painter.paint(clip.left.rgb[0], clip.right.rgb[0])
    # Tables of the Dubois anaglyph are good to a tenth of a 10-bit code; else float32 is far below a hundredth.
    slack = 0.2 if name == "anaglyph" else 0.01
    for frame, wanted in zip(frames, expected_planes(clip, name, BT709, 10, True, True), strict=True):
        for got, want in zip(samples(frame), wanted, strict=True):
            assert_rounded(got, want, slack)


@pytest.mark.parametrize(
    ("pixel_format", "bits", "across", "down"),
    [("yuv420p", 8, True, True), ("yuv422p10le", 10, True, False), ("yuv444p", 8, False, False),
     ("yuv444p12le", 12, False, False), ("yuv422p16le", 16, True, False), ("yuv420p16le", 16, True, True)],
)  # fmt: skip
@pytest.mark.parametrize("full_range", [False, True])
@pytest.mark.parametrize("matrix", [1, 6, 9])
def test_every_sampling_depth_range_and_matrix(
    pixel_format: str, bits: int, across: bool, down: bool, full_range: bool, matrix: int
) -> None:
    color = ColorTags(matrix, 1, 1, full_range)
    clip = stereo(11, 18, frames=1, seed=bits)
    clip.left.rgb[0, :, :3, :8] = torch.tensor([0.0, 0, 1, 1, 0, 1, 0, 1]).expand(3, 3, 8)
    clip.left.rgb[0, 0, 0] = 1.0
    with FramePainter(18, 11, "sbs", pixel_format, color) as painter:
        (frame,) = painter.paint(clip.left.rgb[0], clip.right.rgb[0])
    (wanted,) = expected_planes(clip, "sbs", color, bits, across, down, top_sited=matrix == 9)
    for got, want in zip(samples(frame), wanted, strict=True):
        assert_rounded(got, np.minimum(want, 2**bits - 1), 0.03 if bits == 16 else 0.01)


def test_rgb_and_grey_formats() -> None:
    clip = stereo(5, 6, frames=1)
    color = coded_color(information(), "gbrp16le")
    with FramePainter(6, 5, "tb", "gbrp16le", color) as painter:
        (frame,) = painter.paint(clip.left.rgb[0], clip.right.rgb[0])
    (packed,) = compose(clip, "tb")
    for got, channel in zip(samples(frame), (1, 2, 0), strict=True):
        assert_rounded(got, packed[0, channel].double().numpy() * 65535, 0.01)
    with FramePainter(6, 5, "sbs", "gray10le", BT709) as painter:
        (frame,) = painter.paint(clip.left.rgb[0], clip.right.rgb[0])
    (grey,) = samples(frame)
    assert_rounded(grey, expected_planes(clip, "sbs", BT709, 10, False, False)[0][0], 0.01)


def test_colours_of_one_eye_never_reach_the_other() -> None:
    red, blue = torch.zeros(3, 6, 10), torch.zeros(3, 6, 10)
    red[0], blue[2] = 1, 1
    for name in ("sbs", "tb", "half-sbs", "half-tb", "cross"):
        for color in (BT709, ColorTags(9, 9, 16)):
            with FramePainter(10, 6, name, "yuv420p", color) as painter:
                (frame,) = painter.paint(red, blue)
            colours = {tuple(plane[y, x] for plane in samples(frame)[1:])
                       for y, x in np.ndindex(*samples(frame)[1].shape)}  # fmt: skip
            assert len(colours) == 2, name


@pytest.mark.parametrize(("pixel_format", "bits"), [("yuv420p", 8), ("yuv420p10le", 10)])
@pytest.mark.parametrize("full_range", [False, True])
@pytest.mark.parametrize("matrix", [1, 6, 9])
def test_codes_that_were_read_are_written_again(pixel_format: str, bits: int, full_range: bool, matrix: int) -> None:
    """Flat patches of every legal colour: read as readers do, painted, the very same codes."""
    color = ColorTags(matrix, 2, 2, full_range)
    weights, offset = samples_to_rgb(matrix, full_range=full_range, bit_depth=bits)
    rng = np.random.default_rng(bits)
    codes = rng.integers(0, 2**bits, (3000, 3))
    rgb = codes @ weights.T + offset
    legal = (rgb >= 0).all(1) & (rgb <= 1).all(1)
    codes, rgb = codes[legal][:100], rgb[legal][:100]
    assert len(codes) > 50
    view = torch.from_numpy(rgb.T.astype(np.float32)).reshape(3, -1, 1, 1)
    for patch, wanted in zip(view.permute(1, 0, 2, 3), codes, strict=True):
        flat = patch.expand(3, 4, 6).contiguous()
        with FramePainter(6, 4, "sbs", pixel_format, color) as painter:
            (frame,) = painter.paint(flat, flat)
        assert all((plane == code).all() for plane, code in zip(samples(frame), wanted, strict=True))


@pytest.mark.parametrize("full_range", [False, True])
@pytest.mark.parametrize(("matrix", "pixel_format"), [(1, "yuv420p"), (5, "yuv444p"), (9, "yuv422p")])
def test_swscale_finds_the_colours_that_were_meant(full_range: bool, matrix: int, pixel_format: str) -> None:
    """An independent reader; three codes of 255 are what rounding chroma to 8 bits and swscale itself leave."""
    color = ColorTags(matrix, 2, 2, full_range)
    for rgb in np.ndindex(5, 3, 3):
        wanted = np.array(rgb) * [0.25, 0.5, 0.5]
        view = torch.from_numpy(wanted.astype(np.float32)).reshape(3, 1, 1).expand(3, 16, 32).contiguous()
        with FramePainter(32, 16, "sbs", pixel_format, color) as painter:
            (frame,) = painter.paint(view, view)
        back = frame.reformat(
            format="rgb24", src_colorspace=matrix, src_color_range=2 if full_range else 1, dst_color_range=2
        ).to_ndarray()
        assert np.abs(back[8, 16] - wanted * 255).max() <= 3


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("name", LAYOUTS)
def test_what_is_not_finite_is_an_error_in_every_layout(name: str, bad: float) -> None:
    views = [torch.rand(3, 9, 14), torch.rand(3, 9, 14)]
    for eye, (y, x) in ((0, (0, 0)), (1, (7, 13)), (0, (8, 5)) if name != "interlaced" else (0, (2, 5))):
        spoiled = [v.clone() for v in views]
        spoiled[eye][1, y, x] = bad
        for pixel_format in ("yuv420p", "yuv444p"):
            with (
                FramePainter(14, 9, name, pixel_format, BT709) as painter,
                pytest.raises(ContractError, match="finite"),
            ):
                painter.paint(*spoiled)


def test_values_outside_zero_to_one_are_clipped() -> None:
    wild = torch.rand(3, 4, 4) * 5 - 2
    with FramePainter(4, 4, "sbs", "yuv420p", BT709) as painter:
        (frame,) = painter.paint(wild, wild)
        (tame,) = painter.paint(wild.clamp(0, 1), wild.clamp(0, 1))
    assert all(np.array_equal(a, b) for a, b in zip(samples(frame), samples(tame), strict=True))


def test_views_of_another_size_are_refused() -> None:
    with (
        FramePainter(4, 4, "sbs", "yuv420p", BT709) as painter,
        pytest.raises(ContractError, match=r"right: expected \(3, 4, 4\)"),
    ):
        painter.paint(torch.rand(3, 4, 4), torch.rand(3, 4, 6))


def test_views_may_be_half_precision_or_strided() -> None:
    view = torch.rand(3, 6, 8)
    with FramePainter(8, 6, "sbs", "yuv420p", BT709) as painter:
        (plain,) = painter.paint(view, view.flip(2))
        (strided,) = painter.paint(view.permute(1, 2, 0).contiguous().permute(2, 0, 1), view.double().flip(2))
    assert all(np.array_equal(a, b) for a, b in zip(samples(plain), samples(strided), strict=True))


def test_memory_beyond_the_width_is_the_same_every_time() -> None:
    view = torch.rand(3, 10, 18)
    with FramePainter(18, 10, "anaglyph-grey", "yuv422p10le", BT709) as painter:
        first, second = (painter.paint(view, view)[0] for _ in range(2))
    for a, b in zip(first.planes, second.planes, strict=True):
        assert a.line_size > a.width * 2
        assert bytes(a) == bytes(b)


@pytest.mark.parametrize(
    ("color", "height", "written"),
    [(ColorTags(), 480, 6), (ColorTags(), 576, 5), (ColorTags(), 720, 1), (ColorTags(2, 9, 16), 2160, 9),
     (ColorTags(0, 1, 13, True), 480, 1), (ColorTags(9, 9, 18), 480, 9), (ColorTags(8, 1, 1), 480, 1),
     (ColorTags(14, 9, 16), 480, 9)],
)  # fmt: skip
def test_tags_say_what_is_written(color: ColorTags, height: int, written: int) -> None:
    tags = coded_color(information(height=height, color=color))
    assert tags.matrix == written
    assert (tags.primaries, tags.transfer) == (color.primaries, color.transfer)
    assert tags.full_range == (color.full_range and color.matrix != 0)


def test_range_is_kept_and_rgb_files_are_full_range() -> None:
    full = information(color=replace(BT709, full_range=True))
    assert coded_color(full).full_range
    assert coded_color(information(), "gbrp") == ColorTags(0, 1, 1, True)


def test_which_formats_can_be_painted() -> None:
    good = ["yuv420p", "yuv422p10le", "yuv444p16le", "gray", "gray12le", "gbrp", "gbrp14le"]
    bad = [
        "yuv420p10be",
        "nv12",
        "p010le",
        "rgb24",
        "yuva420p",
        "gbrap",
        "gbrpf32le",
        "pal8",
        "monow",
        "yuv410p",
        "yuvj420p",
    ]
    assert all(is_paintable(name) for name in good)
    assert not any(is_paintable(name) for name in bad)
