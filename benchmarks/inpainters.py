"""What each inpainter takes for a 1920x1080 frame, beside a plain copy of it and a stack of layers' usual holes.

Run: python -m benchmarks.inpainters
"""

import time
from collections.abc import Callable

import torch

from secondeye import inpainters
from secondeye.types import Clip, WarpedClip

HEIGHT, WIDTH, FRAMES = 1080, 1920, 2


def clip_with_holes() -> WarpedClip:
    """Two frames with about 3 % of holes, in 24 boxes' wakes and at the right border."""
    generator = torch.Generator().manual_seed(0)
    rgb = torch.rand(FRAMES, 3, HEIGHT, WIDTH, generator=generator)
    disparity = torch.zeros(FRAMES, 1, HEIGHT, WIDTH)
    hole = torch.zeros(FRAMES, 1, HEIGHT, WIDTH, dtype=torch.bool)
    for i in range(24):
        y, x = (i * 397) % 800, 100 + (i * 631) % 1500
        disparity[..., y : y + 280, x : x + 140] = 10.0 + i % 9
        hole[..., y : y + 280, x + 130 - i % 9 : x + 140] = True
    hole[..., -12:] = True
    return WarpedClip(Clip(rgb, 0, torch.arange(FRAMES)), disparity, rgb.masked_fill(hole, 0.0), hole)


def milliseconds_a_frame(work: Callable[[], object]) -> float:
    """Best of seven, after one to warm up."""
    times = []
    for _ in range(8):
        begin = time.perf_counter()
        work()
        times.append(time.perf_counter() - begin)
    return min(times[1:]) * 1000 / FRAMES


def main() -> None:
    clip = clip_with_holes()
    print(f"{WIDTH}x{HEIGHT}, {clip.hole.float().mean():.1%} holes, ms a frame")
    print(f"{'copy of the frame':24s} {milliseconds_a_frame(clip.right.clone):8.2f}")
    made = {name: inpainters.build(name) for name in inpainters.names()}
    made["stretch in place"] = inpainters.build("stretch", in_place=True)
    for name, inpainter in made.items():
        print(f"{name:24s} {milliseconds_a_frame(lambda used=inpainter: list(used.inpaint(iter([clip])))):8.2f}")


if __name__ == "__main__":
    main()
