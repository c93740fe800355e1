"""Post-training quantisation of model packs to INT8, measured: `python -m runtime quantize`."""
