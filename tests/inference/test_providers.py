import json
from pathlib import Path

import pytest

from runtime.contract import RuntimeProblem
from runtime.inference.providers import plan_providers

GPU = ["TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider"]
INTEL = ["OpenVINOExecutionProvider", "CPUExecutionProvider"]


def test_auto_takes_the_fastest_first_and_ends_at_the_cpu() -> None:
    assert [plan.name for plan in plan_providers(GPU)] == ["tensorrt", "cuda", "cpu"]
    assert [plan.name for plan in plan_providers(INTEL)] == ["openvino", "cpu"]
    assert [plan.name for plan in plan_providers(["AzureExecutionProvider", "CPUExecutionProvider"])] == [
        "cpu"
    ]


def test_a_named_provider_stands_alone() -> None:
    assert [plan.name for plan in plan_providers(GPU, "cuda")] == ["cuda"]


def test_a_named_provider_that_is_not_installed_is_an_error() -> None:
    with pytest.raises(RuntimeProblem, match="provider tensorrt is not part") as caught:
        plan_providers(INTEL, "tensorrt")
    assert caught.value.code == "provider_unavailable"


def test_tensorrt_options_use_real_names_and_a_cache_of_the_models_own() -> None:
    shapes = ("input:1x3x128x128", "input:8x3x128x128", "input:32x3x128x128")
    plan = plan_providers(
        GPU, cache_dir=Path("/cache"), model_key="a" * 64, quantised=True, device_id=1, profile=shapes
    )[0]
    assert plan.options == {
        "device_id": "1",
        "trt_int8_enable": "1",
        "trt_fp16_enable": "0",
        "trt_engine_cache_enable": "1",
        "trt_engine_cache_path": "/cache/tensorrt/" + "a" * 16,
        "trt_timing_cache_enable": "1",
        "trt_timing_cache_path": "/cache/tensorrt/" + "a" * 16,
        "trt_profile_min_shapes": shapes[0],
        "trt_profile_opt_shapes": shapes[1],
        "trt_profile_max_shapes": shapes[2],
    }
    assert plan_providers(GPU)[0].options["trt_int8_enable"] == "0"


def test_openvino_keeps_float32_and_the_thread_count() -> None:
    options = plan_providers(INTEL, threads=3, cache_dir=Path("/cache"))[0].options
    assert json.loads(options["load_config"]) == {
        "CPU": {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": "3"}
    }
    assert options["cache_dir"] == "/cache/openvino"
