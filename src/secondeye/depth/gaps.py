"""Gaps in maps of depth or disparity."""

import numpy as np
from numpy.typing import NDArray

Map = NDArray[np.float32]


def closed_from_behind(values: Map) -> Map:
    """Close gaps with the farther of their neighbours along the row, for what one camera did not see is background.

    Args:
        values: (h, w), greater is nearer, NaN where unknown.

    Returns:
        (h, w), an unknown place the lesser of the nearest known ones left and right of it; rows without any stay NaN.
    """
    known = np.isfinite(values)
    column = np.broadcast_to(np.arange(values.shape[1]), values.shape)
    before = np.maximum.accumulate(np.where(known, column, -1), axis=1)
    after = np.minimum.accumulate(np.where(known, column, values.shape[1])[:, ::-1], axis=1)[:, ::-1]
    padded = np.pad(values, ((0, 0), (1, 1)), constant_values=np.nan)
    neighbours = (np.take_along_axis(padded, place + 1, axis=1) for place in (before, after))
    return np.asarray(np.where(known, values, np.fmin(*neighbours)), np.float32)
