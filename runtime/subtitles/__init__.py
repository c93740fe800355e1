"""Subtitles from a script and the times of its words: cut into cues, written to files, drawn into the picture."""

from runtime.subtitles.cues import Cue, cues
from runtime.subtitles.drawing import SubtitleDrawer
from runtime.subtitles.files import to_srt, to_vtt
from runtime.subtitles.film import FilmSubtitles
from runtime.subtitles.fonts import FontShelf

__all__ = ["Cue", "FilmSubtitles", "FontShelf", "SubtitleDrawer", "cues", "to_srt", "to_vtt"]
