"""What is said in a lesson, in the order in which recordings of it are expected."""

from __future__ import annotations

from runtime.lessons.script import Lesson, Scene


def utterances(lesson: Lesson) -> list[str]:
    """Return what is said, in order: the paragraphs that have words."""
    return [paragraph.text for scene in lesson.scenes for paragraph in scene.narration if paragraph.text]


def said(scene: Scene) -> str:
    """Return all that is said in a scene, a line for each paragraph."""
    return "\n".join(paragraph.text for paragraph in scene.narration if paragraph.text)
