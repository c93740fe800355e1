"""A job in Dify's terms: named outputs for workflows, one JSON object and one sentence for models."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dify_plugin import Tool
from dify_plugin.entities.tool import ToolInvokeMessage

from plugin.client import Job
from plugin.delivery import Delivery, described, media_type, readable_name

UNDELIVERED = Delivery("")
OF_LESSONS = ("chapters", "scenes")  # empty for other films: a node that wants them finds them all the same


def outcome(job: Job, delivery: Delivery = UNDELIVERED) -> dict[str, Any]:
    """Return all outputs. Those that are not known yet are empty, so that every later node finds them."""
    made = [str(notice.get("sentence")) for notice in job.result.get("warnings") or ()]
    return {
        "video_url": delivery.url,
        "job_id": job.id,
        "status": job.status,
        **described(job),
        "warnings": [*made, *([job.notice] if job.notice else []), *delivery.warnings],
        "subtitles_url": delivery.subtitles.get("srt", ""),
        "subtitles_vtt_url": delivery.subtitles.get("vtt", ""),
        **{name: job.result.get(name, []) for name in OF_LESSONS},
    }


def sentence(outputs: dict[str, Any], job: Job) -> str:
    """Say it in one sentence that a model can act on."""
    if outputs["video_url"]:
        return f"The talking video is ready ({outputs['duration']:.1f} s): {outputs['video_url']}"
    if job.status == "completed":
        return f"The talking video is ready ({outputs['duration']:.1f} s) and attached as a file."
    share = f"{job.progress:.0%} done"
    more = f", about {job.eta_seconds:.0f} s to go" if job.eta_seconds else ""
    why = f" {job.notice}" if job.notice else ""
    return (
        f"The talking video is not ready yet ({share}{more}).{why} "
        f"Call get_talking_video with job_id {job.id} in a while to get its URL."
    )


def progress(tool: Tool, job: Job) -> ToolInvokeMessage:
    """How far a job is, as a variable: harmless everywhere, and a sign of life."""
    return tool.create_variable_message("progress", round(job.progress, 3))


def speaking(tool: Tool) -> ToolInvokeMessage:
    """A sign of life while there is no job yet."""
    return tool.create_variable_message("progress", 0.0)


def unspoken(tool: Tool, done: int, total: int) -> Iterator[ToolInvokeMessage]:
    """Yield what there is to say when time was up before everything was spoken."""
    outputs = outcome(Job(id="", status="in_progress"))
    for name, value in outputs.items():
        yield tool.create_variable_message(name, value)
    yield tool.create_json_message(outputs)
    so_far = (
        f"{done} of {total} paragraphs have been spoken so far, and they are kept."
        if total > 1
        else "The script is still being spoken."
    )
    yield tool.create_text_message(f"{so_far} Call this tool again with the same inputs to go on.")


def result(
    tool: Tool, job: Job, delivery: Delivery = UNDELIVERED, files: Mapping[str, bytes] | None = None
) -> Iterator[ToolInvokeMessage]:
    """Yield everything there is to say of a job; `files` are the film and its subtitles by their suffix."""
    outputs = outcome(job, delivery)
    yield progress(tool, job)
    for name, value in outputs.items():
        yield tool.create_variable_message(name, value)
    yield tool.create_json_message(outputs)
    yield tool.create_text_message(sentence(outputs, job))
    for suffix, content in (files or {}).items():
        about = {"mime_type": media_type(suffix), "filename": readable_name(job, suffix)}
        yield tool.create_blob_message(content, about)
