"""What the machine can bear: memory and GPUs, and whether one more render fits."""

from __future__ import annotations

import importlib.metadata
import logging
import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

log = logging.getLogger(__name__)

MEGABYTE = 1024 * 1024
REFERENCE_SIDE = 512  # pixels; the short side that `render_mb` is given for


@dataclass(frozen=True)
class Device:
    """A GPU: its index for CUDA and its free memory in MB."""

    index: int
    free_mb: int


@dataclass(frozen=True)
class Load:
    """A render under way: process id, the memory (MB) it was admitted with, and its GPU if it has one."""

    pid: int | None
    reserved_mb: float
    device: int | None


class MemoryGuard:
    """Decides whether another render may start.

    A running render may not have grown to its full size yet, so what it was admitted with and has not taken is
    set aside. One render alone is always admitted: to wait would not make the machine larger.
    """

    def __init__(
        self,
        render_mb: float,
        reserve_mb: float,
        gpu_render_mb: float = 0.0,
        available_mb: Callable[[], float] | None = None,
        resident_mb: Callable[[int], float] | None = None,
        devices: Callable[[], Sequence[Device]] | None = None,
    ) -> None:
        self.render_mb = render_mb
        self.reserve_mb = reserve_mb
        self.gpu_render_mb = gpu_render_mb
        self._available = available_mb or available_memory_mb
        self._resident = resident_mb or resident_memory_mb
        self._devices = devices or list_devices
        self._seen: dict[int, float] = {}
        self._lock = threading.Lock()

    def estimate_mb(self, short_side: int) -> float:
        """Memory that a render of this size will take: the most one has taken yet, else the setting."""
        with self._lock:
            if short_side in self._seen:
                return self._seen[short_side]
        return self.render_mb * max(1.0, (short_side / REFERENCE_SIDE) ** 2 / 2)

    def learn(self, short_side: int, peak_mb: float) -> None:
        """Note what a render of this size has taken."""
        with self._lock:
            self._seen[short_side] = max(peak_mb * 1.1, self._seen.get(short_side, 0.0))

    def admits(self, short_side: int, running: Sequence[Load], ready_pid: int | None = None) -> bool:
        """Say whether there is memory for one more render; the process `ready_pid` that it would take holds some."""
        if not running:
            return True
        held = self._resident(ready_pid) if ready_pid else 0.0
        return self._unclaimed(running) + held >= self.estimate_mb(short_side)

    def spares(self, running: Sequence[Load]) -> bool:
        """Say whether there is memory to keep a process ready, and for the render that it will do."""
        return self._unclaimed(running) >= self.estimate_mb(REFERENCE_SIDE)

    def _unclaimed(self, running: Sequence[Load]) -> float:
        outstanding = sum(
            max(0.0, load.reserved_mb - (self._resident(load.pid) if load.pid else 0.0)) for load in running
        )
        return self._available() - outstanding - self.reserve_mb

    def pick_device(self, running: Sequence[Load]) -> int | None:
        """Return the GPU with the fewest renders among those with room for one more, or None."""
        counts = {device.index: 0 for device in self._devices()}
        for load in running:
            if load.device in counts:
                counts[load.device] += 1
        fitting = [
            device
            for device in self._devices()
            if device.free_mb >= self.gpu_render_mb or counts[device.index] == 0
        ]
        if not fitting:
            return None
        return min(fitting, key=lambda device: (counts[device.index], -device.free_mb)).index


def available_memory_mb() -> float:
    """Memory that can still be taken: the machine's, or what a container's limit leaves if that is less."""
    choices = [value for value in (_machine_available(), _cgroup_available()) if value is not None]
    return min(choices) if choices else float("inf")


def total_memory_mb() -> float:
    """The machine's memory, or a container's limit if that is less."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / MEGABYTE
    limit = _number(Path("/sys/fs/cgroup/memory.max"))
    return min(total, limit / MEGABYTE) if limit is not None else total


def resident_memory_mb(pid: int) -> float:
    """Memory that a process holds now; 0 if it is gone."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / MEGABYTE


def memory_kills() -> int | None:
    """How many processes the kernel has ended for want of memory since it started; None where it does not say."""
    try:
        for line in Path("/proc/vmstat").read_text().splitlines():
            if line.startswith("oom_kill "):
                return int(line.split()[1])
    except OSError:
        pass
    return None


def list_devices() -> list[Device]:
    """GPUs that renders can use: those that nvidia-smi names, if ONNX Runtime is installed for GPUs at all."""
    if shutil.which("nvidia-smi") is None or not _has_gpu_runtime():
        return []
    query = ["nvidia-smi", "--query-gpu=index,memory.free", "--format=csv,noheader,nounits"]
    try:
        answer = subprocess.run(query, capture_output=True, text=True, timeout=10, check=True).stdout
    except (OSError, subprocess.SubprocessError) as fault:
        log.warning("nvidia-smi does not answer: %s", fault)
        return []
    return parse_devices(answer)


def parse_devices(answer: str) -> list[Device]:
    """Read nvidia-smi's lines "index, free memory" (MB)."""
    devices = []
    for line in answer.splitlines():
        fields = [field.strip() for field in line.split(",")]
        if len(fields) == 2 and all(field.isdigit() for field in fields):
            devices.append(Device(*map(int, fields)))
    return devices


def default_workers(cores: int, memory_mb: float, render_mb: float, reserve_mb: float, gpus: int) -> int:
    """Number of renders side by side: one for each GPU, else one for two cores, and no more than fit in memory."""
    wanted = gpus or max(1, cores // 2)
    return max(1, min(wanted, int((memory_mb - reserve_mb) // render_mb)))


def _has_gpu_runtime() -> bool:
    try:
        importlib.metadata.version("onnxruntime-gpu")
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _machine_available() -> float | None:
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) / 1024
    except OSError:
        pass
    return None


def _cgroup_available() -> float | None:
    folder = Path("/sys/fs/cgroup")
    limit, used = _number(folder / "memory.max"), _number(folder / "memory.current")
    if limit is None or used is None:
        return None
    # Cached file pages count as used but are given back when asked for.
    for line in (folder / "memory.stat").read_text().splitlines():
        if line.startswith("inactive_file "):
            used -= int(line.split()[1])
    return (limit - used) / MEGABYTE


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):  # "max" means no limit
        return None
