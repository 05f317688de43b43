"""What the page on the multi-level loss says follows from its arrays; Fig. 3 from its groups."""

from types import SimpleNamespace

import numpy as np
import pytest

from fgnb import ccfr, presets
from fgnb.data import cub
from fgnb.nn.weights import weights_info
from fgnb.pages.ccfr import multi_level
from fgnb.pages.ccfr.multi_level import super_classes
from fgnb.report import records
from fgnb.report.sheet import Sheet

N_CLASSES, PARENTS = 5, np.array([0, 0, 1, 1, 0])
OWN = multi_level.OWN


@pytest.fixture
def images(write_cub):
    return cub.load(write_cub(classes=N_CLASSES, train=5, test=4), name="drawn")


def predictions(images, query, seed):
    """Made-up predictions over the images of a mask, as a multi-level run keeps them."""
    rng = np.random.default_rng(seed)
    rows, base = np.flatnonzero(query), np.flatnonzero(images.train & ~query)
    return {
        "query_ids": images.ids[rows],
        "query_labels": images.labels[rows],
        "query_probs": rng.dirichlet([0.4] * N_CLASSES, len(rows)).astype(np.float32),
        "query_parent_probs": rng.dirichlet([0.4] * 2, len(rows)).astype(np.float32),
        "parents": PARENTS,
        "query_embedding": rng.random((len(rows), 4)).astype(np.float32),
        "database_ids": images.ids[base],
        "database_embedding": rng.random((len(base), 4)).astype(np.float32),
        "database_labels": images.labels[base],
    }


@pytest.fixture
def runs(images):
    folds = {"plain": (~images.train, 3), "multi-level": (~images.train, 4)}
    folds |= {
        "plain-held-out": (images.held_out(0), 1),
        "multi-level-held-out": (images.held_out(0), 2),
    }
    spec = {"image_size": 24, "crop_ratio": 1.0}
    return {
        row: SimpleNamespace(predictions=predictions(images, query, seed), spec=spec)
        for row, (query, seed) in folds.items()
    }


def sheet_of(images, runs):
    """The page's sheet of these runs, as `Page.add` makes it."""
    weights = weights_info("resnet18", "random")
    context = records.Context("ccfr", "smoke", images, weights, "drawn")
    more = multi_level.arrays(images, runs)
    sheet = Sheet("ccfr")
    for row, run in runs.items():
        kept = records.answers_of(run) | more.get(row, {})
        record = records.of_set(context, row, kept, multi_level.CODE)
        record.origin.spec["parent_weight"] = 0.5
        sheet.add(record)
    multi_level.derive(sheet, None)
    return sheet


def values(sheet):
    """Claim -> value, of the first number with it."""
    numbers = [number for table in multi_level.TABLES for number in table.numbers]
    frame = sheet.numbers(numbers).drop_duplicates("claim")
    return dict(zip(frame["claim"], frame["value"], strict=True))


def test_each_number_is_that_of_a_loop_over_the_answers(images, runs):
    value = values(sheet_of(images, runs))
    accuracy = {}
    for row, name in (("plain", "cross-entropy"), ("multi-level", "multi-level")):
        kept = runs[row].predictions
        right = [
            max(range(N_CLASSES), key=lambda c, p=p: p[c]) == label
            for p, label in zip(kept["query_probs"], kept["query_labels"], strict=True)
        ]
        accuracy[row] = 100 * np.mean(right)
        assert value[f"{OWN}.{name}"] == pytest.approx(accuracy[row])
    assert value[f"{OWN}.step"] == pytest.approx(accuracy["multi-level"] - accuracy["plain"])
    kept = runs["multi-level"].predictions
    right = [
        int(p[1] > p[0]) == PARENTS[label]
        for p, label in zip(kept["query_parent_probs"], kept["query_labels"], strict=True)
    ]
    assert value[f"{OWN}.super-class"] == pytest.approx(100 * np.mean(right))
    assert value["ccfr.fig3"] == 2
    assert value["ccfr.setting.lambda"] == 0.5
    assert -1 <= value["ccfr.claim.clusters-group-look-alikes"] <= 1


def test_the_step_carries_the_published_one(images, runs):
    frame = sheet_of(images, runs).numbers(multi_level.TABLE.numbers)
    published = dict(zip(frame["claim"], frame["published"], strict=True))
    assert published[f"{OWN}.cross-entropy"] == 84.5
    assert published[f"{OWN}.multi-level"] == 85.2
    assert published[f"{OWN}.step"] == pytest.approx(0.7)


def test_equation_3_fires_where_a_loop_says_so(images, runs):
    sheet, kept = sheet_of(images, runs), runs["multi-level-held-out"].predictions
    value = values(sheet)
    for reading in ("mean", "sum"):
        slow = []
        for p, q, label in zip(
            kept["query_probs"], kept["query_parent_probs"], kept["query_labels"], strict=True
        ):
            held = [p[c] for c in range(N_CLASSES) if PARENTS[c] == PARENTS[label]]
            total = sum(held) / (len(held) if reading == "mean" else 1)
            slow.append(total > q[PARENTS[label]])
        fires = sheet.rows["multi-level-held-out"].arrays[f"fires_{reading}"]
        assert fires.tolist() == slow
        assert value[f"{OWN}.fires-{reading}"] == pytest.approx(100 * np.mean(slow))
    assert value[f"{OWN}.fires-mean"] < value[f"{OWN}.fires-sum"]


def test_errors_inside_a_super_class_are_counted_beside_chance(images, runs):
    errors, kept = sheet_of(images, runs).rows["errors"].arrays, runs["plain-held-out"].predictions
    inside, chance = [], []
    for p, label in zip(kept["query_probs"], kept["query_labels"], strict=True):
        answer = int(p.argmax())
        if answer != label:
            inside.append(PARENTS[answer] == PARENTS[label])
            others = [c for c in range(N_CLASSES) if c != label]
            chance.append(np.mean([PARENTS[c] == PARENTS[label] for c in others]))
    assert inside
    assert errors["inside"].tolist() == inside
    np.testing.assert_allclose(errors["by_chance"], chance)


def test_a_classifier_without_errors_has_no_number_of_errors(images, runs):
    kept = runs["plain-held-out"].predictions
    kept["query_probs"] = np.eye(N_CLASSES, dtype=np.float32)[kept["query_labels"]]
    found = values(sheet_of(images, runs))
    assert "ccfr.fig3" in found
    assert not any("errors" in claim for claim in found)


def test_rows_of_table_3_alone_give_the_step(images, runs):
    sheet = sheet_of(images, runs)
    bare = Sheet("ccfr")
    for row in ("plain", "multi-level"):
        kept = {name: sheet.rows[row].arrays[name] for name in ("ids", "labels", "classes")}
        bare.add(records.Record("ccfr", row, kept, sheet.rows[row].origin))
    multi_level.derive(bare, None)
    rows = {f"{OWN}.{name}" for name in ("cross-entropy", "multi-level", "step")}
    assert set(values(bare)) == {*rows, "ccfr.setting.lambda"}


@pytest.mark.parametrize("row", ["plain", "plain-held-out"])
def test_runs_over_different_images_are_refused(images, runs, row):
    kept = runs[row].predictions
    kept["query_ids"] = kept["query_ids"][::-1]
    with pytest.raises(ValueError, match=f"{row} and .* answer different images"):
        multi_level.arrays(images, runs)


def test_figure_3_names_every_class_in_its_super_class(images):
    angles = np.array([0.0, 0.1, 1.5, 1.4, 0.2])
    means = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    figure = super_classes(images, PARENTS, means)
    assert "super class 1: Kind 1, Kind 2, Kind 5; super class 2: Kind 3, Kind 4" in figure.alt
    assert "2 of the 2 super classes are a branch" in figure.alt
    torn = super_classes(images, np.array([0, 1, 1, 0, 0]), means)
    assert "0 of the 2 super classes are a branch" in torn.alt
    tree = figure.subfigs[1].axes[0]
    assert sorted(text.get_text() for text in tree.get_yticklabels()) == [
        "Kind 1  1", "Kind 2  1", "Kind 3  2", "Kind 4  2", "Kind 5  1",
    ]  # fmt: skip
    assert sum(len(axes.images) for axes in figure.subfigs[0].axes) == N_CLASSES
    assert figure.png()[:4] == b"\x89PNG"


def test_figure_3_needs_a_super_class_and_a_mean_for_each_class(images):
    with pytest.raises(ValueError, match=r"parents has shape \(4,\) and means \(5, 2\)"):
        super_classes(images, PARENTS[:4], np.ones((5, 2)))


def test_rows_take_the_options_of_the_loss_or_leave_them_aside(images):
    options = {"n_parents": 3, "parent_weight": 0.5, "children": "sum", "clustering": "pretrained"}
    network = {"backbone": "resnet18", "weights": "random"}
    stages = {
        row: ccfr.row_stage(row, presets.get("smoke"), images, **network, **options)
        for row in multi_level.ROWS
    }
    folds = {row: stage.spec.fold for row, stage in stages.items()}
    assert folds == {row: "held-out" if "held-out" in row else "all" for row in multi_level.ROWS}
    for row in ("multi-level", "multi-level-held-out"):
        spec = stages[row].spec
        assert (spec.n_parents, spec.parent_weight, spec.children) == (3, 0.5, "sum")
        assert spec.clustered_on is None
    assert not hasattr(stages["plain"].spec, "n_parents")


def test_a_row_alone_keeps_what_it_keeps_beside_the_others(images, runs):
    together = multi_level.arrays(images, runs)
    alone = multi_level.arrays(images, {"multi-level-held-out": runs["multi-level-held-out"]})
    alone |= multi_level.arrays(images, {"plain-held-out": runs["plain-held-out"]})
    for row, kept in alone.items():
        assert kept.keys() == together[row].keys()
        assert all(np.array_equal(kept[name], together[row][name]) for name in kept)
    assert multi_level.arrays(images, {"plain": runs["plain"]}) == {}
