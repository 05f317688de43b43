"""The steps of the learning rate that the papers state, as the recipes make them."""

from dataclasses import replace

import pytest

from fgnb import presets
from fgnb.focus.recipe import region_spec
from fgnb.report import schedule


@pytest.fixture
def published():
    return region_spec(presets.get("paper"), "resnet50", "random", fold="all", seed=0)


@pytest.mark.parametrize("every", [1, 40])
def test_step_and_factor_are_what_the_schedule_does(published, every):
    found = schedule.decay_arrays(replace(published, decay_every=every))
    assert found["decay_learning-rate-step"].tolist() == [every]
    assert found["decay_learning-rate-factor"] == pytest.approx([0.1])


def test_a_rate_that_never_steps_is_refused(published):
    with pytest.raises(ValueError, match=r"stays at 0\.01 through all 100 epochs"):
        schedule.decay_arrays(replace(published, decay_every=101))
