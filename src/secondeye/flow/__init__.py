"""Optical flow between two frames, how far to trust it, and sampling by it.

flow (2, H, W) px: what frame a shows at (x, y), frame b shows at (x + flow[0], y + flow[1])
"""

from secondeye.flow.dense import (
    beyond_around,
    confidence,
    consistency_error,
    dis_flow,
    seen_again,
    stays_inside,
    warp_backward,
)

__all__ = [
    "beyond_around",
    "confidence",
    "consistency_error",
    "dis_flow",
    "seen_again",
    "stays_inside",
    "warp_backward",
]
