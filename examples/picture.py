"""Make the README's picture: a rendered clip, its estimated depth, the anaglyph, and the right eye that was made.

python examples/picture.py docs/sample.png
"""

import sys
import tempfile
from pathlib import Path

import av
import numpy as np
from PIL import Image

from secondeye.cli.app import run

FRAME = 60
WIDTH = 800


def frame_of(path: Path) -> np.ndarray:
    """One frame of a video, (H, W, 3) uint8."""
    with av.open(str(path)) as container:
        for number, frame in enumerate(container.decode(video=0)):
            if number == FRAME:
                return frame.to_ndarray(format="rgb24")
    raise SystemExit(f"{path} has no frame {FRAME}")


def main(out: str) -> None:
    """Render, convert, and put four pictures into one."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        film, depth, pair = folder / "film.mp4", folder / "depth.mkv", folder / "pair.mp4"
        shared = ["--depth", "parallax", "--work-dir", str(folder / "work"), "--progress", "plain"]
        for command in (
            ["sample", str(film)],
            ["depth", str(film), str(depth), *shared],
            ["convert", str(film), str(pair), "--layout", "pair", *shared],
        ):
            if code := run(command):
                raise SystemExit(code)
        left, right = (frame_of(folder / f"pair.{eye}.mp4") for eye in ("left", "right"))
        anaglyph = np.dstack([left[..., 0], right[..., 1:]])
        grid = np.vstack([np.hstack([left, frame_of(depth)]), np.hstack([anaglyph, right])])
    picture = Image.fromarray(grid)
    height = round(WIDTH * 2 * picture.height / picture.width / 2)
    picture.resize((WIDTH, height), Image.Resampling.LANCZOS).quantize(256).save(out, optimize=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
