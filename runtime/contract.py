"""What the command line, the HTTP API and the Dify tools share: options, results, the one error for users."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self, get_args, get_origin

from annotated_types import Ge, Le, MaxLen, MultipleOf
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic.fields import FieldInfo

Provider = Literal["auto", "tensorrt", "cuda", "openvino", "cpu"]
Framing = Literal["full", "presenter"]
SubtitleChoice = Literal["sidecar", "burned", "both", "off"]
Preset = Literal[
    "ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow"
]


class RuntimeProblem(Exception):
    """A fault that the user can act on, raised where it is found and shown unchanged everywhere.

    `code` is a stable snake_case word for programs, `sentence` one whole sentence for people and `hint`
    (optional) what to try next.
    """

    def __init__(self, code: str, sentence: str, hint: str | None = None) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence
        self.hint = hint

    def __reduce__(self) -> tuple[type[RuntimeProblem], tuple[str, str, str | None]]:
        return RuntimeProblem, (self.code, self.sentence, self.hint)  # from one process to another

    def __str__(self) -> str:
        return f"{self.sentence} {self.hint}" if self.hint else self.sentence


class Notice(BaseModel):
    """Something the user should know about a film that was made all the same."""

    model_config = ConfigDict(frozen=True)

    code: str
    sentence: str


class Options(BaseModel):
    """Named values with ranges. Use `checked` to get a `RuntimeProblem` for a wrong one."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @classmethod
    def checked(cls, values: Mapping[str, Any]) -> Self:
        """Build the options from names and values (text is fine), or raise a `RuntimeProblem`.

        Values that are None count as not given.
        """
        given = {name: value for name, value in values.items() if value is not None}
        try:
            return cls(**given)
        except ValidationError as fault:
            first = fault.errors(include_url=False)[0]
            name = str(first["loc"][0]) if first["loc"] else ""
            if first["type"] == "extra_forbidden":
                known = ", ".join(cls.model_fields)
                raise RuntimeProblem(
                    "option_unknown", f"There is no option {name}; the options are {known}."
                ) from None
            allowed = allowed_values(cls.model_fields[name])
            sentence = f"Option {name} is {first['input']!s}, but must be {allowed}."
            raise RuntimeProblem("option_out_of_range", sentence) from None


class RenderOptions(Options):
    """How a film is rendered."""

    duration: float | None = Field(
        None,
        ge=0.5,
        description="seconds of video; the whole audio when not given. Shorter cuts at the nearest pause, "
        "longer keeps the presenter idling",
    )
    min_resolution: int = Field(
        512, ge=256, le=2048, multiple_of=64, description="short side of the video in pixels"
    )
    expand_ratio: float = Field(
        0.18,
        ge=0,
        le=0.5,
        description="room left round the face box when the frame is cropped to the presenter",
    )
    dynamic_scale: float = Field(1.0, ge=0.5, le=2.0, description="gain of the mouth's movement")
    motion_scale: float = Field(
        1.0, ge=0, le=2.0, description="gain of head and brow movement; 0 = head still"
    )
    lip_alignment: bool = Field(True, description="estimate and remove the offset between sound and lips")
    lip_offset_ms: float = Field(
        0.0, ge=-200, le=200, description="shift of the lips by hand, on top; above 0 the lips move later"
    )
    motion_smoothing: bool = Field(
        True, description="smooth pose and expression over time; lip closures are never smoothed"
    )
    int8: bool = Field(True, description="use the INT8 models where the pack has them; off = full precision")
    fps: float = Field(25.0, ge=12, le=60, description="frames per second")
    seed: int = Field(0, ge=0, le=2**31 - 1, description="makes blinks and head motion reproducible")
    framing: Framing = Field("full", description="the whole photo, or a crop to the presenter")
    preview_seconds: float | None = Field(
        None, ge=1, le=10, description="a short low-resolution run to tune the scales before the real one"
    )
    subtitles: SubtitleChoice | None = Field(
        None,
        description="subtitles from the script: sidecar (SRT and WebVTT files beside the film), burned (into the "
        "picture), both or off; sidecar when not given and there is a script",
    )
    label: str = Field(
        "auto",
        min_length=1,
        max_length=40,
        description="mark in the lower right corner that says the film is generated: a text, off, or auto (as the "
        "operator has set it; off where nobody has)",
    )
    max_audio_minutes: float = Field(
        30.0, ge=0.1, le=600, description="longest audio that is accepted, in minutes"
    )
    quality: int = Field(
        18, ge=1, le=51, description="constant rate factor of the H.264 encoder; lower is better"
    )
    preset: Preset = Field("veryfast", description="speed of the H.264 encoder; slower makes smaller files")
    provider: Provider = Field("auto", description="which ONNX Runtime provider runs the networks")
    threads: int = Field(0, ge=0, le=256, description="threads for the networks; 0 = all cores")

    @field_validator("int8", "lip_alignment", "motion_smoothing", mode="before")
    @classmethod
    def _word_for_switch(cls, value: Any) -> Any:
        return value.strip().lower() if isinstance(value, str) else value


def allowed_values(field: FieldInfo) -> str:
    """Describe in words what an option accepts, as in 'a number from 0.5 to 2' or 'on or off'."""
    whole = field.annotation
    parts = () if get_origin(whole) is Literal else get_args(whole)
    kinds = [kind for kind in parts if kind is not type(None)] or [whole]
    if get_origin(kinds[0]) is Literal:
        return "one of " + ", ".join(map(str, get_args(kinds[0])))
    if bool in kinds:
        return "on or off"
    if str in kinds:
        longest = next((mark.max_length for mark in field.metadata if isinstance(mark, MaxLen)), None)
        return f"text of 1 to {longest} characters" if longest is not None else "text"
    low = next((mark.ge for mark in field.metadata if isinstance(mark, Ge)), None)
    high = next((mark.le for mark in field.metadata if isinstance(mark, Le)), None)
    step = next((mark.multiple_of for mark in field.metadata if isinstance(mark, MultipleOf)), None)
    words = "a whole number" if int in kinds else "a number"
    if low is not None and high is not None:
        words += f" from {low:g} to {high}" if int in kinds else f" from {low:g} to {high:g}"
    elif low is not None:
        words += f" of at least {low:g}"
    return f"{words} in steps of {step}" if step is not None else words


class Subtitles(BaseModel):
    """Paths of the files written beside a film."""

    srt: str
    vtt: str


class SpokenWord(BaseModel):
    """A word of the script, `script[start_char:end_char]`, said from `start` to `end` seconds of the film.

    Where `trusted` is False text and sound do not belong together, and the times are a guess.
    """

    text: str
    start: float
    end: float
    trusted: bool
    start_char: int
    end_char: int


class VideoResult(BaseModel):
    """A finished film and how it was made.

    Durations and timings are seconds; `real_time_factor` is render time over film time.
    """

    path: str
    duration: float
    frames: int
    fps: float
    width: int
    height: int
    warnings: list[Notice] = []
    timings: dict[str, float] = {}
    real_time_factor: float
    peak_memory_mb: float
    provider: str
    model_pack: str
    subtitles: Subtitles | None = None
    words: list[SpokenWord] = []


class LessonScene(BaseModel):
    """One scene of a lesson's film: from `start` to `end` seconds, spoken from `speech_start` to `speech_end`.

    `line` is where it begins in the script; `reused` tells that its film was there already.
    """

    title: str
    line: int
    start: float
    end: float
    speech_start: float | None = None
    speech_end: float | None = None
    reused: bool = False


class LessonChapter(BaseModel):
    """An entry of the film's table of contents; seconds."""

    title: str
    start: float
    end: float


class LessonResult(VideoResult):
    """A finished lesson."""

    title: str
    chapters: list[LessonChapter]
    scenes: list[LessonScene]
