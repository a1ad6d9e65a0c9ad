"""What evaluation code that subtracts uint8 pictures without a cast makes of wrong views; see docs/metrics.md.

Run: python -m benchmarks.uint8_finding [FOLDER ...]

A folder holds left.png and right.png (or .jpg), as the Middlebury pairs do; its left view is then scored as if it were
the right one.
"""

import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from secondeye.metrics import Pair, psnr, siou

SIDE = 512


def view(picture: np.ndarray) -> Tensor:
    """(H, W, 3) uint8 to (3, H, W) in 0 to 1."""
    return torch.from_numpy(picture.copy()).permute(2, 0, 1).float() / 255


def made() -> dict[str, tuple[Tensor, Tensor]]:
    """Right views that are plainly wrong, and their truth."""
    rng = np.random.default_rng(0)
    noise, other = (rng.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8) for _ in range(2))
    half = noise // 2
    return {
        "noise for other noise": (view(noise), view(other)),
        "black for white": (view(np.zeros_like(noise)), view(np.full_like(noise, 255))),
        "all 16 steps too bright": (view(half + 16), view(half)),
        "all 128 steps too bright": (view(half + 128), view(half)),
        "all 3 steps too dark": (view(half + 32), view(half + 35)),
    }


def read(folder: Path) -> tuple[Tensor, Tensor]:
    """Left and right view of a folder, cut to a common height."""
    both = [next(folder.glob(f"{name}.[jp][pn]g")) for name in ("left", "right")]
    left, right = (np.asarray(Image.open(path).convert("RGB")) for path in both)
    height = min(len(left), len(right))
    return view(left[:height]), view(right[:height])


def main() -> None:
    print(f"{'judged view':44s} {'PSNR 2025':>10s} {'PSNR':>8s} {'SIoU 2025':>10s} {'2026':>6s}")
    cases = [(name, Pair(right, truth.roll(8, 2), truth)) for name, (right, truth) in made().items()]
    for folder in map(Path, sys.argv[1:]):
        left, right = read(folder)
        cases.append((f"the left view for the right: {folder.name}", Pair(left, left, right)))
    for name, pair in cases:
        wrapped, exact = (psnr.frame_scores(pair, variant)["whole"] for variant in ("uint8_wrap", "uint8"))
        old, new = (siou.of_frame(pair, variant) for variant in ("2025", "2026"))
        print(f"{name:44s} {wrapped:10.2f} {exact:8.2f} {old:10.3f} {new:6.3f}")


if __name__ == "__main__":
    main()
