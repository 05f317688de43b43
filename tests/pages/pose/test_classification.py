"""pose's Table 1: steps and controls, the best rival, what the cell of the idea is given."""

from types import SimpleNamespace

import numpy as np
import pytest

from fgnb import claims, data, pose, presets, training
from fgnb.pages.pose import classification as page
from fgnb.pose.rows import BASELINE, COMPACT, COMPACT_WHOLE, EQUAL, PLAIN, TRANSFER
from fgnb.report.records import Record
from fgnb.report.sheet import Sheet

N = 40
RIGHT = {PLAIN: 20, BASELINE: 16, TRANSFER: 26, COMPACT: 28, EQUAL: 30, COMPACT_WHOLE: 24}


def sheet_of(origin, right):
    sheet, labels = Sheet("pose"), np.arange(N) % 4
    for row, count in right.items():
        classes = np.where(np.arange(N) < count, labels, (labels + 1) % 4)
        before = np.where(np.arange(N) < count - 2, labels, (labels + 1) % 4)
        arrays = {"ids": np.arange(N), "labels": labels, "classes": classes, "start": before}
        arrays |= {"logistic": before} if row == PLAIN else {}
        arrays |= {"true": labels} if row == TRANSFER else {}
        sheet.add(Record("pose", row, arrays, origin(dataset="cub")))
    page.derive(sheet, SimpleNamespace())
    return sheet


def values(sheet):
    frame = sheet.numbers([n for table in page.TABLES for n in table.numbers])
    return frame.set_index("claim")["value"].to_dict()


def test_steps_are_those_that_the_paper_claims(origin):
    found = values(sheet_of(origin, RIGHT))
    share = 100 / N
    assert found["pose.table1.fc7-vgg"] == pytest.approx(18 * share)
    assert found["pose.claim.fine-tuning-helps"] == pytest.approx(2 * share)
    assert found["pose.claim.split-needed"] == pytest.approx(10 * share)
    assert found["pose.claim.pose-normalised-parts-help"] == pytest.approx(6 * share)
    assert found["pose.claim.compact-bilinear-helps"] == pytest.approx(2 * share)
    assert found["pose.claim.end-to-end-helps"] == pytest.approx(2 * share)
    assert found["own.pose.control.over-equal-compute"] == pytest.approx(-4 * share)
    assert found["own.pose.control.true-minus-found"] == pytest.approx(14 * share)
    assert found["pose.text.cub.images"] == 500
    assert found["pose.text.cub.train-per-species"] == 30


def test_the_best_row_is_held_against_the_best_rival_of_its_own_supervision_or_less(origin):
    assert "pose.claim.state-of-the-art" not in values(sheet_of(origin, RIGHT)), "no part nets"
    few = {row: count for row, count in RIGHT.items() if row != EQUAL} | {page.PART_NETS: 33}
    assert "pose.claim.state-of-the-art" not in values(sheet_of(origin, few)), "no match for it"
    found = sheet_of(origin, RIGHT | {page.PART_NETS: 33})
    assert found.rows[page.BEST].arrays["classes"] is found.rows[EQUAL].arrays["classes"]
    assert values(found)["pose.claim.state-of-the-art"] == pytest.approx(100 * 3 / N)
    assert values(found)["pose.claim.part-nets-help"] == pytest.approx(100 * 5 / N)


def test_every_entry_of_table_1_and_every_claim_of_the_page_has_its_line():
    at_home = [e for e in claims.load("pose") if e.home == page.NOTEBOOK and e.by != "cited"]
    at_home += [e for e in claims.load("pose") if e.id.startswith("pose.text.cub")]
    told = {number.claim for table in page.TABLES for number in table.numbers}
    assert {entry.id for entry in at_home} <= told


def test_table_1_says_what_each_row_is_given(origin):
    sheet = sheet_of(origin, RIGHT)
    text = page.draw_table1([(sheet, sheet.numbers(page.TABLE1.numbers))])
    assert "three tick marks, columns lost" in text
    assert text.count("classes, keypoints; nothing at test") == len(page.WITH_KEYPOINTS)
    assert text.count("classes; nothing at test") == len(page.NAMES) - len(page.WITH_KEYPOINTS)
    order = [text.index(word) for word in ("58.34", "71.73", "65.1 %", "75.04", "83.0 %", "85.92")]
    assert order == sorted(order)


def test_a_page_without_any_row_draws_what_is_printed():
    assert "85.92" in page.draw_table1([])


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The joint row at smoke: its stage and run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FGNB_RUNS", str(tmp_path_factory.mktemp("runs")))
        scale = presets.get("smoke", species=3, families=1, train_per_class=6, test_per_class=3)
        images = data.open_images("drawn", data_root=tmp_path_factory.mktemp("data"), preset=scale)
        stage = pose.row_stage(TRANSFER, scale, images, backbone="resnet18", weights="random")
        yield stage, training.fit(stage, progress=False)


def test_scores_follow_from_maps_and_weights_alone(made):
    stage, run = made
    look = page.Look.of(stage, run, 4)
    top, side = look.maps.shape[-1], look.fine.shape[-1]
    assert len(look.scores) == 4
    for q, own in enumerate(look.whole):
        vector = list(own)
        for k in range(15):
            row, column = np.unravel_index(look.maps[q, k].argmax(), (top, top))
            y, x = row * side // top, column * side // top
            cells = look.fine[q, :, max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2]
            vector += list(cells.mean(axis=(1, 2)))
        scores = look.weight @ np.array(vector) + look.bias
        np.testing.assert_allclose(scores, look.scores[q], atol=1e-4)
    kept = run.predictions["query_probs"][:4].argmax(axis=1)
    np.testing.assert_array_equal(look.scores.argmax(axis=1), kept)


def test_controls_are_trained_where_they_are_asked_for():
    few, all_ = (page.wanted(SimpleNamespace(with_controls=on)) for on in (False, True))
    assert few == page.TRAINED
    assert set(all_) - set(few) == set(page.CONTROLS_OF) - {EQUAL}
    assert len(set(all_)) == len(all_)
