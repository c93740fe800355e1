"""PyTorch modules as ONNX graphs, all written the same way."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

OPSET = 18


def write_onnx(
    module: nn.Module,
    inputs: Mapping[str, Tensor],
    outputs: list[str],
    path: Path,
    axes: Mapping[str, Mapping[int, str]] | None = None,
) -> None:
    """Write a module, in eval mode, as a graph that takes `inputs` (examples of them) by name and gives `outputs`.

    The first axis of all of them is the batch; `axes` names further ones that may have any length.
    """
    torch.onnx.export(
        module.eval(),
        tuple(inputs.values()),
        str(path),
        input_names=list(inputs),
        output_names=outputs,
        dynamic_axes={name: {0: "batch", **(axes or {}).get(name, {})} for name in (*inputs, *outputs)},
        opset_version=OPSET,
        dynamo=False,
    )
