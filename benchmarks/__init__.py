"""Speed and memory, as ratios within one run. Each module here is a benchmark: `python -m benchmarks.splat`."""
