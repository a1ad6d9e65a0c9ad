"""Cast the rays of many pixels, on all cores: through their centres, through their edges, and towards other views."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from secondeye.compiled import run_rows
from secondeye.scene import kernel
from secondeye.scene.rays import Doubles, Longs, Stage

Floats = NDArray[np.float32]

LINE_PLACES = 64
"""Places that are handed out together where they do not lie in rows."""

CENTRE = np.zeros((1, 2))


class Places(NamedTuple):
    """Where K groups of rays go, (K,) each; see `kernel.shoot`. Without any, through all pixels."""

    slots: Longs = np.empty(0, np.int64)
    columns: Doubles = np.empty(0)
    rows: Doubles = np.empty(0)
    sunlit: NDArray[np.int8] = np.empty(0, np.int8)


@dataclass(frozen=True)
class Seen:
    """What V views of a stage show: their numbers (V,), and (V, H, W) each what `kernel.shoot` says.

    `layers` is (V, 6, H, W), or (0, 6, H, W) where nobody wants it.
    """

    views: Longs
    key: NDArray[np.int32]
    depth: Doubles
    clear: Floats
    rgb: Floats
    layers: Floats


def offsets(samples: int) -> Doubles:
    """Where in a pixel its rays go, (S, 2) px from the centre; spread evenly however many they are.

    Source: M. Roberts, The unreasonable effectiveness of quasirandom sequences: the plastic number's sequence.
    """
    plastic = 1.32471795724474602596
    steps = np.arange(1, samples + 1)[:, None] * np.array([1 / plastic, 1 / plastic**2])
    shifted: Doubles = (steps + 0.5) % 1 - 0.5
    return shifted


def look(built: Stage, views: Longs, size: tuple[int, int], shift: Doubles = CENTRE, layers: bool = False) -> Seen:
    """Cast the rays through all pixels of some views, `shift` (1, 2) px off their centres."""
    seen, width = _empty(views, size, layers), size[0]
    run_rows(
        lambda first, stop: _shoot(built, seen, Places(), shift, first * width, stop * width), len(views) * size[1]
    )
    return seen


def _shoot(built: Stage, seen: Seen, places: Places, shifts: Doubles, first: int, stop: int) -> None:
    """The kernel, which writes pictures whose pixels lie in one row."""
    count, height, width = seen.key.shape
    planes = (picture.reshape(count, height * width) for picture in (seen.key, seen.depth, seen.clear))
    colours = (picture.reshape(*picture.shape[:2], height * width) for picture in (seen.rgb, seen.layers))
    found = np.empty((len(shifts), 5))
    arguments: tuple[Any, ...] = (*built, seen.views, width, *places, shifts, found, *planes, *colours)
    kernel.shoot(first, stop, *arguments)


def _empty(views: Longs, size: tuple[int, int], layers: bool) -> Seen:
    count, height, width = len(views), size[1], size[0]
    key, depth = np.empty((count, height, width), np.int32), np.empty((count, height, width))
    clear, rgb = np.empty((count, height, width), np.float32), np.empty((count, 3, height, width), np.float32)
    return Seen(views, key, depth, clear, rgb, np.empty((count if layers else 0, 6, height, width), np.float32))


def soften(built: Stage, seen: Seen, samples: int) -> None:
    """Replace colours and layers at edges by what as many rays as `samples` say."""
    lines = len(seen.views) * seen.key.shape[1]
    bands = run_rows(lambda first, stop: kernel.edges(first, stop, built.bodies, seen.key), lines)
    places, shifts = Places(*(np.concatenate(parts) for parts in zip(*bands, strict=True))), offsets(samples)
    total = len(places.slots)

    def band(first: int, stop: int) -> None:
        _shoot(built, seen, places, shifts, first * LINE_PLACES, min(stop * LINE_PLACES, total))

    if total:
        run_rows(band, -(-total // LINE_PLACES))


def shoot(built: Stage, view: int, columns: Doubles, rows: Doubles) -> Seen:
    """Cast K rays through any places in a view; what they see is one row of K pixels."""
    count = len(columns)
    seen = _empty(np.array([view]), (count, 1), False)
    places = Places(np.zeros(count, np.int64), columns, rows, np.full(count, -1, np.int8))
    if count:
        _shoot(built, seen, places, CENTRE, 0, count)
    return seen


def follow(built: Stage, projections: Doubles, seen: Seen, targets: Longs) -> tuple[Floats, NDArray[np.bool_]]:
    """Where each pixel's point is in K other views of each, (K, V), and whether it is visible there.

    Returns:
        moved: (K, V, 2, H, W) px, right and down.
        visible: (K, V, H, W).
    """
    moved = np.empty((*targets.shape, 2, *seen.key.shape[1:]), np.float32)
    visible = np.empty((*targets.shape, *seen.key.shape[1:]), np.bool_)
    slot_of = {int(view): slot for slot, view in enumerate(seen.views)}
    slots = np.array([[slot_of.get(int(target), -1) for target in row] for row in targets])
    spread = float(built.air[0]["pixel_rad"])
    arguments: tuple[Any, ...] = (
        *(built.bodies, built.texels, built.maps, built.rays, built.start, built.listed, spread, projections),
        *(seen.views, targets, slots, seen.key, seen.depth, seen.clear, moved, visible),
    )
    run_rows(lambda first, stop: kernel.follow(first, stop, *arguments), len(seen.views) * seen.key.shape[1])
    return moved, visible
