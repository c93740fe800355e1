"""How fast the engine is here: what `python -m runtime bench` measures, and the tools of the longer benchmarks/."""
