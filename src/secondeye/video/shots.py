"""Where one shot ends and the next begins: PySceneDetect over thumbnails, in the pass that also makes the index.

Its adaptive detector compares the change from frame to frame with that of the two frames on either side, so that fast
motion is no cut. Brightness weighs most: with PySceneDetect's equal weights the hue of dark frames, which is noise,
gave cuts within fades (change of 23 in a fade from black, 18 at the faintest true cut of our clips; with these weights
10 and 24).
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction

import cv2
import numpy as np
from numpy.typing import NDArray

from secondeye.video.source import VideoSource

THUMBNAIL_PX = 256
"""Longer side of what the detector sees."""

HUE_WEIGHT, SATURATION_WEIGHT, BRIGHTNESS_WEIGHT = 0.3, 0.3, 2.0

LEAST_CHANGE = 15.0
"""Mean change of the weighted channels (0 to 255) below which nothing is a cut; PySceneDetect's default."""

LEAST_RATIO = 3.0
"""So many times the change of its neighbours a cut must have; PySceneDetect's default."""

SHORTEST_SHOT = 5
"""Frames."""

FLASH, ALIKE = 4, 0.9
"""Frames that a flash lasts at most, less than the shortest shot; and correlation from which the frames after it show
what those before it did."""

LIKENESS_PX, BLANK = 32, 2.5
"""Side of the pictures that are compared for this, and grey levels of contrast below which there is nothing to see."""


def find_cuts(source: VideoSource, *, advance: Callable[[int], None] | None = None) -> list[int]:
    """Find the cuts of a source, in one pass over all its frames.

    Afterwards `source.index` lists the frames that really decode, and cuts count in it, unless the source was opened
    with an index.

    Args:
        source: a video or a folder of pictures.
        advance: told the number of frames just done, for a progress bar.

    Returns:
        Numbers of the first frames of all shots but the first, ascending.

    Raises:
        InputError: no frame decodes.
    """
    frames = _told(source.thumbnails(THUMBNAIL_PX), advance)
    return list(detect_cuts(frames, max(source.info.frame_rate, Fraction(1))))


def detect_cuts(frames: Iterable[tuple[int, NDArray[np.uint8]]], rate: Fraction) -> Iterator[int]:
    """Yield the cuts among numbered (h, w, 3) BGR frames, some frames late.

    Where a few frames later shows what was shown before, there is none: flashes, black frames, and inserts as short.
    """
    from scenedetect import FrameTimecode  # scenedetect takes half a second to import
    from scenedetect.detectors import AdaptiveDetector, ContentDetector

    weights = ContentDetector.Components(HUE_WEIGHT, SATURATION_WEIGHT, BRIGHTNESS_WEIGHT)
    detector = AdaptiveDetector(LEAST_RATIO, SHORTEST_SHOT, min_content_val=LEAST_CHANGE, weights=weights)
    seen: deque[tuple[int, NDArray[np.float32]]] = deque(maxlen=2 * FLASH + 8)
    found: deque[int] = deque()
    for number, bgr in frames:
        seen.append((number, _likeness_of(bgr)))
        found.extend(cut.frame_num for cut in detector.process_frame(FrameTimecode(number, rate), bgr))
        if found and number >= found[0] + FLASH and not _returns(seen, cut := found.popleft()):
            yield cut
    yield from (cut for cut in found if not _returns(seen, cut))


def _likeness_of(bgr: NDArray[np.uint8]) -> NDArray[np.float32]:
    """A small grey picture of mean 0 and length 1, whatever the light; all zero where there is nothing to be seen."""
    small = cv2.resize(bgr, (LIKENESS_PX, LIKENESS_PX), interpolation=cv2.INTER_AREA).mean(axis=2, dtype=np.float32)
    small -= small.mean()
    contrast = float(np.sqrt((small * small).mean()))
    return small / np.float32(contrast * LIKENESS_PX) if contrast > BLANK else np.zeros_like(small)


def _returns(seen: Iterable[tuple[int, NDArray[np.float32]]], cut: int) -> bool:
    """Whether what was to be seen a few frames before a cut is to be seen again at it or a few frames later."""
    before = [likeness for number, likeness in seen if cut - FLASH <= number + 1 <= cut]
    later = [likeness for number, likeness in seen if cut <= number <= cut + FLASH]
    return any(float((one * other).sum()) > ALIKE for one in before for other in later)


def _told(
    frames: Iterator[tuple[int, NDArray[np.uint8]]], advance: Callable[[int], None] | None
) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    for pair in frames:
        yield pair
        if advance:
            advance(1)
