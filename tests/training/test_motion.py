"""The motion field's mesh, training pairs and training. They need ICT-FaceKit, which is not part of the project."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs requirements-train.txt")

from runtime.inference.packs import ModelPack  # noqa: E402
from runtime.stages.landmarks import FLIP, GROUPS, LIP_LOWER, LIP_UPPER, head_rotation  # noqa: E402
from runtime.stages.mesh import EYE, INTERIOR, FaceMesh  # noqa: E402
from training.heads.contact import Contact  # noqa: E402
from training.heads.facekit import FaceKit  # noqa: E402
from training.motion.geometry import CanonicalFrame, Heads, Projector  # noqa: E402
from training.motion.sampling import MAX_NOISE, PairSampler, landmark_errors  # noqa: E402
from training.motion.topology import Topology, build_topology  # noqa: E402
from training.motion.train import Models, Trainer  # noqa: E402


@pytest.fixture(scope="module")
def contact(kit: FaceKit) -> Contact:
    return Contact(kit)


@pytest.fixture(scope="module")
def topology(kit: FaceKit, contact: Contact) -> Topology:
    return build_topology(kit, contact)


@pytest.fixture(scope="module")
def sampler(kit: FaceKit, contact: Contact, topology: Topology) -> PairSampler:
    return PairSampler(kit, contact, topology)


def test_the_bundled_mesh_is_the_one_that_is_built(topology: Topology) -> None:
    bundled = FaceMesh.load(ModelPack.load().asset("mesh"))
    assert np.array_equal(bundled.triangles, topology.mesh.triangles)
    assert np.allclose(bundled.mean, topology.mesh.mean, atol=1e-5)


def test_the_surface_is_one_sheet_with_three_holes(topology: Topology) -> None:
    mesh = topology.mesh
    skin = mesh.triangles[~np.isin(mesh.layers, (EYE, INTERIOR))]
    edges = Counter(
        tuple(sorted((int(a), int(b)))) for t in skin for a, b in zip(t, np.roll(t, -1), strict=True)
    )
    assert set(edges.values()) == {1, 2}
    alone = [edge for edge, count in edges.items() if count == 1]
    loops = [mesh.boundary, mesh.mouth_loop, *mesh.eye_loops]
    around = {
        tuple(sorted((int(a), int(b))))
        for loop in loops
        for a, b in zip(loop, np.roll(loop, -1), strict=True)
    }
    assert set(alone) == around
    used = np.unique(skin)
    assert len(used) - len(edges) + len(skin) == 1 - 3  # Euler: a disc with three holes


def test_upper_and_lower_lip_share_only_the_corners(topology: Topology) -> None:
    mesh = topology.mesh
    skin = mesh.triangles[~np.isin(mesh.layers, (EYE, INTERIOR))]
    upper, lower = set(mesh.mouth_loop[1:20].tolist()), set(mesh.mouth_loop[21:].tolist())
    assert not any(upper & set(t) and lower & set(t) for t in skin.tolist())


def test_projector_agrees_with_the_head_model(kit: FaceKit, contact: Contact, topology: Topology) -> None:
    random = np.random.default_rng(3)
    identity = random.standard_normal(100).astype(np.float32)
    weights = kit.full_weights(random.random(25).astype(np.float32) * 0.7)
    closure, yaw, pitch, distance = 0.6, 0.2, -0.1, 90.0
    blink = (weights[kit.expression_index("eyeBlink_R")], weights[kit.expression_index("eyeBlink_L")])
    head = contact.resolve(kit.expressed(kit.individuals(identity[None])[0], weights), closure, blink)
    turned = head[topology.vertices] @ head_rotation(yaw, pitch, 0).T
    wanted = turned[:, :2] * [1, -1] * (distance / (distance - turned[:, 2:]))
    values = (identity, weights, closure, yaw, pitch, distance)
    heads = Heads(*(torch.tensor(np.asarray(value, np.float32))[None] for value in values))
    found = Projector(kit, contact, topology.vertices)(heads)[0].numpy()
    assert np.abs(found - wanted).max() < 2e-3


def test_canonical_frame_is_the_runtimes(topology: Topology) -> None:
    random = np.random.default_rng(0)
    points = topology.mesh.landmark_mean * 83 + random.standard_normal((116, 2)).astype(np.float32) + 40
    wanted = topology.mesh.frame(points)(points)
    batched = torch.from_numpy(points)[None]
    found = CanonicalFrame(batched, torch.from_numpy(topology.mesh.landmark_mean))(batched)[0].numpy()
    assert np.abs(found - wanted).max() < 1e-4


def test_pairs_repeat_with_their_seed_and_hold_together(sampler: PairSampler, topology: Topology) -> None:
    first = sampler.batch(64, np.random.default_rng(5))
    again = sampler.batch(64, np.random.default_rng(5))
    assert torch.equal(first.landmarks, again.landmarks) and torch.equal(first.driven, again.driven)
    clean = sampler.batch(64, np.random.default_rng(5), noisy=False)
    known = topology.mesh.landmark_node >= 0
    nodes = clean.source[:, topology.mesh.landmark_node[known].astype(np.int64)]
    assert torch.allclose(nodes, clean.landmarks[:, np.flatnonzero(known)], atol=2e-3)
    still = (first.drive[:, 26:] == 0).all(dim=1)
    teeth = topology.mesh.upper_teeth.astype(np.int64)
    assert torch.allclose(first.source[still][:, teeth], first.driven[still][:, teeth], atol=1e-4)


def test_closed_pairs_are_closed(sampler: PairSampler) -> None:
    batch = sampler.batch(256, np.random.default_rng(6), noisy=False)
    closed = batch.expression[:, 25] == 1
    gaps = batch.landmarks[closed][:, LIP_LOWER, 1] - batch.landmarks[closed][:, LIP_UPPER, 1]
    assert closed.sum() > 50 and gaps.abs().mean() < 0.01


def test_landmark_errors_have_the_promised_size() -> None:
    errors = landmark_errors(torch.zeros(4000, 116, 2), np.random.default_rng(0))
    face = errors[:, : GROUPS["jaw"].start]
    assert 0.3 * MAX_NOISE < float(face.std()) < MAX_NOISE
    assert float(errors[:, GROUPS["jaw"]].std()) > 2 * float(face.std())
    lips = errors[:, GROUPS["lip_inner"], 0]
    assert float(torch.corrcoef(lips.T)[0, 1]) > 0.25  # neighbours err together


def test_the_mean_face_is_symmetric(topology: Topology) -> None:
    mean = topology.mesh.landmark_mean
    assert np.abs(mean[FLIP] * [-1, 1] - mean).max() < 0.02


def test_training_learns_and_resumes(sampler: PairSampler, topology: Topology, tmp_path: Path) -> None:
    torch.manual_seed(0)
    trainer = Trainer(tmp_path, sampler, Models.new(topology), seed=0)
    trainer._set_rate(0.0)
    losses = []
    for step in range(25):
        trainer._set_rate(step / 50)
        losses.append(float(sum(trainer._update().values())))
    assert np.mean(losses[-5:]) < 0.9 * np.mean(losses[:5])
    trainer.save()
    resumed = Trainer(tmp_path, sampler, Models.new(topology), seed=0)
    assert resumed.step == 25
    for own, other in zip(trainer.models.parameters(), resumed.models.parameters(), strict=True):
        assert torch.equal(own, other)
    assert sampler.batch(4, trainer.random).drive.equal(sampler.batch(4, resumed.random).drive)
