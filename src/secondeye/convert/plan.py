"""Plan a conversion: what the source is, where its shots end, which segments that makes, and under which keys.

The plan is the whole of what a run needs to know, so a run that was killed, one that goes on, and one on another
machine all do the same.
"""

import itertools
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from secondeye import depth_models, inpainters
from secondeye.convert.settings import ConvertSettings
from secondeye.convert.workspace import Workspace, fingerprint, write_json
from secondeye.errors import ContractError, InputError
from secondeye.keys import code_version, key_of
from secondeye.progress import ProgressCallback, StageClock
from secondeye.types import BoundDepth, DepthEstimator, Segment, VideoInfo
from secondeye.video.encode import EncodeSettings
from secondeye.video.file_info import FileInfo
from secondeye.video.index import FrameIndex
from secondeye.video.reader import open_source
from secondeye.video.shots import find_cuts
from secondeye.video.side_data import Hdr

WARMUP_FRAMES = 12
"""Frames read before a segment that starts within a shot, so that temporal state settles: half a second of film."""


@dataclass(frozen=True)
class Plan:
    """Everything that is decided before the first frame is made.

    Attributes:
        source: the file or folder of pictures.
        info: size, rate and colours of the frames.
        settings: as asked, with `depth` resolved to one model.
        encode: the encoder, with nothing left open.
        hdr: grading screen and light levels to carry over.
        depth_note: which depth was taken and why no better, for the user; empty where it was named.
        index: the source's frames.
        cuts: first frame of every shot but the first.
        segments: what to do, in order.
        depth_key, key: name the folders of the depth cache and of the parts.
    """

    source: Path
    info: VideoInfo
    settings: ConvertSettings
    encode: EncodeSettings
    hdr: Hdr | None
    depth_note: str
    index: FrameIndex
    cuts: tuple[int, ...]
    segments: tuple[Segment, ...]
    depth_key: str
    key: str

    @property
    def frame_count(self) -> int:
        """Frames of the whole source."""
        return self.segments[-1].stop

    def depth_file(self, workspace: Workspace, segment: Segment) -> Path:
        """Where the estimated depth of a segment is kept."""
        return workspace.depth_file(self.depth_key, segment.index)

    def part_files(self, workspace: Workspace, segment: Segment) -> tuple[Path, ...]:
        """Where a converted segment is kept: one file, or two for the layout `pair`."""
        return workspace.part_files(self.key, segment.index, self.settings.layout)

    def save(self, workspace: Workspace) -> None:
        """Write plan.json beside the parts; the index is in scan.json."""
        content = {**asdict(self), "index": workspace.scan_file.name}
        write_json(workspace.parts_folder(self.key) / "plan.json", content)


def split_shots(frame_count: int, cuts: tuple[int, ...], longest: int) -> tuple[Segment, ...]:
    """Segments of even length, none longer than `longest`, none across a cut.

    A segment that does not begin its shot is warmed up with the frames before it.
    """
    segments: list[Segment] = []
    bounds = [0, *cuts, frame_count]
    for shot, (first, end) in enumerate(itertools.pairwise(bounds)):
        pieces = -(-(end - first) // longest)
        edges = [first + (end - first) * piece // pieces for piece in range(pieces + 1)]
        for start, stop in itertools.pairwise(edges):
            warmup = min(WARMUP_FRAMES, start - first)
            segments.append(Segment(len(segments), start, stop, warmup, shot))
    return tuple(segments)


def make_plan(
    source: Path,
    settings: ConvertSettings,
    encode: EncodeSettings,
    workspace: Workspace,
    callback: ProgressCallback | None = None,
    download: bool = True,
) -> tuple[Plan, DepthEstimator]:
    """Plan the conversion of one source, scanning it where that was not done before; `download` as `resolve_depth`.

    Returns:
        The plan, and the depth model that it chose.

    Raises:
        InputError: the source cannot be read or has no frames.
        WeightsError: the depth model named has no weights at hand.
    """
    model, note, settings = resolve_depth(settings, workspace, download)
    inpainters.build(settings.inpainter)  # says what is wrong with it before any work
    mark = fingerprint(source)
    facts, index, cuts = _scan(source, mark, workspace, callback)
    if isinstance(model, BoundDepth):
        model.check(index.frame_count, (facts.video.height, facts.video.width))
    segments = split_shots(index.frame_count, cuts, settings.segment_frames)
    depth_mark = fingerprint(Path(settings.depth_file)) if settings.depth_file else ""
    depth_key = key_of(mark, code_version(), settings.depth, depth_mark, segments)
    key = key_of(depth_key, asdict(settings), asdict(encode))
    return Plan(source, facts.video, settings, encode, facts.hdr, note, index, cuts, segments, depth_key, key), model


def resolve_depth(
    settings: ConvertSettings, workspace: Workspace | None = None, download: bool = True
) -> tuple[DepthEstimator, str, ConvertSettings]:
    """The depth model, what to tell the user of the choice, and the settings with its name.

    What "auto" chose is kept in the workspace until the job is done: one that goes on must not change its depth.
    Without `download`, "auto" takes what is there already.

    Raises:
        WeightsError: the model named has no weights at hand.
    """
    keep = workspace is not None and settings.depth == "auto"
    kept = _read_json(workspace.choice_file) if workspace and keep else None
    if isinstance(kept, list) and len(kept) == 2 and kept[0] in depth_models.names():
        name, note = kept
    else:
        name, note = depth_models.resolve(settings.depth, download)
    if workspace and keep:
        write_json(workspace.choice_file, [name, note])
    options: dict[str, object] = {} if settings.depth_file is None else {"path": settings.depth_file}
    return depth_models.build(name, **options), note, replace(settings, depth=name)


def _scan(
    source: Path, mark: str, workspace: Workspace, callback: ProgressCallback | None
) -> tuple[FileInfo, FrameIndex, tuple[int, ...]]:
    """The frames and cuts of a source, from scan.json where an earlier run wrote it."""
    known, cuts = _stored_scan(workspace, mark)
    with open_source(source, index=known) as frames:
        if cuts is None:
            clock = StageClock("scan", frames.info.frame_count or 0, 0, callback)
            cuts = find_cuts(frames, advance=clock.advance)
        if frames.index.frame_count == 0:
            raise InputError(f"{source.name} holds no frame that can be decoded; check that it plays")
        write_json(workspace.scan_file, {"source": mark, "index": frames.index.to_data(), "cuts": cuts})
        return frames.file, frames.index, tuple(cuts)


def _stored_scan(workspace: Workspace, mark: str) -> tuple[FrameIndex | None, list[int] | None]:
    """Index and cuts as an earlier run found them, each None where it did not or the file is damaged."""
    stored = _read_json(workspace.scan_file)
    if not isinstance(stored, dict) or stored.get("source") != mark:
        return None, None
    try:
        return FrameIndex.from_data(stored["index"]), stored["cuts"]
    except (ContractError, KeyError):
        return None, None


def _read_json(path: Path) -> Any:
    """What a file holds, or None where there is none that can be read."""
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None
