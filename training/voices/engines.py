"""Speech synthesisers that tell when they say which phone: flite, festival and espeak-ng.

Each `speak_*` yields utterances with samples at 16 kHz and our phones in time. All randomness comes from the
`random.Random` that is passed in.
"""

from __future__ import annotations

import ctypes
import logging
import math
import random
import re
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from runtime.stages.articulation import Segment
from training.voices import sounds
from training.voices.recordings import read_mono, resample
from training.voices.texts import sentence

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Utterance:
    """Samples (N,) float32 at 16 kHz, what is said when, and who says it."""

    samples: NDArray[np.float32]
    segments: list[Segment]
    voice: str


def _fits(segments: list[Segment], samples: NDArray[np.float32]) -> bool:
    """Whether the phone times span the recording, as they must if the engine's report is of this audio."""
    return bool(segments) and abs(segments[-1].end - len(samples) / 16000) < 0.5


def _stretch(rng: random.Random) -> float:
    """How slowly a sentence is said: from hurried talk, 1.7 times as fast as a voice is made for, to dictation."""
    return math.exp(rng.uniform(math.log(0.6), math.log(1.35)))


# ---------------------------------------------------------------- flite

_FLITE_PITCH = {"kal16": 105, "awb": 130, "rms": 100, "slt": 180}


def speak_flite(rng: random.Random, texts: list[str]) -> Iterator[Utterance]:
    """English by flite's four voices, each sentence with its own tempo and pitch. Endless."""
    while True:
        voice = rng.choice(["kal16", "awb", "awb", "rms", "rms", "slt", "slt"])
        text = rng.choice(texts) if texts and rng.random() < 0.6 else sentence("en", rng)
        with tempfile.TemporaryDirectory() as folder:
            wav = Path(folder) / "speech.wav"
            command = ["flite", "-voice", voice, "-psdur"]
            command += ["--setf", f"duration_stretch={_stretch(rng):.2f}"]
            command += ["--setf", f"int_f0_target_mean={_FLITE_PITCH[voice] * rng.uniform(0.8, 1.3):.0f}"]
            report = subprocess.run([*command, "-t", text, "-o", str(wav)], capture_output=True, text=True)
            if report.returncode or not wav.exists():
                continue
            samples = read_mono(wav)
        clock = 0.0
        timed = []
        for token in report.stdout.split():
            name, _, end = token.rpartition(":")
            timed.append((sounds.from_table(name, "arpabet"), clock, float(end)))
            clock = float(end)
        segments = sounds.segments(timed)
        if _fits(segments, samples):
            yield Utterance(samples, segments, f"flite_{voice}")


# ---------------------------------------------------------------- festival


@dataclass(frozen=True)
class FestivalVoice:
    """A festival voice: its command, its language in `texts`, its phone set and the encoding it reads."""

    command: str
    language: str
    phones: str
    encoding: str
    share: float
    setup: str = ""


FESTIVAL_VOICES = (
    FestivalVoice("voice_cmu_us_slt_arctic_hts", "en", "arpabet", "ascii", 3),
    FestivalVoice("voice_kal_diphone", "en", "arpabet", "ascii", 1),
    FestivalVoice("voice_ked_diphone", "en", "arpabet", "ascii", 1),
    FestivalVoice("voice_lp_diphone", "it", "italian", "latin1", 1.5),
    FestivalVoice("voice_pc_diphone", "it", "italian", "latin1", 1.5),
    FestivalVoice("voice_czech_ph", "cs", "czech", "iso8859-2", 2),
    FestivalVoice("voice_suo_fi_lj_diphone", "fi", "finnish", "latin1", 1.5),
    FestivalVoice("voice_hy_fi_mv_diphone", "fi", "finnish", "latin1", 1.5),
    FestivalVoice("voice_hindi_NSK_diphone", "hi", "hindi", "utf8", 1.5),
)
_FESTIVAL_BATCH = 20


def speak_festival(rng: random.Random, texts: list[str]) -> Iterator[Utterance]:
    """Seven languages' worth of festival voices, a batch of sentences to a process. Endless."""
    broken: dict[str, int] = {}
    while True:
        usable = [voice for voice in FESTIVAL_VOICES if broken.get(voice.command, 0) < 3]
        if not usable:
            raise RuntimeError("no festival voice works; install the festvox packages")
        voice = rng.choices(usable, [v.share for v in usable])[0]
        spoken = 0
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            _run_festival(voice, folder, rng, texts)
            for index in range(_FESTIVAL_BATCH):
                utterance = _read_festival(voice, folder, index)
                if utterance is not None:
                    spoken += 1
                    yield utterance
        if not spoken:
            broken[voice.command] = broken.get(voice.command, 0) + 1
            log.warning("festival's %s said nothing", voice.command)


def _run_festival(voice: FestivalVoice, folder: Path, rng: random.Random, texts: list[str]) -> None:
    script = f"({voice.command})\n{voice.setup}"
    for index in range(_FESTIVAL_BATCH):
        if voice.language == "en" and texts and rng.random() < 0.5:
            text = rng.choice(texts)
        else:
            text = sentence(voice.language, rng)
        text = re.sub(r'[\\"()]', "", text)
        script += f"(Parameter.set 'Duration_Stretch {_stretch(rng):.2f})\n"
        script += f'(set! u (Utterance Text "{text}"))\n(utt.synth u)\n'
        script += f'(utt.save.wave u "{folder}/{index}.wav")\n(utt.save.segs u "{folder}/{index}.lab")\n'
    path = folder / "say.scm"
    path.write_bytes(script.encode(voice.encoding, "ignore"))
    try:
        subprocess.run(["festival", "-b", str(path)], capture_output=True, timeout=300)
    except subprocess.TimeoutExpired:
        log.warning("festival's %s took too long", voice.command)


def _read_festival(voice: FestivalVoice, folder: Path, index: int) -> Utterance | None:
    wav, lab = folder / f"{index}.wav", folder / f"{index}.lab"
    if not wav.exists() or not lab.exists():
        return None
    try:
        segments = sounds.segments(read_label_file(lab, voice.phones))
    except KeyError as unknown:
        log.warning("%s: phone %s is not in the table", voice.command, unknown)
        return None
    samples = read_mono(wav)
    return Utterance(samples, segments, voice.command) if _fits(segments, samples) else None


def read_label_file(path: Path, phone_set: str) -> list[tuple[list[str], float, float]]:
    """An xwaves label file (end time, colour, phone on a line) with its phones mapped to ours."""
    timed = []
    clock = 0.0
    for line in path.read_text(errors="replace").splitlines():
        fields = line.split()
        if len(fields) == 3 and fields[0].replace(".", "", 1).isdigit():
            timed.append((sounds.from_table(fields[2], phone_set), clock, float(fields[0])))
            clock = float(fields[0])
    return timed


# ---------------------------------------------------------------- espeak-ng

ESPEAK_LANGUAGES: dict[str, tuple[list[str], float]] = {
    # language in `texts`: (espeak voices, share)
    "en": (["en-us", "en-us", "en-gb", "en-gb-scotland", "en-gb-x-rp", "en-029"], 4),
    "cmn": (["cmn-latn-pinyin"], 4),
    "yue": (["yue-Latn-jyutping"], 1),
    "de": (["de"], 2),
    "fr": (["fr-fr", "fr-be"], 1.5),
    "es": (["es", "es-419"], 1.5),
    "it": (["it"], 0.7),
    "pt": (["pt-br", "pt"], 1),
    "ru": (["ru"], 1),
    "ja": (["ja"], 1.5),
    "ko": (["ko"], 1),
}
_TIMBRES = """m1 m2 m3 m4 m5 m6 m7 m8 f1 f2 f3 f4 f5 Alex Alicia Andrea Andy Annie Gene Henrique Jacky Lee Marco
    Michael Mike Mr Storm adam anika antonio belinda benjamin boris david ed edward iven john klatt klatt2 klatt3
    klatt4 linda max michel miguel pablo paul pedro quincy rob robert sandro shelby steph travis victor whisper zac"""
ESPEAK_VARIANTS = _TIMBRES.split()

_PHONEME_EVENT, _END_EVENTS = 7, (5, 6)


class _EventId(ctypes.Union):
    _fields_ = (("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8))


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _EventId),
    )


_Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
)


class Espeak:
    """libespeak-ng with phoneme events (there is one engine in a process)."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL("libespeak-ng.so.1")
        self._audio: list[NDArray[np.int16]] = []
        self._events: list[tuple[float, str]] = []
        synchronous, phoneme_events_as_ipa = 2, 1 | 2
        self.rate = int(self._library.espeak_Initialize(synchronous, 500, None, phoneme_events_as_ipa))
        self._callback = _Callback(self._collect)  # kept alive: the library holds only a pointer
        self._library.espeak_SetSynthCallback(self._callback)

    def _collect(self, wave: object, count: int, events: object) -> int:
        if count > 0 and wave:
            self._audio.append(np.ctypeslib.as_array(wave, (count,)).copy())  # type: ignore[arg-type, call-overload]
        index = 0
        while events[index].type != 0:  # type: ignore[index]
            event = events[index]  # type: ignore[index]
            if event.type == _PHONEME_EVENT:
                self._events.append((event.sample / self.rate, event.id.string.decode("utf8", "ignore")))
            elif event.type in _END_EVENTS:
                self._events.append((event.sample / self.rate, ""))
            index += 1
        return 0

    def say(
        self, text: str, voice: str, rate: int, pitch: int, pitch_range: int
    ) -> tuple[NDArray[np.float32], list[tuple[float, str]]]:
        """Samples at `self.rate` and (start in seconds, IPA symbol) events; ValueError for an unknown voice."""
        self._audio.clear()
        self._events.clear()
        if self._library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise ValueError(f"espeak-ng has no voice {voice}")
        for parameter, value in ((1, rate), (3, pitch), (4, pitch_range)):
            self._library.espeak_SetParameter(parameter, value, 0)
        encoded = text.encode()
        self._library.espeak_Synth(encoded, len(encoded) + 1, 0, 1, 0, 1, None, None)
        self._library.espeak_Synchronize()
        if not self._audio:
            return np.zeros(0, np.float32), []
        return (np.concatenate(self._audio) / 32768).astype(np.float32), list(self._events)


def speak_espeak(rng: random.Random, texts: list[str]) -> Iterator[Utterance]:
    """Eleven languages by espeak-ng in some sixty timbres. Endless."""
    engine = Espeak()
    languages = list(ESPEAK_LANGUAGES)
    shares = [ESPEAK_LANGUAGES[language][1] for language in languages]
    while True:
        language = rng.choices(languages, shares)[0]
        voice = rng.choice(ESPEAK_LANGUAGES[language][0])
        if rng.random() < 0.85:
            voice += "+" + rng.choice(ESPEAK_VARIANTS)
        text = (
            rng.choice(texts)
            if language == "en" and texts and rng.random() < 0.3
            else sentence(language, rng)
        )
        try:
            spoken, events = engine.say(
                text, voice, round(170 / _stretch(rng)), rng.randint(20, 80), rng.randint(30, 80)
            )
        except ValueError:  # not every timbre combines with every language
            continue
        if not events:
            continue
        segments = sounds.segments(espeak_phones(events, len(spoken) / engine.rate, language))
        samples = resample(spoken, engine.rate)
        if _fits(segments, samples):
            yield Utterance(samples, segments, f"espeak_{voice}")


def espeak_phones(
    events: list[tuple[float, str]], duration: float, language: str
) -> list[tuple[list[str], float, float]]:
    """Event starts -> phones with start and end; "(en)" and the like mark language switches and are no sound."""
    marks = sorted((mark for mark in events if not mark[1].startswith("(")), key=lambda mark: mark[0])
    if marks and marks[0][0] > 0.01:
        marks.insert(0, (0.0, ""))
    ends = [start for start, _ in marks[1:]] + [duration]
    timed = [
        (sounds.from_ipa(symbol, language), start, end)
        for (start, symbol), end in zip(marks, ends, strict=True)
        if end - start > 0.001
    ]
    return _move_stops(timed)


# espeak-ng reports a stop at its release; the closure before it is this long (seen in the signal as near-silence).
_CLOSED_BEFORE_EVENT = {"p": 0.045, "t": 0.045, "k": 0.045, "b": 0.03, "d": 0.03, "g": 0.03}
_RELEASE = 0.012
_SHORTEST_ASPIRATION = 0.03


def _move_stops(timed: list[tuple[list[str], float, float]]) -> list[tuple[list[str], float, float]]:
    """Let stops begin with their closure; what follows the release is breath."""
    out: list[tuple[list[str], float, float]] = []
    for phones, start, end in timed:
        closed = _CLOSED_BEFORE_EVENT.get(phones[0], 0.0)
        if closed and out:
            before, began, _ = out[-1]
            closed = min(closed, 0.7 * (start - began))
            out[-1] = (before, began, start - closed)
        elif closed:
            closed = 0.0
        release = start + _RELEASE
        if phones[0] in _CLOSED_BEFORE_EVENT and len(phones) == 1 and end - release > _SHORTEST_ASPIRATION:
            out += [(phones, start - closed, release), (["h"], release, end)]
        else:
            out.append((phones, start - closed, end))
    return out


ENGINES = {"flite": speak_flite, "festival": speak_festival, "espeak": speak_espeak}
