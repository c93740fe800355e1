"""Scripts aligned to speech whose sounds are known: times, trust, and what the lips gain.

    python -m training.alignment.evaluate --aligned FOLDER [--json FILE]

FOLDER holds recordings of people with the times of their phones and words beside them (`NAME.TextGrid` or
`NAME.phone.json`); the rest is said by espeak-ng, flite and festival. Prints Markdown.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from runtime.evaluation.alignment import Interval, read_alignment, segments_of
from runtime.evaluation.closures import ClosureCount, count_closures, f_score
from runtime.evaluation.films import find_speech
from runtime.inference.packs import ModelPack
from runtime.inference.sessions import Sessions
from runtime.speech.alignment.aligner import Alignment, align
from runtime.speech.decoding import decode_mouth
from runtime.speech.guidance import guide
from runtime.speech.pronunciation import pronounce
from runtime.stages.articulation import TRACK_FPS, ArticulationTrack, Segment, articulate
from runtime.stages.audio_encoding import AudioEncoder, Hearing
from training.alignment.compare import Errors, errors_of
from training.alignment.speech import Spoken, speak
from training.alignment.texts import TEXTS

FILM_FPS = 25.0


@dataclass
class Case:
    """A recording, what is heard in it, and its own script found in it."""

    spoken: Spoken
    group: str
    hearing: Hearing
    alignment: Alignment


@dataclass
class Tally:
    """Adds up over the recordings of a group."""

    errors: Errors = field(default_factory=Errors)
    alone: ClosureCount = field(default_factory=ClosureCount)
    guided: ClosureCount = field(default_factory=ClosureCount)
    shape_alone: list[float] = field(default_factory=list)
    shape_guided: list[float] = field(default_factory=list)
    worse: list[str] = field(default_factory=list)


def real_speech(folder: Path) -> Iterator[Spoken]:
    """Recordings of people with their words and sounds."""
    for speech in find_speech(folder):
        if speech.alignment is not None and speech.script is not None:
            segments = segments_of(read_alignment(speech.alignment))
            yield Spoken(speech.name, "en", speech.script, speech.samples(), segments)


def find(hearing: Hearing, script: str, language: str) -> Alignment:
    """A script in a recording, as the pipeline does it."""
    return align(hearing.logits, pronounce(script, language).words, hearing.sequence)


def tracks(case: Case) -> tuple[ArticulationTrack, ArticulationTrack]:
    """What moves the lips: by the sound alone, and with the script."""
    heard, voice = decode_mouth(case.hearing.evidence, case.hearing.loudness, case.hearing.calibration)
    guided, voice_guided = guide(heard, voice, case.alignment)
    loudness = case.hearing.loudness
    return heard.track(TRACK_FPS, voice, loudness), guided.track(TRACK_FPS, voice_guided, loudness)


def add(tally: Tally, case: Case) -> None:
    """Hold one recording against what is truly said."""
    spoken = case.spoken
    tally.errors += errors_of(case.alignment, spoken.segments)
    phones = intervals(spoken.segments)
    alone, guided = tracks(case)
    truth = articulate(spoken.segments, alone.duration)
    counts, shapes = [], []
    for track in (alone, guided):
        film = track.resampled(FILM_FPS, phase=0.5)
        counts.append(count_closures(film.closure > 0.5, phones, FILM_FPS))
        shapes.append(float(np.sqrt(np.mean((track.expression - truth.expression[: len(track)]) ** 2))))
    tally.alone += counts[0]
    tally.guided += counts[1]
    tally.shape_alone.append(shapes[0])
    tally.shape_guided.append(shapes[1])
    if quality(counts[1]) < quality(counts[0]) or shapes[1] > shapes[0]:
        tally.worse.append(spoken.name)


def intervals(segments: Sequence[Segment]) -> list[Interval]:
    """True sounds as the measure of closures takes them, each silence in one piece."""
    found: list[Interval] = []
    for segment in segments:
        if found and segment.phone == found[-1].label == "sil":
            found[-1] = Interval("sil", found[-1].start, segment.end)
        else:
            found.append(Interval(segment.phone, segment.start, segment.end))
    return found


def quality(count: ClosureCount) -> float:
    """F1 of closures: of those spoken, and of those seen."""
    recall = count.hits / count.bilabials if count.bilabials else 1.0
    precision = count.right / count.closures if count.closures else 1.0
    return f_score(recall, precision)


def wrong_scripts(cases: Sequence[Case], wanted: int = 30) -> list[tuple[str, float]]:
    """Recordings with the script of another one, alternately in the same language and in another; agreement."""
    found = []
    for number, case in enumerate(cases[:: max(1, len(cases) // wanted)][:wanted]):
        same = number % 2 == 0
        others = [
            other
            for other in cases
            if other.spoken.script != case.spoken.script
            and (other.spoken.language == case.spoken.language) == same
        ]
        other = others[number % len(others)].spoken
        agreement = find(case.hearing, other.script, other.language).agreement
        found.append((f"{case.spoken.name}, script in {other.language}: {other.script[:30]}", agreement))
    return found


def evaluate(aligned: Path | None, pack: Path | None = None) -> dict[str, Any]:
    """All measures, by language; real people apart."""
    encoder = AudioEncoder(Sessions(ModelPack.load(pack), threads=1))
    cases: list[Case] = []
    took, seconds = 0.0, 0.0
    sources = [(spoken, "people") for spoken in real_speech(aligned)] if aligned else []
    sources += [(spoken, spoken.language) for spoken in speak(TEXTS)]
    for spoken, group in sources:
        logging.info("%s", spoken.name)
        hearing = encoder.hear(spoken.samples)
        started = time.process_time()
        cases.append(Case(spoken, group, hearing, find(hearing, spoken.script, spoken.language)))
        took, seconds = took + time.process_time() - started, seconds + len(spoken.samples) / 16000
    tallies: dict[str, Tally] = defaultdict(Tally)
    for case in cases:
        add(tallies[case.group], case)
    wrong = wrong_scripts(cases)
    return {
        "groups": {group: numbers(tally) for group, tally in tallies.items()},
        "right_scripts": len(cases),
        "right_rejected": [case.spoken.name for case in cases if not case.alignment.trust.any()],
        "least_agreement": min((case.alignment.agreement, case.spoken.name) for case in cases),
        "wrong_scripts": len(wrong),
        "wrong_accepted": [name for name, agreement in wrong if agreement > 0],
        "seconds_of_speech": seconds,
        "seconds_of_work": took,
    }


def numbers(tally: Tally) -> dict[str, Any]:
    """One row of the table."""
    sounds, words = np.abs(tally.errors.sounds), np.abs(tally.errors.words)
    return {
        "recordings": len(tally.shape_alone),
        "sounds": len(sounds),
        "median_ms": 1000 * float(np.median(sounds)),
        "late_ms": 1000 * float(np.median(tally.errors.sounds)),
        "within_60_ms": float(np.mean(sounds <= 0.06)),
        "words": tally.errors.words_in_all,
        "words_lost": tally.errors.lost,
        "word_edges_within_100_ms": float(np.mean(words <= 0.1)),
        "alone": tally.alone.rates(),
        "guided": tally.guided.rates(),
        "shape_error_alone": float(np.mean(tally.shape_alone)),
        "shape_error_guided": float(np.mean(tally.shape_guided)),
        "worse_than_alone": tally.worse,
    }


def as_markdown(result: dict[str, Any]) -> str:
    """The tables of docs/film.md."""
    lines = [
        "| | recordings | sounds | median, ms | within 60 ms | word edges within 100 ms | words not trusted |",
        "| :--- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for group, row in result["groups"].items():
        lines.append(
            f"| {group} | {row['recordings']} | {row['sounds']} | {row['median_ms']:.0f} | "
            f"{row['within_60_ms']:.1%} | {row['word_edges_within_100_ms']:.1%} | "
            f"{row['words_lost']} of {row['words']} |"
        )
    lines += [
        "",
        "| | p b m | closed, sound alone | with script | at p b m, sound alone | with script | shape error, sound "
        "alone | with script | worse than alone |",
        "| :--- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | :--- |",
    ]
    for group, row in result["groups"].items():
        alone, guided = row["alone"], row["guided"]
        lines.append(
            f"| {group} | {alone['bilabials']} | {_percent(alone['recall'])} | {_percent(guided['recall'])} | "
            f"{_percent(alone['precision'])} | {_percent(guided['precision'])} | {row['shape_error_alone']:.3f} | "
            f"{row['shape_error_guided']:.3f} | {', '.join(row['worse_than_alone']) or '-'} |"
        )
    wrong, right = result["wrong_scripts"], result["right_scripts"]
    share, least = result["least_agreement"]
    lines += [
        "",
        f"Wrong scripts found out: {wrong - len(result['wrong_accepted'])} of {wrong}"
        + "".join(f"; accepted: {name}" for name in result["wrong_accepted"])
        + f". Right scripts rejected: {len(result['right_rejected'])} of {right}"
        + "".join(f"; {name}" for name in result["right_rejected"])
        + f". Least share of trusted words in a right one: {share:.0%} ({least}).",
        f"Pronouncing and aligning {result['seconds_of_speech']:.0f} s of speech took "
        f"{result['seconds_of_work']:.1f} s of one core.",
        "",
    ]
    return "\n".join(lines)


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.0%}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--aligned", type=Path, help="folder of recordings with phone times")
    parser.add_argument("--pack", type=Path, help="model pack; the bundled one when not given")
    parser.add_argument("--json", type=Path, help="also write everything here")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    result = evaluate(arguments.aligned, arguments.pack)
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=2, ensure_ascii=False))
    sys.stdout.write(as_markdown(result))


if __name__ == "__main__":
    main()
