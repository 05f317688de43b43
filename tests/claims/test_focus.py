"""The ledger of focus against counts taken by hand from the text."""

from collections import Counter

import pytest

from fgnb.claims import Ledger, load


@pytest.fixture(scope="module")
def ledger() -> Ledger:
    return load("focus")


def test_numbers_by_place(ledger: Ledger) -> None:
    numbers = ledger.where(kind="number")
    assert Counter(entry.place for entry in numbers) == {
        # Table 1: 8 rows; 6 of them fill three columns, ResNet-50 and PartNet-Full one: 18 + 2.
        "Table 1": 20,
        # Table 2: 5 rows.
        "Table 2": 5,
        # 4.1: classes, training and test images of three sets.
        "section 4.1": 9,
        # 4.2: three resolutions, NMS, m, l, weight decay, momentum, epochs, base rate, its
        # factor and step, the rate of the pretrained layers.
        "section 4.2": 13,
        # 4.3: gains 3.1, 0.7, 2.2, 1.4.
        "section 4.3": 4,
        # Caption: four regions an image.
        "section 4.3, Fig. 2": 1,
    }
    assert len(numbers) == 52
    assert not any(entry.unreadable for entry in numbers)


def test_figures_and_claims(ledger: Ledger) -> None:
    assert [entry.id for entry in ledger.where(kind="figure")] == ["focus.fig1", "focus.fig2"]
    # 3.1 2; 3.2 3; 3.3 1, and that of 3.2 that needs trainings; 4.3 6, and one that needs NTS.
    assert Counter(entry.home for entry in ledger.where(kind="claim")) == {
        "focus/3-1-overview": 2,
        "focus/3-2-attention-regions": 3,
        "focus/3-3-training": 2,
        "focus/4-3-results": 7,
    }


def test_own_and_cited(ledger: Ledger) -> None:
    # Table 1: the last row is the paper's own. Table 2: the last three rows.
    assert len(ledger.where(place="Table 1", by="ours")) == 3
    assert len(ledger.where(place="Table 2", by="ours")) == 3


@pytest.mark.parametrize(
    ("entry_id", "value"),
    [
        ("focus.table1.cub.bilinear-cnn", 84.1),
        ("focus.table1.cars.bilinear-cnn", 91.3),
        ("focus.table1.aircraft.ra-cnn", 88.2),
        ("focus.table1.cars.boost-cnn", 92.1),
        ("focus.table1.cars.ma-cnn", 92.8),
        ("focus.table1.cub.partnet-full", 87.3),
        ("focus.table1.aircraft.nts-net", 91.4),
        ("focus.table1.aircraft.ours", 92.1),
        ("focus.table1.cars.ours", 94.1),
        ("focus.table2.resnet-50", 84.5),
        ("focus.table2.nts-net-image-level", 85.3),
        ("focus.table2.ours-image-level", 86.7),
        ("focus.table2.ours-without-max-pooling", 87.3),
        ("focus.table2.ours", 87.6),
        ("focus.text.aircraft.test", 3333),
        ("focus.setting.box-size", 160),
        ("focus.setting.weight-decay", 5e-4),
        ("focus.setting.learning-rate-step", 40),
    ],
)
def test_values_as_printed(ledger: Ledger, entry_id: str, value: float) -> None:
    assert ledger[entry_id].value == value


@pytest.mark.parametrize(
    ("gain", "better", "worse"),
    [
        ("over-resnet-50", "table1.cub.ours", "table1.cub.resnet-50"),
        ("over-nts-net", "table1.aircraft.ours", "table1.aircraft.nts-net"),
        ("image-level-over-resnet-50", "table2.ours-image-level", "table2.resnet-50"),
        ("image-level-over-nts-net", "table2.ours-image-level", "table2.nts-net-image-level"),
    ],
)
def test_gains_agree_with_the_tables(ledger: Ledger, gain: str, better: str, worse: str) -> None:
    high, low = ledger[f"focus.{better}"].value, ledger[f"focus.{worse}"].value
    assert high is not None
    assert low is not None
    assert ledger[f"focus.text.gain.{gain}"].value == pytest.approx(high - low)


def test_the_two_papers_cite_alike(ledger: Ledger) -> None:
    # Both tables cite NTS-Net, MA-CNN and the plain ResNet-50; the cells they share are equal.
    other = load("ccfr")
    for ours, theirs in (("nts-net", "nts"), ("ma-cnn", "ma-cnn"), ("resnet-50", "resnet-50")):
        for name in ("cub", "aircraft", "cars"):
            mine, its = f"focus.table1.{name}.{ours}", f"ccfr.table2.{name}.{theirs}"
            if mine in ledger and its in other:
                assert ledger[mine].value == other[its].value
    for name in ("cub", "aircraft", "cars"):
        for what in ("classes", "train", "test"):
            mine, its = f"focus.text.{name}.{what}", f"ccfr.table1.{name}.{what}"
            assert ledger[mine].value == other[its].value
