"""What the tools have in common: inputs onto the disk, a job handed in, a patient wait, a film delivered."""

from __future__ import annotations

import contextlib
import logging
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from dify_plugin import Tool
from dify_plugin.config.logger_format import plugin_logger_handler
from dify_plugin.entities.tool import ToolInvokeMessage

from plugin import messages
from plugin.client import LOST, Inputs, Job, Kind, RuntimeClient, problem_of
from plugin.clock import LONGEST_WAIT, WAIT_SECONDS, Clock
from plugin.delivery import Courier
from plugin.files import check_address, fetch, given_files, workspace
from plugin.narration import Narration
from plugin.settings import AUDIO_BYTES, PORTRAIT_BYTES, Settings
from plugin.speech import Voice, speak, was_spoken
from runtime.contract import RenderOptions, RuntimeProblem

logger = logging.getLogger(__name__)
# The daemon reads log lines from the protocol on stdout; anything else written there would break it.
_all = logging.getLogger("plugin")
_all.setLevel(logging.INFO)
_all.propagate = False
if plugin_logger_handler not in _all.handlers:
    _all.addHandler(plugin_logger_handler)

STATE = Path.cwd() / "state"  # Dify keeps a plugin's working folder until its version changes
POLL_SECONDS = 1.0
PROGRESS_SECONDS = 3.0
LOST_SECONDS = 30.0  # how long a runtime may be out of reach before a call stops waiting for it
KEEP_SECONDS = 24 * 3600  # how long generated speech and notes on published films are kept
OPTIONS = (
    *("duration", "min_resolution", "expand_ratio", "dynamic_scale", "motion_scale", "lip_alignment"),
    *("lip_offset_ms", "motion_smoothing", "int8", "fps", "seed", "framing", "preview_seconds", "subtitles"),
)
NO_TIME = "The film is made, but this call's time is too short to bring it to its place."
ZERO_IS_NONE = ("duration", "preview_seconds")
SWITCHES = {"on": True, "off": False}


class Desk:
    """One invocation of a tool: its settings, its runtime and its clock."""

    def __init__(self, tool: Tool, parameters: Mapping[str, Any], state: Path = STATE) -> None:
        self.tool = tool
        self.parameters = parameters
        self.state = state
        self.clock = Clock(wait_seconds(parameters.get("wait_seconds")))
        self.settings = Settings.from_credentials(tool.runtime.credentials)
        self.client = RuntimeClient(self.settings, state / "runtime")
        state.mkdir(mode=0o700, exist_ok=True)
        sweep(state)

    def inputs(self, folder: Path, options: Mapping[str, Any]) -> Inputs:
        """Bring the tool's files here, without the sound of a script. Raises `RuntimeProblem`."""
        portrait, portrait_url = self.portrait(folder)
        audio, audio_url = self._audio(folder)
        said = {name: _text(self.parameters.get(name)) for name in ("script", "language")}
        said = {name: value for name, value in said.items() if value and said["script"]}
        return Inputs(portrait, portrait_url, audio, audio_url, options={**options, **said})

    def look_up(self, job: Job) -> Job:
        """Return the job as it is now, or as it was, with a notice, while the runtime is out of reach."""
        try:
            return self.client.job(job.id)
        except RuntimeProblem as fault:
            if fault.code != LOST:
                raise
            logger.warning("%s", fault)
            return replace(job, notice=str(fault))

    def wait(self, job: Job) -> Iterator[ToolInvokeMessage | Job]:
        """Yield signs of life until the job is finished or the time is up, and last the job as it is then."""
        spoke, heard = 0.0, time.monotonic()
        while not job.finished and time.monotonic() < min(self.clock.deadline, heard + LOST_SECONDS):
            if time.monotonic() - spoke >= PROGRESS_SECONDS:
                yield messages.progress(self.tool, job)
                spoke = time.monotonic()
            time.sleep(max(0.0, min(POLL_SECONDS, self.clock.deadline - time.monotonic())))
            job, last = self.look_up(job), job
            if job.result is not last.result:
                heard = time.monotonic()
        yield job

    def finish(self, job: Job, folder: Path) -> Iterator[ToolInvokeMessage]:
        """Wait for the job and yield what came of it. Raises `RuntimeProblem` if it failed."""
        for step in self.wait(job):
            if isinstance(step, Job):
                job = step
            else:
                yield step
        if job.status == "failed":
            raise problem_of(job.error or {"sentence": "The film could not be made."})
        if job.status == "cancelled":
            raise RuntimeProblem("cancelled", f"Job {job.id} was cancelled.")
        if job.status != "completed":
            yield from messages.result(self.tool, job)
            return
        if not self.clock.may_deliver():
            yield from messages.result(self.tool, replace(job, status="in_progress", notice=NO_TIME))
            return
        courier = Courier(self.settings, self.client, self.tool, self.state / "published")
        if self.parameters.get("output") == "file":
            yield from messages.result(self.tool, job, files=courier.fetch(job, folder))
        else:
            yield from messages.result(self.tool, job, courier.deliver(job, folder))

    def make(self, kind: Kind, options: Mapping[str, Any]) -> Iterator[ToolInvokeMessage]:
        """From inputs to messages."""
        with workspace(self.state / "calls") as folder:
            inputs = self.inputs(folder, options)
            if inputs.audio or inputs.audio_url:
                yield from self.hand_in(kind, inputs, folder)
                return
            script, voice = str(inputs.options["script"]), self.voice()
            if not self.was_spoken(script, voice):
                self._expect_a_face(inputs)
            yield from self.narrate(kind, inputs, self.narration([script], voice), folder)

    def narrate(
        self, kind: Kind, inputs: Inputs, narration: Narration, folder: Path
    ) -> Iterator[ToolInvokeMessage]:
        """From a job without its sound to messages: signs of life while it is spoken, then as `hand_in`."""
        for _ in narration.go_on():
            yield messages.speaking(self.tool)
        if narration.complete:
            yield from self.hand_in(kind, replace(inputs, audio=narration.files()), folder)
        else:
            yield from messages.unspoken(self.tool, narration.done, narration.total)

    def hand_in(self, kind: Kind, inputs: Inputs, folder: Path) -> Iterator[ToolInvokeMessage]:
        """From what a job is made of to messages."""
        job = self.client.submit(kind, inputs)
        logger.info("job %s is %s", job.id, job.status)
        yield from self.finish(job, folder)

    def options(self) -> dict[str, Any]:
        """Return the render options that were given, checked as the runtime will check them."""
        given = {name: chosen(self.parameters.get(name)) for name in OPTIONS}
        # Forms and models write 0 where they mean: as it comes.
        values = {
            name: value
            for name, value in given.items()
            if value is not None and not (name in ZERO_IS_NONE and value == 0)
        }
        if values.get("subtitles") is False:  # no switch, though "off" looks like one
            values["subtitles"] = "off"
        if values.get("subtitles") == "sidecar" and not _text(self.parameters.get("script")):
            del values["subtitles"]  # the form's own choice, which asks for nothing where there is no script
        RenderOptions.checked(values)
        if self.settings.label != "auto":
            values["label"] = self.settings.label
        return values

    def portrait(self, folder: Path) -> tuple[Path | None, str | None]:
        """Bring the portrait here, or check its address. Raises `RuntimeProblem`."""
        files, url = given_files(self.parameters.get("portrait")), _text(self.parameters.get("portrait_url"))
        if len(files) + bool(url) != 1:
            given = f"{len(files)} files and {'an address' if url else 'no address'}"
            raise RuntimeProblem(
                "portrait_count",
                f"Exactly one of portrait and portrait_url is needed, but {given} were given.",
            )
        if url:
            check_address(url, "the portrait")
            return None, url
        return fetch(files[0], folder / "portrait", PORTRAIT_BYTES), None

    def voice(self) -> Voice:
        """The speech model and voice that were chosen. Raises `RuntimeProblem`."""
        return Voice.chosen(
            self.parameters.get("tts_model"),
            self.parameters.get("voice"),
            self.parameters.get("speech_sample_rate"),
        )

    def narration(self, texts: Sequence[str], voice: Voice, attempts: int = 1) -> Narration:
        """Texts to be spoken by a voice, for as long as this call may take."""

        def say(text: str) -> Path:
            return speak(self.tool.session, text, voice, self.state / "speech", self._owner)

        return Narration(say, texts, self.clock.speech_deadline, attempts)

    def was_spoken(self, text: str, voice: Voice) -> bool:
        """Whether a text's speech is there already."""
        return was_spoken(text, voice, self.state / "speech", self._owner)

    @property
    def _owner(self) -> str:
        return f"{self.tool.runtime.user_id}\0{self.settings.fingerprint}"

    def _audio(self, folder: Path) -> tuple[list[Path], str | None]:
        files, url = given_files(self.parameters.get("audio")), _text(self.parameters.get("audio_url"))
        script = _text(self.parameters.get("script"))
        if bool(files) == bool(url) and (files or not script):
            given = "both audio and audio_url were" if files else "none of them was"
            raise RuntimeProblem(
                "audio_count",
                "Exactly one of audio and audio_url (with or without the script of what it says), or a script with "
                f"tts_model, is needed, but {given} given.",
            )
        if url:
            check_address(url, "the audio")
            return [], url
        return [fetch(file, folder / f"audio-{place}", AUDIO_BYTES) for place, file in enumerate(files)], None

    def _expect_a_face(self, inputs: Inputs) -> None:
        """Raise `RuntimeProblem` for a portrait of which no film can be made, before anybody pays for its speech."""
        portrait = Inputs(inputs.portrait, inputs.portrait_url)
        for finding in self.client.check_portrait(portrait).get("findings") or ():
            if finding.get("severity") == "error":
                raise problem_of(finding)


def chosen(value: Any) -> Any:
    """A parameter's value; an empty one and the word `default` count as not given."""
    if isinstance(value, str):
        value = value.strip()
        return SWITCHES.get(value.lower(), value or None)
    return value


def wait_seconds(value: Any) -> float:
    """How long a call may wait. Raises `RuntimeProblem`."""
    try:
        seconds = WAIT_SECONDS if value in (None, "") else float(value)
    except (TypeError, ValueError):
        seconds = -1.0
    if not 0 <= seconds <= LONGEST_WAIT:
        raise RuntimeProblem(
            "option_out_of_range",
            f"Option wait_seconds is {value}, but must be a number from 0 to {LONGEST_WAIT:.0f}.",
        )
    return seconds


def sweep(state: Path) -> None:
    """Remove what is a day old: speech and notes on films that nobody asked for since, inputs of broken calls."""
    oldest = time.time() - KEEP_SECONDS
    for name in ("speech", "published", "calls"):
        with contextlib.suppress(OSError):
            for path in (state / name).iterdir():
                if path.stat().st_mtime >= oldest:
                    continue
                if path.is_dir():
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    path.unlink(missing_ok=True)


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""
