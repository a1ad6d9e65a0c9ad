"""Colour code points of ITU-T H.273: their names, their matrices, and what to assume where a file says nothing.

A sample becomes R'G'B' in two steps, written here as one affine map per file:

    code value  --range-->  E'Y 0..1, E'Cb and E'Cr -0.5..0.5  --matrix-->  R'G'B' 0..1
"""

from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from secondeye.types import ColorTags, VideoInfo

RGB, BT709, UNSPECIFIED, FCC, BT470BG, SMPTE170M, SMPTE240M, YCGCO, BT2020_NCL = 0, 1, 2, 4, 5, 6, 7, 8, 9
PQ, HLG = 16, 18

LUMA_WEIGHTS = {
    BT709: (0.2126, 0.0722),
    FCC: (0.30, 0.11),
    BT470BG: (0.299, 0.114),
    SMPTE170M: (0.299, 0.114),
    SMPTE240M: (0.212, 0.087),
    BT2020_NCL: (0.2627, 0.0593),
    10: (0.2627, 0.0593),  # BT.2020 constant luminance, read as if non-constant: exact on greys, near elsewhere
}
"""Kr and Kb by matrix code point (H.273, table 4)."""

MATRIX_NAMES = {
    0: "RGB",
    1: "BT.709",
    2: "unspecified",
    4: "FCC",
    5: "BT.601 (625 lines)",
    6: "BT.601 (525 lines)",
    7: "SMPTE 240M",
    8: "YCgCo",
    9: "BT.2020",
    10: "BT.2020 constant luminance",
    14: "ICtCp",
}
PRIMARIES_NAMES = {
    1: "BT.709",
    2: "unspecified",
    4: "BT.470M",
    5: "BT.601 (625 lines)",
    6: "BT.601 (525 lines)",
    7: "SMPTE 240M",
    8: "film",
    9: "BT.2020",
    10: "XYZ",
    11: "DCI-P3",
    12: "Display P3",
    22: "EBU 3213",
}
TRANSFER_NAMES = {
    1: "BT.709",
    2: "unspecified",
    4: "gamma 2.2",
    5: "gamma 2.8",
    6: "BT.601",
    7: "SMPTE 240M",
    8: "linear",
    9: "logarithmic",
    10: "logarithmic (wide)",
    11: "xvYCC",
    12: "BT.1361",
    13: "sRGB",
    14: "BT.2020 10-bit",
    15: "BT.2020 12-bit",
    16: "PQ",
    17: "SMPTE 428",
    18: "HLG",
}

Siting = Literal["left", "center", "topleft"]
"""Where a chroma sample of 4:2:0 or 4:2:2 lies between its luma samples."""


def name_of(names: dict[int, str], code: int) -> str:
    """The name of a code point, or its number where H.273 reserves it."""
    return names.get(code, f"code point {code}")


def hdr_kind(color: ColorTags) -> str | None:
    """ "PQ" or "HLG" where the transfer is one of the two, else None."""
    return {PQ: "PQ", HLG: "HLG"}.get(color.transfer)


def resolved(info: VideoInfo) -> ColorTags:
    """The tags of a source with an unspecified matrix replaced by the one that readers assume.

    BT.601 up to 576 coded lines, else BT.709; BT.2020 where the primaries or an HDR transfer say so.
    """
    lines = info.width if info.rotation_deg % 180 else info.height
    return replace(info.color, matrix=resolved_matrix(info.color, lines))


def resolved_matrix(color: ColorTags, lines: int) -> int:
    """The matrix to use for a picture of `lines` coded lines: the tag, or the usual guess where it is unspecified."""
    if color.matrix != UNSPECIFIED:
        return color.matrix
    if color.primaries == BT2020_NCL or hdr_kind(color):
        return BT2020_NCL
    return BT709 if lines > 576 else BT470BG if lines == 576 else SMPTE170M


def chroma_siting(codec: str, matrix: int) -> Siting:
    """Where the chroma samples of a codec lie when nothing is signalled, which PyAV cannot tell.

    JPEG and MPEG-1 centre them, BT.2020 video puts them at the top left (BT.2100), all else at the left.
    """
    if codec in ("mjpeg", "mpeg1video"):
        return "center"
    return "topleft" if matrix in (BT2020_NCL, 10) else "left"


def samples_to_rgb(matrix: int, *, full_range: bool, bit_depth: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The affine map from code values to R'G'B' 0..1.

    Args:
        matrix: code point; RGB means that the planes are G, B, R in this order. Unknown ones count as BT.2020.
        full_range: whether code values span the whole range.
        bit_depth: of the code values.

    Returns:
        weights: (3, 3), rows R, G, B, columns the three planes.
        offset: (3,), added to weights @ samples.

    Source: H.273, equations 20 to 51.
    """
    top = float(2**bit_depth - 1)
    unit = float(2 ** (bit_depth - 8))
    luma_scale, luma_zero = (1 / top, 0.0) if full_range else (1 / (219 * unit), 16 * unit)
    chroma_scale = 1 / top if full_range else 1 / (224 * unit)
    if matrix == RGB:
        weights = np.array([[0, 0, 1], [1, 0, 0], [0, 1, 0]], np.float64) * luma_scale
        return weights, -weights.sum(1) * luma_zero
    weights = _color_difference_matrix(matrix) * np.array([luma_scale, chroma_scale, chroma_scale])
    zero = np.array([luma_zero, 128 * unit, 128 * unit])
    return weights, -weights @ zero


def _color_difference_matrix(matrix: int) -> NDArray[np.float64]:
    """(3, 3) from luma 0..1 and chroma -0.5..0.5 to R'G'B'."""
    if matrix == YCGCO:
        return np.array([[1.0, -1.0, 1.0], [1.0, 1.0, 0.0], [1.0, -1.0, -1.0]])
    red, blue = LUMA_WEIGHTS.get(matrix, LUMA_WEIGHTS[BT2020_NCL])
    green = 1 - red - blue
    from_cb, from_cr = 2 * (1 - blue), 2 * (1 - red)
    return np.array(
        [
            [1.0, 0.0, from_cr],
            [1.0, -from_cb * blue / green, -from_cr * red / green],
            [1.0, from_cb, 0.0],
        ]
    )
