"""The plan of NTS: its chain, its cost against a count by hand, its values' origins."""

from dataclasses import fields

import pytest
from typer.testing import CliRunner

from fgnb import ccfr, focus, presets, training
from fgnb.baselines import plan
from fgnb.baselines.stages import nts_stage
from fgnb.cli import app
from fgnb.data import cub
from fgnb.nn.cost import Part, meta_backbone, step_cost
from fgnb.nn.nts_proposer import ProposalNetwork
from fgnb.training import plan as training_plan

SMOKE = presets.get("smoke", threads=1, batch_size=4)


@pytest.fixture
def stage(write_cub, tmp_path, monkeypatch):
    monkeypatch.setenv("FGNB_RUNS", str(tmp_path / "runs"))
    images = cub.load(write_cub(classes=2, train=4, test=2, size=80), name="drawn")

    def make(preset=SMOKE, *, started=False, **changes):
        given = {"backbone": "resnet18", "weights": "random"}
        start = ccfr.global_stage(preset, images, **given) if started else None
        return nts_stage(preset, images, start=start, **given, **changes)

    return make


def test_the_chain_is_the_plain_run_the_warm_up_and_then_nts(stage):
    made = stage(started=True)
    chain = training_plan.chain(made, plan.earlier)
    assert [one.name for one in chain] == ["ccfr/global", "baselines/nts-warm-up", "baselines/nts"]
    assert plan.earlier(made) == [made.start, made.warm_up]
    assert plan.earlier(stage(warm_up=False)) == []


def test_the_row_of_both_papers_is_one_run_from_the_plain_classifier(stage):
    images = stage().images
    rows = {
        paper: paper.row_stage("nts-net", SMOKE, images, backbone="resnet18", weights="random")
        for paper in (ccfr, focus)
    }
    assert len({training.identity(made).key for made in rows.values()}) == 1
    made = rows[ccfr]
    start, others = made.start.spec, ccfr.row_stage("fusion", SMOKE, images)
    assert (made.start.name, start.epochs) == ("ccfr/global", SMOKE.epochs)
    assert others.start.spec.epochs == start.epochs  # as long, under the multi-level loss
    assert made.warm_up.spec.epochs == others.warm_up.spec.epochs
    assert made.spec.epochs == others.spec.epochs
    options = {"epochs": 3, "crop_size": 48, "region_share": 0.2}
    chosen = ccfr.row_stage("nts-net-held-out", SMOKE, images, **options)
    assert (chosen.spec.fold, chosen.start.spec.fold) == ("held-out", "held-out")
    assert chosen.warm_up.spec.fold == "held-out"
    assert (chosen.spec.epochs, chosen.spec.region_share) == (3, 0.2)
    assert chosen.warm_up.spec.crop_size == chosen.spec.crop_size == 48


def test_both_cost_what_a_count_by_hand_gives(stage):
    made = stage(cut=1)
    spec, found, first = made.spec, plan.cost(made), plan.cost(made.warm_up)
    backbone, batch = meta_backbone("resnet18", cut=1), 4
    sides = (spec.image_size, batch), (spec.crop_size, 6 * batch)
    seen = step_cost([Part(backbone, ((3, side, side),), items) for side, items in sides])
    cells = (2, 1, 1)  # along a side of the maps at strides 32, 64 and 128
    down = sum(
        2 * 9 * before * 128 * side**2 for before, side in zip((512, 128, 128), cells, strict=True)
    )
    score = sum(2 * 128 * kinds * side**2 for kinds, side in zip((6, 6, 9), cells, strict=True))
    heads = sum(2 * w * 2 * items for w, items in ((512, 4), (512, 24), (5 * 512, 4)))
    proposer = batch * (down + score)
    assert found.forward == seen.forward + proposer + heads
    part = 2 * 512 * 2 * 24
    assert first.forward == seen.forward + proposer + part
    back = first.operations - first.forward  # the proposer's alone
    assert proposer < back < 2 * proposer


@pytest.mark.parametrize("warm", [True, False])
def test_the_weights_are_those_of_the_module(stage, warm):
    made = stage()
    made = made.warm_up if warm else made
    module, found = made.module(), plan.cost(made)
    assert found.weights == sum(t.numel() for t in module.state_dict().values())
    assert found.trained == sum(p.numel() for p in module.parameters() if p.requires_grad)
    proposer = sum(p.numel() for p in ProposalNetwork(512).parameters())
    assert (found.trained == proposer) == warm


@pytest.mark.parametrize("name", presets.NAMES)
@pytest.mark.parametrize("warm", [True, False])
def test_every_field_has_an_origin_and_the_recipes_value(stage, name, warm):
    preset = presets.get(name)
    made = stage(preset, started=True, warm_up=True) if warm else stage(preset, started=True)
    one = made.warm_up if warm else made
    found = plan.origins(one, preset)
    for field in fields(one.spec):
        known = found[field.name]
        assert known.reason
        if field.name != "backbone":
            assert known.value == getattr(one.spec, field.name), field.name
    if not warm:
        assert found["warm_up"].origin == ("stated" if name == "paper" else "chosen")


def test_a_warm_up_that_the_recipe_lacks_shows(stage):
    made = stage(warm_up=False, region_share=0.1)
    found = plan.origins(made, SMOKE)
    assert found["warm_up"].value is True
    assert found["region_share"].value != 0.1


@pytest.mark.parametrize("row", ["baselines/nts", "focus/nts-net", "ccfr/nts-net"])
def test_the_command_line_shows_the_chain_and_the_values(row, tmp_path, monkeypatch):
    monkeypatch.setenv("FGNB_RUNS", str(tmp_path / "runs"))
    monkeypatch.setattr(
        training_plan, "measure_rate", lambda *asked: training_plan.Rate(1e9, "made up")
    )
    words = ("train", row, "--preset", "smoke", "-p", "weights", "random", "--dry-run")
    done = CliRunner().invoke(app, list(words))
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    room = row.partition("/")[0]
    first = [] if room == "baselines" else [f"{room}/global"]
    names = [line.split()[0] for line in lines if "GiB" in line]
    assert names == [*first, "baselines/nts-warm-up", "baselines/nts"]
    values = {line.split()[0]: line for line in lines if line.startswith("  ")}
    assert "baselines/nts-warm-up" in values["warm_up"]
    assert "chosen: as the regions" in values["warm_up"]
    assert "stated: public code" in values["proposals"]
    assert "chosen" in values["region_share"]
    assert not (tmp_path / "runs").exists()
