"""Refuse settings that an encoder would ignore, or reject only after hours of work."""

import difflib
import re
from collections.abc import Iterable
from fractions import Fraction

import av
from av import VideoCodecContext
from av.codec.context import OptionFlags

from secondeye.discovery import nearest
from secondeye.errors import InputError
from secondeye.types import VideoInfo
from secondeye.video.encode import (
    COMMON_H264_PX,
    CodecFacts,
    EncodeSettings,
    codec_facts,
    completed,
    encoder_options,
    quiet_environment,
)
from secondeye.video.encoder_options import LIBRARY_PARAMS, X264_TUNES, X265_TUNES
from secondeye.video.layout import frame_size
from secondeye.video.planes import is_paintable

REFUSALS = re.compile(r"(error parsing option|unknown option|invalid value|unable to parse|out of range)", re.I)
"""What FFmpeg logs about an option that it then drops; it does not fail for all of these."""

DISPLAY = re.compile(r"undef|G{0}B{0}R{0}WP{0}L{0}".format(r"\([\d.]+,[\d.]+\)"))
"""A mastering display as x264 and SVT-AV1 take it."""

TUNES = {"h264": X264_TUNES, "hevc": X265_TUNES}


def check(settings: EncodeSettings, info: VideoInfo, layout: str) -> list[str]:
    """Make sure that the settings work for this source and layout.

    Returns:
        What the user should know although it works: sizes and formats that few players take.

    Raises:
        InputError: an unknown codec, preset, pixel format or option (with the nearest valid one), a value that the
            encoder refuses, a frame too large or too small for the codec, or no graphics card for NVENC.
    """
    quiet_environment()
    facts = codec_facts(settings.codec)
    _check_quality(settings, facts)
    settings = completed(settings, info)
    _check_pixel_format(settings, facts)
    _check_option_names(settings, facts)
    width, height = frame_size(info.width, info.height, layout)
    _check_size(settings, facts, width, height, layout)
    _try(settings, info, layout)
    return _notes(settings, info, width, height)


def paintable_formats(encoder: str) -> list[str]:
    """The pixel formats of an encoder that we can make."""
    formats = av.Codec(encoder, "w").video_formats or []
    return [f.name for f in formats if is_paintable(f.name)]


def _check_quality(settings: EncodeSettings, facts: CodecFacts) -> None:
    if settings.crf is not None:
        low, high = facts.crf_range
        if facts.crf is None:
            choice = "a profile as its preset" if facts.presets else "nothing: it is lossless"
            raise InputError(f"{settings.codec} has no crf; leave it out and choose {choice}")
        if not low <= settings.crf <= high:
            raise InputError(f"crf {settings.crf:g} is outside {low:g} to {high:g} of {settings.codec}")
    if settings.preset is not None and settings.preset not in facts.presets:
        if not facts.presets:
            raise InputError(f"{settings.codec} has no presets; leave '{settings.preset}' out")
        raise nearest(f"preset of {settings.codec}", settings.preset, facts.presets)


def _check_pixel_format(settings: EncodeSettings, facts: CodecFacts) -> None:
    known = paintable_formats(facts.encoder)
    # NVENC takes 10 bits in a packing of its own, into which FFmpeg repacks planar frames.
    known += ["yuv420p10le"] if facts.is_nvenc and "p010le" in _format_names(facts.encoder) else []
    if settings.pixel_format not in known:
        raise nearest(f"pixel format of {settings.codec}", str(settings.pixel_format), known)


def _format_names(encoder: str) -> list[str]:
    return [f.name for f in av.Codec(encoder, "w").video_formats or []]


def _check_option_names(settings: EncodeSettings, facts: CodecFacts) -> None:
    known = _option_names(facts.encoder)
    for name, value in settings.options:
        if name not in known:
            raise _unknown(f"option of {settings.codec}", name, known)
        if name == "tune" and settings.codec in TUNES and value not in TUNES[settings.codec]:
            raise nearest(f"tune of {settings.codec}", value, TUNES[settings.codec])
        if name in LIBRARY_PARAMS:
            _check_library_params(name, value)


def _check_library_params(name: str, text: str) -> None:
    """Refuse a text of key=value pairs, parted by colons, in which a key is unknown."""
    for pair in filter(None, text.split(":")):
        key, _, value = pair.partition("=")
        plain = key.replace("_", "-")
        forms = {plain, plain.removeprefix("no-"), plain.removeprefix("no")}
        if not forms & LIBRARY_PARAMS[name]:
            raise _unknown(f"key of {name}", key, LIBRARY_PARAMS[name])
        if plain == "mastering-display" and not DISPLAY.fullmatch(value):  # SVT-AV1 never returns from a bad one
            raise InputError(f"mastering-display '{value}' is not of the form G(x,y)B(x,y)R(x,y)WP(x,y)L(max,min)")


def _option_names(encoder: str) -> set[str]:
    options = av.CodecContext.create(encoder, "w").supported_options
    wanted = OptionFlags.ENCODING_PARAM | OptionFlags.VIDEO_PARAM
    return {o.name for o in (*options.generic, *options.private) if o.flags & wanted == wanted}


def _unknown(kind: str, name: str, known: Iterable[str]) -> InputError:
    """Like `discovery.nearest`, without the list of a hundred and more names."""
    close = difflib.get_close_matches(name, sorted(known), n=3, cutoff=0.4)
    hint = f"did you mean {' or '.join(repr(c) for c in close)}?" if close else "see FFmpeg's documentation"
    return InputError(f"no {kind} called '{name}'; {hint}")


def _check_size(settings: EncodeSettings, facts: CodecFacts, width: int, height: int, layout: str) -> None:
    (max_width, max_height), size = facts.max_size, f"{layout} frame of {width}x{height}"
    if width > max_width or height > max_height or width * height > facts.max_px:
        fits = facts.max_size if width > max_width or height > max_height else None
        limit = f"{fits[0]}x{fits[1]}" if fits else f"{facts.max_px / 1e6:.1f} million pixels"
        hevc = codec_facts("hevc")
        is_hevc_enough = width <= hevc.max_size[0] and height <= hevc.max_size[1] and width * height <= hevc.max_px
        advice = "choose codec hevc" if is_hevc_enough else "choose layout half-sbs or half-tb, or codec ffv1"
        raise InputError(f"the {size} is beyond the {limit} that {settings.codec} can hold; {advice}")
    if min(width, height) < facts.min_size:
        raise InputError(f"the {size} is below the {facts.min_size} px that {settings.codec} needs; choose codec h264")


def _try(settings: EncodeSettings, info: VideoInfo, layout: str) -> None:
    """Open the encoder on a small frame, for values that only it understands."""
    context = av.CodecContext.create(codec_facts(settings.codec).encoder, "w")
    assert isinstance(context, VideoCodecContext)
    context.width, context.height, context.pix_fmt = 320, 192, settings.pixel_format
    context.time_base = Fraction(1, 25)
    context.options = encoder_options(settings, info, layout)
    level = av.logging.get_level()
    av.logging.set_level(av.logging.WARNING)
    try:
        with av.logging.Capture() as logs:
            context.open()
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise _refusal(settings, [text for _, _, text in logs] or [str(error)]) from error
    finally:
        av.logging.set_level(level)
    refused = [text for _, _, text in logs if REFUSALS.search(text)]
    if refused:
        raise _refusal(settings, refused)


def _refusal(settings: EncodeSettings, messages: list[str]) -> InputError:
    said = next((m for m in messages if REFUSALS.search(m)), messages[0]).strip().rstrip(".")
    if codec_facts(settings.codec).is_nvenc:
        software = settings.codec.removesuffix("_nvenc")
        return InputError(f"{settings.codec} cannot be used here ({said}); choose codec {software}")
    options = ", ".join(f"{name}={value}" for name, value in settings.options) or "no further options"
    return InputError(f"{settings.codec} refuses its settings ({said}); given were {options}")


def _notes(settings: EncodeSettings, info: VideoInfo, width: int, height: int) -> list[str]:
    notes = []
    if settings.codec.startswith("h264") and (max(width, height) > 4096 or width * height > COMMON_H264_PX):
        notes.append(f"few players decode H.264 of {width}x{height}; codec hevc plays on more")
    if settings.codec.startswith("h264") and "10" in str(settings.pixel_format):
        notes.append("few players decode 10-bit H.264; codec hevc plays on more")
    if settings.codec.startswith(("hevc", "av1")) and max(width, height) > 8192:
        notes.append(f"few players decode frames of {width}x{height}; a half layout plays on more")
    if info.bit_depth > 8 and settings.pixel_format in ("yuv420p", "yuv422p", "yuv444p"):
        notes.append(f"the source has {info.bit_depth} bits, {settings.pixel_format} keeps 8")
    return notes
