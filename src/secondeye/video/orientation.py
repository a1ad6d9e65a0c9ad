"""Turning coded pictures upright: the eight ways to lay a picture, from a display matrix or an EXIF orientation.

upright = flip_y( flip_x( transpose( coded ) ) )        each only where its field is True
"""

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Orientation:
    """What to do with a coded picture to have it upright; `transpose` swaps x and y, before the flips."""

    transpose: bool = False
    flip_x: bool = False
    flip_y: bool = False

    @property
    def is_upright(self) -> bool:
        """Whether there is nothing to do."""
        return not (self.transpose or self.flip_x or self.flip_y)

    @property
    def rotation_deg(self) -> int:
        """Clockwise rotation, which in four of the eight a left-right mirroring precedes."""
        if self.transpose:
            return 90 if self.flip_x else 270
        return 180 if self.flip_y else 0

    def size(self, width: int, height: int) -> tuple[int, int]:
        """Width and height upright."""
        return (height, width) if self.transpose else (width, height)

    def apply(self, coded: NDArray[np.float32], out: NDArray[np.float32]) -> None:
        """Write the coded planes (C, h, w) upright into out (C, H, W), both C-contiguous."""
        import cv2  # a tenth of a second, and few files need it

        for source, target in zip(coded, out, strict=True):
            if self.transpose:
                cv2.transpose(source, dst=target)
                source = target
            if self.flip_x or self.flip_y:
                cv2.flip(source, 1 - self.flip_y if self.flip_x != self.flip_y else -1, dst=target)
            elif not self.transpose:
                target[:] = source


def from_display_matrix(matrix: bytes) -> Orientation:
    """The orientation nearest to a 3 x 3 display matrix of 32-bit numbers, as MP4 and FFmpeg keep it.

    x' = a x + c y and y' = b x + d y, with the matrix a, b, u, c, d, v, x, y, w.
    """
    a, b, _, c, d = struct.unpack_from("=5i", matrix)
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return Orientation(False, a < 0, d < 0)
    return Orientation(True, c < 0, b < 0)


def from_rotation(clockwise_deg: int) -> Orientation:
    """The orientation that turns by the multiple of 90 degrees nearest to `clockwise_deg`."""
    return {
        0: Orientation(),
        90: Orientation(True, True, False),
        180: Orientation(False, True, True),
        270: Orientation(True, False, True),
    }[round(clockwise_deg / 90) * 90 % 360]


def from_exif(code: int) -> Orientation:
    """The orientation of an EXIF tag 274; values outside 1 to 8 count as upright."""
    return {
        2: Orientation(False, True, False),
        3: Orientation(False, True, True),
        4: Orientation(False, False, True),
        5: Orientation(True, False, False),
        6: Orientation(True, True, False),
        7: Orientation(True, True, True),
        8: Orientation(True, False, True),
    }.get(code, Orientation())
