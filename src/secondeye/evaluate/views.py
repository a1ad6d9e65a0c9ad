"""Where right views come from: made from the left view by one of our methods, or read from somebody else's folder.

stereo frame -> disparity -> splat -> inpaint -> right view
     |                                               |
     +-- truth, hole ------> Pair <------------------+
"""

import itertools
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor

from secondeye import inpainters
from secondeye.datasets import StereoFrame
from secondeye.errors import InputError
from secondeye.evaluate import predictions
from secondeye.evaluate.disparity import filled
from secondeye.evaluate.estimate import EstimatedDisparity, estimated
from secondeye.evaluate.settings import TRUTH
from secondeye.evaluate.task import Task
from secondeye.metrics import Memo, Pair
from secondeye.splat import Rule, splat_forward
from secondeye.types import Clip, WarpedClip

SPARSE = 0.1
"""Unknown share of the true disparity beyond which hole masks splatted from it would be guesses."""

Shift = Callable[[int, "Known"], Tensor]
"""Gives the disparity (1, 1, H, W) of a frame by number."""


@dataclass(frozen=True)
class Known:
    """A frame as the data has it, and what has been derived from it for all methods."""

    frame: StereoFrame
    memo: Memo = field(default_factory=Memo)

    @property
    def disparity(self) -> Tensor:
        """The true disparity (1, 1, H, W), its gaps closed."""
        given = self.frame.disparity
        assert given is not None
        return self.memo.get("filled disparity", lambda: filled(given)[None, None])

    @property
    def splatted_hole(self) -> Tensor:
        """What our rule leaves open of the true disparity, (H, W)."""
        return self.memo.get("splatted hole", lambda: splat_forward(self.frame.left[None], self.disparity)[1][0, 0])


class RightViews:
    """Makes the pairs of one task, and knows afterwards where disparity and holes came from."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._unknown = self._pixels = 0
        self._first_unknown: float | None = None
        self._shift: Shift | None = None
        self.depth_text = "made elsewhere" if task.method.folder else ""
        self.holes_text = ""

    def begin(self) -> None:
        """Look for the predictions, or estimate the depth of all frames, before the first is asked for.

        Raises:
            InputError: there is nothing to make right views from.
        """
        task = self._task
        if task.method.folder is not None:
            predictions.find(task.method.folder, task.dataset, task.video.name, task.shares_name)
        else:
            self._shift = self._true_shift() if task.method.depth == TRUTH else self._estimated_shift()

    @property
    def unknown_share(self) -> float | None:
        """Unknown share of the true disparity; None where there is none."""
        return self._unknown / self._pixels if self._pixels else None

    def pairs(self, frames: Iterator[Known]) -> Iterator[Pair]:
        """Frame by frame, the right view and what is known of it.

        Raises:
            InputError: views differ in size or length, or a frame lacks what the method needs.
        """
        views = self._predicted(frames) if self._task.method.folder else self._made(frames)
        for number, (known, right) in enumerate(views):
            frame = known.frame
            if right.shape != frame.right.shape:
                raise InputError(f"frame {number}: the right view is {_size(right)} px, the truth {_size(frame.right)}")
            given = frame.left, frame.right, self._hole(known), frame.disparity, self._task.video.text, number
            yield Pair(right, *given, common=known.memo)

    def _predicted(self, frames: Iterator[Known]) -> Iterator[tuple[Known, Tensor]]:
        task = self._task
        assert task.method.folder is not None
        path = predictions.find(task.method.folder, task.dataset, task.video.name, task.shares_name)
        views = itertools.islice(predictions.right_views(path), task.settings.frames)
        for number, (known, right) in enumerate(itertools.zip_longest(frames, views)):
            if known is None or right is None:
                longer, shorter = ("it has", "the truth") if known is None else ("the truth has", "it")
                raise InputError(f"{path.name}: {longer} more frames than the {number} of {shorter}; give as many")
            self._count_unknown(known.frame)
            yield known, right

    def _made(self, frames: Iterator[Known]) -> Iterator[tuple[Known, Tensor]]:
        method = self._task.method
        waiting: deque[Known] = deque()
        warped = self._warped(frames, method.rule, waiting)
        for stereo in inpainters.build(method.inpainter).inpaint(warped):
            for right in stereo.right.rgb:
                yield waiting.popleft(), right.clamp(0, 1)

    def _warped(self, frames: Iterator[Known], rule: Rule, waiting: deque[Known]) -> Iterator[WarpedClip]:
        assert self._shift is not None
        for number, known in enumerate(frames):
            self._count_unknown(known.frame)
            waiting.append(known)
            clip = Clip(known.frame.left[None], number, torch.tensor([number]))
            disparity = self._shift(number, known)
            right, hole = splat_forward(clip.rgb, disparity, rule=rule)
            # A released rule may overflow; what is no number was written as black.
            yield WarpedClip(clip, disparity, right.nan_to_num(nan=0.0), hole)

    def _true_shift(self) -> Shift:
        if not self._task.video.has_disparity:
            raise InputError("the data has no true disparity for --depth truth; name a depth model instead")
        self.depth_text = "true disparity"

        def shift(number: int, known: Known) -> Tensor:
            if known.frame.disparity is None:
                raise InputError(f"frame {number} has no true disparity; name a depth model with --depth")
            return known.disparity

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
        return lambda number, known: source.of(number, known.frame.left)

    def _count_unknown(self, frame: StereoFrame) -> None:
        if frame.disparity is not None:
            self._unknown += int((~torch.isfinite(frame.disparity)).sum())
            self._pixels += frame.disparity.numel()

    def _hole(self, known: Known) -> Tensor | None:
        """The same mask for every method: the data's own, else what our rule leaves open of the true disparity."""
        frame = known.frame
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
        return known.splatted_hole


def _size(view: Tensor) -> str:
    return f"{view.shape[2]}x{view.shape[1]}"
