"""A toy of the experiment: one box of each picture tells the class, and its cell is marked."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytest

from fgnb import presets
from fgnb.data import cub
from fgnb.evidence import recipe
from fgnb.evidence.candidates import Candidates
from fgnb.evidence.experiment import Experiment

CLASSES, WIDTH, MARK = 4, 12, 11


@pytest.fixture
def toy(write_cub, tmp_path, monkeypatch) -> Callable[..., SimpleNamespace]:
    """A function that makes an `Experiment` on made-up features, and says which box tells."""
    root = write_cub(classes=CLASSES, train=20, test=5)

    def make(signal: float = 12.0, **of_preset: object) -> SimpleNamespace:
        # Keys of the store hold what features are made of, and these are made up.
        monkeypatch.setenv("FGNB_RUNS", str(tmp_path / f"runs-{signal}"))
        images = cub.load(root)
        preset = presets.get("smoke", **{"max_steps": None, "threads": 1, **of_preset})
        made = Experiment(images, preset, weights="random")
        rng, anchors = np.random.default_rng(1), made.spec.anchors
        n, boxes = len(images), len(anchors)
        telling = rng.integers(0, boxes, n)
        own = np.eye(WIDTH)[images.labels] * signal
        whole = rng.normal(size=(n, WIDTH)) + 0.05 * own
        regions, cells = (rng.normal(size=(n, boxes, WIDTH)) for _ in range(2))
        regions[np.arange(n), telling] += own
        cells[np.arange(n), telling, MARK] += 8.0
        half = np.float16
        vars(made)["found"] = Candidates(
            whole.astype(np.float32), cells.astype(half), regions.astype(half), anchors, 0.0
        )
        return SimpleNamespace(made=made, images=images, telling=telling)

    return make


@pytest.fixture
def few_repeats(monkeypatch) -> None:
    """Two seeds and three folds on every set."""
    monkeypatch.setattr(recipe, "repeats", lambda images: {"seeds": 2, "folds": 3})
