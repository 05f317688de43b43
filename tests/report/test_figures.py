"""Figures: what is drawn is what was given, axes are labelled, nothing global changes."""

import matplotlib as mpl
import numpy as np
import pytest
from PIL import Image

from fgnb.book.alt import with_alt
from fgnb.report import pictures


class Birds:
    """As much of an image set as a contact sheet looks at."""

    title = "six drawn birds"
    classes = ("<b>red</b> $x$", "blue", "green")
    labels = np.array([0, 0, 1, 1, 2, 2])
    train = np.array([True, False, True, True, True, True])

    def __init__(self, folder):
        self.folder = folder
        for i in range(6):
            Image.new("RGB", (8, 8), (40 * i, 0, 0)).save(folder / f"{i}.png")

    def path(self, i):
        return self.folder / f"{i}.png"


@pytest.fixture
def sheet(tmp_path):
    return pictures.contact_sheet(Birds(tmp_path), per_class=2)


def test_a_figure_says_what_it_shows_and_leaves_the_style_alone(sheet):
    before = dict(mpl.rcParams)
    data, metadata = sheet._repr_mimebundle_()
    assert data["image/png"].startswith("iVBOR")
    assert len(sheet.alt) > 20
    assert metadata["image/png"]["alt"] == sheet.alt
    assert dict(mpl.rcParams) == before


def test_the_contact_sheet_shows_training_pictures_alone(sheet):
    names = [axes.get_ylabel() for axes in sheet.axes if axes.get_ylabel()]
    assert names == ["<b>red</b> \\$x\\$", "blue", "green"]
    shown = [len(axes.images) for axes in sheet.axes]
    assert shown == [1, 0, 1, 1, 1, 1]


def test_the_page_gets_the_alternative_text(sheet):
    data, metadata = sheet._repr_mimebundle_()
    cell = {"metadata": {"tags": ["a"]}, "outputs": [{"data": data, "metadata": metadata}]}
    told = with_alt(cell)
    assert told["metadata"]["mystnb"]["image"]["alt"] == sheet.alt
    assert "mystnb" not in cell["metadata"]
    own = {**cell, "metadata": {"mystnb": {"image": {"alt": "mine"}}}}
    assert with_alt(own)["metadata"]["mystnb"]["image"]["alt"] == "mine"
