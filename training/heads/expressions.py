"""Random faces: expression weights, lip closure, gaze and blinks, with the moments of speech well represented."""

from __future__ import annotations

import numpy as np

from training.heads.facekit import FaceKit, Floats

_MOUTH_SHAPES = (  # name, how often, how strong at most
    ("mouthSmile", 0.35, 1.0),
    ("mouthFrown", 0.12, 0.9),
    ("mouthFunnel", 0.15, 0.9),
    ("mouthPucker", 0.15, 1.0),
    ("mouthStretch", 0.12, 0.9),
    ("mouthDimple", 0.1, 0.8),
    ("mouthUpperUp", 0.22, 0.9),
    ("mouthLowerDown", 0.25, 0.9),
    ("mouthPress", 0.1, 0.8),
    ("mouthRollLower", 0.1, 0.8),
    ("mouthRollUpper", 0.1, 0.8),
    ("mouthShrugLower", 0.1, 0.8),
    ("mouthShrugUpper", 0.1, 0.8),
    ("mouthLeft", 0.06, 0.7),
    ("mouthRight", 0.06, 0.7),
    ("jawLeft", 0.06, 0.7),
    ("jawRight", 0.06, 0.7),
    ("jawForward", 0.07, 0.7),
    ("cheekSquint", 0.2, 0.9),
    ("cheekPuff", 0.04, 0.7),
    ("noseSneer", 0.1, 0.8),
)


class ExpressionSampler:
    """Draws expression weights (53,) with a closure."""

    def __init__(self, kit: FaceKit) -> None:
        self.index = {name: i for i, name in enumerate(kit.expression_names)}

    def sample(self, rng: np.random.Generator) -> tuple[Floats, float]:
        """(53,) weights in 0..1.15, and the lip closure 0..1."""
        weights = np.zeros(len(self.index), np.float32)
        closure = self._mouth(weights, rng)
        self._eyes(weights, rng)
        for name in ("browDown", "browInnerUp", "browOuterUp"):
            if rng.random() < 0.25:
                self._add(weights, rng, name, rng.random(), 0.3)
        return np.clip(weights, 0, 1.15), closure

    def _add(
        self, weights: Floats, rng: np.random.Generator, name: str, value: float, uneven: float = 0.08
    ) -> None:
        """Add to a shape, or to both sides of a paired one, a little unevenly."""
        if name in self.index:
            weights[self.index[name]] += value
            return
        difference = rng.normal(0, uneven) * value
        weights[self.index[name + "_L"]] += value + difference
        weights[self.index[name + "_R"]] += value - difference

    def _mouth(self, weights: Floats, rng: np.random.Generator) -> float:
        mode = rng.random()
        if mode < 0.15:  # at rest, lips touching or just parted
            return float(rng.random() < 0.6)
        strength = 1.0
        closure = 0.0
        if mode > 0.85:  # a smile that shows the teeth, as so many portraits have
            self._add(weights, rng, "mouthSmile", rng.uniform(0.5, 1.1))
            self._add(weights, rng, "mouthUpperUp", rng.uniform(0.15, 0.8))
            self._add(weights, rng, "mouthLowerDown", rng.uniform(0.1, 0.8))
            self._add(weights, rng, "jawOpen", rng.uniform(0, 0.16))
            strength = 0.3
        elif mode < 0.32:  # closed in some shape
            closure, strength = 1.0, 0.8
            self._add(weights, rng, "jawOpen", rng.random() * 0.25)
        elif mode < 0.58:  # barely open: what speech is made of
            strength = 0.45
            self._add(weights, rng, "jawOpen", rng.random() * 0.2)
            closure = rng.random() * 0.9 if rng.random() < 0.5 else 0.0
        elif rng.random() < 0.75:
            self._add(weights, rng, "jawOpen", rng.beta(1.1, 1.9) * (1.0 if rng.random() < 0.85 else 1.25))
        for name, likely, most in _MOUTH_SHAPES:
            if rng.random() < likely:
                self._add(weights, rng, name, rng.random() * most * strength)
        jaw = float(weights[self.index["jawOpen"]])
        if closure == 0 and jaw > 0.05 and rng.random() < 0.1:
            self._add(weights, rng, "mouthClose", rng.random() * jaw)
        return closure

    def _eyes(self, weights: Floats, rng: np.random.Generator) -> None:
        mode = rng.random()
        if mode < 0.2:  # half closed
            self._add(weights, rng, "eyeBlink", rng.uniform(0.3, 0.9))
        elif mode < 0.36:
            self._add(weights, rng, "eyeBlink", rng.beta(0.8, 0.8), 0.08 if rng.random() < 0.9 else 0.9)
        elif mode < 0.52:
            self._add(weights, rng, "eyeWide", rng.random() * 0.9, 0.1)
        if rng.random() < 0.3:
            self._add(weights, rng, "eyeSquint", rng.random() * 0.9, 0.15)
        across, up = rng.normal(0, 0.35), rng.normal(0, 0.25)
        outer, inner = ("L", "R") if across > 0 else ("R", "L")
        weights[self.index[f"eyeLookOut_{outer}"]] += abs(across)
        weights[self.index[f"eyeLookIn_{inner}"]] += abs(across)
        for side in "LR":
            weights[self.index[("eyeLookUp_" if up > 0 else "eyeLookDown_") + side]] += abs(up)
