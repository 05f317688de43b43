"""The explorer without a browser: what it packs, its lab and print faces, its limits."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from fgnb.ccfr import rerank
from fgnb.ccfr.settings import Settings
from fgnb.metrics import changes, wilson
from fgnb.pages.ccfr.explorer import Explorer, Pictures, StoredAnswers
from fgnb.pages.ccfr.explorer.outcome import GRID, curve, evaluate, percent
from fgnb.pages.ccfr.explorer.sprite import can_change, make_sprite

START = Settings(t_sf=0.5, t_sc=0.3)
CHOSEN = Settings(t_sf=0.4, t_sc=0.45, topn=3, topm=20, alpha=0.5, beta=0.5, gate="class")


def stored(queries=40, classes=12, database=80, seed=0):
    """Probabilities, similarities to a whole database, their classes and the truth."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, queries)
    logits = rng.normal(size=(queries, classes)) * 1.5
    logits[np.arange(queries), labels] += 1.5
    probs = np.exp(logits)
    probs = (probs / probs.sum(axis=1, keepdims=True)).astype(np.float32)
    near = rng.integers(0, classes, database)
    sims = rng.uniform(0, 0.7, (queries, database)) + 0.3 * (near == labels[:, None])
    return probs, sims.astype(np.float32), near, labels


FIELDS = (
    *("probs", "sims", "neighbor_labels", "labels", "class_names"),
    *("query_names", "neighbor_index"),
)


def explorer(queries=40, classes=12, database=80, **options) -> Explorer:
    probs, sims, near, labels = stored(queries, classes, database)
    order = np.argsort(-sims, axis=1, kind="stable")
    given = {
        "neighbor_index": order,
        "probs": probs,
        "sims": np.take_along_axis(sims, order, axis=1),
        "neighbor_labels": near[order],
        "labels": labels,
        "class_names": [f"class {c}" for c in range(classes)],
    } | options
    answers = StoredAnswers(**{name: given.pop(name) for name in FIELDS if name in given})
    return Explorer(answers, given.pop("settings", {"start": START, "chosen": CHOSEN}), **given)


def page_data(html: str) -> dict:
    return json.loads(re.search(r'<script type="application/json">(.*?)</script>', html)[1])


@pytest.mark.parametrize("setting", [START, CHOSEN, replace(START, t_sf=1.0, topn=10)])
def test_the_outcome_is_that_of_rerank_over_the_whole_database(setting):
    probs, sims, near, labels = stored()
    scores = rerank(*map(torch.from_numpy, (probs, sims, near)), **vars(setting))
    before, after = probs.argmax(axis=1), scores.numpy().argmax(axis=1)
    outcome = explorer().evaluate(setting)
    assert outcome.accuracy == (after == labels).mean()
    assert outcome.before == (before == labels).mean()
    counted = changes(before == labels, after == labels)
    assert (outcome.count("rectified"), outcome.count("spoiled")) == (
        counted.rectified,
        counted.spoiled,
    )
    assert [change.query for change in outcome.changed] == np.flatnonzero(before != after).tolist()
    assert outcome.count("rectified") > 0
    low, high = wilson(outcome.correct, outcome.n)
    assert low < outcome.accuracy < high
    assert f"({percent(low)} to {percent(high)})" in outcome.summary()


def test_the_page_holds_the_numbers_bit_for_bit():
    made = explorer()
    data, kept = page_data(made.html(figure=False)), made.answers
    assert (data["queries"], data["ranks"], data["neighbors"]) == (40, 10, 50)
    sims = np.frombuffer(base64.b64decode(data["sims"]), "<f4").reshape(40, 50)
    top = np.frombuffer(base64.b64decode(data["top"]), "u1").reshape(40, 10)
    probs = np.frombuffer(base64.b64decode(data["probs"]), "<f4").reshape(40, 10)
    assert np.array_equal(sims, kept.sims)
    assert np.array_equal(probs, np.take_along_axis(kept.probs, top.astype(int), axis=1))
    assert np.array_equal(probs, -np.sort(-kept.probs, axis=1)[:, :10])
    assert data["settings"]["start"] == vars(START)


def test_more_than_256_classes_travel_in_two_bytes():
    data = page_data(explorer(classes=300, database=400).html(figure=False))
    assert data["bytesPerClass"] == 2
    near = np.frombuffer(base64.b64decode(data["near"]), "<u2")
    assert near.max() > 255


def test_the_page_is_the_same_each_time_and_asks_for_nothing():
    first, second = explorer().html(), explorer().html()
    assert first == second
    addresses = set(re.findall(r"https?://[^\s\"'<)]+", first))
    assert addresses == {"http://www.w3.org/2000/svg"}  # a name space, never fetched


def test_sizes_of_the_two_explorers_of_the_book():
    drawn = explorer(240, 24, 480)
    assert len(drawn.html()) < 300_000
    real = explorer(1090, 40, 1115, neighbor_index=None, query_names=range(10_000, 11_090))
    assert data_bytes(real) <= 300_000
    assert len(real.answers.probs) == 1090, "all of them fit, in half precision"
    assert "half precision: 1,090 test images" in real.note
    with pytest.raises(ValueError, match="over max_bytes of 1,000"):
        explorer(max_bytes=1000)


def data_bytes(made: Explorer) -> int:
    return len(json.dumps(made.answers.packed(), separators=(",", ":")))


@pytest.fixture(scope="module")
def whole_set() -> tuple[Explorer, StoredAnswers]:
    """As a record of all test birds: 5,794 images, 200 classes, 50 neighbours."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 200, 5794)
    probs = rng.dirichlet([0.05] * 200, 5794) + 0.2 * np.eye(200)[labels]
    agree = rng.random((5794, 50)) < 0.4
    answers = StoredAnswers(
        probs / probs.sum(axis=1, keepdims=True),
        -np.sort(-rng.uniform(0.3, 1, (5794, 50)), axis=1),
        np.where(agree, labels[:, None], rng.integers(0, 200, (5794, 50))),
        labels,
        [f"{c + 1:03d}.Black_footed_Albatross" for c in range(200)],
        [f"image {i}" for i in range(2, 5796)],
    )
    return Explorer(answers, {"start": START, "chosen": CHOSEN}), answers


def test_5794_photographs_are_a_sample_that_the_page_names(whole_set):
    made, answers = whole_set
    shown = len(made.answers.probs)
    assert 900 < shown < 5794
    assert 0.95 * 300_000 < data_bytes(made) <= 300_000
    assert len(made.html().encode()) < 400_000
    assert made.queries == f"a sample of {shown:,} of 5,794 test images"
    assert re.search(r'class="fx-fold">([^<]*)<', made.html(figure=False))[1] == made.queries
    # what is said of all images is of all of them, in full precision
    assert f"Of all, exactly: {evaluate(answers, START).summary()}" in made.note
    # a sample, with its own numbers: the images are those of their names
    rows = [answers.query_names.index(name) for name in made.answers.query_names]
    assert rows == sorted(set(rows))
    assert np.array_equal(made.answers.labels, answers.labels[rows])
    assert np.array_equal(made.answers.neighbor_labels, answers.neighbor_labels[rows])
    assert np.array_equal(made.answers.sims, answers.sims[rows].astype(np.float16))
    assert abs(made.evaluate(START).accuracy - evaluate(answers, START).accuracy) < 0.05
    assert made.lab().outcome == made.evaluate(START)


def test_the_sample_is_the_same_each_time(whole_set):
    made, answers = whole_set
    again = Explorer(answers, made.settings)
    assert again.answers.query_names == made.answers.query_names
    assert answers.within(300_000, seed=1).query_names != made.answers.query_names


def test_half_precision_travels_in_two_bytes():
    made = explorer(1090, 40, 1115, neighbor_index=None)
    data = page_data(made.html(figure=False))
    assert data["bytesPerFloat"] == 2
    sims = np.frombuffer(base64.b64decode(data["sims"]), "<f2").reshape(1090, 50)
    assert np.array_equal(sims.astype(np.float32), made.answers.sims)
    assert page_data(explorer().html(figure=False))["bytesPerFloat"] == 4


def test_names_cannot_close_the_script():
    html = explorer(class_names=["</script><b>"] * 12, title="<em>", note="<u>").html(figure=False)
    assert html.count("</script>") == 2
    assert "<b>" not in html
    assert "<em>" not in html
    assert "<u>" not in html


def test_the_lab_face_agrees():
    made = explorer()
    view = made.lab()
    assert view.outcome == made.evaluate(START)
    for key, value in vars(CHOSEN).items():
        view.fields[key].value = value
    assert view.setting == CHOSEN
    assert view.outcome == made.evaluate(CHOSEN)
    assert view.summary.value == made.evaluate(CHOSEN).summary()
    stored_value = float(made.answers.sims[0, 5])
    view.fields["t_sc"].value = stored_value
    assert view.setting.t_sc == stored_value
    view._sliders["t_sf"].value = 0.25
    assert view.setting == replace(CHOSEN, t_sc=stored_value, t_sf=0.25)
    assert view.outcome == made.evaluate(view.setting)
    view.set(START)
    assert [view.fields[key].value for key in vars(START)] == list(vars(START).values())
    assert view.outcome == made.evaluate(START)


def test_the_lab_face_names_neighbours_over_t_sc_as_text():
    made = explorer(class_names=[f"<class {c}>" for c in range(12)])
    view = made.lab()
    q = view.outcome.changed[0].query
    view.look.value = q
    over = made.answers.sims[q].astype(float) > START.t_sc
    assert view.neighbours.value.count("<li>") == over.sum() > 0
    assert "<class" not in view.neighbours.value + view.changes.value
    assert "&lt;class" in view.neighbours.value


def test_the_print_face_marks_the_setting():
    made = explorer()
    axes = made.figure().axes[0]
    outcome = made.evaluate(START)
    line = axes.lines[0]
    assert line.get_xdata().tolist() == list(GRID)
    assert np.allclose(line.get_ydata(), 100 * curve(made.answers, START) / 40)
    point = axes.containers[0].lines[0]
    assert point.get_xydata().tolist() == [[0.5, 100 * outcome.accuracy]]
    assert outcome.summary() in made.figure().get_supxlabel()
    assert curve(made.answers, START)[50] == outcome.correct


def test_one_bundle_holds_every_face():
    bundle = explorer()._repr_mimebundle_()
    assert set(bundle) == {
        "text/plain",
        "text/html",
        "image/png",
        "application/vnd.jupyter.widget-view+json",
    }
    assert bundle["image/png"].startswith(b"\x89PNG")
    assert "model_id" in bundle["application/vnd.jupyter.widget-view+json"]
    assert explorer().evaluate(START).summary() in bundle["text/plain"]


def noise(n, seed):
    rng = np.random.default_rng(seed)
    return [Image.fromarray(rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)) for _ in range(n)]


def test_the_sprite_stays_in_its_limit_and_takes_the_least_sure_first(tmp_path):
    made = explorer()
    files = []
    for i, picture in enumerate(noise(40, 0)):
        picture.save(tmp_path / f"{i}.png")
        files.append(tmp_path / f"{i}.png")
    pictures = Pictures(files, noise(80, 1))
    able = can_change(made.answers)
    confidence = made.answers.probs.max(axis=1)[able]
    assert np.all(np.diff(confidence) >= 0)
    whole = make_sprite(made.answers, pictures)
    assert list(whole.queries) == able
    limit = len(whole.jpeg) // 2
    some = make_sprite(made.answers, pictures, max_bytes=limit)
    assert 0 < len(some.queries) < len(able)
    assert list(some.queries) == able[: len(some.queries)]
    assert len(some.jpeg) <= limit
    assert make_sprite(made.answers, pictures, max_bytes=10).queries == ()


def test_only_queries_that_re_ranking_can_reach_are_pictured():
    probs = np.array([[0.5, 0.4, 0.1], [0.6, 0.3, 0.1]], np.float32)
    sims, near = np.full((2, 2), 0.5, np.float32), np.array([[0, 1], [0, 0]])
    answers = StoredAnswers(probs, sims, near, np.array([0, 1]), ["a", "b", "c"])
    assert can_change(answers) == [0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "Two words"}, "name is 'Two words', needs lower-case"),
        ({"probs": np.ones(3)}, r"probs has shape \(3,\), needs \(N, C\)"),
        ({"probs": np.zeros((0, 12))}, r"probs has shape \(0, 12\)"),
        ({"probs": np.full((40, 12), 1.5)}, r"probs runs from 1\.5 to 1\.5 .*needs rows of prob"),
        ({"probs": np.full((40, 12), np.nan)}, "probs holds nan"),
        ({"sims": np.ones((3, 50))}, r"sims has shape \(3, 50\), needs \(40, K\)"),
        ({"sims": np.arange(2000.0).reshape(40, 50)}, "sims does not descend"),
        ({"labels": np.full(40, 12)}, "labels runs from 12 to 12, needs 0 to 11"),
        ({"labels": np.zeros(40)}, "labels has dtype float64, needs integers"),
        ({"class_names": ["a"]}, "class_names has 1 names, needs 12"),
        ({"query_names": ["a"]}, "query_names has 1 names, needs 40"),
        ({"neighbor_labels": np.ones((40, 3), int)}, r"neighbor_labels has shape \(40, 3\)"),
        ({"neighbor_index": np.full((40, 50), 1 << 16)}, "neighbor_index runs from .* 65535"),
    ],
)
def test_each_fault_is_named(change, message):
    with pytest.raises(ValueError, match=message):
        explorer(**change)


def test_pictures_need_their_rows():
    with pytest.raises(ValueError, match="neighbor_index is missing"):
        explorer(neighbor_index=None, thumbnails=Pictures(noise(40, 0), noise(80, 1))).html()
    with pytest.raises(ValueError, match=r"thumbnails.queries has 3 pictures, needs 40"):
        explorer(thumbnails=Pictures(noise(3, 0), noise(80, 1))).html()
    with pytest.raises(ValueError, match=r"thumbnails.database has 5 pictures, needs 80"):
        explorer(thumbnails=Pictures(noise(40, 0), noise(5, 1))).html()


def test_halves_round_as_in_a_browser():
    assert [percent(k) for k in (0.0625, 0.8125, 1.0)] == ["6.3", "81.3", "100.0"]
