"""Finished work is kept, unfinished work leaves no trace, and two runs cannot share a folder."""

import errno
import os
from pathlib import Path

import pytest

from secondeye.convert.workspace import Workspace, fingerprint
from secondeye.errors import InputError, ResourceError
from secondeye.keys import key_of
from secondeye.video.saving import whole


def test_a_whole_file_appears_only_when_the_block_ends_well(tmp_path: Path) -> None:
    target = tmp_path / "folder" / "file.bin"
    with whole(target) as partial:
        partial.write_bytes(b"abc")
        assert not target.exists()
    assert target.read_bytes() == b"abc"
    assert not partial.exists()


def test_a_failed_block_leaves_the_old_file_and_no_partial(tmp_path: Path) -> None:
    target = tmp_path / "file.bin"
    target.write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt), whole(target) as partial:
        partial.write_bytes(b"new")
        raise KeyboardInterrupt
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_full_disk_is_a_resource_error(tmp_path: Path) -> None:
    with pytest.raises(ResourceError, match="disk is full"), whole(tmp_path / "file.bin"):
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_second_run_is_refused_while_the_first_is_on(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "work")
    with workspace.locked(), pytest.raises(InputError, match="at work"), Workspace(tmp_path / "work").locked():
        pass
    with workspace.locked():
        pass


def test_fingerprint_tells_contents_apart_and_ignores_names(tmp_path: Path) -> None:
    one, two, other = tmp_path / "one", tmp_path / "two", tmp_path / "other"
    one.write_bytes(b"a" * 5_000_000)
    two.write_bytes(b"a" * 5_000_000)
    other.write_bytes(b"a" * 4_999_999 + b"b")
    for file in (one, two, other):
        os.utime(file, ns=(0, 0))
    assert fingerprint(one) == fingerprint(two)
    assert fingerprint(one) != fingerprint(other)
    os.utime(two, ns=(0, 1))
    assert fingerprint(one) != fingerprint(two), "an edit in place is noticed by its date"


def test_keys_differ_with_any_part() -> None:
    assert key_of("a", 1) != key_of("a", 2)
    assert key_of("a", {"x": 1, "y": 2}) == key_of("a", {"y": 2, "x": 1})
