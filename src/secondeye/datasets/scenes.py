"""Procedural worlds whose right view, disparity and holes are exact: `scene.random_shot` by number.

    kind             camera                               things
    static           still                                still
    moving_camera    lateral, forward, orbit, turn        still
    moving_objects   still                                move

"scenes:60" is the fixed set that numbers are published on: twenty of each kind, 512 x 288, 8 frames, seed 0. Places
(room, yard, layers) and moving cameras take turns. A scene depends on its kind, its number and the seed alone, so a
smaller count gives the first of each kind of the greater one.
"""

from collections.abc import Iterator
from fractions import Fraction

import torch

from secondeye.datasets import StereoFrame, StereoVideo, VideoSet
from secondeye.discovery import nearest
from secondeye.errors import InputError
from secondeye.scene import Shot, random_shot, render

KINDS = {
    "static": ("still",),
    "moving_camera": ("lateral", "forward", "orbit", "turn"),
    "moving_objects": ("still",),
}
PLACES = ("room", "yard", "layers")
FRAME_RATE = Fraction(24)

SEEDS_A_KIND = 100_000
"""Scenes of a kind have seeds of their own in a range of this length."""


def build(
    count: int = 60,
    *,
    kind: str = "all",
    size: str = "512x288",
    frames: int = 8,
    seed: int = 0,
    samples: int = 4,
) -> VideoSet:
    """Scenes in equal parts of each kind, those of one kind after those of the other.

    Args:
        count: scenes.
        kind: "static", "moving_camera", "moving_objects", or "all".
        size: width x height of a view in px.
        frames: of each scene, 24 a second.
        seed: another one, other scenes.
        samples: rays a pixel where surfaces meet; 1 gives pixels without mixed colours.

    Raises:
        InputError: no such kind, or a number or size out of range.
    """
    if kind != "all" and kind not in KINDS:
        raise nearest("kind of scene", kind, [*KINDS, "all"])
    if count < 1 or frames < 1 or samples < 1 or seed < 0:
        given = f"count {count}, frames {frames} and samples {samples}"
        raise InputError(f"scenes: {given} must be at least 1, and seed {seed} at least 0")
    if count > SEEDS_A_KIND:
        raise InputError(f"scenes: count {count} is more than the {SEEDS_A_KIND} that a kind has seeds for")
    width_height = _size(size)
    kinds = list(KINDS) if kind == "all" else [kind]
    videos = [
        _video(chosen, number, seed, width_height, frames, samples)
        for place, chosen in enumerate(kinds)
        for number in range(len(range(place, count, len(kinds))))
    ]
    return VideoSet("scenes", tuple(videos))


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.lower().partition("x")
    if not (width.isdecimal() and height.isdecimal() and 16 <= int(width) <= 8192 and 16 <= int(height) <= 8192):
        raise InputError(f"scenes: size '{text}' is not WIDTHxHEIGHT of 16 to 8192 px, such as 512x288")
    return int(width), int(height)


def shot(kind: str, number: int, seed: int = 0) -> Shot:
    """The shot behind a scene of the set."""
    cameras = KINDS[kind]
    return random_shot(
        (seed * len(KINDS) + list(KINDS).index(kind)) * SEEDS_A_KIND + number,
        place=PLACES[number % len(PLACES)],
        camera=cameras[number % len(cameras)],
        movers=kind == "moving_objects",
    )


def _video(kind: str, number: int, seed: int, size: tuple[int, int], frames: int, samples: int) -> StereoVideo:
    return StereoVideo(
        name=f"{kind}-{number:03d}",
        size=size,
        frame_count=frames,
        frame_rate=FRAME_RATE,
        text=None,
        has_disparity=True,
        has_hole=True,
        open=lambda: _frames(kind, number, seed, size, frames, samples),
    )


def _frames(
    kind: str, number: int, seed: int, size: tuple[int, int], frames: int, samples: int
) -> Iterator[StereoFrame]:
    for group in render(shot(kind, number, seed), frames, *size, frame_rate=FRAME_RATE, samples=samples):
        assert group.left_truth is not None
        assert group.right_truth is not None
        disparity, visible = group.left_truth.disparity[:, 0], group.right_truth.visible[:, 0]
        for left, right, known, seen in zip(group.left, group.right, disparity, visible, strict=True):
            yield StereoFrame(left.clamp(0, 1), right.clamp(0, 1), known, torch.logical_not(seen))
