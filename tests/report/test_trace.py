"""The trace against counts taken by hand, and a module left as it was."""

import pytest
import torch
from torch import nn

from fgnb.report.trace import block_diagram, trace, trace_table


class Small(nn.Module):
    """A shared extractor on an image and on its crop, then a head."""

    def __init__(self):
        super().__init__()
        self.extractor = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.ReLU())
        self.depthwise = nn.Conv2d(8, 8, 3, padding=1, groups=8)
        self.head = nn.Linear(16, 5)
        self.unused = nn.Linear(2, 2)

    def forward(self, images):
        whole = self.depthwise(self.extractor(images))
        part = self.extractor(images[..., :4, :4])
        both = torch.cat([whole.mean((2, 3)), part.mean((2, 3))], 1)
        return {"logits": self.head(both), "maps": [whole, part]}


PARTS = {"extractor": "extractor", "depthwise": "depthwise", "head": "head"}


def test_shapes_weights_and_multiply_adds_by_hand():
    calls = trace(Small(), torch.zeros(2, 3, 8, 8), parts=PARTS)
    assert [call.name for call in calls] == ["extractor", "depthwise", "extractor", "head"]
    assert [call.shapes for call in calls] == [
        ((2, 8, 8, 8),),
        ((2, 8, 8, 8),),
        ((2, 8, 4, 4),),
        ((2, 5),),
    ]
    assert [call.parameters for call in calls] == [8 * 27, 8 * 9 + 8, 8 * 27, 16 * 5 + 5]
    assert [call.multiply_adds for call in calls] == [
        2 * 8 * 64 * 27,
        2 * 8 * 64 * 9,
        2 * 8 * 16 * 27,
        2 * 16 * 5,
    ]
    assert [call.again for call in calls] == [False, False, True, False]


def test_the_whole_holds_its_parts():
    calls = trace(Small(), torch.zeros(1, 3, 8, 8), parts={"": "model", **PARTS})
    whole, *inner = calls
    assert whole.name == "model"
    assert whole.multiply_adds == sum(call.multiply_adds for call in inner)
    assert whole.shapes == ((1, 5), (1, 8, 8, 8), (1, 8, 4, 4))


def test_the_module_is_left_as_it_was():
    module = Small().train()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    trace(module, torch.zeros(1, 3, 8, 8), parts=PARTS)
    assert module.training
    assert all(not layer._forward_hooks for layer in module.modules())
    assert all(torch.equal(before[name], value) for name, value in module.state_dict().items())
    with pytest.raises(RuntimeError):
        trace(module, torch.zeros(1, 4, 8, 8), parts=PARTS)
    assert module.training
    assert all(not layer._forward_pre_hooks for layer in module.modules())


@pytest.mark.parametrize(
    ("parts", "message"),
    [({"neck": "neck"}, "'neck', which the module lacks"), ({"unused": "u"}, "never called")],
)
def test_a_part_that_is_not_there_is_named(parts, message):
    with pytest.raises(ValueError, match=message):
        trace(Small(), torch.zeros(1, 3, 8, 8), parts=parts)


def test_table_and_diagram_say_what_was_traced():
    calls = trace(Small(), torch.zeros(2, 3, 8, 8), parts=PARTS)
    table = trace_table(calls)
    rows = [line.split() for line in repr(table).splitlines()]
    assert rows[3] == ["extractor", "2×8×4×4", "shared", "0.0"]
    assert rows[1][2] == "0.2"
    figure = block_diagram(calls, per_row=3)
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert texts.count("extractor") == 2
    assert "shared weights" in texts
    assert "head gives 2×5" in figure.alt
    assert f"{8 * 27 + 80 + 85} weights" in figure.alt
    with pytest.raises(ValueError, match="calls is empty"):
        block_diagram([])
