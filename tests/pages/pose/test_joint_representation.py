"""pose's page on whole and parts: the score taken apart, the erased annotations, the steps."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from fgnb import claims, data, pose, presets, training
from fgnb.pages.pose import joint
from fgnb.report.records import Record
from fgnb.report.sheet import Sheet

PLAIN, PARTS, BOTH, COMPACT_WHOLE, COMPACT = joint.ROWS


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The joint row at smoke: its stage and run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FGNB_RUNS", str(tmp_path_factory.mktemp("runs")))
        scale = presets.get("smoke", species=3, families=1, train_per_class=6, test_per_class=3)
        images = data.open_images("drawn", data_root=tmp_path_factory.mktemp("data"), preset=scale)
        stage = pose.row_stage(BOTH, scale, images, backbone="resnet18", weights="random")
        yield stage, training.fit(stage, progress=False)


def test_what_all_say_adds_up_to_the_scores_lead(made):
    stage, run = made
    look = joint.Look.of(stage, run)
    whole, parts = look.said()
    F_I, F_P, weights, bias, scores = look[:5]
    labels = stage.images.labels[stage.query_index]
    lead = scores[np.arange(len(labels)), labels] - scores.mean(axis=1)
    np.testing.assert_allclose(
        whole + parts.sum(axis=1) + (bias - bias.mean())[labels], lead, atol=1e-3
    )
    D, d = F_I.shape[1], F_P.shape[2]
    for q, k in ((0, 3), (1, 14)):
        own = weights[:, D + k * d : D + (k + 1) * d] @ F_P[q, k]
        assert parts[q, k] == pytest.approx(own[labels[q]] - own.mean(), abs=1e-3)
    np.testing.assert_allclose(
        scores, F_I @ weights[:, :D].T + F_P.reshape(len(F_P), -1) @ weights[:, D:].T + bias,
        atol=1e-3,
    )  # fmt: skip


def test_answers_stay_where_annotations_are_erased_and_would_not_at_true_keypoints(made):
    stage, run = made
    assert joint.same_without_annotations(stage, run).all()
    blind = joint.erased(stage.images, stage.query_index)
    assert not blind.visible[stage.query_index].any()
    assert not blind.boxes[stage.query_index].any()
    train = stage.train_index
    assert np.array_equal(blind.parts[train], stage.images.parts[train])
    module = stage.module()
    run.load_weights(module)
    nan = torch.full_like(stage.found_cells, float("nan"))
    at_true, nowhere = stage.probs_at(module, stage.true_cells(stage.query_index), nan)
    assert np.abs(at_true - nowhere).max() > 1e-4, "keypoints count for something"


def test_speakers_are_told_in_words():
    whole, parts = np.array([1.0, 3.0]), np.tile(np.arange(15.0), (2, 1))
    picture = joint.speakers(whole, parts)
    assert "the whole 2.00, back 0.00, beak 1.00" in picture.alt
    widths = [bar.get_width() for bar in picture.axes[0].patches]
    assert widths == [2.0, *range(15)]


def test_steps_compare_rows_of_one_supervision_less(origin):
    sheet, n = Sheet("pose"), 40
    labels = np.arange(n) % 4
    right = {PLAIN: 20, PARTS: 12, BOTH: 26, COMPACT_WHOLE: 24, COMPACT: 28}
    for row, count in right.items():
        classes = np.where(np.arange(n) < count, labels, (labels + 1) % 4)
        arrays = {"ids": np.arange(n), "labels": labels, "classes": classes, "start": labels}
        arrays |= {"true": labels, "same": np.arange(n) < 39} if row == BOTH else {}
        sheet.add(Record("pose", row, arrays, origin(dataset="cub")))
    joint.derive(sheet, SimpleNamespace())
    frame = sheet.numbers([n for table in joint.TABLES for n in table.numbers])
    found = frame.set_index("claim")["value"]
    assert found["own.pose.joint.transfer.step"] == pytest.approx(100 * 6 / 40)
    assert found["own.pose.joint.compact-bilinear.step"] == pytest.approx(100 * 4 / 40)
    assert found["own.pose.joint.parts-alone.step"] == pytest.approx(-100 * 8 / 40)
    assert found["own.pose.joint.true-minus-found"] == pytest.approx(100 * 14 / 40)
    assert found["own.pose.joint.transfer.start"] == 100
    assert found["pose.claim.no-annotations-at-test"] == pytest.approx(100 * 39 / 40)
    assert claims.load()["pose.claim.no-annotations-at-test"].home == joint.NOTEBOOK
    expected = frame[frame["expect"] != 0]["claim"]
    steps = {f"own.pose.joint.{row}" for row in ("transfer", "compact-bilinear")}
    assert set(expected) == {f"{s}.step" for s in steps} | {f"{s}.start.step" for s in steps}


def test_every_row_says_what_it_is_given():
    for table in (joint.TUNED, joint.FIXED):
        labels = [line.number.label for line in table.lines]
        assert all("(classes" in label for label in labels)
        assert sum("keypoints)" in label for label in labels) == 3
