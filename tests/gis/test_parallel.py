"""Work in parts gives what one call over the whole gives, in its order."""

from __future__ import annotations

import gc

import numpy as np
import pytest
import shapely

from gis.parallel import in_parts, query_pairs, without_collector

MANY = 50_001  # enough for several parts, none of equal size


def points() -> np.ndarray:
    return np.asarray(shapely.points(np.random.default_rng(1).random((MANY, 2)) * 300.0))


@pytest.mark.parametrize("cores", ["1", "2", "3", "none"])
def test_parts_are_the_whole(cores: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", cores)
    places = points()
    assert np.array_equal(in_parts(shapely.get_x, places), shapely.get_x(places))
    boxes = shapely.buffer(places, 0.5, quad_segs=1)
    tree = shapely.STRtree(places)
    found, whole = np.array(query_pairs(tree, boxes)), tree.query(boxes)
    assert np.array_equal(found[:, np.lexsort(found)], whole[:, np.lexsort(whole)])


def test_nothing_at_all_is_nothing() -> None:
    assert len(in_parts(shapely.get_x, np.array([], dtype=object))) == 0


def test_the_collector_is_back_after_a_fault() -> None:
    assert gc.isenabled()
    with pytest.raises(ValueError, match="x"), without_collector():
        assert not gc.isenabled()
        raise ValueError("x")
    assert gc.isenabled()
