"""The longer measurements behind docs/performance.md: `python -m benchmarks all --out docs/performance`."""
