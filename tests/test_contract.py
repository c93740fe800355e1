from typing import Any

import pytest

from runtime.contract import RenderOptions, RuntimeProblem


def test_defaults_are_the_ones_users_know() -> None:
    options = RenderOptions()
    assert options.duration is None
    assert options.min_resolution == 512
    assert options.expand_ratio == 0.18
    assert options.dynamic_scale == options.motion_scale == 1.0
    assert options.lip_alignment and options.motion_smoothing and options.int8
    assert options.lip_offset_ms == 0
    assert options.fps == 25
    assert options.framing == "full"
    assert options.max_audio_minutes == 30


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("dynamic_scale", 3, "a number from 0.5 to 2"),
        ("motion_scale", -1, "a number from 0 to 2"),
        ("min_resolution", 500, "a whole number from 256 to 2048 in steps of 64"),
        ("min_resolution", 4096, "a whole number from 256 to 2048 in steps of 64"),
        ("fps", "fast", "a number from 12 to 60"),
        ("fps", "nan", "a number from 12 to 60"),
        ("duration", 0.1, "a number of at least 0.5"),
        ("preview_seconds", 11, "a number from 1 to 10"),
        ("framing", "square", "one of full, presenter"),
        ("lip_alignment", "perhaps", "on or off"),
        ("lip_offset_ms", 500, "a number from -200 to 200"),
        ("expand_ratio", 0.6, "a number from 0 to 0.5"),
        ("seed", -1, "a whole number from 0 to 2147483647"),
        ("subtitles", "maybe", "one of sidecar, burned, both, off"),
        ("provider", "tpu", "one of auto, tensorrt, cuda, openvino, cpu"),
    ],
)
def test_wrong_value_gets_one_sentence(name: str, value: Any, allowed: str) -> None:
    with pytest.raises(RuntimeProblem) as caught:
        RenderOptions.checked({name: value})
    assert caught.value.code == "option_out_of_range"
    assert caught.value.sentence == f"Option {name} is {value}, but must be {allowed}."


def test_unknown_option_names_the_known_ones() -> None:
    with pytest.raises(RuntimeProblem, match="no option dynamik_scale; the options are duration") as caught:
        RenderOptions.checked({"dynamik_scale": 1})
    assert caught.value.code == "option_unknown"


def test_text_values_and_absent_ones_are_understood() -> None:
    options = RenderOptions.checked(
        {"fps": "30", "int8": "Off", "lip_alignment": "on", "duration": None, "seed": "7"}
    )
    assert (options.fps, options.int8, options.lip_alignment, options.duration, options.seed) == (
        30,
        False,
        True,
        None,
        7,
    )
