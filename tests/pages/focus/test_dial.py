"""The dials without a browser: what they pack is what the library says of every setting."""

import json
import re
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from fgnb import presets
from fgnb.focus import propose_regions
from fgnb.focus.attention import smooth
from fgnb.focus.recipe import region_spec
from fgnb.pages.focus import attention_figures
from fgnb.pages.focus.attention_figures import IOUS, SIGMAS, RegionDial

GRID = torch.randn(7, 7, generator=torch.Generator().manual_seed(0))
SCALE = presets.get("smoke", image_size=224, source_size=224)
SPEC = region_spec(SCALE, "resnet18", "random", fold="held-out", seed=0)


@pytest.fixture(scope="module")
def dial():
    picture = np.linspace(0, 1, 64 * 64 * 3, dtype=np.float32).reshape(64, 64, 3)
    with pytest.MonkeyPatch.context() as patch:
        large = np.kron(picture, np.ones((4, 4, 1)))[:224, :224]
        patch.setattr(attention_figures, "frame", lambda *_: large)
        patch.setattr(attention_figures, "every_class_map", lambda *_: GRID[None])
        return RegionDial(SimpleNamespace(spec=SPEC), None, 0)


def test_every_settings_boxes_are_the_librarys(dial):
    found = re.search(r'<script type="application/json">(.*?)</script>', dial.html(), re.S)
    data = json.loads(found.group(1))
    assert data["sigmas"] == list(SIGMAS)
    assert data["ious"] == list(IOUS)
    for row, sigma in zip(data["boxes"], SIGMAS, strict=True):
        for boxes, iou in zip(row, IOUS, strict=True):
            options = {"image_size": 224, "box_size": 80.0, "count": 4, "iou": iou}
            wanted = propose_regions(smooth(GRID[None], sigma), **options)[0]
            assert 224 * np.array(boxes) == pytest.approx(wanted.numpy(), abs=0.02)
    assert len(data["cells"]) == len(SIGMAS)
    brightest = int(smooth(GRID[None], 0.0)[0].argmax())
    light = [int(colour[1:3], 16) for line in data["cells"][0] for colour in line]
    assert light[brightest] == max(light)


def test_its_faces(dial):
    bundle, extra = dial._repr_mimebundle_()
    assert set(bundle) == {"text/html", "image/png", "text/plain"}
    assert extra["image/png"]["alt"] == dial.alt
    assert "sigma 1 and IoU 0.25" in dial.alt
    page = bundle["text/html"]
    assert not re.findall(r"(?:src|href)=\"(?!data:)", page)
    assert "$" not in re.sub(r'"data:[^"]*"', "", page)
    assert len(page) < 500_000


def test_jupyterlab_leaves_the_arrow_keys_to_the_dials(dial):
    inputs = re.findall(r"<input [^>]*>", dial.html())
    assert len(inputs) == 2
    assert all('data-lm-suppress-shortcuts="true"' in each for each in inputs), "on itself"
    assert re.findall(r'data-key="(\w+)" min="0" max="(\d)"', dial.html()) == [
        ("sigma", str(len(SIGMAS) - 1)),
        ("iou", str(len(IOUS) - 1)),
    ]
