"""The engine of Sonic Talking Video: a portrait and a piece of speech in, a lip-synced film out."""

__version__ = "0.1.0"
