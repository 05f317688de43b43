"""What stands in results/recorded/: complete, sound, and equal to what its arrays say."""

import json
from pathlib import Path

import numpy as np
import pytest

from fgnb import report
from fgnb.report.files import read_file

ROOT = Path(__file__).resolve().parents[2] / "results" / "recorded"


def agrees(file):
    """Whether every number, interval and paired test of a file follows from its arrays."""
    results, refused = read_file(file, file.stem, recorded=True)
    assert not refused, [str(item) for item in refused]
    assert results
    arrays = report.read_arrays(file)
    for result in results:
        value, interval = report.rederive(result, arrays)
        assert value == pytest.approx(result.value, rel=1e-9), result.claim
        assert interval == pytest.approx(result.interval, rel=1e-9), result.claim
        again = report.rederive_comparisons(result, arrays)
        assert len(again) == len(result.comparisons)
        for test, kept in zip(again, result.comparisons, strict=True):
            assert test["p"] == pytest.approx(kept["p"], rel=1e-9), (result.claim, kept["with"])
            assert test["difference"] == pytest.approx(kept["difference"])
            assert test["detectable"] == kept["detectable"]
    return True


def test_every_recorded_file_agrees_with_its_arrays():
    assert all(agrees(file) for file in sorted(ROOT.rglob("*.json")))


def test_recorded_probabilities_are_float32_and_nothing_is_a_picture():
    for file in sorted(ROOT.rglob("*.npz")):
        for name, array in report.read_arrays(file).items():
            assert array.dtype != np.uint8 or array.ndim < 3, (file.name, name)
            if name.endswith("probs"):
                assert array.dtype == np.float32, (file.name, name)


def test_the_check_sees_a_number_that_was_typed_in(results, arrays):
    file = report.save("3-3-re-ranking", results, arrays)
    assert agrees(file)
    content = json.loads(file.read_text())
    content["results"][1]["comparisons"][0]["p"] = 0.001
    file.write_text(json.dumps(content))
    with pytest.raises(AssertionError):
        agrees(file)
    content["results"][1]["comparisons"] = []
    content["results"][1]["value"] += 0.5
    file.write_text(json.dumps(content))
    with pytest.raises(AssertionError):
        agrees(file)
