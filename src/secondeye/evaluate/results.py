"""What was measured: one record for each clip and method, and how it becomes JSON and comes back.

JSON has no infinity and no NaN. A number that there is none of (an empty region, a frame that was not looked at) is
null, infinities are the texts "inf" and "-inf".
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, cast

import numpy as np

from secondeye.metrics import Region, Score, Skipped
from secondeye.metrics.cheats import Finding
from secondeye.metrics.protocols import ClipReport

Json = Any

REGIONS: tuple[Region, ...] = ("whole", "visible", "hole", "inner_hole")
"""The order in which regions are told."""


RAMP = "a ramp, since a single frame shows no parallax"
"""What stands in `ClipResult.depth` where a model that sees depth by motion had nothing to see it by."""


@dataclass(frozen=True)
class ClipResult:
    """One method's right views of one clip, measured.

    Attributes:
        dataset, clip, method: names.
        size: width and height in px.
        frame_count: frames measured.
        seconds: wall time of making and measuring.
        depth: in words, where the disparity came from.
        holes: in words, where the hole masks came from, or why there is none.
        unknown_share: of the true disparity; None where it was not used.
        protocols: scores by protocol.
        frames: by protocol, the numbers of the frames that it looked at.
        cheats: one finding for each cheat.
        key: of the work files that keep it.
        pictures: what the pictures beside it show.
    """

    dataset: str
    clip: str
    method: str
    size: tuple[int, int]
    frame_count: int
    seconds: float
    depth: str
    holes: str
    unknown_share: float | None
    protocols: Mapping[str, ClipReport]
    frames: Mapping[str, tuple[int, ...]]
    cheats: tuple[Finding, ...]
    key: str = ""
    pictures: tuple[str, ...] = ()


@dataclass(frozen=True)
class Missing:
    """What could not be measured, and why. Empty names mean: of all of them."""

    reason: str
    what: str = ""
    dataset: str = ""
    clip: str = ""
    method: str = ""
    exit_code: int = 2


def in_order(report: ClipReport) -> ClipReport:
    """A report whose regions stand in their order, which meters do not promise."""
    return {
        label: scores if isinstance(scores, Skipped) else {r: scores[r] for r in REGIONS if r in scores}
        for label, scores in report.items()
    }


def plain(value: float) -> Json:
    """A number as JSON can hold it."""
    if math.isnan(value):
        return None
    return value if math.isfinite(value) else ("inf" if value > 0 else "-inf")


def number(value: Json) -> float:
    """What `plain` undoes."""
    return math.nan if value is None else float(value)


def to_json(result: ClipResult) -> dict[str, Json]:
    """A record as JSON."""
    content = {name: getattr(result, name) for name in result.__dataclass_fields__}
    content["protocols"] = {name: _report_to_json(report) for name, report in result.protocols.items()}
    content["cheats"] = [finding_to_json(finding) for finding in result.cheats]
    return content


def from_json(content: Mapping[str, Json]) -> ClipResult:
    """A record from JSON.

    Raises:
        KeyError, TypeError, ValueError: it is not one of ours.
    """
    named = {name: content[name] for name in ClipResult.__dataclass_fields__}
    named |= {"size": tuple(content["size"]), "pictures": tuple(content["pictures"])}
    named["protocols"] = {name: _report_from_json(report) for name, report in content["protocols"].items()}
    named["frames"] = {name: tuple(numbers) for name, numbers in content["frames"].items()}
    named["cheats"] = tuple(_finding_from_json(finding) for finding in content["cheats"])
    return ClipResult(**named)


def finding_to_json(finding: Finding) -> dict[str, Json]:
    """A finding as JSON."""
    return asdict(finding) | {"value": plain(finding.value), "limit": plain(finding.limit)}


def _finding_from_json(content: Mapping[str, Json]) -> Finding:
    return Finding(**(dict(content) | {"value": number(content["value"]), "limit": number(content["limit"])}))


def _report_to_json(report: ClipReport) -> dict[str, Json]:
    return {
        label: {"skipped": scores.reason}
        if isinstance(scores, Skipped)
        else {region: _score_to_json(score) for region, score in scores.items()}
        for label, scores in report.items()
    }


def _report_from_json(content: Mapping[str, Json]) -> ClipReport:
    return {
        label: Skipped(scores["skipped"])
        if "skipped" in scores
        else {cast(Region, region): _score_from_json(score) for region, score in scores.items()}
        for label, scores in content.items()
    }


def _score_to_json(score: Score) -> dict[str, Json]:
    content: dict[str, Json] = {"value": plain(score.value)}
    if score.frames:
        content["frames"] = [plain(value) for value in score.frames]
    if score.sums:
        content["sums"] = [plain(value) for value in score.sums]
    if score.features is not None:
        content["features"] = [matrix.tolist() for matrix in score.features]
    return content


def _score_from_json(content: Mapping[str, Json]) -> Score:
    frames, sums = (tuple(number(value) for value in content.get(name, ())) for name in ("frames", "sums"))
    features = None
    if "features" in content:
        judged, true = (np.asarray(matrix, np.float64) for matrix in content["features"])
        features = (judged, true)
    return Score(number(content["value"]), frames, sums, features)
