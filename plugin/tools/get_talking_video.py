"""Asks for a film that was still being made."""

from collections.abc import Generator
from typing import Any

from dify_plugin import Tool
from dify_plugin.entities.tool import ToolInvokeMessage

from plugin.client import Job
from plugin.files import workspace
from plugin.rendering import Desk


class GetTalkingVideo(Tool):
    """Gives the same results as the tool that began the job."""

    def _invoke(self, tool_parameters: dict[str, Any]) -> Generator[ToolInvokeMessage]:
        desk = Desk(self, tool_parameters)
        job = desk.look_up(Job(str(tool_parameters.get("job_id") or "").strip(), "in_progress"))
        with workspace(desk.state / "calls") as folder:
            yield from desk.finish(job, folder)
