"""Write the trained networks and the mesh into a model pack."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import torch

from runtime.quantization.half_weights import with_half_weights
from training.exporting import write_onnx
from training.motion.evaluate import measure, opening_gain
from training.packing import add_asset, add_graph

if TYPE_CHECKING:
    from training.motion.sampling import PairSampler
    from training.motion.train import Models

log = logging.getLogger("training.motion")

RECIPE = (
    "pairs of states of heads made on the fly from ICT-FaceKit's shape modes and expressions (MIT licence, USC "
    "Institute for Creative Technologies), with landmark errors of up to 1.5 % of the ipd; no photographs"
)


def export_models(
    models: Models, sampler: PairSampler, pack: Path, work: Path, seed: int, steps: int
) -> dict[str, Any]:
    """Measure on held-out heads, then add mesh_source, mesh_motion and the mesh to the pack; returns the figures."""
    gain = opening_gain(models, sampler)
    figures = measure(models, sampler, gain)
    record = {
        "command": f"python -m training.motion.train --work DIR --steps {steps}, then --work DIR --export PACK",
        "seed": seed,
        "data": RECIPE,
        "metrics": {**figures, "steps": steps},
        "licence": "Apache-2.0",
    }
    mesh = models.topology.mesh
    landmarks = torch.from_numpy(mesh.landmark_mean)[None].repeat(2, 1, 1)
    drive = torch.zeros(2, 28)
    source, motion = work / "mesh_source.onnx", work / "mesh_motion.onnx"
    write_onnx(models.source, {"landmarks": landmarks}, ["nodes", "expression"], source)
    write_onnx(models.motion, {"landmarks": landmarks, "drive": drive}, ["offsets"], motion)
    for path in (source, motion):
        onnx.save(with_half_weights(onnx.load(str(path))), str(path))
    mesh.save(work / "mesh.npz", opening_gain=np.float32(gain))
    add_graph(pack, "mesh_source", source, record)
    add_graph(pack, "mesh_motion", motion, record)
    add_asset(
        pack,
        "mesh",
        work / "mesh.npz",
        {"data": "indices and canonical mean of our own mesh", "licence": "Apache-2.0"},
    )
    for name, value in figures.items():
        log.info("%s: %s", name, value)
    return figures
