"""Every notebook at the smoke preset: run strictly, then by plain papermill from elsewhere."""

import json
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import numpy as np
import pytest

from fgnb import claims, report
from fgnb.book import run_notebook

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
    results, refused = report.read_folder(executed.results)
    assert results
    assert not refused
    assert {result.provenance.protocol for result in results} == {"drawn"}
    assert {result.provenance.notebook for result in results} == {name}


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
    for file in sorted(first.glob("*.json")):
        ours, theirs = (json.loads(f.read_text()) for f in (file, tmp_path / "results" / file.name))
        for one, other in zip(ours["results"], theirs["results"], strict=True):
            assert (one["claim"], one["value"]) == (other["claim"], other["value"])
            assert one["interval"] == other["interval"]
        with (
            np.load(file.with_suffix(".npz")) as one,
            np.load(tmp_path / "results" / f"{file.stem}.npz") as other,
        ):
            assert all(np.array_equal(one[key], other[key]) for key in one.files)


def test_each_claim_is_recorded_by_one_notebook_its_home(strictly):
    """Two pages over one model would put the same number on the scorecard twice."""
    ledger = claims.load()
    recorded_by = {}
    for name in sorted(NAMES):
        for result in report.read_folder(strictly(name).results)[0]:
            if result.claim in ledger:
                recorded_by.setdefault(result.claim, set()).add(name)
    assert recorded_by == {claim: {ledger[claim].home} for claim in recorded_by}
