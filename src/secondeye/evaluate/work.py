"""Where an evaluation keeps what it has finished, so that a killed run goes on where it was.

    <key>.json       numbers of one clip by one method
    <key>.zip        its pictures
    depth-<key>.f32  a clip's estimated depth, while methods that share it are measured

All lie in the folder `work` of the report. A key hashes all that the numbers depend on: data, method, settings and our
own code. A file under its final name is complete, and the numbers carry a hash of themselves and of the pictures, so
that files which were damaged later are made anew. The numbers stay after the run, so that another method can be added
without measuring the rest again.
"""

import functools
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from secondeye.errors import InputError
from secondeye.evaluate.results import ClipResult, from_json, to_json
from secondeye.keys import code_version
from secondeye.video.saving import whole, write_errors

NOT_NUMBERS = {"cli", "convert", "render", "inspect", "job.py", "summary.py", "files.py", "plots.py", "report.py"}
"""Folders of the package, and files of this one, that no clip's numbers depend on."""


class Work:
    """The folder of one evaluation's finished clips."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder for this run; the system lets go of it even after a kill.

        Raises:
            InputError: another run holds it, or it cannot be written.
        """
        with write_errors(self.root):
            self.root.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.root / "lock")
        try:
            with write_errors(self.root):
                lock.acquire(timeout=0)
        except Timeout:
            raise InputError(
                f"another evaluation is at work in {self.root}; wait for it, or give another --out"
            ) from None
        try:
            yield
        finally:
            for partial in self.root.glob("*.partial"):
                partial.unlink(missing_ok=True)
            lock.release()

    def load(self, key: str) -> ClipResult | None:
        """A finished clip; None where there is none, or numbers or pictures are not what was saved."""
        try:
            content = json.loads((self.root / f"{key}.json").read_text("utf-8"))
            text = json.dumps(content["result"], allow_nan=False)
            if content["hash"] == self._hash(key, text):
                return from_json(content["result"])
        except (OSError, ValueError, KeyError, TypeError):
            pass
        return None

    def _hash(self, key: str, text: str) -> str:
        """Of a clip's numbers and pictures."""
        return hashlib.sha256(text.encode() + self.pictures(key).read_bytes()).hexdigest()

    def pictures(self, key: str) -> Path:
        """Where a clip's pictures are."""
        return self.root / f"{key}.zip"

    def depth(self, key: str) -> Path:
        """Where a clip's estimated depth is while it is used."""
        return self.root / f"depth-{key}.f32"

    def save(self, key: str, result: ClipResult) -> None:
        """Keep a finished clip, whose pictures are kept already."""
        text = json.dumps(to_json(result), allow_nan=False)
        write_text(self.root / f"{key}.json", f'{{"hash": "{self._hash(key, text)}", "result": {text}}}\n')

    def forget_depth(self) -> None:
        """Remove the estimated depth of all clips."""
        for spool in self.root.glob("depth-*"):
            spool.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file whole or not at all, its line ends as they are."""
    with whole(path) as partial:
        partial.write_text(text, "utf-8", newline="")


def contents_of(folder: Path | None) -> str:
    """Hash of what a folder holds: names, sizes and dates; empty without one."""
    if folder is None:
        return ""
    digest = hashlib.sha256()
    for file in sorted(folder.rglob("*")):
        if file.is_file():  # a link to nowhere is none
            status = file.stat()
            digest.update(f"{file}\0{status.st_size}\0{status.st_mtime_ns}\0".encode())
    return digest.hexdigest()


@functools.cache
def numbers_version() -> str:
    """Version and hash of the code that numbers depend on."""
    return code_version(
        lambda path: (
            path.parts[0] not in NOT_NUMBERS and not (path.parts[0] == "evaluate" and path.parts[1] in NOT_NUMBERS)
        )
    )


def facts_of(record: Any) -> dict[str, Any]:
    """A settings record as plain facts for a key."""
    return {name: getattr(record, name) for name in record.__dataclass_fields__}
