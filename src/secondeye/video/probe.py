"""What a file is: opened, one frame decoded to be sure, everything it says about itself in one record."""

from collections.abc import Iterator
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any, cast

import av
from av import Packet, VideoFrame
from av.container import InputContainer
from av.sidedata.sidedata import Type
from av.stream import Disposition, Stream
from av.video.stream import VideoStream

from secondeye.errors import InputError
from secondeye.types import ColorTags, VideoInfo
from secondeye.video.color import RGB, UNSPECIFIED, hdr_kind
from secondeye.video.decoding import announced_rate, open_container, picture_stream
from secondeye.video.file_info import Chapter, FileInfo, StreamInfo
from secondeye.video.images import probe_folder, probe_image, still_format
from secondeye.video.orientation import Orientation, from_display_matrix, from_rotation
from secondeye.video.samples import format_bit_depth, format_has_alpha
from secondeye.video.side_data import hdr_of, projection_of, side_data_of, stereo_of

__all__ = ["Chapter", "FileInfo", "StreamInfo", "probe"]

FIELD_ORDERS = {2: "top field first", 3: "bottom field first", 4: "top field first", 5: "bottom field first"}
"""AVFieldOrder: TT, BB, TB, BT (coded first, shown first)."""

PATIENCE_PACKETS = 600
"""So many packets may fail before a file counts as undecodable: twenty seconds of video."""


def probe(path: str | Path) -> FileInfo:
    """Say what a video, a picture or a folder of pictures is.

    Raises:
        InputError: missing, unreadable, empty, no video in it, or nothing here can decode it.
    """
    path = check_readable(Path(path))
    if path.is_dir():
        return probe_folder(path)
    return probe_image(path) if still_format(path) else _probe_video(path)


def check_readable(path: Path) -> Path:
    """The path, if something is there to read.

    Raises:
        InputError: nothing there, not a file, or empty.
    """
    try:
        if not path.exists():
            raise InputError(f"no such file: {path}")
        if path.is_dir():
            return path
        if not path.is_file():
            raise InputError(f"{path} is not a file; pipes and devices cannot be converted, for they cannot be rewound")
        if path.stat().st_size == 0:
            raise InputError(f"{path} is empty (0 bytes)")
    except OSError as error:
        raise InputError(f"{path} may not be read: {error.strerror}") from error
    return path


def _probe_video(path: Path) -> FileInfo:
    container = open_container(path)
    try:
        stream = picture_stream(container, path)
        return _describe(path, container, stream, list(islice(_decoded(container, stream, path), 2)))
    finally:
        container.close()


def _decoded(container: InputContainer, stream: VideoStream, path: Path) -> Iterator[VideoFrame]:
    """Frames as far as they decode.

    Raises:
        InputError: none does.
    """
    found = False
    context = stream.codec_context
    for packet in islice(_tolerant_packets(container, stream), PATIENCE_PACKETS):
        if packet.has_sidedata("encryption_info"):
            raise InputError(f"{path} is encrypted; only unprotected video can be converted")
        try:
            frames = context.decode(packet if packet.size else None)
        except av.FFmpegError:
            continue
        found |= bool(frames)
        yield from frames
    if not found:
        raise InputError(f"{path}: no frame of its {context.name} video can be decoded; it is damaged or protected")


def _tolerant_packets(container: InputContainer, stream: VideoStream) -> "Iterator[Packet[VideoStream]]":
    """Packets until the data ends or breaks; the last is empty and makes the decoder give what it holds back."""
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
        except av.FFmpegError:
            yield cast("Packet[VideoStream]", Packet())
            return
        if packet is None:
            return
        if packet.size or packet.pts is None:
            yield packet


def _describe(path: Path, container: InputContainer, stream: VideoStream, frames: list[VideoFrame]) -> FileInfo:
    frame = frames[0]
    sides = side_data_of(frame)
    orientation = _orientation(sides, frame)
    video = _video_info(stream, frame, orientation)
    return FileInfo(
        path=path,
        kind="video",
        format_name=container.format.name,
        duration_s=_duration_s(container, stream),
        video=video,
        codec=stream.codec_context.codec.canonical_name,
        pixel_format=frame.format.name,
        stream_index=stream.index,
        **_other_streams(container, stream),
        chapters=_chapters(container),
        metadata=dict(container.metadata),
        stereo=stereo_of(frame, stream.metadata.get("stereo_mode")),
        projection=projection_of(sides),
        hdr=hdr_of(sides, hdr_kind(video.color)),
        has_alpha=format_has_alpha(frame.format.name),
        field_order=_field_order(stream, frames),
        orientation=orientation,
    )


def _orientation(sides: dict[Type, bytes], frame: VideoFrame) -> Orientation:
    matrix = sides.get(Type.DISPLAYMATRIX)
    return from_display_matrix(matrix) if matrix else from_rotation(-frame.rotation)


def _video_info(stream: VideoStream, frame: VideoFrame, orientation: Orientation) -> VideoInfo:
    width, height = orientation.size(frame.width, frame.height)
    aspect = Fraction(stream.sample_aspect_ratio or 1)
    if aspect <= 0:
        aspect = Fraction(1)
    return VideoInfo(
        width=width,
        height=height,
        frame_rate=announced_rate(stream),
        frame_count=stream.frames or None,
        time_base=Fraction(stream.time_base or Fraction(1, 90000)),
        color=color_of(frame),
        bit_depth=format_bit_depth(frame.format.name),
        rotation_deg=orientation.rotation_deg,
        pixel_aspect=1 / aspect if orientation.transpose else aspect,
    )


def color_of(frame: VideoFrame) -> ColorTags:
    """A frame's tags. RGB counts as full range whatever is tagged, and so does grey that is not tagged limited."""
    name = frame.format.name
    if frame.format.is_rgb or frame.format.has_palette:
        return ColorTags(RGB, frame.color_primaries, frame.color_trc, full_range=True)
    is_grey = name.startswith(("gray", "ya", "mono"))
    full = frame.color_range == 2 or name.startswith("yuvj") or (is_grey and frame.color_range != 1)
    matrix = frame.colorspace if frame.colorspace != RGB else UNSPECIFIED
    return ColorTags(matrix, frame.color_primaries, frame.color_trc, full_range=full)


def _field_order(stream: VideoStream, frames: list[VideoFrame]) -> str | None:
    order = FIELD_ORDERS.get(stream.codec_context.field_order)
    return order or ("interlaced" if any(frame.interlaced_frame for frame in frames) else None)


def _duration_s(container: InputContainer, stream: VideoStream) -> float | None:
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    return container.duration / av.time_base if container.duration else None


def _other_streams(container: InputContainer, video: VideoStream) -> dict[str, Any]:
    others: dict[str, list[StreamInfo]] = {"audio": [], "subtitle": [], "attachment": [], "data": [], "video": []}
    for stream in container.streams:
        if stream.index != video.index and stream.type in others:
            others[stream.type].append(_stream_info(stream))
    names = {"audio": "audio", "subtitle": "subtitles", "attachment": "attachments", "data": "data"}
    return {names.get(kind, "other_videos"): tuple(found) for kind, found in others.items()}


def _stream_info(stream: Stream) -> StreamInfo:
    context = stream.codec_context
    language = stream.metadata.get("language")
    return StreamInfo(
        index=stream.index,
        codec=context.codec.canonical_name if context else stream.metadata.get("mimetype", "unknown"),
        language=None if language in (None, "und") else language,
        title=stream.metadata.get("title") or stream.metadata.get("filename"),
        is_default=bool(stream.disposition & Disposition.default),
        is_forced=bool(stream.disposition & Disposition.forced),
        channels=getattr(stream, "channels", None),
        sample_rate=getattr(stream, "rate", None),
        bit_rate=getattr(context, "bit_rate", None) or None,
    )


def _chapters(container: InputContainer) -> tuple[Chapter, ...]:
    return tuple(
        Chapter(
            float(chapter["start"] * (chapter["time_base"] or 1)),
            float(chapter["end"] * (chapter["time_base"] or 1)),
            chapter["metadata"].get("title"),
        )
        for chapter in container.chapters()
    )
