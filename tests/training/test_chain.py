"""A stage's place in its chain, what is found and what is trained, and the time of all."""

import pytest
import torch
from tiny_stages import TinyStage

from fgnb import progress
from fgnb.cli.train import build_stage
from fgnb.progress.follow import Told
from fgnb.training import chain, fit, identity
from fgnb.training.chain import LEAST, Chain, Link


class Chained(TinyStage):
    """A stage that trains another one first, as papers' stages do; the plan knows of it."""

    def __init__(self, name, start=None, **spec):
        super().__init__(**spec)
        self.name, self.start = name, start

    def module(self):
        if self.start is not None:
            fit(self.start, progress=False)
        return super().module()


@pytest.fixture
def three(monkeypatch, tmp_path):
    monkeypatch.setenv("FGNB_RUNS", str(tmp_path / "runs"))
    first = Chained("tests/first", rate=0.1, epochs=1)
    return Chained("tests/last", Chained("tests/middle", first, rate=0.2, epochs=1), epochs=2)


def test_a_log_says_which_stage_of_which_chain(three, capfd):
    fit(three)
    lines = [line.partition(": loss")[0] for line in capfd.readouterr().out.splitlines()]
    assert lines == [
        "tests/last, stage 1 of 3 (tests/first): epoch 1 of 1",
        "tests/last, stage 1 of 3 (tests/first): trained",
        "tests/last, stage 2 of 3 (tests/middle): epoch 1 of 1",
        "tests/last, stage 2 of 3 (tests/middle): trained",
        "tests/last, stage 3 of 3: epoch 1 of 2",
        "tests/last, stage 3 of 3: epoch 2 of 2",
        "tests/last, stage 3 of 3: trained",
    ]
    fit(three)
    assert capfd.readouterr().out == "tests/last: found in the store\n"


def test_what_lies_in_the_store_is_named_as_found(three, capfd):
    fit(three.start, progress=False)
    fit(three)
    lines = capfd.readouterr().out.splitlines()
    assert lines[0] == "tests/last, stage 2 of 3 (tests/middle): found in the store"
    assert lines[1].startswith("tests/last, stage 3 of 3: epoch 1 of 2")


def test_a_page_has_its_own_stages_lines_alone(three, tmp_path, capfd):
    """As in a kernel whose notebook is run by fgnb: the rest goes to the process above."""
    told = tmp_path / "progress"
    with progress.shown(Told(str(told))):
        fit(three)
    out = capfd.readouterr().out.splitlines()
    assert [line.partition(": loss")[0] for line in out] == [
        "tests/last, stage 3 of 3: epoch 1 of 2",
        "tests/last, stage 3 of 3: epoch 2 of 2",
    ]
    assert "tests/last, stage 1 of 3 (tests/first): trained" in told.read_text()


def test_the_time_of_those_that_follow_is_by_their_operations():
    """Hand-worked: 10 steps of 6 operations in 30 s are 2 a second; 40 + 20 are to come."""
    asked = []

    def costing(name, value):
        return lambda: asked.append(name) or value

    chained = Chain(
        (
            Link("a", "1", 10, costing("a", 6.0)),
            Link("b", "2", 4, costing("b", 10.0)),
            Link("stored", "3", 0, None),
            Link("c", "4", 2, costing("c", 10.0)),
        )
    )
    assert chained.left("1", 10, LEAST - 1) is None
    assert asked == []
    assert chained.left("1", 10, 30.0) == 30.0
    assert chained.left("1", 10, 60.0) == 60.0
    assert asked == ["a", "b", "c"]  # once
    assert chained.left("4", 10, 30.0) is None
    assert chained.left("unknown", 10, 30.0) is None


@pytest.mark.parametrize("unknown", [0, 1])
def test_an_unknown_cost_gives_no_time(unknown):
    costs = [lambda: 5.0, lambda: 5.0]
    costs[unknown] = None
    chained = Chain((Link("a", "1", 10, costs[0]), Link("b", "2", 10, costs[1])))
    assert chained.left("1", 10, 30.0) is None


def test_a_papers_chain_is_that_of_its_plan(monkeypatch, tmp_path):
    monkeypatch.setenv("FGNB_RUNS", str(tmp_path))
    stage = build_stage("ccfr/regions", {"preset": "smoke", "weights": "random"})
    found = chain.chain_of(stage)
    names = ["ccfr/global", "ccfr/multi-level", "ccfr/warm-up", "ccfr/regions"]
    assert [link.name for link in found.links] == names
    assert all(link.steps == 2 and link.operations for link in found.links)
    assert chain.room_plan("tests") is None


def test_asking_for_the_cost_changes_no_number(three, monkeypatch, tmp_path):
    """The cost of what follows is asked for between two steps; a model is made up for it."""

    def weights(run):
        return (run.path / "weights.safetensors").read_bytes()

    silent = weights(fit(three.start.start, progress=False, root=tmp_path / "silent"))
    asked = []

    def cost():
        asked.append(torch.rand(3))
        return 1.0

    one = three.start.start
    own = identity(one).key
    chained = Chain((Link(one.name, own, 6, cost), Link("later", "later", 6, lambda: 1.0)))
    monkeypatch.setattr(chain, "LEAST", -1.0)
    monkeypatch.setattr(chain, "chain_of", lambda stage: chained)
    assert weights(fit(one)) == silent
    assert asked
