"""`fgnb record`: rows one after another, kept as they come, skipped where they are."""

import json
import os
import signal
import time

import pytest
from typer.testing import CliRunner

from fgnb import progress
from fgnb.ccfr.rows import LISTS as CCFR
from fgnb.ccfr.rows import ROWS as CCFR_ROWS
from fgnb.cli import app, train
from fgnb.cli import record as command
from fgnb.cli.run import UNFINISHED
from fgnb.data.fingerprint import images_sha256
from fgnb.focus.rows import LISTS as FOCUS
from fgnb.focus.rows import ROWS as FOCUS_ROWS
from fgnb.pages import recording
from fgnb.pose.rows import LISTS as POSE
from fgnb.pose.rows import ROWS as POSE_ROWS
from fgnb.progress import stopping, timed
from fgnb.report import archive


@pytest.fixture
def photographs(write_cub):
    """A small set that is declared as a part of CUB, not as drawn."""
    folder = write_cub(classes=3, train=5, test=2, drawn=False, size=70)
    files = [f.relative_to(folder / "images").as_posix() for f in folder.rglob("*.jpg")]
    declared = {"of": "CUB-200-2011", "classes": [1, 2, 3], "split": "official"}
    declared |= {"train": 15, "test": 6, "images_sha256": images_sha256(folder / "images", files)}
    (folder / "subset.json").write_text(json.dumps(declared))
    (folder / "images.json").write_text(json.dumps({"pixels": "made up"}))
    return folder.parent


@pytest.fixture
def act(photographs, tmp_path, monkeypatch):
    """The command on these photographs; no witnesses, which other tests look at."""
    monkeypatch.setenv("FGNB_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("FGNB_RECORDED", str(tmp_path / "recorded"))
    monkeypatch.delenv("FGNB_DEBUG", raising=False)
    monkeypatch.setattr(recording, "witness", lambda paper, row: None)
    place = ("-p", "preset", "smoke", "-p", "dataset", "cub", "-p", "data_root", str(photographs))
    small = ("-p", "backbone", "resnet18", "-p", "weights", "random")

    def invoke(paper, *words):
        return CliRunner().invoke(app, ["record", paper, *place, *small, *words])

    return invoke


def test_rows_are_kept_for_every_seed_and_found_again(act):
    words = ("--rows", "plain,equal-compute", "-p", "seeds", "0,1", "-s", "image_size", "32")
    looked = act("ccfr", *words, "--dry-run")
    assert looked.exit_code == 0, looked.output
    assert looked.stdout.count(": absent") == 4
    done = act("ccfr", *words)
    assert done.exit_code == 0, done.output
    order = [line.partition(": ")[0] for line in done.stdout.splitlines() if ": kept" in line]
    expected = [f"ccfr/{row}, seed {seed}" for seed in (0, 1) for row in ("plain", "equal-compute")]
    assert order == expected
    assert "4 of 4 rows are there" in done.stdout
    kept, refused = archive.recorded("ccfr")
    assert not refused
    assert sorted((r.row, r.origin.seeds) for r in kept) == [
        ("equal-compute", (0,)),
        ("equal-compute", (1,)),
        ("plain", (0,)),
        ("plain", (1,)),
    ]
    assert {r.origin.spec["image_size"] for r in kept if r.row == "plain"} == {32}
    again = act("ccfr", *words)
    assert again.stdout.count(": is there") == 4
    assert len(archive.recorded("ccfr")[0]) == 4
    other = act("ccfr", *words, "-p", "lr", "0.003", "--dry-run")
    assert other.stdout.count(": absent") == 4


def test_when_the_time_is_up_the_same_command_goes_on(act, monkeypatch):
    """The second row is stopped in its training; a later call takes up its checkpoint."""
    from fgnb.training.callback import TrainingCallback

    steps = TrainingCallback.on_train_batch_end
    ringing = {"on": True}

    def step(self, *arguments):
        steps(self, *arguments)
        if ringing["on"] and self.stage.name == "ccfr/equal-compute" and self.state.done == 21:
            os.kill(os.getpid(), signal.SIGALRM)

    monkeypatch.setattr(TrainingCallback, "on_train_batch_end", step)
    words = ("--rows", "plain,equal-compute", "--minutes", "60", "-s", "image_size", "32")
    words += ("-s", "max_steps", "22", "-s", "region_epochs", "10")
    stopped = act("ccfr", *words)
    assert stopped.exit_code == UNFINISHED, stopped.output
    assert "ccfr/plain, seed 0: kept" in stopped.stdout
    assert "60 minutes are over: stopped at" in stopped.stdout
    assert "what is trained is kept up to step 20 of 22" in stopped.stdout
    assert "1 of 2 rows are there" in stopped.stdout
    assert "unfinished" in act("ccfr", *words, "--dry-run").stdout
    ringing["on"] = False
    done = act("ccfr", *words)
    assert done.exit_code == 0, done.output
    assert "going on from step 20 of 22" in done.output
    assert "2 of 2 rows are there" in done.stdout


def test_a_row_that_fails_keeps_no_other_from_being_recorded(act, monkeypatch):
    keep = train.keep_row

    def failing(paper, row, *arguments):
        if row == "plain":
            raise archive.RecordError("no room")
        return keep(paper, row, *arguments)

    monkeypatch.setattr(train, "keep_row", failing)
    done = act("ccfr", "--rows", "plain,equal-compute", "-s", "image_size", "32")
    assert done.exit_code == 1
    assert "equal-compute, seed 0: kept" in done.stdout
    assert "1 of 2 rows failed: ccfr/plain, seed 0: no room" in done.stderr


def test_what_the_end_of_the_time_breaks_off_is_no_failure(act, monkeypatch):
    """A library may turn the stop into an error of its own; no other row is begun then."""

    def broken_off(paper, row, *arguments):
        try:
            os.kill(os.getpid(), signal.SIGALRM)
            time.sleep(5)
        except KeyboardInterrupt:
            raise OSError("a loader was broken off") from None

    monkeypatch.setattr(train, "keep_row", broken_off)
    done = act("ccfr", "--rows", "plain,equal-compute", "--minutes", "60")
    assert done.exit_code == UNFINISHED, done.output
    assert "failed" not in done.output
    assert "0 of 2 rows are there" in done.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("joint",), "paper is 'joint'; rows can be recorded of ccfr, focus and pose"),
        (("ccfr", "--rows", "table-2"), "rows names 'table-2', no row of ccfr"),
        (("ccfr", "-p", "seeds", "0,x"), "seeds is '0,x', needs whole numbers by commas"),
        (("ccfr", "-s", "image_sise", "64"), "no preset has image_sise; the keys are image_size"),
        (("ccfr", "-p", "learning_rate", "1"), "does not take backbone, weights, learning_rate"),
        (("ccfr", "-s", "batch_size", "big"), "batch_size is 'big'; it should be a whole number"),
        (("ccfr", "--rows", "plain", "--minutes", "0"), "seconds is 0"),
    ],
)
def test_what_it_does_not_know_is_one_message(act, words, said):
    done = act(*words)
    assert done.exit_code == 1
    assert said in done.stderr


def test_drawn_pictures_are_no_records():
    done = CliRunner().invoke(app, ["record", "ccfr", "-p", "preset", "smoke"])
    assert done.exit_code == 1
    assert "a record is of photographs" in done.stderr


def test_the_lists_name_rows_and_all_of_them_are_the_default():
    every = (("ccfr", CCFR, CCFR_ROWS), ("focus", FOCUS, FOCUS_ROWS), ("pose", POSE, POSE_ROWS))
    for paper, lists, rows in every:
        named = [name for names in lists.values() for name in names]
        assert len(set(named)) == len(named)
        assert set(named) <= set(rows)
        assert command.chosen(paper, "") == tuple(named)
    assert command.chosen("ccfr", "plain, table-3")[:2] == ("plain", "multi-level")


def test_a_scale_reaches_all_that_a_stage_starts_from(monkeypatch):
    from fgnb import data, presets

    few = data.open_images("drawn", preset=presets.get("smoke"))
    monkeypatch.setattr(data, "open_images", lambda *args, **kwargs: few)
    given = {"preset": "paper", "weights": "random", "backbone": "resnet18"}
    stage = train.build_stage("ccfr/regions", given, {"max_steps": "2", "image_size": "64"})
    for one in (stage, stage.warm_up, stage.start):
        assert (one.spec.max_steps, one.spec.image_size) == (2, 64)


def test_time_that_is_up_stops_a_block_and_not_the_command():
    began = time.monotonic()
    with timed.within(0.2) as alarm, progress.task("ccfr/global", "step", 40, done=9):
        time.sleep(30)
    assert time.monotonic() - began < 5
    assert alarm.over
    assert alarm.line.startswith("stopped at")
    with timed.within(30) as alarm:
        pass
    assert not alarm.over
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_what_a_stop_breaks_off_may_complain_but_a_fault_before_it_is_a_fault():
    with timed.within(0.1) as alarm:
        try:
            time.sleep(30)
        except KeyboardInterrupt:
            raise RuntimeError("a loader was broken off") from None
    assert alarm.over
    with pytest.raises(RuntimeError, match="a fault"), timed.within(30):
        raise RuntimeError("a fault")


def test_another_stop_is_no_end_of_the_time(monkeypatch):
    with pytest.raises(KeyboardInterrupt), timed.within(30):
        raise KeyboardInterrupt
    monkeypatch.setattr(stopping, "going_on", lambda: True)
    with pytest.raises(progress.Stopped), timed.within(0.1):
        time.sleep(5)
