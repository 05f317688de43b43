"""The dials without a browser: what they pack is what the library says of every setting."""

import json
import re

import numpy as np
import pytest
import torch

from fgnb.focus import propose_regions
from fgnb.focus.attention import smooth
from fgnb.report.dial import IOUS, SIGMAS, RegionDial

GRID = torch.randn(7, 7, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def dial():
    picture = np.linspace(0, 1, 64 * 64 * 3, dtype=np.float32).reshape(64, 64, 3)
    return RegionDial(np.kron(picture, np.ones((4, 4, 1)))[:224, :224], GRID, box_size=80.0)


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
    assert not re.findall(r"(?:src|href)=\"(?!data:)", bundle["text/html"])
    assert len(bundle["text/html"]) < 500_000


def test_bad_input_is_named():
    picture = np.zeros((224, 224, 3), np.float32)
    with pytest.raises(ValueError, match=r"start is \(1.1, 0.25\), needs a sigma of"):
        RegionDial(picture, GRID, box_size=80.0, start=(1.1, 0.25))
    with pytest.raises(ValueError, match="name is 'A b'"):
        RegionDial(picture, GRID, box_size=80.0, name="A b")
