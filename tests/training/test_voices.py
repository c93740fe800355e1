"""Training speech: texts, phone tables, labels, noises."""

from __future__ import annotations

import random
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from runtime.stages.articulation import PHONE_NAMES, PHONES, Segment
from training.voices import sounds
from training.voices.corpora import pauses_are_quiet, spell_pinyin
from training.voices.engines import ESPEAK_LANGUAGES, FESTIVAL_VOICES, Utterance, _move_stops, read_label_file
from training.voices.hesitations import lengthen
from training.voices.noises import make_noises
from training.voices.recognise import plausible
from training.voices.revoicing import revoiced
from training.voices.synthesise import write_shard
from training.voices.texts import sentence


@pytest.mark.parametrize(
    "language", sorted({*ESPEAK_LANGUAGES, *(voice.language for voice in FESTIVAL_VOICES)})
)
def test_sentences_are_reproducible_and_varied(language: str) -> None:
    first, second = (sentence(language, random.Random(4)) for _ in range(2))
    assert first == second
    rng = random.Random(5)
    assert len({sentence(language, rng) for _ in range(20)}) > 15


def test_a_third_of_english_is_talk() -> None:
    rng = random.Random(6)
    spoken = [sentence("en", rng) for _ in range(60)]
    assert 10 < sum("gonna" in text or "you know" in text or " of " in text for text in spoken) < 45


def _vowel(hertz: float) -> np.ndarray:
    """Two seconds of a buzz with formants at 700 and 1200 Hz."""
    time = np.arange(32000) / 16000
    tone = sum(
        np.cos(2 * np.pi * hertz * k * time) * (np.exp(-(((hertz * k - 700) / 150) ** 2)) + 0.3 / k)
        for k in range(1, int(7000 / hertz))
    )
    return (0.05 * tone).astype(np.float32)


def test_revoiced_speech_keeps_its_times_and_changes_its_pitch() -> None:
    pytest.importorskip("pyworld", reason="training needs requirements-training.txt")
    samples = _vowel(200.0)
    samples[8000:14000] = 0
    segments = [Segment("a", 0, 0.5), Segment("sil", 0.5, 0.875), Segment("m", 0.875, 2)]
    silence = Utterance(np.zeros(16000, np.float32), [Segment("sil", 0, 1)], "x")
    voices = list(revoiced([Utterance(samples, segments, "x"), silence] * 8, random.Random(0)))
    assert len(voices) == 8  # silence has no voice
    pitches = set()
    for voice in voices:
        assert voice.segments == segments and len(voice.samples) == len(samples)
        assert np.abs(voice.samples[9000:13000]).max() < 0.1 * np.abs(voice.samples).max()
        spectrum = np.abs(np.fft.rfft(voice.samples[18000:26000] * np.hanning(8000)))
        pitches.add(int(spectrum[30:].argmax()))
    assert len(pitches) > 4


def test_every_table_leads_to_known_phones() -> None:
    for table in sounds.TABLES.values():
        for ours in table.values():
            assert all(phone in PHONES for phone in ours.split()), ours


def test_ipa_of_several_languages() -> None:
    assert sounds.from_ipa("tʃ", "en") == ["t", "sh"]
    assert sounds.from_ipa("r", "en") == ["r"] and sounds.from_ipa("r", "es") == ["rr"]
    assert sounds.from_ipa("pʰ", "cmn") == ["p"] and sounds.from_ipa("ph", "cmn") == ["p"]
    assert sounds.from_ipa("tɕh", "cmn") == ["t", "sj"]
    assert sounds.from_ipa("aɪ", "de") == ["a", "ih"]
    assert sounds.from_ipa("", "fr") == ["sil"]
    assert sounds.from_ipa("ɔ̃", "fr") == ["o"]


def test_stops_begin_with_their_closure() -> None:
    moved = _move_stops([(["a"], 0.0, 0.2), (["p"], 0.2, 0.27), (["a"], 0.27, 0.4)])
    assert [phones[0] for phones, _, _ in moved] == ["a", "p", "h", "a"]
    assert moved[0][2] == moved[1][1] == pytest.approx(0.155)
    assert moved[1][2] == moved[2][1] == pytest.approx(0.212)


def test_unknown_phones_of_a_table_are_an_error() -> None:
    with pytest.raises(KeyError):
        sounds.from_table("qqq", "czech")


def test_segments_split_affricates_and_swallow_tiny_pauses() -> None:
    found = sounds.segments([(["t", "sh"], 0.0, 0.1), (["sil"], 0.1, 0.12), (["a"], 0.12, 0.2)])
    assert [s.phone for s in found] == ["t", "sh", "a"]
    assert found[0].end == pytest.approx(0.04) and found[1].end == pytest.approx(0.12)


@pytest.mark.parametrize(
    ("syllable", "initial", "final"),
    [
        ("ba", "b", "a"),
        ("zhuang", "zh", "w a ng"),
        ("shi", "sh", "iz"),
        ("xue", "x", "y eh"),
        ("yu", "", "y"),
        ("yuan", "", "y eh n"),
        ("you", "", "i ou"),
        ("yi", "", "i"),
        ("ying", "", "i ng"),
        ("wo", "", "w o"),
        ("wei", "", "w e ih"),
        ("wu", "", "u"),
        ("lv", "l", "y"),
        ("er", "", "a er"),
    ],
)
def test_pinyin_spelling(syllable: str, initial: str, final: str) -> None:
    assert spell_pinyin(syllable) == (initial, final.split())


def test_a_loud_pause_betrays_a_wrong_alignment() -> None:
    rng = np.random.default_rng(0)
    samples = rng.normal(0, 0.1, 16000 * 2).astype(np.float32)
    samples[16000:] *= 0.003
    right = [Segment("a", 0, 1), Segment("sil", 1, 2)]
    wrong = [Segment("sil", 0, 1), Segment("a", 1, 2)]
    assert pauses_are_quiet(Utterance(samples, right, "x"))
    assert not pauses_are_quiet(Utterance(samples, wrong, "x"))


def test_label_files(tmp_path: Path) -> None:
    path = tmp_path / "a.lab"
    path.write_text("#\n0.3 125 pau\n0.4 125 mm\n0.55 125 aa\n")
    assert read_label_file(path, "russian") == [
        (["sil"], 0.0, 0.3),
        (["m"], 0.3, 0.4),
        (["a"], 0.4, 0.55),
    ]


def test_noises_are_audible_finite_and_silent_to_the_lips() -> None:
    for noise in islice(make_noises(random.Random(1), []), 12):
        assert np.isfinite(noise.samples).all() and 0.005 < np.abs(noise.samples).max() <= 1
        assert [segment.phone for segment in noise.segments] == ["sil"]


def test_drawn_out_sounds_take_their_targets_along(tmp_path: Path) -> None:
    samples = np.random.default_rng(0).normal(0, 0.1, 16000 * 4).astype(np.float32)
    spoken = [Segment(p, i * 0.1, i * 0.1 + 0.1) for i, p in enumerate(["a", "m"] * 20)]
    write_shard(tmp_path / "human_lj_003.npz", iter([Utterance(samples, spoken, "x")] * 3), 60)
    seconds = lengthen(tmp_path / "human_lj_003.npz", tmp_path / "long.npz", random.Random(0))
    assert seconds > 13
    with np.load(tmp_path / "long.npz") as long:
        assert long["offsets"][-1] == len(long["mel"]) == len(long["phone"]) == round(seconds * 100)
        lips = long["contacts"][:, 0].astype(float)
        assert lips[long["phone"] == PHONE_NAMES.index("m")].mean() > 0.95
        runs = np.diff(np.flatnonzero(np.diff(long["phone"])))
        assert runs.max() > 30  # more than 0.3 s in one sound


def test_recognised_phones_must_be_speech_like() -> None:
    speech = [("AH", i / 10, (i + 1) / 10) for i in range(30)]
    assert plausible(speech, 3.5)
    assert not plausible(speech, 30.0)
    assert not plausible([("SIL", 0.0, 3.0)], 3.0)
