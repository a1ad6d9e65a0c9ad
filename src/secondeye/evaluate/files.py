"""The report as files for programs.

    report.json   all but the numbers of single frames; JSON proper: "inf" and "-inf" are texts, null is no number
    sets.csv      dataset, method, protocol, measure, region -> value over all clips
    clips.csv     the same of each clip, and why there is none
    frames.csv    the same of each frame

The tables are long: one number a line, an empty cell where there is none, and `inf` as CSV readers know it.
"""

import csv
import json
import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import secondeye
from secondeye.evaluate.results import ClipResult, finding_to_json, plain
from secondeye.evaluate.settings import EvaluateSettings
from secondeye.evaluate.summary import Summary
from secondeye.evaluate.work import facts_of, write_text
from secondeye.metrics import Skipped
from secondeye.video.saving import whole

JSON, HTML, SETS, CLIPS, FRAMES = "report.json", "report.html", "sets.csv", "clips.csv", "frames.csv"
ALL = (HTML, JSON, SETS, CLIPS, FRAMES)

FORMAT = 1
"""Version of report.json."""

KEY = ("dataset", "method", "protocol", "measure", "region")

Line = Sequence[object]


def write_tables(out: Path, summary: Summary) -> None:
    """Write the tables."""
    _write_csv(out / SETS, (*KEY, "value", "unit", "better", "clips"), _set_lines(summary))
    _write_csv(out / CLIPS, (*KEY[:1], "clip", *KEY[1:], "value", "reason"), _clip_lines(summary))
    _write_csv(out / FRAMES, (*KEY[:1], "clip", *KEY[1:], "frame", "value"), _frame_lines(summary))


def write_json(out: Path, summary: Summary, settings: EvaluateSettings) -> None:
    """Write report.json, last of all: where it is, the report is complete."""
    content = {
        "format": FORMAT,
        "secondeye": secondeye.__version__,
        "settings": facts_of(settings),
        "protocols": {
            name: {"title": chosen.title, "source": chosen.source, "unknown": list(chosen.unknown)}
            for name, chosen in summary.protocols.items()
        },
        "sets": sets_of(summary),
        "clips": [clip_of(result) for result in summary.results],
        "missing": [{"what": gap.what, "reason": gap.reason, "where": gap.where} for gap in summary.gaps],
    }
    write_text(out / JSON, json.dumps(content, indent=1, allow_nan=False, ensure_ascii=False) + "\n")


def sets_of(summary: Summary) -> list[dict[str, Any]]:
    """The sets' numbers as JSON."""
    names = (*KEY, "value", "unit", "better", "clips")
    return [dict(zip(names, (*line[:5], plain(line[5]), *line[6:]), strict=True)) for line in _set_lines(summary)]


def clip_of(result: ClipResult) -> dict[str, Any]:
    """A clip's numbers as JSON."""
    return {
        "dataset": result.dataset,
        "clip": result.clip,
        "method": result.method,
        "size": list(result.size),
        "frames": result.frame_count,
        "seconds": result.seconds,
        "depth": result.depth,
        "holes": result.holes,
        "unknown_disparity": result.unknown_share,
        "protocols": {
            name: {
                label: {"skipped": scores.reason}
                if isinstance(scores, Skipped)
                else {region: plain(score.value) for region, score in scores.items()}
                for label, scores in report.items()
            }
            for name, report in result.protocols.items()
        },
        "cheats": [finding_to_json(finding) for finding in result.cheats],
    }


def _set_lines(summary: Summary) -> Iterator[tuple[Any, ...]]:
    for row in summary.rows:
        for column, value in row.values.items():
            key = (row.dataset, row.method, column.protocol, column.measure, column.region)
            yield (*key, value, column.what.unit, column.what.better, row.counted[column])


def _clip_lines(summary: Summary) -> Iterator[Line]:
    for clip in summary.results:
        for protocol, report in clip.protocols.items():
            for label, scores in report.items():
                key = (clip.dataset, clip.clip, clip.method, protocol, label)
                if isinstance(scores, Skipped):
                    yield (*key, "", "", scores.reason)
                    continue
                for region, score in scores.items():
                    yield (*key, region, _cell(score.value), "")
    for one in summary.missing:
        if one.clip:
            yield (one.dataset, one.clip, one.method, "", "", "", "", one.reason)


def _frame_lines(summary: Summary) -> Iterator[Line]:
    for clip in summary.results:
        for protocol, report in clip.protocols.items():
            numbers = clip.frames[protocol]
            for label, scores in report.items():
                for region, score in () if isinstance(scores, Skipped) else scores.items():
                    if len(score.frames) != len(numbers):
                        continue  # not a number a frame
                    key = (clip.dataset, clip.clip, clip.method, protocol, label, region)
                    for number, value in zip(numbers, score.frames, strict=True):
                        if not math.isnan(value):
                            yield (*key, number, _cell(value))


def _cell(value: float) -> str:
    return "" if math.isnan(value) else repr(value)


def _write_csv(path: Path, names: Sequence[str], lines: Iterable[Line]) -> None:
    with whole(path) as partial, open(partial, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(names)
        for line in lines:
            writer.writerow([_cell(cell) if isinstance(cell, float) else cell for cell in line])
