"""How far the right view is from the truth, pixel by pixel."""

import numpy as np

from secondeye.errors import InputError
from secondeye.metrics import Pair
from secondeye.metrics._pixel_kernel import error_maps
from secondeye.metrics._views import F32, planes, rgb8

VARIANTS = ("float", "uint8", "uint8_wrap")


def squared(pair: Pair, variant: str) -> F32:
    """(H, W) squared error, mean over the channels, of values in 0 to 1 (0 to 255 for the uint8 variants).

    "uint8_wrap" reproduces evaluation code that subtracts uint8 pictures without a cast: the difference wraps modulo
    256 and so does its square (Mono2Stereo, utils_depth/metrics.py at 5095b9f, in use until 90f0d69 of 2026-04-28).

    Raises:
        InputError: an unknown variant.
    """
    return pair.memo.get(("squared", check(variant)), lambda: _per_pixel(pair, variant, square=True))


def absolute(pair: Pair, variant: str) -> F32:
    """(H, W) absolute error, mean over the channels; see `squared`. Unsigned differences are already absolute."""
    return pair.memo.get(("absolute", check(variant)), lambda: _per_pixel(pair, variant, square=False))


def check(variant: str) -> str:
    """The variant, if there is such.

    Raises:
        InputError: an unknown variant.
    """
    if variant not in VARIANTS:
        raise InputError(f"no error variant called '{variant}'; choose one of: {', '.join(VARIANTS)}")
    return variant


def _per_pixel(pair: Pair, variant: str, *, square: bool) -> F32:
    if variant == "float":
        return _exact(pair)[0 if square else 1]
    right, truth = rgb8(pair, "right"), rgb8(pair, "truth")
    if variant == "uint8_wrap":
        wrapped = right - truth
        return np.asarray((wrapped * wrapped if square else wrapped).mean(2, dtype=np.float32))
    exact = right.astype(np.float32) - truth.astype(np.float32)
    return np.asarray((exact * exact if square else np.abs(exact)).mean(2, dtype=np.float32))


def _exact(pair: Pair) -> tuple[F32, F32]:
    """Squared and absolute error of the values as they are."""

    def make() -> tuple[F32, F32]:
        maps = np.empty(pair.size, np.float32), np.empty(pair.size, np.float32)
        error_maps(planes(pair, "right"), planes(pair, "truth"), *maps)
        return maps

    return pair.memo.get("errors", make)


def peak(variant: str) -> float:
    """The greatest value that a channel can take."""
    return 1.0 if variant == "float" else 255.0
