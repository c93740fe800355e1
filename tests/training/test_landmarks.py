"""Losses, sampling and targets of the landmark network and the face detector. They need torch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from runtime.stages.face_detection import _decode
from runtime.stages.landmarks import COUNT, CROP_SIZE, CROP_TEMPLATE, GROUPS, LIP_COUNT, LIP_LOWER, LIP_UPPER
from training.detector.pictures import Face, targets
from training.heads.collection import HeadCollection
from training.heads.facekit import FaceKit
from training.heads.scene import HeadRenderer
from training.landmarks.generate_mouths import SIDE, render_group
from training.landmarks.network import LandmarkNetwork, standardised
from training.landmarks.train import loss_of, point_weights, sampling_weights
from training.landmarks.train_refine import Aim, Batches, cut_mouth, errors, spoil


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


def _dotted_mouth() -> tuple[np.ndarray, np.ndarray]:
    """A black picture with a white dot at each mouth corner and the landmarks (116, 2) of its face."""
    points = np.zeros((COUNT, 2), np.float32)
    places = CROP_TEMPLATE * 300
    for group, place in (("eye_right", 0), ("eye_left", 1), ("nose", 2)):
        points[GROUPS[group]] = places[place]
    across = np.cos(np.linspace(0, 2 * np.pi, 21)[:20])
    down = np.sin(np.linspace(0, 2 * np.pi, 21)[:20])
    for group, width in (("lip_outer", 38), ("lip_inner", 30)):
        points[GROUPS[group]] = places[3:].mean(axis=0) + np.stack([-width * across, -8 * down], axis=1)
    image = np.zeros((300, 300, 3), np.uint8)
    for x, y in points[[0, 10]].astype(int):
        image[y - 2 : y + 3, x - 2 : x + 3] = 255
    return image, points


def test_lips_stay_on_what_they_mark_in_a_missed_and_bent_crop() -> None:
    image, points = _dotted_mouth()
    rng = np.random.default_rng(5)
    bent = [cut_mouth(image, points, Aim(bend=6), rng) for _ in range(12)]
    assert np.ptp([lips[0, 0] for _, lips in bent]) > 8
    for crop, lips in bent:
        x, y = np.round(lips[0]).astype(int)
        assert crop[y, x].min() > 127


def test_spoiling_leaves_a_picture() -> None:
    image, points = _dotted_mouth()
    crop, _ = cut_mouth(image, points, Aim(), np.random.default_rng(0))
    spoilt = [spoil(crop, np.random.default_rng(seed)) for seed in range(12)]
    assert all(other.shape == crop.shape and 0 <= other.min() <= other.max() <= 255 for other in spoilt)
    assert len({float(other.sum()) for other in spoilt}) == 12


def test_errors_are_in_the_given_unit() -> None:
    truth = np.zeros((2, LIP_COUNT, 2), np.float32)
    found = truth.copy()
    found[:, 20:, 0] = 3
    found[0, LIP_LOWER, 1] = 4
    measured = errors(found, truth, np.array([2.0, 2.0]))
    assert measured["lip_outer"] == 0
    assert measured["lip_inner"] == pytest.approx((31 * 3 + 9 * 5) / 40 / 2)
    assert measured["opening"] == pytest.approx(1.0)


def test_mouths_are_rendered_from_near_by(kit: FaceKit, tmp_path: Path) -> None:
    images, landmarks = render_group(HeadRenderer(kit), seed=9, group=0)
    lips = landmarks[:, GROUPS["lip_outer"]]
    assert np.abs(lips.mean(axis=1) - (SIDE - 1) / 2).max() < 1
    assert 0.3 * SIDE < np.ptp(lips[..., 0], axis=1).mean() < 0.7 * SIDE
    assert len({image.tobytes() for image in images}) == 16
    mouths = HeadCollection(np.tile(images, (33, 1, 1, 1)), np.tile(landmarks, (33, 1, 1)), tmp_path)
    pictures, target = Batches(mouths, mouths, seed=0).next()
    assert pictures.shape[1:] == (3, CROP_SIZE, CROP_SIZE)
    assert target.shape == (len(pictures), LIP_COUNT, 2)
    assert float(((target > 0) & (target < CROP_SIZE)).float().mean()) > 0.98
