"""What counts of a notebook's source, and how an executed copy takes its text over."""

import copy

import pytest

from fgnb.book import sources


def cell(kind, text, *tags, **more):
    return {"cell_type": kind, "source": text, "metadata": {"tags": [*tags]}, **more}


def code(text, *tags, count=None, shown=""):
    outputs = [{"output_type": "stream", "name": "stdout", "text": shown}] if shown else []
    return cell("code", text, *tags, outputs=outputs, execution_count=count)


SOURCE = {
    "nbformat": 4,
    "metadata": {},
    "cells": [
        cell("markdown", "# Title"),
        code("n = 1", "parameters"),
        cell("markdown", "Some words."),
        code("print(n)"),
        code(" "),
        code("print(n)", "hide-input"),
    ],
}


def executed():
    """SOURCE with outputs and the cell that papermill puts after the parameters."""
    out = copy.deepcopy(SOURCE)
    out["metadata"] = {"papermill": {}}
    out["cells"][1]["execution_count"] = 1
    out["cells"][3] = code("print(n)", count=3, shown="2")
    out["cells"][5] = code("print(n)", count=4, shown="two")
    out["cells"].insert(2, code("# Parameters\nn = 2\n", "injected-parameters", count=2))
    return out


def edited(edit):
    out = copy.deepcopy(SOURCE)
    edit(out["cells"])
    return out


TEXT = [
    lambda cells: cells[0].update(source="# Another title"),
    lambda cells: cells[2].update(metadata={"tags": ["margin"]}),
    lambda cells: cells.insert(3, cell("markdown", "More words.")),
    lambda cells: cells.pop(2),
    lambda cells: cells.insert(5, cells.pop(0)),
    lambda cells: cells.pop(4),
    lambda cells: cells[5]["metadata"].update(tags=["remove-input"], editable=False),
    lambda cells: cells[3].update(outputs=[1], execution_count=9, id="other"),
]
CODE = [
    lambda cells: cells[3].update(source="print(n + 1)"),
    lambda cells: cells[1]["metadata"].update(tags=[]),
    lambda cells: cells[3]["metadata"].update(tags=["raises-exception"]),
    lambda cells: cells.append(code("n")),
    lambda cells: cells.pop(3),
    lambda cells: cells.insert(1, cells.pop(3)),
    lambda cells: cells[3].update(cell_type="markdown"),
]


@pytest.mark.parametrize("edit", TEXT)
def test_text_is_no_part_of_what_is_executed(edit):
    assert sources.source_digest(edited(edit)) == sources.source_digest(SOURCE)


@pytest.mark.parametrize("edit", CODE)
def test_code_is(edit):
    assert sources.source_digest(edited(edit)) != sources.source_digest(SOURCE)


def test_an_executed_copy_has_the_digest_of_its_source():
    assert sources.source_digest(executed()) == sources.source_digest(SOURCE)


@pytest.mark.parametrize("edit", TEXT)
def test_the_text_is_taken_over_and_the_outputs_stay(edit):
    source, done = edited(edit), executed()
    page = sources.with_current_text(done, source)
    assert done == executed()
    assert source["cells"] == edited(edit)["cells"]
    assert page["metadata"] == done["metadata"]
    number = next(i for i, c in enumerate(page["cells"]) if c["source"] == "n = 1")
    injected = page["cells"].pop(number + 1)
    assert injected == done["cells"][2]
    seen = [(c["cell_type"], c["source"], c["metadata"]) for c in page["cells"]]
    assert seen == [(c["cell_type"], c["source"], c["metadata"]) for c in source["cells"]]
    ran = [c for c in page["cells"] if c["cell_type"] == "code" and c["source"].strip()]
    assert [c["execution_count"] for c in ran] == [1, 3, 4]
    assert [o["text"] for c in ran for o in c["outputs"]] == ["2", "two"]


def test_an_injected_cell_without_parameters_stays_on_top():
    source = {**SOURCE, "cells": [cell("markdown", "# Title"), code("print(1)")]}
    done = copy.deepcopy(source)
    done["cells"].insert(0, code("n = 2", "injected-parameters", count=1))
    page = sources.with_current_text(done, source)
    assert [c["source"] for c in page["cells"]] == ["n = 2", "# Title", "print(1)"]


@pytest.mark.parametrize("edit", [CODE[0], *CODE[3:]])
def test_other_code_cells_are_refused(edit):
    with pytest.raises(sources.NotebookError, match="not those of its source"):
        sources.with_current_text(executed(), edited(edit))
