"""Texts said by synthesisers that tell when they say which sound."""

from __future__ import annotations

import random
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from runtime.stages.articulation import Segment
from training.alignment.texts import TEXTS, Text
from training.voices import sounds
from training.voices.engines import Espeak, espeak_phones, read_label_file
from training.voices.recordings import read_mono, resample


@dataclass(frozen=True)
class Spoken:
    """A script and its recording: samples (N,) at 16 kHz and the sounds in it."""

    name: str
    language: str
    script: str
    samples: NDArray[np.float32]
    segments: list[Segment]


ESPEAK_VOICES = {
    "en": ("en-us", "en-gb-x-rp"), "de": ("de",), "fr": ("fr",), "es": ("es",), "zh": ("cmn-latn-pinyin",),
    "yue": ("yue-Latn-jyutping",), "ja": ("ja",), "it": ("it",), "pt": ("pt-br",), "nl": ("nl",), "ru": ("ru",),
    "ko": ("ko",),
}  # fmt: skip
_FLITE_VOICES = ("slt", "rms")
_FESTIVAL_VOICE = "voice_cmu_us_slt_arctic_hts"


def speak(texts: list[Text] | None = None) -> Iterator[Spoken]:
    """All texts, English by three engines, the rest by espeak-ng, always alike."""
    texts = TEXTS if texts is None else texts
    engine = Espeak()
    rng = random.Random(7)
    for number, text in enumerate(texts):
        for voice in ESPEAK_VOICES[text.language]:
            voice += rng.choice(["", "+m3", "+f2", "+Annie", "+Marco"])
            yield _by_espeak(engine, text, voice, f"{number}", rng)
        if text.language == "en":
            yield _by_flite(text, _FLITE_VOICES[number % 2], f"{number}")
            yield _by_festival(text, f"{number}")


def _by_espeak(engine: Espeak, text: Text, voice: str, number: str, rng: random.Random) -> Spoken:
    read = text.spoken or (_pinyin(text.script) if text.language == "zh" else text.script)
    spoken, events = engine.say(read, voice, rng.randint(140, 190), rng.randint(30, 70), 50)
    phones = espeak_phones(
        events, len(spoken) / engine.rate, "cmn" if text.language == "zh" else text.language
    )
    samples = resample(spoken, engine.rate)
    return Spoken(f"espeak {voice} {number}", text.language, text.script, samples, sounds.segments(phones))


def _pinyin(script: str) -> str:
    import pypinyin

    return " ".join(pypinyin.lazy_pinyin(script, style=pypinyin.Style.TONE3, neutral_tone_with_five=True))


def _by_flite(text: Text, voice: str, number: str) -> Spoken:
    with tempfile.TemporaryDirectory() as folder:
        wav = Path(folder) / "speech.wav"
        command = ["flite", "-voice", voice, "-psdur", "-t", text.script, "-o", str(wav)]
        report = subprocess.run(command, capture_output=True, text=True, check=True)
        samples = read_mono(wav)
    timed, clock = [], 0.0
    for token in report.stdout.split():
        name, _, end = token.rpartition(":")
        timed.append((sounds.from_table(name, "arpabet"), clock, float(end)))
        clock = float(end)
    return Spoken(f"flite {voice} {number}", text.language, text.script, samples, sounds.segments(timed))


def _by_festival(text: Text, number: str) -> Spoken:
    with tempfile.TemporaryDirectory() as folder:
        wav, labels, orders = (Path(folder) / name for name in ("say.wav", "say.lab", "say.scm"))
        orders.write_text(
            f'({_FESTIVAL_VOICE})\n(set! u (Utterance Text "{text.script}"))\n(utt.synth u)\n'
            f'(utt.save.wave u "{wav}")\n(utt.save.segs u "{labels}")\n'
        )
        subprocess.run(["festival", "-b", str(orders)], capture_output=True, check=True, timeout=120)
        samples, timed = read_mono(wav), read_label_file(labels, "arpabet")
    name = f"festival slt {number}"
    return Spoken(name, text.language, text.script, samples, sounds.segments(timed))
