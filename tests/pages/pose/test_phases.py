"""pose's page on training: what each phase is worth, by hand; both losses; passes in a figure."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from fgnb import claims, data, pose, presets
from fgnb.pages.pose import phases
from fgnb.pages.pose.classified import classified
from fgnb.pose.rows import LOCALISER
from fgnb.report.records import Record
from fgnb.report.sheet import Sheet

QUERIES, PARTS, CLASSES = 30, 15, 4
OURS, RANDOM, BASELINE, PLAIN, SHARED = phases.CLASSIFIERS
LABELS = np.arange(QUERIES) % CLASSES
OPTIONS = {"backbone": "resnet18", "weights": "random"}


def answers(right):
    """Right on so many of the first images."""
    named = np.where(np.arange(QUERIES) < right, LABELS, (LABELS + 1) % CLASSES)
    return np.eye(CLASSES)[named]


def classifier_run(right, start=None, true=None):
    kept = {"query_ids": np.arange(QUERIES), "query_labels": LABELS, "query_probs": answers(right)}
    if start is not None:
        kept["query_logistic_probs"] = answers(start)
    if true is not None:
        kept |= {"query_true_probs": answers(true), "query_logistic_true_probs": answers(start)}
    return SimpleNamespace(predictions=kept)


def localised(seed, distance):
    """Points so many pixels from the truth, of boxes of 100 x 50 pixels."""
    rng = np.random.default_rng(seed)
    true = rng.uniform(10, 90, (QUERIES, PARTS, 2)).astype(np.float32)
    visible = rng.random((QUERIES, PARTS)) < 0.7
    visible[0] = False
    away = distance * rng.random((QUERIES, PARTS))
    points = true + np.stack([away, np.zeros_like(away)], axis=-1).astype(np.float32)
    boxes = np.tile(np.float32([0, 0, 100, 50]), (QUERIES, 1))
    return {"points": points, "true": true, "visible": visible, "boxes": boxes}


@pytest.fixture
def sheet(origin):
    made = Sheet("pose")
    far = dict(zip(phases.LOCALISERS, (40, 15, 30), strict=True))
    rows = {row: localised(7, distance) for row, distance in far.items()}
    rows |= {
        OURS: classified(classifier_run(24, 20, 27)),
        RANDOM: classified(classifier_run(12, 20, 12)),
        BASELINE: classified(classifier_run(15)),
        PLAIN: classified(classifier_run(22)),
        SHARED: classified(classifier_run(21)) | localised(7, 25),
    }
    rows[SHARED] |= {"cosine": np.float32([0.5, -0.25]), "size": np.float32([2, 4])}
    for row, arrays in rows.items():
        own = {"ids": np.arange(QUERIES), "labels": LABELS, **arrays}
        made.add(Record("pose", row, own, origin(dataset="cub")))
    phases.derive(made, SimpleNamespace())
    return made


def values(sheet, table):
    frame = sheet.numbers(table.numbers)
    return frame.set_index("claim")["value"], frame


def test_each_step_is_taken_from_the_row_that_its_phase_begins_from(sheet):
    found, frame = values(sheet, phases.CLASSES)
    assert found["own.pose.phase.classes.fixed"] == pytest.approx(100 * 20 / 30)
    assert found["own.pose.phase-4-helps"] == pytest.approx(100 * 4 / 30)
    assert found["own.pose.phase-3-helps"] == pytest.approx(100 * 12 / 30)
    assert (frame["expect"] != 0).sum() == 2
    points, _ = values(sheet, phases.POINTS)
    assert points["own.pose.true-points-help"] == pytest.approx(100 * 3 / 30)
    networks, frame = values(sheet, phases.NETWORKS)
    assert networks["own.pose.two-networks-help"] == pytest.approx(100 * 9 / 30)
    assert networks["own.pose.localiser-start"] == pytest.approx(100 * 7 / 30)
    assert set(frame[frame["claim"] == "own.pose.localiser-start"]["expect"]) == {0}
    assert networks["own.pose.two-networks-beat-shared"] == pytest.approx(100 * 3 / 30)
    own, one = (networks[f"own.pose.phase.networks.{n}"] for n in ("keypoints", "shared-keypoints"))
    assert own > one
    assert networks["own.pose.two-networks-keypoints"] == pytest.approx(own - one)
    met, _ = values(sheet, phases.MEETING)
    assert met.tolist() == pytest.approx([0.125, 50, 3])


def test_keypoints_found_are_counted_an_image_at_a_time(sheet):
    found, _ = values(sheet, phases.KEYPOINTS)
    shares = {}
    for row in phases.LOCALISERS:
        arrays, each = sheet.rows[row].arrays, []
        for q in range(QUERIES):
            near = [
                math.dist(arrays["points"][q, p], arrays["true"][q, p]) <= 0.1 * 100
                for p in range(PARTS)
                if arrays["visible"][q, p]
            ]
            each.append(np.mean(near) if near else 0.0)
        shares[row] = 100 * np.mean(each)
    head, whole, at_once = (shares[row] for row in phases.LOCALISERS)
    assert found["own.pose.phase.keypoints.head"] == pytest.approx(head)
    assert found["own.pose.phase-2-helps"] == pytest.approx(whole - head)
    claim = "pose.claim.staged-training-avoids-divergence"
    assert found[claim] == pytest.approx(whole - at_once)
    assert claims.load()[claim].home == phases.NOTEBOOK


def test_what_the_classifier_would_say_at_true_keypoints_is_kept_apart():
    arrays = classified(classifier_run(24, 20, 27))
    assert (arrays["classes"] == LABELS).sum() == 24
    assert (arrays["true"] == LABELS).sum() == 27
    assert (arrays["start"] == LABELS).sum() == (arrays["start_true"] == LABELS).sum() == 20
    assert "true" not in classified(classifier_run(15))


def test_the_librarys_losses_of_answers_that_are_known(tmp_path, monkeypatch):
    monkeypatch.setenv("FGNB_RUNS", str(tmp_path / "runs"))
    scale = presets.get("smoke", species=2, families=1, train_per_class=5, test_per_class=2)
    images = data.open_images("drawn", data_root=tmp_path / "data", preset=scale)
    stage = pose.row_stage(phases.LOCALISERS[1], scale, images, **OPTIONS)
    count, cells = len(stage.query_index), stage.spec.cells.cells
    probs = np.full((count, 2), 0.5, np.float32)
    maps = np.zeros((count, PARTS, cells, cells))
    targets, keypoints, classes = phases.library_losses(stage, maps, probs)
    assert keypoints == pytest.approx(PARTS * cells**2 * math.log(2), rel=1e-5)
    assert classes == pytest.approx(math.log(2), rel=1e-5)
    seen = images.visible[stage.query_index] & ~stage.outside()[stage.query_index]
    assert targets.sum() == seen.sum()

    at_once = pose.row_stage(phases.LOCALISERS[2], scale, images, **OPTIONS)
    first, second = stage.start.spec, stage.spec
    assert at_once.spec.start is None
    assert at_once.spec.epochs == first.epochs + second.epochs
    assert at_once.spec.lr == first.lr > second.lr
    module = at_once.module()
    assert all(p.requires_grad for p in module.model.backbone.tail.parameters())


def test_where_both_losses_meet_is_read_off_their_gradients(tmp_path, monkeypatch):
    monkeypatch.setenv("FGNB_RUNS", str(tmp_path / "runs"))
    scale = presets.get("smoke", species=2, families=1, train_per_class=5, test_per_class=2)
    images = data.open_images("drawn", data_root=tmp_path / "data", preset=scale)
    stage = pose.row_stage(SHARED, scale, images, **OPTIONS, batch_size=4)
    found = phases.meeting(stage)
    order, samples = stage.data().batches(0), stage.data().dataset
    assert len(found["cosine"]) == len(found["size"]) == min(len(order), phases.MEETINGS)
    parts = zip(*(samples[0, row] for row in order[0]), strict=True)
    batch = [torch.stack([torch.as_tensor(v) for v in part]) for part in parts]
    keypoints, classes = (g.double() for g in stage.module().eval().gradients(batch))
    size = float(keypoints.norm() / classes.norm())
    cosine = float(keypoints @ classes / keypoints.norm() / classes.norm())
    assert found["cosine"][0] == pytest.approx(cosine, abs=1e-4)
    assert found["size"][0] == pytest.approx(size, rel=1e-3)


def run_of(name, *figures):
    entries = [{"validation": {name: figure}} for figure in figures]
    return SimpleNamespace(metrics={"epochs": entries})


def test_passes_of_both_phases_stand_one_after_the_other():
    runs = {row: run_of("held_out_accuracy", 0.5, 0.6) for row in phases.CLASSIFIERS}
    runs |= {row: run_of("held_out_pck_points", 0.4, 0.45) for row in phases.LOCALISERS}
    runs[f"{LOCALISER}-held-out"] = run_of("held_out_pck_points", 0.7)
    picture = phases.courses(runs)
    assert "keypoints found, two phases: from 40.0 to 70.0" in picture.alt
    assert picture.axes[0].lines[0].get_ydata() == pytest.approx([40, 45, 70])
    none = {row: SimpleNamespace(metrics={"epochs": []}) for row in runs}
    assert phases.courses(none).startswith("No pass came to its end")
