"""How long a call has. Dify tells a tool neither its limits nor that one of them has passed."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

AGENT_SECONDS = 240.0  # an agent's call dies then, however much progress it tells
CALL_SECONDS = 600.0  # and any call then
WAIT_SECONDS = 200.0  # how long a call waits for its film unless told otherwise
LONGEST_WAIT = 550.0
HANDING_IN_SECONDS = 20.0  # what it takes to hand a job in once its speech is there
DELIVERY_SECONDS = 30.0  # what it takes to bring a film to its place


@dataclass(frozen=True)
class Clock:
    """Counts from the moment a call began (by the monotonic clock), not from when its inputs had arrived."""

    wait: float
    began: float = field(default_factory=time.monotonic)

    @property
    def deadline(self) -> float:
        """Until when a film is waited for."""
        return self.began + self.wait

    @property
    def speech_deadline(self) -> float:
        """Until when speech is waited for. Who does not want to wait wants a job id, and there is none before that."""
        return self.began + max(self.wait, WAIT_SECONDS) - HANDING_IN_SECONDS

    @property
    def end(self) -> float:
        """When Dify gives the call up; one that may wait longer than agents can is none of theirs."""
        return self.began + (AGENT_SECONDS if self.wait <= WAIT_SECONDS else CALL_SECONDS)

    def may_deliver(self) -> bool:
        """Whether there is time enough to bring a film to its place."""
        return self.end - time.monotonic() >= DELIVERY_SECONDS
