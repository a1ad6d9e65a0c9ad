"""Say what a file is: its size, rate, colours and streams, and whether it is 3D already."""

from pathlib import Path

from secondeye.inspect.report import Layout, Report, color_names
from secondeye.video.reader import open_source
from secondeye.video.stereo_layout import measured_layout, named_layout


def inspect_file(path: str | Path) -> Report:
    """Say what a video, a picture or a folder of pictures is.

    Raises:
        InputError: it cannot be read.
    """
    with open_source(path) as source:
        file, info, index = source.file, source.info, source.index
        measured = measured_layout(source)
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
