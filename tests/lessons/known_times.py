"""When each word of a lesson is really said, told by the synthesiser, and how far its subtitles are from that.

    python -m tests.lessons.known_times examples/lessons/why-the-sky-is-blue.md ...

espeak-ng reports the time of every sound. It speaks Mandarin from Pinyin here, for it spells characters in English.
Nothing is rendered: a lesson's sound is recorded, its words are found and its subtitles cut as for a film. Where a
take ended up in the lesson is found by its samples, so nothing under measurement is believed.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock

import numpy as np
import pypinyin
from numpy.typing import NDArray

from runtime.inference.packs import ModelPack
from runtime.inference.sessions import Sessions
from runtime.lessons.captions import guessed_words, scene_cues, script_of, shifted
from runtime.lessons.narration import spoken_takes
from runtime.lessons.script import parse_lesson
from runtime.lessons.soundtrack import SceneSound, Take, record
from runtime.media.audio import AudioFile
from runtime.pipeline import listen, spoken_words
from runtime.subtitles.cues import Cue
from tests.media.sounds import write_sound
from training.voices.engines import Espeak

RATE = 16_000  # hertz, at which takes are looked for
FPS = 25.0
VOICES = {"en": "en-us", "zh": "cmn-latn-pinyin"}
WORD_EVENT = 1


@dataclass(frozen=True)
class Said:
    """A word: its place among the letters and digits of the text, and when it is said in seconds."""

    place: int
    start: float
    end: float


@dataclass(frozen=True)
class Timing:
    """A subtitle, with the times at which its first word begins and its last word ends."""

    cue: Cue
    first: float
    last: float


@dataclass
class KnownVoice(Espeak):
    """Speaks texts into files of a folder and notes when each word is said."""

    language: str
    folder: Path
    said: dict[str, list[Said]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__init__()
        self._turn = Lock()  # there is one engine, and paragraphs are spoken two at a time

    def _collect(self, wave: object, count: int, events: object) -> int:
        index = 0
        while events[index].type != 0:  # type: ignore[index]
            if events[index].type == WORD_EVENT:  # type: ignore[index]
                event = events[index]  # type: ignore[index]
                self._words.append((event.text_position - 1, event.sample / self.rate))
            index += 1
        return super()._collect(wave, count, events)

    def speak(self, text: str) -> Path:
        """Return a sound file with these words."""
        with self._turn:
            return self._speak(text)

    def _speak(self, text: str) -> Path:
        self._words: list[tuple[int, float]] = []
        read, places = _as_read(text, self.language)
        samples, sounds = self.say(read, VOICES[self.language], 165, 50, 50)
        heard = [(at, bool(symbol)) for at, symbol in sounds]
        self.said[text] = [
            Said(places[place], *_span(at, following, heard, len(samples) / self.rate))
            for (place, at), (_, following) in zip(self._words, [*self._words[1:], (0, np.inf)], strict=True)
            if place in places
        ]
        return write_sound(self.folder / f"{len(self.said)}.wav", samples, self.rate)


def subtitles_against_speech(script: str, language: str, folder: Path) -> list[Timing]:
    """Make a lesson's sound and subtitles, and tell of each subtitle when its words are really said."""
    voice = KnownVoice(language, folder)
    takes = spoken_takes(parse_lesson(script), voice.speak)
    sessions = Sessions(ModelPack.load(), "cpu", 1)
    found: list[Timing] = []
    start = 0.0
    for number, scene in enumerate(takes):
        sound = record(scene, folder / f"scene-{number}.wav", FPS)
        found += _compared(_subtitles(sound, sessions, language, start), _words(scene, sound, voice, start))
        start += sound.seconds
    return found


def _subtitles(sound: SceneSound, sessions: Sessions, language: str, start: float) -> list[Cue]:
    heard = listen(AudioFile.open(sound.path), sessions, None, script_of(sound), language)
    trusted = any(word.trusted for word in heard.words)
    words = heard.words if trusted else guessed_words(sound)
    return shifted(scene_cues(sound, spoken_words(words, sound.seconds), language), start)


def _words(takes: Sequence[Take], sound: SceneSound, voice: KnownVoice, start: float) -> list[Said]:
    """All words of a scene at their times in the lesson; places count on through the scene."""
    whole = _samples(sound.path)
    words: list[Said] = []
    place = 0
    for take in takes:
        if take.path is None:
            continue
        at = start + _found(_samples(take.path), whole)
        words += [Said(place + one.place, at + one.start, at + one.end) for one in voice.said[take.text]]
        place += len(_letters(take.text))
    return words


def _compared(cues: Sequence[Cue], words: Sequence[Said]) -> list[Timing]:
    found, place = [], 0
    for cue in cues:
        behind = place + len(_letters(cue.text))
        inside = [word for word in words if place <= word.place < behind]
        found.append(Timing(cue, inside[0].start, inside[-1].end))
        place = behind
    return found


def _as_read(text: str, language: str) -> tuple[str, dict[int, int]]:
    """What the synthesiser reads, and for each place in it where a word begins, the place among the letters."""
    if language != "zh":
        return text, {place: len(_letters(text[:place])) for place, sign in enumerate(text) if sign.isalnum()}
    style = pypinyin.Style.TONE3
    # All at once: many characters have several readings. One piece for each sign.
    signs = pypinyin.lazy_pinyin(text, style=style, neutral_tone_with_five=True, errors=list)  # type: ignore[arg-type]
    read, places = "", {}
    for place, (sign, sound) in enumerate(zip(text, signs, strict=True)):
        if sign.isalnum():
            places[len(read)] = len(_letters(text[:place]))
        read += sound + " "
    return read, places


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text))


def _span(
    at: float, following: float, heard: Sequence[tuple[float, bool]], end: float
) -> tuple[float, float]:
    """From the first sound of a word to the silence, or the next word, behind its last one."""
    own = [time for time, sounds in heard if sounds and at - 1e-3 <= time < following - 1e-3]
    behind = [time for time, _ in heard if time > own[-1] + 1e-3]
    return own[0], behind[0] if behind else end


def _samples(path: Path) -> NDArray[np.float32]:
    return np.concatenate(list(AudioFile.open(path).mono(RATE)))


def _found(take: NDArray[np.float32], whole: NDArray[np.float32]) -> float:
    """Seconds at which a recording lies in a sound: where the two are most alike."""
    size = 1 << (len(whole) + len(take) - 1).bit_length()
    alike = np.fft.irfft(np.fft.rfft(whole, size) * np.conj(np.fft.rfft(take, size)), size)
    at = int(np.argmax(alike))
    return (at if at < len(whole) else at - size) / RATE


def main() -> None:
    """Print how far the subtitles of lessons are from their speech."""
    for name in sys.argv[1:]:
        script = Path(name).read_text()
        language = (parse_lesson(script).language or "en").split("-")[0]
        with TemporaryDirectory() as folder:
            found = subtitles_against_speech(script, language, Path(folder))
        early = 1000 * np.array([one.cue.start - one.first for one in found])
        left = 1000 * np.array([one.cue.end - one.last for one in found])
        sys.stdout.write(
            f"{name}: {len(found)} subtitles; start against the first word: median {np.median(early):+.0f} ms, "
            f"5 % to 95 % {np.quantile(early, 0.05):+.0f} to {np.quantile(early, 0.95):+.0f} ms, "
            f"furthest {early[np.argmax(np.abs(early))]:+.0f} ms, within 150 ms {np.mean(np.abs(early) <= 150):.1%}; "
            f"end behind the last word: least {left.min():+.0f} ms, median {np.median(left):+.0f} ms\n"
        )


if __name__ == "__main__":
    main()
