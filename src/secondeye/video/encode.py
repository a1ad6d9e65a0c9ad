"""Which encoder, at which quality, with which options.

`EncodeSettings` is what a user chooses; `completed` fills in what was left open; `encoder_options` turns it into what
FFmpeg's encoder is given; `check` (encoder_check.py) refuses what would be ignored or fail an hour later.
"""

import importlib
import os
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import av
from av.codec import codecs_available

from secondeye.discovery import nearest
from secondeye.types import VideoInfo
from secondeye.video.encoder_options import NVENC_PRESETS, PRORES_PROFILES, X26X_PRESETS
from secondeye.video.layout import frame_size
from secondeye.video.planes import coded_color, is_top_sited
from secondeye.video.side_data import Hdr, MasteringDisplay

MAX_LEVEL_PX = 35_651_584
"""Luma samples of the largest frame that any level of H.264 (6.2), HEVC (6.2) and AV1 (6.3) allows."""

COMMON_H264_PX = 36_864 * 256
"""The largest frame of H.264 level 5.2, which is where decoders in headsets and TVs end."""


@dataclass(frozen=True)
class CodecFacts:
    """What is particular to a codec; sizes in px, of the whole frame."""

    encoder: str
    presets: tuple[str, ...]
    preset: str | None
    crf: float | None
    crf_range: tuple[float, float] = (0, 51)
    pixel_formats: tuple[str, str] = ("yuv420p", "yuv420p10le")
    max_size: tuple[int, int] = (16384, 16384)
    min_size: int = 2
    max_px: int = MAX_LEVEL_PX

    @property
    def is_nvenc(self) -> bool:
        return self.encoder.endswith("_nvenc")


SVT_PRESETS = tuple(str(n) for n in range(14))

FACTS: dict[str, CodecFacts] = {
    "h264": CodecFacts("libx264", X26X_PRESETS, "medium", 18),
    "hevc": CodecFacts("libx265", X26X_PRESETS, "fast", 20, min_size=16),
    "av1": CodecFacts("libsvtav1", SVT_PRESETS, "8", 26, (0, 63), max_size=(16384, 8704), min_size=4),
    "prores": CodecFacts(
        "prores_ks", PRORES_PROFILES, "hq", None, pixel_formats=("yuv422p10le", "yuv422p10le"), max_px=2**31
    ),
    "ffv1": CodecFacts("ffv1", (), None, None, max_size=(32768, 32768), min_size=4, max_px=2**31),
    "h264_nvenc": CodecFacts("h264_nvenc", NVENC_PRESETS, "p5", 19, max_size=(4096, 4096), min_size=160),
    "hevc_nvenc": CodecFacts("hevc_nvenc", NVENC_PRESETS, "p5", 22, max_size=(8192, 8192), min_size=144),
    "av1_nvenc": CodecFacts("av1_nvenc", NVENC_PRESETS, "p5", 28, (0, 63), max_size=(8192, 8192), min_size=192),
}


@dataclass(frozen=True)
class EncodeSettings:
    """How video is encoded.

    Attributes:
        codec: one of `codecs()`.
        crf: constant quality, lower is better; None for the codec's default. ProRes and FFV1 have none.
        preset: the codec's own speed name (ProRes: its profile); None for the default.
        pixel_format: FFmpeg's name; None for what fits the source's bit depth.
        options: further options of the FFmpeg encoder, such as ("tune", "grain") or ("x265-params", "aq-mode=3").
    """

    codec: str = "h264"
    crf: float | None = None
    preset: str | None = None
    pixel_format: str | None = None
    options: tuple[tuple[str, str], ...] = ()


def codecs() -> list[str]:
    """The codecs whose encoder this FFmpeg has; those of a graphics card may still lack the card."""
    return [name for name, facts in FACTS.items() if facts.encoder in codecs_available]


SPELLINGS = {"h265": "hevc", "x265": "hevc", "libx265": "hevc", "x264": "h264", "libx264": "h264", "avc": "h264"}
"""Other names that people know our codecs by."""


def codec_facts(codec: str) -> CodecFacts:
    """Facts of a codec.

    Raises:
        InputError: no such codec; the message gives the nearest.
    """
    if codec not in codecs():
        raise nearest("codec", codec, codecs())
    return FACTS[codec]


def default_settings(info: VideoInfo, out_path: Path, layout: str = "sbs") -> EncodeSettings:
    """Settings that play nearly everywhere for this source, file and layout.

    H.264 for 8 bits. HEVC for deeper sources, because hardly any player decodes 10-bit H.264, and for frames beyond
    H.264 level 5.2, where decoders of headsets end; AV1 in .webm, which takes nothing else of ours. Sources of more
    than 10 bits become 10: deeper HEVC does not play either (ask for pixel_format yuv420p12le, or FFV1, to keep more).
    """
    width, height = frame_size(info.width, info.height, layout)
    if out_path.suffix.lower() == ".webm":
        codec = "av1"
    elif min(width, height) < FACTS["hevc"].min_size:
        codec = "h264"
    else:
        is_large = width > 4096 or height > 4096 or width * height > COMMON_H264_PX
        codec = "hevc" if info.bit_depth > 8 or is_large else "h264"
    return completed(EncodeSettings(codec), info)


def completed(settings: EncodeSettings, info: VideoInfo) -> EncodeSettings:
    """The same settings with defaults in place of None; FFV1 keeps the source's bit depth as it is."""
    facts = codec_facts(settings.codec)
    pixel_format = settings.pixel_format
    if pixel_format is None:
        pixel_format = (
            _ffv1_format(info.bit_depth) if settings.codec == "ffv1" else facts.pixel_formats[info.bit_depth > 8]
        )
    crf = facts.crf if settings.crf is None else settings.crf
    return replace(settings, crf=crf, preset=settings.preset or facts.preset, pixel_format=pixel_format)


def _ffv1_format(bit_depth: int) -> str:
    depth = next(d for d in (8, 9, 10, 12, 14, 16) if d >= min(bit_depth, 16))
    return "yuv420p" if depth == 8 else f"yuv420p{depth}le"


def encoder_options(settings: EncodeSettings, info: VideoInfo, layout: str, hdr: Hdr | None = None) -> dict[str, str]:
    """What the FFmpeg encoder of completed settings is given; the user's options come last and win.

    Closed groups of pictures throughout, so that parts can be joined; parameter sets that do not depend on content.
    """
    facts = codec_facts(settings.codec)
    color = coded_color(info, settings.pixel_format or "yuv420p")
    options: dict[str, str] = {}
    if settings.preset:
        options["profile" if settings.codec == "prores" else "preset"] = settings.preset
    if settings.crf is not None:
        options["cq" if facts.is_nvenc else "crf"] = f"{settings.crf:g}"
    if "420" in (settings.pixel_format or ""):
        options["chroma_sample_location"] = "topleft" if is_top_sited(color) else "left"
    options.update(_particular_options(settings.codec, frame_size(info.width, info.height, layout), hdr))
    for name, value in settings.options:
        is_list = name in options and name.endswith("-params")
        options[name] = f"{options[name]}:{value}" if is_list else value
    return options


def _particular_options(codec: str, size: tuple[int, int], hdr: Hdr | None) -> dict[str, str]:
    if codec == "h264":
        return {"x264-params": ":".join(["stitchable=1", "open-gop=0", *_x264_safety(size[0]), *_x264_hdr(hdr)])}
    if codec == "hevc":
        return {
            "x265-params": ":".join(["log-level=none", "info=0", "open-gop=0", *_x265_safety(size[1]), *_x265_hdr(hdr)])
        }
    if codec == "av1":
        light = _svtav1_hdr(hdr)
        return {"svtav1-params": ":".join(light)} if light else {}
    if codec == "prores":
        return {"vendor": "apl0"}
    if codec == "ffv1":
        return {"level": "3", "g": "1", "slicecrc": "1", "slices": "16" if size[0] * size[1] > 400_000 else "4"}
    return {"rc": "vbr", "b": "0", "tune": "hq", "forced-idr": "1"}


def _x264_safety(width: int) -> list[str]:
    """Keep x264 deterministic.

    Its AVX-512 macroblock tree (r165) reads memory that it has not written where a row is not a multiple of eight
    macroblocks: the same frames then give other bytes from run to run. Up to AVX2 it does not.
    """
    if -(-width // 16) % 8 == 0 or "avx512bw" not in _cpu_features():
        return []
    return ["asm=avx2"]


def _x265_safety(height: int) -> list[str]:
    """Keep x265 deterministic.

    With weighted prediction it (4.2) reads borders that it has not written where the whole frame is one row of 64 px
    blocks; with two rows and more it does not.
    """
    return ["weightp=0"] if height <= 64 else []


def _cpu_features() -> set[str]:
    """What the processor can do, in LLVM's words; numba brings LLVM along."""
    binding = importlib.import_module("llvmlite.binding")
    return {str(name) for name, is_there in binding.get_host_cpu_features().items() if is_there}


def _x264_hdr(hdr: Hdr | None) -> list[str]:
    if hdr is None:
        return []
    display = [f"mastering-display={_mastering_text(hdr.mastering)}"] if hdr.mastering else []
    return [*display, *([f"cll={hdr.max_cll},{hdr.max_fall or 0}"] if hdr.max_cll else [])]


def _x265_hdr(hdr: Hdr | None) -> list[str]:
    if hdr is None:
        return []
    display = [f"master-display={_mastering_text(hdr.mastering)}"] if hdr.mastering else []
    light = [f"max-cll={hdr.max_cll},{hdr.max_fall or 0}"] if hdr.max_cll else []
    return ["hdr10=1", *display, *light] if display or light else []


def _svtav1_hdr(hdr: Hdr | None) -> list[str]:
    if hdr is None:
        return []
    m = hdr.mastering
    light = [f"content-light={hdr.max_cll},{hdr.max_fall or 0}"] if hdr.max_cll else []
    if m is None:
        return light
    points = "".join(f"{n}({x:.5f},{y:.5f})" for n, (x, y) in zip("GBR", (m.green, m.blue, m.red), strict=True))
    white = f"WP({m.white[0]:.5f},{m.white[1]:.5f})"
    return [f"mastering-display={points}{white}L({m.max_luminance:.4f},{m.min_luminance:.4f})", *light]


def _mastering_text(m: MasteringDisplay | None) -> str:
    """As x264 and x265 take it: chromaticities in 1/50000, luminance in 1/10000 cd/m2."""
    assert m is not None
    points = [(round(x * 50000), round(y * 50000)) for x, y in (m.green, m.blue, m.red, m.white)]
    names = "".join(f"{n}({x},{y})" for n, (x, y) in zip(("G", "B", "R", "WP"), points, strict=True))
    return f"{names}L({round(m.max_luminance * 10000)},{round(m.min_luminance * 10000)})"


def open_encoder(stream: "av.VideoStream", settings: EncodeSettings, info: VideoInfo, layout: str) -> None:
    """Set a new stream's size, times, colours and threads; its options have been given to add_stream."""
    context = stream.codec_context
    assert settings.pixel_format is not None
    color = coded_color(info, settings.pixel_format)
    context.width, context.height = frame_size(info.width, info.height, layout)
    context.pix_fmt = settings.pixel_format
    context.time_base = info.time_base
    context.framerate = info.frame_rate
    context.sample_aspect_ratio = info.pixel_aspect
    context.colorspace, context.color_primaries, context.color_trc = color.matrix, color.primaries, color.transfer
    context.color_range = 2 if color.full_range else 1
    # PyAV asks for slice threads, which make x264 cut every frame into slices; FFV1 has nothing but slices.
    context.thread_type = "SLICE" if settings.codec == "ffv1" else "AUTO"


def quiet_environment() -> None:
    """Keep SVT-AV1 from writing its settings to standard error; it reads this when it opens."""
    os.environ.setdefault("SVT_LOG", "1")


def part_format(codec: str) -> str:
    """FFmpeg's container for parts: NUT has any time base exactly and takes all but ProRes, which gets MOV."""
    return "mov" if codec == "prores" else "nut"


def nominal_rate(rate: Fraction) -> Fraction:
    """A frame rate that encoders accept as one: both numbers below 2**31."""
    return rate.limit_denominator(100_000)
