"""The limits that Dify sets to a call, counted from its beginning."""

from __future__ import annotations

import time

import pytest

from plugin.clock import AGENT_SECONDS, CALL_SECONDS, DELIVERY_SECONDS, WAIT_SECONDS, Clock


@pytest.mark.parametrize("wait", [0.0, WAIT_SECONDS])
def test_speech_leaves_time_for_the_rest_of_an_agents_call(wait: float) -> None:
    clock = Clock(wait, began=1000.0)
    assert 1000.0 + 100 < clock.speech_deadline < 1000.0 + WAIT_SECONDS
    assert clock.end == 1000.0 + AGENT_SECONDS


def test_who_waits_longer_than_agents_can_has_longer() -> None:
    clock = Clock(550.0, began=1000.0)
    assert clock.speech_deadline > 1000.0 + AGENT_SECONDS
    assert clock.end == 1000.0 + CALL_SECONDS


def test_a_film_is_brought_to_its_place_only_while_there_is_time() -> None:
    assert Clock(WAIT_SECONDS).may_deliver()
    assert Clock(0.0).may_deliver()
    late = time.monotonic() - AGENT_SECONDS + DELIVERY_SECONDS - 1
    assert not Clock(WAIT_SECONDS, late).may_deliver()
    assert not Clock(0.0, late).may_deliver()
    assert Clock(550.0, late).may_deliver()
