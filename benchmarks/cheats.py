"""Is every cheat found, and nothing else? Each cheat is played on each clip of a dataset; so is what is honest.

Run: python -m benchmarks.cheats DATASET [DATASET ...] [--frames N] [--details]

DATASET is as for `secondeye evaluate`: scenes:60, pairs:FOLDER. Honest are the truth, the truth after coding and noise,
and every splat rule with every filling, by the data's disparity (by semi-global matching where it has none, or knows a
lidar's points only). Printed: in how many of the clips that can tell was a cheat found, and what else was found, by
clip with --details.
"""

import argparse
import collections
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeGuard, get_args

import cv2
import numpy as np
import torch
from torch import Tensor

from secondeye import datasets, inpainters
from secondeye.datasets import StereoFrame
from secondeye.evaluate.disparity import filled
from secondeye.metrics import Memo, Pair, cheats
from secondeye.metrics._stereo import disparity as matched
from secondeye.splat import Rule, splat_forward
from secondeye.types import Clip, WarpedClip

FILLS = ("stretch", "telea")
SPARSE = 0.1
"""Unknown share beyond which disparity is not the data's: what lies above a lidar's reach would move as one block."""

Play = Callable[[Sequence[Pair]], Iterator[Pair]]
"""Turns a clip's true pairs into those that are judged."""


def judged(pair: Pair, right: Tensor) -> Pair:
    """The pair with another right view; what follows from left and truth is found once for all."""
    return replace(pair, right=right.clamp(0, 1), memo=Memo())


def each(change: Callable[[Pair], Tensor]) -> Play:
    return lambda pairs: (judged(pair, change(pair)) for pair in pairs)


def moved(view: Tensor, x: float, y: float) -> Tensor:
    """A view moved by x and y px, its border repeated."""
    picture = np.ascontiguousarray(view.permute(1, 2, 0).numpy())
    matrix = np.array([[1, 0, x], [0, 1, y]], np.float32)
    shown = cv2.warpAffine(picture, matrix, picture.shape[1::-1], borderMode=cv2.BORDER_REPLICATE)
    return torch.from_numpy(shown).permute(2, 0, 1).contiguous()


def blurred(view: Tensor, sigma: float) -> Tensor:
    picture = np.ascontiguousarray(view.permute(1, 2, 0).numpy())
    return torch.from_numpy(cv2.GaussianBlur(picture, (0, 0), sigma)).permute(2, 0, 1).contiguous()


def coded(view: Tensor, quality: int) -> Tensor:
    """A view after JPEG."""
    picture = np.ascontiguousarray((view * 255).round().byte().permute(1, 2, 0).numpy())
    _, stream = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return torch.from_numpy(cv2.imdecode(stream, cv2.IMREAD_COLOR)).permute(2, 0, 1).float() / 255


def noisy(pair: Pair) -> Tensor:
    generator = torch.Generator().manual_seed(pair.index)
    return pair.right + torch.randn(pair.right.shape, generator=generator) * 3 / 255


def disparity_of(pair: Pair) -> Tensor:
    """The data's where it is dense, else what semi-global matching finds between left view and truth; gaps closed."""

    def make() -> Tensor:
        known = pair.disparity
        found = known if is_dense(known) else torch.from_numpy(matched(pair, "truth", "sgbm"))
        return filled(found)[None, None]

    return pair.common.get("benchmark disparity", make)


def is_dense(disparity: Tensor | None) -> TypeGuard[Tensor]:
    return disparity is not None and float((~disparity.isfinite()).float().mean()) <= SPARSE


def left_of(pair: Pair) -> Tensor:
    assert pair.left is not None
    return pair.left


def black(pair: Pair) -> Tensor:
    """Our splat, nothing filled."""
    return splat_forward(left_of(pair)[None], disparity_of(pair))[0][0]


def made(pairs: Sequence[Pair], rule: Rule, fill: str) -> Iterator[Pair]:
    """An honest conversion."""

    def warped() -> Iterator[WarpedClip]:
        for number, pair in enumerate(pairs):
            clip = Clip(left_of(pair)[None], number, torch.tensor([number]))
            shift = disparity_of(pair)
            yield WarpedClip(clip, shift, *splat_forward(clip.rgb, shift, rule=rule))

    rights = (right for stereo in inpainters.build(fill).inpaint(warped()) for right in stereo.right.rgb)
    return (judged(pair, right) for pair, right in zip(pairs, rights, strict=True))


def swapped(pairs: Sequence[Pair]) -> Iterator[Pair]:
    for pair in pairs:
        yield replace(pair, left=pair.right, right=left_of(pair), memo=Memo(), common=Memo())


CHEATS: dict[str, tuple[str, Play]] = {
    "left view": ("identity", each(left_of)),
    "left view, coded": ("identity", each(lambda p: coded(left_of(p), 70))),
    "moved by 2 % of the width": ("constant_shift", each(lambda p: moved(left_of(p), -0.02 * p.size[1], 0))),
    "moved by 3.5 px": ("constant_shift", each(lambda p: moved(left_of(p), 3.5, 0))),
    "holes left black": ("black_holes", each(black)),
    "2 px lower": ("vertical", each(lambda p: moved(p.right, 0, 2))),
    "swapped": ("swapped", swapped),
    "parallax reversed": ("swapped", each(lambda p: splat_forward(left_of(p)[None], -disparity_of(p))[0][0])),
    "blurred by 1.5 px": ("blurred", each(lambda p: blurred(p.right, 1.5))),
}

TIMED: dict[str, tuple[str, Play]] = {
    "frozen": ("frozen", lambda pairs: (judged(pair, pairs[0].right) for pair in pairs)),
    "every second frame": ("frozen", lambda pairs: (judged(p, pairs[t - t % 2].right) for t, p in enumerate(pairs))),
    "a frame late": ("time_shifted", lambda ps: (judged(p, ps[max(t - 1, 0)].right) for t, p in enumerate(ps))),
    "two frames early": ("time_shifted", lambda ps: (judged(p, q.right) for p, q in zip(ps, ps[2:], strict=False))),
}

HONEST: dict[str, Play] = {
    "truth": each(lambda p: p.right),
    "truth, coded": each(lambda p: coded(p.right, 80)),
    "truth, with noise": each(noisy),
    "truth, darker": each(lambda p: p.right * 0.85 + 0.02),
} | {
    f"{rule}/{fill}": (lambda pairs, rule=rule, fill=fill: made(pairs, rule, fill))
    for rule in get_args(Rule)
    for fill in FILLS
}


def pairs_of(frames: Sequence[StereoFrame]) -> list[Pair]:
    """The true pairs of a clip, with holes as `evaluate` has them."""
    found = []
    for number, frame in enumerate(frames):
        hole = frame.hole
        if hole is None and is_dense(frame.disparity):
            hole = splat_forward(frame.left[None], filled(frame.disparity)[None, None])[1][0, 0]
        found.append(Pair(frame.right, frame.left, frame.right, hole, frame.disparity, index=number))
    return found


@dataclass
class Count:
    """Over clips: in how many something was found, could have been, and what else was."""

    found: int = 0
    judged: int = 0
    missed: tuple[str, ...] = ()
    others: tuple[tuple[str, str, str], ...] = ()


def play(count: Count, clip: str, pairs: Iterator[Pair], wanted: str) -> None:
    """Judge one clip."""
    report = cheats.build()
    for pair in pairs:
        report.update(pair)
    for finding in report.finish():
        if finding.cheat == wanted:
            count.judged += finding.judged
            count.found += finding.flagged
            count.missed += () if finding.flagged else (f"{clip}: {finding.text}",)
        elif finding.flagged:
            count.others += ((finding.cheat, clip, finding.text),)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("dataset", nargs="+")
    parser.add_argument("--frames", type=int, default=8)
    parser.add_argument("--details", action="store_true")
    asked = parser.parse_args()
    counts: dict[str, Count] = collections.defaultdict(Count)
    total = 0
    for spec in asked.dataset:
        for video in datasets.build(spec).videos:
            pairs = pairs_of([frame for frame, _ in zip(video.frames(), range(asked.frames), strict=False)])
            total += 1
            print(video.name, file=sys.stderr, flush=True)
            plays = CHEATS | (TIMED if len(pairs) > 3 else {}) | {name: ("", run) for name, run in HONEST.items()}
            for name, (wanted, run) in plays.items():
                play(counts[name], video.name, run(pairs), wanted)
    print(f"{total} clips\n\n| view | cheat | found | cannot tell | other findings |\n|---|---|---|---|---|")
    for name, (wanted, _) in (CHEATS | TIMED | {name: ("", run) for name, run in HONEST.items()}).items():
        if name in counts:
            show(name, wanted, counts[name], asked.details)


def show(name: str, wanted: str, count: Count, details: bool) -> None:
    """One row of the table."""
    others = collections.Counter(cheat for cheat, _, _ in count.others)
    told = ", ".join(f"{cheat} {number}" for cheat, number in others.items()) or "none"
    found = f"{count.found} of {count.judged}" if wanted else ""
    untold = f"{len(count.missed) + count.found - count.judged}" if wanted else ""
    print(f"| {name} | {wanted or 'honest'} | {found} | {untold} | {told} |")
    if details:
        for line in (*(f"missed, {text}" for text in count.missed), *(": ".join(other) for other in count.others)):
            print(f"    {line}")


if __name__ == "__main__":
    main()
