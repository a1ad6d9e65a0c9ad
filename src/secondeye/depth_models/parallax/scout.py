"""The next comparison, made beside: most of the time goes into comparing frames, and only every fourth is compared."""

from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType

import torch

from secondeye.depth_models.parallax.look import Look, compare
from secondeye.depth_models.parallax.view import View


class Scout:
    """Compares a frame that is still to come, on a thread of its own, while those before it are shown.

    What it finds is what would have been found later, bit for bit: where things do not come as expected (a flash, a
    cut), the comparison is made again.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="secondeye-scout")
        self._sent: tuple[View, float, Future[Look]] | None = None

    def __enter__(self) -> "Scout":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._thread.shutdown(cancel_futures=True)

    def send(self, view: View, frames: int, gap: float) -> None:
        """Begin to compare the frame that comes so many after a view's, with one about `gap` off."""
        later = view.later(frames) if torch.get_num_threads() > 1 else None
        self._sent = (later, gap, self._thread.submit(compare, later, gap)) if later is not None else None

    def look(self, view: View, gap: float) -> Look:
        """What comparing a view's frame with one about `gap` off says."""
        if self._sent is not None:
            expected, sent_gap, found = self._sent
            self._sent = None
            if sent_gap == gap and view.shows_what(expected):
                return found.result()
            found.cancel()
        return compare(view, gap)
