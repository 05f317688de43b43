"""The page object: tables of parameters and claims, folds, and what is kept beside the page."""

import json
from dataclasses import replace
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from fgnb.report import archive, kinds
from fgnb.report.layout import Step, numbers_table, rows_table
from fgnb.report.page import Page
from fgnb.report.records import Record
from fgnb.report.sheet import Number

PARAMETERS = {
    **{"preset": "demo", "dataset": "drawn", "data_root": "", "backbone": "resnet18"},
    **{"weights": "imagenet", "frame": "set", "seed": 0, "region_epochs": 0, "crop_size": 48},
}


@pytest.fixture
def module():
    made = ModuleType("made_up_page")
    made.NOTEBOOK, made.CODE = "ccfr/4-4-ablation", ("fgnb.metrics.statistics",)
    made.TABLE = rows_table(
        "Table 3",
        "ccfr.table3.{row}",
        {"plain": "Backbone alone", "multi-level": "+ multi-level loss"},
        {"multi-level": Step("plain", ("ccfr.claim.multi-level-helps",), "It helps")},
    )
    made.BESIDE = numbers_table("Beside", [Number("own.b", "Beside it", kinds.accuracy("both"))])
    made.TABLES = (made.TABLE, made.BESIDE)
    made.derive = lambda sheet, p: sheet.derive(
        "both", "plain", classes=sheet.rows["plain"].arrays["labels"]
    )
    return made


@pytest.fixture
def recorded(origin, monkeypatch, tmp_path):
    """Writes records of two rows on the birds; returns their folder."""
    monkeypatch.setenv("FGNB_RECORDED", str(tmp_path / "recorded"))
    monkeypatch.setenv("FGNB_RESULTS_DIR", str(tmp_path / "page.results"))

    def write(**changed):
        labels = np.random.default_rng(0).integers(0, 10, 200)
        for row, right in (("plain", 120), ("multi-level", 140)):
            classes = np.where(np.arange(200) < right, labels, (labels + 1) % 10)
            arrays = {"ids": np.arange(200), "labels": labels, "classes": classes}
            made = Record("ccfr", row, arrays, origin(**changed))
            archive.write(made, tmp_path / "recorded" / "ccfr")
        return tmp_path / "recorded" / "ccfr"

    return write


@pytest.fixture
def page(module, recorded):
    recorded()
    return Page(module, PARAMETERS, as_declared=True)


def run_of(labels, right, seed=0):
    classes = np.where(np.arange(len(labels)) < right, labels, (labels + 1) % 6)
    probs = np.full((len(labels), 6), 0.1, np.float32)
    probs[np.arange(len(labels)), classes] = 0.5
    return SimpleNamespace(
        key=f"{seed}" * 64,
        spec={"seed": seed, "threads": 2, "fold": "all", "epochs": 1 + seed},
        environment={"seconds": 3.0, "device": "cpu (x)", "commit": "unknown", "threads": 2}
        | {"python": "3.11"},
        code_of=("fgnb.metrics.accuracy",),
        predictions={
            "query_ids": np.arange(len(labels)),
            "query_labels": labels,
            "query_probs": probs,
        },
    )


@pytest.fixture
def trained(page):
    images = SimpleNamespace(
        **{"name": "drawn", "title": "drawn birds (6 classes)", "fingerprint": "d" * 64},
        **{
            "protocol": "drawn",
            "pixels": "",
            "classes": tuple("abcdef"),
            "n_train": 9,
            "n_test": 30,
            "restriction": "",
        },
    )
    page.images = images
    page.weights = SimpleNamespace(backbone="resnet18", tag="t", sha256="b" * 64)
    labels = np.random.default_rng(1).integers(0, 6, 30)
    page.add({"plain": run_of(labels, 15), "multi-level": run_of(labels, 20, seed=1)})
    return page


def test_the_short_answer_comes_from_photographs_alone(page, module, monkeypatch, tmp_path):
    text = page.summary().text
    for word in ("In short", "It helps", "+0.7", "+10.00", "supported", "40 of 200"):
        assert word in text, word
    monkeypatch.setenv("FGNB_RECORDED", str(tmp_path / "none"))
    empty = Page(module, PARAMETERS, as_declared=True).summary().text
    assert "not measured on photographs yet" in empty


def test_more_than_eight_claims_are_too_many(module, recorded):
    recorded()
    numbers = [Number(f"own.{i}", f"{i}", kinds.accuracy("plain"), f"claim {i}") for i in range(9)]
    module.TABLES = (numbers_table("Many", numbers),)
    page = Page(module, PARAMETERS, as_declared=True)
    with pytest.raises(ValueError, match="9 claims are marked short"):
        page.summary()


def test_options_follow_the_parameters(page):
    network = {"backbone": "resnet18", "weights": "imagenet"}
    assert page.options == network | {"seed": 0, "frame": "set"}
    assert page.zoom == {**page.options, "crop_size": 48}, "0 is the preset's own"


def test_this_run_stands_beside_the_photographs(trained, module):
    text = trained.table(module.TABLE).text
    assert "On photographs" in text
    assert "This run" in text
    assert "50.00 %" in text
    assert "60.00 %" in text
    assert text.count('role="img"') == 1


def test_everything_else_lies_under_folds(trained, module):
    trained.table(module.TABLE)
    text = trained.details().text
    for title in ("Every other number", "Paired tests in full", "Settings", "Provenance"):
        assert f"<summary>{title}" in text, title
    assert "Beside it" in text
    assert "epochs = 1" in text
    assert "epochs = 2" in text
    assert "threads = 2" in text
    assert "<th" in text
    assert "Holm" in text
    assert "Former recordings" not in text


def test_what_the_page_measured_is_kept_beside_it(trained, tmp_path):
    trained.details()
    folder = tmp_path / "page.results"
    found, refused = archive.read_folder(folder)
    assert not refused
    assert sorted(r.row for r in found) == ["multi-level", "plain"], "no derived row is kept"
    lines = json.loads((folder / "4-4-ablation.numbers.json").read_text())
    assert {line["recorded"] for line in lines} == {True, False}
    claims = {line["claim"] for line in lines}
    assert "ccfr.claim.multi-level-helps" in claims
    assert all(line["notebook"] == "ccfr/4-4-ablation" for line in lines)


def test_another_set_has_a_column_only_where_a_table_asks_for_it(trained, module):
    control = SimpleNamespace(**{**vars(trained.images), "fingerprint": "e" * 64})
    control.title = "drawn birds (control set)"
    labels = np.random.default_rng(2).integers(0, 6, 30)
    trained.add({"plain": run_of(labels, 10)}, dataset="drawn-control", images=control)
    assert "control set" not in trained.table(module.TABLE).text
    every = replace(module.TABLE, every_set=True)
    assert "control set" in trained.table(every).text


def test_former_recordings_and_changed_code_are_said(module, recorded):
    recorded(code="e" * 64)
    recorded(recorded="2026-05-01 10:00")
    page = Page(module, PARAMETERS, as_declared=True)
    assert "has changed since" not in page.summary().text, "what stands is as it is"
    page.images = SimpleNamespace(fingerprint="d" * 64)
    text = page.details().text
    assert "Former recordings" in text
    assert "recorded 2026-01-01 10:00" in text
    recorded(code="e" * 64, recorded="2026-06-01 10:00")
    page = Page(module, PARAMETERS, as_declared=True)
    assert "The code has changed since 2 of 2 recorded rows" in page.summary().text


def test_classes_restrict_the_pages_own_set_and_no_other(module, recorded, monkeypatch):
    asked = []
    monkeypatch.setattr("fgnb.data.open_images", lambda name, **given: asked.append((name, given)))
    page = Page(module, {**PARAMETERS, "classes": "2-5"}, as_declared=True)
    assert page.images is None
    page.open("drawn-control")
    Page(module, PARAMETERS, as_declared=True).open("drawn")
    assert [(name, given["classes"]) for name, given in asked] == [
        ("drawn", "2-5"),
        ("drawn-control", ""),
        ("drawn", ""),
    ]


def test_published_needs_everything_to_be_the_papers(module, recorded):
    recorded()
    images = SimpleNamespace(protocol="official", pixels="original")
    cases = {
        (): True,
        (("preset", "demo"),): False,
        (("backbone", "resnet18"),): False,
        (("weights", "random"),): False,
    }
    for changes, wanted in cases.items():
        given = {**PARAMETERS, "preset": "paper", "backbone": "resnet50", **dict(changes)}
        page = Page(module, given, as_declared=True)
        page.weights = None
        assert page._context("cub", images).published is wanted, changes
    changed = Page(module, {**PARAMETERS, "preset": "paper", "backbone": "resnet50"}, False)
    changed.weights = None
    assert not changed._context("cub", images).published
