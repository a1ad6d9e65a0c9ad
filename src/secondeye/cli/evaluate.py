"""`secondeye evaluate`: options into settings, the tables onto the screen."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from secondeye.cli import display

if TYPE_CHECKING:
    from secondeye.evaluate.job import Evaluation
    from secondeye.evaluate.summary import Row, Summary

_DATA, _METHODS, _MEASURE, _RUN = "What to measure on", "What to measure", "How to measure", "The run"


def evaluate(
    dataset: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME:WHAT",
            help="scenes:60 (rendered, exact truth), pairs:FOLDER (with a manifest), side_by_side:FOLDER, or the"
            " published layouts ego4d, kitti, mono2stereo, stereo4d and stereov1k. Options follow after a semicolon:"
            " 'scenes:60;size=960x540'. May be given again.",
            rich_help_panel=_DATA,
        ),
    ] = None,
    limit: Annotated[
        int | None, typer.Option(metavar="N", help="At most so many clips of each dataset.", rich_help_panel=_DATA)
    ] = None,
    frames: Annotated[
        int | None, typer.Option(metavar="N", help="At most so many frames of each clip.", rich_help_panel=_DATA)
    ] = None,
    depth: Annotated[
        list[str] | None,
        typer.Option(
            metavar="truth|NAME,...",
            help="truth: the data's own disparity, so that only warp and filling are judged. Else depth models:"
            " parallax, depth_anything, video_depth_anything, auto. Left out: truth.",
            rich_help_panel=_METHODS,
        ),
    ] = None,
    rule: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME,...",
            help="How pixels are splatted: surface (ours), or as released: stereocrafter, m2svid, zero."
            " Left out: surface.",
            rich_help_panel=_METHODS,
        ),
    ] = None,
    inpainter: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME,...",
            help="What fills the holes: texture, stretch, propagate, telea. Left out: stretch, the usual baseline.",
            rich_help_panel=_METHODS,
        ),
    ] = None,
    predictions: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[NAME=]FOLDER",
            help="Right views that other software made: FOLDER/<clip>.mp4, .png or a folder of pictures."
            " May be given again.",
            rich_help_panel=_METHODS,
        ),
    ] = None,
    align: Annotated[
        str,
        typer.Option(
            metavar="auto|truth|strength",
            help="How estimated depth gets its disparity: one scale and shift a clip fitted to the truth, or the"
            " strength and convergence below; auto fits where there is truth.",
            rich_help_panel=_METHODS,
        ),
    ] = "auto",
    strength: Annotated[
        str,
        typer.Option(
            metavar="SHARE", help="Disparity between nearest and farthest, of the width.", rich_help_panel=_METHODS
        ),
    ] = "2%",
    convergence: Annotated[
        float,
        typer.Option(
            metavar="N", help="What lies on the screen: 0 the farthest point, 1 the nearest.", rich_help_panel=_METHODS
        ),
    ] = 0.5,
    edge_dilation: Annotated[
        int,
        typer.Option(
            metavar="PX",
            help="Grow foreground edges of estimated depth by this many px (at a width of 1920), as convert does.",
            rich_help_panel=_METHODS,
        ),
    ] = 1,
    protocol: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME,...",
            help="ours, m2svid, spatialme, spatialdreamer, stereocrafter-zero, mono2stereo-2025, mono2stereo-2026,"
            " stereopilot, stereospace, stereoworld. Left out: ours.",
            rich_help_panel=_MEASURE,
        ),
    ] = None,
    metric: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME,...", help="Single metrics by name, such as psnr,ssim,epe.", rich_help_panel=_MEASURE
        ),
    ] = None,
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="Where the report goes.", rich_help_panel=_RUN)] = Path(
        "report"
    ),
    overwrite: Annotated[
        bool,
        typer.Option(
            "--overwrite",
            help="Replace the report in FOLDER; what was measured is not measured again.",
            rich_help_panel=_RUN,
        ),
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
    """Measure how good right views are: methods x datasets x published protocols, in one report.

    A method is a depth with a splat rule and an inpainter, all combinations of those given, or a folder of
    predictions. Every clip is also searched for cheats, such as the left view again, or holes left black.

    Stopped in the middle? The same command again goes on where it was.

    [bold]secondeye evaluate --dataset scenes:60 --inpainter stretch,telea[/bold]   [dim]compare two fillings[/dim]

    [bold]secondeye evaluate --dataset pairs:DIR --protocol ours,m2svid[/bold]   [dim]numbers of two papers[/dim]

    [bold]secondeye evaluate --dataset pairs:DIR --predictions mine=views/[/bold]   [dim]judge what you have made[/dim]
    """
    from secondeye.evaluate import job
    from secondeye.evaluate.settings import EvaluateSettings
    from secondeye.geometry import parse_strength

    settings = EvaluateSettings(
        datasets=tuple(dataset or ()),
        depth=_listed(depth),
        rule=_listed(rule),
        inpainter=_listed(inpainter),
        predictions=tuple(predictions or ()),
        protocols=_listed(protocol),
        metrics=_listed(metric),
        align=align,  # type: ignore[arg-type]  # checked by EvaluateSettings
        strength=parse_strength(strength),
        convergence=convergence,
        edge_dilation=edge_dilation,
        limit=limit,
        frames=frames,
    )
    with display.shown(progress) as view:
        view.finish(_WithTables(job.run_job(settings, out, overwrite=overwrite, progress=view.progress)))
    return 0


def _listed(values: list[str] | None) -> tuple[str, ...]:
    """ "a,b" and "--x a --x b" alike."""
    return tuple(part.strip() for value in values or () for part in value.split(",") if part.strip())


class _WithTables:
    """An evaluation that shows its tables too, once the bar has gone."""

    def __init__(self, found: "Evaluation") -> None:
        self._found = found

    @property
    def notes(self) -> tuple[str, ...]:
        return self._found.notes

    def facts(self) -> dict[str, Any]:
        return self._found.facts()

    def text(self) -> str:
        """One table for each dataset and protocol, as wide as the terminal allows, and where the report is."""
        summary, console = self._found.summary, Console(highlight=False)
        longest = max((len(name) for name in summary.methods), default=0)
        with console.capture() as captured:
            for dataset in summary.datasets:
                rows = [row for row in summary.rows if row.dataset == dataset]
                for protocol in (name for name in summary.protocols if summary.columns(name, dataset)):
                    console.print(_table(summary, dataset, protocol, rows, console.width - longest - 14))
        return captured.get() + self._found.text()


def _table(summary: "Summary", dataset: str, protocol: str, rows: "list[Row]", room: int) -> Table:
    shown, left_out = summary.brief(protocol, dataset, room)
    clips = max(row.clips for row in rows)
    title = f"{dataset}, {clips} {'clip' if clips == 1 else 'clips'}, {protocol}"
    caption = f"{left_out} more in the report" if left_out else None
    table = Table(title=escape(title), caption=caption, title_justify="left", caption_justify="left")
    table.add_column("method", no_wrap=True)
    for column in shown:
        region = "" if column.region == "whole" else column.region.replace("_", " ")
        table.add_column(f"{escape(column.measure)}\n[dim]{region}[/dim]", justify="right", no_wrap=True)
    table.add_column("cheats", justify="right", no_wrap=True)
    for row in rows:
        numbers = [
            f"[bold]{column.text(row)}[/bold]" if row in summary.best(column, rows) else column.text(row)
            for column in shown
        ]
        table.add_row(escape(row.method), *numbers, summary.cheats_text(row))
    return table
