"""Depth for its own sake: what `secondeye depth` writes, and what `--depth file` reads back."""

import time
from pathlib import Path

from secondeye.convert.outputs import check_output
from secondeye.convert.plan import make_plan
from secondeye.convert.result import Result
from secondeye.convert.run import QUEUE_CLIPS, run_depth, stored_depth
from secondeye.convert.segment import at_frame_size
from secondeye.convert.settings import ConvertSettings
from secondeye.convert.workspace import HIDDEN, Workspace
from secondeye.depth.files import DepthWriter, require_ending
from secondeye.errors import InputError
from secondeye.progress import ProgressCallback, StageClock
from secondeye.video.encode import EncodeSettings
from secondeye.video.probe import probe
from secondeye.video.reader import open_source
from secondeye.video.saving import write_errors
from secondeye.video.threads import read_ahead


def export_depth(
    source: Path,
    out: Path,
    settings: ConvertSettings,
    *,
    overwrite: bool = False,
    work_dir: Path | None = None,
    progress: ProgressCallback | None = None,
) -> Result:
    """Write the inverse depth of every frame, at the frame's size, 0 (farthest) to 1 (nearest).

    Args:
        source: a video, a picture, or a folder of pictures.
        out: its ending chooses: .mkv or .mp4 grey video, .npz, .exr, or a folder of 16-bit PNGs.
        settings: `depth`, `depth_file` and `depth_smoothing_s` are used.
        overwrite: replace what is there.
        work_dir: as for `convert`, whose depth cache is shared.
        progress: called with `Progress` events.

    Raises:
        InputError: the source or the output cannot be used.
    """
    began = time.monotonic()
    probe(source)
    require_ending(out)
    check_output(source, out, settings.layout, overwrite)
    _check_folder(out)
    workspace = Workspace.of(source, work_dir or out.absolute().parent / HIDDEN)
    with workspace.locked():
        plan, model = make_plan(source, settings, EncodeSettings(), workspace, progress)
        if not model.scaled:
            run_depth(plan, workspace, model, progress)
            model = stored_depth(plan, workspace, model)
        size = (plan.info.height, plan.info.width)
        clock = StageClock("write", plan.frame_count, 0, progress)
        with (
            write_errors(out),
            open_source(source, index=plan.index) as frames,
            DepthWriter(out, size, plan.info.frame_rate, overwrite=overwrite) as writer,
        ):
            clips = read_ahead(frames.read(0, plan.frame_count), QUEUE_CLIPS)
            for depth in map(at_frame_size, model.estimate(clips)):
                writer.write(depth.inverse_depth)
                clock.advance(len(depth))
        workspace.finish(plan.key)
    notes = (plan.depth_note,) if plan.depth_note else ()
    return Result((out,), plan.frame_count, time.monotonic() - began, plan.settings.depth, notes)


def _check_folder(out: Path) -> None:
    """Replace a folder only where it holds nothing but depth maps."""
    if out.is_dir() and any(file.suffix.lower() not in (".png", ".exr") for file in out.iterdir()):
        raise InputError(f"{out} holds other things than depth maps; give the depth another name")
