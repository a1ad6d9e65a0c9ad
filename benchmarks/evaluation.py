"""The tables of the evaluation baselines, from a finished report.

Run: secondeye evaluate ... --out REPORT; python -m benchmarks.evaluation REPORT [REPORT ...]

Printed is the mean over the clips that have hole masks, in Markdown; for scenes, by kind too.
"""

import csv
import math
import sys
from collections.abc import Iterable
from pathlib import Path

Lines = list[dict[str, str]]

COLUMNS = {
    "PSNR": ("PSNR", "whole", 2),
    "visible": ("PSNR", "visible", 2),
    "hole": ("PSNR", "hole", 2),
    "inner hole": ("PSNR", "inner_hole", 2),
    "SSIM visible": ("SSIM", "visible", 4),
    "SSIM inner hole": ("SSIM", "inner_hole", 4),
    "flicker, hole": ("flicker", "hole", 2),
}


def mean(lines: Iterable[dict[str, str]], measure: str, region: str) -> float:
    """Over the clips that have the number."""
    values = [float(line["value"]) for line in lines if (line["measure"], line["region"]) == (measure, region)]
    values = [value for value in values if not math.isnan(value)]
    return sum(values) / len(values) if values else math.nan


def table(title: str, lines: Lines) -> None:
    """One row a method."""
    clips = len({line["clip"] for line in lines})
    titles = [name for name, (measure, region, _) in COLUMNS.items() if not math.isnan(mean(lines, measure, region))]
    print(f"\n{title}, {clips} {'clip' if clips == 1 else 'clips'}\n")
    print(f"| method | {' | '.join(titles)} |\n|---|{'---|' * len(titles)}")
    for method in dict.fromkeys(line["method"] for line in lines):
        own = [line for line in lines if line["method"] == method]
        cells = [f"{mean(own, *COLUMNS[name][:2]):.{COLUMNS[name][2]}f}" for name in titles]
        print(f"| {method} | {' | '.join(cells)} |")


def main() -> None:
    for folder in sys.argv[1:]:
        with open(Path(folder) / "clips.csv", encoding="utf-8", newline="") as file:
            lines = [line for line in csv.DictReader(file) if line["value"]]
        masked = {line["clip"] for line in lines if line["region"] == "visible"}
        lines = [line for line in lines if line["clip"] in masked]
        for dataset in dict.fromkeys(line["dataset"] for line in lines):
            own = [line for line in lines if line["dataset"] == dataset]
            table(dataset, own)
            kinds = list(dict.fromkeys(line["clip"].rpartition("-")[0] for line in own))
            for kind in kinds if dataset == "scenes" and len(kinds) > 1 else ():
                table(f"{dataset}, {kind}", [line for line in own if line["clip"].startswith(f"{kind}-")])


if __name__ == "__main__":
    main()
