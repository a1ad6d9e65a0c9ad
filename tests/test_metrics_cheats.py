"""Every cheat is flagged, on made and on real pairs; the truth, and what is honestly near it, never is."""

from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor

from secondeye.errors import InputError
from secondeye.metrics import Pair, _parallax, cheats
from secondeye.metrics._matching import keypoints
from tests.stereo_world import CARD_PX, clip, judged, to_tensor, views

FRAMES = 8
"""Looked at of a clip; the ones after it let a view run early."""

Change = Callable[[Sequence[Pair], int], Pair]


def numpy(view: Tensor | None) -> np.ndarray:
    assert view is not None
    return np.ascontiguousarray(view.permute(1, 2, 0).numpy())


def moved(view: Tensor | None, x: float, y: float) -> Tensor:
    """A view moved by x and y px, its border repeated."""
    picture = numpy(view)
    matrix = np.array([[1, 0, x], [0, 1, y]], np.float32)
    return to_tensor(cv2.warpAffine(picture, matrix, picture.shape[1::-1], borderMode=cv2.BORDER_REPLICATE))


def with_black_holes(pair: Pair) -> Pair:
    """Strips of a hundredth of the width, as disocclusions are."""
    rng = np.random.default_rng(pair.index)
    right, (height, width) = pair.right.clone(), pair.size
    for _ in range(30):
        y, x = rng.integers(0, height), rng.integers(0, width)
        right[:, y : y + height // 6, x : x + max(width // 100, 2)] = 0
    return judged(pair, right)


def blurred(view: Tensor | None, sigma: float) -> Tensor:
    return to_tensor(cv2.GaussianBlur(numpy(view), (0, 0), sigma))


def coded(view: Tensor | None, quality: int) -> Tensor:
    """A view after JPEG."""
    picture = (numpy(view) * 255).round().astype(np.uint8)[..., ::-1]
    stream = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return to_tensor(cv2.imdecode(stream, cv2.IMREAD_COLOR)[..., ::-1] / 255)


def with_noise(pair: Pair) -> Pair:
    generator = torch.Generator().manual_seed(pair.index)
    noise = torch.randn(pair.right.shape, generator=generator) * 3 / 255
    return judged(pair, (pair.right + noise).clamp(0, 1))


STILL: dict[str, tuple[str, Change]] = {
    "the left view": ("identity", lambda p, t: judged(p[t], numpy_left(p[t]))),
    "the left view after coding": ("identity", lambda p, t: judged(p[t], coded(p[t].left, 70))),
    "moved": ("constant_shift", lambda p, t: judged(p[t], moved(p[t].left, -6, 0))),
    "moved by half a px more": ("constant_shift", lambda p, t: judged(p[t], moved(p[t].left, 3.5, 0))),
    "black holes": ("black_holes", lambda p, t: with_black_holes(p[t])),
    "2 px lower": ("vertical", lambda p, t: judged(p[t], moved(p[t].right, 0, 2))),
    "swapped": ("swapped", lambda p, t: judged(p[t], numpy_left(p[t]), p[t].truth)),
    "blurred": ("blurred", lambda p, t: judged(p[t], blurred(p[t].right, 1.5))),
}

MOVING: dict[str, tuple[str, Change]] = {
    "frozen": ("frozen", lambda p, t: judged(p[t], p[0].right)),
    "every second frame": ("frozen", lambda p, t: judged(p[t], p[t - t % 2].right)),
    "a frame late": ("time_shifted", lambda p, t: judged(p[t], p[max(t - 1, 0)].right)),
    "two frames early": ("time_shifted", lambda p, t: judged(p[t], p[t + 2].right)),
}

HONEST: dict[str, Change] = {
    "the truth": lambda p, t: p[t],
    "with noise": lambda p, t: with_noise(p[t]),
    "coded": lambda p, t: judged(p[t], coded(p[t].right, 80)),
    "darker": lambda p, t: judged(p[t], p[t].right * 0.85 + 0.02),
    "moved by a quarter px": lambda p, t: judged(p[t], moved(p[t].right, 0.25, 0)),
}


def numpy_left(pair: Pair) -> Tensor:
    assert pair.left is not None
    return pair.left


def findings(pairs: Sequence[Pair], change: Change, every: int = 25) -> dict[str, cheats.Finding]:
    report = cheats.build(every)
    for t in range(min(len(pairs), FRAMES)):
        pair = change(pairs, t)
        for view in ("left", "truth"):  # what has not changed is not sought again, since seeking takes long
            if t % every == 0 and getattr(pair, view) is getattr(pairs[t], view) is not None:
                pair.common.get(("keypoints", view, 768), lambda view=view, t=t: keypoints(pairs[t], view))
        report.update(pair)
    return {finding.cheat: finding for finding in report.finish()}


def flagged(pairs: Sequence[Pair], change: Change) -> set[str]:
    return {name for name, finding in findings(pairs, change).items() if finding.flagged}


@pytest.fixture(scope="module")
def world() -> list[Pair]:
    """A clip without given holes, as most pairs are."""
    return [Pair(p.right, p.left, p.truth, index=p.index) for p in clip(FRAMES + 2, 200, 320)]


@pytest.mark.parametrize("name", [*STILL, *MOVING])
def test_each_cheat_and_no_other(name: str, world: list[Pair]) -> None:
    cheat, change = (STILL | MOVING)[name]
    assert flagged(world, change) == {cheat}


@pytest.mark.parametrize("name", HONEST)
def test_honest_views_pass(name: str, world: list[Pair]) -> None:
    found = findings(world, HONEST[name])
    assert not [finding for finding in found.values() if finding.flagged]
    assert all(finding.judged for finding in found.values()), "there is all that is needed to tell"
    assert list(found) == list(cheats.CHEATS)


def test_parallax_the_wrong_way_round(world: list[Pair]) -> None:
    """What the right eye sees shown as if the left one had: mirrored views, their order kept."""

    def mirrored(pairs: Sequence[Pair], t: int) -> Pair:
        left, right = numpy_left(pairs[t]).flip(2), pairs[t].right.flip(2)
        # The truth is that of the mirror world, where the left eye is the former right one.
        return Pair(right, left, truth=moved(left, 0, 0), index=t)

    # Left view and truth are one: a file whose eyes are exchanged.
    assert "swapped" in flagged(world, mirrored)
    left, right, _ = views()
    disparity = (3 + 6 * torch.arange(280) / 280).repeat(200, 1)
    disparity[50:150, 93:163] = CARD_PX
    asked = Pair(to_tensor(right), to_tensor(left), disparity=disparity)
    reversed_ = Pair(to_tensor(right), to_tensor(left), disparity=-disparity)
    assert "swapped" not in flagged([asked], lambda p, t: p[t])
    assert "swapped" in flagged([reversed_], lambda p, t: p[t])


def test_bad_depth_is_not_taken_for_exchanged_eyes() -> None:
    """Points that go both ways have some middle, and it may be negative; only if most agree is it the wrong way."""
    rng = np.random.default_rng(0)
    expected, good = rng.uniform(-20, 0, 400), np.ones(400, bool)
    for share, is_wrong in ((0.95, True), (0.58, False)):
        turned = np.where(np.arange(400) < share * 400, -1, 1)
        slope, against = _parallax._slope(expected, -10 + turned * (expected + 10), good)
        assert slope is not None
        assert slope < cheats.WRONG_WAY
        assert against == pytest.approx(share, abs=0.05)
        assert (against > cheats.WRONG_SHARE) == is_wrong


def test_holes_that_are_given_are_looked_into() -> None:
    pair = clip(1, 200, 320)[0]
    assert pair.hole is not None
    unfilled = judged(pair, pair.right.masked_fill(pair.hole, 0))
    found = findings([unfilled], lambda p, t: p[t])["black_holes"]
    assert found.flagged
    assert found.value > 0.8
    assert found.limit == cheats.UNFILLED_HOLE
    grey = judged(pair, pair.right.masked_fill(pair.hole, 0.3))
    assert not findings([grey], lambda p, t: p[t])["black_holes"].flagged


def test_a_dark_scene_has_a_right_to_be_black() -> None:
    """Black objects in the wrong place are no holes, and holes between black objects are found."""
    pairs = []
    for pair in clip(1, 200, 320):
        left, right = (torch.where(view > 0.5, view, view * 0.01) for view in (numpy_left(pair), pair.right))
        pairs.append(Pair(right, left, right))
    assert "black_holes" not in flagged(pairs, STILL["moved"][1])
    assert "black_holes" not in flagged(pairs, STILL["the left view"][1])
    assert "black_holes" in flagged(pairs, STILL["black holes"][1])


def test_without_a_truth_what_shows_is_still_found(world: list[Pair]) -> None:
    """No truth: copies, heights, standing still, black and blur are seen against the left view alone."""
    alone = [Pair(p.right, p.left, index=p.index) for p in world]
    assert not flagged(alone, lambda p, t: p[t])
    for name in ("the left view", "moved", "2 px lower", "blurred", "black holes"):
        cheat, change = STILL[name]
        assert cheat in flagged(alone, change), name
    assert "frozen" in flagged(alone, MOVING["frozen"][1])
    found = findings(alone, lambda p, t: p[t])
    assert not found["time_shifted"].judged
    assert "needs a truth" in found["time_shifted"].text
    assert not found["swapped"].judged


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (3, 2), (17, 5)])
def test_the_smallest_frames_break_nothing(size: tuple[int, int]) -> None:
    view = torch.rand(3, *size)
    report = cheats.build()
    for index in range(3):
        report.update(Pair(view, view, view, index=index))
    assert not [finding for finding in report.finish() if finding.flagged]


def test_what_cannot_be_told_is_said(world: list[Pair]) -> None:
    """A still cannot be frozen, a flat view has no points, a right view alone has nothing to be held against."""
    found = findings(world[:1], lambda p, t: p[t])
    assert [name for name, finding in found.items() if not finding.judged] == ["frozen", "time_shifted"]
    empty = [Pair(torch.full((3, 64, 80), 0.5), torch.full((3, 64, 80), 0.5))]
    assert not flagged(empty, lambda p, t: p[t])
    assert not findings(empty, lambda p, t: p[t])["identity"].judged
    alone = findings([Pair(world[0].right)], lambda p, t: p[t])
    assert [name for name, finding in alone.items() if finding.judged] == ["black_holes"]
    assert not any(finding.judged for finding in cheats.build().finish())
    with pytest.raises(InputError, match="every 0"):
        cheats.build(0)


def test_a_flat_scene_proves_nothing(world: list[Pair]) -> None:
    """Where the truth has no parallax either, a copy is the right answer."""
    flat = [Pair(numpy_left(p), p.left, moved(p.left, 0, 0)) for p in world[:1]]
    assert not flagged(flat, lambda p, t: p[t])


REAL = (
    "eth3d_delivery_area_3s",  # grey, hardly any parallax
    "kitti12_000003",  # grey, dark, large parallax
    "mid_Art_third",
    "mid_Cones_quarter",
    "mid_Motorcycle_q",
    "mid_Tsukuba",  # dark, little parallax
    "midv3_ArtL",  # the right view in another light
    "midv3_MotorcycleE",  # the right view at another exposure
)


def real_pairs(shared: Path) -> dict[str, list[Pair]]:
    """One pair of each kind with a real right view, at most 400 px wide so that this stays quick."""
    found = {}
    for name in REAL:
        left, right = (small(shared / "data" / "A" / name / f"{side}.png") for side in ("left", "right"))
        rows = slice(min(left.shape[0], right.shape[0]))
        found[name] = [Pair(to_tensor(right[rows]), to_tensor(left[rows]), to_tensor(right[rows]))]
    return found


def small(path: Path) -> np.ndarray:
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR)[..., ::-1] / 255.0
    scale = 400 / picture.shape[1]
    if scale >= 1:
        return np.ascontiguousarray(picture)
    return cv2.resize(picture, (400, round(picture.shape[0] * scale)), interpolation=cv2.INTER_AREA)


@pytest.mark.media
def test_real_pairs(shared: Path) -> None:
    """On every real pair each cheat is flagged and the truth is not."""
    wrong = []
    for name, pairs in real_pairs(shared).items():
        if flagged(pairs, HONEST["the truth"]):
            wrong.append((name, "the truth", flagged(pairs, HONEST["the truth"])))
        for what in ("the left view", "moved", "black holes", "2 px lower", "swapped", "blurred"):
            cheat, change = STILL[what]
            if cheat not in flagged(pairs, change):
                wrong.append((name, what, flagged(pairs, change)))
    assert not wrong


@pytest.mark.media
def test_real_video(shared: Path) -> None:
    """A drive: timing as well."""
    folder = shared / "data" / "B" / "kitti_raw_adas"
    pairs = []
    for t in range(FRAMES + 2):
        left, right = (small(folder / side / f"{t:06d}.png") for side in ("left", "right"))
        pairs.append(Pair(to_tensor(right), to_tensor(left), to_tensor(right), index=t))
    for what in HONEST:
        assert not flagged(pairs, HONEST[what]), what
    for what, (cheat, change) in (STILL | MOVING).items():
        if "half a px" in what:
            continue  # at 400 px the drive's parallax is a few px, and this one is checked above
        assert cheat in flagged(pairs, change), what
