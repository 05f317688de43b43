"""The page on data sets: counts, parts of the set, and the two figures."""

import numpy as np
import pytest

from fgnb.data import cub
from fgnb.metrics import wilson
from fgnb.report import collect, datasets


@pytest.fixture
def images(write_cub):
    return cub.load(write_cub(classes=3, train=5, test=2), name="drawn")


def test_table_1_counts_what_lies_there(images):
    provenance = collect(
        "ccfr/4-1-datasets",
        preset="smoke",
        images=images,
        seconds=1.0,
        test_reads=0,
        modules=["fgnb.data"],
    )
    _, results = datasets.table1(images, dataset="cub", provenance=provenance)
    assert {r.claim: r.value for r in results} == {
        "ccfr.table1.cub.train": 15,
        "ccfr.table1.cub.test": 6,
        "ccfr.table1.cub.classes": 3,
        "ccfr.text.cub.images": 21,
    }


def test_the_three_parts_share_no_image(images):
    held_out = images.held_out(0)
    table = datasets.division(images, held_out)
    numbers = [[int(cell.text) for cell in row[1:]] for row in table.rows]
    assert numbers == [[12, 3, 4, 4], [3, 3, 1, 1], [6, 3, 2, 2]]
    assert sum(row[0] for row in numbers) == len(images)


def test_visibility_is_over_training_images_with_their_interval(images):
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


def test_annotated_pictures_are_training_pictures_of_different_classes(images):
    figure = datasets.annotated(images, per_row=2, rows=2)
    shown = [axes for axes in figure.axes if axes.images]
    assert len(shown) == 3
    assert all(len(axes.patches) == 1 for axes in shown)
    assert "3 training pictures" in figure.alt
