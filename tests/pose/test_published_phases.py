"""Every phase at the `paper` preset takes two steps: VGG-16, everything trained, no cache.

Smaller pictures and thin fc6 and fc7, for time; the weights are random, and asked for.
"""

from dataclasses import replace

import pytest
import torch

from fgnb import data, pose, presets, training
from fgnb.pose import plan, recipe
from fgnb.training import plan as plans

VGG = {"backbone": "vgg16", "weights": "random"}
PAPER = {"image_size": 64, "max_steps": 2, "batch_size": 1, "loader_workers": 0}
STAGES = {
    "classifier": {"holistic": "random-maclaurin", "dim": 32},
    "shared": {},
    "part-net": {"part": "body"},
    "part-nets": {"dim": 32},
    "global": {},
    "equal-compute": {},
}


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    scale = presets.get("smoke", species=2, families=1, train_per_class=2, test_per_class=1)
    return data.open_images("drawn", data_root=tmp_path_factory.mktemp("data"), preset=scale)


@pytest.fixture(scope="module", autouse=True)
def store(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FGNB_RUNS", str(tmp_path_factory.mktemp("runs")))
        thin = replace(recipe.PUBLISHED["channels"], value=8)
        patch.setitem(recipe.PUBLISHED, "channels", thin)
        yield


@pytest.mark.parametrize("name", STAGES)
def test_two_steps(images, name):
    stage = pose.STAGES[name](presets.get("paper", **PAPER), images, **VGG, **STAGES[name])
    run = training.fit(stage, progress=False)
    assert run.metrics["final"]["step"] == 2
    assert run.spec["cut"] == 1
    before = {k: v for k, v in stage.module().named_parameters() if v.requires_grad}
    kept = run.weights()
    assert before
    changed = [k for k, v in before.items() if not torch.equal(v, kept[k])]
    assert changed, "two steps move something"


def test_a_dry_run_prints_the_whole_chain(images):
    stage = pose.part_nets_stage(presets.get("paper"), images, **VGG)
    chain = [one.name for one in plans.chain(stage, plan.earlier)]
    assert chain == [
        *("pose/localiser-head", "pose/localiser", "pose/classifier"),
        *("pose/part-net", "pose/part-net", "pose/part-nets"),
    ]
