"""Training, export and evaluation of the audio encoder (stage 1)."""
