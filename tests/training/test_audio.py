"""The audio encoder's training: data, augmentation, network, folding, resuming."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs requirements-train.txt")

from runtime.stages.articulation import Segment  # noqa: E402
from training.audio.augmentation import STRETCH, _uneven_time, augment  # noqa: E402
from training.audio.average import mean_of  # noqa: E402
from training.audio.data import SpeechData, is_held_out  # noqa: E402
from training.audio.export import export_onnx, fold_norms  # noqa: E402
from training.audio.network import AudioNetwork  # noqa: E402
from training.audio.train import Run, learning_rate, losses  # noqa: E402
from training.audio.unfold import read_graph, unfolded  # noqa: E402
from training.voices.engines import Utterance  # noqa: E402
from training.voices.synthesise import write_shard  # noqa: E402


@pytest.fixture
def shards(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    spoken = [
        Utterance(
            (0.1 * rng.standard_normal(16000 * 3)).astype(np.float32),
            [Segment("sil", 0, 0.3), Segment("m", 0.3, 0.6), Segment("a", 0.6, 3.0)],
            "test",
        )
        for _ in range(4)
    ]
    quiet = [Utterance(spoken[0].samples, [Segment("sil", 0, 3)], "test")]
    assert write_shard(tmp_path / "espeak_1_000.npz", iter(spoken), 6) == pytest.approx(6.02)
    write_shard(tmp_path / "noise_1_000.npz", iter(quiet), 6)
    write_shard(tmp_path / "human_lj_000.npz", iter(spoken), 6)
    return tmp_path


def test_held_out_shards_are_not_trained_on(shards: Path) -> None:
    data = SpeechData(shards, np.random.default_rng(0))
    data.rescan()
    assert set(data._groups) == {"espeak", "noise"}
    assert is_held_out(shards / "human_lj_000.npz") and not is_held_out(shards / "human_lj_001.npz")


def test_augmented_targets_stay_with_the_sound(shards: Path) -> None:
    rng = np.random.default_rng(1)
    data = SpeechData(shards, rng)
    data.rescan()
    frames = 200
    example = augment(data.batch(6, round(frames * STRETCH) + 1), frames, data, rng)
    assert example.mel.shape == (6, 80, 200) and example.phone.shape == (6, 100)
    assert example.controls.shape == (6, 100, 10) and example.contacts.shape == (6, 100, 4)
    assert torch.isfinite(example.mel).all() and example.mel.min() >= -2.01 and example.mel.max() <= 3.01
    voice = example.contacts[..., 3]
    assert torch.equal(voice, (example.phone != 0).float())
    lips = example.contacts[..., 0]
    from runtime.stages.articulation import PHONE_NAMES

    assert lips[example.phone == PHONE_NAMES.index("a")].mean() < 0.2


def test_tempo_is_uneven_and_stays_within_the_crop() -> None:
    frames, available = 400, round(400 * STRETCH) + 1
    time = _uneven_time(64, frames, available, np.random.default_rng(3))
    pace = torch.diff(time, dim=1)
    assert (time[:, 0] == 0).all() and (time <= available - 1).all() and (pace > 0).all()
    assert (pace.amax(dim=1) > 1.2 * pace.amin(dim=1)).all()
    assert 0.9 < pace.mean() < 1.1


def test_a_grown_network_computes_the_same_and_learns_in_its_new_blocks() -> None:
    torch.manual_seed(0)
    network = AudioNetwork(32, 3).eval()
    deeper = network.grown(6).eval()
    assert (network.depth, deeper.depth) == (3, 6)
    mel = torch.randn(2, 80, 120)
    for before, after in zip(network(mel), deeper(mel), strict=True):
        torch.testing.assert_close(before, after)
    deeper(mel)[0].square().sum().backward()
    assert deeper.blocks[-1].mix_norm.weight.grad.abs().sum() > 0


def test_the_mean_of_two_networks_lies_between_them() -> None:
    torch.manual_seed(1)
    first, second = AudioNetwork(16, 2), AudioNetwork(16, 2)
    mean = mean_of([first, second])
    for name, value in mean.state_dict().items():
        if value.dtype.is_floating_point:
            torch.testing.assert_close(value, (first.state_dict()[name] + second.state_dict()[name]) / 2)
    assert not torch.equal(mean.stem.weight, first.stem.weight)
    with pytest.raises(ValueError, match="one size"):
        mean_of([first, AudioNetwork(16, 3)])


def test_folding_norms_changes_nothing() -> None:
    torch.manual_seed(0)
    network = AudioNetwork(32).train()
    for _ in range(3):
        network(torch.randn(2, 80, 64))
    network.eval()
    mel = torch.randn(1, 80, 120)
    with torch.inference_mode():
        before = network(mel)
        after = fold_norms(network)(mel)
    for a, b in zip(before, after, strict=True):
        assert a.shape[1] == 60
        torch.testing.assert_close(a, b, atol=1e-4, rtol=1e-3)


def test_an_exported_network_can_be_taken_up_again(tmp_path: Path) -> None:
    torch.manual_seed(2)
    network = AudioNetwork(32, 3).train()
    for _ in range(3):
        network(torch.randn(2, 80, 64))
    mel = torch.randn(2, 80, 120)
    with torch.inference_mode():
        before = network.eval()(mel)
    export_onnx(network, tmp_path / "audio_encoder.onnx")
    again = unfolded(read_graph(tmp_path / "audio_encoder.onnx"), mel)
    with torch.inference_mode():
        after = again.eval()(mel)
        learning = again.train().stem_norm(again.stem(mel.unsqueeze(2)))
        ready = again.eval().stem_norm(again.stem(mel.unsqueeze(2)))
    for a, b in zip(before, after, strict=True):
        torch.testing.assert_close(a, b, atol=1e-4, rtol=1e-3)
    torch.testing.assert_close(learning, ready, atol=1e-3, rtol=1e-2)
    with pytest.raises(ValueError, match="no audio encoder"):
        unfolded({**read_graph(tmp_path / "audio_encoder.onnx"), "other": mel}, mel)


def test_training_learns_and_resumes(shards: Path, tmp_path: Path) -> None:
    torch.manual_seed(0)
    rng = np.random.default_rng(2)
    data = SpeechData(shards, rng)
    data.rescan()
    run = Run(tmp_path, AudioNetwork(32, 4), "cpu")
    history = []
    for _ in range(25):
        example = augment(data.batch(4, round(100 * STRETCH) + 1), 100, data, rng)
        parts = losses(run.network, example)
        history.append(parts["phones"].item())
        run.update(torch.stack(list(parts.values())).sum(), 3e-3)
    assert np.mean(history[-5:]) < 0.7 * np.mean(history[:5])
    run.save()
    again = Run(tmp_path, AudioNetwork(32, 4), "cpu")
    assert again.step == 25
    for a, b in zip(run.average.state_dict().values(), again.average.state_dict().values(), strict=True):
        torch.testing.assert_close(a, b)


def test_learning_rate_warms_up_and_ends_small() -> None:
    assert learning_rate(3e-3, 0, 0.0) < learning_rate(3e-3, 199, 0.0)
    assert learning_rate(3e-3, 5000, 1.0) < 1e-4
