"""From clips to sets: the tables, which clips to show, which views look like cheats, and what is missing."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property

from secondeye.evaluate.results import RAMP, REGIONS, ClipResult, Missing
from secondeye.metrics import Metric, Region, Skipped, describe
from secondeye.metrics.protocols import Protocol, combine

FLAT = ("identity", "constant_shift")
"""Cheats that show by too little parallax."""


@dataclass(frozen=True)
class Column:
    """One column of a set's table."""

    protocol: str
    measure: str
    region: Region
    metric: str

    @property
    def what(self) -> Metric:
        """The metric behind it."""
        return _described(self.metric)

    @property
    def title(self) -> str:
        """What stands above the column."""
        region = "" if self.region == "whole" else f" {self.region.replace('_', ' ')}"
        return f"{self.measure}{region}"

    def text(self, row: "Row") -> str:
        """A row's number in it."""
        return number_text(row.values.get(self, math.nan), self.what.unit)


@dataclass(frozen=True)
class Row:
    """One method on one dataset: numbers by column, and how many clips each rests on."""

    dataset: str
    method: str
    clips: int
    values: Mapping[Column, float]
    counted: Mapping[Column, int]

    @property
    def key(self) -> tuple[str, str]:
        """Dataset and method."""
        return self.dataset, self.method


@dataclass(frozen=True)
class Summary:
    """Everything that a report shows."""

    protocols: Mapping[str, Protocol]
    datasets: tuple[str, ...]
    methods: tuple[str, ...]
    results: tuple[ClipResult, ...]
    missing: tuple[Missing, ...]

    def of(self, dataset: str, method: str) -> list[ClipResult]:
        """The clips of one method on one dataset, in the dataset's order."""
        return self._by_pair.get((dataset, method), [])

    @cached_property
    def _by_pair(self) -> dict[tuple[str, str], list[ClipResult]]:
        found: dict[tuple[str, str], list[ClipResult]] = {}
        for result in self.results:
            found.setdefault((result.dataset, result.method), []).append(result)
        return found

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """One row for each dataset and method of which anything was measured."""
        pairs = ((dataset, method) for dataset in self.datasets for method in self.methods)
        return tuple(self._row(dataset, method) for dataset, method in pairs if self.of(dataset, method))

    def _row(self, dataset: str, method: str) -> Row:
        clips = self.of(dataset, method)
        values: dict[Column, float] = {}
        counted: dict[Column, int] = {}
        for name, chosen in self.protocols.items():
            table = combine(chosen, [clip.protocols[name] for clip in clips])
            for measure in chosen.measures:
                scores = table[measure.label]
                if isinstance(scores, Skipped):
                    continue
                for region, value in scores.items():
                    column = Column(name, measure.label, region, measure.metric)
                    values[column] = value
                    counted[column] = sum(_has_number(clip, column) for clip in clips)
        return Row(dataset, method, len(clips), values, counted)

    def columns(self, protocol: str, dataset: str | None = None) -> list[Column]:
        """The columns of which anything was measured, in the protocol's order, regions in theirs."""
        found = {
            column
            for row in self.rows
            if dataset in (None, row.dataset)
            for column, value in row.values.items()
            if column.protocol == protocol and not math.isnan(value)
        }
        order = {measure.label: i for i, measure in enumerate(self.protocols[protocol].measures)}
        return sorted(found, key=lambda column: (order[column.measure], REGIONS.index(column.region)))

    def brief(self, protocol: str, dataset: str, room: int) -> tuple[list[Column], int]:
        """The columns for so many characters, and how many are left out: whole frames, and all regions of the first."""
        columns = self.columns(protocol, dataset)
        first = columns[0].measure if columns else ""
        chosen: list[Column] = []
        for column in columns:
            room -= max(len(column.measure), len(column.region) if column.region != "whole" else 0, 6) + 3
            if room >= 0 and (column.region == "whole" or column.measure == first):
                chosen.append(column)
        return chosen, len(columns) - len(chosen)

    def best(self, column: Column, rows: Sequence[Row]) -> list[Row]:
        """The rows that are best in a column; none where only one has a number."""
        known = [row for row in rows if not math.isnan(row.values.get(column, math.nan))]
        if len(known) < 2:
            return []
        values = [row.values[column] for row in known]
        top = max(values) if column.what.better == "higher" else min(values)
        return [row for row in known if column.text(row) == number_text(top, column.what.unit)]

    def common_count(self, column: Column, rows: Sequence[Row]) -> int | None:
        """From how many clips a column's numbers were taken, where that is the same for all rows that have one."""
        counts = {row.counted[column] for row in rows if row.counted.get(column)}
        return counts.pop() if len(counts) == 1 else None

    def cheats_text(self, row: Row) -> str:
        """In how many of a row's clips a cheat was found."""
        touched = {
            clip for dataset, method, _, clips in self.flagged() if (dataset, method) == row.key for clip in clips
        }
        return f"{len(touched)} of {row.clips}" if touched else "none"

    @cached_property
    def headline(self) -> Column | None:
        """The column by which clips are ranked: the first of the first protocol that was measured on clips."""
        for name in self.protocols:
            for column in self.columns(name):
                if any(_has_number(clip, column) for clip in self.results):
                    return column
        return None

    def value(self, clip: ClipResult, column: Column) -> float:
        """A clip's number; NaN where it has none."""
        scores = clip.protocols[column.protocol][column.measure]
        if isinstance(scores, Skipped) or column.region not in scores:
            return math.nan
        return scores[column.region].value

    def ranked(self, dataset: str) -> list[str]:
        """The dataset's clips, worst first, by the mean of the headline over the methods that have it."""
        column = self.headline
        if column is None:
            return list(dict.fromkeys(clip.clip for clip in self.results if clip.dataset == dataset))
        values: dict[str, list[float]] = {}
        for clip in self.results:
            if clip.dataset == dataset and not math.isnan(value := self.value(clip, column)):
                values.setdefault(clip.clip, []).append(value)
        sign = 1 if column.what.better == "higher" else -1
        return sorted(values, key=lambda name: sign * sum(values[name]) / len(values[name]))

    def worst_of(self, dataset: str, method: str) -> str | None:
        """The clip in which a method did worst."""
        column = self.headline
        known = [c for c in self.of(dataset, method) if column and not math.isnan(self.value(c, column))]
        if column is None or not known:
            return None
        sign = 1 if column.what.better == "higher" else -1
        return min(known, key=lambda clip: sign * self.value(clip, column)).clip

    def flagged(self) -> Iterator[tuple[str, str, str, list[str]]]:
        """Dataset, method, cheat, and the clips in which it was found."""
        found: dict[tuple[str, str, str], list[str]] = {}
        for clip in self.results:
            for finding in clip.cheats:
                if finding.flagged:
                    found.setdefault((clip.dataset, clip.method, finding.cheat), []).append(clip.clip)
        for (dataset, method, cheat), clips in found.items():
            yield dataset, method, cheat, clips

    @cached_property
    def gaps(self) -> tuple["Gap", ...]:
        """What is missing, each reason once."""
        told: dict[str, list[Missing]] = {}
        for one in (*self.missing, *self._skipped()):
            told.setdefault(one.reason, []).append(one)
        return tuple(Gap(reason, tuple(cases)) for reason, cases in told.items())

    def _skipped(self) -> Iterator[Missing]:
        for clip in self.results:
            for name, report in clip.protocols.items():
                for label, scores in report.items():
                    if isinstance(scores, Skipped):
                        reason = scores.reason.removeprefix(f"{label} ")
                        yield Missing(reason, f"{name}: {label}", clip.dataset, clip.clip, clip.method)

    def notes(self) -> Iterator[str]:
        """What people should know beside the numbers, a line each: what is missing, and what looks like a cheat."""
        yield from (gap.text() for gap in self.gaps)
        for dataset, method, cheat, clips in self.flagged():
            where = (
                f"{dataset} {clips[0]}" if len(clips) == 1 else f"{len(clips)} clips of {dataset}, such as {clips[0]}"
            )
            ramps = [clip for clip in self.of(dataset, method) if clip.clip in clips and RAMP in clip.depth]
            hint = f" (its depth is {RAMP})" if ramps and cheat in FLAT else ""
            yield f"{method} looks like a cheat, {cheat}, in {where}; the report says why{hint}"


@dataclass(frozen=True)
class Gap:
    """One reason for something missing, and where it is."""

    reason: str
    cases: tuple[Missing, ...]

    @property
    def what(self) -> str:
        """In words, what is missing; empty where whole clips are."""
        by_protocol: dict[str, list[str]] = {}
        for what in _distinct(case.what for case in self.cases if case.what):
            name, colon, label = what.partition(": ")
            by_protocol.setdefault(name, []).extend([label] if colon else [])
        return "; ".join(f"{name}: {', '.join(labels)}" if labels else name for name, labels in by_protocol.items())

    @property
    def where(self) -> str:
        """In words, where."""
        clips = _distinct(f"{case.dataset} {case.clip}" for case in self.cases if case.clip)
        methods = _distinct(case.method for case in self.cases if case.method)
        if clips:
            by = f" by {methods[0]}" if len(methods) == 1 else f" by {len(methods)} methods" if methods else ""
            return (clips[0] if len(clips) == 1 else f"{len(clips)} clips") + by
        return ", ".join(_distinct(case.dataset for case in self.cases if case.dataset))

    def text(self) -> str:
        """One line."""
        return ": ".join(part for part in (self.what, self.reason) if part) + (f" ({self.where})" if self.where else "")


@cache
def _described(metric: str) -> Metric:
    """What a metric is; asked for by every cell of every table."""
    return describe(metric)


def number_text(value: float, unit: str = "") -> str:
    """A number for people: two decimals of decibels, else four digits that count."""
    if math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    return f"{value:.2f}" if unit == "dB" or abs(value) >= 100 else f"{value:#.4g}"


def _has_number(clip: ClipResult, column: Column) -> bool:
    """Whether a clip counts in a set's number: by a value, or by what is pooled."""
    scores = clip.protocols[column.protocol][column.measure]
    if isinstance(scores, Skipped) or column.region not in scores:
        return False
    score = scores[column.region]
    return not math.isnan(score.value) or score.features is not None


def _distinct(names: Iterable[str]) -> Sequence[str]:
    return list(dict.fromkeys(names))
