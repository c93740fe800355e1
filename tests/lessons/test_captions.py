from pathlib import Path

import pytest

from runtime.lessons.captions import guessed_words, scene_cues, script_of, shifted
from runtime.lessons.script import parse_lesson
from runtime.lessons.soundtrack import SceneSound, Spoken
from runtime.pipeline import spoken_words


def sound(*spoken: Spoken) -> SceneSound:
    return SceneSound(Path("scene.wav"), spoken[-1].end + 1.0, spoken)


def test_guessed_words_fill_their_paragraph_and_point_into_the_script() -> None:
    scene = sound(Spoken("It's 1,000 words.", 1.0, 3.0), Spoken("光速很快。", 4.0, 6.0))
    words = guessed_words(scene)
    script = script_of(scene)
    assert [word.text for word in words] == ["It's", "1,000", "words", *"光速很快"]
    assert all(script[word.start_char : word.end_char] == word.text for word in words)
    assert (words[0].start, words[3].start) == (1.0, 4.0)
    assert (words[2].end, words[-1].end) == (pytest.approx(3.0), pytest.approx(6.0))
    assert not any(word.trusted for word in words)


def test_subtitles_show_everything_that_is_said() -> None:
    scene = sound(Spoken("One thing first.", 0.5, 2.0), Spoken("然后是另外一件事。", 3.0, 6.0))
    shown = scene_cues(scene, spoken_words(guessed_words(scene), scene.seconds), None)
    assert " ".join(cue.text for cue in shown) == "One thing first. 然后是另外一件事。"
    assert shown[0].start == 0.5 and shown[1].start == pytest.approx(3.0)
    later = shifted(shown, 10.0)
    assert [cue.start for cue in later] == [10.5, 13.0] and later[0].lines == shown[0].lines


def test_what_looks_like_markup_is_shown_as_the_voice_was_given_it() -> None:
    (scene,) = parse_lesson("# One\n\nThe tag `<p>` begins, `__init__` makes, `vector<int>` holds.\n").scenes
    said = sound(Spoken(scene.narration[0].text, 0.5, 4.0))
    shown = scene_cues(said, spoken_words(guessed_words(said), said.seconds), "en")
    assert " ".join(" ".join(cue.lines) for cue in shown) == scene.narration[0].text


def test_a_scene_without_words_has_no_subtitles() -> None:
    assert scene_cues(SceneSound(Path("scene.wav"), 4.0, ()), [], "en") == []
