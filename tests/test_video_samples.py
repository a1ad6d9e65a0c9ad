"""Colours of decoded frames, against the formulas of H.273 in float64, pixel by pixel."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from secondeye.types import ColorTags, VideoInfo
from secondeye.video.color import chroma_siting, hdr_kind, resolved, samples_to_rgb
from secondeye.video.orientation import Orientation
from secondeye.video.reader import open_source
from secondeye.video.samples import RATIOS, FrameConverter, format_bit_depth, planar_layout, planar_twin
from tests.small_videos import encode, frame_of_planes, picture

KR_KB = {
    1: (0.2126, 0.0722),
    4: (0.3, 0.11),
    5: (0.299, 0.114),
    6: (0.299, 0.114),
    7: (0.212, 0.087),
    9: (0.2627, 0.0593),
}


def exact_rgb(y: Any, cb: Any, cr: Any, matrix: int, full: bool, bits: int) -> NDArray[np.float64]:
    """(..., 3): H.273 equations solved for R, G, B, written without the matrices of the package."""
    scale = 2.0 ** (bits - 8)
    if full:
        luma = y / (2.0**bits - 1)
        pb, pr = ((c - 2.0 ** (bits - 1)) / (2.0**bits - 1) for c in (cb, cr))
    else:
        luma = (y / scale - 16) / 219
        pb, pr = ((c / scale - 128) / 224 for c in (cb, cr))
    if matrix == 8:
        green, blue, red = luma + pb, luma - pb - pr, luma - pb + pr
    else:
        kr, kb = KR_KB[matrix]
        red, blue = luma + 2 * (1 - kr) * pr, luma + 2 * (1 - kb) * pb
        green = (luma - kr * red - kb * blue) / (1 - kr - kb)
    return np.clip(np.stack([red, green, blue], -1), 0, 1)


def random_planes(rng: np.random.Generator, shapes: list[tuple[int, int]], bits: int) -> list[NDArray[Any]]:
    dtype = np.uint8 if bits == 8 else np.uint16
    return [rng.integers(0, 2**bits, shape).astype(dtype) for shape in shapes]


def converted(
    frame: av.VideoFrame, color: ColorTags, siting: Any = "left", orientation: Orientation | None = None
) -> Any:
    """(H, W, 3) float32."""
    upright = (orientation or Orientation()).size(frame.width, frame.height)
    out = np.full((3, upright[1], upright[0]), np.nan, np.float32)
    FrameConverter(frame.width, frame.height, color, siting, orientation).convert(frame, out)
    return out.transpose(1, 2, 0)


@pytest.mark.parametrize("bits", [8, 9, 10, 12, 14, 16])
@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("matrix", [1, 4, 5, 6, 7, 8, 9])
def test_every_range_matrix_and_depth(bits: int, full: bool, matrix: int) -> None:
    planes = random_planes(np.random.default_rng(bits), [(24, 41)] * 3, bits)
    name = "yuv444p" if bits == 8 else f"yuv444p{bits}le"
    got = converted(frame_of_planes(planes, name), ColorTags(matrix, full_range=full))
    expected = exact_rgb(*(p.astype(float) for p in planes), matrix, full, bits)
    assert np.abs(got - expected).max() * (2**bits - 1) < 0.05  # code values


def brute_chroma(
    plane: NDArray[Any], height: int, width: int, shifts: tuple[int, int], siting: str
) -> NDArray[np.float64]:
    """Chroma at each luma sample, linear between its own samples, one pixel at a time."""
    out = np.empty((height, width))
    fx, fy = 1 << shifts[0], 1 << shifts[1]
    for y in range(height):
        for x in range(width):
            px = x / fx if siting != "center" else (x + 0.5) / fx - 0.5
            py = y / fy if siting == "topleft" else (y + 0.5) / fy - 0.5
            x0, y0 = int(np.floor(px)), int(np.floor(py))
            total = 0.0
            for dy, wy in ((0, 1 - (py - y0)), (1, py - y0)):
                for dx, wx in ((0, 1 - (px - x0)), (1, px - x0)):
                    row, column = np.clip(y0 + dy, 0, plane.shape[0] - 1), np.clip(x0 + dx, 0, plane.shape[1] - 1)
                    total += wy * wx * float(plane[row, column])
            out[y, x] = total
    return out


@pytest.mark.parametrize("siting", ["left", "center", "topleft"])
@pytest.mark.parametrize("ratio", ["444", "422", "420", "440", "411", "410"])
@pytest.mark.parametrize(("bits", "size"), [(8, (13, 22)), (10, (7, 5)), (8, (1, 1)), (8, (1, 9)), (10, (6, 1))])
def test_chroma_lies_where_it_should(ratio: str, siting: str, bits: int, size: tuple[int, int]) -> None:
    if bits == 10 and ratio in ("411", "410"):
        pytest.skip("FFmpeg has no such format")
    height, width = size
    shifts = RATIOS[ratio]
    small = (-(-height >> shifts[1]), -(-width >> shifts[0]))
    planes = random_planes(np.random.default_rng(3), [size, small, small], bits)
    frame = frame_of_planes(planes, f"yuv{ratio}p" + ("10le" if bits == 10 else ""))
    cb, cr = (brute_chroma(plane, height, width, shifts, siting) for plane in planes[1:])
    expected = exact_rgb(planes[0].astype(float), cb, cr, 1, False, bits)
    assert np.abs(converted(frame, ColorTags(1), siting) - expected).max() * (2**bits - 1) < 0.05


def repacked(frame: av.VideoFrame, name: str) -> av.VideoFrame:
    return frame.reformat(format=name)


@pytest.mark.parametrize(
    ("packed", "planar"),
    [
        ("nv12", "yuv420p"),
        ("nv21", "yuv420p"),
        ("nv24", "yuv444p"),
        ("p010le", "yuv420p10le"),
        ("p016le", "yuv420p16le"),
        ("yuyv422", "yuv422p"),
        ("uyvy422", "yuv422p"),
        ("y210le", "yuv422p10le"),
        ("xv36le", "yuv444p12le"),
        ("yuv420p10be", "yuv420p10le"),
        ("yuv422p16be", "yuv422p16le"),
        ("rgb24", "gbrp"),
        ("bgr24", "gbrp"),
        ("bgr0", "gbrp"),
        ("rgb48be", "gbrp16le"),
        ("gbrp10be", "gbrp10le"),
        ("x2rgb10le", "gbrp10le"),
        ("gray16be", "gray16le"),
        ("gray10be", "gray10le"),
        ("rgba64le", "gbrap16le"),
        ("bgra", "gbrap"),
        ("ya8", "gray"),
    ],
)
def test_other_formats_hold_the_same_colours(packed: str, planar: str) -> None:
    """A planar frame, packed by swscale without change of its samples, gives the colours of the planar frame."""
    assert planar_twin(planar) == planar
    layout = planar_layout(planar)
    assert layout is not None
    height, width = 12, 32  # swscale packs 4:2:2 wrongly at widths that 32 does not divide (FFmpeg 8.1)
    small = (height >> layout.shifts[1], width >> layout.shifts[0])
    shapes = {"gray": [(height, width)], "yuv": [(height, width), small, small], "gbr": [(height, width)] * 3}
    planes = random_planes(np.random.default_rng(1), shapes[layout.family], layout.bit_depth)
    if layout.has_alpha:
        planes.append(np.full((height, width), 2**layout.bit_depth - 1, planes[0].dtype))
    frame = frame_of_planes(planes, planar)
    color = ColorTags(0 if layout.family == "gbr" else 1, full_range=layout.family != "yuv")
    expected = converted(frame, color)
    assert np.isfinite(expected).all()
    tolerance = 0.0 if packed != "ya8" else 1 / 255
    assert np.abs(converted(repacked(frame, packed), color) - expected).max() <= tolerance


def test_rgb_is_exact() -> None:
    pixels = picture(3)
    got = converted(av.VideoFrame.from_ndarray(pixels, format="rgb24"), ColorTags(0, full_range=True))
    assert np.array_equal(np.rint(got * 255).astype(np.uint8), pixels)


@pytest.mark.parametrize(("full", "black", "white"), [(True, 0, 255), (False, 16, 235)])
def test_grey(full: bool, black: int, white: int) -> None:
    plane = np.array([[0, black, white, 255, 128]], np.uint8)
    got = converted(frame_of_planes([plane], "gray"), ColorTags(full_range=full))
    expected = np.clip((plane.astype(float) - black) / (white - black), 0, 1)
    assert np.allclose(got, expected[..., None], atol=1e-6)


@pytest.mark.parametrize(("name", "bits"), [("gbrap", 8), ("gbrap16le", 16), ("yuva444p", 8), ("yuva420p10le", 10)])
def test_transparency_is_laid_over_black(name: str, bits: int) -> None:
    rng = np.random.default_rng(7)
    small = (4, 5) if "420" in name else (8, 10)
    planes = random_planes(rng, [(8, 10), small, small, (8, 10)], bits)
    color = ColorTags(0 if name.startswith("gbr") else 1, full_range=name.startswith("gbr"))
    opaque = converted(frame_of_planes([*planes[:3], np.full_like(planes[3], 2**bits - 1)], name), color)
    got = converted(frame_of_planes(planes, name), color)
    assert np.allclose(got, opaque * (planes[3][..., None] / (2**bits - 1)), atol=1e-6)


@pytest.mark.parametrize(
    ("orientation", "turn"),
    [
        (Orientation(False, True, False), lambda p: p[:, ::-1]),
        (Orientation(False, True, True), lambda p: p[::-1, ::-1]),
        (Orientation(False, False, True), lambda p: p[::-1]),
        (Orientation(True, False, False), lambda p: p.swapaxes(0, 1)),
        (Orientation(True, True, False), lambda p: np.rot90(p, -1)),
        (Orientation(True, True, True), lambda p: np.rot90(p, 2).swapaxes(0, 1)),
        (Orientation(True, False, True), np.rot90),
    ],
)
def test_orientation(orientation: Orientation, turn: Callable[[Any], Any]) -> None:
    frame = av.VideoFrame.from_ndarray(picture(1, 7, 5), format="rgb24")
    assert np.array_equal(converted(frame, ColorTags(0), orientation=orientation), turn(converted(frame, ColorTags(0))))


def test_a_frame_of_another_size_is_scaled() -> None:
    frame = av.VideoFrame.from_ndarray(np.full((10, 20, 3), 200, np.uint8), format="rgb24")
    out = np.empty((3, 8, 12), np.float32)
    FrameConverter(12, 8, ColorTags(0)).convert(frame, out)
    assert np.allclose(out, 200 / 255, atol=2 / 255)


def test_guesses_where_nothing_is_tagged() -> None:
    def info(width: int, height: int, color: ColorTags, rotation: int = 0) -> VideoInfo:
        from fractions import Fraction

        return VideoInfo(width, height, Fraction(25), None, Fraction(1, 25), color, rotation_deg=rotation)

    nothing = ColorTags()
    assert resolved(info(720, 480, nothing)).matrix == 6
    assert resolved(info(720, 576, nothing)).matrix == 5
    assert resolved(info(1280, 720, nothing)).matrix == 1
    assert resolved(info(480, 854, nothing, 90)).matrix == 6, "480 coded lines, shown upright"
    assert resolved(info(3840, 2160, ColorTags(primaries=9))).matrix == 9
    assert resolved(info(640, 480, ColorTags(matrix=1))).matrix == 1
    assert hdr_kind(ColorTags(transfer=16)) == "PQ"
    assert hdr_kind(ColorTags(transfer=18)) == "HLG"
    assert hdr_kind(nothing) is None
    assert [chroma_siting("mjpeg", 1), chroma_siting("h264", 1), chroma_siting("hevc", 9)] == [
        "center",
        "left",
        "topleft",
    ]
    assert [format_bit_depth(name) for name in ("pal8", "yuv420p", "p010le", "rgb565le", "gbrpf32le")] == [
        8,
        8,
        10,
        8,
        16,
    ]


def test_unknown_matrices_are_those_of_bt2020() -> None:
    for matrix in (3, 14, 200):
        assert np.array_equal(
            samples_to_rgb(matrix, full_range=True, bit_depth=10)[0],
            samples_to_rgb(9, full_range=True, bit_depth=10)[0],
        )


# ---- through files ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bits", [8, 10])
@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("matrix", [1, 6, 9])
def test_tags_of_a_file_are_heeded(tmp_path: Path, bits: int, full: bool, matrix: int) -> None:
    """Flat patches in lossless 4:2:0: exact to a hundredth of a code value."""
    rng = np.random.default_rng(11)
    patches = rng.integers(40 << (bits - 8), 220 << (bits - 8), (3, 3, 4)).astype(np.uint8 if bits == 8 else np.uint16)
    y, cb, cr = (patch.repeat(16, 0).repeat(16, 1) for patch in patches)
    frame = frame_of_planes(
        [y, cb[::2, ::2], cr[::2, ::2]], "yuv420p" if bits == 8 else "yuv420p10le",
        colorspace=matrix, color_range=2 if full else 1,
    )  # fmt: skip
    path = encode(
        tmp_path / "patches.mkv", "ffv1", frames=[frame], colorspace=matrix, color_range=2 if full else 1,
        color_primaries=matrix, color_trc=14 if matrix == 9 else matrix,
    )  # fmt: skip
    with open_source(path) as source:
        assert source.info.color == ColorTags(matrix, matrix, 14 if matrix == 9 else matrix, full)
        assert source.info.bit_depth == bits
        (clip,) = source.read(0, 1)
    got = clip.rgb[0].permute(1, 2, 0).numpy()[7::16, 7::16]
    expected = exact_rgb(*(patch.astype(float) for patch in patches), matrix, full, bits)
    assert np.abs(got - expected).max() * (2**bits - 1) < 0.01


def test_ten_bits_stay_ten_bits(tmp_path: Path) -> None:
    ramp = np.arange(64, 940, dtype=np.uint16)[None].repeat(4, 0)
    grey = np.full((4, ramp.shape[1]), 512, np.uint16)
    path = encode(tmp_path / "ramp.mkv", "ffv1", frames=[frame_of_planes([ramp, grey, grey], "yuv444p10le")])
    with open_source(path) as source:
        (clip,) = source.read(0, 1)
    assert len(torch.unique(clip.rgb[0, 1, 0])) == 876
    assert torch.equal(torch.round(clip.rgb[0, 1, 0] * 876 + 64).int(), torch.arange(64, 940, dtype=torch.int32))


@pytest.mark.media
@pytest.mark.skipif(not shutil.which("ffmpeg"), reason="no ffmpeg on this machine to compare with")
@pytest.mark.parametrize(
    ("name", "matrix"),
    [
        ("cotracker_cat/cat.mp4", "smpte170m"),
        ("odd_bt709_full_range/bt709_full_range.mp4", "bt709"),
        ("odd_h265_10bits/h265_10bits.mp4", "smpte170m"),
        ("intel_asl_bird/bird.mkv", "smpte170m"),
        ("sam2_01_dog/01_dog.mp4", "bt709"),
        ("odd_yuv444_1280x272/scene_cuts.mp4", "smpte170m"),
    ],
)
def test_real_clips_look_as_ffmpeg_shows_them(shared: Path, name: str, matrix: str) -> None:
    """Within one code value on average; swscale rounds, and interpolates chroma with another filter."""
    path = shared / "data" / "C" / name
    flags = "bicubic+accurate_rnd+full_chroma_int+full_chroma_inp"
    sited = "" if "yuv444" in name else ":in_h_chr_pos=0:in_v_chr_pos=128"  # swscale centres what it is not told
    scale = f"scale=in_color_matrix={matrix}{sited}:flags={flags},format=rgb24"
    command = ["ffmpeg", "-v", "error", "-i", str(path), "-vf", scale, "-frames:v", "3", "-f", "rawvideo", "-"]
    raw = subprocess.run(command, capture_output=True, check=True).stdout
    with open_source(path) as source:
        got = torch.cat([clip.rgb.clone() for clip in source.read(0, 3)]).numpy()
        shape = (3, source.info.height, source.info.width, 3)
    expected = np.frombuffer(raw, np.uint8).reshape(shape).transpose(0, 3, 1, 2) / 255
    assert np.abs(got - expected).mean() * 255 < 1.0
    assert abs(float((got - expected).mean())) * 255 < 0.25, "no shift of brightness"
