import logging
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

from runtime.contract import RuntimeProblem
from runtime.inference import sessions as sessions_module
from runtime.inference.packs import ModelPack
from runtime.inference.sessions import Sessions, threads_for


def test_graph_runs_by_names_with_any_batch(small_pack: Path, tmp_path: Path) -> None:
    sessions = Sessions(ModelPack.load(small_pack), threads=1, cache_dir=tmp_path / "cache")
    session = sessions.get("linear")
    for batch in (1, 4):
        values = np.arange(3 * batch, dtype=np.float32).reshape(batch, 3)
        assert np.allclose(session.run({"input": values})["output"], 2 * values + 1)
    assert sessions.get("linear") is session
    assert sessions.providers == [session.provider]


def test_graphs_of_every_frame_leave_cores_to_the_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions_module, "usable_cores", lambda: 8)
    assert [threads_for(name) for name in ("audio_encoder", "mouth", "mesh_motion")] == [0, 4, 1]
    assert [threads_for(name, 6) for name in ("audio_encoder", "mouth", "mesh_motion")] == [6, 3, 1]
    assert [threads_for("mouth", asked) for asked in (1, 2, 3, 4)] == [1, 1, 1, 2]


def test_cpu_provider_by_name(small_pack: Path, tmp_path: Path) -> None:
    assert Sessions(ModelPack.load(small_pack), "cpu", cache_dir=tmp_path).get("linear").provider == "cpu"


def _failing(names: set[str], monkeypatch: pytest.MonkeyPatch) -> None:
    real = sessions_module.start_session

    def start(path: Path, plan: Any, threads: int = 0) -> Any:
        if plan.name in names:
            raise RuntimeError("libnvinfer.so.10: cannot open shared object file")
        return real(path, plan, threads)

    monkeypatch.setattr(sessions_module, "start_session", start)
    monkeypatch.setattr(
        onnxruntime, "get_available_providers", lambda: ["TensorrtExecutionProvider", "CPUExecutionProvider"]
    )


def test_provider_that_does_not_start_is_said_once_and_the_next_is_taken(
    small_pack: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    _failing({"tensorrt"}, monkeypatch)
    with caplog.at_level(logging.WARNING):
        session = Sessions(ModelPack.load(small_pack), cache_dir=tmp_path).get("linear")
    assert session.provider == "cpu"
    assert len(caplog.records) == 1
    assert "provider tensorrt does not start (libnvinfer.so.10" in caplog.text


def test_named_provider_that_does_not_start_is_an_error(
    small_pack: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _failing({"tensorrt"}, monkeypatch)
    with pytest.raises(RuntimeProblem, match=r"libnvinfer\.so\.10"):
        Sessions(ModelPack.load(small_pack), "tensorrt", cache_dir=tmp_path).get("linear")
