"""What each inpainter takes for a 1920x1080 frame, beside a plain copy of it and a stack of layers' usual holes.

Run: python -m benchmarks.inpainters
"""

import time
from collections.abc import Callable, Iterator

import torch

from secondeye import inpainters
from secondeye.splat import splat_forward
from secondeye.types import Clip, WarpedClip

HEIGHT, WIDTH, FRAMES = 1080, 1920, 2

FILM_FRAMES = 24


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


def film() -> list[WarpedClip]:
    """A textured wall behind a dozen boxes at 2 % strength, all of which a camera passes that moves sideways."""
    generator = torch.Generator().manual_seed(1)
    coarse = torch.rand(14, 3, HEIGHT // 8, WIDTH // 6, generator=generator)
    wall, *boxes = torch.nn.functional.interpolate(coarse, scale_factor=8.0, mode="bicubic").clamp(0, 1)
    clips = []
    for t in range(FILM_FRAMES):
        rgb, disparity = wall[:, :, 4 * t : 4 * t + WIDTH].clone(), torch.full((1, HEIGHT, WIDTH), -19.0)
        for i, box in enumerate(boxes):
            near, y = -15.0 + 2.6 * i, (i * 397) % 700
            x = 60 + (i * 631) % 1500 - round(t * (5 + i))
            columns = slice(max(x, 0), max(x + 200, 0))
            rgb[:, y : y + 300, columns] = box[:, y : y + 300, columns]
            disparity[:, y : y + 300, columns] = near
        left = Clip(rgb[None], t, torch.tensor([t]))
        clips.append(WarpedClip(left, disparity[None], *splat_forward(left.rgb, disparity[None])))
    return clips


def milliseconds_a_frame(work: Callable[[], object], frames: int = FRAMES, rounds: int = 7) -> float:
    """Best of so many rounds, after one to warm up."""
    times = []
    for _ in range(rounds + 1):
        begin = time.perf_counter()
        work()
        times.append(time.perf_counter() - begin)
    return min(times[1:]) * 1000 / frames


def exhaust(stream: Iterator[object]) -> None:
    """Take all and keep none."""
    for _ in stream:
        pass


def main() -> None:
    clip = clip_with_holes()
    print(f"{WIDTH}x{HEIGHT}, {clip.hole.float().mean():.1%} holes, ms a frame")
    print(f"{'copy of the frame':24s} {milliseconds_a_frame(clip.right.clone):8.2f}")
    made = {name: inpainters.build(name) for name in inpainters.names()}
    made["stretch in place"] = inpainters.build("stretch", in_place=True)
    for name, inpainter in made.items():
        print(f"{name:24s} {milliseconds_a_frame(lambda used=inpainter: list(used.inpaint(iter([clip])))):8.2f}")
    clips = film()
    share = torch.stack([one.hole.float().mean() for one in clips]).mean()
    print(f"a film of {FILM_FRAMES} such frames past which a camera moves, {share:.1%} holes, ms a frame")
    for name, inpainter in made.items():
        took = milliseconds_a_frame(lambda used=inpainter: exhaust(used.inpaint(iter(clips))), FILM_FRAMES, rounds=2)
        print(f"{name:24s} {took:8.2f}")


if __name__ == "__main__":
    main()
