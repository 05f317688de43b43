"""The plan of a stage: its chain, its cost against a count by hand, its values' origins."""

from dataclasses import fields

import pytest

from fgnb import presets
from fgnb.data import cub
from fgnb.focus import plan, region_stage
from fgnb.nn.cost import Part, meta_backbone, step_cost

SMOKE = presets.get("smoke", threads=1, batch_size=4)


@pytest.fixture
def stage(write_cub, tmp_path, monkeypatch):
    monkeypatch.setenv("FGNB_RUNS", str(tmp_path / "runs"))
    images = cub.load(write_cub(classes=2, train=4, test=2, size=80), name="drawn")

    def make(preset=SMOKE, **changes):
        return region_stage(preset, images, backbone="resnet18", weights="random", **changes)

    return make


def test_the_chain_is_the_plain_run_and_then_the_regions(stage):
    made = stage()
    assert plan.earlier(made) == [made.start]
    assert plan.earlier(made.start) == []
    assert plan.earlier(stage(start="logistic")) == []


def test_finding_regions_costs_one_product_and_no_weights(stage):
    made = stage(cut=1, start="logistic")
    spec, found = made.spec, plan.cost(made)
    backbone = meta_backbone("resnet18", cut=1)
    sides = (spec.image_size, 4), (spec.crop_size, 4 * 6)
    seen = step_cost([Part(backbone, ((3, side, side),), items) for side, items in sides])
    width, classes = 512, 2
    heads = [(width, 4), (width, 4 * 6), (5 * width, 4)]
    linear = sum(2 * features * classes * items for features, items in heads)
    attention = 2 * width * classes * 4 * 4  # four cells of four images
    assert found.forward == seen.forward + linear + attention
    assert found.operations == seen.operations + 3 * linear + attention
    assert found.weights == seen.weights + sum(
        features * classes + classes for features in (width, width, 5 * width)
    )


def test_image_level_only_costs_less_by_the_hybrid_classifier(stage):
    less = plan.cost(stage(hybrid_weight=0.0)).weights
    assert plan.cost(stage()).weights - less == 5 * 512 * 2 + 2


@pytest.mark.parametrize("apart", [{}, {"shared_extractor": False}, {"shared_classifier": False}])
def test_the_weights_are_those_of_the_module(stage, apart):
    made = stage(start="logistic", **apart)
    module, found = made.module(), plan.cost(made)
    assert found.weights == sum(t.numel() for t in module.state_dict().values())
    assert found.trained == sum(p.numel() for p in module.parameters() if p.requires_grad)
    assert found.forward == plan.cost(stage(start="logistic")).forward


@pytest.mark.parametrize("name", presets.NAMES)
def test_every_field_has_an_origin_and_the_recipes_value(stage, name):
    preset = presets.get(name)
    made = stage(preset)
    for one in [made, *plan.earlier(made)]:
        found = plan.origins(one, preset)
        for field in fields(one.spec):
            known = found[field.name]
            assert known.reason
            if field.name != "backbone":
                assert known.value == getattr(one.spec, field.name), field.name
    assert found["lr"].origin in ("stated", "chosen")


def test_what_differs_from_the_recipe_shows(stage):
    made = stage(box_size=20.0, map_scale=3)
    found = plan.origins(made, SMOKE)
    assert found["box_size"].value == pytest.approx(160 * 64 / 448)
    assert found["map_scale"].value == 2
