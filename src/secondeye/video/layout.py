"""How two views become one picture.

    sbs       L R        full width each, left view on the left
    cross     R L        the same for crossed eyes
    half-sbs  l r        each view halved in width, the frame keeps its size
    tb        L over R   full height each, left view on top
    half-tb   l over r   each view halved in height
    anaglyph, anaglyph-half, anaglyph-grey   red-cyan glasses, see anaglyph.py
    interlaced           rows 0, 2, 4, ... from the left view, rows 1, 3, 5, ... from the right view
    pair                 two pictures, left and right

Each view is padded to an even size by repeating its last row and column (the halved layouts to multiples of four in
the halved direction), so that no chroma sample ever belongs to both eyes. Halving averages two pixels (a box filter),
it does not drop them.
"""

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from secondeye.discovery import nearest
from secondeye.types import StereoClip
from secondeye.video.anaglyph import ANAGLYPHS, mix

LAYOUTS = (
    "sbs",
    "half-sbs",
    "tb",
    "half-tb",
    "cross",
    "anaglyph",
    "anaglyph-half",
    "anaglyph-grey",
    "interlaced",
    "pair",
)

Content = Literal["view", "half-width", "half-height", "anaglyph", "interlaced"]


@dataclass(frozen=True)
class Region:
    """One rectangle of a packed frame, in px, and what it shows of which eye (0 left, 1 right, both where mixed)."""

    x: int
    y: int
    width: int
    height: int
    eye: int = 0
    content: Content = "view"


def require_layout(layout: str) -> None:
    """Raise InputError, with the nearest name, unless `layout` is one of LAYOUTS."""
    if layout not in LAYOUTS:
        raise nearest("layout", layout, LAYOUTS)


def regions(width: int, height: int, layout: str) -> tuple[tuple[Region, ...], ...]:
    """What each picture of a layout is made of, for views of `width` x `height` px; one tuple per picture."""
    require_layout(layout)
    w, h = _up(width, 2), _up(height, 2)
    half_w, half_h = _up(width, 4) // 2, _up(height, 4) // 2
    whole: dict[str, Content] = {**dict.fromkeys(ANAGLYPHS, "anaglyph"), "interlaced": "interlaced"}
    if layout in whole:
        return ((Region(0, 0, w, h, 0, whole[layout]),),)
    pictures: dict[str, tuple[tuple[Region, ...], ...]] = {
        "sbs": ((Region(0, 0, w, h, 0), Region(w, 0, w, h, 1)),),
        "cross": ((Region(0, 0, w, h, 1), Region(w, 0, w, h, 0)),),
        "tb": ((Region(0, 0, w, h, 0), Region(0, h, w, h, 1)),),
        "half-sbs": ((Region(0, 0, half_w, h, 0, "half-width"), Region(half_w, 0, half_w, h, 1, "half-width")),),
        "half-tb": ((Region(0, 0, w, half_h, 0, "half-height"), Region(0, half_h, w, half_h, 1, "half-height")),),
        "pair": ((Region(0, 0, w, h, 0),), (Region(0, 0, w, h, 1),)),
    }
    return pictures[layout]


def frame_size(width: int, height: int, layout: str) -> tuple[int, int]:
    """Width and height in px of the picture (of each of the two for "pair") made of views of `width` x `height` px."""
    picture = regions(width, height, layout)[0]
    return max(r.x + r.width for r in picture), max(r.y + r.height for r in picture)


def pixel_aspect(aspect: Fraction, layout: str) -> Fraction:
    """Width over height of one pixel of the packed frame as an eye shall see it: doubled or halved where views are.

    The stream itself keeps the source's pixel aspect in every layout, as TVs and headsets expect of halved frames;
    this is what a container that describes single views (Matroska) is told.
    """
    require_layout(layout)
    return aspect * {"half-sbs": Fraction(2), "half-tb": Fraction(1, 2)}.get(layout, Fraction(1))


def compose(clip: StereoClip, layout: str) -> tuple[Tensor, ...]:
    """Pack the two views of a clip, in plain torch; the readable twin of `planes.FramePainter`.

    Args:
        clip: the two views.
        layout: one of LAYOUTS.

    Returns:
        One (T, 3, H', W') tensor, 0 to 1, of the size that `frame_size` says; two for "pair".

    Raises:
        InputError: no such layout.
    """
    height, width = clip.left.size
    views = (clip.left.rgb.clamp(0, 1), clip.right.rgb.clamp(0, 1))
    pictures = []
    for picture in regions(width, height, layout):
        frame_w, frame_h = frame_size(width, height, layout)
        packed = views[0].new_zeros((len(clip), 3, frame_h, frame_w))
        for r in picture:
            packed[:, :, r.y : r.y + r.height, r.x : r.x + r.width] = _content(views, r, layout)
        pictures.append(packed)
    return tuple(pictures)


def _content(views: tuple[Tensor, Tensor], region: Region, layout: str) -> Tensor:
    """What a region shows, (T, 3, region.height, region.width)."""
    if region.content == "half-width":
        return F.avg_pool2d(_padded(views[region.eye], 2 * region.width, region.height), (1, 2))
    if region.content == "half-height":
        return F.avg_pool2d(_padded(views[region.eye], region.width, 2 * region.height), (2, 1))
    left, right = (_padded(view, region.width, region.height) for view in views)
    if region.content == "anaglyph":
        return mix(left, right, layout)
    if region.content == "interlaced":
        even = (torch.arange(region.height, device=left.device) % 2 == 0).reshape(-1, 1)
        return torch.where(even, left, right)
    return (left, right)[region.eye]


def _padded(view: Tensor, width: int, height: int) -> Tensor:
    return F.pad(view, (0, width - view.shape[3], 0, height - view.shape[2]), mode="replicate")


def _up(size: int, multiple: int) -> int:
    return -(-size // multiple) * multiple
