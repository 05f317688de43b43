"""The page on compact bilinear features: numbers from arrays, figures from what they draw."""

from __future__ import annotations

import re
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from fgnb import presets
from fgnb.data import cub
from fgnb.pages.pose import compact, compact_figures
from fgnb.pose import RandomMaclaurin
from fgnb.report import records
from fgnb.report.sheet import Sheet


@pytest.fixture
def images(write_cub):
    return cub.load(write_cub(classes=2, train=3, test=2, size=64), name="drawn")


@pytest.fixture
def page(images):
    return SimpleNamespace(
        images=images,
        scale=presets.get("smoke", threads=1),
        options={"backbone": "resnet18", "weights": "random", "frame": "square", "seed": 0},
        p=SimpleNamespace(projections=2),
    )


@pytest.fixture
def sheet(images):
    """Every row with planted answers to four images, and a kernel row."""
    context = records.Context("pose", "smoke", images, None, "drawn")
    labels, sheet = np.array([0, 0, 1, 1]), Sheet("pose")
    for place, row in enumerate(compact.LABELS):
        classes = np.stack([np.where(np.arange(4) < place % 4, 1 - labels, labels)] * 2)
        arrays = {"ids": np.arange(4), "labels": labels, "classes": classes}
        made = records.of_set(context, row, arrays, compact.CODE)
        dim = int(row.rpartition("-")[2]) if "-" in row else 99
        sheet.add(replace(made, origin=made.origin.model_copy(update={"spec": {"dim": dim}})))
    kernel = {"vgg_dimensions": np.array([262144]), "unbiased": np.ones(3)}
    kernel |= {"public": np.full(3, 5000.0), "error_tensor-sketch_240": np.array([0.02, 0.04])}
    sheet.add(records.of_set(context, compact.KERNEL, kernel, compact.CODE))
    return sheet


def test_numbers_follow_from_the_arrays(sheet):
    frames = [sheet.numbers(table.numbers) for table in compact.TABLES]
    found = {line["claim"]: line for of in frames for line in of.to_dict("records")}
    # Row by row 0, 1, 2, 3, 0, ... of four answers are wrong: the whole 1, Random Maclaurin 5k 0.
    assert found["own.pose.compact.full"]["value"] == pytest.approx(75.0)
    assert found["pose.claim.compact-keeps-power"]["value"] == pytest.approx(25.0)
    assert found["own.pose.compact.full-minus-pooled"]["value"] == pytest.approx(-25.0)
    assert found["pose.text.bilinear-dimensions"]["value"] == 262_144
    assert found["pose.text.bilinear-dimensions"]["published"] == 262_000
    assert found["pose.setting.compact-dimensions"]["value"] == 5000
    assert found["own.pose.compact.scale.public"]["value"] == pytest.approx(5000.0)
    assert found["own.pose.compact.error.tensor-sketch-240"]["value"] == pytest.approx(3.0)


def test_what_is_measured_answers_every_number_of_the_kernel(page, monkeypatch):
    monkeypatch.setattr(compact, "KERNEL_DIMS", (50, 5000))
    made = compact.experiment(page)
    assert made.frozen.spec.fold == "all"
    run, found = compact.kernel_arrays(made)
    assert run.spec["fold"] == "held-out", "no test image is looked at"
    assert found["vgg_dimensions"].tolist() == [512**2]
    assert len(found["error_random-maclaurin_50"]) == 6, "the training images, since they are few"
    assert found["public"] == pytest.approx(compact.STATED * found["unbiased"], rel=1e-4)
    assert abs(found["unbiased"].mean() - 1) < 0.2
    small, large = (found[f"error_random-maclaurin_{dim}"].mean() for dim in (50, 5000))
    assert large < small


def test_a_record_keeps_the_answers_to_the_test_images(page):
    made = compact.experiment(page)
    answered = made.answers("tensor-sketch-240")
    kept = compact.arrays(made, answered)
    asked = np.flatnonzero(~page.images.train)
    assert kept["ids"].tolist() == page.images.ids[asked].tolist()
    assert kept["labels"].tolist() == page.images.labels[asked].tolist()
    assert kept["classes"].shape == (2, len(asked))


def test_the_error_figure_draws_the_means(page):
    found = {
        f"error_{form}_{dim}": np.array([1.0, 3.0]) / dim**0.5
        for form in compact.NAMES
        for dim in compact.KERNEL_DIMS
    }
    picture = compact_figures.errors(found)
    lines = {line.get_label(): line.get_ydata() for line in picture.axes[0].lines}
    expected = [2 / dim**0.5 for dim in compact.KERNEL_DIMS]
    for name in (*compact.NAMES.values(), "one over the root of d"):
        np.testing.assert_allclose(lines[name], expected)


def test_the_accuracy_figure_has_a_panel_a_sheet(sheet):
    page = SimpleNamespace(sheets=[sheet], numbers=lambda table, of: of.numbers(table.numbers))
    picture = compact_figures.accuracies(page)
    (axes,) = picture.axes
    assert axes.get_title() == "this run"
    assert "Whole bilinear: 75.0 %" in picture.alt
    assert "Random Maclaurin: 50.0 %, 25.0 %, 100.0 %" in picture.alt


def test_costs_are_sizes_of_the_layers(page, monkeypatch):
    monkeypatch.setattr(compact, "VGG", {"channels": 8, "cells": 3, "classes": 10})
    text = compact.costs(page, repeats=1).text
    cells = re.findall(r"<td[^>]*>(.*?)</td>", text)
    assert cells[:4] == ["64", "0.3", "0.0", "0.0"]
    layer = RandomMaclaurin(8, 5000)
    stored = sum(buffer.numel() for buffer in layer.buffers()) / 1e6
    assert cells[5:9] == ["5,000", "20.0", "0.2", f"{stored:.1f}"]
    assert "Random Maclaurin" in text
    assert "8 channels in 3 × 3 cells, 10 classes" in text


def test_the_state_of_torch_stays(page):
    before = torch.get_num_threads()
    compact.costs(page, repeats=1)
    assert torch.get_num_threads() == before
