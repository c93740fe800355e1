"""MediaPipe Face Mesh as a filter: raw RGB frames on standard input, face-mesh points on standard output.

Runs alone (`PYTHON mediapipe_worker.py WIDTH HEIGHT still|film`) under any interpreter that has mediapipe and numpy, so
that the runtime needs neither. Each frame is WIDTH x HEIGHT x 3 bytes; each answer is 478 x 2 little-endian float32,
(x, y) in pixels with (0, 0) the centre of the top-left pixel, or NaN where no face is seen. "still" looks at every
frame afresh, "film" tracks from frame to frame.
"""

from __future__ import annotations

import os
import sys

import numpy as np

POINTS = 478


def main() -> None:
    width, height, mode = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # the library writes to standard output on its own
    from mediapipe.python.solutions.face_mesh import FaceMesh

    with FaceMesh(
        static_image_mode=mode == "still",
        refine_landmarks=True,
        max_num_faces=1,
        min_detection_confidence=0.3,
        min_tracking_confidence=0.3,
    ) as net:
        while len(raw := sys.stdin.buffer.read(width * height * 3)) == width * height * 3:
            faces = net.process(np.frombuffer(raw, np.uint8).reshape(height, width, 3)).multi_face_landmarks
            points = np.full((POINTS, 2), np.nan, "<f4")
            if faces:
                points[:] = [(mark.x * width - 0.5, mark.y * height - 0.5) for mark in faces[0].landmark]
            answers.write(points.tobytes())
            answers.flush()


if __name__ == "__main__":
    main()
