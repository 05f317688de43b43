"""A run as a function of one photograph: any image file or PIL image."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from fgnb import pose, presets, training
from fgnb.data import PART_NAMES, DataError, cub, part_boxes
from fgnb.pose import Keypoints

SMOKE = presets.get("smoke", threads=1, batch_size=4)


@pytest.fixture(scope="module")
def trained(tmp_path_factory, write_photographs):
    folder = tmp_path_factory.mktemp("keypoints")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FGNB_RUNS", str(folder / "runs"))
        counts = {"classes": 2, "train": 4, "test": 2, "size": 80}
        root = write_photographs(folder / "CUB_200_2011", **counts, drawn=True, subset=False)
        images = cub.load(root, name="drawn")
        stage = pose.localiser_stage(SMOKE, images, backbone="resnet18", weights="random")
        yield stage, training.fit(stage, progress=False)


def test_a_test_image_gets_the_runs_own_answer(trained):
    stage, run = trained
    find = Keypoints.load(run)
    for query, row in enumerate(stage.query_index):
        found = find(stage.images.path(int(row)))
        assert np.allclose(found.points, run.predictions["query_refined"][query], atol=1e-3)
        assert np.allclose(found.scores, run.predictions["query_scores"][query], atol=1e-5)
        coarse = find(stage.images.path(int(row)), refine=False)
        assert np.allclose(coarse.points, run.predictions["query_points"][query], atol=1e-3)
    assert found.names == PART_NAMES
    assert found.maps.shape == (15, 8, 8)


def test_visibility_and_part_boxes_follow_the_scores(trained):
    find = Keypoints.load(trained[1].path)
    picture = Image.effect_noise((90, 60), 40).convert("RGB")
    scores = find(picture).scores
    threshold = float(np.median(scores))
    found = find(picture, threshold=threshold)
    assert np.array_equal(found.visible, scores >= threshold)
    assert 0 < found.visible.sum() < 15
    expected = part_boxes(found.points, found.visible)
    for part, box in expected.items():
        assert (box is None) == (found.parts[part] is None)
        assert box is None or np.array_equal(found.parts[part], box)
    nothing = find(picture, threshold=1.0)
    assert nothing.parts == {"head": None, "body": None} or nothing.visible.sum() > 2
    assert np.isfinite(nothing.points).all()


def test_a_mirrored_photograph_has_mirrored_keypoints(trained):
    find = Keypoints.load(trained[1])
    picture = Image.effect_noise((64, 64), 60).convert("RGB")
    turned = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    here, there = find(picture, symmetric=True), find(turned, symmetric=True)
    points, scores = pose.mirror_points(there.points, there.scores, 64)
    assert np.allclose(here.points, points, atol=1e-2)
    assert np.allclose(here.scores, scores, atol=1e-5)


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "CMYK", "1"])
def test_any_mode(trained, mode):
    find = Keypoints.load(trained[1])
    found = find(Image.new(mode, (70, 50)))
    assert np.isfinite(found.points).all()
    assert (found.points >= 0).all()
    assert (found.points <= (70, 50)).all()


def test_what_can_not_be_read_is_named(trained, tmp_path):
    find = Keypoints.load(trained[1])
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff nothing")
    with pytest.raises(DataError, match=r"broken\.jpg can't be read as an image"):
        find(tmp_path / "broken.jpg")
    with pytest.raises(DataError, match=r"absent\.png is missing"):
        find(str(tmp_path / "absent.png"))
    with pytest.raises(ValueError, match="image is a ndarray, needs a file or a PIL image"):
        find(np.zeros((5, 5, 3)))
    with pytest.raises(ValueError, match="nothing tells which of them is white"):
        find(Image.new("I;16", (70, 50)))
    with pytest.raises(ValueError, match="threshold is 2, needs a number from 0 to 1"):
        find(Image.new("RGB", (64, 64)), threshold=2)


def test_another_run_is_refused(trained, tmp_path):
    with pytest.raises(ValueError, match="a folder without a run"):
        Keypoints.load(tmp_path)
    with pytest.raises(ValueError, match="run is of focus/regions, needs one of pose/localiser"):
        Keypoints.load(replace(trained[1], stage="focus/regions"))
