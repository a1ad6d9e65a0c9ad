"""What rides along with frames, out of FFmpeg's structs: display matrix, HDR light, stereo layout, projection."""

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

from av import VideoFrame
from av.sidedata.sidedata import SideData, Type

VIEW_ID = 29
"""AV_FRAME_DATA_VIEW_ID, which PyAV's enumeration lacks."""

STEREO_TYPES = {
    0: "mono",
    1: "sbs",
    2: "tb",
    3: "frames",
    4: "checkerboard",
    5: "sbs-quincunx",
    6: "rows",
    7: "columns",
}
"""AVStereo3DType, in our words."""

PROJECTIONS = {
    0: "equirectangular",
    1: "cubemap",
    2: "equirectangular (cropped)",
    3: "half equirectangular",
    4: "rectilinear",
    5: "fisheye",
    6: "parametric immersive",
}
"""AVSphericalProjection."""

MATROSKA_STEREO = {
    "mono": "mono",
    "left_right": "sbs",
    "right_left": "sbs-right-first",
    "top_bottom": "tb",
    "bottom_top": "tb-right-first",
    "checkerboard_lr": "checkerboard",
    "checkerboard_rl": "checkerboard-right-first",
    "row_interleaved_lr": "rows",
    "row_interleaved_rl": "rows-right-first",
    "col_interleaved_lr": "columns",
    "col_interleaved_rl": "columns-right-first",
    "anaglyph_cyan_red": "anaglyph",
    "anaglyph_green_magenta": "anaglyph-green-magenta",
    "block_lr": "frames",
    "block_rl": "frames-right-first",
}
"""FFmpeg's names of Matroska's StereoMode, in our words. Right first: the right eye is left, above or earlier."""


@dataclass(frozen=True)
class MasteringDisplay:
    """The screen a film was graded on: CIE 1931 x, y of its primaries and white, luminance in cd/m2."""

    red: tuple[float, float]
    green: tuple[float, float]
    blue: tuple[float, float]
    white: tuple[float, float]
    min_luminance: float
    max_luminance: float


@dataclass(frozen=True)
class Hdr:
    """What a file says about its dynamic range.

    Attributes:
        kind: "PQ" or "HLG", None where only light levels are given.
        mastering: the grading screen.
        max_cll: brightest pixel, cd/m2.
        max_fall: brightest frame on average, cd/m2.
        has_dolby_vision: whether Dolby Vision data rides along; it is not carried on.
        has_hdr10_plus: whether HDR10+ data rides along; it is not carried on.
    """

    kind: str | None
    mastering: MasteringDisplay | None = None
    max_cll: int | None = None
    max_fall: int | None = None
    has_dolby_vision: bool = False
    has_hdr10_plus: bool = False


def side_data_of(frame: VideoFrame) -> dict[Type, bytes]:
    """A frame's side data; nothing where there is a kind that PyAV does not know, for then it gives none at all."""
    try:
        return {item.type: bytes(item) for item in cast("Iterable[SideData]", frame.side_data)}
    except ValueError:
        return {}


def is_multiview(frame: VideoFrame) -> bool:
    """Whether a frame is one of several views coded together (MV-HEVC): it then carries the number of its view."""
    try:
        return frame.side_data is None
    except ValueError as error:
        return str(error).startswith(f"{VIEW_ID} ")


def stereo_of(frame: VideoFrame, matroska_mode: str | None) -> str | None:
    """The stereo layout as signalled, or None where nothing is."""
    if is_multiview(frame):
        return "mv-hevc"
    if matroska_mode:
        return MATROSKA_STEREO.get(matroska_mode, matroska_mode)
    raw = side_data_of(frame).get(Type.STEREO3D)
    if raw is None:
        return None
    kind, flags = struct.unpack_from("=ii", raw)
    name = STEREO_TYPES.get(kind)
    return f"{name}-right-first" if name and flags & 1 and name != "mono" else name


def projection_of(data: dict[Type, bytes]) -> str | None:
    """The projection of a VR video as signalled."""
    raw = data.get(Type.SPHERICAL)
    return PROJECTIONS.get(struct.unpack_from("=i", raw)[0]) if raw else None


def hdr_of(data: dict[Type, bytes], kind: str | None) -> Hdr | None:
    """What is known of the dynamic range, or None where the video is an ordinary one."""
    light = data.get(Type.CONTENT_LIGHT_LEVEL)
    max_cll, max_fall = struct.unpack_from("=II", light) if light else (None, None)
    mastering = _mastering(data.get(Type.MASTERING_DISPLAY_METADATA))
    dolby = bool({Type.DOVI_RPU_BUFFER, Type.DOVI_METADATA} & data.keys())
    plus = Type.DYNAMIC_HDR_PLUS in data
    if not (kind or light or mastering or dolby or plus):
        return None
    return Hdr(kind, mastering, max_cll, max_fall, dolby, plus)


def _mastering(raw: bytes | None) -> MasteringDisplay | None:
    """AVMasteringDisplayMetadata: ten rationals (primaries, white, luminance), then which of them are set."""
    if raw is None:
        return None
    *numbers, has_primaries, has_luminance = struct.unpack_from("=22i", raw)
    values = [n / d if d else 0.0 for n, d in zip(numbers[::2], numbers[1::2], strict=True)]
    if not (has_primaries or has_luminance):
        return None
    red, green, blue, white = ((values[i], values[i + 1]) for i in range(0, 8, 2))
    return MasteringDisplay(red, green, blue, white, min_luminance=values[8], max_luminance=values[9])
