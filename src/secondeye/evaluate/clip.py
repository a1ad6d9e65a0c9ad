"""Read this first: how one clip is measured by one method.

    stereo frame -> disparity -> splat -> inpaint -> right view
         |                                               |
         +-- truth, hole ------> Pair <------------------+
                                  |
             every protocol, the cheats, the pictures: each frame once, in step

Streams throughout: no more is held than what an inpainter looks ahead and what the meters keep.
"""

import itertools
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import torch
from torch import Tensor

from secondeye import inpainters
from secondeye.datasets import StereoFrame, StereoVideo
from secondeye.errors import InputError
from secondeye.evaluate import predictions
from secondeye.evaluate.album import Album
from secondeye.evaluate.disparity import filled
from secondeye.evaluate.estimate import EstimatedDisparity, estimated
from secondeye.evaluate.footage import Footage
from secondeye.evaluate.lockstep import read_together
from secondeye.evaluate.methods import Method
from secondeye.evaluate.results import ClipResult, in_order
from secondeye.evaluate.settings import TRUTH, EvaluateSettings
from secondeye.evaluate.work import Work
from secondeye.metrics import Pair, cheats
from secondeye.metrics.cheats import Finding
from secondeye.metrics.protocols import ClipReport, Protocol, measure_clip
from secondeye.splat import Rule, splat_forward
from secondeye.types import Clip, WarpedClip

SPARSE = 0.1
"""Unknown share of the true disparity beyond which hole masks splatted from it would be guesses."""

Shift = Callable[[int, StereoFrame], Tensor]
"""Gives the disparity (1, 1, H, W) of a frame by number."""


@dataclass(frozen=True)
class Task:
    """One clip by one method, and where it keeps what it makes."""

    dataset: str
    video: StereoVideo
    footage: Footage
    method: Method
    settings: EvaluateSettings
    protocols: Mapping[str, Protocol]
    work: Work
    key: str
    depth_key: str


def measure_task(task: Task, advance: Callable[[int], None]) -> ClipResult:
    """Make the right views of a clip and measure them.

    Args:
        task: what to measure.
        advance: told 1 after each frame.

    Raises:
        InputError: the clip cannot be read or lacks what the method needs, or views differ in size or length.
    """
    began = time.monotonic()
    source = _Source(task)
    album = Album(task.video.frame_count, task.settings.frames)
    readers: dict[str, Callable[[Iterator[Pair]], Any]] = {
        name: partial(_measure, chosen, task.video) for name, chosen in task.protocols.items()
    }
    pairs = _told(source.pairs(), album, advance)
    found = read_together(pairs, readers | {"": _look_for_cheats})
    if not album.count:
        raise InputError("the clip has no frames")
    return ClipResult(
        task.dataset,
        task.video.name,
        task.method.name,
        album.size,
        album.count,
        round(time.monotonic() - began, 3),
        source.depth_text,
        source.holes_text,
        source.unknown_share,
        {name: found[name] for name in task.protocols},
        {name: _frame_numbers(chosen, album.count, task.video) for name, chosen in task.protocols.items()},
        found[""],
        task.key,
        album.save(task.work.pictures(task.key)),
    )


def _told(pairs: Iterator[Pair], album: Album, advance: Callable[[int], None]) -> Iterator[Pair]:
    for pair in pairs:
        yield pair
        album.update(pair)
        advance(1)


def _measure(chosen: Protocol, video: StereoVideo, pairs: Iterator[Pair]) -> ClipReport:
    return in_order(measure_clip(chosen, pairs, video.frame_rate))


def _look_for_cheats(pairs: Iterator[Pair]) -> tuple[Finding, ...]:
    report = cheats.build()
    for pair in pairs:
        report.update(pair)
    return report.finish()


def _frame_numbers(chosen: Protocol, count: int, video: StereoVideo) -> tuple[int, ...]:
    """The numbers of the frames that a protocol looks at, by letting it choose among them."""
    numbers = cast(Iterator[Pair], iter(range(count)))
    return tuple(cast(Iterator[int], chosen.frames.take(numbers, video.frame_rate)))


class _Source:
    """Makes the pairs of one task, and knows afterwards where disparity and holes came from."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._unknown = self._pixels = 0
        self._first_unknown: float | None = None
        self.depth_text = "made elsewhere" if task.method.folder else ""
        self.holes_text = ""

    @property
    def unknown_share(self) -> float | None:
        """Unknown share of the true disparity; None where there is none."""
        return self._unknown / self._pixels if self._pixels else None

    def pairs(self) -> Iterator[Pair]:
        """Frame by frame, the right view and what is known of it."""
        views = self._predicted() if self._task.method.folder else self._made()
        for number, (frame, right) in enumerate(views):
            if right.shape != frame.right.shape:
                raise InputError(f"frame {number}: the right view is {_size(right)} px, the truth {_size(frame.right)}")
            yield Pair(
                right, frame.left, frame.right, self._hole(frame), frame.disparity, self._task.video.text, number
            )

    def _predicted(self) -> Iterator[tuple[StereoFrame, Tensor]]:
        task = self._task
        assert task.method.folder is not None
        path = predictions.find(task.method.folder, task.dataset, task.video.name)
        views = itertools.islice(predictions.right_views(path), task.settings.frames)
        for number, (frame, right) in enumerate(itertools.zip_longest(task.footage.frames(), views)):
            if frame is None or right is None:
                longer, shorter = ("it has", "the truth") if frame is None else ("the truth has", "it")
                raise InputError(f"{path.name}: {longer} more frames than the {number} of {shorter}; give as many")
            self._count_unknown(frame)
            yield frame, right

    def _made(self) -> Iterator[tuple[StereoFrame, Tensor]]:
        method = self._task.method
        shift = self._true_shift() if method.depth == TRUTH else self._estimated_shift()
        waiting: deque[StereoFrame] = deque()
        warped = self._warped(shift, method.rule, waiting)
        for stereo in inpainters.build(method.inpainter).inpaint(warped):
            for right in stereo.right.rgb:
                yield waiting.popleft(), right.clamp(0, 1)

    def _warped(self, shift: Shift, rule: Rule, waiting: deque[StereoFrame]) -> Iterator[WarpedClip]:
        for number, frame in enumerate(self._task.footage.frames()):
            self._count_unknown(frame)
            waiting.append(frame)
            clip = Clip(frame.left[None], number, torch.tensor([number]))
            disparity = shift(number, frame)
            yield WarpedClip(clip, disparity, *splat_forward(clip.rgb, disparity, rule=rule))

    def _true_shift(self) -> Shift:
        if not self._task.video.has_disparity:
            raise InputError("the data has no true disparity for --depth truth; name a depth model instead")
        self.depth_text = "true disparity"

        def shift(number: int, frame: StereoFrame) -> Tensor:
            if frame.disparity is None:
                raise InputError(f"frame {number} has no true disparity; name a depth model with --depth")
            return filled(frame.disparity)[None, None]

        return shift

    def _estimated_shift(self) -> Shift:
        task, settings = self._task, self._task.settings
        spool = task.work.depth(task.depth_key)
        estimate = estimated(task.method.depth, task.footage.frames, spool)
        if not estimate.shape[0]:
            raise InputError("the clip has no frames")
        align, dilation = settings.align, settings.edge_dilation
        source = EstimatedDisparity(task.method.depth, estimate, spool, align, settings.geometry, dilation)
        self.depth_text = source.text
        return lambda number, frame: source.of(number, frame.left)

    def _count_unknown(self, frame: StereoFrame) -> None:
        if frame.disparity is not None:
            self._unknown += int((~torch.isfinite(frame.disparity)).sum())
            self._pixels += frame.disparity.numel()

    def _hole(self, frame: StereoFrame) -> Tensor | None:
        """The same mask for every method: the data's own, else what our rule leaves open of the true disparity."""
        if frame.hole is not None:
            self.holes_text = "the data's own"
            return frame.hole
        if frame.disparity is None:
            self.holes_text = "none: the data has neither masks nor true disparity"
            return None
        if self._first_unknown is None:  # one answer for the whole clip
            self._first_unknown = float((~torch.isfinite(frame.disparity)).float().mean())
        if self._first_unknown > SPARSE:
            self.holes_text = f"none: {self._first_unknown:.0%} of the true disparity is unknown, too much to see holes"
            return None
        self.holes_text = "splatted from the true disparity"
        return splat_forward(frame.left[None], filled(frame.disparity)[None, None])[1][0, 0]


def _size(view: Tensor) -> str:
    return f"{view.shape[2]}x{view.shape[1]}"
