"""How slides look: two themes, whose colours, font and logo can be overridden."""

from __future__ import annotations

import plistlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from runtime.contract import RuntimeProblem

Colour = tuple[int, int, int]  # 0..255
LEAST_CONTRAST = 4.5  # of text, WCAG 2.2 level AA
HEX = re.compile(r"#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})")
COLOURS: dict[str, dict[str, str]] = {
    "light": {"background": "#fbfaf8", "text": "#1a2233", "accent": "#2f5fd7"},
    "dark": {"background": "#11151d", "text": "#edf0f6", "accent": "#79a9ff"},
}
NAMES = ("theme", "accent", "background", "text", "logo", "font")
# Scopes of TextMate grammars and the colours of code, on light ground and on dark.
CODE_COLOURS = {
    "comment, punctuation.definition.comment": ("#5c6779", "#8490a3"),
    "keyword, storage": ("#a626a4", "#d3a0ff"),
    "string, punctuation.definition.string": ("#2b7a3f", "#9fd88a"),
    "constant, support.constant": ("#b0500f", "#f2b26e"),
    "entity.name.function, support.function, variable.function": ("#2456c4", "#82b4ff"),
    "entity.name.type, entity.name.class, support.type, support.class": ("#946200", "#f0cd79"),
    "entity.name.tag": ("#b3261e", "#ff9d8f"),
    "entity.other.attribute-name": ("#946200", "#f0cd79"),
    "keyword.operator, punctuation": ("#3d4a5f", "#c2cad8"),
}


@dataclass(frozen=True)
class Theme:
    """The colours of a slide, and beside them an optional logo (a picture's source) and font family."""

    background: Colour
    text: Colour
    accent: Colour
    logo: str | None = None
    font: str | None = None

    @classmethod
    def checked(cls, look: Mapping[str, str | None]) -> Theme:
        """Build a theme from `NAMES` and values; what is not given comes from theme light.

        A background alone chooses dark or light text to suit. Raises `RuntimeProblem` for an unknown name, for what
        is no colour, and for text that could not be read.
        """
        given = {name: value.strip() for name, value in look.items() if value is not None and value.strip()}
        for name in given:
            if name not in NAMES:
                raise RuntimeProblem(
                    "option_unknown", f"Slides have no option {name}; the options are {', '.join(NAMES)}."
                )
        colours = COLOURS.get(given.get("theme", _suited(given)).lower())
        if colours is None:
            names = " or ".join(COLOURS)
            raise RuntimeProblem(
                "option_out_of_range", f"Option theme is {given['theme']}, but must be {names}."
            )
        background, text, accent = (
            _colour(name, given.get(name, colours[name])) for name in ("background", "text", "accent")
        )
        if contrast(background, text) < LEAST_CONTRAST:
            raise RuntimeProblem(
                "option_out_of_range",
                f"Text in {hexadecimal(text)} can hardly be read on {hexadecimal(background)}: the contrast is "
                f"{contrast(background, text):.1f}, but must be at least {LEAST_CONTRAST}.",
            )
        return cls(background, text, accent, given.get("logo"), given.get("font"))

    @property
    def dark(self) -> bool:
        """Whether light stands on dark."""
        return _luminance(self.background) < _luminance(self.text)

    def shade(self, share: float) -> Colour:
        """Return the background with a share (0..1) of the text's colour in it: for panels, rules, asides."""
        pairs = zip(self.background, self.text, strict=True)
        low, middle, high = (round(ground + share * (ink - ground)) for ground, ink in pairs)
        return low, middle, high

    @cached_property
    def code_theme(self) -> str:
        """The colours of code as a TextMate theme (.tmTheme), which the typesetter's highlighter reads."""
        scopes = [
            {"scope": scope, "settings": {"foreground": pair[self.dark]}}
            for scope, pair in CODE_COLOURS.items()
        ]
        ground = {
            "settings": {
                "foreground": hexadecimal(self.text),
                "background": hexadecimal(self.background),
            }
        }
        return plistlib.dumps({"name": "slides", "settings": [ground, *scopes]}).decode()


def hexadecimal(colour: Colour) -> str:
    """Return a colour as #rrggbb."""
    return "#" + bytes(colour).hex()


def contrast(one: Colour, other: Colour) -> float:
    """Return the contrast ratio of two colours, 1..21 (WCAG 2.2)."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _suited(given: Mapping[str, str]) -> str:
    if "background" not in given:
        return "light"
    ground = _colour("background", given["background"])
    return max(COLOURS, key=lambda name: contrast(ground, _colour("text", COLOURS[name]["text"])))


def _colour(name: str, value: str) -> Colour:
    found = HEX.fullmatch(value)
    if found is None:
        raise RuntimeProblem(
            "option_out_of_range", f"Option {name} is {value[:40]}, but must be a colour such as #2f5fd7."
        )
    digits = found[1] if len(found[1]) == 6 else "".join(2 * digit for digit in found[1])
    red, green, blue = bytes.fromhex(digits)
    return red, green, blue


def _luminance(colour: Colour) -> float:
    """Relative luminance of an sRGB colour, 0..1 (WCAG 2.2)."""
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in (value / 255 for value in colour)
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
