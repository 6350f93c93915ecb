"""Factors in real 2 x 2 blocks solve what scipy solves, on forests and on meshes, with slopes and without."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import coo_array, csc_array
from scipy.sparse.linalg import spsolve

from gridmodel.engine.factors import Stamps, elimination_order, factorise, stamps_of

NODES = 40


def admittance(pairs: list[tuple[int, int]], seed: int) -> csc_array:
    """Of lines between pairs of nodes, with shunts; a transformer of a shift makes some pairs unequal."""
    drawn, (near, far) = np.random.default_rng(seed), np.array(pairs).T
    y = drawn.uniform(1.0, 9.0, len(pairs)) - 1j * drawn.uniform(1.0, 9.0, len(pairs))
    turn = np.exp(1j * np.where(drawn.random(len(pairs)) < 0.3, np.deg2rad(150.0), 0.0))
    nodes = np.arange(NODES)
    rows = np.concatenate([near, far, near, far, nodes])
    columns = np.concatenate([near, far, far, near, nodes])
    shunts = drawn.uniform(0.0, 0.1, NODES) * 1j
    return csc_array(coo_array((np.concatenate([y, y, -y * turn, -y / turn, shunts]), (rows, columns))))


def tree(seed: int) -> list[tuple[int, int]]:
    drawn = np.random.default_rng(seed)
    return [(int(drawn.integers(0, node)), node) for node in range(1, NODES)]


def mesh(seed: int) -> list[tuple[int, int]]:
    drawn = np.random.default_rng(seed)
    more = [tuple(drawn.choice(NODES, 2, replace=False).tolist()) for _ in range(25)]
    return tree(seed) + more


def laid_out(pairs: list[tuple[int, int]], sources: list[int], seed: int) -> tuple[csc_array, Stamps]:
    matrix = admittance(pairs, seed)
    order = elimination_order(matrix, np.array(sources))
    assert sorted(order.tolist()) == [node for node in range(NODES) if node not in sources]
    return csc_array(matrix[order][:, order]), stamps_of(matrix, order)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("sources", [[0], [3, 17]])
@pytest.mark.parametrize(("pairs_of", "forest"), [(tree, True), (mesh, False)])
def test_solves_what_scipy_solves(pairs_of, forest: bool, sources: list[int], seed: int) -> None:  # type: ignore[no-untyped-def]
    matrix, stamps = laid_out(pairs_of(seed), sources, seed)
    assert stamps.is_forest == forest
    right = np.random.default_rng(seed).normal(size=(2, matrix.shape[0])).T @ [1.0, 1j]
    np.testing.assert_allclose(factorise(stamps).solve(right), spsolve(matrix, right), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("pairs_of", [tree, mesh])
def test_slopes_are_taken_off_the_diagonal_as_real_blocks(pairs_of) -> None:  # type: ignore[no-untyped-def]
    matrix, stamps = laid_out(pairs_of(7), [0], 7)
    drawn, size = np.random.default_rng(7), matrix.shape[0]
    slopes, right = drawn.normal(size=(size, 4)) * 0.3, drawn.normal(size=(size, 2))
    dense = matrix.toarray()
    real = np.empty((2 * size, 2 * size))
    real[0::2, 0::2], real[0::2, 1::2] = dense.real, -dense.imag
    real[1::2, 0::2], real[1::2, 1::2] = dense.imag, dense.real
    for row in range(size):
        real[2 * row : 2 * row + 2, 2 * row : 2 * row + 2] -= slopes[row].reshape(2, 2)
    expected = np.linalg.solve(real, right.ravel()).reshape(size, 2)
    found = factorise(stamps, slopes).solve(right @ [1.0, 1j])
    np.testing.assert_allclose(np.stack([found.real, found.imag], axis=1), expected, rtol=1e-9, atol=1e-11)


def test_a_forest_has_no_fill_and_a_ring_little() -> None:
    _, chain = laid_out([(node, node + 1) for node in range(NODES - 1)], [0], 1)
    assert len(chain.row) == NODES - 2
    ring = [(node, (node + 1) % NODES) for node in range(NODES)] + [(0, 20)]
    _, ringed = laid_out(ring, [1], 1)
    assert NODES - 2 < len(ringed.row) < 2 * NODES


def test_parallel_lines_do_not_make_a_forest_a_mesh() -> None:
    _, stamps = laid_out([*tree(3), *tree(3)], [0], 3)
    assert stamps.is_forest


def test_a_singular_matrix_is_refused() -> None:
    floating = csc_array(np.array([[1.0, -1.0, 0.0], [-1.0, 1.0, 0.0], [0.0, 0.0, 1.0]], dtype=complex))
    with pytest.raises(ZeroDivisionError):
        factorise(stamps_of(floating, np.array([0, 1])))
