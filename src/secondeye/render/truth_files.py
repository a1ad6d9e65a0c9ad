"""What is exactly known about a rendered clip, as files: pictures for people, arrays for programs, and their key."""

import json
from dataclasses import fields
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from secondeye.errors import InputError
from secondeye.scene import Frames, Shot, Truth
from secondeye.scene.camera import focal_px, views
from secondeye.video.saving import check_writable, write_errors

KEY = "truth.json"

MEANING = {
    "left/NNNNN.png, right/NNNNN.png": "the two views, 8-bit display colours",
    "EYE_depth/NNNNN.exr": "depth along the optical axis in m, 32-bit float; infinite in the sky",
    "EYE_disparity/NNNNN.exr": "x_left - x_right in px of this eye's surface points; positive stands before the screen",
    "EYE_hole/NNNNN.png": "255 where the other eye does not see the surface in this pixel: for the right eye, what a"
    " warp of the left view cannot know; 0 elsewhere",
    "truth/NNNNN.npz": "everything: EYE_NAME for each NAME below, channels first, and EYE_projection (3, 4), which"
    " takes a world point in m to (x z, y z, z) in px",
}

NAMES = {
    "depth_m": "m along the optical axis, infinite in the sky",
    "disparity": "px, x_left - x_right",
    "vertical": "px, y_left - y_right; zero unless the cameras toe in",
    "forward": "px (right, down) to the same point in this eye's next frame",
    "backward": "px (right, down) to the same point in this eye's previous frame",
    "visible": "the other eye sees the point in this pixel; its opposite is the disocclusion",
    "visible_forward": "this eye sees the point in its next frame",
    "visible_backward": "this eye saw the point in its previous frame",
    "surface": "number of the body in this pixel, -1 in the sky",
    "matte": "false in mirrors and glass, whose colours do not move with their surface",
    "alpha": "share of the pixel that its nearest surface covers: view = alpha front + (1 - alpha) behind",
    "front": "colour of the nearest surface alone, 0 to 1",
    "front_depth_m": "m, of the nearest surface",
    "behind_depth_m": "m, of the nearest thing behind it; the same where it covers the pixel",
}


class TruthFolder:
    """Writes the truth of a clip, frame by frame, into a folder."""

    def __init__(self, folder: Path, shot: Shot, frame_rate: int, size: tuple[int, int], seed: int) -> None:
        self._folder, self._shot, self._rate, self._size, self._seed = folder, shot, frame_rate, size, seed
        with write_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
            (folder / KEY).unlink(missing_ok=True)  # where it is, the truth is whole
        self._kinds: set[str] = set()

    def write(self, number: int, frame: Frames) -> None:
        """Write one frame, whose tensors have no leading T."""
        everything: dict[str, Any] = {}
        pairs = (("left", frame.left, frame.left_truth), ("right", frame.right, frame.right_truth))
        for (eye, view, truth), projection in zip(pairs, self._projections(number), strict=True):
            assert truth is not None
            self._write_pictures(number, eye, view, truth)
            everything |= {f"{eye}_{known.name}": getattr(truth, known.name).numpy() for known in fields(truth)}
            everything[f"{eye}_projection"] = projection
        np.savez_compressed(self._place("truth", number, ".npz"), **everything)

    def finish(self, frame_count: int) -> None:
        """Write what the files mean; frames that an earlier, longer clip left go."""
        for kind in self._kinds:
            for file in (self._folder / kind).glob("[0-9]" * 5 + ".*"):
                if int(file.stem) >= frame_count:
                    file.unlink()
        rig, (width, height) = self._shot.rig, self._size
        facts = {
            "frames": frame_count,
            "frame_rate_hz": self._rate,
            "width_px": width,
            "height_px": height,
            "seed": self._seed,
            "rig": {
                "baseline_mm": rig.baseline_m * 1000,
                "convergence_m": rig.convergence_m if np.isfinite(rig.convergence_m) else "infinite",
                "toe_in": rig.toe_in,
                "focal_px": focal_px(rig, width),
            },
            "pixels": "(0, 0) is the centre of the top left pixel; x to the right, y down",
            "files": MEANING,
            "names": NAMES,
        }
        (self._folder / KEY).write_text(json.dumps(facts, indent=2) + "\n", "utf-8")

    def _projections(self, number: int) -> NDArray[np.float64]:
        """World point to pixel times depth, (2, 3, 4)."""
        times_s = np.array([number / self._rate])
        both: NDArray[np.float64] = views(self._shot.path, self._shot.rig, times_s, *self._size).projections()[0]
        return both

    def _write_pictures(self, number: int, eye: str, view: Tensor, truth: Truth) -> None:
        colours = (view.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).numpy()
        Image.fromarray(colours).save(self._place(eye, number, ".png"))
        Image.fromarray((~truth.visible[0]).byte().mul(255).numpy()).save(self._place(f"{eye}_hole", number, ".png"))
        self._place(f"{eye}_depth", number, ".exr").write_bytes(_exr(truth.depth_m[0].numpy()))
        self._place(f"{eye}_disparity", number, ".exr").write_bytes(_exr(truth.disparity[0].numpy()))

    def _place(self, kind: str, number: int, ending: str) -> Path:
        self._kinds.add(kind)
        folder = self._folder / kind
        folder.mkdir(exist_ok=True)
        return folder / f"{number:05d}{ending}"


def require_empty(folder: Path, overwrite: bool) -> None:
    """Refuse a folder that holds anything, that is a file, or that cannot be written; make it where it is not there.

    Raises:
        InputError: it does.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file; name a folder for the truth")
    with write_errors(folder):
        holds_something = folder.is_dir() and any(folder.iterdir())
    if holds_something and not overwrite:
        raise InputError(f"{folder} is not empty; give another folder for the truth, or --overwrite to write into it")
    check_writable(folder / KEY)


def _exr(values: NDArray[np.float32]) -> bytes:
    """An EXR of one channel of 32-bit floats."""
    encoder: Any = av.CodecContext.create("exr", "w")
    encoder.height, encoder.width = values.shape
    encoder.pix_fmt, encoder.time_base, encoder.options = "grayf32le", Fraction(1), {"compression": "zip1"}
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(values), format="grayf32le")
    return b"".join(bytes(packet) for packet in [*encoder.encode(frame), *encoder.encode(None)])
