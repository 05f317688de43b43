"""focus's overview: Fig. 1 against the model's own shapes, costs against counts by hand."""

import numpy as np
import pytest

from fgnb import claims, presets
from fgnb.data import cub
from fgnb.focus import region_stage
from fgnb.focus.region_answers import RegionAnswers
from fgnb.nn.backbones import NO_CUT, create_backbone
from fgnb.nn.nts import NTSHeads
from fgnb.report import overview, rederive

SCENE = overview.Scene("resnet18", 96, 64, 7)


@pytest.fixture
def stage(write_cub, tmp_path, monkeypatch):
    monkeypatch.setenv("FGNB_RUNS", str(tmp_path / "runs"))
    images = cub.load(write_cub(classes=2, train=4, test=2, size=80), name="drawn")
    smoke = presets.get("smoke", threads=1, batch_size=4)
    return region_stage(smoke, images, backbone="resnet18", weights="random", start="logistic")


def test_fig_1_is_the_pass_of_the_model(stage):
    steps = overview.trace_model(stage)
    assert [step.name for step in steps] == [
        *("tail", "image-level classifier", "attention map, boxes", "trunk", "tail"),
        *("hybrid classifier", "region-level classifier"),
    ]
    found = {step.name: step for step in steps}
    assert found["attention map, boxes"].shapes == ((1, 4, 4), (1, 6, 4))
    assert found["attention map, boxes"].multiply_adds == 2 * 2 * 512 * 2
    assert found["image-level classifier"].parameters == 512 * 2 + 2
    assert found["hybrid classifier"].parameters == 5 * 512 * 2 + 2
    assert steps[4].again
    model = stage.module().model
    counted = sum(step.parameters for step in steps if not step.again)
    assert counted == sum(p.numel() for p in model.parameters())


def test_weights_are_those_of_the_real_networks():
    backbone = create_backbone("resnet18", "random", cut=NO_CUT)
    own = sum(p.numel() for p in backbone.parameters())
    ours, theirs = (overview.answer_cost(method, SCENE) for method in overview.METHODS)
    assert ours["whole"].weights == theirs["whole"].weights == own
    assert ours["finder"].weights == 512 * 7 + 7
    heads = NTSHeads(512, 7, 96)
    assert theirs["finder"].weights == sum(p.numel() for p in heads.proposal_network.parameters())
    assert ours["classifier"].weights == sum(p.numel() for p in heads.concat.parameters())
    assert ours["regions"].weights == 0


def test_operations_by_hand():
    ours, theirs = (overview.answer_cost(method, SCENE) for method in overview.METHODS)
    assert ours["finder"].operations == 2 * 9 * 512 * 7
    first = 9 * 512 * 128 * 9
    down = (4 + 1) * 128 * 128 * 9
    score = 128 * (9 * 6 + 4 * 6 + 1 * 9)
    assert theirs["finder"].operations == 2 * (first + down + score)
    assert ours["classifier"].operations == 2 * 5 * 512 * 7
    assert ours["regions"].operations == theirs["regions"].operations
    single = overview.answer_cost("focus", overview.Scene("resnet18", 96, 64, 7, joined=1))
    assert ours["regions"].operations == 4 * single["regions"].operations
    with pytest.raises(ValueError, match="method is 'ccfr', needs one of focus, nts"):
        overview.answer_cost("ccfr", SCENE)


def test_what_is_saved_follows_from_the_sums(provenance):
    arrays = overview.cost_arrays({"small": SCENE})
    results = overview.cost_results(arrays, ["small"], provenance=provenance())
    table = overview.cost_table(SCENE)
    sums = [float(cell.text.replace(",", "")) for cell in table.rows[-1][1:]]
    saved = [r.value for r in results if r.claim == "focus.claim.compact"]
    assert saved[0] == pytest.approx(100 * (1 - sums[0] / sums[2]), abs=0.01)
    assert saved[1] == pytest.approx(100 * (1 - sums[1] / sums[3]), abs=0.05)
    for result in results:
        assert rederive(result, arrays) == (result.value, result.interval)
    ledger = claims.load("focus")
    assert ledger["focus.claim.compact"].home == "focus/3-1-overview"


def test_heads_that_an_answer_needs(stage, provenance):
    probs = np.eye(3, dtype=np.float32)[[0, 1, 2, 0]]
    boxes = np.tile(np.array([[0, 0, 4, 4], [4, 4, 8, 8]], np.float32), (4, 1, 1))
    moved = boxes.copy()
    moved[:, 1] += 1
    other = RegionAnswers(np.roll(probs, 1, axis=0), moved[:, ::-1])
    found = {"as trained": RegionAnswers(probs, boxes), "image": other}
    found["region"] = RegionAnswers(probs, boxes)
    arrays = overview.head_arrays(overview.trace_model(stage), found)
    results = overview.head_results(arrays, provenance=provenance())
    assert results[0].claim == "focus.fig1"
    assert [r.value for r in results[1:]] == [75.0, 50.0, 0.0, 0.0]
    for result in results:
        assert rederive(result, arrays) == (result.value, result.interval)
