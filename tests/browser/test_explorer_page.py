"""The page face, driven by its controls, against `fgnb.ccfr.rerank_neighbors`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from functools import cache

import numpy as np
import pytest
import torch
from PIL import Image

from fgnb.ccfr import rerank_neighbors
from fgnb.ccfr.settings import Settings
from fgnb.metrics import wilson
from fgnb.pages.ccfr.explorer import Explorer, Pictures, StoredAnswers

pytestmark = pytest.mark.browser

START = Settings(t_sf=0.5, t_sc=0.25)
PUBLISHED = Settings(t_sf=0.7, t_sc=0.125, topn=4, topm=30)
CHOSEN = Settings(t_sf=0.35, t_sc=0.4, topn=3, alpha=0.5, gate="class")
QUERIES, CLASSES, STORED = 80, 13, 50


def answers(seed: int = 0) -> dict[str, np.ndarray]:
    """Random answers with many equal probabilities and similarities."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, CLASSES, QUERIES)
    logits = np.round(rng.normal(size=(QUERIES, CLASSES)) * 2) / 2
    logits[np.arange(QUERIES), labels] += 1
    exp = np.exp(logits)
    near = np.where(
        rng.random((QUERIES, STORED)) < 0.25,
        labels[:, None],
        rng.integers(0, CLASSES, (QUERIES, STORED)),
    )
    sims = np.round(rng.uniform(-0.3, 1, (QUERIES, STORED)), 2).astype(np.float32)
    return {
        "probs": (exp / exp.sum(axis=1, keepdims=True)).astype(np.float32),
        "sims": -np.sort(-sims, axis=1),
        "near": near,
        "labels": labels,
    }


DATA = answers()


SETTINGS = {"start": START, "published": PUBLISHED, "chosen": CHOSEN}


def explorer(names=(), query_names=(), neighbor_index=None, settings=None, **options) -> Explorer:
    answers = StoredAnswers(
        *(DATA[key] for key in ("probs", "sims", "near", "labels")),
        names or [f"class {c}" for c in range(CLASSES)],
        query_names,
        neighbor_index,
    )
    return Explorer(answers, settings or SETTINGS, **options)


def predictions(setting: Settings) -> np.ndarray:
    tensors = (torch.from_numpy(DATA[key]) for key in ("probs", "sims", "near"))
    return rerank_neighbors(*tensors, **asdict(setting)).numpy().argmax(axis=1)


def expected(setting: Settings) -> dict:
    before, after, true = DATA["probs"].argmax(axis=1), predictions(setting), DATA["labels"]
    moved = before != after
    low, high = wilson(int((after == true).sum()), QUERIES)
    return {
        "accuracy": float((after == true).mean()),
        "low": pytest.approx(low, rel=1e-12),
        "high": pytest.approx(high, rel=1e-12),
        "before": float((before == true).mean()),
        "rectified": int((moved & (after == true)).sum()),
        "spoiled": int((moved & (before == true)).sum()),
        "changed": [
            [int(q), int(true[q]), int(before[q]), int(after[q])] for q in np.flatnonzero(moved)
        ],
        "setting": asdict(setting),
    }


def shown(page, root="#explorer") -> dict:
    found = page.locator(f"{root} [data-part=results]").evaluate("node => ({...node.dataset})")
    keys = ("accuracy", "low", "high", "before", "rectified", "spoiled", "changed", "setting")
    return {key: json.loads(found[key]) for key in keys}


def move(page, setting: Settings, now: Settings) -> None:
    """Move each control that differs: sliders, or the field where the slider has no such step."""
    for key, value in asdict(setting).items():
        if value == getattr(now, key):
            continue
        if key == "gate":
            page.locator(f"#explorer input[type=radio][value={value}]").check()
            continue
        on_step = isinstance(value, int) or round(max(0.0, value) * 20) / 20 == value
        kind = "range" if on_step else "number"
        page.locator(f"#explorer input[type={kind}][data-key={key}]").fill(repr(value))


def decisive(key: str, values: np.ndarray, setting: Settings, towards: float) -> Settings:
    """A setting whose threshold is a stored value that decides an answer."""
    for value in values.astype(np.float64).tolist():
        here = replace(setting, **{key: value})
        beside = replace(setting, **{key: float(np.nextafter(value, towards))})
        if (predictions(here) != predictions(beside)).any():
            return here
    raise AssertionError(f"no stored value decides an answer through {key}")


@cache
def tour() -> list[Settings]:
    """Twenty-four settings; every control moves, both gates, thresholds on stored values."""
    middle = np.unique(DATA["sims"][(DATA["sims"] > 0.3) & (DATA["sims"] < 0.9)])
    unsure = Settings(t_sf=0.95, t_sc=0.2, topn=5, topm=20)
    highest = np.unique(DATA["probs"].max(axis=1))
    by_class = replace(unsure, gate="class")
    stops = [
        decisive("t_sc", middle, unsure, 0.0),
        decisive("t_sf", highest, unsure, 1.0),
        decisive("t_sf", np.unique(DATA["probs"]), by_class, 1.0),
        decisive("t_sc", middle, by_class, 0.0),
        CHOSEN,
        Settings(t_sf=0.0, t_sc=0.0),
        Settings(t_sf=1.0, t_sc=1.0),
        Settings(t_sf=1.0, t_sc=0.0, topn=1, topm=1),
        Settings(t_sf=1.0, t_sc=0.0, topn=10, topm=50, alpha=0.0, beta=0.0),
        Settings(t_sf=1.0, t_sc=-1.0, topn=10, topm=50),
    ]
    rng = np.random.default_rng(1)
    while len(stops) < 24:
        stops.append(
            Settings(
                t_sf=float(rng.integers(0, 21) / 20),
                t_sc=float(rng.integers(0, 21) / 20),
                topn=int(rng.integers(1, 11)),
                topm=int(rng.integers(1, 51)),
                alpha=float(rng.integers(0, 41) / 20),
                beta=float(rng.integers(0, 41) / 20),
                gate=str(rng.choice(["sample", "class"])),
            )
        )
    return stops


def differences(page, stops: list[Settings]) -> Iterator[str]:
    """Drive the controls from stop to stop; where page and Python differ."""
    now = START
    for stop in stops:
        move(page, stop, now)
        now = stop
        want, have = expected(stop), shown(page)
        yield from (f"{stop}: {key}: {have[key]}" for key in want if have[key] != want[key])
        curve = json.loads(page.locator("[data-part=results]").get_attribute("data-curve"))
        for i in (0, 37, 100):
            right = int((predictions(replace(stop, t_sf=i / 100)) == DATA["labels"]).sum())
            if curve[i] != right:
                yield f"{stop}: curve at {i / 100}: {curve[i]}, not {right}"


def write(tmp_path, body: str) -> str:
    path = tmp_path / "page.html"
    path.write_text(f"<!doctype html><meta charset='utf-8'><title>t</title>{body}")
    return path.as_uri()


def test_every_setting_shows_what_rerank_gives(visit, tmp_path):
    made = explorer()
    stops = tour()
    assert len(stops) >= 20
    assert all(len({getattr(stop, key) for stop in stops}) > 1 for key in asdict(START))
    found = visit(write(tmp_path, made.html(figure=False)))
    assert shown(found.page) == expected(START)
    assert list(differences(found.page, stops)) == []
    # what is read is what stands there, and the other faces say the same words
    last = made.evaluate(stops[-1])
    assert found.page.locator("[data-part=summary]").inner_text() == last.summary()
    assert found.page.locator("[data-part=rectified]").inner_text() == str(last.count("rectified"))
    assert found.outside == []
    assert found.errors == []


def test_a_sample_in_half_precision_shows_what_rerank_gives(visit, tmp_path):
    made = explorer(max_bytes=15_000)
    assert made.answers.packed()["bytesPerFloat"] == 2
    assert 10 < len(made.answers.probs) < QUERIES
    page = visit(write(tmp_path, made.html(figure=False))).page
    now = START
    for stop in tour()[4:]:
        move(page, stop, now)
        now, outcome = stop, made.evaluate(stop)
        assert page.locator("[data-part=summary]").inner_text() == outcome.summary()
        assert shown(page)["changed"] == [list(change) for change in outcome.changed]


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("sim > s.t_sc) {", "sim >= s.t_sc) {"),
        ("probs[q * R]) >= t_sf", "probs[q * R]) > t_sf"),
        ("top[q * R + r] < top[q * R + best]", "top[q * R + r] > top[q * R + best]"),
        ("found.every(Number.isFinite) ? found : null", "found.every(isFinite) ? found : totals"),
    ],
)
def test_a_changed_comparison_is_seen(visit, tmp_path, right, wrong):
    html = explorer().html(figure=False)
    assert html.count(right) == 1
    found = visit(write(tmp_path, html.replace(right, wrong)))
    assert next(differences(found.page, tour()), None) is not None


def test_resets_and_fields_that_make_no_sense(visit, tmp_path):
    page = visit(write(tmp_path, explorer().html(figure=False))).page
    page.get_by_role("button", name="The paper's setting").click()
    assert shown(page) == expected(PUBLISHED)
    page.get_by_role("button", name="held-out images").click()
    assert shown(page) == expected(CHOSEN)
    assert page.get_by_label("T_sf, exact value").input_value() == "0.35"
    for label, text in [("T_sf", ""), ("topn", "2.5"), ("topn", "11"), ("topm", "0")]:
        field = page.get_by_label(f"{label}, exact value")
        field.fill(text)
        assert field.get_attribute("aria-invalid") == "true"
        assert shown(page) == expected(CHOSEN)
    page.get_by_role("button", name="This page's setting").click()
    assert shown(page) == expected(START)
    assert page.locator("[aria-invalid]").count() == 0


def test_sliders_move_by_keyboard_and_have_names(visit, tmp_path):
    page = visit(write(tmp_path, explorer().html(figure=False))).page
    slider = page.get_by_role("slider", name="topn")
    slider.focus()
    slider.press("ArrowLeft")
    assert shown(page) == expected(replace(START, topn=4))
    assert page.get_by_role("status").inner_text().startswith("Re-ranked")


def test_a_changed_answer_opens_on_its_neighbours(visit, tmp_path):
    page = visit(write(tmp_path, explorer().html(figure=False))).page
    changed = expected(START)["changed"]
    assert len(changed) > 3
    entry = page.locator("details").first
    entry.locator("summary").click()
    entry.locator("table").wait_for()
    name = entry.locator("summary").inner_text()
    q = next(q for q, *_ in changed if f"query {q + 1}:" in name)
    over = [k for k in range(STORED) if float(DATA["sims"][q, k]) > START.t_sc]
    lines = entry.locator("ol li").all_inner_texts()
    assert lines == [f"class {DATA['near'][q, k]} {DATA['sims'][q, k]:.3f}" for k in over]
    assert entry.locator("tr").count() == START.topn + 1
    page.locator("input[type=range][data-key=topm]").fill("3")
    assert page.locator("details[open] ol li").count() == 3


def test_names_are_text_whatever_they_hold(visit, tmp_path):
    bad = "</script><script>window.hit=1</script><img src=x onerror=window.hit=1>&amp;\u2028'\""
    made = explorer(
        names=[f"{bad}{c}" for c in range(CLASSES)],
        query_names=[f"{bad}{q}" for q in range(QUERIES)],
        title=bad,
        note=bad,
    )
    found = visit(write(tmp_path, made.html()))
    found.page.locator("details summary").first.click()
    found.page.locator("details table").first.wait_for()
    assert found.page.evaluate("window.hit") is None
    assert bad.replace("\u2028", "") in found.page.locator("details").first.inner_text().replace(
        "\u2028", ""
    )
    assert found.errors == []


def test_two_explorers_share_a_page_and_leave_no_global(visit, tmp_path):
    body = (
        explorer(name="one").html()
        + explorer(name="two", settings=SETTINGS | {"start": CHOSEN}).html()
    )
    found = visit(write(tmp_path, body))
    page = found.page
    page.locator("#one-t_sf").fill("0.9")
    assert shown(page, "#one") == expected(replace(START, t_sf=0.9))
    assert shown(page, "#two") == expected(CHOSEN)
    assert page.evaluate("[typeof explore, typeof equations]") == ["undefined", "undefined"]
    assert page.locator("[id]").evaluate_all(
        "all => new Set(all.map(n => n.id)).size === all.length"
    )
    assert found.errors == []


def test_pictures_stand_beside_their_queries(visit, tmp_path):
    def tile(i):
        return Image.new("RGB", (40, 30), (i * 3 % 256, 90, 160))

    index = np.tile(np.arange(STORED), (QUERIES, 1))
    made = explorer(
        neighbor_index=index,
        thumbnails=Pictures([tile(q) for q in range(QUERIES)], [tile(i) for i in range(STORED)]),
    )
    found = visit(write(tmp_path, made.html()))
    entry = found.page.locator("details").first
    entry.locator("summary").click()
    entry.locator("table").wait_for()
    assert entry.locator(".fx-detail .fx-side .fx-thumb").count() == 1
    assert entry.locator("ol .fx-thumb").count() == 6
    assert f"Pictures: {QUERIES} of the" in found.page.locator(".fx-note").inner_text()
    assert found.outside == []


def test_no_accessibility_rule_is_broken(visit, tmp_path):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="no axe here")
    page = visit(write(tmp_path, explorer().html())).page
    page.locator("details summary").first.click()
    page.locator("details table").first.wait_for()
    result = axe.Axe().run(page, context="#explorer")
    assert [found["id"] for found in result.response["violations"]] == []


def test_without_script_the_figure_stands_there(visit, tmp_path):
    page = visit(write(tmp_path, explorer().html()), java_script_enabled=False).page
    assert page.locator("noscript img, img[alt^='Accuracy over']").count() == 1
