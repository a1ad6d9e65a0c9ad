"""`secondeye inspect`: what a file is."""

import json
from pathlib import Path
from typing import Annotated

import typer


def inspect(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A video, a picture, or a folder of pictures.")],
    as_json: Annotated[bool, typer.Option("--json", help="Say it as JSON, for programs.")] = False,
) -> int:
    """Say what a file is: size, rate, colour, sound, and its stereo layout as signalled and as measured."""
    from secondeye.inspect import inspect_file

    report = inspect_file(file)
    typer.echo(json.dumps(report.to_json(), indent=2) if as_json else report.text())
    return 0
