"""Ego4D, its stereo videos as M2SVid's preprocessing leaves them: rectified, cut into clips of 150 frames, cropped.

    FOLDER/clips/cropped_videos/ID_clip_0000.mp4        side by side, left view first
    FOLDER/clips/reprojected_mask/ID_clip_0000.mp4      holes, white
    FOLDER/clips/disparity/ID_clip_0000.mp4/0.png       16 bit, half the size, each frame from its least to its greatest
    FOLDER/clips/disparity_info/ID_clip_0000.mp4.npz    what these are: min_disparities, max_disparities (N,) px

FOLDER may also be `preprocessed_videos` above or `clips` below. **Disparity and holes are estimates** (BiDAStereo, and
M2SVid's splat of it), which the paper takes for the truth; the least and greatest disparity were taken after
enlarging, so that values are off by the overshoot of a bicubic filter. The raw videos of Ego4D are not rectified; they
are none of this dataset.

Source: Grauman et al., "Ego4D: Around the World in 3,000 Hours of Egocentric Video", CVPR 2022, https://ego4d-data.org,
under its own licence, which has to be signed; M2SVid, https://github.com/google-research/m2svid, data_preprocess.
"""

from functools import partial
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from secondeye.datasets import StereoVideo, VideoSet, safe_name
from secondeye.datasets._maps import read_map
from secondeye.datasets._pictures import existing_folder
from secondeye.datasets._subset import read_subset
from secondeye.datasets._videos import DisparityOf, packing_of, stereo_video
from secondeye.errors import InputError
from secondeye.video.images import natural_key

CLIPS = "cropped_videos"


def build(folder: Path, *, subset: str = "") -> VideoSet:
    """The clips of a folder.

    Args:
        folder: with `cropped_videos`, or with `clips` or `preprocessed_videos` around it.
        subset: a JSON list of clips, in the folder or anywhere, such as M2SVid's `subsets/test.json`.

    Raises:
        InputError: no such folder or subset, or no clips in it.
    """
    clips = _clips_folder(existing_folder(folder, "ego4d"))
    found = sorted((path.name for path in (clips / CLIPS).glob("*.mp4")), key=natural_key)
    videos: list[StereoVideo] = []
    skipped: dict[str, str] = {}
    for clip in read_subset(folder, subset) if subset else found:
        mask = clips / "reprojected_mask" / clip
        try:
            name, paths = safe_name(Path(clip).stem), [clips / CLIPS / clip]
            known = _disparity(clips, clip)
            there = mask if mask.is_file() else None
            videos.append(stereo_video(name, paths, packing_of("sbs"), mask=there, disparity=known))
        except InputError as error:
            skipped[clip] = str(error)
    return VideoSet("ego4d", tuple(videos), skipped)


def _clips_folder(folder: Path) -> Path:
    places = [folder, folder / "clips", folder / "preprocessed_videos" / "clips"]
    for place in places:
        if (place / CLIPS).is_dir():
            return place
    raise InputError(f"{folder} has no folder clips/{CLIPS}; dataset ego4d reads what M2SVid's preprocessing leaves")


def _disparity(clips: Path, clip: str) -> DisparityOf | None:
    """What reads a clip's disparity; None where it has none."""
    folder, info = clips / "disparity" / clip, clips / "disparity_info" / f"{clip}.npz"
    if not folder.is_dir() or not info.is_file():
        return None
    least, greatest = (read_range(info, key) for key in ("min_disparities", "max_disparities"))
    return partial(_read, folder, least, greatest)


def read_range(path: Path, key: str) -> NDArray[np.float32]:
    """(N,) px, one number for each frame.

    Raises:
        InputError: unreadable, or not there.
    """
    try:
        with np.load(path, allow_pickle=False) as loaded:
            return np.asarray(loaded[key], np.float32).reshape(-1)
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{path}: no {key} could be read from it") from error


def _read(
    folder: Path,
    least: NDArray[np.float32],
    greatest: NDArray[np.float32],
    number: int,
    size: tuple[int, int],
) -> Tensor:
    if number >= min(len(least), len(greatest)):
        raise InputError(f"{folder}: nothing says what the disparity of frame {number} means")
    codes = read_map(folder / f"{number}.png")
    px = codes.astype(np.float32) / np.float32(65535) * (greatest[number] - least[number]) + least[number]
    enlarged = cv2.resize(px, (size[1], size[0]), interpolation=cv2.INTER_LINEAR)
    return torch.from_numpy(np.ascontiguousarray(enlarged, np.float32))
