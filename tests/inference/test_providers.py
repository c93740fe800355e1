import json
from pathlib import Path

import pytest

from runtime.contract import RuntimeProblem
from runtime.inference.providers import engine_machine, plan_providers, shape_profile

GPU = ["TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider"]
INTEL = ["OpenVINOExecutionProvider", "CPUExecutionProvider"]


def test_auto_takes_the_fastest_first_and_ends_at_the_cpu() -> None:
    assert [plan.name for plan in plan_providers(GPU)] == ["tensorrt", "cuda", "cpu"]
    assert [plan.name for plan in plan_providers(INTEL)] == ["cpu", "openvino"]
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
        GPU,
        cache_dir=Path("/cache"),
        model_key="a" * 64,
        machine_key="NVIDIA-L4-580.1",
        quantised=True,
        device_id=1,
        profile=shapes,
    )[0]
    folder = "/cache/tensorrt/NVIDIA-L4-580.1/" + "a" * 16
    assert plan.options == {
        "device_id": "1",
        "trt_int8_enable": "1",
        "trt_fp16_enable": "0",
        "trt_engine_cache_enable": "1",
        "trt_engine_cache_path": folder,
        "trt_timing_cache_enable": "1",
        "trt_timing_cache_path": folder,
        "trt_profile_min_shapes": shapes[0],
        "trt_profile_opt_shapes": shapes[1],
        "trt_profile_max_shapes": shapes[2],
    }
    assert plan_providers(GPU)[0].options["trt_int8_enable"] == "0"


def test_tensorrt_computes_in_half_precision_only_what_is_stored_so() -> None:
    flags = [
        plan_providers(GPU, quantised=quantised, half=half)[0].options["trt_fp16_enable"]
        for quantised, half in ((False, False), (False, True), (True, True))
    ]
    assert flags == ["0", "1", "0"]


def test_light_graphs_stay_on_the_cpu_unless_a_provider_is_asked_for() -> None:
    assert [plan.name for plan in plan_providers(GPU, light=True)] == ["cpu"]
    assert [plan.name for plan in plan_providers(GPU, "cuda", light=True)] == ["cuda"]


@pytest.mark.parametrize(
    ("installed", "quantised", "names"),
    [
        (INTEL, True, ["openvino", "cpu"]),
        (INTEL, False, ["cpu", "openvino"]),
        (GPU, True, ["tensorrt", "cuda", "cpu"]),
        (["CPUExecutionProvider"], True, ["cpu"]),
    ],
)
def test_a_processor_that_sums_bytes_inexactly_leaves_int8_to_others(
    installed: list[str], quantised: bool, names: list[str]
) -> None:
    assert [plan.name for plan in plan_providers(installed, quantised=quantised, exact=False)] == names


def test_shape_profiles_name_every_input_at_every_batch() -> None:
    inputs = [{"name": "frame", "shape": ["batch", 4, 64, 64]}, {"name": "drive", "shape": ["batch", 4]}]
    assert shape_profile(inputs, (1, 8, 16)) == (
        "frame:1x4x64x64,drive:1x4",
        "frame:8x4x64x64,drive:8x4",
        "frame:16x4x64x64,drive:16x4",
    )


def test_a_graph_open_in_more_than_its_batch_has_no_profile() -> None:
    assert shape_profile([{"name": "input", "shape": ["batch", 80, "time"]}]) is None


def test_engines_of_other_gpus_drivers_and_libraries_lie_elsewhere() -> None:
    here = engine_machine("NVIDIA L4", "580.95.05", ["1.31.0", "10.13.3"])
    assert here == "NVIDIA-L4-580.95.05-1.31.0-10.13.3"
    others = {
        engine_machine("NVIDIA A10", "580.95.05", ["1.31.0", "10.13.3"]),
        engine_machine("NVIDIA L4", "575.1", ["1.31.0", "10.13.3"]),
        engine_machine("NVIDIA L4", "580.95.05", ["1.31.0", "10.9.0"]),
    }
    assert here not in others and len(others) == 3
    assert "/" not in engine_machine("Tesla T4 / rev.1", "", [])


def test_openvino_keeps_float32_and_the_thread_count() -> None:
    options = plan_providers(INTEL, "openvino", threads=3, cache_dir=Path("/cache"))[0].options
    assert json.loads(options["load_config"]) == {
        "CPU": {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": "3"}
    }
    assert "cache_dir" not in options
