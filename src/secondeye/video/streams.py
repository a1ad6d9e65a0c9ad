"""The finished film: parts joined without encoding again, and everything else that the source has beside its video.

    parts --packets, new decoding times--\\
                                          merge by time --> muxer --> film.mp4.partial --rename--> film.mp4
    source --sound, subtitles, pictures--/
"""

import io
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from fractions import Fraction
from heapq import merge
from pathlib import Path
from typing import Any

import av
from av import Packet
from av.container import InputContainer, OutputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from secondeye.types import VideoInfo
from secondeye.video.carry import (
    carry_streams,
    check_streams,
    content_metadata,
    converted_packets,
    copied_packets,
    move_earlier,
)
from secondeye.video.containers import muxer, muxer_options
from secondeye.video.decoding import open_container, picture_stream
from secondeye.video.parts import PartsTimes, open_part, part_packets, read_times
from secondeye.video.planes import coded_color
from secondeye.video.saving import partial_path, settle, write_errors
from secondeye.video.side_data import Hdr
from secondeye.video.signalling import (
    display_size,
    hdr_boxes,
    matroska_stereo_mode,
    neutralise_vexu,
    patch_matroska_display,
    st3d_box,
    with_sample_entry_boxes,
)

TS_DISCONT = 0x0200
"""AVFMT_TS_DISCONT: formats whose clock starts anywhere, such as MPEG-TS."""

LATE_START_S = 1
"""A source that begins later than this is moved to the beginning where a player would else show nothing so long."""

MOV_TAGS = {"hevc": "hvc1"}
"""Sample entry names that FFmpeg would choose otherwise; Apple's players want hvc1."""


def check_output(source: Path | None, out: Path, codec: str) -> list[str]:
    """What `join` will have to leave behind, to be known before the work begins.

    Args:
        source: the video; None where there is none, as for a folder of pictures.
        out: the file to be written.
        codec: of the video, one of `encode.codecs()`.

    Raises:
        InputError: an unknown ending, a codec that the file cannot hold, or sound that another ending would keep.
    """
    name = muxer(out, codec)
    if source is None:
        return []
    with open_container(source) as container:
        index = picture_stream(container, source).index
    return check_streams(source, name, index)


def join(
    parts: Sequence[Path],
    source: Path | None,
    out: Path,
    info: VideoInfo,
    *,
    layout: str | None = None,
    hdr: Hdr | None = None,
    last_duration: int | None = None,
    signal: bool = True,
) -> list[str]:
    """Put parts together and add the source's sound, subtitles, chapters, metadata, cover pictures and attachments.

    Sound is copied bit by bit and stays in step; nothing ends early, be it longer than the video. The file is written
    beside its final name and renamed when it is whole; until then an older file of that name stays as it is.

    Args:
        parts: what VideoSink wrote, in order.
        source: the video that they were made from; None to add nothing.
        out: the file; .mp4, .m4v, .mov, .mkv or .webm.
        info: of the source.
        layout: of the parts, to be signalled to players; None to signal nothing.
        hdr: grading screen and light levels to write into the container.
        last_duration: ticks for which the last frame is shown; by default those of the mean frame rate.
        signal: whether to signal the layout at all.

    Returns:
        What could not be carried over, one line each.

    Raises:
        InputError: a part is missing, damaged or different; an ending that we do not write or that cannot hold the
            video or a sound track; a file that cannot be written.
        ResourceError: the disk is full.
    """
    times = read_times(parts, info, last_duration)
    signalled = layout if signal else None
    container, template = open_part(parts[0])
    with container:
        name = muxer(out, _family(template.codec_context.name))
    partial = partial_path(out)
    with write_errors(out):
        try:
            notes = _write(times, source, partial, name, info, signalled, hdr)
            _amend(partial, name, info, signalled, times)
            settle(partial, out)
        finally:
            partial.unlink(missing_ok=True)
    return notes


def _family(decoder: str) -> str:
    """Our name of a codec by FFmpeg's decoder."""
    return "av1" if "av1" in decoder or "dav1d" in decoder else decoder


def _write(
    times: PartsTimes,
    source: Path | None,
    partial: Path,
    name: str,
    info: VideoInfo,
    layout: str | None,
    hdr: Hdr | None,
) -> list[str]:
    """Write the whole file under its partial name."""
    with av.open(os.path.abspath(partial), "w", format=name, options=muxer_options(name)) as out:
        video = _add_video(out, times, name, info, layout, hdr)
        mode = matroska_stereo_mode(layout, name) if layout else None
        stereo = {"stereo_mode": mode} if mode else {}
        if source is None:
            video.metadata.update(stereo)
            _mux(out, [_video_packets(times, info, video, Fraction(0))])
            return []
        with open_container(source) as film:
            video.metadata.update({**content_metadata(picture_stream(film, source).metadata), **stereo})
            notes = _carry(film, source, out, video, times, name, info)
            metadata = film.metadata
    return notes + _lost_metadata(metadata, partial)


def _carry(
    film: InputContainer,
    path: Path,
    out: OutputContainer,
    video: VideoStream,
    times: PartsTimes,
    name: str,
    info: VideoInfo,
) -> list[str]:
    """Add all that the source has, and write every packet."""
    picture = picture_stream(film, path)
    carried, notes = carry_streams(film, out, name, picture.index)
    shift_s = _shift(film, name, info)
    out.metadata.update(content_metadata(film.metadata))
    if chapters := film.chapters():
        out.set_chapters([_moved(chapter, shift_s) for chapter in chapters])
    texts = [converted_packets(path, pair, shift_s) for pair in carried if pair.form is not None]
    _mux(out, [_video_packets(times, info, video, shift_s), copied_packets(film, carried, shift_s), *texts])
    return notes


def _mux(out: OutputContainer, rows: Iterable["Iterator[Packet[Any]]"]) -> None:
    """Write rows of packets, merged by decoding time."""
    for packet in merge(*rows, key=_seconds):
        out.mux(packet)


def _seconds(packet: "Packet[Any]") -> float:
    assert packet.dts is not None
    return float(packet.dts * packet.time_base)


def _video_packets(
    times: PartsTimes, info: VideoInfo, video: VideoStream, shift_s: Fraction
) -> "Iterator[Packet[Any]]":
    for packet in part_packets(times, info):
        move_earlier(packet, shift_s)
        packet.stream = video
        yield packet


def _shift(film: InputContainer, name: str, info: VideoInfo) -> Fraction:
    """Seconds to take from all times, a whole number of the video's ticks."""
    start_s = Fraction(film.start_time or 0, av.time_base)
    is_clock_free = bool(film.format.flags & TS_DISCONT)
    if start_s <= 0 or not (is_clock_free or (start_s >= LATE_START_S and name in ("mp4", "mov"))):
        return Fraction(0)
    return (start_s // info.time_base) * info.time_base


def _moved(chapter: Any, shift_s: Fraction) -> Any:
    ticks = round(shift_s / chapter["time_base"]) if chapter["time_base"] else 0
    return {**chapter, "start": chapter["start"] - ticks, "end": chapter["end"] - ticks}


def _add_video(
    out: OutputContainer, times: PartsTimes, name: str, info: VideoInfo, layout: str | None, hdr: Hdr | None
) -> VideoStream:
    """The video's stream, described as its parts are and with what they cannot say of themselves."""
    container, part = open_part(times.paths[0])
    boxes = (st3d_box(layout) if layout and name == "mp4" else b"") + hdr_boxes(hdr)
    with container:
        coded = part.codec_context
        with _described(container, part, boxes) as film:
            video = out.add_stream_from_template(film.streams.video[0], opaque=True)
        video.codec_context.extradata = coded.extradata
        if coded.name == "prores":
            video.codec_context.codec_tag = coded.codec_tag
        color = coded_color(info, str(coded.pix_fmt))
    context = video.codec_context
    context.colorspace, context.color_primaries, context.color_trc = color.matrix, color.primaries, color.transfer
    context.color_range = 2 if color.full_range else 1
    context.sample_aspect_ratio = info.pixel_aspect
    context.framerate = info.frame_rate if times.is_steady else Fraction(0)
    if name in ("mp4", "mov") and coded.name in MOV_TAGS:
        context.codec_tag = MOV_TAGS[coded.name]
    video.time_base = info.time_base
    video.disposition = Disposition.default
    return video


@contextmanager
def _described(container: InputContainer, part: VideoStream, boxes: bytes) -> Iterator[InputContainer]:
    """A tiny movie in memory whose description has our boxes, for a muxer to copy; PyAV cannot set what they say.

    FFV1, which MP4 and MOV do not take, is described by its part alone.
    """
    codec = _family(part.codec_context.name)
    if codec == "ffv1":
        yield container
        return
    held = io.BytesIO()
    with av.open(held, "w", format="mov" if codec == "prores" else "mp4", options={"fflags": "+bitexact"}) as movie:
        track = movie.add_stream_from_template(part, opaque=True)
        if codec == "prores":
            track.codec_context.codec_tag = part.codec_context.codec_tag
        packet = next(p for p in container.demux(part) if p.size)
        packet.pts = packet.dts = 0
        packet.stream = track
        movie.mux(packet)
    with av.open(io.BytesIO(with_sample_entry_boxes(held.getvalue(), boxes)), "r") as described:
        yield described


def _amend(partial: Path, name: str, info: VideoInfo, layout: str | None, times: PartsTimes) -> None:
    """Set right what FFmpeg's muxers write otherwise than players need."""
    if name == "mp4" and layout:
        neutralise_vexu(partial)
    if name in ("matroska", "webm"):
        patch_matroska_display(partial, *display_size(info, layout, *times.size))


def _lost_metadata(metadata: Mapping[str, str], written: Path) -> list[str]:
    """A note on the tags that a container has no place for."""
    with av.open(os.path.abspath(written), "r", metadata_errors="replace") as container:
        there = {key.lower() for key in container.metadata}
    lost = sorted(key for key in content_metadata(metadata) if key.lower() not in there)
    return [f"metadata left out, for the container has no place for them: {', '.join(lost)}"] if lost else []
