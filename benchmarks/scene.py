"""How fast random worlds are rendered, at 256x192, both eyes with all truth; `scene_warp` is about how they warp.

Run: python -m benchmarks.scene

Targets: 150 stereo frames with truth a second on two cores, 3,000 on a GPU. Rates are means over random shots of all
places, so that slow and quick ones count alike.
"""

import resource
import time
from collections.abc import Iterator

import torch

from benchmarks.machine import describe
from secondeye.scene import Shot, random_shot, render

WIDTH, HEIGHT = 256, 192
FRAMES = 21
CPU_TARGET, GPU_TARGET = 150, 3000
PLACES = ("room", "yard", "layers")
SHOTS = 9


def shots() -> Iterator[tuple[str, Shot]]:
    for number in range(SHOTS):
        place = PLACES[number % len(PLACES)]
        yield f"{place} {number}", random_shot(number, place=place)


def seconds_a_frame(shot: Shot, *, truth: bool, samples: int, device: str = "cpu") -> tuple[float, float]:
    """Wall and CPU seconds, the better of two runs."""
    times = []
    for _ in range(2):
        begin, cpu = time.perf_counter(), time.process_time()
        for frames in render(shot, FRAMES, WIDTH, HEIGHT, truth=truth, samples=samples, device=device):
            assert len(frames) > 0
        if device != "cpu":
            torch.cuda.synchronize()
        times.append(((time.perf_counter() - begin) / FRAMES, (time.process_time() - cpu) / FRAMES))
    return min(wall for wall, _ in times), min(cpu for _, cpu in times)


def speed(device: str, target: float) -> None:
    begin = time.perf_counter()
    next(render(random_shot(0), 1, 16, 16, device=device))
    print(f"first call: {time.perf_counter() - begin:.1f} s (compiles, unless an earlier run's cache is there)")
    print(f"{'ms a stereo frame':18s} {'bodies':>6s} {'with truth':>11s} {'its CPU':>8s} {'pictures only':>14s}")
    walls, cpus = [], []
    for name, shot in shots():
        wall, cpu = seconds_a_frame(shot, truth=True, samples=4, device=device)
        alone, _ = seconds_a_frame(shot, truth=False, samples=4, device=device)
        print(f"{name:18s} {len(shot.world.bodies):6d} {1e3 * wall:11.1f} {1e3 * cpu:8.1f} {1e3 * alone:14.1f}")
        walls.append(wall)
        cpus.append(cpu)
    rate, ideal = len(walls) / sum(walls), torch.get_num_threads() * len(cpus) / sum(cpus)
    verdict = "reached" if rate >= target else "MISSED"
    print(f"{rate:.1f} stereo frames with truth a second (target {target:g}: {verdict})")
    if device == "cpu":
        print(f"{ideal:.1f} by CPU time, if nobody else used these cores")
        print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10:.0f} MiB")


def main() -> None:
    print(describe())
    speed("cpu", CPU_TARGET)
    if torch.cuda.is_available():
        speed("cuda", GPU_TARGET)
    else:
        print("GPU part skipped: no CUDA device here")


if __name__ == "__main__":
    main()
