"""Keypoints that two views share: SIFT, matched both ways with Lowe's ratio. No weights; sub-pixel places.

Descriptors are whole numbers below 256, so their distances are exact in float32 and come from one matrix product,
which is ten times faster than OpenCV's brute force and picks the same matches.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from secondeye.metrics import Pair, View
from secondeye.metrics._views import F32, F64, U8, Mask, grey, rgb8

FEATURES = 8000
"""Most keypoints of a view; Matchability's classical matcher takes as many."""

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
    distance = squared_distances(first.descriptors, second.descriptors)
    nearest = distance.argmin(1)
    two = np.sqrt(np.maximum(np.partition(distance, 1, axis=1)[:, :2], 0))
    mutual = distance.argmin(0)[nearest] == np.arange(count)
    found = mutual & (two[:, 0] < RATIO * two[:, 1])
    places[found] = second.xy[nearest[found]]
    return Matches(places, np.asarray(found))


def squared_distances(a: F32, b: F32) -> F32:
    """(N, M) squared distances between descriptors."""
    return np.asarray((a * a).sum(1)[:, None] + (b * b).sum(1)[None] - 2 * (a @ b.T))


def matches(pair: Pair, view: View, longest_side: int = 768) -> Matches:
    """The left view's keypoints found in another view; places in shrunk px."""
    return pair.memo_of(view).get(
        ("matches", view, longest_side),
        lambda: match(keypoints(pair, "left", longest_side), keypoints(pair, view, longest_side)),
    )
