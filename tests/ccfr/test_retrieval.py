"""The searching database against a loop over pairs."""

import numpy as np
import pytest

from fgnb.ccfr.retrieval import nearest


def slow_nearest(queries, database, k):
    """Loop over queries and database images; sort by (-similarity, row)."""
    rows = []
    for query in queries.astype(np.float64):
        scored = []
        for row, vector in enumerate(database.astype(np.float64)):
            cosine = query @ vector / (np.linalg.norm(query) * np.linalg.norm(vector))
            scored.append((-cosine, row))
        rows.append([row for _, row in sorted(scored)[:k]])
    return np.array(rows)


def test_neighbours_are_those_of_the_loop():
    rng = np.random.default_rng(0)
    queries, database = rng.normal(size=(7, 6)), rng.normal(size=(30, 6))
    labels = rng.integers(0, 5, 30)
    found = nearest(queries.astype(np.float32), database.astype(np.float32), labels, 8, chunk=3)
    assert np.array_equal(found.index, slow_nearest(queries, database, 8))
    assert np.array_equal(found.labels, labels[found.index])
    assert np.all(np.diff(found.sims, axis=1) <= 0)
    assert np.array_equal(found.predictions(), labels[found.index[:, 0]])


def test_equal_similarities_keep_the_order_of_rows_and_length_does_not_matter():
    database = np.array([[2, 0], [0, 1], [5, 0], [1, 0]], np.float32)
    found = nearest(np.array([[3, 0]], np.float32), database, np.array([4, 1, 7, 9]), 3)
    assert found.index.tolist() == [[0, 2, 3]]
    assert found.sims.tolist() == [[1.0, 1.0, 1.0]]


@pytest.mark.parametrize("k", [1, 7, 50, 299, 300])
def test_many_equal_similarities_are_in_the_order_of_a_stable_sort(k):
    rng = np.random.default_rng(1)
    queries, database = rng.integers(-1, 2, (20, 4)), rng.integers(-1, 2, (300, 4))
    left, right = (
        v / np.maximum(np.sqrt((v * v).sum(axis=1, keepdims=True)), np.float32(1e-12))
        for v in (queries.astype(np.float32), database.astype(np.float32))
    )
    sims = np.concatenate([left[:8] @ right.T, left[8:16] @ right.T, left[16:] @ right.T])
    order = np.argsort(-sims, axis=1, kind="stable")[:, :k]
    found = nearest(queries, database, np.arange(300), k, chunk=8)
    assert np.array_equal(found.index, order)
    assert np.array_equal(found.sims, np.take_along_axis(sims, order, axis=1))


def test_k_is_clipped_and_a_zero_vector_is_near_nothing():
    found = nearest(np.zeros((1, 2), np.float32), np.ones((3, 2), np.float32), np.arange(3), 50)
    assert found.sims.tolist() == [[0.0, 0.0, 0.0]]


def test_shapes_are_checked():
    with pytest.raises(ValueError, match=r"queries is \(1, 2\), database \(3, 4\)"):
        nearest(np.ones((1, 2)), np.ones((3, 4)), np.arange(3))
    with pytest.raises(ValueError, match=r"labels is \(2,\); \(3,\) is needed"):
        nearest(np.ones((1, 4)), np.ones((3, 4)), np.arange(2))
    with pytest.raises(ValueError, match="k is 0, needs at least 1"):
        nearest(np.ones((1, 4)), np.ones((3, 4)), np.arange(3), 0)
    with pytest.raises(ValueError, match="queries holds nan or infinity"):
        nearest(np.full((1, 4), np.nan), np.ones((3, 4)), np.arange(3))


def test_arrays_that_cannot_be_written_are_searched_and_left_alone(recwarn):
    database = np.eye(3, dtype=np.float32) * 2
    database.flags.writeable = False
    found = nearest(database, database, np.arange(3), 1)
    assert found.index[:, 0].tolist() == [0, 1, 2]
    assert (database == np.eye(3) * 2).all()
    assert not recwarn.list
