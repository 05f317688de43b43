"""The page on local regions: what a look keeps, the numbers that follow, and its panels."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from made_boxes import ANCHORS, SIZE, regions_of

from fgnb.ccfr import ROWS
from fgnb.ccfr.proposals import Proposals
from fgnb.data import cub
from fgnb.pages.ccfr import local_regions
from fgnb.pages.ccfr.local_regions import Look
from fgnb.pages.ccfr.local_regions_figures import Figures
from fgnb.report.coverage import coverage
from fgnb.report.records import Record
from fgnb.report.sheet import Sheet

LITERAL, OURS = local_regions.LITERAL, local_regions.OURS


@pytest.fixture
def images(write_cub):
    return cub.load(write_cub(classes=3, train=4, test=2, size=SIZE), name="drawn")


def look(images, seed):
    scores = torch.from_numpy(np.random.default_rng(seed).random((6, len(ANCHORS)))).float()
    asked = Proposals(scores, ANCHORS, 0.25, 2)
    index = asked.separate()
    regions = regions_of(images, scores, index)
    return Look(regions, asked, coverage(images, regions, ANCHORS))


@pytest.fixture
def looks(images):
    made = {row: look(images, seed) for seed, row in enumerate(local_regions.METHODS)}
    return made | {"none": made[local_regions.WARM_UP]}


@pytest.fixture
def sheet(images, looks, origin, monkeypatch):
    decay = {"decay_learning-rate-step": 30.0, "decay_learning-rate-factor": 0.1}
    decay = {name: np.array([value]) for name, value in decay.items()}
    monkeypatch.setattr(local_regions, "decay_arrays", lambda _: decay)
    sheet = Sheet("ccfr")
    before = looks[local_regions.WARM_UP]
    for row, own in looks.items():
        arrays = own.arrays(before)
        if row == LITERAL:
            arrays |= local_regions.setting_arrays(*settings_of())
        sheet.add(Record("ccfr", row, arrays, origin(dataset="drawn", protocol="drawn")))
    local_regions.derive(sheet, None)
    return sheet


def settings_of():
    spec = {
        **{"image_size": SIZE, "crop_size": 8, "mu": 1.0, "per_scale": 2, "iou": 0.25},
        **{"lr": 0.002, "weight_decay": 1e-4, "batch_size": 8},
    }
    return SimpleNamespace(spec=SimpleNamespace(**spec), anchors=ANCHORS), [], None


def values(sheet, table):
    lines = sheet.numbers(table.numbers)
    return dict(zip(lines["label"], lines["value"], strict=True))


def test_every_row_is_a_row_of_the_paper():
    assert set(local_regions.ROWS) <= set(ROWS)


def test_a_method_that_did_not_move_shows_none(sheet, looks):
    moved = values(sheet, local_regions.EACH)
    assert moved["Images that changed: none"] == 0
    assert moved["Boxes that changed: none"] == 0
    assert moved["On the head, minus the warm-up: none"] == 0
    assert moved[f"Boxes that changed: {OURS}"] > 0
    fig4 = values(sheet, local_regions.FIG4)
    assert fig4[f"{OURS}, our repair"] == moved[f"Images that changed: {OURS}"]
    before, after = looks[local_regions.WARM_UP].on["head"], looks[OURS].on["head"]
    gain = 100 * (after.chosen - before.chosen).mean()
    assert moved[f"On the head, minus the warm-up: {OURS}"] == pytest.approx(gain)
    over = 100 * (after.chosen - after.chance).mean()
    assert moved[f"On the head, over chance: {OURS}"] == pytest.approx(over)


def test_the_literal_reading_alone_answers_the_claim(sheet):
    lines = sheet.numbers(local_regions.TRIPLET.numbers)
    literal = [": none" in label for label in lines["label"]]
    assert set(lines["claim"][literal]) == {"ccfr.claim.triplet-picks-parts"}
    assert all(claim.startswith("own.ccfr.repair.") for claim in lines["claim"][3:])
    assert [": none" in label for label in lines["label"]] == [True] * 3 + [False] * 3
    assert list(lines["unit"]) == ["points", "points", "pixels"] * 2
    assert list(lines["expect"]) == [1, 1, -1] * 2
    sides = [
        values(sheet, local_regions.EACH)[f"{local_regions._SIDE}: {row}"]
        for row in (local_regions.WARM_UP, OURS)
    ]
    assert lines["value"].iloc[-1] == pytest.approx(sides[1] - sides[0])
    shorts = [n.short for t in local_regions.TABLES for n in t.numbers if n.short]
    assert len(shorts) <= 8


def test_closed_and_lost_small_boxes_add_up(sheet, looks):
    closed, by_equal, lost, in_all = sheet.numbers(local_regions.SUPPRESSION.numbers)["value"]
    assert closed == 0
    assert in_all == pytest.approx(lost + by_equal)
    asked = looks[LITERAL].proposals
    among = [
        [int(box) in set(joint.tolist()) for box in alone[:2]]  # the finer scale's come first
        for alone, joint in zip(asked.separate(), asked.joint(), strict=True)
    ]
    assert lost == pytest.approx(100 * (1 - np.mean(among)))


def test_no_zero_is_claimed_where_a_large_box_could_close(sheet):
    arrays = sheet.rows[LITERAL].arrays | {"setting_nms-iou": np.array([0.2])}
    sheet.rows[LITERAL] = replace(sheet.rows[LITERAL], arrays=arrays)
    local_regions.derive(sheet, None)
    assert len(sheet.numbers(local_regions.SUPPRESSION.numbers)) == 3


def test_a_sheet_without_the_rows_is_left_as_it_is():
    empty = Sheet("ccfr")
    local_regions.derive(empty, None)
    assert not empty.rows


def test_other_queries_are_refused(images, looks):
    own = looks["gate"]
    other = replace(own, regions=replace(own.regions, ids=own.regions.ids[::-1]))
    with pytest.raises(ValueError, match="other queries than those of 'warm-up'"):
        other.arrays(looks[local_regions.WARM_UP])


def test_settings_stand_beside_the_papers(sheet):
    lines = sheet.numbers(local_regions.SETTINGS.numbers).set_index("claim")
    found = lines["value"]
    assert found["ccfr.setting.box-scale-small"] == 6
    assert found["ccfr.setting.box-scale-large"] == 12
    assert found["ccfr.setting.aspect-ratio"] == 1
    assert found["ccfr.setting.scales"] == 2
    assert found["ccfr.setting.fusion-kernel"] == 1
    assert found["ccfr.setting.learning-rate"] == 0.002
    assert found["ccfr.setting.learning-rate-step"] == 30
    assert found["ccfr.fig2"] == 0
    assert lines["published"]["ccfr.setting.learning-rate-step"] == 30
    assert lines["label"]["ccfr.setting.learning-rate-step"].startswith("At the preset paper: ")
    assert len(lines) == 16


def test_methods_stand_side_by_side(sheet):
    page = SimpleNamespace(sheets=[sheet], numbers=lambda table, of: of.numbers(table.numbers))
    shown = repr(local_regions.by_method(page)).splitlines()
    assert shown[0].split()[-4:] == ["warm-up", "none", "gate", "margin-rank"]
    boxes = next(line for line in shown if "Boxes changed" in line)
    assert boxes.count("%") == 3  # the warm-up has nothing before it
    empty = SimpleNamespace(sheets=[Sheet("ccfr")], numbers=page.numbers)
    assert local_regions.by_method(empty).text == ""


def test_suppression_shows_three_rules_and_both_scales(images, looks):
    figures = Figures(images, looks)
    figure = figures.suppression(1, "gate")
    assert [len(axes.patches) for axes in figure.axes] == [0, 0, 4, 4, 4]
    assert figure.axes[0].get_title().startswith("scores of 6×6 boxes")
    asked = looks["gate"].proposals
    small = int(asked.small(asked.joint())[1].sum())
    assert f"over all scales: {small};" in figure.alt
    last = figures.suppression(1000, "gate")
    assert last.alt == figures.suppression(5, "gate").alt
