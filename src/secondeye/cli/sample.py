"""`secondeye sample`: a clip of a world that SecondEye renders itself, with all that is true about it."""

from pathlib import Path
from typing import Annotated

import typer

from secondeye.cli import display

_WORLD, _FILE, _RUN = "The world", "The files", "The run"


def sample(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The film to write: .mp4, .mov or .mkv.")],
    seed: Annotated[
        int, typer.Option(help="Another number, another world; the same, the same frames.", rich_help_panel=_WORLD)
    ] = 0,
    place: Annotated[
        str | None,
        typer.Option(
            metavar="park|room|yard|layers",
            help="Where. The park is one walk; the others are furnished anew for each seed. Left out: the park, or any"
            " place where one of the next options asks for more than it has.",
            rich_help_panel=_WORLD,
        ),
    ] = None,
    camera: Annotated[
        str | None,
        typer.Option(metavar="still|lateral|forward|orbit|turn", help="How the camera moves.", rich_help_panel=_WORLD),
    ] = None,
    filmed: Annotated[
        bool,
        typer.Option(
            "--filmed",
            help="As a real camera sees it: motion blur, defocus, noise, drifting exposure, as the seed has it.",
            rich_help_panel=_WORLD,
        ),
    ] = False,
    glossy: Annotated[
        bool, typer.Option("--glossy", help="Put up a mirror and a pane of glass.", rich_help_panel=_WORLD)
    ] = False,
    seconds: Annotated[float, typer.Option(help="How long; 24 frames a second.", rich_help_panel=_FILE)] = 4.0,
    width: Annotated[int, typer.Option(help="px of one eye.", rich_help_panel=_FILE)] = 960,
    height: Annotated[int, typer.Option(help="px of one eye.", rich_help_panel=_FILE)] = 540,
    stereo: Annotated[
        bool,
        typer.Option(
            "--stereo", help="Film both true views, side by side, not just the left one.", rich_help_panel=_FILE
        ),
    ] = False,
    truth: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Write all that is exactly known, too: both views and holes (PNG), depth and disparity (EXR), flow,"
            " visibility and alpha layers (NPZ), and truth.json, which says what they mean.",
            rich_help_panel=_FILE,
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace OUT where it exists.", rich_help_panel=_RUN)
    ] = False,
    progress: Annotated[
        str,
        typer.Option(
            metavar="auto|bar|plain|json|none",
            help="How progress is shown; json is for programs.",
            rich_help_panel=_RUN,
        ),
    ] = "auto",
) -> int:
    """Render a clip with sound, to try things out on, and everything that is true about it, to measure by.

    secondeye sample clip.mp4                      a walk through a park

    secondeye sample clip.mp4 --stereo             what a perfect conversion of it looks like

    secondeye sample yard.mp4 --place yard --camera orbit --seed 7 --truth yard/
    """
    from secondeye.render import render_sample

    with display.shown(progress) as view:
        rendered = render_sample(
            out,
            seconds=seconds,
            width=width,
            height=height,
            seed=seed,
            place=place,
            camera=camera,
            filmed=filmed,
            glossy=glossy,
            stereo=stereo,
            truth=truth,
            overwrite=overwrite,
            progress=view.progress,
        )
        view.finish(rendered)
    return 0
