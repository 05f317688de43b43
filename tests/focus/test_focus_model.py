"""The model on made-up batches: where regions come from, what each classifier sees, gradients."""

import math
from dataclasses import replace

import pytest
import torch
from torch import nn

from fgnb import presets
from fgnb.focus import attention_map
from fgnb.focus.model import FocusModel, losses, region_boxes
from fgnb.focus.positions import attached_boxes, attached_regions
from fgnb.focus.recipe import region_spec
from fgnb.nn.maps import seeded_backbone
from fgnb.nn.regions import greedy_nms
from fgnb.nn.zoomed import ZoomedBatch

SIZE, CLASSES = 96, 5
SCALE = presets.get("smoke", threads=1, image_size=SIZE, source_size=128, crop_size=32)
SPEC = region_spec(SCALE, "resnet18", "random", fold="all", seed=0)


@pytest.fixture(scope="module")
def backbone():
    return seeded_backbone("resnet18", "random", cut=16, seed=0)


@pytest.fixture(scope="module")
def batch(backbone):
    generator = torch.Generator().manual_seed(1)
    sources = torch.randint(0, 256, (3, 3, 128, 128), generator=generator, dtype=torch.uint8)
    with torch.no_grad():
        inputs = backbone.trunk(torch.randn(3, 3, SIZE, SIZE, generator=generator))
    return ZoomedBatch(inputs, sources, torch.arange(3), torch.tensor([0, 4, 2]), torch.zeros(3, 3))


@pytest.fixture
def make(backbone):
    def make(**changes):
        torch.manual_seed(2)
        head = nn.Linear(backbone.num_features, CLASSES)
        nn.init.normal_(head.bias, std=0.5)
        return FocusModel(backbone, head, replace(SPEC, **changes)).eval()

    return make


def test_the_box_is_the_papers_at_any_size():
    boxes = region_boxes(SPEC).boxes
    assert len(boxes) == 9
    torch.testing.assert_close(boxes[:, 2] - boxes[:, 0], torch.full((9,), 160 * SIZE / 448))
    finer = region_boxes(replace(SPEC, map_scale=2))
    assert len(finer) == 36


def test_a_class_map_that_counts_biases_averages_to_the_class_score(make, batch):
    model = make(attention="single", count_bias=True)
    feature_map = model.extractor.whole(batch.inputs)[-1]
    with torch.no_grad():
        scores = model.image(feature_map.mean((2, 3)))
        for k in range(CLASSES):
            maps = model.attend(feature_map, torch.full((3,), k))
            torch.testing.assert_close(maps.mean((1, 2)), scores[:, k], rtol=1e-4, atol=1e-4)


def test_without_biases_the_map_is_equation_2_of_the_weights_alone(make, batch):
    model = make(count_bias=False)
    with torch.no_grad():
        feature_map = model.extractor.whole(batch.inputs)[-1]
        maps = model(batch).chosen.maps
        torch.testing.assert_close(maps, attention_map(feature_map, model.image.weight, sigma=1.0))


def test_a_single_class_map_is_the_given_or_the_predicted_classs(make, batch):
    model = make(attention="single")
    with torch.no_grad():
        predicted = model(batch).image_logits.argmax(1)
        other = (predicted + 1) % CLASSES
        free = model(batch).chosen.maps
        assert torch.equal(free, model(batch, classes=predicted).chosen.maps)
        assert not torch.equal(free, model(batch, classes=other).chosen.maps)
        highest = make()(batch, classes=other).chosen.maps
        assert torch.equal(highest, make()(batch).chosen.maps)


def test_a_finer_map_interpolates_the_smoothed_one(make, batch):
    with torch.no_grad():
        maps = make()(batch).chosen.maps
        finer = make(map_scale=2)(batch).chosen.maps
    assert finer.shape == (3, 6, 6)
    grid = nn.functional.interpolate(maps[:, None], (6, 6), mode="bilinear")[:, 0]
    torch.testing.assert_close(finer, grid)


def test_what_each_classifier_sees(make, batch):
    model = make()
    with torch.no_grad():
        for head in (model.image, model.region, model.hybrid):
            nn.init.normal_(head.weight, std=0.1)
        output = model(batch)
        whole = model.extractor.whole(batch.inputs)[-1].mean((2, 3))
        for b in range(3):
            one = ZoomedBatch(*(part[b : b + 1] for part in batch))
            parts = [
                model.extractor.regions(one, output.chosen.boxes[b : b + 1, k : k + 1])
                .mean((3, 4))
                .flatten()
                for k in range(6)
            ]
            embedding = torch.cat([whole[b], *parts[:4]])
            for found, wanted in (
                (output.embedding[b], embedding),
                (output.image_logits[b], model.image(whole[b])),
                (output.region_logits[b], model.region(torch.stack(parts))),
                (output.logits[b], model.hybrid(embedding)),
            ):
                torch.testing.assert_close(found, wanted, rtol=1e-3, atol=1e-3)
    assert output.chosen.boxes.shape == (3, 6, 4)
    strength = output.chosen.maps.flatten(1)
    assert torch.equal(output.chosen.scores, strength.gather(1, output.chosen.places))
    assert torch.equal(output.chosen.scores[:, 0], strength.max(1).values)


def test_all_classifiers_begin_as_one(make, batch):
    model = make()
    with torch.no_grad():
        output = model(batch)
    assert torch.equal(model.region.weight, model.image.weight)
    mean = 0.5 * output.image_logits + 0.5 * output.region_logits[:, :4].mean(1)
    torch.testing.assert_close(output.logits, mean, rtol=1e-4, atol=1e-4)


def test_image_level_only_has_no_hybrid_classifier(make, batch):
    model = make(hybrid_weight=0.0)
    with torch.no_grad():
        output = model(batch)
        assert model(batch, count=0).region_logits.shape == (3, 0, CLASSES)
    assert model.hybrid is None
    assert torch.equal(output.logits, output.image_logits)
    assert output.embedding.shape == (3, 512)
    parts = losses(output, batch.targets, model.spec)
    assert set(parts) == {"loss", "image", "region"}


def test_given_scores_choose_in_place_of_the_maps(make, batch):
    boxes = region_boxes(SPEC)
    scores = torch.rand(3, len(boxes), generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        chosen = make()(batch, scores=scores, count=4).chosen
    expected = greedy_nms(scores, boxes.overlap, count=4, iou=SPEC.iou)
    assert torch.equal(chosen.places, expected)
    assert torch.equal(chosen.boxes, boxes.boxes[expected])
    assert torch.equal(chosen.scores, chosen.maps.flatten(1).gather(1, expected))


def test_the_loss_is_the_weighted_sum_of_means_over_samples(make, batch):
    spec = replace(SPEC, image_weight=0.5, region_weight=2.0, hybrid_weight=3.0)
    with torch.no_grad():
        output = make()(batch)
        parts = losses(output, batch.targets, spec)
    smoothing = spec.label_smoothing

    def entropy(logits, truth):
        logs = [float(v) for v in logits.double().log_softmax(0)]
        return -(1 - smoothing) * logs[truth] - smoothing * sum(logs) / len(logs)

    image = region = hybrid = 0.0
    for b, truth in enumerate(batch.targets.tolist()):
        image += entropy(output.image_logits[b], truth) / 3
        hybrid += entropy(output.hybrid_logits[b], truth) / 3
        region += sum(entropy(row, truth) for row in output.region_logits[b]) / 18
    assert float(parts["image"]) == pytest.approx(image, rel=1e-4)
    assert float(parts["region"]) == pytest.approx(region, rel=1e-4)
    assert float(parts["hybrid"]) == pytest.approx(hybrid, rel=1e-4)
    total = 0.5 * image + 2 * region + 3 * hybrid
    assert float(parts["loss"]) == pytest.approx(total, rel=1e-4)


def region_gradient(make, batch, through):
    """What the hybrid loss alone says to the image-level classifier, which makes the map."""
    model = make(through_positions=through, image_weight=0.0, region_weight=0.0)
    output = model(batch)
    losses(output, batch.targets, model.spec)["loss"].backward()
    return output, model.image.weight.grad


def test_crop_positions_pass_a_gradient_only_where_asked(make, batch):
    output, gradient = region_gradient(make, batch, through=False)
    assert gradient is None
    assert not output.chosen.maps.requires_grad
    attached, gradient = region_gradient(make, batch, through=True)
    assert float(gradient.abs().sum()) > 0
    assert torch.equal(attached.chosen.places, output.chosen.places)
    torch.testing.assert_close(attached.logits, output.logits, rtol=1e-3, atol=1e-3)


def test_attached_boxes_lie_where_they_were_and_feel_their_neighbours():
    anchors = region_boxes(SPEC)
    maps = torch.randn(1, 3, 3, generator=torch.Generator().manual_seed(3), requires_grad=True)
    index = torch.tensor([[0, 5]])
    boxes = attached_boxes(maps, index, anchors, reach=33.0)
    torch.testing.assert_close(boxes, anchors.boxes[index])
    boxes[0, 0, 0].backward()
    cells = maps.detach().flatten().tolist()
    centres = ((anchors.boxes[:, :2] + anchors.boxes[:, 2:]) / 2).tolist()
    x, y = centres[0]
    near = [j for j, c in enumerate(centres) if max(abs(c[0] - x), abs(c[1] - y)) < 33]
    assert near == [0, 1, 3, 4]
    total = sum(math.exp(cells[j]) for j in near)
    weights = {j: math.exp(cells[j]) / total for j in near}
    mean = sum(weights[j] * centres[j][0] for j in near)
    slow = [weights.get(j, 0.0) * (centres[j][0] - mean) for j in range(9)]
    assert maps.grad.flatten().tolist() == pytest.approx(slow, abs=1e-4)


def test_attached_regions_are_the_extractors(make, batch):
    model = make()
    boxes = region_boxes(SPEC).boxes[torch.tensor([[0, 4], [1, 8], [2, 3]])]
    with torch.no_grad():
        usual = model.extractor.regions(batch, boxes)
        torch.testing.assert_close(
            attached_regions(model.extractor, batch, boxes), usual, rtol=1e-3, atol=1e-3
        )


def test_a_map_of_another_size_is_refused(make):
    with pytest.raises(ValueError, match=r"maps has shape \(1, 4, 4\), needs 9 cells"):
        make().choose(torch.zeros(1, 4, 4))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"attention": "mean"}, "attention is 'mean'; it is one of max, single"),
        ({"boxes": "drawn"}, "boxes is 'drawn'"),
        ({"concatenated": 7}, "concatenated is 7; it should be 1 to proposals, 6"),
        ({"map_scale": 0}, "map_scale is 0"),
        ({"region_weight": -1.0}, "region_weight is -1.0"),
        (dict.fromkeys(("image_weight", "region_weight", "hybrid_weight"), 0.0), "are all 0"),
    ],
)
def test_a_spec_that_makes_no_sense_is_named(changes, message):
    with pytest.raises(ValueError, match=message):
        replace(SPEC, **changes)


def test_a_separate_extractor_begins_as_a_copy_and_learns_alone(make, batch):
    shared, separate = make(), make(shared_extractor=False)
    with torch.no_grad():
        first, second = shared(batch), separate(batch)
    torch.testing.assert_close(first.hybrid_logits, second.hybrid_logits)
    separate.zero_grad(set_to_none=True)
    separate(batch).region_logits.sum().backward()
    tails = separate.backbone.tail, separate.region_backbone.tail
    whole, regions = ([p.grad for p in tail.parameters()] for tail in tails)
    assert all(gradient is None for gradient in whole)
    assert sum(float(gradient.abs().sum()) for gradient in regions) > 0
    assert not any(p.requires_grad for p in separate.region_backbone.trunk.parameters())
    with torch.no_grad():
        for weight in separate.region_backbone.tail.parameters():
            weight.zero_()
        moved = separate(batch)
    assert torch.equal(moved.image_logits, second.image_logits)
    assert not torch.equal(moved.region_logits, second.region_logits)


def test_each_rank_has_a_classifier_of_its_own_where_asked(make, batch):
    shared, ranked = make(), make(shared_classifier=False)
    with torch.no_grad():
        torch.testing.assert_close(ranked(batch).region_logits, shared(batch).region_logits)
        for k, head in enumerate(ranked.by_rank):
            head.bias += k
        output = ranked(batch)
        for k, head in enumerate(ranked.by_rank):
            for b in range(3):
                expected = head.weight @ output.regions[b, k] + head.bias
                torch.testing.assert_close(output.region_logits[b, k], expected)
        alone = make(shared_classifier=False, hybrid_weight=0.0)(batch, count=0)
    assert alone.region_logits.shape == (3, 0, CLASSES)
    assert not any(p.requires_grad for p in ranked.region.parameters())
