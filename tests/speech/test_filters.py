from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from runtime.speech.filters import Edge, gaussian_filter, maximum_filter, percentile_filter, uniform_filter

RANDOM = np.random.default_rng(5)
SIGNAL = RANDOM.normal(size=5000)


@pytest.mark.parametrize("mode", ["reflect", "nearest"])
@pytest.mark.parametrize("order", [0, 1])
@pytest.mark.parametrize(("sigma", "rows"), [(0.5, 40), (3.0, 40), (12.5, 20), (12.5, 1)])
def test_the_bell_curve_is_scipys(sigma: float, rows: int, order: int, mode: Edge) -> None:
    values = RANDOM.normal(size=(rows, 4))
    theirs = ndimage.gaussian_filter1d(values, sigma, axis=0, order=order, mode=mode)
    ours = gaussian_filter(values, sigma, order, mode)  # type: ignore[arg-type]
    np.testing.assert_allclose(ours, theirs, atol=1e-12)
    assert gaussian_filter(values.astype(np.float32), sigma).dtype == np.float32


@pytest.mark.parametrize(("size", "rows"), [(1, 10), (6, 40), (7, 40), (50, 5000), (50, 20)])
def test_means_and_maxima_are_scipys(size: int, rows: int) -> None:
    values = SIGNAL[:rows]
    np.testing.assert_allclose(
        uniform_filter(values, size), ndimage.uniform_filter1d(values, size), atol=1e-12
    )
    np.testing.assert_array_equal(maximum_filter(values, size), ndimage.maximum_filter1d(values, size))


@pytest.mark.parametrize("percentile", [10, 50, 95])
@pytest.mark.parametrize(("size", "rows"), [(75, 5000), (74, 100), (40, 40)])
def test_percentiles_are_scipys(percentile: int, size: int, rows: int) -> None:
    values = SIGNAL[:rows].astype(np.float32)
    theirs = ndimage.percentile_filter(values, percentile, size=size, mode="nearest")
    np.testing.assert_array_equal(percentile_filter(values, percentile, size), theirs)
