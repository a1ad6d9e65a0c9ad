"""Say what a file is: its size, rate, colours and streams, and whether it is 3D already."""

from itertools import islice
from pathlib import Path

import numpy as np

from secondeye.inspect.layout import Picture, measure_layout, named_layout
from secondeye.inspect.report import Layout, Report, color_names
from secondeye.video.index import FrameIndex
from secondeye.video.reader import open_source
from secondeye.video.source import VideoSource

LOOKED_AT = 5
"""Frames that are looked at to find out how the views lie."""

NEAR_BEGINNING = 120
"""Frames among which they are chosen where a file has too few keyframes to jump to."""


def inspect_file(path: str | Path) -> Report:
    """Say what a video, a picture or a folder of pictures is.

    Raises:
        InputError: it cannot be read.
    """
    with open_source(path) as source:
        file, info, index = source.file, source.info, source.index
        aspect = info.width / info.height * float(info.pixel_aspect)
        measured = measure_layout(_some_pictures(source), aspect, is_photo=file.kind == "image")
        named, field_of_view = named_layout(file.path)
        return Report(
            path=file.path,
            kind=file.kind,
            format=file.format_name,
            codec=file.codec,
            pixel_format=file.pixel_format,
            width=info.width,
            height=info.height,
            frame_count=index.frame_count,
            frame_rate=info.frame_rate if index.is_constant_rate() else index.mean_rate(info.time_base),
            is_constant_rate=index.is_constant_rate(),
            duration_s=index.duration_s(info.time_base),
            bit_depth=info.bit_depth,
            has_alpha=file.has_alpha,
            rotation_deg=info.rotation_deg,
            pixel_aspect=info.pixel_aspect,
            field_order=file.field_order,
            color=color_names(file),
            hdr=file.hdr,
            layout=Layout(file.stereo, named, measured, file.projection, field_of_view),
            audio=file.audio,
            subtitles=file.subtitles,
            attachments=file.attachments,
            other_videos=file.other_videos,
            chapters=file.chapters,
            metadata=file.metadata,
        )


def _some_pictures(source: VideoSource) -> list[Picture]:
    """A few frames from all over the source; those that do not decode are left out."""
    pictures = []
    for number in looked_at(source.index):
        for clip in islice(source.read(number, number + 1), 1):
            pictures.append(np.asarray(clip.rgb[0].numpy(), np.float32).copy())
    return pictures


def looked_at(index: FrameIndex) -> list[int]:
    """Numbers of the frames to look at: keyframes, which are quick to reach, or frames near the beginning."""
    keys = [int(key) for key in index.keyframes]
    choice = keys if len(keys) >= LOOKED_AT else list(range(min(len(index), NEAR_BEGINNING)))
    places = np.linspace(0, len(choice) - 1, LOOKED_AT + 2)[1:-1] if len(choice) > LOOKED_AT else range(len(choice))
    return [choice[round(float(place))] for place in places]
