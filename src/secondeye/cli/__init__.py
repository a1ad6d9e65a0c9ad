"""The command `secondeye`: parses, calls one job, shows what it says. No logic of its own."""

import os
import sys


def main() -> None:
    """Entry point of the command."""
    try:
        from secondeye.cli.app import run
    except KeyboardInterrupt:  # loading takes seconds, in which one may change one's mind
        sys.exit(130)

    for name in ("stdout", "stderr"):  # closed by the caller, or given names that are not UTF-8
        stream = getattr(sys, name) or open(os.devnull, "w")  # noqa: SIM115  (as long as the process)
        setattr(sys, name, stream)
        stream.reconfigure(errors="backslashreplace")
    code = run(sys.argv[1:])
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or the interpreter complains at its end
    sys.exit(code)
