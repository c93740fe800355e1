"""Losses, sampling and targets of the landmark network and the face detector. They need torch."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from runtime.stages.face_detection import _decode
from runtime.stages.landmarks import COUNT, CROP_SIZE, GROUPS, LIP_LOWER, LIP_UPPER
from training.detector.pictures import Face, targets
from training.landmarks.network import LandmarkNetwork, standardised
from training.landmarks.train import loss_of, point_weights, sampling_weights


def _points(count: int = 3) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).uniform(10, 110, (count, COUNT, 2)).astype(np.float32))


def test_the_network_answers_in_crop_pixels() -> None:
    torch.manual_seed(0)
    with torch.inference_mode():
        points, error = LandmarkNetwork().eval()(torch.rand(2, 3, CROP_SIZE, CROP_SIZE) * 255)
    assert points.shape == (2, COUNT, 2)
    assert error.shape == (2, COUNT)
    assert points.min() >= 0
    assert points.max() <= CROP_SIZE - 1
    assert (error > 0).all()


def test_exposure_does_not_matter() -> None:
    picture = torch.rand(1, 3, 16, 16) * 200
    assert torch.allclose(standardised(picture), standardised(picture + 40), atol=1e-3)
    assert torch.allclose(standardised(picture), standardised(picture * 0.9), atol=0.02)


def test_the_loss_is_least_at_the_truth_and_grows_with_the_error() -> None:
    truth, scale, weights = _points(), torch.ones(3, COUNT), point_weights()
    losses = [float(loss_of(truth + shift, scale, truth, weights)) for shift in (0.0, 1.0, 3.0)]
    assert losses[0] < losses[1] < losses[2]


def test_a_wrong_lip_gap_costs_more_than_a_shifted_mouth() -> None:
    truth, scale, weights = _points(), torch.ones(3, COUNT), point_weights()
    shifted, opened = truth.clone(), truth.clone()
    shifted[:, np.concatenate([LIP_UPPER, LIP_LOWER]), 1] += 1
    opened[:, LIP_UPPER, 1] -= 1
    opened[:, LIP_LOWER, 1] += 1
    assert float(loss_of(opened, scale, truth, weights)) > float(loss_of(shifted, scale, truth, weights))


def test_points_outside_the_crop_do_not_count() -> None:
    truth, scale, weights = _points(), torch.ones(3, COUNT), point_weights()
    truth[:, GROUPS["jaw"]] = CROP_SIZE + 30
    far = truth.clone()
    far[:, GROUPS["jaw"]] -= 50
    assert float(loss_of(far, scale, truth, weights)) == pytest.approx(
        float(loss_of(truth, scale, truth, weights)), abs=1e-5
    )


def test_toothy_smiles_are_drawn_more_often() -> None:
    landmarks = np.zeros((2, COUNT, 2), np.float32)
    landmarks[:, GROUPS["eye_right"].start] = (30, 40)
    landmarks[:, GROUPS["eye_left"].start] = (90, 40)
    inner = GROUPS["lip_inner"].start
    landmarks[:, inner + 10] = (40, 90)
    landmarks[:, inner] = (40, 90)
    landmarks[1, inner] = (80, 90)
    landmarks[1, LIP_LOWER, 1] += 8
    plain, smile = sampling_weights(landmarks)
    assert smile > 2 * plain


def test_the_runtime_reads_the_detectors_targets_back() -> None:
    faces = [
        Face(np.array([60.0, 70.0], np.float32), 50.0, np.full((5, 2), 66.0, np.float32)),
        Face(np.array([150.0, 40.0], np.float32), 16.0, np.full((5, 2), 149.0, np.float32)),
    ]
    heat, geometry, weight = targets(faces)
    assert weight.max() == 1
    found = sorted(_decode(heat, geometry), key=lambda face: -face.size)
    assert len(found) == 2
    for face, truth in zip(found, faces, strict=True):
        assert face.score == 1
        assert np.abs(face.centre - truth.centre).max() <= 4
        assert face.size == pytest.approx(truth.size, rel=1e-4)
        assert np.allclose(face.points, truth.points, atol=1e-3)
