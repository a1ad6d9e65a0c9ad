"""The whole job: what was asked for, clip by clip, then the report."""

import itertools
import logging
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from secondeye import datasets, metrics
from secondeye.datasets import Dataset
from secondeye.discovery import nearest
from secondeye.errors import InputError, ResourceError, SecondEyeError, WeightsError
from secondeye.evaluate import files, report
from secondeye.evaluate.clip import measure_tasks
from secondeye.evaluate.footage import KEPT_BYTES, Footage
from secondeye.evaluate.methods import methods_of
from secondeye.evaluate.results import ClipResult, Missing
from secondeye.evaluate.sets import MeasuredSet, labels_of, shared_names
from secondeye.evaluate.settings import TRUTH, EvaluateSettings
from secondeye.evaluate.summary import Summary
from secondeye.evaluate.task import Task
from secondeye.evaluate.work import Work, contents_of, facts_of, numbers_version
from secondeye.keys import key_of
from secondeye.metrics.protocols import Measure, Protocol, protocol
from secondeye.progress import Progress, ProgressCallback, StageClock

log = logging.getLogger("secondeye")

DEFAULT_PROTOCOL = "ours"

SINGLE = "metrics"
"""The name under which metrics that were asked for by name stand beside the protocols."""


@dataclass(frozen=True)
class ClipProgress(Progress):
    """Progress that says which of the clips is at work, "3 of 12", and its name and method."""

    item: str = ""
    name: str = ""


@dataclass(frozen=True)
class Evaluation:
    """What an evaluation found.

    Attributes:
        folder: where the report is.
        summary: all numbers.
        seconds: wall time of this run.
        notes: what is missing, one line each.
    """

    folder: Path
    summary: Summary
    seconds: float
    notes: tuple[str, ...] = field(default=())

    def text(self) -> str:
        """One line for people."""
        clips = len({(r.dataset, r.clip) for r in self.summary.results})
        methods = len({r.method for r in self.summary.results})
        return (
            f"{self.folder / files.HTML}  ({clips} {'clip' if clips == 1 else 'clips'},"
            f" {methods} {'method' if methods == 1 else 'methods'}, {self.seconds:.1f} s)"
        )

    def facts(self) -> dict[str, Any]:
        """The same for programs, with the sets' numbers."""
        written = {name: str(self.folder / name) for name in files.ALL}
        return {"files": written, "seconds": round(self.seconds, 3), "sets": files.sets_of(self.summary)}


def evaluate(
    dataset: str | Sequence[str],
    out: str | Path,
    *,
    overwrite: bool = False,
    progress: ProgressCallback | None = None,
    **settings: Any,
) -> Evaluation:
    """Measure how good right views are.

    Args:
        dataset: one spec or several, such as "scenes:60" or "pairs:FOLDER".
        out: folder for the report. An interrupted run with the same folder goes on where it was.
        overwrite: replace a report that is there; clips that need no measuring again are not measured again.
        progress: called with `Progress` events.
        **settings: the fields of `EvaluateSettings`; lists may be one text.

    Raises:
        InputError: a setting cannot be meant, the folder cannot be used, or nothing at all could be measured.
        WeightsError: nothing could be measured, for want of weights.
        ResourceError: memory or disk does not suffice.
    """
    unknown = set(settings) - set(EvaluateSettings.__dataclass_fields__)
    if unknown:
        raise nearest("setting", unknown.pop(), EvaluateSettings.__dataclass_fields__)
    lists = ("depth", "rule", "inpainter", "predictions", "protocols", "metrics")
    listed: dict[str, Any] = {name: _listed(settings.pop(name)) for name in lists if name in settings}
    asked = EvaluateSettings(datasets=_listed(dataset), **listed, **settings)
    return run_job(asked, Path(out), overwrite=overwrite, progress=progress)


def _listed(value: str | Sequence[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def run_job(
    settings: EvaluateSettings, out: Path, *, overwrite: bool = False, progress: ProgressCallback | None = None
) -> Evaluation:
    """`evaluate` with its settings made."""
    began = time.monotonic()
    if (out / files.JSON).exists() and not overwrite:
        raise InputError(f"{out} holds a report already; give --overwrite to replace it, or another --out")
    plan = _Plan(settings, Work(out / "work"))
    if not (any(one.videos for one in plan.sets) and plan.methods and plan.protocols):
        raise _nothing_measured(plan.summary([]))
    told = plan.tell()
    with plan.work.locked():
        summary = plan.summary(plan.measured(progress))
        if summary.results:
            files.write_tables(out, summary)
            report.write(out, summary, plan.work)
            files.write_json(out, summary, settings)
    if summary.headline is None:
        raise _nothing_measured(summary, told)
    notes = tuple(text for text in summary.notes() if text not in told)
    return Evaluation(out, summary, time.monotonic() - began, notes)


class _Plan:
    """What is there to be measured of what was asked for; what is not is noted, and the rest goes on."""

    def __init__(self, settings: EvaluateSettings, work: Work) -> None:
        self.settings, self.work = settings, work
        self.missing: list[Missing] = []
        self.protocols = self._protocols()
        self.methods, unmade = methods_of(settings)
        self.missing += unmade
        found = self._datasets()
        self.sets = self._labelled(found)
        self._shared_names = shared_names(dataset for _, dataset in found)

    def summary(self, results: Iterable[ClipResult]) -> Summary:
        """What is known once these results are there."""
        made = tuple(results)  # first, for on the way it is found out what is missing
        labels = tuple(one.label for one in self.sets)
        names = tuple(method.name for method in self.methods)
        return Summary(self.protocols, labels, names, made, tuple(self.missing))

    def tell(self) -> set[str]:
        """Say before the work what is known to be missing; returns what was said."""
        told = [gap.text() for gap in self.summary([]).gaps]
        for text in told:
            log.warning("%s", text)
        return set(told)

    def _protocols(self) -> dict[str, Protocol]:
        asked = self.settings.protocols or (() if self.settings.metrics else (DEFAULT_PROTOCOL,))
        found: dict[str, Protocol] = {}
        for name in asked:
            with _noting(self.missing, Missing("", f"protocol {name}")):
                found[name] = protocol(name)
        single: list[Measure] = []
        for name in dict.fromkeys(self.settings.metrics):
            with _noting(self.missing, Missing("", f"metric {name}")):
                single.append(Measure(metrics.describe(name).title, name))
        if single:
            found[SINGLE] = Protocol("Single metrics", "as they are without options", tuple(single), by_region=True)
        for chosen in found.values():
            for measure in chosen.measures:  # imported here, before threads ask for them
                metrics.load(measure.metric)
        return found

    def _datasets(self) -> list[tuple[str, Dataset]]:
        found: list[tuple[str, Dataset]] = []
        for spec in dict.fromkeys(self.settings.datasets):
            with _noting(self.missing, Missing("", f"dataset {spec}")):
                found.append((spec, datasets.build(spec)))
        return found

    def _labelled(self, found: Sequence[tuple[str, Dataset]]) -> list[MeasuredSet]:
        sets: list[MeasuredSet] = []
        for label, (spec, dataset) in zip(labels_of(found), found, strict=True):
            self.missing += [Missing(why, "", label, clip) for clip, why in dataset.skipped.items()]
            sets.append(MeasuredSet(label, spec, tuple(dataset.videos)[: self.settings.limit]))
        return sets

    def _tasks(self) -> Iterator[Task]:
        shared = facts_of(replace(self.settings, datasets=("",), depth=(), rule=(), inpainter=(), predictions=()))
        for name in ("limit", "metrics", "protocols"):
            del shared[name]
        weights = self._weights()
        reads_again = any(method.depth not in ("", TRUTH) for method in self.methods)
        for one in self.sets:
            contents = contents_of(datasets.folder_of(one.spec))
            for video in one.videos:
                shares_name = video.name in self._shared_names
                footage = Footage(video, self.settings.frames, KEPT_BYTES if reads_again else 0)
                data = (numbers_version(), one.spec, contents, video.name, video.size, video.frame_count)
                for method in self.methods:
                    made = (contents_of(method.folder), one.label, shares_name) if method.folder else ""
                    key = key_of(data, method, made, repr(self.protocols), weights, shared)
                    depth_key = key_of(data, method.depth, self.settings.frames)
                    yield Task(
                        dataset=one.label,
                        video=video,
                        shares_name=shares_name,
                        footage=footage,
                        method=method,
                        settings=self.settings,
                        protocols=self.protocols,
                        work=self.work,
                        key=key,
                        depth_key=depth_key,
                    )

    def _weights(self) -> list[tuple[str, int, int]]:
        """What there is of the measures' weights; once others come, clips that were taken without are not done."""
        measures = [measure for chosen in self.protocols.values() for measure in chosen.measures]
        paths = {path for measure in measures for path in metrics.files(measure.metric, **measure.options)}
        stats = ((path, path.stat()) for path in sorted(paths))
        return [(path.name, stat.st_size, stat.st_mtime_ns) for path, stat in stats]

    def measured(self, progress: ProgressCallback | None) -> Iterator[ClipResult]:
        """The results of all clips and methods: finished ones as they are, missing ones made."""
        tasks = list(self._tasks()) if self.protocols else []
        loaded = ((task, self.work.load(task.key)) for task in tasks)
        # Beside other datasets, this one may have had another label.
        finished = {task.key: replace(found, dataset=task.dataset) for task, found in loaded if found is not None}
        counts = [_frames_of(task) for task in tasks]
        total = 0 if None in counts else sum(count or 0 for count in counts)
        clips = [list(found) for _, found in itertools.groupby(tasks, lambda task: (task.dataset, task.video.name))]
        at = _Position(progress, len(clips))
        clock = StageClock("evaluate", total, sum(found.frame_count for found in finished.values()), at.tell)
        for number, clip in enumerate(clips):
            left = [task for task in clip if task.key not in finished]
            at.move(number, ", ".join([clip[0].video.name, *_briefly([task.method.name for task in left])]))
            made = dict(self._made(left, clock.advance)) if left else {}
            yield from (found for task in clip if (found := finished.get(task.key) or made.get(task.key)) is not None)
            self.work.forget_depth()
            clip[0].footage.forget()

    def _made(self, tasks: Sequence[Task], advance: Callable[[int], None]) -> Iterator[tuple[str, ClipResult]]:
        """A clip by several methods, measured and kept, by key; a note why, where it cannot be."""
        try:
            for task, outcome in measure_tasks(tasks, advance):
                if isinstance(outcome, ClipResult):
                    self.work.save(task.key, outcome)
                    yield task.key, outcome
                else:
                    about = task.dataset, task.video.name, task.method.name
                    self.missing.append(Missing(str(outcome), "", *about, outcome.exit_code))
        except (MemoryError, torch.OutOfMemoryError) as error:
            text = f"out of memory at {tasks[0].video.name}; close other programs, or measure at a smaller size"
            raise ResourceError(f"{text}; what was measured is kept") from error


class _Position:
    """Adds to each event which clip it is about."""

    def __init__(self, callback: ProgressCallback | None, total: int) -> None:
        self._callback, self._total, self._item, self._name = callback, total, "", ""

    def move(self, number: int, name: str) -> None:
        """Go on to the next clip."""
        self._item, self._name = f"{number + 1} of {self._total}", name

    def tell(self, event: Progress) -> None:
        """Pass an event on."""
        if self._callback is not None:
            self._callback(ClipProgress(**vars(event), item=self._item, name=self._name))


class _noting:  # noqa: N801  a block, and reads as one
    """A block whose foreseen failure is noted, so that the rest goes on. Full disks and memory stop the run."""

    def __init__(self, missing: list[Missing], about: Missing) -> None:
        self._missing, self._about = missing, about

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> bool:
        if not isinstance(error, SecondEyeError) or isinstance(error, ResourceError):
            return False
        self._missing.append(replace(self._about, reason=str(error), exit_code=error.exit_code))
        return True


def _briefly(methods: Sequence[str]) -> Sequence[str]:
    return methods if len(methods) < 2 else [f"{len(methods)} methods"]


def _frames_of(task: Task) -> int | None:
    known = [count for count in (task.video.frame_count, task.settings.frames) if count is not None]
    return min(known) if task.video.frame_count is not None else None


def _nothing_measured(summary: Summary, told: Collection[str] = ()) -> SecondEyeError:
    """The error for a run without a single number: the most frequent reason that has not been `told` yet, if any.

    The others are told before it.
    """
    gaps = sorted(summary.gaps, key=lambda gap: (gap.text() in told, -len(gap.cases)))
    if not gaps:
        return InputError("nothing could be measured: no clip in any dataset")
    for gap in gaps[1:]:
        if gap.text() not in told:
            log.warning("%s", gap.text())
    text = f"nothing could be measured: {gaps[0].text()}"
    wanting = all(_wants_weights(summary.protocols, case) for gap in gaps for case in gap.cases)
    return WeightsError(text) if wanting else InputError(text)


def _wants_weights(protocols: Mapping[str, Protocol], case: Missing) -> bool:
    """Whether something is missing for want of weights."""
    name, colon, label = case.what.partition(": ")
    if colon and name in protocols:
        measures = [measure for measure in protocols[name].measures if measure.label == label]
        return any(metrics.describe(measure.metric).weights for measure in measures)
    return case.exit_code == WeightsError.exit_code
