"""Stills, and folders of them: the same stages as a film, one picture file out per picture in."""

import logging
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from secondeye import inpainters
from secondeye.convert.floating_window import Watched, masked
from secondeye.convert.forecast import PicturesForecast
from secondeye.convert.outputs import PICTURE_ENDINGS, check_output
from secondeye.convert.plan import resolve_depth
from secondeye.convert.result import Result
from secondeye.convert.segment import look_of, stereo_clips
from secondeye.convert.settings import ConvertSettings
from secondeye.convert.workspace import make_folder
from secondeye.depth.scale import apply_scale, frame_percentiles, shot_scale
from secondeye.errors import InputError
from secondeye.progress import ProgressCallback, StageClock
from secondeye.types import Clip, DepthClip, DepthEstimator
from secondeye.video.images import pictures_in
from secondeye.video.reader import open_source
from secondeye.video.signalling import file_tag
from secondeye.video.stills import require_ending, write_still
from secondeye.video.writer import part_paths

LOG = logging.getLogger(__name__)


def makes_pictures(source: Path, out: Path | None) -> bool:
    """Whether a folder is to become pictures, each for itself, rather than a film."""
    return source.is_dir() and (out is None or out.suffix == "")


def convert_pictures(
    source: Path, out: Path, settings: ConvertSettings, overwrite: bool, callback: ProgressCallback | None
) -> Result:
    """Give a picture, or every picture of a folder, its second eye; each has a depth scale of its own.

    A picture in a folder that cannot be read is left out with a note; the others are made.

    Raises:
        InputError: nothing could be made.
    """
    model, note, settings = resolve_depth(settings)
    notes = ([note] if note else []) + _ignored(settings)
    one = not source.is_dir()
    sources = [source] if one else pictures_in(source)
    if one:
        require_ending(out)
    else:
        make_folder(out)
    clock = StageClock("convert", len(sources), 0, callback)
    made: list[Path] = []
    taken: set[str] = set()
    for number, picture in enumerate(sources):
        target = out if one else out / _name(picture, settings.layout, taken)
        try:
            check_output(picture, target, settings.layout, overwrite)
            _convert_one(picture, number, target, model, settings)
            made.append(target)
        except InputError as error:
            if one:
                raise
            notes.append(str(error))
        clock.advance(1)
    if not made:
        raise InputError(f"no picture in {source} could be converted: {notes[-1]}")
    return Result(part_paths(out, settings.layout) if one else (out,), len(made), 0.0, settings.depth, tuple(notes))


def forecast_pictures(source: Path, out: Path, settings: ConvertSettings) -> PicturesForecast:
    """Convert one picture into a temporary folder, and take the rest from that.

    Raises:
        InputError: no picture can be converted.
    """
    model, note, settings = resolve_depth(settings, download=False)
    sources = pictures_in(source) if source.is_dir() else [source]
    notes = ([note] if note else []) + _ignored(settings)
    for number, picture in enumerate(sources):
        with tempfile.TemporaryDirectory(prefix="secondeye-") as folder:
            target, began = Path(folder) / _name(picture, settings.layout, set()), time.monotonic()
            try:
                _convert_one(picture, number, target, model, settings)
            except InputError as error:
                notes.append(str(error))
                continue
            seconds = time.monotonic() - began
            size = sum(file.stat().st_size for file in part_paths(target, settings.layout))
        count = len(sources)
        return PicturesForecast(tuple(sources), out, settings, size * count, seconds * count, tuple(notes))
    raise InputError(f"no picture in {source} could be converted: {notes[-1]}")


def _ignored(settings: ConvertSettings) -> list[str]:
    """What was asked for that pictures do not have."""
    names = ("codec", "crf", "preset", "pixel_format", "encoder_options")
    given = [f"--{name.replace('_', '-').removesuffix('s')}" for name in names if getattr(settings, name)]
    return [f"{' and '.join(given)}: for films only; pictures are written losslessly, or as fine JPEG"] if given else []


def _convert_one(source: Path, number: int, target: Path, model: DepthEstimator, settings: ConvertSettings) -> None:
    with open_source(source) as picture:
        info = picture.info
        look = look_of(settings, info.width)
        clips = (Clip(clip.rgb, number, clip.pts) for clip in picture.read(0, 1))
        inpainter = inpainters.build(settings.inpainter)
        depth = Watched(_OwnScale(model))
        (stereo,) = stereo_clips(clips, depth, inpainter, look)
        if settings.floating_window:
            stereo = masked(stereo, settings.geometry.before_screen(depth.nearest[0], info.width).double().numpy())
    write_still(target, stereo, settings.layout, bit_depth=info.bit_depth, source=source)


def _name(source: Path, layout: str, taken: set[str]) -> str:
    """The picture's name with the layout's tag; with its old ending in it where another picture has that name."""
    ending = source.suffix.lower() if source.suffix.lower() in PICTURE_ENDINGS else ".png"
    name = f"{source.stem}{file_tag(layout)}{ending}"
    if name in taken:
        name = f"{source.name}{file_tag(layout)}{ending}"
    taken.add(name)
    return name


class _OwnScale:
    """A depth model whose frames are each brought to 0 to 1 alone."""

    scaled = True

    def __init__(self, model: DepthEstimator) -> None:
        self._model = model

    def estimate(self, clips: Iterator[Clip]) -> Iterator[DepthClip]:
        for depth in self._model.estimate(clips):
            if self._model.scaled:
                yield depth
            else:
                values = depth.inverse_depth
                ranges = shot_scale(frame_percentiles(values), least_range=getattr(self._model, "least_range", 0.0))
                yield DepthClip(depth.left, apply_scale(values, ranges))
