"""The records: a shot to be rendered, the frames that come of it, and what is true about them."""

from dataclasses import dataclass, field, fields

from torch import Tensor

from secondeye.scene.camera import Path, Rig
from secondeye.scene.optics import Optics
from secondeye.scene.world import World


@dataclass(frozen=True)
class Shot:
    """A world, how the camera goes through it, the stereo rig it carries, and its lenses."""

    world: World
    path: Path
    rig: Rig
    optics: Optics = field(default_factory=Optics)


@dataclass(frozen=True)
class Truth:
    """What is exactly known about one eye's view; T frames, or one without the leading T.

    What a pixel shows is what the ray through its centre meets. At edges, pixels mix: `alpha` of what they show is the
    nearest surface, so that view = alpha * front + (1 - alpha) * what is behind. All of it, the layers too, is
    about the sharp picture in the middle of the exposure: blur, noise and exposure of `Shot.optics` change views alone.

    Attributes:
        depth_m: (T, 1, H, W) float32 along the optical axis, infinite in the sky.
        disparity: (T, 1, H, W) float32 px, x_left - x_right of the surface point in this pixel.
        vertical: (T, 1, H, W) float32 px, y_left - y_right; zero unless the rig toes in.
        forward, backward: (T, 2, H, W) float32 px, optical flow (right, down) to the next and from this to the
            previous frame.
        visible: (T, 1, H, W) bool, the other eye sees the point in this pixel; not `visible` is what a splat from
            the other eye cannot know: the disocclusion.
        visible_forward, visible_backward: (T, 1, H, W) bool, the next and the previous frame of this eye show it.
        surface: (T, 1, H, W) int32, number of the body, -1 in the sky.
        matte: (T, 1, H, W) bool, false in mirrors and glass, whose colours do not move with their surface.
        alpha: (T, 1, H, W) float32, share of the pixel that its nearest surface covers.
        front: (T, 3, H, W) float32, colour of that surface alone.
        front_depth_m, behind_depth_m: (T, 1, H, W) float32, its depth, and that of the nearest thing behind it in
            this pixel; the same where it covers all.
    """

    depth_m: Tensor
    disparity: Tensor
    vertical: Tensor
    forward: Tensor
    backward: Tensor
    visible: Tensor
    visible_forward: Tensor
    visible_backward: Tensor
    surface: Tensor
    matte: Tensor
    alpha: Tensor
    front: Tensor
    front_depth_m: Tensor
    behind_depth_m: Tensor

    def __getitem__(self, at: int | slice) -> "Truth":
        return Truth(*(getattr(self, known.name)[at] for known in fields(self)))


@dataclass(frozen=True)
class Frames:
    """Both views of T frames, (T, 3, H, W) float32 0 to 1, and what is true about each where asked for."""

    left: Tensor
    right: Tensor
    left_truth: Truth | None = None
    right_truth: Truth | None = None

    def __len__(self) -> int:
        return len(self.left)

    def __getitem__(self, at: int | slice) -> "Frames":
        truths = [truth if truth is None else truth[at] for truth in (self.left_truth, self.right_truth)]
        return Frames(self.left[at], self.right[at], *truths)
