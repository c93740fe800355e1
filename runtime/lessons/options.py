"""What can be chosen for a lesson."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, field_validator

from runtime.contract import Options, RenderOptions, RuntimeProblem
from runtime.lessons.layout import Aspect, Layout

# Decided by the lesson itself: its length by what is said, its size and framing by the layout.
DECIDED = ("duration", "min_resolution", "framing", "preview_seconds")


class LessonOptions(Options):
    """How a lesson looks. The options of its presenter are `RenderOptions`."""

    layout: Layout = Field(
        "corner",
        description="where the presenter is: in a corner of the slide, beside it, or large at the picture's edge",
    )
    aspect: Aspect = Field("16:9", description="shape of the film")
    resolution: Literal[720, 1080] = Field(720, description="short side of the film in pixels")
    subtitles: Literal["off", "sidecar", "burned", "both"] = Field(
        "sidecar", description="beside the film as SRT and VTT, in the picture, both, or none"
    )
    language: str | None = Field(
        None,
        min_length=2,
        max_length=35,
        description="language that is spoken, as in en or zh-Hans; as the script says when not given",
    )

    @field_validator("resolution", mode="before")
    @classmethod
    def _number(cls, value: Any) -> Any:
        return int(value) if isinstance(value, str) and value.strip().isdecimal() else value


def split_options(values: Mapping[str, Any]) -> tuple[LessonOptions, RenderOptions]:
    """Read both kinds of options from one set of names and values. Raises `RuntimeProblem`."""
    for name in values:
        if name in DECIDED and values[name] is not None:
            raise RuntimeProblem(
                "option_unknown", f"A lesson has no option {name}: its script and layout decide it."
            )
    own = {name: value for name, value in values.items() if name in LessonOptions.model_fields}
    rest = {name: value for name, value in values.items() if name not in own}
    return LessonOptions.checked(own), RenderOptions.checked(rest)
