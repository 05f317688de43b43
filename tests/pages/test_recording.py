"""A record made on photographs, its run lost, its code touched: what it says then."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import fgnb
from fgnb.cli.train import train
from fgnb.data.fingerprint import images_sha256
from fgnb.pages import recording
from fgnb.report import archive
from fgnb.report.records import Record

ROOT = Path(fgnb.__file__).parents[1]
ACT = """
import json, os, shutil, sys
from fgnb.cli.train import train
from fgnb.pages import recording
from fgnb.pages.ccfr import ablation
from fgnb.report.page import Page

if sys.argv[1] == "keep":
    given = {"preset": "smoke", "dataset": "cub", "data_root": os.environ["PHOTOGRAPHS"]}
    train("ccfr/plain", given, keep=True)
    shutil.rmtree(os.environ["FGNB_RUNS"])
checked = [list(c) for c in recording.verify("ccfr")]
p = {"preset": "demo", "dataset": "drawn", "data_root": "", "t_sf_rule": "fixed", "seed": 0}
page = Page(ablation, p, as_declared=True)
table = page.table(ablation.TABLE3).text
print(json.dumps({"checked": checked, "table": table, "note": page.summary().text}))
"""
STAGE = "fgnb/baselines/plain.py"
SAME = ("was_training", "formerly_training")
OTHER = ("module.head(embedded).softmax(1)", "module.head(1.5 * embedded).softmax(1)")


@pytest.fixture
def photographs(write_cub):
    """A small set that is declared as a part of CUB, not as drawn."""
    folder = write_cub(classes=4, train=6, test=3, drawn=False, size=70)
    files = [f.relative_to(folder / "images").as_posix() for f in folder.rglob("*.jpg")]
    declared = {"of": "CUB-200-2011", "classes": [1, 2, 3, 4], "split": "official"}
    declared |= {"train": 24, "test": 12, "images_sha256": images_sha256(folder / "images", files)}
    (folder / "subset.json").write_text(json.dumps(declared))
    (folder / "images.json").write_text(json.dumps({"pixels": "made up"}))
    return folder.parent


@pytest.fixture
def house(tmp_path, photographs):
    """A copy of the library, and a function that acts in it."""
    home = tmp_path / "house"
    shutil.copytree(ROOT / "fgnb", home / "fgnb", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", home)
    places = {"FGNB_RUNS": "runs", "FGNB_RECORDED": "recorded", "FGNB_BUILD": "build"}
    around = {**os.environ, **{name: str(tmp_path / place) for name, place in places.items()}}
    around |= {"PYTHONPATH": str(home), "FGNB_ROOT": str(home), "PHOTOGRAPHS": str(photographs)}
    around.pop("FGNB_DATA", None)

    def act(what):
        done = subprocess.run(
            [sys.executable, "-c", ACT, what],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env=around,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return json.loads(done.stdout.splitlines()[-1])

    def edit(change):
        file = home / STAGE
        text = file.read_text()
        assert change[0] in text
        file.write_text(text.replace(*change))

    return act, edit


def test_a_record_outlives_its_run_and_says_what_its_code_has_become(house):
    act, edit = house
    kept = act("keep")
    assert [state for _, state, _ in kept["checked"]] == ["same"]
    assert "On photographs" in kept["table"]
    assert "4 of 200 classes" in kept["table"]
    assert "has changed" not in kept["note"]
    edit(SAME)
    touched = act("look")
    ((_, state, deviation),) = touched["checked"]
    assert (state, deviation) == ("verified", 0.0)
    assert "gives their witness again, so they stand" in touched["note"]
    assert touched["table"] == kept["table"]
    edit(OTHER)
    changed = act("look")
    ((_, state, deviation),) = changed["checked"]
    assert state == "changed"
    assert deviation > recording.TOLERANCE
    assert "The code has changed since 1 of 1 recorded rows were measured." in changed["note"]


def test_drawn_pictures_and_unknown_rows_are_refused_before_anything_is_trained(monkeypatch):
    with pytest.raises(ValueError, match="a record is of photographs"):
        train("ccfr/plain", {"preset": "smoke"}, keep=True)
    with pytest.raises(
        ValueError, match=r"no row 'ccfr/fussion' can be kept; there are .*ccfr/plain"
    ):
        train("ccfr/fussion", {"preset": "smoke", "dataset": "cub"}, keep=True)
    with pytest.raises(ValueError, match="no row 'pose/plain' can be kept"):
        train("pose/plain", {"preset": "smoke", "dataset": "cub"}, keep=True)


def test_a_page_keeps_its_photographs_alone(origin, tmp_path, monkeypatch):
    monkeypatch.setenv("FGNB_RECORDED", str(tmp_path / "recorded"))
    monkeypatch.setattr(recording, "witness", lambda paper, row: np.ones((2, 2), np.float32))
    arrays = {"ids": np.arange(3), "labels": np.zeros(3, int), "classes": np.zeros(3, int)}
    here = tmp_path / "page.results"
    drawn = origin(protocol="drawn", dataset="drawn")
    archive.write(Record("ccfr", "plain", arrays, drawn), here)
    (here / "page.numbers.json").write_text("[]")
    with pytest.raises(archive.RecordError, match="no row is of photographs"):
        recording.keep_page(here)
    archive.write(Record("ccfr", "plain", arrays, origin(recorded="")), here)
    (file,) = recording.keep_page(here)
    kept = archive.read(file)
    assert kept.witness.tolist() == [[1, 1], [1, 1]]
    assert kept.origin.recorded
    damaged = next(here.glob("plain-cub-*.npz"))
    damaged.write_bytes(damaged.read_bytes()[:-9])
    with pytest.raises(archive.RecordError, match="nothing was kept"):
        recording.keep_page(here)


@pytest.mark.parametrize("paper", ["ccfr", "focus"])
def test_every_row_of_a_paper_can_be_asked_for(paper):
    from importlib import import_module

    room = import_module(f"fgnb.pages.{paper}.recording")
    rows = import_module(f"fgnb.{paper}.rows").ROWS
    assert len(rows) >= 13
    assert {"answers", "CODE"} <= set(dir(room))
