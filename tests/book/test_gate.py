"""The gate: every way in which an executed notebook is not what its source says."""

import json
import shutil

import pytest
from conftest import BEGIN

from fgnb.book import GateError, gate, manifest, run_notebook


@pytest.fixture(scope="module")
def executed(tmp_path_factory, make_project):
    """A sound executed copy, made once."""
    with pytest.MonkeyPatch.context() as patch:
        project = make_project(tmp_path_factory.mktemp("gate") / "p")
        patch.setenv("FGNB_ROOT", str(project.root))
        project.add("a/page", BEGIN, "print(p.topn)")
        (entry,) = manifest.read("smoke")
        run_notebook(entry.source, entry.overrides, entry.output)
        yield project


@pytest.fixture
def entry(executed, tmp_path, monkeypatch):
    shutil.copytree(executed.root, tmp_path / "p")
    monkeypatch.setenv("FGNB_ROOT", str(tmp_path / "p"))
    return lambda: manifest.read("smoke")[0]


def change(file, edit):
    notebook = json.loads(file.read_text())
    edit(notebook)
    file.write_text(json.dumps(notebook))


def refused(entry, message):
    with pytest.raises(GateError, match=message) as caught:
        gate.check([entry])
    assert "a/page: " in str(caught.value)


def test_a_sound_copy_is_admitted(entry):
    gate.check([entry()])


def test_a_missing_and_a_torn_copy(entry):
    entry().output.write_text("{")
    refused(entry(), "can't be read as a notebook")
    entry().output.unlink()
    refused(entry(), "it was not executed")


def test_an_error_behind_raises_exception(entry):
    def edit(notebook):
        cell = notebook["cells"][-1]
        cell["metadata"]["tags"] = ["raises-exception"]
        cell["outputs"] = [
            {"output_type": "error", "ename": "ValueError", "evalue": "no", "traceback": []}
        ]

    change(entry().output, edit)
    refused(entry(), r"code cell 3 \(print\(p.topn\)\) shows an error, ValueError: no")


def test_an_unexecuted_cell_and_one_out_of_order(entry):
    change(entry().output, lambda n: n["cells"][-1].update(execution_count=None))
    refused(entry(), r"code cell 3 \(print\(p.topn\)\) was not executed")
    change(entry().output, lambda n: n["cells"][-1].update(execution_count=1))
    refused(entry(), "executed out of order")


def test_an_exception_noted_by_papermill(entry):
    change(entry().output, lambda n: n["metadata"]["papermill"].update(exception=True))
    refused(entry(), "its execution ended in an exception")


def test_a_copy_that_papermill_did_not_make(entry):
    change(entry().output, lambda n: n["metadata"].pop("papermill"))
    refused(entry(), "it was not executed by fgnb")


def test_a_copy_of_an_older_source(entry):
    change(entry().source, lambda n: n["cells"][-1].update(source="print(p.topn + 0)"))
    refused(entry(), "another version of its source")


def test_a_copy_whose_cells_were_edited(entry):
    change(entry().output, lambda n: n["cells"][-1].update(source="print(8)"))
    refused(entry(), "another version of its source")


def test_touching_the_source_or_its_text_changes_nothing(entry):
    change(entry().source, lambda n: n["cells"][0].update(id="other"))
    gate.check([entry()])
    change(entry().source, lambda n: n["cells"][0].update(source="# Other words"))
    gate.check([entry()])


def test_another_version_of_the_library(entry):
    change(entry().output, lambda n: n["metadata"]["fgnb"].update(library_digest="0" * 64))
    refused(entry(), "another version of the library")


def test_parameters_that_are_not_the_manifests(entry):
    change(entry().output, lambda n: n["metadata"]["fgnb"]["parameters"].update(topn=7))
    refused(entry(), "it ran with topn = 7, not 5")


def test_parameters_that_only_papermill_knows_of(entry):
    change(entry().output, lambda n: n["metadata"]["papermill"]["parameters"].update(topn=7))
    refused(entry(), "it ran with topn = 7, not 5")


def test_a_data_set_of_photographs(entry):
    def edit(notebook):
        lines = notebook["cells"][1]["source"]
        notebook["cells"][1]["source"] = [line.replace('"drawn"', '"cub"') for line in lines]

    change(entry().source, edit)
    refused(entry(), "its data set is cub; only drawn pictures may enter")


def test_results_on_photographs(entry):
    folder = entry().results
    folder.mkdir(exist_ok=True)
    (folder / "kept.json").write_text('{"provenance": {"dataset": "cub"}}')
    refused(entry(), "its data set is cub")
    (folder / "kept.json").unlink()
    # A row's record says where it comes from; numbers name the recorded sets that stand beside.
    (folder / "plain-drawn-1.json").write_text('{"provenance": {"dataset": "drawn"}}')
    (folder / "page.numbers.json").write_text('[{"dataset": "cub"}]')
    gate.check([entry()])
    (folder / "plain-cub-1.json").write_text('{"provenance": {"dataset": "cub"}}')
    refused(entry(), "its data set is cub")
    (folder / "plain-cub-1.json").unlink()
    (folder / "kept.json").write_text("[]")
    refused(entry(), "its results kept.json can't be read")


def test_every_fault_is_named(entry):
    other = entry()
    change(other.output, lambda n: n["metadata"]["papermill"].update(exception=True))
    change(other.output, lambda n: n["cells"][-1].update(execution_count=None))
    with pytest.raises(GateError, match=r"ended in an exception; .* was not executed"):
        gate.check([other])
