"""Scorers on a toy: what each lesson looks at, and that it teaches the box that tells."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from fgnb import training
from fgnb.evidence.scorers import LESSONS, ScorerModule, ScorerStage
from fgnb.nn.regions import greedy_nms


def stage_of(toy, scorer, lesson, **changed):
    stage = toy.made.stage(scorer, lesson)
    spec = replace(stage.spec, **{"lr": 0.05, "epochs": 20, **changed})
    given = (stage.images, stage.found, stage.split, stage.taught)
    return ScorerStage(*given, replace(spec, start=None))


def found_first(toy, scores):
    """Share of test images whose best box is the one that tells."""
    rows = toy.made.split.test
    return float((scores[rows].argmax(axis=1) == toy.telling[rows]).mean())


@pytest.mark.parametrize("scorer", ["pyramid", "nts"])
def test_a_warm_up_finds_the_box_that_tells(toy, scorer):
    made = toy()
    stage = stage_of(made, scorer, "warm-up", epochs=60)
    torch.manual_seed(0)
    module = stage.module()
    optimizer = module.configure_optimizers()["optimizer"]
    for epoch in range(60):  # what `fit` does, without its bookkeeping
        for batch in stage.batches(epoch):
            optimizer.zero_grad()
            pair = torch.tensor(batch), torch.from_numpy(stage.labels[batch])
            module.loss(pair)["loss"].backward()
            torch.nn.utils.clip_grad_norm_(module.parameters(), stage.spec.clip_norm)
            optimizer.step()
    with torch.no_grad():
        scores = stage.predict(module)["scores"]
    assert scores.shape == made.made.found.regions.shape[:2]
    assert found_first(made, scores) > 0.6, "chance is a sixteenth"


def test_confidence_is_of_strangers(toy):
    """On pure noise a fit on the same images would be sure; one without them must not be."""
    taught = toy(signal=0.0).made.taught
    assert np.exp(taught.confidence).mean() < 0.4, "a quarter is chance"
    sure = toy()
    rows = sure.made.split.taught
    best = sure.made.taught.confidence.argmax(axis=1)
    assert (best == sure.telling[rows]).mean() > 0.6


@pytest.mark.parametrize("lesson", LESSONS)
def test_each_lesson_looks_at_its_boxes(toy, lesson):
    stage = stage_of(toy(), "pyramid", lesson)
    module = ScorerModule(stage)
    torch.manual_seed(0)
    scores = torch.randn(5, 16)
    places = module._places(scores)
    best = greedy_nms(scores, module.overlap, count=6, iou=0.25)
    assert all(len(set(own)) == len(own) for own in places.tolist())
    if lesson == "warm-up":
        assert places.shape == (5, 6)
        assert not torch.equal(places, module._places(scores)), "drawn anew"
    elif lesson == "own-best":
        assert torch.equal(places, best)
    else:
        assert torch.equal(places[:, :4], best[:, :4])
        assert places.shape[1] == (6 if lesson == "margin-rank" else 4)


@pytest.mark.parametrize("lesson", LESSONS)
def test_each_lesson_moves_the_scorer_and_the_gate_its_classifiers_alone(toy, lesson):
    module = stage_of(toy(), "pyramid", lesson).module()
    place = torch.arange(16)
    targets = torch.from_numpy(module.stage.labels[:16])
    module.loss((place, targets))["loss"].backward()
    assert any(p.grad is not None and p.grad.any() for p in module.scorer.parameters())
    assert hasattr(module, "whole") == (lesson == "gate")
    learn = {
        id(p)
        for group in module.configure_optimizers()["optimizer"].param_groups
        for p in group["params"]
    }
    assert learn == {id(p) for p in module.parameters()}


def test_a_lesson_goes_on_from_the_warm_up_and_none_is_the_warm_up(toy):
    made = toy(max_steps=2).made
    stage = made.stage("pyramid", "gate")
    warm = training.fit(stage.start, progress=False)
    start = {k: v for k, v in stage.module().state_dict().items() if k.startswith("scorer.")}
    assert all(torch.equal(value, warm.weights()[name]) for name, value in start.items())
    assert np.array_equal(made.scorer_scores("pyramid", "warm-up"), warm.predictions["scores"])


def test_what_is_unknown_is_said(toy):
    stage = toy().made.stage("pyramid", "warm-up")
    with pytest.raises(ValueError, match="scorer is 'fpn'"):
        replace(stage.spec, scorer="fpn")
    with pytest.raises(ValueError, match="lesson is 'none'"):
        replace(stage.spec, lesson="none")
    given = (stage.images, stage.found, stage.split, stage.taught, stage.spec)
    with pytest.raises(ValueError, match="should both be None"):
        ScorerStage(*given, start=stage)
