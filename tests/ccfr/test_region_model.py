"""The region model: shapes, fusion, and who gets a gradient."""

import pytest
import torch
from torch import nn

from fgnb.ccfr.fusion import Concatenation, Fusion
from fgnb.ccfr.model import JointLoss, RegionModel, RegionSelector, sample_places
from fgnb.ccfr.pyramid import Pyramid, anchors
from fgnb.nn.backbones import create_backbone
from fgnb.nn.zoom import normalise, zoom
from fgnb.nn.zoomed import Sizes, ZoomedBatch

SIZES = Sizes(image=64, source=128, crop=32)


@pytest.fixture(scope="module")
def backbone():
    torch.manual_seed(0)
    return create_backbone("efficientnet_lite0", "random", cut=16)


@pytest.fixture(scope="module")
def batch(backbone):
    torch.manual_seed(1)
    sources = torch.randint(256, (4, 3, 128, 128), dtype=torch.uint8)
    whole = nn.functional.interpolate(sources.float(), (64, 64), mode="bilinear", antialias=True)
    with torch.no_grad():
        maps = backbone.trunk(normalise(whole, backbone.info.mean, backbone.info.std))
    return ZoomedBatch(
        maps, sources, torch.arange(4), torch.tensor([0, 0, 1, 1]), torch.zeros(4, 3)
    )


def model_of(backbone, signal="margin-rank", nms="separate", fusion="network"):
    torch.manual_seed(2)
    return RegionModel(
        backbone,
        3,
        anchors(64),
        SIZES,
        selector=RegionSelector(nms),
        fusion=fusion,
        signal=signal,
        cut=16,
    )


def test_the_paper_s_boxes_at_448():
    found = anchors(448)
    assert sorted(found.scales.unique().tolist()) == [96, 192]
    assert len(found) == 28 * 28 + 14 * 14
    widths = found.boxes[:, 2] - found.boxes[:, 0]
    assert torch.equal(widths, found.scales)
    assert found.boxes.min() >= 0
    assert found.boxes.max() <= 448


def test_shapes(backbone, batch):
    for nms, fusion, parts in (("separate", "network", 3), ("joint", "concatenate", 5)):
        model = model_of(backbone, nms=nms, fusion=fusion)
        output = model(batch)
        assert output.embedding.shape == (4, parts * 1280)
        assert output.logits.shape == (4, 3)
        assert output.pooled.shape == (4, 4, 1280)
        assert output.chosen.boxes.shape == (4, 4, 4)


def test_fusion_starts_as_the_mean_of_a_scale_s_regions():
    regions = torch.randn(2, 4, 5, 3, 3)
    fused = Fusion(5, scales=2, per_scale=2)(regions)
    pooled = Concatenation()(regions)
    torch.testing.assert_close(fused, pooled.unflatten(1, (2, 2)).mean(2))


def test_fusion_is_a_1x1_convolution_over_one_scale_s_channels():
    fusion = Fusion(2, scales=2, per_scale=2)
    torch.manual_seed(0)
    for layer in fusion.mix:
        nn.init.normal_(layer.weight)
    regions = torch.randn(1, 4, 2, 2, 2)
    found = fusion(regions)
    for scale in range(2):
        total = torch.zeros(2)
        for y in range(2):
            for x in range(2):
                column = torch.cat([regions[0, 2 * scale + k, :, y, x] for k in range(2)])
                total += fusion.mix[scale].weight @ column
        torch.testing.assert_close(found[0, scale], total / 4)


def test_the_pyramid_scores_in_the_order_of_the_anchors():
    pyramid = Pyramid((3, 4), width=8).eval()
    fine, coarse = torch.zeros(1, 3, 4, 4), torch.zeros(1, 4, 2, 2)
    base = pyramid([fine, coarse])
    assert base.shape == (1, len(anchors(64)))
    fine[0, :, 0, 3] = 5.0
    moved = (pyramid([fine, coarse]) != base)[0]
    assert moved[3]  # the cell itself, row 0, column 3, first level
    assert not moved[16:].any()  # the pathway runs from coarse to fine alone
    coarse[0, :, 1, 1] = 5.0
    assert (pyramid([torch.zeros(1, 3, 4, 4), coarse]) != base)[0, [10, 11, 14, 15]].any()


@pytest.mark.parametrize(
    ("signal", "learns"), [("none", False), ("gate", True), ("margin-rank", True)]
)
def test_the_scorer_s_gradient_is_as_the_signal_says(backbone, batch, signal, learns):
    model = model_of(backbone, signal)
    objective = JointLoss(mu=1.0, margin=0.4, mining="batch-hard", label_smoothing=0.1)
    output = model(batch)
    ranked = model.ranked(batch, output) if signal == "margin-rank" else None
    losses = objective(output, batch.targets, ranked)
    model.zero_grad(set_to_none=True)
    losses["loss"].backward()
    moved = [p.grad is not None and bool(p.grad.any()) for p in model.pyramid.parameters()]
    assert any(moved) == learns
    assert ("rank" in losses) == (signal == "margin-rank")
    assert all(p.grad is None for p in model.backbone.trunk.parameters())
    assert any(p.grad.any() for p in model.backbone.tail.parameters())


def test_equation_7_adds_up(backbone, batch):
    model = model_of(backbone, "none")
    objective = JointLoss(mu=0.5, margin=0.4, mining="batch-all", label_smoothing=0.0)
    parts = objective(model(batch), batch.targets)
    assert parts["loss"].item() == pytest.approx((parts["softmax"] + 0.5 * parts["triplet"]).item())


def test_regions_in_small_batches_have_the_same_gradient(backbone, batch):
    gradients = []
    for micro in (None, 3):
        model = model_of(backbone, "none")
        model.micro_batch = micro
        model.zero_grad(set_to_none=True)
        model(batch).logits.square().sum().backward()
        gradients.append([p.grad.clone() for p in model.backbone.tail.parameters()])
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-4)


def test_given_scores_take_the_place_of_the_pyramids(backbone, batch):
    model = model_of(backbone)
    scores = torch.rand(4, len(anchors(64)), generator=torch.Generator().manual_seed(3))
    chosen = model(batch, scores).chosen
    assert torch.equal(chosen.places, model.selector(scores, anchors(64)))
    assert torch.equal(chosen.scores, scores.gather(1, chosen.places))


def test_only_closing_equal_overlaps_lets_a_large_box_close_a_small_one():
    placed = anchors(224)
    fine = placed.scales == placed.scales.min()
    inside = (placed.overlap[fine][:, ~fine] - 0.25).abs() < 1e-6
    small, large = inside.nonzero()[0].tolist()
    scores = torch.zeros(1, len(placed))
    small, large = fine.nonzero()[small, 0], (~fine).nonzero()[large, 0]
    scores[0, large], scores[0, small] = 2.0, 1.0
    kept = RegionSelector("joint")(scores, placed)[0].tolist()
    closed = RegionSelector("joint-equal")(scores, placed)[0].tolist()
    assert int(small) in kept
    assert int(small) not in closed
    assert int(large) in closed


def test_bad_options_are_named(backbone):
    with pytest.raises(ValueError, match="nms is 'soft'"):
        RegionSelector("soft")
    with pytest.raises(ValueError, match="fusion is 'sum'"):
        model_of(backbone, fusion="sum")
    with pytest.raises(ValueError, match="scorer_signal is 'both'"):
        model_of(backbone, signal="both")
    with pytest.raises(ValueError, match="nms must be separate"):
        model_of(backbone, nms="joint", fusion="network")
    with pytest.raises(ValueError, match="source is 32, under image, 64"):
        Sizes(64, 32, 16)


def test_a_whole_box_is_the_whole_picture(backbone):
    source = torch.randint(256, (1, 3, 64, 64), dtype=torch.uint8)
    box = torch.tensor([[[0.0, 0.0, 32.0, 32.0]]])
    found = zoom(source, box, image_size=32, size=64, info=backbone.info)
    expected = normalise(source, backbone.info.mean, backbone.info.std)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


def test_outside_the_picture_lies_the_mean_colour(backbone):
    source = torch.full((1, 3, 64, 64), 255, dtype=torch.uint8)
    box = torch.tensor([[[-32.0, 0.0, 32.0, 64.0]]])
    found = zoom(source, box, image_size=64, size=64, info=backbone.info)
    assert not found[..., :31].any()
    bright = normalise(source, backbone.info.mean, backbone.info.std)[..., 0, 0]
    torch.testing.assert_close(found[..., 40, 40], bright)


def test_sampled_places_are_different_and_of_every_scale():
    found = anchors(64)
    torch.manual_seed(0)
    places = sample_places(found, 500, RegionSelector(per_scale=3))
    assert places.shape == (500, 6)
    scales = found.scales[places]
    assert (scales[:, :3] == scales.min()).all()
    assert (scales[:, 3:] == scales.max()).all()
    assert all(len(set(row)) == 6 for row in places.tolist())
    assert set(places.flatten().tolist()) == set(range(len(found)))


def test_margin_rank_compares_the_chosen_with_rivals_of_each_scale(backbone, batch):
    model = model_of(backbone)
    output = model(batch)
    torch.manual_seed(3)
    scores, pooled = model.ranked(batch, output)
    assert scores.shape == (4, 6)
    assert pooled.shape == (4, 6, 1280)
    assert torch.equal(scores[:, :4], output.chosen.scores)
    assert torch.equal(pooled[:, :4], output.pooled)
    torch.manual_seed(3)
    rivals = sample_places(anchors(64), 4, RegionSelector(per_scale=1))
    assert torch.equal(scores[:, 4:], output.scores.gather(1, rivals))
    again = model.extractor.regions(batch, anchors(64).boxes[rivals]).mean((3, 4))
    torch.testing.assert_close(pooled[:, 4:], again)
    assert scores.requires_grad
    assert not pooled.requires_grad
