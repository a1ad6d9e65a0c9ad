"""The job `render`: a clip of a procedural world as a film with sound, and on request all that is true about it."""

import time
from dataclasses import dataclass, fields
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import torch
from av.audio.stream import AudioStream
from av.container import OutputContainer

from secondeye.errors import InputError
from secondeye.progress import ProgressCallback, StageClock
from secondeye.scene import SAMPLE_FRAME_RATE, Frames, sample, soundtrack
from secondeye.types import ColorTags
from secondeye.video.planes import FramePainter
from secondeye.video.saving import partial_path, settle, write_errors

SOUND_RATE_HZ = 48000
SOUND_BLOCK = 1024
"""Samples of an AAC frame."""

ENDINGS = (".mp4", ".mov", ".mkv")


@dataclass(frozen=True)
class Rendered:
    """What was rendered: the film, the folder with its truth or None, frames, and wall time."""

    film: Path
    truth: Path | None
    frames: int
    seconds: float
    notes: tuple[str, ...] = ()

    def text(self) -> str:
        """One line for people."""
        truth = f", truth in {self.truth}" if self.truth else ""
        return f"{self.film}{truth}  ({self.frames} frames, {self.seconds:.1f} s)"

    def facts(self) -> dict[str, Any]:
        """The same for programs."""
        truth = None if self.truth is None else str(self.truth)
        return {"film": str(self.film), "truth": truth, "frames": self.frames, "seconds": round(self.seconds, 3)}


def render_sample(
    out: Path,
    *,
    seconds: float = 4.0,
    width: int = 960,
    height: int = 540,
    seed: int = 0,
    stereo: bool = False,
    truth: Path | None = None,
    overwrite: bool = False,
    progress: ProgressCallback | None = None,
) -> Rendered:
    """Render the sample world: H.264 and AAC, 24 frames a second; the same seed gives the same frames.

    Args:
        out: the film; .mp4, .mov or .mkv.
        seconds: its length.
        width, height: px of one eye.
        seed: of the world.
        stereo: both true views side by side, instead of the left one.
        truth: a folder for what is exactly known, NNNNN.npz a frame: the fields of `scene.Truth` as left_NAME and
            right_NAME, and right_rgb, (3, H, W) uint8.
        overwrite: replace a film that is there.
        progress: called with `Progress` events.

    Raises:
        InputError: a file that exists or cannot be written, another ending, or an impossible size or length.
    """
    began = time.monotonic()
    frame_count = _checked_count(out, seconds, width, height, overwrite)
    partial = partial_path(out)
    clock = StageClock("render", frame_count, 0, progress)
    frames = sample(frame_count, width, height, seed, truth=truth is not None, right=stereo or truth is not None)
    with write_errors(out):
        try:
            with av.open(str(partial), "w", format={".mkv": "matroska"}.get(out.suffix.lower(), "mp4")) as film:
                encode = _Encoder(film, width, height, "sbs" if stereo else "pair")
                sound = film.add_stream("aac", rate=SOUND_RATE_HZ, layout="stereo")
                for number, frame in enumerate(frames):
                    encode(frame, number)
                    if truth is not None:
                        _save_truth(truth / f"{number:05d}.npz", frame)
                    clock.advance(1)
                encode(None, frame_count)
                _add_sound(film, sound, soundtrack(frame_count / SAMPLE_FRAME_RATE, SOUND_RATE_HZ, seed))
            settle(partial, out)
        finally:
            partial.unlink(missing_ok=True)
    return Rendered(out, truth, frame_count, time.monotonic() - began)


def _checked_count(out: Path, seconds: float, width: int, height: int, overwrite: bool) -> int:
    if out.suffix.lower() not in ENDINGS:
        raise InputError(f"cannot render into '{out.suffix or out.name}'; write one of: {', '.join(ENDINGS)}")
    if out.exists() and not overwrite:
        raise InputError(f"{out} exists; give another name, or --overwrite to replace it")
    if not 1 / SAMPLE_FRAME_RATE <= seconds <= 3600 or not (16 <= width <= 8192 and 16 <= height <= 8192):
        raise InputError(
            f"cannot render {seconds:g} s at {width}x{height}; take up to 3600 s, and 16 to 8192 px either way"
        )
    with write_errors(out):
        out.parent.mkdir(parents=True, exist_ok=True)
    return round(seconds * SAMPLE_FRAME_RATE)


class _Encoder:
    """Paints the views of a frame and encodes the first picture of the layout; `None` flushes."""

    def __init__(self, film: OutputContainer, width: int, height: int, layout: str) -> None:
        self._film = film
        color = ColorTags(1, 1, 1)
        self._painter = FramePainter(width, height, layout, "yuv420p", color)
        self._stream = film.add_stream("libx264", rate=SAMPLE_FRAME_RATE, options={"crf": "16", "preset": "medium"})
        self._stream.pix_fmt = "yuv420p"
        context = self._stream.codec_context
        context.colorspace, context.color_primaries, context.color_trc, context.color_range = 1, 1, 1, 1

    def __call__(self, frame: Frames | None, number: int) -> None:
        if frame is None:
            self._film.mux(self._stream.encode(None))
            self._painter.close()
            return
        right = frame.right if frame.right.numel() else frame.left
        picture = self._painter.paint(frame.left, right)[0]
        if number == 0:
            self._stream.width, self._stream.height = picture.width, picture.height
        picture.pts, picture.time_base = number, Fraction(1, SAMPLE_FRAME_RATE)
        self._film.mux(self._stream.encode(picture))


def _add_sound(film: OutputContainer, stream: AudioStream, samples: np.ndarray[Any, np.dtype[np.float32]]) -> None:
    for start in range(0, samples.shape[1], SOUND_BLOCK):
        block = np.ascontiguousarray(samples[:, start : start + SOUND_BLOCK])
        frame = av.AudioFrame.from_ndarray(block, format="fltp", layout="stereo")
        frame.sample_rate, frame.pts = SOUND_RATE_HZ, start
        film.mux(stream.encode(frame))
    film.mux(stream.encode(None))


def _save_truth(path: Path, frame: Frames) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    known = {
        f"{eye}_{field.name}": getattr(truth, field.name).numpy()
        for eye, truth in (("left", frame.left_truth), ("right", frame.right_truth))
        if truth is not None
        for field in fields(truth)
    }
    right = (frame.right.clamp(0, 1) * 255).round().to(torch.uint8).numpy()
    np.savez_compressed(path, right_rgb=right, **known)
