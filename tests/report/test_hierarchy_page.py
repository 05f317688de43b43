"""What the page on the multi-level loss records follows from its arrays; Fig. 3 from its groups."""

import numpy as np
import pytest

from fgnb.data import cub
from fgnb.nn.weights import weights_info
from fgnb.report import collect, hierarchy, rederive, rederive_comparisons

N_CLASSES, PARENTS = 5, np.array([0, 0, 1, 1, 0])


@pytest.fixture
def images(write_cub):
    return cub.load(write_cub(classes=N_CLASSES, train=5, test=4), name="drawn")


def predictions(images, query, seed):
    """Made-up predictions over the images of a mask, as a multi-level run keeps them."""
    rng = np.random.default_rng(seed)
    rows, base = np.flatnonzero(query), np.flatnonzero(images.train & ~query)
    probs = rng.dirichlet([0.4] * N_CLASSES, len(rows)).astype(np.float32)
    return {
        "query_ids": images.ids[rows],
        "query_labels": images.labels[rows],
        "query_probs": probs,
        "query_parent_probs": rng.dirichlet([0.4] * 2, len(rows)).astype(np.float32),
        "parents": PARENTS,
        "database_embedding": rng.random((len(base), 4)).astype(np.float32),
        "database_labels": images.labels[base],
    }


@pytest.fixture
def folds(images):
    return {
        "held_out": tuple(predictions(images, images.held_out(0), seed) for seed in (1, 2)),
        "test": tuple(predictions(images, ~images.train, seed) for seed in (3, 4)),
    }


@pytest.fixture
def recorded(images, folds):
    arrays = hierarchy.arrays_of(images, **folds, parent_weight=0.5)
    provenance = collect(
        "ccfr/3-1-multi-level-loss",
        preset="smoke",
        images=images,
        seconds=1.0,
        test_reads=1,
        modules=["fgnb.ccfr.multilevel_stage"],
        weights=weights_info("resnet18", "random"),
        seeds=[0],
    )
    spec = dict.fromkeys((*hierarchy.RECIPE, "seed"), 1)
    return arrays, hierarchy.results_of(arrays, spec=spec, provenance=provenance)


def test_each_result_is_that_of_a_loop_over_the_answers(recorded, folds, images):
    arrays, results = recorded
    value = {r.claim: r.value for part in results.values() for r in part}
    plain, multi = folds["test"]
    for name, run in (("cross-entropy", plain), ("multi-level", multi)):
        right = [
            max(range(N_CLASSES), key=lambda c, p=p: p[c]) == label
            for p, label in zip(run["query_probs"], run["query_labels"], strict=True)
        ]
        assert value[f"own.ccfr.multi-level.{name}"] == pytest.approx(100 * np.mean(right))
    right = [
        int(p[1] > p[0]) == PARENTS[label]
        for p, label in zip(multi["query_parent_probs"], multi["query_labels"], strict=True)
    ]
    assert value["own.ccfr.multi-level.super-class"] == pytest.approx(100 * np.mean(right))
    assert value["ccfr.fig3"] == 2
    assert value["ccfr.setting.lambda"] == 0.5
    assert value["own.ccfr.multi-level.step"] == pytest.approx(
        value["own.ccfr.multi-level.multi-level"] - value["own.ccfr.multi-level.cross-entropy"]
    )
    for part in results.values():
        for result in part:
            assert rederive(result, arrays)[0] == pytest.approx(result.value)
            assert len(rederive_comparisons(result, arrays)) == len(result.comparisons)


def test_equation_3_fires_where_a_loop_says_so(recorded, folds):
    arrays, results = recorded
    run = folds["held_out"][1]
    for reading, result in zip(("mean", "sum"), results["hinge"], strict=True):
        slow = []
        for p, q, label in zip(
            run["query_probs"], run["query_parent_probs"], run["query_labels"], strict=True
        ):
            held = [p[c] for c in range(N_CLASSES) if PARENTS[c] == PARENTS[label]]
            total = sum(held) / (len(held) if reading == "mean" else 1)
            slow.append(total > q[PARENTS[label]])
        assert arrays[f"held_out_fires_{reading}"].tolist() == slow
        assert result.value == pytest.approx(100 * np.mean(slow))
    assert results["hinge"][0].value < results["hinge"][1].value


def test_errors_inside_a_super_class_are_counted_beside_chance(recorded, folds):
    arrays, _ = recorded
    run = folds["held_out"][0]
    inside, chance = [], []
    for p, label in zip(run["query_probs"], run["query_labels"], strict=True):
        answer = int(p.argmax())
        if answer != label:
            inside.append(PARENTS[answer] == PARENTS[label])
            others = [c for c in range(N_CLASSES) if c != label]
            chance.append(np.mean([PARENTS[c] == PARENTS[label] for c in others]))
    assert inside
    assert arrays["errors_inside"].tolist() == inside
    np.testing.assert_allclose(arrays["errors_inside_by_chance"], chance)


def test_a_classifier_without_errors_has_no_row_of_errors(images, folds, recorded):
    plain, multi = folds["held_out"]
    sure = np.eye(N_CLASSES, dtype=np.float32)[plain["query_labels"]]
    folds["held_out"] = ({**plain, "query_probs": sure}, multi)
    arrays = hierarchy.arrays_of(images, **folds, parent_weight=0.5)
    provenance = recorded[1]["rows"][0].provenance
    results = hierarchy.results_of(
        arrays, spec=dict.fromkeys(hierarchy.RECIPE, 1), provenance=provenance
    )
    assert not any("errors" in r.claim for r in results["groups"])


def test_runs_over_different_images_are_refused(images, folds):
    plain, multi = folds["test"]
    folds["test"] = ({**plain, "query_ids": plain["query_ids"][::-1]}, multi)
    with pytest.raises(ValueError, match="test holds two runs that answer different images"):
        hierarchy.arrays_of(images, **folds, parent_weight=0.5)


def test_published_values_are_the_ledgers(recorded):
    labels = [result.label for result in recorded[1]["rows"][:2]]
    assert hierarchy.published() == dict(zip(labels, (84.5, 85.2), strict=True))


def test_figure_3_names_every_class_in_its_super_class(images):
    angles = np.array([0.0, 0.1, 1.5, 1.4, 0.2])
    means = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    figure = hierarchy.super_classes(images, PARENTS, means)
    assert "super class 1: Kind 1, Kind 2, Kind 5; super class 2: Kind 3, Kind 4" in figure.alt
    assert "2 of the 2 super classes are a branch" in figure.alt
    torn = hierarchy.super_classes(images, np.array([0, 1, 1, 0, 0]), means)
    assert "0 of the 2 super classes are a branch" in torn.alt
    tree = figure.subfigs[1].axes[0]
    assert sorted(text.get_text() for text in tree.get_yticklabels()) == [
        "Kind 1  1", "Kind 2  1", "Kind 3  2", "Kind 4  2", "Kind 5  1",
    ]  # fmt: skip
    assert sum(len(axes.images) for axes in figure.subfigs[0].axes) == N_CLASSES
    assert figure.png()[:4] == b"\x89PNG"


def test_figure_3_needs_a_super_class_and_a_mean_for_each_class(images):
    with pytest.raises(ValueError, match=r"parents has shape \(4,\) and means \(5, 2\)"):
        hierarchy.super_classes(images, PARENTS[:4], np.ones((5, 2)))
