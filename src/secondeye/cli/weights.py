"""`secondeye weights`: which models there are, and getting them."""

import json
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="List, get and check the weights of depth models.")

_NAME = Annotated[str, typer.Argument(metavar="NAME", help="As 'secondeye weights list' has it.")]


@app.command("list")
def list_weights(
    as_json: Annotated[bool, typer.Option("--json", help="Say it as JSON, for programs.")] = False,
) -> int:
    """Show every model: what for, licence, size, source, and whether it is at hand. Never touches the network."""
    from rich.console import Console
    from rich.table import Table

    from secondeye.network.weights import listing

    cards = listing()
    if as_json:
        facts = [
            {
                "name": card.name,
                "purpose": card.purpose,
                "licence": card.licence,
                "commercial_use": card.commercial_use,
                "licence_url": card.licence_url,
                "source": card.repository,
                "size_bytes": card.size_bytes,
                "at_hand": card.at_hand,
            }
            for card in cards
        ]
        typer.echo(json.dumps(facts, indent=2))
        return 0
    table = Table(box=None, pad_edge=False)
    for heading in ("name", "at hand", "size", "licence", "source", "what for"):
        table.add_column(heading, overflow="fold", no_wrap=heading == "name")
    for card in cards:
        licence = card.licence if card.commercial_use else f"{card.licence} (no commercial use)"
        size = f"{card.size_bytes / 1e6:.0f} MB"
        table.add_row(card.name, "yes" if card.at_hand else "no", size, licence, card.repository, card.purpose)
    Console().print(table)
    return 0


@app.command("get", no_args_is_help=True)
def get_weights(
    name: _NAME,
    accept_licence: Annotated[
        bool, typer.Option("--accept-licence", help="Needed where the licence forbids commercial use.")
    ] = False,
) -> int:
    """Download one model, after saying its licence, and check it."""
    from secondeye.network.weights import get

    folder = get(name, accept_licence, notify=lambda text: typer.echo(text, err=True))
    typer.echo(folder)
    return 0


@app.command("check", no_args_is_help=True)
def check_weights(name: _NAME) -> int:
    """Check that one model's files are whole and fit its network."""
    from secondeye.network.weights import check

    for line in check(name):
        typer.echo(line)
    return 0
