"""StereoV1K: a thousand side-by-side videos of real places, 1180 x 1180 px a view, 50 frames a second, about 20 s.

    FOLDER/test/*.mp4, FOLDER/train/*.mp4     45 and 955 videos; or all in FOLDER itself

A frame of 2360 x 1180 holds two whole views, a square one two halved views; either way the left half is the left
view. Nothing is known but the views. The paper describes the videos and gives no folders; no copy of the set was
found to compare with.

Source: Zhang et al., "SpatialMe: Stereo Video Conversion Using Depth-Warping and Blend-Inpainting", section IV. No
licence is stated.
"""

from pathlib import Path

from secondeye.datasets import StereoVideo, VideoSet, safe_name
from secondeye.datasets._pictures import existing_folder
from secondeye.datasets._videos import VIDEO_SUFFIXES, packing_of, stereo_video
from secondeye.discovery import nearest
from secondeye.errors import InputError
from secondeye.video.images import natural_key

SPLITS = ("test", "train")


def build(folder: Path, *, split: str = "test") -> VideoSet:
    """The videos of a split, or of the folder itself where it has none.

    Args:
        folder: with the splits, or with videos.
        split: "test" or "train".

    Raises:
        InputError: no such folder or split.
    """
    if split not in SPLITS:
        raise nearest("split", split, SPLITS)
    existing_folder(folder, "stereov1k")
    has_splits = any((folder / name).is_dir() for name in SPLITS)
    place = existing_folder(folder / split, "stereov1k") if has_splits else folder
    videos: list[StereoVideo] = []
    skipped: dict[str, str] = {}
    for path in sorted(place.iterdir(), key=lambda path: natural_key(path.name)):
        if path.suffix.lower() in VIDEO_SUFFIXES:
            try:
                videos.append(stereo_video(safe_name(path.stem), [path], packing_of("sbs")))
            except InputError as error:
                skipped[path.name] = str(error)
    return VideoSet("stereov1k", tuple(videos), skipped)
