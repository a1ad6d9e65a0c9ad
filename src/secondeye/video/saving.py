"""Files that are either whole under their own name or not there: written under another name, renamed when complete."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from av import FFmpegError

from secondeye.errors import InputError, ResourceError

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
REFUSED = {
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.ENOENT,
    errno.ENOTDIR,
    errno.EISDIR,
    errno.EEXIST,
    errno.ENAMETOOLONG,
    errno.ELOOP,
}


def partial_path(path: Path) -> Path:
    """Where a file is written until it is whole: beside it, so that renaming is one step."""
    return path.with_name(f"{path.name}.partial")


@contextmanager
def write_errors(path: Path) -> Iterator[None]:
    """Tell failures of writing a file in our own terms.

    Raises:
        ResourceError: the disk is full, or memory ran out.
        InputError: the file may not be written there.
    """
    try:
        yield
    except MemoryError as error:
        raise ResourceError(f"memory ran out while writing {path}; choose a smaller layout or fewer threads") from error
    except (OSError, FFmpegError) as error:
        if error.errno in FULL:
            raise ResourceError(f"the disk is full: {path} could not be written; free space and run again") from error
        if error.errno == errno.ENOMEM:
            raise ResourceError(f"memory ran out while writing {path}; choose a smaller layout") from error
        if error.errno in REFUSED:
            raise InputError(f"{path} cannot be written: {os.strerror(error.errno)}") from error
        raise


def settle(partial: Path, final: Path) -> None:
    """Give a finished file its name, and have the disk keep both: afterwards a power cut loses nothing.

    Raises:
        ResourceError: the disk is full.
        InputError: the name cannot be given.
    """
    with write_errors(final):
        _sync(partial)
        os.replace(partial, final)
        _sync(final.parent)


def check_writable(path: Path) -> None:
    """Make the folder of a file that is to be written, and see whether files can be made there: before long work.

    Raises:
        ResourceError: the disk is full.
        InputError: the file may not be written there.
    """
    with write_errors(path):
        if path.is_dir():
            raise InputError(f"{path} is a folder; give the file another name")
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = partial_path(path)
        partial.touch()
        partial.unlink()


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


def _sync(path: Path) -> None:
    """Flush a file or a folder; systems and file systems that cannot do it for folders are left alone."""
    if path.is_dir() and os.name == "nt":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EACCES, errno.EBADF):
            raise
    finally:
        os.close(descriptor)
