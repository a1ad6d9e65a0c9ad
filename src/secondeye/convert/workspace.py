"""Where a conversion keeps what it has finished.

    WORK/auto.json                       what `--depth auto` chose, until the job is done
    WORK/scan.json                       frame index and cuts of the source
    WORK/depth-<key>/depth-00007.npz     inverse depth of one segment
    WORK/<key>/plan.json                 what is being made, for people and programs to read
    WORK/<key>/part-00007.nut            one converted segment

Each key has its own folder, so changing a setting and changing it back loses nothing. A file that exists under its
final name is complete: everything is written under a partial name and renamed.
"""

from __future__ import annotations

import getpass
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from secondeye.errors import InputError, is_interrupt
from secondeye.video.saving import whole
from secondeye.video.writer import part_paths

HIDDEN = ".secondeye"
"""The folder beside an output that holds unfinished work, where no other is given."""

_SAMPLE_BYTES = 1 << 20


class Workspace:
    """The folder of one source's unfinished work.

    Args:
        root: the folder; made when first written to.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    @classmethod
    def of(cls, source: Path, folder: Path) -> Workspace:
        """The workspace of one source: a folder of its own within `folder`, so that nothing of the user's is in it."""
        return cls(folder / f"{source.absolute().stem}-{fingerprint(source)[:8]}")

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
        place = hashlib.sha256(os.fsencode(self.root.absolute())).hexdigest()[:16]
        user = os.getuid() if hasattr(os, "getuid") else getpass.getuser()
        lock = FileLock(Path(tempfile.gettempdir()) / f"secondeye-{user}-{place}.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise InputError(
                f"another conversion of this source is at work in {self.root}; wait for it, or give --work-dir"
            ) from None
        try:
            make_folder(self.root)
            stopped = False
            try:
                yield
            except BaseException as error:
                stopped = is_interrupt(error)
                raise
            finally:
                self._tidy(keep_scan=stopped)
        finally:
            lock.release()

    def finish(self, key: str) -> None:
        """Remove one plan's parts, which are joined, and forget what "auto" chose for it."""
        shutil.rmtree(self.parts_folder(key), ignore_errors=True)
        self.choice_file.unlink(missing_ok=True)

    def drop(self) -> None:
        """Remove everything, and the hidden folder above where it is empty."""
        shutil.rmtree(self.root, ignore_errors=True)
        if self.root.parent.name == HIDDEN:
            with suppress(OSError):  # not empty: another source has work there
                self.root.parent.rmdir()

    def _tidy(self, keep_scan: bool) -> None:
        """Leave finished depth and parts for another run, or, of a run that was stopped, the scan; else nothing."""
        for partial in self.root.rglob("*.partial"):
            partial.unlink(missing_ok=True)
        for folder in [path for path in self.root.glob("*") if path.is_dir()]:
            if not any(file.suffix in (".npz", ".nut") for file in folder.iterdir()):
                shutil.rmtree(folder, ignore_errors=True)
        if not any(path.is_dir() for path in self.root.glob("*")) and not (keep_scan and self.scan_file.exists()):
            self.drop()


def make_folder(path: Path) -> None:
    """Make a folder and its parents.

    Raises:
        InputError: the path cannot be made or written.
    """
    try:
        with suppress(FileNotFoundError):  # a parent was removed by another run that ended just now
            path.mkdir(parents=True, exist_ok=True)
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make the folder {path}: {error.strerror}; choose another") from None
    if not os.access(path, os.W_OK):
        raise InputError(f"cannot write into {path}; choose another folder")


def write_json(path: Path, content: Any) -> None:
    """Write JSON whole or not at all."""
    with whole(path) as partial:
        partial.write_text(json.dumps(content, default=str), "utf-8")


def fingerprint(path: Path) -> str:
    """Hash of what a source holds: size, date and three samples of a file; names, sizes and dates of a folder's files.

    The date is in it because an edit in place can keep the size and miss the samples.
    """
    digest = hashlib.sha256()
    if path.is_dir():
        for entry in sorted(path.iterdir()):
            status = entry.stat()
            digest.update(os.fsencode(entry.name) + f"\0{status.st_size}\0{status.st_mtime_ns}\0".encode())
        return digest.hexdigest()
    size = path.stat().st_size
    digest.update(f"{size}\0{path.stat().st_mtime_ns}".encode())
    with open(path, "rb") as file:
        for offset in (0, size // 2, max(0, size - _SAMPLE_BYTES)):
            file.seek(offset)
            digest.update(file.read(_SAMPLE_BYTES))
    return digest.hexdigest()
