"""manifest.yaml and the tools' YAML: what Dify's forms, workflows and agents rely on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from annotated_types import Ge, Le

from plugin.settings import Settings
from runtime import __version__
from runtime.contract import RenderOptions, RuntimeProblem

ROOT = Path(__file__).resolve().parents[2]
PROVIDER = yaml.safe_load((ROOT / "provider/sonic.yaml").read_text())
TOOLS = {Path(path).stem: yaml.safe_load((ROOT / path).read_text()) for path in PROVIDER["tools"]}
LANGUAGES = {"en_US", "zh_Hans", "ja_JP", "pt_BR"}
# Encoder, provider and limits are the operator's business, not a workflow's.
NOT_OFFERED = {"max_audio_minutes", "quality", "preset", "provider", "threads", "label"}


def parameters(tool: str) -> dict[str, dict[str, Any]]:
    return {parameter["name"]: parameter for parameter in TOOLS[tool]["parameters"]}


def test_all_options_have_the_same_names_ranges_and_defaults() -> None:
    offered = parameters("generate_talking_video")
    assert set(RenderOptions.model_fields) - NOT_OFFERED <= set(offered)
    for name in set(RenderOptions.model_fields) - NOT_OFFERED:
        field, shown = RenderOptions.model_fields[name], offered[name]
        if name == "subtitles":  # where there is no script, the form's choice asks for nothing
            assert shown["default"] == "sidecar"
            continue
        default = {"on": True, "off": False}.get(str(shown.get("default")), shown.get("default"))
        assert default == field.default, name
        if shown["type"] == "number" and name not in ("duration", "preview_seconds"):  # 0 means: not given
            bounds = {"min": Ge, "max": Le}
            for edge, kind in bounds.items():
                limit = next(
                    getattr(mark, kind.__name__.lower()) for mark in field.metadata if isinstance(mark, kind)
                )
                assert shown[edge] == limit, name


@pytest.mark.parametrize("tool", TOOLS)
def test_every_word_is_there_in_four_languages(tool: str) -> None:
    for parameter in TOOLS[tool]["parameters"]:
        for words in (
            parameter["label"],
            parameter["human_description"],
            *(o["label"] for o in parameter.get("options", [])),
        ):
            assert set(words) == LANGUAGES and all(words.values()), parameter["name"]
    assert set(TOOLS[tool]["description"]["human"]) == LANGUAGES


def test_credentials_speak_four_languages_and_none_is_required() -> None:
    for name, field in PROVIDER["credentials_for_provider"].items():
        assert set(field["label"]) == LANGUAGES and set(field["help"]) == LANGUAGES, name
        assert not field["required"], name
        assert (field["type"] == "secret-input") == (name in ("runtime_api_key", "s3_secret_key")), name


@pytest.mark.parametrize("tool", TOOLS)
def test_agents_can_call_it(tool: str) -> None:
    """A required file is refused by agents; a boolean that defaults to true is lost; a selector must be a mapping."""
    given = parameters(tool)
    for parameter in given.values():
        assert parameter["type"] != "boolean"
        if parameter["type"] in ("file", "files"):
            assert not parameter["required"]
            assert parameter["name"] + "_url" in given
        if parameter["type"] == "model-selector":
            assert parameter["default"] == {} and not parameter["required"]
        if parameter["type"] == "select":
            values = [option["value"] for option in parameter["options"]]
            assert parameter["default"] in values and all(isinstance(value, str) for value in values)


def test_manifest() -> None:
    manifest = yaml.safe_load((ROOT / "manifest.yaml").read_text())
    assert manifest["version"] == __version__
    assert manifest["meta"]["runner"] == {"language": "python", "version": "3.12", "entrypoint": "main"}
    assert manifest["meta"]["arch"] == ["amd64", "arm64"]
    assert manifest["resource"]["permission"]["model"] == {"enabled": True, "tts": True}
    assert (ROOT / manifest["privacy"]).exists()
    for icon in (manifest["icon"], manifest["icon_dark"]):
        assert (ROOT / "_assets" / icon).read_text().startswith("<svg")


@pytest.mark.parametrize(
    ("credentials", "words"),
    [
        ({"runtime_url": "runtime.example.com"}, "Field runtime_url is runtime.example.com"),
        ({"s3_endpoint": "minio:9000", "s3_bucket": "films"}, "Field s3_access_key is empty"),
        ({"label": "very " * 20 + "long"}, "Field label is very .* at most 40 characters"),
        (
            {
                "s3_endpoint": "m:9",
                "s3_bucket": "b",
                "s3_access_key": "a",
                "s3_secret_key": "s",
                "s3_link_days": "30",
            },
            "s3_link_days is 30, but must be a number of days from 0.01 to 7",
        ),
    ],
)
def test_wrong_credentials_name_their_field(credentials: dict[str, str], words: str) -> None:
    with pytest.raises(RuntimeProblem, match=words):
        Settings.from_credentials(credentials)


def test_empty_credentials_mean_the_bundled_runtime_and_no_storage() -> None:
    settings = Settings.from_credentials({"runtime_url": "", "s3_endpoint": None, "label": "auto"})
    assert settings == Settings()
