"""A recorded run in small: ten classes of made-up answers with a complete provenance."""

import numpy as np
import pytest

from fgnb import report
from fgnb.store import code_digest

MODULES = ("fgnb.metrics.statistics",)


@pytest.fixture(autouse=True)
def _roots(tmp_path, monkeypatch):
    monkeypatch.setenv("FGNB_RESULTS_DIR", str(tmp_path / "nb.results"))
    monkeypatch.setenv("FGNB_RECORDED", str(tmp_path / "recorded"))


@pytest.fixture
def provenance():
    def build(**changed):
        given = {
            "notebook": "ccfr/3-3-re-ranking",
            "parameters": {"preset": "demo", "topn": 5},
            "preset": "demo",
            "dataset": "cub",
            "dataset_title": "CUB-200-2011 (40 of 200 classes)",
            "manifest": "a" * 64,
            "protocol": "subset",
            "classes": 10,
            "n_train": 300,
            "n_test": 200,
            "backbone": "efficientnet_lite0",
            "weights_tag": "lite0",
            "weights_sha256": "b" * 64,
            "seeds": (0,),
            "device": "cpu (test)",
            "threads": 2,
            "seconds": 12.5,
            "commit": "unknown",
            "versions": {"python": "3.11"},
            "run_keys": ("c" * 64,),
            "test_reads": 1,
            "code": code_digest(MODULES),
            "code_of": MODULES,
        }
        return report.Provenance(**{**given, **changed})

    return build


@pytest.fixture
def arrays():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 10, 200)
    scores = rng.random((200, 10)) + 0.9 * np.eye(10)[labels]
    probs = (scores / scores.sum(1, keepdims=True)).astype(np.float32)
    reranked = np.where(rng.random(200) < 0.5, labels, probs.argmax(1))
    return {
        "test_ids": np.arange(1, 201),
        "test_labels": labels,
        "test_probs": probs,
        "test_reranked_predictions": reranked,
        "class_names": np.array([f"bird {i}" for i in range(10)]),
    }


@pytest.fixture
def results(provenance, arrays):
    """Classification and re-ranked rows of Table 4, and a row of our own."""
    origin = provenance()
    plain = {"kind": "accuracy", "of": "test_probs", "labels": "test_labels"}
    ranked = {**plain, "of": "test_reranked_predictions"}
    return [
        report.measure(
            "ccfr.table4.cub.classification", plain, arrays, provenance=origin, label="softmax"
        ),
        report.measure(
            "ccfr.table4.cub.ccfr",
            ranked,
            arrays,
            provenance=origin,
            label="re-ranked",
            settings={"t_sf": 0.5, "topn": 5},
            selected_on="held-out training images",
            against={"ccfr.table4.cub.classification": "test_probs"},
        ),
        report.measure(
            "own.ccfr.logistic-regression", plain, arrays, provenance=origin, label="logistic"
        ),
    ]
