"""The rule of our own splat, in words and numbers; three backends carry it out and agree.

A row of the left view is cut into surfaces: neighbours belong together unless the disparity jumps between them.
A pixel at x lands at x - disparity, so a surface lands as a stretch of the right view's row:

    left     a b c d e f g h i j       disparity 0 0 0 3 3 3 3 0 0 0
    surfaces [a b c][d e f g][h i j]
    right    [d e f g]                  each surface moved as a whole
             a b c d e f g h i j        later ones lie in front: d e f g hides a b c ...
             d e f g . . . h i j        ... and leaves a hole where it stood

**Which is in front.** If two pixels i < j land on the same spot, i - disparity_i = j - disparity_j, so the
disparity of j is greater by j - i: the later pixel is always the nearer one. Painting a row from left to right is
therefore an exact z-buffer: it needs no weights, and nothing can overflow or vanish at any range of disparity.
StereoCrafter's paper (section 3.2) has soft weights sqrt(2) ** disparity instead; they let 41 % of the hidden
background through where the foreground is 1 px nearer, 20 % at 4 px. This rule is the limit of a large base.

**Inside a surface** the right view is interpolated between the two pixels that land left and right of a column,
wherever they land: a slanted surface cannot crack, and an evenly moved one gets the taps of bilinear splatting.
The interpolation is Catmull-Rom's cubic, held to the range of its four pixels: bilinear taps blur at half pixels
(2 to 3 dB on textures of 4 px waves). Nothing is taken from beyond the ends of the surface.

**Where a surface ends** its last pixel covers, like every pixel, half a px around where it lands. So it covers the
next column in part, 1 - distance, which is its bilinear tap; that part is laid over what lies behind. Where nothing
lies behind, the column is known if more than half of it is covered, shows the surface's own colour, and is a hole
otherwise. Columns at the borders of the frame are no exception. Of several ends in one column the nearest counts.

**No ghosts.** The first pixel of a background right of a foreground is mixed of both in any real picture. It would
stand as a thin line at the far side of the hole. So its share of the foreground is estimated (where it lies between
the colours of its two neighbours) and taken out: 0.4 dB on the Middlebury pairs.

**What is one surface.** A fall of disparity tears the surface open, a rise folds it. Neighbours stay together if
the fall is at most `largest_step_px`, or up to `steepest_slope_px` if the step before or after is alike, as on a
steep slope; and if the rise is below 1 px, from where on the surface shows its back.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from secondeye.errors import ContractError


class SurfaceRule(NamedTuple):
    """The numbers of the rule, in px of disparity from one pixel to the next."""

    largest_step_px: float = 1.25
    """Falls up to here never open a hole. More than 1, so that slopes in whole-px disparity do not crack."""

    steepest_slope_px: float = 3.0
    """Falls up to here are a slope if a neighbouring fall is like them."""

    likeness: float = 1.5
    """Two falls are alike if neither is more than so many times the other."""

    faint_contrast: float = 1e-4
    """Squared difference of foreground and background, colours 0 to 1, that counts as noise when cleaning."""


def not_finite(disparity: Tensor) -> ContractError:
    """The error that all backends raise; names the first bad pixel."""
    frame, _, y, x = (int(i) for i in torch.nonzero(~torch.isfinite(disparity))[0])
    value = float(disparity[frame, 0, y, x])
    return ContractError(f"disparity: expected finite px, got {value} in frame {frame} at x {x}, y {y}")
