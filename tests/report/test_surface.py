"""The surface in its faces: the same numbers in each, nothing fetched, bad input named."""

import base64
import html
import json
import re

import numpy as np
import pytest

from fgnb.report.surface import MARK, PLOTLY, Surface

FIRST, SECOND = [0.4, 0.6, 0.9], [0.5, 0.7]
ACCURACY = np.array([[0.80, 0.81], [0.90, 0.88], [0.75, 0.70]])


@pytest.fixture(scope="module")
def surface():
    return Surface(FIRST, SECOND, ACCURACY, title="Full <b>model</b>, test", name="fig6-surface")


@pytest.fixture(scope="module")
def bundle(surface):
    return surface._repr_mimebundle_()


def test_every_face_is_there_and_says_the_same(surface, bundle):
    data, metadata = bundle
    assert set(data) == {"text/plain", "text/html", "image/png", PLOTLY}
    assert base64.b64decode(data["image/png"]).startswith(b"\x89PNG")
    assert data["text/plain"] == metadata["image/png"]["alt"] == surface.alt
    assert html.escape(surface.alt, quote=True) in data["text/html"]
    assert "highest at T_sf 0.6, T_sc 0.5" in surface.alt
    assert "from 70.00 % to 90.00 %" in surface.alt


def test_of_equal_points_the_one_that_moves_least_is_named():
    flat = Surface(FIRST, SECOND, np.full((3, 2), 0.5))
    assert "highest at T_sf 0.4, T_sc 0.7" in flat.alt


def test_plotly_gets_each_accuracy_at_its_thresholds(bundle):
    trace = bundle[0][PLOTLY]["data"][0]
    assert trace["type"] == "surface"
    for a, first in enumerate(FIRST):
        for b, second in enumerate(SECOND):
            column, row = trace["x"].index(first), trace["y"].index(second)
            assert trace["z"][row][column] == pytest.approx(100 * ACCURACY[a, b])


def test_the_page_face_holds_the_same_figure_and_asks_for_nothing(bundle):
    page = bundle[0]["text/html"]
    inside = re.search(r'<script type="application/json">(.*?)</script>', page, re.S)[1]
    assert json.loads(inside) == json.loads(json.dumps(bundle[0][PLOTLY]))
    assert f'class="{MARK}"' in page
    assert not re.search(r"https?://|src=\"(?!data:)", page)
    assert "<b>model" not in page


def test_the_printed_face_shows_both_sides(surface):
    left, right = surface.picture.axes
    assert (left.elev, left.azim) != (right.elev, right.azim)
    assert left.get_zlabel() == "accuracy, %"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"accuracy": ACCURACY.T}, r"accuracy has shape \(2, 3\), needs \(3, 2\)"),
        ({"accuracy": 100 * ACCURACY}, "accuracy runs from 70 to 90, needs"),
        ({"first": [0.4, 0.9, 0.6]}, r"first is \[0\.4, 0\.9, 0\.6\], needs two or more ascending"),
        ({"second": [0.5], "accuracy": ACCURACY[:, :1]}, "second is"),
        ({"name": "Fig 6"}, "name is 'Fig 6', needs lower-case"),
    ],
)
def test_what_is_wrong_is_named(given, message):
    given = {"first": FIRST, "second": SECOND, "accuracy": ACCURACY, **given}
    with pytest.raises(ValueError, match=message):
        Surface(**given)
