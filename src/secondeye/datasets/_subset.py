"""Lists of clips that papers measure on."""

import json
from pathlib import Path

from secondeye.errors import InputError


def read_subset(folder: Path, subset: str) -> list[str]:
    """The names in a JSON list, of a file within the dataset's folder or anywhere, in its order.

    Raises:
        InputError: no such file, or no list of names in it.
    """
    path = folder / subset if (folder / subset).is_file() else Path(subset).expanduser()
    if not path.is_file():
        raise InputError(f"no such subset: {subset}, neither in {folder} nor as a path of its own")
    try:
        listed = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path} is not JSON") from error
    if not isinstance(listed, list) or not all(isinstance(name, str) for name in listed):
        raise InputError(f"{path} is not a list of names")
    return list(dict.fromkeys(listed))
