"""The last step: the parts in one file, with everything else that the source had."""

from pathlib import Path

from secondeye.convert.plan import Plan
from secondeye.convert.workspace import Workspace
from secondeye.progress import ProgressCallback, StageClock
from secondeye.video.streams import join
from secondeye.video.writer import part_paths


def join_parts(plan: Plan, workspace: Workspace, out: Path, callback: ProgressCallback | None) -> list[str]:
    """Concatenate the parts without encoding again, and add the source's sound, subtitles and chapters.

    Returns:
        What could not be carried over, one line each.
    """
    layout = plan.settings.layout
    clock = StageClock("join", plan.frame_count, 0, callback)
    parts = [plan.part_files(workspace, segment) for segment in plan.segments]
    notes: list[str] = []
    source = None if plan.source.is_dir() else plan.source
    for number, file in enumerate(part_paths(out, layout)):
        notes += join(
            [part[number] for part in parts],
            source,
            file,
            plan.info,
            layout=layout,
            hdr=plan.hdr,
            last_duration=plan.index.last_duration,
            signal=plan.settings.signal,
        )
    clock.advance(plan.frame_count)
    return list(dict.fromkeys(notes))
