"""Stage 2 on the demo portrait, moved, turned, shrunk, doubled and spoilt."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from runtime.contract import RuntimeProblem
from runtime.inference.packs import ModelPack
from runtime.inference.sessions import Sessions
from runtime.media.image import load_image
from runtime.stages.face_detection import OVERLAP, SIDE, _starts, _tiles
from runtime.stages.image_encoding import ImageEncoder, Portrait, face_box
from runtime.stages.landmark_reading import cut
from runtime.stages.landmarks import COUNT, GROUPS, ipd, mirrored, mouth_opening

Image = NDArray[np.uint8]
PORTRAIT = Path(__file__).resolve().parents[2] / "_assets" / "demo_portrait.jpg"
IRISES = (
    (0.385, 0.402),
    (0.613, 0.402),
)  # of the demo portrait, read off the picture; fractions of its sides


@pytest.fixture(scope="module")
def encoder() -> ImageEncoder:
    pack = ModelPack.load()
    for name in ("face_detector", "landmarks"):
        if not pack.has(name):
            pytest.skip(f"the bundled pack has no {name} yet")
    return ImageEncoder(Sessions(pack, provider="cpu", threads=1))


@pytest.fixture(scope="module")
def photo() -> Image:
    return np.asarray(cv2.resize(load_image(PORTRAIT), (640, 640), interpolation=cv2.INTER_AREA), np.uint8)


@pytest.fixture(scope="module")
def portrait(encoder: ImageEncoder, photo: Image) -> Portrait:
    return encoder.encode(photo)


def test_the_face_is_where_it_is(portrait: Portrait) -> None:
    expected = np.array(IRISES) * 640
    assert np.abs(portrait.landmarks[GROUPS["iris"]] - expected).max() < 0.05 * 146
    assert portrait.face_count == 1
    assert mouth_opening(portrait.landmarks) < 0.05
    x0, y0, x1, y1 = portrait.box
    assert x0 < expected[0, 0] < expected[1, 0] < x1
    assert y0 < expected[0, 1] < portrait.landmarks[GROUPS["lip_outer"], 1].max() < y1
    assert np.degrees([portrait.yaw, portrait.roll]) == pytest.approx((0, 0), abs=6)
    assert 0 < portrait.confidence.min() <= portrait.confidence.max() <= 1


def test_the_mirror_image_gives_mirrored_landmarks(
    encoder: ImageEncoder, photo: Image, portrait: Portrait
) -> None:
    other = encoder.encode(np.ascontiguousarray(photo[:, ::-1]))
    apart = np.linalg.norm(mirrored(other.landmarks, 640) - portrait.landmarks, axis=1)
    assert apart.mean() < 0.02 * ipd(portrait.landmarks)
    assert other.yaw == pytest.approx(-portrait.yaw, abs=np.radians(3))


def test_a_turned_picture_is_a_turned_head(encoder: ImageEncoder, photo: Image, portrait: Portrait) -> None:
    clockwise = cv2.getRotationMatrix2D((320, 320), -20, 1.0)
    turned = np.asarray(
        cv2.warpAffine(photo, clockwise, (640, 640), borderMode=cv2.BORDER_REPLICATE), np.uint8
    )
    found = encoder.encode(turned)
    assert np.degrees(found.roll - portrait.roll) == pytest.approx(20, abs=4)
    expected = portrait.moved(clockwise, turned)
    apart = np.linalg.norm(found.landmarks - expected.landmarks, axis=1)
    assert apart.mean() < 0.03 * ipd(portrait.landmarks)
    assert expected.roll - portrait.roll == pytest.approx(np.radians(20))


@pytest.mark.parametrize("size", [256, 1400])
def test_the_same_face_at_other_sizes(
    encoder: ImageEncoder, photo: Image, portrait: Portrait, size: int
) -> None:
    scaled = np.asarray(cv2.resize(photo, (size, size), interpolation=cv2.INTER_AREA), np.uint8)
    found = encoder.encode(scaled)
    back = (found.landmarks + 0.5) * (640 / size) - 0.5
    assert np.linalg.norm(back - portrait.landmarks, axis=1).mean() < 0.02 * ipd(portrait.landmarks)


def _beside(first: Image, second: Image, canvas: tuple[int, int] = (700, 1400)) -> Image:
    picture = np.full((*canvas, 3), 90, np.uint8)
    picture[: first.shape[0], : first.shape[1]] = first
    picture[-second.shape[0] :, -second.shape[1] :] = second
    return picture


def test_the_largest_of_two_faces_wins(encoder: ImageEncoder, photo: Image) -> None:
    small = np.asarray(cv2.resize(photo, (380, 380), interpolation=cv2.INTER_AREA), np.uint8)
    found = encoder.encode(_beside(small, photo))
    assert found.face_count == 2
    assert "several_faces" in {finding.code for finding in found.findings}
    assert found.landmarks[:, 0].min() > 700


def test_a_small_face_in_a_large_picture_is_found(encoder: ImageEncoder, photo: Image) -> None:
    small = np.asarray(cv2.resize(photo, (150, 150), interpolation=cv2.INTER_AREA), np.uint8)
    picture = np.full((1000, 1300, 3), (120, 140, 110), np.uint8)
    picture[300:450, 900:1050] = small
    found = encoder.encode(picture)
    assert np.abs(found.landmarks.mean(axis=0) - (975, 375)).max() < 40
    assert "face_small" in {finding.code for finding in found.findings}


def test_a_face_under_48_pixels_is_refused(encoder: ImageEncoder, photo: Image) -> None:
    tiny = np.asarray(cv2.resize(photo, (72, 72), interpolation=cv2.INTER_AREA), np.uint8)
    picture = np.full((300, 300, 3), (120, 140, 110), np.uint8)
    picture[120:192, 120:192] = tiny
    with pytest.raises(RuntimeProblem) as problem:
        encoder.encode(picture)
    assert problem.value.code == "face_too_small"
    assert "48" in problem.value.sentence


@pytest.mark.parametrize("kind", ["grey", "noise", "gradient", "upside down"])
def test_no_face(encoder: ImageEncoder, photo: Image, kind: str) -> None:
    rng = np.random.default_rng(1)
    pictures = {
        "grey": np.full((400, 300, 3), 128, np.uint8),
        "noise": rng.integers(0, 256, (400, 300, 3)).astype(np.uint8),
        "gradient": np.broadcast_to(np.linspace(0, 255, 300)[None, :, None], (400, 300, 3)).astype(np.uint8),
        "upside down": np.ascontiguousarray(photo[::-1]),
    }
    with pytest.raises(RuntimeProblem) as problem:
        encoder.encode(pictures[kind])
    assert problem.value.code == "no_face"


def test_faults_of_the_picture_are_named(encoder: ImageEncoder, photo: Image) -> None:
    def codes(picture: np.ndarray) -> set[str]:
        return {finding.code for finding in encoder.encode(picture.astype(np.uint8)).findings}

    assert not codes(photo) & {
        "face_dark",
        "face_overexposed",
        "face_blurred",
        "several_faces",
        "face_cropped",
    }
    assert "face_dark" in codes(photo * 0.2)
    assert "face_blurred" in codes(cv2.GaussianBlur(photo, (0, 0), 8))


def test_a_portrait_is_remembered(encoder: ImageEncoder, photo: Image) -> None:
    first = encoder.encode(photo)
    assert encoder.encode(photo.copy()) is first
    assert encoder.encode(np.ascontiguousarray(photo[:, 1:])) is not first


def test_a_large_picture_is_shrunk_without_aliasing() -> None:
    stripes = np.zeros((1280, 1280, 3), np.uint8)
    stripes[:, ::2] = 255
    crop = cut(stripes, np.array([[0.1, 0, 0.0], [0, 0.1, 0.0]]))
    assert crop.std() < 6
    assert crop.mean() == pytest.approx(127, abs=4)


def test_a_crop_shows_the_place_it_names() -> None:
    picture = np.zeros((1000, 1000, 3), np.uint8)
    picture[600:640, 400:440] = 255
    matrix = np.array([[0.25, 0, -60.0], [0, 0.25, -90.0]])
    rows, columns = np.nonzero(cut(picture, matrix)[..., 0] > 127)
    middle = matrix[:, :2] @ [419.5, 619.5] + matrix[:, 2]
    assert (columns.mean(), rows.mean()) == pytest.approx(tuple(middle), abs=0.4)


@pytest.mark.parametrize(("width", "height"), [(100, 60), (192, 192), (384, 300), (1536, 700)])
def test_tiles_cover_the_picture(width: int, height: int) -> None:
    image = np.random.default_rng(2).integers(0, 255, (height, width, 3)).astype(np.uint8)
    tiles, corners = _tiles(image)
    seen = np.zeros((height, width), bool)
    for tile, (left, top) in zip(tiles, np.array(corners, int), strict=True):
        assert tile.shape == (3, SIDE, SIDE)
        x0, y0, x1, y1 = max(left, 0), max(top, 0), min(left + SIDE, width), min(top + SIDE, height)
        part = tile[:, y0 - top : y1 - top, x0 - left : x1 - left]
        assert np.array_equal(part.transpose(1, 2, 0), image[y0:y1, x0:x1])
        seen[y0:y1, x0:x1] = True
    assert seen.all()


@pytest.mark.parametrize("length", [193, 300, 768, 1536])
def test_neighbouring_tiles_overlap(length: int) -> None:
    starts = _starts(length)
    assert starts[0] == 0
    assert starts[-1] == length - SIDE
    assert max(np.diff(starts)) <= SIDE - OVERLAP


def test_the_face_box_stays_in_the_picture() -> None:
    landmarks = np.random.default_rng(3).uniform(-50, 300, (COUNT, 2)).astype(np.float32)
    x0, y0, x1, y1 = face_box(landmarks, (200, 100))
    assert 0 <= x0 < x1 <= 99
    assert 0 <= y0 < y1 <= 199
