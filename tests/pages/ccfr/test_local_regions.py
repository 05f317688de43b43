"""The page on local regions: what a look keeps, the numbers that follow, and its panels."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from made_boxes import ANCHORS, SIZE, regions_of
from matplotlib.colors import to_hex

from fgnb import presets
from fgnb.baselines.stages import nts_stage
from fgnb.ccfr import ROWS
from fgnb.ccfr.proposals import Proposals
from fgnb.data import cub
from fgnb.metrics.coverage import box_sides
from fgnb.nn.nts_proposer import nts_anchors
from fgnb.pages.ccfr import local_regions
from fgnb.pages.ccfr.local_regions import Look
from fgnb.pages.ccfr.local_regions_figures import Figures
from fgnb.report.coverage import GROUPS, array_name, coverage
from fgnb.report.records import Record
from fgnb.report.regions import SCALE_COLOURS
from fgnb.report.sheet import Sheet

NTS = local_regions.NTS
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
    return made | {"none": made[local_regions.WARM_UP], NTS: rival(images)}


def rival(images):
    """What NTS chose: four of its own anchors, of each map at least one."""
    index = torch.tensor([[0, 7, 14, 20], [1, 6, 12, 13]] * 3)
    anchors = nts_anchors(SIZE)
    regions = replace(
        regions_of(images, torch.rand(6, len(ANCHORS)), index),
        boxes=anchors.boxes[index].numpy(),
        scales=anchors.scales[index].numpy(),
    )
    return Look(regions, None, coverage(images, regions, anchors))


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
    assert (
        fig4[f"Images whose four boxes changed: {OURS}, our repair"]
        == moved[f"Images that changed: {OURS}"]
    )
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


def test_the_upper_row_of_the_figure_is_what_the_lower_one_is_held_to(sheet, looks):
    lines = sheet.numbers(local_regions.FIG4.numbers[:8])
    assert list(lines["claim"][:4]) == ["ccfr.claim.triplet-picks-parts"] * 4
    assert all(claim.startswith("own.ccfr.repair.") for claim in lines["claim"][4:])
    assert list(lines["expect"]) == [-1, 1, 1, 1] * 2
    found = dict(zip(lines["label"], lines["value"], strict=True))
    above = looks[NTS]
    assert above.side == pytest.approx(box_sides(above.regions.boxes).mean(axis=1))
    for name, note in ((LITERAL, "the text as it stands"), (OURS, "our repair")):
        below, ends = looks[name], f"{name}, {note}"
        smaller = found[f"Mean side when all scales compete, minus NTS: {ends}"]
        assert smaller == pytest.approx((below.side - above.side).mean())
        for group in ("head", "wing", "legs"):
            over = [(on.chosen - on.chance).mean() for on in (below.on[group], above.on[group])]
            label = f"On the {group}, over chance, minus NTS: {ends}"
            assert found[label] == pytest.approx(100 * (over[0] - over[1])), group


def test_what_is_kept_of_nts_needs_no_warm_up(images, looks):
    kept = local_regions.arrays({NTS: None}, {NTS: looks[NTS]}, {})[NTS]
    own = looks[NTS].regions
    names = {array_name(group) for group in ("object", *GROUPS)}
    chance = {f"{name}_chance" for name in names}
    assert set(kept) == {"ids", "boxes", "scores", "side", *names, *chance}
    assert np.array_equal(kept["boxes"], own.boxes)


def test_a_look_at_nts_holds_its_boxes_to_its_own_anchors(images, tmp_path, monkeypatch):
    monkeypatch.setenv("FGNB_RUNS", str(tmp_path))
    stage = nts_stage(presets.get("smoke"), images, backbone="resnet18", weights="random")
    anchors, index = nts_anchors(64), torch.tensor([[0, 9, 20, 38]] * 6)
    kept = {"ids": images.ids[~images.train], "box_scores": np.zeros((6, 4), np.float32)}
    kept |= {"boxes": anchors.boxes[index].numpy(), "box_scales": anchors.scales[index].numpy()}
    run = SimpleNamespace(
        predictions={f"query_{name}": value for name, value in kept.items()},
        spec={"image_size": 64, "frame": "crop", "crop_ratio": 0.875},
    )
    found = Look.of(stage, run)
    assert found.proposals is None
    expected = coverage(images, found.regions, anchors)
    for group, on in found.on.items():
        np.testing.assert_array_equal(on.chance, expected[group].chance)


def test_nts_stands_above_in_the_colours_of_its_maps(images, looks):
    figure = Figures(images, looks).chosen(2)
    assert "Rows: NTS; warm-up; none; gate; margin-rank" in figure.alt
    assert len(figure.axes) == 10
    own = looks[NTS].regions
    order = np.argsort(-own.scores[0], kind="stable")
    level = np.array([0, 1, 2, 2])[order]  # six anchors of a cell, six, nine
    drawn = [to_hex(patch.get_edgecolor()).lower() for patch in figure.axes[0].patches]
    assert drawn == [SCALE_COLOURS[of].lower() for of in level]
    below = {to_hex(patch.get_edgecolor()).lower() for patch in figure.axes[2].patches}
    assert below == {colour.lower() for colour in SCALE_COLOURS[:2]}
    charted = Figures(images, looks).coverage()
    assert "chance, NTS, head" not in charted.alt  # the first: its chance is the one that is named
    assert "chance, none, head" in charted.alt


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
    assert shown[0].split()[-5] == "NTS"
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
