"""Tells whether a photo will do before anybody waits for a render."""

from collections.abc import Generator
from typing import Any

from dify_plugin import Tool
from dify_plugin.entities.tool import ToolInvokeMessage

from plugin.client import Inputs
from plugin.files import workspace
from plugin.rendering import Desk


class CheckPortrait(Tool):
    """Says in words and JSON what is right and wrong with a portrait."""

    def _invoke(self, tool_parameters: dict[str, Any]) -> Generator[ToolInvokeMessage]:
        desk = Desk(self, tool_parameters)
        with workspace(desk.state / "calls") as folder:
            found = dict(desk.client.check_portrait(Inputs(*desk.portrait(folder))))
        findings = found.get("findings") or []
        advice = [str(finding["sentence"]) for finding in findings]
        usable = bool(found.get("usable"))
        yield self.create_variable_message("usable", "yes" if usable else "no")
        yield self.create_variable_message("advice", advice)
        yield self.create_json_message(found)
        verdict = "This portrait will do." if usable else "This portrait will not do."
        yield self.create_text_message(" ".join([verdict, *advice]))
