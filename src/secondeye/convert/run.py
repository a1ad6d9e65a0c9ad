"""Run a plan: every segment once, finished ones kept, whatever happens.

    depth, segment by segment  ->  one scale per shot  ->  second eye, segment by segment  ->  join

A segment's result is a file that is renamed into place when whole. A crash, a cancel and a second run with another
strength are therefore one case: what exists is kept, what is missing is made.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

from secondeye import inpainters
from secondeye.convert.depth_cache import CachedDepth, is_stored, shot_ranges, store
from secondeye.convert.floating_window import Widths, masked, needs_no_pictures, window_of
from secondeye.convert.plan import Plan
from secondeye.convert.segment import look_of, shrunk, stereo_clips
from secondeye.convert.workspace import Workspace, make_folder
from secondeye.errors import ResourceError, SecondEyeError, SegmentError, is_interrupt
from secondeye.progress import ProgressCallback, StageClock
from secondeye.types import Clip, DepthEstimator, Needs, Segment, Source, StereoClip
from secondeye.video.reader import open_source
from secondeye.video.threads import WriteBehind, read_ahead
from secondeye.video.writer import VideoSink

QUEUE_CLIPS = 2
"""Clips that wait between two threads: enough to keep both busy, few enough to keep memory flat."""


def run_depth(plan: Plan, workspace: Workspace, model: DepthEstimator, callback: ProgressCallback | None) -> None:
    """Estimate the depth of every segment that has none yet."""
    missing = [s for s in plan.segments if not is_stored(plan.depth_file(workspace, s))]
    clock = _clock("depth", plan, missing, callback)
    with open_source(plan.source, index=plan.index) as source:
        for segment in missing:
            frames = source.read(segment.start - segment.warmup, segment.stop)
            frames = shrunk(frames, getattr(model, "input_px", None))
            with _told_as(segment, clock), read_ahead(frames, QUEUE_CLIPS) as clips:
                target = plan.depth_file(workspace, segment)
                free_scale = getattr(model, "free_scale", False)
                store(target, model.estimate(clips), segment.start, clock.advance, free_scale=free_scale)


def stored_depth(plan: Plan, workspace: Workspace, model: DepthEstimator) -> DepthEstimator:
    """All of the depth that `model` estimated, on one scale per shot; a model may ask for a least range."""
    least_range = getattr(model, "least_range", 0.0)
    paths = [plan.depth_file(workspace, segment) for segment in plan.segments]
    smoothing = plan.settings.depth_smoothing_s * float(plan.info.frame_rate)
    return CachedDepth(paths, plan.segments, shot_ranges(paths, plan.segments, smoothing, least_range))


def run_convert(
    plan: Plan,
    workspace: Workspace,
    depth: DepthEstimator,
    callback: ProgressCallback | None,
) -> None:
    """Make the part of every segment that has none yet."""
    missing = [s for s in plan.segments if not plan.part_files(workspace, s)[-1].exists()]
    clock = _clock("convert", plan, missing, callback)
    with open_source(plan.source, index=plan.index) as source:
        for segment in missing:
            with _told_as(segment, clock):
                convert_segment(plan, segment, source, workspace, depth, clock.advance)


def convert_segment(
    plan: Plan,
    segment: Segment,
    source: Source,
    workspace: Workspace,
    depth: DepthEstimator,
    advance: Callable[[int], None],
) -> None:
    """Make one part; `advance` is told the number of frames after each clip handed to the encoder."""
    settings = plan.settings
    inpainter = inpainters.build(settings.inpainter)
    look = look_of(settings, plan.info.width)
    frames = source.read(*_frames_read(plan, segment, inpainter.needs, depth))
    bars = _bars(plan, segment, source, depth) if settings.floating_window else None
    parts = plan.part_files(workspace, segment)
    make_folder(parts[0].parent)
    with (
        VideoSink(parts, plan.info, settings.layout, plan.encode, hdr=plan.hdr, signal=settings.signal) as sink,
        read_ahead(frames, QUEUE_CLIPS) as clips,
        WriteBehind(sink, QUEUE_CLIPS) as queue,
    ):
        for stereo in stereo_clips(clips, depth, inpainter, look):
            kept = _within(stereo, segment)
            if kept is not None:
                if bars is not None:
                    at = kept.left.start - segment.start
                    kept = masked(kept, bars[at : at + len(kept)])
                queue.write(kept)
                advance(len(kept))
            if stereo.left.start + len(stereo) >= segment.stop:
                break  # what follows was to be looked at, not to be filled


def _frames_read(plan: Plan, segment: Segment, needs: Needs, depth: DepthEstimator) -> tuple[int, int]:
    """From which frame of the segment's shot to which: with those that it is warmed up with, and looks ahead to."""
    by_frame = needs.window == 1 and needs_no_pictures(depth)
    _, shot_stop = _shot_of(plan, segment)
    return segment.start - (0 if by_frame else segment.warmup), min(segment.stop + needs.ahead, shot_stop)


def _bars(plan: Plan, segment: Segment, source: Source, depth: DepthEstimator) -> Widths:
    """The floating window of a segment's frames."""
    return window_of(source, depth, plan.settings.geometry, segment, _shot_of(plan, segment))


def _shot_of(plan: Plan, segment: Segment) -> tuple[int, int]:
    """The frames of the shot that a segment is of, from the first to the one after the last."""
    shot = [one for one in plan.segments if one.shot == segment.shot]
    return shot[0].start, shot[-1].stop


def _within(stereo: StereoClip, segment: Segment) -> StereoClip | None:
    """The frames that are the segment's; None where none of them is."""
    kept = slice(*(min(max(edge - stereo.left.start, 0), len(stereo)) for edge in (segment.start, segment.stop)))
    if kept.start == kept.stop:
        return None
    return StereoClip(_part(stereo.left, kept), _part(stereo.right, kept))


def _part(clip: Clip, frames: slice) -> Clip:
    return Clip(clip.rgb[frames], clip.start + frames.start, clip.pts[frames])


def _clock(stage: str, plan: Plan, missing: list[Segment], callback: ProgressCallback | None) -> StageClock:
    done = plan.frame_count - sum(len(segment) for segment in missing)
    return StageClock(stage, plan.frame_count, done, callback)


@contextmanager
def _told_as(segment: Segment, clock: StageClock) -> Iterator[None]:
    """Turn what nobody foresaw into a SegmentError that names the segment.

    Our own errors, the caller's and an interrupt go through, the last one as what it is.
    """
    try:
        yield
    except Exception as error:
        if error is clock.callback_error:
            raise
        if is_interrupt(error):
            raise KeyboardInterrupt from error
        if isinstance(error, SecondEyeError):
            raise
        if isinstance(error, MemoryError | torch.OutOfMemoryError):
            raise ResourceError("out of memory; close other programs, or convert at a smaller size") from error
        text = f"frames {segment.start} to {segment.stop}: {type(error).__name__}: {error}"
        raise SegmentError(segment.index, f"{text}; finished parts are kept, run the same again to go on") from error
