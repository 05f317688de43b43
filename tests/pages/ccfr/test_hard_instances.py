"""The page on hard instances: its counts by loops, and pictures of what they name."""

from dataclasses import replace
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest

from fgnb.data import cub
from fgnb.nn.weights import weights_info
from fgnb.pages.ccfr import hard_instances, held_out
from fgnb.report import records, render
from fgnb.report.sheet import Sheet

NAMES = ("001.Grey_Owl", "002.Barn_Owl", "003.Sea_Gull")
ROW = held_out.ROW


@pytest.fixture
def images(write_cub):
    return replace(cub.load(write_cub(classes=3, train=6, test=2), name="drawn"), classes=NAMES)


@pytest.fixture
def run(images):
    fold = images.held_out(0, fraction=0.5)
    rows, base = np.flatnonzero(fold), np.flatnonzero(images.train & ~fold)
    rng = np.random.default_rng(4)
    predictions = {
        "query_ids": images.ids[rows],
        "query_labels": images.labels[rows],
        "query_probs": rng.dirichlet([1.0] * 3, len(rows)).astype(np.float32),
        "query_embedding": rng.random((len(rows), 4)).astype(np.float32),
        "database_ids": images.ids[base],
        "database_labels": images.labels[base],
        "database_embedding": rng.random((len(base), 4)).astype(np.float32),
    }
    return SimpleNamespace(predictions=predictions, spec={"image_size": 24, "crop_ratio": 1.0})


@pytest.fixture
def answers(images, run):
    return held_out.HeldOutAnswers.of(images, run)


def sheet_of(answers):
    """The page's sheet of these answers, as `Page.add` makes it."""
    weights = weights_info("resnet18", "random")
    context = records.Context("ccfr", "smoke", answers.images, weights, "drawn")
    kept = {
        "ids": answers.images.ids[answers.rows],
        "labels": answers.labels,
        "classes": answers.classes,
    }
    sheet = Sheet("ccfr")
    sheet.add(records.of_set(context, ROW, kept | answers.arrays(), hard_instances.CODE))
    hard_instances.derive(sheet, None)
    return sheet


def frame_of(sheet):
    return sheet.numbers(hard_instances.NUMBERS.numbers)


def values(sheet):
    frame = frame_of(sheet)
    return dict(zip(frame["label"], frame["value"], strict=True)), set(frame["claim"])


def test_a_genus_is_the_last_word_of_a_bird_and_the_first_of_a_car(images):
    assert held_out.genera(images) == ("Owl", "Owl", "Gull")
    cars = replace(images, layout="cars", classes=("Audi A5 2012", "Audi TT 2011", "BMW M3 2012"))
    assert held_out.genera(cars) == ("Audi", "Audi", "BMW")


def test_similarities_are_cosines_by_a_loop(answers, run):
    kept = run.predictions
    for q, x in enumerate(kept["query_embedding"].astype(float)):
        for k, y in enumerate(kept["database_embedding"].astype(float)):
            cosine = x @ y / np.sqrt((x @ x) * (y @ y))
            assert answers.sims[q, k] == pytest.approx(cosine, abs=1e-6)


def test_confusions_and_pairs_by_loops(answers):
    table = answers.confusion()
    for i in range(3):
        for j in range(3):
            both = zip(answers.labels, answers.probs, strict=True)
            assert table[i, j] == sum(y == i and p.argmax() == j for y, p in both)
    pairs = answers.pairs(3)
    errors = [count for *_, count in pairs]
    assert errors == sorted(errors, reverse=True)
    assert all(count == table[a, b] + table[b, a] for a, b, count in pairs)
    assert len({(a, b) for a, b, _ in pairs}) == 3


def test_pairs_without_errors_are_ordered_by_probability(answers):
    probs = np.full((9, 3), 0.1, dtype=np.float32)
    probs[np.arange(9), answers.labels] = 0.8
    probs[answers.labels == 2, 1] = 0.15
    assert replace(answers, probs=probs).pairs(1)[0] == (1, 2, 0)


def test_rows_follow_from_the_answers(answers, images):
    sheet = sheet_of(answers)
    errors, sizes = sheet.rows["errors"].arrays, sheet.rows["sizes"].arrays
    wrong = [q for q in range(9) if answers.probs[q].argmax() != answers.labels[q]]
    owls = {0, 1}
    inside = [{int(answers.probs[q].argmax()), int(answers.labels[q])} == owls for q in wrong]
    assert errors["within_genus"].tolist() == inside
    chance = [0.5 if answers.labels[q] in owls else 0.0 for q in wrong]
    assert errors["by_chance"].tolist() == chance
    parts = hard_instances.quarters(answers.shares)
    assert sorted(np.concatenate(parts).tolist()) == list(range(9))
    shares = [answers.shares[part] for part in parts]
    assert all(a.max() <= b.min() for a, b in pairwise(shares))
    right = answers.classes == answers.labels
    assert sizes["smallest"].tolist() == right[parts[0]].tolist()
    assert sizes["largest"].tolist() == right[parts[-1]].tolist()
    for q, nearer in enumerate(sheet.rows[ROW].arrays["nearer_to_another_class"]):
        best = max(range(len(answers.database)), key=lambda n: answers.sims[q, n])
        assert nearer == (images.labels[answers.database[best]] != answers.labels[q])


def test_the_share_of_an_object_is_that_of_its_clipped_box(images, answers):
    # Pictures are 30 x 24 and lose 3 columns on each side; boxes begin at (2, 3), 10 wide.
    for q, row in enumerate(answers.rows):
        x1, y1, x2, y2 = images.boxes[row]
        width, height = min(x2 - 3, 24) - max(x1 - 3, 0), min(y2, 24) - max(y1, 0)
        assert answers.shares[q] == pytest.approx(width * height / 24**2)


def test_every_number_of_the_page_is_the_mean_of_its_array(answers):
    sheet = sheet_of(answers)
    found, claims = values(sheet)
    errors, sizes = sheet.rows["errors"].arrays, sheet.rows["sizes"].arrays
    assert {"ccfr.fig1", hard_instances.CLAIM} <= claims
    assert len(found) == 7
    expected = {
        "Accuracy, global features": np.mean(answers.classes == answers.labels),
        "Errors between classes of one kind": np.mean(errors["within_genus"]),
        "Errors inside one kind, over chance": np.mean(
            errors["within_genus"] - errors["by_chance"]
        ),
        "Smallest objects minus largest": np.mean(sizes["smallest"]) - np.mean(sizes["largest"]),
    }
    for label, value in expected.items():
        assert found[label] == pytest.approx(100 * value)


@pytest.mark.parametrize("count", range(1, 6))
def test_of_fewer_than_four_images_no_quarter_is_counted(answers, count):
    few = replace(
        answers,
        **{name: getattr(answers, name)[:count] for name in ("rows", "labels", "probs", "sims")},
        shares=answers.shares[:count],
    )
    sheet = sheet_of(few)
    found, _ = values(sheet)
    assert ("Smallest objects minus largest" in found) == (count >= 4)
    assert np.isfinite(list(found.values())).all()
    text = render.table(hard_instances.NUMBERS, [(sheet, frame_of(sheet))])
    lacking = text.partition("nothing to count for")[2]
    assert ("quarter of smallest objects" in lacking) == (count < 4)
    chart = hard_instances.size_against_accuracy(few)
    drawn = chart.axes[0].containers[0][0].get_ydata()
    assert len(drawn) == len(chart.axes[0].get_xticks()) == min(4, count)
    assert np.isfinite(drawn).all()
    for picture in (chart, hard_instances.confusion_matrix(few), hard_instances.poses(few)):
        assert "nan" not in picture.alt
    assert hard_instances.confused_pairs(few, count=5).alt


def test_without_errors_nothing_is_said_about_them(answers):
    flawless = replace(answers, probs=np.eye(3, dtype=np.float32)[answers.labels])
    found, claims = values(sheet_of(flawless))
    assert "ccfr.fig1" not in claims
    assert found["Accuracy, global features"] == 100


def test_a_record_without_names_gives_its_accuracy_alone(answers):
    sheet = sheet_of(answers)
    bare = Sheet("ccfr")
    kept = {n: a for n, a in sheet.rows[ROW].arrays.items() if n in ("ids", "labels", "classes")}
    bare.add(replace(sheet.rows[ROW], arrays=kept))
    hard_instances.derive(bare, None)
    assert list(values(bare)[0]) == ["Accuracy, global features"]


def test_figures_show_what_they_name(answers):
    pairs = hard_instances.confused_pairs(answers, count=2, per_class=2)
    assert sum(bool(axes.images) for axes in pairs.axes) == 8
    assert all(f"answers exchanged: {n}" in pairs.alt for *_, n in answers.pairs(2))
    red = [a for a in pairs.axes if a.images and a.spines["left"].get_visible()]
    table = answers.confusion()
    ends = [end for a, b, _ in answers.pairs(2) for end in ((a, b), (b, a))]
    assert len(red) == sum(min(2, int(table[end])) for end in ends)
    assert (
        "9 held-out images over 3 classes, 2 kinds" in hard_instances.confusion_matrix(answers).alt
    )
    sizes = hard_instances.size_against_accuracy(answers)
    right = answers.classes == answers.labels
    assert sizes.axes[0].containers[0][0].get_ydata() == pytest.approx(
        [100 * right[part].mean() for part in hard_instances.quarters(answers.shares)]
    )
    shown = hard_instances.poses(answers, per_side=2)
    assert sum(bool(axes.images) for axes in shown.axes) == 5
    assert "held-out picture of" in shown.alt
