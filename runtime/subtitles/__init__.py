"""Subtitles from a script and the times of its words: cut into cues, written to files, drawn into the picture."""

from runtime.subtitles.cues import Cue, cues
from runtime.subtitles.files import to_srt, to_vtt

__all__ = ["Cue", "cues", "to_srt", "to_vtt"]
