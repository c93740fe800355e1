"""A script becomes speech, paragraph by paragraph, before the runtime makes a lesson of it."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dify_plugin.entities.tool import ToolInvokeMessage

from plugin import messages
from plugin.client import Inputs
from plugin.files import check_address, fetch, given_files, workspace
from plugin.rendering import PROGRESS_SECONDS, WAIT_SECONDS, Desk, chosen
from plugin.settings import AUDIO_BYTES, PORTRAIT_BYTES
from plugin.speech import Voice
from runtime.contract import RuntimeProblem
from runtime.lessons.options import LessonOptions
from runtime.lessons.script import parse_lesson
from runtime.lessons.utterances import utterances

logger = logging.getLogger(__name__)

AT_ONCE = 2  # calls of the speech model
ATTEMPTS = 3
RETRY_SECONDS = 2.0  # before the second attempt; twice as long before each further one


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
        if not audio and not audio_url:
            spoken = Narration(desk, desk.voice(), utterances(lesson))
            if spoken.costs:
                desk.client.check_lesson(inputs)
            yield from spoken.go_on()
            if not spoken.complete:
                yield from messages.unspoken(desk.tool, spoken.done, spoken.total)
                return
            inputs = replace(inputs, audio=spoken.files())
        yield from desk.hand_in("lessons", inputs, folder)


@dataclass
class Narration:
    """The paragraphs of a lesson on their way to sound, two at a time.

    Each is kept when it has been spoken, so a call that ran out of time, or a changed sentence, costs only the rest.
    """

    desk: Desk
    voice: Voice
    texts: Sequence[str]

    def __post_init__(self) -> None:
        self._spoken: dict[str, Path] = {}
        self._wanted = list(dict.fromkeys(self.texts))
        # Who does not want to wait wants a job id, and there is none before all is spoken.
        self._until = max(self.desk.deadline, time.monotonic() + WAIT_SECONDS)

    @property
    def total(self) -> int:
        return len(self._wanted)

    @property
    def costs(self) -> bool:
        """Whether the speech model is to be called at all."""
        return not all(self.desk.was_spoken(text, self.voice) for text in self._wanted)

    @property
    def done(self) -> int:
        return len(self._spoken)

    @property
    def complete(self) -> bool:
        return self.done == self.total

    def files(self) -> list[Path]:
        """One recording for each paragraph, in order."""
        return [self._spoken[text] for text in self.texts]

    def go_on(self) -> Iterator[ToolInvokeMessage]:
        """Yield signs of life until all is spoken or the call's time is up."""
        said_at = 0.0
        left = iter(self._wanted)
        running: dict[Future[Path], str] = {}
        with ThreadPoolExecutor(AT_ONCE) as pool:
            while True:
                while len(running) < AT_ONCE and time.monotonic() < self._until:
                    text = next(left, None)
                    if text is None:
                        break
                    running[pool.submit(self._speak, text)] = text
                if not running:
                    return
                ended, _ = wait(running, PROGRESS_SECONDS, FIRST_COMPLETED)
                for one in ended:
                    self._spoken[running.pop(one)] = one.result()
                if time.monotonic() - said_at >= PROGRESS_SECONDS:
                    said_at = time.monotonic()
                    yield messages.speaking(self.desk.tool)

    def _speak(self, text: str) -> Path:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return self.desk.speak(text, self.voice)
            except RuntimeProblem as fault:
                if attempt == ATTEMPTS or time.monotonic() > self._until:
                    raise
                logger.warning("%s; trying again", fault)
                time.sleep(RETRY_SECONDS * 2 ** (attempt - 1))
        raise AssertionError("unreachable")


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
