"""Keys under which finished work is kept, so that a run that goes on takes nothing that was made of other things."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import secondeye


def key_of(*parts: object) -> str:
    """A short hash of anything that prints the same when it is the same."""
    return hashlib.sha256(json.dumps(parts, default=repr, sort_keys=True).encode()).hexdigest()[:16]


def code_version(matters: Callable[[Path], bool] = lambda path: True) -> str:
    """Version and hash of this package's own source, so that what other code made is not taken for ours.

    Args:
        matters: whether a file, given within the package, counts.
    """
    root = Path(secondeye.__file__).parent
    digest = hashlib.sha256()
    for file in sorted(root.rglob("*.py")):
        if matters(file.relative_to(root)):
            digest.update(file.read_bytes())
    return f"{secondeye.__version__}+{digest.hexdigest()[:12]}"
