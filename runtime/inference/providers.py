"""From what is installed and what was asked to ONNX Runtime's provider list, as a pure function."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from runtime.contract import RuntimeProblem

# Fastest first; this is also the order in which `auto` tries them.
PROVIDER_NAMES = {
    "tensorrt": "TensorrtExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "openvino": "OpenVINOExecutionProvider",
    "cpu": "CPUExecutionProvider",
}
PACKAGES = {
    "tensorrt": "onnxruntime-gpu with tensorrt (requirements-gpu.txt)",
    "cuda": "onnxruntime-gpu (requirements-gpu.txt)",
    "openvino": "onnxruntime-openvino (x86-64 only)",
    "cpu": "onnxruntime",
}


@dataclass(frozen=True)
class ProviderPlan:
    """One provider to try: our short name, ONNX Runtime's name and its options."""

    name: str
    ort_name: str
    options: dict[str, str] = field(default_factory=dict)


def plan_providers(
    installed: Collection[str],
    request: str = "auto",
    *,
    threads: int = 0,
    cache_dir: Path | None = None,
    model_key: str = "model",
    quantised: bool = False,
    device_id: int = 0,
    profile: tuple[str, str, str] | None = None,
) -> list[ProviderPlan]:
    """List the providers to try, in order.

    `installed` holds ONNX Runtime's names (`onnxruntime.get_available_providers()`), `request` is auto or one
    of our names. `threads` 0 leaves the number to the provider. `cache_dir` receives engines and compiled models
    and `model_key` (the graph's checksum) keeps them apart. `quantised` tells a QDQ model from a full-precision
    one.
    `profile` gives TensorRT its smallest, usual and largest input shapes ("input:1x3x128x128", ...).
    A provider that was asked for by name stands alone: there is nothing to fall back to.
    """
    if request == "auto":
        wanted = [name for name, ort_name in PROVIDER_NAMES.items() if ort_name in installed]
    elif PROVIDER_NAMES.get(request) in installed:
        wanted = [request]
    else:
        raise RuntimeProblem(
            "provider_unavailable",
            f"The provider {request} is not part of the installed ONNX Runtime.",
            f"It comes with {PACKAGES.get(request, 'another package')}; see `python -m runtime doctor`.",
        )
    plans = []
    for name in wanted:
        options: dict[str, str] = {}
        if name == "tensorrt":
            options = _tensorrt_options(device_id, cache_dir, model_key, quantised, profile)
        elif name == "cuda":
            options = {"device_id": str(device_id), "cudnn_conv_algo_search": "HEURISTIC"}
        elif name == "openvino":
            options = _openvino_options(threads, cache_dir)
        plans.append(ProviderPlan(name, PROVIDER_NAMES[name], options))
    return plans


def _tensorrt_options(
    device_id: int,
    cache_dir: Path | None,
    model_key: str,
    quantised: bool,
    profile: tuple[str, str, str] | None,
) -> dict[str, str]:
    # A QDQ model carries its own scales, so INT8 needs no calibration table. FP16 stays off, as in the article:
    # it would round the layers that the quantiser protects.
    options = {
        "device_id": str(device_id),
        "trt_int8_enable": "1" if quantised else "0",
        "trt_fp16_enable": "0",
    }
    if cache_dir is not None:
        folder = str(cache_dir / "tensorrt" / model_key[:16])
        options |= {
            "trt_engine_cache_enable": "1",
            "trt_engine_cache_path": folder,
            "trt_timing_cache_enable": "1",
            "trt_timing_cache_path": folder,
        }
    if profile is not None:
        smallest, usual, largest = profile
        options |= {
            "trt_profile_min_shapes": smallest,
            "trt_profile_opt_shapes": usual,
            "trt_profile_max_shapes": largest,
        }
    return options


def _openvino_options(threads: int, cache_dir: Path | None) -> dict[str, str]:
    # On processors with bfloat16 OpenVINO would run float32 graphs in it; coordinates need all their digits.
    settings: dict[str, dict[str, str]] = {"CPU": {"INFERENCE_PRECISION_HINT": "f32"}}
    if threads:
        settings["CPU"]["INFERENCE_NUM_THREADS"] = str(threads)
    options = {"device_type": "CPU", "load_config": json.dumps(settings)}
    if cache_dir is not None:
        options["cache_dir"] = str(cache_dir / "openvino")
    return options


def user_cache_dir() -> Path:
    """Where compiled models are kept between runs: SONIC_CACHE_DIR, or the system's folder for caches."""
    if given := os.environ.get("SONIC_CACHE_DIR"):
        return Path(given)
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "sonic-talking-video"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", str(Path.home()))) / "sonic-talking-video"
    return Path(os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache"))) / "sonic-talking-video"
