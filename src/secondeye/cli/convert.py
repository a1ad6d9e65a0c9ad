"""`secondeye convert`: options into settings, events onto the screen."""

from pathlib import Path
from typing import Annotated

import typer

from secondeye.cli import display

_LOOK, _DEPTH, _OUTPUT, _RUN = "How it looks", "Depth and filling", "The file", "The run"


def convert(
    source: Annotated[Path, typer.Argument(metavar="IN", help="A video, a picture, or a folder of pictures.")],
    out: Annotated[
        Path | None,
        typer.Argument(metavar="[OUT]", help="The result; left out: beside IN, named so that headset players know it."),
    ] = None,
    strength: Annotated[
        str,
        typer.Option(
            help="Disparity between nearest and farthest, of the width. 1% is gentle, 2% suits most, 3% is strong.",
            rich_help_panel=_LOOK,
        ),
    ] = "2%",
    convergence: Annotated[
        float,
        typer.Option(
            help="What lies on the screen: 0 the farthest point, 1 the nearest. Nearer things stand before it.",
            rich_help_panel=_LOOK,
        ),
    ] = 0.5,
    eyes: Annotated[
        str,
        typer.Option(
            metavar="right|both",
            help="Make the right eye only and keep the source as the left, or make both with half of the shift each.",
            rich_help_panel=_LOOK,
        ),
    ] = "right",
    edge_dilation: Annotated[
        int | None,
        typer.Option(
            metavar="PX",
            help="Grow foreground edges by this many px (at a width of 1920) so that no rim stays behind. Left out: 1"
            " where depth is smaller than the frame, 0 where it is not.",
            rich_help_panel=_LOOK,
        ),
    ] = None,
    floating_window: Annotated[
        bool,
        typer.Option(
            "--floating-window",
            help="Where the frame's left or right side cuts something that stands before the screen, bring that side"
            " forward too, by a black bar on one eye. Films with black bars of their own at the sides stay as they"
            " are.",
            rich_help_panel=_LOOK,
        ),
    ] = False,
    depth: Annotated[
        str,
        typer.Option(
            metavar="NAME|auto",
            help="Depth model: parallax (ships with SecondEye), depth_anything, video_depth_anything, file;"
            " auto takes the best at hand.",
            rich_help_panel=_DEPTH,
        ),
    ] = "auto",
    depth_file: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH",
            help="Your own depth: grey video, folder of 16-bit PNGs, .npz or .exr. Implies --depth file.",
            rich_help_panel=_DEPTH,
        ),
    ] = None,
    depth_smoothing: Annotated[
        float,
        typer.Option(
            metavar="SECONDS",
            help="Let the depth scale follow the picture this slowly; 0 keeps one scale from cut to cut.",
            rich_help_panel=_DEPTH,
        ),
    ] = 0.0,
    inpainter: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Fills what the left eye never saw: texture (along the background's lines), stretch (straight from the"
            " background, fastest), propagate (from other frames where they show it; slower), or telea.",
            rich_help_panel=_DEPTH,
        ),
    ] = "texture",
    layout: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="sbs, half-sbs, tb, half-tb, cross, anaglyph (red-cyan, Dubois), anaglyph-half, anaglyph-grey,"
            " interlaced (rows, for passive 3D TVs), pair (two files).",
            rich_help_panel=_OUTPUT,
        ),
    ] = "sbs",
    codec: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="h264, hevc, av1, prores, ffv1, or h264_nvenc, hevc_nvenc, av1_nvenc with an NVIDIA GPU."
            " Left out: h264, or hevc for 10-bit sources.",
            rich_help_panel=_OUTPUT,
        ),
    ] = None,
    crf: Annotated[
        float | None,
        typer.Option(metavar="N", help="Quality: lower is better and larger.", rich_help_panel=_OUTPUT),
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Encoder speed, as the encoder names it.", rich_help_panel=_OUTPUT),
    ] = None,
    pixel_format: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="For example yuv444p or yuv420p10le. Left out: 4:2:0, with 10 bits for deeper sources.",
            rich_help_panel=_OUTPUT,
        ),
    ] = None,
    encoder_option: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=VALUE", help="Any option of the encoder; may be given again.", rich_help_panel=_OUTPUT
        ),
    ] = None,
    signal: Annotated[
        bool,
        typer.Option(
            "--signal/--no-signal",
            help="Mark the file as stereo, so that players switch over.",
            rich_help_panel=_OUTPUT,
        ),
    ] = True,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace OUT where it exists.", rich_help_panel=_RUN)
    ] = False,
    work_dir: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Where unfinished work is kept; left out: .secondeye beside OUT.", rich_help_panel=_RUN
        ),
    ] = None,
    keep: Annotated[
        bool,
        typer.Option(
            "--keep-depth/--drop-depth",
            help="Keep the depth for another try with another strength, or leave nothing behind.",
            rich_help_panel=_RUN,
        ),
    ] = True,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Say what would be done, and guess its size and time.", rich_help_panel=_RUN),
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
    """Turn a 2D video, picture or folder of pictures into stereoscopic 3D.

    Stopped in the middle? The same command again goes on where it was.

    [bold]secondeye convert film.mp4[/bold]   [dim]side by side, for a headset[/dim]

    [bold]secondeye convert film.mkv tv.mkv --layout half-sbs --strength 3%[/bold]   [dim]for a 3D television[/dim]

    [bold]secondeye convert film.mp4 --layout anaglyph[/bold]   [dim]for red-cyan glasses[/dim]
    """
    from secondeye.convert import job
    from secondeye.convert.settings import ConvertSettings, parse_option
    from secondeye.geometry import parse_strength

    settings = ConvertSettings(
        strength=parse_strength(strength),
        convergence=convergence,
        eyes=eyes,  # type: ignore[arg-type]  # checked by ConvertSettings
        depth="file" if depth_file is not None and depth == "auto" else depth,
        depth_file=None if depth_file is None else str(depth_file),
        depth_smoothing_s=depth_smoothing,
        edge_dilation=edge_dilation,
        floating_window=floating_window,
        inpainter=inpainter,
        layout=layout,
        codec=codec,
        crf=crf,
        preset=preset,
        pixel_format=pixel_format,
        encoder_options=tuple(parse_option(text) for text in encoder_option or ()),
        signal=signal,
    )
    with display.shown(progress) as view:
        if dry_run:
            view.finish(job.forecast(source, out, settings, progress=view.progress))
            return 0
        result = job.run_job(
            source, out, settings, overwrite=overwrite, work_dir=work_dir, keep_depth=keep, progress=view.progress
        )
        view.finish(result)
    return 0
