"""Read this first: how one clip is measured by all methods.

    frame t, read once --+--> method A: right view (views.py) --> Pair --+--> every protocol, the cheats,
                         |                                               |    the pictures
                         +--> method B: right view -----------> Pair ----+
                         |
                         +--> what follows from left view and truth alone: found once, kept with the frame

Streams throughout: no more is held than what an inpainter looks ahead and what the meters keep.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

from secondeye.datasets import StereoVideo
from secondeye.errors import InputError, ResourceError, SecondEyeError
from secondeye.evaluate.album import Album
from secondeye.evaluate.lockstep import Branch, Readers, Shared
from secondeye.evaluate.results import ClipResult, in_order
from secondeye.evaluate.task import Task
from secondeye.evaluate.views import Known, RightViews
from secondeye.metrics import Pair, cheats
from secondeye.metrics.cheats import Finding
from secondeye.metrics.protocols import ClipReport, Protocol, measure_clip

TOGETHER_BYTES = 2**29
"""What methods may need that are measured together; where frames are large, they take turns."""

BYTES_PER_PIXEL = 200
"""What a method needs for each pixel of a frame: three right views on their way, and all that is derived from them."""

Outcome = ClipResult | SecondEyeError


def measure_tasks(tasks: Sequence[Task], advance: Callable[[int], None]) -> Iterator[tuple[Task, Outcome]]:
    """Make the right views of one clip by several methods, and measure them.

    Args:
        tasks: of one clip.
        advance: told 1 after each frame of each method.

    Yields:
        Each task in order, and what was measured or why nothing could be: the clip cannot be read or lacks what the
        method needs, or views differ in size or length.
    """
    width, height = tasks[0].video.size
    together = max(1, TOGETHER_BYTES // (BYTES_PER_PIXEL * width * height))
    for first in range(0, len(tasks), together):
        yield from _measure_together(tasks[first : first + together], advance)


def _measure_together(tasks: Sequence[Task], advance: Callable[[int], None]) -> Iterator[tuple[Task, Outcome]]:
    runs = [_Run(task) for task in tasks]
    with ExitStack() as stack:
        frames = Shared(Known(frame) for frame in tasks[0].footage.frames())
        for run in runs:
            run.begin(frames, stack)
        while moving := [run for run in runs if run.is_moving]:
            for run in moving:
                run.step()
            began = time.monotonic()
            for run in moving:
                run.settle(advance)
            for run in moving:
                run.seconds += (time.monotonic() - began) / len(moving)
        for run in runs:
            run.finish()
    for run in runs:
        assert run.outcome is not None
        yield run.task, run.outcome


class _Run:
    """One task on its way through the clip."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.outcome: Outcome | None = None
        self._source = RightViews(task)
        self._album = Album(task.video.frame_count, task.settings.frames)
        self._pairs: Iterator[Pair] = iter(())
        self._pair: Pair | None = None
        self._branch: Branch[Known] | None = None
        self._readers: Readers[Pair] = Readers({})
        self.seconds = 0.0
        self.is_moving = True

    def begin(self, frames: Shared[Known], stack: ExitStack) -> None:
        """Get ready for the first frame."""
        with self._alone():
            self._source.begin()
            self._branch = frames.branch()
            self._pairs = self._source.pairs(self._branch)
            task = self.task
            readers: dict[str, Callable[[Iterator[Pair]], Any]] = {
                name: partial(_measure, chosen, task.video) for name, chosen in task.protocols.items()
            }
            self._readers = stack.enter_context(Readers(readers | {"": _look_for_cheats}))

    def step(self) -> None:
        """Make the next right view and hand it on."""
        began = time.monotonic()
        with self._alone():
            self._pair = next(self._pairs, None)
            self.seconds += time.monotonic() - began
            if self._pair is None:
                self.is_moving = False
            else:
                self._readers.give(self._pair)

    def settle(self, advance: Callable[[int], None]) -> None:
        """Wait until it has been looked at."""
        pair, self._pair = self._pair, None
        with self._alone():
            if pair is not None and self.is_moving:
                self._readers.settle()
                self._album.update(pair)
                advance(1)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """A block whose foreseen failure ends this run and no other. Full disks and memory end all."""
        try:
            yield
        except ResourceError:
            raise
        except SecondEyeError as error:
            self.outcome, self.is_moving = error, False
            if self._branch is not None:
                self._branch.close()

    def finish(self) -> None:
        """Gather what was found."""
        if self.outcome is None:
            with self._alone():
                self.outcome = self._result(self._readers.results())

    def _result(self, found: dict[str, Any]) -> ClipResult:
        task, album, source = self.task, self._album, self._source
        if not album.count:
            raise InputError("the clip has no frames")
        return ClipResult(
            dataset=task.dataset,
            clip=task.video.name,
            method=task.method.name,
            size=album.size,
            frame_count=album.count,
            seconds=round(self.seconds, 3),
            depth=source.depth_text,
            holes=source.holes_text,
            unknown_share=source.unknown_share,
            protocols={name: found[name] for name in task.protocols},
            frames={
                name: tuple(chosen.frames.take(range(album.count), task.video.frame_rate))
                for name, chosen in task.protocols.items()
            },
            cheats=found[""],
            key=task.key,
            pictures=album.save(task.work.pictures(task.key)),
        )


def _measure(chosen: Protocol, video: StereoVideo, pairs: Iterator[Pair]) -> ClipReport:
    return in_order(measure_clip(chosen, pairs, video.frame_rate))


def _look_for_cheats(pairs: Iterator[Pair]) -> tuple[Finding, ...]:
    report = cheats.build()
    for pair in pairs:
        report.update(pair)
    return report.finish()
