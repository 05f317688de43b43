"""Every notebook at the smoke preset: run strictly, then by plain papermill from elsewhere."""

import json
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import numpy as np
import pytest

from fgnb import claims
from fgnb.book import run_notebook
from fgnb.report import archive

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
NAMES = [p.relative_to(NOTEBOOKS).with_suffix("").as_posix() for p in NOTEBOOKS.rglob("*.ipynb")]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("smoke")


@pytest.fixture(scope="module")
def another(tmp_path_factory):
    """A second run store with pictures of its own, for all notebooks as in a book."""
    return tmp_path_factory.mktemp("another")


@pytest.fixture(scope="module")
def strictly(place, smoke_runs):
    """Each notebook executed once by fgnb, with drawn pictures of its own."""
    done = {}

    def run(name):
        if name not in done:
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("FGNB_RUNS", str(smoke_runs))
                done[name] = run_notebook(
                    name,
                    {"preset": "smoke", "data_root": str(place / "data")},
                    place / f"{name}.ipynb",
                    results_dir=place / f"{name}.results",
                )
        return done[name]

    return run


@pytest.mark.parametrize("name", sorted(NAMES))
def test_it_runs_whole_and_records(name, strictly):
    executed = strictly(name)
    notebook = nbformat.read(executed.path, as_version=4)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.execution_count for cell in cells)
    assert not [o for cell in cells for o in cell.outputs if o.output_type == "error"]
    records, refused = archive.read_folder(executed.results)
    assert records
    assert not refused
    assert {record.origin.protocol for record in records} == {"drawn"}
    here = [line for line in numbers(executed.results) if not line["recorded"]]
    assert here
    assert {line["protocol"] for line in here} == {"drawn"}
    assert {line["notebook"] for line in here} == {name}
    assert not any(line["reading"] for line in here), "drawn pictures give no reading"


def numbers(results):
    """What a notebook's page derived, recorded photographs included."""
    (file,) = results.glob(f"*{archive.NUMBERS}")
    return json.loads(file.read_text())


@pytest.mark.parametrize("name", sorted(NAMES))
def test_plain_papermill_from_another_folder_gives_the_same_numbers(
    name, strictly, another, tmp_path
):
    first = strictly(name).results
    elsewhere = {"FGNB_RUNS": str(another / "runs"), "FGNB_RESULTS_DIR": str(tmp_path / "results")}
    command = [
        sys.executable,
        "-m",
        "papermill",
        NOTEBOOKS / f"{name}.ipynb",
        tmp_path / "out.ipynb",
    ]
    parameters = ["-p", "preset", "smoke", "-p", "data_root", another / "data", "-k", "python3"]
    done = subprocess.run(
        [str(word) for word in [*command, *parameters]],
        cwd=tmp_path,
        env=os.environ | elsewhere,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    pairs = zip(numbers(first), numbers(tmp_path / "results"), strict=True)
    for one, other in pairs:
        for key in ("claim", "label", "value", "low", "high", "n"):
            assert one[key] == other[key] or one[key] != one[key], (one["label"], key)
    ours, theirs = (
        {(r.row, r.origin.dataset): r.arrays for r in archive.read_folder(folder)[0]}
        for folder in (first, tmp_path / "results")
    )
    assert ours.keys() == theirs.keys()
    for row, arrays in ours.items():
        for key, values in arrays.items():
            floats = values.dtype.kind == "f"  # nan where there is nothing to count
            assert np.array_equal(values, theirs[row][key], equal_nan=floats), (row, key)


def test_each_claim_is_measured_once_a_set_and_by_its_home(strictly):
    """Two pages over one model would put the same number on the scorecard twice."""
    ledger = claims.load()
    lines = [line for name in sorted(NAMES) for line in numbers(strictly(name).results)]
    lines = [line for line in lines if line["claim"] in ledger]
    measured_by = {}
    for line in lines:
        measured_by.setdefault((line["claim"], line["title"]), set()).add(line["notebook"])
    assert not [key for key, names in measured_by.items() if len(names) > 1]
    assert all(line["recorded"] or line["notebook"] == ledger[line["claim"]].home for line in lines)
    homes = {entry.home for entry in ledger if entry.home in NAMES}
    assert homes == {name for name in NAMES if not name.startswith("evidence/")}, "these are ours"
    missing = [
        e.id
        for e in ledger
        if e.home in NAMES and e.by == "ours" and e.id not in {line["claim"] for line in lines}
    ]
    assert not missing, "a claim without a number on its home page"
