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
from fgnb.metrics import changes
from fgnb.report.explorer import Explorer, Pictures
from fgnb.report.explorer.outcome import GRID, curve, percent
from fgnb.report.explorer.sprite import can_change, make_sprite

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


def explorer(queries=40, classes=12, database=80, **options) -> Explorer:
    probs, sims, near, labels = stored(queries, classes, database)
    order = np.argsort(-sims, axis=1, kind="stable")
    given = {
        "settings": START,
        "chosen": CHOSEN,
        "neighbor_index": order,
        "probs": probs,
        "sims": np.take_along_axis(sims, order, axis=1),
        "neighbor_labels": near[order],
        "labels": labels,
        "class_names": [f"class {c}" for c in range(classes)],
    }
    return Explorer(**(given | options))


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
    assert outcome.interval[0] < outcome.accuracy < outcome.interval[1]


def test_the_page_holds_the_numbers_bit_for_bit():
    made = explorer()
    data, kept = page_data(made.html(figure=False)), made.material
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
    drawn = explorer(240, 24, 480, neighbor_names=[f"Bird_{i:04d}" for i in range(480)])
    assert len(drawn.html()) < 300_000
    real = explorer(1090, 40, 1115, neighbor_index=None)
    assert len(real.html().encode()) <= 500_000
    with pytest.raises(ValueError, match="over max_bytes of 1,000"):
        explorer(max_bytes=1000).html()


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
    stored_value = float(made.material.sims[0, 5])
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
    over = made.material.sims[q].astype(float) > START.t_sc
    assert view.neighbours.value.count("<li>") == over.sum() > 0
    assert "<class" not in view.neighbours.value + view.changes.value
    assert "&lt;class" in view.neighbours.value


def test_the_print_face_marks_the_setting():
    made = explorer()
    axes = made.figure().axes[0]
    outcome = made.evaluate(START)
    line = axes.lines[0]
    assert line.get_xdata().tolist() == list(GRID)
    assert np.allclose(line.get_ydata(), 100 * curve(made.material, START) / 40)
    point = axes.containers[0].lines[0]
    assert point.get_xydata().tolist() == [[0.5, 100 * outcome.accuracy]]
    assert outcome.summary() in made.figure().get_supxlabel()
    assert curve(made.material, START)[50] == outcome.correct


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
    able = can_change(made.material)
    confidence = made.material.probs.max(axis=1)[able]
    assert np.all(np.diff(confidence) >= 0)
    whole = make_sprite(made.material, pictures)
    assert list(whole.queries) == able
    limit = len(whole.jpeg) // 2
    some = make_sprite(made.material, pictures, max_bytes=limit)
    assert 0 < len(some.queries) < len(able)
    assert list(some.queries) == able[: len(some.queries)]
    assert len(some.jpeg) <= limit
    assert make_sprite(made.material, pictures, max_bytes=10).queries == ()


def test_only_queries_that_re_ranking_can_reach_are_pictured():
    probs = np.array([[0.5, 0.4, 0.1], [0.6, 0.3, 0.1]], np.float32)
    sims, near = np.full((2, 2), 0.5, np.float32), np.array([[0, 1], [0, 0]])
    made = Explorer(probs, sims, near, np.array([0, 1]), ["a", "b", "c"], settings=START)
    assert can_change(made.material) == [0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "Two words"}, "name is 'Two words', needs lower-case"),
        ({"fold": "train"}, "fold is 'train', needs one of test, held-out"),
        ({"probs": np.ones(3)}, r"probs has shape \(3,\), needs two axes"),
        ({"probs": np.full((40, 12), np.nan)}, "probs holds nan"),
        ({"sims": np.ones((3, 50))}, r"sims has shape \(3, 50\), needs \(40, K\)"),
        ({"sims": np.arange(2000.0).reshape(40, 50)}, "sims does not descend"),
        ({"labels": np.full(40, 12)}, "labels runs from 12 to 12, needs 0 to 11"),
        ({"labels": np.zeros(40)}, "labels has dtype float64, needs integers"),
        ({"class_names": ["a"]}, "class_names has 1 names, needs 12"),
        ({"query_names": ["a"]}, "query_names has 1 names, needs 40"),
        ({"neighbor_labels": np.ones((40, 3), int)}, r"neighbor_labels has shape \(40, 3\)"),
        ({"neighbor_names": ["a", "b"]}, "neighbor_index runs from .* needs 0 to 1"),
        ({"neighbor_index": None, "neighbor_names": ["a"]}, "neighbor_names is given without"),
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
    with pytest.raises(ValueError, match=r"thumbnails.database has 5 pictures"):
        explorer(thumbnails=Pictures(noise(40, 0), noise(5, 1))).html()


def test_halves_round_as_in_a_browser():
    assert [percent(k) for k in (0.0625, 0.8125, 1.0)] == ["6.3", "81.3", "100.0"]
