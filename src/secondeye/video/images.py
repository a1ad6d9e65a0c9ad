"""Single pictures, and folders of them, read as if they were videos."""

import logging
import re
import struct
import warnings
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from secondeye.errors import ContractError, InputError
from secondeye.types import Clip, ColorTags, VideoInfo
from secondeye.video.color import RGB
from secondeye.video.file_info import FileInfo
from secondeye.video.index import FrameIndex, index_of_steady
from secondeye.video.orientation import Orientation, from_exif

log = logging.getLogger("secondeye")

DEFAULT_RATE = Fraction(24)

SRGB = ColorTags(matrix=RGB, primaries=1, transfer=13, full_range=True)

SUFFIXES = {".jpg", ".jpeg", ".jpe", ".png", ".tif", ".tiff", ".webp", ".bmp", ".avif", ".mpo", ".ppm", ".pgm"}
"""What counts as a frame in a folder."""

SIGNATURES = {
    b"\xff\xd8\xff": "JPEG",
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"BM": "BMP",
    b"P5": "PPM",
    b"P6": "PPM",
    b"v/1\x01": "EXR",
}
HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}
EXIF_ORIENTATION = 274
TIFF_BITS_PER_SAMPLE = 258


def still_format(path: Path) -> str | None:
    """The format of a single picture by its first bytes, None for all else, films of pictures included.

    Raises:
        InputError: the file may not be read.
    """
    try:
        with path.open("rb") as file:
            head = file.read(4096)
    except OSError as error:
        raise InputError(f"{path} may not be read: {error.strerror}") from error
    if head[4:8] == b"ftyp" and head[8:12] in HEIC_BRANDS:
        return "HEIC"
    if head[4:8] == b"ftyp" and head[8:12] == b"avif":
        return "AVIF"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    for signature, name in SIGNATURES.items():
        if head.startswith(signature):
            is_film = (name == "PNG" and b"acTL" in head) or path.suffix.lower() in (".mjpeg", ".mjpg")
            return None if is_film else name
    return None


def probe_image(path: Path) -> FileInfo:
    """What a picture is.

    Raises:
        InputError: it cannot be read here.
    """
    with _opened(path) as image:
        return _describe(path, image, _bit_depth(image, path), kind="image", frame_count=1)


def probe_folder(folder: Path) -> FileInfo:
    """What a folder of pictures is; the pictures' headers are read.

    Raises:
        InputError: no picture in it, or pictures of different sizes.
    """
    paths = pictures_in(folder)
    with _opened(paths[0]) as image:
        bit_depth = _bit_depth(image, paths[0])
        first = _describe(folder, image, bit_depth, kind="folder", frame_count=len(paths))
    for path in paths[1:]:
        with _opened(path) as image:
            size = _orientation(image).size(*image.size)
            bit_depth = max(bit_depth, _bit_depth(image, path))
        if size != (first.video.width, first.video.height):
            raise InputError(
                f"{path} is {size[0]}x{size[1]} px, but {paths[0].name} is {first.video.width}x{first.video.height};"
                " all pictures in a folder must have one size"
            )
    return replace(first, video=replace(first.video, bit_depth=bit_depth))


def pictures_in(folder: Path) -> list[Path]:
    """The pictures of a folder, numbers within their names counted as numbers.

    Raises:
        InputError: there is none, or the folder may not be read.
    """
    try:
        files = [path for path in folder.iterdir() if path.is_file() and not path.name.startswith(".")]
    except OSError as error:
        raise InputError(f"{folder} may not be read: {error.strerror}") from error
    found = sorted((path for path in files if path.suffix.lower() in SUFFIXES), key=lambda path: natural_key(path.name))
    if not found:
        raise InputError(f"{folder} is a folder without pictures; give a video, a picture, or a folder of frames")
    return found


def natural_key(name: str) -> list[tuple[int, int, str]]:
    """Sorts frame2 before frame10."""
    pieces = re.findall(r"\d+|\D+", name)
    return [(0, int(p), p) if p.isdecimal() else (1, 0, p.casefold()) for p in pieces] + [(2, 0, name)]


def _opened(path: Path) -> Image.Image:
    """The picture, its header read.

    Raises:
        InputError: unreadable, or of a kind that is not read here.
    """
    name = still_format(path)
    if name == "HEIC":
        raise InputError(f"{path} is a HEIC picture, which cannot be read here; convert it to JPEG or PNG first")
    if name == "EXR":
        raise InputError(f"{path} is an EXR picture in linear light; convert it to 16-bit PNG or TIFF first")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of sizes and broken EXIF data; what matters comes as an error
            return Image.open(path)
    except UnidentifiedImageError as error:
        raise InputError(f"{path} is not a picture that can be read") from error
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise InputError(f"{path} cannot be read: {error}") from error


def _describe(path: Path, image: Image.Image, bit_depth: int, *, kind: str, frame_count: int) -> FileInfo:
    orientation = _orientation(image)
    width, height = orientation.size(*image.size)
    video = VideoInfo(
        width=width,
        height=height,
        frame_rate=DEFAULT_RATE,
        frame_count=frame_count,
        time_base=1 / DEFAULT_RATE,
        color=SRGB,
        bit_depth=bit_depth,
        rotation_deg=orientation.rotation_deg,
    )
    name = image.format or "picture"
    return FileInfo(
        path=path,
        kind=kind,
        format_name=name,
        duration_s=None if kind == "image" else float(frame_count / DEFAULT_RATE),
        video=video,
        codec=name.lower(),
        pixel_format=image.mode,
        has_alpha=image.has_transparency_data,
        orientation=orientation,
    )


def _orientation(image: Image.Image) -> Orientation:
    """As tagged in the header; PNG's own getexif would decode the whole picture to look behind it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            code = Image.Image.getexif(image).get(EXIF_ORIENTATION, 1)
        except (OSError, ValueError, SyntaxError, struct.error):
            return Orientation()
    return from_exif(code if isinstance(code, int) else 1)


def _bit_depth(image: Image.Image, path: Path) -> int:
    """8 or 16: Pillow shows 16-bit colours as 8-bit ones, so the file's own header is asked."""
    if image.mode.startswith(("I", "F")):
        return 16
    if image.format == "PNG":
        with path.open("rb") as file:
            return 16 if file.read(25)[24] == 16 else 8  # IHDR: signature, length, name, width, height, bit depth
    if image.format == "TIFF":
        tags: dict[int, tuple[int, ...]] = image.tag_v2  # type: ignore[attr-defined]  # of the TIFF plug-in's class
        return 16 if max(tags.get(TIFF_BITS_PER_SAMPLE, (8,))) > 8 else 8
    return 8


def read_picture(path: Path) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """The colours of a picture, upright, transparent ones over black: (H, W, 3) RGB of 8 or 16 bits.

    Raises:
        InputError: it cannot be read, or is damaged.
    """
    with _opened(path) as image:
        orientation = _orientation(image)
        if _bit_depth(image, path) > 8:
            return _laid(_read_deep(path), orientation)
        try:
            if image.has_transparency_data:
                image = Image.alpha_composite(Image.new("RGBA", image.size, "black"), image.convert("RGBA"))
            return _laid(np.asarray(image.convert("RGB")), orientation)
        except (OSError, ValueError, SyntaxError) as error:
            raise InputError(f"{path} is damaged: {error}") from error


def _read_deep(path: Path) -> NDArray[np.uint16]:
    """16-bit PNG and TIFF, which Pillow would round to 8 bits."""
    import cv2

    flags = cv2.IMREAD_UNCHANGED | cv2.IMREAD_IGNORE_ORIENTATION
    pixels = cv2.imdecode(np.fromfile(path, np.uint8), flags)
    if pixels is None or pixels.dtype != np.uint16:
        kind = "" if pixels is None else f" of type {pixels.dtype}"
        raise InputError(f"{path} is damaged or holds samples{kind} that cannot be read; convert it to 16-bit PNG")
    pixels = pixels if pixels.ndim == 3 else pixels[..., None]
    if pixels.shape[2] in (2, 4):
        alpha = pixels[..., -1:].astype(np.float32) / 65535
        pixels = np.rint(pixels[..., :-1] * alpha).astype(np.uint16)
    rgb = np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else pixels[..., ::-1]
    return rgb.astype(np.uint16, copy=False)


def _laid(pixels: NDArray[Any], orientation: Orientation) -> NDArray[Any]:
    pixels = pixels.swapaxes(0, 1) if orientation.transpose else pixels
    return pixels[:: -1 if orientation.flip_y else 1, :: -1 if orientation.flip_x else 1]


class ImageSource:
    """A picture, or a folder of pictures, as a VideoSource.

    Args:
        file: as `probe` gives it.
        rate: frames a second of a folder.
        index: from an earlier run; must have as many frames as there are pictures.
        clip_bytes: so much a clip may hold.

    Raises:
        InputError: the folder has changed since the index was made.
    """

    def __init__(
        self, file: FileInfo, *, rate: Fraction = DEFAULT_RATE, index: FrameIndex | None = None, clip_bytes: int
    ) -> None:
        self._paths = pictures_in(file.path) if file.kind == "folder" else [file.path]
        video = replace(file.video, frame_rate=rate, time_base=1 / rate, frame_count=len(self._paths))
        self._file = replace(file, video=video)
        self._index = index or index_of_steady(len(self._paths))
        if len(self._index) != len(self._paths):
            raise InputError(f"{file.path} had {len(self._index)} pictures before and has {len(self._paths)} now")
        self._clip_frames = max(1, clip_bytes // (12 * video.width * video.height))
        self._damaged: set[int] = set()

    def __enter__(self) -> "ImageSource":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Nothing is held open."""

    @property
    def file(self) -> FileInfo:
        """All that is known of the picture or folder."""
        return self._file

    @property
    def info(self) -> VideoInfo:
        """Size, rate and colours."""
        return self._file.video

    @property
    def index(self) -> FrameIndex:
        """One tick for each picture."""
        return self._index

    @property
    def damaged_frames(self) -> int:
        """Pictures that were left out so far."""
        return len(self._damaged)

    def read(self, start: int, stop: int) -> Iterator[Clip]:
        """Yield the pictures [start, stop) that can be read, in clips of a few each.

        Raises:
            InputError: a single picture that is damaged; in a folder damaged ones are left out with a warning.
            ContractError: frames that there are not.
        """
        if not 0 <= start <= stop <= len(self._paths):
            raise ContractError(f"frames {start} to {stop} of a source that has {len(self._paths)}")
        gathered: list[torch.Tensor] = []
        first = start
        for number in range(start, stop):
            pixels = self._pixels(number)
            if pixels is not None:
                first = number if not gathered else first
                gathered.append(_planes(pixels))
            if gathered and (pixels is None or len(gathered) == self._clip_frames or number == stop - 1):
                yield self._clip(gathered, first)
                gathered = []

    def _clip(self, planes: list[torch.Tensor], first: int) -> Clip:
        pts = torch.from_numpy(self._index.pts[first : first + len(planes)].copy())
        return Clip(torch.stack(planes), first, pts)

    def _pixels(self, number: int) -> NDArray[np.uint8] | NDArray[np.uint16] | None:
        try:
            return read_picture(self._paths[number])
        except InputError as error:
            if self._file.kind == "image":
                raise
            if number not in self._damaged:
                log.warning("%s; it is left out", error)
            self._damaged.add(number)
            return None

    def thumbnails(self, longest_px: int = 256) -> Iterator[tuple[int, NDArray[np.uint8]]]:
        """Yield every picture that can be read with its number, small, as (h, w, 3) BGR."""
        import cv2

        width, height = thumbnail_size(self.info.width, self.info.height, longest_px)
        for number in range(len(self._paths)):
            pixels = self._pixels(number)
            if pixels is not None:
                eight = pixels if pixels.dtype == np.uint8 else (pixels >> 8).astype(np.uint8)
                small = cv2.resize(np.ascontiguousarray(eight), (width, height), interpolation=cv2.INTER_AREA)
                yield number, np.ascontiguousarray(small[..., ::-1])


def thumbnail_size(width: int, height: int, longest_px: int) -> tuple[int, int]:
    """A size of the same shape whose longer side is at most `longest_px`; never below one px."""
    scale = min(1.0, longest_px / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def _planes(pixels: NDArray[np.uint8] | NDArray[np.uint16]) -> torch.Tensor:
    """(H, W, 3) integers to (3, H, W) float, 0 to 1."""
    top = np.float32(np.iinfo(pixels.dtype).max)
    return torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)).astype(np.float32) / top)
