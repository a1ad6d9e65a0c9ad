"""All commands under one name, and the one place where errors become messages and exit codes."""

import itertools
import os
import signal
import traceback
from types import FrameType

import typer

import secondeye
from secondeye.cli import convert, depth, display, evaluate, inspect, sample, weights
from secondeye.errors import SecondEyeError, is_interrupt

INTERRUPTED = 130
"""Exit code after Ctrl-C or a polite kill, as shells have it."""

BUG = 70
"""Exit code for what nobody foresaw, as errors.ContractError."""

STOPPED = dict.fromkeys(
    ("convert", "depth", "evaluate"), "stopped; where parts were finished, the same command again goes on from there"
)
"""What to say of commands that go on where they were."""

app = typer.Typer(
    name="secondeye",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("convert", no_args_is_help=True)(convert.convert)
app.command("depth", no_args_is_help=True)(depth.depth)
app.command("evaluate", no_args_is_help=True)(evaluate.evaluate)
app.command("inspect", no_args_is_help=True)(inspect.inspect)
app.command("sample", no_args_is_help=True)(sample.sample)
app.add_typer(weights.app, name="weights")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"secondeye {secondeye.__version__}")
        raise typer.Exit


@app.callback(
    epilog="Exit codes: 0 done, 1 a segment failed, 2 bad input, 3 weights, 4 memory or disk, 70 our bug, 130 stopped."
)
def secondeye_command(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Say the version."),
) -> None:
    """Give any video its second eye: 2D to stereoscopic 3D."""


def run(arguments: list[str]) -> int:
    """Run one command; returns the exit code, having said what went wrong in one line."""
    signal.signal(signal.SIGTERM, _interrupt)
    as_json = "--progress=json" in arguments or ("--progress", "json") in itertools.pairwise(arguments)
    try:
        code = app(args=arguments, prog_name="secondeye", standalone_mode=False)
    except (BrokenPipeError, SystemExit):  # the option parser exits where nobody listens any more
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001  a shell: nothing may reach the user as a traceback
        if not is_interrupt(error):
            return _failed(error, as_json)
        code = INTERRUPTED
    if code == INTERRUPTED:
        return _fail(STOPPED.get(arguments[0], "stopped"), code, as_json)
    return code if isinstance(code, int) else 0


def _failed(error: Exception, as_json: bool) -> int:
    if isinstance(error, SecondEyeError):
        return _fail(str(error), error.exit_code, as_json)
    usage = getattr(error, "format_message", None)
    if usage is not None and not usage():  # nothing was asked for, and the help has been shown
        return 2
    if usage is not None:  # what the option parser found
        return _fail(f"{usage().rstrip('.')}. See 'secondeye --help'.".replace("\n", " "), 2, as_json)
    if os.environ.get("SECONDEYE_DEBUG"):
        traceback.print_exc()
    what = f"{type(error).__name__}: {error}".splitlines()[0]
    return _fail(f"{what} (a bug of ours; set SECONDEYE_DEBUG=1 and run again to see where)", BUG, as_json)


def _fail(message: str, code: int, as_json: bool) -> int:
    display.error(" ".join(message.split()), code, as_json)
    return code


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
