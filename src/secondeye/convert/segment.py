"""Read this first: how the frames of one segment become stereo.

    clip -> depth -> disparity -> splat -> inpaint -> stereo clip

Stages are generators; a segment's temporal state is their local variables and dies with them.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import tee

import cv2
import numpy as np
import torch

from secondeye.convert.settings import ConvertSettings
from secondeye.depth.upsample import upsample_guided
from secondeye.geometry import StereoGeometry
from secondeye.splat import warp_to_right
from secondeye.types import Clip, DepthClip, DepthEstimator, Eyes, Inpainter, StereoClip


@dataclass(frozen=True)
class Look:
    """What the stereo shall look like: the geometry of the whole baseline, which eyes, and the edges.

    Attributes:
        edge_dilation_px: by how much foreground edges are grown where depth has the frames' size.
        enlarged_dilation_px: and where it has been enlarged.
    """

    geometry: StereoGeometry
    eyes: Eyes
    edge_dilation_px: int
    enlarged_dilation_px: int


Grown = tuple[DepthClip, int]
"""Depth at the size of its frames, and by how many px its foreground is to be grown."""


def look_of(settings: ConvertSettings, width: int) -> Look:
    """What was asked for, for frames `width` px wide."""
    dilations = (settings.edge_dilation_px(width, enlarged=enlarged) for enlarged in (False, True))
    return Look(settings.geometry, settings.eyes, *dilations)


def stereo_clips(
    clips: Iterator[Clip], estimator: DepthEstimator, inpainter: Inpainter, look: Look
) -> Iterator[StereoClip]:
    """Give every clip its second eye.

    Args:
        clips: consecutive frames of one segment.
        estimator: its inverse depth is taken as 0 to 1; scale it before.
        inpainter: makes right views; left ones are made by mirroring.
        look: geometry, eyes, edges.

    Returns:
        One stereo clip per clip.
    """
    depth_clips = (_sized(depth, look) for depth in estimator.estimate(clips))
    if look.eyes == "right":
        yield from _right_views(depth_clips, inpainter, look.geometry)
        return
    ahead, mirrored = tee(depth_clips)
    half = look.geometry.halved()
    right_of = _right_views(ahead, inpainter, half)
    left_of = _right_views(((_mirrored(depth), grown) for depth, grown in mirrored), inpainter, half)
    for right, left in zip(right_of, left_of, strict=True):
        yield StereoClip(left=replace(right.left, rgb=left.right.rgb.flip(-1)), right=right.right)


def _right_views(depth_clips: Iterator[Grown], inpainter: Inpainter, geometry: StereoGeometry) -> Iterator[StereoClip]:
    return inpainter.inpaint(warp_to_right(depth, geometry, edge_dilation_px=grown) for depth, grown in depth_clips)


def _sized(depth: DepthClip, look: Look) -> Grown:
    """The clip as it came may have smaller depth, whose edges are as uncertain as they are soft."""
    enlarged = tuple(depth.inverse_depth.shape[2:]) != depth.left.size
    return at_frame_size(depth), look.enlarged_dilation_px if enlarged else look.edge_dilation_px


def shrunk(clips: Iterator[Clip], longest_px: int | None) -> Iterator[Clip]:
    """Frames averaged down by a whole number, to no less than a long side of `longest_px`; all of them with None.

    A depth model that looks ahead holds its frames, and a film's own are too many bytes for that.
    """
    for clip in clips:
        height, width = clip.size
        factor = 1 if longest_px is None else max(1, max(height, width) // longest_px)
        if factor > 1:
            size = (max(1, round(width / factor)), max(1, round(height / factor)))
            planes = clip.rgb.reshape(-1, height, width).numpy()
            small = np.stack([cv2.resize(plane, size, interpolation=cv2.INTER_AREA) for plane in planes])
            clip = replace(clip, rgb=torch.from_numpy(small).reshape(len(clip), 3, size[1], size[0]))
        yield clip


def at_frame_size(depth: DepthClip) -> DepthClip:
    """Depth at the size of its frames, following their edges."""
    if depth.inverse_depth.shape[2:] == depth.left.rgb.shape[2:]:
        return depth
    return replace(depth, inverse_depth=upsample_guided(depth.inverse_depth, depth.left.rgb))


def _mirrored(depth: DepthClip) -> DepthClip:
    """Left and right swapped: a left eye's view of the world is a right eye's view of the mirrored one."""
    return DepthClip(replace(depth.left, rgb=depth.left.rgb.flip(-1)), depth.inverse_depth.flip(-1))
