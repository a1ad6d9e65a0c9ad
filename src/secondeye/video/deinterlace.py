"""Whole frames out of interlaced ones: one frame for each, at its own time, by FFmpeg's bwdif.

Motion at the field rate is halved; times and frame numbers stay. Frames flagged progressive pass unchanged.
"""

from collections import deque
from collections.abc import Iterator
from fractions import Fraction

from av import VideoFrame
from av.error import BlockingIOError as NothingYet
from av.error import EOFError as NoMore
from av.filter import Graph

REACH = 1
"""So many frames on either side bwdif looks at."""


def can_deinterlace(width: int, height: int) -> bool:
    """Whether bwdif takes frames of that size."""
    return width >= 3 and height >= 4


def deinterlaced(frames: Iterator[tuple[int, VideoFrame]]) -> Iterator[tuple[int, VideoFrame]]:
    """Deinterlace numbered frames; each comes out under its number once REACH more have gone in."""
    numbers: deque[int] = deque()
    graph, shape = None, None
    for number, frame in frames:
        if shape != (frame.width, frame.height, frame.format.name):
            yield from _flushed(graph, numbers)
            shape = (frame.width, frame.height, frame.format.name)
            graph = _graph(frame)
        assert graph is not None
        frame.pts = number
        numbers.append(number)
        graph.push(frame)
        yield from _pulled(graph, numbers)
    yield from _flushed(graph, numbers)


def _graph(frame: VideoFrame) -> Graph:
    graph = Graph()
    graph.threads = 1
    source = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=Fraction(1))
    bwdif = graph.add("bwdif", "mode=send_frame:parity=auto:deint=interlaced")
    sink = graph.add("buffersink")
    source.link_to(bwdif)
    bwdif.link_to(sink)
    graph.configure()
    return graph


def _pulled(graph: Graph, numbers: deque[int]) -> Iterator[tuple[int, VideoFrame]]:
    while numbers:
        try:
            frame = graph.pull()
        except (NothingYet, NoMore):
            return
        assert isinstance(frame, VideoFrame)
        yield numbers.popleft(), frame


def _flushed(graph: Graph | None, numbers: deque[int]) -> Iterator[tuple[int, VideoFrame]]:
    if graph is not None and numbers:
        graph.push(None)
        yield from _pulled(graph, numbers)
    numbers.clear()
