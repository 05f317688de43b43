"""A paper's notebooks with one set of parameters: executed once, gone on with, held to the gate."""

import pytest
from conftest import BEGIN, PARAMETERS
from typer.testing import CliRunner

from fgnb.book import GateError, ParameterError, chapter, run_chapter
from fgnb.cli import app

SLOW = """
import os, time
if p.topn == 9:
    os.kill(os.getppid(), 14)  # SIGALRM
    time.sleep(60)
"""


@pytest.fixture
def paper(project):
    one, two = (BEGIN.replace("a/page", name) for name in ("ccfr/one", "ccfr/two"))
    project.add("ccfr/one", one, "print(p.dataset)")
    project.add("ccfr/two", two, SLOW, parameters=f"{PARAMETERS}\nx: int = 1")
    project.add("focus/other", BEGIN)
    return project


def test_each_is_given_what_it_declares_and_executed_once(paper):
    said = []
    values = {"dataset": "cub", "topn": "7"}
    done = list(run_chapter("ccfr", values, echo=said.append))
    assert [one.name for one in done] == ["ccfr/one", "ccfr/two"]
    assert [one.parameters["topn"] for one in done] == [7, 7]
    assert done[0].parameters["dataset"] == "cub"  # photographs: no page, but a sound execution
    assert all("admitted" in line for line in said)
    assert list(run_chapter("ccfr", values, echo=said.append)) == []
    assert said[2:] == ["ccfr/one: is there", "ccfr/two: is there"]
    (again,) = run_chapter("ccfr", {"dataset": "cub", "topn": 7, "x": 2}, echo=said.append)
    assert again.name == "ccfr/two"


def test_records_that_come_meanwhile_are_those_of_the_next_page(paper, monkeypatch):
    """The digest of what a page stands on is taken when it begins, not when the first one does."""
    digests = {"now": "0" * 64}
    for place in ("manifest", "run"):
        monkeypatch.setattr(f"fgnb.book.{place}.library_digest", lambda *_: digests["now"])
    said = []
    for _ in run_chapter("ccfr", {}, echo=said.append):
        digests["now"] = "1" * 64
    assert len(said) == 2


def test_what_none_declares_is_refused_before_any_runs(paper):
    with pytest.raises(ParameterError, match="no notebook of ccfr has the parameter 'top'"):
        list(run_chapter("ccfr", {"top": 3}, echo=print))
    with pytest.raises(ParameterError, match="ccfr/two"):
        list(run_chapter("ccfr", {"x": "many"}, echo=print))
    assert not (paper.root / "_build").exists()


def test_an_unsound_execution_is_refused(paper, monkeypatch):
    monkeypatch.setattr(chapter, "_faults", lambda entry: ["it was not executed to its end"])
    with pytest.raises(GateError, match="ccfr/one: it was not executed to its end"):
        list(run_chapter("ccfr", {}, echo=print))


def test_the_command_stops_when_the_time_is_up(paper):
    words = ["run", "ccfr", "-p", "topn", "9", "--minutes", "60"]
    stopped = CliRunner().invoke(app, words)
    assert stopped.exit_code == 3, stopped.output
    assert "ccfr/one: executed" in stopped.stdout
    assert "60 minutes are over: stopped at cell" in stopped.stdout
    assert not (paper.root / "_build/runs/ccfr/two.ipynb").exists()
    refused = CliRunner().invoke(app, ["run", "ccfr", "--output", "x.ipynb"])
    assert "--output is of one notebook" in refused.stderr
    refused = CliRunner().invoke(app, ["run", "ccfr", "--keep"])
    assert "--keep is of one notebook; fgnb record ccfr keeps rows" in refused.stderr
