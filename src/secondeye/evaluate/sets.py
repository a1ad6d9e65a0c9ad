"""The datasets of an evaluation, each under a label of its own, and where their clips share names."""

import itertools
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from secondeye import datasets
from secondeye.datasets import Dataset, StereoVideo, safe_name


@dataclass(frozen=True)
class MeasuredSet:
    """One dataset of an evaluation.

    Attributes:
        label: how reports and folders of predictions call it.
        spec: what the user gave.
        videos: what is measured of it.
    """

    label: str
    spec: str
    videos: tuple[StereoVideo, ...]


def labels_of(found: Sequence[tuple[str, Dataset]]) -> list[str]:
    """A label for each of the datasets, which come as spec and dataset; fit to be a folder's name.

    Its own name, or "pairs-FOLDER" where there are several of its kind, or "scenes-2" where that does not tell.
    """
    kinds = Counter(dataset.name for _, dataset in found)
    labels: list[str] = []
    for spec, dataset in found:
        label, folder = dataset.name, datasets.folder_of(spec)
        if kinds[label] > 1 and folder is not None:
            label = safe_name(f"{label}-{folder.resolve().name}")
        numbered = itertools.chain([label], (f"{label}-{number}" for number in itertools.count(2)))
        labels.append(next(name for name in numbered if name not in labels))
    return labels


def shared_names(found: Iterable[Dataset]) -> frozenset[str]:
    """The names that clips of several datasets have."""
    counts = Counter(name for dataset in found for name in {video.name for video in dataset.videos})
    return frozenset(name for name, count in counts.items() if count > 1)
