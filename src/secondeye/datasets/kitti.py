"""KITTI stereo 2012 and 2015: rectified pairs of a driving car, with sparse disparity of a lidar.

              2012                                        2015
    left      FOLDER/training/colored_0/000000_10.png     FOLDER/training/image_2/000000_10.png
    right     FOLDER/training/colored_1/000000_10.png     FOLDER/training/image_3/000000_10.png
    all       FOLDER/training/disp_occ/000000_10.png      FOLDER/training/disp_occ_0/000000_10.png
    visible   FOLDER/training/disp_noc/000000_10.png      FOLDER/training/disp_noc_0/000000_10.png

FOLDER may also be `training` or `testing` itself; the grey image_0 and image_1 of 2012 are taken where the coloured are
missing. Disparity in px is value / 256 as 16 bit PNG, 0 where unknown: about a third of the pixels, none in the sky.
`disp_occ` knows more than `disp_noc`: also what the right camera does not see. Both are of the left view, so **nothing
says what the left camera did not see**: there is no hole mask. `testing` has no disparity.

Source: Geiger et al., "Are we ready for Autonomous Driving?", CVPR 2012; Menze and Geiger, "Object Scene Flow for
Autonomous Vehicles", CVPR 2015, https://www.cvlibs.net/datasets/kitti, CC BY-NC-SA 3.0.
"""

from collections.abc import Callable
from pathlib import Path

from secondeye.datasets import StereoVideo, VideoSet, safe_name
from secondeye.datasets._maps import read_map, to_px
from secondeye.datasets._pictures import PicturePair, Truth, existing_folder, pictures_as_video
from secondeye.discovery import nearest
from secondeye.errors import InputError

VIEWS = (("image_2", "image_3"), ("colored_0", "colored_1"), ("image_0", "image_1"))
SPLITS = ("training", "testing")
MAPS = {"occ": ("disp_occ_0", "disp_occ"), "noc": ("disp_noc_0", "disp_noc")}
UNITS_A_PX = 256


def build(folder: Path, *, split: str = "training", disparity: str = "occ") -> VideoSet:
    """The pairs of a split; of the two moments that each has, the one with disparity.

    Args:
        folder: one of the two benchmarks, unpacked.
        split: "training" or "testing".
        disparity: "occ" for all that is known, "noc" for what both cameras see.

    Raises:
        InputError: no such folder, split or disparity, or no pictures where they belong.
    """
    if split not in SPLITS:
        raise nearest("split", split, SPLITS)
    if disparity not in MAPS:
        raise nearest("disparity", disparity, MAPS)
    existing_folder(folder, "kitti")
    place = folder if folder.name in SPLITS else existing_folder(folder / split, "kitti")
    lefts, rights = _views(place)
    maps = next((place / name for name in MAPS[disparity] if (place / name).is_dir()), None)
    videos: list[StereoVideo] = []
    skipped: dict[str, str] = {}
    for left in sorted(lefts.glob("*_10.png")):
        name, right = safe_name(left.stem), rights / left.name
        try:
            known = maps / left.name if maps and (maps / left.name).is_file() else None
            pair = PicturePair(left, _existing(right), _reader(known)) if known else PicturePair(left, _existing(right))
            videos.append(pictures_as_video(name, [pair], has_disparity=known is not None))
        except InputError as error:
            skipped[name] = str(error)
    return VideoSet("kitti", tuple(videos), skipped)


def _views(place: Path) -> tuple[Path, Path]:
    for left, right in VIEWS:
        if (place / left).is_dir() and (place / right).is_dir():
            return place / left, place / right
    pairs = ", or ".join(f"{left} and {right}" for left, right in VIEWS)
    raise InputError(f"{place} has neither {pairs}; dataset kitti reads the stereo benchmarks of 2012 and 2015")


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise InputError(f"{path} is not there")
    return path


def _reader(path: Path) -> Callable[[], Truth]:
    return lambda: Truth(to_px(read_map(path), UNITS_A_PX))
