"""pose's page on part nets: its steps, and what is counted of crops."""

from types import SimpleNamespace

import numpy as np
import pytest

from fgnb import claims, data, pose, presets, training
from fgnb.data import part_boxes
from fgnb.pages.pose import part_nets as page
from fgnb.pages.pose import part_nets_figures
from fgnb.pose.rows import (
    BODY_NET,
    COMPACT,
    CROPS,
    HEAD_NET,
    PART_NETS,
    PARTS,
    POOLED_NETS,
    TRANSFER,
    WHOLE_NETS,
)
from fgnb.report.records import Record
from fgnb.report.sheet import Sheet

N = 40
RIGHT = {
    **{PARTS: 14, HEAD_NET: 12, BODY_NET: 17, CROPS: 19, COMPACT: 20},
    **{PART_NETS: 27, WHOLE_NETS: 22, TRANSFER: 21, POOLED_NETS: 26},
}


@pytest.fixture
def sheet(origin):
    made, labels = Sheet("pose"), np.arange(N) % 4
    overlap = np.where(np.arange(N) < 4, np.nan, np.where(np.arange(N) < 31, 0.6, 0.4))
    for row, count in RIGHT.items():
        classes = np.where(np.arange(N) < count, labels, (labels + 1) % 4)
        before = np.where(np.arange(N) < count - 3, labels, (labels + 1) % 4)
        arrays = {"ids": np.arange(N), "labels": labels, "classes": classes, "start": before}
        if row in page.NETS.values():
            arrays |= {"context": np.full(N, 2.5), "overlap_test": overlap}
            arrays |= {"overlap_train": np.full(50, 0.9)}
        made.add(Record("pose", row, arrays, origin(dataset="cub")))
    page.derive(made, SimpleNamespace())
    return made


def values(sheet):
    frame = sheet.numbers([n for table in page.TABLES for n in table.numbers])
    return frame.set_index("claim")["value"].to_dict()


def test_each_step_is_taken_from_the_row_that_it_names(sheet):
    found, share = values(sheet), 100 / N
    assert found["pose.claim.transfer-lacks-context"] == pytest.approx(5 * share)
    assert found["own.pose.part-nets.head-net.over-parts-alone"] == pytest.approx(-2 * share)
    assert found["own.pose.part-nets.part-nets.over-whole-nets"] == pytest.approx(5 * share)
    assert found["own.pose.part-nets.part-nets.over-part-nets-start"] == pytest.approx(3 * share)
    assert found["own.pose.part-nets.part-nets-start.over-compact-bilinear"] == pytest.approx(
        4 * share
    )
    assert found["own.pose.part-nets.part-nets-pooled.over-transfer"] == pytest.approx(5 * share)


def test_crops_are_counted_where_the_true_part_is_there(sheet):
    found = values(sheet)
    assert found["pose.setting.part-crops"] == 2
    assert found["own.pose.crop.head.test"] == pytest.approx(100 * 27 / 36)
    assert found["own.pose.crop.body.train"] == pytest.approx(100)
    assert found["own.pose.crop.head.context"] == pytest.approx(2.5)


def test_every_entry_of_the_page_has_its_line():
    at_home = {e.id for e in claims.load("pose") if e.home == page.NOTEBOOK}
    assert at_home
    assert at_home <= {number.claim for table in page.TABLES for number in table.numbers}


def test_rows_are_trained_that_the_tables_need():
    few, every = (page.wanted(SimpleNamespace(with_ours=on)) for on in (False, True))
    assert set(every) - set(few) == {TRANSFER, POOLED_NETS}
    asked = {row.partition("/")[0] for table in page.TABLES for row in table.rows}
    assert asked - {page.CUT} <= set(every)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The head's network at smoke: its stage and run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FGNB_RUNS", str(tmp_path_factory.mktemp("runs")))
        scale = presets.get("smoke", species=3, families=1, train_per_class=6, test_per_class=3)
        images = data.open_images("drawn", data_root=tmp_path_factory.mktemp("data"), preset=scale)
        larger = presets.get(
            "smoke", image_size=96, source_size=96
        )  # than the pictures, of 64 pixels
        yield {
            row: pose.row_stage(row, larger, images, backbone="resnet18", weights="random")
            for row in (HEAD_NET, BODY_NET)
        }


def test_what_a_network_was_shown_against_a_loop(made):
    stage = made[HEAD_NET]
    run = training.fit(stage, progress=False)
    found = page.arrays_of(stage, run)
    images, side = stage.images, stage.spec.image_size
    for place, row in enumerate(stage.query_index):
        x1, y1, x2, y2 = run.predictions["query_crops"][place]
        sx, sy = stage.localiser.frames.scale[row]
        assert found["context"][place] == pytest.approx(
            (x2 - x1) * sx * (y2 - y1) * sy / (3 * 16) ** 2, rel=1e-4
        )
        box = part_boxes(images.parts[row], images.visible[row])["head"]
        if box is None:
            assert np.isnan(found["overlap_test"][place])
            continue
        inner = max(min(x2, box[2]) - max(x1, box[0]), 0) * max(
            min(y2, box[3]) - max(y1, box[1]), 0
        )
        both = (x2 - x1) * (y2 - y1) + (box[2] - box[0]) * (box[3] - box[1]) - inner
        assert found["overlap_test"][place] == pytest.approx(inner / both, abs=1e-5)
    assert found["overlap_train"].shape == stage.train_index.shape
    assert (found["classes"] == run.predictions["query_probs"].argmax(1)).all()
    assert side == 96


def test_the_figures_say_what_they_show(made, sheet):
    picture = part_nets_figures.cut(made, 2)
    assert picture.alt.startswith("2 test pictures with fifteen found keypoints and two boxes")
    assert len(picture.axes) == 6
    assert [len(axes.patches) for axes in picture.axes[:2]] == [4, 4]
    told = part_nets_figures.overlaps(SimpleNamespace(sheets=[sheet])).alt
    assert "head, train pictures: median 0.90; head, test pictures: median 0.60" in told
