"""Stored depth: segments whose units differ are fitted to one another, and read back on one scale a shot."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from secondeye.convert import depth_cache
from secondeye.convert.depth_cache import CachedDepth, is_stored, shot_ranges, store
from secondeye.types import Clip, DepthClip, Segment

SEGMENTS = (Segment(0, 0, 10), Segment(1, 10, 20, warmup=4), Segment(2, 20, 26, shot=1), Segment(3, 26, 30, 3, 1))
UNITS = ((1.0, 0.0), (0.4, 5.0), (7.0, -2.0), (3.0, 0.5))
"""Scale and shift that the model happens to have in each segment."""


def clip(start: int, stop: int) -> Clip:
    return Clip(torch.zeros(stop - start, 3, 8, 12), start, torch.arange(start, stop))


def world(start: int, stop: int) -> Tensor:
    """A ramp that changes over time, the same whoever looks: (N, 1, 8, 12)."""
    t = torch.arange(start, stop, dtype=torch.float32)[:, None, None, None]
    x = torch.linspace(0, 1, 12).expand(1, 1, 8, 12)
    return 2 + x * (1 + 0.01 * t) + 0.1 * torch.sin(t)


def paths_of(folder: Path, free_scale: bool) -> list[Path]:
    paths = []
    for segment, (scale, shift) in zip(SEGMENTS, UNITS, strict=True):
        first = segment.start - segment.warmup
        pieces = [(a, min(a + 3, segment.stop)) for a in range(first, segment.stop, 3)]
        clips = [DepthClip(clip(a, b), scale * world(a, b) + shift) for a, b in pieces]
        paths.append(folder / f"depth-{segment.index}.npz")
        store(paths[-1], clips, segment.start, lambda frames: None, free_scale=free_scale)
        assert is_stored(paths[-1])
    return paths


def read_back(paths: list[Path], ranges: Tensor) -> Tensor:
    model = CachedDepth(paths, SEGMENTS, ranges)
    return torch.cat([depth.inverse_depth for depth in model.estimate(iter([clip(0, 10), clip(10, 30)]))])


def test_segments_of_other_units_are_fitted_to_one_another(tmp_path: Path) -> None:
    paths = paths_of(tmp_path, free_scale=True)
    ranges = shot_ranges(paths, SEGMENTS, 0.0)
    depth = read_back(paths, ranges)
    for shot in ((0, 20), (20, 30)):
        wanted, got = world(*shot), depth[slice(*shot)]
        inside = (got > 0.06) & (got < 0.94)  # beyond, the scale bends
        slope = (got[inside] - got[inside].mean()) / (wanted[inside] - wanted[inside].mean())
        assert slope.median() > 0.3
        torch.testing.assert_close(slope, slope.median().expand_as(slope), rtol=0.02, atol=0)


def test_without_a_fit_the_scale_jumps(tmp_path: Path) -> None:
    """What the fit is for: the same segments, taken as if their units were one."""
    paths = paths_of(tmp_path, free_scale=False)
    ranges = shot_ranges(paths, SEGMENTS, 0.0)
    depth = read_back(paths, ranges)
    assert (depth[10] - depth[9]).abs().mean() > 0.3


def test_depth_on_one_scale_is_not_read_for_its_range(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A long film's depth is read once, when it is used."""
    paths = paths_of(tmp_path, free_scale=False)
    wanted = shot_ranges(paths, SEGMENTS, 0.0)
    monkeypatch.delattr(depth_cache, "_load")
    assert torch.equal(shot_ranges(paths, SEGMENTS, 0.0), wanted)


def test_a_segment_with_nothing_in_common_keeps_the_scale_before_it(tmp_path: Path) -> None:
    paths = [tmp_path / "a.npz", tmp_path / "b.npz"]
    segments = (Segment(0, 0, 4), Segment(1, 4, 8, warmup=2))
    store(paths[0], [DepthClip(clip(0, 4), torch.full((4, 1, 8, 12), 3.0))], 0, lambda frames: None, free_scale=True)
    store(paths[1], [DepthClip(clip(2, 8), world(2, 8))], 4, lambda frames: None, free_scale=True)
    ranges = shot_ranges(paths, segments, 0.0)
    assert bool(torch.isfinite(ranges).all())
    assert (ranges[:, 1] > ranges[:, 0]).all()


@pytest.mark.parametrize("junk", [b"", b"PK\x03\x04 cut short"])
def test_a_damaged_file_is_not_stored(tmp_path: Path, junk: bytes) -> None:
    (tmp_path / "d.npz").write_bytes(junk)
    assert not is_stored(tmp_path / "d.npz")
