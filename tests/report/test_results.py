"""Results: what is refused when made, when read and when kept; what is derived again."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from fgnb import report
from fgnb.metrics import mcnemar, wilson
from fgnb.report.provenance import FIELDS, ProvenanceError, check, without_paths
from fgnb.report.results import ResultError


def recorded(results, arrays, tmp_path):
    report.save("3-3-re-ranking", results, arrays)
    return report.keep(tmp_path / "nb.results", "ccfr")[0]


def edit(file, change):
    content = json.loads(file.read_text())
    change(content)
    file.write_text(json.dumps(content))


def test_saved_numbers_are_derived_again_from_the_file(results, arrays, tmp_path):
    file = recorded(results, arrays, tmp_path)
    found, refused = report.load_recorded()
    kept = report.read_arrays(file)
    assert not refused
    assert [r.claim for r in found] == [r.claim for r in results]
    right = kept["test_probs"].argmax(1) == kept["test_labels"]
    better = kept["test_reranked_predictions"] == kept["test_labels"]
    assert found[0].value == pytest.approx(100 * right.mean())
    low, high = wilson(int(right.sum()), 200)
    assert found[0].interval == pytest.approx((100 * low, 100 * high))
    assert found[1].comparisons[0]["p"] == mcnemar(better, right)
    assert found[1].comparisons[0]["difference"] == pytest.approx(
        100 * (better.mean() - right.mean())
    )
    for result in found:
        assert report.rederive(result, kept) == (result.value, result.interval)
        assert report.rederive_comparisons(result, kept) == list(result.comparisons)


def test_an_altered_number_is_seen_by_derivation(results, arrays):
    forged = replace(results[0], value=99.0)
    assert report.rederive(forged, arrays)[0] != forged.value


@pytest.mark.parametrize("field", FIELDS)
def test_a_result_that_lacks_one_provenance_field_vanishes_with_its_name(
    field, results, arrays, tmp_path
):
    file = recorded(results, arrays, tmp_path)
    edit(file, lambda content: content["results"][0]["provenance"].pop(field))
    found, refused = report.load_recorded()
    assert [r.claim for r in found] == [r.claim for r in results[1:]]
    assert len(refused) == 1
    assert refused[0].claim == results[0].claim
    assert refused[0].reason == f"provenance lacks {field}"


@pytest.mark.parametrize("empty", [None, ""])
@pytest.mark.parametrize("field", FIELDS)
def test_an_empty_field_is_a_missing_field(field, empty, provenance):
    given = {name: getattr(provenance(), name) for name in FIELDS}
    with pytest.raises(ProvenanceError, match=f"lacks {field}$"):
        check({**given, field: empty})


def test_a_result_without_any_provenance_is_refused(results, arrays, tmp_path):
    file = recorded(results, arrays, tmp_path)
    edit(file, lambda content: content["results"][1].pop("provenance"))
    assert report.load_recorded()[1][0].reason == "provenance is missing"


def test_missing_and_damaged_arrays_refuse_the_whole_file(results, arrays, tmp_path):
    file = recorded(results, arrays, tmp_path)
    npz = file.with_suffix(".npz")
    whole = npz.read_bytes()
    npz.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    found, refused = report.load_recorded()
    assert not found
    assert "damaged" in refused[0].reason
    npz.unlink()
    found, refused = report.load_recorded()
    assert not found
    assert "missing" in refused[0].reason
    file.write_text("{")
    assert "JSON" in report.load_recorded()[1][0].reason


def test_keeping_again_counts_every_reading_of_the_test_set(results, arrays, tmp_path):
    first = recorded(results, arrays, tmp_path)
    assert recorded(results, arrays, tmp_path) == first
    found, _ = report.load_recorded()
    assert {r.total_reads for r in found} == {2}
    assert json.loads(first.read_text())["earlier"][0]["test_reads"] == 1


def test_another_setting_is_another_file_and_the_former_stays(
    results, arrays, provenance, tmp_path
):
    first = recorded(results, arrays, tmp_path)
    before = first.read_bytes()
    others = [replace(result, settings={"t_sf": 0.9}) for result in results]
    second = recorded(others, arrays, tmp_path)
    moved = [replace(r, provenance=provenance(manifest="d" * 64)) for r in results]
    third = recorded(moved, arrays, tmp_path)
    assert len({first, second, third}) == 3
    assert first.read_bytes() == before
    assert all("3-3-re-ranking-cub-" in file.name for file in (first, second, third))


def test_keep_refuses_an_incomplete_result_and_copies_nothing(results, arrays, tmp_path):
    file = report.save("3-3-re-ranking", results, arrays)
    edit(file, lambda content: content["results"][0]["provenance"].update(commit=""))
    with pytest.raises(ResultError, match="provenance lacks commit"):
        report.keep(tmp_path / "nb.results", "ccfr")
    assert not (tmp_path / "recorded").exists()
    with pytest.raises(ResultError, match="nothing to keep"):
        report.keep(tmp_path / "empty", "ccfr")
    with pytest.raises(ResultError, match="paper is 'ccrf', needs one of joint"):
        report.keep(tmp_path / "nb.results", "ccrf")


def test_keep_refuses_pictures(results, arrays, tmp_path):
    report.save("a", results, {**arrays, "images": np.zeros((2, 4, 4, 3), np.uint8)})
    with pytest.raises(ResultError, match="pictures"):
        report.keep(tmp_path / "nb.results", "ccfr")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"claim_id": "ccfr.table4.cub.nothing"}, "no ledger entry"),
        ({"claim_id": "own."}, "begins with 'own.'"),
        ({"value": float("nan")}, "finite"),
        ({"value": "80"}, "needs a number"),
        ({"interval": (81.0, 82.0)}, "does not hold 80"),
        ({"interval": (70.0, float("inf"))}, "finite"),
        ({"n": 0}, "n is 0"),
        ({"unit": "points"}, "ledger's entry is in 'percent'"),
        ({"settings": {"x": object()}}, "plain values"),
        ({"provenance": None}, "needs a Provenance"),
    ],
)
def test_record_says_what_is_wrong(changed, message, provenance):
    given = {"claim_id": "ccfr.table4.cub.ccfr", "value": 80.0, "interval": (75.0, 85.0), "n": 10}
    given = {"provenance": provenance(), **given, **changed}
    with pytest.raises(ResultError, match=message):
        report.record(given.pop("claim_id"), given.pop("value"), **given)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"protocol": "mine"}, "one of published, official, subset, drawn"),
        ({"manifest": "abc"}, "SHA-256"),
        ({"n_test": 0}, "at least 1"),
        ({"seeds": ()}, "no seed"),
        ({"versions": {}}, "versions"),
        ({"parameters": {"weights": "/home/me/w.pth"}}, "path of one machine"),
    ],
)
def test_provenance_says_what_is_wrong(changed, message, provenance):
    with pytest.raises(ProvenanceError, match=message):
        provenance(**changed)


def test_parameters_lose_their_paths():
    given = {"data_root": "", "weights": "/home/me/w.pth", "t_sf": 0.5, "preset": "demo"}
    assert without_paths(given) == {"t_sf": 0.5, "preset": "demo"}


def test_code_that_changed_since_is_noticed(provenance):
    assert not report.code_changed(provenance())
    assert report.code_changed(provenance(code="e" * 64))
    assert report.code_changed(provenance(code_of=("fgnb.gone",)))


def test_objects_are_not_saved(results, arrays):
    with pytest.raises(ResultError, match="'names' has dtype object"):
        report.save("a", results, {**arrays, "names": np.array([{}, 1], dtype=object)})
    with pytest.raises(ResultError, match="stands twice"):
        report.save("a", [results[0], results[0]], arrays)
    with pytest.raises(ResultError, match="lower-case"):
        report.save("../a", results, arrays)


def test_derivations_by_hand(provenance):
    arrays = {
        "labels": np.array([0, 1, 1, 0]),
        "a": np.array([0, 1, 0, 0]),
        "b": np.array([0, 0, 1, 1]),
        "probs": np.array([[0.9, 0.1, 0], [0.5, 0.3, 0.2], [0.2, 0.3, 0.5], [0.1, 0.3, 0.6]]),
    }
    ends = {"labels": "labels"}
    cases = {
        "accuracy": ({"of": "a", **ends}, 75.0),
        "difference": ({"of": "a", "against": "b", **ends}, 25.0),
        "rectified": ({"of": "a", "against": "b", **ends}, 2.0),
        "spoiled": ({"of": "a", "against": "b", **ends}, 1.0),
        "topn": ({"of": "probs", "n": 2, **ends}, 75.0),
        "mean-top1": ({"of": "probs"}, 0.625),
        "rows": ({"of": "labels"}, 4.0),
        "distinct": ({"of": "labels"}, 2.0),
    }
    for kind, (rest, value) in cases.items():
        result = report.measure(
            "own.test", {"kind": kind, **rest}, arrays, provenance=provenance(), label=kind
        )
        assert result.value == pytest.approx(value), kind
        assert result.n == 4
    with pytest.raises(ResultError, match="no array 'c'"):
        report.measure("own.test", {"kind": "rows", "of": "c"}, arrays, provenance=provenance())
    with pytest.raises(ResultError, match="needs kind, of, labels"):
        report.measure("own.test", {"kind": "accuracy", "of": "a"}, arrays, provenance=provenance())


def test_collect_gathers_what_the_notebook_knows(provenance):
    images = SimpleNamespace(
        name="cub",
        title="CUB",
        fingerprint="a" * 64,
        protocol="subset",
        classes=("a", "b"),
        n_train=4,
        n_test=2,
    )
    weights = SimpleNamespace(backbone="resnet18", tag="resnet18.tv_in1k", sha256="b" * 64)
    run = SimpleNamespace(
        key="c" * 64, reused=True, environment={"seconds": 30.0, "device": "cpu (x)"}
    )
    made = report.collect(
        "ccfr/3-3-re-ranking",
        preset="demo",
        images=images,
        seconds=2.0,
        test_reads=1,
        modules=["fgnb.metrics.statistics"],
        weights=weights,
        seeds=[0],
        runs=[run],
        parameters={"data_root": "/data", "topn": np.int64(5)},
    )
    assert made.seconds == 32.0
    assert made.device == "cpu (x)"
    assert made.parameters == {"topn": 5}
    assert not report.code_changed(made)
    bare = report.collect(
        "ccfr/4-1-datasets",
        preset="demo",
        images=images,
        seconds=1.0,
        test_reads=0,
        modules=["fgnb.metrics.statistics"],
    )
    assert bare.backbone == "none"
    assert bare.device.startswith(("cpu (", "gpu ("))
    assert bare.versions["torch"] != "absent"
