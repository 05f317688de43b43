"""The page on hard instances: its counts by loops, and pictures of what they name."""

from dataclasses import replace
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest

from fgnb.data import cub
from fgnb.report import collect, confusions, rederive
from fgnb.report.rows import rows_of

NAMES = ("001.Grey_Owl", "002.Barn_Owl", "003.Sea_Gull")


@pytest.fixture
def images(write_cub):
    return replace(cub.load(write_cub(classes=3, train=6, test=2), name="drawn"), classes=NAMES)


@pytest.fixture
def run(images):
    held_out = images.held_out(0, fraction=0.5)
    rows, base = np.flatnonzero(held_out), np.flatnonzero(images.train & ~held_out)
    rng = np.random.default_rng(4)
    probs = rng.dirichlet([1.0] * 3, len(rows)).astype(np.float32)
    predictions = {
        "query_ids": images.ids[rows],
        "query_labels": images.labels[rows],
        "query_probs": probs,
        "query_embedding": rng.random((len(rows), 4)).astype(np.float32),
        "database_ids": images.ids[base],
        "database_labels": images.labels[base],
        "database_embedding": rng.random((len(base), 4)).astype(np.float32),
    }
    spec = {"image_size": 24, "crop_ratio": 1.0}
    return SimpleNamespace(predictions=predictions, spec=spec)


@pytest.fixture
def hard(images, run):
    return confusions.Hard.of(images, run)


@pytest.fixture
def provenance_of(images):
    return collect(
        "ccfr/1-hard-instances",
        preset="smoke",
        images=images,
        seconds=1.0,
        test_reads=0,
        modules=["fgnb.metrics"],
    )


def test_rows_are_found_by_id(images):
    wanted = images.ids[[5, 0, 5]]
    assert rows_of(images, wanted).tolist() == [5, 0, 5]
    backwards = replace(images, ids=images.ids[::-1].copy())
    last = len(images) - 1
    assert rows_of(backwards, wanted).tolist() == [last - 5, last, last - 5]
    with pytest.raises(ValueError, match="ids holds 999"):
        rows_of(images, [999])


def test_kin_is_the_last_word_of_a_bird_and_the_first_of_a_car(images):
    assert confusions.kin_of(images) == ("Owl", "Owl", "Gull")
    cars = replace(images, layout="cars", classes=("Audi A5 2012", "Audi TT 2011", "BMW M3 2012"))
    assert confusions.kin_of(cars) == ("Audi", "Audi", "BMW")


def test_confusions_and_pairs_by_loops(hard):
    table = hard.confusion()
    for i in range(3):
        for j in range(3):
            found = [q for q in range(9) if hard.labels[q] == i and hard.probs[q].argmax() == j]
            assert table[i, j] == len(found)
    pairs = hard.pairs(3)
    assert [p.errors for p in pairs] == sorted((p.errors for p in pairs), reverse=True)
    assert all(p.errors == table[p.first, p.second] + table[p.second, p.first] for p in pairs)
    assert len({(p.first, p.second) for p in pairs}) == 3


def test_pairs_without_errors_are_ordered_by_probability(hard):
    probs = np.full((9, 3), 0.1, dtype=np.float32)
    probs[np.arange(9), hard.labels] = 0.8
    probs[hard.labels == 2, 1] = 0.15
    sure = replace(hard, probs=probs)
    assert sure.pairs(1)[0] == (1, 2, 0)


def test_arrays_follow_from_the_answers(hard, images):
    arrays = confusions.arrays_of(hard)
    wrong = [q for q in range(9) if hard.probs[q].argmax() != hard.labels[q]]
    owls = {0, 1}
    inside = [{int(hard.probs[q].argmax()), int(hard.labels[q])} == owls for q in wrong]
    assert arrays["errors_within_kin"].tolist() == inside
    chance = [0.5 if hard.labels[q] in owls else 0.0 for q in wrong]
    assert arrays["chance_within_kin"].tolist() == chance
    parts = hard.quarters()
    assert sorted(np.concatenate(parts).tolist()) == list(range(9))
    shares = [hard.shares[part] for part in parts]
    assert all(a.max() <= b.min() for a, b in pairwise(shares))
    for q, nearer in enumerate(arrays["nearer_to_another_class"]):
        best = max(range(len(hard.database)), key=lambda n: hard.sims[q, n])
        assert nearer == (images.labels[hard.database[best]] != hard.labels[q])


def test_the_share_of_an_object_is_that_of_its_clipped_box(images, hard):
    # Pictures are 30 x 24 and lose 3 columns on each side; boxes begin at (2, 3), 10 wide.
    for q, row in enumerate(hard.rows):
        x1, y1, x2, y2 = images.boxes[row]
        width, height = min(x2 - 3, 24) - max(x1 - 3, 0), min(y2, 24) - max(y1, 0)
        assert hard.shares[q] == pytest.approx(width * height / 24**2)


def test_results_are_derived_again(hard, provenance_of):
    arrays = confusions.arrays_of(hard)
    results = confusions.results_of(arrays, provenance=provenance_of)
    assert {"ccfr.fig1", confusions.CLAIM} <= {result.claim for result in results}
    for result in results:
        assert rederive(result, arrays) == (result.value, result.interval)


def test_without_errors_nothing_is_said_about_them(hard, provenance_of):
    flawless = replace(hard, probs=np.eye(3, dtype=np.float32)[hard.labels])
    results = confusions.results_of(confusions.arrays_of(flawless), provenance=provenance_of)
    assert "ccfr.fig1" not in {result.claim for result in results}
    assert results[0].value == 100


def test_figures_show_what_they_name(hard):
    pairs = confusions.confused_pairs(hard, count=2, per_class=2)
    assert sum(bool(axes.images) for axes in pairs.axes) == 8
    errors = [p.errors for p in hard.pairs(2)]
    assert all(f"answers exchanged: {count}" in pairs.alt for count in errors)
    red = [
        axes
        for axes in pairs.axes
        if axes.images
        and axes.spines["left"].get_linewidth() > 2
        and axes.spines["left"].get_visible()
    ]
    table = hard.confusion()
    expected = sum(min(2, int(table[a, b])) for p in hard.pairs(2) for a, b in (p[:2], p[1::-1]))
    assert len(red) == expected
    assert "9 held-out images over 3 classes, 2 kinds" in confusions.confusion_matrix(hard).alt
    sizes = confusions.size_against_accuracy(hard)
    assert sizes.axes[0].containers[0][0].get_ydata() == pytest.approx(
        [100 * hard.right[part].mean() for part in hard.quarters()]
    )
    shown = confusions.poses(hard, per_side=2)
    assert sum(bool(axes.images) for axes in shown.axes) == 5
    assert "held-out picture of" in shown.alt
