"""Calibration data come from the real pipeline, and the smallest bundled graphs hold the bound with them."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest

from runtime.contract import RuntimeProblem
from runtime.evaluation.films import write_wav
from runtime.inference.packs import ModelPack
from runtime.media.audio import AudioFile
from runtime.quantization import calibration
from runtime.quantization.calibration import Recording, record, telling_frames
from runtime.quantization.graphs import Network
from runtime.quantization.qdq import measure_ranges, quantise
from runtime.quantization.samples import Reservoir
from runtime.quantization.trials import Judge
from runtime.quantization.worker import Worker
from runtime.stages.performance import MotionTrack

ASSETS = Path(__file__).resolve().parents[2] / "_assets"


@pytest.fixture(scope="module")
def recording(bundled_pack: ModelPack, tmp_path_factory: pytest.TempPathFactory) -> Recording:
    """The demo portrait in a film of six frames."""
    folder = tmp_path_factory.mktemp("calibration")
    shutil.copyfile(ASSETS / "demo_portrait.jpg", folder / "portrait.jpg")
    samples = next(AudioFile.open(ASSETS / "demo_speech.ogg").mono())[: 16000 * 6]
    write_wav(folder / "speech.wav", samples)
    patch = pytest.MonkeyPatch()
    patch.setattr(calibration, "FRAMES", 6)
    try:
        return record(bundled_pack, folder, "cpu", threads=1)
    finally:
        patch.undo()


def test_every_graph_is_seen_at_work(bundled_pack: ModelPack, recording: Recording) -> None:
    assert (recording.pictures, recording.recordings) == (1, 1)
    assert recording.samples.keys() == bundled_pack.graphs.keys()
    for name, samples in recording.samples.items():
        inputs = {entry["name"] for entry in bundled_pack.graphs[name]["inputs"]}
        for row in (*samples.calibrating, *samples.held_out):
            assert row.keys() == inputs
            assert all(len(values) == 1 and np.isfinite(values).all() for values in row.values())


def test_the_bundled_mesh_network_holds_the_bound(
    bundled_pack: ModelPack, recording: Recording, worker: Worker
) -> None:
    model = onnx.load(str(bundled_pack.graph("mesh_source", int8=False).path))
    network = Network(model, "mesh_source")
    samples = recording.samples["mesh_source"]
    ranges = measure_ranges(network, samples.calibrating, "minmax")
    with Judge(network.model, samples.held_out, ["cpu"], worker, threads=1) as judge:
        assert judge.coordinates == {"nodes"}
        verdict = judge.verdict(quantise(network, ranges, [layer.name for layer in network.layers]))
        assert verdict.drop < 0.3
        loud = {name: values * 1.5 for name, values in samples.held_out[0].items()}
    with Judge(network.model, [loud], ["cpu"], worker, threads=1) as judge:
        beyond = judge.verdict(quantise(network, ranges, [layer.name for layer in network.layers]))
    assert beyond.drop > verdict.drop, "what calibration did not see is clipped"


def test_folders_without_faces_or_speech_are_refused(bundled_pack: ModelPack, tmp_path: Path) -> None:
    with pytest.raises(RuntimeProblem, match="holds no pictures"):
        record(bundled_pack, tmp_path, "cpu")
    shutil.copyfile(ASSETS / "demo_portrait.jpg", tmp_path / "portrait.jpg")
    with pytest.raises(RuntimeProblem, match="holds no recordings"):
        record(bundled_pack, tmp_path, "cpu")


def test_frames_of_a_film_are_spread_and_include_a_blink() -> None:
    expression = np.zeros((200, 25), np.float32)
    expression[90:96, -2:] = [[0.3], [0.8], [1.0], [1.0], [0.6], [0.2]]
    still = np.zeros(200, np.float32)
    motion = MotionTrack(25.0, expression, still, np.zeros((200, 5), np.float32), still + 1)
    frames = telling_frames(motion, 12)
    assert frames[0] == 0 and frames[-1] == 199
    assert len([frame for frame in frames if 90 <= frame < 96]) >= 4


def test_a_reservoir_keeps_an_even_choice() -> None:
    reservoir = Reservoir(50, np.random.default_rng(0))
    for number in range(1000):
        reservoir.offer({"input": np.array([number])})
    kept = [int(row["input"][0]) for row in reservoir.rows]
    assert len(set(kept)) == 50
    assert 350 < np.mean(kept) < 650
