"""Fixtures that several rooms share: a tiny set in the CUB layout, and the real one."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.linear_model import LogisticRegression

from fgnb import presets
from fgnb.baselines.logistic import LEAST_SCALE
from fgnb.ccfr import Answers
from fgnb.ccfr.retrieval import Neighbors
from fgnb.data.fingerprint import images_sha256
from fgnb.data.parts import PART_NAMES
from fgnb.report.records import Provenance
from fgnb.store import code_digest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The notebooks first: the longest module, which else one worker would do alone at the end."""
    items.sort(key=lambda item: "notebooks" not in item.path.parts)


@pytest.fixture(scope="session")
def smoke_runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One run store for all that runs the notebooks at smoke, in whichever worker."""
    own = tmp_path_factory.getbasetemp()
    return (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "smoke-runs"


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder that holds CUB_200_2011/ (FGNB_DATA); the test is skipped without it."""
    root = os.environ.get("FGNB_DATA", "")
    if not root:
        pytest.skip("FGNB_DATA is not set: it names the folder that holds CUB_200_2011/")
    if not (Path(root) / "CUB_200_2011" / "images.txt").is_file():
        pytest.skip(f"FGNB_DATA is {root}, which holds no CUB_200_2011/images.txt")
    return Path(root)


@pytest.fixture(scope="session")
def real_cars() -> Path:
    """The folder that holds stanford_cars/ (FGNB_DATA); the test is skipped without it."""
    root = os.environ.get("FGNB_DATA", "")
    if not root:
        pytest.skip("FGNB_DATA is not set: it names the folder that holds stanford_cars/")
    if not (Path(root) / "stanford_cars" / "devkit").is_dir():
        pytest.skip(f"FGNB_DATA is {root}, which holds no stanford_cars/devkit")
    return Path(root)


@pytest.fixture(scope="session")
def fitted() -> Callable[..., np.ndarray]:
    """scikit-learn's logistic regression on standardised features: log-probabilities of others."""

    def log_probs(seen: np.ndarray, labels: np.ndarray, c: float, asked: np.ndarray) -> np.ndarray:
        spread = np.where(seen.std(0) > 0, seen.std(0), 1)
        spread = np.maximum(spread, LEAST_SCALE * np.median(spread))
        model = LogisticRegression(C=c, max_iter=500).fit((seen - seen.mean(0)) / spread, labels)
        return model.predict_log_proba((asked - seen.mean(0)) / spread)

    return log_probs


@pytest.fixture(scope="session")
def origin() -> Callable[..., Provenance]:
    """A function that makes a complete provenance of photographs, with the changes given."""

    def make(**changed: object) -> Provenance:
        modules = ("fgnb.metrics.statistics",)
        given = {
            **{"preset": "demo", "dataset": "cub", "manifest": "a" * 64, "protocol": "subset"},
            **{"dataset_title": "CUB-200-2011 (40 of 200 classes)", "pixels": "re-encoded"},
            **{"classes": 10, "n_train": 300, "n_test": 200, "backbone": "efficientnet_lite0"},
            **{"weights_tag": "lite0", "weights_sha256": "b" * 64, "seeds": (0,), "threads": 2},
            **{"device": "cpu (test)", "seconds": 12.5, "commit": "unknown", "test_reads": 1},
            **{"versions": {"python": "3.11"}, "run_keys": ("c" * 64,), "spec": {"seed": 0}},
            **{"code": code_digest(modules), "code_of": modules, "recorded": "2026-01-01 10:00"},
        }
        return Provenance(**{**given, **changed})

    return make


@pytest.fixture(scope="session")
def made_up() -> Callable[..., Answers]:
    """A function that makes answers up: probabilities, and neighbours with falling similarities.

    The lower ``spread``, the surer the answers; ``lift`` adds to the true class; a neighbour is of
    it with probability ``agree``, else of any; similarities lie above ``least``.
    """

    def make(
        seed: int,
        *,
        queries: int,
        classes: int,
        k: int,
        spread: float,
        lift: float = 0.3,
        agree: float = 0.5,
        least: float = 0.3,
    ) -> Answers:
        rng = np.random.default_rng(seed)
        labels = rng.integers(0, classes, queries)
        probs = rng.dirichlet([spread] * classes, queries) + lift * np.eye(classes)[labels]
        near = np.where(
            rng.random((queries, k)) < agree,
            labels[:, None],
            rng.integers(0, classes, (queries, k)),
        )
        sims = -np.sort(-rng.uniform(least, 1, (queries, k)), axis=1)
        return Answers(
            ids=np.arange(queries),
            labels=labels,
            probs=(probs / probs.sum(1, keepdims=True)).astype(np.float32),
            logistic_probs=None,
            neighbors=Neighbors(sims.astype(np.float32), np.zeros_like(near), near),
            database_ids=np.arange(30),
            database_labels=rng.integers(0, classes, 30),
        )

    return make


@pytest.fixture
def smoke_preset() -> presets.Preset:
    return presets.get("smoke")


@pytest.fixture
def write_cub(tmp_path: Path) -> Callable[..., Path]:
    """A function that writes a small set in the CUB layout and returns its folder."""
    return partial(write_set, tmp_path / "CUB_200_2011")


@pytest.fixture(scope="session")
def write_photographs() -> Callable[..., Path]:
    """`write_set` whose pictures a declaration passes off as a part of the photographs."""
    return partial(write_set, drawn=False, subset=True)


def write_set(
    root: Path,
    classes: int = 3,
    train: int | Sequence[int] = 4,
    test: int | Sequence[int] = 2,
    *,
    drawn: bool = True,
    subset: bool = False,
    size: int = 24,
) -> Path:
    """Write noise in the CUB layout; ``train`` and ``test`` count a class's images, or each's."""
    each = [[of] * classes if isinstance(of, int) else list(of) for of in (train, test)]
    (root / "parts").mkdir(parents=True)
    rng = np.random.default_rng(0)
    names, labels, split, boxes, points = [], [], [], [], []
    image_id = 0
    for c in range(1, classes + 1):
        folder = root / "images" / f"{c:03d}.Kind_{c}"
        folder.mkdir(parents=True)
        kept = each[0][c - 1]
        for k in range(kept + each[1][c - 1]):
            image_id += 1
            pixels = rng.integers(0, 256, (size, size + 6, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / f"Kind_{image_id:04d}.jpg")
            names.append(f"{image_id} {c:03d}.Kind_{c}/Kind_{image_id:04d}.jpg")
            labels.append(f"{image_id} {c}")
            split.append(f"{image_id} {int(k < kept)}")
            boxes.append(f"{image_id} 2.0 3.0 10.0 {k + 1}.5")
            for part in range(1, len(PART_NAMES) + 1):
                seen = int(part != 1)
                points.append(f"{image_id} {part} {part * seen}.5 {image_id * seen}.0 {seen}")
    files = {
        "images.txt": names,
        "image_class_labels.txt": labels,
        "train_test_split.txt": split,
        "bounding_boxes.txt": boxes,
        "classes.txt": [f"{c} {c:03d}.Kind_{c}" for c in range(1, classes + 1)],
        "parts/parts.txt": [f"{i} {name}" for i, name in enumerate(PART_NAMES, start=1)],
        "parts/part_locs.txt": points,
    }
    for name, lines in files.items():
        (root / name).write_text("\n".join(lines) + "\n")
    if drawn:
        spec = {"kind": "birds", "species": classes}
        spec |= {"train_per_class": train, "test_per_class": test}
        (root / "drawn.json").write_text(json.dumps({"spec": spec}))
    if subset:
        files_of = [line.split(" ", 1)[1] for line in names]
        declared = {"of": "CUB-200-2011", "classes": list(range(1, classes + 1))}
        declared |= {"split": "official", "train": sum(each[0]), "test": sum(each[1])}
        declared["images_sha256"] = images_sha256(root / "images", files_of)
        (root / "subset.json").write_text(json.dumps(declared))
    return root
