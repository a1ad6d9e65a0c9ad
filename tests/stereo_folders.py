"""Tiny folders in the layout of every dataset, made of one small world whose truth is known."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from secondeye.datasets import Dataset, StereoFrame, StereoVideo
from tests.media import write_video

Picture = NDArray[np.uint8]

WIDTH, HEIGHT, FRAMES = 64, 32, 5
NEAR_PX, FAR_PX = 8, 2
"""Disparities of the card and of the wall behind it."""


def world(frame: int = 0, seed: int = 0) -> tuple[Picture, Picture, NDArray[np.float32], NDArray[np.float32]]:
    """A card before a wall: left and right view (H, W, 3), and the disparity of both; the card moves with the frame."""
    rng = np.random.default_rng(seed)
    wall = cv2.GaussianBlur(rng.integers(0, 256, (HEIGHT, WIDTH + 16, 3), np.uint8), (0, 0), 1.5)
    card = cv2.GaussianBlur(rng.integers(0, 256, (16, 20, 3), np.uint8), (0, 0), 1.5)
    views, maps = [], []
    for eye in (0, 1):
        view = wall[:, FAR_PX * eye :][:, :WIDTH].copy()
        disparity = np.full((HEIGHT, WIDTH), FAR_PX, np.float32)
        x = 24 + frame - NEAR_PX * eye
        view[8:24, x : x + 20] = card
        disparity[8:24, x : x + 20] = NEAR_PX
        views.append(view)
        maps.append(disparity)
    return views[0], views[1], maps[0], maps[1]


def hole_of(left: NDArray[np.float32], right: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Right pixels whose point no left pixel shows, point by point: a point is its disparity and where it is seen."""
    hole = np.zeros(right.shape, bool)
    for y in range(right.shape[0]):
        seen = {(d, x - d) for x, d in enumerate(left[y])}
        hole[y] = [(d, x) not in seen for x, d in enumerate(right[y])]
    return hole


def save(path: Path, pixels: NDArray[np.generic]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def film(path: Path, frames: Sequence[Picture], rate: int = 25) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return write_video(path, iter(frames), rate=rate, codec="libx264", pixel_format="yuv444p")


def lefts(count: int = FRAMES, seed: int = 0) -> list[Picture]:
    return [world(t, seed)[0] for t in range(count)]


def rights(count: int = FRAMES, seed: int = 0) -> list[Picture]:
    return [world(t, seed)[1] for t in range(count)]


def packed(count: int = FRAMES, axis: int = 1, seed: int = 0) -> list[Picture]:
    return [np.concatenate(pair, axis) for pair in zip(lefts(count, seed), rights(count, seed), strict=True)]


def masks(count: int = FRAMES) -> list[Picture]:
    holes = [hole_of(*world(t)[2:]) for t in range(count)]
    return [np.repeat(hole[..., None].astype(np.uint8) * 255, 3, 2) for hole in holes]


def one(found: Dataset) -> StereoVideo:
    assert len(found.videos) == 1, (found.videos, found.skipped)
    return found.videos[0]


def close(view: torch.Tensor, pixels: NDArray[np.uint8], within: float) -> bool:
    expected = torch.from_numpy(pixels).permute(2, 0, 1).float() / 255
    return float((view - expected).abs().mean()) < within


def disagreement(frame: StereoFrame, sign: int) -> float:
    """Median distance of left pixels from the right ones at x - sign * disparity, hidden ones included."""
    assert frame.disparity is not None
    left, right, disparity = (t.numpy() for t in (frame.left, frame.right, frame.disparity))
    at = np.arange(left.shape[2]) - sign * disparity
    inside = np.isfinite(at) & (at >= 0) & (at <= left.shape[2] - 1)
    column = np.where(inside, np.round(np.nan_to_num(at)), 0).astype(int)
    shown = np.take_along_axis(right, np.repeat(column[None], 3, 0), 2)
    return float(np.median(np.abs(shown - left).mean(0)[inside]))


def pairs(folder: Path) -> str:
    entries = []
    for number in range(2):
        left, right, *maps = world(number, number)
        place = folder / "A" / f"pair {number}"
        save(place / "left.png", left)
        save(place / "right.png", right)
        for eye, disparity in zip(("left", "right"), maps, strict=True):
            save(place / f"disp_{eye}.png", (disparity * 4).astype(np.uint8))
        gt = {"left": "disp_left.png", "right": "disp_right.png", "scale": 4, "invalid": "value 0"}
        entries.append({"name": f"pair {number}", "kind": "stereo_pair_gt", "category": "A", "gt": gt})
        entries[-1]["directory"] = f"A/pair {number}"
    for number, (left, right) in enumerate(zip(lefts(), rights(), strict=True)):
        save(folder / "B" / "drive" / "left" / f"{number}.png", left)
        save(folder / "B" / "drive" / "right" / f"{number}.png", right)
    entries.append({"name": "drive", "kind": "stereo_video_frames", "directory": "B/drive", "fps": 10, "gt": None})
    entries.append({"name": "flat", "kind": "mono_video", "directory": "C/flat"})
    write_manifest(folder, entries)
    return f"pairs:{folder}"


def write_manifest(folder: Path, entries: object) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "manifest.json"
    path.write_text(json.dumps({"entries": entries}))
    return path


def scenes(_: Path) -> str:
    return "scenes:count=3,size=192x108,frames=2"


def side_by_side(folder: Path) -> str:
    film(folder / "more" / "walk_LR.mp4", packed())
    film(folder / "walk2_TB.mp4", packed(axis=0))
    save(folder / "photo_rlf.png", np.concatenate(world()[1::-1], 1))
    (folder / "notes.txt").write_text("nothing")
    return f"side_by_side:{folder}"


def stereo4d(folder: Path) -> str:
    for clip in ("abc_200", "abc_1000"):
        film(folder / "left_rectified" / f"{clip}-left_rectified.mp4", lefts())
        film(folder / "right_rectified" / f"{clip}-right_rectified.mp4", rights())
        film(folder / "reprojected_mask" / f"{clip}.mp4", masks())
    return f"stereo4d:{folder}"


def ego4d(folder: Path) -> str:
    clip, clips = "123-abc_clip_0000.mp4", folder / "clips"
    film(clips / "cropped_videos" / clip, packed())
    film(clips / "reprojected_mask" / clip, masks())
    for t in range(FRAMES):
        small = world(t)[2][::2, ::2]
        codes = (small - small.min()) / (small.max() - small.min()) * 65535
        save(clips / "disparity" / clip / f"{t}.png", codes.astype(np.uint16))
    (clips / "disparity_info").mkdir()
    ranges = {"min_disparities": np.full(FRAMES, FAR_PX), "max_disparities": np.full(FRAMES, NEAR_PX)}
    np.savez_compressed(clips / "disparity_info" / f"{clip}.npz", **ranges)
    return f"ego4d:{folder}"


def stereov1k(folder: Path) -> str:
    film(folder / "test" / "0957.mp4", packed(), rate=50)
    film(folder / "train" / "0001.mp4", packed(), rate=50)
    return f"stereov1k:{folder}"


def mono2stereo(folder: Path) -> str:
    for part in ("animation", "indoor"):
        for number in (2, 10):
            left, right, *_ = world(seed=number)
            save(folder / part / "left" / f"{number}.jpg", left)
            save(folder / part / "right" / f"{number}.jpg", right)
    return f"mono2stereo:{folder}"


def kitti(folder: Path) -> str:
    for number in range(2):
        left, right, disparity, _ = world(number)
        known = np.where(np.arange(WIDTH) % 3 == 0, disparity * 256, 0).astype(np.uint16)
        for moment in (10, 11):
            save(folder / "training" / "image_2" / f"{number:06d}_{moment}.png", left)
            save(folder / "training" / "image_3" / f"{number:06d}_{moment}.png", right)
        save(folder / "training" / "disp_occ_0" / f"{number:06d}_10.png", known)
        save(folder / "training" / "disp_noc_0" / f"{number:06d}_10.png", known * (np.arange(WIDTH) > 8))
    return f"kitti:{folder}"


MAKERS: dict[str, Callable[[Path], str]] = {
    "pairs": pairs,
    "scenes": scenes,
    "side_by_side": side_by_side,
    "stereo4d": stereo4d,
    "ego4d": ego4d,
    "stereov1k": stereov1k,
    "mono2stereo": mono2stereo,
    "kitti": kitti,
}
"""Makes a small folder in the dataset's layout, and says the spec that reads it."""
