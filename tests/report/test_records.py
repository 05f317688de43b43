"""Records: what is refused when made, written or read; which stands; what its code has become."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from pydantic import ValidationError

from fgnb import claims
from fgnb.nn.weights import weights_info
from fgnb.report import archive, records
from fgnb.report.records import Provenance, Record

ROOT = Path(__file__).resolve().parents[2] / "results" / "recorded"
OPTIONAL = ("restriction", "recorded", "note")
FIELDS = [name for name in Provenance.model_fields if name not in OPTIONAL]


@pytest.fixture
def record(origin):
    def make(row="fusion", paper="ccfr", **changed):
        rng = np.random.default_rng(0)
        labels = rng.integers(0, 10, 200).astype(np.int16)
        classes = np.where(rng.random(200) < 0.8, labels, (labels + 1) % 10).astype(np.int16)
        arrays = {"ids": np.arange(1, 201), "labels": labels, "classes": classes}
        return Record(paper, row, arrays, origin(**changed))

    return make


def edit(file, change):
    content = json.loads(file.read_text())
    change(content)
    file.write_text(json.dumps(content))


def test_what_was_written_is_read(record, tmp_path):
    made = replace(record(), witness=np.ones((3, 2), np.float32), verified=("e" * 64,))
    file = archive.write(made, tmp_path)
    assert file.name == f"{archive.name_of(made)}.json"
    assert file.name.startswith("fusion-cub-")
    found = archive.read(file)
    assert found.origin == made.origin
    assert found.verified == made.verified
    assert sorted(found.arrays) == ["classes", "ids", "labels"]
    for name, array in made.arrays.items():
        assert np.array_equal(found.arrays[name], array)
        assert found.arrays[name].dtype == array.dtype
    assert np.array_equal(found.witness, made.witness)


@pytest.mark.parametrize("field", FIELDS)
def test_a_record_that_lacks_one_field_is_refused_by_its_name(field, record, tmp_path):
    file = archive.write(record(), tmp_path)
    edit(file, lambda content: content["provenance"].pop(field))
    found, refused = archive.read_folder(tmp_path)
    assert not found
    assert f"provenance.{field}" in refused[0].reason
    assert refused[0].name == file.stem


@pytest.mark.parametrize("field", [n for n in FIELDS if n not in ("spec", "run_keys", "seeds")])
@pytest.mark.parametrize("empty", [None, ""])
def test_an_empty_field_is_a_missing_field(field, empty, origin):
    with pytest.raises(ValidationError, match=field):
        origin(**{field: empty})


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"protocol": "mine"}, "'published', 'official', 'subset' or 'drawn'"),
        ({"manifest": "abc"}, "manifest"),
        ({"classes": 0}, "greater than or equal to 1"),
        ({"seeds": ()}, "seeds is empty though a backbone is named"),
        ({"versions": {}}, "versions"),
        ({"spec": {"weights": "/home/me/w.pth"}}, "path of one machine"),
        ({"run_keys": ("~/runs",)}, "path of one machine"),
        ({"seconds": float("nan")}, "seconds"),
        ({"mood": "good"}, "mood"),
    ],
)
def test_a_provenance_says_what_is_wrong(changed, message, origin):
    with pytest.raises(ValidationError, match=message):
        origin(**changed)


def test_missing_and_damaged_arrays_refuse_the_record(record, tmp_path):
    file = archive.write(record(), tmp_path)
    npz = file.with_suffix(".npz")
    whole = npz.read_bytes()
    for content, word in (
        (whole[:-1] + bytes([whole[-1] ^ 1]), "damaged"),
        (whole[:99], "damaged"),
    ):
        npz.write_bytes(content)
        found, refused = archive.read_folder(tmp_path)
        assert not found
        assert word in refused[0].reason
    npz.unlink()
    assert "missing" in archive.read_folder(tmp_path)[1][0].reason
    file.write_text("{")
    assert "JSON" in archive.read_folder(tmp_path)[1][0].reason


def test_objects_pictures_and_whole_databases_are_not_kept(record, tmp_path):
    cases = {
        "is of object": np.array([{}, 1], dtype=object),
        "looks like pictures": np.zeros((2, 4, 4, 3), np.uint8),
        "over 5,000,000": np.random.default_rng(0).random((1_000, 800)),
    }
    for message, array in cases.items():
        with pytest.raises(archive.RecordError, match=message):
            archive.write(replace(record(), arrays={"extra": array}), tmp_path)
    with pytest.raises(archive.RecordError, match="has no arrays"):
        archive.write(replace(record(), arrays={}), tmp_path)
    assert not list(tmp_path.iterdir())


def test_drawn_pictures_are_never_kept(record, monkeypatch, tmp_path):
    monkeypatch.setenv("FGNB_RECORDED", str(tmp_path))
    with pytest.raises(archive.RecordError, match="no evidence"):
        archive.keep(record(protocol="drawn", dataset="drawn"), "2026-02-01 10:00")
    assert not list(tmp_path.rglob("*.json"))


def test_keeping_again_counts_every_reading_of_the_test_set(record, monkeypatch, tmp_path):
    monkeypatch.setenv("FGNB_RECORDED", str(tmp_path))
    first = archive.keep(record(), "2026-02-01 10:00")
    assert archive.keep(record(), "2026-02-01 10:00") == first
    assert archive.read(first).origin.test_reads == 2
    other = archive.keep(record(spec={"seed": 1}), "2026-02-01 10:00")
    assert other != first
    assert archive.read(first).origin.test_reads == 2


def test_code_that_changed_since_is_noticed(record):
    assert record().code_state() == "same"
    assert record(code="e" * 64).code_state() == "changed"
    assert record(code_of=("fgnb.gone",)).code_state() == "changed"
    now = record().origin.code
    assert replace(record(code="e" * 64), verified=(now,)).code_state() == "verified"
    assert replace(record(code="e" * 64), verified=("d" * 64,)).code_state() == "changed"


def test_a_run_becomes_a_record_with_its_answers_and_no_path():
    images = SimpleNamespace(
        **{"title": "CUB", "fingerprint": "a" * 64, "protocol": "subset", "pixels": "re-encoded"},
        **{"classes": ("a", "b", "c"), "n_train": 4, "n_test": 2, "restriction": "1-2,7"},
    )
    weights = SimpleNamespace(backbone="resnet18", tag="resnet18.tv_in1k", sha256="b" * 64)
    probs = np.array([[0.2, 0.7, 0.1], [0.5, 0.3, 0.2]], np.float32)
    run = SimpleNamespace(
        key="c" * 64,
        spec={"seed": 3, "threads": 2, "cut": 16, "start": {"seed": 0}, "betas": (0.9, 0.99)},
        environment={"seconds": 30.04, "device": "cpu (x)", "commit": "f" * 40, "threads": 2}
        | {"python": "3.11"},
        code_of=("fgnb.metrics.statistics",),
        predictions={
            "query_ids": np.array([7, 9]),
            "query_labels": np.array([1, 2]),
            "query_probs": probs,
        },
    )
    context = records.Context("ccfr", "demo", images, weights, "cub")
    made = records.of_run(context, "plain", run, records.answers_of(run), reads=1)
    assert made.arrays["classes"].tolist() == [1, 0]
    assert made.arrays["top5"].tolist() == [[1, 0, 2], [0, 1, 2]]
    assert made.origin.spec == {"seed": 3, "threads": 2, "cut": 16, "betas": [0.9, 0.99]}
    assert (made.origin.seeds, made.origin.seconds) == ((3,), 30.0)
    assert made.origin.protocol == "subset"
    assert made.origin.restriction == "1-2,7"
    assert made.code_state() == "same"
    counted = records.of_set(context, "set", {"labels": [0, 1]}, ["fgnb.data"])
    assert counted.origin.backbone == "none"
    assert counted.origin.versions["torch"] != "absent"


def test_every_record_in_the_project_is_sound_and_small(monkeypatch):
    monkeypatch.setenv("FGNB_RECORDED", str(ROOT))
    papers = sorted(folder.name for folder in ROOT.iterdir())
    assert papers
    for paper in papers:
        found, refused = archive.recorded(paper)
        assert not refused, [str(item) for item in refused]
        assert found
        for record in found:
            assert record.paper == paper
            assert record.origin.protocol != "drawn"
            ids = record.arrays.get("ids")
            if "labels" in record.arrays:
                assert record.arrays["labels"].shape == ids.shape
                assert len(np.unique(ids)) == len(ids)


def test_each_papers_own_rows_have_its_network():
    """Of the names that a backbone is made by; an experiment of ours has none."""
    found = {paper: records.published_network(paper) for paper in claims.PAPERS}
    assert {network[0] for network in found.values()} == {"paper"}
    assert [found[p][1] for p in ("ccfr", "focus", "pose")] == ["resnet50", "resnet50", "vgg16"]
    for _, backbone, weights in found.values():
        assert weights_info(backbone, "random").backbone == backbone
        assert weights == "imagenet"
    assert records.published_network("evidence") == ()
