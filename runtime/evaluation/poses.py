"""Fixed faces for contact sheets: what a reviewer looks at first, driven straight through stages 3 to 5."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from runtime.stages.articulation import EXPRESSIONS, PHONES, compose

_HEAD = 5  # yaw, pitch, roll in radians; dx, dy in ipd


@dataclass(frozen=True)
class Pose:
    """One frame's drive: expression (25,), closure 0..1, head (5,), amount 0 (the photo) to 1; crop says which
    detail tells most, "mouth" or "eyes"."""

    name: str
    expression: NDArray[np.float32]
    closure: float = 0.0
    head: NDArray[np.float32] = field(default_factory=lambda: np.zeros(_HEAD, np.float32))
    amount: float = 1.0
    crop: str = "mouth"


def sheet_poses() -> list[Pose]:
    """The poses of a sheet, the photo itself first."""
    return [
        Pose("photo", _silent(), amount=0.0),
        Pose("silence", *_sound("sil")),
        Pose("m", *_sound("m")),
        Pose("aa", *_sound("a", gain=1.3)),
        Pose("oo", *_sound("u")),
        Pose("ee", *_sound("i")),
        Pose("f", *_sound("f")),
        Pose("o", *_sound("o")),
        Pose("half blink", _blinking(0.5), 1.0, crop="eyes"),
        Pose("blink", _blinking(1.0), 1.0, crop="eyes"),
        Pose("yaw +8, ah", *_sound("ah"), head=_turned(yaw=8)),
        Pose("yaw -8, pitch +4, s", *_sound("s"), head=_turned(yaw=-8, pitch=4, roll=2)),
        Pose("pitch -6, eh", *_sound("eh"), head=_turned(pitch=-6)),
        Pose("pitch +6, silence", *_sound("sil"), head=_turned(pitch=6)),
    ]


def _silent() -> NDArray[np.float32]:
    return np.zeros(len(EXPRESSIONS), np.float32)


def _sound(phone: str, gain: float = 1.0) -> tuple[NDArray[np.float32], float]:
    """Expression (25,) and closure of a phone held still."""
    sound = PHONES[phone]
    contacts = {
        kind: np.array([float(sound.contact == kind)], np.float32)
        for kind in ("bilabial", "labiodental", "rest")
    }
    controls = np.clip(sound.target[None] * gain, 0, 1)
    expression, closure = compose(controls, **contacts)
    return expression[0], float(closure[0])


def _blinking(amount: float) -> NDArray[np.float32]:
    expression = _silent()
    for side in ("Left", "Right"):
        expression[EXPRESSIONS.index(f"eyeBlink{side}")] = amount
    return expression


def _turned(yaw: float = 0.0, pitch: float = 0.0, roll: float = 0.0) -> NDArray[np.float32]:
    """Head offsets (5,) from degrees."""
    return np.array([*np.radians([yaw, pitch, roll]), 0, 0], np.float32)


def comparison_poses() -> list[Pose]:
    """The eight poses of the sheets that ours are set beside, in their order."""
    return [
        Pose("photo", _silent(), amount=0.0),
        Pose("m closed", *_sound("m")),
        Pose("open", *_sound("a", gain=1.3)),
        Pose("oo", *_sound("u")),
        Pose("ee", *_sound("i")),
        Pose("blink", _blinking(1.0), 1.0, crop="eyes"),
        Pose("yaw+8 ah", *_sound("ah"), head=_turned(yaw=8)),
        Pose("yaw-8 pit4 s", *_sound("s"), head=_turned(yaw=-8, pitch=4, roll=2)),
    ]
