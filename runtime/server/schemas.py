"""What travels over HTTP, as pydantic models; /docs shows them."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from runtime.contract import LessonChapter, LessonScene, Notice, RenderOptions, SpokenWord

SCRIPT = "what is said, word for word: the lips follow it, and subtitles are made of it"
LANGUAGE = "language of the script, as in en or zh-Hant; found from the script when not given"
Status = Literal["queued", "in_progress", "completed", "failed", "cancelled"]


class VideoRequest(RenderOptions):
    """A request with addresses instead of files. All other fields are the render options."""

    model_config = ConfigDict(extra="forbid")

    portrait_url: str = Field(description="http(s) address of the portrait")
    audio_url: str | list[str] = Field(
        description="http(s) address of the speech; several are joined in order"
    )
    script: str | None = Field(None, description=SCRIPT)
    language: str | None = Field(None, description=LANGUAGE)


class Problem(BaseModel):
    """Why something was refused or failed."""

    code: str = Field(description="stable word for programs")
    sentence: str = Field(description="one sentence for people")
    hint: str | None = Field(None, description="what to try next")


class ProblemAnswer(BaseModel):
    """The body of every answer that is an error."""

    error: Problem


def request_body(
    fields: dict[str, Any], files: dict[str, str], model: type[BaseModel] | None = None
) -> dict[str, Any]:
    """Describe the two forms of a request for /docs; they are read by hand, to stream them.

    `files` are the fields that take several files, with their descriptions; each has a twin for addresses.
    """
    form: dict[str, Any] = {
        "portrait": {"type": "string", "format": "binary", "description": "picture; or give portrait_url"}
    }
    several = {"type": "string", "format": "binary"}
    addresses: dict[str, Any] = {"portrait_url": {"type": "string"}}
    for name, described in files.items():
        form[name] = {"type": "array", "items": several, "description": described}
        if f"{name}_url" in described:
            addresses[f"{name}_url"] = {"type": "array", "items": {"type": "string"}}
    whole = {"type": "object", "properties": {**addresses, **fields}}
    return {
        "requestBody": {
            "required": True,
            "content": {
                "multipart/form-data": {
                    "schema": {"type": "object", "properties": {**form, **addresses, **fields}}
                },
                "application/json": {"schema": model.model_json_schema() if model else whole},
            },
        }
    }


class VideoJob(BaseModel):
    """A job and, once it is completed, its film. Times are Unix seconds, lengths seconds and pixels."""

    id: str
    object: Literal["video", "lesson"] = "video"
    status: Status
    progress: float = Field(description="0..1")
    stage: str | None = Field(None, description="what is being done; `uploading` while the film is stored")
    eta_seconds: float | None = Field(None, description="estimate of the render's remaining time")
    queue_position: int | None = Field(None, description="1 = next; only while queued")
    notice: str | None = Field(None, description="why the job waits, if it does")
    created_at: float
    started_at: float | None = None
    completed_at: float | None = Field(None, description="when it was completed, failed or cancelled")
    attempts: int = 0
    options: dict[str, Any]
    url: str | None = Field(None, description="link to the film, signed anew with every answer")
    subtitles_url: str | None = Field(
        None, description="link to the subtitles as SubRip (.srt), if there are any"
    )
    subtitles_vtt_url: str | None = Field(None, description="the same as WebVTT")
    filename: str
    bytes: int | None = None
    duration: float | None = None
    width: int | None = None
    height: int | None = None
    fps: float | None = None
    frames: int | None = None
    warnings: list[Notice] = []
    title: str | None = Field(None, description="of a lesson")
    chapters: list[LessonChapter] = Field([], description="of a lesson")
    scenes: list[LessonScene] = Field([], description="of a lesson: when each begins, speaks and ends")
    words: list[SpokenWord] = Field(
        [], description="words of the script and when they are said, in seconds; left out of lists"
    )
    timings: dict[str, float] = Field({}, description="seconds by stage")
    real_time_factor: float | None = None
    provider: str | None = None
    model_pack: str | None = None
    error: Problem | None = None


class VideoList(BaseModel):
    """Jobs, newest first."""

    object: Literal["list"] = "list"
    data: list[VideoJob]
    has_more: bool


class VideoDeleted(BaseModel):
    """A job that is no more."""

    id: str
    object: Literal["video.deleted"] = "video.deleted"
    deleted: bool = True


class Health(BaseModel):
    """`live`: the server answers; `ready`: it takes jobs; `reasons`: why not, or what else is wrong."""

    live: bool = True
    ready: bool
    reasons: list[str] = []
    version: str
    queued: int
    running: int
