"""A few seconds at low resolution with several strengths side by side, to choose from before the real film."""

from collections.abc import Generator
from typing import Any

from dify_plugin import Tool
from dify_plugin.entities.tool import ToolInvokeMessage

from plugin.rendering import Desk
from runtime.contract import RuntimeProblem


class PreviewTalkingVideo(Tool):
    """Hands in one preview job; its film shows every pair of scales with its figures written on it."""

    def _invoke(self, tool_parameters: dict[str, Any]) -> Generator[ToolInvokeMessage]:
        desk = Desk(self, tool_parameters)
        options = desk.options()
        for name in ("dynamic_scales", "motion_scales"):
            given = str(tool_parameters.get(name) or "").strip()
            if given:
                options[name] = scales(name, given)
        yield from desk.make("previews", options)


def scales(name: str, given: str) -> str:
    """Check a list of numbers like `0.8, 1, 1.3` and return it in one form."""
    try:
        numbers = [float(word) for word in given.replace(";", ",").split(",") if word.strip()]
    except ValueError:
        numbers = []
    if not numbers:
        raise RuntimeProblem(
            "option_out_of_range", f"Option {name} is {given}, but must be numbers like 0.8, 1, 1.3."
        )
    return ",".join(f"{number:g}" for number in numbers)
