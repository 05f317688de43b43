"""Tables 2 and 3 on the page, against counts by hand and slow oracles."""

import math
import re
from types import SimpleNamespace

import numpy as np
import pytest

from fgnb import claims
from fgnb.data import PART_NAMES, part_boxes
from fgnb.data.frame import Frame, Frames
from fgnb.metrics.keypoints import nearest_centres, pck
from fgnb.pages.pose import ceilings, keypoints, localisation
from fgnb.pose.grids import LEVELS, grid_of
from fgnb.pose.rows import COARSE, LOCALISER
from fgnb.report import kinds, render
from fgnb.report.records import Record
from fgnb.report.sheet import Sheet

N = 30
SIZES = np.random.default_rng(5).integers(180, 400, (N, 2))
SPEC = {"grid": "stride-16", "image_size": 224, "seed": 0, "cut": 8, "frame": "square"}


@pytest.fixture(scope="module")
def arrays():
    rng = np.random.default_rng(0)
    true = (rng.uniform(0, 1, (N, 15, 2)) * SIZES[:, None]).astype(np.float32)
    visible = rng.random((N, 15)) > 0.25
    visible[:, 3] = False  # a part that no picture shows
    frames = Frames.of_sizes(SIZES, image_size=224, frame=Frame("square"))
    boxes = np.concatenate([np.zeros((N, 2)), SIZES * 0.8], axis=1).astype(np.float32)
    moved = [(true + rng.normal(0, s, true.shape)).astype(np.float32) for s in (20, 18, 60)]
    return {
        "ids": np.arange(N),
        "labels": np.zeros(N, np.int16),
        "points": moved[0],
        "refined": moved[1],
        "guess": moved[2],
        "scores": rng.random((N, 15)).astype(np.float16),
        "true": np.where(visible[..., None], true, 0),
        "visible": visible,
        "boxes": boxes,
        "scale": frames.scale.astype(np.float32),
        "offset": frames.offset.astype(np.float32),
    }


@pytest.fixture
def sheet_of(arrays, origin):
    def build(*rows, recorded=True, module=localisation, **changed):
        sheet = Sheet("pose", recorded=recorded)
        for row in rows:
            own = arrays | {"points": arrays["guess"]} if row == COARSE else arrays
            made = origin(spec=SPEC, **changed)
            sheet.add(Record("pose", row, own, made))
        module.derive(sheet, None)
        return sheet

    return build


@pytest.mark.parametrize("alpha", [0.05, 0.1])
def test_pck_of_a_part_is_that_of_loops(arrays, sheet_of, alpha):
    sheet = sheet_of(LOCALISER)
    for place in range(15):
        hits = total = 0
        for n in range(N):
            if arrays["visible"][n, place]:
                x1, y1, x2, y2 = map(float, arrays["boxes"][n])
                dx, dy = (arrays["points"] - arrays["true"])[n, place].tolist()
                hits += math.hypot(dx, dy) <= alpha * max(x2 - x1, y2 - y1)
                total += 1
        found = ceilings.pck_rule(LOCALISER, alpha, place)(sheet)
        if not total:
            assert found is None, "nothing shows this part"
        else:
            assert (found.value, found.n) == (pytest.approx(100 * hits / total), total)
            assert found.low < found.value < found.high


def test_the_mean_over_parts_leaves_out_what_no_picture_shows(arrays, sheet_of):
    found = ceilings.pck_rule(LOCALISER, 0.1)(sheet_of(LOCALISER))
    by_part = pck(*(arrays[name] for name in ("points", "true", "visible", "boxes")), 0.1)
    assert found.value == pytest.approx(100 * np.nanmean(by_part))
    assert found.low < found.value < found.high
    assert found.high - found.low < 25


def test_pcp_counts_present_parts_alone():
    boxes = np.array([[0, 0, 4, 4], [0, 0, 4, 4], [0, 0, 1, 1], [np.nan] * 4], float)
    true = np.array([[0, 0, 4, 5], [0, 0, 4, 8], [np.nan] * 4, [0, 0, 4, 4]], float)
    sheet = SimpleNamespace(
        array=lambda name: {"a": boxes, "b": true, "c": np.array([1, 1, 0, 1], bool)}[name],
        labels=lambda name: None,
    )
    found = kinds.pcp("a", "b", "c", iou=0.5)(sheet)
    # 16 of 20; exactly a half, which is wrong; absent; none found.
    assert (found.value, found.n) == (pytest.approx(100 / 3), 3)


@pytest.mark.parametrize("kind", LEVELS)
@pytest.mark.parametrize("frame", ["square", "crop"])
def test_the_nearest_centres_are_those_of_the_slow_oracle(arrays, kind, frame):
    size, grid = 256, grid_of(kind, 256)
    frames = Frames.of_sizes(SIZES, image_size=size, frame=Frame(frame))
    own = arrays | {"scale": frames.scale, "offset": frames.offset}
    found = ceilings.nearest_points(own, kind, size, size)
    centres = frames.points_back(np.broadcast_to(grid.centres, (N, grid.cells**2, 2)))
    expected = nearest_centres(own["true"].astype(float), centres)
    away = np.linalg.norm(found - own["true"], axis=2)
    assert np.allclose(away, np.linalg.norm(expected - own["true"], axis=2), atol=1e-3)


def test_the_same_frame_at_another_size(arrays):
    """At 500 pixels a square frame lies over the whole picture too."""
    found = ceilings.nearest_points(arrays, "stride-32", 500, 224)
    step = 32 * SIZES / 500
    assert (np.abs(found - arrays["true"]) <= step[:, None] / 2 + 1e-2).all()


def test_no_point_of_a_cell_is_above_the_ceiling(arrays, sheet_of):
    sheet = sheet_of(LOCALISER, COARSE)
    for alpha in ceilings.ALPHAS:
        own = ceilings.pck_rule(localisation.CEILING, alpha)(sheet).value
        fine = kinds.mean_pck(
            *(f"{row}" for row in ("x", "t", "v", "b")), alpha=alpha
        )  # the same rule over a finer grid
        at = {
            "x": ceilings.nearest_points(arrays, "stride-8", 224, 224),
            **{short: arrays[name] for short, name in zip("tvb", ceilings.TRUTH, strict=True)},
        }
        finer = fine(SimpleNamespace(array=at.get, labels=lambda _: None)).value
        assert own <= finer


def test_what_goes_wrong_by_hand():
    eyes = [PART_NAMES.index(f"{side} eye") for side in ("left", "right")]
    legs = [PART_NAMES.index(f"{side} leg") for side in ("left", "right")]
    true, visible = np.zeros((2, 15, 2), np.float32), np.zeros((2, 15), bool)
    for place, x in zip((*eyes, *legs), (10, 40, 10, 40), strict=True):
        true[:, place], visible[:, place] = (x, 50), True
    points = true.copy()
    points[0, eyes[0]] = (41, 50)  # on the right eye
    points[0, legs[1]] = (90, 90)  # on neither
    points[1, legs[0]] = (39, 51)  # on the right leg
    points[1, eyes[1]] = (130, 50)  # outside the box
    scores = visible.astype(np.float16)
    scores[1, legs[1]] = 0.2
    scores[1, 0] = 0.9  # hidden, and called visible
    made = {
        "ids": np.arange(2),
        "points": points,
        "refined": true,
        "guess": np.zeros_like(true),
        "scores": scores,
        "true": true,
        "visible": visible,
        "boxes": np.array([[0, 0, 100, 100]] * 2, np.float32),
    }
    found = localisation.counts(made, {})
    assert (found["confused"].sum(), len(found["confused"])) == (2, 8)
    assert (found["confused_of_wrong"].sum(), len(found["confused_of_wrong"])) == (2, 4)
    assert (found["confused_legs"].sum(), len(found["confused_legs"])) == (1, 2)
    assert (found["on_body"].sum(), len(found["on_body"])) == (6, 7)
    assert found["share10"].tolist() == [0.5, 0.5]
    assert found["refined05"].tolist() == [1.0, 1.0]
    assert (found["visible_called"].sum(), len(found["visible_called"])) == (7, 8)
    assert (found["hidden_called"].sum(), len(found["hidden_called"])) == (1, 22)
    assert not found["head_present"].any(), "two keypoints make no box"
    assert np.isnan(found["head_found"]).all()
    own = part_boxes(made["points"][0], np.ones(15, bool))
    for side in localisation.SIDES:
        assert found[f"{side}_every"][0] == pytest.approx(own[side]), "visible or not"
    assert "coarse10" not in found


def test_rows_of_other_images_are_not_compared(arrays):
    other = arrays | {"ids": arrays["ids"] + 1}
    assert "coarse05" not in localisation.counts(arrays, other)
    assert "coarse05" in localisation.counts(arrays, arrays)


@pytest.mark.parametrize("module", [localisation, keypoints])
def test_every_entry_at_home_here_is_answered(module):
    own = {entry.id for entry in claims.load("pose").where(home=module.NOTEBOOK)}
    cited = {entry.id for entry in claims.load("pose").where(by="cited")}
    answered = {number.claim for table in module.TABLES for number in table.numbers}
    assert own - cited <= answered
    assert {claim for claim in answered if claim.startswith("pose.")} <= own
    assert 1 <= len({n.short for t in module.TABLES for n in t.numbers if n.short}) <= 8


def frames_of(table, *sheets):
    return [(sheet, sheet.numbers(table.numbers)) for sheet in sheets]


def test_table_2_is_one_table_of_fifteen_lines(sheet_of, arrays):
    sheet = sheet_of(LOCALISER, COARSE)
    text = localisation.draw_table2(frames_of(localisation.TABLE2, sheet))
    lines = re.findall(r"<tr>.*?</tr>", text)[1:]
    assert len(lines) == 15
    assert text.count("<table") == 1
    beak = next(line for line in lines if ">Beak<" in line)
    assert all(f"paper {value}," in beak for value in (12.7, 62.5, 89.1, 94.9))
    best = ceilings.pck_rule(localisation.CEILING, 0.02, PART_NAMES.index("beak"))(sheet).value
    assert f"paper 12.7, ceiling {best:.1f}" in beak
    own = ceilings.pck_rule(LOCALISER, 0.1, PART_NAMES.index("beak"))(sheet).value
    assert f"<b>{own:.2f} %</b>" in beak
    assert "cells of 16 px, 14 x 14" in text
    breast = next(line for line in lines if ">Breast<" in line)
    assert "paper" not in breast, "no picture shows it"


def test_photographs_stand_open_and_this_run_under_a_fold(sheet_of):
    here = sheet_of(LOCALISER, recorded=False, protocol="drawn", dataset="drawn")
    both = frames_of(localisation.TABLE2, sheet_of(LOCALISER), here)
    text = localisation.draw_table2(both)
    assert text.index("On photographs") < text.index("<details") < text.index("This run:")
    means = ceilings.by_alpha(
        localisation.MEANS, frames_of(localisation.MEANS, *(sheet for sheet, _ in both))
    )
    assert means.count("<details") == 1
    assert "nothing was measured here" in localisation.draw_table2([])


def test_means_have_a_column_an_alpha(sheet_of):
    sheet = sheet_of(LOCALISER)
    text = ceilings.by_alpha(localisation.MEANS, frames_of(localisation.MEANS, sheet))
    lines = re.findall(r"<tr>.*?</tr>", text)[1:]
    assert [line.count("<td") for line in lines] == [4] * 5
    assert "Arg-max, as the paper" in lines[0]
    value = ceilings.pck_rule(LOCALISER, 0.08)(sheet).value
    assert render.number(value, "percent") in lines[0]


def test_without_a_localiser_nothing_is_derived(origin, arrays):
    for module in (localisation, keypoints):
        sheet = Sheet("pose", recorded=True)
        sheet.add(Record("pose", COARSE, arrays, origin(spec=SPEC)))
        module.derive(sheet, None)
        assert list(sheet.rows) == [COARSE]


def test_the_settings_of_section_3_1_are_counted_on_the_network(sheet_of):
    counted, ledger = keypoints.literal_arrays(), claims.load("pose")
    settings = [entry for entry in ledger.where(home=keypoints.NOTEBOOK) if entry.kind == "number"]
    assert len(settings) == 7
    for entry in settings:
        assert counted[entry.id.rpartition(".")[2]].tolist() == [entry.value], entry.id
    assert counted["taken"].all()
    grid, side = keypoints.literal_field()
    assert (grid.cells, side) == (10, 404)


def test_a_finer_input_reaches_more(sheet_of):
    sheet = sheet_of(LOCALISER, module=keypoints)
    lines = sheet.numbers(keypoints.REFINES.numbers).set_index("claim")["value"]
    assert lines["pose.claim.upsampling-refines"] > 0
    assert lines["own.pose.whole-over-literal"] > 0
    text = ceilings.by_alpha(keypoints.CEILINGS, frames_of(keypoints.CEILINGS, sheet))
    assert text.count("<tr>") == 1 + 6
