"""From decoded frames to float R, G, B planes: range, matrix, chroma siting and orientation, in one pass each.

Planar formats of 8 to 16 bits are read where FFmpeg left them. All others (packed, semi-planar, big-endian, palette)
go through swscale into the planar format that holds the same samples.
"""

import functools
import re
from dataclasses import dataclass

import numpy as np
from av import VideoFrame
from av.video.format import VideoFormat
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from secondeye.types import ColorTags
from secondeye.video.color import RGB, Siting, samples_to_rgb
from secondeye.video.orientation import Orientation

PLANAR = re.compile(r"(?P<family>yuvj?|yuva|gbra?|gray)(?P<ratio>4[0-4][0-4])?p?(?P<bits>9|1[0246])?(le)?")
FAMILIES = {"yuv": "yuv", "yuvj": "yuv", "yuva": "yuv", "gbr": "gbr", "gbra": "gbr", "gray": "gray"}
RATIOS = {"444": (0, 0), "422": (1, 0), "420": (1, 1), "440": (0, 1), "411": (2, 0), "410": (2, 2)}
"""Log2 of the chroma subsampling across and down, by its usual name."""


@dataclass(frozen=True)
class SampleLayout:
    """How a planar pixel format keeps its samples.

    Attributes:
        family: "yuv", "gbr" or "gray".
        shifts: log2 of the chroma subsampling, across and down.
        bit_depth: of every sample.
        has_alpha: whether a last plane holds alpha.
    """

    family: str
    shifts: tuple[int, int]
    bit_depth: int
    has_alpha: bool


@functools.cache
def planar_layout(name: str) -> SampleLayout | None:
    """The layout of a pixel format that can be read in place, else None."""
    match = PLANAR.fullmatch(name)
    if not match:
        return None
    return SampleLayout(
        FAMILIES[match["family"]], RATIOS[match["ratio"] or "444"], int(match["bits"] or 8), match["family"][3:] == "a"
    )


@functools.cache
def planar_twin(name: str) -> str:
    """The planar pixel format that holds all that format `name` does."""
    if planar_layout(name):
        return name
    form = VideoFormat(name, 16, 16)
    bits = max((part.bits for part in form.components), default=8)
    has_alpha = any(part.is_alpha for part in form.components) or form.has_palette
    if len(form.components) == 1 and not form.has_palette and not name.startswith("bayer"):
        return "gray" if bits <= 8 else f"gray{bits if bits in (9, 10, 12, 14) else 16}le"
    if form.is_rgb or form.has_palette or len(form.components) < 3 or name.startswith(("bayer", "xyz")):
        suffix = "" if bits <= 8 else f"{bits if bits in (10, 12, 14) else 16}le"
        return ("gbrap" if has_alpha else "gbrp") + suffix
    shifts = (_log2(16 // form.chroma_width(16)), _log2(16 // form.chroma_height(16)))
    ratio = {pair: ratio for ratio, pair in RATIOS.items()}[shifts]
    depth = "" if bits <= 8 else f"{bits if bits in (9, 10, 12, 16) else 16}le"
    return f"yuva{ratio}p" if has_alpha and not depth else f"yuv{'a' if has_alpha else ''}{ratio}p{depth}"


def _log2(power: int) -> int:
    return power.bit_length() - 1


def format_bit_depth(name: str) -> int:
    """Bits per channel of a pixel format, 8 to 16; float ones count as 16."""
    form = VideoFormat(name, 16, 16)
    return 8 if form.has_palette else min(max(8, *(part.bits for part in form.components)), 16)


def format_has_alpha(name: str) -> bool:
    """Whether a pixel format can be transparent."""
    form = VideoFormat(name, 16, 16)
    return form.has_palette or any(part.is_alpha for part in form.components)


class FrameConverter:
    """Makes upright colours of the frames of one stream.

    Transparent pixels are laid over black, as most players show them.

    Args:
        width: px of a coded frame; frames of other sizes are scaled to it.
        height: px of a coded frame.
        color: the stream's tags, with a matrix that is not "unspecified".
        siting: where chroma samples lie.
        orientation: how to lay the frames.
    """

    def __init__(
        self, width: int, height: int, color: ColorTags, siting: Siting = "left", orientation: Orientation | None = None
    ) -> None:
        self._size = (width, height)
        self._color = color
        self._cosited = (siting != "center", siting == "topleft")
        self._orientation = orientation or Orientation()
        self._reformatter = VideoReformatter()
        self._coded = None if self._orientation.is_upright else np.empty((3, height, width), np.float32)

    def convert(self, frame: VideoFrame, out: NDArray[np.float32]) -> None:
        """Write a frame's colours, 0 to 1, into out (3, H, W), upright and C-contiguous."""
        coded = out if self._coded is None else self._coded
        self._convert_coded(self._planar(frame), coded)
        if self._coded is not None:
            self._orientation.apply(coded, out)

    def _planar(self, frame: VideoFrame) -> VideoFrame:
        """The frame itself where it can be read in place."""
        twin = planar_twin(frame.format.name)
        if twin == frame.format.name and (frame.width, frame.height) == self._size:
            return frame
        return self._reformatter.reformat(frame, *self._size, twin, threads=1)

    def _convert_coded(self, frame: VideoFrame, out: NDArray[np.float32]) -> None:
        from secondeye.video.sample_kernel import convert_rows, darken_rows  # numba takes a second to import

        layout = planar_layout(frame.format.name)
        assert layout is not None  # _planar saw to it
        planes = [_plane_samples(frame, i, layout.bit_depth) for i in range(len(frame.planes))]
        weights, offset = self._weights(layout)
        if layout.family == "gray":
            planes = [planes[0]] * 3
        band = (0, self._size[1])
        convert_rows(tuple(planes[:3]), layout.shifts, self._cosited, weights, offset, band, out)
        if layout.has_alpha:
            darken_rows(planes[3], np.float32(1 / (2**layout.bit_depth - 1)), band, out)

    def _weights(self, layout: SampleLayout) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        matrix = RGB if layout.family == "gbr" else self._color.matrix
        full = self._color.full_range or layout.family == "gbr"
        weights, offset = samples_to_rgb(matrix, full_range=full, bit_depth=layout.bit_depth)
        if layout.family == "gray":
            weights, offset = samples_to_rgb(RGB, full_range=full, bit_depth=layout.bit_depth)
            weights = np.stack([weights.sum(1), np.zeros(3), np.zeros(3)], axis=1)
        return weights.astype(np.float32), offset.astype(np.float32)


def _plane_samples(frame: VideoFrame, index: int, bit_depth: int) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """One plane as (rows, pitch), without copying."""
    plane = frame.planes[index]
    samples = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, -1)
    return samples if bit_depth == 8 else samples.view(np.uint16)
