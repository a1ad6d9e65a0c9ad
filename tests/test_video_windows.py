"""Windows over streams of records: every frame where it belongs, and back again, for any grouping."""

from typing import Literal

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from secondeye.errors import ContractError
from secondeye.types import Clip, DepthClip, StereoClip, WarpedClip
from secondeye.video.windows import joined, merged, regroup, taken, windowed


def clip(start: int, length: int) -> Clip:
    """Frames whose pixels tell their number."""
    numbers = torch.arange(start, start + length)
    return Clip(numbers.float().view(-1, 1, 1, 1).expand(-1, 3, 2, 4).clone(), start, numbers * 10)


def stream(sizes: list[int], start: int = 0) -> list[Clip]:
    clips = []
    for size in sizes:
        clips.append(clip(start, size))
        start += size
    return clips


def numbers(record: Clip) -> list[int]:
    found = record.rgb[:, 0, 0, 0].int().tolist()
    assert found == list(range(record.start, record.start + len(record)))
    assert record.pts.tolist() == [10 * number for number in found]
    return found


SIZES = st.lists(st.integers(1, 9), max_size=12)


@given(sizes=SIZES, window=st.integers(1, 8), data=st.data(), last=st.sampled_from(["short", "moved"]))
def test_windows(sizes: list[int], window: int, data: st.DataObject, last: Literal["short", "moved"]) -> None:
    overlap = data.draw(st.integers(0, window - 1))
    count, stride = sum(sizes), window - overlap
    got = [numbers(record) for record in windowed(stream(sizes), window, overlap, last)]
    starts = [0] if 0 < count < window else list(range(0, count - window + 1, stride))
    expected = [list(range(start, min(count, start + window))) for start in starts]
    if expected and expected[-1][-1] < count - 1:
        first = starts[-1] + stride if last == "short" else count - window
        expected.append(list(range(first, count)))
    assert got == expected
    back = [number for record in merged(windowed(stream(sizes), window, overlap, last)) for number in numbers(record)]
    assert back == list(range(count))


@given(sizes=SIZES, size=st.integers(1, 7))
def test_regroup(sizes: list[int], size: int) -> None:
    got = [numbers(record) for record in regroup(stream(sizes), size)]
    assert [number for group in got for number in group] == list(range(sum(sizes)))
    assert all(len(group) == size for group in got[:-1])


def test_windows_do_not_reach_over_missing_frames() -> None:
    records = [clip(0, 3), clip(3, 2), clip(7, 4), clip(11, 1)]
    assert [numbers(r) for r in windowed(records, 3, 1)] == [[0, 1, 2], [2, 3, 4], [7, 8, 9], [9, 10, 11]]
    assert [n for r in merged(windowed(records, 3, 1)) for n in numbers(r)] == [0, 1, 2, 3, 4, 7, 8, 9, 10, 11]


def test_windows_come_as_soon_as_they_are_full() -> None:
    fed: list[int] = []

    def source() -> "object":
        for record in stream([1] * 10):
            fed.append(record.start)
            yield record

    windows = windowed(source(), 4, 2)  # type: ignore[type-var]
    assert numbers(next(windows)) == [0, 1, 2, 3]
    assert fed == [0, 1, 2, 3]


def full_record(start: int, length: int) -> StereoClip:
    return StereoClip(clip(start, length), clip(start, length))


def warped(start: int, length: int) -> WarpedClip:
    left = clip(start, length)
    one = left.rgb[:, :1]
    return WarpedClip(left, one.clone(), left.rgb + 1, one > 2)


def test_every_record_can_be_cut_and_joined() -> None:
    for make in (full_record, warped, lambda s, n: DepthClip(clip(s, n), torch.rand(n, 1, 3, 5))):
        whole = make(4, 6)
        again = joined([taken(whole, 0, 1), taken(whole, 1, 4), taken(whole, 4, 6)])
        assert type(again) is type(whole)
        assert again.left.start == 4
        for field in ("left", "right", "disparity", "hole", "inverse_depth"):
            mine, theirs = getattr(whole, field, None), getattr(again, field, None)
            if isinstance(mine, torch.Tensor):
                assert isinstance(theirs, torch.Tensor)
                assert torch.equal(mine, theirs)
        assert torch.equal(again.left.rgb, whole.left.rgb)
        assert [len(r) for r in windowed([whole], 4, 1)] == [4, 3]


def test_impossible_overlaps() -> None:
    for overlap in (-1, 3, 4):
        with pytest.raises(ContractError):
            next(windowed([clip(0, 3)], 3, overlap))
