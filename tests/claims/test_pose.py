"""The ledger of the pose paper, against counts and values taken by hand from its text."""

import pytest

from fgnb.claims import Ledger, load

ALPHAS = ("02", "05", "08", "10")

# Table 2, row by row, alpha 0.02, 0.05, 0.08, 0.10.
TABLE_2 = {
    "back": (9.4, 46.8, 74.8, 85.6),
    "beak": (12.7, 62.5, 89.1, 94.9),
    "belly": (8.2, 40.7, 70.3, 81.9),
    "breast": (9.8, 45.1, 74.2, 84.5),
    "crown": (12.2, 59.8, 87.7, 94.8),
    "forehead": (13.2, 63.7, 91.0, 96.0),
    "left-eye": (11.3, 66.3, 91.0, 95.7),
    "left-leg": (7.8, 33.7, 56.6, 64.6),
    "left-wing": (6.7, 31.7, 56.7, 67.8),
    "nape": (11.5, 54.3, 82.9, 90.7),
    "right-eye": (12.5, 63.8, 88.4, 93.8),
    "right-leg": (7.3, 36.2, 56.4, 64.9),
    "right-wing": (6.2, 33.3, 58.6, 69.3),
    "tail": (8.2, 39.6, 65.0, 74.7),
    "throat": (11.8, 56.9, 87.2, 94.5),
}


@pytest.fixture(scope="module")
def ledger() -> Ledger:
    return load("pose")


def numbers(ledger, prefix):
    return [entry.id for entry in ledger.where(kind="number") if entry.id.startswith(prefix)]


def test_cells_of_the_tables(ledger):
    # Table 1: eleven rows of others, six of the authors (58.34 to 85.92), one accuracy each.
    assert len(numbers(ledger, "pose.table1.")) == 11 + 6
    assert len(ledger.where(place="Table 1", by="ours")) == 6
    # Table 2: fifteen parts at four alphas.
    assert len(numbers(ledger, "pose.table2.")) == 15 * 4
    # Table 3: two rows, head and body.
    assert len(numbers(ledger, "pose.table3.")) == 2 * 2


def test_numbers_of_the_running_text(ledger):
    # Species, images, keypoints, training images of a species; dimensions of the full bilinear.
    assert len(numbers(ledger, "pose.text.")) == 4 + 1
    # 3.1: 224, 404, 500, 10, 4096, 1 x 1; 3.5: 5k; 3.6: two crops; 4: two layers; 4.2: IoU 0.5.
    assert len(numbers(ledger, "pose.setting.")) == 6 + 1 + 1 + 1 + 1
    assert len(ledger.where(kind="number")) == 17 + 60 + 4 + 5 + 10


def test_figures_and_claims(ledger):
    assert [entry.id for entry in ledger.where(kind="figure")] == [
        "pose.fig1",
        "pose.fig2",
        "pose.fig3",
    ]
    # Abstract 1; section 1: 1; 3.1 to 3.6: 2, 1, 1, 1, 1, 1; 4.1: 5; 4.2: 5.
    assert len(ledger.where(kind="claim")) == 1 + 1 + (2 + 1 + 1 + 1 + 1 + 1) + 5 + 5
    assert len(ledger) == 96 + 3 + 19
    assert len(ledger.where(unreadable=True)) == 0


@pytest.mark.parametrize("part", TABLE_2)
def test_rows_of_table_2(ledger, part):
    row = [ledger[f"pose.table2.{part}.pck{alpha}"] for alpha in ALPHAS]
    assert tuple(entry.value for entry in row) == TABLE_2[part]
    assert all(f"alpha 0.{a}" in entry.protocol for a, entry in zip(ALPHAS, row, strict=True))
    assert {(entry.metric, entry.unit, entry.by) for entry in row} == {("PCK", "percent", "ours")}


@pytest.mark.parametrize(
    ("entry_id", "value", "by"),
    [
        ("pose.table1.dpd-decaf", 64.96, "cited"),
        ("pose.table1.poof", 56.78, "cited"),
        ("pose.table1.symbiotic-segmentation", 59.40, "cited"),
        ("pose.table1.alignment", 62.70, "cited"),
        ("pose.table1.part-rcnn-bbox", 76.37, "cited"),
        ("pose.table1.part-rcnn", 73.89, "cited"),
        ("pose.table1.pose-normalized-cnns", 75.70, "cited"),
        ("pose.table1.co-segmentation", 82.0, "cited"),
        ("pose.table1.two-level-attention", 69.7, "cited"),
        ("pose.table1.bilinear", 84.0, "cited"),
        ("pose.table1.spatial-transformer", 84.1, "cited"),
        ("pose.table1.fc7-vgg", 58.34, "ours"),
        ("pose.table1.fc7-vgg-ft", 71.73, "ours"),
        ("pose.table1.keypoint-features", 65.10, "ours"),
        ("pose.table1.ours-fc7", 75.04, "ours"),
        ("pose.table1.ours-compact-bilinear", 83.00, "ours"),
        ("pose.table1.ours-part-nets", 85.92, "ours"),
        ("pose.table3.head.rcnn", 61.42, "cited"),
        ("pose.table3.body.rcnn", 70.68, "cited"),
        ("pose.table3.head.ours", 63.82, "ours"),
        ("pose.table3.body.ours", 89.06, "ours"),
        ("pose.text.cub.species", 200, "cited"),
        ("pose.text.cub.images", 11788, "cited"),
        ("pose.text.cub.keypoints", 15, "cited"),
        ("pose.text.cub.train-per-species", 30, "cited"),
        ("pose.text.bilinear-dimensions", 262_000, "cited"),
        ("pose.setting.receptive-field", 404, "ours"),
        ("pose.setting.input", 500, "ours"),
        ("pose.setting.map", 10, "ours"),
        ("pose.setting.map-channels", 4096, "ours"),
        ("pose.setting.compact-dimensions", 5000, "ours"),
        ("pose.setting.pcp-iou", 0.5, "ours"),
    ],
)
def test_values_as_printed(ledger, entry_id, value, by):
    assert (ledger[entry_id].value, ledger[entry_id].by) == (value, by)


def test_homes(ledger):
    assert {entry.home for entry in ledger} == {
        "pose/3-1-keypoints",
        "pose/3-2-coordinate-transfer",
        "pose/3-3-joint-representation",
        "pose/3-4-training",
        "pose/3-5-compact-bilinear",
        "pose/3-6-part-nets",
        "pose/4-1-classification",
        "pose/4-2-localisation",
    }


def test_contradictions_and_damage_are_noted_where_they_stand(ledger):
    assert "10 x 10" in ledger["pose.setting.map"].note
    assert "end to end" in ledger["pose.table1.ours-part-nets"].note
    assert "4.9 %" in ledger["pose.table3.head.ours"].note
    assert ledger["pose.text.bilinear-dimensions"].note.startswith("Extraction")
    # Rows of others that carry tick marks in our copy: the first eight.
    lost = [
        entry for entry in ledger.where(place="Table 1", by="cited") if "columns lost" in entry.note
    ]
    assert len(lost) == 8
