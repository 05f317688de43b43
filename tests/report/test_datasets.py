"""The page on data sets: counts, parts of the sets, and the three figures."""

import dataclasses

import numpy as np
import pytest

from fgnb import claims, data
from fgnb.data import cub
from fgnb.metrics import wilson
from fgnb.report import collect, datasets, rederive


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


def origin(images):
    return collect(
        "ccfr/4-1-datasets",
        preset="smoke",
        images=images,
        seconds=1.0,
        test_reads=0,
        modules=["fgnb.data"],
    )


def test_table_1_counts_what_lies_there(images, planes):
    sets = [images, planes]
    arrays, results = datasets.table1(sets, [origin(one) for one in sets])
    assert {r.claim: r.value for r in results} == {
        "ccfr.table1.cub.train": 15,
        "ccfr.table1.cub.test": 6,
        "ccfr.table1.cub.classes": 3,
        "ccfr.text.cub.images": 21,
        "ccfr.text.cub.train-test-ratio": 2.5,
        "ccfr.text.cub.train-per-class": 5,
        "ccfr.table1.aircraft.train": 15,
        "ccfr.table1.aircraft.test": 6,
        "ccfr.table1.aircraft.classes": 3,
        "ccfr.text.aircraft.images": 21,
        "ccfr.text.aircraft.train-test-ratio": 2.5,
        "ccfr.text.aircraft.levels": 2,
    }
    for result in results:
        assert rederive(result, arrays) == (result.value, (result.value, result.value))
        layout = result.claim.split(".")[2]
        assert result.provenance.dataset == {"cub": "drawn", "aircraft": "drawn-aircraft"}[layout]
        assert result.unit == claims.load()[result.claim].unit


def test_the_share_of_training_cars_is_a_percentage(images):
    cars = dataclasses.replace(images, layout="cars")
    _, results = datasets.table1([cars], [origin(cars)])
    (share,) = [r for r in results if r.claim == "ccfr.text.cars.train-share"]
    assert share.value == pytest.approx(100 * 15 / 21)
    assert share.unit == "percent"


def test_every_count_of_the_ledger_for_this_page_is_measured(images):
    wanted = {entry.id for entry in claims.load() if entry.home == "ccfr/4-1-datasets"}
    measured = {claim for layout in datasets.PUBLISHED for claim in datasets._counts(layout)}
    assert measured == wanted


def test_two_sets_of_one_layout_are_refused(images):
    with pytest.raises(ValueError, match="two of one layout"):
        datasets.table1([images, images], [origin(images)] * 2)


def test_drawn_means_all_three_kinds_and_every_name_can_be_opened():
    assert datasets.names("drawn") == ("drawn", "drawn-aircraft", "drawn-cars")
    assert datasets.names("cub") == ("cub",)
    assert set(datasets.names("drawn")) < set(data.open.DATASETS)


def test_the_three_parts_share_no_image(images, planes):
    table = datasets.division([images, planes], seed=0)
    numbers = [[int(cell.text) for cell in row[2:]] for row in table.rows]
    assert numbers == [[12, 3, 4, 4], [3, 3, 1, 1], [6, 3, 2, 2]] * 2
    assert sum(row[0] for row in numbers[:3]) == len(images)
    assert [row[0].text for row in table.rows] == [images.title] * 3 + [planes.title] * 3


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
    figure = datasets.contact_sheets([images, planes], classes=2, per_class=99)
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
    assert len(datasets.contact_sheets([images], per_class=2).subfigs[0].axes) == 3 * 2
