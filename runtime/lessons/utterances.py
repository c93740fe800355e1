"""What is said in a lesson, in the order in which recordings of it are expected."""

from __future__ import annotations

from runtime.contract import RuntimeProblem
from runtime.lessons.script import Lesson, Scene


def utterances(lesson: Lesson) -> list[str]:
    """Return what is said, in order: the paragraphs that have words."""
    return [paragraph.text for scene in lesson.scenes for paragraph in scene.narration if paragraph.text]


def said(scene: Scene) -> str:
    """Return all that is said in a scene, a line for each paragraph."""
    return "\n".join(paragraph.text for paragraph in scene.narration if paragraph.text)


def check_recordings(lesson: Lesson, count: int) -> bool:
    """Say whether so many recordings are one for each scene that speaks; else they are one for each paragraph.

    Raises `RuntimeProblem` for any other number.
    """
    paragraphs, scenes = len(utterances(lesson)), sum(bool(said(scene)) for scene in lesson.scenes)
    if count not in (scenes, paragraphs):
        raise RuntimeProblem(
            "audio_count",
            f"{_counted(count, 'recording')} came with the script, but {_counted(scenes, 'scene')} with "
            f"{_counted(paragraphs, 'paragraph')} are spoken in it: one for each scene is needed, or one for each "
            "paragraph.",
        )
    return count == scenes


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
