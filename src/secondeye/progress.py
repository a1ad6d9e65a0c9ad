"""How a job tells its caller how far it is: one event per few frames, and nothing about how it is shown."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

INTERVAL_S = 0.05
"""Events within a stage come no closer than this, or a long film would give a hundred thousand."""

ProgressCallback = Callable[["Progress"], None]


@dataclass(frozen=True)
class Progress:
    """How far a job is.

    Attributes:
        stage: "scan", "depth", "convert", "join", "write", "render" or "evaluate".
        done, total: frames of this stage; `total` 0 where it is not known.
        frames_per_s: mean rate of this stage in this run, resumed frames not counted; 0 before the first frame.
        seconds_left: what remains of this stage at that rate; None where not known.
    """

    stage: str
    done: int
    total: int
    frames_per_s: float = 0.0
    seconds_left: float | None = None


class StageClock:
    """Turns frames done into `Progress` events; `callback_error` is what the callback raised, if it did.

    Args:
        stage: its name.
        total: frames in the stage, those of earlier runs included.
        done: frames that an earlier run finished.
        callback: receives the events; None drops them.
    """

    def __init__(self, stage: str, total: int, done: int, callback: ProgressCallback | None) -> None:
        self._stage, self._total, self._done, self._callback = stage, total, done, callback
        self._resumed = done
        self._told = -math.inf
        self.callback_error: Exception | None = None
        self._began = time.monotonic()
        self._tell(0.0)

    def advance(self, frames: int) -> None:
        """Count `frames` more as done."""
        self._done += frames
        elapsed = time.monotonic() - self._began
        self._tell((self._done - self._resumed) / elapsed if elapsed > 0 else 0.0)

    def _tell(self, rate: float) -> None:
        now = time.monotonic()
        if self._callback is None or (0 < self._done < (self._total or math.inf) and now - self._told < INTERVAL_S):
            return
        self._told = now
        left = (self._total - self._done) / rate if rate > 0 and self._total else None
        try:
            self._callback(Progress(self._stage, self._done, self._total, rate, left))
        except Exception as error:
            self.callback_error = error
            raise


def duration_text(seconds: float) -> str:
    """A duration for people: "0:07", "12:03", "1:02:03"."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
