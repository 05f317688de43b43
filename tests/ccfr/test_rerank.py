"""Equations 8 and 9 by hand, against loops written from the paper, and at their edges."""

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fgnb.ccfr import rerank, rerank_neighbors
from fgnb.ccfr.rerank import topm_neighbors


def slow_rerank(probs, sims, labels, *, topn, topm, t_sf, t_sc, alpha, beta, gate):
    """Scores of the topn classes of one query, {class: score}, straight from the equations."""
    classes = sorted(range(len(probs)), key=lambda c: (-probs[c], c))[:topn]
    nearest = sorted(range(len(sims)), key=lambda row: (-sims[row], row))[:topm]
    similarity = dict.fromkeys(classes, 0.0)
    counted = 0
    for row in nearest:
        if labels[row] in similarity and sims[row] > t_sc:
            similarity[labels[row]] += sims[row]
            counted += 1
    whole = 0.0
    for c in classes:
        whole += similarity[c]
    if counted == 0 or whole == 0.0:
        return {c: probs[c] for c in classes}
    if gate == "sample" and max(probs) >= t_sf:
        return {c: probs[c] for c in classes}
    return {
        c: probs[c]
        if gate == "class" and probs[c] >= t_sf
        else alpha * probs[c] + beta * (similarity[c] / whole)
        for c in classes
    }


# Few distinct values, so that ties and thresholds on stored values are the rule.
LEVELS = st.sampled_from([0.0, 0.05, 0.1, 0.25, 0.3, 0.45, 0.5, 0.7, 0.9, 1.0])
SIMILARITIES = st.sampled_from([-0.75, -0.5, 0.0, 0.1, 0.3, 0.5, 0.7, 0.75, 1.0])


@st.composite
def problems(draw):
    q, c, n = draw(st.integers(1, 4)), draw(st.integers(1, 6)), draw(st.integers(1, 9))

    def matrix(values, rows, columns):
        return draw(
            st.lists(
                st.lists(values, min_size=columns, max_size=columns), min_size=rows, max_size=rows
            )
        )

    def row():
        """Twentieths that sum to 1."""
        cuts = draw(st.lists(st.integers(0, 20), min_size=c - 1, max_size=c - 1))
        ends = [0, *sorted(cuts), 20]
        return [(high - low) / 20 for low, high in itertools.pairwise(ends)]

    return (
        [row() for _ in range(q)],
        matrix(SIMILARITIES, q, n),
        draw(st.lists(st.integers(0, c - 1), min_size=n, max_size=n)),
        {
            "topn": draw(st.integers(1, 7)),
            "topm": draw(st.integers(1, 11)),
            "t_sf": draw(LEVELS | st.just(float(np.float32(0.3)))),
            "t_sc": draw(SIMILARITIES),
            "alpha": draw(st.sampled_from([0.0, 0.5, 1.0])),
            "beta": draw(st.sampled_from([0.0, 0.5, 1.0])),
            "gate": draw(st.sampled_from(["sample", "class"])),
        },
    )


@settings(max_examples=300, deadline=None, derandomize=True)
@given(problems(), st.sampled_from([torch.float32, torch.float64]))
def test_scores_are_those_of_the_loops(problem, dtype):
    probs, sims, labels, setting = problem
    probs, sims = torch.tensor(probs, dtype=dtype), torch.tensor(sims, dtype=dtype)
    kept = probs.clone(), sims.clone()
    scores = rerank(probs, sims, torch.tensor(labels), **setting)
    assert scores.dtype == torch.float64
    assert scores.shape == probs.shape
    assert scores.isfinite().all()
    assert torch.equal(probs, kept[0])
    assert torch.equal(sims, kept[1])
    for row, p, s in zip(scores.tolist(), probs.tolist(), sims.tolist(), strict=True):
        expected = slow_rerank(p, s, labels, **setting)
        assert {c: row[c] for c in expected} == expected
        rest = [c for c in sorted(range(len(p)), key=lambda c: (-p[c], c)) if c not in expected]
        if rest:
            assert max(row[c] for c in rest) < min(expected.values())
        assert sorted(rest, key=lambda c: (-row[c], c)) == rest


@settings(max_examples=100, deadline=None, derandomize=True)
@given(problems())
def test_known_neighbours_give_the_same_scores(problem):
    probs, sims, labels, setting = problem
    sims, labels = torch.tensor(sims), torch.tensor(labels)
    order = sims.argsort(dim=1, descending=True, stable=True)
    assert torch.equal(
        rerank_neighbors(torch.tensor(probs), sims.gather(1, order), labels[order], **setting),
        rerank(torch.tensor(probs), sims, labels, **setting),
    )


def test_a_case_by_hand():
    # Two unsure classes; of the four neighbours one is at T_sc (out) and one is of class 2 (out).
    probs = torch.tensor([[0.45, 0.40, 0.10, 0.05]])
    sims = torch.tensor([[0.5, 0.75, 0.875, 0.625]])
    labels = torch.tensor([0, 1, 2, 0])
    scores = rerank(probs, sims, labels, topn=2, t_sf=0.5, t_sc=0.5, alpha=0.5, beta=2.0)
    expected = [0.5 * 0.45 + 2 * 0.625 / 1.375, 0.5 * 0.40 + 2 * 0.75 / 1.375]
    assert scores[0, :2].tolist() == pytest.approx(expected, rel=1e-7)
    assert scores[0].argsort(descending=True).tolist() == [1, 0, 2, 3]


def test_a_probability_at_t_sf_is_kept_and_one_below_is_not():
    probs = torch.tensor([[0.6, 0.4]])
    stored = float(probs[0, 0])
    just_over = math.nextafter(stored, 1.0)
    case = (torch.tensor([[0.9]]), torch.tensor([1]))
    assert rerank(probs, *case, t_sf=stored, t_sc=0.0).argmax() == 0
    assert rerank(probs, *case, t_sf=just_over, t_sc=0.0).argmax() == 1


def test_a_similarity_at_t_sc_does_not_count_and_one_over_it_does():
    sims = torch.tensor([[0.7]])
    stored = float(sims[0, 0])
    just_under = math.nextafter(stored, 0.0)
    probs, labels = torch.tensor([[0.6, 0.4]]), torch.tensor([1])
    assert rerank(probs, sims, labels, t_sf=0.9, t_sc=stored).tolist() == probs.tolist()
    assert rerank(probs, sims, labels, t_sf=0.9, t_sc=just_under).argmax() == 1


def test_the_gates_differ_as_the_text_and_equation_8_do():
    # Class 0 is at T_sf: the text keeps the query, equation 8 lets S_c of class 1 overtake.
    probs, sims = torch.tensor([[0.5, 0.3, 0.2]]), torch.tensor([[0.9, 0.8]])
    labels = torch.tensor([1, 1])
    setting = {"t_sf": 0.5, "t_sc": 0.0}
    assert rerank(probs, sims, labels, **setting).tolist() == probs.tolist()
    by_class = rerank(probs, sims, labels, **setting, gate="class")
    assert by_class[0].tolist() == [0.5, 1.0, 0.0]


def test_topm_cuts_ties_in_row_order_and_topn_in_column_order():
    probs = torch.tensor([[0.25, 0.25, 0.25, 0.25]])
    sims, labels = torch.full((1, 4), 0.5), torch.tensor([2, 1, 1, 3])
    scores = rerank(probs, sims, labels, topn=2, topm=2, t_sf=0.9, t_sc=0.0)
    assert scores[0, :2].tolist() == [0.0, 1.0]
    assert scores[0, 0] > scores[0, 2] > scores[0, 3]


def test_opposite_similarities_leave_equation_9_undefined():
    probs, sims = torch.tensor([[0.6, 0.4]]), torch.tensor([[0.5, -0.5]])
    scores = rerank(probs, sims, torch.tensor([1, 0]), t_sf=0.9, t_sc=-1.0)
    assert scores.tolist() == probs.tolist()


def test_no_database_no_query_one_class():
    probs = torch.tensor([[0.6, 0.4]])
    empty = torch.zeros(1, 0), torch.zeros(0, dtype=torch.int64)
    assert rerank(probs, *empty, t_sf=0.9, t_sc=0.0).tolist() == probs.tolist()
    none = rerank(torch.zeros(0, 3), torch.zeros(0, 2), torch.tensor([0, 2]), t_sf=1, t_sc=0)
    assert none.shape == (0, 3)
    one = rerank(torch.ones(1, 1), torch.ones(1, 2), torch.tensor([0, 0]), t_sf=2, t_sc=0)
    assert one.tolist() == [[1.0]]


def test_half_precision_and_zeros_for_topn_and_topm():
    probs = torch.tensor([[0.5, 0.25, 0.25]], dtype=torch.float16)
    sims, labels = torch.tensor([[0.5, 0.75]], dtype=torch.bfloat16), torch.tensor([0, 1])
    scores = rerank(probs, sims, labels, topn=0, topm=0, t_sf=0.9, t_sc=0.0)
    assert scores.argmax() == 0
    assert scores.dtype == torch.float64


@pytest.mark.parametrize("levels", [3, 20, 10_000])
def test_topm_is_a_stable_sort_cut_off(levels):
    sims = torch.from_numpy(np.random.default_rng(0).integers(0, levels, (20, 300)) / levels)
    for topm in (1, 7, 50, 300, 400):
        values, index = topm_neighbors(sims, topm)
        order = np.argsort(-sims.numpy(), axis=1, kind="stable")[:, :topm]
        assert np.array_equal(index.numpy(), order)
        assert torch.equal(values, sims.gather(1, index))


GOOD = {
    "probs": torch.tensor([[0.6, 0.4]]),
    "sims": torch.tensor([[0.5, 0.4, 0.3]]),
    "labels": torch.tensor([0, 1, 1]),
    "t_sf": 0.5,
    "t_sc": 0.5,
}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"probs": torch.ones(2)}, r"probs has shape \(2,\), needs \(Q, C\)"),
        ({"probs": torch.ones(1, 0)}, r"probs has shape \(1, 0\)"),
        ({"probs": torch.ones(1, 2, dtype=torch.int64)}, "probs has dtype torch.int64"),
        ({"probs": torch.tensor([[math.nan, 1]])}, "probs holds nan"),
        ({"sims": torch.ones(2, 3)}, r"sims has shape \(2, 3\), needs \(1, N\)"),
        ({"sims": torch.tensor([[math.nan, 1, 1]])}, "sims holds nan"),
        ({"labels": torch.tensor([0, 1])}, r"labels has shape \(2,\), needs \(3,\)"),
        ({"labels": torch.tensor([0, 1, 2])}, "labels runs from 0 to 2, .* 0 to 1"),
        ({"labels": torch.tensor([0, -1, 1])}, "labels runs from -1 to 1"),
        ({"labels": torch.tensor([0.0, 1.0, 1.0])}, "labels has dtype torch.float32"),
        ({"gate": "image"}, "gate is 'image', needs one of sample, class"),
        ({"topn": -1}, "topn is -1"),
        ({"topm": 2.5}, "topm is 2.5"),
        ({"alpha": math.inf}, "alpha is inf"),
        ({"t_sc": math.nan}, "t_sc is nan"),
    ],
)
def test_each_fault_is_named(change, message):
    with pytest.raises(ValueError, match=message):
        rerank(**(GOOD | change))


def test_known_neighbours_must_descend_and_match():
    probs, labels = torch.tensor([[0.6, 0.4]]), torch.tensor([[0, 1]])
    with pytest.raises(ValueError, match="sims does not descend"):
        rerank_neighbors(probs, torch.tensor([[0.4, 0.5]]), labels, t_sf=0.5, t_sc=0.5)
    with pytest.raises(ValueError, match=r"labels has shape \(1, 2\), needs \(1, 3\)"):
        rerank_neighbors(probs, torch.ones(1, 3), labels, t_sf=0.5, t_sc=0.5)
