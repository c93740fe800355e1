"""How movements and masks pass from nothing to all."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def smoothstep(x: NDArray[Any]) -> NDArray[Any]:
    """0 at 0 and below, 1 at 1 and above, level at both ends; of x's floating dtype."""
    x = np.clip(x, 0, 1)
    return np.asarray(x * x * (3 - 2 * x))
