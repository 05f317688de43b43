"""The plan of a chain of trainings: order, steps, state, and an estimate of time."""

from tiny_stages import TinyStage

from fgnb.nn.cost import Cost
from fgnb.training import fit, plan


def test_a_chain_has_each_stage_once_after_what_it_starts_from(monkeypatch, tmp_path):
    monkeypatch.setenv("FGNB_RUNS", str(tmp_path))
    first, second, last = (TinyStage(rate=rate) for rate in (0.1, 0.2, 0.3))
    again = TinyStage(rate=0.1)
    before = {id(last): [again, second], id(second): [first]}
    found = plan.chain(last, lambda stage: before.get(id(stage), []))
    assert [stage.spec.rate for stage in found] == [0.1, 0.2, 0.3]
    assert found[-1] is last


def test_a_plan_counts_steps_and_trains_nothing(monkeypatch, tmp_path):
    monkeypatch.setenv("FGNB_RUNS", str(tmp_path))
    stage = TinyStage(epochs=3)
    planned = plan.Planned.of(stage)
    assert planned.steps == planned.epochs * planned.batches
    assert (planned.epochs, planned.images, planned.due) == (3, 22, True)
    assert list(tmp_path.iterdir()) == []
    cut = plan.Planned.of(TinyStage(epochs=3, max_steps=1))
    assert (cut.steps, cut.epochs) == (1, 1)
    fit(stage, progress=False)
    stored = plan.Planned.of(stage)
    assert not stored.due
    assert stored.described["state"] == "stored"


def test_time_is_operations_over_the_rate():
    rate = plan.Rate(100.0, "by hand")
    assert rate.seconds(Cost(50, 20, 1, 1, 1, 1), steps=6) == 3.0


def test_the_rate_says_what_it_was_derived_from():
    rate = plan.measure_rate("resnet18", 32, 1)
    assert rate.per_second > 0
    assert "resnet18 at 32 px" in rate.measured
    assert "1 threads" in rate.measured
