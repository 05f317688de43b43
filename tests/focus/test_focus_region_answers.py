"""A trained model under other choices of regions: the same as a stage of that spec would say."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from fgnb import training
from fgnb.focus.region_answers import answers_under
from fgnb.focus.region_stage import FocusStage


def slow(stage, run, **changes):
    """The whole model of a stage that has the spec from the beginning, on the same weights."""
    spec = replace(stage.spec, **changes)
    other = FocusStage(stage.images, spec, stage.weights, stage.name, start=None)
    module = other.module()
    run.load_weights(module)
    module.eval()
    with torch.no_grad():
        (batch,) = other.zoomed.batches(other.query_index)
        output = module(batch)
    count = spec.concatenated
    return output.logits.softmax(1).numpy(), output.chosen.boxes[:, :count].numpy()


def test_each_setting_is_what_its_own_spec_says(trained):
    stage, run = trained
    settings = {
        "as trained": {},
        "no smoothing": {"sigma": 0.0},
        "clipped": {"border": "clip"},
        "single": {"attention": "single"},
        "no bias": {"count_bias": False},
        "random": {"boxes": "random"},
        "strict": {"iou": 0.0},
    }
    found = answers_under(stage, run, settings)
    assert list(found) == list(settings)
    for name, changes in settings.items():
        probs, boxes = slow(stage, run, **changes)
        np.testing.assert_allclose(found[name].probs, probs, atol=1e-5)
        assert np.array_equal(found[name].boxes, boxes), name
    kept = run.predictions
    np.testing.assert_allclose(found["as trained"].probs, kept["query_probs"], atol=1e-5)
    assert not np.array_equal(found["clipped"].boxes, found["as trained"].boxes)


def test_the_region_classifier_is_not_needed_and_the_image_one_is(trained):
    stage, run = trained
    found = answers_under(
        stage, run, {"as trained": {}}, without={"no region": "region", "no image": "image"}
    )
    assert np.array_equal(found["no region"].probs, found["as trained"].probs)
    first = stage.anchors.boxes[0].numpy()
    assert (found["no image"].boxes[:, 0] == first).all(), "a flat map goes by the order of cells"
    assert run.weights()["model.image.weight"].abs().sum() > 0


def test_what_needs_a_training_is_refused(trained):
    stage, run = trained
    with pytest.raises(ValueError, match="concatenated needs a training of its own; free are"):
        answers_under(stage, run, {"fewer": {"concatenated": 2}})
    with pytest.raises(ValueError, match="without names 'hybrid'"):
        answers_under(stage, run, {}, without={"none": "hybrid"})
    plain = replace(stage.spec, hybrid_weight=0.0)
    bare = FocusStage(stage.images, plain, stage.weights, stage.name, start=None)
    with pytest.raises(ValueError, match="no hybrid classifier"):
        answers_under(bare, training.fit(bare, progress=False), {"as trained": {}})
