"""Small files that tests make for themselves, and a plain reader to look at results with."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

Frame = NDArray[np.uint8]


def moving_texture(frame_count: int, width: int, height: int, seed: int = 0) -> Iterator[Frame]:
    """(H, W, 3) frames of a smooth texture that slides to the left behind a box that slides faster."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0 : width + 4 * frame_count].astype(np.float64)
    waves = rng.uniform(0.05, 0.4, (6, 2))
    texture = sum(np.sin(x * a + y * b + i) for i, (a, b) in enumerate(waves))
    for t in range(frame_count):
        frame = np.repeat((128 + 18 * texture[:, t : t + width])[..., None], 3, axis=2)
        left = int(width * 0.6) - 3 * t % max(width // 2, 1)
        frame[height // 3 : 2 * height // 3, left : left + width // 4] = (220, 60 + t % 100, 40)
        yield np.clip(frame, 0, 255).astype(np.uint8)


def write_video(
    path: Path,
    frames: Iterator[Frame],
    *,
    rate: int = 24,
    codec: str = "libx264",
    pixel_format: str = "yuv420p",
    with_sound: bool = False,
) -> Path:
    """Encode frames, with a tone if wanted."""
    quick = {"crf": "18", "preset": "ultrafast"} if codec == "libx264" else {}
    with av.open(str(path), "w") as container:
        video = container.add_stream(codec, rate=rate, options=quick)
        video.pix_fmt = pixel_format
        sound = container.add_stream("aac", rate=48000, layout="stereo") if with_sound else None
        count = 0
        for number, pixels in enumerate(frames):
            count = number + 1
            if number == 0:
                video.height, video.width = pixels.shape[:2]
            frame = av.VideoFrame.from_ndarray(pixels, "rgb24")
            frame.pts, frame.time_base = number, Fraction(1, rate)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        if sound is not None:
            _write_tone(container, sound, count / rate)
    return path


def _write_tone(container: av.container.OutputContainer, stream: av.AudioStream, seconds: float) -> None:
    wave = (0.2 * np.sin(2 * np.pi * 440 * np.arange(int(48000 * seconds)) / 48000)).astype(np.float32)
    for start in range(0, len(wave), 1024):
        block = np.stack([wave[start : start + 1024]] * 2)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(block), format="fltp", layout="stereo")
        frame.sample_rate, frame.pts = 48000, start
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def read_video(path: Path) -> tuple[list[Frame], list[float]]:
    """Frames as rgb24 and their times in seconds, as PyAV alone sees them."""
    with av.open(str(path)) as container:
        decoded = list(container.decode(video=0))
        return [frame.to_ndarray(format="rgb24") for frame in decoded], [frame.time for frame in decoded]
