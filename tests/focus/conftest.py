"""A trained stage of focus on a few pictures."""

import pytest

from fgnb import presets, training
from fgnb.data import cub
from fgnb.focus import region_stage


@pytest.fixture
def trained(write_cub, tmp_path, monkeypatch):
    monkeypatch.setenv("FGNB_RUNS", str(tmp_path / "runs"))
    images = cub.load(write_cub(classes=2, train=4, test=2, size=80), name="drawn")
    smoke = presets.get("smoke", threads=1, batch_size=4)
    stage = region_stage(smoke, images, backbone="resnet18", weights="random", start="logistic")
    return stage, training.fit(stage, progress=False)
