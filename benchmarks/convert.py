"""Whole conversions: speed against a plain transcode, frames a second by stage, and memory over length.

    python -m benchmarks.convert [speed] [stages] [memory] [--frames N]

Speeds are ratios or rates within one run; memory is the peak resident size of a process of its own.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

import secondeye
from benchmarks.machine import describe
from secondeye.progress import Progress
from secondeye.scene import sample

SIZES = {"540p": (960, 540), "720p": (1280, 720), "1080p": (1920, 1080)}
PRESET, CRF = "medium", "20"


def render(path: Path, size: tuple[int, int], frames: int) -> Path:
    """A rendered clip, played to and fro to the wanted length, scaled where rendering that large would be slow."""
    width, height = size
    world = [_to_uint8(frame.left) for frame in sample(min(frames, 24), 960, 540)]
    order = [*range(len(world)), *range(len(world) - 2, 0, -1)]
    with av.open(path, "w") as container:
        stream = container.add_stream("libx264", rate=24, options={"crf": "18", "preset": "fast"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for index in range(frames):
            frame = av.VideoFrame.from_ndarray(world[order[index % len(order)]], "rgb24")
            container.mux(stream.encode(frame.reformat(width, height, "yuv420p")))
        container.mux(stream.encode(None))
    return path


def transcode(source: Path, out: Path) -> float:
    """Decode, put the same picture twice side by side in YUV, encode; what no converter can undercut. Seconds."""
    began = time.perf_counter()
    with av.open(source) as reader, av.open(out, "w") as writer:
        given = reader.streams.video[0]
        given.thread_type = "AUTO"
        stream = writer.add_stream("libx264", rate=given.average_rate, options={"crf": CRF, "preset": PRESET})
        stream.width, stream.height, stream.pix_fmt = 2 * given.width, given.height, "yuv420p"
        for frame in reader.decode(given):
            twice = av.VideoFrame(2 * frame.width, frame.height, "yuv420p")
            for plane, target in zip(frame.planes, twice.planes, strict=True):
                pixels = np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)[:, : plane.width]
                rows = np.frombuffer(target, np.uint8).reshape(target.height, target.line_size)
                rows[:, : plane.width] = rows[:, plane.width : 2 * plane.width] = pixels
            twice.pts, twice.time_base = frame.pts, frame.time_base
            writer.mux(stream.encode(twice))
        writer.mux(stream.encode(None))
    return time.perf_counter() - began


def stage_seconds(run: Callable[[Callable[[Progress], None]], object]) -> dict[str, float]:
    """Wall seconds of each stage of a job, and of all of it."""
    marks: list[tuple[str, float]] = []
    began = time.perf_counter()

    def note(event: Progress) -> None:
        if not marks or marks[-1][0] != event.stage:
            marks.append((event.stage, time.perf_counter()))

    run(note)
    end = time.perf_counter()
    ends = [mark[1] for mark in marks[1:]] + [end]
    stages = {stage: stop - start for (stage, start), stop in zip(marks, ends, strict=True)}
    return {**stages, "all": end - began}


def warm_up(folder: Path) -> None:
    """Convert some frames, so that no kernel is compiled while others are timed."""
    small = render(folder / "warm.mp4", (640, 360), 8)  # larger than depth maps, so that they are enlarged
    secondeye.convert(small, folder / "warm_out.mp4", depth="parallax", preset=PRESET, overwrite=True)


def speed(folder: Path, frames: int) -> None:
    """The ratio of our frame rate to a plain transcode's, at 1080p with `--depth file` and `stretch`."""
    source = render(folder / "speed.mp4", SIZES["1080p"], frames)
    depth = folder / "depth.mp4"
    warm_up(folder)
    _write_depth(depth, SIZES["1080p"], frames)
    ratios = []
    for turn in range(3):
        plain = transcode(source, folder / "plain.mp4")
        ours = stage_seconds(
            lambda note, turn=turn: secondeye.convert(
                source,
                folder / f"ours{turn}.mp4",
                depth="file",
                depth_file=str(depth),
                inpainter="stretch",
                codec="h264",
                crf=float(CRF),
                preset=PRESET,
                keep_depth=False,
                progress=note,
            )
        )["all"]
        ratios.append(plain / ours)
        print(f"  plain {frames / plain:6.2f} frames a second, ours {frames / ours:6.2f}, ratio {plain / ours:.2f}")
    print(f"1080p, depth from a file, stretch: {sorted(ratios)[1]:.2f} of a plain transcode (median of 3; target 0.7)")


def stages(folder: Path, frames: int) -> None:
    """Frames a second of every stage, with the depth that ships."""
    warm_up(folder)
    print("| size | scan | depth | second eye and encode | whole |\n|---|---|---|---|---|")
    for name, size in SIZES.items():
        source = render(folder / f"{name}.mp4", size, frames)
        seconds = stage_seconds(
            lambda note, source=source, name=name: secondeye.convert(
                source, folder / f"{name}_out.mp4", depth="parallax", preset=PRESET, progress=note
            )
        )
        rates = [
            f"{frames / seconds[stage]:.1f}" if stage in seconds else "-"
            for stage in ("scan", "depth", "convert", "all")
        ]
        print(f"| {name} | {' | '.join(rates)} |")


def memory(folder: Path, frames: int) -> None:
    """Peak resident memory of converting 200 and 2,000 frames, each in a process of its own."""
    peaks = []
    for count in (200, 2000):
        source = render(folder / f"long{count}.mp4", (320, 180), count)
        command = [sys.executable, "-m", "benchmarks.convert", "child", str(source), str(folder / f"{count}_out.mp4")]
        peaks.append(int(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-1]))
        print(f"  {count} frames: peak {peaks[-1] / 1024:.0f} MiB")
    print(f"2,000 frames over 200: {peaks[1] / peaks[0] - 1:+.1%} (target within 5 %)")


def _child(source: str, out: str) -> None:
    secondeye.convert(source, out, depth="parallax", preset="ultrafast")
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def _write_depth(path: Path, size: tuple[int, int], frames: int) -> None:
    """A grey video of smooth hills that drift, as somebody's own depth would be."""
    width, height = size
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    with av.open(path, "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(24), options={"crf": "12", "preset": "fast"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for t in range(frames):
            hills = 0.5 + 0.2 * np.sin((x + 3 * t) / 97) * np.cos(y / 61) + 0.3 * (y / height - 0.5)
            hills[np.hypot(x - width * 0.4 - 2 * t, y - height * 0.6) < height / 5] = 0.9
            frame = av.VideoFrame.from_ndarray((hills * 255).clip(0, 255).astype(np.uint8), "gray")
            container.mux(stream.encode(frame.reformat(format="yuv420p")))
        container.mux(stream.encode(None))


def _to_uint8(rgb: "object") -> np.ndarray:
    return (rgb.permute(1, 2, 0).clamp(0, 1) * 255).round().byte().numpy()  # type: ignore[attr-defined]


def main() -> None:
    """Run the parts named on the command line, or all."""
    if sys.argv[1:2] == ["child"]:
        _child(*sys.argv[2:4])
        return
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", choices=["speed", "stages", "memory", []], default=[])
    parser.add_argument("--frames", type=int, default=96)
    options = parser.parse_args()
    print(describe())
    with tempfile.TemporaryDirectory() as folder:
        for part in options.parts or ["speed", "stages", "memory"]:
            {"speed": speed, "stages": stages, "memory": memory}[part](Path(folder), options.frames)


if __name__ == "__main__":
    main()
