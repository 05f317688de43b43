"""Figures: what is drawn is what was given, axes are labelled, nothing global changes."""

import matplotlib as mpl
import numpy as np
import pytest
from PIL import Image

from fgnb.book.alt import with_alt
from fgnb.metrics import reliability, topn_curve
from fgnb.report import figures, pictures


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
def everything(arrays, results, tmp_path):
    probs, labels = arrays["test_probs"], arrays["test_labels"]
    birds = Birds(tmp_path)
    return {
        "topn": figures.topn({"test": (probs, labels)}, 5),
        "reliability": figures.reliability_diagram(reliability(probs, labels), 0.25),
        "methods": figures.method_comparison(results[:2], {"Classification": 90.7, "CCFR": 91.1}),
        "thresholds": figures.threshold_curve([0.4, 0.5], {"held-out": [0.8, 0.81]}, chosen=0.45),
        "sheet": pictures.contact_sheet(birds, per_class=2),
        "rectified": pictures.rectified_image(
            birds.path(1),
            [birds.path(0), birds.path(2)],
            classes=birds.classes,
            truth=0,
            probs=[0.4, 0.5, 0.1],
            scores=[0.9, 0.5, 0.1],
            neighbour_labels=[0, 1],
            neighbour_sims=[0.9, 0.8],
            topn=2,
        ),
    }


def test_every_figure_draws_says_what_it_shows_and_leaves_the_style_alone(everything):
    before = dict(mpl.rcParams)
    for name, figure in everything.items():
        data, metadata = figure._repr_mimebundle_()
        assert data["image/png"].startswith("iVBOR"), name
        assert len(figure.alt) > 20, name
        assert metadata["image/png"]["alt"] == figure.alt
    assert dict(mpl.rcParams) == before


def test_axes_are_labelled_with_units(everything):
    for name in ("topn", "methods", "thresholds"):
        axes = everything[name].axes[0]
        assert axes.get_xlabel(), name
        assert "%" in axes.get_ylabel() + axes.get_xlabel(), name


def test_the_topn_figure_draws_the_curve(everything, arrays):
    line = everything["topn"].axes[0].lines[0]
    wanted = 100 * topn_curve(arrays["test_probs"], arrays["test_labels"], 5)
    assert np.allclose(line.get_ydata(), wanted)


def test_the_rule_line_stands_at_the_mean_top1(everything):
    lines = everything["reliability"].axes[0].lines
    assert any(np.allclose(line.get_xdata(), 0.25) for line in lines)


def test_the_contact_sheet_shows_training_pictures_alone(everything):
    names = [axes.get_ylabel() for axes in everything["sheet"].axes if axes.get_ylabel()]
    assert names == ["<b>red</b> \\$x\\$", "blue", "green"]
    shown = [len(axes.images) for axes in everything["sheet"].axes]
    assert shown == [1, 0, 1, 1, 1, 1]


def test_the_rectified_panel_orders_by_the_new_scores(everything):
    axes = everything["rectified"].axes
    names = [[tick.get_text() for tick in axes[i].get_yticklabels()] for i in (1, 2)]
    assert names[0][0] == "blue"
    assert names[1][1] == "blue"


def test_too_many_curves_are_refused(arrays):
    pair = (arrays["test_probs"], arrays["test_labels"])
    with pytest.raises(ValueError, match="given 9 curves"):
        figures.topn({str(i): pair for i in range(9)})


def test_the_page_gets_the_alternative_text(everything):
    data, metadata = everything["topn"]._repr_mimebundle_()
    cell = {"metadata": {"tags": ["a"]}, "outputs": [{"data": data, "metadata": metadata}]}
    told = with_alt(cell)
    assert told["metadata"]["mystnb"]["image"]["alt"] == everything["topn"].alt
    assert "mystnb" not in cell["metadata"]
    own = {**cell, "metadata": {"mystnb": {"image": {"alt": "mine"}}}}
    assert with_alt(own)["metadata"]["mystnb"]["image"]["alt"] == "mine"
