"""The plain renderer, which asks every body about every ray and has no lists, no bounds and no shortcuts, agrees."""

import dataclasses

import pytest
import torch

from secondeye import scene
from secondeye.errors import InputError

FIELDS = tuple(field.name for field in dataclasses.fields(scene.Truth))
SHOTS = [("room", "orbit"), ("yard", "lateral"), ("layers", "forward"), ("room", "turn"), ("layers", "still")]


def share_that_differs(a: torch.Tensor, b: torch.Tensor) -> float:
    assert a.shape == b.shape
    assert a.dtype == b.dtype
    return float((~torch.isclose(a.double(), b.double(), atol=1e-4, rtol=1e-5)).double().mean())


@pytest.mark.parametrize(("number", "kind"), list(enumerate(SHOTS)), ids=["-".join(kind) for kind in SHOTS])
def test_kernels_equal_brute_force(number: int, kind: tuple[str, str]) -> None:
    shot = scene.random_shot(number, place=kind[0], camera=kind[1], glossy=number % 2 == 0)
    fast, plain = (
        next(scene.render(shot, 1, 44, 30, start=12, samples=3, backend=backend)) for backend in ("numba", "torch")
    )
    assert share_that_differs(fast.left, plain.left) < 5e-4
    assert share_that_differs(fast.right, plain.right) < 5e-4
    for ours, theirs in ((fast.left_truth, plain.left_truth), (fast.right_truth, plain.right_truth)):
        for name in FIELDS:
            assert share_that_differs(getattr(ours, name), getattr(theirs, name)) < 2e-3, name


def test_optics_and_a_missing_right_eye() -> None:
    shot = scene.random_shot(4, place="layers", camera="lateral")
    optics = scene.Optics(aperture_mm=25, focus_m=4, shutter=0.5, exposures=3, noise=0.02, exposure_drift=0.4)
    shot = dataclasses.replace(shot, optics=optics)
    fast, plain = (next(scene.render(shot, 2, 32, 24, right=False, backend=backend)) for backend in ("numba", "torch"))
    assert share_that_differs(fast.left, plain.left) < 5e-4
    assert fast.right.numel() == plain.right.numel() == 0
    assert fast.right_truth is plain.right_truth is None


def test_backends_are_named_and_serve_their_devices() -> None:
    shot = scene.park()
    with pytest.raises(InputError, match="did you mean 'numba'"):
        next(scene.render(shot, 1, 8, 8, backend="numbe"))  # type: ignore[arg-type]
    with pytest.raises(InputError, match="on the CPU"):
        next(scene.render(shot, 1, 8, 8, backend="numba", device="cuda"))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_a_gpu_gives_the_same_frames() -> None:
    shot = scene.random_shot(1, place="yard")
    here, there = (next(scene.render(shot, 1, 64, 48, device=device)) for device in ("cpu", "cuda"))
    assert there.left.is_cuda
    assert share_that_differs(here.left, there.left.cpu()) < 1e-3
    assert here.left_truth is not None
    assert there.left_truth is not None
    assert share_that_differs(here.left_truth.disparity, there.left_truth.disparity.cpu()) < 1e-3
