"""The texture networks, their data and their export; needs torch, which the runtime does not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from training.texture.dataset import FIELDS, Shards, augmented, mirrored, save_shard  # noqa: E402
from training.texture.losses import texture_loss  # noqa: E402
from training.texture.networks import (  # noqa: E402
    EyelidNetwork,
    MouthNetwork,
    compose_eyelid,
    compose_mouth,
    multiply_accumulates,
)
from training.texture.train import fold_batch_norm, split  # noqa: E402

MOUTH = (torch.rand(2, 4, 128, 128), torch.rand(2, 4, 128, 128), torch.rand(2, 30))
EYELID = (torch.rand(2, 4, 64, 64), torch.rand(2, 3, 64, 64), torch.rand(2, 4))


@pytest.mark.parametrize(
    ("network", "inputs", "channels", "budget"),
    [(MouthNetwork(), MOUTH, 5, 1e9), (EyelidNetwork(), EYELID, 4, 0.2e9)],
)
def test_shapes_range_and_cost(network, inputs, channels, budget) -> None:  # type: ignore[no-untyped-def]
    with torch.no_grad():
        painted = network.eval()(*inputs)
    assert painted.shape == (2, channels, *inputs[0].shape[2:])
    assert float(painted.min()) >= 0 and float(painted.max()) <= 1
    assert multiply_accumulates(network, *(part[:1] for part in inputs)) < budget


def test_folded_network_gives_the_same_picture() -> None:
    network = MouthNetwork()
    for _ in range(2):
        network(*MOUTH)  # lets the running means leave their start
    network.eval()
    with torch.no_grad():
        before = network(*MOUTH)
        fold_batch_norm(network)
        after = network(*MOUTH)
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in network.modules())
    assert torch.allclose(before, after, atol=1e-4)


def test_lower_atlas_follows_the_jaw_and_the_upper_stands_still() -> None:
    network = MouthNetwork().eval()
    still, moved = torch.zeros(1, 2), torch.tensor([[0.0, 0.25]])
    zero = torch.zeros(1, 6)
    base = network.lower(still, zero)
    assert torch.allclose(network.lower(moved, zero)[..., 32:, :], base[..., :-16, :][..., 16:, :], atol=1e-5)


def test_compositions_leave_alone_what_is_not_asked_for() -> None:
    frame, source = MOUTH[0].clone(), MOUTH[1]
    frame[:, 3] = 0
    painted, gate = torch.rand(2, 5, 128, 128), torch.zeros(2, 1, 128, 128)
    assert torch.equal(compose_mouth(frame, source, painted, gate), frame[:, :3])
    frame[:, 3] = 1
    painted[:, 4] = 0
    assert torch.allclose(compose_mouth(frame, source, painted, gate), painted[:, :3], atol=1e-6)
    eye = EYELID[0]
    assert torch.equal(compose_eyelid(eye, torch.rand(2, 4, 64, 64), gate[..., :64, :64]), eye[:, :3])


def test_loss_is_least_for_the_truth_and_grows_with_the_error() -> None:
    truth = torch.zeros(1, 3, 32, 32)
    truth[..., 16:] = 1
    weights = torch.ones(1, 1, 32, 32)
    assert float(texture_loss(truth, truth, weights, weights)) == 0
    grey = torch.full_like(truth, 0.5)
    blurred = truth * 0.5 + grey * 0.5
    assert float(texture_loss(blurred, truth, weights, weights)) < float(
        texture_loss(grey, truth, weights, weights)
    )


def test_shards_mirror_and_augmentation(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    channels = sum(FIELDS["mouth"].values())
    pictures = rng.integers(0, 255, (3, 128, 128, channels), dtype=np.uint8)
    drive = rng.random((3, 30)).astype(np.float32)
    save_shard(tmp_path, "mouth", "0", pictures, drive)
    save_shard(tmp_path, "mouth", "1", pictures[:2], drive[:2])
    shards = Shards(tmp_path, "mouth")
    assert len(shards) == 5
    batch = shards.read(np.array([1, 4]))
    assert torch.equal(batch.drive[0], torch.from_numpy(drive[1]))
    read = torch.from_numpy(pictures[1, ..., 8:11]).permute(2, 0, 1).float() / 255
    assert bool((batch.target[1] >= read - 1e-6).all()) and bool((batch.target[1] <= read * 1.3 + 1e-6).all())
    outside = torch.from_numpy(pictures[1, ..., 12] == 0).expand(3, -1, -1)
    assert torch.allclose(batch.target[1][outside], read[outside])
    twice = mirrored(mirrored(batch))
    assert torch.equal(twice.frame, batch.frame) and torch.equal(twice.drive, batch.drive)
    assert float(mirrored(batch).drive[0, 26]) == -float(batch.drive[0, 26])
    changed = augmented(batch, np.random.default_rng(1))
    assert torch.equal(changed.frame[:, 3], batch.frame[:, 3]) and torch.equal(changed.gate, batch.gate)
    assert not torch.equal(changed.target, batch.target)
    assert float(changed.frame.min()) >= 0 and float(changed.frame.max()) <= 1


def test_held_out_samples_are_whole_blocks() -> None:
    training, held_out = split(3200)
    assert len(training) + len(held_out) == 3200 and not set(training) & set(held_out)
    assert 0.02 < len(held_out) / 3200 < 0.06
    assert all(len(set(held_out) & set(range(b * 32, b * 32 + 32))) in (0, 32) for b in range(100))
