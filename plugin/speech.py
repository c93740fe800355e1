"""Speech from a workspace's own text-to-speech model, as audio files that any decoder can open.

A provider's answer comes as bytes of whatever it makes: mp3, wav (one header for each sentence), ogg, or samples
without any header. It is told apart by its bytes; nothing is decoded here.
"""

from __future__ import annotations

import codecs
import hashlib
import logging
import os
import struct
import threading
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from plugin.settings import AUDIO_BYTES
from runtime.contract import RuntimeProblem

if TYPE_CHECKING:
    from dify_plugin.core.runtime import Session

logger = logging.getLogger(__name__)

# Bitrates in kbit/s of MPEG-1 and MPEG-2 layer III, and sampling rates by version (ISO 11172-3, 13818-3).
LAYER3_KBITS = {
    3: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0),
    2: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0),
}
RATES = {3: (44100, 48000, 32000, 0), 2: (22050, 24000, 16000, 0), 0: (11025, 12000, 8000, 0)}
PART = ".part"
SIGNATURES = ((b"ID3", ".mp3"), (b"fLaC", ".flac"), (b"OggS", ".ogg"), (b"\x1a\x45\xdf\xa3", ".webm"))

_speaking: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)


@dataclass(frozen=True)
class Voice:
    """A model of the workspace and one of its voices. `raw_rate` (Hz) serves answers without a header."""

    provider: str
    model: str
    name: str
    raw_rate: int = 24000

    @classmethod
    def chosen(cls, selector: Any, voice: Any, raw_rate: Any = None) -> Voice:
        """Read the model selector; the voice may also have been picked inside of it."""
        picked: Mapping[str, Any] = selector if isinstance(selector, Mapping) else {}
        if not picked.get("provider") or not picked.get("model"):
            raise RuntimeProblem(
                "tts_model_missing",
                "A script was given, but no tts_model to speak it.",
                "Choose one in the tool.",
            )
        name = str(voice or picked.get("voice") or "").strip()
        if not name:
            raise RuntimeProblem(
                "voice_missing",
                f"Option voice is empty, but {picked['model']} needs the name of one of its voices.",
            )
        return cls(str(picked["provider"]), str(picked["model"]), name, int(raw_rate or 24000))


def speak(session: Session, script: str, voice: Voice, folder: Path, workspace: str) -> Path:
    """Return an audio file of `script`, from `folder` if the same words were spoken by the same voice before.

    Speech differs from call to call, so without this cache asking again would never find the same job.
    """
    key = _name(script, voice, workspace)
    # Two calls with the same words at once: the second one waits for the first one's speech.
    with _speaking[key]:
        if kept := _kept(key, folder):
            os.utime(kept)
            return kept
        audio, suffix = playable(_ask(session, script, voice), voice.raw_rate, voice.model)
        folder.mkdir(parents=True, exist_ok=True)
        aside, target = folder / f"{key}{PART}", folder / f"{key}{suffix}"
        aside.write_bytes(audio)
        aside.replace(target)
    logger.info("%s spoke %d characters: %d bytes of %s", voice.model, len(script), len(audio), suffix)
    return target


def was_spoken(script: str, voice: Voice, folder: Path, workspace: str) -> bool:
    """Whether `speak` would find the speech in its folder."""
    return _kept(_name(script, voice, workspace), folder) is not None


def _name(script: str, voice: Voice, workspace: str) -> str:
    words = "\0".join((workspace, voice.provider, voice.model, voice.name, str(voice.raw_rate), script))
    return hashlib.sha256(words.encode()).hexdigest()[:32]


def _kept(key: str, folder: Path) -> Path | None:
    return next((file for file in folder.glob(f"{key}.*") if file.suffix != PART), None)


def _ask(session: Session, script: str, voice: Voice) -> bytes:
    from dify_plugin.entities.model.tts import TTSModelConfig  # importing the SDK patches the whole process

    config = TTSModelConfig(provider=voice.provider, model=voice.model, voice=voice.name)
    answer = bytearray()
    try:
        for piece in session.model.tts.invoke(config, script):
            answer += piece
            if len(answer) > AUDIO_BYTES:
                break
    except Exception as fault:
        # The SDK raises bare exceptions with the provider's own words.
        raise RuntimeProblem(
            "tts_failed", f"{voice.model} could not speak the script with voice {voice.name}: {fault}"
        ) from fault
    if len(answer) > AUDIO_BYTES:
        raise RuntimeProblem("file_too_large", f"The speech is larger than {AUDIO_BYTES // 2**20} MB.")
    if not answer:
        raise RuntimeProblem("tts_failed", f"{voice.model} answered without any sound.")
    return bytes(answer)


def playable(answer: bytes, raw_rate: int, model: str = "the model") -> tuple[bytes, str]:
    """Return (bytes of one audio file, its suffix) for a provider's answer.

    Several WAV files in a row become one; bytes without a known form are taken as 16-bit little-endian mono samples
    at `raw_rate` Hz. Raises `RuntimeProblem` for text and for WAV parts that do not fit together.
    """
    if answer[:4] == b"RIFF" and answer[8:12] == b"WAVE":
        return _one_wav(answer), ".wav"
    for start, suffix in SIGNATURES:
        if answer.startswith(start):
            return answer, suffix
    if answer[4:8] == b"ftyp":
        return answer, ".m4a"
    if _is_mp3(answer):
        return answer, ".mp3"
    if _is_adts(answer):
        return answer, ".aac"
    if _is_text(answer):
        said = answer[:200].decode("utf-8", "replace").strip()
        raise RuntimeProblem("tts_failed", f"{model} answered with text instead of sound: {said}")
    samples = answer[: len(answer) // 2 * 2]
    return _wav(struct.pack("<HHIIHH", 1, 1, raw_rate, raw_rate * 2, 2, 16), samples), ".wav"


def _one_wav(answer: bytes) -> bytes:
    layouts, sounds = zip(*_wav_parts(answer), strict=True) if b"data" in answer else ((), ())
    if not layouts:
        raise RuntimeProblem("tts_failed", "The model answered with a WAV file without sound.")
    if any(layout != layouts[0] for layout in layouts):
        raise RuntimeProblem("tts_failed", "The model answered with WAV parts of different sampling rates.")
    return _wav(layouts[0], b"".join(sounds))


def _wav_parts(answer: bytes) -> Iterable[tuple[bytes, bytes]]:
    """Yield (format chunk, samples) of each WAV file in a row. A streamed header does not know its length."""
    place = 0
    while answer[place : place + 4] == b"RIFF":
        layout, place = b"", place + 12
        while place + 8 <= len(answer):
            kind, size = struct.unpack_from("<4sI", answer, place)
            place += 8
            if kind == b"data":
                following = answer.find(b"RIFF", place)
                while following >= 0 and answer[following + 8 : following + 12] != b"WAVE":
                    following = answer.find(b"RIFF", following + 1)
                room = (following if following >= 0 else len(answer)) - place
                size = min(size, room) or room
                yield layout, answer[place : place + size]
                place = following if following >= 0 else len(answer)
                break
            if kind == b"fmt ":
                layout = answer[place : place + size]
            place += size + size % 2


def _wav(layout: bytes, samples: bytes) -> bytes:
    body = (
        b"WAVEfmt "
        + struct.pack("<I", len(layout))
        + layout
        + b"data"
        + struct.pack("<I", len(samples))
        + samples
    )
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _is_mp3(answer: bytes) -> bool:
    # Near silence in raw samples starts with FF too, so a second frame must stand where the first one ends.
    length = _layer3_length(answer, 0)
    return bool(length) and (len(answer) < length + 4 or _layer3_length(answer, length) > 0)


def _layer3_length(answer: bytes, place: int) -> int:
    """Length in bytes of the MPEG layer III frame at `place`, 0 if there is none."""
    if len(answer) < place + 4 or answer[place] != 0xFF or answer[place + 1] & 0xE0 != 0xE0:
        return 0
    version, layer = answer[place + 1] >> 3 & 3, answer[place + 1] >> 1 & 3
    if version == 1 or layer != 1:
        return 0
    kbits = LAYER3_KBITS[3 if version == 3 else 2][answer[place + 2] >> 4]
    rate = RATES[version][answer[place + 2] >> 2 & 3]
    if not kbits or not rate:
        return 0
    return (144 if version == 3 else 72) * kbits * 1000 // rate + (answer[place + 2] >> 1 & 1)


def _is_adts(answer: bytes) -> bool:
    length = _adts_length(answer, 0)
    return length > 7 and (len(answer) < length + 7 or _adts_length(answer, length) > 7)


def _adts_length(answer: bytes, place: int) -> int:
    if len(answer) < place + 7 or answer[place] != 0xFF or answer[place + 1] & 0xF6 != 0xF0:
        return 0
    return (answer[place + 3] & 3) << 11 | answer[place + 4] << 3 | answer[place + 5] >> 5


def _is_text(answer: bytes) -> bool:
    try:
        words = codecs.getincrementaldecoder("utf-8")().decode(answer[:400])  # the cut may halve a letter
    except UnicodeDecodeError:
        return False
    return all(sign.isprintable() or sign.isspace() for sign in words)
