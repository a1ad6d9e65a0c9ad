"""How progress, notes and errors look: a bar on a terminal, plain lines in a log, JSON lines for programs."""

import json
import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from typing import Any, Protocol

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

from secondeye import discovery
from secondeye.errors import ResourceError
from secondeye.progress import Progress as Event
from secondeye.progress import duration_text

MODES = ("auto", "bar", "plain", "json", "none")

STAGES = {
    "scan": "reading the source",
    "depth": "estimating depth",
    "convert": "making the second eye",
    "join": "joining",
    "write": "writing the depth",
    "render": "rendering",
    "evaluate": "measuring",
}

_PLAIN_INTERVAL_S = 5.0


class Outcome(Protocol):
    """What a job returns: a text for people, facts for programs, notes for both."""

    @property
    def notes(self) -> tuple[str, ...]: ...

    def text(self) -> str: ...

    def facts(self) -> dict[str, Any]: ...


class Display(Protocol):
    """Shows the events of one job."""

    def progress(self, event: Event) -> None: ...

    def note(self, text: str) -> None: ...

    def finish(self, outcome: Outcome) -> None: ...


@contextmanager
def shown(mode: str) -> Iterator[Display]:
    """A display for one job, which also shows what the package logs.

    Raises:
        InputError: no such mode.
    """
    if mode not in MODES:
        raise discovery.nearest("progress display", mode, MODES)
    if mode == "auto":
        mode = "bar" if sys.stderr.isatty() else "plain"
    kinds: dict[str, Callable[[], Display]] = {"bar": _Bar, "plain": _Plain, "json": _Json, "none": _Quiet}
    view = kinds[mode]()
    handler = _NoteHandler(view)
    logger = logging.getLogger("secondeye")
    logger.addHandler(handler)
    try:
        yield view
    finally:
        logger.removeHandler(handler)
        if isinstance(view, _Bar):
            view.close()


def error(message: str, code: int, as_json: bool) -> None:
    """Say what went wrong, in one line."""
    if as_json:
        with suppress(OSError, ResourceError):  # nobody can be told who does not listen
            _print_json(event="error", message=message, exit_code=code)
    else:
        sys.stderr.write(f"secondeye: {message}\n")


class _Quiet:
    """Errors only, and the result."""

    def progress(self, event: Event) -> None:
        pass

    def note(self, text: str) -> None:
        pass

    def finish(self, outcome: Outcome) -> None:
        for note in outcome.notes:
            self.note(note)
        sys.stdout.write(f"{outcome.text()}\n")


class _Plain(_Quiet):
    """One line every few seconds, for logs."""

    def __init__(self) -> None:
        self._stage, self._last = "", 0.0

    def progress(self, event: Event) -> None:
        now = time.monotonic()
        finished = event.total > 0 and event.done >= event.total
        if event.stage == self._stage and now - self._last < _PLAIN_INTERVAL_S and not finished:
            return
        self._stage, self._last = event.stage, now
        total = f"/{event.total}" if event.total else ""
        sys.stderr.write(f"{_label(event)}: {event.done}{total} frames{_rate_text(event)}\n")
        sys.stderr.flush()

    def note(self, text: str) -> None:
        sys.stderr.write(f"note: {text}\n")


class _Bar(_Quiet):
    """A bar per stage, for a terminal."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        self._bars = Progress(
            TextColumn("{task.description:<22}"),
            BarColumn(bar_width=28),
            MofNCompleteColumn(),
            TextColumn("frames{task.fields[rate]}"),
            console=self._console,
        )
        self._tasks: dict[str, TaskID] = {}

    def progress(self, event: Event) -> None:
        if event.stage not in self._tasks:
            self._bars.start()
            self._tasks[event.stage] = self._bars.add_task(STAGES[event.stage], rate="")
        self._bars.update(
            self._tasks[event.stage],
            description=_label(event),
            completed=event.done,
            total=event.total or None,
            rate=_rate_text(event),
        )

    def note(self, text: str) -> None:
        self._console.print(f"[yellow]note:[/yellow] {escape(text)}", highlight=False)

    def finish(self, outcome: Outcome) -> None:
        self.close()
        super().finish(outcome)

    def close(self) -> None:
        self._bars.stop()


class _Json:
    """One JSON object a line on standard output."""

    def progress(self, event: Event) -> None:
        _print_json(event="progress", **asdict(event))

    def note(self, text: str) -> None:
        _print_json(event="note", message=text)

    def finish(self, outcome: Outcome) -> None:
        _print_json(event="done", **outcome.facts())


class _NoteHandler(logging.Handler):
    def __init__(self, view: Display) -> None:
        super().__init__(logging.INFO)
        self._view = view

    def emit(self, record: logging.LogRecord) -> None:
        self._view.note(record.getMessage())


def _label(event: Event) -> str:
    """The stage, and which of many things it is at where a job says so."""
    item = getattr(event, "item", "")
    return STAGES[event.stage] + (f" {item}" if item else "")


def _rate_text(event: Event) -> str:
    text = f", {event.frames_per_s:.1f} a second" if event.frames_per_s else ""
    if event.seconds_left is not None and event.done < event.total:
        text += f", {duration_text(event.seconds_left)} left"
    return text


def _print_json(**content: Any) -> None:
    try:
        sys.stdout.write(json.dumps(content) + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise ResourceError(f"standard output cannot be written: {error.strerror}") from error
