"""Right views that other software made: one file or folder of pictures for each clip, under the clip's name.

FOLDER/art.mp4                 a video
FOLDER/art.png                 a picture, for clips of one frame
FOLDER/art/0001.png ...        a folder of pictures
FOLDER/pairs/art.mp4           the same below the dataset's name, as it must be where clips of two datasets share names

Of two datasets of one kind, each has the name of its folder too: pairs-FOLDER.
"""

from collections.abc import Iterator
from pathlib import Path

from torch import Tensor

from secondeye.datasets._videos import VIDEO_SUFFIXES
from secondeye.errors import InputError
from secondeye.video.images import SUFFIXES
from secondeye.video.reader import open_source

MEDIA = VIDEO_SUFFIXES | SUFFIXES


def find(folder: Path, dataset: str, clip: str, shares_name: bool = False) -> Path:
    """The prediction of a clip.

    Args:
        shares_name: another dataset has a clip of that name, so that it must lie below the dataset's name.

    Raises:
        InputError: there is none, or more than one.
    """
    for place in (folder / dataset,) if shares_name else (folder / dataset, folder):
        if not place.is_dir():
            continue
        found = [path for path in sorted(place.iterdir()) if clip in ((path.name,) if path.is_dir() else (path.stem,))]
        media = [path for path in found if path.is_dir() or path.suffix.lower() in MEDIA]
        found = media or found  # notes that lie beside a view are none
        if len(found) > 1:
            names = " and ".join(path.name for path in found)
            raise InputError(f"{place} has {names} for clip {clip}; leave one")
        if found:
            return found[0]
    if shares_name:
        raise InputError(
            f"no prediction for this clip; other datasets have one called {clip} too, so give it in {folder / dataset}"
        )
    raise InputError(
        f"no prediction for this clip; expected {clip}.mp4, {clip}.png or the like, or a folder {clip}/, in {folder}"
    )


def right_views(path: Path) -> Iterator[Tensor]:
    """The frames (3, H, W) of a prediction.

    Raises:
        InputError: it cannot be read.
    """
    with open_source(path) as source:
        for clip in source.read(0, len(source.index)):
            yield from clip.rgb
