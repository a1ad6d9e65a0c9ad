"""Convert a video, or a clip that SecondEye renders itself, and say how to look at the result.

python examples/demo.py [VIDEO] [--out FOLDER]
"""

import argparse
import sys
from pathlib import Path

from secondeye.cli.app import run


def main() -> int:
    """Run the demo; returns the exit code of the first command that failed, or 0."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("video", nargs="?", type=Path)
    parser.add_argument("--out", type=Path, default=Path("demo"))
    options = parser.parse_args()

    video = options.video
    if video is None:
        video = options.out / "sample.mp4"
        code = run(["sample", str(video), "--overwrite"])
        if code:
            return code
    name = video.stem
    full = options.out / f"{name}_3D_SBS.mp4"
    glasses = options.out / f"{name}_anaglyph.mp4"
    work = ["--work-dir", str(options.out / "work"), "--depth", "parallax", "--overwrite"]
    for target, layout in ((full, "sbs"), (glasses, "anaglyph")):
        code = run(["convert", str(video), str(target), "--layout", layout, *work])
        if code:
            return code
    sys.stdout.write(
        f"\n{full}\n"
        "    side by side: open it in a headset's player (Skybox, DeoVR, 4XVR), choose 3D, side by side;\n"
        "    or on a desktop, look at the two halves with crossed eyes after --layout cross\n"
        f"{glasses}\n"
        "    the same for red-cyan glasses, in any player; it reused the depth of the first\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
