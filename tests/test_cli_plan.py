"""`fgnb train ... --dry-run`: the whole chain with steps, memory and time; values by origin."""

import pytest
from typer.testing import CliRunner

from fgnb.cli import app

WORDS = ("train", "ccfr/regions", "-p", "weights", "random", "--dry-run")


@pytest.fixture
def invoke(tmp_path, monkeypatch):
    monkeypatch.setenv("FGNB_RUNS", str(tmp_path / "runs"))
    monkeypatch.delenv("FGNB_DEBUG", raising=False)
    return lambda *words: CliRunner().invoke(app, list(words))


@pytest.fixture
def quick(monkeypatch):
    """The rate of a device that needs no measuring."""
    from fgnb.training import plan

    monkeypatch.setattr(plan, "measure_rate", lambda *asked: plan.Rate(1e9, f"made up {asked}"))


def rows(text):
    return [line.split() for line in text.splitlines() if line.startswith("ccfr/")]


def test_every_stage_of_the_chain_is_planned_and_none_is_run(invoke, quick, tmp_path):
    done = invoke(*WORDS, "--preset", "smoke")
    assert done.exit_code == 0, done.output
    found = rows(done.stdout)
    names = ["ccfr/global", "ccfr/multi-level", "ccfr/warm-up", "ccfr/regions"]
    assert [row[0] for row in found] == names
    assert all(row[1:3] == ["absent", "2"] for row in found)
    assert all("GiB" in row for row in found)
    assert "made up ('efficientnet_lite0', 64, 2)" in done.stdout
    assert "still to train" in done.stdout
    assert "nothing is trained" in done.stdout
    assert not (tmp_path / "runs").exists()
    assert invoke(*WORDS, "-p", "preset", "smoke").stdout == done.stdout


def test_each_value_says_whether_it_is_stated_or_chosen(invoke, quick, monkeypatch):
    from fgnb import data, presets

    few = data.open_images("drawn", preset=presets.get("smoke"))  # those of paper take minutes
    monkeypatch.setattr(data, "open_images", lambda *args, **kwargs: few)
    done = invoke(*WORDS, "--preset", "paper", "-p", "mu", "0.5")
    assert done.exit_code == 0, done.output
    values = {line.split()[0]: line for line in done.stdout.splitlines() if line[:2] == "  "}
    assert "180 (90 epochs x 2)" in done.stdout
    assert "60 (30 epochs x 2)" in done.stdout
    assert "0.001" in values["lr"]
    assert "stated: section 4.2" in values["lr"]
    assert "stated: section 4.2" in values["batch_size"]
    assert "stated: section 4.2" in values["image_size"]
    assert "chosen: silent" in values["margin"]
    assert "given: instead of 1.0, stated" in values["mu"]
    assert "given: instead of resnet50, stated" in values["backbone"]
    assert "ccfr/multi-level" in values["start"]
    spec = list(values)[list(values).index("backbone") :]
    assert all(any(f" {m}: " in values[n] for m in ("stated", "chosen", "given")) for n in spec)


def test_controls_have_no_warm_up(invoke, quick):
    done = invoke(
        *WORDS, "--preset", "smoke", "-p", "boxes", "centre", "-p", "multi_level", "false"
    )
    assert done.exit_code == 0, done.output
    assert [row[0] for row in rows(done.stdout)] == ["ccfr/global", "ccfr/regions"]


def test_a_room_without_a_plan_still_has_steps(invoke, quick, monkeypatch):
    monkeypatch.setattr("fgnb.training.chain.room_plan", lambda room: None)
    words = ("train", "baselines/nts", "--preset", "smoke", "-p", "weights", "random", "--dry-run")
    done = invoke(*words)
    assert done.exit_code == 0, done.output
    row = next(line for line in done.stdout.splitlines() if line.startswith("baselines/nts"))
    assert "2 (1 epoch" in row
    assert row.endswith("unknown")


def test_a_preset_given_twice_is_one_message(invoke):
    done = invoke(*WORDS, "--preset", "smoke", "-p", "preset", "demo")
    assert done.exit_code == 1
    assert "preset is given twice" in done.stderr
