"""The main tool: a portrait and speech become a talking video."""

from collections.abc import Generator
from typing import Any

from dify_plugin import Tool
from dify_plugin.entities.tool import ToolInvokeMessage

from plugin.rendering import Desk


class GenerateTalkingVideo(Tool):
    """Waits for the film up to `wait_seconds`; one that takes longer goes on and is asked for by its job id."""

    def _invoke(self, tool_parameters: dict[str, Any]) -> Generator[ToolInvokeMessage]:
        desk = Desk(self, tool_parameters)
        yield from desk.make("videos", desk.options())
