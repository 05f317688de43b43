"""focus's page of results: rows and steps by a loop, boxes counted against the anchors."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from fgnb import claims
from fgnb.data import cub
from fgnb.metrics import holm, mcnemar
from fgnb.nn.nts_proposer import nts_anchors
from fgnb.nn.regions import Anchors, Level
from fgnb.pages.focus import results
from fgnb.report.records import Record
from fgnb.report.sheet import Sheet

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
PAIRS = {
    "focus.claim.regions-help": ("ours", "resnet-50", 3.1),
    "focus.claim.joint-training-helps-image-level": ("ours-image-level", "resnet-50", 2.2),
    "focus.claim.hybrid-helps": ("ours", "ours-image-level", 0.9),
    "focus.claim.max-pooling-helps": ("ours", "ours-without-max-pooling", 0.3),
    "focus.claim.softmax-losses-suffice": ("ours", "nts-net", 0.1),
    "focus.text.gain.over-resnet-50": ("ours", "resnet-50", 3.1),
    "focus.text.gain.image-level-over-resnet-50": ("ours-image-level", "resnet-50", 2.2),
    "focus.text.gain.image-level-over-nts-net": ("ours-image-level", "nts-net-image-level", 1.4),
}


def made_up():
    """Predictions over 200 images; the first so many are right, and a few odd ones."""
    labels = np.random.default_rng(0).integers(0, 5, 200)
    answers = {
        row: np.where(np.arange(200) < count, labels, (labels + 1) % 5)
        for row, count in RIGHT.items()
    }
    answers["nts-net"][:4] = (labels[:4] + 2) % 5
    return labels, answers


LABELS, ANSWERS = made_up()


@pytest.fixture
def sheet_of(origin):
    def make(dataset="cub", without=()):
        sheet, of = Sheet("focus"), origin(dataset=dataset)
        for row, classes in ANSWERS.items():
            if row not in without:
                arrays = {"ids": np.arange(200), "labels": LABELS, "classes": classes}
                sheet.add(Record("focus", row, arrays, of))
        results.derive(sheet, None)
        return sheet

    return make


def share(row):
    pairs = zip(ANSWERS[row].tolist(), LABELS.tolist(), strict=True)
    return 100 * sum(a == b for a, b in pairs) / len(LABELS)


def by_claim(sheet, table):
    frame = sheet.numbers(table.numbers)
    return frame.drop_duplicates("claim").set_index("claim")


def test_rows_of_table_2_are_the_papers_in_its_order(sheet_of):
    frame = sheet_of().numbers(results.TABLE2.numbers)
    assert list(frame["claim"]) == [e.id for e in claims.load("focus") if e.place == "Table 2"]
    for claim, value in zip(frame["claim"], frame["value"], strict=True):
        assert value == pytest.approx(share(claim.rpartition(".")[2]))
    cars = sheet_of("cars").numbers(results.TABLE2.numbers)
    assert all(claim.startswith("own.") for claim in cars["claim"])


@pytest.mark.parametrize(
    ("dataset", "cited"),
    [("cub", {"resnet-50", "nts-net", "ours"}), ("cars", {"nts-net", "ours"})],
)
def test_rows_of_table_1_stand_under_the_entries_of_their_set(sheet_of, dataset, cited):
    frame = by_claim(sheet_of(dataset), results.TABLE1)
    assert {name for name in frame.index if name.startswith("focus.")} == {
        f"focus.table1.{dataset}.{row}" for row in cited
    }


def test_steps_by_hand_with_what_was_published(sheet_of):
    frame = by_claim(sheet_of(), results.STEPS)
    for claim, (row, other, published) in PAIRS.items():
        assert frame.loc[claim, "value"] == pytest.approx(share(row) - share(other))
        assert frame.loc[claim, "published"] == pytest.approx(published)
        assert claims.load("focus")[claim].home == HOME
    assert "focus.text.gain.over-nts-net" not in frame.index, "it is of aircraft"
    planes = by_claim(sheet_of("aircraft"), results.STEPS)
    gain = planes.loc["focus.text.gain.over-nts-net"]
    assert gain["value"] == pytest.approx(share("ours") - share("nts-net"))
    assert gain["published"] == planes.loc["focus.claim.softmax-losses-suffice", "published"] == 0.7
    assert np.isnan(planes.loc["focus.claim.hybrid-helps", "published"])


def test_p_values_of_the_six_steps_are_corrected_together(sheet_of):
    lines = [line.number for line in results.STEPS.lines]
    frame = sheet_of().numbers(results.STEPS.numbers)
    right = {row: classes == LABELS for row, classes in ANSWERS.items()}
    p = [mcnemar(*(right[row] for row in number.rule.references)) for number in lines]
    corrected = dict(zip([n.label for n in lines], holm(p), strict=True))
    assert len(corrected) == 6
    for label, p_holm in zip(frame["label"], frame["p_holm"], strict=True):
        assert p_holm == pytest.approx(corrected[label])


def test_a_set_with_three_rows_has_their_steps_alone(sheet_of):
    few = sheet_of("aircraft", without=set(RIGHT) - set(results.TRIO))
    frame = few.numbers(line.number for line in results.STEPS.lines)
    assert list(frame["label"]) == ["Ours, minus plain backbone", "Ours, minus NTS"]


def test_controls_stand_beside_the_full_model(sheet_of):
    frame = by_claim(sheet_of(), results.BESIDE)
    assert frame.loc["own.focus.beside.image-head", "value"] == pytest.approx(share("image-head"))
    step = frame.loc["own.focus.control.full-minus-random-boxes"]
    assert step["value"] == pytest.approx(share("ours") - share("random-boxes"))
    assert step["test"]["rectified"] - step["test"]["spoiled"] == 2
    assert not [name for name in frame.index if "equal-compute" in name]
    best = frame.loc["focus.claim.best-accuracy", "value"]
    assert best == pytest.approx(share("ours") - share("nts-net"))
    without_nts = by_claim(sheet_of(without={"nts-net"}), results.BESIDE)
    best = without_nts.loc["focus.claim.best-accuracy", "value"]
    assert best == pytest.approx(share("ours") - share("resnet-50"))


def test_counts_of_the_set_come_from_its_provenance(sheet_of):
    sheet = sheet_of()
    frame, of = by_claim(sheet, results.COUNTS), sheet.origin
    known = {"classes": of.classes, "train": of.n_train, "test": of.n_test}
    assert {name.rpartition(".")[2]: v for name, v in frame["value"].items()} == known
    assert frame.loc["focus.text.cub.test", "published"] == 5794


def test_every_entry_of_the_ledger_is_answered():
    own = {e.id for e in claims.load("focus") if e.home == HOME and e.by != "cited"}
    numbers = [number for table in results.TABLES for number in table.numbers]
    sets = ("cub", "aircraft", "cars")
    answered = {number.claim.format(set=name) for number in numbers for name in sets}
    assert own <= answered


SIZE = 24
ANCHORS = Anchors.pyramid(SIZE, levels=[Level(4, 8)])


@pytest.fixture
def images(write_cub):
    return cub.load(write_cub(classes=3, train=4, test=2, size=SIZE), name="drawn")


def run_of(images, anchors, count):
    """A run that chose so many boxes at random on the test images."""
    rows = np.flatnonzero(~images.train)
    scores = torch.from_numpy(np.random.default_rng(1).random((len(rows), len(anchors))))
    index = scores.topk(count).indices
    kept = {
        "query_ids": images.ids[rows],
        "query_labels": images.labels[rows],
        "query_boxes": anchors.boxes[index].numpy(),
        "query_box_scores": scores.gather(1, index).numpy(),
        "query_box_scales": anchors.scales[index].numpy(),
        "query_probs": np.eye(3)[images.labels[rows]],
        "query_image_probs": np.eye(3)[(images.labels[rows] + 1) % 3],
    }
    spec = {"image_size": SIZE, "crop_ratio": 1.0}
    return SimpleNamespace(predictions=kept, spec=spec)


STAGE = SimpleNamespace(spec=SimpleNamespace(concatenated=4), anchors=ANCHORS)


def test_boxes_on_the_object_are_counted_one_by_one(images, origin):
    found = results.boxes_of(images, STAGE, run_of(images, ANCHORS, 6))
    arrays = results.box_arrays(found)
    sheet = Sheet("focus")
    sheet.add(Record("focus", "ours", arrays, origin()))
    frame = by_claim(sheet, results.FIG2)
    hits = []
    objects = images.boxes[~images.train].tolist()
    for boxes, (x1, y1, x2, y2) in zip(arrays["boxes"].tolist(), objects, strict=True):
        middles = [((b[0] + b[2]) / 2, (b[1] + b[3]) / 2) for b in boxes]
        hits += [x1 <= x < x2 and y1 <= y < y2 for x, y in middles]
    assert frame.loc["focus.fig2", "value"] == pytest.approx(100 * sum(hits) / len(hits))
    assert frame.loc["focus.text.shown-regions", "value"] == 4
    parts = sheet.numbers(results.FIG2.numbers)
    parts = parts[parts["claim"] == "focus.claim.regions-sit-on-parts"]
    assert [label.split(",")[0] for label in parts["label"]] == [
        "Boxes on the head",
        "Boxes on the wing",
    ]
    over = arrays["tail"].mean() - arrays["tail_chance"].mean()
    elsewhere = by_claim(sheet, results.ELSEWHERE)
    assert elsewhere.loc["own.focus.regions.ours.tail", "value"] == pytest.approx(100 * over)


def test_a_set_without_parts_has_the_object_alone(images):
    bare = {"parts": np.zeros((18, 0, 2), np.float32), "visible": np.zeros((18, 0), bool)}
    _, covered = results.boxes_of(replace(images, **bare), STAGE, run_of(images, ANCHORS, 6))
    assert list(covered) == ["object"]


def test_nts_has_the_chance_of_its_own_anchors(images, monkeypatch):
    class Stage:
        spec = SimpleNamespace(concatenated=4)

    monkeypatch.setattr(results, "NTSStage", Stage)
    _, covered = results.boxes_of(images, Stage(), run_of(images, nts_anchors(SIZE), 4))
    _, ours = results.boxes_of(images, STAGE, run_of(images, ANCHORS, 4))
    assert not np.allclose(covered["object"].chance, ours["object"].chance)


def test_the_image_level_classifier_answers_for_itself(images):
    run = run_of(images, ANCHORS, 4)
    kept = results.image_level(run)
    assert kept["classes"].tolist() == ((run.predictions["query_labels"] + 1) % 3).tolist()
    assert kept["top5"][:, 0].tolist() == kept["classes"].tolist()
