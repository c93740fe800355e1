"""A script becomes a finished lesson: a presenter who speaks, slides that follow, subtitles and chapters."""

from collections.abc import Generator
from typing import Any

from dify_plugin import Tool
from dify_plugin.entities.tool import ToolInvokeMessage

from plugin.lessons import narrate
from plugin.rendering import Desk


class NarrateLesson(Tool):
    """Waits for the film up to `wait_seconds`; one that takes longer goes on and is asked for by its job id."""

    def _invoke(self, tool_parameters: dict[str, Any]) -> Generator[ToolInvokeMessage]:
        yield from narrate(Desk(self, tool_parameters))
