"""What each file ending means: FFmpeg's muxer, the video it can hold, and the text form of its subtitles."""

from pathlib import Path

from secondeye.discovery import nearest
from secondeye.errors import InputError

FORMATS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska", ".webm": "webm"}
"""Muxers by ending."""

VIDEO_CODECS = {
    "mp4": ("h264", "hevc", "av1"),
    "mov": ("h264", "hevc", "prores"),
    "matroska": ("h264", "hevc", "av1", "prores", "ffv1"),
    "webm": ("av1",),
}
"""Our codecs that a muxer takes and players expect in it."""

TEXT_CODECS = {"mp4": "mov_text", "mov": "mov_text", "matroska": "subrip", "webm": "webvtt"}
"""The form into which text subtitles are brought where they cannot be copied."""


def muxer(out: Path, codec: str) -> str:
    """FFmpeg's muxer for a file.

    Args:
        out: the file; only its ending counts.
        codec: one of `encode.codecs()`.

    Raises:
        InputError: an ending that we do not write, or that does not take the codec.
    """
    suffix = out.suffix.lower()
    if suffix not in FORMATS:
        raise nearest("video file ending", suffix or out.name, FORMATS)
    name, family = FORMATS[suffix], codec.removesuffix("_nvenc")
    if family not in VIDEO_CODECS[name]:
        fitting = " or ".join(end for end in (".mp4", ".mov", ".mkv") if family in VIDEO_CODECS[FORMATS[end]])
        raise InputError(f"{suffix} cannot hold {family} video; write {fitting}, or choose another codec")
    return name


def muxer_options(name: str) -> dict[str, str]:
    """Reproducible files; for MP4 and MOV the index in front, so that playing starts before all is loaded."""
    options = {"fflags": "+bitexact"}
    if name in ("mp4", "mov"):
        # "unofficial" allows the stereo box, which is Google's and not ISO's.
        options |= {"movflags": "+faststart", "strict": "unofficial"}
    return options
