"""The ledger's rules: every fault is refused, and the message says where it is."""

from dataclasses import FrozenInstanceError, replace
from pathlib import Path

import pytest
import yaml

from fgnb.claims import PAPERS, LedgerError, load
from fgnb.claims.ledger import read

NUMBER = {
    "id": "ccfr.table9.cub.ours",
    "kind": "number",
    "place": "Table 9",
    "value": 91.1,
    "unit": "percent",
    "metric": "accuracy",
    "method": "CCFR",
    "dataset": "CUB-200-2011",
    "protocol": "top-1 accuracy, official test split",
    "by": "ours",
    "home": "ccfr/4-3-results",
}
CLAIM = {
    "id": "ccfr.claim.it-helps",
    "kind": "claim",
    "place": "section 9",
    "text": "It helps.",
    "home": "ccfr/4-3-results",
}
TOP = {"paper": "ccfr", "title": "T", "authors": ["A B"], "venue": "V", "slug": "ccfr"}
TOP |= {"backbone": "resnet50"}


def write(folder: Path, *entries: object, **top: object) -> Path:
    file = folder / "ccfr.yaml"
    file.write_text(yaml.safe_dump({**TOP, "entries": list(entries), **top}), encoding="utf-8")
    return file


def without(entry: dict, key: str) -> dict:
    return {name: value for name, value in entry.items() if name != key}


def test_a_sound_file_is_read(tmp_path: Path) -> None:
    paper, (number, claim) = read(write(tmp_path, NUMBER, CLAIM))
    assert (paper.paper, paper.authors) == ("ccfr", ("A B",))
    assert (number.paper, number.value, number.unit) == ("ccfr", 91.1, "percent")
    assert (claim.kind, claim.value, claim.text) == ("claim", None, "It helps.")
    with pytest.raises(FrozenInstanceError):
        number.value = 92.0  # type: ignore[misc]


def test_a_whole_number_becomes_a_float(tmp_path: Path) -> None:
    _, (entry,) = read(write(tmp_path, {**NUMBER, "value": 5994, "unit": "count"}))
    assert isinstance(entry.value, float)
    assert entry.value == 5994


def test_an_unreadable_number_has_no_value(tmp_path: Path) -> None:
    _, (entry,) = read(write(tmp_path, {**NUMBER, "value": None, "unreadable": True}))
    assert entry.unreadable
    assert entry.value is None


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"vlaue": 3}, "unknown key vlaue"),
        ({"kind": "table"}, "kind was 'table'"),
        ({"unit": "per cent"}, "unit was 'per cent'"),
        ({"by": "theirs"}, "by was 'theirs'"),
        ({"value": None}, "value was None"),
        ({"value": "91.1"}, "value was '91.1'"),
        ({"value": True}, "value was True"),
        ({"value": float("nan")}, "value was nan"),
        ({"unreadable": True}, "value was 91.1"),
        ({"unreadable": "yes"}, "unreadable was 'yes'"),
        ({"home": "cfr/4-3-results"}, "home was 'cfr/4-3-results'"),
        ({"home": "ccfr/results"}, "home was 'ccfr/results'"),
        ({"home": "ccfr/4-3-results.ipynb"}, "home was 'ccfr/4-3-results.ipynb'"),
        ({"home": "ccfr/4-3-results\n"}, "home was"),
        ({"paper": "pose"}, "paper was 'pose'"),
        ({"method": 7}, "method was 7"),
        ({"dataset": " "}, "dataset is empty"),
    ],
)
def test_a_faulty_number_is_refused(tmp_path: Path, changes: dict, field: str) -> None:
    with pytest.raises(LedgerError) as caught:
        read(write(tmp_path, {**NUMBER, **changes}))
    assert str(caught.value).startswith("ccfr.yaml: entry ccfr.table9.cub.ours: ")
    assert field in str(caught.value)


@pytest.mark.parametrize("key", ["place", "home", "unit", "metric", "method", "dataset", "by"])
def test_a_missing_key_is_named(tmp_path: Path, key: str) -> None:
    with pytest.raises(LedgerError, match=rf"table9.cub.ours: missing key {key}$"):
        read(write(tmp_path, without(NUMBER, key)))


def test_a_number_without_value_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="value was None"):
        read(write(tmp_path, without(NUMBER, "value")))
    with pytest.raises(LedgerError, match="value: null"):
        read(write(tmp_path, {**without(NUMBER, "value"), "unreadable": True}))


def test_a_claim_has_text_and_no_value(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="it-helps: missing key text"):
        read(write(tmp_path, without(CLAIM, "text")))
    with pytest.raises(LedgerError, match="it-helps: value: a claim has text and no value"):
        read(write(tmp_path, {**CLAIM, "value": 1.0}))


@pytest.mark.parametrize(
    "entry_id",
    ["pose.table9", "ccfr", "ccfr.", "ccfr.Table9", "ccfr.a b", "ccfr.a..b", "ccfrx.a", 9, None],
)
def test_a_wrong_id_is_refused_by_position(tmp_path: Path, entry_id: object) -> None:
    with pytest.raises(LedgerError, match=r"ccfr.yaml: entry 2: id was"):
        read(write(tmp_path, CLAIM, {**NUMBER, "id": entry_id}))


def test_a_second_entry_of_the_same_id_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match=r"entry ccfr.claim.it-helps: id: stands twice"):
        read(write(tmp_path, CLAIM, NUMBER, CLAIM))


def test_a_repeated_key_is_refused(tmp_path: Path) -> None:
    file = write(tmp_path, NUMBER)
    file.write_text(file.read_text() + "title: Another\n", encoding="utf-8")
    with pytest.raises(LedgerError, match=r"ccfr.yaml.*'title' stands twice"):
        read(file)
    file = write(tmp_path, NUMBER)
    file.write_text(file.read_text().replace("  unit:", "  value: 12.5\n  unit:"))
    with pytest.raises(LedgerError, match="'value' stands twice"):
        read(file)


@pytest.mark.parametrize(
    ("top", "message"),
    [
        ({"entries": []}, "entries must be a list"),
        ({"entries": {"a": 1}}, "entries must be a list"),
        ({"entries": ["ours"]}, "entry 1: must be a mapping"),
        ({"year": 2021}, "unknown key year"),
        ({"paper": "pose"}, "paper was 'pose'"),
        ({"slug": "pose"}, "slug was 'pose'"),
        ({"title": ""}, "title was ''"),
        ({"authors": "A B"}, "authors must be a list"),
    ],
)
def test_a_faulty_head_is_refused(tmp_path: Path, top: dict, message: str) -> None:
    with pytest.raises(LedgerError, match=message):
        read(write(tmp_path, NUMBER, **top))


def test_a_file_that_is_no_yaml_is_named(tmp_path: Path) -> None:
    file = tmp_path / "ccfr.yaml"
    file.write_text("entries: [", encoding="utf-8")
    with pytest.raises(LedgerError, match=r"ccfr\.yaml: not valid YAML"):
        read(file)
    file.write_text("- a", encoding="utf-8")
    with pytest.raises(LedgerError, match="must be a mapping"):
        read(file)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match=r"pose\.yaml: no such file"):
        read(tmp_path / "pose.yaml")


def test_the_whole_ledger_holds_four_papers_once() -> None:
    whole = load()
    assert tuple(paper.paper for paper in whole.papers) == PAPERS
    assert sum(len(load(paper)) for paper in PAPERS) == len(whole)
    assert len({entry.id for entry in whole}) == len(whole)
    assert all(entry.id.split(".")[0] == entry.paper for entry in whole)


def test_entries_are_found_by_id_and_field() -> None:
    ledger = load("ccfr")
    assert ledger["ccfr.fig5"].home == "ccfr/3-3-re-ranking"
    assert "ccfr.fig5" in ledger
    assert "ccfr.fig8" not in ledger
    home = ledger.where(home="ccfr/4-5-regions", kind="figure")
    assert [entry.id for entry in home] == ["ccfr.fig7"]
    assert len(load().where(paper="ccfr")) == len(ledger)
    assert replace(ledger["ccfr.fig5"]) == ledger["ccfr.fig5"]


def test_wrong_questions_are_refused() -> None:
    with pytest.raises(ValueError, match="paper was 'cfr'; it must be one of joint, pose"):
        load("cfr")
    with pytest.raises(ValueError, match="no ledger field 'sort'"):
        load("ccfr").where(sort="figure")
    with pytest.raises(KeyError, match=r"no ledger entry 'ccfr.table1.cub.tain'.*cub.train"):
        load("ccfr")["ccfr.table1.cub.tain"]
