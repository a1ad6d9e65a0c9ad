"""All benchmarks, one after another: `python -m benchmarks` or `make bench`."""

import pkgutil
import runpy
import sys

import benchmarks

NOT_BENCHMARKS = {"__main__", "machine"}


def main() -> None:
    """Run every module of this folder as a program."""
    sys.argv = sys.argv[:1]
    for module in pkgutil.iter_modules(benchmarks.__path__):
        if module.name not in NOT_BENCHMARKS:
            print(f"\n== {module.name} ==", flush=True)
            runpy.run_module(f"benchmarks.{module.name}", run_name="__main__")


if __name__ == "__main__":
    main()
