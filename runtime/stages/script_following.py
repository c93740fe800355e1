"""Stage 1 where the words are known: the script is found in what is heard, and the lips follow it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from runtime.contract import Notice
from runtime.speech.alignment.aligner import align
from runtime.speech.decoding import decode_mouth
from runtime.speech.guidance import guide
from runtime.speech.pronunciation import pronounce
from runtime.speech.script import TimedWord
from runtime.stages.articulation import TRACK_FPS, ArticulationTrack
from runtime.stages.audio_encoding import Hearing

log = logging.getLogger(__name__)

ALONE = "the lips follow the sound alone"
_NAMED = 3  # stretches that a notice names
_QUOTED = 60  # characters of each
_WORTH_NAMING = 0.5  # seconds; a single short word may be mumbled


@dataclass(frozen=True)
class Followed:
    """The mouth, the words of the script with their times, and what the user should know."""

    track: ArticulationTrack
    words: tuple[TimedWord, ...]
    notices: list[Notice]


def follow_script(hearing: Hearing, script: str, language: str | None = None) -> Followed:
    """The mouth for a recording of which the words are known; `language` is found out when not given.

    Where text and sound do not belong together the sound rules alone, and a notice names the words.
    """
    spoken = pronounce(script, language)
    if spoken.unsupported or not spoken.words:
        reason = spoken.reason or "The script holds no words."
        sentence = f"{reason.rstrip('.')}; {ALONE}."
        return Followed(hearing.track(), (), [Notice(code="script_unsupported", sentence=sentence)])
    alignment = align(hearing.logits, spoken.words, hearing.sequence)
    log.info("%d words of the script, %.0f %% heard", len(alignment.words), 100 * alignment.agreement)
    heard, voice = decode_mouth(hearing.evidence, hearing.loudness, hearing.calibration)
    mouth, voice = guide(heard, voice, alignment)
    track = mouth.track(TRACK_FPS, voice, hearing.loudness)
    return Followed(track, alignment.words, _notices(script, spoken.language, alignment.words))


def _notices(script: str, language: str, words: Sequence[TimedWord]) -> list[Notice]:
    if not any(word.trusted for word in words):
        sentence = f"The script ({_quote(script)}, read as {language}) is not what is said in the recording; {ALONE}."
        return [Notice(code="script_mismatch", sentence=sentence)]
    doubtful = [list(run) for trusted, run in groupby(words, key=lambda word: word.trusted) if not trusted]
    doubtful = [run for run in doubtful if len(run) > 1 or run[0].end - run[0].start >= _WORTH_NAMING]
    if not doubtful:
        return []
    places = [
        f"{_clock(run[0].start)} ({_quote(script[run[0].start_char : run[-1].end_char])})" for run in doubtful
    ]
    more = len(places) - _NAMED
    named = ", ".join(places[:_NAMED]) + (f" and at {more} more places" if more > 0 else "")
    sentence = f"The recording does not say what the script says at {named}; there {ALONE}."
    return [Notice(code="script_differs", sentence=sentence)]


def _quote(text: str) -> str:
    short = " ".join(text.split())
    return f"“{short if len(short) <= _QUOTED else short[: _QUOTED - 1].rstrip() + '…'}”"


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
