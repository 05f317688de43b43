"""The chapter on choosing: its numbers by a loop over answers, what boxes hold by another."""

from types import SimpleNamespace

import numpy as np
import pytest

from fgnb.data import PART_NAMES
from fgnb.evidence.parts import GROUPS, NOTHING, on_parts
from fgnb.evidence.rules import RULES, TAUGHT, TOLD, WHOLE
from fgnb.metrics import bootstrap, holm
from fgnb.metrics.intervals import interval_p
from fgnb.pages.evidence import choosing
from fgnb.report.page import MOST_CLAIMS
from fgnb.report.records import Record
from fgnb.report.sheet import Sheet

IMAGES, FITS = 150, 6


def made_up(seed=0):
    """Answers of all fits: the more to the right a rule stands, the more often right."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 5, IMAGES)
    answers = {}
    for place, row in enumerate(RULES):
        right = rng.random((FITS, IMAGES)) < 0.4 + 0.03 * place
        answers[row] = np.where(right, labels, (labels + 1) % 5)
    return labels, answers


LABELS, ANSWERS = made_up()


@pytest.fixture
def sheet(origin):
    made, of = Sheet("evidence", recorded=True), origin(spec={"seed": 0, "seeds": [0, 1]})
    rng = np.random.default_rng(1)
    for row, classes in ANSWERS.items():
        arrays = {"ids": np.arange(IMAGES), "labels": LABELS, "classes": classes}
        arrays |= {"held_out_labels": LABELS[:40], "held_out_classes": classes[:2, :40]}
        if row != WHOLE:
            for group in (*GROUPS, NOTHING):
                arrays |= {group: rng.random(90), f"{group}_chance": rng.random(90)}
        made.add(Record("evidence", row, arrays, of))
    return made


def right(row):
    return ANSWERS[row] == LABELS


def test_levels_and_steps_by_hand(sheet):
    frame = sheet.numbers(choosing.ACCURACY.numbers).set_index("claim")
    for row in RULES:
        hits = [
            int(a == b) for answers in ANSWERS[row] for a, b in zip(answers, LABELS, strict=True)
        ]
        line = frame.loc[f"own.evidence.choosing.{row}"]
        assert line["value"] == pytest.approx(100 * sum(hits) / len(hits))
        assert line["low"] < line["value"] < line["high"]
        assert line["n"] == IMAGES
    for row in TAUGHT:
        line = frame.loc[f"own.evidence.choosing.{row}-minus-random"]
        found = bootstrap(right(row), right("random"), paired_seeds=True)
        assert [line[k] for k in ("value", "low", "high")] == pytest.approx(
            [100 * end for end in found]
        )
    assert frame.loc["own.evidence.choosing.random-minus-whole", "value"] == pytest.approx(
        100 * (right("random").mean() - right(WHOLE).mean())
    )


@pytest.mark.parametrize("table", [choosing.ACCURACY, choosing.ROOM, choosing.PARTS])
def test_claims_of_a_table_are_corrected_together(sheet, table):
    frame = sheet.numbers(table.numbers)
    read = frame[frame["expect"] != 0]
    p = [
        interval_p(*(x[k] for k in ("value", "low", "high", "n"))) for x in read.to_dict("records")
    ]
    assert np.allclose(read["p"], p)
    assert np.allclose(read["p_holm"], holm(p))
    assert set(read["reading"]) - {""}, "photographs are read"


def test_every_rule_is_held_against_random_boxes_and_what_learns_against_the_oracle():
    steps = {line.step.claim for line in choosing.ACCURACY.lines if line.step}
    pairs = {claim.removeprefix("own.evidence.choosing.") for claim in steps}
    assert {f"{row}-minus-random" for row in TAUGHT} <= pairs
    assert {f"{row}-minus-random" for row in TOLD} <= pairs
    assert {"five-crops-minus-random-five", "random-minus-whole"} <= pairs, "K is equal"
    room = {line.number.claim for line in choosing.ROOM.lines}
    assert room == {f"own.evidence.choosing.oracle-minus-{row}" for row in TAUGHT}


def test_questions_are_our_own_few_and_named_once():
    numbers = [number for table in choosing.TABLES for number in table.numbers]
    assert all(number.claim.startswith("own.evidence.") for number in numbers)
    short = [number.short for number in numbers if number.short]
    assert len(short) == len(set(short)) <= MOST_CLAIMS
    assert set(choosing.LABELS) == set(RULES)
    keys = [(number.claim, number.label) for number in numbers]
    assert len(keys) == len(set(keys))


def test_a_repair_answers_no_question_in_short():
    """`margin-rank` and `gate` are ours; the text of ccfr is answered by `none`."""
    told = [n for table in choosing.TABLES for n in table.numbers if n.short]
    rows = {row for number in told for row in number.rule.rows}
    assert "pyramid-none" in rows
    assert not rows & {"pyramid-margin-rank", "pyramid-gate"}


def test_what_boxes_hold_by_a_loop():
    rng = np.random.default_rng(5)
    corners = rng.uniform(0, 40, (9, 2))
    boxes = np.hstack([corners, corners + rng.uniform(5, 30, (9, 2))]).astype(np.float32)
    points, seen = rng.uniform(0, 64, (7, 15, 2)), rng.random((7, 15)) < 0.6
    rows = np.array([1, 3, 4, 6])
    made = SimpleNamespace(
        found=SimpleNamespace(anchors=SimpleNamespace(boxes=SimpleNamespace(numpy=lambda: boxes))),
        split=SimpleNamespace(test=rows),
        chooser=SimpleNamespace(points=(points, seen)),
    )
    places = np.stack([[rng.permutation(9)[:4] for _ in rows] for _ in range(3)])
    found = on_parts(made, places)

    def holds(box, row, parts):
        x1, y1, x2, y2 = boxes[box]
        return any(
            seen[row, k] and x1 <= points[row, k, 0] < x2 and y1 <= points[row, k, 1] < y2
            for k, name in enumerate(PART_NAMES)
            if name in parts
        )

    for group, parts in {**GROUPS, NOTHING: PART_NAMES}.items():
        shares, chances = [], []
        for place, row in enumerate(rows):
            if not any(seen[row, k] for k, name in enumerate(PART_NAMES) if name in parts):
                continue
            flip = group == NOTHING
            chosen = [holds(b, row, parts) != flip for draw in places for b in draw[place]]
            shares.append(sum(chosen) / len(chosen))
            chances.append(sum(holds(b, row, parts) != flip for b in range(9)) / 9)
        assert found[group] == pytest.approx(shares)
        assert found[f"{group}_chance"] == pytest.approx(chances)


def test_groups_share_no_part():
    every = [part for parts in GROUPS.values() for part in parts]
    assert sorted(every) == sorted(PART_NAMES)
