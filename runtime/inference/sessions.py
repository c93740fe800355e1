"""Sessions: the only place where ONNX Runtime is called."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from runtime.contract import RuntimeProblem
from runtime.inference.packs import Graph, ModelPack
from runtime.inference.processor import exact_int8, usable_cores
from runtime.inference.providers import (
    PROVIDER_NAMES,
    ProviderPlan,
    engine_machine,
    plan_providers,
    shape_profile,
    user_cache_dir,
)

if TYPE_CHECKING:
    import onnxruntime

log = logging.getLogger(__name__)

# A few small matrix products each: slower on every device that has to be handed its inputs first.
LIGHT_GRAPHS = ("mesh_source", "mesh_motion", "mouth_drive")
FRAME_GRAPHS = ("mouth",)  # those that run for every frame
QUIET = 4  # ONNX Runtime's "fatal only": its own words for a missing library run over twenty lines


class Session:
    """A loaded graph. `provider` is our name of what runs it: tensorrt, cuda, openvino or cpu."""

    def __init__(self, session: onnxruntime.InferenceSession, graph: Graph, provider: str) -> None:
        self._session = session
        self.graph = graph
        self.provider = provider
        self.output_names = [value.name for value in session.get_outputs()]

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Run the graph on named float32 arrays and return its named outputs; several threads may call it."""
        outputs = self._session.run(self.output_names, dict(inputs))
        return dict(zip(self.output_names, outputs, strict=True))


class Sessions:
    """Opens the graphs of a pack on the best provider that starts, each once."""

    def __init__(
        self,
        pack: ModelPack,
        provider: str = "auto",
        threads: int = 0,
        int8: bool = True,
        cache_dir: Path | None = None,
    ) -> None:
        self.pack = pack
        self.request = provider
        self.threads = threads
        self.int8 = int8
        self.cache_dir = cache_dir if cache_dir is not None else user_cache_dir()
        self._open: dict[str, Session] = {}
        self._failed: set[str] = set()
        self._lock = threading.Lock()

    @property
    def providers(self) -> list[str]:
        """The providers in use so far, fastest first."""
        return sorted({session.provider for session in self._open.values()}, key=_RANK.index)

    def get(self, name: str) -> Session:
        """Return the session of a graph, opening it at the first call."""
        with self._lock:
            if name not in self._open:
                self._open[name] = self._start(self.pack.graph(name, self.int8))
            return self._open[name]

    def _start(self, graph: Graph) -> Session:
        import onnxruntime  # slow to import, and `--help` should not wait for it

        threads = threads_for(graph.name, self.threads)
        plans = plan_providers(
            onnxruntime.get_available_providers(),
            self.request,
            threads=threads,
            cache_dir=self.cache_dir,
            model_key=graph.sha256,
            machine_key=_machine(),
            quantised=graph.precision == "int8",
            half=graph.precision == "fp16",
            light=graph.name in LIGHT_GRAPHS,
            exact=exact_int8(),
            profile=shape_profile(graph.record["inputs"]),
        )
        reason = ""
        for plan in plans:
            if plan.name in self._failed:
                continue
            try:
                return Session(start_session(graph.path, plan, threads), graph, plan.name)
            except Exception as fault:  # each provider raises its own kinds
                reason = " ".join(str(fault).split())[:300]
                self._failed.add(plan.name)
                log.warning("provider %s does not start (%s); trying the next", plan.name, reason)
        raise RuntimeProblem(
            "provider_failed",
            f"No provider ({self.request} was asked for) can run the graph {graph.name}: {reason or 'all failed'}.",
            "`python -m runtime doctor` tells why.",
        )


def threads_for(name: str, asked: int = 0) -> int:
    """How many threads a graph gets of those `asked` for; 0 leaves it to the provider, which takes all cores.

    Graphs that run for every frame share the cores with the encoder, so half of them is theirs.
    """
    if name in LIGHT_GRAPHS:
        return 1
    return max(1, (asked or usable_cores()) // 2) if name in FRAME_GRAPHS else asked


_RANK = list(PROVIDER_NAMES)


@cache
def _machine() -> str:
    """What compiled engines depend on here; see `engine_machine`."""
    versions = []
    for package in ("onnxruntime-gpu", "tensorrt"):
        with suppress(PackageNotFoundError):
            versions.append(version(package))
    gpus = sorted(Path("/proc/driver/nvidia/gpus").glob("*/information"))
    gpu = re.search(r"^Model:\s*(.+)$", gpus[0].read_text(), re.MULTILINE) if gpus else None
    driver = Path("/proc/driver/nvidia/version")
    number = re.search(r"Kernel Module.*?(\d+\.\d[\d.]*)", driver.read_text()) if driver.exists() else None
    return engine_machine(gpu[1] if gpu else "", number[1] if number else "", versions)


def start_session(path: Path, plan: ProviderPlan, threads: int = 0) -> onnxruntime.InferenceSession:
    """Open an ONNX file on exactly the planned provider (the CPU takes what it leaves), or raise."""
    import onnxruntime

    settings = onnxruntime.SessionOptions()
    settings.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    settings.intra_op_num_threads = threads
    # Threads that wait for work in a loop would take the cores from the encoder: nearly half of a film's
    # processor time.
    settings.add_session_config_entry("session.intra_op.allow_spinning", "0")
    settings.log_severity_level = QUIET
    # ONNX Runtime's arenas keep the most that any run has needed, for each graph anew; the C library's memory serves
    # all of them, in the same time.
    settings.enable_cpu_mem_arena = False
    if folder := plan.options.get("trt_engine_cache_path"):
        Path(folder).mkdir(parents=True, exist_ok=True)
    providers: list[str | tuple[str, dict[str, str]]] = [(plan.ort_name, plan.options)]
    if plan.name == "tensorrt":  # what it cannot take stays on the GPU
        providers.append(("CUDAExecutionProvider", {"device_id": plan.options["device_id"]}))
    if plan.name != "cpu":
        providers.append("CPUExecutionProvider")
    session = onnxruntime.InferenceSession(str(path), settings, providers=providers)
    # ONNX Runtime falls back to the CPU by itself, and silently, when a provider's libraries are missing.
    if plan.ort_name not in session.get_providers():
        raise RuntimeError(f"ONNX Runtime could not load {plan.ort_name}")
    return session
