"""Words found in phone logits: times, liberties, trust, and the search itself."""

from __future__ import annotations

import itertools
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from runtime.speech.alignment.aligner import align
from runtime.speech.alignment.graph import graph_of
from runtime.speech.alignment.scores import NEIGHBOUR, SOFTENING, phone_scores
from runtime.speech.alignment.viterbi import NOTHING, StateGraph, best_path
from runtime.speech.script import ScriptWord
from runtime.speech.sequence import PhoneSequence
from runtime.stages.articulation import PHONE_NAMES

PHONES = len(PHONE_NAMES)
SEQUENCE = PhoneSequence.of_counts(np.ones((PHONES, PHONES)) + 5 * PHONES * np.eye(PHONES))
SOUNDS = "the=dh-ax quick=k-w-ih-k brown=b-r-a-uh-n fox=f-a-k-s jumps=d-zh-ah-m-p-s over=ou-v-er lazy=l-e-z-i dog=d-o-g"
LEXICON = {
    word: tuple(sounds.split("-")) for word, _, sounds in (item.partition("=") for item in SOUNDS.split())
}
OTHER = {
    "my": "m-a-ih",
    "thin": "th-ih-n",
    "voice": "v-o-ih-s",
    "shows": "sh-ou-uh-z",
    "new": "n-j-u",
    "hope": "h-ou-p",
}
LEXICON |= {word: tuple(sounds.split("-")) for word, sounds in OTHER.items()}
TEXT = "the quick brown fox jumps over the lazy dog"
FRAMES = 5  # that each sound lasts


def script(text: str) -> list[ScriptWord]:
    words, clock = [], 0
    for word in text.split():
        words.append(ScriptWord(word, clock, clock + len(word), (LEXICON[word],), "en"))
        clock += len(word) + 1
    return words


def speech(text: str, seed: int = 0) -> NDArray[np.float32]:
    """Logits of somebody saying it, every sound 0.1 s long and 0.3 s of silence at either end; "_" is a pause."""
    sounds = ["sil"] * 3
    for word in text.split():
        sounds += ["sil"] * 3 if word == "_" else LEXICON[word]
    said = np.repeat([PHONE_NAMES.index(sound) for sound in [*sounds, *["sil"] * 3]], FRAMES)
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 1.2, (len(said), PHONES))
    logits[np.arange(len(said)), said] += 4
    return logits.astype(np.float32)


def starts(text: str) -> list[float]:
    clock, found = 3, []
    for word in text.split():
        if word != "_":
            found.append(clock * FRAMES / 50)
        clock += 3 if word == "_" else len(LEXICON[word])
    return found


def test_words_are_found_where_they_are_said() -> None:
    said = "the quick brown fox _ jumps over the lazy dog"
    found = align(speech(said), script(TEXT), SEQUENCE)
    assert [word.text for word in found.words] == TEXT.split()
    assert [TEXT[word.start_char : word.end_char] for word in found.words] == TEXT.split()
    assert all(word.trusted for word in found.words)
    # A frame stands for the instant at its middle, so a sound begins half a frame before its first one.
    np.testing.assert_allclose([word.start + 0.01 for word in found.words], starts(said), atol=0.021)
    assert found.words[3].end == pytest.approx(found.words[4].start - 0.3, abs=0.03)
    assert [segment.phone for segment in found.segments] == [
        sound for w in TEXT.split() for sound in LEXICON[w]
    ]


def test_an_unwritten_sentence_is_left_to_the_sound() -> None:
    said = "the quick brown fox my thin voice shows new hope jumps over the lazy dog"
    found = align(speech(said), script(TEXT), SEQUENCE)
    at = starts(said)
    np.testing.assert_allclose([w.start + 0.01 for w in found.words], at[:4] + at[10:], atol=0.05)
    between = slice(int(50 * at[4]) + 3, int(50 * at[10]) - 3)
    assert not found.trust[between].any()


def test_a_cough_is_left_to_the_sound() -> None:
    """Noise that now and then resembles the next words is none of them."""
    rng = np.random.default_rng(4)
    burst = [PHONE_NAMES.index(phone) for phone in ("d", "ah", "f", "s", "p", "h", "ah", "m")]
    cough = rng.normal(0, 1.2, (len(burst) * 5, PHONES))
    cough[np.arange(len(cough)), np.repeat(burst, 5)] += 3
    logits = speech("the quick brown fox _ jumps over the lazy dog").copy()
    cut = int(50 * starts("the quick brown fox jumps")[4]) + 5  # within the pause
    found = align(
        np.concatenate([logits[:cut], cough, logits[cut:]]).astype(np.float32), script(TEXT), SEQUENCE
    )
    at = starts("the quick brown fox _ jumps over the lazy dog")
    later = np.array(at[4:]) + len(cough) / 50
    np.testing.assert_allclose([word.start + 0.01 for word in found.words], [*at[:4], *later], atol=0.05)
    assert not found.trust[cut + 3 : cut + len(cough) - 3].any()


def test_a_skipped_sentence_is_not_trusted_and_lies_between_its_neighbours() -> None:
    written = "the quick brown fox my thin voice shows new hope jumps over the lazy dog"
    found = align(speech(TEXT), script(written), SEQUENCE)
    assert [word.trusted for word in found.words] == [True] * 4 + [False] * 6 + [True] * 5
    times = [time for word in found.words for time in (word.start, word.end)]
    assert times == sorted(times)


def test_words_behind_the_last_one_said_share_the_time_that_is_left() -> None:
    found = align(speech("the quick brown fox jumps"), script(TEXT), SEQUENCE).words
    seconds = len(speech("the quick brown fox jumps")) / 50
    left_out = found[5:]
    assert not any(word.trusted for word in left_out)
    assert left_out[0].start == found[4].end and left_out[-1].end == pytest.approx(seconds)
    assert len({round(word.end - word.start, 6) for word in left_out}) == 1 and left_out[0].end > found[4].end


def test_a_repeated_word_is_one_word() -> None:
    found = align(
        speech("the quick brown brown fox jumps over"), script("the quick brown fox jumps over"), SEQUENCE
    )
    assert all(word.trusted for word in found.words)
    assert found.words[3].start == pytest.approx(starts("the quick brown brown fox")[4] - 0.01, abs=0.03)


def test_a_vowel_heard_as_its_neighbour_costs_little() -> None:
    heard = np.zeros((1, PHONES), np.float32)
    heard[0, PHONE_NAMES.index("u")] = 12
    scores = phone_scores(heard, SEQUENCE)[0]
    near, far = (scores[PHONE_NAMES.index(name)] for name in ("o", "i"))
    assert near == pytest.approx(-SOFTENING * NEIGHBOUR)
    assert far == pytest.approx(-SOFTENING * 12)


@pytest.mark.parametrize(
    "wrong", ["my thin voice shows new hope", "dog lazy the over jumps fox brown quick the"]
)
def test_another_text_is_found_out(wrong: str) -> None:
    found = align(speech(TEXT), script(wrong), SEQUENCE)
    assert not found.trust.any() and not any(word.trusted for word in found.words)
    assert found.agreement == 0 and not found.segments


def test_a_part_of_a_longer_script_is_found() -> None:
    unsaid, said = " ".join(["my thin voice shows new hope"] * 3), f"{TEXT} {TEXT}"
    found = align(speech(said), script(f"{unsaid} {said} {unsaid}"), SEQUENCE)
    trusted = [word.trusted for word in found.words]
    assert found.agreement < 0.5
    assert all(trusted[21:33]) and not any(trusted[:18]) and not any(trusted[36:])
    assert [word.start + 0.01 for word in found.words[21:33]] == pytest.approx(starts(said)[3:15], abs=0.03)


def test_the_pronunciation_that_is_heard_is_taken() -> None:
    words = script(TEXT)
    words[1] = replace(words[1], pronunciations=(("b", "e", "m", "u"), LEXICON["quick"], ("s", "ou")))
    found = align(speech(TEXT), words, SEQUENCE)
    assert [s.phone for s in found.segments][2:6] == list(LEXICON["quick"])


def test_sounds_that_cannot_be_heard_share_the_time() -> None:
    logits = speech(TEXT)
    quick = slice(int(50 * starts(TEXT)[1]), int(50 * starts(TEXT)[2]))
    logits[quick] = 0
    found = align(logits, script(TEXT), SEQUENCE)
    lengths = [segment.end - segment.start for segment in found.segments[2:6]]
    assert [segment.phone for segment in found.segments[2:6]] == list(LEXICON["quick"])
    assert min(lengths) > 0.045


def test_words_that_share_a_stretch_are_one() -> None:
    words = script("the quick brown fox jumps over")
    words[2], words[3] = (
        replace(words[n], text=text, start=10, end=14) for n, text in ((2, "2026"), (3, ""))
    )
    found = align(speech("the quick brown fox jumps over"), words, SEQUENCE)
    assert [word.text for word in found.words] == ["the", "quick", "2026", "jumps", "over"]
    assert found.words[2].end == pytest.approx(found.words[3].start)


def test_nothing_to_align() -> None:
    assert align(speech(TEXT), [], SEQUENCE).words == ()
    assert align(np.zeros((0, PHONES), np.float32), script(TEXT), SEQUENCE).agreement == 0
    assert len(align(speech("")[:2], script(TEXT), SEQUENCE).words) == 9  # two frames cannot hold nine words


def every_path(graph: StateGraph, frames: int) -> list[tuple[tuple[int, ...], float]]:
    """All paths of a graph with their gains, by trying every one; states that take no time are passed between."""

    def onward(state: int) -> list[tuple[int, float]]:
        out = []
        for target in range(len(graph)):
            for way in range(graph.first[target], graph.first[target + 1]):
                if graph.source[way] == state:
                    gain = float(graph.gain[way])
                    if graph.column[target] == NOTHING:
                        out += [(further, gain + more) for further, more in [(target, 0.0), *onward(target)]]
                    else:
                        out.append((target, gain))
        return out

    paths: list[tuple[tuple[int, ...], float]] = [((graph.begin,), 0.0)]
    for _ in range(frames):
        longer = []
        for path, gain in paths:
            last = path[-1]
            places = [(last, 0.0)] + [(s, g) for s, g in onward(last) if graph.column[s] == NOTHING]
            steps: dict[int, float] = {}
            for place, so_far in places:
                for target, more in onward(place):
                    if graph.column[target] != NOTHING:
                        steps[target] = max(steps.get(target, -1e9), so_far + more)
            if graph.column[last] != NOTHING:
                steps[last] = max(steps.get(last, -1e9), float(graph.stay[last]))
            longer += [((*path, target), gain + more) for target, more in steps.items()]
        paths = longer
    ended = []
    for path, gain in paths:
        arrivals = [g for s, g in onward(path[-1]) if s == len(graph) - 1]
        if arrivals:
            ended.append((path[1:], gain + max(arrivals)))
    return ended


def test_the_search_finds_the_best_of_all_paths() -> None:
    words = [ScriptWord("a", 0, 1, (("a", "t"), ("o",)), "en"), ScriptWord("b", 2, 3, (("b",),), "en")]
    graph = graph_of(words, np.full(PHONES, 0.7)).states
    rng = np.random.default_rng(1)
    for _ in range(5):
        scores = rng.normal(0, 4, (4, PHONES + 1)).astype(np.float32)
        best = max(
            every_path(graph, 4),
            key=lambda item: item[1] + scores[range(4), graph.column[list(item[0])]].sum(),
        )
        assert tuple(best_path(scores, graph)) == best[0]


def test_the_beam_and_the_checkpoints_do_not_show() -> None:
    text = " ".join(itertools.islice(itertools.cycle(TEXT.split()), 90))
    logits = speech(text)
    assert len(logits) > 4 * 256
    graph = graph_of(script(text), np.full(PHONES, 0.8)).states
    scores = np.concatenate(
        [logits - logits.max(axis=1, keepdims=True), np.full((len(logits), 1), -3)], axis=1
    )
    narrow, wide = (best_path(scores.astype(np.float32), graph, beam) for beam in (150.0, 1e9))
    np.testing.assert_array_equal(narrow, wide)


def test_memory_grows_with_length_alone() -> None:
    def peak(words: int) -> int:
        text = " ".join(itertools.islice(itertools.cycle(TEXT.split()), words))
        logits, written = speech(text), script(text)
        tracemalloc.start()
        assert align(logits, written, SEQUENCE).agreement > 0.95
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return used

    assert peak(300) < 3 * peak(150)
