"""The ledger of the joint paper, against counts and values taken by hand from its text."""

import pytest

from fgnb.claims import Ledger, load

# Table 1, right half, row by row: bird, car, year of the test set.
DETECTION = {
    "faster-rcnn-vgg16": (70.9, 84.7, 2007),
    "faster-rcnn-resnet50": (74.3, 75.9, 2012),
    "ssd300": (70.5, 76.1, 2007),
    "yolo": (57.7, 55.9, 2012),
    "yolov2-544": (74.8, 76.5, 2012),
    "ours-voc07": (72.0, 75.2, 2007),
    "ours-voc12": (77.9, 78.0, 2012),
}


@pytest.fixture(scope="module")
def ledger() -> Ledger:
    return load("joint")


def numbers(ledger, prefix):
    return [entry.id for entry in ledger.where(kind="number") if entry.id.startswith(prefix)]


def test_cells_of_table_1(ledger):
    # Birds: Simon, Kong, Liu, ours initial, ours joint.
    assert len(numbers(ledger, "joint.table1.cub.")) == 5
    # Cars: Krause, Lin, Zhang, Xie, ours initial, ours joint.
    assert len(numbers(ledger, "joint.table1.cars.")) == 6
    # Detection: seven rows, one figure each for bird and car.
    assert len(numbers(ledger, "joint.table1.bird.")) == 7
    assert len(numbers(ledger, "joint.table1.car.")) == 7
    assert len(ledger.where(kind="number", place="Table 1")) == 5 + 6 + 7 + 7


def test_numbers_of_the_running_text(ledger):
    # Results: four mAPs; 67.5 after surgery; 62.59 and 56.88; IoU 0.7; 5 fps; 1000 layers.
    results = 4 + 1 + 2 + 1 + 1 + 1
    # Images and classes of FGR-4K, CUB and Cars.
    datasets = 3 * 2
    assert len(numbers(ledger, "joint.text.")) == results + datasets
    # 33 % and 50 % of the white rule; 30 degrees; JPEG 50 and 90; learning rate 0; lr_decay 0.1.
    preparation = 2 + 1 + 2 + 1 + 1
    # Rate, gamma, momentum and decay of classifier and of detector; 1000K iterations, twice.
    training = 2 * 4 + 2
    # The 30 categories of Fig. 5; its thresholds 0.5 and 0.9.
    evaluation = 1 + 2
    assert len(numbers(ledger, "joint.setting.")) == preparation + training + evaluation
    assert len(ledger.where(kind="number")) == 25 + 16 + 20


def test_figures_and_claims(ledger):
    assert [entry.id for entry in ledger.where(kind="figure")] == [
        f"joint.fig{n}" for n in range(1, 8)
    ]
    # Abstract 1; section 1: 1; 3.1: 1; 3.2: 2; 3.3: 1; 4.2: 4; Fig. 6: 1; 4.3: 10; section 5: 1.
    assert len(ledger.where(kind="claim")) == 1 + 1 + 1 + 2 + 1 + 4 + 1 + 10 + 1
    assert len(ledger) == 61 + 7 + 22


def test_the_lost_cell_is_not_guessed(ledger):
    lost = ledger.where(unreadable=True)
    assert [entry.id for entry in lost] == ["joint.table1.cub.simon"]
    assert ledger["joint.table1.cub.simon"].value is None


@pytest.mark.parametrize("row", DETECTION)
def test_detection_rows(ledger, row):
    bird, car, year = DETECTION[row]
    for name, value in (("bird", bird), ("car", car)):
        entry = ledger[f"joint.table1.{name}.{row}"]
        assert entry.value == value
        assert entry.dataset == f"PASCAL VOC {year}"
        assert f"VOC {year} test" in entry.protocol
        assert ("this class alone" in entry.protocol) == row.startswith("ours")
        assert entry.by == ("ours" if row.startswith("ours") else "cited")


@pytest.mark.parametrize(
    ("entry_id", "value", "unit"),
    [
        ("joint.table1.cub.kong", 84.2, "percent"),
        ("joint.table1.cub.liu", 85.4, "percent"),
        ("joint.table1.cub.ours-initial", 81.0, "percent"),
        ("joint.table1.cub.ours-joint", 72.6, "percent"),
        ("joint.table1.cars.krause", 92.8, "percent"),
        ("joint.table1.cars.lin", 91.3, "percent"),
        ("joint.table1.cars.zhang", 88.4, "percent"),
        ("joint.table1.cars.xie", 86.3, "percent"),
        ("joint.table1.cars.ours-initial", 90.1, "percent"),
        ("joint.table1.cars.ours-joint", 86.2, "percent"),
        ("joint.text.map-bird-voc07", 71.99, "percent"),
        ("joint.text.map-bird-voc12", 77.85, "percent"),
        ("joint.text.map-car-voc07", 75.15, "percent"),
        ("joint.text.map-car-voc12", 78.06, "percent"),
        ("joint.text.cub.after-surgery", 67.5, "percent"),
        ("joint.text.fgr4k.map-ours", 62.59, "percent"),
        ("joint.text.fgr4k.map-sighthound", 56.88, "percent"),
        ("joint.text.fgr4k.iou-onset", 0.7, "ratio"),
        ("joint.text.fps", 5, "fps"),
        ("joint.text.fgr4k.images", 3818, "count"),
        ("joint.text.cub.images", 11788, "count"),
        ("joint.text.cars.images", 16185, "count"),
        ("joint.text.cars.classes", 196, "count"),
        ("joint.setting.white-threshold", 33, "percent"),
        ("joint.setting.lr-decay", 0.1, "none"),
        ("joint.setting.classifier.gamma", 0.5, "none"),
        ("joint.setting.classifier.learning-rate", 0.01, "none"),
        ("joint.setting.classifier.weight-decay", 0.0001, "none"),
        ("joint.setting.detector.learning-rate", 0.001, "none"),
        ("joint.setting.detector.weight-decay", 0.0005, "none"),
        ("joint.setting.joint.iterations", 1_000_000, "count"),
    ],
)
def test_values_as_printed(ledger, entry_id, value, unit):
    assert (ledger[entry_id].value, ledger[entry_id].unit) == (value, unit)


def test_only_tables_and_named_sentences_are_cited(ledger):
    # Table 1: 4 + 5 * 2 + 3 cited cells; the speed of Faster R-CNN, the depth of ResNet, and
    # classes and images of CUB and Cars.
    assert len(ledger.where(kind="number", by="cited")) == (4 + 10 + 3) + 2 + 4


def test_homes(ledger):
    assert {entry.home for entry in ledger} == {
        "joint/3-1-detection",
        "joint/3-2-benchmark",
        "joint/3-3-net-surgery",
        "joint/4-2-fgr4k",
        "joint/4-3-results",
    }


def test_contradictions_are_noted_where_they_stand(ledger):
    assert "0.5" in ledger["joint.setting.lr-decay"].note
    assert "78.06" in ledger["joint.table1.car.ours-voc12"].note
    assert "VOC 2012" in ledger["joint.table1.car.ssd300"].note
    assert "VGG-16" in ledger["joint.table1.bird.faster-rcnn-resnet50"].note
    assert "precision-recall" in ledger["joint.fig5"].note
    assert "Algorithm 1" in ledger["joint.claim.detection-unchanged"].note
    assert "none of the 196" in ledger["joint.claim.subtle-differences"].note
