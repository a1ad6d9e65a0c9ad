"""How fast the metrics are that need no weights: frames a second of a 512 x 512 clip, each alone and all together.

Run: python -m benchmarks.metrics [frames]
"""

import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np
import torch

from secondeye.evaluate.lockstep import Readers
from secondeye.metrics import Memo, Pair, cheats, describe
from secondeye.metrics.protocols import OURS, Protocol, measure_clip

SIDE = 512
SEPARATE = {"vmaf"}  # in a package of its own, and far slower


def texture(width: int, height: int, seed: int) -> np.ndarray:
    """Colours with detail at every scale, as pictures have."""
    rng = np.random.default_rng(seed)
    octaves = (cv2.resize(rng.random((max(height >> o, 2), max(width >> o, 2), 3)), (width, height)) for o in range(7))
    summed = sum(octave * 0.5 ** (6 - o) for o, octave in enumerate(octaves))
    return (summed - summed.min()) / (summed.max() - summed.min())


def clip(frame_count: int) -> Iterator[Pair]:
    """A near card before a far wall, the camera panning; the right view a little wrong, its holes a little more."""
    far, near = texture(SIDE + 4 * frame_count, SIDE, 0), texture(SIDE, SIDE, 1)
    rng = np.random.default_rng(2)
    for t in range(frame_count):
        left, right = far[:, 2 * t :][:, :SIDE].copy(), far[:, 2 * t + 3 :][:, :SIDE].copy()
        x = 60 + t % 200
        left[150:400, x : x + 180], right[150:400, x - 20 : x + 160] = (near[150:400, 100:280],) * 2
        hole = np.zeros((SIDE, SIDE), bool)
        hole[150:400, x + 160 : x + 177] = True
        judged = np.clip(right + rng.normal(0, 0.01 + 0.05 * hole[..., None], right.shape), 0, 1)
        views = (torch.from_numpy(v).permute(2, 0, 1).float().contiguous() for v in (judged, left, right))
        yield Pair(*views, hole=torch.from_numpy(hole), index=t)


METHODS = 4
"""Judged together, to see what they share."""


@dataclass(frozen=True)
class Cost:
    """Seconds on the clock and seconds of processors, of all frames."""

    wall: float
    cpu: float


def cost(chosen: Protocol, pairs: list[Pair], threads: int, methods: int = 1) -> Cost:
    """What a protocol takes for all frames by some methods in step, whose memos are new."""
    wall, cpu = time.perf_counter(), time.process_time()
    with ExitStack() as stack:
        judges = [
            stack.enter_context(Readers({"": partial(measure_clip, chosen, threads=threads)})) for _ in range(methods)
        ]
        for p in pairs:
            common = Memo()
            for judge in judges:  # the same view for all: it takes as long as another, and nothing of it is shared
                judge.give(Pair(p.right, p.left, p.truth, p.hole, index=p.index, common=common))
            for judge in judges:
                judge.settle()
        for judge in judges:
            judge.results()
    return Cost(time.perf_counter() - wall, time.process_time() - cpu)


def main() -> None:
    frame_count = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    pairs = list(clip(frame_count))
    columns = tuple(m for m in OURS.measures if not describe(m.metric).weights and m.metric not in SEPARATE)
    free = Protocol("weight-free", "benchmark", columns, by_region=True)
    cost(free, pairs[:2], 1)  # compile
    print(f"{SIDE}x{SIDE}, {frame_count} frames, with hole masks; {cv2.getNumThreads()} cores")
    for column in columns:
        alone = Protocol(column.label, "benchmark", (column,), by_region=True)
        print(f"  {column.label:12s} {1000 * cost(alone, pairs, 1).cpu / frame_count:8.2f} CPU ms a frame alone")
    for threads, methods in ((1, 1), (2, 1), (2, METHODS)):
        found, judged = cost(free, pairs, threads, methods), frame_count * methods
        print(
            f"  all together, {threads} thread{'s' * (threads > 1)}, {methods} method{'s' * (methods > 1)}:"
            f" {judged / found.wall:.1f} right views a second,"
            f" {1000 * found.cpu / judged:.1f} CPU ms each, {found.cpu / found.wall:.2f} cores busy"
        )
    report = cheats.build()
    fresh = [Pair(p.right, p.left, p.truth, p.hole, index=p.index) for p in pairs]
    begin = time.process_time()
    for pair in fresh:
        report.update(pair)
    report.finish()
    print(f"  cheats       {1000 * (time.process_time() - begin) / frame_count:8.2f} CPU ms a frame alone")


if __name__ == "__main__":
    main()
