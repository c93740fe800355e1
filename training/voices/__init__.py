"""Speech whose sounds are known: synthesised voices, aligned readers, and how their phones map to ours."""
