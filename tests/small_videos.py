"""Small videos in many formats, made by PyAV for the tests of reading."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.container import OutputContainer
from numpy.typing import NDArray

Picture = NDArray[np.uint8]


def picture(number: int, width: int = 64, height: int = 32) -> Picture:
    """(H, W, 3): soft waves that move with the number, and another colouring every 13 pictures."""
    y, x = np.mgrid[0:height, 0:width]
    wave = 60 * (np.sin((x + 3 * number) / 7 + number // 13) + np.cos((y - 2 * number) / 5) + 2)
    return np.stack([wave, np.roll(wave, number, 1), 255 - wave], -1).astype(np.uint8)


def encode(
    path: Path,
    codec: str,
    *,
    count: int = 26,
    size: tuple[int, int] = (64, 32),
    pixel_format: str = "yuv420p",
    options: dict[str, str] | None = None,
    times_ms: Sequence[int] | None = None,
    frames: Sequence[av.VideoFrame] | None = None,
    container: str | None = None,
    container_options: dict[str, str] | None = None,
    **context: Any,
) -> Path:
    """Encode pictures 0, 1, ... or the given frames, at 25 a second or at given times.

    Args:
        path: the file to write; returned.
        codec: FFmpeg's encoder.
        count: number of pictures.
        size: width and height, px.
        pixel_format: coded.
        options: of the encoder.
        times_ms: of each picture.
        frames: instead of pictures; their size and format count.
        container: format name where the ending does not tell.
        container_options: of the muxer.
        context: attributes of the codec context, such as max_b_frames.
    """
    base = Fraction(1, 1000) if times_ms else Fraction(1, 25)
    made = frames or [
        av.VideoFrame.from_ndarray(picture(n, *size), format="rgb24").reformat(format=pixel_format)
        for n in range(count)
    ]
    with av.open(str(path), "w", format=container, options=container_options or {}) as output:
        stream = add_video(output, codec, made[0], options or {}, base, context)
        for number, frame in enumerate(made):
            frame.pts = times_ms[number] if times_ms else number
            frame.time_base = base
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path


def add_video(
    output: OutputContainer,
    codec: str,
    like: av.VideoFrame,
    options: dict[str, str],
    base: Fraction,
    context: dict[str, Any],
) -> Any:
    """A video stream for frames like that one."""
    stream = output.add_stream(codec, rate=25, options=options)
    stream.width, stream.height, stream.pix_fmt = like.width, like.height, like.format.name
    stream.codec_context.time_base = base
    for name, value in {"gop_size": 8, **context}.items():
        target = stream if name in ("metadata",) else stream.codec_context
        if name == "metadata":
            target.metadata.update(value)
        elif name == "display_matrix":
            stream.set_display_matrix(value)
        else:
            setattr(target, name, value)
    return stream


def frame_of_planes(planes: Sequence[NDArray[Any]], pixel_format: str, **tags: int) -> av.VideoFrame:
    """A frame that holds exactly these planes."""
    height, width = planes[0].shape
    frame = av.VideoFrame(width, height, pixel_format)
    for plane, samples in zip(frame.planes, planes, strict=True):
        room = np.zeros((plane.height, plane.line_size), np.uint8)
        raw = np.ascontiguousarray(samples).view(np.uint8).reshape(samples.shape[0], -1)
        room[: raw.shape[0], : raw.shape[1]] = raw
        plane.update(room)
    for name, value in tags.items():
        setattr(frame, name, value)
    return frame
