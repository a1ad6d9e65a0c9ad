"""Mono2Stereo: pairs of pictures out of stereo films.

    FOLDER/<part>/left/000010938.jpg, FOLDER/<part>/right/000010938.jpg      the test set has five parts of 500 pairs
    FOLDER/left/..., FOLDER/right/...                                       as the released script writes them

Pictures of one name belong together. Each pair is a video of one frame, for neighbours in a folder are of different
films. The released script measures at 1280 x 800, which is the protocol's business; pictures stay as they are here.
Nothing is known but the views.

Source: Yu et al., "Mono2Stereo: A Benchmark and Empirical Study for Stereo Conversion", CVPR 2025,
https://github.com/song2yu/Mono2Stereo. No licence is stated; the films belong to their makers.
"""

from pathlib import Path

from secondeye.datasets import StereoVideo, VideoSet, safe_name
from secondeye.datasets._pictures import PicturePair, existing_folder, pictures_as_video
from secondeye.errors import InputError
from secondeye.video.images import SUFFIXES, natural_key


def build(folder: Path, *, part: str = "") -> VideoSet:
    """The pairs of a folder and the folders in it.

    Args:
        folder: is searched for folders called left.
        part: only this one of the folders in it.

    Raises:
        InputError: no such folder or part, or no folder called left in it.
    """
    place = existing_folder(folder / part if part else folder, "mono2stereo")
    lefts = sorted(path for path in place.rglob("left") if path.is_dir())
    if not lefts:
        raise InputError(f"{place} has no folders left and right; dataset mono2stereo reads pictures in such")
    videos: list[StereoVideo] = []
    skipped: dict[str, str] = {}
    for left in lefts:
        prefix = "-".join(left.parent.relative_to(folder).parts)
        for path in _pictures(left):
            name = safe_name(f"{prefix}-{path.stem}" if prefix else path.stem)
            try:
                right = _partner(left.parent / "right", path)
                videos.append(pictures_as_video(name, [PicturePair(path, right)]))
            except InputError as error:
                skipped[name] = str(error)
    return VideoSet("mono2stereo", tuple(videos), skipped)


def _pictures(folder: Path) -> list[Path]:
    return sorted(
        (path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES), key=lambda path: natural_key(path.name)
    )


def _partner(folder: Path, left: Path) -> Path:
    """The right view's picture: of the same name, with any ending."""
    endings = [left.suffix, *sorted(SUFFIXES - {left.suffix})]
    for ending in endings:
        if (folder / f"{left.stem}{ending}").is_file():
            return folder / f"{left.stem}{ending}"
    raise InputError(f"{folder / left.name} is not there")
