"""Where a conversion keeps what it has finished.

    WORK/lock                            held while a run is on
    WORK/auto.json                       what `--depth auto` chose, until the job is done
    WORK/scan.json                       frame index and cuts of the source
    WORK/depth-<key>/depth-00007.npz     inverse depth of one segment
    WORK/<key>/plan.json                 what is being made, for people and programs to read
    WORK/<key>/part-00007.nut            one converted segment

Each key has its own folder, so changing a setting and changing it back loses nothing. A file that exists under its
final name is complete: everything is written under a partial name and renamed.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

import secondeye
from secondeye.errors import InputError
from secondeye.video.saving import partial_path, settle, write_errors
from secondeye.video.writer import part_paths

_SAMPLE_BYTES = 1 << 20


class Workspace:
    """The folder of one source's unfinished work.

    Args:
        root: the folder; made when first written to.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    @classmethod
    def beside(cls, out: Path, source: Path, fingerprint: str) -> Workspace:
        """The default place: a hidden folder beside the output, one per source."""
        return cls(out.parent / ".secondeye" / f"{source.stem}-{fingerprint[:8]}")

    @property
    def scan_file(self) -> Path:
        """Frame index and cuts."""
        return self.root / "scan.json"

    @property
    def choice_file(self) -> Path:
        """What `--depth auto` chose for the job under way."""
        return self.root / "auto.json"

    def depth_file(self, key: str, index: int) -> Path:
        """Inverse depth of segment `index`."""
        return self.root / f"depth-{key}" / f"depth-{index:05d}.npz"

    def parts_folder(self, key: str) -> Path:
        """Folder of one plan's parts."""
        return self.root / key

    def part_files(self, key: str, index: int, layout: str) -> tuple[Path, ...]:
        """Converted segment `index`: one file, or two for the layout `pair`; it is there when the last of them is."""
        return part_paths(self.parts_folder(key) / f"part-{index:05d}.nut", layout)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder for this run; the system lets go of it even after a kill.

        Raises:
            InputError: another run holds it, or the folder cannot be written.
        """
        make_folder(self.root)
        lock = FileLock(self.root / "lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise InputError(
                f"another conversion of this source is at work in {self.root}; wait for it, or give --work-dir"
            ) from None
        try:
            yield
        finally:
            lock.release()
            self.tidy()

    def finish(self, key: str) -> None:
        """Remove one plan's parts, which are joined, and forget what "auto" chose for it."""
        shutil.rmtree(self.parts_folder(key), ignore_errors=True)
        self.choice_file.unlink(missing_ok=True)

    def tidy(self) -> None:
        """Leave finished depth and parts for another run, where there are any; else leave nothing."""
        if not any(file.suffix in (".npz", ".nut") for file in self.root.rglob("*-?????*")):
            self.drop()

    def drop(self) -> None:
        """Remove everything, and the folder above where it is ours and empty."""
        shutil.rmtree(self.root, ignore_errors=True)
        if self.root.parent.name == ".secondeye" and not any(self.root.parent.iterdir()):
            self.root.parent.rmdir()


def make_folder(path: Path) -> None:
    """Make a folder and its parents.

    Raises:
        InputError: the path cannot be made or written.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make the folder {path}: {error.strerror}; choose another") from None
    if not os.access(path, os.W_OK):
        raise InputError(f"cannot write into {path}; choose another folder")


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A name to write to, renamed to `path` when the block ends well, and removed otherwise.

    Raises:
        ResourceError: the disk is full.
        InputError: the file may not be written there.
    """
    partial = partial_path(path)
    with write_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield partial
            settle(partial, path)
        finally:
            partial.unlink(missing_ok=True)


def write_json(path: Path, content: Any) -> None:
    """Write JSON whole or not at all."""
    with whole(path) as partial:
        partial.write_text(json.dumps(content, default=str), "utf-8")


def fingerprint(path: Path) -> str:
    """Hash of what a source holds: size and three samples of a file; names, sizes and dates of a folder's files."""
    digest = hashlib.sha256()
    if path.is_dir():
        for entry in sorted(path.iterdir()):
            status = entry.stat()
            digest.update(f"{entry.name}\0{status.st_size}\0{status.st_mtime_ns}\0".encode())
        return digest.hexdigest()
    size = path.stat().st_size
    digest.update(str(size).encode())
    with open(path, "rb") as file:
        for offset in (0, size // 2, max(0, size - _SAMPLE_BYTES)):
            file.seek(offset)
            digest.update(file.read(_SAMPLE_BYTES))
    return digest.hexdigest()


def key_of(*parts: object) -> str:
    """A short hash of anything that prints the same when it is the same."""
    return hashlib.sha256(json.dumps(parts, default=repr, sort_keys=True).encode()).hexdigest()[:16]


@functools.cache
def code_version() -> str:
    """Version and hash of this package's own source, so that parts made by other code are not taken for ours."""
    root = Path(secondeye.__file__).parent
    digest = hashlib.sha256()
    for file in sorted(root.rglob("*.py")):
        digest.update(file.read_bytes())
    return f"{secondeye.__version__}+{digest.hexdigest()[:12]}"
