"""What can be chosen for a lesson."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, field_validator

from runtime.contract import Options, RenderOptions, RuntimeProblem

if TYPE_CHECKING:
    from runtime.lessons.layout import Stage

Aspect = Literal["16:9", "9:16", "1:1"]
Layout = Literal["corner", "side", "full"]
# Decided by the lesson itself: its length by what is said, its size and framing by the layout.
DECIDED = ("duration", "min_resolution", "framing", "preview_seconds")
LOOK = ("theme", "accent", "background", "text", "font", "logo")  # before what the script says of them


class LessonOptions(Options):
    """How a lesson looks. The options of its presenter, and `subtitles`, are `RenderOptions`."""

    layout: Layout = Field(
        "corner",
        description="where the presenter is: in a corner of the slide, beside it, or large at the picture's edge",
    )
    aspect: Aspect = Field("16:9", description="shape of the film")
    resolution: Literal[720, 1080] = Field(720, description="short side of the film in pixels")
    language: str | None = Field(
        None,
        min_length=2,
        max_length=35,
        description="language that is spoken, as in en or zh-Hans; as the script says when not given",
    )
    theme: Literal["light", "dark"] | None = Field(
        None, description="colours of the slides; light if nobody says"
    )
    accent: str | None = Field(None, description="colour of marks and rules on the slides, as in #2f5fd7")
    background: str | None = Field(None, description="colour of the slides' ground")
    text: str | None = Field(None, description="colour of the slides' letters")
    font: str | None = Field(None, description="font family of the slides")
    logo: str | None = Field(
        None, description="picture in the slides' corner: an address, or a file that is given"
    )

    @field_validator("resolution", mode="before")
    @classmethod
    def _number(cls, value: Any) -> Any:
        return int(value) if isinstance(value, str) and value.strip().isdecimal() else value

    def stage(self, subtitles: str | None) -> Stage:
        """Where things stand in the picture, given the option `subtitles`."""
        from runtime.lessons.layout import plan  # which loads what options alone can do without

        return plan(self.aspect, self.resolution, self.layout, subtitles in ("burned", "both"))

    def look(self, script: Mapping[str, str]) -> dict[str, str]:
        """What is said of the slides, here or in the script."""
        chosen = {name: getattr(self, name) for name in LOOK}
        return dict(script) | {name: value for name, value in chosen.items() if value}


def split_options(values: Mapping[str, Any]) -> tuple[LessonOptions, RenderOptions]:
    """Read both kinds of options from one set of names and values. Raises `RuntimeProblem`."""
    given = {name: value for name, value in values.items() if value is not None}
    for name in given:
        if name in DECIDED:
            raise RuntimeProblem(
                "option_unknown", f"A lesson has no option {name}: its script and layout decide it."
            )
    own = {name: given.pop(name) for name in LessonOptions.model_fields if name in given}
    return LessonOptions.checked(own), RenderOptions.checked({"subtitles": "sidecar"} | given)
