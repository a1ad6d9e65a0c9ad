"""The job `render`: a clip of a procedural world as a film with sound, and on request all that is true about it."""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import OutputContainer

from secondeye.discovery import nearest
from secondeye.errors import InputError
from secondeye.progress import ProgressCallback, StageClock
from secondeye.render.truth_files import TruthFolder, require_empty
from secondeye.scene import SAMPLE_FRAME_RATE, Frames, Shot, park, random_shot, render, soundtrack
from secondeye.scene.worlds import PLACES
from secondeye.types import ColorTags
from secondeye.video.planes import FramePainter
from secondeye.video.saving import check_writable, partial_path, settle, write_errors

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
    place: str | None = None,
    camera: str | None = None,
    filmed: bool = False,
    glossy: bool = False,
    stereo: bool = False,
    truth: Path | None = None,
    overwrite: bool = False,
    progress: ProgressCallback | None = None,
) -> Rendered:
    """Render a clip of a procedural world: H.264 and AAC, 24 frames a second; the same seed gives the same frames.

    Args:
        out: the film; .mp4, .mov or .mkv.
        seconds: its length.
        width, height: px of one eye.
        seed: of the world.
        place, camera, filmed, glossy: of a random shot, see `scene.random_shot`; without a place and a camera, the
            park.
        stereo: both true views side by side, instead of the left one.
        truth: a folder for what is exactly known; see `truth_files`.
        overwrite: replace a film that is there.
        progress: called with `Progress` events.

    Raises:
        InputError: a file that exists or cannot be written, another ending, an impossible size or length, or no such
            place or camera.
    """
    began = time.monotonic()
    shot = shot_of(seed, place, camera, filmed, glossy)
    frame_count = _checked_count(out, seconds, width, height, overwrite)
    if truth is not None:
        require_empty(truth, overwrite)
    partial = partial_path(out)
    clock = StageClock("render", frame_count, 0, progress)
    folder = None if truth is None else TruthFolder(truth, shot, SAMPLE_FRAME_RATE, (width, height), seed)
    frames = _one_by_one(shot, frame_count, width, height, folder is not None, stereo or folder is not None)
    with write_errors(out):
        try:
            with av.open(
                os.path.abspath(partial), "w", format={".mkv": "matroska"}.get(out.suffix.lower(), "mp4")
            ) as film:
                encode = _Encoder(film, width, height, "sbs" if stereo else "pair")
                sound = film.add_stream("aac", rate=SOUND_RATE_HZ, layout="stereo")
                for number, frame in enumerate(frames):
                    encode(frame, number)
                    if folder is not None:
                        folder.write(number, frame)
                    clock.advance(1)
                encode(None, frame_count)
                _add_sound(film, sound, soundtrack(frame_count / SAMPLE_FRAME_RATE, SOUND_RATE_HZ, seed))
            if folder is not None:
                folder.finish(frame_count)
            settle(partial, out)
        finally:
            partial.unlink(missing_ok=True)
    return Rendered(out, truth, frame_count, time.monotonic() - began)


def shot_of(seed: int, place: str | None, camera: str | None, filmed: bool, glossy: bool) -> Shot:
    """The park, unless anything asks for a random shot.

    Raises:
        InputError: no such seed, place or camera.
    """
    if seed < 0:
        raise InputError(f"seed {seed} must be at least 0")
    if place not in (None, "park", *PLACES):
        raise nearest("place", str(place), ("park", *PLACES))
    if place == "park" and (camera or filmed or glossy):
        raise InputError("the park has its own camera; for --camera, --filmed or --glossy take another --place")
    if place in (None, "park") and not (camera or filmed or glossy):
        return park(seed)
    return random_shot(seed, place=place, camera=camera, filmed=filmed, glossy=glossy)


def _one_by_one(shot: Shot, frame_count: int, width: int, height: int, truth: bool, right: bool) -> Iterator[Frames]:
    groups = render(shot, frame_count, width, height, frame_rate=SAMPLE_FRAME_RATE, truth=truth, right=right)
    return (frames[t] for frames in groups for t in range(len(frames)))


def _checked_count(out: Path, seconds: float, width: int, height: int, overwrite: bool) -> int:
    if out.suffix.lower() not in ENDINGS:
        raise InputError(f"cannot render into '{out.suffix or out.name}'; write one of: {', '.join(ENDINGS)}")
    if out.exists() and not overwrite:
        raise InputError(f"{out} exists; give another name, or --overwrite to replace it")
    if not 1 / SAMPLE_FRAME_RATE <= seconds <= 3600 or not (16 <= width <= 8192 and 16 <= height <= 8192):
        raise InputError(
            f"cannot render {seconds:g} s at {width}x{height}; take up to 3600 s, and 16 to 8192 px either way"
        )
    check_writable(out)
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
