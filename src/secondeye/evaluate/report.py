"""The report for people: one HTML file that needs nothing else, neither network nor fonts nor scripts of others.

The template is `report.html`, its look `report.css`, and what moves `report.js`. Names come from users' folders, so the
template engine escapes everything that it is given.
"""

import base64
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

import secondeye
from secondeye.evaluate import files
from secondeye.evaluate.album import picture_of
from secondeye.evaluate.plots import LinePlot, StripPlot, line_plot, strip_plot
from secondeye.evaluate.results import ClipResult
from secondeye.evaluate.summary import Column, Row, Summary, number_text
from secondeye.evaluate.work import Work, write_text
from secondeye.metrics import Skipped
from secondeye.metrics.cheats import CHEATS, Finding

COLORS = 8
"""Colours that lines can be told apart by; more methods begin again."""

MOST_SHOWN = 4
"""Clips of a dataset whose pictures are shown."""

TABLE_CLIPS = 400
"""Clips of a dataset in the page's table; clips.csv has all."""

HERE = Path(__file__).parent


def write(out: Path, summary: Summary, work: Work) -> None:
    """Write report.html."""
    environment = Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = environment.get_template("report.html").render(
        style=Markup((HERE / "report.css").read_text("utf-8")),
        script=Markup((HERE / "report.js").read_text("utf-8")),
        version=secondeye.__version__,
        summary=summary,
        sets=[SetPage(summary, dataset, work) for dataset in summary.datasets],
        colors={name: number % COLORS for number, name in enumerate(summary.methods)},
        cheats=list(CHEATS),
        number=number_text,
        counted=counted,
        value_key=value_key,
        nan=math.nan,
    )
    write_text(out / files.HTML, page)


def counted(count: int, noun: str) -> str:
    """ "1 clip", "2 clips"."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def value_key(value: float) -> str:
    """What a column is sorted by; empty, and last, where there is no number."""
    return "" if math.isnan(value) else repr(value)


@dataclass(frozen=True)
class MethodShot:
    """One method's pictures of a clip."""

    result: ClipResult
    number: float
    right: str
    error: str
    slice: str


@dataclass(frozen=True)
class ClipPage:
    """One clip that is shown: why, pictures that all methods share, and each method's."""

    name: str
    why: str
    shared: dict[str, str]
    shots: tuple[MethodShot, ...]
    plot: LinePlot | None


@dataclass(frozen=True)
class SetPage:
    """What the page says of one dataset."""

    summary: Summary
    name: str
    work: Work

    @cached_property
    def results(self) -> list[ClipResult]:
        """All results on it."""
        return [result for result in self.summary.results if result.dataset == self.name]

    @property
    def rows(self) -> list[Row]:
        """The methods."""
        return [row for row in self.summary.rows if row.dataset == self.name]

    @property
    def clip_names(self) -> list[str]:
        """Its clips, worst first."""
        ranked = self.summary.ranked(self.name)
        return ranked + [name for name in dict.fromkeys(r.clip for r in self.results) if name not in set(ranked)]

    @property
    def facts(self) -> str:
        """How many, how long, how large."""
        clips = {result.clip: result for result in self.results}.values()
        frames, sizes = sum(clip.frame_count for clip in clips), {clip.size for clip in clips}
        width, height = next(iter(sizes), (0, 0))
        size = f"{width} × {height} px" if len(sizes) == 1 else f"{len(sizes)} sizes"
        return f"{counted(len(clips), 'clip')}, {counted(frames, 'frame')}, {size}"

    @property
    def origins(self) -> dict[str, dict[str, int]]:
        """Where disparity and holes came from, and in how many clips."""
        found: dict[str, dict[str, int]] = {"Hole masks": {}}
        for result in {result.clip: result for result in self.results}.values():
            _count(found["Hole masks"], result.holes)
        for result in self.results:
            # The numbers of a fit differ from clip to clip; how it was made does not.
            _count(found.setdefault(f"Disparity of {result.method}", {}), result.depth.partition(": ")[0])
        return found

    @property
    def guessed(self) -> list[tuple[str, float]]:
        """Clips of whose true disparity more than a tenth is unknown and was filled."""
        shares = {result.clip: result.unknown_share or 0.0 for result in self.results}
        return [(clip, share) for clip, share in shares.items() if share > 0.1]

    def columns(self, protocol: str) -> list[Column]:
        """The columns of a protocol's table."""
        return self.summary.columns(protocol, self.name)

    def skipped(self, protocol: str) -> dict[str, str]:
        """The protocol's measures that no clip has, and why."""
        return {
            label: scores.reason
            for result in self.results[:1]
            for label, scores in result.protocols[protocol].items()
            if isinstance(scores, Skipped)
        }

    def finding(self, row: Row, cheat: str) -> tuple[int, int, list[tuple[str, Finding]]]:
        """Of one method and cheat: clips judged, clips flagged, and the findings of those."""
        found = [
            (clip.clip, finding)
            for clip in self.summary.of(self.name, row.method)
            for finding in clip.cheats
            if finding.cheat == cheat and finding.judged
        ]
        flagged = [(clip, finding) for clip, finding in found if finding.flagged]
        return len(found), len(flagged), flagged

    @property
    def distribution(self) -> StripPlot | None:
        """The headline over clips."""
        column = self.summary.headline
        if column is None:
            return None
        values: dict[str, dict[str, float]] = {}
        for result in self.results:
            values.setdefault(result.method, {})[result.clip] = self.summary.value(result, column)
        return strip_plot(values, _colors(self.summary), _label(column))

    def clip_rows(self) -> Iterator[tuple[str, list[float]]]:
        """Each clip and the headline of each method."""
        column = self.summary.headline
        by_name = {(result.clip, result.method): result for result in self.results}
        for name in self.clip_names[:TABLE_CLIPS]:
            found = [by_name.get((name, row.method)) for row in self.rows]
            yield name, [math.nan if r is None or column is None else self.summary.value(r, column) for r in found]

    @property
    def shown(self) -> list[tuple[str, str]]:
        """The clips whose pictures are shown, and why each."""
        ranked = self.clip_names
        if len(ranked) < 2:
            return [(name, "the only clip") for name in ranked]
        reasons = {ranked[0]: ["worst of all"]}
        reasons.setdefault(ranked[len(ranked) // 2], []).append("median")
        for row in self.rows:
            worst = self.summary.worst_of(self.name, row.method)
            if worst is not None and worst != ranked[0]:
                reasons.setdefault(worst, []).append(f"worst of {row.method}")
        return [(name, ", ".join(why)) for name, why in list(reasons.items())[:MOST_SHOWN]]

    def clip_pages(self) -> Iterator[ClipPage]:
        """The clips that are shown, one at a time."""
        for name, why in self.shown:
            results = [result for result in self.results if result.clip == name]
            shared: dict[str, str] = {}
            for result in results:
                for what in ("left", "truth", "hole", "slice_truth"):
                    if what in result.pictures and what not in shared:
                        shared[what] = self._picture(result, what)
            yield ClipPage(name, why, shared, tuple(self._shot(result) for result in results), self._plot(results))

    def _shot(self, result: ClipResult) -> MethodShot:
        column = self.summary.headline
        number = math.nan if column is None else self.summary.value(result, column)
        return MethodShot(result, number, *(self._picture(result, what) for what in ("right", "error", "slice")))

    def _picture(self, result: ClipResult, what: str) -> str:
        """A picture as a data URI; empty where there is none."""
        if what not in result.pictures:
            return ""
        data = picture_of(self.work.pictures(result.key), what)
        return f"data:image/jpeg;base64,{base64.b64encode(data).decode()}"

    def _plot(self, results: list[ClipResult]) -> LinePlot | None:
        column = self.summary.headline
        series: dict[str, dict[int, float]] = {}
        for result in results if column is not None else ():
            assert column is not None
            scores = result.protocols[column.protocol][column.measure]
            if not isinstance(scores, Skipped) and column.region in scores:
                values, frames = scores[column.region].frames, result.frames[column.protocol]
                if len(values) == len(frames) and values:
                    series[result.method] = dict(zip(frames, values, strict=True))
        return line_plot(series, _colors(self.summary), f"{_label(column)} by frame") if series and column else None


def _colors(summary: Summary) -> dict[str, int]:
    return {name: number % COLORS for number, name in enumerate(summary.methods)}


def _label(column: Column) -> str:
    return f"{column.title}, {column.what.unit}" if column.what.unit else column.title


def _count(counts: dict[str, int], name: str) -> None:
    counts[name] = counts.get(name, 0) + 1
