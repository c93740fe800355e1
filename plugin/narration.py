"""Texts on their way to sound, a few at a time, for as long as a call may take."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

from runtime.contract import RuntimeProblem

logger = logging.getLogger(__name__)

AT_ONCE = 2  # calls of the speech model
RETRY_SECONDS = 2.0  # before the second attempt; twice as long before each further one
SIGN_SECONDS = 3.0  # between two signs of life


@dataclass
class Narration:
    """Has `texts` spoken by `speak` until `deadline` (monotonic clock), each up to `attempts` times.

    Each is kept when it has been spoken, so a call that ran out of time, or a changed sentence, costs only the rest.
    What is being spoken when the time is up goes on, and is there for the next call.
    """

    speak: Callable[[str], Path]
    texts: Sequence[str]
    deadline: float
    attempts: int = 1

    def __post_init__(self) -> None:
        self._spoken: dict[str, Path] = {}
        self._wanted = list(dict.fromkeys(self.texts))

    @property
    def total(self) -> int:
        return len(self._wanted)

    @property
    def done(self) -> int:
        return len(self._spoken)

    @property
    def complete(self) -> bool:
        return self.done == self.total

    def files(self) -> list[Path]:
        """One recording for each text, in order."""
        return [self._spoken[text] for text in self.texts]

    def go_on(self) -> Iterator[None]:
        """Yield as a sign of life until all is spoken or the time is up. Raises `RuntimeProblem`."""
        pool = ThreadPoolExecutor(AT_ONCE)
        try:
            yield from self._follow(pool)
        finally:
            pool.shutdown(wait=False)

    def _follow(self, pool: ThreadPoolExecutor) -> Iterator[None]:
        signed = time.monotonic()
        left = iter(self._wanted)
        running: dict[Future[Path], str] = {}
        while (now := time.monotonic()) < self.deadline:
            while len(running) < AT_ONCE and (text := next(left, None)) is not None:
                running[pool.submit(self._speak, text)] = text
            if not running:
                return
            ended, _ = wait(running, min(SIGN_SECONDS, self.deadline - now), FIRST_COMPLETED)
            for one in ended:
                self._spoken[running.pop(one)] = one.result()
            if time.monotonic() - signed >= SIGN_SECONDS:
                signed = time.monotonic()
                yield

    def _speak(self, text: str) -> Path:
        for attempt in range(1, self.attempts + 1):
            try:
                return self.speak(text)
            except RuntimeProblem as fault:
                if attempt == self.attempts or time.monotonic() > self.deadline:
                    raise
                logger.warning("%s; trying again", fault)
                time.sleep(RETRY_SECONDS * 2 ** (attempt - 1))
        raise AssertionError("unreachable")
