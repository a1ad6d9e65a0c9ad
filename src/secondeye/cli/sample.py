"""`secondeye sample`: a clip that SecondEye renders itself."""

from pathlib import Path
from typing import Annotated

import typer


def sample(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The video to write.")],
) -> int:
    """Render a clip with sound."""
    raise NotImplementedError
