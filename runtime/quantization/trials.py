"""Judging a model by running it: how far its outputs are from the full-precision graph's, on each provider.

Models run in a process of their own. A provider that cannot stand a quantised graph may end its process, and then the
trial has failed, not the search.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import onnx
from numpy.typing import NDArray

from runtime.inference.providers import plan_providers
from runtime.inference.sessions import start_session
from runtime.quantization.samples import Row, batches_of
from runtime.quantization.worker import Worker, WorkerLost

BATCH = 4  # rows that run together
SAME = 200.0  # dB, what counts as identical

# What a good full-precision graph reaches against the truth. Pictures: the best talking heads stand at 24 to 26 dB
# (MuseTalk, Ditto, on the mouth); 30 leaves room. Coordinates: 0.3 % of their range. No landmark network is as good as
# that, but an error that changes from frame to frame is seen as jitter long before a constant one is seen at all.
REFERENCE, REFERENCE_OF_COORDINATES = 30.0, 50.0


@dataclass(frozen=True)
class Verdict:
    """PSNR of each output in dB and the drop it means, the worst of all providers; or what went wrong."""

    psnr: Mapping[str, float] = field(default_factory=dict)
    drop: float = float("inf")
    fault: str = ""


def psnr_drop(psnr: float, reference: float) -> float:
    """dB that a graph of `reference` dB against the truth loses by an independent error of `psnr` dB.

    Mean squared errors that are independent add: drop = 10 log10(1 + 10 ** ((reference - psnr) / 10)).
    """
    return float(10 * np.log10(1 + 10 ** ((reference - psnr) / 10)))


def is_coordinates(output: NDArray) -> bool:
    """Whether an output (B, N, 2 or 3) is a list of points."""
    return output.ndim == 3 and output.shape[-1] in (2, 3)


class Judge:
    """Holds a graph's held-out rows with the full-precision answers, and judges models by them."""

    def __init__(
        self,
        model: onnx.ModelProto,
        rows: Sequence[Row],
        providers: Sequence[str],
        worker: Worker,
        threads: int = 0,
    ) -> None:
        """`model` is the full-precision graph; ValueError says why it does not run itself."""
        self.providers = list(providers)
        self._worker, self._threads = worker, threads
        self._scratch = tempfile.TemporaryDirectory()
        self._folder = Path(self._scratch.name)
        batches = batches_of(rows, BATCH)
        for number, batch in enumerate(batches):
            np.savez(self._folder / f"inputs_{number}.npz", allow_pickle=False, **batch)
        self._count = len(batches)
        answers = self._run(model, "cpu")
        if isinstance(answers, str):
            raise ValueError(answers)
        self._answers = answers
        self.coordinates = {name for name, values in answers.items() if is_coordinates(values)}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._scratch.cleanup()

    def verdict(self, model: onnx.ModelProto, providers: Sequence[str] | None = None) -> Verdict:
        """Run a model on the held-out rows, on some providers or on all."""
        worst: dict[str, float] = {}
        for provider in providers or self.providers:
            answers = self._run(model, provider)
            if isinstance(answers, str):
                return Verdict(fault=answers)
            for name, wanted in self._answers.items():
                if answers[name].shape != wanted.shape:
                    return Verdict(fault=f"{provider} gives {name} the wrong shape")
                worst[name] = min(worst.get(name, SAME), _psnr(answers[name], wanted))
        drops = (psnr_drop(value, self.reference(name)) for name, value in worst.items())
        return Verdict(worst, max(drops, default=0.0))

    def reference(self, output: str) -> float:
        """dB that the output is taken to have against the truth."""
        return REFERENCE_OF_COORDINATES if output in self.coordinates else REFERENCE

    def _run(self, model: onnx.ModelProto, provider: str) -> dict[str, NDArray] | str:
        """All outputs (all rows together), or what went wrong in a sentence's end."""
        path = self._folder / "trial.onnx"
        onnx.save(model, str(path))
        try:
            return self._worker.run(_outputs, path, self._folder, self._count, provider, self._threads)
        except WorkerLost:
            return f"{provider} ends its process"
        except Exception as fault:  # each provider raises its own kinds
            return f"{provider} refuses it: {' '.join(str(fault).split())[:300]}"


def _outputs(path: Path, folder: Path, count: int, provider: str, threads: int) -> dict[str, NDArray]:
    """In the worker: run a model on the stored batches."""
    import onnxruntime

    [plan] = plan_providers(onnxruntime.get_available_providers(), provider, threads=threads)
    session = start_session(path, plan, threads)
    names = [value.name for value in session.get_outputs()]
    answers = [session.run(names, _inputs(folder, number)) for number in range(count)]
    return {
        name: np.concatenate(values) for name, values in zip(names, zip(*answers, strict=True), strict=True)
    }


@lru_cache(maxsize=64)
def _inputs(folder: Path, number: int) -> Row:
    with np.load(folder / f"inputs_{number}.npz") as stored:
        return {name: stored[name] for name in stored.files}


def _psnr(answer: NDArray, wanted: NDArray) -> float:
    """Peak signal-to-noise ratio in dB, the peak being the range that the full-precision output covers."""
    error = float(np.mean((answer.astype(np.float64) - wanted) ** 2))
    span = float(np.ptp(wanted))
    if error == 0:
        return SAME
    if span == 0 or not np.isfinite(error):
        return -SAME
    return min(SAME, 10 * float(np.log10(span**2 / error)))
