"""From what is installed and what was asked to ONNX Runtime's provider list, as a pure function."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runtime.contract import RuntimeProblem

# Fastest first; this is also the order in which `auto` tries them. OpenVINO saves hardly any time, and takes 0.2 s
# more to start and 55 MB more.
PROVIDER_NAMES = {
    "tensorrt": "TensorrtExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "cpu": "CPUExecutionProvider",
    "openvino": "OpenVINOExecutionProvider",
}
PACKAGES = {
    "tensorrt": "onnxruntime-gpu with tensorrt (requirements-gpu.txt)",
    "cuda": "onnxruntime-gpu (requirements-gpu.txt)",
    "openvino": "onnxruntime-openvino (x86-64 only)",
    "cpu": "onnxruntime",
}
# Rows of a batch that a TensorRT engine is built for: fewest, as many as frames go together, both eyes of as many.
ENGINE_BATCHES = (1, 16, 32)


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
    machine_key: str = "machine",
    quantised: bool = False,
    half: bool = False,
    light: bool = False,
    exact: bool = True,
    device_id: int = 0,
    profile: tuple[str, str, str] | None = None,
) -> list[ProviderPlan]:
    """List the providers to try, in order.

    `installed` holds ONNX Runtime's names (`onnxruntime.get_available_providers()`), `request` is auto or one
    of our names. `threads` 0 leaves the number to the provider. `cache_dir` receives TensorRT's engines;
    `model_key` (the graph's checksum) and `machine_key` (GPU and versions, see `engine_machine`) keep them apart.
    `quantised` tells a QDQ model from a full-precision one, `half` one in FP16. A `light` graph is done before
    another device would have its inputs: `auto` leaves it on the CPU. Where that does not add up bytes exactly
    (`exact`, see processor.py), OpenVINO comes before it for a QDQ model.
    `profile` gives TensorRT its smallest, usual and largest input shapes ("input:1x3x128x128", ...).
    A provider that was asked for by name stands alone: there is nothing to fall back to.
    """
    if request == "auto":
        wanted = [name for name, ort_name in PROVIDER_NAMES.items() if ort_name in installed]
        if light:
            wanted = [name for name in wanted if name in ("cpu", "openvino")] or wanted
        if quantised and not exact:
            wanted.sort(key=lambda name: name == "cpu")
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
            folder = cache_dir / "tensorrt" / machine_key / model_key[:16] if cache_dir is not None else None
            options = _tensorrt_options(device_id, folder, quantised, half, profile)
        elif name == "cuda":
            # TF32 would round float32 graphs to ten bits; coordinates need all their digits.
            options = {"device_id": str(device_id), "cudnn_conv_algo_search": "HEURISTIC", "use_tf32": "0"}
        elif name == "openvino":
            options = _openvino_options(threads)
        plans.append(ProviderPlan(name, PROVIDER_NAMES[name], options))
    return plans


def shape_profile(
    inputs: Sequence[Mapping[str, Any]], batches: tuple[int, int, int] = ENGINE_BATCHES
) -> tuple[str, str, str] | None:
    """TensorRT's smallest, usual and largest shapes for a graph's inputs, as pack.json describes them.

    None where a dimension other than the batch is open: TensorRT then learns the shapes as they come.
    """
    profiles = []
    for batch in batches:
        named = []
        for value in inputs:
            shape = [batch if size == "batch" else size for size in value["shape"]]
            if not all(isinstance(size, int) for size in shape):
                return None
            named.append(f"{value['name']}:" + "x".join(str(size) for size in shape))
        profiles.append(",".join(named))
    return profiles[0], profiles[1], profiles[2]


def engine_machine(gpu: str, driver: str, versions: Collection[str]) -> str:
    """A folder name for what compiled engines depend on besides the model: GPU, driver, libraries."""
    words = "-".join([gpu or "gpu", driver, *versions])
    return re.sub(r"[^A-Za-z0-9.]+", "-", words).strip("-")


def _tensorrt_options(
    device_id: int, folder: Path | None, quantised: bool, half: bool, profile: tuple[str, str, str] | None
) -> dict[str, str]:
    # A QDQ model carries its own scales, so INT8 needs no calibration table. FP16 stays off beside it, as in the
    # article: it would round the layers that the quantiser protects.
    options = {
        "device_id": str(device_id),
        "trt_int8_enable": "1" if quantised else "0",
        "trt_fp16_enable": "1" if half and not quantised else "0",
    }
    if folder is not None:
        options |= {
            "trt_engine_cache_enable": "1",
            "trt_engine_cache_path": str(folder),
            "trt_timing_cache_enable": "1",
            "trt_timing_cache_path": str(folder),
        }
    if profile is not None:
        smallest, usual, largest = profile
        options |= {
            "trt_profile_min_shapes": smallest,
            "trt_profile_opt_shapes": usual,
            "trt_profile_max_shapes": largest,
        }
    return options


def _openvino_options(threads: int) -> dict[str, str]:
    # On processors with bfloat16 OpenVINO would run float32 graphs in it; coordinates need all their digits.
    settings: dict[str, dict[str, str]] = {"CPU": {"INFERENCE_PRECISION_HINT": "f32"}}
    if threads:
        settings["CPU"]["INFERENCE_NUM_THREADS"] = str(threads)
    # No cache of compiled models: it is no faster for graphs of this size, and processes that start together read
    # what another has half written.
    return {"device_type": "CPU", "load_config": json.dumps(settings)}


def user_cache_dir() -> Path:
    """Where TensorRT's engines and lessons are kept: SONIC_CACHE_DIR, or the system's folder for caches."""
    if given := os.environ.get("SONIC_CACHE_DIR"):
        return Path(given)
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "sonic-talking-video"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", str(Path.home()))) / "sonic-talking-video"
    return Path(os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache"))) / "sonic-talking-video"
