"""The dials on a page read from a file: they move the boxes, ask for nothing, and do without."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from fgnb import presets
from fgnb.focus.recipe import region_spec
from fgnb.pages.focus import attention_figures
from fgnb.pages.focus.attention_figures import START, RegionDial

pytestmark = pytest.mark.browser
OUTLINES = "[...document.querySelectorAll('#region-dial g rect[fill=none]')]"
BOXES = f"{OUTLINES}.map(box => +box.getAttribute('x'))"


@pytest.fixture
def made(tmp_path, monkeypatch):
    grid = torch.randn(7, 7, generator=torch.Generator().manual_seed(0))
    scale = presets.get("smoke", image_size=224, source_size=224)
    spec = region_spec(scale, "resnet18", "random", fold="held-out", seed=0)
    monkeypatch.setattr(attention_figures, "frame", lambda *_: np.zeros((224, 224, 3), np.float32))
    monkeypatch.setattr(attention_figures, "every_class_map", lambda *_: grid[None])
    dial = RegionDial(SimpleNamespace(spec=spec), None, 0)
    head = '<!DOCTYPE html><meta charset="utf-8"><title>Dial</title>'
    (tmp_path / "dial.html").write_text(head + dial.html(), encoding="utf-8")
    return dial, (tmp_path / "dial.html").as_uri()


def test_a_dial_moves_the_boxes(visit, made):
    dial, address = made
    found = visit(address)
    page = found.page
    data = dial.packed()
    row, column = START
    for sigma, iou in ((row, column), (0, 4), (5, 0)):
        for key, value in (("sigma", sigma), ("iou", iou)):
            page.evaluate(
                f"(v => {{ const d = document.querySelector('[data-key={key}]'); d.value = v;"
                f" d.dispatchEvent(new Event('input')); }})({value})"
            )
        wanted = [box[0] for box in data["boxes"][sigma][iou]][::-1]
        assert page.evaluate(BOXES) == pytest.approx(wanted)
        shown = page.evaluate("[...document.querySelectorAll('output')].map(o => +o.value)")
        assert shown == [data["sigmas"][sigma], data["ious"][iou]]
    assert page.locator("#region-dial g rect").count() == 49 + 4
    assert not page.locator("#region-dial img").is_visible()
    assert not found.outside
    assert not found.errors


def test_without_script_the_picture_stands(visit, made):
    found = visit(made[1], java_script_enabled=False)
    image = found.page.locator("#region-dial img")
    assert image.is_visible()
    assert "best boxes" in image.get_attribute("alt")
    assert not found.page.locator("#region-dial svg").is_visible()
