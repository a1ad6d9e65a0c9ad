"""What a job says when it is done."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Result:
    """What a conversion made.

    Attributes:
        files: the output, two files for the layout `pair`.
        frames: how many were converted.
        seconds: wall time of this run.
        depth: the depth model that was used.
        notes: what the user should know: choices, and what could not be carried over.
    """

    files: tuple[Path, ...]
    frames: int
    seconds: float
    depth: str
    notes: tuple[str, ...]

    def text(self) -> str:
        """One line for people."""
        rate = f"{self.frames / self.seconds:.1f} frames a second" if self.seconds > 0 else ""
        return f"{' and '.join(str(file) for file in self.files)}  ({self.frames} frames, {self.seconds:.1f} s, {rate})"

    def facts(self) -> dict[str, Any]:
        """The same for programs."""
        return {
            "files": [str(file) for file in self.files],
            "frames": self.frames,
            "seconds": round(self.seconds, 3),
            "depth": self.depth,
            "notes": list(self.notes),
        }
