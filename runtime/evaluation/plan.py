"""What an evaluation covers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from runtime.evaluation.films import Speech
from runtime.media.audio import ANALYSIS_RATE

PARTS = ("landmarks", "sheets", "fidelity", "lips", "talking", "speed", "memory")
QUICK_SECONDS = 20.0  # of aligned speech for each portrait


@dataclass(frozen=True)
class Plan:
    """What to measure on what, and where the results go."""

    portraits: Sequence[Path]
    speech: Sequence[Speech]
    talking: Sequence[Path]
    sheets_to_compare: Path | None
    parts: frozenset[str]
    quick: bool
    out: Path
    render_flags: Sequence[str] = ()
    scripts: bool = False  # films follow the words of the recordings that have them

    @property
    def aligned(self) -> list[Speech]:
        """Recordings with phone times; when in a hurry, the shorter ones up to QUICK_SECONDS."""
        clips = [clip for clip in self.speech if clip.alignment is not None]
        if not self.quick:
            return clips
        chosen: list[Speech] = []
        seconds = 0.0
        for clip in sorted(clips, key=lambda one: len(one.samples())):
            seconds += len(clip.samples()) / ANALYSIS_RATE
            if seconds > QUICK_SECONDS and chosen:
                break
            chosen.append(clip)
        return chosen

    def clips_for(self, number: int) -> list[Speech]:
        """Recordings for the portrait of this number: all aligned ones, and in turn one of the others."""
        plain = [clip for clip in self.speech if clip.alignment is None]
        turn = [plain[number % len(plain)]] if plain and not self.quick else []
        return self.aligned + turn
