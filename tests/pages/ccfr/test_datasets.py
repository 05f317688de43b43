"""The page on data sets: counts, parts of the sets, and the three figures."""

import dataclasses

import numpy as np
import pytest

from fgnb import claims, data
from fgnb.data import cub
from fgnb.metrics import wilson
from fgnb.pages.ccfr import datasets, sets
from fgnb.report import records
from fgnb.report.sheet import Sheet


@pytest.fixture
def images(write_cub):
    return cub.load(write_cub(classes=3, train=5, test=2), name="drawn")


@pytest.fixture
def planes(images, tmp_path):
    """The same pictures as a set without parts, of another layout."""
    n = len(images)
    for name in ("variants", "families"):
        (tmp_path / "data").mkdir(exist_ok=True)
        (tmp_path / "data" / f"{name}.txt").write_text("x\n")
    return dataclasses.replace(
        images,
        name="drawn-aircraft",
        title="drawn aircraft (3 classes)",
        layout="aircraft",
        root=tmp_path,
        folder="CUB_200_2011/images",
        parts=np.zeros((n, 0, 2), dtype=np.float32),
        visible=np.zeros((n, 0), dtype=bool),
    )


def lines(images, dataset):
    """The numbers of a set, as `Page.count` makes its sheet."""
    context = records.Context("ccfr", "smoke", images, None, dataset)
    sheet = Sheet("ccfr")
    sheet.add(records.of_set(context, datasets.SET, datasets.arrays(images), datasets.CODE))
    datasets.derive(sheet, None)
    return sheet.numbers(datasets.TABLE1.numbers).to_dict("records")


def test_table_1_counts_what_lies_there(images, planes):
    birds, aircraft = lines(images, "drawn"), lines(planes, "drawn-aircraft")
    assert {line["claim"]: line["value"] for line in birds} == {
        "ccfr.table1.cub.train": 15,
        "ccfr.table1.cub.test": 6,
        "ccfr.table1.cub.classes": 3,
        "ccfr.text.cub.images": 21,
        "ccfr.text.cub.train-test-ratio": 2.5,
        "ccfr.text.cub.train-per-class": 5,
        "own.ccfr.text.cub.train-share": pytest.approx(100 * 15 / 21),
    }
    assert {line["claim"]: line["value"] for line in aircraft} == {
        "ccfr.table1.aircraft.train": 15,
        "ccfr.table1.aircraft.test": 6,
        "ccfr.table1.aircraft.classes": 3,
        "ccfr.text.aircraft.images": 21,
        "ccfr.text.aircraft.train-test-ratio": 2.5,
        "own.ccfr.text.aircraft.train-per-class": 5,
        "own.ccfr.text.aircraft.train-share": pytest.approx(100 * 15 / 21),
        "ccfr.text.aircraft.levels": 2,
    }
    for line in (*birds, *aircraft):
        assert line["low"] == line["value"] == line["high"]
        if not line["claim"].startswith("own."):
            assert line["unit"] == claims.load()[line["claim"]].unit


def test_the_share_of_training_cars_is_a_percentage(images):
    cars = dataclasses.replace(images, layout="cars")
    (share,) = [x for x in lines(cars, "drawn-cars") if x["claim"] == "ccfr.text.cars.train-share"]
    assert share["value"] == pytest.approx(100 * 15 / 21)
    assert share["unit"] == "percent"


def test_every_count_of_the_ledger_for_this_page_is_measured():
    wanted = {entry.id for entry in claims.load() if entry.home == "ccfr/4-1-datasets"}
    declared = {
        number.claim.format(set=slug)
        for number in datasets.TABLE1.numbers
        for slug in ("cub", "aircraft", "cars")
    }
    assert wanted <= declared


def test_recorded_photographs_are_counted_by_what_their_records_declare(origin):
    of = origin(classes=3, n_train=30, n_test=12)
    classes = np.repeat([0, 1, 2], 4)
    row = {"ids": np.arange(12), "labels": classes, "classes": classes}
    sheet = Sheet("ccfr", recorded=True)
    sheet.add(records.Record("ccfr", datasets.RECORDED, row, of))
    datasets.derive(sheet, None)
    assert list(sheet.rows) == [datasets.SET]
    assert sheet.network == "", "no network took part in counting"
    found = sheet.numbers(datasets.TABLE1.numbers)
    assert dict(zip(found["claim"], found["value"], strict=True)) == {
        "ccfr.table1.cub.train": 30,
        "ccfr.table1.cub.test": 12,
        "ccfr.table1.cub.classes": 3,
        "ccfr.text.cub.images": 42,
        "ccfr.text.cub.train-test-ratio": 2.5,
        "ccfr.text.cub.train-per-class": 10,
        "own.ccfr.text.cub.train-share": pytest.approx(100 * 30 / 42),
    }


def test_drawn_means_all_three_kinds_and_every_name_can_be_opened():
    assert sets.names("drawn") == ("drawn", "drawn-aircraft", "drawn-cars")
    assert sets.names("cub") == ("cub",)
    assert set(sets.names("drawn")) < set(data.open.DATASETS)


def test_the_three_parts_share_no_image(images, planes):
    rows = datasets.division([images, planes], seed=0).text.split("<tr>")[2:]
    cells = [[cell.partition("</td>")[0] for cell in row.split('">')[2:]] for row in rows]
    numbers = [[int(cell) for cell in row[1:]] for row in cells]
    assert numbers == [[12, 3, 4, 4], [3, 3, 1, 1], [6, 3, 2, 2]] * 2
    assert sum(row[0] for row in numbers[:3]) == len(images)
    titles = [images.title] * 3 + [planes.title] * 3
    assert all(title in row for title, row in zip(titles, rows, strict=True))


def test_visibility_is_over_training_images_with_their_interval(images, planes):
    figure = datasets.visibility(images)
    (axes,) = figure.axes
    (container,) = axes.containers
    shares = container[0].get_xdata()
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names[0] == "back"  # the one part that the made set hides
    assert shares.tolist() == [0.0] + [100.0] * 14
    low, high = wilson(0, 15)
    (bars,) = container[2]
    np.testing.assert_allclose(bars.get_segments()[0][:, 0], [100 * low, 100 * high], atol=1e-9)
    with pytest.raises(ValueError, match="no parts"):
        datasets.visibility(planes)


def test_annotated_pictures_are_training_pictures_of_different_classes(images, planes):
    figure = datasets.annotated([images, planes], per_row=4)
    shown = [axes for axes in figure.axes if axes.images]
    assert len(shown) == 6
    assert all(len(axes.patches) == 1 for axes in shown)
    assert [len(axes.collections[0].get_offsets()) for axes in shown] == [14] * 3 + [0] * 3
    assert "6 training pictures" in figure.alt


def test_contact_sheets_show_training_pictures_a_row_a_class(images, planes):
    figure = datasets.contact_sheet(images, planes, classes=2, per_class=99)
    sheets = figure.subfigs
    assert len(sheets) == 2
    for sheet, one in zip(sheets, (images, planes), strict=True):
        assert sheet.get_suptitle() == one.title
        grid = np.array(sheet.axes).reshape(2, 5)
        for label in (0, 1):
            rows = np.flatnonzero(one.train & (one.labels == label))
            assert len(rows) == 5
            for axes, row in zip(grid[label], rows, strict=True):
                shown = axes.images[0].get_array()
                assert np.array_equal(shown, np.asarray(data.load_rgb(one.path(int(row)))))
    assert "Up to 5 training pictures each of 2 classes of" in figure.alt
    assert len(datasets.contact_sheet(images, per_class=2).subfigs[0].axes) == 3 * 2
