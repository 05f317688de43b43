"""Figures of keypoints: what they draw, and what their words say."""

import numpy as np
import pytest
import torch
from PIL import Image

from fgnb import pose, presets, training
from fgnb.data import cub
from fgnb.pages.pose import keypoint_figures as figures
from fgnb.pages.pose import localisation, recording
from fgnb.pose.grids import grid_of

SMOKE = presets.get("smoke", threads=1, batch_size=4)


@pytest.fixture(scope="module")
def trained(tmp_path_factory, write_photographs):
    folder = tmp_path_factory.mktemp("figures")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FGNB_RUNS", str(folder / "runs"))
        counts = {"classes": 2, "train": 4, "test": 2, "size": 80}
        root = write_photographs(folder / "CUB_200_2011", **counts, drawn=True, subset=False)
        images = cub.load(root, name="drawn")
        options = {"backbone": "resnet18", "weights": "random"}
        run, arrays = recording.answers("localiser", SMOKE, images, options)
        yield pose.row_stage("localiser", SMOKE, images, **options), run, arrays


def test_a_record_holds_what_the_page_asks(trained):
    stage, run, arrays = trained
    assert set(arrays) >= {"ids", "points", "refined", "true", "visible", "boxes", "guess"}
    train = stage.train_index
    seen, xy = stage.images.visible[train], stage.framed_points[train]
    back = 86 / 64, 80 / 64
    for place in (1, 7):
        mean = xy[seen[:, place], place].mean(axis=0)
        assert np.allclose(arrays["guess"][:, place], mean * back, atol=1e-3)
    assert np.array_equal(arrays["points"], run.predictions["query_points"])


def test_points_of_a_picture_lie_where_the_network_sees_them(trained):
    stage, _, _ = trained
    row = int(stage.query_index[0])
    own = figures.in_frame(stage, row, stage.images.parts[row])
    assert np.allclose(own, stage.framed_points[row])


def test_score_maps_have_a_panel_a_part_and_rings_where_annotated(trained):
    stage, run, _ = trained
    figure = figures.score_maps(stage, run, 0)
    assert len(figure.axes) == 15
    rings = sum(len(axes.lines) for axes in figure.axes)
    assert rings == stage.images.visible[stage.query_index[0]].sum() == 14
    assert "the 14 that are annotated" in figure.alt


def test_truth_and_prediction_stand_side_by_side(trained):
    stage, run, _ = trained
    figure = figures.truth_and_prediction(stage, run, [0, 2, 3], threshold=0.0)
    drawn = [len(axes.lines) for axes in figure.axes]
    assert drawn == [14, 15] * 3
    none = figures.truth_and_prediction(stage, run, [0], threshold=1.1)
    assert [len(axes.lines) for axes in none.axes] == [14, 0]
    assert "3 pictures twice" in figure.alt


def test_confusions_are_drawn_with_a_line_to_the_truth(trained):
    stage, run, _ = trained
    swapped = np.zeros((4, 15), bool)
    assert "No left part" in figures.confused(stage, run, swapped)
    swapped[1, [6, 7]] = swapped[3, 6] = True
    figure = figures.confused(stage, run, swapped)
    assert len(figure.axes) == 2
    assert "2 of the 2 pictures" in figure.alt


def test_swapped_is_what_is_counted(trained):
    _, run, arrays = trained
    found = localisation.swapped(run.predictions)
    counted = localisation.counts(arrays, {})
    assert found.sum() == counted["confused"].sum()
    by_part = localisation.pck_by_part(run.predictions, 0.1)
    assert by_part.shape == (15,)


def test_visibility_words_are_the_means():
    scores, visible = np.array([[0.2, 0.9], [0.4, 0.7]]), np.array([[0, 1], [0, 1]], bool)
    assert "mean 0.80 where visible, 0.30 where not" in figures.visibility(scores, visible).alt


def test_the_field_and_the_influence():
    picture = np.zeros((50, 50, 3))
    figure = figures.grid_and_field(picture, 500, grid_of("valid", 500), 404, (2, 4))
    assert figure.alt == "10 x 10 centres over 500 pixels; one cell sees 404 pixels."
    box = figure.axes[0].patches[0]
    assert (box.get_x(), box.get_y(), box.get_width()) == (176 - 202, 240 - 202, 404)
    strength = torch.zeros(10, 10)
    strength[2, 3] = 1.0
    assert (
        "half of all influence lies in 0 %" in figures.influence_map(picture, strength, (3, 2)).alt
    )


def test_a_photograph_is_drawn_with_its_boxes(trained):
    stage, run, _ = trained
    find = pose.Keypoints.load(run)
    strength, spot = find.influence(stage.images.path(0), "beak")
    assert strength.shape == (64, 64)
    assert all(0 < place < 64 for place in spot)
    with pytest.raises(ValueError, match="part is 'knee'; it is one of back"):
        find.influence(stage.images.path(0), "knee")
    figure = figures.photograph(find, Image.new("L", (90, 60)))
    found = find(Image.new("L", (90, 60)))
    assert len(figure.axes[0].lines) == found.visible.sum()
    boxes = [box for box in found.parts.values() if box is not None]
    assert len(figure.axes[0].patches) == len(boxes)
    assert f"{found.visible.sum()} of 15" in figure.alt


def test_the_witness_is_of_todays_code(monkeypatch, trained):
    run = trained[1]
    monkeypatch.setattr(training, "fit", lambda stage: run)
    monkeypatch.setattr(recording, "open_images", lambda *of, **how: trained[0].images)
    assert np.array_equal(recording.witness("localiser"), run.predictions["query_scores"])
