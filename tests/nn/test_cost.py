"""Operations and memory of a step, against hand counts and against what torch really keeps."""

import pytest
import torch
from torch import nn
from torch.autograd.graph import saved_tensors_hooks
from torch.profiler import ProfilerActivity, profile

from fgnb.nn.backbones import create_backbone
from fgnb.nn.cost import META, Cost, Part, meta_backbone, step_cost


def conv_operations(conv, side):
    """Multiplications and additions of a forward pass, counted in loops over the output."""
    count = 0
    for _ in range(side * side):
        for _ in range(conv.out_channels):
            for _ in range(conv.in_channels // conv.groups):
                count += 2 * conv.kernel_size[0] * conv.kernel_size[1]
    return count


def two_layers():
    with META:
        return nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 2, 1))


def test_operations_are_those_of_forward_and_backward():
    net = two_layers()
    first, second = conv_operations(net[0], 5), conv_operations(net[2], 5)
    shape = ((3, 5, 5),)
    cost = step_cost([Part(net, shape, 7)])
    assert cost.forward == 7 * (first + second)
    # the pictures want no gradient, the second layer's input does
    assert cost.operations == 7 * (2 * first + 3 * second)
    onward = step_cost([Part(net, shape, 7, onward=True)])
    assert onward.operations == 7 * 3 * (first + second)
    alone = step_cost([Part(net, shape, 7, backward=False)])
    assert alone.operations == alone.forward == cost.forward


def test_frozen_layers_have_no_backward_pass():
    net = two_layers()
    net[0].requires_grad_(False)
    cost = step_cost([Part(net, ((3, 5, 5),), 1)])
    first, second = conv_operations(net[0], 5), conv_operations(net[2], 5)
    assert cost.operations == first + 2 * second
    assert cost.trained == sum(p.numel() for p in net[2].parameters())
    assert cost.weights == sum(p.numel() for p in net.parameters())
    assert cost.activations == 4 * 4 * 25


def test_a_step_keeps_each_layers_input_once():
    cost = step_cost([Part(two_layers(), ((3, 5, 5),), 2)])
    picture, hidden, output = 3 * 25, 4 * 25, 2 * 25
    assert cost.activations == 2 * 4 * (picture + hidden)
    assert cost.largest_layer == 2 * 4 * max(picture + hidden, hidden + hidden, hidden + output)
    assert cost.memory == 4 * 3 * cost.weights + cost.activations + cost.largest_layer


def test_a_few_at_a_time_cost_a_second_forward_pass_and_less_memory():
    net, shape = two_layers(), ((3, 5, 5),)
    whole, parts = step_cost([Part(net, shape, 8)]), step_cost([Part(net, shape, 8, at_once=2)])
    assert parts.operations == whole.operations + whole.forward
    ends = 8 * 4 * (3 * 25 + 2 * 25)
    assert parts.activations == whole.activations // 4 + ends
    assert parts.largest_layer == whole.largest_layer // 4
    same = step_cost([Part(net, shape, 8, at_once=100)])
    assert same.activations == whole.activations + ends


def test_shared_weights_count_once_and_held_ones_too():
    net, other = two_layers(), nn.Linear(3, 3, device=META)
    one = step_cost([Part(net, ((3, 5, 5),), 1)])
    both = step_cost([Part(net, ((3, 5, 5),), 1)] * 2, held=[other, net])
    assert both.operations == 2 * one.operations
    assert both.weights == one.weights + 12


def test_a_frozen_trunk_counts_forward_only():
    shape = ((3, 64, 64),)
    free, cut = meta_backbone("resnet18", cut=1), meta_backbone("resnet18", cut=16)
    all_free, tail_free = step_cost([Part(free, shape, 1)]), step_cost([Part(cut, shape, 1)])
    tail = step_cost([Part(cut.tail, ((256, 4, 4),), 1)])
    assert tail_free.forward == all_free.forward
    assert tail_free.operations == tail_free.forward - tail.forward + tail.operations
    assert tail_free.trained == sum(p.numel() for p in cut.tail.parameters())


@pytest.mark.parametrize("name", ["resnet18", "efficientnet_lite0"])
def test_memory_is_what_torch_really_takes(name):
    batch, side = 4, 96
    cost = step_cost([Part(meta_backbone(name, cut=1), ((3, side, side),), batch)])
    torch.manual_seed(0)
    network = create_backbone(name, "random", cut=1).train()
    pictures = torch.randn(batch, 3, side, side)
    kept, peak = measured(network, pictures)
    assert cost.activations == pytest.approx(kept, rel=0.05)
    assert 0.5 < cost.memory / (peak + 2 * 4 * cost.weights) < 2


def measured(network, pictures):
    """Bytes that autograd keeps, and the allocator's peak above the start, of one real step."""
    weights = {t.untyped_storage().data_ptr() for t in network.state_dict().values()}
    kept = {}

    def keep(tensor):
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage
        return tensor

    with saved_tensors_hooks(keep, lambda tensor: tensor):
        network(pictures).sum()
    total = sum(storage.nbytes() for place, storage in kept.items() if place not in weights)
    kept.clear()
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as seen:
        network(pictures).sum().backward()
    events = [e for e in seen.profiler.kineto_results.events() if e.name() == "[memory]"]
    held = peak = 0
    for event in sorted(events, key=lambda e: e.start_ns()):
        held += event.nbytes()
        peak = max(peak, held)
    return total, peak


def test_bad_parts_are_named():
    net = two_layers()
    with pytest.raises(ValueError, match="items is 0"):
        Part(net, ((3, 5, 5),), 0)
    with pytest.raises(ValueError, match="at_once is -1"):
        Part(net, ((3, 5, 5),), 1, at_once=-1)
    with pytest.raises(ValueError, match="module lies on cpu"):
        Part(nn.Linear(2, 2), ((2,),), 1)


def test_costs_are_plain_numbers():
    assert Cost(10, 5, 100, 50, 7, 3).memory == 4 * 200 + 10
