"""The texture networks, their data and their export; needs torch, which the runtime does not."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from torch.utils.flop_counter import FlopCounterMode  # noqa: E402

from runtime.stages.mouth_painting import MouthGraphs  # noqa: E402
from training.texture.critic import (  # noqa: E402
    PatchCritic,
    adversarial_loss,
    balance,
    critic_loss,
    feature_loss,
)
from training.texture.cutting import MouthDrive, MouthPainter, MouthSource, atlases  # noqa: E402
from training.texture.dataset import (  # noqa: E402
    FIELDS,
    Batch,
    Shards,
    augmented,
    lid_is_whole,
    mirrored,
    relit_mouth,
    save_shard,
)
from training.texture.losses import texture_loss  # noqa: E402
from training.texture.networks import (  # noqa: E402
    EyelidNetwork,
    MouthNetwork,
    as_a_lid,
    compose_eyelid,
    compose_mouth,
    coordinates,
    lid_tone,
)
from training.texture.train import fold_batch_norm, split  # noqa: E402

MOUTH = (torch.rand(2, 4, 128, 128), torch.rand(2, 4, 128, 128), torch.rand(2, 30))
EYELID = (torch.rand(2, 4, 64, 64), torch.rand(2, 3, 64, 64), torch.rand(2, 4))


@pytest.mark.parametrize(
    ("network", "inputs", "channels", "budget"),
    [(MouthNetwork(), MOUTH, 5, 2e9), (EyelidNetwork(), EYELID, 4, 0.4e9)],
)
def test_shapes_range_and_cost(network, inputs, channels, budget) -> None:  # type: ignore[no-untyped-def]
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        painted = network.eval()(*inputs)
    assert painted.shape == (2, channels, *inputs[0].shape[2:])
    assert float(painted.min()) >= 0 and float(painted.max()) <= 1
    assert counter.get_total_flops() / len(inputs[0]) < budget


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


class Part:
    """Runs a module as the runtime runs a graph."""

    def __init__(self, module: Any, outputs: list[str]) -> None:
        self.module, self.outputs = module.eval(), outputs

    def run(self, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        with torch.no_grad():
            answers = self.module(
                *(torch.from_numpy(np.ascontiguousarray(value)) for value in inputs.values())
            )
        answers = answers if isinstance(answers, tuple) else (answers,)
        return {name: answer.numpy() for name, answer in zip(self.outputs, answers, strict=True)}


def test_cut_network_in_the_runtime_gives_the_same_picture() -> None:
    torch.manual_seed(1)
    network = MouthNetwork().eval()
    torch.nn.init.normal_(network.place[-1].weight, std=0.05)
    for atlas in (network.upper, network.lower):
        smooth = torch.rand(1, 4, 16, 16)
        atlas.features.data = torch.nn.functional.interpolate(smooth, scale_factor=8.0, mode="bilinear")
    frame, source, drive = (part.clone() for part in MOUTH)
    source[1] = source[0]  # one portrait
    with torch.no_grad():
        wanted = network(frame, source, drive).numpy()
    fold_batch_norm(network)
    graphs = MouthGraphs(
        Part(MouthSource(network), ["photo", "code", "gain_in", "gain_out"]),
        Part(MouthDrive(network), ["rows", "told_fine", "told_coarse"]),
        Part(MouthPainter(network), ["painted"]),
        atlases(network),
    )
    frames = [SimpleNamespace(frame=frame[i].numpy(), drive=drive[i].numpy()) for i in (0, 1)]
    painter = graphs.bind(source[0].numpy())
    painted = painter(frames)
    # OpenCV rounds where it samples to 1/32 pixel.
    assert np.abs(painted - wanted).max() < 0.02 and np.abs(painted - wanted).mean() < 1e-3
    assert np.allclose(painter(frames[1:])[0], painted[1], atol=1e-5)


def test_lower_atlas_follows_the_jaw_and_the_upper_stands_still() -> None:
    network = MouthNetwork().eval()
    still, moved = torch.zeros(1, 2), torch.tensor([[0.0, 0.25]])
    zero = torch.zeros(1, 6)
    network.lower.window.fill_(1)
    base = network.lower(still, zero)
    assert torch.allclose(network.lower(moved, zero)[..., 32:, :], base[..., :-16, :][..., 16:, :], atol=1e-5)


def test_each_atlas_holds_its_own_row_of_teeth_only() -> None:
    network = MouthNetwork().eval()
    for atlas in (network.upper, network.lower):
        torch.nn.init.ones_(atlas.features)
    still, zero = torch.zeros(1, 2), torch.zeros(1, 6)
    with torch.no_grad():
        upper, lower = network.upper(still, zero), network.lower(still, zero)
    assert float(upper[..., 40, :].min()) == 1 and float(upper[..., 70:, :].max()) == 0
    assert float(lower[..., 50, :].min()) == 1 and float(lower[..., :24, :].max()) == 0


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
    assert float(texture_loss(truth, truth, weights)) == 0
    grey = torch.full_like(truth, 0.5)
    blurred = truth * 0.5 + grey * 0.5
    assert float(texture_loss(blurred, truth, weights)) < float(texture_loss(grey, truth, weights))


def test_critic_learns_to_tell_teeth_from_their_blur() -> None:
    torch.manual_seed(0)
    teeth = (torch.arange(48) % 8 < 6).float().expand(2, 3, 48, 48) * 0.6
    blur = torch.full_like(teeth, 0.45, requires_grad=True)
    critic, inner, tone = PatchCritic(), torch.ones(2, 1, 48, 48), torch.full((2, 3, 1, 1), 0.4)
    place = coordinates(128)[..., 32:80, 32:80]
    optimiser = torch.optim.Adam(critic.parameters(), 2e-3, betas=(0.5, 0.99))
    losses = []
    for _ in range(25):
        loss = critic_loss(critic(teeth, inner, place, tone), critic(blur, inner, place, tone), inner)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.5 < losses[0]
    judged = [seen.detach() for seen in critic(blur, inner, place, tone)]
    assert judged[-1].shape == (2, 1, 6, 6)
    nothing_judged = torch.zeros_like(inner)
    assert float(adversarial_loss(judged, nothing_judged)) == 0 < float(adversarial_loss(judged, inner))
    assert float(feature_loss(judged, judged, inner)) == 0
    pixels = (blur - teeth).abs().mean()
    factor = balance(3 * pixels, pixels, blur)
    assert float(factor) == pytest.approx(1 / 3, rel=1e-3)


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
    outside = torch.from_numpy(pictures[1, ..., 12] == 0).expand(3, -1, -1)
    assert torch.allclose(batch.target[1][outside], read[outside])
    twice = mirrored(mirrored(batch))
    assert torch.equal(twice.frame, batch.frame) and torch.equal(twice.drive, batch.drive)
    assert float(mirrored(batch).drive[0, 26]) == -float(batch.drive[0, 26])
    changed = augmented(batch, np.random.default_rng(1))
    assert torch.equal(changed.frame[:, 3], batch.frame[:, 3]) and torch.equal(changed.gate, batch.gate)
    assert not torch.equal(changed.target, batch.target)
    assert float(changed.frame.min()) >= 0 and float(changed.frame.max()) <= 1


def test_relit_mouths_have_lighter_teeth_and_red_cavities_but_dark_slits() -> None:
    inside = torch.zeros(1, 1, 128, 128)
    inside[..., 50:80, 30:98] = 1
    slit = torch.zeros_like(inside)
    slit[..., 60:62, 30:98] = 1
    picture = torch.full((1, 3, 128, 128), 0.05)
    picture[..., 50:60, :] = 0.4  # teeth under the upper lip
    skin, grey = (torch.tensor(c).view(1, 3, 1, 1) for c in ((0.6, 0.45, 0.35), (0.45, 0.45, 0.45)))
    lit = relit_mouth(picture, inside, skin)
    assert float(lit[0, 1, 52, 64]) > 0.5 and torch.equal(lit[..., :50, :], picture[..., :50, :])
    red, green, _ = lit[0, :, 70, 64].tolist()
    assert red > 1.3 * green
    colourless = relit_mouth(picture, inside, grey)[0, :, 70, 64]
    assert float(colourless[0]) == pytest.approx(float(colourless[1]))
    assert torch.equal(relit_mouth(picture, slit, skin), picture)


def test_lids_that_the_eyeball_pierces_are_found() -> None:
    inner = torch.zeros(3, 1, 64, 64)
    inner[:2, :, 20:44, 16:48] = 1
    target = torch.full((3, 3, 64, 64), 0.5)
    target[1:, :, 30:34, 30:34] = 0.05
    batch = Batch(torch.zeros(3, 4, 64, 64), target, target, inner, inner, torch.zeros(3, 4))
    assert lid_is_whole(batch).tolist() == [True, False, True]


def test_lid_tone_is_that_of_the_skin_over_the_lid() -> None:
    frame = torch.full((1, 4, 64, 64), 0.1)
    frame[:, 3] = 0
    frame[:, :, 20:40, 10:50] = torch.tensor([0.8, 0.6, 0.5, 1.0]).view(1, 4, 1, 1)
    assert torch.allclose(lid_tone(frame).flatten(), torch.tensor([0.8, 0.6, 0.5]), atol=0.07)
    frame[:, 3] = 0
    assert torch.allclose(lid_tone(frame), frame[:, :3].mean((2, 3), keepdim=True), atol=1e-5)


def test_dark_grey_lids_come_nearer_to_the_skin() -> None:
    skin = torch.tensor([0.7, 0.5, 0.4]).view(1, 3, 1, 1)
    frame, source = torch.zeros(1, 4, 64, 64), skin.expand(1, 3, 64, 64)
    frame[:, :3] = 0.55  # a grey highlight stretched over the lid
    painted = torch.full((1, 4, 64, 64), 0.4)
    assert torch.allclose(
        as_a_lid(painted, frame, source)[:, :3].mean((2, 3)).mean(), torch.tensor(0.4), atol=0.02
    )
    frame[:, 3, 20:44, 16:48] = 1
    red, _, blue = as_a_lid(painted, frame, source)[0, :3, 32, 32].tolist()
    assert red > blue and 0.45 < (red + blue) / 2 < 0.55
    bright = torch.full_like(painted, 0.6)
    assert float(as_a_lid(bright, frame, source)[0, :3, 32, 32].mean()) == pytest.approx(0.6, abs=0.01)


def test_batches_are_cut_to_what_may_be_painted() -> None:
    gate = torch.zeros(2, 1, 128, 128)
    gate[0, 0, 40, 20], gate[1, 0, 90, 100] = 1, 1
    batch = Batch(*MOUTH[:2], torch.rand(2, 3, 128, 128), gate, gate, MOUTH[2])
    rows, columns = batch.box()
    assert (rows, columns) == (slice(32, 96), slice(16, 112))
    cut = batch.cut(rows, columns)
    assert cut.frame.shape == (2, 4, 64, 96) and float(cut.gate.sum()) == 2


def test_held_out_samples_are_whole_blocks() -> None:
    training, held_out = split(3200)
    assert len(training) + len(held_out) == 3200 and not set(training) & set(held_out)
    assert 0.02 < len(held_out) / 3200 < 0.06
    assert all(len(set(held_out) & set(range(b * 32, b * 32 + 32))) in (0, 32) for b in range(100))
