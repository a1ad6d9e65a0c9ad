"""The record of what a file is."""

from dataclasses import dataclass, field
from pathlib import Path

from secondeye.types import VideoInfo
from secondeye.video.orientation import Orientation
from secondeye.video.side_data import Hdr


@dataclass(frozen=True)
class StreamInfo:
    """One stream beside the video; what does not apply is None."""

    index: int
    codec: str
    language: str | None = None
    title: str | None = None
    is_default: bool = False
    is_forced: bool = False
    channels: int | None = None
    sample_rate: int | None = None
    bit_rate: int | None = None


@dataclass(frozen=True)
class Chapter:
    """A named stretch of time, s."""

    start_s: float
    end_s: float
    title: str | None


@dataclass(frozen=True)
class FileInfo:
    """What a file is.

    Attributes:
        path: the file or folder.
        kind: "video", "image" or "folder" (of images).
        format_name: FFmpeg's name of the container, or Pillow's of the picture format.
        duration_s: as announced; None where unknown.
        video: size, rate and colours of the frames that a reader gives.
        codec: of the video or the pictures.
        pixel_format: as decoded.
        stream_index: of the video within the file.
        audio, subtitles, attachments, data: the other streams.
        chapters: in order.
        metadata: the container's own.
        stereo: the layout as signalled ("sbs", "tb-right-first", "mv-hevc", "mono", ...), None where nothing is.
            Of "mv-hevc" files readers give the base view.
        projection: of VR video, as signalled.
        hdr: dynamic range, None for ordinary video.
        has_alpha: whether frames can be transparent; readers lay them over black.
        field_order: None for progressive video; readers deinterlace all other.
        orientation: how readers turn coded frames upright.
        other_videos: further video streams, which are not converted.
    """

    path: Path
    kind: str
    format_name: str
    duration_s: float | None
    video: VideoInfo
    codec: str
    pixel_format: str
    stream_index: int = 0
    audio: tuple[StreamInfo, ...] = ()
    subtitles: tuple[StreamInfo, ...] = ()
    attachments: tuple[StreamInfo, ...] = ()
    data: tuple[StreamInfo, ...] = ()
    chapters: tuple[Chapter, ...] = ()
    metadata: dict[str, str] = field(default_factory=dict)
    stereo: str | None = None
    projection: str | None = None
    hdr: Hdr | None = None
    has_alpha: bool = False
    field_order: str | None = None
    orientation: Orientation = field(default_factory=Orientation)
    other_videos: tuple[StreamInfo, ...] = ()
