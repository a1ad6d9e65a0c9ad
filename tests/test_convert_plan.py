"""Segments cover a source once, in order, never across a cut."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondeye.convert.plan import WARMUP_FRAMES, split_shots


@given(
    frame_count=st.integers(1, 2000),
    cut_seeds=st.lists(st.integers(1, 1999), max_size=20, unique=True),
    longest=st.integers(2, 300),
)
def test_segments_cover_every_frame_once(frame_count: int, cut_seeds: list[int], longest: int) -> None:
    cuts = tuple(sorted(cut for cut in cut_seeds if cut < frame_count))
    segments = split_shots(frame_count, cuts, longest)
    assert [s.index for s in segments] == list(range(len(segments)))
    assert segments[0].start == 0
    assert segments[-1].stop == frame_count
    for before, after in itertools.pairwise(segments):
        assert before.stop == after.start
    for segment in segments:
        assert len(segment) <= longest
        assert not any(segment.start < cut < segment.stop for cut in cuts), "a segment spans a cut"


def test_warmup_stays_within_the_shot() -> None:
    segments = split_shots(100, (40,), 30)
    firsts = {0: 0, 1: 40}
    for segment in segments:
        assert segment.warmup == min(WARMUP_FRAMES, segment.start - firsts[segment.shot])


def test_pieces_of_a_shot_are_even() -> None:
    lengths = [len(s) for s in split_shots(301, (), 150)]
    assert max(lengths) - min(lengths) <= 1


@pytest.mark.parametrize("longest", [150, 151, 10_000])
def test_a_short_source_is_one_segment(longest: int) -> None:
    assert len(split_shots(150, (), longest)) == 1
