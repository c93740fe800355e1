"""The drawing loops against plain geometry."""

from __future__ import annotations

import numpy as np
import pytest

from runtime.stages.rasterizing import (
    average_down,
    draw_mesh,
    draw_values,
    fill_map,
    fill_polygon,
    soft_field,
)


def blank(height: int = 40, width: int = 50) -> tuple[np.ndarray, np.ndarray]:
    return np.full((height, width), -1, np.float32), np.full((height, width), -1, np.float32)


def test_a_triangle_carries_an_affine_map() -> None:
    driven = np.array([[5, 4], [44, 8], [12, 35]], np.float32)
    matrix, shift = np.array([[0.7, 0.2], [-0.1, 1.3]]), np.array([3.0, 7.0])
    source = np.asarray(driven @ matrix.T + shift, np.float32)
    map_x, map_y = blank()
    triangles = np.array([[0, 1, 2]], np.int32)
    draw_mesh(driven, source, np.ones(3, np.float32), triangles, np.ones(1, np.uint8), map_x, map_y)
    rows, columns = np.nonzero(map_x >= 0)
    assert len(rows) == pytest.approx(0.5 * (39 * 31 - 7 * 4), rel=0.05)
    wanted = np.c_[columns, rows] @ matrix.T + shift
    assert np.allclose(map_x[rows, columns], wanted[:, 0], atol=1e-3)
    assert np.allclose(map_y[rows, columns], wanted[:, 1], atol=1e-3)


def test_neighbouring_triangles_leave_no_crack() -> None:
    random = np.random.default_rng(0)
    for _ in range(50):
        corner = np.array([[-9, -9], [70, -9], [70, 60], [-9, 60]], np.float32)
        points = np.vstack([corner, random.uniform(2, 38, (1, 2))]).astype(np.float32)
        triangles = np.array([[0, 1, 4], [1, 2, 4], [2, 3, 4], [3, 0, 4]], np.int32)
        map_x, map_y = blank()
        draw_mesh(points, points, np.ones(5, np.float32), triangles, np.ones(4, np.uint8), map_x, map_y)
        assert (map_x > -0.5).all()


def test_one_sided_triangles_hide_their_back() -> None:
    driven = np.array([[5, 4], [12, 35], [44, 8]], np.float32)
    map_x, map_y = blank()
    triangles = np.array([[0, 1, 2]], np.int32)
    draw_mesh(driven, driven, np.ones(3, np.float32), triangles, np.ones(1, np.uint8), map_x, map_y)
    assert (map_x == -1).all()
    draw_mesh(driven, driven, np.ones(3, np.float32), triangles, np.zeros(1, np.uint8), map_x, map_y)
    assert (map_x != -1).any()


def test_without_trust_the_map_stays() -> None:
    driven = np.array([[5, 4], [44, 8], [12, 35]], np.float32)
    map_x, map_y = blank()
    triangles = np.array([[0, 1, 2]], np.int32)
    draw_mesh(driven, driven, np.zeros(3, np.float32), triangles, np.ones(1, np.uint8), map_x, map_y)
    assert (map_x == -1).all()


def square(x0: float, y0: float, x1: float, y1: float) -> np.ndarray:
    return np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], np.float32)


def test_polygons_fill_pixel_centres_and_nothing_inside_out() -> None:
    out = np.zeros((40, 50), np.float32)
    fill_polygon(square(9.5, 4.5, 20.5, 30.5), 1.0, out)
    assert out.sum() == 11 * 26 and out[5:31, 10:21].all()
    out[:] = 0
    fill_polygon(square(9.5, 4.5, 20.5, 30.5)[::-1].copy(), 1.0, out)
    assert not out.any()


def test_an_overlapping_part_of_a_polygon_stays_empty() -> None:
    """An hourglass: the upper half runs clockwise, the lower half is turned inside out."""
    hourglass = np.array([[10, 4.5], [30, 4.5], [10, 30.5], [30, 30.5]], np.float32)
    out = np.zeros((40, 50), np.float32)
    fill_polygon(hourglass, 1.0, out)
    assert out[5:16].sum() > 100 and not out[19:].any()


def test_averaging_gives_coverage() -> None:
    fine = np.zeros((8, 8), np.float32)
    fine[:4, :2] = 1
    out = np.zeros((2, 2), np.uint8)
    average_down(fine, 4, 1.0, out)
    assert out.tolist() == [[128, 0], [0, 0]]
    average_down(fine, 4, 0.5, out)
    assert out[0, 0] == 64


def test_values_are_interpolated() -> None:
    points = np.array([[0, 0], [40, 0], [0, 30]], np.float32)
    out = np.full((40, 50), -1, np.float32)
    draw_values(points, np.array([0, 1, 0], np.float32), np.array([[0, 1, 2]], np.int32), out)
    assert out[5, 10] == pytest.approx(0.25, abs=1e-3) and out[0, 30] == pytest.approx(0.75, abs=1e-3)


def test_the_soft_field_carries_its_edge_and_fades() -> None:
    edge = square(100, 100, 200, 200)
    closed = np.ascontiguousarray(np.vstack([edge, edge[:1]]).T)
    moved = np.ascontiguousarray(np.broadcast_to(np.array([[4], [-2]], np.float32), closed.shape))
    out = np.empty((31, 31, 2), np.float32)
    window = np.ones((31, 31), np.float32)
    soft_field(closed, moved, np.zeros(2, np.float32), 10.0, 60.0, 4.0, window, out)
    assert np.allclose(out[10:21, 10:21], [4, -2], atol=1e-4)  # inside and on the edge
    assert np.allclose(out[15, 23], [2, -1], atol=1e-4)  # half-way out
    assert not out[:, :4].any() and not out[27:].any()  # beyond reach


def test_the_map_is_the_identity_where_nothing_moves() -> None:
    field = np.zeros((5, 6, 2), np.float32)
    field[2, 2] = [3, -1]
    map_x, map_y = blank()
    fill_map(field, 10.0, 100, 200, map_x, map_y)
    x, y = np.meshgrid(100 + np.arange(50), 200 + np.arange(40))
    still = np.ones((40, 50), bool)
    still[10:30, 10:30] = False
    assert np.array_equal(map_x[still], x[still]) and np.array_equal(map_y[still], y[still])
    assert map_x[20, 20] == pytest.approx(117) and map_y[20, 20] == pytest.approx(221)
    assert map_x[20, 25] == pytest.approx(125 - 1.5) and map_y[15, 20] == pytest.approx(215 + 0.5)
