"""The head model, for the tests that need it. It is not part of the project."""

from __future__ import annotations

import pytest

pytest.importorskip("numba")

from training.heads.facekit import DEFAULT_PATH, FaceKit, load_facekit


@pytest.fixture(scope="session")
def kit() -> FaceKit:
    if not (DEFAULT_PATH / "ict_facekit.npz").exists():
        pytest.skip("ICT-FaceKit is not here")
    return load_facekit()
