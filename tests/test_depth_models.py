"""What every depth model promises, whichever it is."""

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import pytest
import torch

from secondeye import depth_models
from secondeye.depth.files import DepthWriter
from secondeye.errors import InputError
from secondeye.types import Clip, DepthClip, DepthEstimator

FRAMES = 9


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """A tiny network spends its time on threads waiting for each other, the more so on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def frames(count: int = FRAMES, height: int = 36, width: int = 64, seed: int = 0) -> torch.Tensor:
    """A textured world that slides past, with a box in it that slides faster."""
    generator = torch.Generator().manual_seed(seed)
    world = torch.rand(1, 3, height // 2 + 8, width // 2 + 60, generator=generator)
    world = torch.nn.functional.interpolate(world, scale_factor=2, mode="bicubic").clamp(0, 1)[0]
    shown = []
    for t in range(count):
        frame = world[:, :height, t : t + width].clone()
        left = max(0, width // 2 - 2 * t)
        box = frame[:, height // 3 : height // 2, left : left + width // 4]
        box.copy_(world[:, : box.shape[1], 60 : 60 + box.shape[2]])
        shown.append(frame)
    return torch.stack(shown)


def clips(rgb: torch.Tensor, *lengths: int, start: int = 0) -> Iterator[Clip]:
    """The frames in clips of these lengths; the last length repeats."""
    at, lengths_left = 0, list(lengths)
    while at < len(rgb):
        length = lengths_left.pop(0) if len(lengths_left) > 1 else lengths_left[0]
        part = rgb[at : at + length]
        yield Clip(part, start + at, torch.arange(start + at, start + at + len(part)) * 100)
        at += len(part)


Make = Callable[..., DepthEstimator]


@pytest.fixture(params=depth_models.names())
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    """Builds one depth model for frames of a size; learned ones are tiny, and `file` reads what is written here."""
    name = request.param

    def build(height: int = 36, width: int = 64, count: int = FRAMES) -> DepthEstimator:
        if name == "file":
            path = tmp_path / f"{height}x{width}.npz"
            values = torch.rand(count, 1, height, width, generator=torch.Generator().manual_seed(5))
            with DepthWriter(path, (height, width), Fraction(25), overwrite=True) as writer:
                writer.write(values)
            return depth_models.build("file", path=path)
        if name in ("depth_anything", "video_depth_anything"):
            return depth_models.build(name, tiny=True, resolution=28, device="cpu")
        return depth_models.build(name)

    return build


def run(model: DepthEstimator, rgb: torch.Tensor, *lengths: int, start: int = 0) -> list[DepthClip]:
    return list(model.estimate(clips(rgb, *lengths, start=start)))


def joined(results: list[DepthClip]) -> torch.Tensor:
    return torch.cat([result.inverse_depth for result in results])


def test_it_keeps_the_protocol(make: Make) -> None:
    model = make()
    assert isinstance(model, DepthEstimator)
    assert isinstance(model.scaled, bool)


def test_the_same_frames_come_out_in_order_and_once(make: Make) -> None:
    rgb = frames()
    results = run(make(), rgb, 2)
    assert [result.left.start for result in results] == [0, 2, 4, 6, 8]
    assert torch.equal(torch.cat([result.left.rgb for result in results]), rgb)
    assert torch.equal(torch.cat([result.left.pts for result in results]), torch.arange(FRAMES) * 100)
    assert len({tuple(result.inverse_depth.shape[2:]) for result in results}) == 1


def test_depth_is_finite_and_within_its_scale(make: Make) -> None:
    model = make()
    depth = joined(run(model, frames(), 3))
    assert bool(torch.isfinite(depth).all())
    assert depth.std() > 0
    if model.scaled:
        assert depth.min() >= 0
        assert depth.max() <= 1


def test_results_do_not_depend_on_how_frames_are_grouped(make: Make) -> None:
    rgb = frames()
    want = joined(run(make(), rgb, 1))
    for lengths in ((FRAMES,), (2,), (3, 1, 4)):
        assert torch.equal(joined(run(make(), rgb, *lengths)), want)


def test_the_same_input_gives_the_same_bytes(make: Make) -> None:
    model, rgb = make(), frames()
    assert torch.equal(joined(run(model, rgb, 2)), joined(run(model, rgb, 2)))


def test_two_streams_interleaved_give_what_each_gives_alone(make: Make) -> None:
    model, rgb, other = make(), frames(), frames(seed=1).flip(3)
    alone = joined(run(model, rgb, 2)), joined(run(model, other, 2))
    streams = model.estimate(clips(rgb, 2)), model.estimate(clips(other, 2))
    pairs = list(zip(*streams, strict=True))
    assert torch.equal(joined([pair[0] for pair in pairs]), alone[0])
    assert torch.equal(joined([pair[1] for pair in pairs]), alone[1])


def test_a_segment_from_the_middle_keeps_its_frame_numbers(make: Make) -> None:
    results = run(make(count=FRAMES + 4), frames(), 4, start=4)
    assert [result.left.start for result in results] == [4, 8, 12]


def test_the_input_is_left_as_it_was(make: Make) -> None:
    rgb = frames()
    before = rgb.clone()
    run(make(), rgb, 3)
    assert torch.equal(rgb, before)


@pytest.mark.parametrize("value", [0.0, 1.0, None], ids=["black", "white", "noise"])
def test_frames_that_show_nothing(make: Make, value: float | None) -> None:
    rgb = torch.rand(FRAMES, 3, 36, 64) if value is None else torch.full((FRAMES, 3, 36, 64), value)
    assert bool(torch.isfinite(joined(run(make(), rgb, 2))).all())


def test_one_frame(make: Make) -> None:
    depth = joined(run(make(count=1), frames(1), 1))
    assert len(depth) == 1
    assert bool(torch.isfinite(depth).all())


def test_no_frame_at_all(make: Make) -> None:
    assert list(make().estimate(iter([]))) == []


@pytest.mark.parametrize("size", [(1, 1), (1, 16), (16, 1), (37, 53), (64, 36)])
def test_odd_and_tiny_sizes(make: Make, size: tuple[int, int]) -> None:
    rgb = torch.rand(3, 3, *size, generator=torch.Generator().manual_seed(2))
    depth = joined(run(make(*size, count=3), rgb, 2))
    assert len(depth) == 3
    assert bool(torch.isfinite(depth).all())


def test_unknown_names_and_options_are_refused_with_the_nearest() -> None:
    with pytest.raises(InputError, match="did you mean 'depth_anything'"):
        depth_models.build("depth_anythin")
    with pytest.raises(InputError, match="option of depth model parallax called 'width'"):
        depth_models.build("parallax", width=3)


def test_a_depth_file_must_fit_its_clip(tmp_path: Path) -> None:
    with DepthWriter(tmp_path / "d.npz", (18, 32)) as writer:
        writer.write(torch.rand(4, 1, 18, 32))
    model = depth_models.build("file", path=tmp_path / "d.npz")
    assert joined(run(model, frames(4), 2)).shape == (4, 1, 18, 32)
    with pytest.raises(InputError, match="has 4 depth frames"):
        run(model, frames(6), 2)
    with pytest.raises(InputError, match="does not fit frames of 36x64"):
        run(model, frames(4, 64, 36), 2)
    with pytest.raises(InputError, match="needs its path"):
        depth_models.build("file")
    with pytest.raises(InputError, match="no such depth file"):
        depth_models.build("file", path=tmp_path / "absent.mkv")


def test_a_file_may_mean_the_opposite(tmp_path: Path) -> None:
    values = torch.rand(2, 1, 36, 64)
    with DepthWriter(tmp_path / "d.npz", (36, 64)) as writer:
        writer.write(values)
    model = depth_models.build("file", path=tmp_path / "d.npz", invert=True)
    assert torch.allclose(joined(run(model, frames(2), 1)), 1 - values, atol=1e-6)
