"""The sample clip: any size and length, the same by seed, with its soundtrack."""

import numpy as np
import pytest
import torch

from secondeye import scene
from secondeye.errors import InputError
from secondeye.scene.casting import Memory


def test_sample_has_both_eyes_and_repeats_by_seed() -> None:
    first, second = (list(scene.sample(2, 48, 27, seed=1)) for _ in range(2))
    assert [tuple(f.left.shape) for f in first] == [(3, 27, 48)] * 2
    for a, b in zip(first, second, strict=True):
        assert torch.equal(a.left, b.left)
        assert torch.equal(a.right, b.right)
        assert a.left.min() >= 0
        assert a.left.max() <= 1
    assert not torch.equal(first[0].left, first[1].left), "something moves"
    assert not torch.equal(first[0].left, first[0].right), "the eyes differ"
    assert not torch.equal(first[0].left, next(scene.sample(1, 48, 27, seed=2)).left), "seeds differ"


@pytest.mark.parametrize("size", [(1, 1), (16, 1), (1, 9), (33, 17)])
def test_any_size(size: tuple[int, int]) -> None:
    frame = next(scene.sample(1, *size, truth=True))
    assert frame.right.shape == (3, size[1], size[0])
    assert frame.left_truth is not None
    assert frame.left_truth.disparity.shape == (1, size[1], size[0])
    assert torch.isfinite(frame.left).all()


def test_left_alone_is_the_same_left() -> None:
    both, alone = next(scene.sample(1, 40, 22)), next(scene.sample(1, 40, 22, right=False))
    assert torch.equal(both.left, alone.left)
    assert alone.right.numel() == 0


def test_frames_do_not_depend_on_how_many_are_asked_for() -> None:
    shot = scene.park(0)
    whole = torch.cat([f.left for f in scene.render(shot, 4, 24, 16)])
    tail = torch.cat([f.left for f in scene.render(shot, 2, 24, 16, start=2)])
    assert torch.equal(whole[2:], tail)


def test_impossible_requests_are_refused() -> None:
    with pytest.raises(InputError, match="cannot render 0 frames"):
        next(scene.sample(0, 8, 8))
    with pytest.raises(InputError, match="at most 256"):
        next(scene.render(scene.park(), 1, 8, 8, samples=257))


def test_soundtrack_is_stereo_and_repeats_by_seed() -> None:
    sound = scene.soundtrack(1.5, 48000, seed=3)
    assert sound.shape == (2, 72000)
    assert sound.dtype == np.float32
    assert np.abs(sound).max() <= 1
    assert np.abs(sound).mean() > 0.005, "there is something to hear"
    assert not np.array_equal(sound[0], sound[1]), "it is stereo"
    assert np.array_equal(sound, scene.soundtrack(1.5, 48000, seed=3))
    assert scene.soundtrack(0).shape == (2, 0)


def test_memory_is_lent_again_only_once_nobody_holds_any_of_it() -> None:
    """A tensor made of a part of a view of it still holds it."""
    memory = Memory()
    first = memory.floats(3, 4, 5)
    held = torch.from_numpy(first)[1:, 2]
    held.fill_(7.0)
    place = first.ctypes.data
    del first
    second = memory.floats(3, 4, 5)
    second[:] = 0
    assert second.ctypes.data != place
    assert bool((held == 7).all())
    del held
    assert memory.floats(3, 4, 5).ctypes.data == place
