"""The command `secondeye`: parses, calls one job, shows what it says. No logic of its own."""

import sys


def main() -> None:
    """Entry point of the command."""
    from secondeye.cli.app import run

    sys.exit(run(sys.argv[1:]))
