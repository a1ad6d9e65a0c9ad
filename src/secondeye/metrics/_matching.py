"""Keypoints that two views share: SIFT, matched both ways with Lowe's ratio. No weights; sub-pixel places.

Descriptors are whole numbers below 256, so their distances are exact in float32 and come from one matrix product,
which is ten times faster than OpenCV's brute force and picks the same matches.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from secondeye.compiled import njit
from secondeye.metrics import Pair, View
from secondeye.metrics._views import F32, F64, U8, Mask, grey, rgb8

FEATURES = 8000
"""Most keypoints of a view; Matchability's classical matcher takes as many."""

BLOCK = 512
"""Keypoints whose distances to all others are held at once."""

RATIO = 0.8
"""Lowe 2004, section 7.1: the nearest descriptor must be this much nearer than the next."""


@dataclass(frozen=True)
class Keypoints:
    """Places (N, 2: x, y in px), strongest first, and their descriptors (N, 128)."""

    xy: F64
    descriptors: F32


@dataclass(frozen=True)
class Matches:
    """For each keypoint of the first view its place in the second, (N, 2), and whether it has one, (N,)."""

    xy: F64
    found: Mask


def keypoints(pair: Pair, view: View, longest_side: int = 768) -> Keypoints:
    """Keypoints of a view, shrunk first where its longer side is above `longest_side`; places in shrunk px."""
    memo = pair.memo_of(view)
    return memo.get(("keypoints", view, longest_side), lambda: detect(shrunk(rgb8(pair, view), longest_side)))


def shrunk(picture: U8, longest_side: int) -> U8:
    """A picture (H, W, 3) whose longer side is at most `longest_side`."""
    scale = longest_side / max(picture.shape[:2])
    if scale >= 1:
        return picture
    height, width = (max(1, round(side * scale)) for side in picture.shape[:2])
    return np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def detect(picture: U8) -> Keypoints:
    """SIFT keypoints of a picture."""
    found, descriptors = cv2.SIFT.create(nfeatures=FEATURES).detectAndCompute(grey(picture), None)
    if descriptors is None or not found:
        return Keypoints(np.zeros((0, 2)), np.zeros((0, 128), np.float32))
    order = np.argsort([-point.response for point in found], kind="stable")
    return Keypoints(np.array([found[i].pt for i in order], np.float64), np.asarray(descriptors[order], np.float32))


def match(first: Keypoints, second: Keypoints) -> Matches:
    """Mutual nearest neighbours that pass the ratio test."""
    count = len(first.xy)
    places, found = np.full((count, 2), np.nan), np.zeros(count, bool)
    if not count or len(second.xy) < 2:
        return Matches(places, found)
    nearest, two, back = nearest_two(first.descriptors, second.descriptors)
    mutual = back[nearest] == np.arange(count)
    found = mutual & (np.sqrt(two[0]) < RATIO * np.sqrt(two[1]))
    places[found] = second.xy[nearest[found]]
    return Matches(places, np.asarray(found))


def nearest_two(a: F32, b: F32) -> tuple[NDArray[np.int64], F32, NDArray[np.int64]]:
    """The nearest descriptors, some rows at a time, for all distances together would take a quarter of a GB.

    Returns:
        Which of b (M, 128) is nearest to each of a (N, 128), the squared distances to it and to the next one, (2, N),
        and which of a is nearest to each of b; the first of equals.
    """
    nearest, back = np.zeros(len(a), np.int64), np.zeros(len(b), np.int64)
    two, least = np.full((2, len(a)), np.inf, np.float32), np.full(len(b), np.inf, np.float32)
    lengths_a, lengths_b = (a * a).sum(1), (b * b).sum(1)
    for start in range(0, len(a), BLOCK):
        products = a[start : start + BLOCK] @ b.T
        rank(products, start, lengths_a, lengths_b, nearest, two, back, least)
    return nearest, two, back


@njit(error_model="numpy")
def rank(products, start, lengths_a, lengths_b, nearest, two, back, least):  # type: ignore[no-untyped-def]
    """Take note of the distances of some rows of a, from `start` on; see `nearest_two`."""
    for i in range(products.shape[0]):
        own, line, row = lengths_a[start + i], products[i], start + i
        first, second, at = two[0, row], two[1, row], 0
        for j in range(len(line)):
            distance = own + lengths_b[j] - np.float32(2) * line[j]
            if distance < least[j]:
                least[j], back[j] = distance, row
            if distance < second:
                if distance < first:
                    first, second, at = distance, first, j
                else:
                    second = distance
        two[0, row], two[1, row], nearest[row] = first, second, at


def matches(pair: Pair, view: View, longest_side: int = 768) -> Matches:
    """The left view's keypoints found in another view; places in shrunk px."""
    return pair.memo_of(view).get(
        ("matches", view, longest_side),
        lambda: match(keypoints(pair, "left", longest_side), keypoints(pair, view, longest_side)),
    )
