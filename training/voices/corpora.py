"""Human recordings with known phones, as utterances.

- LJ Speech (public domain) with a table `id, text, PHONE:start-end ...` made by forced alignment;
- recordings recognised by `training.voices.recognise` (same table);
- the labelled recordings of Debian's festvox-ru (Nickolay V. Shmyrev, BSD-like licence);
- Mandarin syllables, one a file, named by pinyin and tone (Unlicense).
"""

from __future__ import annotations

import logging
import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from runtime.stages.articulation import Segment
from training.voices import sounds
from training.voices.engines import Utterance, read_label_file
from training.voices.recordings import RATE, read_mono

log = logging.getLogger(__name__)


def read_table(table: Path, clips: Path, voice: str) -> Iterator[Utterance]:
    """Clips whose CMU phones a table gives; lines without phones are passed over."""
    for line in table.read_text().splitlines():
        name, _, spelled = line.split("\t")
        clip = clips / f"{name}.ogg"
        if not spelled or not clip.exists():
            continue
        timed = []
        for item in spelled.split():
            phone, _, times = item.rpartition(":")
            start, _, end = times.partition("-")
            timed.append((sounds.from_table(phone, "arpabet"), float(start), float(end)))
        utterance = Utterance(read_mono(clip), sounds.segments(timed), f"{voice}_{name.split('-')[0]}")
        if pauses_are_quiet(utterance):
            yield utterance
        else:
            log.info("%s: speech where its labels have a pause; left out", name)


def pauses_are_quiet(utterance: Utterance) -> bool:
    """Whether nearly all labelled silence is 20 dB under the speech; not so where forced alignment lost its way."""
    block = RATE // 100
    count = len(utterance.samples) // block
    power = (utterance.samples[: count * block].reshape(count, block) ** 2).mean(axis=1)
    loud = 10 * np.log10(power + 1e-10) > 10 * np.log10(np.percentile(power, 95) + 1e-10) - 20
    paused = np.zeros(count, bool)
    for segment in utterance.segments:
        if segment.phone == "sil" and segment.end - segment.start > 0.16:
            paused[round((segment.start + 0.04) * 100) : round((segment.end - 0.04) * 100)] = True
    return int((paused & loud).sum()) <= max(8, 0.1 * int(paused.sum()))


def read_russian(folder: Path) -> Iterator[Utterance]:
    """festvox-ru: wav/*.wav with lab/*.lab."""
    for lab in sorted((folder / "lab").glob("*.lab")):
        wav = folder / "wav" / f"{lab.stem}.wav"
        if not wav.exists():
            continue
        try:
            segments = sounds.segments(_advance_stops(read_label_file(lab, "russian")))
        except KeyError as unknown:
            log.warning("%s: phone %s is not in the table", lab.name, unknown)
            continue
        yield Utterance(read_mono(wav), segments, "russian_msu")


_LATE_STOPS = 0.025  # seconds by which these labels put voiceless stops after the end of the vowel before


def _advance_stops(timed: list[tuple[list[str], float, float]]) -> list[tuple[list[str], float, float]]:
    out: list[tuple[list[str], float, float]] = []
    for phones, start, end in timed:
        if phones[0] in {"p", "t", "k"} and out:
            before, began, _ = out[-1]
            start -= min(_LATE_STOPS, 0.5 * (start - began))
            out[-1] = (before, began, start)
        out.append((phones, start, end))
    return out


# How long each initial lasts in a carefully spoken syllable, and how far before the sound's onset it begins
# (a stop's closure is silent). Seconds, by hand.
_INITIALS: dict[str, tuple[str, float, float]] = {
    "b": ("b", 0.09, 0.02),
    "p": ("p", 0.09, 0.09),
    "m": ("m", 0.0, 0.10),
    "f": ("f", 0.0, 0.13),
    "d": ("d", 0.07, 0.02),
    "t": ("t", 0.07, 0.09),
    "n": ("n", 0.0, 0.09),
    "l": ("l", 0.0, 0.08),
    "g": ("g", 0.07, 0.03),
    "k": ("k", 0.07, 0.09),
    "h": ("x", 0.0, 0.12),
    "zh": ("sh", 0.0, 0.07),
    "ch": ("sh", 0.0, 0.15),
    "sh": ("sh", 0.0, 0.16),
    "r": ("r", 0.0, 0.09),
    "z": ("s", 0.0, 0.07),
    "c": ("s", 0.0, 0.15),
    "s": ("s", 0.0, 0.16),
    "j": ("sj", 0.0, 0.07),
    "q": ("sj", 0.0, 0.15),
    "x": ("sj", 0.0, 0.16),
}
_VOWELS = {
    "a": "a", "o": "o", "e": "ah", "i": "i", "u": "u", "v": "y", "ai": "a ih", "ei": "e ih", "ao": "a uh",
    "ou": "ou uh", "an": "a n", "en": "ax n", "ang": "a ng", "eng": "ah ng", "ong": "u ng", "er": "a er",
    "ia": "i a", "ie": "i eh", "iao": "i a uh", "iu": "i ou", "ian": "i eh n", "in": "i n", "iang": "i a ng",
    "ing": "i ng", "iong": "i u ng", "ua": "w a", "uo": "w o", "uai": "w a ih", "ui": "w e ih", "uan": "w a n",
    "un": "w ax n", "uang": "w a ng", "ueng": "w ah ng", "ue": "y eh", "ve": "y eh", "van": "y eh n", "vn": "y n",
}  # fmt: skip
_GLIDES = {"yu": "v", "yi": "i", "wu": "u", "y": "i", "w": "u"}


def spell_pinyin(syllable: str) -> tuple[str, list[str]]:
    """A toneless syllable -> its initial ("" for none) and our phones of its final; KeyError if it is none."""
    for spelled, vowel in _GLIDES.items():
        if syllable.startswith(spelled):
            rest = syllable[len(spelled) :]
            final = vowel + rest if not (spelled == "y" and rest.startswith("i")) else rest
            final = {"iou": "iu", "uei": "ui", "uen": "un", "ion": "ian"}.get(final, final)
            return "", _VOWELS[final].split()
    initial = next((i for i in sorted(_INITIALS, key=len, reverse=True) if syllable.startswith(i)), "")
    final = syllable[len(initial) :]
    if initial in {"zh", "ch", "sh", "r", "z", "c", "s"} and final == "i":
        return initial, ["iz"]
    if initial in {"j", "q", "x"} and final.startswith("u"):
        final = "v" + final[1:]
    return initial, _VOWELS[final].split()


def read_mandarin_syllables(folder: Path, rng: random.Random) -> Iterator[Utterance]:
    """Single syllables strung together in random order, six to an utterance, with short pauses."""
    clips = sorted(folder.glob("*.ogg"))
    rng.shuffle(clips)
    for first in range(0, len(clips) - 5, 6):
        samples: list[NDArray[np.float32]] = []
        segments: list[Segment] = []
        clock = 0.0
        for clip in clips[first : first + 6]:
            try:
                initial, final = spell_pinyin(clip.stem.rstrip("12345"))
            except KeyError:
                continue
            spoken = read_mono(clip)
            free = segments[-1].end if segments else 0.0
            segments += _place_syllable(spoken, initial, final, clock, free)
            gap = np.zeros(int(rng.uniform(0.0, 0.15) * RATE), np.float32)
            samples += [spoken, gap]
            clock += (len(spoken) + len(gap)) / RATE
        if segments:
            yield Utterance(np.concatenate(samples), segments, "mandarin_syllables")


def _place_syllable(
    spoken: NDArray[np.float32], initial: str, final: list[str], clock: float, free: float
) -> list[Segment]:
    """Phones of a recorded syllable, from where it begins and ends to sound; silence since `free` may be its own."""
    block = RATE // 100
    power = (spoken[: len(spoken) // block * block].reshape(-1, block) ** 2).mean(axis=1)
    loud = np.flatnonzero(power > power.max() * 10**-3.0)
    start, end = clock + loud[0] / 100, clock + (loud[-1] + 1) / 100
    segments = []
    if initial:
        phone, before, after = _INITIALS[initial]
        if initial in {"zh", "z", "j", "ch", "c", "q"}:
            segments.append(Segment("t", max(free, start - 0.06), start))
        segments.append(Segment(phone, max(free, start - before), start + after))
        start += after
    nasal = final[-1] in {"n", "ng"}
    shares = np.ones(len(final))
    if nasal:
        shares[-1] = 0.6
    if len(final) > 1 and final[0] in {"i", "w", "y"}:
        shares[0] = 0.4
    edges = start + np.concatenate([[0], np.cumsum(shares) / shares.sum()]) * max(end - start, 0.05)
    segments += [
        Segment(phone, float(a), float(b)) for phone, a, b in zip(final, edges, edges[1:], strict=False)
    ]
    return segments
