"""focus's page of results: rows and steps counted by a loop, boxes against the anchors."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from matplotlib.colors import to_hex

from fgnb import claims
from fgnb.data import cub
from fgnb.metrics import mcnemar, mcnemar_cutoff
from fgnb.nn.regions import Anchors, Level
from fgnb.report import (
    ablation,
    attention,
    collect,
    hybrid_regions,
    hybrid_results,
    numbers,
    other_sets,
    rederive,
    rederive_comparisons,
    regions,
    steps,
    table2,
)

HOME = "focus/4-3-results"
RIGHT = {
    "resnet-50": 110,
    "nts-net-image-level": 112,
    "ours-image-level": 130,
    "ours-without-max-pooling": 150,
    "ours": 151,
    "nts-net": 140,
    "image-head": 128,
    "random-boxes": 149,
}


@pytest.fixture
def answered():
    """Predictions over 200 images; the first so many are right, and a few odd ones."""
    labels = np.random.default_rng(0).integers(0, 5, 200)
    chosen = {}
    for name, count in RIGHT.items():
        chosen[name] = np.where(np.arange(200) < count, labels, (labels + 1) % 5)
    chosen["nts-net"][:4] = (labels[:4] + 2) % 5
    return labels, chosen


@pytest.fixture
def arrays(answered):
    labels, chosen = answered
    ids = {"test_ids": np.arange(200), "train_ids": np.arange(300), "set_labels": labels}
    return {"test_labels": labels, **ids, **ablation.row_arrays(chosen)}


SPECS = {name: {"image_size": 224, "seed": 3, "attention": "max"} for name in RIGHT}


def share(answered, name):
    labels, chosen = answered
    pairs = zip(chosen[name].tolist(), labels.tolist(), strict=True)
    return 100 * sum(a == b for a, b in pairs) / len(labels)


def test_rows_stand_under_the_papers_two_tables(answered, arrays, provenance):
    rows = hybrid_results.row_results(arrays, SPECS, dataset="cub", provenance=provenance())
    ledger = claims.load("focus")
    assert [r.claim for r in rows[:5]] == [e.id for e in ledger if e.place == "Table 2"]
    for result in rows:
        assert result.value == pytest.approx(share(answered, result.claim.split(".")[-1]))
        assert ledger[result.claim].home == HOME
        assert rederive(result, arrays) == (result.value, result.interval)
        assert result.settings == {"image_size": 224, "attention": "max"}
    assert [r.claim.removeprefix("focus.table1.") for r in rows[5:]] == [
        "cub.resnet-50",
        "cub.nts-net",
        "cub.ours",
    ]
    cars = hybrid_results.row_results(arrays, SPECS, dataset="cars", provenance=provenance())
    assert [r.claim for r in cars[4:]] == [
        "own.focus.table2.cars.ours",
        "focus.table1.cars.nts-net",
        "focus.table1.cars.ours",
    ]


@pytest.mark.parametrize("dataset", ["cars", "aircraft"])
def test_other_sets_fill_the_other_columns(answered, arrays, provenance, dataset):
    found = other_sets.other_results(arrays, SPECS, dataset=dataset, provenance=provenance())
    value = {r.claim: r.value for r in found}
    ours, plain, nts = (share(answered, name) for name in ("ours", "resnet-50", "nts-net"))
    assert value[f"focus.table1.{dataset}.ours"] == pytest.approx(ours)
    assert value[f"own.focus.table1.{dataset}.resnet-50"] == pytest.approx(plain)
    assert value[f"own.focus.table1.{dataset}.gain"] == pytest.approx(ours - plain)
    counted = value.get("focus.text.gain.over-nts-net")
    assert counted == (pytest.approx(ours - nts) if dataset == "aircraft" else None)
    for result in found:
        assert result.claim.startswith("own.") or claims.load("focus")[result.claim].home == HOME
        assert rederive(result, arrays) == (result.value, result.interval)
        assert len(rederive_comparisons(result, arrays)) == len(result.comparisons)
        assert result.label.startswith("CUB-200-2011 (40 of 200 classes): ")
    del arrays["test_nts_net_predictions"]
    left = other_sets.other_results(arrays, SPECS, dataset=dataset, provenance=provenance())
    assert not [r for r in left if "nts" in r.claim]


def test_steps_by_hand_and_from_the_file_again(answered, arrays, provenance):
    found = hybrid_results.step_results(arrays, dataset="cub", provenance=provenance())
    ledger = claims.load("focus")
    by = {(r.claim, r.label): r for r in found}
    assert len(by) == len(found)
    pairs = {
        "focus.text.gain.over-resnet-50": ("ours", "resnet-50"),
        "focus.text.gain.image-level-over-resnet-50": ("ours-image-level", "resnet-50"),
        "focus.text.gain.image-level-over-nts-net": ("ours-image-level", "nts-net-image-level"),
        "focus.claim.hybrid-helps": ("ours", "ours-image-level"),
        "focus.claim.max-pooling-helps": ("ours", "ours-without-max-pooling"),
        "focus.claim.softmax-losses-suffice": ("ours", "nts-net"),
        "focus.claim.best-accuracy": ("ours", "nts-net"),
    }
    for claim, (of, against) in pairs.items():
        (result,) = (r for r in found if r.claim == claim)
        assert result.value == pytest.approx(share(answered, of) - share(answered, against))
    assert not [r for r in found if r.claim == "focus.text.gain.over-nts-net"]
    for result in found:
        assert ledger[result.claim].home == HOME
        assert rederive(result, arrays) == (result.value, result.interval)
        assert rederive_comparisons(result, arrays) == list(result.comparisons)
        assert result.comparisons[0]["difference"] == pytest.approx(result.value)
    planes = hybrid_results.step_results(arrays, dataset="aircraft", provenance=provenance())
    assert [r.value for r in planes if r.claim == "focus.text.gain.over-nts-net"] == [
        pytest.approx(share(answered, "ours") - share(answered, "nts-net"))
    ]


def test_the_steps_table_has_the_published_steps_and_holms_correction(answered, arrays, provenance):
    labels, chosen = answered
    found = hybrid_results.step_results(arrays, dataset="cub", provenance=provenance())
    table = steps.steps_table(hybrid_results.steps_of(found, dataset="cub"))
    cells = [[cell.text for cell in row] for row in table.rows]
    assert [row[1] for row in cells] == ["+3.10", "+2.20", "+1.40", "+0.90", "+0.30", "+0.10"]
    cutoffs = [mcnemar_cutoff(5794, step / 100) for step in (3.1, 2.2, 1.4, 0.9, 0.3, 0.1)]
    assert [row[2] for row in cells] == [f"{cutoff:,}" for cutoff in cutoffs]
    right = {name: values == labels for name, values in chosen.items()}
    p = [mcnemar(right[asked.of], right[asked.against]) for asked in hybrid_results.STEPS]
    highest = 0.0
    for rank, place in enumerate(sorted(range(6), key=lambda i: p[i])):
        highest = max(highest, min(1.0, p[place] * (6 - rank)))
        assert cells[place][6] == numbers.p_value(highest)
        assert cells[place][8] == ("differs" if highest <= 0.05 else "within noise")
    planes = hybrid_results.step_results(arrays, dataset="aircraft", provenance=provenance())
    asked = hybrid_results.steps_of(planes, dataset="aircraft")
    assert [step.published for step in asked[:5]] == [None] * 5
    assert asked[5].published == pytest.approx(0.7)
    assert asked[5].images == 3333


def test_what_stands_beside_is_paired_with_the_full_model(answered, arrays, provenance):
    found = hybrid_results.beside_results(arrays, SPECS, dataset="cub", provenance=provenance())
    names = [r.claim.removeprefix("own.focus.beside.") for r in found]
    assert names == ["resnet-50", "nts-net", "random-boxes", "image-head"]
    for name, result in zip(names, found, strict=True):
        test = result.comparisons[0]
        assert test["with"] == "focus.table2.ours"
        gain = share(answered, name) - share(answered, "ours")
        assert test["difference"] == pytest.approx(gain)


def test_counts_of_the_set(arrays, provenance):
    found = hybrid_results.set_results(arrays, dataset="cub", provenance=provenance())
    assert [r.value for r in found] == [5, 300, 200]
    assert [r.claim.split(".")[-1] for r in found] == ["classes", "train", "test"]


def test_table_1_holds_every_entry_once_and_our_lines(arrays, provenance):
    rows = hybrid_results.row_results(arrays, SPECS, dataset="cub", provenance=provenance())
    table = table2.printed_table("focus", "table1", rows)
    printed = [row for row in table.rows if not row[0].text.startswith("This page")]
    cells = [cell.text for row in printed for cell in row[2:5]]
    assert sum(text != "–" for text in cells) == 20
    ours = [row for row in table.rows if row[0].text.startswith("This page")]
    assert [row[2].text for row in ours] == [f"{r.value:.2f} %" for r in rows[5:]]


SIZE = 24
ANCHORS = Anchors.pyramid(SIZE, levels=[Level(4, 8)])


@pytest.fixture
def images(write_cub):
    return cub.load(write_cub(classes=3, train=4, test=2, size=SIZE), name="drawn")


@pytest.fixture
def found(images):
    rows = np.flatnonzero(~images.train)
    scores = torch.from_numpy(np.random.default_rng(1).random((len(rows), len(ANCHORS))))
    index = scores.topk(6).indices
    chosen = regions.Regions(
        ids=images.ids[rows],
        boxes=ANCHORS.boxes[index].numpy(),
        scores=scores.gather(1, index).numpy(),
        scales=ANCHORS.scales[index].numpy(),
        size=SIZE,
        crop_ratio=1.0,
    )
    return {"ours": hybrid_regions.Found(chosen.best(4), ANCHORS)}


def test_the_best_boxes_are_the_first(found):
    six = found["ours"].regions
    two = six.best(2)
    assert two.boxes.shape == (6, 2, 4)
    assert np.array_equal(two.scores, six.scores[:, :2])
    assert len(two.scales[0]) == 2


def test_boxes_on_the_object_are_counted_one_by_one(images, found):
    origin = collect(
        HOME,
        preset="smoke",
        images=images,
        seconds=1.0,
        test_reads=1,
        modules=["fgnb.metrics.coverage"],
    )
    under = hybrid_regions.coverage(images, found)
    arrays = hybrid_regions.region_arrays(found, under)
    results = hybrid_regions.region_results(arrays, {"ours": "ours"}, provenance=origin)
    named = {r.claim: r for r in results}
    rows = np.flatnonzero(~images.train)
    hits = []
    for boxes, (x1, y1, x2, y2) in zip(
        arrays["ours_boxes"].tolist(), images.boxes[rows].tolist(), strict=True
    ):
        middles = [((b[0] + b[2]) / 2, (b[1] + b[3]) / 2) for b in boxes]
        hits += [x1 <= x < x2 and y1 <= y < y2 for x, y in middles]
    assert named["focus.fig2"].value == pytest.approx(100 * sum(hits) / len(hits))
    assert named["focus.text.shown-regions"].value == 4
    over = arrays["ours_tail"].mean() - arrays["ours_tail_chance"].mean()
    assert named["own.focus.regions.ours.tail"].value == pytest.approx(100 * over)
    parts = [r.label for r in results if r.claim == hybrid_regions.CLAIM]
    assert [label.split(",")[0] for label in parts] == ["Boxes on the head", "Boxes on the wing"]
    for result in results:
        assert rederive(result, arrays) == (result.value, result.interval)


def test_a_set_without_parts_has_the_object_alone(images, found):
    bare = {"parts": np.zeros((18, 0, 2), np.float32), "visible": np.zeros((18, 0), bool)}
    under = hybrid_regions.coverage(replace(images, **bare), found)
    assert list(under["ours"]) == ["object"]


def test_fig_2_draws_four_boxes_in_the_order_of_their_rank(images, found):
    chosen = found["ours"].regions
    figure = attention.ranked_sheet(images, chosen, [0, 3, 5], per_row=2)
    assert len(figure.axes) == 4
    for axes, query in zip(figure.axes, (0, 3, 5), strict=False):
        drawn = {to_hex(p.get_edgecolor()).upper(): p.get_xy() for p in axes.patches}
        for colour, box in zip(attention.RANK_COLOURS, chosen.boxes[query], strict=True):
            assert drawn[colour.upper()] == pytest.approx(tuple(box[:2]))
    assert figure.alt.startswith("3 pictures")
    with pytest.raises(ValueError, match="queries is empty"):
        attention.ranked_sheet(images, chosen, [])
