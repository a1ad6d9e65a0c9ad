"""Pictures out: one stereo frame into a PNG or JPEG, in any layout."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from secondeye.discovery import nearest
from secondeye.errors import ContractError
from secondeye.types import StereoClip
from secondeye.video.layout import compose
from secondeye.video.saving import partial_path, settle, write_errors
from secondeye.video.writer import part_paths

ENDINGS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG"}

JPEG_QUALITY = 95
"""With full chroma resolution: anaglyphs and interlaced rows live from it."""

ORIENTATION_TAG = 0x0112
"""EXIF: the frame is upright already."""


def write_still(
    path: Path, clip: StereoClip, layout: str, *, bit_depth: int = 8, source: Path | None = None
) -> tuple[Path, ...]:
    """Write the one frame of a clip; two files, name.left and name.right, for "pair".

    Args:
        path: .png or .jpg; JPEG has 8 bits whatever the source.
        clip: of one frame.
        layout: one of layout.LAYOUTS.
        bit_depth: of the source; PNG keeps more than 8 as 16.
        source: the picture whose colour profile and EXIF go along; None for neither.

    Raises:
        InputError: another ending, or a file that cannot be written.
        ResourceError: the disk is full.
        ContractError: not exactly one frame.
    """
    require_ending(path)
    if len(clip) != 1:
        raise ContractError(f"clip: expected one frame, got {len(clip)}")
    paths = part_paths(path, layout)
    for file, picture in zip(paths, compose(clip, layout), strict=True):
        partial = partial_path(file)
        with write_errors(file):
            _write(partial, picture[0], ENDINGS[path.suffix.lower()], bit_depth, source)
            settle(partial, file)
    return paths


def require_ending(path: Path) -> None:
    """Raise InputError unless pictures of that ending are written here."""
    if path.suffix.lower() not in ENDINGS:
        raise nearest("picture ending", path.suffix or path.name, ENDINGS)


def _write(path: Path, rgb: Tensor, form: str, bit_depth: int, source: Path | None) -> None:
    if form == "PNG" and bit_depth > 8:
        ok, data = cv2.imencode(".png", _codes(rgb, np.uint16)[..., ::-1])
        if not ok:
            raise ContractError(f"PNG encoder: refused {tuple(rgb.shape)}")
        path.write_bytes(data.tobytes())
        return
    extra = _carried(source)
    if form == "JPEG":
        extra |= {"quality": JPEG_QUALITY, "subsampling": 0}
    with open(path, "wb") as file:
        Image.fromarray(_codes(rgb, np.uint8)).save(file, form, **extra)


def _codes(rgb: Tensor, kind: type[np.uint8] | type[np.uint16]) -> NDArray[np.uint8 | np.uint16]:
    """(H, W, 3) integer codes of a (3, H, W) picture."""
    top = np.iinfo(kind).max
    codes: NDArray[np.uint8 | np.uint16] = (rgb.clamp(0, 1) * top).round().permute(1, 2, 0).numpy().astype(kind)
    return codes


def _carried(source: Path | None) -> dict[str, object]:
    """Colour profile and EXIF of a picture, the orientation taken out."""
    if source is None:
        return {}
    with Image.open(source) as image:
        exif = image.getexif()
        exif.pop(ORIENTATION_TAG, None)
        profile = image.info.get("icc_profile") if image.mode in ("RGB", "RGBA", "P") else None
    carried: dict[str, object] = {"exif": exif.tobytes()} if len(exif) else {}
    return {**carried, "icc_profile": profile} if profile else carried
