"""A folder of stereo pairs, and of stereo sequences, listed in a manifest.

    FOLDER/manifest.json   {"entries": [{"name", "kind", "directory", "files": [{"file"}], "gt", "ci_files", ...}]}
    FOLDER/<directory>/left.png, right.png          a pair; any picture format
    FOLDER/<directory>/left/*.png, right/*.png      a sequence; pictures go together by the numbers in their names

Entries whose `kind` does not begin with "stereo" are none of ours. `gt` says what the maps mean:

    left, right   the file with the disparity of that view's pixels
    format        a text; "key NAME" in it names the array of an .npz
    scale         disparity in px is value / scale
    invalid       "value 0", 0, "inf": what stands for unknown; what is not finite always does
    convention    "x_right = x_left - d" (taken where absent), or "+ d"

**Holes** are exact only as far as the maps are: they come from the disparity of both views by a left-right check at
1 px, unknown pixels taken for background. With the left view's map alone nothing says what the right camera saw
beside its foregrounds, so there is no hole mask.
"""

import json
import re
from collections.abc import Callable, Mapping
from fractions import Fraction
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secondeye.datasets import StereoVideo, VideoSet, safe_name
from secondeye.datasets._maps import read_map, to_px
from secondeye.datasets._pictures import NOTHING, PicturePair, Truth, existing_folder, pictures_as_video
from secondeye.datasets._visibility import hole_by_check
from secondeye.errors import InputError
from secondeye.video.images import SUFFIXES, natural_key

MANIFESTS = ("manifest.json", "MANIFEST.json")


def build(folder: Path, *, ci: bool = False, category: str = "", only: str = "") -> VideoSet:
    """The pairs and sequences of a folder.

    Args:
        folder: with a manifest.
        ci: only the entries and files that the manifest lists under `ci_files`.
        category: only entries of these categories, such as "A" or "AB".
        only: only entries whose name has this in it.

    Raises:
        InputError: no such folder, or no manifest that can be read in it.
    """
    videos: list[StereoVideo] = []
    skipped: dict[str, str] = {}
    for number, entry in enumerate(_entries(existing_folder(folder, "pairs"))):
        name = safe_name(str(entry.get("name", f"entry-{number}")))
        if not _is_wanted(entry, ci, category, only):
            continue
        try:
            if name in {video.name for video in videos}:
                raise InputError("another entry has the same name")
            videos.append(_video(name, folder, entry, ci))
        except InputError as error:
            skipped[name] = str(error)
    return VideoSet("pairs", tuple(videos), skipped)


def _entries(folder: Path) -> list[dict[str, Any]]:
    path = next((folder / name for name in MANIFESTS if (folder / name).is_file()), None)
    if path is None:
        raise InputError(f"{folder} has no {MANIFESTS[0]}; dataset pairs needs one that lists its entries")
    try:
        entries = json.loads(path.read_text("utf-8"))["entries"]
        return [dict(entry) for entry in entries]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise InputError(f"{path} is not a manifest: expected JSON with a list of 'entries'") from error


def _is_wanted(entry: Mapping[str, Any], ci: bool, category: str, only: str) -> bool:
    is_listed = bool(entry.get("ci_files")) or not ci
    in_category = not category or str(entry.get("category") or "none") in category
    named = only in str(entry.get("name", ""))
    return str(entry.get("kind", "stereo")).startswith("stereo") and is_listed and in_category and named


def _video(name: str, root: Path, entry: Mapping[str, Any], ci: bool) -> StereoVideo:
    directory = root / str(entry.get("directory", entry.get("name", "")))
    files = _files(directory, entry, ci)
    lefts, rights = _views(files, "left"), _views(files, "right")
    if not lefts or not rights:
        raise InputError(f"no pictures left and right in {directory.name}; a picture of both belongs to side_by_side")
    if len(lefts) != len(rights):
        raise InputError(f"views of different length: {len(lefts)} left and {len(rights)} right pictures")
    rights = _partners(lefts, rights) if len(lefts) > 1 else rights
    maps = _truth_maps(directory, entry, files) if len(lefts) == 1 else {}
    truth = _truth(maps)
    pairs = [PicturePair(directory / a, directory / b, truth) for a, b in zip(lefts, rights, strict=True)]
    return pictures_as_video(
        name,
        pairs,
        frame_rate=_rate(entry.get("fps")) if len(pairs) > 1 else None,
        text=_text(entry.get("text")),
        has_disparity="left" in maps,
        has_hole=len(maps) == 2,
    )


def _files(directory: Path, entry: Mapping[str, Any], ci: bool) -> list[str]:
    """Paths within the entry's directory: those listed, else those found."""
    name = "ci_files" if ci else "files"
    listed = entry.get(name)
    if listed:
        if not isinstance(listed, list) or not all(
            isinstance(file, str) or (isinstance(file, dict) and "file" in file) for file in listed
        ):
            raise InputError(f'its "{name}" is not a list of names, or of {{"file": name}}')
        return [str(file["file"] if isinstance(file, dict) else file) for file in listed]
    return [path.relative_to(directory).as_posix() for path in sorted(directory.rglob("*")) if path.is_file()]


def _views(files: list[str], eye: str) -> list[str]:
    """The pictures of one eye in order: left.png, or those in left/."""
    pictures = [PurePosixPath(file) for file in files if PurePosixPath(file).suffix.lower() in SUFFIXES]
    single = [str(path) for path in pictures if path.stem == eye and len(path.parts) == 1]
    several = [str(path) for path in pictures if len(path.parts) == 2 and path.parts[0] == eye]
    return single or sorted(several, key=natural_key)


def _partners(lefts: list[str], rights: list[str]) -> list[str]:
    """The right picture of each left one: of the same name, else of the same numbers, else of the same last number.

    Raises:
        InputError: by none of these has each its own.
    """
    for key_of in (_stem, _numbers, _last_number):
        by_key = {key_of(right): right for right in rights}
        if len(by_key) == len(rights) and {key_of(left) for left in lefts} == by_key.keys():
            return [by_key[key_of(left)] for left in lefts]
    numbered = {_last_number(right) for right in rights}
    alone = next((left for left in lefts if _last_number(left) not in numbered), lefts[0])
    raise InputError(f"left and right pictures do not go together by the numbers in their names; see {alone}")


def _stem(file: str) -> str:
    return PurePosixPath(file).stem


def _numbers(file: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", _stem(file)))


def _last_number(file: str) -> tuple[int, ...]:
    """Of the frame, as a rule; the camera's stands before it."""
    return _numbers(file)[-1:]


def _text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    raise InputError(f'its "text" is {value!r}, and not a text')


def _rate(value: object) -> Fraction | None:
    if not value:
        return None
    try:
        rate = Fraction(str(value))
    except (ValueError, ZeroDivisionError) as error:
        raise InputError(f"fps '{value}' is not a number") from error
    if rate <= 0:
        raise InputError(f"fps {value} must be above 0")
    return rate


Reader = Callable[[], NDArray[np.float32]]


def _truth_maps(directory: Path, entry: Mapping[str, Any], files: list[str]) -> dict[str, Reader]:
    """What reads the disparity of each view that is known, by eye."""
    gt = entry.get("gt") or {}
    if not isinstance(gt, dict):
        raise InputError(f'its "gt" is {gt!r}, and not {{"left": FILE, ...}}')
    named = {eye: str(gt[eye]) for eye in ("left", "right") if gt.get(eye)}
    for file in named.values():
        if not (file in files or entry.get("ci_files") or (directory / file).exists()):
            raise InputError(f'its "gt" names {file}, which is not there')
    known = {eye: file for eye, file in named.items() if file in files}  # a subset may leave maps out
    if not known:
        return {}
    scale, invalid, sign = _scale(gt), _invalid(gt.get("invalid")), _sign(str(gt.get("convention", "")))
    key = re.search(r"key (\w+)", str(gt.get("format", "")))
    chosen = key[1] if key else None

    def reader(file: str) -> Reader:
        return lambda: to_px(read_map(directory / file, chosen), sign * scale, invalid)

    return {eye: reader(file) for eye, file in known.items()}


def _scale(gt: Mapping[str, Any]) -> float:
    try:
        scale = float(gt.get("scale", 1))
    except (TypeError, ValueError) as error:
        raise InputError(f"disparity scale {gt.get('scale')!r} is not a number") from error
    if not 0 < scale < float("inf"):
        raise InputError(f"disparity scale {scale:g} must be above 0")
    return scale


def _invalid(given: object) -> float | None:
    """The number that stands for unknown: 0, "0", "value 0 (a remark)"; None where only what is not finite does."""
    text = "" if given is None else str(given).strip()
    number = re.match(r"(?:value\s+)?(-?\d+(?:\.\d+)?)(?![\w.])", text)
    if number is None and text.lower() not in ("", "inf", "infinity", "nan"):
        raise InputError(f'disparity invalid \'{text}\' is not known; expected "value N" or "inf"')
    return float(number[1]) if number else None


def _sign(text: str) -> int:
    formula = re.sub(r"\s", "", text)
    if formula in ("", "x_right=x_left-d"):
        return 1
    if formula == "x_right=x_left+d":
        return -1
    raise InputError(f"disparity convention '{text}' is not known; expected x_right = x_left - d, or + d")


def _truth(maps: Mapping[str, Reader]) -> Callable[[], Truth]:
    """Reads the maps when asked, and makes the holes of the right view from both."""

    def read() -> Truth:
        left, right = (maps[eye]() if eye in maps else None for eye in ("left", "right"))
        if left is None or right is None:
            return Truth(left)
        if left.shape != right.shape:
            raise InputError(f"disparity maps of different size: {left.shape[::-1]} and {right.shape[::-1]} px")
        return Truth(left, hole_by_check(left, right))

    return read if maps else lambda: NOTHING
