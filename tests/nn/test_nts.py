"""NTS: its anchors and their order, what proposes, what classifies, and where gradients go."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from fgnb.nn.nts import NTSHeads, NTSOutput, nts_losses
from fgnb.nn.nts_proposer import FRAME, ProposalNetwork, nts_anchors


def anchors_by_loops(image_size):
    """Centre, width and height of each anchor, as the public code lists them."""
    found = []
    for stride, size, scales in (
        (32, 48, (2 ** (1 / 3), 2 ** (2 / 3))),
        (64, 96, (2 ** (1 / 3), 2 ** (2 / 3))),
        (128, 192, (1, 2 ** (1 / 3), 2 ** (2 / 3))),
    ):
        cells = math.ceil(image_size / stride)
        for scale in scales:
            for ratio in (2 / 3, 1, 3 / 2):
                side = size * scale * image_size / FRAME
                for row in range(cells):
                    for column in range(cells):
                        x, y = (column + 0.5) * stride, (row + 0.5) * stride
                        w, h = side * ratio**0.5, side / ratio**0.5
                        found.append([x - w / 2, y - h / 2, x + w / 2, y + h / 2])
    return torch.tensor(found)


@pytest.mark.parametrize(("image_size", "count"), [(448, 1614), (224, 426), (64, 39)])
def test_anchors_are_those_of_the_public_code(image_size, count):
    anchors = nts_anchors(image_size)
    assert len(anchors.boxes) == count
    torch.testing.assert_close(anchors.boxes, anchors_by_loops(image_size))


@pytest.mark.parametrize("side", [2, 7, 14])
def test_a_score_belongs_to_the_anchor_of_its_place(side):
    """Light one cell of the backbone's map: the scores that change are of anchors around it."""
    torch.manual_seed(0)
    network = ProposalNetwork(4).double()
    anchors = nts_anchors(32 * side)
    dark = torch.zeros(1, 4, side, side, dtype=torch.float64)
    for row, column in ((0, 0), (side // 2, side - 1)):
        lit = dark.clone()
        lit[..., row, column] = 100.0
        changed = (network(lit) - network(dark)).abs()[0] > 1e-9
        centres = (anchors.boxes[:, :2] + anchors.boxes[:, 2:]) / 2
        place = 32 * (torch.tensor([column, row]) + 0.5)
        away = (centres - place).abs().amax(1)
        finest = torch.zeros(len(centres), dtype=torch.bool)
        finest[: 6 * side * side] = True
        assert changed[finest & (away <= 32)].float().mean() > 0.9  # relu silences some
        assert not changed[finest & (away > 32)].any()
        # a step to a coarser map reaches one cell of that map further
        assert not changed[away > 32 + 32 + 64 + 64].any()


def test_scores_by_a_slow_network():
    torch.manual_seed(1)
    network = ProposalNetwork(3)
    feature_map = torch.randn(2, 3, 7, 7)
    maps, out = [], feature_map
    for conv in network.down:
        out = F.relu(F.conv2d(out, conv.weight, conv.bias, conv.stride, padding=1))
        maps.append(out)
    assert [m.shape[-1] for m in maps] == [7, 4, 2]
    expected = []
    for level, conv in zip(maps, network.score, strict=True):
        for kind in range(conv.out_channels):
            weighted = (level * conv.weight[kind, :, 0, 0][:, None, None]).sum(1)
            expected.append((weighted + conv.bias[kind]).flatten(1))
    torch.testing.assert_close(network(feature_map), torch.cat(expected, 1))
    assert [conv.out_channels for conv in network.score] == [6, 6, 9]


@pytest.fixture
def heads():
    torch.manual_seed(0)
    return NTSHeads(8, 5, 64)


def maps(batch=2, regions=6):
    generator = torch.Generator().manual_seed(4)
    whole = torch.randn(batch, 8, 2, 2, generator=generator)
    return whole, torch.randn(batch * regions, 8, 1, 1, generator=generator)


def test_proposals_are_the_best_that_do_not_overlap_and_teach_only_the_proposer(heads):
    whole = maps()[0].requires_grad_()
    proposals = heads.propose(whole)
    scores = heads.proposal_network(whole)
    for image in range(2):
        order = scores[image].argsort(descending=True).tolist()
        kept: list[int] = []
        for candidate in order:
            if all(heads.overlap[candidate, other] <= 0.25 for other in kept):
                kept.append(candidate)
        kept += [c for c in order if c not in kept]
        assert proposals.index[image].tolist() == kept[:6]
    torch.testing.assert_close(proposals.scores, scores.gather(1, proposals.index))
    assert torch.equal(proposals.boxes, nts_anchors(64).boxes[proposals.index])
    proposals.scores.sum().backward()
    assert whole.grad is None
    assert heads.proposal_network.down[0].weight.grad.abs().sum() > 0


def test_three_classifiers_by_hand(heads):
    heads.eval()
    whole, regions = maps()
    output = heads(whole, regions)
    assert output.part_logits.shape == (2, 6, 5)
    assert output.embedding.shape == (2, 40)
    for image in range(2):
        seen = whole[image].mean((1, 2))
        parts = [regions[6 * image + k].mean((1, 2)) for k in range(6)]
        joined = torch.cat([*parts[:4], seen])
        torch.testing.assert_close(output.raw_logits[image], heads.raw(seen))
        torch.testing.assert_close(output.embedding[image], joined)
        torch.testing.assert_close(output.concat_logits[image], heads.concat(joined))
        for k in range(6):
            torch.testing.assert_close(output.part_logits[image, k], heads.part(parts[k]))


def test_dropout_is_on_in_training_and_off_at_test(heads):
    whole, regions = maps()
    heads.eval()
    assert torch.equal(heads(whole, regions).concat_logits, heads(whole, regions).concat_logits)
    heads.train()
    one, other = heads(whole, regions), heads(whole, regions)
    for name in ("raw_logits", "concat_logits", "part_logits"):
        assert not torch.equal(getattr(one, name), getattr(other, name))
    dropped = (one.embedding == 0).float().mean()
    assert 0.2 < dropped < 0.8


def test_every_classifier_starts_as_the_one_of_whole_images(heads):
    generator = torch.Generator().manual_seed(9)
    start = nn.Linear(8, 5)
    start.weight.data = torch.randn(5, 8, generator=generator)
    start.bias.data = torch.randn(5, generator=generator)
    heads.start_from(start.weight, start.bias)
    heads.eval()
    whole, regions = maps()
    output = heads(whole, regions)
    expected = start(whole.mean((2, 3)))
    torch.testing.assert_close(output.raw_logits, expected)
    parts = start(regions.mean((2, 3))).unflatten(0, (2, 6))
    torch.testing.assert_close(output.part_logits, parts)
    mean = 0.5 * expected + 0.125 * parts[:, :4].sum(1)
    torch.testing.assert_close(output.concat_logits, mean)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_losses_by_loops(smoothing):
    generator = torch.Generator().manual_seed(2)
    raw, concat = torch.randn(2, 3, 5, generator=generator)
    part = torch.randn(3, 4, 5, generator=generator)
    scores = torch.randn(3, 4, generator=generator)
    targets = torch.tensor([4, 0, 2])

    def entropy(logits, target):
        log_probs = logits - logits.exp().sum().log()
        return -(1 - smoothing) * log_probs[target] - smoothing * log_probs.mean()

    expected = {
        "raw": sum(entropy(raw[b], targets[b]) for b in range(3)) / 3,
        "concat": sum(entropy(concat[b], targets[b]) for b in range(3)) / 3,
        "part": sum(entropy(part[b, m], targets[b]) for b in range(3) for m in range(4)) / 12,
    }
    rank = 0.0
    for b in range(3):
        sure = [float(part[b, m].softmax(0)[targets[b]]) for m in range(4)]
        for i in range(4):
            for j in range(4):
                if sure[i] > sure[j]:
                    rank += max(0.0, 1 - float(scores[b, i] - scores[b, j])) / 3
    expected["rank"] = torch.tensor(rank)
    output = NTSOutput(raw, concat, part, torch.empty(0))
    found = nts_losses(output, scores, targets, label_smoothing=smoothing)
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, msg=name)
    torch.testing.assert_close(found["loss"], sum(expected.values()))


def test_the_ranking_term_does_not_teach_the_classifier():
    part = torch.randn(2, 4, 5, requires_grad=True)
    scores = torch.randn(2, 4, requires_grad=True)
    raw = torch.randn(2, 5)
    output = NTSOutput(raw, raw, part, torch.empty(0))
    nts_losses(output, scores, torch.tensor([1, 2]))["rank"].backward()
    assert part.grad is None
    assert scores.grad.abs().sum() > 0


def test_the_state_holds_weights_alone(heads):
    assert not any(name in ("boxes", "overlap") for name in heads.state_dict())


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: NTSHeads(8, 5, 64, concatenated=7), "concatenated is 7, needs 1 to proposals, 6"),
        (lambda: NTSHeads(8, 5, 64, proposals=40), "proposals is 40, but there are 39 anchors"),
        (
            lambda: NTSHeads(8, 5, 64).propose(torch.zeros(1, 8, 3, 3)),
            r"feature_map has shape \(1, 8, 3, 3\), which gives 87 scores; the frame has 39",
        ),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
