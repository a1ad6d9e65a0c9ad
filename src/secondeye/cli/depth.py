"""`secondeye depth`: depth maps for their own sake."""

from pathlib import Path
from typing import Annotated

import typer

from secondeye.cli import display


def depth(
    source: Annotated[Path, typer.Argument(metavar="IN", help="A video, a picture, or a folder of pictures.")],
    out: Annotated[
        Path,
        typer.Argument(
            metavar="OUT",
            help="x.mkv or x.mp4 (grey video), x.npz, x.exr, a folder (16-bit PNGs), or x.png for a picture.",
        ),
    ],
    depth: Annotated[str, typer.Option(metavar="NAME|auto", help="Depth model; auto takes the best at hand.")] = "auto",
    depth_file: Annotated[
        Path | None, typer.Option(metavar="PATH", help="Depth to convert from one kind of file into another.")
    ] = None,
    depth_smoothing: Annotated[
        float, typer.Option(metavar="SECONDS", help="Let the scale follow the picture this slowly; 0: one per shot.")
    ] = 0.0,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace OUT where it exists.")] = False,
    work_dir: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where unfinished work is kept, as for convert.")
    ] = None,
    progress: Annotated[
        str, typer.Option(metavar="auto|bar|plain|json|none", help="How progress is shown; json is for programs.")
    ] = "auto",
) -> int:
    """Estimate depth and write it: 1 (white) is the nearest, 0 (black) the farthest.

    What comes out can be edited and given back: [bold]secondeye convert film.mp4 --depth-file depth.mkv[/bold]
    """
    from secondeye.convert.export import export_depth
    from secondeye.convert.settings import ConvertSettings

    settings = ConvertSettings(
        depth="file" if depth_file is not None and depth == "auto" else depth,
        depth_file=None if depth_file is None else str(depth_file),
        depth_smoothing_s=depth_smoothing,
    )
    with display.shown(progress) as view:
        result = export_depth(source, out, settings, overwrite=overwrite, work_dir=work_dir, progress=view.progress)
        view.finish(result)
    return 0
