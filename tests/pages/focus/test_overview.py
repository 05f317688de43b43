"""focus's overview: Fig. 1 against the model's own shapes, costs against counts by hand."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from fgnb import claims, focus, presets, training
from fgnb.data import cub
from fgnb.focus import costs
from fgnb.focus.region_answers import RegionAnswers
from fgnb.nn.backbones import NO_CUT, create_backbone
from fgnb.nn.nts import NTSHeads
from fgnb.pages.focus import overview
from fgnb.report import records
from fgnb.report.sheet import Sheet

SMALL = costs.Network("resnet18", 96, 64, 7)


@pytest.fixture
def images(write_cub):
    return cub.load(write_cub(classes=2, train=4, test=2, size=80), name="drawn")


@pytest.fixture
def stage(images, tmp_path, monkeypatch):
    monkeypatch.setenv("FGNB_RUNS", str(tmp_path / "runs"))
    smoke = presets.get("smoke", threads=1, batch_size=4)
    return focus.row_stage(
        "ours-held-out", smoke, images, backbone="resnet18", weights="random", start="logistic"
    )


def test_fig_1_is_the_pass_of_the_model(stage):
    calls = overview.trace_model(stage)
    assert [call.name for call in calls] == [
        *("tail", "image-level classifier", "attention map, boxes", "trunk", "tail"),
        *("hybrid classifier", "region-level classifier"),
    ]
    found = {call.name: call for call in calls}
    assert found["attention map, boxes"].shapes == ((1, 4, 4), (1, 6, 4))
    assert found["attention map, boxes"].multiply_adds == 2 * 2 * 512 * 2
    assert found["image-level classifier"].parameters == 512 * 2 + 2
    assert found["hybrid classifier"].parameters == 5 * 512 * 2 + 2
    assert calls[4].again
    model = stage.module().model
    counted = sum(call.parameters for call in calls if not call.again)
    assert counted == sum(p.numel() for p in model.parameters())


def test_weights_are_those_of_the_real_networks():
    backbone = create_backbone("resnet18", "random", cut=NO_CUT)
    own = sum(p.numel() for p in backbone.parameters())
    ours, theirs = (costs.answer_cost(method, SMALL) for method in costs.METHODS)
    assert ours["whole"].weights == theirs["whole"].weights == own
    assert ours["finder"].weights == 512 * 7 + 7
    heads = NTSHeads(512, 7, 96)
    assert theirs["finder"].weights == sum(p.numel() for p in heads.proposal_network.parameters())
    assert ours["classifier"].weights == sum(p.numel() for p in heads.concat.parameters())
    assert ours["regions"].weights == 0


def test_operations_by_hand():
    ours, theirs = (costs.answer_cost(method, SMALL) for method in costs.METHODS)
    assert ours["finder"].operations == 2 * 9 * 512 * 7
    first = 9 * 512 * 128 * 9
    down = (4 + 1) * 128 * 128 * 9
    score = 128 * (9 * 6 + 4 * 6 + 1 * 9)
    assert theirs["finder"].operations == 2 * (first + down + score)
    assert ours["classifier"].operations == 2 * 5 * 512 * 7
    assert ours["regions"].operations == theirs["regions"].operations
    single = costs.answer_cost("focus", costs.Network("resnet18", 96, 64, 7, joined=1))
    assert ours["regions"].operations == 4 * single["regions"].operations
    with pytest.raises(ValueError, match="method is 'ccfr', needs one of focus, nts"):
        costs.answer_cost("ccfr", SMALL)


def test_what_is_saved_follows_from_the_sums(stage, images):
    sheet = sheet_of(stage, images, {})
    overview.derive(sheet, SimpleNamespace())
    found = sheet.numbers(overview.COMPACT.numbers).set_index("label")["value"]
    network = costs.Network("resnet18", 64, 32, 2)
    text = repr(overview.cost_table(network)).splitlines()[-1]
    sums = [float(cell.replace(",", "")) for cell in text.split()[1:]]
    assert found["Saved of NTS's weights"] == pytest.approx(100 * (1 - sums[0] / sums[2]), abs=0.01)
    assert found["Saved of NTS's operations"] == pytest.approx(
        100 * (1 - sums[1] / sums[3]), abs=0.1
    )
    ours, theirs = (costs.total(costs.answer_cost(m, costs.PAPER)) for m in costs.METHODS)
    at_paper = found["Saved of NTS's weights, at the paper's scale"]
    assert at_paper == pytest.approx(100 * (1 - ours.weights / theirs.weights))
    assert len(sheet.numbers(overview.SUMS.numbers)) == 8  # no trained model, no Fig. 1


def test_a_sheet_without_the_model_costs_nothing():
    sheet = Sheet("focus")
    overview.derive(sheet, SimpleNamespace())
    assert not sheet.rows


def test_classifiers_that_an_answer_needs(stage, images, monkeypatch):
    probs = np.eye(3, dtype=np.float32)[[0, 1, 2, 0]]
    boxes = np.tile(np.array([[0, 0, 4, 4], [4, 4, 8, 8]], np.float32), (4, 1, 1))
    moved = boxes.copy()
    moved[:, 1] += 1
    other = RegionAnswers(np.roll(probs, 1, axis=0), moved[:, ::-1])
    same = RegionAnswers(probs, boxes)
    answers = {"as trained": same, "image": other, "region": same}
    monkeypatch.setattr(overview, "answers_under", lambda *_, **__: answers)
    sheet = sheet_of(stage, images, overview.needed_arrays(stage, None))
    assert sheet.numbers(overview.NEEDED.numbers)["value"].tolist() == [75.0, 50.0, 0.0, 0.0]
    weights = sheet.numbers([overview.SUMS.numbers[-1]])
    counted = sum(p.numel() for p in stage.module().model.parameters())
    assert weights[["claim", "value"]].to_numpy().tolist() == [["focus.fig1", counted]]


def test_the_claims_of_the_page_have_their_home_here():
    ledger = claims.load("focus")
    own = {n.claim for t in overview.TABLES for n in t.numbers if not n.claim.startswith("own.")}
    assert own == {e.id for e in ledger if e.home == overview.NOTEBOOK}


def test_equation_1_holds_as_it_is_printed(stage):
    run = training.fit(stage, progress=False)
    Z, Z_regions, W, W_hybrid = focus.passed(stage, run, 1)
    pooled = torch.cat([Z.mean(dim=(1, 2)), Z_regions.mean(dim=(2, 3)).flatten()])
    for name, scores in (
        ("query_image_probs", W @ Z.mean(dim=(1, 2))),
        ("query_probs", W_hybrid @ pooled),
    ):
        assert scores.softmax(0).numpy() == pytest.approx(run.predictions[name][1], abs=1e-5)
    assert torch.einsum("kn,nhw->khw", W, Z).mean(dim=(1, 2)).numpy() == pytest.approx(
        (W @ Z.mean(dim=(1, 2))).numpy(), abs=1e-5
    )


def sheet_of(stage, images, arrays):
    """A sheet with the row of a stage that was not trained."""
    context = records.Context("focus", "smoke", images, None, "drawn")
    row = records.of_set(context, overview.ROW, arrays, ["fgnb.focus.costs"])
    spec = {name: getattr(stage.spec, name) for name in ("image_size", "crop_size", "concatenated")}
    origin = row.origin.model_copy(update={"backbone": stage.spec.backbone, "spec": spec})
    sheet = Sheet("focus")
    sheet.add(records.Record("focus", overview.ROW, row.arrays, origin))
    return sheet
