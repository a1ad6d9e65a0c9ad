"""Stereo4D: rectified perspective clips of internet VR180 videos, 512 x 512, 60 degrees wide.

    FOLDER/left_rectified/ID-left_rectified.mp4         ID is VIDEO_TIMESTAMP; both beside one another, or in folders
    FOLDER/right_rectified/ID-right_rectified.mp4       of their own, at any depth, are found as well
    FOLDER/reprojected_mask/ID.mp4                      holes, white; as M2SVid's preprocessing writes them

The clips are made by the dataset's own rectify.py from videos that everybody has to fetch; M2SVid's folders are those
above, and its `subsets/test.json` lists the 388 clips of its table. The mask is that of M2SVid's splat of estimated
disparity, not of what the cameras saw, and is the region that its protocol measures. Disparity: none is published
that is safe to read (the toolkit pickles it).

Source: Jin et al., "Stereo4D: Learning How Things Move in 3D from Internet Stereo Videos", CVPR 2025,
https://github.com/Stereo4d/stereo4d-code. Annotations CC BY 4.0; the videos belong to their makers.
"""

from pathlib import Path

from secondeye.datasets import StereoVideo, VideoSet, safe_name
from secondeye.datasets._pictures import existing_folder
from secondeye.datasets._subset import read_subset
from secondeye.datasets._videos import stereo_video
from secondeye.errors import InputError

LEFT, RIGHT = "-left_rectified.mp4", "-right_rectified.mp4"


def build(folder: Path, *, subset: str = "") -> VideoSet:
    """The clips of a folder that both eyes are there of.

    Args:
        folder: is searched.
        subset: a JSON list of clips, in the folder or anywhere, such as M2SVid's `subsets/test.json`.

    Raises:
        InputError: no such folder or subset.
    """
    lefts = _by_clip(existing_folder(folder, "stereo4d"), LEFT)
    rights = _by_clip(folder, RIGHT)
    videos: list[StereoVideo] = []
    skipped: dict[str, str] = {}
    for clip in read_subset(folder, subset) if subset else sorted(lefts | rights):
        mask = folder / "reprojected_mask" / f"{clip}.mp4"
        try:
            paths = [_there(lefts, clip, LEFT), _there(rights, clip, RIGHT)]
            videos.append(stereo_video(safe_name(clip), paths, mask=mask if mask.is_file() else None))
        except InputError as error:
            skipped[clip] = str(error)
    return VideoSet("stereo4d", tuple(videos), skipped)


def _by_clip(folder: Path, ending: str) -> dict[str, Path]:
    return {path.name.removesuffix(ending): path for path in sorted(folder.rglob(f"*{ending}"))}


def _there(paths: dict[str, Path], clip: str, ending: str) -> Path:
    if clip not in paths:
        raise InputError(f"{clip}{ending} is not there")
    return paths[clip]
