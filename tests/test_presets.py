"""Scale: the design's table, overrides, reasons."""

from dataclasses import FrozenInstanceError, fields

import pytest

from fgnb import presets


def test_the_table_of_scales():
    smoke, demo, paper = (presets.get(name) for name in ("smoke", "demo", "paper"))
    assert (smoke.species, smoke.families, smoke.image_size) == (6, 3, 64)
    assert (smoke.train_per_class, smoke.test_per_class, smoke.max_steps) == (4, 4, 2)
    assert (demo.species, demo.families, demo.image_size) == (8, 2, 224)
    assert (demo.train_per_class, demo.test_per_class) == (16, 12)
    assert (demo.epochs, len(demo.seeds), demo.freeze_stride, demo.threads) == (4, 1, 8, 2)
    assert (paper.image_size, paper.batch_size, paper.epochs, paper.threads) == (448, 16, 90, 2)
    assert paper.freeze_stride is None


@pytest.mark.parametrize("name", presets.NAMES)
def test_every_value_has_a_reason(name):
    rows = presets.describe(presets.get(name))
    assert [row[0] for row in rows] == [f.name for f in fields(presets.Preset)][1:]
    assert all(len(reason) > 5 for _, _, reason in rows)


def test_an_override_says_so():
    rows = {row[0]: row for row in presets.describe(presets.get("smoke", epochs=3, seeds=[1, 2]))}
    assert rows["epochs"] == ("epochs", 3, "set for this run; smoke has 1")
    assert rows["seeds"][1] == (1, 2)
    assert "smoke has" not in rows["species"][2]


def test_unknown_names_are_refused():
    with pytest.raises(ValueError, match="smoke, demo, paper"):
        presets.get("tiny")
    with pytest.raises(ValueError, match=r"epoch; the keys are image_size, .*epochs"):
        presets.get("demo", epoch=3)
    with pytest.raises(ValueError, match="no preset has name"):
        presets.get("demo", name="paper")


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ({"epochs": 0}, "epochs is 0; it should be at least 1"),
        ({"epochs": 1.5}, "epochs is 1.5; it should be a whole number"),
        ({"threads": True}, "threads is True"),
        ({"max_steps": 0}, "max_steps is 0"),
        ({"families": 7}, "more than the 6 species"),
        ({"seeds": ()}, "seeds is empty"),
        ({"loader_workers": -1}, "loader_workers is -1"),
    ],
)
def test_values_out_of_range_are_refused(override, message):
    with pytest.raises(ValueError, match=message):
        presets.get("smoke", **override)


def test_presets_are_frozen():
    with pytest.raises(FrozenInstanceError):
        presets.get("smoke").epochs = 3
