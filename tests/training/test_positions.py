"""The plan of steps: order, ends, resumes."""

from hypothesis import given
from hypothesis import strategies as st

from fgnb.training import TrainingData
from fgnb.training.positions import BatchOrder, Plan


class Nothing:
    def __len__(self):
        return 9

    def __getitem__(self, position):
        return position


def plan(lengths, max_steps=None):
    """Epochs of these many batches; a batch holds its own number, twice."""
    return Plan.of(
        TrainingData(
            Nothing(), lambda e: [[i, i] for i in range(lengths[e])], len(lengths), max_steps
        )
    )


def test_a_hand_worked_case():
    made = plan([2, 1, 3], max_steps=5)
    assert (made.ends, made.steps, made.epochs) == ((2, 3, 6), 5, 3)
    assert [made.epoch(step) for step in range(5)] == [0, 0, 1, 2, 2]
    assert [made.ends_epoch(step) for step in range(5)] == [False, True, True, False, True]
    assert list(made.positions(3)) == [[(2, 0), (2, 0)], [(2, 1), (2, 1)]]


@given(
    st.lists(st.integers(1, 4), min_size=1, max_size=4),
    st.one_of(st.none(), st.integers(1, 20)),
    st.data(),
)
def test_a_resume_is_the_rest(lengths, max_steps, data):
    made = plan(lengths, max_steps)
    whole = [[(e, i), (e, i)] for e, n in enumerate(lengths) for i in range(n)][:max_steps]
    start = data.draw(st.integers(0, made.steps))
    order = BatchOrder(made, start)
    assert list(order) == whole[start:]
    assert len(order) == len(whole)
