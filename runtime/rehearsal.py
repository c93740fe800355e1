"""What every film waits for before its first frame, done ahead of it: libraries, networks, compiled loops.

A face of the mean shape on a grey picture goes through all stages with a second of noise; nothing is kept of it.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from runtime.contract import RenderOptions

SIDE = 256  # of the picture, pixels
EYES_APART = 64  # pixels
SECONDS = 1.0


def rehearse(options: RenderOptions) -> Iterator[str]:
    """Yield the name of each part that is done; who has no more time stops asking."""
    from runtime import pipeline
    from runtime.inference.packs import ModelPack
    from runtime.media.audio import ANALYSIS_RATE
    from runtime.media.colour import yuv420_frame
    from runtime.memory import give_back_memory
    from runtime.stages.audio_encoding import AudioEncoder
    from runtime.stages.image_encoding import Portrait
    from runtime.stages.motion_field import MotionField
    from runtime.stages.performance import perform
    from runtime.stages.texture_rendering import TextureRenderer

    yield "libraries"
    engine = pipeline.engine_for(ModelPack.load(), options)
    sessions = engine.sessions
    yield "image encoding"
    noise = np.random.default_rng(0).normal(0, 0.1, round(SECONDS * ANALYSIS_RATE)).astype(np.float32)
    track = AudioEncoder(sessions).encode(noise)
    yield "audio encoding"
    motion = perform(track, SECONDS, options)
    field = MotionField(sessions, sessions.pack)
    landmarks = np.asarray(EYES_APART * field.mesh.landmark_mean + [SIDE / 2, 0.45 * SIDE], np.float32)
    picture = np.full((SIDE, SIDE, 3), 128, np.uint8)
    sure = np.ones(len(landmarks), np.float32)
    portrait = Portrait(picture, landmarks, sure, (0, 0, SIDE, SIDE), 0.0, 0.0, 0.0, 1, ())
    engine.image_encoder.follow(picture, landmarks)
    face = field.bind(portrait)
    yield "motion field"
    texture = TextureRenderer(sessions).bind(portrait, face)
    yield "texture rendering"
    # All features move, so that every network and loop has its turn.
    rows = motion.rows(0, pipeline.batch_size(face.region, sessions.providers[0]))
    meshes = face.frames(
        np.full_like(rows.expression, 0.7), np.zeros_like(rows.closure), rows.head, np.ones_like(rows.amount)
    )
    regions = texture.render(meshes)
    yuv420_frame(pipeline.Compositor(picture, face.region).compose(regions[0]))
    give_back_memory()
    yield "frames"
