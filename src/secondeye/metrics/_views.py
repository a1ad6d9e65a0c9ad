"""What metrics derive from a frame: planes, 8-bit pictures, grey, regions. All kept in the frame's memo."""

import cv2
import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from secondeye.errors import InputError
from secondeye.metrics import Pair, Region, View
from secondeye.metrics._pixel_kernel import round8, sums_by_code

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
U8 = NDArray[np.uint8]
Mask = NDArray[np.bool_]


def view_of(pair: Pair, view: View) -> Tensor:
    """One view (3, H, W).

    Raises:
        InputError: the pair does not have it.
    """
    value: Tensor | None = getattr(pair, view)
    if value is None:
        raise InputError(f"frame {pair.index} has no {view} view, which this metric needs")
    return value


def planes(pair: Pair, view: View) -> F32:
    """A view as it is: (3, H, W) float32, 0 to 1."""
    memo = pair.memo_of(view)
    return memo.get(("planes", view), lambda: view_of(pair, view).detach().cpu().float().contiguous().numpy())


def rgb8(pair: Pair, view: View) -> U8:
    """A view as a picture file would hold it: (H, W, 3), rounded to 0 to 255."""

    def make() -> U8:
        values = planes(pair, view)
        rounded = np.empty(values.shape, np.uint8)
        round8(values, rounded)
        return np.asarray(cv2.merge(list(rounded)), np.uint8)

    return pair.memo_of(view).get(("rgb8", view), make)


def grey8(pair: Pair, view: View) -> U8:
    """Luma of a view (BT.601), (H, W), 0 to 255."""
    return pair.memo_of(view).get(("grey8", view), lambda: grey(rgb8(pair, view)))


def grey(picture: U8) -> U8:
    """Luma (BT.601) of an RGB picture (H, W, 3)."""
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), np.uint8)


def region_codes(pair: Pair) -> U8:
    """The region of each pixel, (H, W): 0 visible, 1 outer hole, 2 inner hole.

    The hole is all that the left camera did not see. Its inner parts are the 8-connected ones that touch no border of
    the frame, which an inpainter can fill from both sides.
    """

    if pair.hole is None:
        return np.zeros(pair.size, np.uint8)  # not kept: a pair that tells regions apart may share the memo
    given = pair.hole

    def make() -> U8:
        hole = view_mask(given)
        codes = hole.astype(np.uint8)
        codes[inner(hole)] = 2
        return codes

    return pair.common.get("region codes", make)


def view_mask(mask: Tensor) -> Mask:
    """A mask as an array."""
    return mask.detach().cpu().numpy().astype(bool)


def inner(hole: Mask) -> Mask:
    """The 8-connected parts of a mask that touch no border of the frame."""
    count, labels = cv2.connectedComponents(hole.astype(np.uint8), connectivity=8)
    touching = np.zeros(count, bool)
    for border in (labels[0], labels[-1], labels[:, 0], labels[:, -1]):
        touching[border] = True
    found = hole.copy()
    found[hole] = ~touching[labels[hole]]
    return found


def region_sums(pair: Pair, values: F32 | F64, codes: U8 | None = None) -> dict[Region, tuple[float, int]]:
    """Sum of (H, W) values and number of pixels, by the regions that the pair tells apart.

    Args:
        codes: of the pixels, where they are not those of `region_codes`; 3 counts for the whole only, 4 not at all.
    """
    sums, counts = np.zeros(4), np.zeros(4, np.int64)
    sums_by_code(values, region_codes(pair) if codes is None else codes, sums, counts)
    parts: dict[Region, slice] = {"whole": slice(0, 4)}
    if pair.hole is not None:
        parts |= {"visible": slice(0, 1), "hole": slice(1, 3), "inner_hole": slice(2, 3)}
    return {region: (float(sums[part].sum()), int(counts[part].sum())) for region, part in parts.items()}


def region_means(pair: Pair, values: F32 | F64, codes: U8 | None = None) -> dict[Region, float]:
    """Mean of (H, W) values by region; NaN where one is empty. See `region_sums`."""
    sums = region_sums(pair, values, codes)
    return {region: total / count if count else float("nan") for region, (total, count) in sums.items()}
