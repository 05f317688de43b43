"""What the page on re-ranking records follows from its arrays, and its figures from the answers."""

import numpy as np
import pytest

from fgnb import report
from fgnb.ccfr import Answers, Settings
from fgnb.ccfr.retrieval import nearest
from fgnb.data import cub
from fgnb.nn.weights import weights_info
from fgnb.report import collect, rederive, reranking


@pytest.fixture
def images(write_cub):
    return cub.load(write_cub(classes=3, train=5, test=4), name="drawn")


def answers(images, query, seed):
    """Made-up answers over the images of a mask, with the others' training images as database."""
    rng = np.random.default_rng(seed)
    rows, base = np.flatnonzero(query), np.flatnonzero(images.train & ~query)
    probs = rng.dirichlet([1.0] * 3, len(rows)).astype(np.float32)
    vectors = rng.random((len(images), 4)).astype(np.float32)
    return Answers(
        ids=images.ids[rows],
        labels=images.labels[rows],
        probs=probs,
        logistic_probs=probs[:, ::-1].copy(),
        neighbors=nearest(vectors[rows], vectors[base], images.labels[base]),
        database_ids=images.ids[base],
        database_labels=images.labels[base],
    )


@pytest.fixture
def provenance(images):
    return collect(
        "ccfr/3-3-re-ranking",
        preset="smoke",
        images=images,
        seconds=1.0,
        test_reads=1,
        modules=["fgnb.ccfr.stages"],
        weights=weights_info("resnet18", "random"),
        seeds=[0],
    )


@pytest.fixture
def recorded(images, provenance):
    held_out, test = (
        answers(images, images.held_out(0), 1),
        answers(images, ~images.train, 2),
    )
    settings = Settings(t_sf=0.9, t_sc=0.1, topn=3)
    predictions = {**test.predictions(settings), "tuned": test.labels}
    arrays = reranking.arrays_of(images, held_out, test, predictions, settings)
    return test, settings, arrays, of_features("global", settings, arrays, provenance)


def of_features(features, settings, arrays, provenance):
    return reranking.results_of(
        arrays,
        settings,
        settings,
        spec={"image_size": 64, "seed": 1},
        features=features,
        dataset="cub",
        rule="mean-top1",
        provenance=provenance,
    )


def test_each_result_is_that_of_a_loop_over_the_answers(recorded):
    test, settings, arrays, results = recorded
    own = "own.ccfr.reranking.global"
    found = [result for group in results.values() for result in group]
    value = {result.claim: result.value for result in found}
    assert len(value) == len(found)
    n = len(test.labels)
    reranked = settings.predictions(test.probs, test.neighbors)
    plain = [max(range(3), key=lambda c, q=q: test.probs[q, c]) for q in range(n)]
    right = [int(reranked[q] == test.labels[q]) for q in range(n)]
    before = [int(plain[q] == test.labels[q]) for q in range(n)]
    assert value[f"{own}.classification"] == pytest.approx(100 * sum(before) / n)
    assert value[f"{own}.reranked"] == pytest.approx(100 * sum(right) / n)
    gain = 100 * (sum(right) - sum(before)) / n
    assert value["ccfr.claim.rerank-helps"] == pytest.approx(gain)
    assert value["ccfr.fig5"] == sum(a > b for a, b in zip(right, before, strict=True))
    assert value[f"{own}.spoiled"] == sum(a < b for a, b in zip(right, before, strict=True))
    assert value[f"{own}.tuned"] == 100
    nearest_class = test.neighbors.labels[:, 0]
    assert value[f"{own}.retrieval"] == pytest.approx(100 * np.mean(nearest_class == test.labels))
    assert value["ccfr.setting.t-sf.cub"] == pytest.approx(arrays["held_out_probs"].max(1).mean())
    assert [value[f"ccfr.setting.{name}"] for name in ("topn", "topm", "alpha", "beta")] == [
        *(3, 50, 0, 1)
    ]
    for result in found:
        assert rederive(result, arrays)[0] == pytest.approx(result.value)


def test_the_row_tuned_on_test_says_so(recorded):
    row = recorded[3]["rows"][-1]
    assert "test images" in row.label
    assert "no result of the method" in row.selected_on


def test_the_classifiers_recipe_stands_with_its_row(recorded):
    (row,) = [r for r in recorded[3]["rows"] if r.claim.endswith(".classification")]
    assert row.settings == {"image_size": 64}


def test_rows_of_table_4_stand_beside_its_values_and_are_not_its_entries(recorded):
    rows, beside = recorded[3]["rows"], reranking.beside("global", "cub")
    assert list(reranking.published(rows, beside).values()) == [88.8, 90.7, 91.1]
    assert reranking.published(rows) == {}
    shown = report.published_table(rows, beside=beside).rows
    assert [line[1].text for line in shown] == ["–", "88.8 %", "90.7 %", "91.1 %", "–"]
    assert [line[6].text for line in shown] == ["", "", "+1.90", "+0.40", ""]


def test_the_full_model_has_no_logistic_row_and_names_of_its_own(images, recorded, provenance):
    _, settings, arrays, plain = recorded
    without = {name: array for name, array in arrays.items() if "logistic" not in name}
    full = of_features("regions", settings, without, provenance)
    assert [r.claim.rsplit(".", 1)[1] for r in full["rows"]] == [
        *("retrieval", "classification", "reranked", "tuned")
    ]
    assert len(plain["rows"]) == 5
    ids = [
        {r.claim for group in found.values() for r in group if r.claim.startswith("own.")}
        for found in (full, plain)
    ]
    assert not ids[0] & ids[1]
    tested = {test["with"] for r in full["rows"] for test in r.comparisons}
    assert tested == {
        "own.ccfr.reranking.regions.retrieval",
        "own.ccfr.reranking.regions.classification",
    }
    with pytest.raises(ValueError, match="features is 'parts', needs one of regions, global"):
        of_features("parts", settings, arrays, provenance)


def test_the_example_is_a_rectified_query(images, recorded):
    test, settings, _, _ = recorded
    figure = reranking.rectified_example(images, test, settings)
    after = settings.predictions(test.probs, test.neighbors)
    before = test.probs.argmax(1)
    fixed = {
        (images.classes[t], images.classes[b])
        for t, b, a in zip(test.labels, before, after, strict=True)
        if a == t != b
    }
    assert fixed, "the made-up answers must hold a rectified one"
    assert any(f"picture of {t}" in figure.alt and f"answers {b}" in figure.alt for t, b in fixed)


def test_photographs_bring_no_pictures_into_the_explorer(images, recorded):
    test, settings, _, _ = recorded
    object.__setattr__(images, "protocol", "subset")
    assert reranking.explorer(images, test, settings, dataset="cub").sprite is None
    object.__setattr__(images, "protocol", "drawn")
    assert reranking.explorer(images, test, settings, dataset="cub").sprite is not None
