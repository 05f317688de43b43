"""Every kind of number by hand; what is not there gives no number; what can't be is refused."""

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from fgnb.metrics import bootstrap, mcnemar, wilson
from fgnb.report import kinds


class Rows:
    """Arrays by reference, with the labels of the row ``a``."""

    def __init__(self, labels=None, **arrays):
        self.truth, self.arrays = labels, arrays

    def array(self, reference):
        found = self.arrays.get(reference.replace("/", "_"))
        return None if found is None else np.asarray(found)

    def labels(self, reference):
        return None if self.truth is None else np.asarray(self.truth)


ANSWERS = Rows(
    labels=[0, 1, 1, 0],
    a=[0, 1, 0, 0],
    b=[0, 0, 1, 1],
    probs=[[0.9, 0.1, 0], [0.5, 0.3, 0.2], [0.2, 0.3, 0.5], [0.1, 0.3, 0.6]],
)


@pytest.mark.parametrize(
    ("rule", "value"),
    [
        (kinds.accuracy("a"), 75.0),
        (kinds.accuracy("probs"), 25.0),
        (kinds.difference("a", "b"), 25.0),
        (kinds.rectified("a", "b"), 2.0),
        (kinds.spoiled("a", "b"), 1.0),
        (kinds.top_n("probs", n=2), 75.0),
        (kinds.mean_top1("probs"), 0.625),
        (kinds.count("a"), 4.0),
        (kinds.distinct("a"), 2.0),
        (kinds.quotient("a", "b"), 1.0),
        (kinds.part("a", "b"), 100.0),
        (kinds.exact("a"), 0.0),
    ],
)
def test_answers_by_hand(rule, value):
    found = rule(ANSWERS)
    assert found.value == pytest.approx(value)
    assert found.low <= found.value <= found.high
    assert found.n == 4


def test_several_fits_are_drawn_with_the_images_and_two_rows_share_the_draw():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, 40)
    rows = {name: rng.integers(0, 3, (5, 40)) for name in "ab"}
    rows["b"][:, :20] = rows["a"][:, :20]
    rows["one"] = rows["a"][0]
    source = Rows(labels=truth, **rows)
    right = {name: np.atleast_2d(array == truth) for name, array in rows.items()}
    for found, wanted in (
        (kinds.fits_accuracy("a")(source), bootstrap(right["a"])),
        (kinds.fits_accuracy("one")(source), bootstrap(right["one"])),
        (kinds.fits_difference("a", "b")(source),
         bootstrap(right["a"], right["b"], paired_seeds=True)),
    ):  # fmt: skip
        assert found[:3] == pytest.approx([100 * end for end in wanted])
        assert found.n == 40
        assert found.test is None, "fits are no images: McNemar's test would count them so"
    assert kinds.fits_difference("a", "a")(source)[:3] == (0.0, 0.0, 0.0)


def test_a_difference_carries_its_exact_test():
    found = kinds.difference("a", "b")(ANSWERS)
    right, other = (np.array(ANSWERS.arrays[name]) == ANSWERS.truth for name in "ab")
    assert found.test[:3] == (mcnemar(right, other), 2, 1)
    assert found.test.movable
    assert found.test.would_show == float("inf"), "nor be found"
    assert found.test.detectable == float("inf"), "four images can't show any step"
    assert kinds.accuracy("a")(ANSWERS).test is None


GRID_LABELS = np.array([0, 1, 1, 0])
GRID = np.empty((2, 2, 4), np.int16)
for (first, second), right in {(0, 0): 1, (0, 1): 2, (1, 0): 3, (1, 1): 1}.items():
    GRID[first, second] = np.where(np.arange(4) < right, GRID_LABELS, 1 - GRID_LABELS)


@pytest.mark.parametrize(
    ("rule", "value", "unit"),
    [
        (kinds.accuracy_range("grid", axis=0), 37.5, "points"),
        (kinds.regret("grid"), 25.0, "points"),
        (kinds.best_at("grid", "t_sc", axis=1), 0.7, "none"),
        (kinds.lowest("sure"), 0.6, "none"),
        (kinds.highest("sure"), 0.9, "none"),
        (kinds.calibration("sure", "answers"), 0.1, "ratio"),
    ],
)
def test_grids_and_calibration_by_hand(rule, value, unit):
    rows = Rows(labels=GRID_LABELS, grid=GRID, t_sc=[0.7, 0.5], sure=[0.9, 0.9, 0.6, 0.6])
    rows.arrays["answers"] = [0, 1, 1, 1]
    found = rule(rows)
    assert found.value == pytest.approx(value)
    assert rule.kind.unit == unit
    assert found.low <= found.value <= found.high


GAINS = Rows(
    labels=[0, 1, 1, 0, 1, 0],
    before=[1, 0, 1, 0, 1, 1],  # right: 2, 3, 4
    after=[0, 1, 1, 1, 1, 1],  # right: 0, 1, 2, 4
    unsure=[True, True, True, False, False, False],
    line=np.array([[0, 1, 1, 0, 1, 0], [1, 0, 0, 1, 0, 1]]),
)


@pytest.mark.parametrize(
    ("rule", "value", "n"),
    [
        (kinds.gain_within("after", "before", "unsure"), 100 * 2 / 3, 3),
        (kinds.gain_contrast("after", "before", "unsure"), 100 * (2 / 3 + 1 / 3), 6),
        (kinds.gap_to_best("after", "line"), -100 * 2 / 6, 6),
    ],
)
def test_gains_by_hand(rule, value, n):
    found = rule(GAINS)
    assert found.value == pytest.approx(value)
    assert (rule.kind.unit, found.n) == ("points", n)
    assert found.low <= found.value <= found.high


def test_a_group_that_is_empty_or_everybody_gives_no_contrast():
    for group in (np.zeros(6, bool), np.ones(6, bool)):
        rows = Rows(labels=GAINS.truth, **{**GAINS.arrays, "unsure": group})
        assert kinds.gain_contrast("after", "before", "unsure")(rows) is None


def test_a_share_is_in_percent_with_its_wilson_interval():
    hits = np.random.default_rng(0).random(40) < 0.5
    found = kinds.share("hits")(Rows(hits=hits))
    k = int(hits.sum())
    assert found[:3] == (100 * k / 40, *(100 * end for end in wilson(k, 40)))


def test_two_groups_of_images_have_newcombes_interval():
    # Newcombe 1998, table II, example (a): 56 of 70 and 48 of 80, method 10: 0.0524 to 0.3339.
    found = kinds.unpaired("a", "b")(Rows(a=np.arange(70) < 56, b=np.arange(80) < 48))
    assert found.value == pytest.approx(20.0)
    assert found[1:3] == pytest.approx((5.24, 33.39), abs=0.01)
    assert found.n == 150


def test_means_and_shares_by_image_differ_in_scale_alone():
    rng = np.random.default_rng(0)
    rows = Rows(chosen=rng.random(50), chance=rng.random(50) / 2)
    mean, share = kinds.mean("chosen")(rows), kinds.mean_share("chosen")(rows)
    assert mean.value == pytest.approx(rows.arrays["chosen"].mean())
    assert share[:3] == pytest.approx(tuple(100 * part for part in mean[:3]))
    gaps = rows.arrays["chosen"] - rows.arrays["chance"]
    over = kinds.excess("chosen", "chance")(rows)
    half = 196 * gaps.std() / np.sqrt(len(gaps))
    assert over[:3] == pytest.approx((v := 100 * gaps.mean(), v - half, v + half), abs=1.5)


def test_agreement_is_the_adjusted_rand_index_exact():
    rows = Rows(found=[0, 0, 1, 1, 1, 2], true=["a", "a", "b", "b", "c", "c"])
    found = kinds.agreement("found", "true")(rows)
    expected = adjusted_rand_score(rows.arrays["true"], rows.arrays["found"])
    assert found[:4] == pytest.approx((expected, expected, expected, 6))


def test_what_is_not_there_gives_no_number():
    assert kinds.accuracy("gone")(ANSWERS) is None
    assert kinds.excess("a", "gone")(ANSWERS) is None
    assert kinds.share("nobody")(Rows(nobody=np.zeros(0, bool))) is None
    assert kinds.accuracy("a")(Rows(a=[0, 1])) is None, "no labels, no accuracy"


def test_a_wrong_shape_and_a_wrong_number_of_references_are_refused():
    with pytest.raises(ValueError, match=r"a has shape \(4,\), needs \(..., 3\)"):
        kinds.accuracy("a")(Rows(labels=[0, 1, 1], a=[0, 1, 1, 0]))
    with pytest.raises(TypeError, match="difference takes 2 references"):
        kinds.difference("a")


def test_every_kind_names_its_unit_and_how_its_interval_comes_about():
    assert len(kinds.KINDS) >= 24
    assert all(kind.unit and ";" in kind.meaning for kind in kinds.KINDS.values())
    signed = {name for name, kind in kinds.KINDS.items() if kind.signed}
    assert {"difference", "excess", "unpaired", "gap_to_best"} <= signed
    assert "accuracy" not in signed


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (np.array([30_000, -30_000, 5], np.int16), np.array([-30_000, 30_000, 6], np.int16)),
        (np.array([1, 0, 3], np.uint8), np.array([2, 200, 1], np.uint8)),
        (np.array([True, False, True]), np.array([True, True, False])),
        (np.array([1.0, 0.1, 3.0], np.float16), np.array([1000.0, 0.5, 1.0], np.float16)),
        (np.array([0.1, 0.2, 0.7], np.float32), np.array([0.3, 0.1, 0.2], np.float32)),
    ],
)
def test_a_difference_of_narrow_numbers_is_that_of_wide_ones(a, b):
    wide = [values.astype(np.float32).tolist() for values in (a, b)]
    for kind in (kinds.change, kinds.excess):
        found = kind("a", "b")(Rows(a=a, b=b))
        expected = kind("a", "b")(Rows(a=wide[0], b=wide[1]))
        assert found[:4] == pytest.approx(expected[:4], rel=1e-5)
    if a.dtype == np.float32:  # as ever: in its own precision
        expected = float((a - b).astype(np.float64).mean())
        assert kinds.change("a", "b")(Rows(a=a, b=b)).value == expected
