"""Layers of texture that slide over each other, as a camera sees them, and what a camera tells of a box that moves."""

import cv2
import numpy as np

from secondeye.flow.camera import Camera
from secondeye.flow.motion import Motion
from secondeye.flow.turn import Turn

H, W = 135, 240


def texture(h: int, w: int, seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).random((h, w)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 1.2) + 2 * cv2.GaussianBlur(noise, (0, 0), 5)
    return (smooth - smooth.min()) / np.ptp(smooth) * 255


class World:
    """Layers of texture, each with its own shift in px a frame for every row; later ones cover earlier ones."""

    def __init__(self) -> None:
        self.layers: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []

    def add(self, box: tuple[int, int, int, int], px: float | np.ndarray, seed: int) -> "World":
        """A box (top, bottom, left, right) at frame 0 that moves by `px` a frame."""
        mask = np.zeros((H, 1200), np.float32)
        top, bottom, left, right = box
        mask[top:bottom, left + 480 : right + 480] = 1
        self.layers.append((texture(H, 1200, seed), mask, np.broadcast_to(np.float32(px), (H,))))
        return self

    def frame(self, t: int) -> np.ndarray:
        shown = np.zeros((H, W), np.float32)
        rows, columns = np.mgrid[0:H, 0:W].astype(np.float32)
        for picture, mask, px in self.layers:
            at = columns + 480 - px[:, None] * t
            picture, mask = (cv2.remap(plane, at, rows, cv2.INTER_LINEAR) for plane in (picture, mask))
            shown = shown * (1 - mask) + picture * mask
        return shown.astype(np.uint8)


GROUND = -np.concatenate([np.full(50, 0.6), np.linspace(0.6, 4.0, H - 50)])
"""Shift a frame of a wall and of the ground before it, when the camera moves to the right."""

EVERYWHERE = (0, H, -480, 720)


def leaving(residual_px: float, rest_px: float = 0.05) -> Motion:
    """A camera that explains all but a box, which leaves its lines by `residual_px`."""
    residual = np.full((H, W), rest_px, np.float32)
    residual[30:90, 100:140] = residual_px
    depth = np.repeat(np.linspace(0, 1, H, dtype=np.float32)[:, None], W, axis=1)
    camera = Camera(0.87, np.zeros(3), np.array([1.0, 0, 0]))
    plane = np.ones((H, W), np.float32)
    return Motion(
        1.0, 0.2, 6.0, rest_px, 1.0, 0.9, 4.0, 0.3, depth, residual, plane, plane, camera, Turn(0.5, 1.0, np.zeros(4))
    )
