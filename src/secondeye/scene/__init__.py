"""Procedural stereo worlds whose truth is exact.

    world.py      bodies, materials, motions, air       bundle.py     the records that rays lie in
    camera.py     paths, the stereo rig                 meeting.py    which body each ray of a bundle meets first
    optics.py     blur, noise, exposure                 shading.py    what colours they bring back: with sunlight.py
    paint.py, prints.py, tiles.py     textures                        and gloss.py, by shapes.py and texture.py
    things.py     trees, people, houses                 kernel.py     the loops over blocks of pixels, compiled
    worlds.py     random shots                          edges.py      pixels where surfaces meet
    park.py, sound.py     the sample clip               following.py  where points are in other views, and if seen
    frames.py     the records of truth                  casting.py    kernels on all cores; lanes.py how compiled
                                                        stage.py      a world set up for the kernels
                                                        render.py     shots to frames and truth

`reference.py`, `reference_shading.py` and `reference_frames.py` do the same in plain torch, on any device.

`sample` renders the clip that the package shows itself with, `render` any shot, such as a `random_shot`.
"""

from collections.abc import Iterator

from secondeye.scene.camera import Rig
from secondeye.scene.frames import Frames, Shot, Truth
from secondeye.scene.optics import Optics
from secondeye.scene.park import shot as park
from secondeye.scene.render import render
from secondeye.scene.sound import soundtrack
from secondeye.scene.worlds import random_shot

__all__ = ["Frames", "Optics", "Rig", "Shot", "Truth", "park", "random_shot", "render", "sample", "soundtrack"]

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
