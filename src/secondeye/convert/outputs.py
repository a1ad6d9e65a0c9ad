"""Where a result goes: the name when none is given, and the checks before any work is done."""

import os
from pathlib import Path

from secondeye.convert.workspace import make_folder
from secondeye.errors import InputError
from secondeye.video.saving import write_errors
from secondeye.video.signalling import file_tag
from secondeye.video.writer import part_paths

VIDEO_ENDINGS = (".mp4", ".m4v", ".mov", ".mkv", ".webm")
PICTURE_ENDINGS = (".png", ".jpg", ".jpeg")


def default_output(source: Path, kind: str, layout: str) -> Path:
    """A name beside the source that says the layout in the way that players read it."""
    source = source.absolute()
    tagged = f"{source.name if kind == 'folder' else source.stem}{file_tag(layout)}"
    if kind == "folder":
        return source.with_name(tagged)
    endings = PICTURE_ENDINGS if kind == "image" else VIDEO_ENDINGS
    fallback = ".png" if kind == "image" else ".mp4"
    ending = (
        source.suffix.lower() if source.suffix.lower() in endings and source.suffix.lower() != ".webm" else fallback
    )
    return source.with_name(tagged + ending)


def resolve_output(source: Path, out: Path | None, kind: str, layout: str) -> Path:
    """The output's path: as given, inside a given folder, or the default."""
    named = default_output(source, kind, layout)
    if out is None:
        return named
    with write_errors(out):
        return out / named.name if kind != "folder" and out.is_dir() else out


def check_output(source: Path, out: Path, layout: str, overwrite: bool) -> None:
    """Refuse what would lose something, before any work.

    Raises:
        InputError: the output is the source, exists without `overwrite`, or its folder cannot be written.
    """
    make_folder(out.parent)
    with write_errors(out):
        _check_files(source, out, layout, overwrite)


def _check_files(source: Path, out: Path, layout: str, overwrite: bool) -> None:
    for file in part_paths(out, layout):
        if file.exists() and os.path.samefile(file, source):
            raise InputError(f"{file} is the source itself; give the result another name")
        if file.is_dir() and file.suffix:
            raise InputError(f"{file} is a folder; give the result another name")
        if file.exists() and not overwrite:
            raise InputError(f"{file} exists; give another name, or --overwrite to replace it")
