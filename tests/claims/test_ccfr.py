"""The ledger of ccfr against counts taken by hand from the text."""

from collections import Counter

import pytest

from fgnb.claims import Ledger, load


@pytest.fixture(scope="module")
def ledger() -> Ledger:
    return load("ccfr")


def ids(ledger: Ledger, start: str) -> list[str]:
    return [entry.id for entry in ledger if entry.id.startswith(start)]


def test_cells_of_the_tables(ledger: Ledger) -> None:
    # Table 1: 3 data sets x (train, test, category).
    assert len(ids(ledger, "ccfr.table1.")) == 9
    # Table 2, cells that are no dash. CUB: 19 rows less Spatial-RNN = 18. Aircraft: 19 rows less
    # ResNet-50, a-pooling, MGE, CS-Parts, StackedLSTM = 14. Cars: 19 rows less ResNet-50,
    # Spatial-RNN, MA-CNN, StackedLSTM = 15.
    assert len(ids(ledger, "ccfr.table2.cub.")) == 18
    assert len(ids(ledger, "ccfr.table2.aircraft.")) == 14
    assert len(ids(ledger, "ccfr.table2.cars.")) == 15
    assert len(ids(ledger, "ccfr.table2.")) == 47
    # Table 3: 6 rows, one accuracy each.
    assert len(ids(ledger, "ccfr.table3.")) == 6
    # Table 4: 3 rows x 3 data sets.
    assert len(ids(ledger, "ccfr.table4.")) == 9


def test_numbers_of_the_running_text(ledger: Ledger) -> None:
    numbers = ledger.where(kind="number")
    in_text = Counter(
        entry.place.split(",")[0] for entry in numbers if not entry.place.startswith("Table")
    )
    assert in_text == {
        # 3.1: lambda.
        "section 3.1": 1,
        # 3.2: scales 96 and 192, aspect ratio, region size, fusion kernel, mu.
        "section 3.2": 6,
        # 3.2 and 4.2: image size.
        "sections 3.2 and 4.2": 1,
        # 4.1: images of three sets, ratio of three, images a class (CUB), levels (Aircraft).
        "section 4.1": 8,
        # 4.2: scales, regions a scale, NMS, learning rate, its factor and step, weight decay,
        # batch, topn, T_sf of three sets.
        "section 4.2": 12,
        # 4.2 and 4.4: alpha, beta.
        "sections 4.2 and 4.4": 2,
        # 4.3: topm, gain over StackedLSTM.
        "section 4.3": 2,
        # 4.4: gain of the multi-level loss, three ranges with two ends, three optima.
        "section 4.4": 10,
        # Captions: four boxes an image.
        "Figs. 4 and 7": 1,
    }
    # 71 cells (9 + 47 + 6 + 9) and the 43 above.
    assert len(numbers) == 114
    assert not any(entry.unreadable for entry in numbers)


def test_figures_and_claims(ledger: Ledger) -> None:
    # Figures 1 to 7.
    assert [entry.id for entry in ledger.where(kind="figure")] == [
        f"ccfr.fig{n}" for n in range(1, 8)
    ]
    # Claims by section: 1 (Fig. 1) 1; 3.1 1; 3.2 3; 3.3 4; 4.3 3; 4.4 10; 4.5 1.
    homes = Counter(entry.home for entry in ledger.where(kind="claim"))
    assert homes == {
        "ccfr/1-hard-instances": 1,
        "ccfr/3-1-multi-level-loss": 1,
        "ccfr/3-2-local-regions": 3,
        "ccfr/3-3-re-ranking": 4,
        "ccfr/4-3-results": 3,
        "ccfr/4-4-ablation": 10,
        "ccfr/4-5-regions": 1,
    }


def test_own_and_cited(ledger: Ledger) -> None:
    # Table 2 ends in two own rows of three cells; the 41 before them are cited.
    assert len(ledger.where(place="Table 2", by="cited")) == 41
    assert len(ledger.where(place="Table 2", by="ours")) == 6
    assert all(entry.by == "ours" for entry in ledger.where(place="Table 4"))


@pytest.mark.parametrize(
    ("entry_id", "value", "unit"),
    [
        ("ccfr.table1.cub.train", 5994, "count"),
        ("ccfr.table1.aircraft.test", 3333, "count"),
        ("ccfr.table1.cars.classes", 196, "count"),
        ("ccfr.table2.cub.resnet-50", 84.5, "percent"),
        ("ccfr.table2.aircraft.spatial-rnn", 88.4, "percent"),
        ("ccfr.table2.cars.a-pooling", 91.6, "percent"),
        ("ccfr.table2.aircraft.ma-cnn", 89.9, "percent"),
        ("ccfr.table2.cub.nts", 87.5, "percent"),
        ("ccfr.table2.aircraft.df-gmm", 93.8, "percent"),
        ("ccfr.table2.cars.mge", 93.9, "percent"),
        ("ccfr.table2.cars.pmg", 95.1, "percent"),
        ("ccfr.table2.cub.stackedlstm", 90.4, "percent"),
        ("ccfr.table2.cars.ours-without-reranking", 95.37, "percent"),
        ("ccfr.table2.cub.ours", 91.1, "percent"),
        ("ccfr.table3.local-region", 90.3, "percent"),
        ("ccfr.table3.scale-nms", 90.4, "percent"),
        ("ccfr.table3.fusion", 90.7, "percent"),
        ("ccfr.table4.cars.retrieval", 91.54, "percent"),
        ("ccfr.table4.aircraft.retrieval", 93.4, "percent"),
        ("ccfr.table4.aircraft.ccfr", 94.1, "percent"),
        ("ccfr.setting.weight-decay", 1e-4, "none"),
        ("ccfr.setting.topm", 50, "count"),
        ("ccfr.setting.t-sf.cub", 0.5, "none"),
        ("ccfr.fig6.best.t-sf", 0.75, "none"),
        ("ccfr.text.gain.cub", 0.7, "points"),
    ],
)
def test_values_as_printed(ledger: Ledger, entry_id: str, value: float, unit: str) -> None:
    assert ledger[entry_id].value == value
    assert ledger[entry_id].unit == unit


def test_sums_and_gains_agree_with_the_tables(ledger: Ledger) -> None:
    def value(entry_id: str) -> float:
        found = ledger[f"ccfr.{entry_id}"].value
        assert found is not None
        return found

    for name in ("cub", "aircraft", "cars"):
        both = value(f"table1.{name}.train") + value(f"table1.{name}.test")
        assert value(f"text.{name}.images") == both
        assert value(f"table4.{name}.ccfr") == value(f"table2.{name}.ours")
    gain = value("table2.cub.ours") - value("table2.cub.stackedlstm")
    assert value("text.gain.cub") == pytest.approx(gain)
    gain = value("table3.multi-level") - value("table3.plain")
    assert value("text.gain.multi-level") == pytest.approx(gain)


def test_the_contradictions_are_noted(ledger: Ledger) -> None:
    assert "93.1" in ledger["ccfr.table2.aircraft.ours-without-reranking"].note
    assert "93.0" in ledger["ccfr.table4.aircraft.classification"].note
    assert "ahead" in ledger["ccfr.claim.classification-beats-retrieval"].note
    assert "0.9" in ledger["ccfr.text.gain.cub"].note
    assert "2 best" in ledger["ccfr.setting.topn"].note
