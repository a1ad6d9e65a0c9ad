"""Plots as numbers: places in a drawing of a fixed size, which the template turns into SVG."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 720.0, 220.0
LEFT, RIGHT, TOP, BOTTOM = 60.0, 14.0, 12.0, 28.0

MOST_POINTS = 360
"""Points of a line at most; beyond, neighbours are averaged."""

ROW_HEIGHT = 26.0


@dataclass(frozen=True)
class Tick:
    """A mark on an axis: its place in the drawing and its text."""

    at: float
    text: str


@dataclass(frozen=True)
class Line:
    """One method's line: the number of its colour, its name, and its pieces as SVG points."""

    color: int
    name: str
    pieces: tuple[str, ...]


@dataclass(frozen=True)
class LinePlot:
    """Numbers over frames."""

    lines: tuple[Line, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    label: str
    width: float = WIDTH
    height: float = HEIGHT


@dataclass(frozen=True)
class Strip:
    """One method's clips as dots on a line, and their median."""

    color: int
    name: str
    y: float
    dots: tuple[tuple[float, str], ...]
    median: float


@dataclass(frozen=True)
class StripPlot:
    """The distribution over clips."""

    strips: tuple[Strip, ...]
    x_ticks: tuple[Tick, ...]
    label: str
    height: float
    width: float = WIDTH


@dataclass(frozen=True)
class Scale:
    """Values to places along one axis."""

    low: float
    high: float
    start: float
    stop: float

    def __call__(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return round(self.start + share * (self.stop - self.start), 1)

    def ticks(self, most: int) -> tuple[Tick, ...]:
        """Round values along the axis."""
        step = round_step((self.high - self.low) / most)
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return tuple(Tick(self(i * step), f"{i * step:.6g}") for i in range(first, last + 1))


def round_step(least: float) -> float:
    """The smallest of 1, 2, 5 times a power of ten that is not below `least`."""
    power = 10.0 ** math.floor(math.log10(least))
    return next((factor * power for factor in (1, 2, 5) if factor * power >= least * (1 - 1e-9)), 10 * power)


def span_of(values: Iterable[float]) -> tuple[float, float] | None:
    """The range of the finite values, a little widened; None where there are none."""
    known = [value for value in values if math.isfinite(value)]
    if not known:
        return None
    low, high = min(known), max(known)
    margin = (high - low) * 0.06 or max(abs(high) * 0.05, 1e-3)
    return low - margin, high + margin


def line_plot(series: Mapping[str, Mapping[int, float]], colors: Mapping[str, int], label: str) -> LinePlot | None:
    """Numbers over frames.

    Args:
        series: by method, numbers by frame; gaps and infinities break the line.
        colors: the methods' colours.
        label: what is plotted.

    Returns:
        The plot; None where there are fewer than two frames.
    """
    span = span_of(value for numbers in series.values() for value in numbers.values())
    frames = [frame for numbers in series.values() for frame in numbers]
    if span is None or min(frames) == max(frames):
        return None
    x = Scale(min(frames), max(frames), LEFT, WIDTH - RIGHT)
    y = Scale(*span, HEIGHT - BOTTOM, TOP)
    lines = tuple(Line(colors[name], name, _pieces(thinned(numbers), x, y)) for name, numbers in series.items())
    whole = tuple(tick for tick in x.ticks(8) if "." not in tick.text)
    return LinePlot(lines, whole, y.ticks(5), label)


def thinned(numbers: Mapping[int, float]) -> list[tuple[float, float]]:
    """Frame and number, neighbours averaged where there are too many to see."""
    points = sorted(numbers.items())
    group = math.ceil(len(points) / MOST_POINTS)
    chunks = [points[i : i + group] for i in range(0, len(points), group)]
    return [(sum(x for x, _ in chunk) / len(chunk), sum(y for _, y in chunk) / len(chunk)) for chunk in chunks]


def _pieces(points: Sequence[tuple[float, float]], x: Scale, y: Scale) -> tuple[str, ...]:
    pieces: list[list[str]] = [[]]
    for frame, value in points:
        if math.isfinite(value):
            pieces[-1].append(f"{x(frame)},{y(value)}")
        elif pieces[-1]:
            pieces.append([])
    return tuple(" ".join(piece) for piece in pieces if piece)


def strip_plot(values: Mapping[str, Mapping[str, float]], colors: Mapping[str, int], label: str) -> StripPlot | None:
    """How the clips are spread.

    Args:
        values: by method, numbers by clip; infinities are left out.
        colors: the methods' colours.
        label: what is plotted.

    Returns:
        The plot; None where no method has two clips.
    """
    span = span_of(value for clips in values.values() for value in clips.values())
    if span is None or all(len(clips) < 2 for clips in values.values()):
        return None
    x = Scale(*span, RIGHT, WIDTH - RIGHT)
    strips: list[Strip] = []
    for name, clips in values.items():
        known = sorted((value, clip) for clip, value in clips.items() if math.isfinite(value))
        if known:
            half = len(known) // 2
            middle = known[half][0] if len(known) % 2 else (known[half - 1][0] + known[half][0]) / 2
            place = TOP + ROW_HEIGHT * (len(strips) + 0.5)
            dots = tuple((x(value), f"{clip}: {value:.4g}") for value, clip in known)
            strips.append(Strip(colors[name], name, place, dots, x(middle)))
    return StripPlot(tuple(strips), x.ticks(8), label, TOP + ROW_HEIGHT * len(strips) + BOTTOM)
