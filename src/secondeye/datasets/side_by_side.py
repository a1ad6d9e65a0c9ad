"""A folder of stereo videos and pictures that hold both views in one frame, in any layout that can be told.

    FOLDER/**/film_LR.mp4, pair.jpg, ...

How the views lie is what the file signals, else what its name says (`_LR`, `_TB`, `half-sbs`, ...), else what its
pixels say; `layout=` settles it for all files. Views stay as coded: those of halved layouts are half as wide or high,
and of row-interlaced ones each has its own rows, so the right view of these lies half a row lower. Files that mix the
views (anaglyphs), hide one (MV-HEVC, of which only the base view is decoded), or hold one view only are skipped.
Nothing is known but the views.
"""

from pathlib import Path

from secondeye.datasets import StereoVideo, VideoSet, safe_name
from secondeye.datasets._pictures import existing_folder
from secondeye.datasets._videos import PACKINGS, VIDEO_SUFFIXES, packing_of, stereo_video
from secondeye.errors import InputError
from secondeye.video.images import SUFFIXES, natural_key
from secondeye.video.reader import open_source
from secondeye.video.stereo_layout import measured_layout, named_layout


def build(folder: Path, *, layout: str = "", only: str = "") -> VideoSet:
    """The stereo videos and pictures of a folder and the folders in it.

    Args:
        folder: is searched.
        layout: of all files ("sbs", "cross", "tb", "half-sbs", ...); found out for each where not given.
        only: only files whose path within the folder has this in it.

    Raises:
        InputError: no such folder or layout.
    """
    if layout:
        packing_of(layout)
    videos: dict[str, StereoVideo] = {}
    skipped: dict[str, str] = {}
    for path in media_in(existing_folder(folder, "side_by_side")):
        within = path.relative_to(folder)
        if only not in within.as_posix():
            continue
        name = safe_name("-".join(within.with_suffix("").parts))
        name = safe_name("-".join(within.parts)) if name in videos else name
        try:
            videos[name] = stereo_video(name, [path], packing_of(layout or found_layout(path)))
        except InputError as error:
            skipped[within.as_posix()] = str(error)
    return VideoSet("side_by_side", tuple(videos.values()), skipped)


def media_in(folder: Path) -> list[Path]:
    """Videos and pictures in a folder and the folders in it, numbers within their names counted as numbers."""
    known = VIDEO_SUFFIXES | SUFFIXES
    found = (path for path in folder.rglob("*") if path.suffix.lower() in known and path.is_file())
    return sorted(found, key=lambda path: natural_key(path.relative_to(folder).as_posix()))


def found_layout(path: Path) -> str:
    """How the views of a file lie, by what it signals, its name, or its pixels.

    Raises:
        InputError: unreadable, one view only, or a layout whose views cannot be told apart.
    """
    with open_source(path) as source:
        told = source.file.stereo if source.file.stereo != "mono" else None
        told = told or named_layout(path)[0]
        if told is None:
            measured = measured_layout(source)
            told = measured.name
            if measured.left_eye == "second" and f"{told.removeprefix('half-')}-right-first" in PACKINGS:
                told = f"{told.removeprefix('half-')}-right-first"
            elif measured.left_eye == "second" and told == "interlaced":
                told = "rows-right-first"
    if told in ("mono", "unknown"):
        raise InputError(f"{path.name} shows one view, as far as can be seen; name its layout with layout=")
    if told not in PACKINGS:
        raise InputError(f"{path.name} is {told}, whose views cannot be told apart here")
    return told
