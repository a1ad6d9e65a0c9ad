"""One prediction, measured as several papers would: why the numbers of two papers cannot be compared.

Run: python -m benchmarks.protocol_spread FOLDER=SCALE [...]

A folder is a Middlebury pair: left.png, right.png and disp_left.png, whose values over SCALE are px. The left view is
splatted by the true disparity, or by 80 per cent of it as a depth model that misses the scale would have it, its holes
are stretched over, and the result is scored in each way. Printed is the mean over the folders.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from secondeye import inpainters
from secondeye.metrics import Pair, psnr
from secondeye.metrics._framing import Size, painted_white
from secondeye.splat import splat_forward
from secondeye.types import Clip, WarpedClip

Scores = dict[str, float]


def picture(path: Path) -> Tensor:
    return torch.from_numpy(np.asarray(Image.open(path).convert("RGB")).copy()).permute(2, 0, 1).float() / 255


def true_disparity(folder: Path, scale: float) -> Tensor:
    """(H, W) px; unknown pixels take the farther of their row's neighbours."""
    disparity = np.asarray(Image.open(folder / "disp_left.png")).astype(np.float32) / scale
    for row in disparity:
        known = np.flatnonzero(row > 0)
        for x in np.flatnonzero(row == 0) if known.size else ():
            i = np.searchsorted(known, x)
            row[x] = min(row[known[max(i - 1, 0)]], row[known[min(i, known.size - 1)]])
    return torch.from_numpy(disparity)


def predict(left: Tensor, disparity: Tensor) -> tuple[Tensor, Tensor]:
    """The right view and where it was filled."""
    clip, shift = Clip(left[None], 0, torch.zeros(1, dtype=torch.int64)), disparity[None, None]
    right, hole = splat_forward(left[None], shift)
    filled = next(iter(inpainters.build("stretch").inpaint(iter([WarpedClip(clip, shift, right, hole)]))))
    return filled.right.rgb[0].clamp(0, 1), hole[0, 0]


def scores(pair: Pair) -> Iterator[tuple[str, float]]:
    """PSNR in each paper's way."""
    found = psnr.frame_scores(pair)
    yield "whole frame", found["whole"]
    yield "visible only", found["visible"]
    yield "disocclusion only", found["hole"]
    yield "inner disocclusion only", found["inner_hole"]
    yield "M2SVid 'inpainted': the rest painted white", psnr.frame_scores(painted_white(pair, "hole"))["whole"]
    yield "M2SVid 'reprojected': holes painted white", psnr.frame_scores(painted_white(pair, "visible"))["whole"]
    large = Size("stretch_pil", 1280, 800).fit(pair)
    yield "Mono2Stereo 2026: at 1280 x 800, 8 bit", psnr.frame_scores(large, "uint8")["whole"]
    yield "Mono2Stereo 2025: the same, differences wrap", psnr.frame_scores(large, "uint8_wrap")["whole"]


def main() -> None:
    tables: dict[float, list[Scores]] = {1.0: [], 0.8: []}
    for argument in sys.argv[1:]:
        name, _, scale = argument.partition("=")
        left, right = (picture(Path(name) / f"{side}.png") for side in ("left", "right"))
        disparity = true_disparity(Path(name), float(scale))
        for share, rows in tables.items():
            judged, hole = predict(left, disparity * share)
            rows.append(dict(scores(Pair(judged, left, right, hole))))
    print(f"{'PSNR in dB, mean over ' + str(len(sys.argv) - 1) + ' pairs':48s} {'true':>7s} {'80 %':>7s}")
    for label in tables[1.0][0]:
        means = [np.mean([row[label] for row in rows]) for rows in tables.values()]
        print(f"{label:48s} {means[0]:7.2f} {means[1]:7.2f}")


if __name__ == "__main__":
    main()
