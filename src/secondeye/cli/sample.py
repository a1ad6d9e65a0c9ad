"""`secondeye sample`: a clip of a world that SecondEye renders itself."""

from pathlib import Path
from typing import Annotated

import typer

from secondeye.cli import display


def sample(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The film to write: .mp4, .mov or .mkv.")],
    seconds: Annotated[float, typer.Option(help="How long.")] = 4.0,
    width: Annotated[int, typer.Option(help="px of one eye.")] = 960,
    height: Annotated[int, typer.Option(help="px of one eye.")] = 540,
    seed: Annotated[int, typer.Option(help="Another number, another world; the same, the same frames.")] = 0,
    stereo: Annotated[
        bool, typer.Option("--stereo", help="Write both true views side by side, not just the left one.")
    ] = False,
    truth: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Write what is exactly known too: depth, disparity, flow, occlusion."),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace OUT where it exists.")] = False,
    progress: Annotated[
        str, typer.Option(metavar="auto|bar|plain|json|none", help="How progress is shown; json is for programs.")
    ] = "auto",
) -> int:
    """Render a clip with sound: a walk through a park, for trying things out."""
    from secondeye.render import render_sample

    with display.shown(progress) as view:
        rendered = render_sample(
            out,
            seconds=seconds,
            width=width,
            height=height,
            seed=seed,
            stereo=stereo,
            truth=truth,
            overwrite=overwrite,
            progress=view.progress,
        )
        view.finish(rendered)
    return 0
