"""Procedural stereo worlds whose truth is exact.

    world.py      bodies, materials, motions, air            kernel.py    rays, colours, truth, compiled
    camera.py     paths, the stereo rig, rays                stage.py     a world set up for the kernels
    tiles.py      textures with their pyramids               render.py    shots to frames
    things.py     trees, people, houses                      park.py      the sample clip's world
    sound.py      its soundtrack

`sample` renders the clip that the package shows itself with, `render` any shot.
"""

from collections.abc import Iterator

from secondeye.scene.park import shot as park
from secondeye.scene.render import Frames, Shot, Truth, render
from secondeye.scene.sound import soundtrack

__all__ = ["Frames", "Shot", "Truth", "park", "render", "sample", "soundtrack"]

SAMPLE_FRAME_RATE = 24


def sample(
    frame_count: int, width: int, height: int, seed: int = 0, *, truth: bool = False, right: bool = True
) -> Iterator[Frames]:
    """The sample clip at 24 frames a second, one frame at a time, each without the leading T.

    `left` and `right` are (3, H, W); with `truth`, `left_truth` and `right_truth` say what is known about each.

    Raises:
        InputError: a count or size below 1.
    """
    shot = park(seed)
    for frames in render(
        shot, frame_count, width, height, frame_rate=SAMPLE_FRAME_RATE, samples=4, truth=truth, right=right
    ):
        for t in range(len(frames)):
            yield frames[t]
