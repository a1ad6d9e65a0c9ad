"""From windows of 32 frames, or from single frames with a memory, to the depth of a whole clip.

    window 0     0 ........ 12 ......... 24 25 .. 31
    its inputs   |          |            |          |        frames 0, 12 and 24 to 31 lead the next window
    window 1     0  12  24 25 .. 31 | 32 ........ 53
                 |   |  '-- 8 ----'
                 |   |  cross-faded with what window 0 said of them
                 '---'-- scale and shift are fitted on these two

Source: Chen et al., "Video Depth Anything" (2025), section 3.3; video_depth.py and video_depth_stream.py as released
(facts: two frames decide the alignment, and the first of them is that of the first window for ever).
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice

import torch
from torch import Tensor

from secondeye.depth_models.video_depth_anything.head import History
from secondeye.depth_models.video_depth_anything.network import WINDOW, VideoDepthNetwork

SHARED = 10
"""Frames at a window's head that come from the one before (OVERLAP)."""

FADED = 8
"""Of those, cross-faded (INTERP_LEN)."""

KEYFRAMES = (0, 12, 24, 25, 26, 27, 28, 29, 30, 31)
"""Which frames of a window lead the next."""

STEP = WINDOW - SHARED
FITTED = SHARED - FADED

FIRST_FORGOTTEN = STEP * 2 - 1 - FITTED + 2 - WINDOW
"""From this frame on, streaming forgets one remembered frame for each new one."""

Predict = Callable[[Tensor], Tensor]
"""From a window (T, 3, H, W) to its depth (T, h, w)."""


def in_windows(frames: Iterable[Tensor], predict: Predict) -> Iterator[Tensor]:
    """Depth of each frame, on the scale of the first window.

    Args:
        frames: each (3, H, W), prepared for the network.
        predict: depth of a window of 32 frames.

    Returns:
        One (h, w) a frame, at least 0, in order, up to 32 frames behind.
    """
    rest = iter(frames)
    ahead = list(islice(rest, WINDOW))
    previous: Tensor | None = None
    anchors: list[Tensor] = []
    fading = torch.empty(0)
    while ahead:
        real = len(ahead)
        window = torch.stack(ahead + [ahead[-1]] * (WINDOW - real))
        if previous is not None:
            window[:SHARED] = previous[list(KEYFRAMES)]
        depth, previous = predict(window), window
        if anchors:
            scale, shift = scale_and_shift(depth[:FITTED], torch.stack(anchors))
            depth = (depth * scale + shift).clamp(min=0)
            depth[FITTED:SHARED] = cross_faded(fading, depth[FITTED:SHARED])
        first, goes_on = FITTED if anchors else 0, real > STEP
        yield from depth[first : min(real, WINDOW - FADED) if goes_on else real]
        if not goes_on:
            return
        anchors = [anchors[0] if anchors else depth[KEYFRAMES[0]], depth[KEYFRAMES[1]]]
        fading = depth[-FADED:]
        ahead = [*ahead[STEP:], *islice(rest, STEP)]


def as_they_come(frames: Iterable[Tensor], network: VideoDepthNetwork) -> Iterator[Tensor]:
    """Depth of each frame at once, from it and from what is remembered of 31 earlier ones.

    Args:
        frames: each (3, H, W), prepared for the network.
        network: is called with one frame at a time.

    Returns:
        One (H, W) a frame, at least 0; none waits for a later frame.
    """
    remembered: list[History] = []
    for number, frame in enumerate(frames):
        if not remembered:
            depth, history = network(frame[None, None])
            remembered = [history] * WINDOW
        else:
            used = remembered[:2] + remembered[3 - WINDOW :]
            depth, history = network(frame[None, None], [torch.cat(part, dim=1) for part in zip(*used, strict=True)])
            remembered.append(history)
        if number >= FIRST_FORGOTTEN:
            del remembered[1]
        yield depth[0, 0]


def scale_and_shift(depth: Tensor, wanted: Tensor) -> tuple[float, float]:
    """The scale and shift that bring `depth` nearest to `wanted` in the mean square; 1 and 0 where it is constant."""
    x, y = depth.double().flatten(), wanted.double().flatten()
    spread = x - x.mean()
    variance = float(spread @ spread)
    if variance <= 1e-12 * max(float(x @ x), 1e-30):
        return 1.0, 0.0
    scale = float(spread @ (y - y.mean())) / variance
    return scale, float(y.mean()) - scale * float(x.mean())


def cross_faded(before: Tensor, after: Tensor) -> Tensor:
    """From all `before` at the first frame to all `after` at the last; both (T, ...)."""
    share = torch.linspace(0, 1, len(after), dtype=after.dtype, device=after.device)
    share = share.reshape(-1, *[1] * (after.ndim - 1))
    return before * (1 - share) + after * share
