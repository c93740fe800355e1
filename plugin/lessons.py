"""A script becomes speech, paragraph by paragraph, before the runtime makes a lesson of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dify_plugin.entities.tool import ToolInvokeMessage

from plugin.client import Inputs
from plugin.files import check_address, fetch, given_files, workspace
from plugin.rendering import Desk, chosen
from plugin.settings import AUDIO_BYTES, PORTRAIT_BYTES
from runtime.contract import RuntimeProblem
from runtime.lessons.options import LessonOptions
from runtime.lessons.script import parse_lesson
from runtime.lessons.utterances import utterances

ATTEMPTS = 3  # at a paragraph


def narrate(desk: Desk) -> Iterator[ToolInvokeMessage]:
    """From a script to messages. Raises `RuntimeProblem`."""
    script = _text(desk, "script")
    if not script:
        raise RuntimeProblem("script_missing", "Option script is empty, but a lesson is made from one.")
    lesson = parse_lesson(script)
    options = {**_options(desk), **desk.options(), "script": script}
    with workspace(desk.state / "calls") as folder:
        # Files first: their signed addresses do not last as long as the speech may take.
        portrait, portrait_url = desk.portrait(folder)
        slides, slides_url = _files(desk, "slides", folder, PORTRAIT_BYTES)
        audio, audio_url = _files(desk, "audio", folder, AUDIO_BYTES)
        inputs = Inputs(portrait, portrait_url, audio, audio_url, slides, slides_url, options)
        if audio or audio_url:
            yield from desk.hand_in("lessons", inputs, folder)
            return
        texts, voice = utterances(lesson), desk.voice()
        if not all(desk.was_spoken(text, voice) for text in texts):
            desk.client.check_lesson(inputs)
        yield from desk.narrate("lessons", inputs, desk.narration(texts, voice, ATTEMPTS), folder)


def _options(desk: Desk) -> dict[str, Any]:
    given = {name: chosen(desk.parameters.get(name)) for name in LessonOptions.model_fields}
    values = {name: value for name, value in given.items() if value not in (None, "auto")}
    LessonOptions.checked(values)
    return values


def _files(desk: Desk, name: str, folder: Path, limit: int) -> tuple[list[Path], list[str]]:
    """Files that were given, brought here, or addresses, one a line. Raises `RuntimeProblem` for both."""
    files, addresses = given_files(desk.parameters.get(name)), _text(desk, f"{name}_url").split()
    if files and addresses:
        raise RuntimeProblem(f"{name}_count", f"Give either {name} or {name}_url, but not both of them.")
    for address in addresses:
        check_address(address, f"the {name}")
    return [fetch(file, folder / f"{name}-{place}", limit) for place, file in enumerate(files)], addresses


def _text(desk: Desk, name: str) -> str:
    value = desk.parameters.get(name)
    return value.strip() if isinstance(value, str) else ""
