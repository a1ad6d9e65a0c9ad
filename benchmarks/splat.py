"""Our splat at 1920x1080 against plain re-writes of what people use, and on a GPU against a copy.

Run: python -m benchmarks.splat

Targets on two cores: 15 times a re-write of StereoCrafter-Zero's vectorised warp, 12 times one of the four-tap
scatter_add warp of StereoCrafter's forks. On a GPU: 60 % of the copy bandwidth, counting what must be read and
written: colours and disparity once, right view and hole once.
"""

import time
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from benchmarks.machine import Timing, describe, interleaved, ratio
from secondeye.splat import splat_forward
from secondeye.splat.edges import dilate_foreground, dilate_hole

HEIGHT, WIDTH = 1080, 1920
TARGETS = {"Zero's vectorised warp": 15, "four-tap scatter_add": 12}
GPU_TARGET = 0.6


def frame(seed: int = 0) -> tuple[Tensor, Tensor]:
    """Colours and disparity of a sloping ground with forty discs and boxes before it; 2 % of the width apart."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    disparity = -18 + 14 * y / HEIGHT + 2 * np.sin(x / 150)
    for number in range(40):
        cx, cy, r = rng.uniform(0, WIDTH), rng.uniform(0, HEIGHT), rng.uniform(20, 160)
        reach = np.maximum(abs(x - cx), abs(y - cy)) if number % 2 else np.hypot(x - cx, y - cy)
        near = rng.uniform(-10, 20) + 0.02 * (x - cx)
        disparity = np.where((reach < r) & (near > disparity), near, disparity)
    rgb = torch.from_numpy(rng.random((1, 3, HEIGHT, WIDTH), dtype=np.float32))
    return rgb, torch.from_numpy(disparity.astype(np.float32))[None, None].clamp(-19.2, 19.2)


def zero_vectorised(rgb: Tensor, disparity: Tensor) -> tuple[Tensor, Tensor]:
    """A re-write of StereoCrafter-Zero's warp: sort the targets, keep the last that lands on each."""
    frames, _, height, width = rgb.shape
    batch = torch.arange(frames)[:, None, None].expand(frames, height, width)
    rows = torch.arange(height)[None, :, None].expand(frames, height, width)
    columns = torch.arange(width)[None, None, :].expand(frames, height, width)
    target = columns - disparity[:, 0].long()
    inside = (target >= 0) & (target < width)
    b, y, x, to = (index[inside].flip(0) for index in (batch, rows, columns, target))
    ids = (b * height + y) * width + to
    _, last = np.unique(ids.cpu().numpy(), return_index=True)
    last = torch.from_numpy(last).to(rgb.device)
    right, mask = torch.zeros_like(rgb), torch.zeros(frames, 1, height, width)
    for image, values in ((right, rgb), (mask, torch.ones_like(mask))):
        image[b[last], :, y[last], to[last]] = values[b[last], :, y[last], x[last]]
    return right, mask == 0


def four_taps(values: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """A re-write of the forks' forward warp: four scatter_adds with an index for each channel."""
    frames, channels, height, width = values.shape
    left, top = x.floor(), y.floor()
    inside = (left >= 0) & (left + 1 < width) & (top >= 0) & (top + 1 < height)
    total = torch.zeros(frames, channels, height * width, dtype=values.dtype)
    for dx in (0, 1):
        for dy in (0, 1):
            weight = (1 - (x - left - dx).abs()) * (1 - (y - top - dy).abs()) * inside
            to = ((top + dy) * width + left + dx).long() * inside
            index = to.view(frames, 1, -1).expand(frames, channels, -1).contiguous()
            total.scatter_add_(2, index, (values * weight[:, None]).view(frames, channels, -1))
    return total.view_as(values)


def scatter_four_taps(rgb: Tensor, disparity: Tensor) -> tuple[Tensor, Tensor]:
    """StereoCrafter's splat by it: colours with weights, weights, and ones."""
    x = torch.arange(rgb.shape[3], dtype=torch.float32) - disparity[:, 0]
    y = torch.arange(rgb.shape[2], dtype=torch.float32)[None, :, None].expand_as(x)
    weight = 1.414 ** (disparity - disparity.min())
    total = four_taps(weight, x, y).clamp(min=1e-6)
    cover = four_taps(torch.ones_like(weight), x, y)
    return four_taps(rgb * weight, x, y) / total, 1 - cover.clamp(0, 1)


def check_rewrites(rgb: Tensor, disparity: Tensor) -> None:
    """They must compute what the released rules do, or the comparison would be worth nothing."""
    for rewrite, rule in ((zero_vectorised, "zero"), (scatter_four_taps, "stereocrafter")):
        torch.testing.assert_close(rewrite(rgb, disparity)[0], splat_forward(rgb, disparity, rule=rule)[0])


def on_cpu() -> None:
    rgb, disparity = frame()
    check_rewrites(rgb[..., :100, :400].contiguous(), disparity[..., :100, :400].contiguous())
    begin = time.perf_counter()
    _, hole = splat_forward(rgb[:, :, :32].contiguous(), disparity[:, :, :32].contiguous())
    print(f"first call: {time.perf_counter() - begin:.2f} s (compiles, unless an earlier run's cache is there)")
    noisy = disparity + 0.2 * torch.randn(disparity.shape, generator=torch.Generator().manual_seed(0))
    _, hole = splat_forward(rgb, disparity)
    quick: dict[str, Callable[[], object]] = {
        "splat_forward": lambda: splat_forward(rgb, disparity),
        "splat_forward, noisy depth": lambda: splat_forward(rgb, noisy),
        "copy of the frame": rgb.clone,
        "dilate_foreground, 2 px": lambda: dilate_foreground(disparity, 2),
        "dilate_hole, 2 px": lambda: dilate_hole(hole, 2),
    }
    slow: dict[str, Callable[[], object]] = {
        "Zero's vectorised warp": lambda: zero_vectorised(rgb, disparity),
        "four-tap scatter_add": lambda: scatter_four_taps(rgb, disparity),
    }
    times = interleaved(quick | slow, rounds=7, calls=dict.fromkeys(quick, 5))
    print(f"{WIDTH}x{HEIGHT}, {float(hole.float().mean()):.1%} holes; median and best of 7 rounds")
    for name, timing in times.items():
        print(f"{name:28s} {timing.median * 1e3:9.2f} {timing.best * 1e3:9.2f} ms")
    for name, target in TARGETS.items():
        print(_verdict(f"times as fast as {name}", ratio(times[name], times["splat_forward"]), target))


def on_gpu() -> None:
    if not torch.cuda.is_available():
        print("GPU part skipped: no CUDA device here")
        return
    rgb, disparity = (torch.cat([frame(seed)[part] for seed in range(8)]).cuda() for part in (0, 1))
    needed = 2 * rgb.numel() * 4 + disparity.numel() * 5
    source = torch.empty(needed // 2, dtype=torch.uint8, device="cuda")
    target = torch.empty_like(source)
    splat, copy = _cuda_seconds(lambda: splat_forward(rgb, disparity)), _cuda_seconds(lambda: target.copy_(source))
    print(f"8 frames: splat {splat * 1e3:.3f} ms, a copy of as many bytes {copy * 1e3:.3f} ms")
    print(_verdict("of the copy bandwidth", copy / splat, GPU_TARGET))


def _cuda_seconds(work: Callable[[], object], rounds: int = 30) -> float:
    times = []
    for number in range(rounds + 5):
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        work()
        end.record()
        torch.cuda.synchronize()
        if number >= 5:
            times.append(begin.elapsed_time(end) / 1e3)
    return Timing(tuple(times)).median


def _verdict(what: str, value: float, target: float) -> str:
    return f"{value:6.2f} {what} (target {target:g}: {'reached' if value >= target else 'MISSED'})"


def main() -> None:
    print(describe())
    on_cpu()
    on_gpu()


if __name__ == "__main__":
    main()
