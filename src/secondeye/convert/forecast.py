"""What a conversion will cost: a check of the disk before each start, and a measured guess for `--dry-run`."""

import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from secondeye.convert.plan import Plan
from secondeye.convert.run import convert_segment, run_depth, stored_depth
from secondeye.convert.settings import ConvertSettings
from secondeye.convert.workspace import Workspace
from secondeye.errors import ResourceError
from secondeye.progress import duration_text
from secondeye.types import DepthEstimator, Segment
from secondeye.video.encode import EncodeSettings
from secondeye.video.layout import frame_size
from secondeye.video.reader import open_source

SAMPLE_FRAMES = 12
"""Frames that a dry run converts to measure: a second or two at 1080p."""

BYTES_PER_PIXEL = {"ffv1": 1.0, "prores": 0.45}
"""Rough sizes of intermediate codecs, measured on film-like 8-bit 4:2:0; others are taken from the source's size."""

DEPTH_BYTES_PER_FRAME = 150_000
"""A compressed 480x270 map of 16-bit codes."""


@dataclass(frozen=True)
class Forecast:
    """What would be done, and what it would take.

    Attributes:
        plan: what would be done.
        out: where to.
        output_bytes, work_bytes: sizes of the result and of unfinished work at its largest.
        seconds: wall time on this machine, from a sample of frames.
        notes: what the user should know.
    """

    plan: Plan
    out: Path
    output_bytes: int
    work_bytes: int
    seconds: float
    notes: tuple[str, ...] = ()

    def text(self) -> str:
        """Some lines for people."""
        plan, settings = self.plan, self.plan.settings
        width, height = frame_size(plan.info.width, plan.info.height, settings.layout)
        shots = f"{len(plan.cuts) + 1} shots, " if plan.cuts else ""
        lines = [
            f"source   {plan.source}: {plan.info.width}x{plan.info.height}, {plan.frame_count} frames,"
            f" {float(plan.info.frame_rate):.3f} a second, {plan.info.bit_depth} bit",
            f"result   {self.out}: {width}x{height}, {settings.layout}, {encode_text(plan.encode)}",
            *_how(settings),
            f"work     {shots}{len(plan.segments)} segments",
            f"size     about {size_text(self.output_bytes)}, and {size_text(self.work_bytes)} for unfinished work",
            _how_long(self.seconds),
        ]
        return "\n".join(lines)

    def facts(self) -> dict[str, Any]:
        """The same for programs."""
        return {
            "file": str(self.out),
            "frames": self.plan.frame_count,
            "segments": len(self.plan.segments),
            "depth": self.plan.settings.depth,
            "output_bytes": self.output_bytes,
            "work_bytes": self.work_bytes,
            "seconds": round(self.seconds, 1),
            "notes": list(self.notes),
        }


@dataclass(frozen=True)
class PicturesForecast:
    """What would be made of pictures, and what it would take.

    Attributes:
        sources: the pictures.
        out: the file or folder.
        settings: how.
        output_bytes, seconds: from the first picture that can be read.
        notes: what the user should know.
    """

    sources: tuple[Path, ...]
    out: Path
    settings: ConvertSettings
    output_bytes: int
    seconds: float
    notes: tuple[str, ...] = ()

    def text(self) -> str:
        """Some lines for people."""
        settings, count = self.settings, len(self.sources)
        lines = [
            f"source   {self.sources[0] if count == 1 else f'{count} pictures in {self.sources[0].parent}'}",
            f"result   {self.out}: {settings.layout}",
            *_how(settings),
            f"size     about {size_text(self.output_bytes)}",
            _how_long(self.seconds),
        ]
        return "\n".join(lines)

    def facts(self) -> dict[str, Any]:
        """The same for programs."""
        return {
            "file": str(self.out),
            "frames": len(self.sources),
            "depth": self.settings.depth,
            "output_bytes": self.output_bytes,
            "seconds": round(self.seconds, 1),
            "notes": list(self.notes),
        }


def _how(settings: ConvertSettings) -> tuple[str, str]:
    """The lines on stereo and depth."""
    return (
        f"stereo   strength {settings.strength:.1%}, convergence {settings.convergence:g}, eyes {settings.eyes}",
        f"depth    {settings.depth}; holes filled by {settings.inpainter}",
    )


def _how_long(seconds: float) -> str:
    return f"time     about {duration_text(seconds)} on this machine"


def measure(plan: Plan, model: DepthEstimator, out: Path, notes: Sequence[str] = ()) -> Forecast:
    """Convert some frames from the middle into a temporary folder, and take the whole from that."""
    middle = plan.segments[len(plan.segments) // 2]
    sample = Segment(0, middle.start, min(middle.stop, middle.start + SAMPLE_FRAMES))
    small = replace(plan, segments=(sample,))
    with tempfile.TemporaryDirectory(prefix="secondeye-") as folder:
        workspace = Workspace(Path(folder))
        began = time.monotonic()
        if not model.scaled:
            run_depth(small, workspace, model, None)
            model = stored_depth(small, workspace, model)
        with open_source(plan.source, index=plan.index) as source:
            convert_segment(small, sample, source, workspace, model, lambda frames: None)
        seconds = time.monotonic() - began
        parts = small.part_files(workspace, sample)
        part_bytes = sum(part.stat().st_size for part in parts)
        work_bytes = sum(file.stat().st_size for file in Path(folder).rglob("*") if file.is_file())
    frames = plan.frame_count / len(sample)
    told = (*notes, *([plan.depth_note] if plan.depth_note else []))
    return Forecast(plan, out, round(part_bytes * frames), round(work_bytes * frames), seconds * frames, told)


def check_space(plan: Plan, scaled: bool, out: Path, workspace: Workspace) -> None:
    """Refuse to start what cannot end; what an earlier run finished needs no room again.

    Raises:
        ResourceError: the disk of the result or of the work folder has too little room.
    """
    width, height = frame_size(plan.info.width, plan.info.height, plan.settings.layout)
    codec = plan.encode.codec
    if codec in BYTES_PER_PIXEL:
        result = width * height * plan.frame_count * BYTES_PER_PIXEL[codec]
    else:
        result = _bytes_of(plan.source) * width * height / (plan.info.width * plan.info.height)
    depth = 0 if scaled else DEPTH_BYTES_PER_FRAME * plan.frame_count
    work = max(0, result + depth - _finished_bytes(plan, workspace))
    needs = {out.parent: result}
    if same_disk(out.parent, workspace.root):
        needs[out.parent] += work
    else:
        needs[workspace.root] = work
    for folder, needed in needs.items():
        free = shutil.disk_usage(folder).free
        if free < needed:
            raise ResourceError(
                f"this takes about {size_text(needed)} in {folder}, and {size_text(free)} are free;"
                " free some, or point OUT and --work-dir at a larger disk"
            )


def _finished_bytes(plan: Plan, workspace: Workspace) -> int:
    """Size of this plan's depth and parts that are there already."""
    files = [plan.depth_file(workspace, segment) for segment in plan.segments]
    files += [part for segment in plan.segments for part in plan.part_files(workspace, segment)]
    return sum(file.stat().st_size for file in files if file.exists())


def _bytes_of(path: Path) -> int:
    """Size of a file, or of all files in a folder."""
    files = path.rglob("*") if path.is_dir() else (path,)
    return sum(file.stat().st_size for file in files if file.is_file())


def same_disk(one: Path, other: Path) -> bool:
    """Whether two folders share their free space."""
    return one.stat().st_dev == other.stat().st_dev


def encode_text(encode: EncodeSettings) -> str:
    """An encoder's settings in a few words."""
    quality = "" if encode.crf is None else f" crf {encode.crf:g}"
    return f"{encode.codec}{quality}{f' {encode.preset}' if encode.preset else ''} {encode.pixel_format}"


def size_text(size: float) -> str:
    """Bytes for people."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"
