"""The whole job: check what was asked, plan, run, join, and say what came of it."""

import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from secondeye import compiled
from secondeye.convert.forecast import Forecast, PicturesForecast, check_space, measure
from secondeye.convert.join import join_parts
from secondeye.convert.outputs import check_output, resolve_output
from secondeye.convert.pictures import convert_pictures, forecast_pictures, makes_pictures
from secondeye.convert.plan import make_plan
from secondeye.convert.result import Result
from secondeye.convert.run import run_convert, run_depth, stored_depth
from secondeye.convert.settings import ConvertSettings
from secondeye.convert.workspace import HIDDEN, Workspace
from secondeye.discovery import nearest
from secondeye.errors import InputError
from secondeye.geometry import parse_strength
from secondeye.progress import ProgressCallback
from secondeye.video import streams
from secondeye.video.encode import SPELLINGS, EncodeSettings, completed, default_settings
from secondeye.video.encoder_check import check
from secondeye.video.file_info import FileInfo
from secondeye.video.probe import probe
from secondeye.video.writer import part_paths


def convert(
    source: str | Path,
    out: str | Path | None = None,
    *,
    overwrite: bool = False,
    work_dir: str | Path | None = None,
    keep_depth: bool = True,
    progress: ProgressCallback | None = None,
    **settings: Any,
) -> Result:
    """Turn a 2D video, picture or folder of pictures into stereoscopic 3D.

    Args:
        source: the file or folder.
        out: the result; None puts it beside the source under a name that says its layout.
        overwrite: replace what is there.
        work_dir: where unfinished work is kept; None takes `.secondeye` beside the result.
        keep_depth: keep estimated depth for another run with another strength.
        progress: called with `Progress` events.
        **settings: the fields of `ConvertSettings`: strength (0.02 or "2%"), convergence, eyes, depth, inpainter,
            layout, codec ...

    Raises:
        InputError: the source or a setting cannot be used.
        WeightsError: the depth model named has no weights at hand.
        ResourceError: memory or disk does not suffice.
        SegmentError: one segment failed; the same call again goes on from there.
    """
    if settings.get("depth_file") is not None:
        settings.setdefault("depth", "file")
    unknown = set(settings) - set(ConvertSettings.__dataclass_fields__)
    if unknown:
        raise nearest("setting", unknown.pop(), ConvertSettings.__dataclass_fields__)
    return run_job(
        _path("source", source),
        None if out is None else _path("out", out),
        ConvertSettings(**_as_written(settings)),
        overwrite=overwrite,
        work_dir=None if work_dir is None else _path("work_dir", work_dir),
        keep_depth=keep_depth,
        progress=progress,
    )


def _path(name: str, value: str | Path) -> Path:
    if not isinstance(value, str | Path) or not str(value) or "\0" in str(value):
        raise InputError(f"{name} is the path of a file or folder, not {value!r}")
    return Path(value)


def _as_written(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings as callers may write them: a strength of "2%", encoder options as a dict, a path for depth."""
    given = dict(settings)
    if isinstance(given.get("strength"), str):
        given["strength"] = parse_strength(given["strength"])
    if isinstance(given.get("encoder_options"), dict):
        given["encoder_options"] = tuple((str(key), str(value)) for key, value in given["encoder_options"].items())
    if isinstance(given.get("depth_file"), Path):
        given["depth_file"] = str(given["depth_file"])
    return given


def run_job(
    source: Path,
    out: Path | None,
    settings: ConvertSettings,
    *,
    overwrite: bool = False,
    work_dir: Path | None = None,
    keep_depth: bool = True,
    progress: ProgressCallback | None = None,
) -> Result:
    """`convert` with its settings made."""
    with compiled.announced():
        return _run_job(source, out, settings, overwrite, work_dir, keep_depth, progress)


def _run_job(
    source: Path,
    out: Path | None,
    settings: ConvertSettings,
    overwrite: bool,
    work_dir: Path | None,
    keep_depth: bool,
    progress: ProgressCallback | None,
) -> Result:
    began = time.monotonic()
    if makes_pictures(source, out):
        made = convert_pictures(
            source, resolve_output(source, out, "folder", settings.layout), settings, overwrite, progress
        )
        return replace(made, seconds=time.monotonic() - began)
    facts = probe(source)
    target = resolve_output(source, out, facts.kind, settings.layout)
    if facts.kind == "image":
        made = convert_pictures(source, target, settings, overwrite, progress)
    else:
        encode, notes = resolve_encoding(facts, target, settings)
        check_output(source, target, settings.layout, overwrite)
        workspace = Workspace.of(source, work_dir or target.parent / HIDDEN)
        with workspace.locked():
            made = _convert_video(facts, target, settings, encode, workspace, progress)
        made = replace(made, notes=tuple(dict.fromkeys((*notes, *made.notes))))
        if not keep_depth:
            workspace.drop()
    return replace(made, seconds=time.monotonic() - began)


def _convert_video(
    facts: FileInfo,
    target: Path,
    settings: ConvertSettings,
    encode: EncodeSettings,
    workspace: Workspace,
    progress: ProgressCallback | None,
) -> Result:
    plan, model = make_plan(facts.path, settings, encode, workspace, progress)
    check_space(plan, model.scaled, target, workspace)
    plan.save(workspace)
    if not model.scaled:
        run_depth(plan, workspace, model, progress)
        model = stored_depth(plan, workspace, model)
    run_convert(plan, workspace, model, progress)
    if Workspace.of(facts.path, workspace.root.parent).root != workspace.root:
        raise InputError(f"{facts.path} was changed while it was converted; run again, for its old frames are no use")
    notes = [plan.depth_note] if plan.depth_note else []
    notes += join_parts(plan, workspace, target, progress)
    workspace.finish(plan.key)
    return Result(part_paths(target, settings.layout), plan.frame_count, 0.0, plan.settings.depth, tuple(notes))


def resolve_encoding(facts: FileInfo, target: Path, settings: ConvertSettings) -> tuple[EncodeSettings, list[str]]:
    """The encoder's settings with nothing left open, and what the user should know; all checked before any work.

    Raises:
        InputError: an unknown codec, preset, pixel format or option, a frame that the codec cannot hold, or an
            output that cannot hold the codec or the sound.
    """
    codec = (
        SPELLINGS.get(str(settings.codec), settings.codec)
        or default_settings(facts.video, target, settings.layout).codec
    )
    notes = stereo_already(facts)
    asked = EncodeSettings(codec, settings.crf, settings.preset, settings.pixel_format, settings.encoder_options)
    notes += check(asked, facts.video, settings.layout)
    notes += streams.check_output(None if facts.kind == "folder" else facts.path, target, codec)
    return completed(asked, facts.video), notes


def stereo_already(facts: FileInfo) -> list[str]:
    """What to say of a source that is marked as stereoscopic."""
    if facts.stereo in (None, "mono"):
        return []
    if facts.stereo == "mv-hevc":
        return ["the source is stereoscopic already (mv-hevc); its first view is taken, and the second made anew"]
    return [f"the source is marked as stereoscopic already ({facts.stereo}); both its views were taken for one picture"]


def forecast(
    source: Path, out: Path | None, settings: ConvertSettings, *, progress: ProgressCallback | None = None
) -> Forecast | PicturesForecast:
    """What `run_job` would do and take; leaves nothing behind.

    Raises:
        As `convert`, but for an output that exists.
    """
    if makes_pictures(source, out):
        return forecast_pictures(source, resolve_output(source, out, "folder", settings.layout), settings)
    facts = probe(source)
    target = resolve_output(source, out, facts.kind, settings.layout)
    if facts.kind == "image":
        return forecast_pictures(source, target, settings)
    encode, notes = resolve_encoding(facts, target, settings)
    with tempfile.TemporaryDirectory(prefix="secondeye-") as folder:
        plan, model = make_plan(source, settings, encode, Workspace(Path(folder)), progress, download=False)
        return measure(plan, model, target, notes)
